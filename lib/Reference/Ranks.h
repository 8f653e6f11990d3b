//===- Ranks.h - points of named ranks, private to lib/Reference ----------===//
//
// What einsum, scan and fold share: operands indexed by sums of ranks, the
// extents that follow from them, and the walk over all points.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_LIB_REFERENCE_RANKS_H
#define FOVEA_LIB_REFERENCE_RANKS_H

#include "Machine.h"

#include "mlir/IR/AffineMap.h"

namespace fovea::reference {

/// One index of an operand: a sum of multiples of ranks and a constant.
struct IndexSum {
  struct Term {
    unsigned rank;
    int64_t factor;
  };
  llvm::SmallVector<Term, 2> terms;
  int64_t constant = 0;
  /// The index is one rank and nothing else, which gives the rank's extent.
  bool isPlain() const {
    return terms.size() == 1 && terms[0].factor == 1 && constant == 0;
  }
};

/// An operand and how it is indexed.
struct Access {
  unsigned slot;
  bool isTensor;
  llvm::SmallVector<IndexSum, 4> indices;
};

/// Fails if an index is not a sum.
llvm::LogicalResult makeAccess(mlir::Operation *op, mlir::Value value,
                               mlir::AffineMap map, Translator &t,
                               Access &access);

/// An operand while the op runs.
struct View {
  const Access *access;
  const Tensor *tensor; // null for a scalar
  llvm::SmallVector<int64_t, 4> strides;

  View(const Access &access, Frame &frame);
  /// Offset of the element at a point, or -1 where an index falls outside.
  int64_t locate(llvm::ArrayRef<int64_t> point) const;
  /// Brings the element into `slot`; false where it is absent.
  bool read(llvm::ArrayRef<int64_t> point, Frame &frame, Slot &slot) const;
};

/// The ranks of an op and where `cascade.index` finds their coordinates.
struct RankSpace {
  mlir::ArrayAttr names;
  unsigned coordinates = 0;
  /// For each rank: the slot of the tile whose coordinates it has (a rank that
  /// an enclosing fold streams), or -1.
  llvm::SmallVector<int, 4> tiles;

  /// Allocates coordinate slots; looks for enclosing folds.
  static RankSpace create(mlir::ArrayAttr names, Translator &t);
  unsigned size() const { return names.size(); }
  llvm::StringRef getName(unsigned i) const;

  /// Extents that follow from the plain indices; an error if two disagree.
  llvm::LogicalResult getExtents(mlir::Operation *op, Frame &frame,
                                 llvm::ArrayRef<View> views,
                                 llvm::SmallVectorImpl<int64_t> &extents) const;
  /// Writes what `cascade.index` sees of rank i at local coordinate `value`.
  void setCoordinate(Frame &frame, unsigned i, int64_t value) const {
    if (tiles[i] >= 0) {
      value = frame[tiles[i]].tensor->integers[value];
    }
    frame[coordinates + i].integer = value;
  }

  /// Calls `visit` at every point of the ranks `order` (last one fastest);
  /// `point` holds all ranks and keeps the others' coordinates.
  template <typename Visit>
  llvm::LogicalResult walk(Frame &frame, llvm::ArrayRef<unsigned> order,
                           llvm::ArrayRef<int64_t> extents,
                           llvm::MutableArrayRef<int64_t> point,
                           Visit visit) const {
    for (unsigned rank : order) {
      if (extents[rank] == 0) {
        return llvm::success();
      }
      point[rank] = 0;
      setCoordinate(frame, rank, 0);
    }
    while (true) {
      if (failed(visit())) {
        return llvm::failure();
      }
      int64_t i = static_cast<int64_t>(order.size()) - 1;
      for (; i >= 0; --i) {
        unsigned rank = order[i];
        if (++point[rank] < extents[rank]) {
          setCoordinate(frame, rank, point[rank]);
          break;
        }
        point[rank] = 0;
        setCoordinate(frame, rank, 0);
      }
      if (i < 0) {
        return llvm::success();
      }
    }
  }
};

/// Checks the extents of a result against the static ones of its type.
llvm::LogicalResult verifyResultShape(mlir::Operation *op, Frame &frame,
                                      mlir::Type type,
                                      llvm::ArrayRef<int64_t> shape);

/// Positions of the ranks of a map that is a list of plain ranks.
llvm::SmallVector<unsigned, 4> getRankPositions(mlir::AffineMap map);

/// Values of `all` at `positions`.
llvm::SmallVector<int64_t, 4> select(llvm::ArrayRef<unsigned> positions,
                                     llvm::ArrayRef<int64_t> all);

} // namespace fovea::reference

#endif // FOVEA_LIB_REFERENCE_RANKS_H
