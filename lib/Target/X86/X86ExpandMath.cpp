//===- X86ExpandMath.cpp - exponentials of vectors ------------------------===//
//
// 512-bit registers have one instruction for the fraction of x and one that
// multiplies by 2^floor(x) and knows about underflow, overflow and infinities.
//
//===----------------------------------------------------------------------===//

#include "fovea/Target/X86/Passes.h"

#include "fovea/Target/Common/ExpandMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace fovea {
#define GEN_PASS_DEF_X86EXPANDMATHPASS
#include "fovea/passes/Target/X86/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

class X86ExponentialBuilder : public ExponentialBuilder {
public:
  X86ExponentialBuilder(Operation *op, bool wide)
      : ExponentialBuilder(op), wide(wide) {}

private:
  bool scales() const override {
    return wide && type.getRank() == 1 && type.getDimSize(0) == 16;
  }

  /// Rounding mode 1 is down.
  Value fraction(Value x) override {
    return scales() ? call("llvm.x86.avx512.mask.reduce.ps.512",
                           {x, integer(32, 1), x, integer(16, -1),
                            integer(32, 4)})
                    : ExponentialBuilder::fraction(x);
  }

  Value scale(Value p, Value x) override {
    return scales() ? call("llvm.x86.avx512.mask.scalef.ps.512",
                           {p, x, p, integer(16, -1), integer(32, 4)})
                    : ExponentialBuilder::scale(p, x);
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

  bool wide;
};

struct X86ExpandMath
    : public fovea::impl::X86ExpandMathPassBase<X86ExpandMath> {
  using X86ExpandMathPassBase::X86ExpandMathPassBase;

  void runOnOperation() override {
    auto make = [&](Operation *op) -> std::unique_ptr<ExponentialBuilder> {
      return std::make_unique<X86ExponentialBuilder>(op, wide);
    };
    if (failed(expandMath(getOperation(), make))) {
      signalPassFailure();
    }
  }
};

} // namespace
