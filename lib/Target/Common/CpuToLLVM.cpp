//===- CpuToLLVM.cpp - the last conversion of CPU targets -----------------===//

#include "fovea/Target/Common/Passes.h"

#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void fovea::buildCpuToLLVM(OpPassManager &pm,
                           const CpuLoweringOptions &options) {
  if (!options.hasStatus) {
    pm.addPass(createLowerChecksPass());
  }
  // Before runs: one that lacks its task ends the kernel.
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createLowerRunsPass());
  pm.addPass(createEmitEntriesPass());
  pm.addPass(createExpandFloat8Pass());
  pm.addPass(arith::createArithExpandOpsPass());
  if (!options.nativeBF16) {
    pm.addPass(createBF16AsIntegersPass());
  }
  ConvertCpuPassOptions convert;
  convert.targetVectors = options.targetVectors;
  pm.addPass(createConvertCpuPass(convert));
  pm.addPass(createReconcileUnrealizedCastsPass());
}
