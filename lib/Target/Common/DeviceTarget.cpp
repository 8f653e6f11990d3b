//===- DeviceTarget.cpp - a target whose tasks run on a device ------------===//

#include "fovea/Target/Common/DeviceTarget.h"

#include "fovea/Target/Common/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace fovea;

tile::MachineAttr fovea::makeMachine(mlir::MLIRContext *context,
                                     const DeviceChip &chip,
                                     llvm::ArrayRef<MatrixAtom> atoms) {
  return tile::MachineAttr::get(context, chip.lanes, chip.nearPerBlock,
                                chip.banks, chip.copy, chip.matrixLoad,
                                makeAtoms(context, atoms));
}

MachineDescription DeviceTarget::getMachine() const {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86Target();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86AsmPrinter();
  return {"x86_64-unknown-linux-gnu", "x86-64", ""};
}

llvm::Error DeviceTarget::checkRunsHere() const {
  if (llvm::Triple(llvm::sys::getProcessTriple()).isX86()) {
    return llvm::Error::success();
  }
  return llvm::createStringError("expected an x86-64 machine to call kernels "
                                 "for " +
                                 getName());
}

void DeviceTarget::addLowering(mlir::OpPassManager &pm) const {
  // The calling side looks at the kernels, so it goes first; the rest of it
  // would convert what is in them, so it goes last.
  pm.addPass(createLowerChecksPass());
  pm.addPass(createLowerLaunchesPass());
  mlir::OpPassManager &kernels = pm.nest<mlir::gpu::GPUModuleOp>();
  addLaneLowering(kernels);
  buildDeviceToLLVM(kernels);
  CpuLoweringOptions options;
  options.hasStatus = true;
  buildCpuToLLVM(pm, options);
}
