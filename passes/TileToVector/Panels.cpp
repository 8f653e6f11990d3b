//===- Panels.cpp - tasks of more rows than registers hold ----------------===//
//
// A task of 128 rows with vectors of 16 lanes is four panels of 32 rows. What
// does not depend on the row (keys decoded, values paired, pages looked up) is
// prepared once per step; then one panel after another visits the step:
//
//   step, keys 256 .. 511      rows 384 .. 511, causal, runs of 32 keys
//     prepare 256 keys
//     panel 0, rows 384..415   full 256..383, partial 384..415
//     panel 1, rows 416..447   full 256..415, partial 416..447
//     panel 2, ...
//
// Within a step a panel asks for its own rows which runs of keys are empty,
// full or partial, so little is computed that no row sees, and masks are
// evaluated where an edge of the pattern passes only.
//
// States live in near memory between visits. Code outside of the stream is
// lowered in runs of operations, each inside a loop over the panels; loads keep
// a buffer per panel, results of element-wise code are evaluated again.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace fovea;

static bool isTile(Value v) { return isa<RankedTensorType>(v.getType()); }

//===----------------------------------------------------------------------===//
// Buffers of all panels
//===----------------------------------------------------------------------===//

/// The part of one panel of a buffer of all panels.
Value Emitter::partOfPanel(Value whole, Value panel) {
  auto type = cast<MemRefType>(whole.getType());
  int64_t size = type.getDimSize(0) / panels;
  return memref::SubViewOp::create(
      b, loc, whole, ArrayRef<OpFoldResult>{mul(panel, size)},
      ArrayRef<OpFoldResult>{b.getIndexAttr(size)},
      ArrayRef<OpFoldResult>{b.getIndexAttr(1)});
}

/// A near buffer of the panel that is visited. If it outlives the visit it is
/// a part of `whole`.
Value Emitter::allocState(int64_t elements, Type element, Value &whole) {
  if (!outlives) {
    return allocNear(elements, element);
  }
  whole = allocNear(elements * panels, element);
  return partOfPanel(whole, panel);
}

void Emitter::enterPanel(Form &form, Value panel) {
  if (form.wholePairs) {
    form.pairs = partOfPanel(form.wholePairs, panel);
  }
  if (!form.whole) {
    return;
  }
  form.buffer = partOfPanel(form.whole, panel);
  if (form.kind == Form::Rows) {
    Type element = cast<MemRefType>(form.whole.getType()).getElementType();
    form.rows.clear();
    for (unsigned v = 0; v < numVectors(); ++v) {
      form.rows.push_back(loadVector(form.buffer,
                                     index(v * schedule.getLanes()),
                                     vectorOf(element)));
    }
  }
}

/// Emits `body` for the first `count` panels. Forms that it adds hold after it
/// if they have buffers for all panels.
LogicalResult
Emitter::forEachPanel(Value count,
                      llvm::function_ref<LogicalResult(Value)> body) {
  auto loop = scf::ForOp::create(b, loc, index(0), count, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  auto outside = forms;
  llvm::SaveAndRestore savedPanel(panel, Value(loop.getInductionVar()));
  llvm::SaveAndRestore savedStart(rowStart, mul(panel, schedule.getRows()));
  for (Value tile : kept) {
    if (auto it = forms.find(tile); it != forms.end()) {
      enterPanel(it->second, panel);
    }
  }
  LogicalResult result = body(panel);
  for (auto &[tile, form] : forms) {
    if (form.whole || form.wholePairs) {
      outside.try_emplace(tile, form);
    }
  }
  forms = std::move(outside);
  return result;
}

//===----------------------------------------------------------------------===//
// Code outside of the stream
//===----------------------------------------------------------------------===//

/// Panels that hold rows, by the rows of the stream, or else of a store.
Value Emitter::countPanels(ArrayRef<Operation *> ops) {
  auto panelsOf = [&](Value first, Value end) -> Value {
    Value rows = arith::SubIOp::create(b, loc, end, first);
    return arith::CeilDivSIOp::create(b, loc, rows,
                                      index(schedule.getRows()));
  };
  for (Operation &op : task.getBody().front()) {
    auto stream = dyn_cast<tile::StreamOp>(op);
    if (stream && !stream.getRows().empty()) {
      return panelsOf(stream.getRows()[0], stream.getRows()[1]);
    }
  }
  bool walksRow = false;
  for (Operation *op : ops) {
    auto store = dyn_cast<tile::StoreOp>(op);
    if (!store) {
      continue;
    }
    for (auto [i, dim] :
         llvm::enumerate(store.getDims().getAsValueRange<StringAttr>())) {
      if (tile::parseDimWalk(dim).rank != row) {
        continue;
      }
      walksRow = true;
      for (auto [bounded, limit] :
           llvm::zip(store.getBounded().getAsValueRange<StringAttr>(),
                     store.getLimits())) {
        if (bounded == row) {
          return panelsOf(store.getIndices()[i], limit);
        }
      }
    }
  }
  return index(walksRow ? panels : 1);
}

/// Lowers operations, none a stream or a branch, in one loop over panels.
LogicalResult Emitter::lowerRun(ArrayRef<Operation *> ops) {
  llvm::SaveAndRestore forAll(outlives, true);
  return forEachPanel(countPanels(ops), [&](Value) -> LogicalResult {
    for (Operation *op : ops) {
      if (failed(lowerOp(*op))) {
        return failure();
      }
      if (isa<tile::LoadOp, tile::ReduceOp>(op)) {
        kept.push_back(op->getResult(0));
      }
      auto reduce = dyn_cast<tile::ReduceOp>(op);
      if (!reduce) {
        continue;
      }
      Form &form = forms[reduce.getResult()];
      Type element = cast<VectorType>(form.rows[0].getType()).getElementType();
      Value buffer = allocState(schedule.getRows(), element, form.whole);
      for (unsigned v = 0; v < numVectors(); ++v) {
        storeVector(form.rows[v], buffer, index(v * schedule.getLanes()));
      }
    }
    return success();
  });
}

/// Lowers a block of a task of several panels.
LogicalResult Emitter::lowerPanels(Block &block) {
  SmallVector<Operation *> ops, run;
  for (Operation &op : block.without_terminator()) {
    ops.push_back(&op);
  }
  auto flush = [&](Operation *before) -> LogicalResult {
    b.setInsertionPoint(before);
    bool isEmpty = run.empty();
    LogicalResult result = isEmpty ? success() : lowerRun(run);
    run.clear();
    return result;
  };
  for (Operation *op : ops) {
    auto stream = dyn_cast<tile::StreamOp>(op);
    if (stream || isa<scf::IfOp>(op)) {
      if (failed(flush(op)) ||
          failed(stream ? lowerPanelStream(stream) : lowerOp(*op))) {
        return failure();
      }
      continue;
    }
    // Element-wise code waits until it is asked for.
    bool isLoop = isa<scf::ForOp>(op) && llvm::any_of(op->getResults(), isTile);
    if (isLoop || isa<tile::LoadOp, tile::StoreOp, tile::ReduceOp,
                      tile::ContractOp>(op)) {
      run.push_back(op);
    }
  }
  return flush(block.getTerminator());
}

//===----------------------------------------------------------------------===//
// The stream
//===----------------------------------------------------------------------===//

/// One visit of a panel to a step.
struct Emitter::Walk {
  tile::StreamOp op;
  ArrayRef<Value> states;   // buffers of all panels
  Value panel;
  Value first, last;        // coordinates of the step
  Value rowFirst, rowEnd;   // of the panel
  Value finite;             // are all values of the step, if that matters?
  int64_t run;              // coordinates that are classified together
};

static constexpr int32_t kEmpty = 0, kPartial = 1, kFull = 2;

/// Are any, are all pairs of coordinates [first, last) and the rows visible?
std::pair<Value, Value> Emitter::askVisible(Walk &walk, Value first,
                                            Value last) {
  Block &visible = walk.op.getVisible().front();
  IRMapping mapping;
  mapping.map(visible.getArguments(),
              ValueRange{first, last, walk.rowFirst, walk.rowEnd});
  for (Operation &op : visible.without_terminator()) {
    b.clone(op, mapping);
  }
  ValueRange truth = visible.getTerminator()->getOperands();
  return {mapping.lookupOrDefault(truth[0]), mapping.lookupOrDefault(truth[1])};
}

/// The class of the run that begins at `at`. A short run is not full.
Value Emitter::classify(Walk &walk, Value at) {
  Value last = arith::MinSIOp::create(b, loc, add(at, walk.run), walk.last);
  auto [any, all] = askVisible(walk, at, last);
  Value isLong = arith::CmpIOp::create(
      b, loc, arith::CmpIPredicate::eq,
      arith::SubIOp::create(b, loc, last, at), index(walk.run));
  Value full = arith::AndIOp::create(b, loc, all, isLong);
  auto number = [&](int32_t v) -> Value {
    return arith::ConstantIntOp::create(b, loc, v, 32);
  };
  Value some = arith::SelectOp::create(b, loc, full, number(kFull),
                                       number(kPartial));
  return arith::SelectOp::create(b, loc, any, some, number(kEmpty));
}

/// The class of what begins at `at`, and where the class changes.
std::pair<Value, Value> Emitter::findRun(Walk &walk, Value at) {
  Value kind = classify(walk, at);
  auto loop = scf::WhileOp::create(b, loc, b.getIndexType(),
                                   ValueRange{add(at, walk.run)});
  OpBuilder::InsertionGuard guard(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, b.getIndexType(), loc);
  Value next = before->getArgument(0);
  Value isInside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                         next, walk.last);
  auto same = scf::IfOp::create(b, loc, b.getI1Type(), isInside, true);
  {
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(same.thenBlock());
    Value isSame = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                         classify(walk, next), kind);
    scf::YieldOp::create(b, loc, isSame);
    b.setInsertionPointToStart(same.elseBlock());
    scf::YieldOp::create(b, loc, isInside);
  }
  scf::ConditionOp::create(b, loc, same.getResult(0), next);
  Block *after = b.createBlock(&loop.getAfter(), {}, b.getIndexType(), loc);
  scf::YieldOp::create(b, loc, add(after->getArgument(0), walk.run));
  b.setInsertionPointAfter(loop);
  Value end =
      arith::MinSIOp::create(b, loc, loop.getResult(0), walk.last);
  return {kind, end};
}

/// Emits a full or partial visit to the coordinates [begin, end) of the step.
LogicalResult Emitter::visitRun(Walk &walk, Value begin, Value end,
                                bool isPartial) {
  Carried carried;
  SmallVector<Value> rowBuffers;
  for (auto [init, whole] : llvm::zip_equal(walk.op.getInits(), walk.states)) {
    Value part = partOfPanel(whole, walk.panel);
    if (!isRowTile(init)) {
      carried.buffers.push_back(part);
      continue;
    }
    carried.buffers.push_back(Value());
    rowBuffers.push_back(part);
    Type element = cast<MemRefType>(whole.getType()).getElementType();
    for (unsigned v = 0; v < numVectors(); ++v) {
      carried.vectors.push_back(loadVector(
          part, index(v * schedule.getLanes()), vectorOf(element)));
    }
  }
  FailureOr<SmallVector<Value>> next = emitStep(
      walk.op, carried, carried.vectors, walk.first, walk.last,
      arith::SubIOp::create(b, loc, begin, walk.first),
      arith::SubIOp::create(b, loc, end, walk.first), isPartial);
  if (failed(next)) {
    return failure();
  }
  for (auto [i, value] : llvm::enumerate(*next)) {
    storeVector(value, rowBuffers[i / numVectors()],
                index(i % numVectors() * schedule.getLanes()));
  }
  return success();
}

/// A partial visit: pairs of keys are multiplied together if no value that a row
/// must not see could reach it so.
LogicalResult Emitter::visitPartialRun(Walk &walk, Value begin, Value end) {
  if (!walk.finite) {
    return visitRun(walk, begin, end, /*isPartial=*/true);
  }
  auto branch = scf::IfOp::create(b, loc, walk.finite, /*withElseRegion=*/true);
  for (bool isFinite : {true, false}) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(isFinite ? branch.thenBlock()
                                        : branch.elseBlock());
    llvm::SaveAndRestore saved(finite, isFinite);
    if (failed(visitRun(walk, begin, end, /*isPartial=*/true))) {
      return failure();
    }
  }
  return success();
}

/// Emits the runs of one step, for one panel.
LogicalResult Emitter::walkStep(Walk &walk) {
  auto [any, all] = askVisible(walk, walk.first, walk.last);
  Value count = arith::SubIOp::create(b, loc, walk.last, walk.first);
  Value rest = arith::RemUIOp::create(b, loc, count, index(walk.run));
  Value isWhole = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, rest,
                                        index(0));
  Value isFull = arith::AndIOp::create(b, loc, all, isWhole);
  auto visit = scf::IfOp::create(b, loc, any, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(visit.thenBlock());
  Type index64 = b.getIndexType(), i32 = b.getI32Type();
  auto loop = scf::WhileOp::create(b, loc, index64, ValueRange{walk.first});
  Block *before = b.createBlock(&loop.getBefore(), {}, index64, loc);
  Value isInside =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                            before->getArgument(0), walk.last);
  scf::ConditionOp::create(b, loc, isInside, before->getArguments());
  Block *after = b.createBlock(&loop.getAfter(), {}, index64, loc);
  Value at = after->getArgument(0);
  auto found =
      scf::IfOp::create(b, loc, TypeRange{i32, index64}, isFull, true);
  scf::YieldOp::create(b, loc, found.getResult(1));
  b.setInsertionPointToStart(found.thenBlock());
  Value full = arith::ConstantIntOp::create(b, loc, kFull, 32);
  scf::YieldOp::create(b, loc, ValueRange{full, walk.last});
  b.setInsertionPointToStart(found.elseBlock());
  auto [kind, end] = findRun(walk, at);
  scf::YieldOp::create(b, loc, ValueRange{kind, end});
  for (bool isPartial : {false, true}) {
    b.setInsertionPoint(after->getTerminator());
    Value wanted =
        arith::ConstantIntOp::create(b, loc, isPartial ? kPartial : kFull, 32);
    Value isKind = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                         found.getResult(0), wanted);
    auto branch = scf::IfOp::create(b, loc, isKind, false);
    b.setInsertionPointToStart(branch.thenBlock());
    Value last = found.getResult(1);
    if (failed(isPartial ? visitPartialRun(walk, at, last)
                         : visitRun(walk, at, last, false))) {
      return failure();
    }
  }
  return success();
}

/// Prepares what all panels read in full runs of the step [first, last).
LogicalResult Emitter::prepareShared(tile::StreamOp op, Value first,
                                     Value last) {
  Block &body = op.getBody().front();
  scalars.map(body.getArgument(0), first);
  scalars.map(body.getArgument(1), last);
  Value count = arith::SubIOp::create(b, loc, last, first);
  for (Operation &inner : body.without_terminator()) {
    if (inner.getNumResults() == 1 && isTile(inner.getResult(0))) {
      auto load = dyn_cast<tile::LoadOp>(inner);
      if (load && !hasRow(load.getResult()) && failed(lowerLoad(load))) {
        return failure();
      }
    } else if (!isa<tile::StoreOp>(inner)) {
      b.clone(inner, scalars);
    }
  }
  for (auto product : body.getOps<tile::ContractOp>()) {
    if (failed(prepareOperands(product, count))) {
      return failure();
    }
  }
  return success();
}

/// Are all values finite whose keys are paired by products? Null if none are.
Value Emitter::checkFinite(tile::StreamOp op, Value count) {
  Value all;
  llvm::SaveAndRestore asPartial(partial, true), ifFinite(finite, true);
  for (auto product : op.getBody().front().getOps<tile::ContractOp>()) {
    auto lhs = cast<RankedTensorType>(product.getLhs().getType());
    Value packed = forms[product.getLhs()].packed;
    bool sums = tile::findRank(product.getType(), op.getRank()) < 0;
    if (!sums || !packed || !usesPairs(product)) {
      continue;
    }
    if (lhs.getDimSize(0) % kBlockDepth != 0) {
      return {};
    }
    Value one = areFinite(packed, lhs.getDimSize(1), count);
    all = all ? arith::AndIOp::create(b, loc, all, one).getResult() : one;
  }
  return all;
}

/// Puts the first values of the carried tiles into the buffers of all panels.
LogicalResult Emitter::initStates(tile::StreamOp op, ArrayRef<Value> wholes) {
  return forEachPanel(countPanels({}), [&](Value panel) -> LogicalResult {
    for (auto [state, whole] : llvm::zip_equal(op.getInits(), wholes)) {
      Value part = partOfPanel(whole, panel);
      if (!isRowTile(state)) {
        if (failed(materialize(state, part))) {
          return failure();
        }
        continue;
      }
      if (failed(prepare(state))) {
        return failure();
      }
      for (unsigned v = 0; v < numVectors(); ++v) {
        storeVector(forms[state].rows[v], part,
                    index(v * schedule.getLanes()));
      }
    }
    return success();
  });
}

/// ranges -> steps -> panels -> runs
LogicalResult Emitter::lowerPanelStream(tile::StreamOp op) {
  if (op.getRows().empty()) {
    return op.emitError("expected the range of rows of a task whose rows are "
                        "more than two vectors");
  }
  SmallVector<Value> wholes;
  for (Value state : op.getInits()) {
    auto type = cast<RankedTensorType>(state.getType());
    if (!hasRow(state) || type.getRank() > 2) {
      return op.emitError("expected carried tiles of ranks [row] or [x, row], "
                          "got ")
             << type;
    }
    int64_t extent = type.getRank() == 2 ? type.getDimSize(0) : 1;
    wholes.push_back(
        allocNear(nearSize(extent) * panels, type.getElementType()));
  }
  if (failed(initStates(op, wholes))) {
    return failure();
  }
  Value bounds = storeBounds(op);
  Value rowFirst = op.getRows()[0], rowEnd = op.getRows()[1];
  auto outer = scf::ForOp::create(b, loc, index(0),
                                  index(op.getBegins().size()), index(1));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(outer.getBody());
    Value slot = mul(outer.getInductionVar(), 2);
    Value begin = memref::LoadOp::create(b, loc, bounds, slot);
    Value end = memref::LoadOp::create(b, loc, bounds, add(slot, 1));
    Value stepSize = index(op.getStep());
    auto inner = scf::ForOp::create(b, loc, begin, end, stepSize);
    b.setInsertionPointToStart(inner.getBody());
    Value first = inner.getInductionVar();
    Value last = arith::MinSIOp::create(b, loc, add(first, stepSize), end);
    int64_t rows = schedule.getRows(), step = op.getStep();
    int64_t run = std::min(rows, 2 * schedule.getLanes());
    bool divides = step % run == 0 && run % schedule.getBlock() == 0;
    Walk walk{op,       wholes, {}, first, last, rowFirst,
              rowEnd, {}, divides ? run : step};
    auto [any, all] = askVisible(walk, first, last);
    auto visit = scf::IfOp::create(b, loc, any, /*withElseRegion=*/false);
    b.setInsertionPointToStart(visit.thenBlock());
    auto outside = forms;
    if (failed(prepareShared(op, first, last))) {
      return failure();
    }
    walk.finite =
        checkFinite(op, arith::SubIOp::create(b, loc, last, first));
    LogicalResult result =
        forEachPanel(countPanels({}), [&](Value panel) -> LogicalResult {
          llvm::SaveAndRestore onlyHere(outlives, false);
          walk.panel = panel;
          walk.rowFirst = add(rowFirst, rowStart);
          walk.rowEnd = arith::MinSIOp::create(b, loc, add(walk.rowFirst, rows),
                                               rowEnd);
          return walkStep(walk);
        });
    forms = std::move(outside);
    if (failed(result)) {
      return failure();
    }
  }
  for (auto [result, whole] : llvm::zip_equal(op.getResults(), wholes)) {
    Form &form = forms[result];
    form.kind = isRowTile(result) ? Form::Rows : Form::Near;
    form.whole = whole;
    kept.push_back(result);
  }
  return success();
}
