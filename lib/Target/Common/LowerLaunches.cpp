//===- LowerLaunches.cpp - tasks for a device -----------------------------===//
//
// A kernel's arguments cross as an array of addresses, as drivers want them.
// For `tile.run @device::@k tasks %n(%x, %c) : memref<?xf32>, index` it holds
// the addresses of the fields of
//
//   { allocated pointer, aligned pointer, offset, size, stride, c }
//
// in the frame of the calling function. Any call of the runtime may fail: a
// word in that frame, 0 so far, remembers it. It stands between the calls and
// the launches, which ask for no tasks once it is set, and joins what the
// function returns.
//
//===----------------------------------------------------------------------===//

#include "fovea/Target/Common/Device.h"
#include "fovea/Target/Common/Passes.h"

#include "Kernels.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"

namespace fovea {
#define GEN_PASS_DEF_LOWERLAUNCHESPASS
#include "fovea/passes/Target/Common/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

/// Lowers the calling side of one function.
class LaunchLowering {
public:
  LaunchLowering(func::FuncOp function, tile::MachineAttr machine)
      : function(function), module(function->getParentOfType<ModuleOp>()),
        machine(machine), types(function.getContext()),
        b(function.getContext()), loc(function.getLoc()) {
    pointer = LLVM::LLVMPointerType::get(b.getContext());
    i32 = b.getI32Type();
    i64 = b.getI64Type();
  }

  LogicalResult run();

private:
  LogicalResult lower(tile::RunOp run);
  void lower(memref::AllocOp alloc);
  void lower(memref::DeallocOp dealloc);
  void lowerParallelism(Operation *op);
  void lower(func::ReturnOp ret);

  Value constant(Type type, int64_t value) {
    return LLVM::ConstantOp::create(b, loc, type,
                                    b.getIntegerAttr(type, value));
  }
  Value call(StringRef name, Type result, ValueRange arguments) {
    auto callee = declareRuntime(module, name, result,
                                 SmallVector<Type>(arguments.getTypes()));
    return LLVM::CallOp::create(b, loc, callee, arguments).getResult();
  }
  /// Memory in the frame of the function, whatever loop this is for.
  Value makeSlot(Type type);
  /// Sets the word if the i1 `failed` holds.
  void noteFailure(Value failed);
  void noteNull(Value address) {
    Value null = LLVM::ZeroOp::create(b, loc, pointer);
    noteFailure(LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, address,
                                     null));
  }
  Value getMessages(ArrayAttr messages, StringRef kernel);

  func::FuncOp function;
  ModuleOp module;
  tile::MachineAttr machine;
  LLVMTypeConverter types;
  OpBuilder b;
  Location loc;
  Type pointer;
  IntegerType i32, i64;
  Value failure; // address of the word
};

} // namespace

Value LaunchLowering::makeSlot(Type type) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&function.getBody().front());
  return LLVM::AllocaOp::create(b, loc, pointer, type, constant(i32, 1));
}

void LaunchLowering::noteFailure(Value failed) {
  Value word = LLVM::LoadOp::create(b, loc, i32, failure);
  Value more = LLVM::ZExtOp::create(b, loc, i32, failed);
  LLVM::StoreOp::create(b, loc, LLVM::OrOp::create(b, loc, word, more),
                        failure);
}

/// A constant array of texts: the runtime knows it by its address.
Value LaunchLowering::getMessages(ArrayAttr messages, StringRef kernel) {
  std::string name = (kernel + "_messages").str();
  auto type = LLVM::LLVMArrayType::get(pointer, messages.size());
  auto global = module.lookupSymbol<LLVM::GlobalOp>(name);
  if (!global) {
    OpBuilder detached(b.getContext());
    global = LLVM::GlobalOp::create(detached, loc, type, /*isConstant=*/true,
                                    LLVM::Linkage::Internal, name, Attribute());
    SymbolTable(module).insert(global, module.getBody()->begin());
    detached.createBlock(&global.getInitializerRegion());
    Value table = LLVM::PoisonOp::create(detached, loc, type);
    for (auto [i, text] :
         llvm::enumerate(messages.getAsValueRange<StringAttr>())) {
      Value address = getStringAddress(detached, loc, module, text);
      table = LLVM::InsertValueOp::create(detached, loc, table, address, i);
    }
    LLVM::ReturnOp::create(detached, loc, table);
  }
  return LLVM::AddressOfOp::create(b, loc, global);
}

LogicalResult LaunchLowering::lower(tile::RunOp run) {
  auto kernel = dyn_cast_or_null<func::FuncOp>(
      SymbolTable::lookupNearestSymbolFrom(run, run.getCallee()));
  SmallVector<Type> expected(run.getArguments().getTypes());
  expected.push_back(b.getIndexType());
  if (!kernel || !kernel->hasAttr(kKernelAttrName) ||
      kernel.getArgumentTypes() != ArrayRef(expected)) {
    return run.emitOpError("expected ")
           << run.getCallee()
           << " to be a kernel of the arguments and the task's number";
  }
  auto schedule =
      kernel->getAttrOfType<tile::ScheduleAttr>(tile::kScheduleAttrName);
  if (!schedule) {
    return kernel.emitOpError("expected attribute ") << tile::kScheduleAttrName;
  }

  // The fields, one by one.
  SmallVector<Value> fields;
  SmallVector<Type> fieldTypes;
  for (Value argument : run.getArguments()) {
    Type type = types.convertType(argument.getType());
    if (!type) {
      return run.emitOpError("expected arguments that have a form in memory, "
                             "got ")
             << argument.getType();
    }
    Value value = castTo(b, loc, argument, type);
    for (const Leaf &leaf : getLeaves(type)) {
      fields.push_back(
          leaf.position.empty()
              ? value
              : LLVM::ExtractValueOp::create(b, loc, value, leaf.position));
      fieldTypes.push_back(leaf.type);
    }
  }
  auto messages = kernel->getAttrOfType<ArrayAttr>(kMessagesAttrName);
  if (messages && !messages.empty()) {
    Value status =
        call("fovea_rt_status", pointer,
             {getMessages(messages, kernel.getName()),
              constant(i32, static_cast<int64_t>(messages.size()))});
    noteNull(status);
    fields.push_back(status);
    fieldTypes.push_back(pointer);
  }

  auto structType = LLVM::LLVMStructType::getLiteral(b.getContext(), fieldTypes);
  auto arrayType = LLVM::LLVMArrayType::get(pointer, fields.size());
  Value structure = makeSlot(structType), array = makeSlot(arrayType);
  auto getElement = [&](Type type, Value base, size_t i) -> Value {
    return LLVM::GEPOp::create(
        b, loc, pointer, type, base,
        ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
  };
  for (auto [i, field] : llvm::enumerate(fields)) {
    Value address = getElement(structType, structure, i);
    LLVM::StoreOp::create(b, loc, field, address);
    LLVM::StoreOp::create(b, loc, address, getElement(arrayType, array, i));
  }

  auto near = kernel->getAttrOfType<IntegerAttr>(tile::kNearBytesAttrName);
  Value word = LLVM::LoadOp::create(b, loc, i32, failure);
  Value zero = constant(i32, 0), none = constant(i64, 0);
  Value goes = LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::eq, word, zero);
  Value tasks = arith::IndexCastOp::create(b, loc, i64, run.getTasks());
  tasks = LLVM::SelectOp::create(b, loc, goes, tasks, none);
  Value name = getStringAddress(b, loc, module, kernel.getName());
  Value result =
      call("fovea_rt_launch", i32,
           {name, tasks,
            constant(i32, machine.getLanes() * schedule.getSubgroups()),
            constant(i64, near ? near.getInt() : 0), array});
  noteFailure(LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne, result,
                                   zero));
  return success();
}

/// A descriptor around memory of the device, rows first.
void LaunchLowering::lower(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  SmallVector<Value> sizes;
  unsigned next = 0;
  for (int64_t extent : type.getShape()) {
    sizes.push_back(ShapedType::isDynamic(extent)
                        ? arith::IndexCastOp::create(
                              b, loc, i64, alloc.getDynamicSizes()[next++])
                        : constant(i64, extent));
  }
  SmallVector<Value> strides(sizes.size());
  Value count = constant(i64, 1);
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = count;
    count = LLVM::MulOp::create(b, loc, count, sizes[i]);
  }
  int64_t bytes =
      llvm::divideCeil(type.getElementType().getIntOrFloatBitWidth(), 8);
  count = LLVM::MulOp::create(b, loc, count, constant(i64, bytes));
  Value memory = call("fovea_rt_device_alloc", pointer, count);
  noteNull(memory);
  auto descriptor =
      MemRefDescriptor::poison(b, loc, types.convertType(type));
  descriptor.setAllocatedPtr(b, loc, memory);
  descriptor.setAlignedPtr(b, loc, memory);
  descriptor.setConstantOffset(b, loc, 0);
  for (size_t i = 0; i < sizes.size(); ++i) {
    descriptor.setSize(b, loc, i, sizes[i]);
    descriptor.setStride(b, loc, i, strides[i]);
  }
  Value fields = descriptor;
  alloc.replaceAllUsesWith(castTo(b, loc, fields, type));
}

void LaunchLowering::lower(memref::DeallocOp dealloc) {
  Value buffer = dealloc.getMemref();
  MemRefDescriptor descriptor(
      castTo(b, loc, buffer, types.convertType(buffer.getType())));
  auto release =
      declareRuntime(module, "fovea_rt_device_free",
                     LLVM::LLVMVoidType::get(b.getContext()), pointer);
  LLVM::CallOp::create(b, loc, release, descriptor.allocatedPtr(b, loc));
}

/// `tile.threads` and `tile.parts`.
void LaunchLowering::lowerParallelism(Operation *op) {
  Value count = call("fovea_rt_parallelism", i32, {});
  op->replaceAllUsesWith(ValueRange{
      arith::IndexCastOp::create(b, loc, b.getIndexType(), count)});
}

void LaunchLowering::lower(func::ReturnOp ret) {
  Value word = LLVM::LoadOp::create(b, loc, i32, failure);
  ret.getOperandsMutable().assign(
      arith::OrIOp::create(b, loc, ret.getOperand(0), word).getResult());
}

LogicalResult LaunchLowering::run() {
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (isa<tile::RunOp, memref::AllocOp, memref::DeallocOp, tile::ThreadsOp,
            tile::PartsOp, func::ReturnOp>(op)) {
      ops.push_back(op);
    }
  });
  failure = makeSlot(i32);
  b.setInsertionPointAfterValue(failure);
  LLVM::StoreOp::create(b, loc, constant(i32, 0), failure);
  for (Operation *op : ops) {
    loc = op->getLoc();
    b.setInsertionPoint(op);
    if (auto run = dyn_cast<tile::RunOp>(op)) {
      if (failed(lower(run))) {
        return ::mlir::failure();
      }
    } else if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
      lower(alloc);
    } else if (auto dealloc = dyn_cast<memref::DeallocOp>(op)) {
      lower(dealloc);
    } else if (isa<tile::ThreadsOp, tile::PartsOp>(op)) {
      lowerParallelism(op);
    } else {
      lower(cast<func::ReturnOp>(op));
      continue;
    }
    op->erase();
  }
  return success();
}

namespace {

struct LowerLaunches
    : public fovea::impl::LowerLaunchesPassBase<LowerLaunches> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto machine =
        module->getAttrOfType<tile::MachineAttr>(tile::kMachineAttrName);
    if (!machine) {
      module.emitOpError("expected attribute ") << tile::kMachineAttrName;
      return signalPassFailure();
    }
    for (func::FuncOp function : getKernels(module)) {
      ArrayRef<Type> results = function.getResultTypes();
      if (results.size() != 1 || !results[0].isInteger(32)) {
        function.emitOpError("expected a kernel that returns a status");
        return signalPassFailure();
      }
      if (failed(LaunchLowering(function, machine).run())) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
