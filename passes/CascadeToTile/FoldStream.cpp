//===- FoldStream.cpp - the stream of a task ------------------------------===//

#include "FoldBuilder.h"

#include "fovea/Analysis/NaN.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace fovea;

RankBox FoldBuilder::boxOf(Value first, Value last) {
  Value one = index(1);
  RankBox box;
  for (unsigned rank = 0, e = fold.getRanks().size(); rank < e; ++rank) {
    StringRef name = rankName(rank);
    if (name == fold.getStream()) {
      box[name] = {first, arith::SubIOp::create(b, loc, last, one)};
    } else if (static_cast<int64_t>(rank) == rowRank) {
      box[name] = rowBox;
    } else if (static_cast<int64_t>(rank) == packRank) {
      box[name] = packBox;
    } else if (coordinates[rank]) {
      box[name] = {coordinates[rank], coordinates[rank]};
    }
  }
  return box;
}

LogicalResult FoldBuilder::buildVisible(Block &block) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&block);
  Interval rows = rowBox, packed = packBox;
  if (block.getNumArguments() == 4) {
    setRowBox(block.getArgument(2), block.getArgument(3));
  }
  RankBox box = boxOf(block.getArgument(0), block.getArgument(1));
  rowBox = rows;
  packBox = packed;
  Truth truth = predicate.truth(b, loc, box);
  tile::YieldOp::create(b, loc, ValueRange{truth.any, truth.all});
  return success();
}

/// The mask of one step: inside the tile, and visible by the `where` region.
FailureOr<Value> FoldBuilder::buildMask(Tensorizer &t, Value first,
                                        Value last) {
  StringRef k = fold.getStream();
  RankedTensorType keys = t.tileType({k}, b.getI32Type());
  Value coordinate = tile::CoordinateOp::create(b, loc, keys, first);
  Value bound = t.broadcast(loc, last, keys);
  Value mask = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                     coordinate, bound);
  if (!fold.hasWhere()) {
    return mask;
  }
  FailureOr<SmallVector<Value>> where =
      t.convertBlock(fold.getWhere().front());
  if (failed(where)) {
    return failure();
  }
  SmallVector<StringRef> names{k};
  llvm::append_range(names, tile::getRanks((*where)[0].getType()));
  RankedTensorType type = t.tileType(names, b.getI1Type());
  return arith::AndIOp::create(b, loc, t.broadcast(loc, mask, type),
                               t.broadcast(loc, (*where)[0], type))
      .getResult();
}

LogicalResult FoldBuilder::buildStep(Tensorizer &t, Block &block) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&block);
  Value first = block.getArgument(0), last = block.getArgument(1);
  t.setCoordinate(fold.getStream(), {first, context.schedule.getKeys(), {}});
  FailureOr<Value> mask = buildMask(t, first, last);
  if (failed(mask)) {
    return failure();
  }
  t.setVisible(*mask);
  FailureOr<SmallVector<Value>> streamed = loadInputs(t, true, first, last);
  if (failed(streamed)) {
    return failure();
  }
  Block &step = fold.getStep().front();
  unsigned states = fold.getNumStates();
  SmallVector<Value> carried(block.getArguments().drop_front(2));
  bindState(t, step.getArguments().take_front(states), carried);
  for (unsigned i = 0, e = fold.getInputs().size(); i < e; ++i) {
    if ((*streamed)[i]) {
      t.map(step.getArgument(states + i), (*streamed)[i],
            fold.getInnerRanks(i));
    }
  }
  FailureOr<SmallVector<Value>> next = t.convertBlock(step);
  if (failed(next)) {
    return failure();
  }
  SmallVector<Value> yielded;
  for (unsigned i = 0; i < states; ++i) {
    yielded.push_back(t.broadcast(loc, (*next)[i], stateTypes[i]));
  }
  // Results that keep the stream rank leave with the step.
  for (unsigned i = 0, e = fold.getNumResults(), n = states; i < e; ++i) {
    if (!fold.isEmitted(i)) {
      continue;
    }
    Value value = t.guard(loc, (*next)[n++], cascade::Monoid::Sum);
    if (failed(storeResult(t, i, value, first, last))) {
      return failure();
    }
  }
  tile::YieldOp::create(b, loc, yielded);
  t.setVisible({});
  return success();
}

/// Part s of n takes the keys [s * chunk, (s + 1) * chunk).
void FoldBuilder::clipToSplit(MutableArrayRef<Value> begins,
                              MutableArrayRef<Value> ends, Value extent) {
  Value keys = index(context.schedule.getKeys());
  Value chunk = arith::CeilDivSIOp::create(b, loc, extent, splits);
  chunk = arith::MulIOp::create(
      b, loc, arith::CeilDivSIOp::create(b, loc, chunk, keys), keys);
  Value from = arith::MulIOp::create(b, loc, split, chunk);
  Value to = arith::AddIOp::create(b, loc, from, chunk);
  for (auto [begin, end] : llvm::zip_equal(begins, ends)) {
    begin = arith::MaxSIOp::create(b, loc, begin, from);
    end = arith::MinSIOp::create(b, loc, end, to);
  }
}

/// True if nothing but quotients and comparisons are made of `v`, directly or
/// after sums and products.
static bool onlyDivides(Value v) {
  return llvm::all_of(v.getUses(), [](OpOperand &use) {
    Operation *user = use.getOwner();
    if (isa<arith::DivFOp>(user)) {
      return use.getOperandNumber() == 1;
    }
    return isa<arith::CmpFOp>(user) ||
           (isa<arith::AddFOp, arith::MulFOp, arith::SelectOp>(user) &&
            onlyDivides(user->getResult(0)));
  });
}

/// True if `v` uses `state`, which `finish` takes as an argument.
static bool usesState(Value v, Value state, llvm::DenseSet<Value> &seen) {
  if (v == state) {
    return true;
  }
  Operation *op = v.getDefiningOp();
  if (!op || !seen.insert(v).second) {
    return false;
  }
  bool found = false;
  op->walk([&](Operation *inner) {
    found |= llvm::any_of(inner->getOperands(), [&](Value operand) {
      return usesState(operand, state, seen);
    });
  });
  return found;
}

/// True if `v` is NaN when all that `isSource` accepts are: it is computed from
/// one of them, or chosen for not being below, above or equal to something.
static bool recordsNaN(Value v, llvm::function_ref<bool(Value)> isSource) {
  if (isSource(v)) {
    return true;
  }
  Operation *op = v.getDefiningOp();
  if (!op) {
    return false;
  }
  auto records = [&](Value operand) { return recordsNaN(operand, isSource); };
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    auto compare = select.getCondition().getDefiningOp<arith::CmpFOp>();
    return compare && isOrdered(compare.getPredicate()) &&
           llvm::any_of(compare.getOperands(), records) &&
           records(select.getFalseValue());
  }
  if (auto einsum = dyn_cast<cascade::EinsumOp>(op)) {
    bool isArithmetic = llvm::all_of(
        einsum.getBody().front().without_terminator(),
        [](Operation &inner) { return propagatesNaN(&inner); });
    return isArithmetic && llvm::any_of(einsum->getOperands(), records);
  }
  return propagatesNaN(op) && llvm::any_of(op->getOperands(), records);
}

/// True if no result takes in state `i` but together with other states, which
/// keep a NaN where parts are joined.
static bool isCompanion(cascade::FoldOp fold, unsigned i) {
  unsigned states = fold.getNumStates();
  Block &finish = fold.getFinish().front(), &merge = fold.getMerge().front();
  for (unsigned j = 0; j < states; ++j) {
    Value joined = merge.getTerminator()->getOperand(j);
    for (Value part : {merge.getArgument(j), merge.getArgument(states + j)}) {
      if (j != i && !recordsNaN(joined, [&](Value v) { return v == part; })) {
        return false;
      }
    }
  }
  Value state = finish.getArgument(i);
  return llvm::all_of(
      finish.getTerminator()->getOperands(), [&](Value result) {
        llvm::DenseSet<Value> seen;
        auto isOther = [&](Value v) {
          auto argument = dyn_cast<BlockArgument>(v);
          return argument && argument.getOwner() == &finish &&
                 argument.getArgNumber() < states && v != state;
        };
        return !usesState(result, state, seen) || recordsNaN(result, isOther);
      });
}

FailureOr<SmallVector<Value>> FoldBuilder::buildStream(Tensorizer &t,
                                                       ArrayRef<Value> state) {
  Value extent = extents[fold.getRankIndex(fold.getStream())];
  RankBox box = boxOf(index(0), extent);
  SmallVector<Value> begins, ends;
  for (Interval range : predicate.ranges(b, loc, box, extent)) {
    begins.push_back(range.lo);
    ends.push_back(range.hi);
  }
  if (split) {
    clipToSplit(begins, ends, extent);
  }
  SmallVector<Value> rows;
  if (context.schedule.getPanelRows() < context.schedule.getRows()) {
    rows = {rowBase, rowLimit};
  }
  auto stream = tile::StreamOp::create(
      b, loc, ValueRange(state).getTypes(), fold.getStream(), begins, ends,
      rows, state, context.schedule.getKeys());
  SmallVector<Type> types(2 + rows.size(), b.getIndexType());
  SmallVector<Location> locs(2 + rows.size(), loc);
  SmallVector<int64_t> divisors;
  for (unsigned i = 0, e = fold.getNumStates(); i < e; ++i) {
    if (onlyDivides(fold.getFinish().getArgument(i))) {
      divisors.push_back(i);
    }
  }
  if (!divisors.empty()) {
    stream->setAttr(tile::kDivisorsAttrName, b.getDenseI64ArrayAttr(divisors));
  }
  auto companions = llvm::to_vector(llvm::make_filter_range(
      llvm::seq<int64_t>(0, fold.getNumStates()),
      [&](int64_t i) { return isCompanion(fold, i); }));
  if (!companions.empty()) {
    stream->setAttr(tile::kCompanionsAttrName,
                    b.getDenseI64ArrayAttr(companions));
  }
  Block *visible = b.createBlock(&stream.getVisible(), {}, types, locs);
  types.resize(2);
  locs.resize(2, loc);
  for (RankedTensorType type : stateTypes) {
    types.push_back(type);
    locs.push_back(loc);
  }
  Block *body = b.createBlock(&stream.getBody(), {}, types, locs);
  b.setInsertionPointAfter(stream);
  if (failed(buildVisible(*visible)) || failed(buildStep(t, *body))) {
    return failure();
  }
  return SmallVector<Value>(stream.getResults());
}
