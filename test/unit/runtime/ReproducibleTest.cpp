//===- ReproducibleTest.cpp - The same bits for any number of threads -----===//

#include "fovea/runtime/fovea_runtime.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <unistd.h>

TEST(ReproducibleTest, PartsFollowThreadsUnlessItIsOn) {
  fovea_rt_set_reproducible(0);
  EXPECT_EQ(fovea_rt_parts(3), 3);
  EXPECT_EQ(fovea_rt_parts(0), fovea_rt_default_threads());
  fovea_rt_set_reproducible(7);
  EXPECT_EQ(fovea_rt_reproducible(), 1);
  EXPECT_EQ(fovea_rt_parts(3), fovea_rt_parts(0));
  EXPECT_EQ(fovea_rt_parts(3), fovea_rt_parts(100));
  fovea_rt_set_reproducible(0);
  EXPECT_EQ(fovea_rt_reproducible(), 0);
}

/// Read once, so in a process of its own.
[[noreturn]] static void exitWithMode(const char *variable) {
  setenv("FOVEA_REPRODUCIBLE", variable, 1);
  _exit(fovea_rt_reproducible());
}

TEST(ReproducibleDeathTest, TheEnvironmentDecidesUntilItIsSet) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(exitWithMode("1"), testing::ExitedWithCode(1), "");
  EXPECT_EXIT(exitWithMode("0"), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(exitWithMode(""), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(exitWithMode("12"), testing::ExitedWithCode(0), "");
}
