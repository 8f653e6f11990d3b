//===- Blocks.cpp - products of pairs from memory -------------------------===//
//
// Where a processor multiplies blocks that lie in memory (`tile.dot_block`),
// a register tile becomes such a block: `block` coordinates of the left operand
// by all rows. Both operands lie in near memory, with pairs of the contracted
// rank side by side:
//
//   scores^T [16 keys][32 rows]     = K [16 keys][channels]
//                                     x Q^T [channels / 2][32 rows][2]
//   output^T [16 channels][32 rows] += V^T [16 channels][keys]
//                                     x weights [keys / 2][32 rows][2]
//
// K is copied once per step, V turned; all panels of a task read them. Partial
// steps go on in registers (Products.cpp).
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "fovea/dialects/Tile/Recipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

/// Coordinates of the contracted rank that blocks take at a time.
static constexpr int64_t kDepth = 32;

/// True if the product sums over the stream.
static bool sumsOverStream(tile::ContractOp op) {
  StringRef first = tile::getRanks(op.getLhs().getType())[0];
  return tile::findRank(op.getType(), first) < 0;
}

/// Full steps visit multiples of two vectors of keys (Panels.cpp).
bool Emitter::usesBlocks(tile::ContractOp op) {
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  int64_t lanes = schedule.getLanes();
  if (!schedule.getBlocks() || partial || panels < 2 ||
      2 * lanes % kDepth != 0 || schedule.getRows() % 16 != 0 ||
      !usesPairs(op)) {
    return false;
  }
  int64_t channels = lhs.getDimSize(1);
  return sumsOverStream(op) ? channels % schedule.getBlock() == 0 &&
                                  lhs.getDimSize(0) % kDepth == 0
                            : channels % kDepth == 0;
}

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
  } else if (!form.halves) {
    form.halves = copyRows(op.getLhs().getDefiningOp<tile::LoadOp>(), count);
  }
  forms[op.getLhs()] = form;
  return success();
}

/// Copies `count` rows of a 16-bit operand to near memory.
Value Emitter::copyRows(tile::LoadOp op, Value count) {
  auto type = cast<RankedTensorType>(op.getType());
  int64_t width = type.getDimSize(1), lanes = 2 * schedule.getLanes();
  Value buffer = allocNear(type.getDimSize(0) * width, type.getElementType());
  Value flat = flatten(op.getSource()).flat;
  auto loop = scf::ForOp::create(b, loc, index(0), count, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value x = loop.getInductionVar();
  Value from = rowOffset(op, x, count), to = mul(x, width);
  auto part = VectorType::get({lanes}, type.getElementType());
  for (int64_t c = 0; c < width; c += lanes) {
    storeVector(loadVector(flat, add(from, c), part), buffer, add(to, c));
  }
  return buffer;
}

/// [x / 2][channel][x % 2] as [channel][x], in squares of as many pairs as
/// lanes. Pairs beyond `count` are turned as well, and nobody reads them.
Value Emitter::turnPairs(Value packed, int64_t extent, int64_t channels,
                         Value count) {
  int64_t lanes = schedule.getLanes();
  Value buffer = allocNear(extent * channels, b.getBF16Type());
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
    Value at = add(mul(add(c, i), extent), x);
    storeVector(vector::BitCastOp::create(b, loc, two, square[i]), buffer, at);
  }
  return buffer;
}

/// The product over a channel rank, as emitInnerProduct.
Emitter::Registers Emitter::emitInnerBlock(tile::ContractOp op, Value base,
                                           int64_t blockSize) {
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  Form left = forms.lookup(op.getLhs()), right = forms.lookup(op.getRhs());
  int64_t channels = lhs.getDimSize(1), rows = schedule.getRows();
  Value sums = allocNear(blockSize * rows, b.getF32Type());
  tile::DotBlockOp::create(b, loc, left.halves, mul(base, channels),
                           right.pairs, index(0), sums, index(0),
                           index(channels / 2), channels, 2 * rows, rows,
                           blockSize, rows, /*zero=*/true);
  Registers acc;
  for (int64_t i = 0; i < blockSize * numVectors(); ++i) {
    acc.push_back(loadVector(sums, index(i * schedule.getLanes()),
                             vectorOf(b.getF32Type())));
  }
  return acc;
}

/// The product over the stream, as emitOuterProduct.
Emitter::Registers Emitter::emitOuterBlock(tile::ContractOp op, Value base,
                                           int64_t blockSize, Value count,
                                           Registers init) {
  auto lhs = cast<RankedTensorType>(op.getLhs().getType());
  Form left = forms.lookup(op.getLhs()), right = forms.lookup(op.getRhs());
  int64_t extent = lhs.getDimSize(0), rows = schedule.getRows();
  int64_t lanes = schedule.getLanes();
  Value sums = allocNear(blockSize * rows, b.getF32Type());
  for (auto [i, value] : llvm::enumerate(init)) {
    storeVector(value, sums, index(i * lanes));
  }
  Value begin = stepBegin ? stepBegin : index(0);
  Value pairs = arith::DivUIOp::create(
      b, loc, arith::SubIOp::create(b, loc, count, begin), index(2));
  tile::DotBlockOp::create(b, loc, left.turned, add(mul(base, extent), begin),
                           right.pairs, mul(begin, rows), sums, index(0), pairs,
                           extent, 2 * rows, rows, blockSize, rows,
                           /*zero=*/false);
  Registers acc;
  for (size_t i = 0; i < init.size(); ++i) {
    acc.push_back(loadVector(sums, index(i * lanes),
                             vectorOf(b.getF32Type())));
  }
  return acc;
}
