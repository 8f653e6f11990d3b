//===- Work.h - what a call has to do ---------------------------*- C++ -*-===//

#ifndef FOVEA_DRIVER_WORK_H
#define FOVEA_DRIVER_WORK_H

#include "fovea/runtime/fovea_runtime.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace fovea {

/// What a call has to do.
struct Work {
  double flops = 0;     // in products, for the pairs that are visible
  double visible = 1;   // part of all pairs of a query and a key
  bool inPairs = false; // products are of bf16
};

/// Counts the products of all folds of a function at the fold level; how much
/// is visible is estimated at some thousand points. None if it cannot be told.
std::optional<Work> countWork(mlir::ModuleOp module, llvm::StringRef entry,
                              llvm::ArrayRef<fovea_tensor> arguments);

/// The size of a fold's problem at one point of its other ranks.
struct FoldSize {
  /// Rows that share what they stream: the number that chooses between
  /// schedules (`tile.few_rows`).
  int64_t rows = 0;
  int64_t keys = 0; // coordinates of the stream
};

/// The largest fold of the function by rows. None if there is no fold or its
/// extents cannot be told.
std::optional<FoldSize> countSize(mlir::ModuleOp module,
                                  llvm::StringRef entry,
                                  llvm::ArrayRef<fovea_tensor> arguments);

} // namespace fovea

#endif // FOVEA_DRIVER_WORK_H
