//===- LaneStreams.cpp - streams with copies under way --------------------===//
//
// With asynchronous copies and two stages, a stream of three steps runs
//
//   copy 0 -> slot 0
//   wait 0   meet   copy 1 -> slot 1   compute slot 0
//   wait 1   meet   copy 2 -> slot 0   compute slot 1
//   wait 2   meet                      compute slot 0
//
// One meeting (barrier) per step does both: after it every lane's part of this
// step's block has arrived, and no lane still reads the slot that the next
// copy overwrites, which the step before has used.
//
// Where copies go through registers there is one slot: the next block is read
// into registers before this one is computed, and written to near memory after
// all lanes have met behind it.
//
//===----------------------------------------------------------------------===//

#include "LaneEmitter.h"

#include "fovea/dialects/Tile/Recipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fovea;

/// A stream on its way: what is brought near, slot by slot.
struct LaneEmitter::StreamState {
  int64_t stages = 1;
  SmallVector<Value> sources; // loads, and what is computed from loads
  SmallVector<NearTile> tiles;
};

FailureOr<SmallVector<Value>>
LaneEmitter::emitStep(tile::StreamOp op, ValueRange state, Value first,
                      Value last, bool isPartial) {
  bool saved = partial;
  partial = isPartial;
  Block &body = op.getBody().front();
  map.map(body.getArgument(0), first);
  map.map(body.getArgument(1), last);
  for (auto [argument, value] :
       llvm::zip_equal(body.getArguments().drop_front(2), state)) {
    map.map(argument, value);
  }
  LogicalResult emitted = emitBlock(body);
  partial = saved;
  if (failed(emitted)) {
    return failure();
  }
  SmallVector<Value> next;
  for (Value value : body.getTerminator()->getOperands()) {
    next.push_back(lookup(value));
  }
  // The other variant of the step computes these anew.
  for (Operation &inner : body) {
    for (Value result : inner.getResults()) {
      if (!nears.contains(result)) {
        map.erase(result);
      }
    }
  }
  return next;
}

/// Nothing, a full step or a partial one, as the stream's predicate says.
FailureOr<SmallVector<Value>>
LaneEmitter::emitVariants(tile::StreamOp op, ValueRange state, Value first,
                          Value last) {
  Block &visible = op.getVisible().front();
  IRMapping scalars = map;
  scalars.map(visible.getArgument(0), first);
  scalars.map(visible.getArgument(1), last);
  for (Operation &inner : visible.without_terminator()) {
    b.clone(inner, scalars);
  }
  Value any = scalars.lookupOrDefault(visible.getTerminator()->getOperand(0));
  Value all = scalars.lookupOrDefault(visible.getTerminator()->getOperand(1));
  Value count = arith::SubIOp::create(b, loc, last, first);
  Value isWhole = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, count,
                                        index(op.getStep()));
  all = both(all, isWhole);

  auto yield = [&](ValueRange values) {
    if (!values.empty()) {
      scf::YieldOp::create(b, loc, values);
    }
  };
  auto some = scf::IfOp::create(b, loc, state.getTypes(), any, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(some.elseBlock());
  yield(state);
  b.setInsertionPointToStart(some.thenBlock());
  auto full = scf::IfOp::create(b, loc, state.getTypes(), all, true);
  yield(full.getResults());
  for (bool isPartial : {false, true}) {
    b.setInsertionPointToStart(isPartial ? full.elseBlock()
                                         : full.thenBlock());
    FailureOr<SmallVector<Value>> next =
        emitStep(op, state, first, last, isPartial);
    if (failed(next)) {
      return failure();
    }
    yield(*next);
  }
  return SmallVector<Value>(some.getResults());
}

/// Starts the copies of the block that begins at `first`, into `slot`.
FailureOr<SmallVector<Value>>
LaneEmitter::startBlock(tile::StreamOp op, StreamState &stream, Value first,
                        Value end, Value slot) {
  Block &body = op.getBody().front();
  IRMapping step;
  step.map(body.getArgument(0), first);
  Value last = arith::MinSIOp::create(b, loc, add(first, op.getStep()), end);
  step.map(body.getArgument(1), last);
  SmallVector<Value> held;
  for (auto [source, near] : llvm::zip_equal(stream.sources, stream.tiles)) {
    Value at = slot ? mul(slot, near.slotSize) : Value();
    FailureOr<SmallVector<Value>> part;
    if (auto load = source.getDefiningOp<tile::LoadOp>()) {
      part = startCopy(load, near, at, &step);
    } else {
      part = startRecipe(source, near, at, &step);
    }
    if (failed(part)) {
      return failure();
    }
    near.held = part->size();
    llvm::append_range(held, *part);
  }
  return held;
}

/// The steps of one range, [begin, end).
FailureOr<SmallVector<Value>>
LaneEmitter::emitRange(tile::StreamOp op, StreamState &stream,
                       ArrayRef<Value> state, Value begin, Value end) {
  bool async = copiesAsynchronously();
  int64_t stages = stream.stages, width = op.getStep();
  SmallVector<Value> inits(state);
  barrier(); // what was in the slots is no longer read
  // Steps beyond the end bring nothing; their groups are empty.
  auto startStep = [&](Value first, Value slot) -> LogicalResult {
    {
      auto exists = scf::IfOp::create(b, loc, less(first, end), false);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(exists.thenBlock());
      if (failed(startBlock(op, stream, first, end, slot))) {
        return failure();
      }
    }
    tile::CopyCommitOp::create(b, loc);
    return success();
  };
  if (async) {
    for (int64_t s = 0; s + 1 < stages; ++s) {
      if (failed(startStep(add(begin, s * width), index(s)))) {
        return failure();
      }
    }
    inits.push_back(index(0)); // the slot of this step
  } else {
    FailureOr<SmallVector<Value>> held =
        startBlock(op, stream, begin, end, Value());
    if (failed(held)) {
      return failure();
    }
    llvm::append_range(inits, *held);
  }
  auto loop = scf::ForOp::create(b, loc, begin, end, index(width), inits);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value first = loop.getInductionVar();
    Value last = arith::MinSIOp::create(b, loc, add(first, width), end);
    ValueRange arguments = loop.getRegionIterArgs();
    ValueRange carried = arguments.take_front(state.size());
    ValueRange rest = arguments.drop_front(state.size());
    SmallVector<Value> ahead;
    Value slot;
    if (async) {
      slot = rest.front();
      tile::CopyWaitOp::create(b, loc, stages - 2);
      barrier();
      Value free = arith::RemUIOp::create(b, loc, add(slot, stages - 1),
                                          index(stages));
      if (failed(startStep(add(first, (stages - 1) * width), free))) {
        return failure();
      }
      ahead.push_back(
          arith::RemUIOp::create(b, loc, add(slot, 1), index(stages)));
    } else {
      barrier();
      for (auto [source, near] :
           llvm::zip_equal(stream.sources, stream.tiles)) {
        finishCopy(source, near, SmallVector<Value>(rest.take_front(near.held)));
        rest = rest.drop_front(near.held);
      }
      barrier();
      FailureOr<SmallVector<Value>> held =
          startBlock(op, stream, add(first, width), end, Value());
      if (failed(held)) {
        return failure();
      }
      ahead = *held;
    }
    for (auto [source, near] : llvm::zip_equal(stream.sources, stream.tiles)) {
      NearTile &current = nears[source] = near;
      if (async) {
        current.slot = mul(slot, near.slotSize);
      }
    }
    FailureOr<SmallVector<Value>> next = emitVariants(op, carried, first, last);
    if (failed(next)) {
      return failure();
    }
    llvm::append_range(*next, ahead);
    if (!next->empty()) {
      scf::YieldOp::create(b, loc, *next);
    }
  }
  if (async) {
    tile::CopyWaitOp::create(b, loc, 0); // blocks brought beyond the end
  }
  return SmallVector<Value>(loop.getResults().take_front(state.size()));
}

LogicalResult LaneEmitter::emitStream(tile::StreamOp op) {
  StreamState stream;
  stream.stages = copiesAsynchronously()
                      ? std::max<int64_t>(2, schedule.getStages())
                      : 1;
  for (Operation &inner : op.getBody().front()) {
    Value source = inner.getNumResults() == 1 ? inner.getResult(0) : Value();
    bool isProductOperand =
        source && (isa<tile::LoadOp>(inner) || tile::isRecipe(source)) &&
        llvm::any_of(source.getUsers(), llvm::IsaPred<tile::ContractOp>);
    if (!isProductOperand || tile::getLayout(source.getType())) {
      continue; // in registers, or a part of what is computed
    }
    FailureOr<NearTile> near = makeNearTile(source, stream.stages);
    if (failed(near)) {
      return failure();
    }
    stream.sources.push_back(source);
    stream.tiles.push_back(*near);
  }
  SmallVector<Value> state;
  for (Value init : op.getInits()) {
    state.push_back(lookup(init));
  }
  for (auto [begin, end] : llvm::zip_equal(op.getBegins(), op.getEnds())) {
    FailureOr<SmallVector<Value>> next =
        emitRange(op, stream, state, lookup(begin), lookup(end));
    if (failed(next)) {
      return failure();
    }
    state = *next;
  }
  for (auto [result, value] : llvm::zip_equal(op.getResults(), state)) {
    map.map(result, value);
  }
  return success();
}
