//===- Recipe.h - operands of products that are computed --------*- C++ -*-===//
//
// The left operand of a product may be element-wise code over loads, its
// *recipe*: a cache of bytes decoded to bf16, for example.
//
//   %b = tile.load ...              [k, d/2] of i8
//   %s = tile.load ... "d div"      [k, d] of f16, one for each 32 channels
//   %n = tile.unpack %b group 32    [k, d] of i4
//   %f = arith.sitofp %n            [k, d] of f32
//   ...  arith.mulf, arith.truncf
//   tile.contract %t, ...
//
// Whoever lowers the product evaluates the recipe for runs of neighbouring
// elements along its last rank, the channels, at one coordinate of the first:
// with runs of 16, element 3 of k and elements 32 to 47 of d are
//
//   bytes 16 to 31 of row 3, their low nibbles, as 16 floats, times scale 1
//
// What depends on a nibble and else on nothing along the run has 16 values: where
// a vector holds so many, they are computed first, once for all runs of a group,
// and looked up by the nibbles (`tables`).
//
// Floats are f32 on the way, also where the recipe has a narrower type: they
// are rounded to it but not packed.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DIALECTS_TILE_RECIPE_H
#define FOVEA_DIALECTS_TILE_RECIPE_H

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/IR/Builders.h"

namespace fovea::tile {

/// True if `tile` is computed by element-wise code (and is not just loaded or
/// the result of a product or reduction).
bool isRecipe(mlir::Value tile);

/// The loads that a recipe reads, each once.
llvm::SmallVector<LoadOp> collectLoads(mlir::Value recipe);

/// Writes the code of a recipe for runs of `count` elements (a power of two).
class RecipeEvaluator {
public:
  /// Reads a load at the coordinate of the first rank that the run is for, and
  /// at `channel` along its last dimension (null: where the load begins): a
  /// vector of `count` elements, or with `isShared` the one that all share.
  using ReadFn = llvm::function_ref<mlir::Value(
      LoadOp load, mlir::Value channel, bool isShared)>;
  /// The value that stands for a scalar of the task.
  using ScalarFn = llvm::function_ref<mlir::Value(mlir::Value)>;

  RecipeEvaluator(mlir::OpBuilder &builder, mlir::Location loc, int64_t count,
                  ReadFn read, ScalarFn scalar, bool tables = false)
      : b(builder), loc(loc), count(count), read(read), scalar(scalar),
        tables(tables && count == kTableSize) {}

  /// Elements channel, ..., channel + count - 1 of `recipe` as a vector of f32
  /// (or of integers). `channel` is a multiple of `count`. Errors are reported.
  mlir::FailureOr<mlir::Value> evaluate(mlir::Value recipe,
                                        mlir::Value channel);

  /// True if a recipe of floats is a function of nibbles alone, which lie in
  /// groups of two runs: then all groups have one table.
  bool hasTable(mlir::Value recipe);

  /// That table in bf16, as 16-bit integers: twice, one after another, so that
  /// the lowest five bits of an integer may look it up, whatever the fifth is.
  mlir::FailureOr<mlir::Value> getTable(mlir::Value recipe);

  /// The bytes of the two groups from `channel` on, as 16-bit integers: they
  /// look up the first run of each group, and without their low four bits the
  /// second.
  mlir::FailureOr<mlir::Value> readGroups(mlir::Value recipe,
                                          mlir::Value channel);

  /// Values of a nibble.
  static constexpr int64_t kTableSize = 16;

private:
  UnpackOp findNibbles(mlir::Value recipe);
  mlir::FailureOr<mlir::Value> makeTable(mlir::Value recipe, UnpackOp nibbles,
                                         mlir::Value channel);
  mlir::Value byteOf(UnpackOp op, mlir::Value channel);
  mlir::Value isHigh(UnpackOp op, mlir::Value channel);
  mlir::FailureOr<mlir::Value> visit(mlir::Value tile, mlir::Value channel);
  mlir::FailureOr<mlir::Value> visitLoad(LoadOp op, mlir::Value channel);
  mlir::FailureOr<mlir::Value> visitUnpack(UnpackOp op, mlir::Value channel);
  mlir::FailureOr<mlir::Value> visitElementwise(mlir::Operation *op,
                                                mlir::Value channel);
  mlir::Value widen(mlir::Value v);
  mlir::Value round(mlir::Value v, mlir::Type element);
  mlir::Value splat(mlir::Value v);
  bool carriesChannels(mlir::Value tile);
  mlir::Value index(int64_t v);
  mlir::Value integer(mlir::Type like, int64_t v);

  mlir::OpBuilder &b;
  mlir::Location loc;
  int64_t count;
  ReadFn read;
  ScalarFn scalar;
  bool tables;
  llvm::StringRef channels; // the rank
  UnpackOp tabled;          // stands for all values of a nibble
};

} // namespace fovea::tile

#endif // FOVEA_DIALECTS_TILE_RECIPE_H
