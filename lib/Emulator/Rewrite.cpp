//===- Rewrite.cpp - GPU modules as modules for this machine --------------===//

#include "fovea/Emulator/Rewrite.h"

#include "Rewriter.h"

#include "fovea/runtime/fovea_emulator.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/DebugInfo.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace fovea;
using namespace fovea::emulator;

static constexpr unsigned kNearSpace = 3;

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// "128", "64,2,1": the product; 0 for what is no number.
static int32_t productOf(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef, 3> parts;
  text.split(parts, ',');
  int32_t product = 1;
  for (llvm::StringRef part : parts) {
    int32_t number = 0;
    if (part.trim().getAsInteger(10, number)) {
      return 0;
    }
    product *= number;
  }
  return product;
}

/// Threads per block that the kernel is compiled for, 0 if it says none.
static int32_t requiredThreads(const llvm::Function &function) {
  llvm::Attribute exact = function.getFnAttribute("nvvm.reqntid");
  if (exact.isValid()) {
    return productOf(exact.getValueAsString());
  }
  llvm::Attribute range =
      function.getFnAttribute("amdgpu-flat-work-group-size");
  if (range.isValid()) {
    auto [least, most] = range.getValueAsString().split(',');
    return least.trim() == most.trim() ? productOf(least) : 0;
  }
  return 0;
}

static bool isKernel(const llvm::Function &function) {
  return function.getCallingConv() == llvm::CallingConv::PTX_Kernel ||
         function.getCallingConv() == llvm::CallingConv::AMDGPU_KERNEL;
}

static llvm::SmallVector<Kernel> findKernels(llvm::Module &module) {
  llvm::SmallVector<Kernel> kernels;
  for (llvm::Function &function : module) {
    if (!function.isDeclaration() && isKernel(function)) {
      kernels.push_back({&function, requiredThreads(function)});
    }
  }
  return kernels;
}

/// Lanes of a warp: AMD's gfx9 runs 64, later ones 32 unless told otherwise.
static int32_t lanesOf(const llvm::Module &device, llvm::StringRef chip) {
  if (!device.getTargetTriple().isAMDGCN()) {
    return 32;
  }
  for (const llvm::Function &function : device) {
    llvm::StringRef features =
        function.getFnAttribute("target-features").getValueAsString();
    if (features.contains("+wavefrontsize64")) {
      return 64;
    }
    if (features.contains("+wavefrontsize32")) {
      return 32;
    }
  }
  return chip.starts_with("gfx9") ? 64 : 32;
}

//===----------------------------------------------------------------------===//
// Functions of a GPU as functions of a CPU
//===----------------------------------------------------------------------===//

/// What attributes promise (that memory is not read, that nothing is kept of a
/// pointer) was true of the operations, and is not of the calls in their place.
static void stripFunction(llvm::Function &function) {
  llvm::LLVMContext &context = function.getContext();
  function.setAttributes(llvm::AttributeList());
  function.setCallingConv(llvm::CallingConv::C);
  function.setComdat(nullptr);
  function.setLinkage(llvm::GlobalValue::InternalLinkage);
  function.setVisibility(llvm::GlobalValue::DefaultVisibility);
  function.clearMetadata();
  function.addFnAttr(llvm::Attribute::Convergent);
  function.addFnAttr(llvm::Attribute::NoUnwind);
  llvm::SmallVector<llvm::Instruction *> dead;
  for (llvm::BasicBlock &block : function) {
    for (llvm::Instruction &instruction : block) {
      instruction.dropUnknownNonDebugMetadata();
      auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction);
      if (!call) {
        continue;
      }
      if (call->isLifetimeStartOrEnd()) {
        dead.push_back(call);
        continue;
      }
      llvm::Function *callee = call->getCalledFunction();
      if (callee && !callee->isIntrinsic()) {
        call->setCallingConv(llvm::CallingConv::C);
        call->setAttributes(llvm::AttributeList().addFnAttribute(
            context, llvm::Attribute::Convergent));
      }
    }
  }
  for (llvm::Instruction *instruction : dead) {
    instruction->eraseFromParent();
  }
}

/// Stack memory lies in a space of its own on AMD; here in the generic one.
static void moveAllocas(llvm::Function &function) {
  llvm::SmallVector<llvm::AllocaInst *> allocas;
  for (llvm::BasicBlock &block : function) {
    for (llvm::Instruction &instruction : block) {
      auto *alloca = llvm::dyn_cast<llvm::AllocaInst>(&instruction);
      if (alloca && alloca->getAddressSpace() != 0) {
        allocas.push_back(alloca);
      }
    }
  }
  for (llvm::AllocaInst *alloca : allocas) {
    llvm::IRBuilder<> builder(alloca);
    auto *moved = builder.CreateAlloca(alloca->getAllocatedType(), 0u,
                                       alloca->getArraySize());
    moved->setAlignment(alloca->getAlign());
    alloca->replaceAllUsesWith(
        builder.CreateAddrSpaceCast(moved, alloca->getType()));
    alloca->eraseFromParent();
  }
}

//===----------------------------------------------------------------------===//
// Near memory
//===----------------------------------------------------------------------===//

/// Replaces variables in near memory by offsets from where the block's window
/// begins. An array without extent (or a declaration) is what the launch adds,
/// behind all others. Returns the bytes of the others.
static llvm::Expected<uint32_t> placeNearMemory(llvm::Module &module) {
  const llvm::DataLayout &layout = module.getDataLayout();
  llvm::SmallVector<llvm::GlobalVariable *> fixed, dynamic;
  for (llvm::GlobalVariable &variable : module.globals()) {
    if (variable.getAddressSpace() == kNearSpace) {
      bool empty = layout.getTypeAllocSize(variable.getValueType()) == 0;
      (empty ? dynamic : fixed).push_back(&variable);
    }
  }
  llvm::SmallVector<std::pair<llvm::GlobalVariable *, uint64_t>> placed;
  uint64_t end = 0;
  auto alignOf = [&](llvm::GlobalVariable *variable) {
    return std::max(variable->getAlign().valueOrOne(),
                    layout.getPrefTypeAlign(variable->getValueType()));
  };
  for (llvm::GlobalVariable *variable : fixed) {
    end = llvm::alignTo(end, alignOf(variable));
    placed.emplace_back(variable, end);
    end += layout.getTypeAllocSize(variable->getValueType());
  }
  llvm::Align last(16);
  for (llvm::GlobalVariable *variable : dynamic) {
    last = std::max(last, alignOf(variable));
  }
  if (!dynamic.empty()) {
    end = llvm::alignTo(end, last);
  }
  for (llvm::GlobalVariable *variable : dynamic) {
    placed.emplace_back(variable, end);
  }
  llvm::SmallVector<llvm::Constant *> constants;
  for (auto &[variable, offset] : placed) {
    constants.push_back(variable);
  }
  llvm::convertUsersOfConstantsToInstructions(constants);
  llvm::DenseMap<llvm::Function *, llvm::Value *> windows;
  for (auto &[variable, offset] : placed) {
    for (llvm::Use &use : llvm::make_early_inc_range(variable->uses())) {
      auto *user = llvm::dyn_cast<llvm::Instruction>(use.getUser());
      if (!user) {
        return llvm::createStringError("expected near memory '" +
                                       variable->getName() +
                                       "' to be used by instructions only");
      }
      llvm::Function *function = user->getFunction();
      llvm::Value *&window = windows[function];
      if (!window) {
        llvm::IRBuilder<> entry(&*function->getEntryBlock().begin());
        auto callee =
            module.getOrInsertFunction("fovea_emu_window", entry.getPtrTy());
        window = entry.CreateAddrSpaceCast(entry.CreateCall(callee),
                                           entry.getPtrTy(kNearSpace));
      }
      // Right behind the window, so that it dominates every use.
      llvm::IRBuilder<> builder(
          llvm::cast<llvm::Instruction>(window)->getNextNode());
      use.set(builder.CreateConstGEP1_64(builder.getInt8Ty(), window, offset));
    }
    variable->eraseFromParent();
  }
  return uint32_t(end);
}

//===----------------------------------------------------------------------===//
// The image
//===----------------------------------------------------------------------===//

/// A function (ptr parameters) that loads each argument of a kernel from where
/// its parameter points, and calls the kernel. What is passed by value stays
/// where it is: the kernel takes its address.
static llvm::Function *makeThunk(llvm::Module &module, llvm::Function &kernel,
                                 llvm::ArrayRef<bool> byValue) {
  llvm::LLVMContext &context = module.getContext();
  llvm::Type *pointer = llvm::PointerType::get(context, 0);
  auto *type =
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer}, false);
  auto *thunk = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage,
                                       kernel.getName() + ".thunk", module);
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", thunk));
  llvm::SmallVector<llvm::Value *> arguments;
  for (llvm::Argument &argument : kernel.args()) {
    unsigned index = argument.getArgNo();
    llvm::Value *where = builder.CreateLoad(
        pointer, builder.CreateConstGEP1_64(pointer, thunk->getArg(0), index));
    arguments.push_back(
        byValue[index] ? builder.CreateAddrSpaceCast(where, argument.getType())
                       : builder.CreateLoad(argument.getType(), where));
  }
  builder.CreateCall(&kernel, arguments);
  builder.CreateRetVoid();
  return thunk;
}

static llvm::Constant *makeText(llvm::Module &module, llvm::StringRef text) {
  auto *bytes = llvm::ConstantDataArray::getString(module.getContext(), text);
  return new llvm::GlobalVariable(module, bytes->getType(), /*isConstant=*/true,
                                  llvm::GlobalValue::PrivateLinkage, bytes,
                                  "fovea_emu.text");
}

/// Defines `fovea_emu_image`; the fields are those of the struct of that name.
static void makeImage(llvm::Module &module, llvm::ArrayRef<Kernel> kernels,
                      llvm::ArrayRef<llvm::Function *> thunks,
                      llvm::StringRef chip, int32_t lanes, uint32_t nearBytes,
                      bool sequential) {
  llvm::Type *i32 = llvm::Type::getInt32Ty(module.getContext());
  auto number = [&](uint64_t value) {
    return llvm::ConstantInt::get(i32, value);
  };
  llvm::SmallVector<llvm::Constant *> list;
  for (auto [kernel, thunk] : llvm::zip_equal(kernels, thunks)) {
    list.push_back(llvm::ConstantStruct::getAnon(
        {makeText(module, kernel.function->getName()), thunk,
         number(kernel.function->arg_size()), number(kernel.threads)}));
  }
  auto *array = llvm::ConstantArray::get(
      llvm::ArrayType::get(list.front()->getType(), list.size()), list);
  auto *table = new llvm::GlobalVariable(
      module, array->getType(), /*isConstant=*/true,
      llvm::GlobalValue::PrivateLinkage, array, "fovea_emu.kernels");
  llvm::Constant *fields = llvm::ConstantStruct::getAnon(
      {number(FOVEA_EMU_VERSION), number(lanes), number(kernels.size()),
       number(0), makeText(module, chip), table, number(nearBytes),
       number(sequential)});
  new llvm::GlobalVariable(module, fields->getType(), /*isConstant=*/true,
                           llvm::GlobalValue::ExternalLinkage, fields,
                           "fovea_emu_image");
}

/// Conversions of 16-bit floats are calls on an x86-64 without instructions for
/// them, and not every machine's library has all of these functions.
static void defineConversions(llvm::Module &module) {
  llvm::LLVMContext &context = module.getContext();
  llvm::Type *f32 = llvm::Type::getFloatTy(context);
  llvm::Type *f64 = llvm::Type::getDoubleTy(context);
  llvm::Type *f16 = llvm::Type::getHalfTy(context);
  llvm::Type *bf16 = llvm::Type::getBFloatTy(context);
  llvm::Type *i16 = llvm::Type::getInt16Ty(context);
  struct {
    const char *name;
    llvm::Type *from, *to;
    const char *runtime;
  } functions[] = {{"__truncsfhf2", f32, f16, "fovea_emu_f32_to_f16"},
                   {"__truncdfhf2", f64, f16, "fovea_emu_f32_to_f16"},
                   {"__extendhfsf2", f16, f32, "fovea_emu_f16_to_f32"},
                   {"__truncsfbf2", f32, bf16, "fovea_emu_f32_to_bf16"},
                   {"__truncdfbf2", f64, bf16, "fovea_emu_f32_to_bf16"}};
  for (const auto &entry : functions) {
    auto *type = llvm::FunctionType::get(entry.to, {entry.from}, false);
    auto *function = llvm::Function::Create(
        type, llvm::GlobalValue::WeakAnyLinkage, entry.name, module);
    function->setVisibility(llvm::GlobalValue::HiddenVisibility);
    function->addFnAttr(llvm::Attribute::NoUnwind);
    llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "", function));
    llvm::Value *value = function->getArg(0);
    if (entry.from == f16) {
      auto callee = module.getOrInsertFunction(entry.runtime, f32, i16);
      builder.CreateRet(
          builder.CreateCall(callee, builder.CreateBitCast(value, i16)));
    } else {
      if (entry.from == f64) {
        value = builder.CreateFPTrunc(value, f32);
      }
      auto callee = module.getOrInsertFunction(entry.runtime, i16, f32);
      builder.CreateRet(
          builder.CreateBitCast(builder.CreateCall(callee, value), entry.to));
    }
    llvm::appendToUsed(module, {function});
  }
}

//===----------------------------------------------------------------------===//
// All of it
//===----------------------------------------------------------------------===//

static void eraseUnusedDeclarations(llvm::Module &module) {
  for (llvm::Function &function : llvm::make_early_inc_range(module)) {
    if (function.isDeclaration() && function.use_empty()) {
      function.eraseFromParent();
    }
  }
}

static llvm::Error rewriteModule(llvm::Module &module,
                                 llvm::ArrayRef<Kernel> kernels,
                                 llvm::StringRef chip, int32_t lanes) {
  llvm::SmallVector<llvm::SmallVector<bool>> byValue;
  for (const Kernel &kernel : kernels) {
    llvm::SmallVector<bool> &flags = byValue.emplace_back();
    for (llvm::Argument &argument : kernel.function->args()) {
      flags.push_back(argument.hasByValAttr() || argument.hasByRefAttr());
    }
  }
  llvm::SmallVector<llvm::Function *> functions;
  for (llvm::Function &function : module) {
    if (!function.isDeclaration()) {
      functions.push_back(&function);
    }
  }
  CallRewriter calls(module, chip);
  for (llvm::Function *function : functions) {
    stripFunction(*function);
    moveAllocas(*function);
    if (llvm::Error e = calls.run(*function)) {
      return e;
    }
  }
  llvm::Expected<uint32_t> nearBytes = placeNearMemory(module);
  if (!nearBytes) {
    return nearBytes.takeError();
  }
  llvm::SmallVector<llvm::Function *> thunks;
  for (auto [kernel, flags] : llvm::zip_equal(kernels, byValue)) {
    thunks.push_back(makeThunk(module, *kernel.function, flags));
  }
  makeImage(module, kernels, thunks, chip, lanes, *nearBytes,
            calls.hasGlobalAtomics());
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<llvm::Module>>
fovea::rewriteForEmulation(const llvm::Module &device, llvm::StringRef chip) {
  const llvm::Triple &triple = device.getTargetTriple();
  if (!triple.isNVPTX() && !triple.isAMDGCN()) {
    return llvm::createStringError(
        "expected a module for an nvptx64 or amdgcn triple, got '" +
        triple.str() + "'");
  }
  std::unique_ptr<llvm::Module> module = llvm::CloneModule(device);
  llvm::SmallVector<Kernel> kernels = findKernels(*module);
  if (kernels.empty()) {
    return llvm::createStringError("expected a module with a kernel, got none");
  }
  std::string name = chip.str();
  if (name.empty()) {
    name = kernels.front()
               .function->getFnAttribute("target-cpu")
               .getValueAsString();
  }
  if (name.empty()) {
    return llvm::createStringError(
        "expected the name of a chip, or kernels with a \"target-cpu\"");
  }
  int32_t lanes = lanesOf(device, name);
  llvm::Triple host(llvm::sys::getProcessTriple());
  module->setTargetTriple(host);
  module->setDataLayout(host.computeDataLayout());
  if (llvm::Error e = rewriteModule(*module, kernels, name, lanes)) {
    return e;
  }
  defineConversions(*module);
  llvm::StripDebugInfo(*module);
  for (llvm::NamedMDNode &node :
       llvm::make_early_inc_range(module->named_metadata())) {
    node.eraseFromParent();
  }
  eraseUnusedDeclarations(*module);
  std::string broken;
  llvm::raw_string_ostream stream(broken);
  if (llvm::verifyModule(*module, &stream)) {
    return llvm::createStringError("the rewritten module is not valid: " +
                                   broken);
  }
  return module;
}
