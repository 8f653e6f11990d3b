//===- CodeGen.cpp - from the llvm dialect to machine code ----------------===//

#include "fovea/Target/Common/CodeGen.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace fovea;

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
fovea::createTargetMachine(const MachineDescription &machine, int optLevel) {
  llvm::Triple triple(machine.triple);
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend) {
    return llvm::createStringError(error);
  }
  auto level = llvm::CodeGenOpt::getLevel(optLevel);
  if (!level) {
    return llvm::createStringError(
        "expected an optimisation level from 0 to 3, got " +
        llvm::Twine(optLevel));
  }
  std::unique_ptr<llvm::TargetMachine> result(backend->createTargetMachine(
      triple, machine.cpu, machine.features, llvm::TargetOptions(),
      llvm::Reloc::PIC_, std::nullopt, *level));
  if (!result) {
    return llvm::createStringError("no code generator for " + machine.triple);
  }
  return result;
}

llvm::Expected<std::unique_ptr<llvm::Module>>
fovea::translateToLLVMIR(mlir::ModuleOp module, llvm::LLVMContext &context,
                         llvm::TargetMachine &machine) {
  std::unique_ptr<llvm::Module> result =
      mlir::translateModuleToLLVMIR(module, context, "fovea");
  if (!result) {
    return llvm::createStringError("translation to LLVM IR failed");
  }
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());
  return result;
}

void fovea::optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     int optLevel) {
  if (optLevel == 0) {
    return;
  }
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopUnrolling = false;
  tuning.LoopInterleaving = false;
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  auto level = optLevel == 1   ? llvm::OptimizationLevel::O1
               : optLevel == 2 ? llvm::OptimizationLevel::O2
                               : llvm::OptimizationLevel::O3;
  builder.buildPerModuleDefaultPipeline(level).run(module, modules);
}

llvm::Expected<llvm::SmallVector<char, 0>>
fovea::emitCode(const llvm::Module &module, llvm::TargetMachine &machine,
                llvm::CodeGenFileType kind) {
  // Code generation prepares the module in place.
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(module);
  llvm::SmallVector<char, 0> code;
  llvm::raw_svector_ostream stream(code);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind)) {
    return llvm::createStringError("the target writes no such file");
  }
  passes.run(*copy);
  return code;
}
