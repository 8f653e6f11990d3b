//===- Sweeps.cpp - one step of a stream as sweeps over its keys ----------===//
//
// Every tile of a step has a *level*: how many reductions over the keys must
// be complete before it can be evaluated. For softmax attention:
//
//   level 0   S = K Q (product), T = scaled S       sweep 0: S, T, max, store T
//   level 1   m' = max(m, max T), P = exp(T - m')   sweep 1: P, sum, store P
//   level 2   l', acc' = acc * alpha + V P          product over the keys
//
// Sweep n evaluates what reductions and products of level n need. A value that
// a later sweep needs is stored if it depends on a product, else evaluated
// again (masks, coordinates).
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace fovea;

static bool isTile(Value v) { return isa<RankedTensorType>(v.getType()); }

/// Marks what the sweep of `level` must find stored to evaluate `root`.
void Emitter::addRoot(Step &step, Value root, unsigned level) {
  if (!isTile(root) || !step.isInside(root) || !step.hasStream(root)) {
    return;
  }
  if (step.level[root] < level && step.afterProduct.contains(root)) {
    unsigned &last = step.lastUse[root];
    last = std::max(last, level);
    if (step.stores[step.level[root]].insert(root)) {
      addRoot(step, root, step.level[root]);
    }
    return;
  }
  Operation *op = root.getDefiningOp();
  if (isa<tile::ContractOp>(op)) {
    return;
  }
  for (Value operand : op->getOperands()) {
    if (auto guard = dyn_cast<tile::GuardOp>(op);
        guard && !partial && operand == guard.getVisible()) {
      continue;
    }
    addRoot(step, operand, level);
  }
}

/// Sweeps run over the keys only: refuses what would need another loop.
LogicalResult Emitter::verifyStep(Step &step) {
  for (Operation &op : step.body->without_terminator()) {
    if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
      auto type = cast<RankedTensorType>(reduce.getValue().getType());
      if (!step.hasStream(reduce.getValue()) || type.getRank() != 2 ||
          !isRowTile(reduce.getResult())) {
        return reduce.emitError("expected a reduction from [")
               << step.stream << ", " << row << "] to [" << row
               << "] inside a step";
      }
    }
    if (auto contract = dyn_cast<tile::ContractOp>(op)) {
      if (!step.hasStream(contract.getLhs())) {
        return contract.emitError("expected the left operand of a product to "
                                  "carry rank '")
               << step.stream << "' inside a step";
      }
    }
  }
  return success();
}

void Emitter::analyzeStep(Step &step) {
  SmallVector<Operation *> ops;
  for (Operation &op : step.body->without_terminator()) {
    if (op.getNumResults() == 1 && isTile(op.getResult(0))) {
      ops.push_back(&op);
    }
  }
  for (Operation *op : ops) {
    Value result = op->getResult(0);
    unsigned level = 0;
    bool after = false;
    for (Value operand : op->getOperands()) {
      level = std::max(level, step.level.lookup(operand));
      after |= step.afterProduct.contains(operand);
    }
    auto contract = dyn_cast<tile::ContractOp>(op);
    bool reduces =
        (contract && !step.keepsStream(contract)) || isa<tile::ReduceOp>(op);
    step.level[result] = level + reduces;
    if (contract && step.keepsStream(contract)) {
      after = true;
    }
    if (after && !reduces) {
      step.afterProduct.insert(result);
    }
    step.last = std::max(step.last, step.level[result]);
  }
  step.reductions.resize(step.last + 1);
  step.products.resize(step.last + 1);
  step.stores.resize(step.last + 1);
  step.pairStores.resize(step.last + 1);
  for (auto store : step.body->getOps<tile::StoreOp>()) {
    Value value = store.getValue();
    step.stores[step.level[value]].insert(value);
    step.lastUse[value] = step.last + 1;
    addRoot(step, value, step.level[value]);
  }
  for (Operation *op : ops) {
    if (op->use_empty()) {
      continue;
    }
    if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
      unsigned level = step.level[reduce.getValue()];
      step.reductions[level].push_back(reduce);
      addRoot(step, reduce.getValue(), level);
    } else if (auto contract = dyn_cast<tile::ContractOp>(op)) {
      if (step.keepsStream(contract)) {
        step.products[step.level[contract.getResult()]].push_back(contract);
        continue;
      }
      Value rhs = contract.getRhs();
      unsigned level = step.level[rhs];
      auto &stores = usesPairs(contract) ? step.pairStores : step.stores;
      stores[level].insert(rhs);
      step.lastUse[rhs] = step.last + 1;
      addRoot(step, rhs, level);
    }
  }
}

/// A product that cannot share a sweep with another one: stored on its own.
LogicalResult Emitter::storeProduct(Step &step, tile::ContractOp op) {
  if (failed(prepareOperands(op, step.count))) {
    return failure();
  }
  Form form;
  form.kind = Form::Near;
  form.buffer = allocNear(nearSize(extentOf(op.getResult())), b.getF32Type());
  if (usesBlocks(op)) {
    emitScores(op, form.buffer, step.begin, blockEnd(step));
    forms[op.getResult()] = form;
    return success();
  }
  int64_t block = schedule.getBlock();
  auto loop =
      scf::ForOp::create(b, loc, step.begin, step.count, index(block));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value base = loop.getInductionVar();
  FailureOr<Registers> acc = emitInnerProduct(op, base, block, step.count);
  if (failed(acc)) {
    return failure();
  }
  for (int64_t i = 0; i < block; ++i) {
    for (unsigned v = 0; v < numVectors(); ++v) {
      storeVector((*acc)[i * numVectors() + v], form.buffer,
                  add(mul(add(base, i), schedule.getRows()),
                      v * schedule.getLanes()));
    }
  }
  forms[op.getResult()] = form;
  return success();
}

/// Gives what later sweeps read of `v` a buffer.
LogicalResult Emitter::addStore(Sweep &sweep, Value v, bool pairs) {
  Step &step = sweep.step;
  if (sweep.stored.count(v)) {
    return step.op.emitError("expected a weight to feed either paired or "
                             "plain products, not both");
  }
  auto held = forms.find(v);
  if (!pairs && held != forms.end() && held->second.kind == Form::Near) {
    return success(); // a product by blocks is in memory already
  }
  if (failed(prepare(v))) {
    return failure();
  }
  auto type = cast<RankedTensorType>(v.getType());
  int64_t elements = nearSize(type.getDimSize(0));
  Form &form = sweep.stored[v];
  form.kind = Form::Near;
  if (pairs) {
    form.pairs = allocNear(elements, b.getBF16Type());
    return success();
  }
  // What this sweep reads for the last time can be overwritten in place.
  for (unsigned earlier = 0; earlier < sweep.level && !form.buffer; ++earlier) {
    for (Value old : step.stores[earlier]) {
      if (old.getType() == type && step.lastUse[old] == sweep.level &&
          step.reused.insert(old).second) {
        form.buffer = forms[old].buffer;
        break;
      }
    }
  }
  if (!form.buffer) {
    form.buffer = allocNear(elements, type.getElementType());
  }
  return success();
}

/// Emits the keys base .. base + block of a sweep: `running` are the
/// reductions, by reduction and then vector.
LogicalResult Emitter::emitKeys(Sweep &sweep, Value base,
                                SmallVector<Value> &running) {
  int64_t block = schedule.getBlock(), rows = schedule.getRows();
  int64_t lanes = schedule.getLanes();
  unsigned vectors = numVectors();
  Registers acc;
  if (sweep.product && !usesBlocks(sweep.product)) {
    FailureOr<Registers> emitted =
        emitInnerProduct(sweep.product, base, block, sweep.step.count);
    if (failed(emitted)) {
      return failure();
    }
    acc = *emitted;
  }
  DenseMap<Value, SmallVector<Value>> previous; // of an even coordinate
  for (int64_t i = 0; i < block; ++i) {
    DenseMap<Value, Value> perX;
    Value x = add(base, i);
    for (unsigned v = 0; v < vectors; ++v) {
      DenseMap<Value, Value> perVector;
      if (!acc.empty()) {
        perVector[sweep.product.getResult()] = acc[i * vectors + v];
      }
      Point point{x, v, &perX, &perVector};
      for (auto [n, reduce] :
           llvm::enumerate(sweep.step.reductions[sweep.level])) {
        FailureOr<Value> value = eval(reduce.getValue(), point);
        if (failed(value)) {
          return failure();
        }
        Value &r = running[n * vectors + v];
        r = combine(reduce.getCombine(), r, *value);
      }
      // All reads of this point come before its writes.
      SmallVector<Value> values;
      for (auto &[tile, form] : sweep.stored) {
        FailureOr<Value> value = eval(tile, point);
        if (failed(value)) {
          return failure();
        }
        values.push_back(*value);
      }
      for (auto [entry, value] : llvm::zip_equal(sweep.stored, values)) {
        auto &[tile, form] = entry;
        if (form.buffer) {
          storeVector(value, form.buffer, add(mul(x, rows), v * lanes));
        } else if (i % 2 == 0) {
          previous[tile].push_back(value);
        } else {
          Value at = add(mul(add(base, i - 1), rows), 2 * v * lanes);
          storePairs(previous[tile][v], value, form.pairs, at);
        }
      }
    }
    if (i % 2 == 1) {
      previous.clear();
    }
  }
  return success();
}

/// Emits the keys [begin, end) of a sweep, block by block, and returns the
/// reductions.
FailureOr<SmallVector<Value>> Emitter::emitBlocks(Sweep &sweep, Value begin,
                                                  Value end, ValueRange inits) {
  auto loop = scf::ForOp::create(b, loc, begin, end,
                                 index(schedule.getBlock()), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  SmallVector<Value> running(loop.getRegionIterArgs());
  if (failed(emitKeys(sweep, loop.getInductionVar(), running))) {
    return failure();
  }
  yield(running);
  return SmallVector<Value>(loop.getResults());
}

LogicalResult Emitter::emitSweep(Step &step, unsigned level) {
  auto &reductions = step.reductions[level];
  auto &products = step.products[level];
  for (; products.size() > 1; products.erase(products.begin())) {
    if (failed(storeProduct(step, products.front()))) {
      return failure();
    }
  }
  if (reductions.empty() && step.stores[level].empty() &&
      step.pairStores[level].empty()) {
    return success();
  }
  Sweep sweep{step, level, products.empty() ? nullptr : products.front(), {}};
  if (sweep.product && failed(prepareOperands(sweep.product, step.count))) {
    return failure();
  }
  if (sweep.product && usesBlocks(sweep.product)) {
    Value result = sweep.product.getResult();
    Form &form = forms[result];
    form.kind = Form::Near;
    form.buffer = allocNear(nearSize(extentOf(result)), b.getF32Type());
  }
  SmallVector<Value> inits;
  for (tile::ReduceOp reduce : reductions) {
    if (failed(prepare(reduce.getValue()))) {
      return failure();
    }
    Type element = getElementTypeOrSelf(reduce.getType());
    inits.append(numVectors(), neutral(reduce.getCombine(), element));
  }
  for (bool pairs : {false, true}) {
    for (Value v : pairs ? step.pairStores[level] : step.stores[level]) {
      if (failed(addStore(sweep, v, pairs))) {
        return failure();
      }
    }
  }
  FailureOr<SmallVector<Value>> results =
      sweep.product && usesBlocks(sweep.product)
          ? emitRuns(sweep, inits)
          : emitBlocks(sweep, step.begin, blockEnd(step), inits);
  if (failed(results)) {
    return failure();
  }
  for (auto &[value, form] : sweep.stored) {
    forms[value] = form;
  }
  unsigned vectors = numVectors();
  for (auto [n, reduce] : llvm::enumerate(reductions)) {
    Form form;
    form.kind = Form::Rows;
    form.rows.assign(results->begin() + n * vectors,
                     results->begin() + (n + 1) * vectors);
    forms[reduce.getResult()] = form;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// States with a channel rank
//===----------------------------------------------------------------------===//

/// Everything that `tile` is evaluated from, down to what is held already.
static void collect(Value tile, Block *body,
                    const DenseMap<Value, Form> &forms,
                    llvm::SetVector<Value> &seen) {
  if (!isTile(tile) || !seen.insert(tile)) {
    return;
  }
  auto it = forms.find(tile);
  if (it != forms.end() && it->second.kind != Form::Recipe) {
    return;
  }
  Operation *op = tile.getDefiningOp();
  if (!op || op->getBlock() != body || isa<tile::ContractOp>(op)) {
    return;
  }
  for (Value operand : op->getOperands()) {
    collect(operand, body, forms, seen);
  }
}

/// x, where tile = x + product: the product accumulates onto it.
Value Emitter::findStart(Value tile, tile::ContractOp product) {
  auto sum = tile.getDefiningOp<arith::AddFOp>();
  if (!sum) {
    return {};
  }
  return sum.getRhs() == product.getResult()   ? sum.getLhs()
         : sum.getLhs() == product.getResult() ? sum.getRhs()
                                               : Value();
}

/// Writes tile [channel, row] to `buffer`, one register tile at a time, with
/// `product` (which sums over the keys) computed on the way.
LogicalResult Emitter::emitWide(Value tile, tile::ContractOp product,
                                Value buffer, Value count) {
  Value start = findStart(tile, product);
  if (failed(prepareOperands(product, count)) || failed(prepare(tile))) {
    return failure();
  }
  // The product itself masks what is not visible in partial steps.
  auto guarded = product.getRhs().getDefiningOp<tile::GuardOp>();
  if (partial && guarded && failed(prepare(guarded.getVisible()))) {
    return failure();
  }
  int64_t channels = cast<RankedTensorType>(tile.getType()).getDimSize(0);
  int64_t block = schedule.getBlock(), rows = schedule.getRows();
  unsigned vectors = numVectors();
  VectorType type = vectorOf(b.getF32Type());

  auto emit = [&](Value base, int64_t size) -> LogicalResult {
    auto evalAt = [&](Value v, int64_t i, unsigned vec,
                      Value acc) -> FailureOr<Value> {
      DenseMap<Value, Value> perX, perVector;
      if (acc) {
        perVector[product.getResult()] = acc;
      }
      Point point{add(base, i), vec, &perX, &perVector};
      return eval(v, point);
    };
    Registers init;
    for (int64_t i = 0; i < size; ++i) {
      for (unsigned v = 0; v < vectors; ++v) {
        if (!start) {
          init.push_back(
              arith::ConstantOp::create(b, loc, b.getZeroAttr(type)));
          continue;
        }
        FailureOr<Value> value = evalAt(start, i, v, {});
        if (failed(value)) {
          return failure();
        }
        init.push_back(*value);
      }
    }
    FailureOr<Registers> acc =
        emitOuterProduct(product, base, size, count, init);
    if (failed(acc)) {
      return failure();
    }
    for (int64_t i = 0; i < size; ++i) {
      for (unsigned v = 0; v < vectors; ++v) {
        Value value = (*acc)[i * vectors + v];
        if (!start && tile != product.getResult()) {
          FailureOr<Value> evaluated = evalAt(tile, i, v, value);
          if (failed(evaluated)) {
            return failure();
          }
          value = *evaluated;
        }
        storeVector(value, buffer,
                    add(mul(add(base, i), rows), v * schedule.getLanes()));
      }
    }
    return success();
  };

  int64_t whole = channels / block * block;
  if (whole > 0) {
    auto loop = scf::ForOp::create(b, loc, index(0), index(whole),
                                   index(block));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    if (failed(emit(loop.getInductionVar(), block))) {
      return failure();
    }
  }
  return whole == channels ? success() : emit(index(whole), channels - whole);
}

/// Updates the wide states in place. A state is overwritten only when no other
/// update still reads its old value; if all do, it is copied first.
LogicalResult Emitter::emitWideStates(Step &step) {
  SmallVector<unsigned> pending;
  SmallVector<llvm::SetVector<Value>> needs(step.yields.size());
  DenseMap<Value, unsigned> users; // products by number of updates
  ValueRange arguments = step.body->getArguments().drop_front(2);
  for (auto [i, yield] : llvm::enumerate(step.yields)) {
    if (!step.carried.buffers[i] || yield == arguments[i]) {
      continue;
    }
    collect(yield, step.body, forms, needs[i]);
    pending.push_back(i);
    for (Value v : needs[i]) {
      users[v] += v.getDefiningOp<tile::ContractOp>() != nullptr;
    }
  }
  while (!pending.empty()) {
    auto isFree = [&](unsigned i) {
      return llvm::none_of(pending, [&](unsigned j) {
        return j != i && needs[j].contains(arguments[i]);
      });
    };
    auto it = llvm::find_if(pending, isFree);
    if (it == pending.end()) {
      it = pending.begin();
      Value old = arguments[*it];
      auto type = cast<RankedTensorType>(old.getType());
      Value copy = allocNear(nearSize(type.getDimSize(0)), type.getElementType());
      if (failed(materialize(old, copy))) {
        return failure();
      }
      forms[old].buffer = copy;
    }
    unsigned i = *it;
    pending.erase(it);
    Value tile = step.yields[i], buffer = step.carried.buffers[i];
    SmallVector<tile::ContractOp> products;
    for (Value v : needs[i]) {
      auto product = v.getDefiningOp<tile::ContractOp>();
      if (product && step.isInside(v) && forms[v].kind == Form::Recipe) {
        products.push_back(product);
      }
    }
    // One product is computed on the way, if nothing else needs it; the others
    // are stored first.
    while (products.size() > 1 ||
           (products.size() == 1 && users[products[0].getResult()] > 1)) {
      tile::ContractOp product = products.pop_back_val();
      auto type = cast<RankedTensorType>(product.getType());
      Form form;
      form.kind = Form::Near;
      form.buffer = allocNear(nearSize(type.getDimSize(0)), type.getElementType());
      if (failed(usesBlocks(product)
                     ? emitSums(step, product, form.buffer, false)
                     : emitWide(product.getResult(), product, form.buffer,
                                step.count))) {
        return failure();
      }
      forms[product.getResult()] = form;
    }
    if (products.empty()) {
      if (failed(materialize(tile, buffer))) {
        return failure();
      }
    } else if (failed(usesBlocks(products[0])
                          ? emitGrowingState(step, tile, products[0],
                                             arguments[i], buffer)
                          : emitWide(tile, products[0], buffer, step.count))) {
      return failure();
    }
  }
  return success();
}

/// The same schedule for steps with values that are not finite, where blocks
/// cannot serve: rare, so they get the least code.
static tile::ScheduleAttr withSmallBlock(tile::ScheduleAttr schedule) {
  tile::Schedule fields = schedule.getFields();
  fields.block = 2;
  return tile::ScheduleAttr::get(schedule.getContext(), fields);
}

/// Emits one step and returns the new [row] states, flattened.
FailureOr<SmallVector<Value>>
Emitter::emitStep(tile::StreamOp op, const Carried &carried,
                  ValueRange vectors, Value first, Value last, Value begin,
                  Value end, bool isPartial) {
  // What is learnt inside this variant does not hold outside it.
  auto savedForms = forms;
  llvm::SaveAndRestore savedPartial(partial, isPartial);
  llvm::SaveAndRestore savedBegin(stepBegin, begin);
  llvm::SaveAndRestore savedCount(stepCount, end);
  llvm::SaveAndRestore savedRank(streamed, StringRef(op.getRank()));
  llvm::SaveAndRestore savedSchedule(
      schedule, schedule.getBlocks() && isPartial && !finite
                    ? withSmallBlock(schedule)
                    : schedule);

  Step step;
  step.op = op;
  step.body = &op.getBody().front();
  step.stream = op.getRank();
  step.carried = carried;
  step.begin = begin;
  step.count = end;
  scalars.map(step.body->getArgument(0), first);
  scalars.map(step.body->getArgument(1), last);
  bindCarried(step.body->getArguments().drop_front(2), carried, vectors);
  step.yields.assign(step.body->getTerminator()->getOperands().begin(),
                     step.body->getTerminator()->getOperands().end());

  auto emit = [&]() -> FailureOr<SmallVector<Value>> {
    for (Operation &inner : step.body->without_terminator()) {
      if (inner.getNumResults() == 1 && isTile(inner.getResult(0))) {
        auto load = dyn_cast<tile::LoadOp>(inner);
        // What panels share is there already.
        if (load && !forms.contains(load.getResult())) {
          if (failed(lowerLoad(load))) {
            return failure();
          }
        }
        continue;
      }
      if (!isa<tile::StoreOp>(inner)) {
        b.clone(inner, scalars);
      }
    }
    if (failed(verifyStep(step))) {
      return failure();
    }
    analyzeStep(step);
    for (unsigned level = 0; level <= step.last; ++level) {
      if (failed(emitSweep(step, level))) {
        return failure();
      }
    }
    for (auto store : step.body->getOps<tile::StoreOp>()) {
      if (failed(lowerStore(store))) {
        return failure();
      }
    }
    SmallVector<Value> next;
    for (auto [i, yield] : llvm::enumerate(step.yields)) {
      if (carried.buffers[i]) {
        continue;
      }
      if (failed(prepare(yield))) {
        return failure();
      }
      llvm::append_range(next, forms[yield].rows);
    }
    if (failed(emitWideStates(step))) {
      return failure();
    }
    return next;
  };
  FailureOr<SmallVector<Value>> result = emit();
  forms = savedForms;
  return result;
}
