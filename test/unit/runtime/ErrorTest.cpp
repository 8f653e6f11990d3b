//===- ErrorTest.cpp - Error text: copies, threads, parallel loops --------===//

#include "fovea/runtime/fovea_runtime.h"

#include "gtest/gtest.h"

#include <cstdint>
#include <string>
#include <thread>

extern "C" int32_t refusingKernel(const fovea_tensor *arguments, int32_t count,
                                  int32_t threads);

namespace {

TEST(ErrorTest, IsEmptyOnAThreadThatNeverFailed) {
  std::thread([] { EXPECT_STREQ(fovea_rt_last_error(), ""); }).join();
}

TEST(ErrorTest, FailReturnsOneAndCopiesTheText) {
  std::string message = "expected rank 4";
  EXPECT_EQ(fovea_rt_fail(message.c_str()), 1);
  message.assign("overwritten....");
  EXPECT_STREQ(fovea_rt_last_error(), "expected rank 4");
  EXPECT_EQ(fovea_rt_fail(nullptr), 1);
  EXPECT_STREQ(fovea_rt_last_error(), "unknown error");
}

TEST(ErrorTest, FailTakesItsOwnLastError) {
  fovea_rt_fail("again");
  fovea_rt_fail(fovea_rt_last_error());
  EXPECT_STREQ(fovea_rt_last_error(), "again");
}

TEST(ErrorTest, IndexFormatsAllNumbers) {
  EXPECT_EQ(fovea_rt_fail_index("page table", 7, -3, 128), 1);
  EXPECT_STREQ(fovea_rt_last_error(), "page table: at 7, got -3, bound 128");
  fovea_rt_fail_index("x", INT64_MIN, INT64_MAX, 0);
  EXPECT_STREQ(fovea_rt_last_error(),
               "x: at -9223372036854775808, got 9223372036854775807, bound 0");
}

TEST(ErrorTest, LongMessagesAreCutButKeepTheNumbers) {
  std::string longText(5000, 'a');
  fovea_rt_fail(longText.c_str());
  EXPECT_EQ(std::string(fovea_rt_last_error()),
            longText.substr(0, FOVEA_RT_MESSAGE_BYTES - 1));
  fovea_rt_fail_index(longText.c_str(), 1, 2, 3);
  std::string text = fovea_rt_last_error();
  std::string tail = "a: at 1, got 2, bound 3";
  ASSERT_GT(text.size(), tail.size());
  EXPECT_EQ(text.substr(text.size() - tail.size()), tail);
}

TEST(ErrorTest, TextBelongsToOneThread) {
  fovea_rt_fail("mine");
  std::thread([] {
    fovea_rt_fail("theirs");
    EXPECT_STREQ(fovea_rt_last_error(), "theirs");
  }).join();
  EXPECT_STREQ(fovea_rt_last_error(), "mine");
}

TEST(ErrorTest, KernelRefusesThroughTheEntryType) {
  fovea_entry entry = refusingKernel;
  EXPECT_EQ(entry(nullptr, 2, 0), 0);
  EXPECT_NE(entry(nullptr, 3, 0), 0);
  EXPECT_STREQ(fovea_rt_last_error(), "expected 2 arguments");
}

void failOddTasks(void *, int64_t task, int32_t) {
  if (task % 2 == 1) {
    fovea_rt_fail_index("slot", task, 0, 0);
    fovea_rt_fail("a second failure of the same task");
  }
}

class LoopErrorTest : public testing::TestWithParam<int32_t> {};

TEST_P(LoopErrorTest, CallerSeesTheLowestFailingTask) {
  for (int round = 0; round < 50; ++round) {
    fovea_rt_fail("old");
    fovea_rt_parallel_for(200, GetParam(), failOddTasks, nullptr);
    ASSERT_STREQ(fovea_rt_last_error(), "slot: at 1, got 0, bound 0");
  }
}

TEST_P(LoopErrorTest, NestedFailureReachesTheOuterCaller) {
  auto outer = [](void *, int64_t task, int32_t) {
    if (task >= 3) {
      auto inner = [](void *context, int64_t task, int32_t) {
        if (task == 5) {
          fovea_rt_fail_index("inner", *static_cast<int64_t *>(context), task,
                              0);
        }
      };
      fovea_rt_parallel_for(8, 4, inner, &task);
    }
  };
  fovea_rt_parallel_for(10, GetParam(), outer, nullptr);
  EXPECT_STREQ(fovea_rt_last_error(), "inner: at 3, got 5, bound 0");
}

TEST_P(LoopErrorTest, SuccessLeavesTheOldErrorAlone) {
  fovea_rt_fail("old");
  fovea_rt_parallel_for(
      16, GetParam(), [](void *, int64_t, int32_t) {}, nullptr);
  EXPECT_STREQ(fovea_rt_last_error(), "old");
}

INSTANTIATE_TEST_SUITE_P(Threads, LoopErrorTest, testing::Values(1, 2, 5));

} // namespace
