//===- Passes.h - tiles spread over lanes --------------------*- C++ -*-===//

#ifndef FOVEA_PASSES_TILETOLANES_PASSES_H
#define FOVEA_PASSES_TILETOLANES_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fovea {

#define GEN_PASS_DECL
#include "fovea/passes/TileToLanes/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fovea/passes/TileToLanes/Passes.h.inc"

} // namespace fovea

#endif // FOVEA_PASSES_TILETOLANES_PASSES_H
