//===- NarrowSweeps.cpp - one step of a task with few rows ----------------===//
//
// The sweeps are those of Sweeps.cpp. A register tile is all rows by `block`
// keys (first product) or by `block` vectors of channels (second product). With
// 4 rows, a block of 4 and 16 lanes:
//
//   first product    16 keys of 4 rows: 4 keys at a time, their channels along
//                    lanes, 4 x 4 sums; then across lanes (addAcross)
//   second product   64 channels of 4 rows, key by key (or pair by pair)
//
//===----------------------------------------------------------------------===//

#include "Narrow.h"

#include "fovea/dialects/Tile/Recipe.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace fovea;

/// Of memory, as caches bring it.
static constexpr unsigned kLineBits = 64 * 8;

/// Vectors of keys that one register tile of the first product holds.
static constexpr int64_t kHeldVectors = 8;

static constexpr auto kAdd = tile::Combine::Sum;

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// `size` channels of a row at `offset`, as they are stored; fewer, and zeros,
/// at the end of the row.
Value NarrowEmitter::loadChannels(tile::LoadOp op, Value offset,
                                  int64_t channel, int64_t size) {
  Type element = op.getType().getElementType();
  auto type = VectorType::get({size}, element);
  Value flat = flatten(op.getSource()).flat, at = add(offset, channel);
  return loadFirst(flat, at, type, op.getType().getDimSize(1) - channel);
}

/// `size` channels of row `x` of the left operand of a product, loaded or
/// computed: in bf16 for pairs, else in f32. They begin at base + channel; a
/// base that is not null is whole vectors into a loaded row.
FailureOr<Value> NarrowEmitter::readChannels(Value tile, Value x, Value base,
                                             int64_t channel, int64_t size,
                                             bool pairs, Value count) {
  if (auto load = tile.getDefiningOp<tile::LoadOp>()) {
    Value offset = rowOffset(load, x, count);
    Value v = loadChannels(load, base ? add(offset, base) : offset, channel,
                           size);
    return pairs ? v : toF32(v);
  }
  auto type = VectorType::get({size}, b.getF32Type());
  Value all = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  int64_t left = cast<RankedTensorType>(tile.getType()).getDimSize(1) - channel;
  LogicalResult emitted = forEachRun(
      std::min(size, left), schedule.getLanes(), [&](int64_t c, int64_t run) {
        FailureOr<Value> v = evalChannels(tile, x, count, channel + c, run);
        if (failed(v)) {
          return failure();
        }
        all = run == size ? *v
                          : vector::InsertStridedSliceOp::create(
                                b, loc, *v, all, ArrayRef<int64_t>{c},
                                ArrayRef<int64_t>{1})
                                .getResult();
        return success();
      });
  if (failed(emitted)) {
    return failure();
  }
  return pairs ? takeHalves(all) : all;
}

/// The loads that the product reads its left operand from.
SmallVector<tile::LoadOp> NarrowEmitter::loadsOf(tile::ContractOp product) {
  if (auto load = product.getLhs().getDefiningOp<tile::LoadOp>()) {
    return {load};
  }
  return tile::collectLoads(product.getLhs());
}

/// Lines of memory that a row of an operand occupies; 0 if they are shared with
/// other rows, which then bring them.
static int64_t countLines(tile::LoadOp load) {
  auto type = cast<RankedTensorType>(load.getType());
  if (type.getRank() != 2) {
    return 0;
  }
  int64_t width = type.getDimSize(1);
  if (Value split = load.getSplit()) { // neighbours share an element
    width /= getConstantIntValue(split).value_or(width);
  }
  int64_t bits = width * type.getElementTypeBitWidth();
  return bits < kLineBits ? 0 : llvm::divideCeil(bits, kLineBits);
}

/// Asks for a line of row `x`. Nothing is read, so it may lie beyond the rows of
/// the step, as far as it is known where those lie.
void NarrowEmitter::prefetchLine(tile::LoadOp load, Value x, Value line,
                                 Value count) {
  int64_t bits = load.getType().getElementTypeBitWidth();
  if (Value known = forms[load.getResult()].known) {
    x = arith::MinUIOp::create(b, loc, x, add(known, -1));
  }
  Value at = add(rowOffset(load, x, count), mul(line, kLineBits / bits));
  memref::PrefetchOp::create(b, loc, flatten(load.getSource()).flat,
                             ValueRange{at}, /*isWrite=*/false,
                             /*localityHint=*/3, /*isDataCache=*/true);
}

/// Asks for one part of the lines of `keys` rows of each load, from row
/// `first`, in the order in which they lie in memory.
void NarrowEmitter::prefetch(ArrayRef<tile::LoadOp> loads, int64_t first,
                             int64_t keys, Value part, int64_t parts,
                             Value count) {
  if (partial || keys <= 0) {
    return;
  }
  for (tile::LoadOp load : loads) {
    int64_t lines = hasRow(load) ? 0 : countLines(load);
    if (lines == 0) {
      continue;
    }
    int64_t each = llvm::divideCeil(keys * lines, parts);
    Value at = mul(part, each);
    for (int64_t i = 0; i < each; ++i) {
      Value line = add(at, i);
      Value row = arith::DivUIOp::create(b, loc, line, index(lines));
      prefetchLine(load, add(row, first),
                   arith::RemUIOp::create(b, loc, line, index(lines)), count);
    }
  }
}

/// Asks for row x + distance of each load.
void NarrowEmitter::prefetchRow(ArrayRef<tile::LoadOp> loads, Value x,
                                int64_t distance, Value count) {
  if (partial || schedule.getDistance() == 0) {
    return;
  }
  for (tile::LoadOp load : loads) {
    for (int64_t i = 0, e = countLines(load); i < e; ++i) {
      prefetchLine(load, add(x, distance), index(i), count);
    }
  }
}

//===----------------------------------------------------------------------===//
// Product over channels
//===----------------------------------------------------------------------===//

/// Combines across lanes: of two vectors, lanes whose number has the bit
/// `distance` clear take in `a`, the others `c`.
///
///   distance 1:  a0+a1  c1+c0  a2+a3  c3+c2 ...
///
/// After distances 1, 2, 4, 8 on 16 vectors lane i holds the sum of vector i.
Value NarrowEmitter::combineAcross(tile::Combine how, Value a, Value c,
                                   int64_t distance) {
  int64_t lanes = schedule.getLanes();
  SmallVector<int64_t> own, other;
  for (int64_t i = 0; i < lanes; ++i) {
    int64_t source = i & distance ? lanes : 0;
    own.push_back(source + i);
    other.push_back(source + (i ^ distance));
  }
  Value x = vector::ShuffleOp::create(b, loc, a, c, own);
  Value y = vector::ShuffleOp::create(b, loc, a, c, other);
  return combine(how, x, y);
}

/// Halves the number of vectors while `distance` is below `end`; one that is
/// alone goes with itself.
NarrowEmitter::Vectors NarrowEmitter::combinePairs(tile::Combine how,
                                                   Vectors v, int64_t &distance,
                                                   int64_t end) {
  for (; distance < end; distance *= 2) {
    Vectors next;
    for (unsigned j = 0; j < v.size(); j += 2) {
      next.push_back(combineAcross(how, v[j], v[std::min<size_t>(
                                                   j + 1, v.size() - 1)],
                                   distance));
    }
    v = next;
  }
  return v;
}

/// One vector of each row, added up (or what `how` says) to one value of each
/// row, in the first lanes of a vector.
Value NarrowEmitter::reduceRows(tile::Combine how, Vectors v) {
  int64_t distance = 1;
  return combinePairs(how, std::move(v), distance, schedule.getLanes())[0];
}

/// Rows whose products in registers are taken together: all, or where blocks take
/// most of them (the least code for the rest) four.
int64_t NarrowEmitter::groupOfRows() {
  constexpr int64_t kLeastCode = 4;
  int64_t rows = schedule.getRows();
  return schedule.getBlocks() ? std::min(rows, kLeastCode) : rows;
}

/// Calls `emit` with the first row of each group.
LogicalResult NarrowEmitter::forEachGroup(
    llvm::function_ref<LogicalResult(Value)> emit) {
  int64_t rows = schedule.getRows(), group = groupOfRows();
  if (group == rows) {
    return emit(index(0));
  }
  auto loop = scf::ForOp::create(b, loc, index(0), index(rows), index(group));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  return emit(loop.getInductionVar());
}

/// Of each row of a group: sums of the keys x, ... of one block, still to be added
/// over lanes that are a multiple of the block apart.
FailureOr<NarrowEmitter::Vectors>
NarrowEmitter::emitKeyBlock(tile::ContractOp op, Value x, Value firstRow,
                            Value count) {
  const Form &right = forms[op.getRhs()];
  bool pairs = usesPairs(op);
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  int64_t channels = lhs.getDimSize(1);
  int64_t size = schedule.getLanes() * (pairs ? 2 : 1);
  int64_t rows = groupOfRows(), block = schedule.getBlock();
  Value buffer = pairs ? right.pairs : right.buffer;
  Type held = cast<MemRefType>(buffer.getType()).getElementType();
  Value zero = arith::ConstantOp::create(
      b, loc, b.getZeroAttr(vectorOf(b.getF32Type())));
  Vectors sums(rows * block, zero);
  // Whole rows one after another, as they lie, as far as registers hold them.
  int64_t span = std::max<int64_t>(1, kHeldVectors / block) * size;
  for (int64_t from = 0; from < channels; from += span) {
    int64_t to = std::min(from + span, channels);
    SmallVector<Vectors> k(block);
    for (Vectors &ofKey : k) {
      Value key = add(x, &ofKey - k.begin());
      for (int64_t c = from; c < to; c += size) {
        FailureOr<Value> v =
            readChannels(op.getLhs(), key, {}, c, size, pairs, count);
        if (failed(v)) {
          return failure();
        }
        ofKey.push_back(*v);
      }
    }
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t c = from; c < to; c += size) {
        Value q = loadFirst(buffer,
                            nearIndex(index(c), add(firstRow, i), channels),
                            VectorType::get({size}, held), padded(channels) - c);
        q = pairs ? q : toF32(q);
        for (int64_t j = 0; j < block; ++j) {
          Value &sum = sums[i * block + j], v = k[j][(c - from) / size];
          sum = pairs ? tile::DotPairsOp::create(b, loc, sum, v, q).getResult()
                      : vector::FMAOp::create(b, loc, v, q, sum).getResult();
        }
      }
    }
  }
  Vectors result;
  for (int64_t i = 0; i < rows; ++i) {
    int64_t distance = 1;
    Vectors ofRow(ArrayRef<Value>(sums).slice(i * block, block));
    llvm::append_range(result, combinePairs(kAdd, ofRow, distance, block));
  }
  return result;
}

/// Products of the keys x, ... (one vector) with each row.
FailureOr<NarrowEmitter::Vectors>
NarrowEmitter::emitScores(tile::ContractOp op, Value x, Value count) {
  int64_t lanes = schedule.getLanes(), block = schedule.getBlock();
  int64_t rows = schedule.getRows(), blocks = lanes / block;
  Type f32 = b.getF32Type();
  // By row and block of keys, until all blocks are there.
  Value parts = allocNear(rows * blocks * lanes, f32);
  auto loop = scf::ForOp::create(b, loc, index(0), index(blocks), index(1));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value number = loop.getInductionVar();
    Value keys = add(x, mul(number, block));
    Value part = arith::DivUIOp::create(b, loc, keys, index(block));
    int64_t stepKeys = schedule.getKeys(), most = stepKeys / block;
    if (int64_t distance = schedule.getDistance()) {
      prefetch(loadsOf(op), distance, stepKeys, part, most, count);
    } else {
      prefetch(later, /*first=*/0, schedule.getAhead(), part, most, count);
    }
    LogicalResult emitted = forEachGroup([&](Value firstRow) {
      FailureOr<Vectors> sums = emitKeyBlock(op, keys, firstRow, count);
      if (failed(sums)) {
        return failure();
      }
      for (auto [i, v] : llvm::enumerate(*sums)) {
        Value row = add(firstRow, i);
        storeVector(v, parts, mul(add(number, mul(row, blocks)), lanes));
      }
      return success();
    });
    if (failed(emitted)) {
      return failure();
    }
  }
  auto addUp = [&](Value row) {
    Vectors v;
    for (int64_t j = 0; j < blocks; ++j) {
      v.push_back(loadVector(parts, mul(add(mul(row, blocks), j), lanes),
                             vectorOf(f32)));
    }
    int64_t distance = block;
    return combinePairs(kAdd, v, distance, lanes)[0];
  };
  Vectors scores;
  if (groupOfRows() == rows) {
    for (int64_t i = 0; i < rows; ++i) {
      scores.push_back(addUp(index(i)));
    }
    return scores;
  }
  auto all = scf::ForOp::create(b, loc, index(0), index(rows), index(1));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(all.getBody());
    Value row = all.getInductionVar();
    storeVector(addUp(row), parts, mul(row, blocks * lanes));
  }
  for (int64_t i = 0; i < rows; ++i) {
    scores.push_back(loadVector(parts, index(i * blocks * lanes), vectorOf(f32)));
  }
  return scores;
}

//===----------------------------------------------------------------------===//
// Sweeps
//===----------------------------------------------------------------------===//

/// Looks up where the rows of paged operands lie, and finds `later`: what only
/// products over the keys read.
void NarrowEmitter::findStreams(Step &step) {
  for (auto load : step.body->getOps<tile::LoadOp>()) {
    if (!hasRow(load) && load.getTable() && !forms[load.getResult()].offsets) {
      fillOffsets(load, step.count);
    }
  }
  llvm::SetVector<tile::LoadOp> first, second;
  for (auto product : step.body->getOps<tile::ContractOp>()) {
    (step.keepsStream(product) ? first : second).insert_range(loadsOf(product));
  }
  second.set_subtract(first);
  later = second.takeVector();
}

LogicalResult NarrowEmitter::emitSweep(Step &step, unsigned level) {
  auto &reductions = step.reductions[level];
  auto &products = step.products[level];
  if (reductions.empty() && step.stores[level].empty() &&
      step.pairStores[level].empty()) {
    return success();
  }
  findStreams(step);
  for (tile::ContractOp product : products) {
    if (failed(checkOperands(product))) {
      return failure();
    }
    if (forms[product.getRhs()].kind != Form::Near) {
      return product.emitError("expected the right operand of a product over a "
                               "channel rank in near memory");
    }
  }
  llvm::MapVector<Value, Form> stored;
  auto prepareRoot = [&](Value v, bool store, bool pairs) -> LogicalResult {
    if (failed(prepare(v))) {
      return failure();
    }
    if (store) {
      Form &form = stored[v];
      form.kind = Form::Near;
      Value &buffer = pairs ? form.pairs : form.buffer;
      buffer = pairs ? allocNear(weightsSize(extentOf(v)), b.getBF16Type())
                     : allocNear(nearSize(extentOf(v)),
                                 getElementTypeOrSelf(v.getType()));
    }
    return success();
  };
  for (tile::ReduceOp reduce : reductions) {
    if (failed(prepareRoot(reduce.getValue(), false, false))) {
      return failure();
    }
  }
  for (Value v : step.stores[level]) {
    if (failed(prepareRoot(v, true, false))) {
      return failure();
    }
  }
  for (Value v : step.pairStores[level]) {
    if (failed(prepareRoot(v, true, !isScaledByGroup(v)))) {
      return failure();
    }
  }
  for (tile::ContractOp product : products) {
    if (usesBlocks(product) && failed(storeScores(product))) {
      return failure();
    }
  }
  if (failed(sweepRows(step, level, stored))) {
    return failure();
  }
  for (auto &[value, form] : stored) {
    forms[value] = form;
  }
  return success();
}

/// All rows, vector by vector of keys.
LogicalResult NarrowEmitter::sweepRows(Step &step, unsigned level,
                                       llvm::MapVector<Value, Form> &stored) {
  auto &reductions = step.reductions[level];
  int64_t lanes = schedule.getLanes(), rows = schedule.getRows();
  SmallVector<Value> inits;
  for (tile::ReduceOp reduce : reductions) {
    Type element = getElementTypeOrSelf(reduce.getType());
    inits.append(rows, neutral(reduce.getCombine(), element));
  }
  auto loop = scf::ForOp::create(b, loc, index(0), step.count, index(lanes),
                                 inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value x = loop.getInductionVar();
  SmallVector<Value> running(loop.getRegionIterArgs());
  SmallVector<Vectors> scores; // by product, then row
  for (tile::ContractOp product : step.products[level]) {
    FailureOr<Vectors> ofProduct = usesBlocks(product)
                                       ? loadScores(product, x)
                                       : emitScores(product, x, step.count);
    if (failed(ofProduct)) {
      return failure();
    }
    scores.push_back(*ofProduct);
  }
  // While weights are computed nothing else comes from memory. (What must be
  // decoded is bound by that.)
  bool asks = schedule.getBlocks() && !step.pairStores[level].empty() &&
              llvm::none_of(later, [](tile::LoadOp load) {
                return llvm::any_of(load->getUsers(), [](Operation *user) {
                  return !isa<tile::ContractOp>(user);
                });
              });
  DenseMap<Value, Value> perX;
  for (int64_t i = 0; i < rows; ++i) {
    DenseMap<Value, Value> perVector;
    for (auto [product, values] :
         llvm::zip_equal(step.products[level], scores)) {
      perVector[product.getResult()] = values[i];
    }
    for (int64_t k = 0; asks && k < lanes / rows; ++k) {
      prefetchRow(later, add(x, i * (lanes / rows) + k), 0, step.count);
    }
    Point point{x, 0, &perX, &perVector, index(i)};
    for (auto [n, reduce] : llvm::enumerate(reductions)) {
      FailureOr<Value> value = eval(reduce.getValue(), point);
      if (failed(value)) {
        return failure();
      }
      Value &r = running[n * rows + i];
      r = combine(reduce.getCombine(), r, *value);
    }
    for (auto &[tile, form] : stored) {
      FailureOr<Value> value = eval(tile, point);
      if (failed(value)) {
        return failure();
      }
      Value at = nearIndex(x, point.row, extentOf(tile));
      if (form.buffer) {
        storeVector(*value, form.buffer, at);
      }
      if (form.pairs) {
        storeVector(narrowTo(*value, b.getBF16Type()), form.pairs,
                    weightsIndex(x, point.row, extentOf(tile)));
      }
    }
  }
  yield(running);
  b.setInsertionPointAfter(loop);
  for (auto [n, reduce] : llvm::enumerate(reductions)) {
    Vectors ofRows(loop.getResults().slice(n * rows, rows));
    Form form;
    form.kind = Form::Rows;
    form.rows.push_back(
        reduceRows(reduce.getCombine(), std::move(ofRows)));
    forms[reduce.getResult()] = form;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Product over keys
//===----------------------------------------------------------------------===//

/// One weight, or the weights of a pair of keys, in all lanes.
Value NarrowEmitter::broadcastWeight(Value buffer, Value at, bool pairs) {
  int64_t lanes = schedule.getLanes();
  if (!pairs) {
    Value v = memref::LoadOp::create(b, loc, buffer, at);
    return vector::BroadcastOp::create(b, loc, vectorOf(v.getType()), v);
  }
  Type i32 = b.getI32Type(), bf16 = b.getBF16Type();
  Value two = loadVector(buffer, at, VectorType::get({2}, bf16));
  Value word =
      vector::BitCastOp::create(b, loc, VectorType::get({1}, i32), two);
  Value bits = vector::ExtractOp::create(b, loc, word, 0);
  Value all = vector::BroadcastOp::create(b, loc, vectorOf(i32), bits);
  return vector::BitCastOp::create(b, loc,
                                   VectorType::get({2 * lanes}, bf16), all);
}

/// Which rows see which keys of a partial step, [row][x] in bytes.
FailureOr<Value> NarrowEmitter::storeVisible(Value visible, Value count) {
  if (failed(prepare(visible))) {
    return failure();
  }
  int64_t extent = extentOf(visible), lanes = schedule.getLanes();
  Value seen = allocNear(nearSize(extent), b.getI8Type());
  OpBuilder::InsertionGuard guard(b);
  auto rows = scf::ForOp::create(b, loc, index(0), index(schedule.getRows()),
                                 index(1));
  b.setInsertionPointToStart(rows.getBody());
  auto loop = scf::ForOp::create(b, loc, index(0), count, index(lanes));
  b.setInsertionPointToStart(loop.getBody());
  DenseMap<Value, Value> perX, perVector;
  Point point{loop.getInductionVar(), 0, &perX, &perVector,
              rows.getInductionVar()};
  FailureOr<Value> mask = eval(visible, point);
  if (failed(mask)) {
    return failure();
  }
  Value bytes =
      arith::ExtUIOp::create(b, loc, vectorOf(b.getI8Type()), *mask);
  storeVector(bytes, seen, nearIndex(point.x, point.row, extent));
  return seen;
}

/// Both products read their left operand in place, or compute it from what
/// they read.
LogicalResult NarrowEmitter::checkOperands(tile::ContractOp op) {
  Value lhs = op.getLhs();
  if (hasRow(lhs) || tile::getRanks(lhs.getType()).size() != 2 ||
      !(lhs.getDefiningOp<tile::LoadOp>() || tile::isRecipe(lhs))) {
    return op.emitError("expected the left operand of a product to be loaded "
                        "or computed from loads, and independent of the row "
                        "rank");
  }
  return success();
}

/// Writes tile [channel, row] to `buffer`, with `product`, which sums over the
/// keys, computed on the way.
LogicalResult NarrowEmitter::emitWide(Value tile, tile::ContractOp product,
                                      Value buffer, Value count) {
  Value start = findStart(tile, product);
  if (failed(checkOperands(product)) || failed(prepare(tile))) {
    return failure();
  }
  Value seen;
  auto guarded = product.getRhs().getDefiningOp<tile::GuardOp>();
  if (partial && guarded) {
    FailureOr<Value> stored = storeVisible(guarded.getVisible(), count);
    if (failed(stored)) {
      return failure();
    }
    seen = *stored;
  }
  int64_t channels = extentOf(tile);
  int64_t span = schedule.getBlock() * schedule.getLanes();
  int64_t whole = channels / span * span;
  auto emit = [&](Value base, int64_t size) {
    return forEachGroup([&](Value firstRow) {
      return emitChannels(tile, product, start, seen, buffer, count, base, size,
                          firstRow);
    });
  };
  // What is computed wants to know its channels: which nibble they are.
  for (int64_t c = 0; c < whole && tile::isRecipe(product.getLhs()); c += span) {
    if (failed(emit(index(c), span))) {
      return failure();
    }
  }
  if (whole > 0 && !tile::isRecipe(product.getLhs())) {
    auto loop =
        scf::ForOp::create(b, loc, index(0), index(whole), index(span));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    if (failed(emit(loop.getInductionVar(), span))) {
      return failure();
    }
  }
  return whole == channels ? success() : emit(index(whole), channels - whole);
}

/// On the way through channels base, ... at key x: asks for a part of the keys
/// to come, or of those that the first product did not ask for.
void NarrowEmitter::prefetchRest(tile::ContractOp product, Value base, Value x,
                                 int64_t stride, Value count) {
  int64_t span = schedule.getBlock() * schedule.getLanes();
  int64_t width = cast<RankedTensorType>(product.getLhs().getType()).getDimSize(1);
  int64_t passes = llvm::divideCeil(width, span);
  int64_t perPass = schedule.getKeys() / stride;
  Value part = add(mul(arith::DivUIOp::create(b, loc, base, index(span)), perPass),
                   arith::DivUIOp::create(b, loc, x, index(stride)));
  SmallVector<tile::LoadOp> loads = llvm::filter_to_vector(
      loadsOf(product),
      [&](tile::LoadOp load) { return llvm::is_contained(later, load); });
  int64_t keys = schedule.getKeys(), ahead = schedule.getAhead();
  if (int64_t distance = schedule.getDistance()) {
    prefetch(loads, distance, keys, part, passes * perPass, count);
  } else if (ahead > 0) {
    prefetch(loads, ahead, keys - ahead, part, passes * perPass, count);
  }
}

/// Channels base, ... (`size` of them) of a group of rows.
LogicalResult NarrowEmitter::emitChannels(Value tile, tile::ContractOp product,
                                          Value start, Value seen, Value buffer,
                                          Value count, Value base,
                                          int64_t size, Value firstRow) {
  const Form &weights = forms[product.getRhs()];
  bool pairs = usesPairs(product);
  int64_t lanes = schedule.getLanes(), rows = groupOfRows();
  int64_t extent = extentOf(product.getRhs());
  int64_t vectors = llvm::divideCeil(size, lanes);
  auto evalAt = [&](Value v, int64_t i, int64_t n,
                    Value sum) -> FailureOr<Value> {
    DenseMap<Value, Value> perX, perVector;
    if (sum) {
      perVector[product.getResult()] = sum;
    }
    Point point{add(base, n * lanes), 0, &perX, &perVector, add(firstRow, i)};
    return eval(v, point);
  };
  Vectors init;
  Value zero = arith::ConstantOp::create(
      b, loc, b.getZeroAttr(vectorOf(b.getF32Type())));
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t n = 0; n < vectors; ++n) {
      FailureOr<Value> value = start ? evalAt(start, i, n, {}) : zero;
      if (failed(value)) {
        return failure();
      }
      init.push_back(*value);
    }
  }
  int64_t stride = pairs ? 2 : 1;
  auto loop =
      scf::ForOp::create(b, loc, index(0), count, index(stride), init);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value x = loop.getInductionVar();
    Vectors sums(loop.getRegionIterArgs());
    prefetchRest(product, base, x, stride, count);
    FailureOr<Vectors> values =
        loadValues(product.getLhs(), x, base, size, pairs, count);
    if (failed(values)) {
      return failure();
    }
    for (int64_t i = 0; i < rows; ++i) {
      Value at = nearIndex(x, add(firstRow, i), extent);
      Value w = broadcastWeight(pairs ? weights.pairs : weights.buffer, at,
                                pairs);
      Value visible;
      if (seen) {
        Value byte = memref::LoadOp::create(b, loc, seen, at);
        visible = arith::TruncIOp::create(b, loc, b.getI1Type(), byte);
      }
      for (int64_t n = 0; n < vectors; ++n) {
        Value &sum = sums[i * vectors + n];
        Value next =
            pairs
                ? tile::DotPairsOp::create(b, loc, sum, (*values)[n], w)
                      .getResult()
                : vector::FMAOp::create(b, loc, (*values)[n], w, sum)
                      .getResult();
        // A key that a row does not see does not take part, whatever its
        // value: a NaN there times a weight of zero would reach the row.
        sum = visible ? arith::SelectOp::create(b, loc, visible, next, sum)
                            .getResult()
                      : next;
      }
    }
    yield(sums);
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t n = 0; n < vectors; ++n) {
      Value value = loop.getResult(i * vectors + n);
      if (!start && tile != product.getResult()) {
        FailureOr<Value> evaluated = evalAt(tile, i, n, value);
        if (failed(evaluated)) {
          return failure();
        }
        value = *evaluated;
      }
      storeVector(value, buffer,
                  nearIndex(add(base, n * lanes), add(firstRow, i), extentOf(tile)));
    }
  }
  return success();
}

/// Values of key x (or of the pair x, x + 1, side by side) at channels base,
/// ...: vectors of lanes.
FailureOr<NarrowEmitter::Vectors>
NarrowEmitter::loadValues(Value tile, Value x, Value base, int64_t size,
                          bool pairs, Value count) {
  int64_t lanes = schedule.getLanes(), channel = 0;
  if (std::optional<int64_t> known = getConstantIntValue(base)) {
    channel = *known;
    base = Value();
  }
  Vectors values;
  if (pairs && tile::isRecipe(tile)) {
    for (int64_t c = 0; c < size; c += lanes) {
      FailureOr<Value> low =
          readChannels(tile, x, base, channel + c, lanes, false, count);
      FailureOr<Value> high =
          readChannels(tile, add(x, 1), base, channel + c, lanes, false, count);
      if (failed(low) || failed(high)) {
        return failure();
      }
      values.push_back(zipHalves(*low, *high));
    }
    return values;
  }
  // Of 16-bit values two vectors at once, if there are two: a whole register.
  for (int64_t c = 0, width; c < size; c += width) {
    width = pairs && size - c > lanes ? 2 * lanes : lanes;
    FailureOr<Value> low =
        readChannels(tile, x, base, channel + c, width, pairs, count);
    if (failed(low)) {
      return failure();
    }
    if (!pairs) {
      values.push_back(*low);
      continue;
    }
    FailureOr<Value> high =
        readChannels(tile, add(x, 1), base, channel + c, width, pairs, count);
    if (failed(high)) {
      return failure();
    }
    Value both = vector::InterleaveOp::create(b, loc, *low, *high);
    for (int64_t part = 0; part < width; part += lanes) {
      values.push_back(vector::ExtractStridedSliceOp::create(
          b, loc, both, ArrayRef<int64_t>{2 * part},
          ArrayRef<int64_t>{2 * lanes}, ArrayRef<int64_t>{1}));
    }
  }
  return values;
}
