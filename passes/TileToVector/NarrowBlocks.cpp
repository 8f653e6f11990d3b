//===- NarrowBlocks.cpp - few rows, products from memory ------------------===//
//
// Tasks of few rows on a processor that multiplies blocks which lie in memory
// (`tile.dot_block`). Rows are the small side of both products, and neither
// operand is turned. With 4 rows:
//
//   scores [keys][4]       = K [keys][channels] x Q^T [channels / 2][4][2]
//   output [4][channels]  += weights [4][keys] x V [keys / 2][channels][2]
//
// K is copied into squares of 16 by 32, of V pairs of keys are put side by side:
// one instruction for a register each, against eight for products in registers
// of 4 rows. What is stored in another type is decoded on the way. Between the
// products lanes run along keys as in NarrowSweeps.cpp, so scores are turned
// when they are read:
//
//   k0r0 k0r1 k1r0 k1r1     ->     k0r0 k1r0 k2r0 k3r0
//   k2r0 k2r1 k3r0 k3r1            k0r1 k1r1 k2r1 k3r1
//
// Where the elements of K are whole numbers times a scale of each group of
// channels, scales leave the sums: numbers are exact in bf16, and a table gives
// them (dialects/Tile/Recipe.h). Of 64 channels in two groups:
//
//   scores          = s0 * (K0 x Q0^T) + s1 * (K1 x Q1^T)
//   output of group = (weights * s of the group) x V of the group
//
// Partial steps are few, and their values may be any: they go in registers, in
// f32.
//
//===----------------------------------------------------------------------===//

#include "Narrow.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

/// Channels of a sum that are taken together: four blocks of sums share what is
/// loaded of the weights.
static constexpr int64_t kChannels = 64;

bool NarrowEmitter::usesBlocks(tile::ContractOp op) {
  return schedule.getBlocks() && !partial &&
         extentOf(op.getLhs()) % kBlockDepth == 0 && usesPairs(op);
}

//===----------------------------------------------------------------------===//
// Scales of groups
//===----------------------------------------------------------------------===//

/// The load of a scale that groups of the last rank share, perhaps widened.
static tile::LoadOp findScale(Value v) {
  while (isa_and_nonnull<arith::ExtFOp, tile::BroadcastOp>(v.getDefiningOp())) {
    v = v.getDefiningOp()->getOperand(0);
  }
  auto load = v.getDefiningOp<tile::LoadOp>();
  if (!load || !load.getSplit()) {
    return {};
  }
  StringRef last = cast<StringAttr>(load.getDims().getValue().back()).getValue();
  tile::DimWalk walk = tile::parseDimWalk(last);
  bool isOfGroups = walk.part == tile::DimWalk::Quotient &&
                    walk.rank == tile::getRanks(load.getType()).back();
  return isOfGroups ? load : tile::LoadOp();
}

/// True if bf16 holds every value: a byte or less as a float.
static bool isExact(Value v) {
  auto number = v.getDefiningOp<arith::SIToFPOp>();
  return number &&
         getElementTypeOrSelf(number.getIn().getType()).getIntOrFloatBitWidth() <=
             8;
}

NarrowEmitter::Grouped NarrowEmitter::findGroups(tile::ContractOp op) {
  Value v = op.getLhs();
  if (auto rounded = v.getDefiningOp<arith::TruncFOp>()) {
    v = rounded.getIn();
  }
  auto product = v.getDefiningOp<arith::MulFOp>();
  if (!product || !usesBlocks(op)) {
    return {};
  }
  for (unsigned i : {0, 1}) {
    tile::LoadOp scale = findScale(product->getOperand(i));
    Value numbers = product->getOperand(1 - i);
    if (!scale || !isExact(numbers)) {
      continue;
    }
    int64_t width = cast<RankedTensorType>(v.getType()).getDimSize(1);
    int64_t size = getConstantIntValue(scale.getSplit()).value_or(width + 1);
    int64_t count = width / size;
    if (size % kBlockDepth == 0 && width % size == 0 &&
        llvm::isPowerOf2_64(count) && count <= schedule.getLanes()) {
      return {numbers, scale, Value(), size, count};
    }
  }
  return {};
}

/// True if the weights are kept in f32, to be scaled for each group: if all
/// products that read them have groups.
bool NarrowEmitter::isScaledByGroup(Value weights) {
  return llvm::all_of(weights.getUsers(), [&](Operation *user) {
    auto product = dyn_cast<tile::ContractOp>(user);
    return !product || findGroups(product).count > 0;
  });
}

/// Stores the scales of key x at `at` of near memory, in f32.
void NarrowEmitter::copyScales(const Grouped &groups, Value x, Value scales,
                               Value at) {
  tile::LoadOp load = groups.scale;
  auto type = VectorType::get({groups.count}, load.getType().getElementType());
  Value v = loadVector(flatten(load.getSource()).flat,
                       rowOffset(load, x, stepCount), type);
  storeVector(toF32(v), scales, at);
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

/// Of operands with rows that products over channels read: [row][x], or with
/// blocks [x / 2][row][2].
Value NarrowEmitter::pairsIndex(Value x, Value row, int64_t extent) {
  if (!schedule.getBlocks()) {
    return nearIndex(x, row, extent);
  }
  Value parity = arith::RemUIOp::create(b, loc, x, index(2));
  Value even = arith::SubIOp::create(b, loc, x, parity);
  return add(add(mul(even, schedule.getRows()), mul(row, 2)), parity);
}

/// Elements of weights in bf16 of `extent` keys, and where one of them is:
/// [row][key], or with blocks in squares of which the first rows are used.
int64_t NarrowEmitter::weightsSize(int64_t extent) {
  return schedule.getBlocks() ? kBlockHeight * extent : nearSize(extent);
}

Value NarrowEmitter::weightsIndex(Value x, Value row, int64_t extent) {
  if (!schedule.getBlocks()) {
    return nearIndex(x, row, extent);
  }
  Value inside = arith::RemUIOp::create(b, loc, x, index(kBlockDepth));
  Value square = arith::SubIOp::create(b, loc, x, inside);
  return add(add(mul(square, kBlockHeight), mul(row, kBlockDepth)), inside);
}

/// Emits, for every run of `run` keys: `fill`, which writes `elements` of near
/// memory from `at` on, and `use`, which reads them. A run is filled before the
/// last one is used: blocks read from the cache, which what was just stored has
/// not reached yet, and while they are multiplied the next keys come.
LogicalResult NarrowEmitter::alternate(int64_t run, int64_t elements,
                                       RunEmitter fill, RunEmitter use) {
  int64_t keys = schedule.getKeys();
  Value buffer = allocNear(2 * elements, b.getBF16Type());
  auto loop =
      scf::ForOp::create(b, loc, index(0), index(keys + run), index(run));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value next = loop.getInductionVar();
  auto emitIf = [&](arith::CmpIPredicate predicate, int64_t bound, Value x,
                    RunEmitter emit) {
    Value holds = arith::CmpIOp::create(b, loc, predicate, next, index(bound));
    auto branch = scf::IfOp::create(b, loc, holds);
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value number = arith::DivUIOp::create(b, loc, x, index(run));
    Value half = arith::RemUIOp::create(b, loc, number, index(2));
    return emit(x, buffer, mul(half, elements));
  };
  if (failed(emitIf(arith::CmpIPredicate::ult, keys, next, fill))) {
    return failure();
  }
  return emitIf(arith::CmpIPredicate::ugt, 0, add(next, -run), use);
}

/// The 16-bit integers that look up 64 channels from `c` of key x.
FailureOr<Value> NarrowEmitter::readNibbles(Value numbers, Value x, int64_t c) {
  int64_t lanes = schedule.getLanes();
  return withRecipe(x, stepCount, 2 * lanes,
                    [&](tile::RecipeEvaluator &recipe) {
                      return recipe.readGroups(numbers, index(c));
                    });
}

/// Makes the table of the numbers, if they have one and groups come in pairs, as
/// they are read.
LogicalResult NarrowEmitter::addTable(Grouped &groups) {
  if (groups.count == 0 || groups.count % 2 != 0) {
    return success();
  }
  FailureOr<Value> table =
      withRecipe({}, stepCount, schedule.getLanes(),
                 [&](tile::RecipeEvaluator &recipe) -> FailureOr<Value> {
                   return recipe.hasTable(groups.numbers)
                              ? recipe.getTable(groups.numbers)
                              : FailureOr<Value>(Value());
                 });
  if (failed(table)) {
    return failure();
  }
  groups.table = *table;
  return success();
}

/// Of 16-bit integers their first or second nibbles, looked up: bf16.
Value NarrowEmitter::lookUp(Value table, Value words, bool isHigh) {
  auto type = cast<VectorType>(words.getType());
  if (isHigh) {
    Value four = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, llvm::APInt(16, 4)));
    words = arith::ShRUIOp::create(b, loc, words, four);
  }
  return vector::BitCastOp::create(b, loc, type.clone(b.getBF16Type()),
                                   tile::PermuteOp::create(b, loc, table, words));
}

//===----------------------------------------------------------------------===//
// Products that keep the keys
//===----------------------------------------------------------------------===//

/// Copies keys first, ... (16 of them) of the left operand, or what is computed
/// of it, into squares, with zeros beyond their width.
LogicalResult NarrowEmitter::fillSquares(tile::ContractOp op,
                                         const Grouped &groups, Value scales,
                                         Value first, Value buffer, Value at) {
  Value left = groups.count > 0 ? groups.numbers : op.getLhs();
  int64_t lanes = schedule.getLanes();
  int64_t width = cast<RankedTensorType>(op.getLhs().getType()).getDimSize(1);
  auto loop =
      scf::ForOp::create(b, loc, index(0), index(kBlockHeight), index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value inside = loop.getInductionVar(), x = add(first, inside);
  prefetchRow(loadsOf(op), x, schedule.getDistance(), stepCount);
  Value to = add(at, mul(inside, kBlockDepth));
  for (int64_t c = 0; c < width && groups.table; c += 2 * kBlockDepth) {
    FailureOr<Value> words = readNibbles(left, x, c);
    if (failed(words)) {
      return failure();
    }
    // Both groups have a half of each.
    for (bool isHigh : {false, true}) {
      Value v = lookUp(groups.table, *words, isHigh);
      for (int64_t g : {0, 1}) {
        Value half = vector::ExtractStridedSliceOp::create(
            b, loc, v, ArrayRef<int64_t>{g * lanes}, ArrayRef<int64_t>{lanes},
            ArrayRef<int64_t>{1});
        storeVector(half, buffer,
                    add(to, (c + g * kBlockDepth) * kBlockHeight +
                                isHigh * lanes));
      }
    }
  }
  for (int64_t c = 0; c < width && !groups.table; c += kBlockDepth) {
    FailureOr<Value> v =
        readChannels(left, x, {}, c, kBlockDepth, /*pairs=*/true, stepCount);
    if (failed(v)) {
      return failure();
    }
    storeVector(*v, buffer, add(to, c * kBlockHeight));
  }
  if (groups.count > 0) {
    copyScales(groups, x, scales, mul(x, groups.count));
  }
  return success();
}

/// Takes the product of all keys of the step: [group][key][row] in near memory.
LogicalResult NarrowEmitter::storeScores(tile::ContractOp op) {
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  int64_t channels = llvm::alignTo(lhs.getDimSize(1), kBlockDepth);
  int64_t rows = schedule.getRows(), keys = lhs.getDimSize(0);
  Grouped groups = findGroups(op);
  if (failed(addTable(groups))) {
    return failure();
  }
  int64_t count = std::max<int64_t>(1, groups.count), size = channels / count;
  Scores held;
  held.products = allocNear(count * keys * rows, b.getF32Type());
  if (groups.count > 0) {
    held.scales = allocNear(count * keys, b.getF32Type());
  }
  scoresOf[op] = held;
  Value right = forms[op.getRhs()].pairs;
  return alternate(
      kBlockHeight, kBlockHeight * channels,
      [&](Value first, Value squares, Value at) {
        return fillSquares(op, groups, held.scales, first, squares, at);
      },
      [&](Value first, Value squares, Value at) {
        for (int64_t g = 0; g < count; ++g) {
          tile::DotBlockOp::create(
              b, loc, squares, add(at, g * size * kBlockHeight), right,
              index(g * size * rows), held.products,
              mul(add(first, g * keys), rows), index(size / 2), channels,
              2 * rows, rows, kBlockHeight, rows, /*zero=*/true);
        }
        return success();
      });
}

/// Turns one vector of keys: from [key][i], `n` (a power of two) of them at `at`,
/// to one vector for each i.
NarrowEmitter::Vectors NarrowEmitter::loadTurned(Value buffer, Value at,
                                                 int64_t n) {
  int64_t lanes = schedule.getLanes();
  Vectors v;
  for (int64_t i = 0; i < n; ++i) {
    v.push_back(
        loadVector(buffer, add(at, i * lanes), vectorOf(b.getF32Type())));
  }
  // Each round sorts by one more bit of i: vectors where it is clear come first.
  for (int64_t round = 1; round < n; round *= 2) {
    SmallVector<Vectors> sorted(2);
    for (int64_t parity : {0, 1}) {
      SmallVector<int64_t> mask;
      for (int64_t i = 0; i < lanes; ++i) {
        mask.push_back(2 * i + parity);
      }
      for (int64_t i = 0; i < n; i += 2) {
        sorted[parity].push_back(
            vector::ShuffleOp::create(b, loc, v[i], v[i + 1], mask));
      }
    }
    v = sorted[0];
    llvm::append_range(v, sorted[1]);
  }
  return v;
}

/// Scores of keys x, ... (one vector) with each row.
NarrowEmitter::Vectors NarrowEmitter::loadScores(tile::ContractOp op, Value x) {
  int64_t rows = schedule.getRows();
  int64_t keys = extentOf(op.getLhs());
  Grouped groups = findGroups(op);
  Scores held = scoresOf.lookup(op);
  if (groups.count == 0) {
    return loadTurned(held.products, mul(x, rows), rows);
  }
  Vectors scales =
      loadTurned(held.scales, mul(x, groups.count), groups.count);
  Vectors sums;
  for (int64_t g = 0; g < groups.count; ++g) {
    Vectors part =
        loadTurned(held.products, mul(add(x, g * keys), rows), rows);
    for (int64_t i = 0; i < rows; ++i) {
      if (g == 0) {
        sums.push_back(arith::MulFOp::create(b, loc, part[i], scales[g]));
      } else {
        sums[i] = vector::FMAOp::create(b, loc, part[i], scales[g], sums[i]);
      }
    }
  }
  return sums;
}

//===----------------------------------------------------------------------===//
// Sums over the keys
//===----------------------------------------------------------------------===//

/// Values of the keys x and x + 1 side by side, all channels: the nibbles are put
/// side by side and then looked up.
FailureOr<NarrowEmitter::Vectors>
NarrowEmitter::lookUpPairs(const Grouped &groups, Value x) {
  Vectors values;
  int64_t words = 2 * schedule.getLanes();
  for (int64_t c = 0; c < groups.count * groups.size; c += 2 * kBlockDepth) {
    FailureOr<Value> low = readNibbles(groups.numbers, x, c);
    FailureOr<Value> high = readNibbles(groups.numbers, add(x, 1), c);
    if (failed(low) || failed(high)) {
      return failure();
    }
    Value both = vector::InterleaveOp::create(b, loc, *low, *high);
    for (int64_t from : {int64_t(0), words}) {
      Value ofGroup = vector::ExtractStridedSliceOp::create(
          b, loc, both, ArrayRef<int64_t>{from}, ArrayRef<int64_t>{words},
          ArrayRef<int64_t>{1});
      values.push_back(lookUp(groups.table, ofGroup, false));
      values.push_back(lookUp(groups.table, ofGroup, true));
    }
  }
  return values;
}

/// Pairs of keys first, ... (32 of them) of the left operand side by side:
/// [x / 2][channel][x % 2], with zeros up to whole blocks of channels.
LogicalResult NarrowEmitter::fillPairs(tile::ContractOp op,
                                       const Grouped &groups, Value scales,
                                       Value first, Value buffer, Value at) {
  Value left = groups.count > 0 ? groups.numbers : op.getLhs();
  int64_t lanes = schedule.getLanes();
  int64_t width = cast<RankedTensorType>(op.getLhs().getType()).getDimSize(1);
  int64_t wide = llvm::alignTo(width, lanes);
  auto streams = llvm::filter_to_vector(loadsOf(op), [&](tile::LoadOp load) {
    return llvm::is_contained(later, load);
  });
  auto loop =
      scf::ForOp::create(b, loc, index(0), index(kBlockDepth), index(2));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value inside = loop.getInductionVar(), x = add(first, inside);
  prefetchRow(streams, x, schedule.getDistance(), stepCount);
  prefetchRow(streams, add(x, 1), schedule.getDistance(), stepCount);
  FailureOr<Vectors> values =
      groups.table
          ? lookUpPairs(groups, x)
          : loadValues(left, x, index(0), wide, /*pairs=*/true, stepCount);
  if (failed(values)) {
    return failure();
  }
  Value to = add(at, mul(inside, wide));
  for (auto [i, v] : llvm::enumerate(*values)) {
    storeVector(v, buffer, add(to, 2 * i * lanes));
  }
  for (int64_t i = 0; i < 2 && groups.count > 0; ++i) {
    copyScales(groups, add(x, i), scales,
               mul(add(inside, i), groups.count));
  }
  return success();
}

/// Weights of keys first, ... (32 of them) times the scales of each group, in
/// bf16: squares from `at` on.
void NarrowEmitter::scaleWeights(tile::ContractOp op, const Grouped &groups,
                                 Value scales, Value first, Value buffer,
                                 Value at) {
  int64_t lanes = schedule.getLanes();
  const Form &weights = forms[op.getRhs()];
  for (int64_t from = 0; from < kBlockDepth; from += lanes) {
    Vectors ofGroup =
        loadTurned(scales, index(from * groups.count), groups.count);
    for (int64_t i = 0; i < schedule.getRows(); ++i) {
      Value place = nearIndex(add(first, from), index(i), extentOf(op.getRhs()));
      Value w = loadVector(weights.buffer, place, vectorOf(b.getF32Type()));
      for (auto [g, scale] : llvm::enumerate(ofGroup)) {
        Value scaled = arith::MulFOp::create(b, loc, w, scale);
        storeVector(narrowTo(scaled, b.getBF16Type()), buffer,
                    add(at, g * kBlockHeight * kBlockDepth + i * kBlockDepth +
                                from));
      }
    }
  }
}

/// Adds the product to `buffer` [row][channel], or writes it.
LogicalResult NarrowEmitter::emitSums(Step &step, tile::ContractOp op,
                                      Value buffer, bool isAdded) {
  if (failed(checkOperands(op))) {
    return failure();
  }
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  int64_t width = lhs.getDimSize(1), rows = schedule.getRows();
  int64_t wide = llvm::alignTo(width, schedule.getLanes());
  Grouped groups =
      isScaledByGroup(op.getRhs()) ? findGroups(op) : Grouped();
  if (failed(addTable(groups))) {
    return failure();
  }
  int64_t square = kBlockHeight * kBlockDepth, values = kBlockDepth * wide;
  Value scales;
  if (groups.count > 0) {
    scales = allocNear(groups.count * kBlockDepth, b.getF32Type());
  }
  if (!isAdded) {
    clear(buffer, rows * padded(width));
  }
  auto addChannels = [&](Value weights, Value from, Value pairs, Value at,
                         Value channel, int64_t size) {
    tile::DotBlockOp::create(b, loc, weights, from, pairs,
                             add(at, mul(channel, 2)), buffer, channel,
                             index(kBlockDepth / 2), square, 2 * wide,
                             padded(width), rows, size, /*zero=*/false);
  };
  return alternate(
      kBlockDepth, values + groups.count * square,
      [&](Value first, Value near, Value at) {
        if (failed(fillPairs(op, groups, scales, first, near, at))) {
          return failure();
        }
        if (groups.count > 0) {
          scaleWeights(op, groups, scales, first, near, add(at, values));
        }
        return success();
      },
      [&](Value first, Value near, Value at) {
        for (int64_t g = 0; g < groups.count; ++g) {
          addChannels(near, add(at, values + g * square), near, at,
                      index(g * groups.size), groups.size);
        }
        if (groups.count > 0) {
          return success();
        }
        Value weights = forms[op.getRhs()].pairs;
        Value from = mul(first, kBlockHeight);
        int64_t whole = wide / kChannels * kChannels;
        auto loop = scf::ForOp::create(b, loc, index(0), index(whole),
                                       index(kChannels));
        {
          OpBuilder::InsertionGuard guard(b);
          b.setInsertionPointToStart(loop.getBody());
          addChannels(weights, from, near, at, loop.getInductionVar(),
                      kChannels);
        }
        if (whole < wide) {
          addChannels(weights, from, near, at, index(whole), wide - whole);
        }
        return success();
      });
}
