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

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_RUN_BENCH_H
