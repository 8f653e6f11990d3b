//===- OccupancyTest.cpp - blocks on a multiprocessor, counted by hand ----===//

#include "fovea/Target/AMDGPU/AMDGPUTargetInfo.h"
#include "fovea/Target/Common/Occupancy.h"
#include "fovea/Target/NVPTX/NVPTXTargetInfo.h"

#include "gtest/gtest.h"

using namespace fovea;

namespace {

DeviceChip chip(llvm::StringRef name) {
  llvm::ArrayRef<DeviceChip> chips =
      name.starts_with("sm_") ? getNVPTXChips() : getAMDGPUChips();
  return llvm::cantFail(lookUpChip(chips, name));
}

KernelInfo kernel(int32_t threads, int64_t registers, int64_t nearBytes) {
  KernelInfo info;
  info.name = "kernel";
  info.threads = threads;
  info.nearBytes = nearBytes;
  info.registers = registers;
  info.spillBytes = info.stackBytes = 0;
  return info;
}

struct Case {
  const char *chip;
  int32_t threads;
  int64_t registers, nearBytes, blocks;
  const char *bound;
};

const Case cases[] = {
    // 221 count as 224; a part holds 512 / 224 = 2 warps, 8 in all.
    {"sm_80", 128, 221, 32768, 2, "registers"},
    // One register more in the next unit, one warp less in each part.
    {"sm_80", 128, 168, 0, 3, "registers"},
    {"sm_80", 128, 169, 0, 2, "registers"},
    // 48 KB and the system's one: 164 / 49.
    {"sm_80", 128, 64, 48 * 1024, 3, "near memory"},
    // 16 warps per part on one chip, 12 on the other.
    {"sm_80", 1024, 32, 0, 2, "registers"},
    {"sm_80", 1024, 16, 0, 2, "threads"},
    {"sm_86", 1024, 16, 0, 1, "threads"},
    // Small blocks: their number binds.
    {"sm_80", 32, 24, 0, 32, "blocks"},
    {"sm_86", 32, 24, 0, 16, "blocks"},
    // Half of a block is no block.
    {"sm_80", 1024, 255, 0, 0, "registers"},
    // 236 count as 240: 2 wavefronts of 512 / 240 on each of four SIMDs.
    {"gfx942", 256, 236, 0, 2, "registers"},
    {"gfx942", 256, 256, 32 * 1024, 2, "registers"},
    {"gfx942", 256, 257, 0, 1, "registers"},
    {"gfx942", 256, 100, 32 * 1024 + 1, 1, "near memory"},
    {"gfx942", 256, 64, 0, 8, "registers"},
    // LDS in units of 1280: 16000 is 12.5 of them.
    {"gfx950", 256, 32, 16000, 8, "threads"},
    {"gfx950", 256, 32, 32 * 1024, 4, "near memory"},
    // 255 count as 264: 5 waves of 1536 / 264 on each of two SIMDs.
    {"gfx1100", 128, 255, 0, 2, "registers"},
    {"gfx1201", 128, 96, 16384, 4, "near memory"},
    {"gfx1201", 32, 48, 0, 16, "blocks"},
};

TEST(OccupancyTest, CountedByHand) {
  for (const Case &c : cases) {
    auto found =
        getOccupancy(chip(c.chip), kernel(c.threads, c.registers, c.nearBytes));
    ASSERT_TRUE(found);
    std::string what = std::string(c.chip) + " " + std::to_string(c.threads) +
                       " " + std::to_string(c.registers) + " " +
                       std::to_string(c.nearBytes);
    EXPECT_EQ(found->blocks, c.blocks) << what;
    EXPECT_EQ(found->bound, c.bound) << what;
    EXPECT_EQ(found->threads, c.blocks * c.threads) << what;
    EXPECT_DOUBLE_EQ(found->share * chip(c.chip).threads, found->threads);
  }
}

TEST(OccupancyTest, NearMemoryInTheCodeCounts) {
  KernelInfo info = kernel(128, 64, 24 * 1024);
  info.staticNearBytes = 24 * 1024;
  EXPECT_EQ(getOccupancy(chip("sm_80"), info)->blocks, 3);
}

TEST(OccupancyTest, OneLineForEachKernel) {
  DeviceCode code;
  code.remark = "no assembler";
  code.kernels = {kernel(128, 221, 32768), kernel(64, 8, 0)};
  code.kernels[0].spillBytes = 12;
  code.kernels[0].stackBytes = 16;
  code.kernels[1].registers = std::nullopt;
  EXPECT_FALSE(getOccupancy(chip("sm_80"), code.kernels[1]));
  EXPECT_EQ(describeResources(chip("sm_80"), code),
            "kernel: 128 threads, 221 registers, 12 bytes spilled, 16 bytes of "
            "stack, 32768 bytes near; 2 blocks per multiprocessor, 256 of 2048 "
            "threads (12.5%), bound by registers\n"
            "kernel: 64 threads, 0 bytes near; registers unknown: no "
            "assembler\n");
}

} // namespace
