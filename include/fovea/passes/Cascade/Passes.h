//===- Passes.h - passes within the algebra level ---------------*- C++ -*-===//

#ifndef FOVEA_PASSES_CASCADE_PASSES_H
#define FOVEA_PASSES_CASCADE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fovea::cascade {

#define GEN_PASS_DECL
#include "fovea/passes/Cascade/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "fovea/passes/Cascade/Passes.h.inc"

} // namespace fovea::cascade

#endif // FOVEA_PASSES_CASCADE_PASSES_H
