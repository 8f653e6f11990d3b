//===- Kernels.cpp - helpers of the passes that lower kernels -------------===//

#include "Kernels.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;

namespace fovea {

SmallVector<func::FuncOp> getKernels(ModuleOp module) {
  SmallVector<func::FuncOp> kernels;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isPublic() && !function.isDeclaration()) {
      kernels.push_back(function);
    }
  }
  return kernels;
}

Value getStringAddress(OpBuilder &b, Location loc, ModuleOp module,
                       StringRef text) {
  std::string bytes = text.str();
  bytes.push_back('\0');
  auto value = b.getStringAttr(bytes);
  LLVM::GlobalOp global;
  for (auto known : module.getOps<LLVM::GlobalOp>()) {
    if (known.getConstant() && known.getValueAttr() == value) {
      global = known;
    }
  }
  if (!global) {
    // The table inserts it, under a name that is free.
    OpBuilder detached(module.getContext());
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size());
    global =
        LLVM::GlobalOp::create(detached, loc, type, /*isConstant=*/true,
                               LLVM::Linkage::Private, "fovea_text", value);
    SymbolTable(module).insert(global, module.getBody()->begin());
  }
  return LLVM::AddressOfOp::create(b, loc, global);
}

LLVM::LLVMFuncOp declareRuntime(ModuleOp module, StringRef name, Type result,
                                ArrayRef<Type> arguments) {
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name)) {
    return known;
  }
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  return LLVM::LLVMFuncOp::create(
      b, module.getLoc(), name, LLVM::LLVMFunctionType::get(result, arguments));
}

static void collectLeaves(Type type, SmallVector<int64_t> &position,
                          SmallVectorImpl<Leaf> &leaves) {
  auto descend = [&](Type inner, int64_t i) {
    position.push_back(i);
    collectLeaves(inner, position, leaves);
    position.pop_back();
  };
  if (auto structure = dyn_cast<LLVM::LLVMStructType>(type)) {
    for (auto [i, inner] : llvm::enumerate(structure.getBody())) {
      descend(inner, i);
    }
  } else if (auto array = dyn_cast<LLVM::LLVMArrayType>(type)) {
    for (unsigned i = 0; i < array.getNumElements(); ++i) {
      descend(array.getElementType(), i);
    }
  } else {
    leaves.push_back({type, position});
  }
}

SmallVector<Leaf> getLeaves(Type type) {
  SmallVector<Leaf> leaves;
  SmallVector<int64_t> position;
  collectLeaves(type, position, leaves);
  return leaves;
}

Value castTo(OpBuilder &b, Location loc, Value value, Type type) {
  if (value.getType() == type) {
    return value;
  }
  return UnrealizedConversionCastOp::create(b, loc, type, value).getResult(0);
}

} // namespace fovea
