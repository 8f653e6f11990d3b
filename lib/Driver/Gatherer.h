//===- Gatherer.h - diagnostics of a compilation as text --------*- C++ -*-===//

#ifndef FOVEA_LIB_DRIVER_GATHERER_H
#define FOVEA_LIB_DRIVER_GATHERER_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <string>

namespace fovea {

/// Gathers errors while it lives, and hands on what is no error.
class Gatherer {
public:
  /// Without `onRemark` remarks are dropped; without `onWarning` warnings go to
  /// standard error.
  explicit Gatherer(mlir::MLIRContext *context,
                    std::function<void(llvm::StringRef)> onRemark = nullptr,
                    std::function<void(llvm::StringRef)> onWarning = nullptr);

  /// What was gathered, or `otherwise` if that is nothing.
  llvm::Error takeError(const llvm::Twine &otherwise);

private:
  std::string gathered;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace fovea

#endif // FOVEA_LIB_DRIVER_GATHERER_H
