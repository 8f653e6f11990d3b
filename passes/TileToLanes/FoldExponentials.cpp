//===- FoldExponentials.cpp - scale and base of exponentials in one step --===//
//
// The weights of softmax are exp(c s - m) with a constant scale c. Machines
// raise 2, not e, and multiply and add in one step:
//
//   exp(c s - m)  =  exp2(s (c log2 e) - m log2 e)
//
// where m log2 e is one number per row. The maximum of c s over the keys, with
// c > 0, is c times the maximum of s, so that nothing else needs the products
// c s, and they go.
//
//===----------------------------------------------------------------------===//

#include "fovea/passes/TileToLanes/Passes.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fovea {
#define GEN_PASS_DEF_FOLDEXPONENTIALSPASS
#include "fovea/passes/TileToLanes/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// The constant that a tile repeats everywhere.
static std::optional<double> getSplat(Value tile) {
  auto broadcast = tile.getDefiningOp<tile::BroadcastOp>();
  APFloat value(0.0);
  if (!broadcast || !matchPattern(broadcast.getValue(),
                                  m_ConstantFloat(&value))) {
    return std::nullopt;
  }
  bool lost;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return value.convertToDouble();
}

static Value makeSplat(OpBuilder &b, Location loc, Type tile, double value) {
  Type element = cast<RankedTensorType>(tile).getElementType();
  Value scalar = arith::ConstantOp::create(b, loc, b.getFloatAttr(element, value));
  return tile::BroadcastOp::create(b, loc, tile, scalar);
}

/// `x` times a constant, or `x` times 1.
static std::pair<Value, double> getScaled(Value tile) {
  if (auto product = tile.getDefiningOp<arith::MulFOp>()) {
    if (std::optional<double> scale = getSplat(product.getRhs())) {
      return {product.getLhs(), *scale};
    }
    if (std::optional<double> scale = getSplat(product.getLhs())) {
      return {product.getRhs(), *scale};
    }
  }
  return {tile, 1.0};
}

static constexpr double kLog2E = 1.4426950408889634;

static bool isF32Tile(Type type) {
  return !tile::getRanks(type).empty() &&
         cast<RankedTensorType>(type).getElementType().isF32();
}

namespace {

/// exp(c x - y) with a tile y that repeats along some rank.
struct FoldDifference : OpRewritePattern<math::ExpOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(math::ExpOp op,
                                PatternRewriter &b) const override {
    Type type = op.getType();
    if (!isF32Tile(type)) {
      return failure();
    }
    Location loc = op.getLoc();
    auto difference = op.getOperand().getDefiningOp<arith::SubFOp>();
    auto row = difference
                   ? difference.getRhs().getDefiningOp<tile::BroadcastOp>()
                   : nullptr;
    if (!row || tile::getRanks(row.getValue().getType()).empty()) {
      Value scaled = arith::MulFOp::create(b, loc, op.getOperand(),
                                           makeSplat(b, loc, type, kLog2E));
      b.replaceOpWithNewOp<math::Exp2Op>(op, scaled);
      return success();
    }
    auto [x, scale] = getScaled(difference.getLhs());
    Value y = arith::MulFOp::create(
        b, loc, row.getValue(),
        makeSplat(b, loc, row.getValue().getType(), -kLog2E));
    Value spread = tile::BroadcastOp::create(b, loc, type, y);
    Value exponent = math::FmaOp::create(
        b, loc, x, makeSplat(b, loc, type, scale * kLog2E), spread);
    b.replaceOpWithNewOp<math::Exp2Op>(op, exponent);
    return success();
  }
};

/// max(c x) = c max(x), also where some x count as -infinity.
struct FoldMaximum : OpRewritePattern<tile::ReduceOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(tile::ReduceOp op,
                                PatternRewriter &b) const override {
    if (op.getCombine() != tile::Combine::Max || !isF32Tile(op.getType())) {
      return failure();
    }
    Location loc = op.getLoc();
    auto guard = op.getValue().getDefiningOp<tile::GuardOp>();
    APFloat none(0.0f);
    if (guard && (!matchPattern(guard.getOtherwise(), m_ConstantFloat(&none)) ||
                  !none.isInfinity() || !none.isNegative())) {
      return failure();
    }
    auto [x, scale] = getScaled(guard ? guard.getValue() : op.getValue());
    if (scale == 1.0 || scale <= 0) {
      return failure();
    }
    Value value = x;
    if (guard) {
      value = tile::GuardOp::create(b, loc, x.getType(), guard.getVisible(), x,
                                    guard.getOtherwise());
    }
    Value most =
        tile::ReduceOp::create(b, loc, op.getType(), op.getCombine(), value);
    b.replaceOpWithNewOp<arith::MulFOp>(
        op, most, makeSplat(b, loc, op.getType(), scale));
    return success();
  }
};

struct FoldExponentials
    : public fovea::impl::FoldExponentialsPassBase<FoldExponentials> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldDifference, FoldMaximum>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      signalPassFailure();
    }
  }
};

} // namespace
