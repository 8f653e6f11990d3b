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

std::shared_mutex &fovea::getOptionsMutex() {
  static std::shared_mutex mutex;
  return mutex;
}

/// What is worth its time on kernels: a third of LLVM's list for -O2, with
/// nothing lost that we could measure. Without `indvars` it is a tenth slower.
static constexpr llvm::StringLiteral kQuickPasses =
    "function(sroa,early-cse<memssa>,simplifycfg,"
    "instcombine<no-verify-fixpoint>)";
static constexpr llvm::StringLiteral kKernelPasses =
    "cgscc(inline),"
    "function(sroa,early-cse<memssa>,simplifycfg,"
    "instcombine<no-verify-fixpoint>,loop-mssa(loop-rotate,licm),"
    "loop(indvars),gvn,dse,adce,simplifycfg,"
    "instcombine<no-verify-fixpoint>),"
    "globaldce";

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
  llvm::ModulePassManager passes;
  if (optLevel < 3) {
    llvm::cantFail(builder.parsePassPipeline(
        passes, optLevel == 1 ? kQuickPasses : kKernelPasses));
  } else {
    passes = builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3);
  }
  passes.run(module, modules);
}

llvm::Expected<ObjectCode>
fovea::emitCode(const llvm::Module &module, llvm::TargetMachine &machine,
                llvm::CodeGenFileType kind) {
  // Code generation prepares the module in place.
  return emitCode(llvm::CloneModule(module), machine, kind);
}

llvm::Expected<ObjectCode>
fovea::emitCode(std::unique_ptr<llvm::Module> module,
                llvm::TargetMachine &machine, llvm::CodeGenFileType kind) {
  ObjectCode code;
  llvm::raw_svector_ostream stream(code);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind)) {
    return llvm::createStringError("the target writes no such file");
  }
  passes.run(*module);
  return code;
}
