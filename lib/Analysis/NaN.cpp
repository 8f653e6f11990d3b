//===- NaN.cpp - where a NaN goes -----------------------------------------===//

#include "fovea/Analysis/NaN.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

bool fovea::propagatesNaN(Operation *op) {
  return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp,
             arith::NegFOp, arith::MaximumFOp, arith::MinimumFOp,
             arith::ExtFOp, arith::TruncFOp, math::FmaOp, math::ExpOp,
             math::Exp2Op, math::LogOp, math::Log2Op, math::TanhOp>(op);
}

bool fovea::isOrdered(arith::CmpFPredicate predicate) {
  switch (predicate) {
  case arith::CmpFPredicate::OEQ:
  case arith::CmpFPredicate::OGT:
  case arith::CmpFPredicate::OGE:
  case arith::CmpFPredicate::OLT:
  case arith::CmpFPredicate::OLE:
  case arith::CmpFPredicate::ONE:
    return true;
  default:
    return false;
  }
}
