//===- CountPasses.h - how often must a cascade walk a rank? ----*- C++ -*-===//
//
// A *pass* over a rank is one walk over all its coordinates. Softmax attention
// written down as in a textbook needs three passes over the keys m:
//
//   S[p,m]  = sum_e Q[p,e] K[m,e]     pass 1
//   GM[p]   = max_m S[p,m]            pass 1, known when pass 1 has ended
//   SN[p,m] = exp(S[p,m] - GM[p])     needs the final GM:  pass 2
//   SD[p]   = sum_m SN[p,m]           pass 2, known at its end
//   A[p,m]  = SN[p,m] / SD[p]         needs the final SD:  pass 3
//   O[p,f]  = sum_m A[p,m] V[m,f]     pass 3
//
// Every tensor gets a *kind* (does it carry the rank?) and a *time* (pass p,
// either while the walk passes the coordinate or only at its end). An Einsum
// that walks the rank and reads something known only at the end of pass p runs
// in pass p + 1; the edges where that happens are the *cut edges*. They are
// what a rewrite has to remove. Here: GM -> SN and SD -> A.
//
// A rank that the cascade itself splits is given by its parts, outer to inner
// (m1, m0). A tensor that carries outer parts only is a *summary*; a loop over
// summaries costs no pass.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_ANALYSIS_COUNTPASSES_H
#define FOVEA_ANALYSIS_COUNTPASSES_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace mlir {
class AsmState;
} // namespace mlir

namespace fovea {

/// How much of the rank a tensor carries: nothing, outer parts only, or the
/// innermost part.
enum class CarryKind { None, Summary, Full };

/// When a value is known: during pass `pass`, at its own coordinate, or only
/// when the pass has ended. Pass 0 has ended before anything runs.
struct PassTime {
  int64_t pass = 0;
  bool atEnd = true;

  bool operator<(PassTime other) const {
    return pass != other.pass ? pass < other.pass : !atEnd && other.atEnd;
  }
};

/// `consumer` walks the rank in `toPass` because `operand` is known only at
/// the end of the pass before.
struct CutEdge {
  mlir::Value operand;
  mlir::Operation *consumer;
  int64_t toPass;
};

/// What is known of one tensor that carries the rank.
struct RankedTensorUse {
  mlir::Value tensor;
  CarryKind kind;
  int64_t produced;                     // pass that makes it; 0 for an input
  llvm::SmallVector<int64_t, 4> readIn; // passes that read it, increasing

  /// True if a whole fiber must stay alive (or be read again) between passes;
  /// otherwise one tile is enough.
  bool needsWholeFiber() const;
};

struct PassCount {
  llvm::SmallVector<std::string> parts;
  int64_t passes = 0;
  llvm::SmallVector<CutEdge> cuts;
  llvm::SmallVector<RankedTensorUse> tensors;
};

/// Counts the passes over the rank with the given parts (outer to inner) in
/// one function.
PassCount countPasses(mlir::Operation *function,
                      llvm::ArrayRef<std::string> parts);

/// Names of all ranks of the cascade operations in `function`, in order of
/// first appearance.
llvm::SmallVector<std::string> collectRanks(mlir::Operation *function);

/// The rank to stream: the reduced one with the most passes; among equals one
/// of unknown extent, then the one that most Einsums walk. "" if none is
/// reduced.
std::string chooseStreamedRank(mlir::Operation *function);

/// The name a person gave to a value with a `cascade.name` attribute on its
/// operation or function argument, else the name the printer gives it.
std::string getDisplayName(mlir::Value value, mlir::AsmState &state);

} // namespace fovea

#endif // FOVEA_ANALYSIS_COUNTPASSES_H
