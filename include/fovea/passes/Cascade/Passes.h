//===- Passes.h - passes within the algebra level ---------------*- C++ -*-===//

#ifndef FOVEA_PASSES_CASCADE_PASSES_H
#define FOVEA_PASSES_CASCADE_PASSES_H

#include "mlir/Pass/Pass.h"

namespace fovea::cascade {

/// Name of the attribute of a function that says which form
/// `fovea-derive-fold` is to give it: "fused" or "decomposed".
inline constexpr llvm::StringLiteral kFormAttrName = "cascade.form";

#define GEN_PASS_DECL
#include "fovea/passes/Cascade/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "fovea/passes/Cascade/Passes.h.inc"

} // namespace fovea::cascade

#endif // FOVEA_PASSES_CASCADE_PASSES_H
