//===- CostModelTest.cpp - what is counted, and what it would cost --------===//

#include "fovea/Tuning/CostModel.h"

#include "fovea/Driver/Compiler.h"
#include "fovea/Driver/Dialects.h"
#include "fovea/dialects/Tile/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

using namespace fovea;

namespace {

class CostModelTest : public ::testing::Test {
protected:
  CostModelTest() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<tile::TileDialect>();
  }

  /// Counts along the stream of a program in text.
  StreamWork count(llvm::StringRef text) {
    auto target = llvm::cantFail(lookUpTarget("cpu:x86-64-v4"));
    auto module = llvm::cantFail(parse(context, text, "test"));
    mlir::PassManager pm(&context);
    addPassesTo(Level::Cascade, *target, pm);
    EXPECT_TRUE(mlir::succeeded(pm.run(*module)));
    auto work = countStreamWork(*module->getOps<mlir::func::FuncOp>().begin());
    EXPECT_TRUE(work);
    return work.value_or(StreamWork());
  }

  tile::ScheduleAttr makeSchedule(int64_t rows, int64_t keys, int64_t block,
                                  bool pairs = false, bool narrow = false) {
    tile::Schedule schedule;
    schedule.rows = rows;
    schedule.keys = keys;
    schedule.block = block;
    schedule.lanes = 16;
    schedule.pairs = pairs;
    schedule.pack = true;
    schedule.narrow = narrow;
    return tile::ScheduleAttr::get(&context, schedule);
  }

  mlir::MLIRContext context;
  const MachineRates machine = {3.5e9, 20e9, 16, 32, true, 1024 * 1024};
};

constexpr llvm::StringLiteral kDense = R"(
func.func @attention(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 96, f32>) -> tensor<?x?x?x96xf32> {
  %o = attn.attend %q, %kv : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 96, f32>) -> tensor<?x?x?x96xf32>
  return %o : tensor<?x?x?x96xf32>
})";

TEST_F(CostModelTest, CountsAttention) {
  StreamWork work = count(kDense);
  EXPECT_EQ(work.scoreProducts, 2 * 64);
  EXPECT_EQ(work.valueProducts, 2 * 96);
  EXPECT_EQ(work.exponentials, 1);
  EXPECT_EQ(work.keyBytes, 4 * (64 + 96));
  EXPECT_EQ(work.keyElements, 0);
  // Maximum, sum, values.
  EXPECT_EQ(work.stateElements, 2 + 96);
  // Scores and their exponentials, each written once and read once.
  EXPECT_EQ(work.fiberTransfers, 4);
  EXPECT_EQ(work.fiberBytes, 16);
  EXPECT_FALSE(work.inPairs);
  EXPECT_FALSE(work.isGathered);
}

TEST_F(CostModelTest, CountsDecodingPerKey) {
  StreamWork work = count(R"(
func.func @attention(%q: tensor<?x?x?x64xbf16>, %kv: !attn.kv<paged<16>, key = 64, value = 64, bf16, stored = i8, scale = token>) -> tensor<?x?x?x64xbf16> {
  %o = attn.attend %q, %kv : (tensor<?x?x?x64xbf16>, !attn.kv<paged<16>, key = 64, value = 64, bf16, stored = i8, scale = token>) -> tensor<?x?x?x64xbf16>
  return %o : tensor<?x?x?x64xbf16>
})");
  EXPECT_TRUE(work.isGathered);
  EXPECT_TRUE(work.inPairs);
  EXPECT_EQ(work.scoreProducts, 2 * 64);
  // Bytes, and a scale of two bytes for each of keys and values.
  EXPECT_GE(work.keyBytes, 64 + 64 + 2 * 2);
  EXPECT_LE(work.keyBytes, 64 + 64 + 2 * 4);
  EXPECT_EQ(work.keyElements, 64 + 64);
}

TEST_F(CostModelTest, NothingToStream) {
  auto module = llvm::cantFail(
      parse(context, "func.func @f(%x: f32) -> f32 { return %x : f32 }", "t"));
  EXPECT_FALSE(
      countStreamWork(*module->getOps<mlir::func::FuncOp>().begin()));
}

/// Two multiply-adds of 16 lanes a cycle are the floor; the rest is overhead,
/// and not most of it.
TEST_F(CostModelTest, ManyRowsAreBoundByProducts) {
  StreamWork work = count(kDense);
  CallSize call = {2048, 2048};
  double floor = 2048.0 * 2048 * 320 / (4 * 16) / machine.hertz;
  double seconds =
      estimateFused(work, machine, makeSchedule(128, 256, 8), call);
  EXPECT_GT(seconds, floor);
  EXPECT_LT(seconds, 1.4 * floor);
}

TEST_F(CostModelTest, FewRowsAreBoundByMemory) {
  StreamWork work = count(kDense);
  CallSize call = {4, 32768};
  double floor = 32768.0 * work.keyBytes / machine.readBytes;
  double seconds = estimateFused(
      work, machine, makeSchedule(4, 128, 4, false, true), call);
  EXPECT_GE(seconds, floor);
  EXPECT_LT(seconds, 1.3 * floor);
}

TEST_F(CostModelTest, SchedulesAreOrdered) {
  StreamWork work = count(kDense);
  auto price = [&](tile::ScheduleAttr schedule, CallSize call) {
    return estimateFused(work, machine, schedule, call);
  };
  CallSize many = {2048, 2048};
  // Too few accumulators wait for each other; too many are spilt.
  EXPECT_LT(price(makeSchedule(128, 256, 8), many),
            price(makeSchedule(128, 256, 2), many));
  EXPECT_LT(price(makeSchedule(128, 256, 8), many),
            price(makeSchedule(128, 256, 16), many));
  // Short steps repair the state often; long ones leave the cache.
  EXPECT_LT(price(makeSchedule(128, 256, 8), many),
            price(makeSchedule(128, 32, 8), many));
  EXPECT_LT(price(makeSchedule(128, 256, 8), many),
            price(makeSchedule(1024, 1024, 8), many));
  // Rows that do not fill a task are computed all the same.
  EXPECT_LT(price(makeSchedule(32, 256, 8), {32, 2048}),
            price(makeSchedule(128, 256, 8), {32, 2048}));
  // Pairs need products in bf16.
  EXPECT_EQ(price(makeSchedule(128, 256, 8), many),
            price(makeSchedule(128, 256, 8, /*pairs=*/true), many));
  work.inPairs = true;
  EXPECT_GT(price(makeSchedule(128, 256, 8), many),
            1.5 * price(makeSchedule(128, 256, 8, /*pairs=*/true), many));
}

TEST_F(CostModelTest, AttentionIsCheaperFused) {
  StreamWork work = count(kDense);
  for (auto [call, schedule] :
       {std::pair(CallSize{2048, 2048}, makeSchedule(128, 256, 8)),
        std::pair(CallSize{4, 32768}, makeSchedule(4, 128, 4, false, true))}) {
    EXPECT_LT(estimateFused(work, machine, schedule, call),
              estimateDecomposed(work, machine, schedule, call));
  }
}

/// A state that is large beside what a pair does: to repair it at every step
/// costs more than to write one number per pair.
TEST_F(CostModelTest, LargeStatesAreCheaperDecomposed) {
  StreamWork work;
  work.scoreProducts = 8;
  work.stateElements = 4096;
  work.exponentials = 0.1;
  work.fiberTransfers = 2;
  work.fiberBytes = 8;
  work.keyBytes = 8;
  tile::ScheduleAttr schedule = makeSchedule(8, 64, 2, false, true);
  CallSize call = {8, 4096};
  EXPECT_GT(estimateFused(work, machine, schedule, call),
            estimateDecomposed(work, machine, schedule, call));
}

} // namespace
