//===- BF16AsIntegers.cpp - bf16 for chips that do not know it ------------===//
//
// LLVM gives bf16 registers only where the chip has instructions for it. On
// other x86-64 chips it moves a vector of bf16 - a shuffle, a choice, a part of
// another vector - by widening each element to f32 and rounding it back with a
// call of `__truncsfbf2`: some ten instructions an element, and a function that
// nothing here defines. Vectors of i16 it moves in one instruction. So LLVM is
// given i16 where there was bf16, and what computes is written out.
//
//===----------------------------------------------------------------------===//

#include "fovea/Target/Common/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace fovea {
#define GEN_PASS_DEF_BF16ASINTEGERSPASS
#include "fovea/passes/Target/Common/Passes.h.inc"
} // namespace fovea

using namespace mlir;

static bool isBF16(Value v) {
  return getElementTypeOrSelf(v.getType()).isBF16();
}

static bool hasBF16(Operation *op) {
  return llvm::any_of(op->getOperands(), isBF16) ||
         llvm::any_of(op->getResults(), isBF16);
}

static Type withElement(Type like, Type element) {
  auto vector = dyn_cast<VectorType>(like);
  return vector ? Type(vector.clone(element)) : element;
}

static bool isConversion(Operation *op) {
  return isa<arith::ExtFOp, arith::TruncFOp>(op);
}

/// True if the meaning of an operation depends on what its bits stand for.
static bool computes(Operation *op) {
  if (isa<arith::ArithDialect, math::MathDialect>(op->getDialect())) {
    return !isConversion(op) &&
           !isa<arith::BitcastOp, arith::ConstantOp, arith::SelectOp>(op);
  }
  return isa<vector::ContractionOp, vector::FMAOp, vector::MultiDimReductionOp,
             vector::OuterProductOp, vector::ReductionOp>(op);
}

/// Computes in f32 and rounds the results, as LLVM would.
static void computeInF32(Operation *op) {
  OpBuilder b(op);
  auto wide = [&](Value v) {
    return withElement(v.getType(), b.getF32Type());
  };
  for (OpOperand &operand : op->getOpOperands()) {
    Value v = operand.get();
    if (isBF16(v)) {
      operand.set(arith::ExtFOp::create(b, op->getLoc(), wide(v), v));
    }
  }
  b.setInsertionPointAfter(op);
  for (Value result : op->getResults()) {
    if (isBF16(result)) {
      Type narrow = result.getType();
      result.setType(wide(result));
      auto rounded = arith::TruncFOp::create(b, op->getLoc(), narrow, result);
      result.replaceAllUsesExcept(rounded, rounded);
    }
  }
}

namespace {

struct BF16AsIntegers
    : public fovea::impl::BF16AsIntegersPassBase<BF16AsIntegers> {
  void runOnOperation() override {
    SmallVector<Operation *> found;
    getOperation().walk([&](Operation *op) {
      if (computes(op) && hasBF16(op)) {
        found.push_back(op);
      }
    });
    llvm::for_each(found, computeInF32);
    if (failed(expandConversions())) {
      return signalPassFailure();
    }
    for (Operation &op : *getOperation().getBody()) {
      // Its kernels are in the llvm dialect by now, for a chip of its own.
      if (!isa<gpu::GPUModuleOp>(op)) {
        renameTypes(&op);
      }
    }
  }

private:
  /// As arithmetic on the upper half of a float.
  LogicalResult expandConversions() {
    RewritePatternSet patterns(&getContext());
    arith::populateExpandBFloat16Patterns(patterns);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
    WalkResult result = getOperation().walk([](Operation *op) {
      if (isConversion(op) && hasBF16(op)) {
        op->emitOpError("expected a conversion between bf16 and f32, got ")
            << op->getOperand(0).getType() << " and "
            << op->getResult(0).getType();
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  void renameTypes(Operation *root) {
    auto i16 = IntegerType::get(&getContext(), 16);
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](BFloat16Type) -> Type { return i16; });
    replacer.addReplacement([&](FloatAttr attr) -> std::optional<Attribute> {
      if (!attr.getType().isBF16()) {
        return std::nullopt;
      }
      return IntegerAttr::get(i16, attr.getValue().bitcastToAPInt());
    });
    replacer.addReplacement(
        [&](DenseElementsAttr attr) -> std::optional<Attribute> {
          if (!attr.getElementType().isBF16()) {
            return std::nullopt;
          }
          return attr.bitcast(i16);
        });
    replacer.recursivelyReplaceElementsIn(root, /*replaceAttrs=*/true,
                                          /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);
    // What took the bits of a bf16, or made one of bits.
    root->walk([](arith::BitcastOp op) {
      if (op.getIn().getType() == op.getType()) {
        op.replaceAllUsesWith(op.getIn());
        op.erase();
      }
    });
  }
};

} // namespace
