//===- Tensorize.h - scalar regions become tile operations ------*- C++ -*-===//
//
// The regions of a fold describe one row. A task holds a tile of rows, so each
// value of a region becomes a tile with the row rank added where it depends on
// the row, and stays a scalar where it does not:
//
//   %t = arith.mulf %s, %scale       s: [k, q] tile, scale: scalar
//     =>  %b = tile.broadcast %scale : f32 -> [k, q]
//         %t = arith.mulf %s, %b : [k, q]
//
// Dimensions are always ordered: stream rank, inner ranks, row rank. Integers
// and indices of tiles are i32.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_PASSES_CASCADETOTILE_TENSORIZE_H
#define FOVEA_PASSES_CASCADETOTILE_TENSORIZE_H

#include "fovea/dialects/Cascade/CascadeOps.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringMap.h"

namespace fovea {

/// Converts regions of one fold into tile operations at a builder's insertion
/// point.
class Tensorizer {
public:
  /// How a rank is seen inside a task: one coordinate (a scalar), a run of
  /// `extent` coordinates from `base`, or the tile `known`.
  struct Coordinate {
    mlir::Value base;   // index
    int64_t extent = 0; // 0: a single coordinate
    mlir::Value known;  // i32 tile
  };

  Tensorizer(mlir::OpBuilder &builder, llvm::StringRef streamRank,
             llvm::StringRef rowRank)
      : b(builder), stream(streamRank), row(rowRank) {}

  void setCoordinate(llvm::StringRef rank, Coordinate c) { ranks[rank] = c; }

  /// Gives `original` (a value of a fold region) its tile or scalar. `names`
  /// are the rank names of the original's tensor dimensions, in order.
  void map(mlir::Value original, mlir::Value converted,
           llvm::ArrayRef<llvm::StringRef> names);

  /// Buffer of a captured tensor (for tensor.extract).
  void mapTable(mlir::Value tensor, mlir::Value buffer) {
    tables[tensor] = buffer;
  }

  /// The mask of the current step, as a tile of i1; null when everything that
  /// is visited is visible. Reductions over the stream rank are guarded by it.
  void setVisible(mlir::Value mask) { visible = mask; }

  /// Converts all operations of a region's block but its terminator, and
  /// returns the converted operands of the terminator.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  convertBlock(mlir::Block &block);

  /// Rank names of a region value's tensor dimensions.
  llvm::ArrayRef<llvm::StringRef> namesOf(mlir::Value original);

  /// The tile type of ranks `names` (any order) with element type `element`.
  mlir::RankedTensorType tileType(llvm::ArrayRef<llvm::StringRef> names,
                                  mlir::Type element);

  /// `value` (a scalar or a tile) repeated to `type`.
  mlir::Value broadcast(mlir::Location loc, mlir::Value value,
                        mlir::RankedTensorType type);

  /// In partial steps, the identity of `monoid` where `value` is not visible.
  mlir::Value guard(mlir::Location loc, mlir::Value value,
                    cascade::Monoid monoid);

  static bool isTile(mlir::Value v) {
    return llvm::isa<mlir::RankedTensorType>(v.getType());
  }

private:
  mlir::LogicalResult convertOp(mlir::Operation *op);
  mlir::LogicalResult convertElementwise(mlir::Operation *op);
  mlir::LogicalResult convertExtract(mlir::Operation *op);
  mlir::LogicalResult convertConstant(mlir::Operation *op);
  mlir::LogicalResult convertIndex(cascade::IndexOp op);
  mlir::LogicalResult convertEinsum(cascade::EinsumOp op);
  mlir::Value multiply(mlir::Location loc, mlir::Block &body,
                       llvm::ArrayRef<mlir::Value> factors);
  std::pair<mlir::Value, mlir::Value>
  splitProduct(cascade::EinsumOp op, llvm::ArrayRef<mlir::Value> inputs);
  mlir::Value tryContract(cascade::EinsumOp op, llvm::StringRef reduced,
                          llvm::ArrayRef<mlir::Value> inputs,
                          llvm::ArrayRef<llvm::StringRef> resultNames);
  mlir::Value toTileInteger(mlir::Location loc, mlir::Value scalar);
  mlir::Value lookup(mlir::Value original);

  mlir::OpBuilder &b;
  llvm::StringRef stream;
  llvm::StringRef row;
  llvm::StringMap<Coordinate> ranks;
  llvm::DenseMap<mlir::Value, mlir::Value> values;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<llvm::StringRef>> valueNames;
  llvm::DenseMap<mlir::Value, mlir::Value> tables;
  mlir::Value visible;
};

} // namespace fovea

#endif // FOVEA_PASSES_CASCADETOTILE_TENSORIZE_H
