//===- NearCopies.cpp - blocks of operands on their way to near memory ----===//
//
// All lanes copy a block together, chunk by chunk, chunk = 16 bytes or less:
//
//   64 x 128 bf16, 128 lanes: 1024 chunks, 8 per lane;
//   lane t copies chunk (t + 128 i) % 16 of row (t + 128 i) / 16
//
// Where the order weaves rows together, a chunk is a few elements of each of
// them, and is woven in registers.
//
// Rows at or beyond their limit become zeros: what a product adds for them is
// nothing. If the caller's memory is not aligned to chunks, which is known
// when the kernel runs, elements are copied one by one.
//
//===----------------------------------------------------------------------===//

#include "LaneEmitter.h"

#include "fovea/dialects/Tile/Recipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fovea;

static RankedTensorType typeOf(Value tile) {
  return cast<RankedTensorType>(tile.getType());
}

CopyPlan LaneEmitter::planCopy(Value tile, const NearTile &near) {
  CopyPlan plan;
  Type element = typeOf(tile).getElementType();
  bool isAsynchronous = copiesAsynchronously() && !tile::isRecipe(tile);
  plan.size = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  plan.rows = near.order.group;
  int64_t most = isAsynchronous ? machine.getCopy() : 16;
  auto isUseful = [&](int64_t bytes) {
    if (bytes < plan.size || near.fastExtent * plan.size % bytes != 0) {
      return false;
    }
    // An asynchronous copy writes in one piece.
    if (isAsynchronous) {
      return near.order.chunk * plan.size % bytes == 0;
    }
    // Chunks of several rows are large: narrow ones give every lane some.
    int64_t chunks = near.slowExtent / plan.rows *
                     (near.fastExtent * plan.size / bytes);
    return plan.rows == 1 || bytes == 4 || chunks >= numThreads();
  };
  for (int64_t bytes = most; bytes >= 4 && !plan.chunk; bytes /= 2) {
    if (isUseful(bytes)) {
      plan.chunk = bytes / plan.size;
    }
  }
  if (!plan.chunk && !isAsynchronous) {
    plan.chunk = 1;
  }
  if (plan.chunk) {
    plan.perRow = near.fastExtent / plan.chunk;
    plan.total = near.slowExtent / plan.rows * plan.perRow;
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
static int64_t getPaddedExtent(Value tile, StringRef rank) {
  int64_t extent =
      typeOf(tile).getDimSize(tile::findRank(tile.getType(), rank));
  int64_t padded = extent;
  for (Operation *user : tile.getUsers()) {
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

/// The order with the fewest conflicts, then the fewest reads; the first of
/// equals.
///
/// Copies that pass through registers may weave rows as they write: values
/// [key, e] of 16 bits, read along the keys, take a read of 2 bytes for each
/// element, or one of 8 bytes for four.
tile::NearOrder LaneEmitter::chooseOrder(Value tile, NearTile near,
                                         int64_t slow, int64_t fast) {
  int64_t size = llvm::divideCeil(typeOf(tile).getElementTypeBitWidth(), 8);
  std::optional<std::pair<int64_t, int64_t>> fewest;
  tile::NearOrder best;
  auto consider = [&](const tile::NearOrder &order) {
    near.order = order;
    ReadCost cost = getReadCost(tile, near);
    std::pair<int64_t, int64_t> key(cost.conflicts, cost.reads);
    if (!fewest || key < *fewest) {
      fewest = key;
      best = order;
    }
  };
  for (int64_t bytes : {16, 8, 4}) {
    consider(makeOrder(fast, size, bytes, machine.getBanks()));
  }
  for (int64_t group = 8 / size; group > 1 && !copiesAsynchronously();
       group /= 2) {
    if (near.slowExtent % group != 0 || slow % group != 0) {
      continue;
    }
    // Pitches apart by a part of all banks.
    for (int64_t pad : {0, 8, 16}) {
      tile::NearOrder order;
      order.pitch = fast + pad;
      order.group = group;
      consider(order);
    }
  }
  return best;
}

FailureOr<NearTile> LaneEmitter::makeNearTile(Value tile, int64_t slots) {
  RankedTensorType type = typeOf(tile);
  SmallVector<StringRef> ranks = tile::getRanks(type);
  NearTile near;
  // Computed tiles are computed along their last rank.
  near.fast = ranks.back();
  if (auto op = tile.getDefiningOp<tile::LoadOp>()) {
    auto dims = llvm::to_vector(op.getDims().getAsValueRange<StringAttr>());
    near.fast = dims.back();
  }
  if (ranks.size() != 2 || near.fast.empty()) {
    emitError(tile.getLoc())
        << "expected a tile of two ranks, one of them along the last "
           "dimension, got "
        << type;
    return failure();
  }
  near.slow = ranks[ranks[0] == near.fast];
  near.slowExtent = type.getDimSize(tile::findRank(type, near.slow));
  near.fastExtent = type.getDimSize(tile::findRank(type, near.fast));
  int64_t slow = getPaddedExtent(tile, near.slow);
  int64_t fast = getPaddedExtent(tile, near.fast);
  near.order = chooseOrder(tile, near, slow, fast);
  int64_t extra = getReadCost(tile, near).conflicts;
  conflicts += extra;
  if (extra > 0) {
    emitRemark(tile.getLoc()) << "products that read " << type << " take "
                            << extra << " extra cycles for bank conflicts";
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
  if (order.group > 1) {
    Value row = arith::RemUIOp::create(b, loc, slow, index(order.group));
    Value first = arith::SubIOp::create(b, loc, slow, row);
    return add(mul(first, order.pitch), add(mul(fast, order.group), row));
  }
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

/// Chunk t + i * threads.
ChunkPlace LaneEmitter::placeOf(const CopyPlan &plan, int64_t i) {
  int64_t threads = numThreads();
  ChunkPlace place;
  Value perRow = index(plan.perRow);
  if (threads % plan.perRow == 0) {
    // All chunks of a lane lie in one column.
    place.slow = add(arith::DivUIOp::create(b, loc, thread, perRow),
                     i * (threads / plan.perRow));
    place.fast = arith::RemUIOp::create(b, loc, thread, perRow);
  } else {
    Value number = add(thread, i * threads);
    place.slow = arith::DivUIOp::create(b, loc, number, perRow);
    place.fast = arith::RemUIOp::create(b, loc, number, perRow);
  }
  place.slow = mul(place.slow, plan.rows);
  place.fast = mul(place.fast, plan.chunk);
  if ((i + 1) * threads > plan.total) {
    place.exists = less(thread, index(plan.total - i * threads));
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

/// Chunks on their way, without passing through registers.
void LaneEmitter::copyChunks(tile::LoadOp op, NearTile &near, Value slot,
                             IRMapping *step) {
  CopyPlan plan = planCopy(op.getResult(), near);
  FarBuffer far = flatten(op.getSource());
  for (int64_t i = 0; i < plan.perLane; ++i) {
    ChunkPlace place = placeOf(plan, i);
    Value inside = isInside(op, near.slow, place.slow, step);
    if (!inside) {
      inside = arith::ConstantIntOp::create(b, loc, 1, 1);
    }
    OpBuilder::InsertionGuard guard(b);
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
    tile::CopyOp::create(b, loc, far.flat, from, near.buffer, to, plan.chunk,
                         inside);
  }
}

/// Reads a lane's chunks into registers, a vector for each of their rows. What
/// is not inside is not read, and zero.
SmallVector<Value> LaneEmitter::loadChunks(tile::LoadOp op, NearTile &near,
                                           IRMapping *step, bool isWide) {
  CopyPlan plan = planCopy(op.getResult(), near);
  FarBuffer far = flatten(op.getSource());
  auto type = VectorType::get({plan.chunk}, op.getType().getElementType());
  auto read = [&](Value slow, Value fast) -> Value {
    Value from =
        farOffset(op, {{near.slow, slow}, {near.fast, fast}}, step);
    if (isWide) {
      return vector::LoadOp::create(
          b, loc, type, far.flat, ValueRange{from}, /*nontemporal=*/false,
          llvm::MaybeAlign(plan.chunk * plan.size));
    }
    SmallVector<Value> elements;
    for (int64_t i = 0; i < plan.chunk; ++i) {
      elements.push_back(
          memref::LoadOp::create(b, loc, far.flat, add(from, i)));
    }
    return fromElements(elements);
  };
  SmallVector<Value> loaded;
  for (int64_t i = 0; i < plan.perLane * plan.rows; ++i) {
    ChunkPlace place = placeOf(plan, i / plan.rows);
    Value slow = add(place.slow, i % plan.rows);
    Value reads = both(place.exists, isInside(op, near.slow, slow, step));
    if (!reads) {
      loaded.push_back(read(slow, place.fast));
      continue;
    }
    auto branch = scf::IfOp::create(b, loc, TypeRange{type}, reads, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(b, loc, read(slow, place.fast));
    b.setInsertionPointToStart(branch.elseBlock());
    Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    scf::YieldOp::create(b, loc, none);
    loaded.push_back(branch.getResult(0));
  }
  return loaded;
}

SmallVector<Value> LaneEmitter::startCopy(tile::LoadOp op, NearTile &near,
                                          Value slot, IRMapping *step) {
  CopyPlan plan = planCopy(op.getResult(), near);
  bool isAsynchronous = copiesAsynchronously();
  if (isAsynchronous && !plan.chunk) {
    copyElements(op, near, slot, step);
    return {};
  }
  if (!isAsynchronous && plan.chunk == 1) {
    return loadChunks(op, near, step, /*isWide=*/false);
  }
  SmallVector<Type> types;
  if (!isAsynchronous) {
    types.assign(plan.perLane * plan.rows,
                 VectorType::get({plan.chunk}, op.getType().getElementType()));
  }
  Value aligned =
      isAligned(flatten(op.getSource()), value(op.getIndices().back(), step),
                plan.chunk * plan.size);
  auto branch = scf::IfOp::create(b, loc, types, aligned, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  if (isAsynchronous) {
    copyChunks(op, near, slot, step);
    b.setInsertionPointToStart(branch.elseBlock());
    copyElements(op, near, slot, step);
    return {};
  }
  scf::YieldOp::create(b, loc, loadChunks(op, near, step, true));
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, loc, loadChunks(op, near, step, false));
  return SmallVector<Value>(branch.getResults());
}

/// Rows a b, c d woven together: a c b d, in vectors of `piece` elements.
SmallVector<Value> LaneEmitter::weave(ArrayRef<Value> rows, int64_t piece) {
  SmallVector<SmallVector<Value>> elements;
  for (Value row : rows) {
    elements.push_back(llvm::to_vector(llvm::map_range(
        vector::ToElementsOp::create(b, loc, row).getResults(),
        [](OpResult result) -> Value { return result; })));
  }
  SmallVector<Value> woven;
  for (size_t column = 0; column < elements.front().size(); ++column) {
    for (const SmallVector<Value> &row : elements) {
      woven.push_back(row[column]);
    }
  }
  SmallVector<Value> pieces;
  for (size_t i = 0; i < woven.size(); i += piece) {
    pieces.push_back(fromElements(ArrayRef(woven).slice(i, piece)));
  }
  return pieces;
}

/// Writes the rows of a chunk, in pieces that the order keeps together.
void LaneEmitter::storeChunk(const CopyPlan &plan, const NearTile &near,
                             int64_t chunk, ArrayRef<Value> rows, Value slot) {
  int64_t columns =
      plan.rows > 1 ? std::min(plan.chunk, 16 / (plan.rows * plan.size))
                    : std::min(plan.chunk, near.order.chunk);
  int64_t piece = columns * plan.rows;
  ChunkPlace place = placeOf(plan, chunk);
  OpBuilder::InsertionGuard guard(b);
  if (place.exists) {
    auto some = scf::IfOp::create(b, loc, place.exists, false);
    b.setInsertionPointToStart(some.thenBlock());
  }
  for (auto [j, part] : llvm::enumerate(weave(rows, piece))) {
    Value to = nearOffset(near, place.slow, add(place.fast, j * columns));
    if (slot) {
      to = add(to, slot);
    }
    vector::StoreOp::create(b, loc, part, near.buffer, ValueRange{to},
                            /*nontemporal=*/false,
                            llvm::MaybeAlign(piece * plan.size));
  }
}

/// Writes what startCopy has read into registers.
void LaneEmitter::finishCopy(Value tile, NearTile &near,
                             ArrayRef<Value> held) {
  if (held.empty()) {
    return;
  }
  CopyPlan plan = planCopy(tile, near);
  for (int64_t i = 0; i < plan.perLane; ++i) {
    storeChunk(plan, near, i, held.slice(i * plan.rows, plan.rows), Value());
  }
}

/// A tile that is brought near once, where the program has it.
LogicalResult LaneEmitter::emitNearLoad(tile::LoadOp op) {
  FailureOr<NearTile> near = makeNearTile(op.getResult(), /*slots=*/1);
  if (failed(near)) {
    return failure();
  }
  SmallVector<Value> held = startCopy(op, *near, Value(), nullptr);
  if (copiesAsynchronously()) {
    tile::CopyCommitOp::create(b, loc);
    tile::CopyWaitOp::create(b, loc, 0);
  } else {
    finishCopy(op.getResult(), *near, held);
  }
  barrier();
  nears[op.getResult()] = *near;
  return success();
}
