//===- Device.cpp - from the llvm dialect to code of a device -------------===//

#include "fovea/Target/Common/Device.h"

#include "fovea/Target/Common/CodeGen.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Operation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Scalar/Scalarizer.h"

using namespace fovea;

Device::~Device() = default;

llvm::SmallVector<tile::AtomAttr>
fovea::makeAtoms(mlir::MLIRContext *context,
                 llvm::ArrayRef<MatrixAtom> table) {
  llvm::SmallVector<tile::AtomAttr> atoms;
  for (const MatrixAtom &row : table) {
    std::string text = llvm::formatv(
        "#tile.atom<shape = [{0}, {1}, {2}], type = {3}, sum = f32, rate = "
        "{4}, a = <{5}, subgroup = []>, b = <{6}, subgroup = []>, c = <{7}, "
        "subgroup = []>>",
        row.m, row.n, row.k, row.type, row.rate, row.a, row.b, row.c);
    auto atom = llvm::dyn_cast_or_null<tile::AtomAttr>(
        mlir::parseAttribute(text, context));
    assert(atom && "a row of our own table");
    atoms.push_back(atom);
  }
  return atoms;
}

llvm::Expected<DeviceChip>
fovea::lookUpChip(llvm::ArrayRef<DeviceChip> chips, llvm::StringRef name) {
  for (const DeviceChip &chip : chips) {
    if (chip.name == name) {
      return chip;
    }
  }
  auto names =
      llvm::map_range(chips, [](const DeviceChip &chip) { return chip.name; });
  return llvm::createStringError("expected a chip among " +
                                 llvm::join(names, ", ") + "; got '" + name +
                                 "'");
}

/// A product and the sum it goes to may round once: as an instruction that is
/// twice as fast, and what every device library does.
static void allowContraction(llvm::Module &module) {
  for (llvm::Function &function : module) {
    for (llvm::Instruction &instruction : llvm::instructions(function)) {
      switch (instruction.getOpcode()) {
      case llvm::Instruction::FAdd:
      case llvm::Instruction::FSub:
      case llvm::Instruction::FMul:
        instruction.setHasAllowContract(true);
        break;
      default:
        break;
      }
    }
  }
}

/// Lanes have scalar registers: vectors are split first, so that all that
/// follows sees what one instruction computes (pairs of 16 bits stay).
///
/// Neither LLVM's unrolling (lane code is unrolled where that pays) nor its
/// hoisting out of loops: a step of a stream has hundreds of addresses in near
/// memory, each an `xor` and an `add` away from the lane's number, and to hold
/// them in registers for all steps spills what is worth holding.
static constexpr llvm::StringLiteral kLanePasses =
    "cgscc(inline),"
    "function(sroa,early-cse<memssa>,simplifycfg,"
    "instcombine<no-verify-fixpoint>,loop-mssa(loop-rotate),loop(indvars),gvn,"
    "dse,adce,simplifycfg,instcombine<no-verify-fixpoint>),"
    "globaldce";

static void optimizeLanes(llvm::Module &module, llvm::TargetMachine &machine,
                          unsigned vectorBits) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  llvm::ScalarizerPassOptions options;
  options.ScalarizeMinBits = vectorBits;
  llvm::ModulePassManager passes;
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(
      llvm::ScalarizerPass(options)));
  llvm::cantFail(builder.parsePassPipeline(passes, kLanePasses));
  passes.run(module, modules);
}

llvm::Expected<std::unique_ptr<llvm::Module>>
Device::makeModule(mlir::Operation *gpuModule,
                   llvm::LLVMContext &context) const {
  MachineDescription description = getMachine();
  auto machine = createTargetMachine(description, /*optLevel=*/3);
  if (!machine) {
    return machine.takeError();
  }
  std::unique_ptr<llvm::Module> module =
      mlir::translateModuleToLLVMIR(gpuModule, context, "fovea_device");
  if (!module) {
    return llvm::createStringError("translation of kernels to LLVM IR failed");
  }
  module->setTargetTriple((*machine)->getTargetTriple());
  module->setDataLayout((*machine)->createDataLayout());
  prepare(*module);
  for (llvm::Function &function : *module) {
    if (!function.isDeclaration()) {
      function.addFnAttr("target-cpu", description.cpu);
      if (!description.features.empty()) {
        function.addFnAttr("target-features", description.features);
      }
    }
  }
  // Kernels that keep their sizes under their names: makeCode reports them.
  gpuModule->walk([&](mlir::Operation *op) {
    auto name = op->getAttrOfType<mlir::StringAttr>("sym_name");
    auto near = op->getAttrOfType<mlir::IntegerAttr>(tile::kNearBytesAttrName);
    llvm::Function *function =
        name ? module->getFunction(name.getValue()) : nullptr;
    if (function && near) {
      function->addFnAttr("fovea-near-bytes",
                          std::to_string(near.getInt()));
    }
    auto threads = op->getAttrOfType<mlir::IntegerAttr>(kKernelThreadsAttrName);
    if (function && threads) {
      function->addFnAttr("fovea-threads", std::to_string(threads.getInt()));
    }
  });
  std::string broken;
  llvm::raw_string_ostream stream(broken);
  if (llvm::verifyModule(*module, &stream)) {
    return llvm::createStringError("kernels are not valid LLVM IR: " + broken);
  }
  allowContraction(*module);
  optimizeLanes(*module, **machine, getVectorBits());
  return module;
}

llvm::Expected<std::string>
Device::makeText(const llvm::Module &module, const DeviceCode &code) const {
  if (!code.text.empty()) {
    return code.text;
  }
  auto machine = createTargetMachine(getMachine(), /*optLevel=*/3);
  if (!machine) {
    return machine.takeError();
  }
  auto text = emitCode(code.module ? *code.module : module, **machine,
                       llvm::CodeGenFileType::AssemblyFile);
  if (!text) {
    return text.takeError();
  }
  return std::string(text->begin(), text->end());
}

std::vector<KernelInfo> fovea::listKernels(const llvm::Module &module) {
  std::vector<KernelInfo> kernels;
  for (const llvm::Function &function : module) {
    if (function.isDeclaration() ||
        !function.hasFnAttribute("fovea-threads")) {
      continue;
    }
    KernelInfo info;
    info.name = function.getName().str();
    auto get = [&](llvm::StringRef name, auto &value) {
      function.getFnAttribute(name).getValueAsString().getAsInteger(10, value);
    };
    get("fovea-threads", info.threads);
    get("fovea-near-bytes", info.nearBytes);
    kernels.push_back(std::move(info));
  }
  return kernels;
}
