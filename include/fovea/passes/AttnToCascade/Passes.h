//===- Passes.h - from meaning to algebra -----------------------*- C++ -*-===//

#ifndef FOVEA_PASSES_ATTNTOCASCADE_PASSES_H
#define FOVEA_PASSES_ATTNTOCASCADE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace fovea {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "fovea/passes/AttnToCascade/Passes.h.inc"

} // namespace fovea

#endif // FOVEA_PASSES_ATTNTOCASCADE_PASSES_H
