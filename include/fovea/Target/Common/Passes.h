//===- Passes.h - what all targets share ------------------------*- C++ -*-===//

#ifndef FOVEA_TARGET_COMMON_PASSES_H
#define FOVEA_TARGET_COMMON_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/Pass.h"

namespace fovea {

#define GEN_PASS_DECL
#include "fovea/passes/Target/Common/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fovea/passes/Target/Common/Passes.h.inc"

/// How far a target's instructions reach; the rest is expanded.
struct CpuLoweringOptions {
  /// It has instructions for bf16; else that is i16 and integer code.
  bool nativeBF16 = false;
  /// Adds the target's own dialect to the conversion of vectors.
  bool targetVectors = false;
  /// Kernels return their status already: `fovea-lower-checks` has run.
  bool hasStatus = false;
};

/// From kernels and tasks in upstream dialects to the llvm dialect, a straight
/// list of passes.
void buildCpuToLLVM(mlir::OpPassManager &pm, const CpuLoweringOptions &options);

/// From kernels in upstream dialects to the llvm dialect; for the passes of a
/// `gpu.module`, after the target's own lowering.
void buildDeviceToLLVM(mlir::OpPassManager &pm);

} // namespace fovea

#endif // FOVEA_TARGET_COMMON_PASSES_H
