//===- StreamWork.h - what a cascade does along a rank ----------*- C++ -*-===//
//
// Counted from the Einsums of a function before folds are derived, per *pair*
// of a row and a coordinate of the streamed rank (in attention, of a query and
// a key). In attention with heads of 64 in f32:
//
//   S[q,k] = sum_d Q[q,d] K[k,d]      scoreProducts 128
//   T[q,k] = S[q,k] / 8               elements 1
//   M[q]   = max_k T[q,k]             elements 1
//   P[q,k] = exp(T[q,k] - M[q])       elements 1, exponentials 1
//   ...
//   O[q,e] = sum_k A[q,k] V[k,e]      valueProducts 128, stateElements 64
//
// and keyBytes 512, of a row of K and one of V. T and P have a fiber that stays
// alive between walks (CountPasses.h): kept in memory instead of being repaired
// they are written once and read once each, fiberTransfers 4, fiberBytes 16.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_ANALYSIS_STREAMWORK_H
#define FOVEA_ANALYSIS_STREAMWORK_H

#include <optional>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace fovea {

struct StreamWork {
  // Per pair.
  double scoreProducts = 0; // FLOP of products summed over inner ranks
  double valueProducts = 0; // FLOP of products summed over the stream
  double elements = 0;      // other operations, element by element
  double exponentials = 0;  // functions that are polynomials in code
  double fiberTransfers = 0, fiberBytes = 0;
  // Per coordinate of the stream: operations that all rows share (decoding),
  // and bytes read.
  double keyElements = 0, keyBytes = 0;
  // Per row: elements of what is carried along the stream.
  double stateElements = 0;
  bool inPairs = false; // products are of bf16
  bool isGathered = false; // some operand comes by a page table
};

/// Counts along the rank that is streamed (chooseStreamedRank); none if no rank
/// is. Extents that are not known when the program is compiled are those of
/// rows, batches and the stream; the others multiply what a pair does.
std::optional<StreamWork> countStreamWork(mlir::func::FuncOp function);

} // namespace fovea

#endif // FOVEA_ANALYSIS_STREAMWORK_H
