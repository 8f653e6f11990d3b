//===- X86ExpandMath.cpp - exponentials of vectors ------------------------===//
//
// 2^x = 2^n * 2^f with n = floor(x) and f = x - n in [0, 1). For 2^f stands the
// polynomial p of least degree that is good enough, among those with p(0) = 1
// and the least relative error. Degree 5 is off by at most 8.3e-8, 1.5e-7 when
// evaluated in f32; where `tile.error` says that the uses do not notice more,
// degree 3 is off by 8.6e-5.
//
//   x = -2.5:  n = -3, f = 0.5, p = 1.4142136, result 1.4142136 * 2^-3
//
// 512-bit registers have one instruction for f and one that multiplies by
// 2^floor(x) and knows about underflow, overflow and infinities. Elsewhere 2^n
// is built from bits: n + 127 in the exponent field is 0 (the number 0) for
// n = -127 and 255 (infinity) for n = 128, so clamping x to [-127, 128] makes
// the ends right.
//
//===----------------------------------------------------------------------===//

#include "fovea/Target/X86/Passes.h"

#include "fovea/dialects/Tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fovea {
#define GEN_PASS_DEF_X86EXPANDMATHPASS
#include "fovea/passes/Target/X86/Passes.h.inc"
} // namespace fovea

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

namespace {

/// Builds the code in place of one operation.
class ExponentialBuilder {
public:
  ExponentialBuilder(Operation *op, bool wide)
      : b(op), loc(op->getLoc()),
        type(cast<VectorType>(op->getResult(0).getType())),
        coefficients(chooseCoefficients(op)),
        useWide(wide && type.getRank() == 1 && type.getDimSize(0) == 16) {}

  Value buildExp2(Value x) {
    if (useWide) {
      return scale(polynomial(fraction(x)), x);
    }
    x = clamp(x, -127.0f, 128.0f);
    Value n = math::FloorOp::create(b, loc, x);
    Value f = arith::SubFOp::create(b, loc, x, n);
    return arith::MulFOp::create(b, loc, polynomial(f), powerOfTwo(n));
  }

  /// 2^(x log2 e), with the product in two parts: t, rounded, and `rest`. The
  /// clamp leaves results of 0 and infinity and keeps `rest` from being
  /// infinity minus infinity.
  Value buildExp(Value x) {
    x = clamp(x, -104.0f, 89.0f);
    Value t = arith::MulFOp::create(b, loc, x, splat(kLog2E));
    Value negated = arith::NegFOp::create(b, loc, t);
    Value rest = math::FmaOp::create(b, loc, x, splat(kLog2E), negated);
    rest = math::FmaOp::create(b, loc, x, splat(kLog2ELow), rest);
    if (useWide) {
      Value f = arith::AddFOp::create(b, loc, fraction(t), rest);
      return scale(polynomial(f), t);
    }
    t = clamp(t, -127.0f, 128.0f);
    Value n = math::FloorOp::create(b, loc, t);
    Value f = arith::SubFOp::create(b, loc, t, n);
    f = arith::AddFOp::create(b, loc, f, rest);
    return arith::MulFOp::create(b, loc, polynomial(f), powerOfTwo(n));
  }

private:
  Value splat(double value) {
    auto element = b.getF32FloatAttr(static_cast<float>(value));
    return arith::ConstantOp::create(b, loc,
                                     DenseElementsAttr::get(type, element));
  }

  /// A NaN stays: no comparison with it holds.
  Value clamp(Value x, float low, float high) {
    auto select = [&](arith::CmpFPredicate predicate, float bound) {
      Value limit = splat(bound);
      Value beyond = arith::CmpFOp::create(b, loc, predicate, x, limit);
      return arith::SelectOp::create(b, loc, beyond, limit, x);
    };
    x = select(arith::CmpFPredicate::OLT, low);
    return select(arith::CmpFPredicate::OGT, high);
  }

  Value polynomial(Value f) {
    Value p = splat(coefficients.back());
    for (double c : llvm::reverse(coefficients.drop_back())) {
      p = math::FmaOp::create(b, loc, p, f, splat(c));
    }
    return math::FmaOp::create(b, loc, p, f, splat(1.0));
  }

  /// 2^n for whole n from -127 (gives 0) to 128 (gives infinity). Adding
  /// 1.5 * 2^23 leaves n + 127 in the low bits of the fraction; shifting moves
  /// its 8 bits to the exponent and all others out.
  Value powerOfTwo(Value n) {
    auto integers = VectorType::get(type.getShape(), b.getI32Type());
    Value shifted = arith::AddFOp::create(b, loc, n, splat(12582912.0 + 127.0));
    Value bits = arith::BitcastOp::create(b, loc, integers, shifted);
    auto places = DenseElementsAttr::get(integers, b.getI32IntegerAttr(23));
    Value by = arith::ConstantOp::create(b, loc, places);
    bits = arith::ShLIOp::create(b, loc, bits, by);
    return arith::BitcastOp::create(b, loc, type, bits);
  }

  Value integer(unsigned width, int64_t value) {
    return LLVM::ConstantOp::create(
        b, loc, b.getIntegerType(width),
        b.getIntegerAttr(b.getIntegerType(width), value));
  }

  Value call(StringRef intrinsic, ValueRange arguments) {
    return LLVM::CallIntrinsicOp::create(b, loc, type,
                                         b.getStringAttr(intrinsic), arguments)
        .getResult(0);
  }

  /// x - floor(x): rounding mode 1 is down.
  Value fraction(Value x) {
    return call("llvm.x86.avx512.mask.reduce.ps.512",
                {x, integer(32, 1), x, integer(16, -1), integer(32, 4)});
  }

  /// p * 2^floor(x).
  Value scale(Value p, Value x) {
    return call("llvm.x86.avx512.mask.scalef.ps.512",
                {p, x, p, integer(16, -1), integer(32, 4)});
  }

  OpBuilder b;
  Location loc;
  VectorType type;
  ArrayRef<double> coefficients;
  bool useWide;
};

struct X86ExpandMath
    : public fovea::impl::X86ExpandMathPassBase<X86ExpandMath> {
  using X86ExpandMathPassBase::X86ExpandMathPassBase;

  void runOnOperation() override {
    auto isOther = [](StringRef name) {
      return name != math::ExpOp::getOperationName() &&
             name != math::Exp2Op::getOperationName();
    };
    // 16-bit floats first go to f32, exponentials as well.
    RewritePatternSet patterns(&getContext());
    populateMathF32ExpansionPatterns(patterns, [](StringRef) { return true; });
    populateMathPolynomialApproximationPatterns(patterns, isOther);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      return signalPassFailure();
    }
    getOperation().walk([&](Operation *op) {
      auto type = isa<math::ExpOp, math::Exp2Op>(op)
                      ? dyn_cast<VectorType>(op->getResult(0).getType())
                      : VectorType();
      if (!type || !type.getElementType().isF32()) {
        return;
      }
      ExponentialBuilder builder(op, wide);
      Value x = op->getOperand(0);
      Value value =
          isa<math::ExpOp>(op) ? builder.buildExp(x) : builder.buildExp2(x);
      op->getResult(0).replaceAllUsesWith(value);
      op->erase();
    });
  }
};

} // namespace
