//===- DeviceTest.cpp - devices, memory, launches on the emulated driver --===//

#include "EmulatorDouble.h"

#include "device/Device.h"

#include "gtest/gtest.h"

#include <string>
#include <thread>
#include <vector>

namespace {

/// An emulated device with the double's kernels bound.
class DeviceTest : public testing::Test {
protected:
  void SetUp() override {
    mostBytes = 0;
    before = liveAllocations;
    device = fovea_device_open("emulated");
    ASSERT_NE(device, nullptr) << fovea_rt_last_error();
    module = fovea_module_adopt(device, &imageOfDouble);
    ASSERT_NE(module, nullptr) << fovea_rt_last_error();
    fovea_rt_bind(module, nullptr);
  }
  void TearDown() override {
    fovea_module_close(module);
    fovea_device_close(device);
    EXPECT_EQ(liveAllocations, before) << "device memory was lost";
  }

  int before = 0;
  fovea_device *device = nullptr;
  fovea_module *module = nullptr;
};

std::string getError() { return fovea_rt_last_error(); }

TEST_F(DeviceTest, RunsAKernelOnMemoryOfTheDevice) {
  std::vector<float> host = {1, 2, 3, 4}, back(4);
  auto *x = static_cast<float *>(fovea_device_alloc(device, 16));
  ASSERT_NE(x, nullptr);
  ASSERT_EQ(fovea_device_copy_in(device, x, host.data(), 16, nullptr), 0);
  int64_t n = 3;
  float factor = 10;
  void *parameters[] = {&x, &n, &factor};
  EXPECT_EQ(fovea_rt_launch("scale", 4, 32, 0, parameters), 0) << getError();
  ASSERT_EQ(fovea_device_copy_out(device, back.data(), x, 16, nullptr), 0);
  EXPECT_EQ(back, (std::vector<float>{10, 20, 30, 4}));

  float *y = static_cast<float *>(fovea_device_alloc(device, 16));
  ASSERT_EQ(fovea_device_fill(device, y, 0, 16, nullptr), 0);
  ASSERT_EQ(fovea_device_copy(device, y, x, 8, nullptr), 0);
  ASSERT_EQ(fovea_device_copy_out(device, back.data(), y, 16, nullptr), 0);
  EXPECT_EQ(back, (std::vector<float>{10, 20, 0, 0}));
  fovea_device_free(device, x);
  fovea_device_free(device, y);
}

TEST_F(DeviceTest, PassesSizesAndOptionsOn) {
  BlockOfDouble seen = {}, *to = &seen;
  void *parameters[] = {&to};
  ASSERT_EQ(fovea_rt_launch("observe", 7, 96, 4096, parameters), 0);
  EXPECT_EQ(seen.blocks, 7u);
  EXPECT_EQ(seen.threads, 96u);
  EXPECT_EQ(seen.nearBytes, 4096u);
  EXPECT_EQ(seen.options.early, 0);

  fovea_device *early = fovea_device_open("emulated:early,lifo");
  ASSERT_NE(early, nullptr) << getError();
  fovea_module *other = fovea_module_adopt(early, &imageOfDouble);
  fovea_rt_bind(other, nullptr);
  ASSERT_EQ(fovea_rt_launch("observe", 1, 32, 0, parameters), 0);
  EXPECT_EQ(seen.options.early, 1);
  EXPECT_EQ(seen.options.order, FOVEA_EMU_LIFO);
  fovea_module_close(other);
  fovea_device_close(early);
}

TEST_F(DeviceTest, ZeroTasksDoNothing) {
  BlockOfDouble seen = {}, *to = &seen;
  void *parameters[] = {&to};
  EXPECT_EQ(fovea_rt_launch("observe", 0, 32, 0, parameters), 0);
  EXPECT_EQ(fovea_rt_launch("observe", -3, 32, 0, parameters), 0);
  EXPECT_EQ(seen.blocks, 0u);
}

TEST_F(DeviceTest, RefusesLaunchesThatCannotBe) {
  EXPECT_NE(fovea_rt_launch("nothing", 1, 32, 0, nullptr), 0);
  EXPECT_EQ(getError(), "kernel 'nothing': emulated: the image for a double "
                        "has no such kernel");
  EXPECT_NE(fovea_rt_launch("fail", 1, 64, 0, nullptr), 0);
  EXPECT_EQ(getError(), "kernel 'fail': emulated: expected 32 threads per "
                        "block, got 64");
  EXPECT_NE(fovea_rt_launch("observe", int64_t(1) << 31, 32, 0, nullptr), 0);
  EXPECT_NE(getError().find("expected at most 2147483647 tasks"),
            std::string::npos);
  EXPECT_NE(fovea_rt_launch("observe", 1, 32, 1 << 20, nullptr), 0);
  EXPECT_NE(getError().find("expected at most 232448 bytes of near memory"),
            std::string::npos);
}

TEST_F(DeviceTest, ReportsWhatAKernelDidWrong) {
  EXPECT_NE(fovea_rt_launch("fail", 1, 32, 0, nullptr), 0);
  EXPECT_EQ(getError(), "kernel 'fail': data race at kernel.mlir:3:7");
}

TEST_F(DeviceTest, UnboundThreadsAreToldTheCure) {
  std::thread([] {
    EXPECT_NE(fovea_rt_launch("scale", 1, 32, 0, nullptr), 0);
    EXPECT_EQ(getError(),
              "fovea_rt_launch: no device is bound to this thread; call a "
              "program with fovea_program_call, or fovea_rt_bind before");
    EXPECT_EQ(fovea_rt_device_alloc(16), nullptr);
    const char *messages[] = {"a"};
    EXPECT_EQ(fovea_rt_status(messages, 1), nullptr);
    EXPECT_NE(fovea_rt_check_status(), 0);
    EXPECT_EQ(fovea_rt_parallelism(), 1);
    fovea_rt_device_free(nullptr);
  }).join();
  fovea_rt_bind(nullptr, nullptr);
  EXPECT_NE(fovea_rt_launch("scale", 1, 32, 0, nullptr), 0);
}

TEST_F(DeviceTest, ClosingWhatIsBoundUnbinds) {
  fovea_module *other = fovea_module_adopt(device, &imageOfDouble);
  fovea_rt_bind(other, nullptr);
  EXPECT_EQ(fovea_rt_parallelism(), 4);
  fovea_module_close(other);
  EXPECT_NE(fovea_rt_launch("scale", 1, 32, 0, nullptr), 0);
  fovea_stream *stream = fovea_stream_open(device);
  fovea_rt_bind(module, stream);
  fovea_stream_close(stream);
  EXPECT_NE(fovea_rt_launch("scale", 1, 32, 0, nullptr), 0);
}

/// A device whose driver keeps freed memory, as those of vendors do.
class PoolTest : public DeviceTest {
protected:
  void SetUp() override {
    DeviceTest::SetUp();
    pooled = *device->driver;
    pooled.isPooled = true;
    device->driver = &pooled;
  }

  fovea::rt::Driver pooled;
};

TEST_F(PoolTest, GivesMemoryOutAgain) {
  void *first = fovea_rt_device_alloc(5000);
  ASSERT_NE(first, nullptr);
  fovea_rt_device_free(first);
  int made = allAllocations;
  EXPECT_EQ(fovea_rt_device_alloc(5100), first); // the same step
  void *second = fovea_rt_device_alloc(5100);
  EXPECT_NE(second, first); // in use
  EXPECT_EQ(allAllocations, made + 1);
  fovea_rt_device_free(first);
  fovea_rt_device_free(second);

  // Another stream has a pool of its own: nothing orders the two.
  fovea_stream *stream = fovea_stream_open(device);
  fovea_rt_bind(module, stream);
  void *third = fovea_rt_device_alloc(5000);
  EXPECT_NE(third, first);
  EXPECT_NE(third, second);
  fovea_rt_device_free(third);
  fovea_stream_close(stream);
}

TEST_F(PoolTest, GivesBackWhatIsIdleBeforeItFails) {
  void *idle = fovea_rt_device_alloc(1 << 20);
  fovea_rt_device_free(idle);
  int live = liveAllocations;
  mostBytes = 1 << 21;
  EXPECT_EQ(fovea_rt_device_alloc(1 << 22), nullptr);
  EXPECT_EQ(getError(), "the double has no memory left");
  EXPECT_EQ(liveAllocations, live - 1);
  EXPECT_EQ(fovea_rt_device_alloc(-1), nullptr);
  EXPECT_EQ(fovea_rt_device_alloc(INT64_MAX), nullptr);
}

TEST_F(PoolTest, SizesWasteAtMostAnEighth) {
  using fovea::rt::Pool;
  EXPECT_EQ(Pool::roundUp(0), 256);
  EXPECT_EQ(Pool::roundUp(257), 512);
  EXPECT_EQ(Pool::roundUp(4096), 4096);
  EXPECT_EQ(Pool::roundUp(4097), 4608);
  for (int64_t bytes = 2048; bytes < int64_t(1) << 40; bytes += bytes / 7) {
    int64_t size = Pool::roundUp(bytes);
    EXPECT_GE(size, bytes);
    EXPECT_LE(size - bytes, bytes / 8);
    EXPECT_EQ(Pool::roundUp(size), size);
    EXPECT_EQ(size % 256, 0);
  }
}

TEST_F(DeviceTest, EmulatedMemoryIsGivenBackAtOnce) {
  int live = liveAllocations;
  void *memory = fovea_rt_device_alloc(100);
  EXPECT_EQ(liveAllocations, live + 1);
  fovea_rt_device_free(memory);
  EXPECT_EQ(liveAllocations, live);
}

TEST_F(DeviceTest, FreeingForeignMemoryIsAnError) {
  int x = 0;
  fovea_rt_device_free(&x);
  EXPECT_NE(getError().find("expected memory of fovea_rt_device_alloc"),
            std::string::npos);
}

TEST_F(DeviceTest, StatusWordsBecomeErrorsOnce) {
  static const char *const first[] = {"page table: too large", "length: bad"};
  static const char *const second[] = {"document id: negative"};
  int32_t *word = fovea_rt_status(first, 2);
  int32_t *other = fovea_rt_status(second, 1);
  ASSERT_NE(word, nullptr);
  ASSERT_NE(other, nullptr);
  EXPECT_NE(word, other);
  EXPECT_EQ(fovea_rt_status(first, 2), word);
  EXPECT_EQ(fovea_rt_check_status(), 0);

  int32_t value = 2;
  void *parameters[] = {&word, &value};
  ASSERT_EQ(fovea_rt_launch("complain", 1, 32, 0, parameters), 0);
  EXPECT_NE(fovea_rt_check_status(), 0);
  EXPECT_EQ(getError(), "length: bad");
  EXPECT_EQ(fovea_rt_check_status(), 0);

  value = 1;
  parameters[0] = &other;
  ASSERT_EQ(fovea_rt_launch("complain", 1, 32, 0, parameters), 0);
  EXPECT_NE(fovea_device_synchronize(device, nullptr), 0);
  EXPECT_EQ(getError(), "document id: negative");

  value = 7; // not one of the messages
  ASSERT_EQ(fovea_rt_launch("complain", 1, 32, 0, parameters), 0);
  EXPECT_NE(fovea_rt_check_status(), 0);
  EXPECT_EQ(getError(), "a kernel reported problem 7 of 1");
  EXPECT_EQ(fovea_rt_status(nullptr, 1), nullptr);
}

TEST_F(DeviceTest, EventsMeasure) {
  fovea_event *begin = fovea_event_open(device),
              *end = fovea_event_open(device);
  double milliseconds = -1;
  EXPECT_EQ(fovea_event_record(begin, nullptr), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  EXPECT_EQ(fovea_event_record(end, nullptr), 0);
  EXPECT_EQ(fovea_event_elapsed(begin, end, &milliseconds), 0);
  EXPECT_GE(milliseconds, 2);
  EXPECT_LT(milliseconds, 10000);
  EXPECT_NE(fovea_event_elapsed(begin, nullptr, &milliseconds), 0);
  fovea_event_close(begin);
  fovea_event_close(end);
}

TEST_F(DeviceTest, RefusesWrongCopies) {
  char host[4];
  EXPECT_NE(fovea_device_copy_in(device, nullptr, host, 4, nullptr), 0);
  EXPECT_EQ(getError(),
            "fovea_device_copy_in: expected memory, got a null pointer");
  EXPECT_NE(fovea_device_copy_out(device, host, host, -1, nullptr), 0);
  EXPECT_EQ(fovea_device_copy_out(device, nullptr, nullptr, 0, nullptr), 0);
  EXPECT_NE(fovea_device_fill(nullptr, host, 0, 4, nullptr), 0);
  fovea_device *other = fovea_device_open("emulated");
  fovea_stream *stream = fovea_stream_open(other);
  EXPECT_NE(fovea_device_copy(device, host, host, 1, stream), 0);
  EXPECT_NE(getError().find("got one of another"), std::string::npos);
  fovea_stream_close(stream);
  fovea_device_close(other);
}

TEST_F(DeviceTest, SaysWhatItIs) {
  fovea_device_info info;
  ASSERT_EQ(fovea_device_get_info(device, &info), 0);
  EXPECT_STREQ(info.driver, "emulated");
  EXPECT_GT(info.multiprocessors, 1);
  EXPECT_GT(fovea_device_rates(device, "emulated", "sm_80"), 0);
  EXPECT_EQ(fovea_device_rates(device, "hsaco", "gfx942"), 0);
  fovea_kernel_info kernel;
  ASSERT_EQ(fovea_module_kernel_info(module, "fail", &kernel), 0);
  EXPECT_EQ(kernel.threads, 32);
}

TEST(DeviceNamesTest, RefusesUnknownNamesAndOptions) {
  EXPECT_EQ(fovea_device_open("tpu:0"), nullptr);
  EXPECT_EQ(getError(),
            "expected the name of a device, one of cuda, hip, emulated, or "
            "with a colon and its number or options, got 'tpu:0'");
  EXPECT_EQ(fovea_device_open("emulate"), nullptr);
  EXPECT_EQ(fovea_device_open("emulated:loud"), nullptr);
  EXPECT_EQ(getError(), "expected early, lifo or nothing");
  EXPECT_EQ(fovea_device_open("cuda:x"), nullptr);
  EXPECT_EQ(getError(), "expected the number of a device after cuda:, got 'x'");
  EXPECT_EQ(fovea_device_open("hip:-1"), nullptr);
  EXPECT_EQ(fovea_device_open(nullptr), nullptr);
}

TEST(DeviceNamesTest, RefusesImagesThatAreNone) {
  fovea_device *device = fovea_device_open("emulated");
  const char text[] = "this is no shared library, although it is long enough "
                      "to hold the header of one";
  EXPECT_EQ(fovea_module_load(device, text, sizeof(text)), nullptr);
  EXPECT_EQ(getError(), "emulated image: expected a shared library for this "
                        "kind of machine, got something else");
  EXPECT_EQ(fovea_module_load(device, text, 0), nullptr);
  fovea_emu_image newer = imageOfDouble;
  newer.version = FOVEA_EMU_VERSION + 1;
  EXPECT_EQ(fovea_module_adopt(device, &newer), nullptr);
  EXPECT_EQ(getError(), "emulated: expected an image of version 1, got 2");
  fovea_device_close(device);
}

} // namespace
