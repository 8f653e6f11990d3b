//===- NaN.h - where a NaN goes ---------------------------------*- C++ -*-===//

#ifndef FOVEA_ANALYSIS_NAN_H
#define FOVEA_ANALYSIS_NAN_H

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace fovea {

/// True if a floating-point result of `op`, element by element, is NaN as soon
/// as a floating-point operand is (IEEE 754-2019, section 6.2). Choices and the
/// maximum of numbers are not among them.
bool propagatesNaN(mlir::Operation *op);

/// True for comparisons that are false if an operand is NaN.
bool isOrdered(mlir::arith::CmpFPredicate predicate);

} // namespace fovea

#endif // FOVEA_ANALYSIS_NAN_H
