//===- AArch64Schedule.cpp - tile sizes, chosen here and nowhere else -----===//

#include "fovea/Target/AArch64/Passes.h"

#include "fovea/Target/AArch64/AArch64TargetInfo.h"
#include "fovea/dialects/Cascade/CascadeOps.h"
#include "fovea/dialects/Tile/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/TypeUtilities.h"

namespace fovea {
#define GEN_PASS_DEF_AARCH64SCHEDULEPASS
#include "fovea/passes/Target/AArch64/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// True if a fold of the function streams an operand of bf16.
static bool streamsPairs(func::FuncOp function) {
  WalkResult result = function.walk([](cascade::FoldOp fold) {
    for (Value input : fold.getInputs()) {
      if (getElementTypeOrSelf(input.getType()).isBF16()) {
        return WalkResult::interrupt();
      }
    }
    return WalkResult::advance();
  });
  return result.wasInterrupted();
}

/// What all schedules share.
static tile::Schedule start(bool pairs) {
  tile::Schedule schedule;
  schedule.lanes = kAArch64Lanes;
  schedule.pairs = pairs;
  schedule.splits = 16;
  schedule.pack = true;
  return schedule;
}

/// Four panels of two registers of rows.
static tile::ScheduleAttr choose(MLIRContext *context, bool pairs) {
  tile::Schedule schedule = start(pairs);
  schedule.rows = 4 * 2 * kAArch64Lanes;
  schedule.keys = 128;
  schedule.block = kAArch64Registers / 4;
  return tile::ScheduleAttr::get(context, schedule);
}

/// Half of the registers add up four rows, as many as there are lanes, by four
/// keys or four vectors of channels. These cores fetch ahead of streams by
/// themselves.
static tile::ScheduleAttr chooseFewRows(MLIRContext *context, bool pairs) {
  tile::Schedule schedule = start(pairs);
  schedule.rows = kAArch64Lanes;
  schedule.keys = 8 * kAArch64Lanes;
  schedule.block = 4;
  schedule.narrow = true;
  return tile::ScheduleAttr::get(context, schedule);
}

namespace {

struct AArch64Schedule
    : public fovea::impl::AArch64SchedulePassBase<AArch64Schedule> {
  using AArch64SchedulePassBase::AArch64SchedulePassBase;

  void runOnOperation() override {
    llvm::Expected<AArch64Chip> row = lookUpAArch64Chip(chip);
    if (!row) {
      getOperation().emitError(llvm::toString(row.takeError()));
      return signalPassFailure();
    }
    MLIRContext *context = &getContext();
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isPublic() && !function.isDeclaration() &&
          !function->hasAttr(tile::kScheduleAttrName)) {
        bool pairs = row->hasPairs && streamsPairs(function);
        function->setAttr(tile::kScheduleAttrName, choose(context, pairs));
        function->setAttr(
            tile::kFewRowsAttrName,
            ArrayAttr::get(context, {chooseFewRows(context, pairs)}));
      }
    }
  }
};

} // namespace
