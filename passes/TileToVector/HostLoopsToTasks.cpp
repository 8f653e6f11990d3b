//===- HostLoopsToTasks.cpp - nothing for the host to read ----------------===//

#include "fovea/passes/TileToVector/Passes.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/LoopInvariantCodeMotionUtils.h"
#include "llvm/ADT/SetVector.h"

namespace fovea {
#define GEN_PASS_DEF_HOSTLOOPSTOTASKSPASS
#include "fovea/passes/TileToVector/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// Iterations of the innermost loop that one task takes.
static constexpr int64_t kChunk = 256;

/// True if `op`, or code inside it, reads or writes elements.
static bool touchesMemory(Operation *op) {
  return op
      ->walk([](Operation *inner) {
        bool touches = hasEffect<MemoryEffects::Read>(inner) ||
                       hasEffect<MemoryEffects::Write>(inner);
        bool isCheck = isa<cf::AssertOp, tile::RequireOp>(inner);
        return touches && !isCheck ? WalkResult::interrupt()
                                   : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Adds to `slice` what computes `value` from elements of memory: loads, loops
/// that hold some, and all between them and the value. False if there is
/// nothing of the kind.
static bool collectReaders(Value value, llvm::SetVector<Operation *> &slice) {
  Operation *op = value.getDefiningOp();
  if (!op) {
    return false;
  }
  if (slice.contains(op)) {
    return true;
  }
  llvm::SetVector<Value> used;
  op->walk([&](Operation *inner) {
    used.insert(inner->operand_begin(), inner->operand_end());
  });
  bool reads = touchesMemory(op);
  for (Value v : used) {
    Operation *definition = v.getDefiningOp();
    if (definition ? !op->isAncestor(definition)
                   : !op->isAncestor(v.getParentBlock()->getParentOp())) {
      reads |= collectReaders(v, slice);
    }
  }
  if (reads) {
    slice.insert(op);
  }
  return reads;
}

static bool readsMemory(Value value) {
  llvm::SetVector<Operation *> slice;
  return collectReaders(value, slice);
}

namespace {

/// Rewrites the host part of one function.
class HostPart {
public:
  explicit HostPart(func::FuncOp function)
      : function(function), b(function.getContext()) {}

  LogicalResult convert();

private:
  LogicalResult convertBlock(Block &block);
  LogicalResult convertLoop(scf::ForOp loop);
  LogicalResult toTasks(scf::ForOp loop);
  void wrap(Operation *op);
  LogicalResult verifyReads();

  // Checks.
  bool spread(Value value, Value carried, ArrayRef<StringAttr> messages,
              bool emit);
  bool spreadMaximum(OpResult result, bool emit);
  bool spreadResult(OpResult result, bool emit);
  scf::ForOp dropResults(scf::ForOp loop);

  Value index(Location loc, int64_t v) {
    return arith::ConstantIndexOp::create(b, loc, v);
  }
  Value tripCount(scf::ForOp loop);
  Value atLeastOneTask(Location loc);

  func::FuncOp function;
  OpBuilder b;
  llvm::SetVector<Operation *> spreadLoops; // loops inside that lose a result
};

} // namespace

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

/// Messages of the assertions of `value`; none if it has another use.
static SmallVector<StringAttr> getMessages(Value value) {
  SmallVector<StringAttr> messages;
  for (Operation *user : value.getUsers()) {
    auto check = dyn_cast<cf::AssertOp>(user);
    if (!check) {
      return {};
    }
    messages.push_back(check.getMsgAttr());
  }
  return messages;
}

/// True if `value` is a conjunction that `carried` is a part of.
static bool isConjunctionWith(Value value, Value carried) {
  if (value == carried) {
    return true;
  }
  if (auto both = value.getDefiningOp<arith::AndIOp>()) {
    return isConjunctionWith(both.getLhs(), carried) ||
           isConjunctionWith(both.getRhs(), carried);
  }
  if (auto loop = value.getDefiningOp<scf::ForOp>()) {
    unsigned i = cast<OpResult>(value).getResultNumber();
    return isConjunctionWith(loop.getInitArgs()[i], carried);
  }
  return false;
}

/// Requires every conjunct of `value` but `carried`, at the place where they
/// are joined. With `emit` unset, only says whether that can be done.
bool HostPart::spread(Value value, Value carried,
                      ArrayRef<StringAttr> messages, bool emit) {
  if (value == carried) {
    return true;
  }
  // A conjunction that is also used otherwise has to stay.
  if (!value.hasOneUse()) {
    return false;
  }
  if (auto loop = value.getDefiningOp<scf::ForOp>()) {
    unsigned i = cast<OpResult>(value).getResultNumber();
    Value inner = loop.getRegionIterArgs()[i];
    if (emit) {
      spreadLoops.insert(loop);
    }
    return loop.getNumResults() == 1 && inner.hasOneUse() &&
           spread(loop.getInitArgs()[i], carried, messages, emit) &&
           spread(loop.getYieldedValues()[i], inner, messages, emit);
  }
  auto both = value.getDefiningOp<arith::AndIOp>();
  if (!both || !isConjunctionWith(value, carried)) {
    return false;
  }
  for (Value part : {both.getLhs(), both.getRhs()}) {
    if (isConjunctionWith(part, carried)) {
      if (!spread(part, carried, messages, emit)) {
        return false;
      }
    } else if (emit) {
      b.setInsertionPoint(both);
      for (StringAttr message : messages) {
        tile::RequireOp::create(b, both.getLoc(), part, message, IntegerAttr());
      }
    }
  }
  return true;
}

/// `max >= v` holds where it holds for every element: for a carried maximum
/// that is only compared, and only for assertions.
bool HostPart::spreadMaximum(OpResult result, bool emit) {
  auto loop = cast<scf::ForOp>(result.getOwner());
  unsigned i = result.getResultNumber();
  Value carried = loop.getRegionIterArgs()[i];
  auto max = loop.getYieldedValues()[i].getDefiningOp<arith::MaxSIOp>();
  if (!max || !max->hasOneUse() || !carried.hasOneUse() ||
      (max.getLhs() != carried && max.getRhs() != carried)) {
    return false;
  }
  Value element = max.getLhs() == carried ? max.getRhs() : max.getLhs();
  using P = arith::CmpIPredicate;
  for (OpOperand &use : result.getUses()) {
    auto compare = dyn_cast<arith::CmpIOp>(use.getOwner());
    if (!compare || getMessages(compare.getResult()).empty()) {
      return false;
    }
    bool isLeft = use.getOperandNumber() == 0;
    P predicate = compare.getPredicate();
    bool isUpperBound = isLeft ? predicate == P::sle || predicate == P::slt
                               : predicate == P::sge || predicate == P::sgt;
    Value bound = isLeft ? compare.getRhs() : compare.getLhs();
    Operation *definition = bound.getDefiningOp();
    if (!isUpperBound || readsMemory(bound) ||
        (definition && (definition->getBlock() != loop->getBlock() ||
                        !definition->isBeforeInBlock(loop)))) {
      return false;
    }
    if (emit) {
      b.setInsertionPoint(max);
      Value holds = arith::CmpIOp::create(b, compare.getLoc(), predicate,
                                          isLeft ? element : bound,
                                          isLeft ? bound : element);
      for (StringAttr message : getMessages(compare.getResult())) {
        tile::RequireOp::create(b, compare.getLoc(), holds, message,
                                IntegerAttr());
      }
    }
  }
  return true;
}

bool HostPart::spreadResult(OpResult result, bool emit) {
  auto loop = cast<scf::ForOp>(result.getOwner());
  unsigned i = result.getResultNumber();
  if (result.getType().isIndex() || result.getType().isInteger(32)) {
    return spreadMaximum(result, emit);
  }
  SmallVector<StringAttr> messages = getMessages(result);
  Value carried = loop.getRegionIterArgs()[i];
  return result.getType().isInteger(1) && !messages.empty() &&
         matchPattern(loop.getInitArgs()[i], m_One()) && carried.hasOneUse() &&
         spread(loop.getYieldedValues()[i], carried, messages, emit);
}

/// The loop, and those inside it whose results were parts of its results,
/// without carried values: they keep what they were at the start.
scf::ForOp HostPart::dropResults(scf::ForOp loop) {
  for (auto [result, carried, init] :
       llvm::zip_equal(loop.getResults(), loop.getRegionIterArgs(),
                       loop.getInitArgs())) {
    result.replaceAllUsesWith(init);
    carried.replaceAllUsesWith(init);
  }
  b.setInsertionPoint(loop);
  auto bare = scf::ForOp::create(b, loop.getLoc(), loop.getLowerBound(),
                                 loop.getUpperBound(), loop.getStep());
  loop.getInductionVar().replaceAllUsesWith(bare.getInductionVar());
  loop.getBody()->getTerminator()->setOperands({});
  bare.getBody()->getOperations().splice(
      bare.getBody()->begin(), loop.getBody()->getOperations(),
      loop.getBody()->begin(), std::prev(loop.getBody()->end()));
  loop.erase();
  for (auto nested :
       llvm::to_vector(bare.getBody()->getOps<scf::ForOp>())) {
    if (spreadLoops.remove(nested)) {
      dropResults(nested);
    }
  }
  return bare;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

Value HostPart::tripCount(scf::ForOp loop) {
  Location loc = loop.getLoc();
  if (matchPattern(loop.getLowerBound(), m_Zero()) &&
      matchPattern(loop.getStep(), m_One())) {
    return loop.getUpperBound();
  }
  Value length = arith::SubIOp::create(b, loc, loop.getUpperBound(),
                                       loop.getLowerBound());
  Value trips = arith::CeilDivSIOp::create(b, loc, length, loop.getStep());
  return arith::MaxSIOp::create(b, loc, trips, index(loc, 0));
}

/// One, in a form that keeps a loop over it from being inlined before it can
/// become a task: there is at least one thread.
Value HostPart::atLeastOneTask(Location loc) {
  Value threads = tile::ThreadsOp::create(b, loc, b.getIndexType());
  return arith::MinSIOp::create(b, loc, threads, index(loc, 1));
}

/// The loop and those perfectly nested in it, outermost first. Loops with
/// results, and those whose bounds change with an outer one, end the nest.
static SmallVector<scf::ForOp> collectNest(scf::ForOp loop) {
  loop.walk([](scf::ForOp inner) { moveLoopInvariantCode(inner); });
  SmallVector<scf::ForOp> nest{loop};
  while (llvm::hasNItems(nest.back().getBody()->without_terminator(), 1)) {
    auto inner = dyn_cast<scf::ForOp>(nest.back().getBody()->front());
    if (!inner || inner.getNumResults() != 0 ||
        llvm::any_of(inner->getOperands(), [&](Value v) {
          return !loop.isDefinedOutsideOfLoop(v);
        })) {
      break;
    }
    nest.push_back(inner);
  }
  return nest;
}

/// The first loop without results in the body of `loop`, whose iterations the
/// lanes can share; null if there is none.
static scf::ForOp findLanesLoop(scf::ForOp loop) {
  for (auto inner : loop.getBody()->getOps<scf::ForOp>()) {
    if (inner.getNumResults() == 0) {
      return inner;
    }
  }
  return {};
}

/// A loop without results becomes tasks.
LogicalResult HostPart::toTasks(scf::ForOp loop) {
  Location loc = loop.getLoc();
  SmallVector<scf::ForOp> nest = collectNest(loop);
  for (scf::ForOp part : nest) {
    if (readsMemory(part.getLowerBound()) || readsMemory(part.getUpperBound()) ||
        readsMemory(part.getStep())) {
      return part.emitOpError("expected bounds that the host knows: it cannot "
                              "read the memory of a device");
    }
  }
  scf::ForOp last = nest.back();
  scf::ForOp spread = nest.size() == 1 ? findLanesLoop(loop) : scf::ForOp();
  b.setInsertionPoint(loop);
  SmallVector<OpFoldResult> bounds;
  Value chunk = index(loc, kChunk), trips;
  for (scf::ForOp part : nest) {
    Value count = tripCount(part);
    if (part == last && !spread) {
      trips = count;
      count = arith::CeilDivSIOp::create(b, loc, count, chunk);
      count = b.createOrFold<arith::MaxSIOp>(loc, count, index(loc, 0));
    }
    bounds.push_back(count);
  }
  if (llvm::all_of(bounds, [](OpFoldResult bound) {
        return getConstantIntValue(bound).has_value();
      })) {
    Value tasks = cast<Value>(bounds[0]);
    bounds[0] = arith::MulIOp::create(b, loc, tasks, atLeastOneTask(loc))
                    .getResult();
  }
  auto forall =
      scf::ForallOp::create(b, loc, bounds, ValueRange{}, std::nullopt);
  b.setInsertionPoint(forall.getBody()->getTerminator());
  SmallVector<Value> ivs(forall.getInductionVars());
  if (spread) {
    spread->setAttr(tile::kLanesAttrName, b.getUnitAttr());
  } else {
    Value first = arith::MulIOp::create(b, loc, ivs.back(), chunk);
    Value end = arith::AddIOp::create(b, loc, first, chunk);
    auto lanes = scf::ForOp::create(
        b, loc, first, arith::MinSIOp::create(b, loc, end, trips),
        index(loc, 1));
    lanes->setAttr(tile::kLanesAttrName, b.getUnitAttr());
    ivs.back() = lanes.getInductionVar();
    b.setInsertionPoint(lanes.getBody()->getTerminator());
  }
  for (auto [part, iv] : llvm::zip_equal(nest, ivs)) {
    Value at = iv;
    if (!matchPattern(part.getLowerBound(), m_Zero()) ||
        !matchPattern(part.getStep(), m_One())) {
      at = arith::MulIOp::create(b, loc, at, part.getStep());
      at = arith::AddIOp::create(b, loc, part.getLowerBound(), at);
    }
    part.getInductionVar().replaceAllUsesWith(at);
  }
  b.getInsertionBlock()->getOperations().splice(
      b.getInsertionPoint(), last.getBody()->getOperations(),
      last.getBody()->begin(), std::prev(last.getBody()->end()));
  loop.erase();
  return success();
}

LogicalResult HostPart::convertLoop(scf::ForOp loop) {
  if (loop.getNumResults() == 0) {
    return toTasks(loop);
  }
  for (bool emit : {false, true}) {
    for (OpResult result : loop.getResults()) {
      if (!spreadResult(result, emit)) {
        return success(); // the assertions may still take it with them
      }
    }
  }
  return toTasks(dropResults(loop));
}

/// A task of its own for one operation, which brings what it reads along.
void HostPart::wrap(Operation *op) {
  Location loc = op->getLoc();
  llvm::SetVector<Operation *> slice;
  for (Value operand : op->getOperands()) {
    collectReaders(operand, slice);
  }
  if (llvm::any_of(slice, llvm::IsaPred<scf::ForOp>)) {
    op->emitRemark("runs on one lane: what it asks of a loop is no conjunction "
                   "and no maximum");
  }
  b.setInsertionPoint(op);
  SmallVector<OpFoldResult> bounds{atLeastOneTask(loc)};
  auto forall =
      scf::ForallOp::create(b, loc, bounds, ValueRange{}, std::nullopt);
  b.setInsertionPoint(forall.getBody()->getTerminator());
  IRMapping mapping;
  for (Operation *reader : slice) {
    b.clone(*reader, mapping);
  }
  if (auto check = dyn_cast<cf::AssertOp>(op)) {
    tile::RequireOp::create(b, loc, mapping.lookup(check.getArg()),
                            check.getMsgAttr(), IntegerAttr());
  } else {
    b.clone(*op, mapping);
  }
  op->erase();
}

//===----------------------------------------------------------------------===//
// The host part
//===----------------------------------------------------------------------===//

LogicalResult HostPart::convertBlock(Block &block) {
  SmallVector<Operation *> ops;
  for (Operation &op : block.without_terminator()) {
    ops.push_back(&op);
  }
  for (Operation *op : ops) {
    if (auto loop = dyn_cast<scf::ForOp>(op)) {
      if (touchesMemory(loop) && failed(convertLoop(loop))) {
        return failure();
      }
    } else if (auto check = dyn_cast<cf::AssertOp>(op)) {
      if (matchPattern(check.getArg(), m_One())) {
        check.erase();
      } else if (readsMemory(check.getArg())) {
        wrap(check);
      }
    } else if (isa<memref::StoreOp>(op)) {
      wrap(op);
    } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
      for (Region &region : branch->getRegions()) {
        if (!region.empty() && failed(convertBlock(region.front()))) {
          return failure();
        }
      }
    }
  }
  // What was brought to a task is not needed here any more.
  ops.clear();
  for (Operation &op : block.without_terminator()) {
    ops.push_back(&op);
  }
  for (Operation *op : llvm::reverse(ops)) {
    if (isOpTriviallyDead(op)) {
      op->erase();
    }
  }
  return success();
}

/// What is read outside of tasks must be used by tasks only, and be of a form
/// that can be repeated there.
LogicalResult HostPart::verifyReads() {
  auto isTask = [](Operation *op) {
    return isa<scf::ForallOp>(op) || op->getParentOfType<scf::ForallOp>();
  };
  WalkResult result = function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isTask(op)) {
      return WalkResult::skip();
    }
    bool isLoop = isa<scf::ForOp>(op);
    if (!hasEffect<MemoryEffects::Read>(op) &&
        !hasEffect<MemoryEffects::Write>(op) &&
        !(isLoop && touchesMemory(op))) {
      return WalkResult::advance();
    }
    if (isa<cf::AssertOp>(op)) {
      return WalkResult::advance();
    }
    if (!isa<memref::LoadOp>(op)) {
      op->emitOpError("expected a load, a store, a loop without results or one "
                      "whose results are checked: nothing else can move from "
                      "the host to a task");
      return WalkResult::interrupt();
    }
    SmallVector<Operation *> users(op->getUsers());
    while (!users.empty()) {
      Operation *user = users.pop_back_val();
      if (user->getParentOfType<scf::ForallOp>()) {
        continue;
      }
      if (!isMemoryEffectFree(user) || user->getNumRegions() != 0) {
        InFlightDiagnostic error = op->emitOpError(
            "expected a value that tasks alone use: the host cannot read the "
            "memory of a device");
        error.attachNote(user->getLoc()) << "the host uses it here";
        return WalkResult::interrupt();
      }
      llvm::append_range(users, user->getUsers());
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult HostPart::convert() {
  if (failed(convertBlock(function.getBody().front()))) {
    return failure();
  }
  return verifyReads();
}

namespace {

struct HostLoopsToTasks
    : public fovea::impl::HostLoopsToTasksPassBase<HostLoopsToTasks> {
  void runOnOperation() override {
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      if (function->hasAttr(tile::kScheduleAttrName) &&
          !function.isDeclaration() && function.getBody().hasOneBlock() &&
          !function->hasAttr(tile::kRowRankAttrName) &&
          failed(HostPart(function).convert())) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
