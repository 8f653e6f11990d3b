//===- Tile.h - the schedule level: dialect and attributes ------*- C++ -*-===//

#ifndef FOVEA_DIALECTS_TILE_TILE_H
#define FOVEA_DIALECTS_TILE_TILE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "fovea/dialects/Tile/TileDialect.h.inc"
#include "fovea/dialects/Tile/TileEnums.h.inc"

namespace fovea::tile {

/// One digit of a layout: `size` values, each a step of `stride` along `rank`;
/// none if the rank is null.
struct Digit {
  mlir::StringAttr rank;
  int64_t size = 1, stride = 0;

  bool operator==(const Digit &other) const {
    return rank == other.rank && size == other.size && stride == other.stride;
  }
};

inline llvm::hash_code hash_value(const Digit &digit) {
  return llvm::hash_combine(digit.rank, digit.size, digit.stride);
}

/// The fields of a `#tile.schedule`, to be set by name.
struct Schedule {
  int64_t rows = 0, keys = 0, block = 0, lanes = 0;
  bool pairs = false;
  int64_t splits = 1, subgroups = 1, stages = 0;
  bool pack = false, narrow = false;
  int64_t ahead = 0;
  bool blocks = false;
  int64_t distance = 0;
};

} // namespace fovea::tile

#define GET_ATTRDEF_CLASSES
#include "fovea/dialects/Tile/TileAttrs.h.inc"

namespace fovea::tile {

/// Name of the function attribute that holds the `#tile.schedule` to obey.
inline constexpr llvm::StringLiteral kScheduleAttrName = "tile.schedule";

/// Name of the function attribute that holds an array of `#tile.schedule`, by
/// growing numbers of rows: a fold obeys the first that has as many rows as it,
/// or else `tile.schedule`.
inline constexpr llvm::StringLiteral kFewRowsAttrName = "tile.few_rows";
/// Name of the f32 attribute of an operation that tells which relative error of
/// its result its uses do not notice. Without it, that of the element type.
inline constexpr llvm::StringLiteral kErrorAttrName = "tile.error";

/// Name of the attribute of a `tile.stream` that lists the carried values that
/// only divide others in the end (array of i64): with an error that both share,
/// the quotient stays.
inline constexpr llvm::StringLiteral kDivisorsAttrName = "tile.divisors";

/// Name of the attribute of a `tile.stream` that lists the carried values (array
/// of i64) that no result takes in but together with another carried value: what
/// those tell of a NaN, this one need not.
inline constexpr llvm::StringLiteral kCompanionsAttrName = "tile.companions";

/// Name of the attribute of a task loop or function that holds the row rank.
inline constexpr llvm::StringLiteral kRowRankAttrName = "tile.row_rank";

/// Name of the module attribute that holds a `#tile.machine`.
inline constexpr llvm::StringLiteral kMachineAttrName = "tile.machine";

/// Name of the attribute of a task function: near memory it needs, in bytes.
inline constexpr llvm::StringLiteral kNearBytesAttrName = "tile.near_bytes";

/// Name of the attribute of a kernel that lists the texts of its
/// `tile.require` operations, each once.
inline constexpr llvm::StringLiteral kMessagesAttrName = "tile.messages";

/// Name of the unit attribute of a loop in a task whose iterations may be
/// spread over the lanes of the task.
inline constexpr llvm::StringLiteral kLanesAttrName = "tile.lanes";

/// Name of the unit attribute of a function that is a kernel of a device.
inline constexpr llvm::StringLiteral kKernelAttrName = "tile.kernel";

/// Name of the unit attribute of a task function that other modules run: they
/// declare it, and its code is made when one of them first needs it.
inline constexpr llvm::StringLiteral kExportedAttrName = "tile.exported";

/// The rank names of a tile type, outermost first.
llvm::SmallVector<llvm::StringRef> getRanks(mlir::Type tile);

/// Position of `rank` among the dimensions of a tile type, or -1.
int64_t findRank(mlir::Type tile, llvm::StringRef rank);

/// The layout of a register tile, or null.
LayoutAttr getLayout(mlir::Type tile);

/// What walks one dimension of a buffer, as `dims` of `tile.load` and
/// `tile.store` spell it: "" nothing, "q" the coordinates of rank q, "q div"
/// their quotients by the operand `split`, "q mod" their rests.
struct DimWalk {
  enum Part { Whole, Quotient, Rest };
  llvm::StringRef rank; // empty: nothing
  Part part = Whole;
};
DimWalk parseDimWalk(llvm::StringRef dim);

/// A tile type.
mlir::RankedTensorType getTileType(llvm::ArrayRef<int64_t> shape,
                                   mlir::Type element,
                                   llvm::ArrayRef<llvm::StringRef> ranks,
                                   Residence residence = Residence::Register);

} // namespace fovea::tile

#endif // FOVEA_DIALECTS_TILE_TILE_H
