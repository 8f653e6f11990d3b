//===- FakeCudaTest.cpp - what CudaDriver.cpp asks of its driver ----------===//
//
// Runs with FakeCuda.cpp as libcuda.so.1 (LD_LIBRARY_PATH), so that the order
// of calls, contexts and error texts are checked where there is no GPU.
//
//===----------------------------------------------------------------------===//

#include "fovea/runtime/fovea_device.h"

#include "gtest/gtest.h"

#include <dlfcn.h>
#include <string>
#include <thread>

namespace {

template <typename T> T find(const char *name) {
  static void *library = dlopen("libcuda.so.1", RTLD_NOW);
  return reinterpret_cast<T>(dlsym(library, name));
}

/// The calls since the last time.
std::string takeCalls() {
  std::string calls = find<const char *(*)()>("fakeCalls")();
  find<void (*)()>("fakeClear")();
  return calls;
}

std::string getError() { return fovea_rt_last_error(); }

class FakeCudaTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_NE(find<void *>("fakeCalls"), nullptr)
        << "expected the fake driver; run this by ctest";
    device = fovea_device_open("cuda:1");
    ASSERT_NE(device, nullptr) << getError();
    takeCalls();
  }
  void TearDown() override {
    fovea_device_close(device);
    EXPECT_EQ(find<int (*)()>("fakeDepth")(), 0) << "a context stayed current";
    EXPECT_EQ(find<int (*)()>("fakeRetained")(), 0);
  }

  fovea_device *device = nullptr;
};

TEST_F(FakeCudaTest, SaysWhatItIs) {
  fovea_device_info info;
  ASSERT_EQ(fovea_device_get_info(device, &info), 0);
  EXPECT_STREQ(info.name, "Fake 71");
  EXPECT_STREQ(info.chip, "sm_90");
  EXPECT_STREQ(info.version, "CUDA 13.1");
  EXPECT_EQ(info.ordinal, 1);
  EXPECT_EQ(info.multiprocessors, 132);
  EXPECT_EQ(info.near_bytes, 227 * 1024);
  EXPECT_EQ(info.memory_bytes, int64_t(80) << 30);
  EXPECT_EQ(fovea_device_open("cuda:2"), nullptr);
  EXPECT_EQ(getError(),
            "cuda: expected the number of a device from 0 to 1, got 2");
}

TEST_F(FakeCudaTest, LaunchesInOrder) {
  float host[2] = {3, 4}, factor = 2;
  fovea_module *module = fovea_module_load(device, "good", 4);
  ASSERT_NE(module, nullptr) << getError();
  void *x = fovea_device_alloc(device, 8);
  fovea_rt_bind(module, nullptr);
  void *parameters[] = {&x, &factor};
  ASSERT_EQ(fovea_device_copy_in(device, x, host, 8, nullptr), 0);
  ASSERT_EQ(fovea_rt_launch("scale", 2, 128, 0, parameters), 0) << getError();
  ASSERT_EQ(fovea_rt_launch("scale", 2, 128, 48 * 1024, parameters), 0);
  ASSERT_EQ(fovea_device_copy_out(device, host, x, 8, nullptr), 0);
  EXPECT_EQ(host[1], 16);
  EXPECT_EQ(takeCalls(), "load(2) alloc(8) in(8) find(0) launch(0) launch(0) "
                         "out(8) synchronize(0) ");
  // More near memory must be asked for, once and never less.
  ASSERT_EQ(fovea_rt_launch("scale", 1, 128, 100000, parameters), 0);
  ASSERT_EQ(fovea_rt_launch("scale", 1, 128, 100000, parameters), 0);
  ASSERT_EQ(fovea_rt_launch("scale", 1, 128, 60000, parameters), 0);
  ASSERT_EQ(fovea_rt_launch("scale", 1, 128, 110000, parameters), 0);
  EXPECT_EQ(takeCalls(), "allow(100000) launch(0) launch(0) launch(0) "
                         "allow(110000) launch(0) ");
  fovea_device_free(device, x);
  fovea_module_close(module);
  EXPECT_EQ(takeCalls(), "free(0) synchronizeAll(0) unload(0) ");
}

TEST_F(FakeCudaTest, UsesTheStreamThatIsBound) {
  fovea_module *module = fovea_module_load(device, "good", 4);
  fovea_stream *stream = fovea_stream_open(device);
  fovea_stream *theirs =
      fovea_stream_wrap(device, reinterpret_cast<void *>(0x99));
  fovea_rt_bind(module, stream);
  auto *x = static_cast<float *>(fovea_rt_device_alloc(4));
  float factor = 1;
  void *parameters[] = {&x, &factor};
  takeCalls();
  ASSERT_EQ(fovea_rt_launch("scale", 1, 32, 0, parameters), 0);
  fovea_rt_bind(module, theirs);
  ASSERT_EQ(fovea_rt_launch("scale", 1, 32, 0, parameters), 0);
  EXPECT_EQ(fovea_rt_check_status(), 0);
  EXPECT_EQ(takeCalls(), "find(0) launch(32) launch(153) synchronize(153) ");
  // Another thread has no context of its own, and needs none.
  std::thread([&] {
    fovea_rt_bind(module, stream);
    EXPECT_EQ(fovea_rt_launch("scale", 1, 32, 0, parameters), 0) << getError();
  }).join();
  fovea_rt_bind(module, stream);
  fovea_rt_device_free(x);
  takeCalls();
  fovea_stream_close(theirs); // not ours to destroy
  EXPECT_EQ(takeCalls(), "synchronize(153) ");
  fovea_stream_close(stream);
  EXPECT_EQ(takeCalls(), "synchronize(32) free(0) closeStream(32) ");
  fovea_module_close(module);
}

TEST_F(FakeCudaTest, PassesOnWhatTheDriverSays) {
  EXPECT_EQ(fovea_module_load(device, "goods", 5), nullptr);
  EXPECT_EQ(getError(), "cuda: cuModuleLoadData failed: an error (CUDA_ERROR); "
                        "it says: line 3: unknown instruction");
  fovea_module *module = fovea_module_load(device, "good and more", 4);
  ASSERT_NE(module, nullptr) << getError(); // cut where the image ends
  fovea_rt_bind(module, nullptr);
  EXPECT_NE(fovea_rt_launch("other", 1, 32, 0, nullptr), 0);
  EXPECT_EQ(getError(), "kernel 'other': cuda: cuModuleGetFunction failed: "
                        "named symbol not found (CUDA_ERROR_NOT_FOUND)");
  EXPECT_NE(fovea_rt_launch("scale", 1, 4096, 0, nullptr), 0);
  EXPECT_EQ(getError(), "kernel 'scale': cuda: cuLaunchKernel failed: an error "
                        "(CUDA_ERROR)");
  EXPECT_EQ(fovea_device_alloc(device, int64_t(1) << 41), nullptr);
  EXPECT_EQ(getError(), "cuda: cuMemAlloc of 2199023255552 bytes failed: an "
                        "error (CUDA_ERROR)");
  fovea_kernel_info info;
  ASSERT_EQ(fovea_module_kernel_info(module, "scale", &info), 0);
  EXPECT_EQ(info.registers, 168);
  fovea_module_close(module);
}

TEST_F(FakeCudaTest, MeasuresByEvents) {
  fovea_event *begin = fovea_event_open(device),
              *end = fovea_event_open(device);
  double milliseconds = 0;
  EXPECT_EQ(fovea_event_record(begin, nullptr), 0);
  EXPECT_EQ(fovea_event_elapsed(begin, end, &milliseconds), 0);
  EXPECT_EQ(milliseconds, 1.5);
  fovea_event_close(begin);
  fovea_event_close(end);
  EXPECT_EQ(takeCalls(), "event(0) event(0) record(0) waitEvent(0) elapsed(0) "
                         "closeEvent(0) closeEvent(0) ");
}

} // namespace
