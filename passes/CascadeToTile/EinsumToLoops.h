//===- EinsumToLoops.h - an Einsum outside any fold -------------*- C++ -*-===//

#ifndef FOVEA_PASSES_CASCADETOTILE_EINSUMTOLOOPS_H
#define FOVEA_PASSES_CASCADETOTILE_EINSUMTOLOOPS_H

#include "FoldToTasks.h"

namespace fovea {

/// Where the operands, the result and the captured values of an Einsum are.
struct EinsumContext {
  llvm::SmallVector<Source> inputs; // null buffers for scalars
  mlir::Value result;
  const llvm::DenseMap<mlir::Value, Source> &captured;
  mlir::IRMapping &scalars;
};

/// Emits plain sequential loops over the Einsum's ranks, and a remark that
/// says so: what no fold has taken in is small (a projection of statistics, a
/// change of type) or was refused by the derivation.
mlir::LogicalResult buildLoops(mlir::OpBuilder &b, cascade::EinsumOp op,
                               llvm::ArrayRef<mlir::Value> extents,
                               const EinsumContext &context);

/// Emits loops that make `result` what `op` says; each value is the buffer of
/// the operand of that name, `table` null if there is none.
void buildPlace(mlir::OpBuilder &b, cascade::PlaceOp op, mlir::Value rows,
                mlir::Value base, mlir::Value positions, mlir::Value table,
                mlir::Value result);

} // namespace fovea

#endif // FOVEA_PASSES_CASCADETOTILE_EINSUMTOLOOPS_H
