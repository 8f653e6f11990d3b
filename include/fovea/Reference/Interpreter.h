//===- Interpreter.h - what the IR means, slowly, in double -----*- C++ -*-===//
//
// The interpreter defines the meaning of the attn and cascade dialects: every
// pass and every kernel is compared with it. It computes with *real numbers as
// far as double can hold them*:
//
// - every floating-point value is a double, whatever its declared type;
//   arith.extf and arith.truncf do not round. Only constants carry the
//   rounding of their type (`0.1 : f32` is the f32 nearest to 0.1). So the laws
//   by which passes rearrange a program hold. Kernels are compared with what a
//   program computes if types of 8 and 16 bits do round (`Options::rounds`);
// - integers wrap at their declared width; index has 64 bits;
// - NaN and infinities behave as in IEEE 754; arith.maximumf, minimumf and the
//   monoids max and min let a NaN win and order -0 before +0;
// - arith.fptosi/fptoui saturate and give 0 for a NaN, where the dialect says
//   poison; tensor.empty holds NaN (integers: 0).
//
// Whatever cannot be executed is an error that names the operation and where
// it stands: unknown operations, tensor.extract beyond the end, a false
// cf.assert, a page id that does not exist, shapes that disagree.
//
// Worked example. For q = [1, 2] and k = [3, 4] with the predicate j <= i
//
//   %s = cascade.einsum %q[i], %k[j] -> [i] reduce sum { mulf } where { j <= i
//   }
//
// visits (0,0), (1,0), (1,1) and gives s = [1*3, 2*3 + 2*4] = [3, 14].
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_REFERENCE_INTERPRETER_H
#define FOVEA_REFERENCE_INTERPRETER_H

#include "mlir/IR/Types.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace fovea::cascade {
class FoldOp;
} // namespace fovea::cascade

namespace fovea::reference {

/// A row-major array; a scalar has rank 0 and one element. Elements of a
/// floating-point type lie in `reals`, of an integer or index type in
/// `integers` (sign-extended; an i1 is 0 or 1).
struct Tensor {
  /// Declared element type. It may be null in an argument, which then takes
  /// the type that the function declares.
  mlir::Type elementType;
  bool isReal = true;
  llvm::SmallVector<int64_t, 4> shape;
  std::vector<double> reals;
  std::vector<int64_t> integers;
  /// With `Options::rounds`, of what attn.attend computes: how far an element
  /// may be from the one here because the regions jump (docs/numerics.md).
  double slack = 0;

  static Tensor fromReals(llvm::ArrayRef<int64_t> shape,
                          std::vector<double> data);
  static Tensor fromIntegers(llvm::ArrayRef<int64_t> shape,
                             std::vector<int64_t> data);
  /// All elements 0.
  static Tensor zeros(llvm::ArrayRef<int64_t> shape, mlir::Type elementType);

  int64_t getNumElements() const;
};

/// One element of a fold's state each.
using State = std::vector<Tensor>;

/// A `cascade.fold` at one point of its parallel ranks, in pieces. The
/// property tests of merges play with the pieces; the interpreter itself puts
/// them together as `FoldSplit` says.
class FoldPoint {
public:
  virtual ~FoldPoint() = default;
  /// Coordinates of the streamed rank for which `where` holds, increasing.
  virtual llvm::ArrayRef<int64_t> getVisible() const = 0;
  virtual State getIdentity() const = 0;
  virtual llvm::Expected<State> init() = 0;
  /// One tile: any coordinates in any order, none at all included.
  virtual llvm::Expected<State> step(const State &state,
                                     llvm::ArrayRef<int64_t> tile) = 0;
  virtual llvm::Expected<State> merge(const State &a, const State &b) = 0;
  /// The results that do not carry the streamed rank.
  virtual llvm::Expected<std::vector<Tensor>> finish(const State &state) = 0;
};

/// How the streamed rank of each fold is cut. By default it is one tile.
struct FoldSplit {
  /// Sizes of consecutive tiles, used in turn and again from the first.
  llvm::SmallVector<int64_t> tileSizes;
  /// With `tileSizes`: fold every tile on its own, the first from `init` and
  /// the others from `identity`, and join them with `merge` left to right.
  bool mergeTiles = false;
  /// Instead of both: visible coordinates in random order, cut at random into
  /// parts (some empty), each part into random tiles (some empty), and the
  /// parts merged pairwise in random order. Each point has its own cut.
  std::optional<uint64_t> seed;
};

struct Options {
  FoldSplit split;
  /// Calls nested deeper than this are an error.
  unsigned maxCallDepth = 64;
  /// What an operation of arith or math yields is rounded to its type if that
  /// is f16, bf16 or f8E4M3FN, as in a kernel.
  bool rounds = false;
  /// Called at every point of every fold, before the fold is computed there.
  std::function<llvm::Error(cascade::FoldOp, FoldPoint &)> observeFold;
};

/// Executes `f`. A function argument whose type stands for several tensors
/// (a KV cache) takes its component tensors in order.
llvm::Expected<std::vector<Tensor>> interpret(mlir::func::FuncOp f,
                                              llvm::ArrayRef<Tensor> arguments,
                                              const Options &options = {});

} // namespace fovea::reference

#endif // FOVEA_REFERENCE_INTERPRETER_H
