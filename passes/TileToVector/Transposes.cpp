//===- Transposes.cpp - rows to lanes and back, a square at a time --------===//
//
// Near memory holds [x][row], callers' arrays [row][x]. Squares of as many rows
// as lanes are turned in registers, in log2(lanes) rounds that interleave the
// upper half of the vectors with the lower one:
//
//   a0 a1 a2 a3        a0 c0 a1 c1        a0 b0 c0 d0
//   b0 b1 b2 b3   ->   a2 c2 a3 c3   ->   a1 b1 c1 d1
//   c0 c1 c2 c3        b0 d0 b1 d1        a2 b2 c2 d2
//   d0 d1 d2 d3        b2 d2 b3 d3        a3 b3 c3 d3
//
// What is left at the edges goes element by element (Memory.cpp).
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fovea;

/// Vector i of the result holds element i of every vector.
SmallVector<Value> Emitter::transpose(SmallVector<Value> vectors) {
  int64_t n = vectors.size();
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < n; ++i) {
    low.push_back(i / 2 + i % 2 * n);
    high.push_back(n / 2 + i / 2 + i % 2 * n);
  }
  for (int64_t round = 1; round < n; round *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < n / 2; ++i) {
      for (ArrayRef<int64_t> mask : {ArrayRef(low), ArrayRef(high)}) {
        next.push_back(vector::ShuffleOp::create(b, loc, vectors[i],
                                                 vectors[i + n / 2], mask));
      }
    }
    vectors = std::move(next);
  }
  return vectors;
}

/// True if rank `inner` walks the last dimension, whose elements lie side by
/// side, and `outer` some other.
static bool isTurned(ArrayAttr dims, StringRef inner, StringRef outer) {
  bool hasOuter = false;
  for (StringRef dim : dims.getAsValueRange<StringAttr>()) {
    hasOuter |= tile::parseDimWalk(dim).rank == outer;
  }
  return hasOuter && cast<StringAttr>(dims.getValue().back()).getValue() == inner;
}

/// Loads the squares of a [x, row] tile; true if nothing is left to do.
/// `offsetOf` gives the place of an element of the array.
bool Emitter::loadSquares(tile::LoadOp op, const Form &form,
                          OffsetOf offsetOf) {
  auto type = cast<RankedTensorType>(op.getType());
  SmallVector<StringRef> ranks = tile::getRanks(type);
  int64_t lanes = schedule.getLanes(), rows = schedule.getRows();
  Type element = type.getElementType();
  bool pairs = static_cast<bool>(form.pairs);
  if (panels == 1 || ranks.size() != 2 || !isa<FloatType>(element) ||
      !llvm::isPowerOf2_64(lanes) || (pairs && form.buffer) ||
      !isTurned(op.getDims(), ranks[0], row)) {
    return false;
  }
  for (StringRef bounded : op.getBounded().getAsValueRange<StringAttr>()) {
    if (bounded != row) {
      return false;
    }
  }
  // A lane holds one element of x, or a pair of them.
  int64_t width = pairs ? 2 : 1, extent = type.getDimSize(0);
  if (extent % (lanes * width) != 0) {
    return false;
  }
  Value flat = flatten(op.getSource()).flat;
  Value target = pairs ? form.pairs : form.buffer;
  auto outer = scf::ForOp::create(b, loc, index(0), index(rows), index(lanes));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(outer.getBody());
  Value first = outer.getInductionVar();
  auto inner = scf::ForOp::create(b, loc, index(0), index(extent),
                                  index(lanes * width));
  b.setInsertionPointToStart(inner.getBody());
  Value x = inner.getInductionVar();
  SmallVector<Value> vectors;
  for (int64_t i = 0; i < lanes; ++i) {
    Value v = loadVector(flat, offsetOf(add(first, i), x),
                         VectorType::get({lanes * width}, element));
    vectors.push_back(
        pairs ? vector::BitCastOp::create(
                    b, loc, VectorType::get({lanes}, b.getI32Type()), v)
                    .getResult()
              : v);
  }
  Type held = cast<MemRefType>(target.getType()).getElementType();
  for (auto [i, v] : llvm::enumerate(transpose(vectors))) {
    // [x][row], or [x / 2][row][x % 2]
    Value at = add(mul(add(x, i * width), rows), mul(first, width));
    Value stored = v;
    if (pairs) {
      stored = vector::BitCastOp::create(
          b, loc, VectorType::get({lanes * width}, element), v);
    } else if (held != element) {
      stored = toF32(v);
    }
    storeVector(stored, target, at);
  }
  return true;
}

/// Writes the squares of a [x, row] tile; elements from the returned row on,
/// and of x from `extent` rounded down to squares, are left.
Value Emitter::storeSquares(tile::StoreOp op, Value near, Value count,
                            OffsetOf offsetOf) {
  auto type = cast<RankedTensorType>(op.getValue().getType());
  SmallVector<StringRef> ranks = tile::getRanks(type);
  int64_t lanes = schedule.getLanes(), rows = schedule.getRows();
  int64_t extent = type.getDimSize(0);
  if (panels == 1 || ranks.size() != 2 || extent % lanes != 0 ||
      !llvm::isPowerOf2_64(lanes) || !isTurned(op.getDims(), ranks[0], row)) {
    return index(0);
  }
  for (StringRef bounded : op.getBounded().getAsValueRange<StringAttr>()) {
    if (bounded != row) {
      return index(0);
    }
  }
  Value flat = flatten(op.getTarget()).flat;
  Value most = arith::MaxSIOp::create(b, loc, count, index(0));
  Value whole = mul(arith::DivUIOp::create(b, loc, most, index(lanes)), lanes);
  auto outer = scf::ForOp::create(b, loc, index(0), whole, index(lanes));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(outer.getBody());
  Value first = outer.getInductionVar();
  auto inner =
      scf::ForOp::create(b, loc, index(0), index(extent), index(lanes));
  b.setInsertionPointToStart(inner.getBody());
  Value x = inner.getInductionVar();
  SmallVector<Value> vectors;
  for (int64_t i = 0; i < lanes; ++i) {
    vectors.push_back(loadVector(near, add(mul(add(x, i), rows), first),
                                 vectorOf(type.getElementType())));
  }
  for (auto [i, v] : llvm::enumerate(transpose(vectors))) {
    storeVector(v, flat, offsetOf(add(first, i), x));
  }
  return whole;
}
