//===- Passes.h - from tiles to vectors and loops ---------------*- C++ -*-===//

#ifndef FOVEA_PASSES_TILETOVECTOR_PASSES_H
#define FOVEA_PASSES_TILETOVECTOR_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fovea {

#define GEN_PASS_DECL
#include "fovea/passes/TileToVector/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "fovea/passes/TileToVector/Passes.h.inc"

} // namespace fovea

#endif // FOVEA_PASSES_TILETOVECTOR_PASSES_H
