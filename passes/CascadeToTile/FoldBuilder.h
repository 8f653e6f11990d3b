//===- FoldBuilder.h - the conversion of one fold ---------------*- C++ -*-===//
//
// The class behind FoldToTasks.h, for the files that implement it.
//
// Packed rows. With `pack` in the schedule the rows of a task are the pairs of
// two parallel ranks, the row rank q and one more, r, that the streamed
// operands do not carry either (query heads that share keys): row p stands for
// q = p div R, r = p mod R, where R is the extent of r. Eight heads, five
// queries, tasks of 16 rows:
//
//   task 0: p = 0 .. 15    q 0, 1       all heads of both
//   task 1: p = 16 .. 31   q 2, 3
//   task 2: p = 32 .. 39   q 4
//
// so one task reads each key once for all heads. The tile's rank keeps the name
// of q; loads and stores take p apart (`dims [.., "q mod", "q div", ..]`), and
// element-wise code gets both coordinates as tiles.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_PASSES_CASCADETOTILE_FOLDBUILDER_H
#define FOVEA_PASSES_CASCADETOTILE_FOLDBUILDER_H

#include "FoldToTasks.h"
#include "StreamRanges.h"
#include "Tensorize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace fovea {

/// How the dimensions of a buffer are walked by a tile: the operands and
/// attributes that `tile.load` and `tile.store` share.
struct Access {
  llvm::SmallVector<mlir::Value> indices;
  llvm::SmallVector<std::string> dims;
  llvm::SmallVector<llvm::StringRef> ranks; // of the tile, each once
  llvm::SmallVector<llvm::StringRef> bounded;
  llvm::SmallVector<mlir::Value> limits;
  mlir::Value split; // null unless a dimension is walked by parts of a rank
};

/// Builds the loops of one fold.
class FoldBuilder {
public:
  FoldBuilder(mlir::OpBuilder &builder, cascade::FoldOp fold,
              llvm::ArrayRef<mlir::Value> extents, const FoldContext &context)
      : b(builder), fold(fold), context(context), loc(fold.getLoc()),
        predicate(fold, context), extents(extents) {}

  mlir::LogicalResult build();
  /// Decides what the rows are; comes first.
  void chooseRowRank();
  /// Number of rows of all tasks with one set of points.
  mlir::Value rowExtent();

private:
  // FoldRanks.cpp: the ranks of the fold and what the target can hold.
  std::string whyNotPack(unsigned rank);
  void choosePack();
  mlir::LogicalResult verifyElements();
  mlir::LogicalResult checkPagedStream();
  llvm::SmallVector<llvm::StringRef> namesInStep(mlir::Value v);
  mlir::LogicalResult findStateTypes();
  llvm::StringRef rankName(unsigned i) {
    return llvm::cast<mlir::StringAttr>(fold.getRanks()[i]).getValue();
  }
  int64_t staticExtent(unsigned rank);
  mlir::LogicalResult setInnerCoordinates(Tensorizer &t);
  Tensorizer makeTensorizer();
  void setCoordinates(Tensorizer &t);

  // FoldAccess.cpp: loads and stores.
  Access accessOf(mlir::AffineMap map, mlir::Value first, mlir::Value last);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  loadInputs(Tensorizer &t, bool streamed, mlir::Value first, mlir::Value last);
  mlir::LogicalResult verifyView(unsigned i);
  mlir::Value loadInput(Tensorizer &t, unsigned i, mlir::Value first,
                        mlir::Value last);
  mlir::LogicalResult storeResult(Tensorizer &t, unsigned i, mlir::Value value,
                                  mlir::Value first, mlir::Value last);
  void storePartial(llvm::ArrayRef<mlir::Value> state);
  llvm::SmallVector<mlir::Value> loadPartial(mlir::Value part);
  void chooseResidence(tile::LoadOp load);
  void clearEmitted();

  // FoldStream.cpp: the stream of a task.
  RankBox boxOf(mlir::Value first, mlir::Value last);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  buildStream(Tensorizer &t, llvm::ArrayRef<mlir::Value> state);
  void clipToSplit(llvm::MutableArrayRef<mlir::Value> begins,
                   llvm::MutableArrayRef<mlir::Value> ends, mlir::Value extent);
  mlir::LogicalResult buildVisible(mlir::Block &block);
  mlir::LogicalResult buildStep(Tensorizer &t, mlir::Block &block);
  mlir::FailureOr<mlir::Value> buildMask(Tensorizer &t, mlir::Value first,
                                         mlir::Value last);

  // FoldToTasks.cpp: tasks, states, parts.
  void bindState(Tensorizer &t, mlir::ValueRange arguments,
                 llvm::ArrayRef<mlir::Value> state);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> initialState(Tensorizer &t);
  mlir::LogicalResult finish(Tensorizer &t, llvm::ArrayRef<mlir::Value> state);
  void setTaskCoordinates(mlir::ValueRange ivs);
  void setRowBox(mlir::Value first, mlir::Value end);
  void splitRowBox();
  void chooseSplits(mlir::Value tasks);
  mlir::LogicalResult buildTask(mlir::ValueRange ivs);
  mlir::LogicalResult buildMerge(mlir::ValueRange ivs);
  mlir::LogicalResult
  buildTaskLoop(llvm::ArrayRef<mlir::OpFoldResult> bounds,
                mlir::LogicalResult (FoldBuilder::*body)(mlir::ValueRange));

  mlir::Value index(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(b, loc, value);
  }

  mlir::OpBuilder &b;
  cascade::FoldOp fold;
  const FoldContext &context;
  mlir::Location loc;
  StreamPredicate predicate;

  llvm::ArrayRef<mlir::Value> extents; // by rank
  std::string rowName = "row"; // the row rank, or a dummy of extent 1
  int64_t rowRank = -1;
  int64_t packRank = -1; // shares the rows of a task with the row rank
  llvm::SmallVector<unsigned> points;     // parallel ranks with one coordinate
  llvm::SmallVector<mlir::Value> coordinates;   // by rank; null for inner ranks
  mlir::Value rowBase, rowLimit;          // [rowBase, rowLimit) of this task
  Interval rowBox, packBox;               // coordinates of both in this task
  mlir::Value split, splits, taskNumber;  // position in the partial-state buffers
  llvm::SmallVector<mlir::RankedTensorType> stateTypes;
  llvm::SmallVector<llvm::SmallVector<llvm::StringRef>> stateNames; // as the regions see them
  llvm::SmallVector<mlir::Value> partials;      // one buffer per state element
};

} // namespace fovea

#endif // FOVEA_PASSES_CASCADETOTILE_FOLDBUILDER_H
