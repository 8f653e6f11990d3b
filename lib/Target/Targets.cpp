//===- Targets.cpp - the list of targets ----------------------------------===//

#include "fovea/Target/Target.h"

#include "fovea/Target/Common/Passes.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "llvm/ADT/StringExtras.h"

namespace fovea {

// Each target defines these two in its own folder; nothing here includes a
// header of theirs.
llvm::Expected<std::unique_ptr<Target>> createX86Target(llvm::StringRef name,
                                                        llvm::StringRef chip);
void listX86Targets(std::vector<std::string> &names);
void registerX86Passes();
void registerX86Dialects(mlir::DialectRegistry &registry);

Target::~Target() = default;

std::vector<std::string> getKnownTargets() {
  std::vector<std::string> names;
  listX86Targets(names);
  return names;
}

llvm::Expected<std::unique_ptr<Target>> lookUpTarget(llvm::StringRef name) {
  std::vector<std::string> known = getKnownTargets();
  if (!llvm::is_contained(known, name)) {
    return llvm::createStringError("expected a target among " +
                                   llvm::join(known, ", ") + "; got '" + name +
                                   "'");
  }
  return createX86Target(name, name.split(':').second);
}

void registerTargetPasses() {
  registerTargetCommonPasses();
  registerX86Passes();
}

void registerTargetDialects(mlir::DialectRegistry &registry) {
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  registerX86Dialects(registry);
}

} // namespace fovea
