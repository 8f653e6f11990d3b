//===- NearCopies.cpp - blocks of operands on their way to near memory ----===//
//
// All lanes copy a block together, chunk by chunk, chunk = 16 bytes or less:
//
//   64 x 128 bf16, 128 lanes: 1024 chunks, 8 per lane;
//   lane t copies chunk (t + 128 i) % 16 of row (t + 128 i) / 16
//
// Rows at or beyond their limit become zeros: what a product adds for them is
// nothing. If the caller's memory is not aligned to chunks, which is known
// when the kernel runs, elements are copied one by one.
//
//===----------------------------------------------------------------------===//

#include "LaneEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fovea;

struct LaneEmitter::CopyPlan {
  int64_t size = 0;    // bytes of an element
  int64_t chunk = 0;   // elements of a chunk; 0 if only single ones will do
  int64_t perRow = 0;  // chunks
  int64_t total = 0;   // chunks
  int64_t perLane = 0; // chunks, the last one perhaps too many
};

LaneEmitter::CopyPlan LaneEmitter::planCopy(tile::LoadOp op,
                                            const NearTile &near) {
  CopyPlan plan;
  Type element = op.getType().getElementType();
  plan.size = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  int64_t most = copiesAsynchronously() ? machine.getCopy() : 16;
  for (int64_t bytes = most; bytes >= 4 && !plan.chunk; bytes /= 2) {
    // An asynchronous copy writes in one piece.
    if (bytes >= plan.size && near.fastExtent * plan.size % bytes == 0 &&
        (!copiesAsynchronously() ||
         near.order.chunk * plan.size % bytes == 0)) {
      plan.chunk = bytes / plan.size;
    }
  }
  if (plan.chunk) {
    plan.perRow = near.fastExtent / plan.chunk;
    plan.total = near.slowExtent * plan.perRow;
    plan.perLane = llvm::divideCeil(plan.total, numThreads());
  }
  return plan;
}

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

/// Rows of whole chunks of `bytes` bytes. Powers of two of them are permuted by
/// the row; else a pitch of an odd number of chunks keeps rows apart.
static tile::NearOrder makeOrder(int64_t fast, int64_t size, int64_t bytes,
                                 int64_t banks) {
  tile::NearOrder order;
  order.chunk = std::max<int64_t>(1, bytes / size);
  int64_t chunks = llvm::divideCeil(fast, order.chunk);
  int64_t line = banks * 4 / bytes; // chunks that meet different banks
  if (llvm::isPowerOf2_64(chunks)) {
    // Rows that share a line of banks are told apart by their place in it.
    int64_t rowsPerLine = std::max<int64_t>(1, line / chunks);
    order.shift = llvm::Log2_64(rowsPerLine);
    order.mask = std::min(chunks, line) - 1;
  } else if (chunks % 2 == 0) {
    ++chunks;
  }
  order.pitch = chunks * order.chunk;
  return order;
}

/// The extent along `rank` that products read: that of the tile, up to a
/// multiple of the atoms'.
static int64_t getPaddedExtent(tile::LoadOp op, StringRef rank) {
  int64_t extent =
      op.getType().getDimSize(tile::findRank(op.getType(), rank));
  int64_t padded = extent;
  for (Operation *user : op->getUsers()) {
    auto contract = dyn_cast<tile::ContractOp>(user);
    auto atom = contract ? contract->getAttrOfType<tile::AtomAttr>("tile.atom")
                         : tile::AtomAttr();
    if (!atom) {
      continue;
    }
    StringRef m = contract->getAttrOfType<StringAttr>("tile.m").getValue();
    bool isResult = tile::findRank(contract.getType(), rank) >= 0;
    int64_t multiple = atom.getShape()[!isResult ? 2 : rank == m ? 0 : 1];
    padded = std::max<int64_t>(padded, llvm::alignTo(extent, multiple));
  }
  return padded;
}

FailureOr<NearTile> LaneEmitter::makeNearTile(tile::LoadOp op, int64_t slots) {
  auto type = op.getType();
  SmallVector<StringRef> ranks = tile::getRanks(type);
  auto dims = llvm::to_vector(op.getDims().getAsValueRange<StringAttr>());
  NearTile near;
  near.fast = dims.back();
  if (ranks.size() != 2 || near.fast.empty()) {
    return op.emitOpError("expected a tile of two ranks, one of them along the "
                          "last dimension, got ")
           << type;
  }
  near.slow = ranks[ranks[0] == near.fast];
  near.slowExtent = type.getDimSize(tile::findRank(type, near.slow));
  near.fastExtent = type.getDimSize(tile::findRank(type, near.fast));
  int64_t slow = getPaddedExtent(op, near.slow);
  int64_t fast = getPaddedExtent(op, near.fast);
  int64_t size = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  // The largest chunks with the fewest conflicts.
  int64_t fewest = -1;
  tile::NearOrder best;
  for (int64_t bytes : {16, 8, 4}) {
    near.order = makeOrder(fast, size, bytes, machine.getBanks());
    int64_t extra = countReadConflicts(op, near);
    if (fewest < 0 || extra < fewest) {
      fewest = extra;
      best = near.order;
    }
  }
  near.order = best;
  conflicts += fewest;
  if (fewest > 0) {
    emitRemark(op.getLoc()) << "products that read " << type << " take "
                            << fewest << " extra cycles for bank conflicts";
  }
  near.slotSize = slow * near.order.pitch;
  near.buffer = allocNear(near.slotSize * slots, type.getElementType());
  if (slow == near.slowExtent && fast == near.fastExtent) {
    return near;
  }
  // What no copy reaches is zero, once for all.
  entryMeets = true;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(entryEnd);
  auto loop = scf::ForOp::create(b, loc, thread,
                                 index(near.slotSize * slots),
                                 index(numThreads()));
  b.setInsertionPointToStart(loop.getBody());
  Value zero = arith::ConstantOp::create(
      b, loc, b.getZeroAttr(type.getElementType()));
  memref::StoreOp::create(b, loc, zero, near.buffer, loop.getInductionVar());
  return near;
}

Value LaneEmitter::nearOffset(const NearTile &near, Value slow, Value fast) {
  const tile::NearOrder &order = near.order;
  Value base = mul(slow, order.pitch);
  if (order.mask == 0) {
    return add(base, fast);
  }
  Value chunk = index(order.chunk);
  Value column = arith::DivUIOp::create(b, loc, fast, chunk);
  Value inside = arith::RemUIOp::create(b, loc, fast, chunk);
  Value key = arith::ShRUIOp::create(b, loc, slow, index(order.shift));
  key = arith::AndIOp::create(b, loc, key, index(order.mask));
  Value moved = arith::XOrIOp::create(b, loc, column, key);
  return add(base, add(mul(moved, order.chunk), inside));
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

namespace {

/// Where one chunk lies in the tile.
struct ChunkPlace {
  Value slow, fast; // index
  Value exists;     // null if it always does
};

} // namespace

/// Chunk t + i * threads.
static ChunkPlace placeOf(OpBuilder &b, Location loc, Value thread,
                          int64_t threads, int64_t i, int64_t perRow,
                          int64_t chunk, int64_t total) {
  auto constant = [&](int64_t v) -> Value {
    return arith::ConstantIndexOp::create(b, loc, v);
  };
  ChunkPlace place;
  Value rows = constant(perRow);
  if (threads % perRow == 0) {
    // All chunks of a lane lie in one column.
    Value row = arith::DivUIOp::create(b, loc, thread, rows);
    place.slow =
        arith::AddIOp::create(b, loc, row, constant(i * (threads / perRow)));
    place.fast = arith::RemUIOp::create(b, loc, thread, rows);
  } else {
    Value number = arith::AddIOp::create(b, loc, thread, constant(i * threads));
    place.slow = arith::DivUIOp::create(b, loc, number, rows);
    place.fast = arith::RemUIOp::create(b, loc, number, rows);
  }
  place.fast = arith::MulIOp::create(b, loc, place.fast, constant(chunk));
  if ((i + 1) * threads > total) {
    place.exists = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::slt, thread,
        constant(total - i * threads));
  }
  return place;
}

/// True if the coordinate lies inside the limit of its rank; null if it has
/// none.
Value LaneEmitter::isInside(tile::LoadOp op, StringRef rank, Value coordinate,
                            IRMapping *step) {
  for (auto [j, name] :
       llvm::enumerate(op.getBounded().getAsValueRange<StringAttr>())) {
    if (name == rank) {
      Value start = findStart(op.getDims(), op.getIndices(), rank, step);
      return less(add(start, coordinate), value(op.getLimits()[j], step));
    }
  }
  return Value();
}

/// One element at a time, for memory that is not aligned.
void LaneEmitter::copyElements(tile::LoadOp op, NearTile &near, Value slot,
                               IRMapping *step) {
  FarBuffer far = flatten(op.getSource());
  int64_t total = near.slowExtent * near.fastExtent;
  auto loop = scf::ForOp::create(b, loc, thread, index(total),
                                 index(numThreads()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value width = index(near.fastExtent), number = loop.getInductionVar();
  Value slow = arith::DivUIOp::create(b, loc, number, width);
  Value fast = arith::RemUIOp::create(b, loc, number, width);
  Value to = nearOffset(near, slow, fast);
  if (slot) {
    to = add(to, slot);
  }
  auto load = [&]() -> Value {
    Value from = farOffset(op, {{near.slow, slow}, {near.fast, fast}}, step);
    return memref::LoadOp::create(b, loc, far.flat, from);
  };
  Value inside = isInside(op, near.slow, slow, step);
  if (!inside) {
    memref::StoreOp::create(b, loc, load(), near.buffer, to);
    return;
  }
  auto branch =
      scf::IfOp::create(b, loc, TypeRange{op.getType().getElementType()},
                        inside, /*withElseRegion=*/true);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, loc, load());
  b.setInsertionPointToStart(branch.elseBlock());
  Value zero = arith::ConstantOp::create(
      b, loc, b.getZeroAttr(op.getType().getElementType()));
  scf::YieldOp::create(b, loc, zero);
  b.setInsertionPointAfter(branch);
  memref::StoreOp::create(b, loc, branch.getResult(0), near.buffer, to);
}

SmallVector<Value> LaneEmitter::startCopy(tile::LoadOp op, NearTile &near,
                                          Value slot, IRMapping *step) {
  CopyPlan plan = planCopy(op, near);
  FarBuffer far = flatten(op.getSource());
  if (!plan.chunk && copiesAsynchronously()) {
    copyElements(op, near, slot, step);
    return {};
  }
  int64_t chunk = std::max<int64_t>(plan.chunk, 1);
  if (!plan.chunk) {
    plan.perRow = near.fastExtent;
    plan.total = near.slowExtent * near.fastExtent;
    plan.perLane = llvm::divideCeil(plan.total, numThreads());
  }
  Value fastStart = value(op.getIndices().back(), step);
  Value aligned = chunk > 1 || copiesAsynchronously()
                      ? isAligned(far, fastStart, chunk * plan.size)
                      : Value();
  auto eachChunk = [&](llvm::function_ref<void(ChunkPlace, Value)> emit) {
    for (int64_t i = 0; i < plan.perLane; ++i) {
      ChunkPlace place = placeOf(b, loc, thread, numThreads(), i, plan.perRow,
                                 chunk, plan.total);
      Value inside = isInside(op, near.slow, place.slow, step);
      emit(place, inside);
    }
  };
  auto yes = [&]() -> Value {
    return arith::ConstantIntOp::create(b, loc, 1, 1);
  };
  if (copiesAsynchronously()) {
    auto branch = scf::IfOp::create(b, loc, aligned, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    copyElements(op, near, slot, step);
    b.setInsertionPointToStart(branch.thenBlock());
    eachChunk([&](ChunkPlace place, Value inside) {
      OpBuilder::InsertionGuard inner(b);
      if (place.exists) {
        auto some = scf::IfOp::create(b, loc, place.exists, false);
        b.setInsertionPointToStart(some.thenBlock());
      }
      Value from = farOffset(
          op, {{near.slow, place.slow}, {near.fast, place.fast}}, step);
      Value to = nearOffset(near, place.slow, place.fast);
      if (slot) {
        to = add(to, slot);
      }
      tile::CopyOp::create(b, loc, far.flat, from, near.buffer, to, chunk,
                           inside ? inside : yes());
    });
    return {};
  }

  // Through registers: what is not inside is read where it is safe, and zero.
  Type element = op.getType().getElementType();
  VectorType type = VectorType::get({chunk}, element);
  SmallVector<Type> types(plan.perLane, type);
  auto loadAll = [&](bool wide) {
    SmallVector<Value> loaded;
    eachChunk([&](ChunkPlace place, Value inside) {
      Value load = both(place.exists, inside);
      auto read = [&]() -> Value {
        Value from = farOffset(
            op, {{near.slow, place.slow}, {near.fast, place.fast}}, step);
        if (wide) {
          return vector::LoadOp::create(
              b, loc, type, far.flat, ValueRange{from},
              /*nontemporal=*/false, llvm::MaybeAlign(chunk * plan.size));
        }
        SmallVector<Value> elements;
        for (int64_t i = 0; i < chunk; ++i) {
          elements.push_back(
              memref::LoadOp::create(b, loc, far.flat, add(from, i)));
        }
        return fromElements(elements);
      };
      if (!load) {
        loaded.push_back(read());
        return;
      }
      auto branch = scf::IfOp::create(b, loc, TypeRange{type}, load, true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      scf::YieldOp::create(b, loc, read());
      b.setInsertionPointToStart(branch.elseBlock());
      Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
      scf::YieldOp::create(b, loc, none);
      loaded.push_back(branch.getResult(0));
    });
    return loaded;
  };
  if (!aligned) {
    return loadAll(false);
  }
  auto branch = scf::IfOp::create(b, loc, TypeRange(types), aligned, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, loc, loadAll(true));
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, loc, loadAll(false));
  return SmallVector<Value>(branch.getResults());
}

/// Writes what startCopy has read into registers.
void LaneEmitter::finishCopy(tile::LoadOp op, NearTile &near,
                             ArrayRef<Value> held) {
  if (held.empty()) {
    return;
  }
  CopyPlan plan = planCopy(op, near);
  int64_t chunk = cast<VectorType>(held.front().getType()).getNumElements();
  int64_t perRow = near.fastExtent / chunk;
  int64_t total = near.slowExtent * perRow;
  for (auto [i, vector] : llvm::enumerate(held)) {
    ChunkPlace place = placeOf(b, loc, thread, numThreads(), i, perRow, chunk,
                               total);
    OpBuilder::InsertionGuard guard(b);
    if (place.exists) {
      auto some = scf::IfOp::create(b, loc, place.exists, false);
      b.setInsertionPointToStart(some.thenBlock());
    }
    // In pieces that the order keeps together.
    int64_t piece = std::min(chunk, near.order.chunk);
    for (int64_t begin = 0; begin < chunk; begin += piece) {
      Value part = vector;
      if (piece < chunk) {
        part = vector::ExtractStridedSliceOp::create(
            b, loc, vector, ArrayRef<int64_t>{begin}, ArrayRef<int64_t>{piece},
            ArrayRef<int64_t>{1});
      }
      Value to = nearOffset(near, place.slow, add(place.fast, begin));
      vector::StoreOp::create(b, loc, part, near.buffer, ValueRange{to},
                              /*nontemporal=*/false,
                              llvm::MaybeAlign(piece * plan.size));
    }
  }
}

/// A tile that is brought near once, where the program has it.
LogicalResult LaneEmitter::emitNearLoad(tile::LoadOp op) {
  FailureOr<NearTile> near = makeNearTile(op, /*slots=*/1);
  if (failed(near)) {
    return failure();
  }
  SmallVector<Value> held = startCopy(op, *near, Value(), nullptr);
  if (copiesAsynchronously()) {
    tile::CopyCommitOp::create(b, loc);
    tile::CopyWaitOp::create(b, loc, 0);
  } else {
    finishCopy(op, *near, held);
  }
  barrier();
  nears[op.getResult()] = *near;
  return success();
}
