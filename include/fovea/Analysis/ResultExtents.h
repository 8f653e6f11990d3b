//===- ResultExtents.h - extents of results from those of arguments -------===//
//
// A caller must allocate the outputs of a kernel before it runs. Their extents
// follow from the ranks: the result of
//
//   %o = cascade.fold parallel [q] stream k
//        ins(%Q[q, d], %K[k, d], %V[k, e]) -> [q, e]
//
// has extent `size(0, 0)` along q (that of argument 0) and `size(2, 1)` or the
// fixed extent of V along e. Reshapes multiply and divide extents. What depends
// on the data (the longest sequence behind a page table) has no formula.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_ANALYSIS_RESULTEXTENTS_H
#define FOVEA_ANALYSIS_RESULTEXTENTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlir {
class Value;
namespace func {
class FuncOp;
} // namespace func
} // namespace mlir

namespace fovea {

/// A formula over the sizes of a function's arguments.
struct Extent {
  enum Kind { Constant, Size, Add, Sub, Mul, Div, CeilDiv, Rem };
  Kind kind = Constant;
  int64_t value = 0;               // Constant
  unsigned argument = 0, axis = 0; // Size
  std::vector<Extent> operands;    // the others: two

  /// `size(argument, axis)` gives the size of an argument. A division by zero
  /// gives 0: then there are no elements either.
  int64_t evaluate(llvm::function_ref<int64_t(unsigned, unsigned)> size) const;
  /// As "q[0] * 4", with the names of the arguments.
  std::string print(llvm::ArrayRef<std::string> names) const;
};

/// The extents of result `i` of a function at the attn or cascade level, one
/// per axis; none if one of them has no formula.
std::optional<std::vector<Extent>> getResultExtents(mlir::func::FuncOp function,
                                                    unsigned i);

/// The extent of a tensor along one axis.
std::optional<Extent> getExtent(mlir::Value tensor, unsigned axis);

} // namespace fovea

#endif // FOVEA_ANALYSIS_RESULTEXTENTS_H
