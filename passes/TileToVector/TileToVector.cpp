//===- TileToVector.cpp - lower task functions to register tiles ----------===//

#include "fovea/passes/TileToVector/Passes.h"

#include "Narrow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/SaveAndRestore.h"

namespace fovea {
#define GEN_PASS_DEF_TILETOVECTORPASS
#include "fovea/passes/TileToVector/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

static bool isTile(Value v) { return isa<RankedTensorType>(v.getType()); }

//===----------------------------------------------------------------------===//
// Carried state
//===----------------------------------------------------------------------===//

/// Starts carrying tiles through a loop: [row] tiles as vectors, others in
/// near buffers that are updated in place.
FailureOr<Emitter::Carried> Emitter::carry(ValueRange states) {
  Carried carried;
  for (Value state : states) {
    if (isRowTile(state)) {
      if (failed(prepare(state))) {
        return failure();
      }
      llvm::append_range(carried.vectors, forms[state].rows);
      carried.buffers.push_back(Value());
      continue;
    }
    auto type = cast<RankedTensorType>(state.getType());
    if (type.getRank() != 2 || !hasRow(state)) {
      task.emitError("expected carried tiles of ranks [row] or [x, row], got ")
          << type;
      return failure();
    }
    Value buffer = allocNear(nearSize(type.getDimSize(0)), type.getElementType());
    if (failed(materialize(state, buffer))) {
      return failure();
    }
    carried.buffers.push_back(buffer);
  }
  return carried;
}

void Emitter::bindCarried(ValueRange tiles, const Carried &carried,
                          ValueRange vectors) {
  unsigned next = 0;
  for (auto [tile, buffer] : llvm::zip_equal(tiles, carried.buffers)) {
    Form form;
    if (buffer) {
      form.kind = Form::Near;
      form.buffer = buffer;
    } else {
      form.kind = Form::Rows;
      for (unsigned v = 0; v < numVectors(); ++v) {
        form.rows.push_back(vectors[next++]);
      }
    }
    forms[tile] = form;
  }
}

Value Emitter::storeBounds(tile::StreamOp op) {
  unsigned ranges = op.getBegins().size();
  Value bounds = allocNear(2 * ranges, b.getIndexType());
  for (unsigned i = 0; i < ranges; ++i) {
    memref::StoreOp::create(b, loc, op.getBegins()[i], bounds,
                            ValueRange{index(2 * i)});
    memref::StoreOp::create(b, loc, op.getEnds()[i], bounds,
                            ValueRange{index(2 * i + 1)});
  }
  return bounds;
}

/// ranges -> steps -> {nothing, full step, partial step}
LogicalResult Emitter::lowerStream(tile::StreamOp op) {
  FailureOr<Carried> carried = carry(op.getInits());
  if (failed(carried)) {
    return failure();
  }
  unsigned ranges = op.getBegins().size();
  Value bounds = storeBounds(op);
  SmallVector<Type> types(ValueRange(carried->vectors).getTypes());
  auto outer = scf::ForOp::create(b, loc, index(0), index(ranges), index(1),
                                  carried->vectors);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(outer.getBody());
    Value slot = mul(outer.getInductionVar(), 2);
    Value begin = memref::LoadOp::create(b, loc, bounds, slot);
    Value end = memref::LoadOp::create(b, loc, bounds, add(slot, 1));
    Value stepSize = index(op.getStep());
    auto inner = scf::ForOp::create(b, loc, begin, end, stepSize,
                                    outer.getRegionIterArgs());
    yield(inner.getResults());
    b.setInsertionPointToStart(inner.getBody());
    Value first = inner.getInductionVar();
    Value last =
        arith::MinSIOp::create(b, loc, add(first, stepSize), end);
    Block &visible = op.getVisible().front();
    IRMapping mapping;
    mapping.map(visible.getArgument(0), first);
    mapping.map(visible.getArgument(1), last);
    for (Operation &scalarOp : visible.without_terminator()) {
      b.clone(scalarOp, mapping);
    }
    auto truth = cast<tile::YieldOp>(visible.getTerminator());
    Value any = mapping.lookupOrDefault(truth.getValues()[0]);
    Value all = mapping.lookupOrDefault(truth.getValues()[1]);
    Value whole = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::eq,
        arith::SubIOp::create(b, loc, last, first), stepSize);
    Value full = arith::AndIOp::create(b, loc, all, whole);
    SmallVector<Value> current(inner.getRegionIterArgs());

    auto visit = scf::IfOp::create(b, loc, types, any, /*withElse=*/true);
    yield(visit.getResults());
    b.setInsertionPointToStart(visit.elseBlock());
    yield(current);
    b.setInsertionPointToStart(visit.thenBlock());
    auto kind = scf::IfOp::create(b, loc, types, full, /*withElse=*/true);
    yield(kind.getResults());
    for (bool isPartial : {false, true}) {
      b.setInsertionPointToStart(isPartial ? kind.elseBlock()
                                           : kind.thenBlock());
      Value count = isPartial ? arith::SubIOp::create(b, loc, last, first)
                                    .getResult()
                              : index(op.getStep());
      FailureOr<SmallVector<Value>> next = emitStep(
          op, *carried, current, first, last, index(0), count, isPartial);
      if (failed(next)) {
        return failure();
      }
      yield(*next);
    }
  }
  bindCarried(op.getResults(), *carried, outer.getResults());
  return success();
}

/// Joins partial states: a loop that carries tiles.
LogicalResult Emitter::lowerMergeLoop(scf::ForOp op) {
  FailureOr<Carried> carried = carry(op.getInitArgs());
  if (failed(carried)) {
    return failure();
  }
  auto loop = scf::ForOp::create(b, loc, op.getLowerBound(), op.getUpperBound(),
                                 op.getStep(), carried->vectors);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  scalars.map(op.getInductionVar(), loop.getInductionVar());
  llvm::SaveAndRestore onlyHere(outlives, false);
  bindCarried(op.getRegionIterArgs(), *carried, loop.getRegionIterArgs());
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (auto load = dyn_cast<tile::LoadOp>(inner)) {
      if (failed(lowerLoad(load))) {
        return failure();
      }
    } else if (inner.getNumResults() != 1 || !isTile(inner.getResult(0))) {
      b.clone(inner, scalars);
    }
  }
  SmallVector<Value> next;
  SmallVector<std::pair<Value, Value>> copies;
  for (auto [i, yield] :
       llvm::enumerate(op.getBody()->getTerminator()->getOperands())) {
    if (failed(prepare(yield))) {
      return failure();
    }
    if (!carried->buffers[i]) {
      llvm::append_range(next, forms[yield].rows);
      continue;
    }
    // Other states may read the old value: write aside, then copy.
    auto type = cast<RankedTensorType>(yield.getType());
    Value aside = allocNear(nearSize(type.getDimSize(0)), type.getElementType());
    if (failed(materialize(yield, aside))) {
      return failure();
    }
    copies.push_back({aside, carried->buffers[i]});
  }
  for (auto [from, to] : copies) {
    memref::CopyOp::create(b, loc, from, to);
  }
  yield(next);
  bindCarried(op.getResults(), *carried, loop.getResults());
  return success();
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

/// A reduction outside a stream: [x, row] to [row].
LogicalResult Emitter::lowerReduce(tile::ReduceOp op) {
  auto type = cast<RankedTensorType>(op.getValue().getType());
  if (!isRowTile(op.getResult()) || type.getRank() != 2) {
    return op.emitError("expected a reduction from [x, ")
           << row << "] to [" << row << "]";
  }
  if (failed(prepare(op.getValue()))) {
    return failure();
  }
  SmallVector<Value> inits(numVectors(),
                           neutral(op.getCombine(), type.getElementType()));
  auto loop = scf::ForOp::create(b, loc, index(0), index(type.getDimSize(0)),
                                 index(1), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  DenseMap<Value, Value> perX;
  SmallVector<Value> running;
  for (unsigned v = 0; v < numVectors(); ++v) {
    DenseMap<Value, Value> perVector;
    Point point{loop.getInductionVar(), v, &perX, &perVector};
    FailureOr<Value> value = eval(op.getValue(), point);
    if (failed(value)) {
      return failure();
    }
    running.push_back(
        combine(op.getCombine(), loop.getRegionIterArg(v), *value));
  }
  scf::YieldOp::create(b, loc, running);
  Form form;
  form.kind = Form::Rows;
  form.rows.assign(loop.getResults().begin(), loop.getResults().end());
  forms[op.getResult()] = form;
  return success();
}

/// A branch on a scalar around tile code, without results.
LogicalResult Emitter::lowerIf(scf::IfOp op) {
  for (Region &region : op->getRegions()) {
    if (region.empty()) {
      continue;
    }
    // Lowered in place; what it learns holds only inside.
    auto saved = forms;
    OpBuilder::InsertionGuard guard(b);
    if (failed(lowerBlock(region.front()))) {
      return failure();
    }
    forms = saved;
  }
  return success();
}

LogicalResult Emitter::lowerOp(Operation &op) {
  if (auto stream = dyn_cast<tile::StreamOp>(op)) {
    return lowerStream(stream);
  }
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    return lowerLoad(load);
  }
  if (auto store = dyn_cast<tile::StoreOp>(op)) {
    return lowerStore(store);
  }
  if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
    return lowerReduce(reduce);
  }
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    return lowerIf(branch);
  }
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    // A loop over scalars (bounds of table entries) stays as it is.
    return llvm::any_of(loop.getResults(), isTile) ? lowerMergeLoop(loop)
                                                   : success();
  }
  if (isa<tile::ContractOp>(op)) {
    return op.emitError("expected matrix products inside a stream only");
  }
  if (op.getNumResults() == 1 && isTile(op.getResult(0)) &&
      isRowTile(op.getResult(0))) {
    return prepare(op.getResult(0));
  }
  return success();
}

LogicalResult Emitter::lowerBlock(Block &block) {
  SmallVector<Operation *> ops, dead;
  for (Operation &op : block.without_terminator()) {
    ops.push_back(&op);
  }
  if (panels > 1) {
    if (failed(lowerPanels(block))) {
      return failure();
    }
  }
  for (Operation *op : ops) {
    b.setInsertionPoint(op);
    if (panels == 1 && failed(lowerOp(*op))) {
      return failure();
    }
  }
  for (Operation *op : llvm::reverse(ops)) {
    bool isTileOp = isa<tile::TileDialect>(op->getDialect()) ||
                    llvm::any_of(op->getResults(), isTile);
    if (isTileOp) {
      op->dropAllUses();
      op->erase();
    }
  }
  return success();
}

LogicalResult Emitter::run() {
  Block &body = task.getBody().front();
  return lowerBlock(body);
}

namespace {

struct TileToVector : public fovea::impl::TileToVectorPassBase<TileToVector> {
  void runOnOperation() override {
    for (func::FuncOp task : getOperation().getOps<func::FuncOp>()) {
      auto schedule =
          task->getAttrOfType<tile::ScheduleAttr>(tile::kScheduleAttrName);
      auto row = task->getAttrOfType<StringAttr>(tile::kRowRankAttrName);
      if (!schedule || !row) {
        continue;
      }
      LogicalResult lowered =
          schedule.getNarrow()
              ? NarrowEmitter(task, schedule, row.getValue()).run()
              : Emitter(task, schedule, row.getValue()).run();
      if (failed(lowered)) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
