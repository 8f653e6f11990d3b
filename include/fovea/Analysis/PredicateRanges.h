//===- PredicateRanges.h - which tiles and keys to visit --------*- C++ -*-===//
//
// A predicate (the `where` region of a cascade operation) says which keys a
// query sees. A schedule walks *tiles*, boxes of coordinates, and asks two
// questions of a predicate. The answers are a few scalar operations, written
// where the builder stands; lengths and table entries stay symbolic.
//
// Worked example: causal and window<4> with as many queries as keys,
//
//     k <= q  and  q - k < 4  and  q - k > -4
//
// Every comparison becomes a *literal*, a sum that must not be positive:
//
//     k - q <= 0       q - k - 3 <= 0       k - q - 3 <= 0
//
// *Truth of a box.* In the box q in [8, 11], k in [4, 7] the first sum has the
// least value 4 - 11 = -7, the second 8 - 7 - 3 = -2: all three can hold, so
// some point may be visible. Is some point invisible? One of the negations
// k - q >= 1, q - k >= 4, k - q >= 4 must hold somewhere; q - k reaches
// 11 - 4 = 7, so the second does. The tile is *partial*: any, but not all.
//
// *Range of a row of tiles.* Solved for k over q in [8, 11], the literals say
// k <= 11, k >= 8 - 3 = 5 and k <= 14: visit [5, 12), nothing else.
//
// Disjunctions give one range per term (`window<4> or sink<2>`: the sinks and
// the window); the ranges are put in order and made disjoint at run time.
//
// What is not understood (an unknown operation, a division by something that
// is no constant) makes a box partial and a range whole, never wrong. Within
// the terms of a predicate that has at most 8 of them, these are exact for
// affine comparisons of coordinates whose coefficients are 1 or -1, also when
// several meet (causal and (window or sink)), and for floor(q / N) ==
// floor(k / N). Sums of type index are taken not to overflow.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_ANALYSIS_PREDICATERANGES_H
#define FOVEA_ANALYSIS_PREDICATERANGES_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

#include <functional>

namespace fovea {

/// Integers lo to hi, of type index. Inclusive where it describes a box or a
/// value; a null bound is none. `lo == hi` is a point.
struct Interval {
  mlir::Value lo, hi;
};

/// What a box holds, as values of type i1: may some point be visible? are all
/// points surely visible?
struct Truth {
  mlir::Value any, all;
};

/// What a predicate needs to know from outside.
struct PredicateInputs {
  /// Coordinates of a rank within the box, not negative and inside its extent.
  std::function<Interval(llvm::StringRef rank)> box;
  /// Least and greatest entry of a table over a box of indices; null bounds
  /// if they are not known. The box may lie partly outside the table (no
  /// visible point reads there) or be empty at run time, lo > hi (then any
  /// answer will do): clamp before reading. Of one point, the entry itself.
  std::function<Interval(mlir::tensor::ExtractOp, llvm::ArrayRef<Interval>)>
      table;
  /// What a value from outside the region is called where the builder stands;
  /// null if it cannot be had there.
  std::function<mlir::Value(mlir::Value)> captured;
};

/// Writes the truth of the box that `inputs.box` describes.
Truth buildTruth(mlir::OpBuilder &b, mlir::Location loc, mlir::Region &where,
                 const PredicateInputs &inputs);

/// Writes the ranges [lo, hi) of rank `stream`, within [0, extent), outside of
/// which no point is visible for the other ranks in the box. Ranges are in
/// increasing order, disjoint, and may be empty. `inputs.box` is not asked for
/// the streamed rank.
llvm::SmallVector<Interval>
buildVisitRanges(mlir::OpBuilder &b, mlir::Location loc, mlir::Region &where,
                 llvm::StringRef stream, mlir::Value extent,
                 const PredicateInputs &inputs);

} // namespace fovea

#endif // FOVEA_ANALYSIS_PREDICATERANGES_H
