//===- FakeHipTest.cpp - what HipDriver.cpp asks of its library -----------===//
//
// Runs with FakeHip.cpp as libamdhip64.so.7 (LD_LIBRARY_PATH).
//
//===----------------------------------------------------------------------===//

#include "fovea/runtime/fovea_device.h"

#include "gtest/gtest.h"

#include <dlfcn.h>
#include <string>

namespace {

template <typename T> T find(const char *name) {
  static void *library = dlopen("libamdhip64.so.7", RTLD_NOW);
  return library ? reinterpret_cast<T>(dlsym(library, name)) : nullptr;
}

/// The calls since the last time.
std::string takeCalls() {
  std::string calls = find<const char *(*)()>("fakeCalls")();
  find<void (*)()>("fakeClear")();
  return calls;
}

std::string getError() { return fovea_rt_last_error(); }

class FakeHipTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_NE(find<void *>("fakeCalls"), nullptr)
        << "expected the fake library; run this by ctest";
    device = fovea_device_open("hip:1");
    ASSERT_NE(device, nullptr) << getError();
    takeCalls();
  }
  void TearDown() override {
    fovea_device_close(device);
    EXPECT_EQ(find<int (*)()>("fakeCurrent")(), 0) << "not as it was before";
  }

  fovea_device *device = nullptr;
};

TEST_F(FakeHipTest, SaysWhatItIs) {
  fovea_device_info info;
  ASSERT_EQ(fovea_device_get_info(device, &info), 0);
  EXPECT_STREQ(info.name, "Fake gfx card");
  EXPECT_STREQ(info.chip, "gfx942");
  EXPECT_STREQ(info.version, "HIP 6.3");
  EXPECT_EQ(info.multiprocessors, 304);
  EXPECT_EQ(info.lanes, 64);
  EXPECT_EQ(info.near_bytes, 65536);
  EXPECT_GT(fovea_device_rates(device, "hsaco", "gfx942"), 0);
  EXPECT_EQ(fovea_device_open("hip:2"), nullptr);
  EXPECT_EQ(getError(),
            "hip: expected the number of a device from 0 to 1, got 2");
}

TEST_F(FakeHipTest, LaunchesInOrderOnItsDevice) {
  float host[2] = {3, 4}, factor = 2;
  fovea_module *module = nullptr;
  {
    std::string image = "code"; // gone before the kernel is looked for
    module = fovea_module_load(device, image.data(), 4);
    image.assign("....");
  }
  ASSERT_NE(module, nullptr) << getError();
  void *x = fovea_device_alloc(device, 8);
  fovea_rt_bind(module, nullptr);
  void *parameters[] = {&x, &factor};
  ASSERT_EQ(fovea_device_copy_in(device, x, host, 8, nullptr), 0);
  ASSERT_EQ(fovea_rt_launch("scale", 2, 256, 65536, parameters), 0)
      << getError();
  ASSERT_EQ(fovea_device_copy(device, x, x, 0, nullptr), 0);
  ASSERT_EQ(fovea_device_copy_out(device, host, x, 8, nullptr), 0);
  EXPECT_EQ(host[0], 6);
  EXPECT_EQ(takeCalls(), "load(0) alloc(8) copy(1) find(0) launch(2) copy(2) "
                         "synchronize(0) ");
  EXPECT_NE(fovea_rt_launch("scale", 2, 256, 65537, parameters), 0);
  EXPECT_EQ(getError(), "kernel 'scale': expected at most 65536 bytes of near "
                        "memory on Fake gfx card, got 65537");
  EXPECT_NE(fovea_rt_launch("scale", 1 << 24, 256, 0, parameters), 0);
  EXPECT_EQ(getError(),
            "kernel 'scale': hip: expected at most 4294967295 threads in one "
            "launch, got 16777216 blocks of 256");
  EXPECT_NE(fovea_rt_launch("other", 1, 256, 0, parameters), 0);
  EXPECT_EQ(getError(), "kernel 'other': hip: hipModuleGetFunction failed: an "
                        "error (hipErrorFake)");
  takeCalls();
  fovea_device_free(device, x);
  fovea_module_close(module);
  EXPECT_EQ(takeCalls(), "free(0) synchronizeAll(0) unload(0) ");
}

TEST_F(FakeHipTest, KeepsStreamsAndEvents) {
  fovea_stream *stream = fovea_stream_open(device);
  fovea_event *begin = fovea_event_open(device),
              *end = fovea_event_open(device);
  double milliseconds = 0;
  EXPECT_EQ(fovea_event_record(begin, stream), 0);
  EXPECT_EQ(fovea_event_elapsed(begin, end, &milliseconds), 0);
  EXPECT_EQ(milliseconds, 2.5);
  fovea_event_close(begin);
  fovea_event_close(end);
  fovea_stream_close(stream);
  EXPECT_EQ(takeCalls(), "stream(1) event(0) event(0) record(0) waitEvent(0) "
                         "elapsed(0) closeEvent(0) closeEvent(0) "
                         "synchronize(32) closeStream(0) ");
}

} // namespace
