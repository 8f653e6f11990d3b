//===- Tile.h - the schedule level: dialect and attributes ------*- C++ -*-===//

#ifndef FOVEA_DIALECTS_TILE_TILE_H
#define FOVEA_DIALECTS_TILE_TILE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "fovea/dialects/Tile/TileDialect.h.inc"
#include "fovea/dialects/Tile/TileEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "fovea/dialects/Tile/TileAttrs.h.inc"

namespace fovea::tile {

/// Name of the function attribute that holds the `#tile.schedule` to obey.
inline constexpr llvm::StringLiteral kScheduleAttrName = "tile.schedule";

/// Name of the attribute of a task loop or function that holds the row rank.
inline constexpr llvm::StringLiteral kRowRankAttrName = "tile.row_rank";

/// The rank names of a tile type, outermost first.
llvm::SmallVector<llvm::StringRef> getRanks(mlir::Type tile);

/// Position of `rank` among the dimensions of a tile type, or -1.
int64_t findRank(mlir::Type tile, llvm::StringRef rank);

/// A tile type.
mlir::RankedTensorType getTileType(llvm::ArrayRef<int64_t> shape,
                                   mlir::Type element,
                                   llvm::ArrayRef<llvm::StringRef> ranks,
                                   Residence residence = Residence::Register);

} // namespace fovea::tile

#endif // FOVEA_DIALECTS_TILE_TILE_H
