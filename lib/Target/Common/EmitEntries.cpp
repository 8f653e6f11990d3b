//===- EmitEntries.cpp - the C entry of each kernel -----------------------===//

#include "fovea/Target/Common/Passes.h"

#include "Kernels.h"
#include "fovea/runtime/fovea_runtime.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "mlir/IR/SymbolTable.h"

namespace fovea {
#define GEN_PASS_DEF_EMITENTRIESPASS
#include "fovea/passes/Target/Common/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// The fovea_dtype of elements of `type`, or -1.
static int32_t getDtype(Type type) {
  if (type.isF32()) {
    return FOVEA_F32;
  }
  if (type.isF16()) {
    return FOVEA_F16;
  }
  if (type.isBF16()) {
    return FOVEA_BF16;
  }
  if (type.isSignlessInteger(32)) {
    return FOVEA_I32;
  }
  if (type.isSignlessInteger(64)) {
    return FOVEA_I64;
  }
  if (type.isSignlessInteger(8)) {
    return FOVEA_I8;
  }
  if (isa<Float8E4M3FNType>(type)) {
    return FOVEA_F8E4M3FN;
  }
  return type.isSignlessInteger(1) ? FOVEA_I1 : -1;
}

/// What the entry can pass: see fovea_tensor.
static LogicalResult verifyArguments(func::FuncOp kernel) {
  for (auto [i, type] :
       llvm::enumerate(ArrayRef(kernel.getArgumentTypes()).drop_back())) {
    auto buffer = dyn_cast<MemRefType>(type);
    if (!buffer || getDtype(buffer.getElementType()) < 0) {
      return kernel.emitOpError("expected argument ")
             << i << " to be a buffer of f32, f16, bf16, i32, i64, i1, i8 or f8E4M3FN, got "
             << type;
    }
    if (buffer.getRank() > FOVEA_MAX_RANK) {
      return kernel.emitOpError("expected argument ")
             << i << " to have at most " << FOVEA_MAX_RANK
             << " dimensions, got " << buffer.getRank();
    }
    SmallVector<int64_t> strides;
    int64_t offset = 0;
    if (failed(buffer.getStridesAndOffset(strides, offset))) {
      return kernel.emitOpError("expected argument ")
             << i << " to have strides, got " << type;
    }
    bool anyStride = llvm::all_of(ArrayRef(strides).drop_back(!strides.empty()),
                                  ShapedType::isDynamic);
    if (!anyStride || (!strides.empty() && strides.back() != 1)) {
      return kernel.emitOpError("expected argument ")
             << i << " to take any strides but 1 along its last axis, got "
             << type;
    }
  }
  return success();
}

namespace {

class EntryBuilder {
public:
  EntryBuilder(func::FuncOp kernel)
      : kernel(kernel), module(kernel->getParentOfType<ModuleOp>()),
        context(kernel.getContext()), b(context), loc(kernel.getLoc()),
        name(kernel.getName()) {
    pointer = LLVM::LLVMPointerType::get(context);
    i32 = b.getI32Type();
    i64 = b.getI64Type();
    sizes = LLVM::LLVMArrayType::get(i64, FOVEA_MAX_RANK);
    tensorType = LLVM::LLVMStructType::getLiteral(
        context, {pointer, i32, i32, sizes, sizes});
    parameterType = LLVM::LLVMStructType::getLiteral(
        context, {pointer, i32, i32, i32, i32, sizes});
    signatureType =
        LLVM::LLVMStructType::getLiteral(context, {pointer, pointer, i32});
  }

  void build();

private:
  ArrayRef<Type> parameters() {
    return ArrayRef(kernel.getArgumentTypes()).drop_back();
  }
  Value constant(IntegerType type, int64_t value) {
    return LLVM::ConstantOp::create(b, loc, type,
                                    b.getIntegerAttr(type, value));
  }
  /// Constants whose value `fill` builds.
  LLVM::GlobalOp makeGlobal(Type type, StringRef suffix,
                            llvm::function_ref<Value(Value)> fill);
  Value fillParameter(Value table, unsigned i);
  LLVM::GlobalOp makeSignature();
  Value field(Value tensors, unsigned i, ArrayRef<int32_t> path, Type type);
  Value makeDescriptor(Value tensors, unsigned i);

  func::FuncOp kernel;
  ModuleOp module;
  MLIRContext *context;
  OpBuilder b;
  Location loc;
  std::string name;
  Type pointer;
  IntegerType i32, i64;
  Type sizes, tensorType, parameterType, signatureType;
};

} // namespace

LLVM::GlobalOp EntryBuilder::makeGlobal(Type type, StringRef suffix,
                                        llvm::function_ref<Value(Value)> fill) {
  // The table inserts it, under a name that is free.
  OpBuilder detached(context);
  auto global = LLVM::GlobalOp::create(detached, loc, type, /*isConstant=*/true,
                                       LLVM::Linkage::Internal,
                                       (name + suffix).str(), Attribute());
  SymbolTable(module).insert(global);
  b.createBlock(&global.getInitializerRegion());
  Value value = fill(LLVM::PoisonOp::create(b, loc, type));
  LLVM::ReturnOp::create(b, loc, value);
  return global;
}

/// Element `i` of the array of fovea_parameter.
Value EntryBuilder::fillParameter(Value table, unsigned i) {
  auto type = cast<MemRefType>(parameters()[i]);
  auto set = [&](Value value, ArrayRef<int64_t> path) {
    SmallVector<int64_t> position = {i};
    llvm::append_range(position, path);
    table = LLVM::InsertValueOp::create(b, loc, table, value, position);
  };
  auto argumentName = kernel.getArgAttrOfType<StringAttr>(i, "fovea.name");
  bool isOutput = static_cast<bool>(kernel.getArgAttr(i, "fovea.output"));
  set(argumentName ? getStringAddress(b, loc, module, argumentName.getValue())
                   : LLVM::ZeroOp::create(b, loc, pointer).getResult(),
      {0});
  set(constant(i32, getDtype(type.getElementType())), {1});
  set(constant(i32, type.getRank()), {2});
  set(constant(i32, isOutput), {3});
  set(constant(i32, 0), {4});
  SmallVector<int64_t> extents(FOVEA_MAX_RANK, -1);
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    if (!type.isDynamicDim(axis)) {
      extents[axis] = type.getDimSize(axis);
    }
  }
  set(LLVM::ConstantOp::create(b, loc, sizes, b.getI64TensorAttr(extents)),
      {5});
  return table;
}

LLVM::GlobalOp EntryBuilder::makeSignature() {
  unsigned count = parameters().size();
  LLVM::GlobalOp table =
      makeGlobal(LLVM::LLVMArrayType::get(parameterType, count), "_parameters",
                 [&](Value value) {
                   for (unsigned i = 0; i < count; ++i) {
                     value = fillParameter(value, i);
                   }
                   return value;
                 });
  return makeGlobal(signatureType, "_signature", [&](Value value) {
    Value kernelName = getStringAddress(b, loc, module, name);
    Value address = LLVM::AddressOfOp::create(b, loc, table);
    value = LLVM::InsertValueOp::create(b, loc, value, kernelName,
                                        ArrayRef<int64_t>{0});
    value = LLVM::InsertValueOp::create(b, loc, value, address,
                                        ArrayRef<int64_t>{1});
    return LLVM::InsertValueOp::create(b, loc, value, constant(i32, count),
                                       ArrayRef<int64_t>{2})
        .getResult();
  });
}

/// Loads a field of argument `i`.
Value EntryBuilder::field(Value tensors, unsigned i, ArrayRef<int32_t> path,
                          Type type) {
  SmallVector<LLVM::GEPArg> indices(1, int32_t(i));
  for (int32_t step : path) {
    indices.push_back(step);
  }
  Value address =
      LLVM::GEPOp::create(b, loc, pointer, tensorType, tensors, indices);
  return LLVM::LoadOp::create(b, loc, type, address);
}

/// The buffer of argument `i`, as the kernel wants it.
Value EntryBuilder::makeDescriptor(Value tensors, unsigned i) {
  auto type = cast<MemRefType>(parameters()[i]);
  LLVMTypeConverter types(context);
  auto descriptor = MemRefDescriptor::poison(b, loc, types.convertType(type));
  Value data = field(tensors, i, {0}, pointer);
  descriptor.setAllocatedPtr(b, loc, data);
  descriptor.setAlignedPtr(b, loc, data);
  descriptor.setConstantOffset(b, loc, 0);
  for (int32_t axis = 0; axis < type.getRank(); ++axis) {
    if (type.isDynamicDim(axis)) {
      descriptor.setSize(b, loc, axis, field(tensors, i, {3, axis}, i64));
    } else {
      descriptor.setConstantSize(b, loc, axis, type.getDimSize(axis));
    }
    if (axis + 1 == type.getRank()) {
      descriptor.setConstantStride(b, loc, axis, 1);
    } else {
      descriptor.setStride(b, loc, axis, field(tensors, i, {4, axis}, i64));
    }
  }
  return UnrealizedConversionCastOp::create(b, loc, type, Value(descriptor))
      .getResult(0);
}

void EntryBuilder::build() {
  SymbolTable symbols(module);
  LLVM::GlobalOp signature = makeSignature();
  kernel.setPrivate();
  kernel.setName(name + "_kernel");
  // The table renames on a clash.
  symbols.remove(kernel);
  symbols.insert(kernel);

  b.setInsertionPointToEnd(module.getBody());
  auto entry = LLVM::LLVMFuncOp::create(
      b, loc, name, LLVM::LLVMFunctionType::get(i32, {pointer, i32, i32}));
  Block *block = entry.addEntryBlock(b);
  b.setInsertionPointToStart(block);
  Value tensors = entry.getArgument(0);
  auto check = declareRuntime(module, "fovea_rt_check_arguments", i32,
                              {pointer, i32, pointer});
  Value rules = LLVM::AddressOfOp::create(b, loc, signature);
  Value status =
      LLVM::CallOp::create(b, loc, check,
                           ValueRange{tensors, entry.getArgument(1), rules})
          .getResult();
  Value good = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, status,
                                     constant(i32, 0));
  Block *run = b.createBlock(&entry.getBody());
  SmallVector<Value> arguments;
  for (unsigned i = 0, e = parameters().size(); i < e; ++i) {
    arguments.push_back(makeDescriptor(tensors, i));
  }
  arguments.push_back(entry.getArgument(2));
  auto call = func::CallOp::create(b, loc, kernel, arguments);
  LLVM::ReturnOp::create(b, loc, call.getResults());
  Block *refused = b.createBlock(&entry.getBody());
  LLVM::ReturnOp::create(b, loc, status);
  b.setInsertionPointToEnd(block);
  LLVM::CondBrOp::create(b, loc, good, run, refused);
}

namespace {

struct EmitEntries : public fovea::impl::EmitEntriesPassBase<EmitEntries> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> kernels = getKernels(getOperation());
    for (func::FuncOp kernel : kernels) {
      ArrayRef<Type> types = kernel.getArgumentTypes();
      if (types.empty() || !types.back().isInteger(32)) {
        kernel.emitOpError("expected the number of threads as the last "
                           "argument");
        return signalPassFailure();
      }
      if (failed(verifyArguments(kernel))) {
        return signalPassFailure();
      }
    }
    for (func::FuncOp kernel : kernels) {
      EntryBuilder(kernel).build();
    }
    auto internal =
        LLVM::LinkageAttr::get(&getContext(), LLVM::Linkage::Internal);
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function.isDeclaration()) {
        function->setAttr("llvm.linkage", internal);
      }
    }
  }
};

} // namespace
