//===- StreamRanges.h - which keys a task visits ----------------*- C++ -*-===//
//
// Joins the predicate analysis (lib/Analysis) with a fold: the ranges that its
// stream walks, and whether one step is empty, full or partial.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_PASSES_CASCADETOTILE_STREAMRANGES_H
#define FOVEA_PASSES_CASCADETOTILE_STREAMRANGES_H

#include "FoldToTasks.h"

#include "llvm/ADT/StringMap.h"

namespace fovea {

/// Inclusive bounds (index values) of each rank's coordinates.
using RankBox = llvm::StringMap<std::pair<mlir::Value, mlir::Value>>;

struct StepTruth {
  mlir::Value any; // i1: some pair of the box may be visible
  mlir::Value all; // i1: every pair of the box is visible
};

/// Emits the classification of the pairs in `box`.
StepTruth buildStepTruth(mlir::OpBuilder &b, mlir::Location loc,
                         cascade::FoldOp fold, const RankBox &box,
                         const llvm::DenseMap<mlir::Value, Source> &tables,
                         mlir::IRMapping &scalars);

/// Emits disjoint ranges [begin, end), in order, that hold every key of
/// [0, extent) which some row of `box` sees.
void buildRanges(mlir::OpBuilder &b, mlir::Location loc, cascade::FoldOp fold,
                 const RankBox &box, mlir::Value extent,
                 const llvm::DenseMap<mlir::Value, Source> &tables,
                 mlir::IRMapping &scalars,
                 llvm::SmallVectorImpl<mlir::Value> &begins,
                 llvm::SmallVectorImpl<mlir::Value> &ends);

} // namespace fovea

#endif // FOVEA_PASSES_CASCADETOTILE_STREAMRANGES_H
