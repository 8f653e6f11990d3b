//===- Passes.h - passes of this target -------------------------*- C++ -*-===//

#ifndef FOVEA_TARGET_AARCH64_PASSES_H
#define FOVEA_TARGET_AARCH64_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fovea {

#define GEN_PASS_DECL
#include "fovea/passes/Target/AArch64/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fovea/passes/Target/AArch64/Passes.h.inc"

} // namespace fovea

#endif // FOVEA_TARGET_AARCH64_PASSES_H
