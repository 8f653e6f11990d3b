//===- Targets.cpp - the list of targets ----------------------------------===//

#include "fovea/Target/Target.h"

#include "fovea/Target/Common/Passes.h"
#include "fovea/dialects/Tile/Tile.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "llvm/ADT/StringExtras.h"

namespace fovea {

// Each target defines these in its own folder; nothing here includes a
// header of theirs.
llvm::Expected<std::unique_ptr<Target>> createX86Target(llvm::StringRef name,
                                                        llvm::StringRef chip);
void listX86Targets(std::vector<std::string> &names);
void registerX86Passes();
void registerX86Dialects(mlir::DialectRegistry &registry);
llvm::Expected<std::unique_ptr<Target>>
createAArch64Target(llvm::StringRef name, llvm::StringRef chip);
void listAArch64Targets(std::vector<std::string> &names);
void registerAArch64Passes();
llvm::Expected<std::unique_ptr<Target>>
createNVPTXTarget(llvm::StringRef name, llvm::StringRef chip);
void listNVPTXTargets(std::vector<std::string> &names);
void registerNVPTXPasses();
llvm::Expected<std::unique_ptr<Target>>
createAMDGPUTarget(llvm::StringRef name, llvm::StringRef chip);
void listAMDGPUTargets(std::vector<std::string> &names);
void registerAMDGPUPasses();

Target::~Target() = default;

std::vector<tile::ScheduleAttr>
Target::getSchedules(tile::ScheduleAttr chosen) const {
  return {chosen};
}

llvm::Error Target::checkSchedule(tile::ScheduleAttr chosen,
                                  tile::ScheduleAttr wanted) const {
  if (chosen == wanted) {
    return llvm::Error::success();
  }
  return llvm::createStringError("expected the schedule that is chosen for " +
                                 getName());
}

std::vector<std::string> getKnownTargets() {
  std::vector<std::string> names;
  listX86Targets(names);
  listAArch64Targets(names);
  listNVPTXTargets(names);
  listAMDGPUTargets(names);
  return names;
}

llvm::Expected<std::unique_ptr<Target>> lookUpTarget(llvm::StringRef name) {
  auto isListed = [](llvm::StringRef wanted, auto list) {
    std::vector<std::string> names;
    list(names);
    return llvm::is_contained(names, wanted);
  };
  if (isListed(name, listX86Targets)) {
    return createX86Target(name, name.split(':').second);
  }
  if (isListed(name, listAArch64Targets)) {
    return createAArch64Target(name, name.split(':').second);
  }
  // A chip tells its vendor, who may be named as well.
  llvm::StringRef chip = name;
  bool isNvidia = chip.consume_front("nvidia:");
  bool isAmd = !isNvidia && chip.consume_front("amd:");
  if (!isAmd && isListed(chip, listNVPTXTargets)) {
    return createNVPTXTarget(name, chip);
  }
  if (!isNvidia && isListed(chip, listAMDGPUTargets)) {
    return createAMDGPUTarget(name, chip);
  }
  return llvm::createStringError("expected a target among " +
                                 llvm::join(getKnownTargets(), ", ") +
                                 "; got '" + name + "'");
}

void registerTargetPasses() {
  registerTargetCommonPasses();
  registerX86Passes();
  registerAArch64Passes();
  registerNVPTXPasses();
  registerAMDGPUPasses();
}

void registerTargetDialects(mlir::DialectRegistry &registry) {
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerGPUDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  registerX86Dialects(registry);
  registry.insert<mlir::gpu::GPUDialect>();
}

} // namespace fovea
