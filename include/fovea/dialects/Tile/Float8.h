//===- Float8.h - f8E4M3FN to and from f32, in integers ---------*- C++ -*-===//
//
// No target converts f8E4M3FN itself, so arith.extf and arith.truncf of it are
// written as code on bits: what fovea/Support/FloatBits.h does on the host.
// Values are scalars or vectors.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DIALECTS_TILE_FLOAT8_H
#define FOVEA_DIALECTS_TILE_FLOAT8_H

#include "mlir/IR/Builders.h"

namespace fovea::tile {

/// An f8E4M3FN as f32, exactly.
mlir::Value widenF8E4M3FN(mlir::OpBuilder &b, mlir::Location loc, mlir::Value v);

/// The f8E4M3FN nearest to an f32, ties to even. There is no infinity: what
/// rounds to more than 448 is a NaN, as is a NaN.
mlir::Value narrowToF8E4M3FN(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::Value v);

} // namespace fovea::tile

#endif // FOVEA_DIALECTS_TILE_FLOAT8_H
