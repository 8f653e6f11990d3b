//===- Passes.h - from the algebra to the schedule --------------*- C++ -*-===//

#ifndef FOVEA_PASSES_CASCADETOTILE_PASSES_H
#define FOVEA_PASSES_CASCADETOTILE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fovea {

#define GEN_PASS_DECL
#include "fovea/passes/CascadeToTile/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fovea/passes/CascadeToTile/Passes.h.inc"

} // namespace fovea

#endif // FOVEA_PASSES_CASCADETOTILE_PASSES_H
