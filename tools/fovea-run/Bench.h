//===- Bench.h - times beside ceilings --------------------------*- C++ -*-===//

#ifndef FOVEA_TOOLS_FOVEA_RUN_BENCH_H
#define FOVEA_TOOLS_FOVEA_RUN_BENCH_H

#include "fovea/Driver/Compiler.h"

namespace fovea {

struct BenchOptions {
  int repeats;
  int32_t threads;
};

/// Runs an entry again and again and prints what it achieves.
llvm::Error bench(mlir::ModuleOp module, Executable &program,
                  const Entry &entry, llvm::ArrayRef<fovea_tensor> arguments,
                  const CompileOptions &compileOptions,
                  const BenchOptions &options);

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

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_RUN_BENCH_H
