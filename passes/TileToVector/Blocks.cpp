//===- Blocks.cpp - products of pairs from memory -------------------------===//
//
// Where a processor multiplies blocks that lie in memory (`tile.dot_block`),
// products read and write near memory, with pairs of the contracted rank side
// by side:
//
//   scores^T [32 keys][32 rows]      = K [32 keys][channels]
//                                      x Q^T [channels / 2][32 rows][2]
//   output^T [channels][32 rows]    += V^T [channels][keys]
//                                      x weights [keys / 2][32 rows][2]
//
// K is copied once per step, V turned, both into squares of 16 by 32 that are
// read one after another; all panels of a task read them. Scores are taken 32
// keys before their maxima, so that both are under way at once. Sums over the
// keys are added straight onto the carried state, after it was scaled. (Sums of
// 64 keys taken between the exponentials of the next 64 were slower: loading and
// storing the sums more often costs more than what overlaps.)
//
// In partial steps the same holds if all values of the step are finite: a key
// that a row does not see has the weight 0 for it. Otherwise such steps go on
// in registers (Products.cpp).
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "fovea/dialects/Tile/Recipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

/// True if the product sums over the stream.
static bool sumsOverStream(tile::ContractOp op) {
  StringRef first = tile::getRanks(op.getLhs().getType())[0];
  return tile::findRank(op.getType(), first) < 0;
}

bool Emitter::usesBlocks(tile::ContractOp op) {
  return schedule.getBlocks() && (!partial || finite) &&
         schedule.getRows() % kBlockHeight == 0 &&
         extentOf(op.getLhs()) % kBlockDepth == 0 && usesPairs(op);
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

/// Brings the left operand into near memory, and the values into the order that
/// blocks read, unless they are there.
LogicalResult Emitter::prepareBlocks(tile::ContractOp op, Value count) {
  if (!usesBlocks(op)) {
    return success();
  }
  auto type = cast<RankedTensorType>(op.getLhs().getType());
  Form form = forms.lookup(op.getLhs());
  if (sumsOverStream(op)) {
    if (!form.turned) {
      form.turned = turnPairs(form.packed, type.getDimSize(0),
                              type.getDimSize(1), count);
    }
  } else if (!form.squares) {
    form.squares = copyRows(op.getLhs(), form.halves, count);
  }
  forms[op.getLhs()] = form;
  return success();
}

/// Copies `count` rows of a 16-bit operand, or of what was computed of one, into
/// squares, with zeros beyond their width.
Value Emitter::copyRows(Value tile, Value computed, Value count) {
  auto type = cast<RankedTensorType>(tile.getType());
  int64_t width = type.getDimSize(1), wide = padded(width, kBlockDepth);
  Value buffer = allocNear(type.getDimSize(0) * wide, b.getBF16Type());
  auto load = tile.getDefiningOp<tile::LoadOp>();
  Value flat = computed ? computed : flatten(load.getSource()).flat;
  auto loop = scf::ForOp::create(b, loc, index(0), count, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value x = loop.getInductionVar();
  Value from = computed ? mul(x, width) : rowOffset(load, x, count);
  Value inside = arith::RemUIOp::create(b, loc, x, index(kBlockHeight));
  Value to = add(mul(arith::SubIOp::create(b, loc, x, inside), wide),
                 mul(inside, kBlockDepth));
  auto part = VectorType::get({kBlockDepth}, b.getBF16Type());
  for (int64_t c = 0; c < width; c += kBlockDepth) {
    storeVector(loadFirst(flat, add(from, c), part, width - c), buffer,
                add(to, c * kBlockHeight));
  }
  return buffer;
}

/// [x / 2][channel][x % 2] as [channel][x] in squares; what lies beyond `count`
/// or the last channel there comes along.
Value Emitter::turnPairs(Value packed, int64_t extent, int64_t channels,
                         Value count) {
  int64_t lanes = schedule.getLanes();
  Value buffer =
      allocNear(extent * padded(channels, kBlockHeight), b.getBF16Type());
  auto two = VectorType::get({2 * lanes}, b.getBF16Type());
  auto words = VectorType::get({lanes}, b.getI32Type());
  auto keys =
      scf::ForOp::create(b, loc, index(0), count, index(2 * lanes));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(keys.getBody());
  auto squares =
      scf::ForOp::create(b, loc, index(0), index(channels), index(lanes));
  b.setInsertionPointToStart(squares.getBody());
  Value x = keys.getInductionVar(), c = squares.getInductionVar();
  SmallVector<Value> square;
  for (int64_t i = 0; i < lanes; ++i) {
    Value at = add(mul(add(x, 2 * i), channels), mul(c, 2));
    square.push_back(vector::BitCastOp::create(
        b, loc, words, loadVector(packed, at, two)));
  }
  square = transpose(square);
  for (int64_t i = 0; i < lanes; ++i) {
    Value at = add(add(mul(c, extent), mul(x, kBlockHeight)), i * kBlockDepth);
    storeVector(vector::BitCastOp::create(b, loc, two, square[i]), buffer, at);
  }
  return buffer;
}

/// True if no value before `count` is infinite or NaN. Reads `packed` in whole
/// runs of 32 rows.
Value Emitter::areFinite(Value packed, int64_t channels, Value count) {
  constexpr int32_t kExponent = 0x7F80;
  int64_t lanes = 2 * schedule.getLanes();
  auto values = VectorType::get({lanes}, b.getBF16Type());
  auto words = VectorType::get({lanes}, b.getI16Type());
  auto splat = [&](int32_t v) -> Value {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(words, llvm::APInt(16, v)));
  };
  Value runs = arith::CeilDivUIOp::create(b, loc, count, index(kBlockDepth));
  Value end = mul(runs, kBlockDepth * channels);
  auto loop = scf::ForOp::create(b, loc, index(0), end, index(lanes),
                                 ValueRange{splat(0)});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Value v = loadVector(packed, loop.getInductionVar(), values);
    Value bits = vector::BitCastOp::create(b, loc, words, v);
    bits = arith::AndIOp::create(b, loc, bits, splat(kExponent));
    yield(ValueRange{arith::MaxUIOp::create(b, loc, loop.getRegionIterArg(0),
                                            bits)});
  }
  Value most = vector::ReductionOp::create(
      b, loc, vector::CombiningKind::MAXUI, loop.getResult(0));
  Value exponent = arith::ConstantIntOp::create(b, loc, kExponent, 16);
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, most,
                               exponent);
}

//===----------------------------------------------------------------------===//
// Products that keep the keys
//===----------------------------------------------------------------------===//

/// Where sweeps of a step end: blocks take whole runs of keys, and weights of
/// those beyond the step's are 0.
Value Emitter::blockEnd(Step &step) {
  if (!schedule.getBlocks() || !partial || !finite) {
    return step.count;
  }
  Value runs = arith::CeilDivUIOp::create(b, loc, step.count, index(kBlockDepth));
  return mul(runs, kBlockDepth);
}

/// Writes the product at keys [begin, end), whole runs, to `buffer`.
void Emitter::emitScores(tile::ContractOp op, Value buffer, Value begin,
                         Value end) {
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  int64_t channels = padded(lhs.getDimSize(1), kBlockDepth);
  int64_t rows = schedule.getRows();
  auto loop = scf::ForOp::create(b, loc, begin, end, index(kBlockDepth));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value x = loop.getInductionVar();
  tile::DotBlockOp::create(b, loc, forms[op.getLhs()].squares, mul(x, channels),
                           forms[op.getRhs()].pairs, index(0), buffer,
                           mul(x, rows), index(channels / 2), channels,
                           2 * rows, rows, kBlockDepth, rows, /*zero=*/true);
}

/// Emits a sweep whose product is taken in blocks: 32 keys, then the rest of the
/// sweep for these.
FailureOr<SmallVector<Value>> Emitter::emitRuns(Sweep &sweep,
                                                ValueRange inits) {
  auto runs = scf::ForOp::create(b, loc, sweep.step.begin, blockEnd(sweep.step),
                                 index(kBlockDepth), inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(runs.getBody());
  Value begin = runs.getInductionVar(), end = add(begin, kBlockDepth);
  emitScores(sweep.product, forms[sweep.product.getResult()].buffer, begin, end);
  FailureOr<SmallVector<Value>> next =
      emitBlocks(sweep, begin, end, runs.getRegionIterArgs());
  if (failed(next)) {
    return failure();
  }
  yield(*next);
  return SmallVector<Value>(runs.getResults());
}

//===----------------------------------------------------------------------===//
// Sums over the keys
//===----------------------------------------------------------------------===//

/// Adds the product to `buffer` [channel][row], or writes it.
LogicalResult Emitter::emitSums(Step &step, tile::ContractOp op, Value buffer,
                                bool isAdded) {
  if (failed(prepareOperands(op, step.count))) {
    return failure();
  }
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  int64_t extent = lhs.getDimSize(0);
  int64_t channels = padded(lhs.getDimSize(1), kBlockHeight);
  int64_t rows = schedule.getRows(), height = 2 * kBlockHeight;
  Value keys = arith::SubIOp::create(b, loc, blockEnd(step), step.begin);
  Value pairs = arith::DivUIOp::create(b, loc, keys, index(2));
  auto emit = [&](Value channel, int64_t size) {
    tile::DotBlockOp::create(
        b, loc, forms[op.getLhs()].turned,
        add(mul(channel, extent), mul(step.begin, kBlockHeight)),
        forms[op.getRhs()].pairs, mul(step.begin, rows), buffer,
        mul(channel, rows), pairs, extent, 2 * rows, rows, size, rows,
        /*zero=*/!isAdded);
  };
  int64_t whole = channels / height * height;
  auto loop = scf::ForOp::create(b, loc, index(0), index(whole), index(height));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    emit(loop.getInductionVar(), height);
  }
  if (whole < channels) {
    emit(index(whole), channels - whole);
  }
  return success();
}

/// A state that grows by a product of blocks: scaled in place, then added to.
/// Other updates do not read its old value any more.
LogicalResult Emitter::emitGrowingState(Step &step, Value tile,
                                        tile::ContractOp product, Value old,
                                        Value buffer) {
  Value start = findStart(tile, product);
  if (!start) {
    Form form;
    form.kind = Form::Near;
    form.buffer = allocNear(nearSize(extentOf(tile)), b.getF32Type());
    if (failed(emitSums(step, product, form.buffer, /*isAdded=*/false))) {
      return failure();
    }
    forms[product.getResult()] = form;
    return materialize(tile, buffer);
  }
  if (start != old && failed(materialize(start, buffer))) {
    return failure();
  }
  return emitSums(step, product, buffer, /*isAdded=*/true);
}
