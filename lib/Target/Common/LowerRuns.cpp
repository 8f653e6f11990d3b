//===- LowerRuns.cpp - tasks for the pool of threads ----------------------===//
//
// The arguments of a task cross the runtime's C interface in one structure.
// For `tile.run @f tasks %n (%x, %c) : memref<?xf32>, index` it is
//
//   { allocated pointer, aligned pointer, offset, size, stride, c }
//
// the fields of the descriptor of %x one by one, then %c.
//
// A task may be in another module, so that its code can be made when it is
// first needed. Where it runs it is only declared, and the run asks for it:
//
//   @f_task                       a word of whoever loads the code
//   fovea_task_body(@f_task)      the body, or null after fovea_rt_fail
//
// Where it is, it has `tile.exported`, and @f_body is seen from outside.
//
//===----------------------------------------------------------------------===//

#include "fovea/Target/Common/Passes.h"

#include "Kernels.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/SymbolTable.h"

namespace fovea {
#define GEN_PASS_DEF_LOWERRUNSPASS
#include "fovea/passes/Target/Common/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

class RunLowering {
public:
  RunLowering(ModuleOp module, const LLVMTypeConverter &types)
      : module(module), types(types), symbols(module) {}

  LogicalResult lower(tile::RunOp run, Value threads);
  /// Makes the body of a task that other modules run.
  LogicalResult lowerExported(func::FuncOp task);

private:
  /// The llvm type of each argument, in converted form.
  LogicalResult convertArguments(Operation *culprit, ArrayRef<Type> arguments);
  LLVM::LLVMFuncOp declareBody(Location loc, func::FuncOp task,
                               LLVM::Linkage linkage);
  SmallVector<Value> loadArguments(OpBuilder &b, Location loc,
                                   func::FuncOp task, LLVM::LLVMFuncOp body);
  LLVM::LLVMFuncOp makeBody(Location loc, func::FuncOp task);
  FailureOr<Value> findBody(tile::RunOp run, func::FuncOp task);
  Value fieldAddress(OpBuilder &b, Location loc, Value context, int64_t field);

  ModuleOp module;
  const LLVMTypeConverter &types;
  SymbolTable symbols;
  SmallVector<Type> converted;
  SmallVector<SmallVector<Leaf>> leaves; // of each argument
  LLVM::LLVMStructType contextType;
};

} // namespace

LogicalResult RunLowering::convertArguments(Operation *culprit,
                                            ArrayRef<Type> arguments) {
  converted.clear();
  leaves.clear();
  SmallVector<Type> fields;
  for (Type type : arguments) {
    Type llvmType = types.convertType(type);
    if (!llvmType) {
      return culprit->emitOpError("expected arguments that have a form in "
                                  "memory, got ")
             << type;
    }
    converted.push_back(llvmType);
    leaves.push_back(getLeaves(llvmType));
    for (const Leaf &leaf : leaves.back()) {
      fields.push_back(leaf.type);
    }
  }
  contextType = LLVM::LLVMStructType::getLiteral(module.getContext(), fields);
  return success();
}

Value RunLowering::fieldAddress(OpBuilder &b, Location loc, Value context,
                                int64_t field) {
  return LLVM::GEPOp::create(b, loc, context.getType(), contextType, context,
                             ArrayRef<LLVM::GEPArg>{0, int32_t(field)});
}

LLVM::LLVMFuncOp RunLowering::declareBody(Location loc, func::FuncOp task,
                                          LLVM::Linkage linkage) {
  OpBuilder b(module.getContext());
  b.setInsertionPointToEnd(module.getBody());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto voidType = LLVM::LLVMVoidType::get(b.getContext());
  auto body = LLVM::LLVMFuncOp::create(
      b, loc, (task.getName() + "_body").str(),
      LLVM::LLVMFunctionType::get(voidType,
                                  {pointer, b.getI64Type(), b.getI32Type()}),
      linkage);
  symbols.insert(body);
  return body;
}

/// The function that the runtime calls: loads the arguments, calls the task.
LLVM::LLVMFuncOp RunLowering::makeBody(Location loc, func::FuncOp task) {
  LLVM::LLVMFuncOp body = declareBody(loc, task, LLVM::Linkage::Internal);
  OpBuilder b(module.getContext());
  b.setInsertionPointToStart(body.addEntryBlock(b));
  SmallVector<Value> arguments = loadArguments(b, loc, task, body);
  func::CallOp::create(b, loc, task, arguments);
  LLVM::ReturnOp::create(b, loc, ValueRange());
  return body;
}

/// The arguments of a task, in the function that the runtime calls.
SmallVector<Value> RunLowering::loadArguments(OpBuilder &b, Location loc,
                                              func::FuncOp task,
                                              LLVM::LLVMFuncOp body) {
  Value context = body.getArgument(0);
  SmallVector<Value> arguments;
  int64_t field = 0;
  for (auto [type, llvmType, scalars] : llvm::zip_equal(
           task.getArgumentTypes().drop_back(), converted, leaves)) {
    Value value;
    for (const Leaf &leaf : scalars) {
      Value part = LLVM::LoadOp::create(b, loc, leaf.type,
                                        fieldAddress(b, loc, context, field++));
      if (leaf.position.empty()) {
        value = part;
        continue;
      }
      if (!value) {
        value = LLVM::PoisonOp::create(b, loc, llvmType);
      }
      value = LLVM::InsertValueOp::create(b, loc, value, part, leaf.position);
    }
    arguments.push_back(castTo(b, loc, value, type));
  }
  arguments.push_back(arith::IndexCastOp::create(b, loc, b.getIndexType(),
                                                 body.getArgument(1)));
  return arguments;
}

/// Nothing in this module calls the task, so it becomes its body.
LogicalResult RunLowering::lowerExported(func::FuncOp task) {
  ArrayRef<Type> types = task.getArgumentTypes();
  if (task.isDeclaration() || types.empty() || !types.back().isIndex() ||
      task.getNumResults() != 0) {
    return task.emitOpError("expected a function with a body, of arguments and "
                            "the task's number, got ")
           << task.getFunctionType();
  }
  if (failed(convertArguments(task, types.drop_back()))) {
    return failure();
  }
  Location loc = task.getLoc();
  LLVM::LLVMFuncOp body = declareBody(loc, task, LLVM::Linkage::External);
  body.setVisibility_(LLVM::Visibility::Hidden);
  OpBuilder b(module.getContext());
  Block *entry = body.addEntryBlock(b);
  b.setInsertionPointToEnd(entry);
  SmallVector<Value> arguments = loadArguments(b, loc, task, body);
  Block *first = &task.getBody().front();
  body.getBody().getBlocks().splice(body.getBody().end(),
                                    task.getBody().getBlocks());
  for (auto [argument, value] :
       llvm::zip_equal(first->getArguments(), arguments)) {
    argument.replaceAllUsesWith(value);
  }
  entry->getOperations().splice(entry->end(), first->getOperations());
  first->dropAllUses();
  first->erase();
  body.walk([](func::ReturnOp end) {
    OpBuilder b(end);
    LLVM::ReturnOp::create(b, end.getLoc(), ValueRange());
    end.erase();
  });
  symbols.erase(task);
  return success();
}

/// Frees what a kernel has allocated where `b` is, and not freed yet.
static void freeAll(OpBuilder &b, func::FuncOp kernel, Operation *at) {
  DominanceInfo dominance(kernel);
  kernel.walk([&](memref::AllocOp alloc) {
    bool isFreed = llvm::any_of(alloc->getUsers(), [&](Operation *user) {
      return isa<memref::DeallocOp>(user) &&
             dominance.properlyDominates(user, at);
    });
    if (dominance.properlyDominates(alloc.getOperation(), at) && !isFreed) {
      memref::DeallocOp::create(b, at->getLoc(), alloc);
    }
  });
}

/// Asks for the body of a task of another module. If there is none the kernel
/// ends, as after a failed check.
FailureOr<Value> RunLowering::findBody(tile::RunOp run, func::FuncOp task) {
  auto kernel = dyn_cast<func::FuncOp>(run->getParentOp());
  if (!kernel || kernel.getFunctionType().getResults() !=
                     ArrayRef<Type>(IntegerType::get(run.getContext(), 32))) {
    return run.emitOpError("expected a task of this module, or a kernel that "
                           "returns its status, in blocks");
  }
  Location loc = run.getLoc();
  OpBuilder b(run);
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  std::string name = (task.getName() + "_task").str();
  auto word = module.lookupSymbol<LLVM::GlobalOp>(name);
  if (!word) {
    OpBuilder start = OpBuilder::atBlockBegin(module.getBody());
    word = LLVM::GlobalOp::create(start, loc, pointer, /*isConstant=*/false,
                                  LLVM::Linkage::External, name, Attribute());
  }
  auto find = declareRuntime(module, "fovea_task_body", pointer, {pointer});
  Value address = LLVM::AddressOfOp::create(b, loc, word);
  Value body = LLVM::CallOp::create(b, loc, find, address).getResult();
  Value null = LLVM::ZeroOp::create(b, loc, pointer);
  Value found =
      LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne, body, null);

  Block *before = run->getBlock();
  Block *after = before->splitBlock(run);
  auto *failed = new Block;
  kernel.getBody().push_back(failed);
  b.setInsertionPointToEnd(failed);
  Value one = arith::ConstantIntOp::create(b, loc, 1, 32);
  auto end = func::ReturnOp::create(b, loc, one);
  b.setInsertionPointToEnd(before);
  cf::CondBranchOp::create(b, loc, found, after, failed);
  b.setInsertionPoint(end);
  freeAll(b, kernel, end);
  return body;
}

LogicalResult RunLowering::lower(tile::RunOp run, Value threads) {
  auto flat = dyn_cast<FlatSymbolRefAttr>(run.getCallee());
  auto callee =
      flat ? symbols.lookup<func::FuncOp>(flat.getValue()) : func::FuncOp();
  SmallVector<Type> expected(run.getArguments().getTypes());
  expected.push_back(IndexType::get(run.getContext()));
  if (!callee || callee.getArgumentTypes() != ArrayRef(expected) ||
      callee.getNumResults() != 0) {
    return run.emitOpError("expected ")
           << run.getCallee()
           << " to be a function of the arguments and the task's number";
  }
  if (failed(convertArguments(run, ArrayRef(expected).drop_back()))) {
    return failure();
  }
  Location loc = run.getLoc();
  Value address;
  if (callee.isDeclaration()) {
    FailureOr<Value> found = findBody(run, callee);
    if (failed(found)) {
      return failure();
    }
    address = *found;
  }

  // The structure lies in the frame of the kernel, whatever loop this is in.
  auto kernel = run->getParentOfType<func::FuncOp>();
  OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value one =
      LLVM::ConstantOp::create(b, loc, b.getI32Type(), b.getI32IntegerAttr(1));
  Value context = LLVM::AllocaOp::create(b, loc, pointer, contextType, one);
  b.setInsertionPoint(run);
  int64_t field = 0;
  for (auto [argument, llvmType, scalars] :
       llvm::zip_equal(run.getArguments(), converted, leaves)) {
    Value value = castTo(b, loc, argument, llvmType);
    for (const Leaf &leaf : scalars) {
      Value part = value;
      if (!leaf.position.empty()) {
        part = LLVM::ExtractValueOp::create(b, loc, value, leaf.position);
      }
      LLVM::StoreOp::create(b, loc, part,
                            fieldAddress(b, loc, context, field++));
    }
  }
  auto loop = declareRuntime(
      module, "fovea_rt_parallel_for", LLVM::LLVMVoidType::get(b.getContext()),
      {b.getI64Type(), b.getI32Type(), pointer, pointer});
  Value tasks =
      arith::IndexCastOp::create(b, loc, b.getI64Type(), run.getTasks());
  if (!address) {
    address = LLVM::AddressOfOp::create(b, loc, makeBody(loc, callee));
  }
  LLVM::CallOp::create(b, loc, loop,
                       ValueRange{tasks, threads, address, context});
  run.erase();
  return success();
}

/// Replaces every `op` of a kernel by what `make` builds at its beginning.
template <typename Op>
static void replaceAll(func::FuncOp kernel,
                       function_ref<Value(OpBuilder &, Location)> make) {
  SmallVector<Op> ops;
  kernel.walk([&](Op op) { ops.push_back(op); });
  if (ops.empty()) {
    return;
  }
  OpBuilder b = OpBuilder::atBlockBegin(&kernel.getBody().front());
  Location loc = ops.front().getLoc();
  Value count = make(b, loc);
  Value index = arith::IndexCastOp::create(b, loc, b.getIndexType(), count);
  for (Op op : ops) {
    op.replaceAllUsesWith(index);
    op.erase();
  }
}

/// Replaces every `tile.threads` of a kernel by the count that a request of
/// `threads` stands for, and every `tile.parts` by what the runtime says.
static void lowerThreads(func::FuncOp kernel, Value threads) {
  auto module = kernel->getParentOfType<ModuleOp>();
  Type i32 = threads.getType();
  replaceAll<tile::ThreadsOp>(kernel, [&](OpBuilder &b, Location loc) {
    auto byDefault =
        declareRuntime(module, "fovea_rt_default_threads", i32, {});
    Value all =
        LLVM::CallOp::create(b, loc, byDefault, ValueRange()).getResult();
    Value zero = arith::ConstantIntOp::create(b, loc, 0, 32);
    Value given =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt, threads, zero);
    return arith::SelectOp::create(b, loc, given, threads, all).getResult();
  });
  replaceAll<tile::PartsOp>(kernel, [&](OpBuilder &b, Location loc) {
    auto parts = declareRuntime(module, "fovea_rt_parts", i32, {i32});
    return LLVM::CallOp::create(b, loc, parts, threads).getResult();
  });
}

namespace {

struct LowerRuns : public fovea::impl::LowerRunsPassBase<LowerRuns> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    LLVMTypeConverter types(&getContext());
    RunLowering lowering(module, types);
    for (func::FuncOp kernel : getKernels(module)) {
      (void)kernel.insertArgument(kernel.getNumArguments(),
                                  IntegerType::get(&getContext(), 32), {},
                                  kernel.getLoc());
      Value threads = kernel.getArguments().back();
      lowerThreads(kernel, threads);
      SmallVector<tile::RunOp> runs;
      kernel.walk([&](tile::RunOp run) { runs.push_back(run); });
      for (tile::RunOp run : runs) {
        if (failed(lowering.lower(run, threads))) {
          return signalPassFailure();
        }
      }
    }
    for (auto task : llvm::to_vector(module.getOps<func::FuncOp>())) {
      if (task->hasAttr(tile::kExportedAttrName) &&
          failed(lowering.lowerExported(task))) {
        return signalPassFailure();
      }
    }
    WalkResult left = module.walk([](Operation *op) {
      if (isa<tile::RunOp, tile::ThreadsOp, tile::PartsOp>(op)) {
        op->emitOpError("expected inside a kernel");
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (left.wasInterrupted()) {
      signalPassFailure();
    }
  }
};

} // namespace
