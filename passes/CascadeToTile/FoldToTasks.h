//===- FoldToTasks.h - one fold becomes tasks around a stream ---*- C++ -*-===//

#ifndef FOVEA_PASSES_CASCADETOTILE_FOLDTOTASKS_H
#define FOVEA_PASSES_CASCADETOTILE_FOLDTOTASKS_H

#include "fovea/dialects/Cascade/CascadeOps.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace fovea {

/// Where the elements of a tensor value are: a buffer, or pages of one behind
/// a page table, whose last dimension may be a view.
struct Source {
  mlir::Value buffer;
  mlir::Value table;   // null unless paged
  mlir::Value lengths; // null unless paged
  int64_t group = 0;   // elements whose nibbles share bytes; 0: whole elements
  int64_t times = 1;   // how often each element is repeated

  bool isPaged() const { return static_cast<bool>(table); }
  /// True if the buffer's elements are not the tensor's, one by one.
  bool isView() const { return isPaged() || group != 0 || times != 1; }
  /// Extent of dimension `i` of the tensor, as an index value. Of a paged
  /// position: the table's capacity.
  mlir::Value extent(mlir::OpBuilder &b, mlir::Location loc, int64_t i) const;
};

/// Everything the conversion of a fold needs to know of its surroundings.
struct FoldContext {
  tile::ScheduleAttr schedule;
  /// By growing numbers of rows; the first with enough is obeyed instead.
  llvm::SmallVector<tile::ScheduleAttr> fewRows;
  /// Sources of the fold's inputs (null buffer for scalars), in order.
  llvm::SmallVector<Source> inputs;
  /// Buffers that receive the fold's results, in order.
  llvm::SmallVector<mlir::Value> results;
  /// Buffers of tensors, and values of scalars, from outside the fold.
  llvm::DenseMap<mlir::Value, Source> captured;
  mlir::IRMapping *scalars = nullptr;
};

/// Extents of the named ranks, from the first input that carries each; emits a
/// check for every further one. Errors are reported on `op`.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
buildExtents(mlir::OpBuilder &b, mlir::Operation *op, mlir::ArrayAttr ranks,
             llvm::ArrayRef<mlir::AffineMap> maps,
             llvm::ArrayRef<Source> inputs);

/// Emits the tasks of `fold`, whose ranks have these extents. Errors are
/// reported on the fold.
mlir::LogicalResult buildTasks(mlir::OpBuilder &b, cascade::FoldOp fold,
                               llvm::ArrayRef<mlir::Value> extents,
                               const FoldContext &context);

} // namespace fovea

#endif // FOVEA_PASSES_CASCADETOTILE_FOLDTOTASKS_H
