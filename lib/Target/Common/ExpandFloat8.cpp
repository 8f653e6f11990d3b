//===- ExpandFloat8.cpp - conversions of f8E4M3FN as integer code ---------===//

#include "fovea/Target/Common/Passes.h"

#include "fovea/dialects/Tile/Float8.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/TypeUtilities.h"

namespace fovea {
#define GEN_PASS_DEF_EXPANDFLOAT8PASS
#include "fovea/passes/Target/Common/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

static Type withElement(Type like, Type element) {
  auto vector = dyn_cast<VectorType>(like);
  return vector ? Type(vector.clone(element)) : element;
}

static bool isFloat8(Value v) {
  return isa<Float8E4M3FNType>(getElementTypeOrSelf(v.getType()));
}

/// Replaces a conversion from or to f8E4M3FN; other types on its other side go
/// by way of f32, which holds them exactly or rounds once.
static void expand(Operation *op) {
  OpBuilder b(op);
  Location loc = op->getLoc();
  Value from = op->getOperand(0), to = op->getResult(0);
  Type f32 = withElement(from.getType(), b.getF32Type());
  Value made;
  if (isFloat8(from)) {
    made = tile::widenF8E4M3FN(b, loc, from);
    if (to.getType() != f32) {
      made = arith::TruncFOp::create(b, loc, to.getType(), made);
    }
  } else {
    Value wide = from.getType() == f32
                     ? from
                     : arith::ExtFOp::create(b, loc, f32, from).getResult();
    made = tile::narrowToF8E4M3FN(b, loc, wide);
  }
  to.replaceAllUsesWith(made);
  op->erase();
}

namespace {

struct ExpandFloat8
    : public fovea::impl::ExpandFloat8PassBase<ExpandFloat8> {
  void runOnOperation() override {
    SmallVector<Operation *> conversions;
    getOperation()->walk([&](Operation *op) {
      if (isa<arith::ExtFOp, arith::TruncFOp>(op) &&
          (isFloat8(op->getOperand(0)) || isFloat8(op->getResult(0)))) {
        conversions.push_back(op);
      }
    });
    llvm::for_each(conversions, expand);
  }
};

} // namespace
