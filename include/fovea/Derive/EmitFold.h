//===- EmitFold.h - write a planned fold as cascade.fold --------*- C++ -*-===//

#ifndef FOVEA_DERIVE_EMITFOLD_H
#define FOVEA_DERIVE_EMITFOLD_H

#include "fovea/Derive/FoldPlan.h"

#include "mlir/IR/Builders.h"

namespace fovea::derive {

/// Builds `fold` at the builder's insertion point. Its results are those of
/// `fold.results`, in order; each may know more extents than the value it
/// stands for.
cascade::FoldOp emitFold(mlir::OpBuilder &builder, mlir::Location loc,
                         FoldPlan &plan, const Fold &fold);

} // namespace fovea::derive

#endif // FOVEA_DERIVE_EMITFOLD_H
