//===- Dialects.h - what the compiler reads and creates ---------*- C++ -*-===//

#ifndef FOVEA_DRIVER_DIALECTS_H
#define FOVEA_DRIVER_DIALECTS_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace fovea {

/// All dialects of all levels, and the translation to LLVM IR. A context that
/// compiles must have been made from such a registry.
void registerDialects(mlir::DialectRegistry &registry);

} // namespace fovea

#endif // FOVEA_DRIVER_DIALECTS_H
