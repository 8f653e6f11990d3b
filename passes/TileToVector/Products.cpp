//===- Products.cpp - matrix products as register tiles -------------------===//
//
// A register tile is `block` coordinates of the left operand by all vectors of
// rows. Per step of the contracted rank: one vector load per vector of rows,
// one broadcast per coordinate, and their outer product:
//
//   acc[i][v] += broadcast(lhs[i, c]) * rhs[c, v]
//
// With paired atoms a step takes two coordinates of the contracted rank; the
// two 16-bit values lie side by side in both operands.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "fovea/dialects/Tile/Recipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace fovea;

static StringRef contractedRank(tile::ContractOp op) {
  for (StringRef rank : tile::getRanks(op.getLhs().getType())) {
    if (tile::findRank(op.getType(), rank) < 0) {
      return rank;
    }
  }
  llvm_unreachable("verified");
}

/// True if the weight of a key that a row does not see is 0.
static bool hidesUnseen(tile::ContractOp op) {
  auto guarded = op.getRhs().getDefiningOp<tile::GuardOp>();
  return guarded && matchPattern(guarded.getOtherwise(), m_AnyZeroFloat());
}

/// Paired atoms take bf16 operands and an even contracted extent. A right
/// operand in f32 (weights) is rounded when it is stored. Partial steps pair
/// keys only if their values are finite: a key that a row does not see must not
/// reach it, even if it is NaN.
bool Emitter::usesPairs(tile::ContractOp op) {
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  auto rhs = cast<RankedTensorType>(op.getRhs().getType());
  int64_t extent =
      lhs.getDimSize(tile::findRank(lhs, contractedRank(op)));
  Type r = rhs.getElementType();
  bool computed = !op.getRhs().getDefiningOp<tile::LoadOp>();
  bool pairsKeys = tile::getRanks(lhs)[0] == contractedRank(op);
  return schedule.getPairs() &&
         !(partial && schedule.getNarrow() && schedule.getBlocks()) &&
         !(partial && pairsKeys && !(finite && hidesUnseen(op))) &&
         lhs.getElementType().isBF16() &&
         (r.isBF16() || (r.isF32() && computed)) && extent % 2 == 0 &&
         (op.getLhs().getDefiningOp<tile::LoadOp>() ||
          tile::isRecipe(op.getLhs()));
}

/// Brings the left operand into the form that the product reads.
LogicalResult Emitter::prepareOperands(tile::ContractOp op, Value count) {
  if (tile::isRecipe(op.getLhs())) {
    bool overStream =
        contractedRank(op) == tile::getRanks(op.getLhs().getType())[0];
    return failed(prepareRecipe(op, overStream, count))
               ? failure()
               : prepareBlocks(op, count);
  }
  auto load = op.getLhs().getDefiningOp<tile::LoadOp>();
  if (!load || hasRow(op.getLhs())) {
    return op.emitError("expected the left operand of a product to be loaded "
                        "or computed from loads, and independent of the row "
                        "rank");
  }
  Form &form = forms[load.getResult()];
  if (load.getTable() && !form.offsets) {
    fillOffsets(load, count);
  }
  bool overStream = contractedRank(op) == tile::getRanks(load.getType())[0];
  if (usesPairs(op)) {
    if (overStream && !form.packed) {
      Value packed = packFar(load, count);
      forms[load.getResult()].packed = packed;
    }
    return prepareBlocks(op, count);
  }
  if (!load.getType().getElementType().isF32() && !form.decoded) {
    Value decoded = decodeFar(load, count);
    forms[load.getResult()].decoded = decoded;
  }
  return success();
}

namespace {

/// Broadcasts one element, or one pair of 16-bit elements, to all lanes.
struct Broadcaster {
  OpBuilder &b;
  Location loc;
  int64_t lanes;

  Value element(Value buffer, Value at) {
    Value v = memref::LoadOp::create(b, loc, buffer, at);
    return vector::BroadcastOp::create(
        b, loc, VectorType::get({lanes}, v.getType()), v);
  }

  Value pair(Value buffer, Value at) {
    Type bf16 = b.getBF16Type(), i32 = b.getI32Type();
    Value two = vector::LoadOp::create(b, loc, VectorType::get({2}, bf16),
                                       buffer, at);
    Value word =
        vector::BitCastOp::create(b, loc, VectorType::get({1}, i32), two);
    Value bits = vector::ExtractOp::create(b, loc, word, 0);
    Value all = vector::BroadcastOp::create(
        b, loc, VectorType::get({lanes}, i32), bits);
    return vector::BitCastOp::create(
        b, loc, VectorType::get({2 * lanes}, bf16), all);
  }
};

} // namespace

/// One vector of rows of a right operand: f32, or pairs of 16-bit values.
Value Emitter::loadLanes(Value buffer, Value at, bool pairs) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  int64_t count = schedule.getLanes() * (pairs ? 2 : 1);
  Value v = loadVector(buffer, at, VectorType::get({count}, element));
  return pairs ? v : toF32(v);
}

/// Product over a channel rank: rows base .. base + blockSize of the left
/// operand against all channels.
FailureOr<Emitter::Registers>
Emitter::emitInnerProduct(tile::ContractOp op, Value base, int64_t blockSize,
                          Value count) {
  auto load = op.getLhs().getDefiningOp<tile::LoadOp>();
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  Form left = forms.lookup(op.getLhs()), right = forms.lookup(op.getRhs());
  if (right.kind != Form::Near) {
    return op.emitError("expected the right operand of a product over a "
                        "channel rank in near memory");
  }
  bool pairs = usesPairs(op);
  int64_t channels = lhs.getDimSize(1), stride = pairs ? 2 : 1;
  int64_t rows = schedule.getRows(), lanes = schedule.getLanes();
  Broadcaster broadcast{b, loc, lanes};

  // Rows that lie in near memory, or in place.
  Value near = pairs ? left.halves : left.decoded;
  Value flat = near ? near : flatten(load.getSource()).flat;
  Value channelsOfRows = pairs ? right.pairs : right.buffer;
  SmallVector<Value> offsets;
  for (int64_t i = 0; i < blockSize; ++i) {
    Value x = add(base, i);
    offsets.push_back(near ? mul(x, channels) : rowOffset(load, x, count));
  }
  auto emit = [&](Value c, Registers acc) {
    SmallVector<Value> r;
    for (unsigned v = 0; v < numVectors(); ++v) {
      Value at = add(mul(c, rows), v * lanes * stride);
      r.push_back(loadLanes(channelsOfRows, at, pairs));
    }
    for (int64_t i = 0; i < blockSize; ++i) {
      Value at = add(offsets[i], c);
      Value l = pairs ? broadcast.pair(flat, at) : broadcast.element(flat, at);
      for (unsigned v = 0; v < numVectors(); ++v) {
        Value &a = acc[i * numVectors() + v];
        a = pairs ? tile::DotPairsOp::create(b, loc, a, l, r[v]).getResult()
                  : vector::FMAOp::create(b, loc, l, r[v], a).getResult();
      }
    }
    return acc;
  };

  VectorType type = vectorOf(b.getF32Type());
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  Registers acc(blockSize * numVectors(), zero);
  // In steps of `unroll` channels, then the rest.
  int64_t unroll = 4 * stride;
  int64_t whole = channels / unroll * unroll;
  if (whole > 0) {
    auto loop = scf::ForOp::create(b, loc, index(0), index(whole),
                                   index(unroll), acc);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Registers inner(loop.getRegionIterArgs());
    for (int64_t u = 0; u < unroll; u += stride) {
      inner = emit(add(loop.getInductionVar(), u), inner);
    }
    scf::YieldOp::create(b, loc, inner);
    acc.assign(loop.getResults().begin(), loop.getResults().end());
  }
  for (int64_t c = whole; c < channels; c += stride) {
    acc = emit(index(c), acc);
  }
  return acc;
}

/// Product over the streamed rank: channels base .. base + blockSize of the
/// left operand, summed over the coordinates of the stream that the step visits
/// before `count`. The right operand is in near memory and zero from `count` to
/// the next multiple of the schedule's block.
FailureOr<Emitter::Registers>
Emitter::emitOuterProduct(tile::ContractOp op, Value base, int64_t blockSize,
                          Value count, Registers init) {
  auto load = op.getLhs().getDefiningOp<tile::LoadOp>();
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  Form left = forms.lookup(op.getLhs()), right = forms.lookup(op.getRhs());
  bool pairs = usesPairs(op);
  int64_t channels = lhs.getDimSize(1), stride = pairs ? 2 : 1;
  int64_t rows = schedule.getRows(), lanes = schedule.getLanes();
  Broadcaster broadcast{b, loc, lanes};
  Value weights = pairs ? right.pairs : right.buffer;

  auto guarded = op.getRhs().getDefiningOp<tile::GuardOp>();
  Value visible =
      partial && guarded && !pairs ? guarded.getVisible() : Value();
  auto emit = [&](Value x, Registers acc) -> FailureOr<Registers> {
    SmallVector<Value> r;
    for (unsigned v = 0; v < numVectors(); ++v) {
      Value at = add(mul(x, rows), v * lanes * stride);
      r.push_back(loadLanes(weights, at, pairs));
    }
    // A key that a row does not see does not take part, whatever its value: a
    // NaN there times a weight of zero would reach the row.
    SmallVector<Value> seen;
    DenseMap<Value, Value> perX;
    for (unsigned v = 0; visible && v < numVectors(); ++v) {
      DenseMap<Value, Value> perVector;
      Point point{x, v, &perX, &perVector};
      FailureOr<Value> mask = eval(visible, point);
      if (failed(mask)) {
        return failure();
      }
      seen.push_back(*mask);
    }
    Value buffer, offset;
    if (pairs) {
      buffer = left.packed;
      offset = mul(x, channels);
    } else if (left.decoded) {
      buffer = left.decoded;
      // Rows beyond the step were not decoded.
      Value safe = partial ? arith::MinSIOp::create(b, loc, x, add(count, -1))
                                 .getResult()
                           : x;
      offset = mul(safe, channels);
    } else {
      buffer = flatten(load.getSource()).flat;
      offset = rowOffset(load, x, count);
    }
    for (int64_t i = 0; i < blockSize; ++i) {
      Value at = add(offset, mul(add(base, i), stride));
      Value l = pairs ? broadcast.pair(buffer, at)
                      : broadcast.element(buffer, at);
      for (unsigned v = 0; v < numVectors(); ++v) {
        Value &a = acc[i * numVectors() + v];
        Value sum =
            pairs ? tile::DotPairsOp::create(b, loc, a, l, r[v]).getResult()
                  : vector::FMAOp::create(b, loc, l, r[v], a).getResult();
        a = seen.empty() ? sum
                         : arith::SelectOp::create(b, loc, seen[v], sum, a);
      }
    }
    return acc;
  };

  // Half a block at a time where halves hold whole pairs.
  int64_t size = schedule.getBlock();
  int64_t unroll = size % (2 * stride) == 0 ? size / 2 : stride;
  Value block = index(schedule.getBlock());
  Value end =
      partial ? mul(arith::CeilDivUIOp::create(b, loc, count, block), block)
              : count;
  auto loop = scf::ForOp::create(b, loc, stepBegin, end, index(unroll), init);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Registers inner(loop.getRegionIterArgs());
  for (int64_t u = 0; u < unroll; u += stride) {
    FailureOr<Registers> next = emit(add(loop.getInductionVar(), u), inner);
    if (failed(next)) {
      return failure();
    }
    inner = *next;
  }
  scf::YieldOp::create(b, loc, inner);
  return Registers(loop.getResults());
}
