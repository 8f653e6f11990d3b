//===- OutlineTasks.cpp - task functions from parallel loops --------------===//
//
// What a task function needs from outside becomes an argument, or is computed
// again inside. On a device arguments are dear: a kernel should take the
// buffers and few scalars. So, for
//
//   %n = memref.dim %x, %c0        %v = memref.reinterpret_cast %x to ... [%n]
//   %t = tile.threads              %p = arith.minsi %n, %t
//   scf.forall (%i) in (%p) { ... %v, %n, %p ... }
//
// the kernel takes %x (the base of the view), computes %n and %v again, and
// takes %p: to compute it would need %t, which is no cheaper.
//
//===----------------------------------------------------------------------===//

#include "fovea/passes/TileToVector/Passes.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace fovea {
#define GEN_PASS_DEF_OUTLINETASKSPASS
#include "fovea/passes/TileToVector/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

//===----------------------------------------------------------------------===//
// What crosses into a task
//===----------------------------------------------------------------------===//

namespace {

/// Sorts the values that a task uses into arguments and what is computed again.
class Captures {
public:
  Captures(func::FuncOp parent, bool device) : device(device) {
    unsigned next = 0;
    parent.walk<WalkOrder::PreOrder>(
        [&](Operation *op) { position[op] = next++; });
  }

  /// Chooses the arguments for these values.
  void choose(ArrayRef<Value> used);
  ArrayRef<Value> getArguments() const { return arguments.getArrayRef(); }
  /// `value`, or a copy of its computation at `b`; arguments are mapped.
  Value rebuild(OpBuilder &b, Value value, IRMapping &mapping) const;

private:
  bool isRepeatable(Value value) const;
  bool readsElements(Value value) const;
  void collectLeaves(Value value, llvm::SetVector<Value> &leaves) const;
  void chooseBuffer(Value buffer);
  void chooseScalar(Value scalar);

  bool device;
  DenseMap<Operation *, unsigned> position; // in the parent function
  llvm::SetVector<Value> arguments;
};

} // namespace

/// True if a task may compute `value` from the operands of its operation.
bool Captures::isRepeatable(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!op || arguments.contains(value)) {
    return false;
  }
  if (matchPattern(value, m_Constant())) {
    return true;
  }
  return device && op->getNumRegions() == 0 &&
         (isa<arith::ArithDialect>(op->getDialect()) ||
          isa<memref::DimOp, memref::ExtractStridedMetadataOp, memref::LoadOp,
              ViewLikeOpInterface>(op));
}

bool Captures::readsElements(Value value) const {
  if (!isRepeatable(value)) {
    return false;
  }
  Operation *op = value.getDefiningOp();
  return isa<memref::LoadOp>(op) ||
         llvm::any_of(op->getOperands(), [&](Value operand) {
           return !isa<MemRefType>(operand.getType()) && readsElements(operand);
         });
}

/// The values at which computing `value` again would have to start.
void Captures::collectLeaves(Value value,
                             llvm::SetVector<Value> &leaves) const {
  if (!isRepeatable(value)) {
    leaves.insert(value);
    return;
  }
  for (Value operand : value.getDefiningOp()->getOperands()) {
    collectLeaves(operand, leaves);
  }
}

/// Of a view, what it views crosses, and its numbers are scalars like others.
void Captures::chooseBuffer(Value buffer) {
  if (!isRepeatable(buffer)) {
    arguments.insert(buffer);
    return;
  }
  for (Value operand : buffer.getDefiningOp()->getOperands()) {
    if (isa<MemRefType>(operand.getType())) {
      chooseBuffer(operand);
    }
  }
}

/// An element is always read by the task: the host may not be able to.
/// Anything else is computed again where that needs no further argument.
void Captures::chooseScalar(Value scalar) {
  llvm::SetVector<Value> leaves;
  collectLeaves(scalar, leaves);
  if (readsElements(scalar)) {
    arguments.insert(leaves.begin(), leaves.end());
  } else if (!llvm::all_of(leaves, [&](Value leaf) {
               return arguments.contains(leaf);
             })) {
    arguments.insert(scalar);
  }
}

void Captures::choose(ArrayRef<Value> used) {
  SmallVector<Value> scalars;
  auto isBuffer = [](Value v) { return isa<MemRefType>(v.getType()); };
  SmallVector<Value> views;
  for (Value v : used) {
    if (isBuffer(v)) {
      chooseBuffer(v);
      views.push_back(v);
    } else {
      scalars.push_back(v);
    }
  }
  // The numbers of views.
  while (!views.empty()) {
    Value view = views.pop_back_val();
    if (!isRepeatable(view)) {
      continue;
    }
    for (Value operand : view.getDefiningOp()->getOperands()) {
      (isBuffer(operand) ? views : scalars).push_back(operand);
    }
  }
  if (device) {
    // What comes first may serve what comes later.
    auto place = [&](Value v) -> std::pair<unsigned, unsigned> {
      if (auto result = dyn_cast<OpResult>(v)) {
        return {position.lookup(result.getOwner()) + 1,
                result.getResultNumber()};
      }
      return {0, cast<BlockArgument>(v).getArgNumber()};
    };
    llvm::sort(scalars,
               [&](Value x, Value y) { return place(x) < place(y); });
  }
  for (Value scalar : scalars) {
    if (!matchPattern(scalar, m_Constant())) {
      chooseScalar(scalar);
    }
  }
}

Value Captures::rebuild(OpBuilder &b, Value value, IRMapping &mapping) const {
  if (Value known = mapping.lookupOrNull(value)) {
    return known;
  }
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands()) {
    rebuild(b, operand, mapping);
  }
  b.clone(*op, mapping);
  return mapping.lookup(value);
}

//===----------------------------------------------------------------------===//
// Task functions
//===----------------------------------------------------------------------===//

/// Numbers the messages that the requirements of a kernel can fail with.
static void numberMessages(func::FuncOp kernel) {
  Builder b(kernel.getContext());
  llvm::MapVector<Attribute, int64_t> numbers;
  SmallVector<tile::RequireOp> requirements;
  kernel.walk([&](tile::RequireOp op) { requirements.push_back(op); });
  SmallVector<Attribute> messages;
  for (tile::RequireOp op : requirements) {
    auto [it, isNew] =
        numbers.try_emplace(op.getMessageAttr(), messages.size());
    if (isNew) {
      messages.push_back(op.getMessageAttr());
    }
    op.setNumber(it->second);
  }
  if (!messages.empty()) {
    kernel->setAttr(tile::kMessagesAttrName, b.getArrayAttr(messages));
  }
}

namespace {

/// Moves loops of a module into functions.
class Outliner {
public:
  Outliner(ModuleOp module, bool device) : module(module), device(device) {}

  void outline(scf::ForallOp loop, func::FuncOp parent);

private:
  func::FuncOp makeFunction(scf::ForallOp loop, func::FuncOp parent,
                            ArrayRef<Value> arguments);
  gpu::GPUModuleOp getDeviceModule();

  ModuleOp module;
  bool device;
};

} // namespace

gpu::GPUModuleOp Outliner::getDeviceModule() {
  if (auto known = module.lookupSymbol<gpu::GPUModuleOp>("device")) {
    return known;
  }
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  return gpu::GPUModuleOp::create(b, module.getLoc(), "device");
}

/// An empty function of the arguments and the task's number.
func::FuncOp Outliner::makeFunction(scf::ForallOp loop, func::FuncOp parent,
                                    ArrayRef<Value> arguments) {
  OpBuilder b(parent);
  SmallVector<Type> types(ValueRange(arguments).getTypes());
  types.push_back(b.getIndexType());
  SymbolOpInterface table = module;
  if (device) {
    table = getDeviceModule();
    b.setInsertionPointToEnd(&table->getRegion(0).front());
  }
  auto function = func::FuncOp::create(
      b, loop.getLoc(), (parent.getName() + "_tasks_0").str(),
      b.getFunctionType(types, {}));
  Attribute schedule = loop->getAttr(tile::kScheduleAttrName);
  function->setAttr(tile::kScheduleAttrName,
                    schedule ? schedule
                             : parent->getAttr(tile::kScheduleAttrName));
  if (Attribute row = loop->getAttr(tile::kRowRankAttrName)) {
    function->setAttr(tile::kRowRankAttrName, row);
  }
  if (device) {
    function->setAttr(tile::kKernelAttrName, b.getUnitAttr());
  } else {
    function.setPrivate();
  }
  SymbolTable(table).insert(function);
  return function;
}

void Outliner::outline(scf::ForallOp loop, func::FuncOp parent) {
  Location loc = loop.getLoc();
  OpBuilder b(loop);
  SmallVector<Value> bounds = loop.getUpperBound(b);
  Value tasks = arith::ConstantIndexOp::create(b, loc, 1);
  for (Value bound : bounds) {
    tasks = arith::MulIOp::create(b, loc, tasks, bound);
  }
  llvm::SetVector<Value> used;
  getUsedValuesDefinedAbove(loop.getRegion(), used);
  // The first index needs no bound.
  used.insert(bounds.begin() + (device ? 1 : 0), bounds.end());
  Captures captures(parent, device);
  captures.choose(used.getArrayRef());
  ArrayRef<Value> arguments = captures.getArguments();
  func::FuncOp function = makeFunction(loop, parent, arguments);

  Block *entry = function.addEntryBlock();
  OpBuilder in(entry, entry->end());
  IRMapping mapping;
  mapping.map(arguments, entry->getArguments().drop_back());
  for (Value v : used) {
    captures.rebuild(in, v, mapping);
  }
  Value rest = entry->getArguments().back();
  SmallVector<Value> ivs(bounds.size());
  for (unsigned i = bounds.size(); i-- > 1;) {
    Value bound = mapping.lookup(bounds[i]);
    ivs[i] = arith::RemUIOp::create(in, loc, rest, bound);
    rest = arith::DivUIOp::create(in, loc, rest, bound);
  }
  ivs[0] = rest;
  mapping.map(loop.getInductionVars(), ivs);
  for (Operation &op : loop.getBody()->without_terminator()) {
    in.clone(op, mapping);
  }
  func::ReturnOp::create(in, loc);
  SymbolRefAttr callee = FlatSymbolRefAttr::get(function);
  if (device) {
    numberMessages(function);
    callee = SymbolRefAttr::get(getDeviceModule().getNameAttr(), {FlatSymbolRefAttr::get(function)});
  }
  tile::RunOp::create(b, loc, callee, tasks, arguments);
  loop.erase();
}

namespace {

struct OutlineTasks : public fovea::impl::OutlineTasksPassBase<OutlineTasks> {
  using OutlineTasksPassBase::OutlineTasksPassBase;

  void runOnOperation() override {
    Outliner outliner(getOperation(), device);
    for (func::FuncOp function :
         llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (!function->hasAttr(tile::kScheduleAttrName)) {
        continue;
      }
      SmallVector<scf::ForallOp> loops;
      function.walk([&](scf::ForallOp loop) { loops.push_back(loop); });
      for (scf::ForallOp loop : loops) {
        if (!loop.isNormalized() || loop.getNumResults() != 0 ||
            loop.getRank() == 0) {
          loop.emitOpError("expected lower bounds 0, steps 1, at least one "
                           "dimension and no results");
          return signalPassFailure();
        }
        outliner.outline(loop, function);
      }
    }
  }
};

} // namespace
