//===- FoldToTasks.cpp - one fold becomes tasks around a stream -----------===//
//
// For attention (parallel b, g, r, q; streamed k; row rank q) the result reads
//
//   scf.forall (b, g, r, split, tile) {
//     Q = tile.load ...                       row operands, once
//     state = init
//     state = tile.stream "k" { K, V loaded; step; }
//     finish; tile.store ...
//   }
//
// With more threads than tasks the stream of each task is cut into splits
// that write partial states, and a second loop joins them with the fold's
// merge.
//
//===----------------------------------------------------------------------===//

#include "FoldBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace fovea;

static Value constantIndex(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

Value Source::extent(OpBuilder &b, Location loc, int64_t i) const {
  auto type = cast<MemRefType>(buffer.getType());
  if (i + 1 == type.getRank() && (group != 0 || times != 1)) {
    // Static, as the views' verifiers demand.
    return constantIndex(b, loc,
                         type.getDimSize(i) * times * (group != 0 ? 2 : 1));
  }
  if (!isPaged()) {
    if (!type.isDynamicDim(i)) {
      return constantIndex(b, loc, type.getDimSize(i));
    }
    return memref::DimOp::create(b, loc, buffer, i);
  }
  if (i == 0) {
    return memref::DimOp::create(b, loc, table, 0);
  }
  if (i == 2) {
    Value pages = memref::DimOp::create(b, loc, table, 1);
    Value size = memref::DimOp::create(b, loc, buffer, 2);
    return arith::MulIOp::create(b, loc, pages, size);
  }
  return memref::DimOp::create(b, loc, buffer, i);
}

FailureOr<SmallVector<Value>>
fovea::buildExtents(OpBuilder &b, Operation *op, ArrayAttr ranks,
                    ArrayRef<AffineMap> maps, ArrayRef<Source> inputs) {
  Location loc = op->getLoc();
  SmallVector<Value> extents(ranks.size());
  for (auto [map, source] : llvm::zip_equal(maps, inputs)) {
    for (auto [j, e] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(e);
      if (!dim) {
        continue;
      }
      unsigned rank = dim.getPosition();
      Value extent = source.extent(b, loc, j);
      if (!extents[rank]) {
        extents[rank] = extent;
        continue;
      }
      // Static extents were compared by the verifier; the capacity of a page
      // table is no extent that others must have.
      bool capacity = source.isPaged() && j == 2;
      if (capacity || (getConstantIntValue(extents[rank]) &&
                       getConstantIntValue(extent))) {
        continue;
      }
      StringRef name = cast<StringAttr>(ranks[rank]).getValue();
      Value same = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                         extents[rank], extent);
      cf::AssertOp::create(
          b, loc, same,
          ("inputs disagree on the extent of rank '" + name + "'").str());
    }
  }
  for (auto [rank, extent] :
       llvm::zip_equal(ranks.getAsValueRange<StringAttr>(), extents)) {
    if (!extent) {
      op->emitOpError("expected some input to carry rank '") << rank << "'";
      return failure();
    }
  }
  return extents;
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

void FoldBuilder::bindState(Tensorizer &t, ValueRange arguments,
                            ArrayRef<Value> state) {
  for (auto [argument, value, names] :
       llvm::zip(arguments, state, stateNames)) {
    t.map(argument, value, names);
  }
}

/// `init`, or the identity in a part that is not the first.
FailureOr<SmallVector<Value>> FoldBuilder::initialState(Tensorizer &t) {
  FailureOr<SmallVector<Value>> first = t.convertBlock(fold.getInit().front());
  if (failed(first)) {
    return failure();
  }
  Value isFirst;
  if (split) {
    isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, split,
                                    index(0));
  }
  SmallVector<Value> state;
  for (auto [i, value] : llvm::enumerate(*first)) {
    Value v = t.broadcast(loc, value, stateTypes[i]);
    auto constant = value.getDefiningOp<arith::ConstantOp>();
    if (isFirst && (!constant || constant.getValue() != fold.getIdentity()[i])) {
      Value identity = arith::ConstantOp::create(
          b, loc, cast<TypedAttr>(fold.getIdentity()[i]));
      identity = t.broadcast(loc, identity, stateTypes[i]);
      Value mask = tile::BroadcastOp::create(
          b, loc,
          tile::getTileType(stateTypes[i].getShape(), b.getI1Type(),
                            tile::getRanks(stateTypes[i])),
          isFirst);
      v = arith::SelectOp::create(b, loc, mask, v, identity);
    }
    state.push_back(v);
  }
  return state;
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

Value FoldBuilder::rowExtent() {
  if (rowRank < 0) {
    return index(1);
  }
  if (packRank < 0) {
    return extents[rowRank];
  }
  return arith::MulIOp::create(b, loc, extents[rowRank], extents[packRank]);
}

/// Task indices: one per point rank, then the row tile (last tile first: with
/// a causal predicate the longest task comes first).
void FoldBuilder::setTaskCoordinates(ValueRange ivs) {
  coordinates.assign(fold.getRanks().size(), Value());
  for (auto [rank, iv] : llvm::zip(points, ivs)) {
    coordinates[rank] = iv;
  }
  Value rows = index(context.schedule.getRows()), one = index(1);
  Value extent = rowExtent();
  Value tiles = arith::CeilDivSIOp::create(b, loc, extent, rows);
  Value lastTile = arith::SubIOp::create(b, loc, tiles, one);
  Value tile = arith::SubIOp::create(b, loc, lastTile, ivs[points.size()]);
  rowBase = arith::MulIOp::create(b, loc, tile, rows);
  Value end = arith::AddIOp::create(b, loc, rowBase, rows);
  rowLimit = arith::MinSIOp::create(b, loc, end, extent);
  // The task's number without the split.
  taskNumber = ivs[points.size()];
  Value scale = tiles;
  for (unsigned i = points.size(); i-- > 0;) {
    Value offset = arith::MulIOp::create(b, loc, ivs[i], scale);
    taskNumber = arith::AddIOp::create(b, loc, taskNumber, offset);
    scale = arith::MulIOp::create(b, loc, scale, extents[points[i]]);
  }
  setRowBox(rowBase, rowLimit);
}

/// Sets the boxes of rows [first, end).
void FoldBuilder::setRowBox(Value first, Value end) {
  rowBox = {first, arith::SubIOp::create(b, loc, end, index(1))};
  if (packRank >= 0) {
    splitRowBox();
  }
}

/// The packed rows of a task as a box of both ranks: exact within one
/// coordinate of the row rank, else all coordinates of the packed rank.
void FoldBuilder::splitRowBox() {
  Value count = extents[packRank], zero = index(0);
  Value lo = arith::DivUIOp::create(b, loc, rowBox.lo, count);
  Value hi = arith::DivUIOp::create(b, loc, rowBox.hi, count);
  Value isOne =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, lo, hi);
  Value first = arith::RemUIOp::create(b, loc, rowBox.lo, count);
  Value last = arith::RemUIOp::create(b, loc, rowBox.hi, count);
  Value greatest = arith::SubIOp::create(b, loc, count, index(1));
  packBox = {arith::SelectOp::create(b, loc, isOne, first, zero),
             arith::SelectOp::create(b, loc, isOne, last, greatest)};
  rowBox = {lo, hi};
}

LogicalResult FoldBuilder::finish(Tensorizer &t, ArrayRef<Value> state) {
  Block &block = fold.getFinish().front();
  bindState(t, block.getArguments().take_front(fold.getNumStates()), state);
  FailureOr<SmallVector<Value>> rows = loadInputs(t, false, {}, {});
  if (failed(rows)) {
    return failure();
  }
  for (auto [i, input] : llvm::enumerate(fold.getRowInputs())) {
    t.map(block.getArgument(fold.getNumStates() + i), (*rows)[input],
          fold.getInnerRanks(input));
  }
  FailureOr<SmallVector<Value>> results = t.convertBlock(block);
  if (failed(results)) {
    return failure();
  }
  unsigned next = 0;
  for (unsigned i = 0, e = fold.getNumResults(); i < e; ++i) {
    if (!fold.isEmitted(i) &&
        failed(storeResult(t, i, (*results)[next++], {}, {}))) {
      return failure();
    }
  }
  return success();
}

LogicalResult FoldBuilder::buildTask(ValueRange ivs) {
  setTaskCoordinates(ivs);
  if (splits) {
    split = ivs.back();
  }
  Tensorizer t = makeTensorizer();
  setCoordinates(t);
  if (failed(setInnerCoordinates(t))) {
    return failure();
  }
  FailureOr<SmallVector<Value>> rows = loadInputs(t, false, {}, {});
  if (failed(rows)) {
    return failure();
  }
  unsigned states = fold.getNumStates();
  Block &init = fold.getInit().front(), &step = fold.getStep().front();
  for (auto [i, input] : llvm::enumerate(fold.getRowInputs())) {
    SmallVector<StringRef> names = fold.getInnerRanks(input);
    t.map(init.getArgument(i), (*rows)[input], names);
    t.map(step.getArgument(states + input), (*rows)[input], names);
  }
  FailureOr<SmallVector<Value>> state = initialState(t);
  if (failed(state)) {
    return failure();
  }
  state = buildStream(t, *state);
  if (failed(state)) {
    return failure();
  }
  if (!splits) {
    return finish(t, *state);
  }
  // One part: finish here. Several: leave the state to the merging loop.
  Value single = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                       splits, index(1));
  auto branch = scf::IfOp::create(b, loc, single, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  if (failed(finish(t, *state))) {
    return failure();
  }
  b.setInsertionPointToStart(branch.elseBlock());
  storePartial(*state);
  return success();
}

/// Joins the partial states of one task and finishes it.
LogicalResult FoldBuilder::buildMerge(ValueRange ivs) {
  setTaskCoordinates(ivs);
  Tensorizer t = makeTensorizer();
  setCoordinates(t);
  if (failed(setInnerCoordinates(t))) {
    return failure();
  }
  Value one = index(1);
  SmallVector<Value> first = loadPartial(index(0));
  auto loop = scf::ForOp::create(b, loc, one, splits, one, first);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Block &merge = fold.getMerge().front();
    unsigned states = fold.getNumStates();
    bindState(t, merge.getArguments().take_front(states),
              SmallVector<Value>(loop.getRegionIterArgs()));
    bindState(t, merge.getArguments().drop_front(states),
              loadPartial(loop.getInductionVar()));
    FailureOr<SmallVector<Value>> merged = t.convertBlock(merge);
    if (failed(merged)) {
      return failure();
    }
    SmallVector<Value> yielded;
    for (auto [value, type] : llvm::zip_equal(*merged, stateTypes)) {
      yielded.push_back(t.broadcast(loc, value, type));
    }
    scf::YieldOp::create(b, loc, yielded);
  }
  return finish(t, SmallVector<Value>(loop.getResults()));
}

/// As many parts as it takes to give every thread a task (or a constant number
/// of threads, for the same bits with any), and a buffer for the partial states
/// of all parts.
void FoldBuilder::chooseSplits(Value tasks) {
  Value one = index(1), zero = index(0);
  Value threads = tile::PartsOp::create(b, loc, b.getIndexType());
  Value wanted = arith::CeilDivSIOp::create(
      b, loc, threads, arith::MaxSIOp::create(b, loc, tasks, one));
  Value streamExtent = extents[fold.getRankIndex(fold.getStream())];
  Value useful = arith::CeilDivSIOp::create(
      b, loc, streamExtent, index(context.schedule.getKeys()));
  Value most = arith::MinSIOp::create(b, loc, useful,
                                      index(context.schedule.getSplits()));
  splits = arith::MaxSIOp::create(
      b, loc, one, arith::MinSIOp::create(b, loc, wanted, most));
  Value several = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt,
                                        splits, one);
  Value slots = arith::SelectOp::create(b, loc, several, tasks, zero);
  for (RankedTensorType type : stateTypes) {
    SmallVector<int64_t> shape{ShapedType::kDynamic, ShapedType::kDynamic};
    llvm::append_range(shape, type.getShape());
    partials.push_back(memref::AllocOp::create(
        b, loc, MemRefType::get(shape, type.getElementType()),
        ValueRange{slots, splits}, b.getI64IntegerAttr(64)));
  }
}

LogicalResult FoldBuilder::buildTaskLoop(
    ArrayRef<OpFoldResult> bounds,
    LogicalResult (FoldBuilder::*body)(ValueRange)) {
  auto forall =
      scf::ForallOp::create(b, loc, bounds, ValueRange{}, std::nullopt);
  forall->setAttr(tile::kRowRankAttrName, b.getStringAttr(rowName));
  if (!context.fewRows.empty()) {
    forall->setAttr(tile::kScheduleAttrName, context.schedule);
  }
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(forall.getBody()->getTerminator());
  if (failed((this->*body)(forall.getInductionVars()))) {
    return failure();
  }
  if (context.schedule.getStages() > 0) {
    // Broadcasts beside the loads go as well.
    SmallVector<tile::LoadOp> loads;
    forall.walk([&](tile::LoadOp load) { loads.push_back(load); });
    llvm::for_each(loads, [&](tile::LoadOp load) { chooseResidence(load); });
  }
  return success();
}

LogicalResult FoldBuilder::build() {
  if (failed(checkPagedStream())) {
    return failure();
  }
  if (failed(verifyElements()) || failed(findStateTypes())) {
    return failure();
  }
  SmallVector<OpFoldResult> bounds;
  Value tasks = index(1);
  for (unsigned rank : points) {
    bounds.push_back(extents[rank]);
    tasks = arith::MulIOp::create(b, loc, tasks, extents[rank]);
  }
  Value tiles = arith::CeilDivSIOp::create(
      b, loc, rowExtent(), index(context.schedule.getRows()));
  // A loop that is known to run once would be inlined before it can become a
  // task; there is at least one thread, so this bound is `tiles` all the same.
  Value least = tile::ThreadsOp::create(b, loc, b.getIndexType());
  tiles = arith::MinSIOp::create(b, loc, tiles,
                                 arith::MulIOp::create(b, loc, tiles, least));
  bounds.push_back(tiles);
  tasks = arith::MulIOp::create(b, loc, tasks, tiles);

  predicate.summarizeTables(b, loc);
  clearEmitted();
  SmallVector<OpFoldResult> mergeBounds(bounds);
  if (context.schedule.getSplits() > 1 && fold.getNumStates() > 0) {
    chooseSplits(tasks);
    bounds.push_back(splits);
  }
  if (failed(buildTaskLoop(bounds, &FoldBuilder::buildTask))) {
    return failure();
  }
  predicate.release(b, loc);
  if (!splits) {
    return success();
  }
  Value several = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt,
                                        splits, index(1));
  split = Value();
  auto branch = scf::IfOp::create(b, loc, several, /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    if (failed(buildTaskLoop(mergeBounds, &FoldBuilder::buildMerge))) {
      return failure();
    }
  }
  for (Value buffer : partials) {
    memref::DeallocOp::create(b, loc, buffer);
  }
  return success();
}

LogicalResult fovea::buildTasks(OpBuilder &b, cascade::FoldOp fold,
                                ArrayRef<Value> extents,
                                const FoldContext &context) {
  // All are built; the extents decide when they are known.
  OpBuilder::InsertionGuard guard(b);
  for (tile::ScheduleAttr schedule : context.fewRows) {
    FoldContext few = context;
    few.schedule = schedule;
    FoldBuilder builder(b, fold, extents, few);
    builder.chooseRowRank();
    Location loc = fold.getLoc();
    Value isFew = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::sle, builder.rowExtent(),
        constantIndex(b, loc, schedule.getRows()));
    auto branch = scf::IfOp::create(b, loc, isFew, /*withElseRegion=*/true);
    b.setInsertionPointToStart(branch.thenBlock());
    if (failed(builder.build())) {
      return failure();
    }
    b.setInsertionPointToStart(branch.elseBlock());
  }
  FoldBuilder builder(b, fold, extents, context);
  builder.chooseRowRank();
  return builder.build();
}
