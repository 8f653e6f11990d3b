//===- X86Schedule.cpp - tile sizes, chosen here and nowhere else ---------===//

#include "fovea/Target/X86/Passes.h"

#include "fovea/Target/X86/X86TargetInfo.h"
#include "fovea/dialects/Cascade/CascadeOps.h"
#include "fovea/dialects/Tile/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/TypeUtilities.h"

namespace fovea {
#define GEN_PASS_DEF_X86SCHEDULEPASS
#include "fovea/passes/Target/X86/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// True if a fold of the function streams an operand of bf16.
static bool streamsPairs(func::FuncOp function) {
  bool found = false;
  function.walk([&](cascade::FoldOp fold) {
    for (Value input : fold.getInputs()) {
      Type element = getElementTypeOrSelf(input.getType());
      found |= element.isBF16();
    }
  });
  return found;
}

/// Register tiles of `block` coordinates by two registers of rows; four of them
/// share what a step prepares.
static tile::ScheduleAttr choose(func::FuncOp function, const X86Chip &chip) {
  int64_t rows = 4 * 2 * chip.lanes;
  int64_t keys = chip.isWide() ? 256 : 128;
  int64_t block = chip.registers / 4;
  bool pairs = chip.hasPairs && streamsPairs(function);
  return tile::ScheduleAttr::get(function.getContext(), rows, keys, block,
                                 chip.lanes, pairs, /*splits=*/16, /*subgroups=*/1,
                                 /*stages=*/0, /*pack=*/true, /*narrow=*/false,
                                 /*ahead=*/0);
}

/// Decoding has the rows of the heads that share keys, and memory binds it:
/// half of the registers add up eight rows by two keys or two vectors of
/// channels, and memory is asked 4 to 6 KB ahead of each stream.
static tile::ScheduleAttr chooseFewRows(func::FuncOp function,
                                        const X86Chip &chip) {
  bool pairs = chip.hasPairs && streamsPairs(function);
  return tile::ScheduleAttr::get(
      function.getContext(), /*rows=*/chip.registers / 4,
      /*keys=*/4 * chip.lanes, /*block=*/2, chip.lanes, pairs, /*splits=*/16,
      /*subgroups=*/1, /*stages=*/0, /*pack=*/true, /*narrow=*/true,
      /*ahead=*/24);
}

namespace {

struct X86Schedule : public fovea::impl::X86SchedulePassBase<X86Schedule> {
  using X86SchedulePassBase::X86SchedulePassBase;

  void runOnOperation() override {
    llvm::Expected<X86Chip> row = lookUpX86Chip(chip);
    if (!row) {
      getOperation().emitError(llvm::toString(row.takeError()));
      return signalPassFailure();
    }
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isPublic() && !function.isDeclaration() &&
          !function->hasAttr(tile::kScheduleAttrName)) {
        function->setAttr(tile::kScheduleAttrName, choose(function, *row));
        function->setAttr(
            tile::kFewRowsAttrName,
            ArrayAttr::get(&getContext(), {chooseFewRows(function, *row)}));
      }
    }
  }
};

} // namespace
