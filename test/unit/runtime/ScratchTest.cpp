//===- ScratchTest.cpp - Scratch memory per thread ------------------------===//

#include "fovea/runtime/fovea_runtime.h"

#include "gtest/gtest.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <thread>

namespace {

bool isAligned(void *memory) {
  return reinterpret_cast<uintptr_t>(memory) % 64 == 0;
}

TEST(ScratchTest, EverySizeIsAlignedAndWritable) {
  for (int64_t bytes : {0, 1, 63, 64, 65, 4096, 100000, 3000001}) {
    void *memory = fovea_rt_scratch(bytes);
    ASSERT_NE(memory, nullptr) << bytes;
    EXPECT_TRUE(isAligned(memory)) << bytes;
    memset(memory, 0xab, static_cast<size_t>(bytes));
  }
  fovea_rt_scratch_release();
}

TEST(ScratchTest, SmallerRequestKeepsTheBlock) {
  auto *memory = static_cast<char *>(fovea_rt_scratch(1000));
  memory[999] = 42;
  EXPECT_EQ(fovea_rt_scratch(10), memory);
  EXPECT_EQ(fovea_rt_scratch(1000), memory);
  EXPECT_EQ(memory[999], 42);
  fovea_rt_scratch_release();
  fovea_rt_scratch_release(); // A second release does nothing.
  EXPECT_NE(fovea_rt_scratch(1), nullptr);
}

TEST(ScratchTest, ThreadsHaveBlocksOfTheirOwn) {
  void *mine = fovea_rt_scratch(256);
  void *theirs = nullptr;
  std::thread([&] {
    theirs = fovea_rt_scratch(256);
    memset(theirs, 1, 256);
  }).join(); // The block of the ended thread is freed: leak checkers look.
  EXPECT_NE(mine, theirs);
}

TEST(ScratchTest, RefusesWhatCannotBe) {
  EXPECT_EQ(fovea_rt_scratch(-1), nullptr);
  EXPECT_STREQ(fovea_rt_last_error(),
               "scratch size must not be negative, got -1");
  for (int64_t bytes : {int64_t(1) << 60, INT64_MAX}) {
    EXPECT_EQ(fovea_rt_scratch(bytes), nullptr);
    EXPECT_EQ(std::string(fovea_rt_last_error()),
              "out of memory: no " + std::to_string(bytes) +
                  " bytes of scratch for this thread");
  }
  EXPECT_NE(fovea_rt_scratch(64), nullptr);
}

TEST(ScratchTest, WorksInsideLoops) {
  auto body = [](void *, int64_t task, int32_t) {
    auto bytes = static_cast<size_t>(100 + 300 * (task % 50));
    void *memory = fovea_rt_scratch(static_cast<int64_t>(bytes));
    ASSERT_TRUE(memory && isAligned(memory));
    memset(memory, static_cast<int>(task), bytes);
  };
  fovea_rt_parallel_for(500, 4, body, nullptr);
}

} // namespace
