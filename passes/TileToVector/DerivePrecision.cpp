//===- DerivePrecision.cpp - how exact exponentials need to be ------------===//

#include "fovea/passes/TileToVector/Passes.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace fovea {
#define GEN_PASS_DEF_DERIVEPRECISIONPASS
#include "fovea/passes/TileToVector/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// Rounding to bf16 adds up to 2^-9, relatively; a quarter of it.
static constexpr float kErrorBeforeBF16 = 0x1p-11f;

/// True if every use of a tile of weights rounds it to bf16 for a product of
/// pairs or sums it. A sum alone is none: it may be all that is wanted.
static bool isOnlyRounded(Value weights, bool &isMultiplied) {
  return llvm::all_of(weights.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (auto guard = dyn_cast<tile::GuardOp>(user)) {
      return guard.getValue() == weights &&
             isOnlyRounded(guard.getResult(), isMultiplied);
    }
    if (auto reduce = dyn_cast<tile::ReduceOp>(user)) {
      return reduce.getCombine() == tile::Combine::Sum;
    }
    auto product = dyn_cast<tile::ContractOp>(user);
    if (!product || product.getLhs() == weights ||
        !cast<RankedTensorType>(product.getLhs().getType())
             .getElementType()
             .isBF16()) {
      return false;
    }
    isMultiplied = true;
    return true;
  });
}

namespace {

struct DerivePrecision
    : public fovea::impl::DerivePrecisionPassBase<DerivePrecision> {
  void runOnOperation() override {
    auto schedule = getOperation()->getAttrOfType<tile::ScheduleAttr>(
        tile::kScheduleAttrName);
    if (!schedule || !schedule.getPairs()) {
      return;
    }
    Builder b(&getContext());
    getOperation().walk([&](Operation *op) {
      bool isMultiplied = false;
      if (isa<math::ExpOp, math::Exp2Op>(op) &&
          isOnlyRounded(op->getResult(0), isMultiplied) && isMultiplied) {
        op->setAttr(tile::kErrorAttrName, b.getF32FloatAttr(kErrorBeforeBF16));
      }
    });
  }
};

} // namespace
