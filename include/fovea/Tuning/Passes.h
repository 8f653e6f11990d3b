//===- Passes.h - tuned schedules in a program ------------------*- C++ -*-===//

#ifndef FOVEA_TUNING_PASSES_H
#define FOVEA_TUNING_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fovea {

#define GEN_PASS_DECL
#include "fovea/passes/Tuning/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fovea/passes/Tuning/Passes.h.inc"

} // namespace fovea

#endif // FOVEA_TUNING_PASSES_H
