//===- CpusTest.cpp - The CPUs that a process may use ---------------------===//

#include "cpu/Cpus.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <string>
#include <sys/stat.h>

namespace {

/// A tree of control groups in files.
class CpuQuotaTest : public testing::Test {
protected:
  void SetUp() override {
    root = testing::TempDir() + "fovea-cgroup-XXXXXX";
    ASSERT_NE(mkdtemp(root.data()), nullptr);
  }

  void TearDown() override {
    ASSERT_EQ(system(("rm -r " + root).c_str()), 0);
  }

  void write(const std::string &path, const std::string &text) {
    for (size_t at = path.find('/'); at != std::string::npos;
         at = path.find('/', at + 1)) {
      mkdir((root + "/" + path.substr(0, at)).c_str(), 0700);
    }
    std::ofstream(root + "/" + path) << text;
  }

  int32_t read(const std::string &groups) {
    write("groups", groups);
    return fovea::rt::readCpuQuota((root + "/groups").c_str(), root.c_str());
  }

  std::string root;
};

TEST_F(CpuQuotaTest, SecondVersion) {
  EXPECT_EQ(read("0::/\n"), 0);
  write("cpu.max", "max 100000\n");
  EXPECT_EQ(read("0::/\n"), 0);
  write("cpu.max", "200000 100000\n");
  EXPECT_EQ(read("0::/\n"), 2);
  write("cpu.max", "150000 100000\n");
  EXPECT_EQ(read("0::/\n"), 2);
  write("cpu.max", "50000 100000\n");
  EXPECT_EQ(read("0::/\n"), 1);
}

TEST_F(CpuQuotaTest, TheLeastOfAllOuterGroups) {
  write("a/b/c/cpu.max", "800000 100000\n");
  write("a/b/cpu.max", "300000 100000\n");
  write("a/cpu.max", "max 100000\n");
  EXPECT_EQ(read("0::/a/b/c\n"), 3);
  EXPECT_EQ(read("0::/a\n"), 0);
  // A container does not see the folder of its name.
  write("cpu.max", "500000 100000\n");
  EXPECT_EQ(read("0::/elsewhere/x\n"), 5);
}

TEST_F(CpuQuotaTest, FirstVersion) {
  write("cpu/box/cpu.cfs_quota_us", "250000\n");
  write("cpu/box/cpu.cfs_period_us", "100000\n");
  write("cpu/cpu.cfs_quota_us", "-1\n");
  write("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(read("5:cpuset:/box\n4:cpu,cpuacct:/box\n"), 3);
  EXPECT_EQ(read("4:cpuacct,cpu:/\n"), 0);
  EXPECT_EQ(read("5:cpuset:/box\n3:cpuacct:/box\n"), 0);
}

TEST_F(CpuQuotaTest, NothingToRead) {
  EXPECT_EQ(read("no colons\n"), 0);
  EXPECT_EQ(fovea::rt::readCpuQuota("/none/groups", root.c_str()), 0);
}

TEST(CpusTest, AtLeastThoseOfThisThread) {
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
  EXPECT_GE(fovea::rt::countAllowedCpus(), CPU_COUNT(&mask));
}

} // namespace
