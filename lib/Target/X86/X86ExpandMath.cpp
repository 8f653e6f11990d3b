//===- X86ExpandMath.cpp - exponentials of vectors ------------------------===//
//
// 512-bit registers have one instruction for the fraction of x and one that
// multiplies by 2^floor(x) and knows about underflow, overflow and infinities.
//
//===----------------------------------------------------------------------===//

#include "fovea/Target/X86/Passes.h"

#include "fovea/Target/Common/ExpandMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
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

/// Makes a function flush results below the least normal number to 0 while it
/// runs (FTZ of MXCSR). Exponentials of distant scores are such results, and each
/// would cost Intel's processors a hundred cycles and more, as would each
/// product with it.
void flushSmallResults(func::FuncOp function) {
  constexpr int32_t kFlushToZero = 1 << 15;
  OpBuilder b(function.getContext());
  b.setInsertionPointToStart(&function.getBody().front());
  Location loc = function.getLoc();
  Type i32 = b.getI32Type();
  Value one = LLVM::ConstantOp::create(b, loc, i32, b.getI32IntegerAttr(1));
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto allocate = [&]() -> Value {
    return LLVM::AllocaOp::create(b, loc, pointer, i32, one);
  };
  auto call = [&](StringRef intrinsic, Value slot) {
    LLVM::CallIntrinsicOp::create(b, loc, b.getStringAttr(intrinsic),
                                  ValueRange{slot});
  };
  Value before = allocate(), within = allocate();
  call("llvm.x86.sse.stmxcsr", before);
  Value old = LLVM::LoadOp::create(b, loc, i32, before);
  Value flush =
      LLVM::ConstantOp::create(b, loc, i32, b.getI32IntegerAttr(kFlushToZero));
  LLVM::StoreOp::create(b, loc, LLVM::OrOp::create(b, loc, old, flush), within);
  call("llvm.x86.sse.ldmxcsr", within);
  function.walk([&](func::ReturnOp end) {
    b.setInsertionPoint(end);
    call("llvm.x86.sse.ldmxcsr", before);
  });
}

/// True if the function has exponentials of whole registers.
bool hasExponentials(func::FuncOp function) {
  return function
      .walk([](Operation *op) {
        bool isExponential = isa<math::ExpOp, math::Exp2Op>(op);
        auto type = isExponential
                        ? dyn_cast<VectorType>(op->getResult(0).getType())
                        : VectorType();
        bool found = type && type.getRank() == 1 && type.getDimSize(0) == 16;
        return found ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

struct X86ExpandMath
    : public fovea::impl::X86ExpandMathPassBase<X86ExpandMath> {
  using X86ExpandMathPassBase::X86ExpandMathPassBase;

  void runOnOperation() override {
    auto make = [&](Operation *op) -> std::unique_ptr<ExponentialBuilder> {
      return std::make_unique<X86ExponentialBuilder>(op, wide);
    };
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (wide && !function.isDeclaration() && hasExponentials(function)) {
        flushSmallResults(function);
      }
    }
    if (failed(expandMath(getOperation(), make))) {
      signalPassFailure();
    }
  }
};

} // namespace
