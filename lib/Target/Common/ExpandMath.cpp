//===- ExpandMath.cpp - functions of vectors as arithmetic ----------------===//

#include "fovea/Target/Common/ExpandMath.h"

#include "fovea/dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace fovea;

/// Coefficients of x^1, x^2, ..., that of x^0 being 1, by falling error.
struct Polynomial {
  double error;
  llvm::ArrayRef<double> coefficients;
};
static constexpr double kDegree3[] = {0.6951167896781277, 0.2276449767497859,
                                      0.07706705524458808};
static constexpr double kDegree4[] = {0.6930448447288934, 0.24128020612551782,
                                      0.05224247129065333,
                                      0.013426686096009567};
static constexpr double kDegree5[] = {0.6931513118048791, 0.2401644501528742,
                                      0.05579991310966389, 0.009017030315901533,
                                      0.001867130072435736};
static const Polynomial kPolynomials[] = {
    {9e-5, kDegree3}, {4e-6, kDegree4}, {2e-7, kDegree5}};

/// The shortest polynomial for what `tile.error` of `op` allows.
static llvm::ArrayRef<double> chooseCoefficients(Operation *op) {
  auto allowed = op->getAttrOfType<FloatAttr>(tile::kErrorAttrName);
  for (const Polynomial &polynomial : kPolynomials) {
    if (allowed && polynomial.error <= allowed.getValueAsDouble()) {
      return polynomial.coefficients;
    }
  }
  return kDegree5;
}

/// log2(e) as a float and what that float lacks.
static constexpr float kLog2E = 1.44269504f;
static constexpr double kLog2ELow = 1.4426950408889634 - double(kLog2E);

ExponentialBuilder::ExponentialBuilder(Operation *op)
    : b(op), loc(op->getLoc()),
      type(cast<VectorType>(op->getResult(0).getType())), op(op),
      coefficients(chooseCoefficients(op)) {}

ExponentialBuilder::~ExponentialBuilder() = default;

Value ExponentialBuilder::build() {
  Value x = op->getOperand(0);
  return isa<math::ExpOp>(op) ? buildExp(x) : buildExp2(x);
}

Value ExponentialBuilder::fraction(Value x) {
  Value n = math::FloorOp::create(b, loc, x);
  return arith::SubFOp::create(b, loc, x, n);
}

Value ExponentialBuilder::scale(Value p, Value x) {
  Value n = math::FloorOp::create(b, loc, x);
  return arith::MulFOp::create(b, loc, p, powerOfTwo(n));
}

Value ExponentialBuilder::buildExp2(Value x) {
  if (!scales()) {
    x = clamp(x, -127.0f, 128.0f);
  }
  return scale(polynomial(fraction(x)), x);
}

/// 2^(x log2 e), with the product in two parts: t, rounded, and `rest`. The
/// clamp leaves results of 0 and infinity and keeps `rest` from being
/// infinity minus infinity.
Value ExponentialBuilder::buildExp(Value x) {
  x = clamp(x, -104.0f, 89.0f);
  Value t = arith::MulFOp::create(b, loc, x, splat(kLog2E));
  Value negated = arith::NegFOp::create(b, loc, t);
  Value rest = math::FmaOp::create(b, loc, x, splat(kLog2E), negated);
  rest = math::FmaOp::create(b, loc, x, splat(kLog2ELow), rest);
  if (!scales()) {
    t = clamp(t, -127.0f, 128.0f);
  }
  Value f = arith::AddFOp::create(b, loc, fraction(t), rest);
  return scale(polynomial(f), t);
}

Value ExponentialBuilder::splat(double value) {
  auto element = b.getF32FloatAttr(static_cast<float>(value));
  return arith::ConstantOp::create(b, loc,
                                   DenseElementsAttr::get(type, element));
}

/// A NaN stays: no comparison with it holds.
Value ExponentialBuilder::clamp(Value x, float low, float high) {
  auto select = [&](arith::CmpFPredicate predicate, float bound) {
    Value limit = splat(bound);
    Value beyond = arith::CmpFOp::create(b, loc, predicate, x, limit);
    return arith::SelectOp::create(b, loc, beyond, limit, x);
  };
  x = select(arith::CmpFPredicate::OLT, low);
  return select(arith::CmpFPredicate::OGT, high);
}

Value ExponentialBuilder::polynomial(Value f) {
  Value p = splat(coefficients.back());
  for (double c : llvm::reverse(coefficients.drop_back())) {
    p = math::FmaOp::create(b, loc, p, f, splat(c));
  }
  return math::FmaOp::create(b, loc, p, f, splat(1.0));
}

/// 2^n for whole n from -127 (gives 0) to 128 (gives infinity). Adding
/// 1.5 * 2^23 leaves n + 127 in the low bits of the fraction; shifting moves
/// its 8 bits to the exponent and all others out.
Value ExponentialBuilder::powerOfTwo(Value n) {
  auto integers = VectorType::get(type.getShape(), b.getI32Type());
  Value shifted = arith::AddFOp::create(b, loc, n, splat(12582912.0 + 127.0));
  Value bits = arith::BitcastOp::create(b, loc, integers, shifted);
  auto places = DenseElementsAttr::get(integers, b.getI32IntegerAttr(23));
  Value by = arith::ConstantOp::create(b, loc, places);
  bits = arith::ShLIOp::create(b, loc, bits, by);
  return arith::BitcastOp::create(b, loc, type, bits);
}

LogicalResult fovea::expandMath(Operation *root, MakeExponential make) {
  auto isOther = [](StringRef name) {
    return name != math::ExpOp::getOperationName() &&
           name != math::Exp2Op::getOperationName();
  };
  // 16-bit floats first go to f32, exponentials as well.
  RewritePatternSet patterns(root->getContext());
  populateMathF32ExpansionPatterns(patterns, [](StringRef) { return true; });
  populateMathPolynomialApproximationPatterns(patterns, isOther);
  if (failed(applyPatternsGreedily(root, std::move(patterns)))) {
    return failure();
  }
  root->walk([&](Operation *op) {
    auto type = isa<math::ExpOp, math::Exp2Op>(op)
                    ? dyn_cast<VectorType>(op->getResult(0).getType())
                    : VectorType();
    if (!type || !type.getElementType().isF32()) {
      return;
    }
    op->getResult(0).replaceAllUsesWith(make(op)->build());
    op->erase();
  });
  return success();
}
