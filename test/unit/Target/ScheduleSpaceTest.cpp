//===- ScheduleSpaceTest.cpp - what a processor offers to try -------------===//

#include "fovea/Driver/Dialects.h"
#include "fovea/Target/Target.h"
#include "fovea/dialects/Tile/Tile.h"

#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

#include <set>

using namespace fovea;

namespace {

class ScheduleSpaceTest : public testing::Test {
protected:
  ScheduleSpaceTest() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    auto found = lookUpTarget("cpu:x86-64-v4"); // 16 lanes, 32 registers
    EXPECT_TRUE(bool(found));
    target = std::move(*found);
  }

  tile::ScheduleAttr make(int64_t rows, int64_t keys, int64_t splits,
                          bool narrow, bool blocks = false) {
    tile::Schedule schedule;
    schedule.rows = rows;
    schedule.keys = keys;
    schedule.block = blocks ? 16 : 2;
    schedule.lanes = 16;
    schedule.pairs = schedule.blocks = blocks;
    schedule.splits = splits;
    schedule.pack = true;
    schedule.narrow = narrow;
    return tile::ScheduleAttr::get(&context, schedule);
  }

  /// Splits of those that are like `chosen` in all else, and of all.
  std::pair<std::set<int64_t>, std::set<int64_t>>
  collectSplits(tile::ScheduleAttr chosen) {
    std::set<int64_t> alike, all;
    std::vector<tile::ScheduleAttr> schedules = target->getSchedules(chosen);
    EXPECT_EQ(schedules.front(), chosen);
    for (tile::ScheduleAttr one : schedules) {
      EXPECT_EQ(llvm::toString(target->checkSchedule(chosen, one)), "");
      all.insert(one.getSplits());
      if (one.getRows() == chosen.getRows() &&
          one.getKeys() == chosen.getKeys() &&
          one.getBlock() == chosen.getBlock() &&
          one.getAhead() == chosen.getAhead() &&
          one.getDistance() == chosen.getDistance()) {
        EXPECT_TRUE(alike.insert(one.getSplits()).second);
      }
    }
    return {alike, all};
  }

  mlir::MLIRContext context;
  std::unique_ptr<Target> target;
};

TEST_F(ScheduleSpaceTest, FewRowsAreSplitInDifferentWays) {
  std::set<int64_t> wanted = {4, 8, 16, 32, 64};
  // The narrow ones, and the class of as many rows as lanes.
  EXPECT_EQ(collectSplits(make(4, 16, 16, true)).first, wanted);
  EXPECT_EQ(collectSplits(make(16, 512, 16, false)).first, wanted);
  wanted.insert(24);
  EXPECT_EQ(collectSplits(make(4, 16, 24, true)).first, wanted);
}

TEST_F(ScheduleSpaceTest, ManyRowsKeepTheirSplits) {
  auto [alike, all] = collectSplits(make(128, 256, 16, false));
  EXPECT_EQ(alike, std::set<int64_t>{16});
  EXPECT_EQ(all, std::set<int64_t>{16});
}

TEST_F(ScheduleSpaceTest, NarrowOnesAskAtSomeDistance) {
  auto narrow = [&](bool blocks) {
    std::set<int64_t> distances;
    tile::Schedule fields = make(4, 128, 16, true).getFields();
    fields.pairs = true;
    fields.blocks = blocks;
    fields.distance = 16;
    auto chosen = tile::ScheduleAttr::get(&context, fields);
    for (tile::ScheduleAttr one : target->getSchedules(chosen)) {
      EXPECT_EQ(one.getRows(), 4);
      EXPECT_EQ(one.getBlocks(), blocks);
      distances.insert(one.getDistance());
    }
    return distances;
  };
  EXPECT_EQ(narrow(true), (std::set<int64_t>{0, 4, 8, 12, 16, 32}));
  EXPECT_EQ(narrow(false), (std::set<int64_t>{0, 8, 16, 24, 32, 64}));
}

TEST_F(ScheduleSpaceTest, BlocksStayAndAreNotAdded) {
  tile::ScheduleAttr with = make(128, 256, 16, false, true);
  std::vector<tile::ScheduleAttr> schedules = target->getSchedules(with);
  std::set<int64_t> rows;
  for (tile::ScheduleAttr one : schedules) {
    EXPECT_TRUE(one.getBlocks());
    rows.insert(one.getRows());
  }
  EXPECT_EQ(rows, (std::set<int64_t>{16, 32, 64, 128, 256, 512}));
  tile::Schedule fields = with.getFields();
  fields.block = 8;
  fields.blocks = false;
  auto without = tile::ScheduleAttr::get(&context, fields);
  EXPECT_EQ(llvm::toString(target->checkSchedule(without, with)),
            "expected blocks = false, got 1");
  EXPECT_EQ(llvm::toString(target->checkSchedule(with, without)), "");
}

} // namespace
