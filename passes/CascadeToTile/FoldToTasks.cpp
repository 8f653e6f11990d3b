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

#include "FoldToTasks.h"

#include "StreamRanges.h"
#include "Tensorize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace fovea;

static Value constantIndex(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

Value Source::extent(OpBuilder &b, Location loc, int64_t i) const {
  auto type = cast<MemRefType>(buffer.getType());
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

namespace {

/// Builds the loops of one fold.
class FoldBuilder {
public:
  FoldBuilder(OpBuilder &builder, cascade::FoldOp fold,
              ArrayRef<Value> extents, const FoldContext &context)
      : b(builder), fold(fold), context(context), loc(fold.getLoc()),
        predicate(fold, context), extents(extents) {}

  LogicalResult build();

private:
  void chooseRowRank();
  LogicalResult verifyElements();
  SmallVector<StringRef> namesInStep(Value v);
  LogicalResult findStateTypes();
  StringRef rankName(unsigned i) {
    return cast<StringAttr>(fold.getRanks()[i]).getValue();
  }
  int64_t staticExtent(unsigned rank);
  LogicalResult setInnerCoordinates(Tensorizer &t);
  Tensorizer makeTensorizer();
  LogicalResult buildTask(ValueRange ivs);
  FailureOr<SmallVector<Value>> loadInputs(Tensorizer &t, bool streamed,
                                           Value first, Value last);
  Value loadInput(Tensorizer &t, unsigned i, Value first, Value last);
  FailureOr<SmallVector<Value>> initialState(Tensorizer &t);
  FailureOr<SmallVector<Value>> buildStream(Tensorizer &t,
                                            ArrayRef<Value> state);
  LogicalResult buildVisible(Tensorizer &t, Block &block);
  LogicalResult buildStep(Tensorizer &t, Block &block);
  FailureOr<Value> buildMask(Tensorizer &t, Value first, Value last);
  LogicalResult finish(Tensorizer &t, ArrayRef<Value> state);
  LogicalResult storeResult(Tensorizer &t, unsigned i, Value value,
                            Value first, Value last);
  void chooseResidence(tile::LoadOp load);
  void setTaskCoordinates(ValueRange ivs);
  void clearEmitted();
  LogicalResult checkPagedStream();
  void bindState(Tensorizer &t, ValueRange arguments, ArrayRef<Value> state);
  void storePartial(ArrayRef<Value> state);
  LogicalResult buildMerge(ValueRange ivs);
  RankBox boxOf(Value first, Value last);

  OpBuilder &b;
  cascade::FoldOp fold;
  const FoldContext &context;
  Location loc;
  StreamPredicate predicate;

  ArrayRef<Value> extents; // by rank
  std::string rowName = "row"; // the row rank, or a dummy of extent 1
  int64_t rowRank = -1;
  SmallVector<unsigned> points;     // parallel ranks with one coordinate
  SmallVector<Value> coordinates;   // by rank; null for inner ranks
  Value rowBase, rowLimit;          // [rowBase, rowLimit) of this task
  Value split, splits, taskNumber;  // position in the partial-state buffers
  SmallVector<RankedTensorType> stateTypes;
  SmallVector<SmallVector<StringRef>> stateNames; // as the regions see them
  SmallVector<Value> partials;      // one buffer per state element
};

} // namespace

/// The row rank: the innermost parallel rank that no streamed operand carries,
/// else the innermost one.
void FoldBuilder::chooseRowRank() {
  int64_t fallback = -1;
  for (StringRef name : fold.getParallel().getAsValueRange<StringAttr>()) {
    int64_t rank = fold.getRankIndex(name);
    bool streamed = false;
    for (unsigned i = 0, e = fold.getInputs().size(); i < e; ++i) {
      streamed |= fold.isStreamed(i) && fold.getInputMap(i).isFunctionOfDim(rank);
    }
    fallback = rank;
    if (!streamed) {
      rowRank = rank;
    }
  }
  if (rowRank < 0) {
    rowRank = fallback;
  }
  for (StringRef name : fold.getParallel().getAsValueRange<StringAttr>()) {
    int64_t rank = fold.getRankIndex(name);
    if (rank != rowRank) {
      points.push_back(rank);
    }
  }
  if (rowRank >= 0) {
    rowName = rankName(rowRank).str();
  }
}

int64_t FoldBuilder::staticExtent(unsigned rank) {
  for (auto [i, input] : llvm::enumerate(fold.getInputs())) {
    for (auto [j, e] : llvm::enumerate(fold.getInputMap(i).getResults())) {
      auto shaped = dyn_cast<ShapedType>(input.getType());
      if (cast<AffineDimExpr>(e).getPosition() == rank && shaped &&
          !shaped.isDynamicDim(j)) {
        return shaped.getDimSize(j);
      }
    }
  }
  return ShapedType::kDynamic;
}

LogicalResult FoldBuilder::setInnerCoordinates(Tensorizer &t) {
  Value zero = constantIndex(b, loc, 0);
  for (unsigned rank = 0, e = fold.getRanks().size(); rank < e; ++rank) {
    StringRef name = rankName(rank);
    if (fold.isParallel(name) || name == fold.getStream()) {
      continue;
    }
    int64_t extent = staticExtent(rank);
    if (ShapedType::isDynamic(extent)) {
      return fold.emitOpError("expected a static extent of rank '")
             << name << "': it is neither parallel nor streamed";
    }
    t.setCoordinate(name, {zero, extent});
  }
  return success();
}

/// The fold's names of the dimensions of a value of the step. An einsum may
/// use names of its own: what it reads tells which rank each of them is.
SmallVector<StringRef> FoldBuilder::namesInStep(Value v) {
  unsigned states = fold.getNumStates();
  if (auto argument = dyn_cast<BlockArgument>(v)) {
    unsigned i = argument.getArgNumber();
    return i < states ? SmallVector<StringRef>()
                      : fold.getInnerRanks(i - states);
  }
  auto einsum = v.getDefiningOp<cascade::EinsumOp>();
  if (!einsum) {
    return {};
  }
  llvm::StringMap<StringRef> known;
  for (auto [input, map] :
       llvm::zip_equal(einsum.getInputs(), einsum.getInputMaps())) {
    for (auto [name, e] : llvm::zip(namesInStep(input), map.getResults())) {
      if (auto dim = dyn_cast<AffineDimExpr>(e)) {
        Attribute local = einsum.getRanks()[dim.getPosition()];
        known[cast<StringAttr>(local).getValue()] = name;
      }
    }
  }
  SmallVector<StringRef> names;
  for (StringRef local : einsum.getResultRanks()) {
    auto it = known.find(local);
    names.push_back(it == known.end() ? local : it->second);
  }
  return names;
}

/// State elements are scalars per row ([row]) or tensors whose rank names are
/// those of the einsum that yields them.
LogicalResult FoldBuilder::findStateTypes() {
  Block &step = fold.getStep().front();
  auto yield = cast<cascade::YieldOp>(step.getTerminator());
  for (unsigned i = 0; i < fold.getNumStates(); ++i) {
    Value v = yield.getValues()[i];
    SmallVector<StringRef> names;
    if (auto tensor = dyn_cast<RankedTensorType>(v.getType())) {
      auto einsum = v.getDefiningOp<cascade::EinsumOp>();
      if (!einsum) {
        return fold.emitOpError("expected tensor state element ")
               << i << " to be yielded by an einsum of the step";
      }
      names = namesInStep(v);
      for (StringRef name : names) {
        if (fold.getRankIndex(name) < 0) {
          return fold.emitOpError("expected rank '")
                 << name << "' of state element " << i
                 << " to be a rank of the fold";
        }
      }
    }
    stateNames.push_back(names);
    SmallVector<StringRef> tileNames(names);
    tileNames.push_back(rowName);
    Tensorizer t(b, fold.getStream(), rowName);
    if (failed(setInnerCoordinates(t))) {
      return failure();
    }
    t.setCoordinate(rowName, {Value(), context.schedule.getRows()});
    stateTypes.push_back(
        t.tileType(tileNames, cascade::getElementType(v.getType())));
  }
  return success();
}

Tensorizer FoldBuilder::makeTensorizer() {
  Tensorizer t(b, fold.getStream(), rowName);
  llvm::SetVector<Value> above;
  for (Region &region : fold->getRegions()) {
    getUsedValuesDefinedAbove(region, above);
  }
  for (Value v : above) {
    auto it = context.captured.find(v);
    DenseElementsAttr dense;
    if (matchPattern(v, m_Constant(&dense)) && dense.isSplat()) {
      Value splat = arith::ConstantOp::create(
          b, loc, cast<TypedAttr>(dense.getSplatValue<Attribute>()));
      t.map(v, splat, {});
    } else if (it != context.captured.end() && isa<ShapedType>(v.getType())) {
      t.mapTable(v, it->second.buffer);
    } else {
      t.map(v, context.scalars->lookupOrDefault(v), {});
    }
  }
  return t;
}

//===----------------------------------------------------------------------===//
// Loads and stores
//===----------------------------------------------------------------------===//

Value FoldBuilder::loadInput(Tensorizer &t, unsigned i, Value first,
                             Value last) {
  const Source &source = context.inputs[i];
  auto shaped = cast<ShapedType>(fold.getInputs()[i].getType());
  SmallVector<Value> indices;
  SmallVector<StringRef> dims, names;
  SmallVector<Value> limits;
  SmallVector<StringRef> bounded;
  Value zero = constantIndex(b, loc, 0), row = zero;
  for (auto [j, e] : llvm::enumerate(fold.getInputMap(i).getResults())) {
    unsigned rank = cast<AffineDimExpr>(e).getPosition();
    StringRef name = rankName(rank);
    if (name == fold.getStream()) {
      indices.push_back(first);
      bounded.push_back(name);
      limits.push_back(last);
    } else if (rank == static_cast<unsigned>(rowRank)) {
      indices.push_back(rowBase);
      bounded.push_back(name);
      limits.push_back(rowLimit);
    } else if (coordinates[rank]) {
      indices.push_back(coordinates[rank]);
      name = "";
    } else {
      indices.push_back(zero);
    }
    dims.push_back(name);
    if (!name.empty()) {
      names.push_back(name);
    }
  }
  if (names.empty()) {
    return memref::LoadOp::create(b, loc, source.buffer, indices);
  }
  if (source.isPaged()) {
    // The gathered view is [row, head, position, channel]; the pages are
    // [page, head, slot, channel], addressed by position along dimension 0.
    row = indices[0];
    std::swap(indices[0], indices[2]);
    std::swap(dims[0], dims[2]);
    indices[2] = zero;
  }
  // Operands that depend on the row are wanted with the row rank last; the
  // others can be read where they are.
  bool hasRow = llvm::is_contained(names, StringRef(rowName));
  auto residence = hasRow ? tile::Residence::Near : tile::Residence::Far;
  RankedTensorType type = t.tileType(names, shaped.getElementType());
  type = tile::getTileType(type.getShape(), type.getElementType(),
                           tile::getRanks(type), residence);
  return tile::LoadOp::create(
      b, loc, type, source.buffer, indices, source.table,
      source.isPaged() ? row : Value(), limits, b.getStrArrayAttr(dims),
      b.getStrArrayAttr(bounded));
}

/// Loads the streamed or the row inputs; the others stay null.
FailureOr<SmallVector<Value>>
FoldBuilder::loadInputs(Tensorizer &t, bool streamed, Value first, Value last) {
  SmallVector<Value> loaded(fold.getInputs().size());
  for (unsigned i = 0, e = loaded.size(); i < e; ++i) {
    if (fold.isStreamed(i) != streamed) {
      continue;
    }
    if (!isa<ShapedType>(fold.getInputs()[i].getType())) {
      loaded[i] = context.scalars->lookupOrDefault(fold.getInputs()[i]);
      continue;
    }
    loaded[i] = loadInput(t, i, first, last);
  }
  return loaded;
}

LogicalResult FoldBuilder::storeResult(Tensorizer &t, unsigned i, Value value,
                                       Value first, Value last) {
  SmallVector<Value> indices, limits;
  SmallVector<StringRef> dims, names, bounded;
  Value zero = constantIndex(b, loc, 0);
  for (AffineExpr e : fold.getResultMap(i).getResults()) {
    unsigned rank = cast<AffineDimExpr>(e).getPosition();
    StringRef name = rankName(rank);
    if (name == fold.getStream()) {
      indices.push_back(first);
      limits.push_back(last);
      bounded.push_back(name);
    } else if (rank == static_cast<unsigned>(rowRank)) {
      indices.push_back(rowBase);
      limits.push_back(rowLimit);
      bounded.push_back(name);
    } else if (coordinates[rank]) {
      indices.push_back(coordinates[rank]);
      name = "";
    } else {
      indices.push_back(zero);
    }
    dims.push_back(name);
    if (!name.empty()) {
      names.push_back(name);
    }
  }
  if (!llvm::is_contained(names, StringRef(rowName))) {
    if (rowRank >= 0) {
      return fold.emitOpError("expected every result to carry rank '")
             << rowName << "'";
    }
    names.push_back(rowName); // the dummy row of a fold without parallel ranks
  }
  Type element = getElementTypeOrSelf(fold.getResultTypes()[i]);
  value = t.broadcast(loc, value, t.tileType(names, element));
  tile::StoreOp::create(b, loc, value, context.results[i], indices, limits,
                        b.getStrArrayAttr(dims), b.getStrArrayAttr(bounded));
  return success();
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
                                    constantIndex(b, loc, 0));
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

void FoldBuilder::storePartial(ArrayRef<Value> state) {
  Value zero = constantIndex(b, loc, 0);
  for (auto [value, buffer] : llvm::zip_equal(state, partials)) {
    SmallVector<Value> indices{taskNumber, split};
    SmallVector<StringRef> dims{"", ""};
    for (StringRef name : tile::getRanks(value.getType())) {
      indices.push_back(zero);
      dims.push_back(name);
    }
    tile::StoreOp::create(b, loc, value, buffer, indices, ValueRange{},
                          b.getStrArrayAttr(dims), b.getStrArrayAttr({}));
  }
}

//===----------------------------------------------------------------------===//
// The stream
//===----------------------------------------------------------------------===//

RankBox FoldBuilder::boxOf(Value first, Value last) {
  Value one = constantIndex(b, loc, 1);
  RankBox box;
  for (unsigned rank = 0, e = fold.getRanks().size(); rank < e; ++rank) {
    StringRef name = rankName(rank);
    if (name == fold.getStream()) {
      box[name] = {first, arith::SubIOp::create(b, loc, last, one)};
    } else if (static_cast<int64_t>(rank) == rowRank) {
      box[name] = {rowBase, arith::SubIOp::create(b, loc, rowLimit, one)};
    } else if (coordinates[rank]) {
      box[name] = {coordinates[rank], coordinates[rank]};
    }
  }
  return box;
}

LogicalResult FoldBuilder::buildVisible(Tensorizer &t, Block &block) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&block);
  RankBox box = boxOf(block.getArgument(0), block.getArgument(1));
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
  t.setCoordinate(fold.getStream(), {first, context.schedule.getKeys()});
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

FailureOr<SmallVector<Value>> FoldBuilder::buildStream(Tensorizer &t,
                                                       ArrayRef<Value> state) {
  Value extent = extents[fold.getRankIndex(fold.getStream())];
  RankBox box = boxOf(constantIndex(b, loc, 0), extent);
  SmallVector<Value> begins, ends;
  for (Interval range : predicate.ranges(b, loc, box, extent)) {
    begins.push_back(range.lo);
    ends.push_back(range.hi);
  }
  if (split) {
    // Part s of n takes the keys [s * chunk, (s + 1) * chunk).
    Value keys = constantIndex(b, loc, context.schedule.getKeys());
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
  auto stream = tile::StreamOp::create(
      b, loc, ValueRange(state).getTypes(), fold.getStream(), begins, ends,
      state, context.schedule.getKeys());
  SmallVector<Type> types(2, b.getIndexType());
  SmallVector<Location> locs(2, loc);
  Block *visible = b.createBlock(&stream.getVisible(), {}, types, locs);
  for (RankedTensorType type : stateTypes) {
    types.push_back(type);
    locs.push_back(loc);
  }
  Block *body = b.createBlock(&stream.getBody(), {}, types, locs);
  b.setInsertionPointAfter(stream);
  if (failed(buildVisible(t, *visible)) || failed(buildStep(t, *body))) {
    return failure();
  }
  return SmallVector<Value>(stream.getResults());
}

//===----------------------------------------------------------------------===//
// Tasks
//===----------------------------------------------------------------------===//

/// Task indices: one per point rank, then the row tile (last tile first: with
/// a causal predicate the longest task comes first).
void FoldBuilder::setTaskCoordinates(ValueRange ivs) {
  coordinates.assign(fold.getRanks().size(), Value());
  for (auto [rank, iv] : llvm::zip(points, ivs)) {
    coordinates[rank] = iv;
  }
  int64_t rows = context.schedule.getRows();
  Value extent =
      rowRank >= 0 ? extents[rowRank] : constantIndex(b, loc, 1);
  Value tiles = arith::CeilDivSIOp::create(b, loc, extent,
                                           constantIndex(b, loc, rows));
  Value last = arith::SubIOp::create(b, loc, tiles, constantIndex(b, loc, 1));
  Value tile = arith::SubIOp::create(b, loc, last, ivs[points.size()]);
  rowBase = arith::MulIOp::create(b, loc, tile, constantIndex(b, loc, rows));
  Value end = arith::AddIOp::create(b, loc, rowBase,
                                    constantIndex(b, loc, rows));
  rowLimit = arith::MinSIOp::create(b, loc, end, extent);
  // The task's number without the split.
  taskNumber = ivs[points.size()];
  Value scale = tiles;
  for (unsigned i = points.size(); i-- > 0;) {
    Value offset = arith::MulIOp::create(b, loc, ivs[i], scale);
    taskNumber = arith::AddIOp::create(b, loc, taskNumber, offset);
    scale = arith::MulIOp::create(b, loc, scale, extents[points[i]]);
  }
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
  for (unsigned rank : points) {
    t.setCoordinate(rankName(rank), {coordinates[rank], 0});
  }
  t.setCoordinate(rowName, {rowBase, context.schedule.getRows()});
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
                                       splits, constantIndex(b, loc, 1));
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
  for (unsigned rank : points) {
    t.setCoordinate(rankName(rank), {coordinates[rank], 0});
  }
  t.setCoordinate(rowName, {rowBase, context.schedule.getRows()});
  if (failed(setInnerCoordinates(t))) {
    return failure();
  }
  Value zero = constantIndex(b, loc, 0), one = constantIndex(b, loc, 1);
  auto load = [&](Value part) {
    SmallVector<Value> state;
    for (auto [buffer, type] : llvm::zip_equal(partials, stateTypes)) {
      SmallVector<Value> indices{taskNumber, part};
      SmallVector<StringRef> dims{"", ""};
      for (StringRef name : tile::getRanks(type)) {
        indices.push_back(zero);
        dims.push_back(name);
      }
      auto near = tile::getTileType(type.getShape(), type.getElementType(),
                                    tile::getRanks(type));
      state.push_back(tile::LoadOp::create(
          b, loc, near, buffer, indices, Value(), Value(),
          ValueRange{}, b.getStrArrayAttr(dims), b.getStrArrayAttr({})));
    }
    return state;
  };
  SmallVector<Value> first = load(zero);
  auto loop = scf::ForOp::create(b, loc, one, splits, one, first);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Block &merge = fold.getMerge().front();
    unsigned states = fold.getNumStates();
    bindState(t, merge.getArguments().take_front(states),
              SmallVector<Value>(loop.getRegionIterArgs()));
    bindState(t, merge.getArguments().drop_front(states),
              load(loop.getInductionVar()));
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

/// Keys that are not visible are not visited: where a result keeps the stream
/// rank, their places hold 0.
void FoldBuilder::clearEmitted() {
  for (unsigned i = 0, e = fold.getNumResults(); i < e; ++i) {
    if (!fold.isEmitted(i) || !fold.hasWhere()) {
      continue;
    }
    OpBuilder::InsertionGuard guard(b);
    Value buffer = context.results[i];
    auto type = cast<MemRefType>(buffer.getType());
    Value zero = constantIndex(b, loc, 0), one = constantIndex(b, loc, 1);
    SmallVector<Value> at;
    for (int64_t j = 0; j < type.getRank(); ++j) {
      Value extent = memref::DimOp::create(b, loc, buffer, j);
      auto loop = scf::ForOp::create(b, loc, zero, extent, one);
      b.setInsertionPointToStart(loop.getBody());
      at.push_back(loop.getInductionVar());
    }
    Value none = arith::ConstantOp::create(b, loc,
                                           b.getZeroAttr(type.getElementType()));
    memref::StoreOp::create(b, loc, none, buffer, at);
  }
}

/// Integers of tiles are i32, and a masked one has no neutral value.
LogicalResult FoldBuilder::verifyElements() {
  for (auto [i, input] : llvm::enumerate(fold.getInputs())) {
    Type element = cascade::getElementType(input.getType());
    bool isPoint = fold.getInnerRanks(i).empty() &&
                   (rowRank < 0 || !fold.getInputMap(i).isFunctionOfDim(rowRank));
    if (!isPoint && !isa<FloatType>(element) && !element.isInteger(32)) {
      return fold.emitOpError("expected input ")
             << i << " of floats or i32, got " << element;
    }
  }
  for (auto [i, type] : llvm::enumerate(fold.getResultTypes())) {
    if (fold.isEmitted(i) && !isa<FloatType>(cascade::getElementType(type))) {
      return fold.emitOpError("expected result ")
             << i << ", which keeps rank '" << fold.getStream()
             << "', to be of floats, got " << cascade::getElementType(type);
    }
  }
  return success();
}

/// Slots of a page table beyond a sequence's length hold anything: the
/// predicate has to keep the stream away from them.
LogicalResult FoldBuilder::checkPagedStream() {
  for (auto [i, source] : llvm::enumerate(context.inputs)) {
    if (source.isPaged() && fold.isStreamed(i) && !fold.hasWhere()) {
      return fold.emitOpError("expected a 'where' region that keeps rank '")
             << fold.getStream()
             << "' below the lengths of the gathered input " << i;
    }
  }
  return success();
}

LogicalResult FoldBuilder::build() {
  if (failed(checkPagedStream())) {
    return failure();
  }
  chooseRowRank();
  if (failed(verifyElements())) {
    return failure();
  }
  if (failed(findStateTypes())) {
    return failure();
  }
  int64_t rows = context.schedule.getRows();
  SmallVector<OpFoldResult> bounds;
  Value tasks = constantIndex(b, loc, 1);
  for (unsigned rank : points) {
    bounds.push_back(extents[rank]);
    tasks = arith::MulIOp::create(b, loc, tasks, extents[rank]);
  }
  Value extent = rowRank >= 0 ? extents[rowRank] : constantIndex(b, loc, 1);
  Value tiles = arith::CeilDivSIOp::create(b, loc, extent,
                                           constantIndex(b, loc, rows));
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
    // As many parts as it takes to give every thread a task.
    Value one = constantIndex(b, loc, 1);
    Value threads = tile::ThreadsOp::create(b, loc, b.getIndexType());
    Value wanted = arith::CeilDivSIOp::create(
        b, loc, threads, arith::MaxSIOp::create(b, loc, tasks, one));
    Value streamExtent = extents[fold.getRankIndex(fold.getStream())];
    Value useful = arith::CeilDivSIOp::create(
        b, loc, streamExtent,
        constantIndex(b, loc, context.schedule.getKeys()));
    Value most = arith::MinSIOp::create(
        b, loc, useful, constantIndex(b, loc, context.schedule.getSplits()));
    splits = arith::MaxSIOp::create(
        b, loc, one, arith::MinSIOp::create(b, loc, wanted, most));
    bounds.push_back(splits);
    Value several = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt,
                                          splits, one);
    Value zero = constantIndex(b, loc, 0);
    Value slots = arith::SelectOp::create(b, loc, several, tasks, zero);
    for (RankedTensorType type : stateTypes) {
      SmallVector<int64_t> shape{ShapedType::kDynamic, ShapedType::kDynamic};
      llvm::append_range(shape, type.getShape());
      partials.push_back(memref::AllocOp::create(
          b, loc, MemRefType::get(shape, type.getElementType()),
          ValueRange{slots, splits}, b.getI64IntegerAttr(64)));
    }
  }

  auto forall = scf::ForallOp::create(b, loc, bounds, ValueRange{},
                                      std::nullopt);
  forall->setAttr(tile::kRowRankAttrName, b.getStringAttr(rowName));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(forall.getBody()->getTerminator());
    if (failed(buildTask(forall.getInductionVars()))) {
      return failure();
    }
  }
  if (context.schedule.getStages() > 0) {
    forall.walk([&](tile::LoadOp load) { chooseResidence(load); });
  }
  predicate.release(b, loc);
  if (!splits) {
    return success();
  }
  Value several = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt,
                                        splits, constantIndex(b, loc, 1));
  split = Value();
  auto branch = scf::IfOp::create(b, loc, several, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  auto merge = scf::ForallOp::create(b, loc, mergeBounds, ValueRange{},
                                     std::nullopt);
  merge->setAttr(tile::kRowRankAttrName, b.getStringAttr(rowName));
  {
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPoint(merge.getBody()->getTerminator());
    if (failed(buildMerge(merge.getInductionVars()))) {
      return failure();
    }
  }
  b.setInsertionPointAfter(branch);
  for (Value buffer : partials) {
    memref::DeallocOp::create(b, loc, buffer);
  }
  return success();
}

/// True if a matrix product reads `tile`, perhaps repeated along the rows.
static bool isProductOperand(Value tile) {
  return llvm::any_of(tile.getUsers(), [](Operation *user) {
    if (auto repeat = dyn_cast<tile::BroadcastOp>(user)) {
      return isProductOperand(repeat.getResult());
    }
    return isa<tile::ContractOp>(user);
  });
}

/// Where the lanes of a task share near memory, nothing is read in place:
/// blocks of matrices are brought near, and what only element-wise code reads
/// goes straight to registers.
///
///   K [k, d], V [k, e], Q [d, q]   near
///   positions [k], lengths [q]     register
///   bias [k, q]                    register: no product reads it
void FoldBuilder::chooseResidence(tile::LoadOp load) {
  RankedTensorType type = load.getType();
  SmallVector<StringRef> ranks = tile::getRanks(type);
  bool isStreamedRow = type.getRank() == 2 && ranks[0] == fold.getStream() &&
                       ranks[1] == rowName;
  bool isElementwise = type.getRank() == 1 || isStreamedRow;
  auto residence = isElementwise && !isProductOperand(load.getResult())
                       ? tile::Residence::Register
                       : tile::Residence::Near;
  load.getResult().setType(tile::getTileType(
      type.getShape(), type.getElementType(), ranks, residence));
  for (Operation *user : llvm::make_early_inc_range(load->getUsers())) {
    auto repeat = dyn_cast<tile::BroadcastOp>(user);
    if (repeat && repeat.getType() == load.getType()) {
      repeat.replaceAllUsesWith(load.getResult());
      repeat.erase();
    }
  }
}

LogicalResult fovea::buildTasks(OpBuilder &b, cascade::FoldOp fold,
                                ArrayRef<Value> extents,
                                const FoldContext &context) {
  return FoldBuilder(b, fold, extents, context).build();
}
