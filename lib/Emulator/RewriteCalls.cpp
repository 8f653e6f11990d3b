//===- RewriteCalls.cpp - Operations and accesses as calls ----------------===//

#include "Rewriter.h"

#include "fovea/runtime/fovea_emulator.h"

#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"

using namespace fovea::emulator;

/// Address spaces of both families of GPUs: generic, global, near; the others
/// are private to a thread or cannot be written.
static bool isVisibleToOthers(unsigned space) {
  return space == 0 || space == 1 || space == 3;
}

std::string
fovea::emulator::describeLocation(const llvm::Instruction &instruction,
                                  unsigned index) {
  if (const llvm::DebugLoc &where = instruction.getDebugLoc()) {
    return (where->getFilename() + ":" + llvm::Twine(where.getLine()) + ":" +
            llvm::Twine(where.getCol()))
        .str();
  }
  return ("@" + instruction.getFunction()->getName() + ":" + llvm::Twine(index))
      .str();
}

CallRewriter::CallRewriter(llvm::Module &module, llvm::StringRef chip)
    : module(module), chip(chip) {}

//===----------------------------------------------------------------------===//
// What there is to rewrite
//===----------------------------------------------------------------------===//

/// Intrinsics that this machine's code generator does not know, and traps,
/// which shall be reported and not end the process.
static bool isOperation(llvm::StringRef name) {
  return name.starts_with("llvm.nvvm.") || name.starts_with("llvm.amdgcn.") ||
         name == "llvm.trap" || name == "llvm.debugtrap" ||
         name == "llvm.ubsantrap";
}

llvm::Error CallRewriter::collectCall(llvm::CallBase &call, unsigned index) {
  llvm::Function *callee = call.getCalledFunction();
  std::string location = describeLocation(call, index);
  if (call.isInlineAsm() || (callee && isOperation(callee->getName()))) {
    operations.push_back({&call, location, index});
    return llvm::Error::success();
  }
  if (!callee) {
    return llvm::createStringError("call at " + location +
                                   ": expected a function by name, got an "
                                   "address");
  }
  if (callee->isDeclaration() && !callee->isIntrinsic()) {
    return llvm::createStringError("call at " + location +
                                   ": expected a function of the module, got "
                                   "'" +
                                   callee->getName() + "'");
  }
  auto *transfer = llvm::dyn_cast<llvm::MemIntrinsic>(&call);
  if (!transfer) {
    return llvm::Error::success();
  }
  auto *length = llvm::dyn_cast<llvm::ConstantInt>(transfer->getLength());
  if (!length || length->isZero()) {
    return llvm::Error::success();
  }
  addAccess(call, transfer->getRawDest(), length->getZExtValue(),
            FOVEA_EMU_STORE, index);
  if (auto *copy = llvm::dyn_cast<llvm::MemTransferInst>(transfer)) {
    addAccess(call, copy->getRawSource(), length->getZExtValue(),
              FOVEA_EMU_LOAD, index);
  }
  return llvm::Error::success();
}

void CallRewriter::addAccess(llvm::Instruction &before, llvm::Value *address,
                             int64_t bytes, int kind, unsigned index) {
  unsigned space = address->getType()->getPointerAddressSpace();
  const llvm::Value *object = llvm::getUnderlyingObject(address);
  if (!isVisibleToOthers(space) || llvm::isa<llvm::AllocaInst>(object)) {
    return;
  }
  if (kind == FOVEA_EMU_ATOMIC && space != 3) {
    globalAtomics = true;
  }
  accesses.push_back({&before, address, bytes,
                      space == 3 ? kind | FOVEA_EMU_NEAR : kind,
                      describeLocation(before, index)});
}

void CallRewriter::collectAccess(llvm::Instruction &instruction,
                                 unsigned index) {
  const llvm::DataLayout &layout = module.getDataLayout();
  auto add = [&](llvm::Value *address, llvm::Type *type, int kind) {
    addAccess(instruction, address, layout.getTypeStoreSize(type), kind, index);
  };
  if (auto *load = llvm::dyn_cast<llvm::LoadInst>(&instruction)) {
    add(load->getPointerOperand(), load->getType(),
        load->isAtomic() ? FOVEA_EMU_ATOMIC : FOVEA_EMU_LOAD);
  } else if (auto *store = llvm::dyn_cast<llvm::StoreInst>(&instruction)) {
    add(store->getPointerOperand(), store->getValueOperand()->getType(),
        store->isAtomic() ? FOVEA_EMU_ATOMIC : FOVEA_EMU_STORE);
  } else if (auto *rmw = llvm::dyn_cast<llvm::AtomicRMWInst>(&instruction)) {
    add(rmw->getPointerOperand(), rmw->getType(), FOVEA_EMU_ATOMIC);
  } else if (auto *swap =
                 llvm::dyn_cast<llvm::AtomicCmpXchgInst>(&instruction)) {
    add(swap->getPointerOperand(), swap->getNewValOperand()->getType(),
        FOVEA_EMU_ATOMIC);
  }
}

llvm::Error CallRewriter::collect(llvm::Function &function) {
  operations.clear();
  accesses.clear();
  unsigned index = 0;
  for (llvm::BasicBlock &block : function) {
    for (llvm::Instruction &instruction : block) {
      ++index;
      if (auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction)) {
        if (llvm::Error e = collectCall(*call, index)) {
          return e;
        }
      } else {
        collectAccess(instruction, index);
      }
    }
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Descriptions
//===----------------------------------------------------------------------===//

llvm::Constant *CallRewriter::makeString(llvm::StringRef text) {
  llvm::Constant *&found = strings[text];
  if (!found) {
    auto *bytes = llvm::ConstantDataArray::getString(module.getContext(), text);
    found = new llvm::GlobalVariable(module, bytes->getType(),
                                     /*isConstant=*/true,
                                     llvm::GlobalValue::PrivateLinkage, bytes,
                                     "fovea_emu.text");
  }
  return found;
}

/// A fovea_emu_site.
llvm::Constant *CallRewriter::makeSite(llvm::StringRef name,
                                       llvm::StringRef location, int64_t bytes,
                                       int kind) {
  llvm::Type *i32 = llvm::Type::getInt32Ty(module.getContext());
  return llvm::ConstantStruct::getAnon({makeString(name), makeString(location),
                                        llvm::ConstantInt::get(i32, bytes),
                                        llvm::ConstantInt::get(i32, kind)});
}

/// A fovea_emu_desc, after asking the runtime whether it knows the operation.
llvm::Expected<llvm::Constant *>
CallRewriter::makeDesc(const Operation &operation) {
  llvm::CallBase &call = *operation.call;
  const llvm::DataLayout &layout = module.getDataLayout();
  llvm::SmallVector<int32_t> bytes;
  for (llvm::Value *operand : call.args()) {
    if (!operand->getType()->isSized()) {
      return llvm::createStringError("call at " + operation.location +
                                     ": expected operands in registers");
    }
    bytes.push_back(layout.getTypeStoreSize(operand->getType()));
  }
  int32_t resultBytes =
      call.getType()->isVoidTy() ? 0 : layout.getTypeStoreSize(call.getType());
  std::string name, text, constraints;
  auto *assembly = llvm::dyn_cast<llvm::InlineAsm>(call.getCalledOperand());
  if (assembly) {
    text = assembly->getAsmString();
    constraints = assembly->getConstraintString();
    name = text.empty() ? "inline assembly"
                        : llvm::StringRef(text).split(' ').first.str();
  } else {
    name = call.getCalledFunction()->getName();
  }
  fovea_emu_desc desc = {};
  desc.site = {name.c_str(), operation.location.c_str(), resultBytes, 0};
  desc.assembly = assembly ? text.c_str() : nullptr;
  desc.constraints = assembly ? constraints.c_str() : nullptr;
  desc.operand_bytes = bytes.data();
  desc.operands = bytes.size();
  if (fovea_emu_check_op(&desc, chip.c_str()) != 0) {
    return llvm::createStringError(fovea_rt_last_error());
  }
  llvm::LLVMContext &context = module.getContext();
  llvm::Type *i32 = llvm::Type::getInt32Ty(context);
  llvm::Constant *null =
      llvm::ConstantPointerNull::get(llvm::PointerType::get(context, 0));
  auto *sizes = llvm::ConstantDataArray::get(
      context,
      llvm::ArrayRef<uint32_t>(reinterpret_cast<const uint32_t *>(bytes.data()),
                               bytes.size()));
  auto *sizesGlobal = new llvm::GlobalVariable(
      module, sizes->getType(), /*isConstant=*/true,
      llvm::GlobalValue::PrivateLinkage, sizes, "fovea_emu.sizes");
  llvm::Constant *fields = llvm::ConstantStruct::getAnon(
      {makeSite(name, operation.location, resultBytes, 0),
       assembly ? makeString(text) : null,
       assembly ? makeString(constraints) : null, sizesGlobal,
       llvm::ConstantInt::get(i32, bytes.size()),
       llvm::ConstantInt::get(i32, operation.index), null});
  return new llvm::GlobalVariable(module, fields->getType(),
                                  /*isConstant=*/false,
                                  llvm::GlobalValue::InternalLinkage, fields,
                                  "fovea_emu.desc");
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// No pass may move a call across a branch, or make two of it: other threads
/// take part in what it does.
static void markConvergent(llvm::CallInst *call) {
  call->addFnAttr(llvm::Attribute::Convergent);
  call->addFnAttr(llvm::Attribute::NoDuplicate);
  call->addFnAttr(llvm::Attribute::NoUnwind);
}

void CallRewriter::insertAccess(const Access &access) {
  llvm::IRBuilder<> builder(access.before);
  auto callee =
      module.getOrInsertFunction("fovea_emu_access", builder.getVoidTy(),
                                 builder.getPtrTy(), builder.getPtrTy());
  const char *names[] = {"access", "load", "store", "atomic access"};
  llvm::Constant *fields = makeSite(names[access.kind & 3], access.location,
                                    access.bytes, access.kind);
  auto *site = new llvm::GlobalVariable(
      module, fields->getType(), /*isConstant=*/true,
      llvm::GlobalValue::PrivateLinkage, fields, "fovea_emu.site");
  llvm::Value *address =
      builder.CreateAddrSpaceCast(access.address, builder.getPtrTy());
  markConvergent(builder.CreateCall(callee, {site, address}));
}

/// All operations of a function share one set of slots, or the frames of
/// unrolled kernels would be too large for the stacks of fibres.
llvm::Error CallRewriter::rewriteOperations(llvm::Function &function) {
  if (operations.empty()) {
    return llvm::Error::success();
  }
  const llvm::DataLayout &layout = module.getDataLayout();
  uint64_t slots = 1, slotBytes = 16, resultBytes = 16;
  for (const Operation &operation : operations) {
    slots = std::max<uint64_t>(slots, operation.call->arg_size());
    for (llvm::Value *operand : operation.call->args()) {
      if (operand->getType()->isSized()) {
        uint64_t bytes = layout.getTypeAllocSize(operand->getType());
        slotBytes = std::max(slotBytes, llvm::alignTo(bytes, 16));
      }
    }
    if (!operation.call->getType()->isVoidTy()) {
      uint64_t bytes = layout.getTypeAllocSize(operation.call->getType());
      resultBytes = std::max(resultBytes, llvm::alignTo(bytes, 16));
    }
  }
  llvm::BasicBlock &entry = function.getEntryBlock();
  llvm::IRBuilder<> builder(&entry, entry.getFirstNonPHIOrDbgOrAlloca());
  auto allocate = [&](llvm::Type *type, uint64_t count) {
    auto *memory = builder.CreateAlloca(llvm::ArrayType::get(type, count));
    memory->setAlignment(llvm::Align(16));
    return memory;
  };
  llvm::Value *memory = allocate(builder.getInt8Ty(), slots * slotBytes);
  llvm::Value *result = allocate(builder.getInt8Ty(), resultBytes);
  llvm::Value *operands = allocate(builder.getPtrTy(), slots);
  llvm::SmallVector<llvm::Value *> slot;
  for (uint64_t i = 0; i < slots; ++i) {
    slot.push_back(builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(),
                                                      memory, i * slotBytes));
    builder.CreateAlignedStore(
        slot.back(),
        builder.CreateConstInBoundsGEP1_64(builder.getPtrTy(), operands, i),
        llvm::Align(8));
  }
  auto callee = module.getOrInsertFunction(
      "fovea_emu_op", builder.getVoidTy(), builder.getPtrTy(),
      builder.getPtrTy(), builder.getPtrTy());
  for (const Operation &operation : operations) {
    llvm::Expected<llvm::Constant *> desc = makeDesc(operation);
    if (!desc) {
      return desc.takeError();
    }
    llvm::CallBase &call = *operation.call;
    builder.SetInsertPoint(&call);
    for (auto [i, operand] : llvm::enumerate(call.args())) {
      builder.CreateAlignedStore(operand, slot[i], llvm::Align(16));
    }
    markConvergent(builder.CreateCall(callee, {*desc, result, operands}));
    if (!call.getType()->isVoidTy()) {
      call.replaceAllUsesWith(
          builder.CreateAlignedLoad(call.getType(), result, llvm::Align(16)));
    }
    call.eraseFromParent();
  }
  return llvm::Error::success();
}

llvm::Error CallRewriter::run(llvm::Function &function) {
  if (llvm::Error e = collect(function)) {
    return e;
  }
  for (const Access &access : accesses) {
    insertAccess(access);
  }
  return rewriteOperations(function);
}
