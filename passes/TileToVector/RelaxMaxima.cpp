//===- RelaxMaxima.cpp - maxima that need not tell of a NaN ---------------===//

#include "fovea/passes/TileToVector/Passes.h"

#include "fovea/Analysis/NaN.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseSet.h"

namespace fovea {
#define GEN_PASS_DEF_RELAXMAXIMAPASS
#include "fovea/passes/TileToVector/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// True if a NaN of one that `isSource` accepts becomes one of `v`, point by
/// point. `visible`, if any, is the mask below which sources are guarded: the
/// same guard on the way hides nothing more.
static bool carriesNaN(Value v, llvm::function_ref<bool(Value)> isSource,
                       Value visible, llvm::DenseSet<Value> &seen) {
  if (isSource(v)) {
    return true;
  }
  Operation *op = v.getDefiningOp();
  if (!op || !seen.insert(v).second) {
    return false;
  }
  auto carries = [&](Value operand) {
    return carriesNaN(operand, isSource, visible, seen);
  };
  if (auto guard = dyn_cast<tile::GuardOp>(op)) {
    return guard.getVisible() == visible && carries(guard.getValue());
  }
  return (propagatesNaN(op) || isa<tile::BroadcastOp>(op)) &&
         llvm::any_of(op->getOperands(), carries);
}

/// The reduction that a running maximum takes in, perhaps scaled:
/// max(old, c * reduce max ...).
static tile::ReduceOp findReduction(Value next, Value old) {
  auto maximum = next.getDefiningOp<arith::MaximumFOp>();
  if (!maximum || (maximum.getLhs() != old && maximum.getRhs() != old)) {
    return {};
  }
  Value taken = maximum.getLhs() == old ? maximum.getRhs() : maximum.getLhs();
  if (auto scaled = taken.getDefiningOp<arith::MulFOp>()) {
    auto spread = scaled.getRhs().getDefiningOp<tile::BroadcastOp>();
    if (!scaled->hasOneUse() || !spread ||
        !matchPattern(spread.getValue(), m_Constant())) {
      return {};
    }
    taken = scaled.getLhs();
  }
  auto reduce = taken.getDefiningOp<tile::ReduceOp>();
  bool fits = reduce && reduce->hasOneUse() &&
              reduce.getCombine() == tile::Combine::Max &&
              isa<FloatType>(getElementTypeOrSelf(reduce.getType()));
  return fits ? reduce : tile::ReduceOp();
}

/// True if `next` of a carried value sums over what a NaN of `scores` reaches,
/// and keeps what `old` has.
static bool records(Value next, Value old, Value scores, Value visible) {
  llvm::DenseSet<Value> seen;
  if (!carriesNaN(next, [&](Value v) { return v == old; }, {}, seen)) {
    return false;
  }
  auto isScore = [&](Value v) { return v == scores; };
  auto isSum = [&](Value v) {
    llvm::DenseSet<Value> below;
    if (auto reduce = v.getDefiningOp<tile::ReduceOp>()) {
      return reduce.getCombine() == tile::Combine::Sum &&
             carriesNaN(reduce.getValue(), isScore, visible, below);
    }
    auto product = v.getDefiningOp<tile::ContractOp>();
    return product && carriesNaN(product.getRhs(), isScore, visible, below);
  };
  seen.clear();
  return carriesNaN(next, isSum, {}, seen);
}

static void relax(tile::StreamOp stream) {
  auto companions =
      stream->getAttrOfType<DenseI64ArrayAttr>(tile::kCompanionsAttrName);
  Block &body = stream.getBody().front();
  // What leaves with a step has seen no other carried value.
  if (!companions || !body.getOps<tile::StoreOp>().empty()) {
    return;
  }
  ValueRange carried = body.getArguments().take_back(stream.getNumResults());
  ValueRange yields = body.getTerminator()->getOperands();
  for (int64_t i : companions.asArrayRef()) {
    tile::ReduceOp reduce = findReduction(yields[i], carried[i]);
    if (!reduce) {
      continue;
    }
    Value scores = reduce.getValue(), visible;
    if (auto guard = scores.getDefiningOp<tile::GuardOp>()) {
      scores = guard.getValue();
      visible = guard.getVisible();
    }
    bool allRecord = carried.size() > 1;
    for (unsigned j = 0; j < carried.size(); ++j) {
      allRecord &= j == static_cast<unsigned>(i) ||
                   records(yields[j], carried[j], scores, visible);
    }
    if (allRecord) {
      reduce.setCombine(tile::Combine::MaxNumber);
    }
  }
}

namespace {

struct RelaxMaxima : public fovea::impl::RelaxMaximaPassBase<RelaxMaxima> {
  void runOnOperation() override { getOperation().walk(relax); }
};

} // namespace
