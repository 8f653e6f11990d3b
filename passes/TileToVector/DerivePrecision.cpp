//===- DerivePrecision.cpp - how exact exponentials need to be ------------===//

#include "fovea/passes/TileToVector/Passes.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
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

/// True if a sum only ends as a divisor: an error that it shares with what it
/// divides is lost there, but not in a logarithm of it.
static bool onlyDivides(Value sum) {
  return llvm::all_of(sum.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<arith::AddFOp, arith::MulFOp>(user)) {
      return onlyDivides(user->getResult(0));
    }
    auto stream = dyn_cast<tile::StreamOp>(user->getParentOp());
    auto divisors = stream ? stream->getAttrOfType<DenseI64ArrayAttr>(
                                 tile::kDivisorsAttrName)
                           : DenseI64ArrayAttr();
    return divisors && isa<tile::YieldOp>(user) &&
           llvm::is_contained(divisors.asArrayRef(), use.getOperandNumber());
  });
}

/// True if every use of a tile of weights rounds it to bf16 for a product of
/// pairs or sums it to a divisor. At least one is a product.
static bool isOnlyRounded(Value weights, bool &isMultiplied) {
  return llvm::all_of(weights.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (auto guard = dyn_cast<tile::GuardOp>(user)) {
      return guard.getValue() == weights &&
             isOnlyRounded(guard.getResult(), isMultiplied);
    }
    if (auto reduce = dyn_cast<tile::ReduceOp>(user)) {
      return reduce.getCombine() == tile::Combine::Sum &&
             onlyDivides(reduce.getResult());
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
