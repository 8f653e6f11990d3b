//===- StreamRanges.h - which keys a task visits ----------------*- C++ -*-===//
//
// Joins the predicate analysis (lib/Analysis/PredicateRanges.h) with a fold:
// the ranges that its stream walks, and whether one step is empty, full or
// partial. Tables that the predicate reads are summarised once per call: the
// least and greatest entry of each run of `kRun` entries, so that asking about
// a tile costs a few loads and the whole O(length).
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_PASSES_CASCADETOTILE_STREAMRANGES_H
#define FOVEA_PASSES_CASCADETOTILE_STREAMRANGES_H

#include "FoldToTasks.h"

#include "fovea/Analysis/PredicateRanges.h"

#include "llvm/ADT/StringMap.h"

namespace fovea {

/// Inclusive bounds (index values) of each rank's coordinates.
using RankBox = llvm::StringMap<Interval>;

/// The predicate of one fold with what it needs from its surroundings.
class StreamPredicate {
public:
  StreamPredicate(cascade::FoldOp fold, const FoldContext &context)
      : fold(fold), context(context) {}

  /// Emits the summaries of the tables that the predicate reads.
  void summarizeTables(mlir::OpBuilder &b, mlir::Location loc);
  /// Emits the release of the summaries.
  void release(mlir::OpBuilder &b, mlir::Location loc);

  /// Emits the classification of the pairs in `box`.
  Truth truth(mlir::OpBuilder &b, mlir::Location loc, const RankBox &box) const;

  /// Emits disjoint ranges [lo, hi), in order, that hold every key of
  /// [0, extent) which some row of `box` sees.
  llvm::SmallVector<Interval> ranges(mlir::OpBuilder &b, mlir::Location loc,
                                     const RankBox &box,
                                     mlir::Value extent) const;

private:
  static constexpr int64_t kRun = 32; // entries per summary

  Interval lookup(mlir::OpBuilder &b, mlir::Location loc,
                  mlir::tensor::ExtractOp op,
                  llvm::ArrayRef<Interval> indices) const;

  mutable cascade::FoldOp fold; // accessors of operations are not const
  const FoldContext &context;
  /// Per table: buffers [outer..., run] of least and of greatest entries.
  llvm::DenseMap<mlir::Value, std::pair<mlir::Value, mlir::Value>> summaries;
};

} // namespace fovea

#endif // FOVEA_PASSES_CASCADETOTILE_STREAMRANGES_H
