//===- Layout.h - the algebra of tile layouts -------------------*- C++ -*-===//
//
// A layout says which element of a tile each register of each lane of each
// subgroup holds (see `#tile.layout`). Because a coordinate is a sum over
// digits, everything asked of layouts is asked of small tables:
//
//   slice      drop a rank: what a reduction over it leaves
//   repeat     cover a larger tile by repeating an atom in registers
//   convert    where does each register of one layout lie in another? In the
//              same lane (a renaming), in another lane of the subgroup (a
//              shuffle), or elsewhere (through near memory)
//   operand    can the result of one matrix atom be the operand of another?
//
// docs/layouts.md works an example of each.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DIALECTS_TILE_LAYOUT_H
#define FOVEA_DIALECTS_TILE_LAYOUT_H

#include "fovea/dialects/Tile/Tile.h"

#include <optional>

namespace fovea::tile {

/// Product of the sizes of digits.
int64_t getCount(llvm::ArrayRef<Digit> digits);

inline int64_t getNumRegisters(LayoutAttr layout) {
  return getCount(layout.getRegisters());
}
inline int64_t getNumLanes(LayoutAttr layout) {
  return getCount(layout.getLanes());
}

/// The part that holder `number` of a list of digits adds along `rank`.
int64_t getCoordinate(llvm::ArrayRef<Digit> digits, llvm::StringRef rank,
                      int64_t number);

/// The coordinate along `rank` that a register of a lane of a subgroup holds.
int64_t getCoordinate(LayoutAttr layout, llvm::StringRef rank, int64_t reg,
                      int64_t lane, int64_t subgroup);

/// Coordinates covered along `rank`: one more than the largest.
int64_t getExtent(LayoutAttr layout, llvm::StringRef rank);

/// The layout of what is left when the other ranks are reduced away: their
/// registers vanish, their lanes and subgroups hold copies.
LayoutAttr slice(LayoutAttr layout, llvm::ArrayRef<llvm::StringRef> keep);

/// Register numbers of `layout` by register of its slice over `keep`: entry i
/// is the register of the slice that register i agrees with.
llvm::SmallVector<int64_t>
getSliceRegisters(LayoutAttr layout, llvm::ArrayRef<llvm::StringRef> keep);

/// `layout` with other names for its ranks, in the order given.
LayoutAttr rename(LayoutAttr layout, llvm::ArrayRef<llvm::StringRef> from,
                  llvm::ArrayRef<llvm::StringRef> to);

/// `layout` repeated `count` times along `rank` in registers, `stride` apart.
LayoutAttr repeat(LayoutAttr layout, llvm::StringRef rank, int64_t count,
                  int64_t stride);

/// `layout` with subgroups taking `count` parts along `rank`, `stride` apart.
LayoutAttr divide(LayoutAttr layout, llvm::StringRef rank, int64_t count,
                  int64_t stride);

/// A number that depends on the lane: base + the weights of its set bits.
struct LaneFunction {
  int64_t base = 0;
  llvm::SmallVector<int64_t> weights; // by bit of the lane's number

  /// Every lane's number is its own value.
  bool isIdentity() const;
  bool operator==(const LaneFunction &other) const {
    return base == other.base && weights == other.weights;
  }
};

/// The function with these values by lane (at least one), if it is a sum over
/// bits.
std::optional<LaneFunction> fitSum(llvm::ArrayRef<int64_t> values);
/// The same where the weights of set bits are combined by exclusive or.
std::optional<LaneFunction> fitXor(llvm::ArrayRef<int64_t> values);

/// How the registers of one layout are filled from those of another.
struct Conversion {
  /// Registers renames; Shuffles also brings from other lanes or chooses by
  /// lane; Near goes through near memory.
  enum Kind { Registers, Shuffles, Near } kind = Near;
  /// Registers, Shuffles: for each register of the result, where it comes from.
  struct Source {
    /// Register in the source lane; with Shuffles, one per value of the lane
    /// bits in `select` (lowest bit first), all of them brought.
    llvm::SmallVector<int64_t> registers;
    llvm::SmallVector<unsigned> select; // bits of the receiving lane
    LaneFunction lane; // exclusive or; the identity needs no shuffle
  };
  llvm::SmallVector<Source> sources; // none if Near

  /// Shuffles of one register per subgroup; 0 if none, -1 through memory.
  int64_t getCost() const;
};

/// From `from` to `to`, two layouts of a tile with these ranks.
Conversion planConversion(LayoutAttr from, LayoutAttr to,
                          llvm::ArrayRef<llvm::StringRef> ranks);

/// How registers of a tile serve as an operand of a matrix atom. Along the
/// contracted rank any order is good as long as both operands use it: step s
/// of the atom's k takes coordinates order[s * atom k + i], i < atom k.
struct OperandMatch {
  /// Source register by (repetition along the free rank, step, register).
  llvm::SmallVector<int64_t> registers;
  llvm::SmallVector<int64_t> order;
};

/// Matches `tile` (ranks `free`, `contracted` among others of extent 1) with
/// the atom's operand layout over (freeName, "k"), in the same lanes.
/// `freeExtent` and `extent` are those of the tile within one subgroup.
std::optional<OperandMatch>
matchOperand(LayoutAttr tile, llvm::StringRef free, llvm::StringRef contracted,
             LayoutAttr operand, llvm::StringRef freeName, int64_t atomFree,
             int64_t atomK, int64_t freeExtent, int64_t extent);

/// Where element (slow, fast) of a near buffer lies, in elements: rows of
/// `pitch` elements, in which chunks of `chunk` are permuted by the row so that
/// lanes that read a column of chunks meet different banks:
///
///   offset = slow * pitch + ((fast / chunk) ^ ((slow >> shift) & mask)) *
///   chunk
///            + fast % chunk
///
/// With `group` > 1, which must divide the number of rows, and no mask, that
/// many rows are woven together, so that a lane reads elements of neighbouring
/// rows at once (0 1 2 3 are rows, a b c columns):
///
///   group 1   0a 0b 0c  1a 1b 1c  2a 2b 2c  3a 3b 3c
///   group 4   0a 1a 2a 3a  0b 1b 2b 3b  0c 1c 2c 3c
///
///   offset = (slow - slow % group) * pitch + fast * group + slow % group
struct NearOrder {
  int64_t pitch = 0, chunk = 1, mask = 0, shift = 0, group = 1;
  int64_t getOffset(int64_t slow, int64_t fast) const;
};

/// Cycles beyond the least that one access takes: each lane reads or writes
/// `bytes` bytes at the byte address given, in near memory of `banks` banks of
/// four bytes.
int64_t countConflicts(llvm::ArrayRef<int64_t> addresses, int64_t bytes,
                       int64_t banks);

} // namespace fovea::tile

#endif // FOVEA_DIALECTS_TILE_LAYOUT_H
