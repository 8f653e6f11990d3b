//===- Memory.cpp - loads, stores and near buffers ------------------------===//

#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fovea;

/// Near memory lives on the stack of the task function, allocated at entry.
Value Emitter::allocNear(int64_t elements, Type element) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&task.getBody().front());
  return memref::AllocaOp::create(b, loc, MemRefType::get({elements}, element),
                                  b.getI64IntegerAttr(64));
}

/// Blocks multiply what lies beyond the extent, too.
void Emitter::clearPadding(Value buffer, int64_t extent) {
  if (padded(extent, kBlockDepth) == extent) {
    return;
  }
  auto type = cast<MemRefType>(buffer.getType());
  int64_t size = type.getDimSize(0) - type.getDimSize(0) % schedule.getLanes();
  VectorType vector = vectorOf(type.getElementType());
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(vector));
  auto loop = scf::ForOp::create(b, loc, index(0), index(size),
                                 index(schedule.getLanes()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  storeVector(zero, buffer, loop.getInductionVar());
}

Value Emitter::nearIndex(Value x, Value row, int64_t extent) {
  return add(mul(x, schedule.getRows()), row);
}

/// [x / 2][row][x % 2]
Value Emitter::pairsIndex(Value x, Value row, int64_t extent) {
  Value two = index(2);
  Value half = arith::DivUIOp::create(b, loc, x, two);
  Value odd = arith::RemUIOp::create(b, loc, x, two);
  return add(mul(add(mul(half, schedule.getRows()), row), 2), odd);
}

const FlatBuffer &Emitter::flatten(Value buffer) {
  auto it = flats.find(buffer);
  if (it != flats.end()) {
    return it->second;
  }
  OpBuilder::InsertionGuard guard(b);
  if (Operation *op = buffer.getDefiningOp()) {
    b.setInsertionPointAfter(op);
  } else {
    b.setInsertionPointToStart(&task.getBody().front());
  }
  auto type = cast<MemRefType>(buffer.getType());
  auto meta = memref::ExtractStridedMetadataOp::create(b, loc, buffer);
  FlatBuffer flat;
  flat.offset = meta.getOffset();
  flat.strides.assign(meta.getStrides().begin(), meta.getStrides().end());
  flat.sizes.assign(meta.getSizes().begin(), meta.getSizes().end());
  if (type.getRank() > 0) {
    flat.strides.back() = index(1);
  }
  auto flatType = MemRefType::get({ShapedType::kDynamic}, type.getElementType());
  SmallVector<OpFoldResult> sizes{
      b.getIndexAttr(std::numeric_limits<int64_t>::max())};
  SmallVector<OpFoldResult> strides{b.getIndexAttr(1)};
  Value size = index(std::numeric_limits<int64_t>::max());
  sizes[0] = size;
  flat.flat = memref::ReinterpretCastOp::create(
      b, loc, flatType, meta.getBaseBuffer(),
      OpFoldResult(b.getIndexAttr(0)), sizes, strides);
  return flats[buffer] = flat;
}

Value Emitter::loadVector(Value buffer, Value at, Type type) {
  return vector::LoadOp::create(b, loc, cast<VectorType>(type), buffer, at);
}

/// The first `left` elements of a vector, and zeros.
Value Emitter::loadFirst(Value flat, Value at, VectorType type,
                               int64_t left) {
  if (left >= type.getDimSize(0)) {
    return loadVector(flat, at, type);
  }
  SmallVector<bool> lanes(type.getDimSize(0));
  std::fill_n(lanes.begin(), left, true);
  Value mask = arith::ConstantOp::create(
      b, loc,
      DenseElementsAttr::get(VectorType::get({type.getDimSize(0)}, b.getI1Type()),
                             ArrayRef<bool>(lanes)));
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, loc, type, flat, ValueRange{at}, mask,
                                      zero);
}

void Emitter::storeVector(Value vector, Value buffer, Value at) {
  vector::StoreOp::create(b, loc, vector, buffer, at);
}

Value Emitter::toF32(Value v) {
  Type element = getElementTypeOrSelf(v.getType());
  if (!isa<FloatType>(element) || element.isF32()) {
    return v;
  }
  Type f32 = b.getF32Type();
  if (auto type = dyn_cast<VectorType>(v.getType())) {
    return arith::ExtFOp::create(b, loc, type.clone(f32), v);
  }
  return arith::ExtFOp::create(b, loc, f32, v);
}

/// Floats rounded to a narrower type, if it is one.
Value Emitter::narrowTo(Value v, Type element) {
  Type type = v.getType();
  if (getElementTypeOrSelf(type) == element) {
    return v;
  }
  // What was rounded to this type before, as decoding does, is so already.
  if (auto wide = v.getDefiningOp<arith::ExtFOp>();
      wide && getElementTypeOrSelf(wide.getIn().getType()) == element) {
    return wide.getIn();
  }
  auto vector = dyn_cast<VectorType>(type);
  return arith::TruncFOp::create(b, loc, vector ? vector.clone(element) : element,
                                 v);
}

/// Stores bf16(low), bf16(high) interleaved: one pair per lane. Rounds to
/// nearest by adding half a unit in the last place before truncation.
void Emitter::storePairs(Value low, Value high, Value buffer, Value at) {
  VectorType i32 = vectorOf(b.getI32Type());
  auto splat = [&](int32_t v) -> Value {
    return arith::ConstantOp::create(b, loc, DenseElementsAttr::get(i32, v));
  };
  auto rounded = [&](Value v) -> Value {
    Value bits = arith::BitcastOp::create(b, loc, i32, v);
    return arith::AddIOp::create(b, loc, bits, splat(0x8000));
  };
  Value l = arith::ShRUIOp::create(b, loc, rounded(low), splat(16));
  Value h = arith::AndIOp::create(b, loc, rounded(high),
                                  splat(static_cast<int32_t>(0xFFFF0000u)));
  Value both = arith::OrIOp::create(b, loc, l, h);
  auto pairs = VectorType::get({2 * schedule.getLanes()}, b.getBF16Type());
  storeVector(vector::BitCastOp::create(b, loc, pairs, both), buffer, at);
}

/// The quotient or rest of a coordinate, if its dimension is walked by it.
Value Emitter::partOf(Value at, tile::DimWalk walk, Value split) {
  switch (walk.part) {
  case tile::DimWalk::Whole:
    return at;
  case tile::DimWalk::Quotient:
    return arith::DivUIOp::create(b, loc, at, scalar(split));
  case tile::DimWalk::Rest:
    return arith::RemUIOp::create(b, loc, at, scalar(split));
  }
  llvm_unreachable("unknown part");
}

//===----------------------------------------------------------------------===//
// Loads of operands that depend on the row
//===----------------------------------------------------------------------===//

/// Copies a tile with the row rank into near memory, rows last. 16-bit floats
/// are widened; if a paired product reads the tile, pairs of the other rank
/// are also stored side by side.
LogicalResult Emitter::lowerNearLoad(tile::LoadOp op) {
  Value tile = op.getResult();
  auto type = cast<RankedTensorType>(tile.getType());
  Type element = type.getElementType();
  bool wantPairs = false, wantPlain = false, elementwise = false;
  for (Operation *user : tile.getUsers()) {
    auto contract = dyn_cast<tile::ContractOp>(user);
    bool pairs = contract && usesPairs(contract);
    (pairs ? wantPairs : wantPlain) = true;
    elementwise |= !contract;
  }
  // Partial steps of narrow schedules with blocks go in f32 (NarrowBlocks.cpp).
  wantPlain |= schedule.getNarrow() && schedule.getBlocks();
  if (op.getTable()) {
    return op.emitError("expected pages without rank '")
           << row << "', which runs along lanes";
  }
  SmallVector<StringRef> ranks = tile::getRanks(type);
  if (ranks.size() > 2) {
    return op.emitError("expected at most one rank beside the row rank in ")
           << type;
  }
  int64_t extent = ranks.size() == 2 ? type.getDimSize(0) : 1;
  // Products read f32; element-wise code reads the tile's own type.
  Type held = isa<FloatType>(element) && !elementwise ? Type(b.getF32Type())
                                                      : element;
  Form form;
  form.kind = Form::Near;
  if (wantPlain || !wantPairs) {
    form.buffer = allocState(nearSize(extent), held, form.whole);
    if (ranks.size() == 2) {
      clearPadding(form.buffer, extent);
    }
  }
  if (wantPairs) {
    form.pairs = allocState(pairsSize(extent), element, form.wholePairs);
    clearPadding(form.pairs, extent);
  }

  FlatBuffer flat = flatten(op.getSource());
  auto offsetOf = [&](Value r, Value inner) -> Value {
    Value offset = flat.offset;
    for (auto [i, dim] :
         llvm::enumerate(op.getDims().getAsValueRange<StringAttr>())) {
      Value at = scalar(op.getIndices()[i]);
      tile::DimWalk walk = tile::parseDimWalk(dim);
      if (!dim.empty()) {
        at = add(at, walk.rank == row ? r : inner);
        if (walk.rank == row && rowStart) {
          at = add(at, rowStart);
        }
        for (auto [j, bounded] :
             llvm::enumerate(op.getBounded().getAsValueRange<StringAttr>())) {
          if (bounded == walk.rank) {
            at = arith::MinSIOp::create(
                b, loc, at, add(scalar(op.getLimits()[j]), -1));
          }
        }
        at = partOf(at, walk, op.getSplit());
      }
      offset = add(offset, mul(at, flat.strides[i]));
    }
    return offset;
  };
  if (!loadSquares(op, form, offsetOf)) {
    auto outer = scf::ForOp::create(b, loc, index(0), index(schedule.getRows()),
                                    index(1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(outer.getBody());
    Value r = outer.getInductionVar(), inner = index(0);
    if (ranks.size() == 2) {
      auto loop = scf::ForOp::create(b, loc, index(0), index(extent), index(1));
      b.setInsertionPointToStart(loop.getBody());
      inner = loop.getInductionVar();
    }
    Value v = memref::LoadOp::create(b, loc, flat.flat, offsetOf(r, inner));
    if (form.buffer) {
      Value stored = held == element ? v : toF32(v);
      memref::StoreOp::create(b, loc, stored, form.buffer,
                              ValueRange{ranks.size() == 2
                                             ? nearIndex(inner, r, extent)
                                             : r});
    }
    if (form.pairs) {
      memref::StoreOp::create(b, loc, v, form.pairs,
                              ValueRange{pairsIndex(inner, r, extent)});
    }
  }
  if (ranks.size() == 1) {
    Form rowsForm;
    rowsForm.kind = Form::Rows;
    rowsForm.whole = form.whole;
    for (unsigned v = 0; v < numVectors(); ++v) {
      rowsForm.rows.push_back(loadVector(
          form.buffer, index(v * schedule.getLanes()), vectorOf(held)));
    }
    form = rowsForm;
  }
  forms[tile] = form;
  return success();
}

LogicalResult Emitter::lowerLoad(tile::LoadOp op) {
  if (hasRow(op.getResult())) {
    return lowerNearLoad(op);
  }
  Form form;
  form.kind = Form::Far;
  forms[op.getResult()] = form;
  return success();
}

//===----------------------------------------------------------------------===//
// Operands left in place
//===----------------------------------------------------------------------===//

/// Offset (elements) of row `x` of a [stream, channel] operand that was left
/// in place. In a partial step rows at or beyond `count` repeat the last one.
Value Emitter::rowOffset(tile::LoadOp op, Value x, Value count) {
  if (partial) {
    x = arith::MinSIOp::create(b, loc, x, add(count, -1));
  }
  const Form &form = forms[op.getResult()];
  if (form.offsets) {
    return memref::LoadOp::create(b, loc, form.offsets, x);
  }
  FlatBuffer flat = flatten(op.getSource());
  Value offset = flat.offset;
  SmallVector<StringRef> ranks = tile::getRanks(op.getType());
  for (auto [i, name] :
       llvm::enumerate(op.getDims().getAsValueRange<StringAttr>())) {
    Value at = scalar(op.getIndices()[i]);
    if (name == ranks[0]) {
      at = add(at, x);
    }
    offset = add(offset, mul(at, flat.strides[i]));
  }
  return offset;
}

/// Row offsets of a paged operand, looked up once per step, and of rows to come
/// that the schedule asks for.
void Emitter::fillOffsets(tile::LoadOp op, Value count) {
  auto type = cast<RankedTensorType>(op.getType());
  Form &form = forms[op.getResult()];
  int64_t lanes = schedule.getLanes();
  int64_t distance = partial ? 0 : schedule.getDistance();
  form.offsets =
      allocNear(type.getDimSize(0) + distance + lanes, b.getIndexType());
  FlatBuffer pages = flatten(op.getSource());
  FlatBuffer table = flatten(op.getTable());
  int64_t size = cast<MemRefType>(op.getSource().getType()).getDimSize(2);
  Value tableRow = add(table.offset, mul(scalar(op.getRow()), table.strides[0]));
  Value fixed = add(pages.offset,
                    mul(scalar(op.getIndices()[1]), pages.strides[1]));
  if (op.getIndices().size() > 3) {
    fixed = add(fixed, mul(scalar(op.getIndices()[3]), pages.strides[3]));
  }
  Value steps = arith::MulIOp::create(
      b, loc, vector::StepOp::create(b, loc, vectorOf(b.getIndexType())),
      vector::BroadcastOp::create(b, loc, vectorOf(b.getIndexType()),
                                  pages.strides[2]));
  // Page by page: one look into the table, then equal steps.
  Value first = scalar(op.getIndices()[0]), pageSize = index(size);
  Value end = add(first, add(count, distance));
  for (auto [bounded, limit] :
       llvm::zip(op.getBounded().getAsValueRange<StringAttr>(), op.getLimits())) {
    if (distance > 0 && bounded == tile::getRanks(type)[0]) {
      end = arith::MinSIOp::create(b, loc, end, scalar(limit));
    }
  }
  form.known = arith::SubIOp::create(b, loc, end, first);
  auto loop = scf::ForOp::create(
      b, loc, arith::DivUIOp::create(b, loc, first, pageSize),
      arith::CeilDivUIOp::create(b, loc, end, pageSize), index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value column = loop.getInductionVar();
  Value id = memref::LoadOp::create(
      b, loc, table.flat, add(tableRow, mul(column, table.strides[1])));
  Value page = arith::IndexCastOp::create(b, loc, b.getIndexType(), id);
  // A partial step may look at slots beyond a sequence's end; whatever they
  // hold, nothing outside the pages is read.
  page = arith::MinUIOp::create(b, loc, page, add(pages.sizes[0], -1));
  Value base = add(fixed, mul(page, pages.strides[0]));
  Value start = mul(column, size);
  Value from = arith::MaxSIOp::create(b, loc, start, first);
  Value to = arith::MinSIOp::create(b, loc, add(start, size), end);
  // A vector of slots at a time: what lies beyond the page is overwritten by
  // the next one, or by none.
  auto slots = scf::ForOp::create(b, loc, from, to, index(lanes));
  b.setInsertionPointToStart(slots.getBody());
  Value position = slots.getInductionVar();
  Value slot = arith::SubIOp::create(b, loc, position, start);
  Value offset = vector::BroadcastOp::create(
      b, loc, vectorOf(b.getIndexType()),
      add(base, mul(slot, pages.strides[2])));
  Value x = arith::SubIOp::create(b, loc, position, first);
  storeVector(arith::AddIOp::create(b, loc, offset, steps), form.offsets, x);
}

/// Copies `count` rows of a 16-bit operand to near memory in f32.
Value Emitter::decodeFar(tile::LoadOp op, Value count) {
  auto type = cast<RankedTensorType>(op.getType());
  int64_t width = type.getDimSize(1), lanes = schedule.getLanes();
  Type element = type.getElementType();
  Value buffer = allocNear(type.getDimSize(0) * width, b.getF32Type());
  Value flat = flatten(op.getSource()).flat;
  Value begin = stepBegin ? stepBegin : index(0);
  auto loop = scf::ForOp::create(b, loc, begin, count, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value x = loop.getInductionVar();
  Value from = rowOffset(op, x, count), to = mul(x, width);
  int64_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    Value v = loadVector(flat, add(from, c), vectorOf(element));
    storeVector(toF32(v), buffer, add(to, c));
  }
  for (; c < width; ++c) {
    Value v = memref::LoadOp::create(b, loc, flat, add(from, c));
    memref::StoreOp::create(b, loc, toF32(v), buffer, ValueRange{add(to, c)});
  }
  return buffer;
}

/// The other row of a pair.
Value Emitter::partnerOf(Value x, Value count) {
  return arith::MinUIOp::create(b, loc, add(x, 1), add(count, -1));
}

/// Sets pairs of rows from `count` on to 0, as far as products in blocks or
/// register tiles may read them: the next kBlockDepth rows, and on to the end of
/// a run of so many. The last vector may end beyond them.
void Emitter::clearPairs(Value buffer, int64_t extent, int64_t width,
                         Value count) {
  int64_t lanes = 2 * schedule.getLanes();
  Value from = mul(arith::CeilDivUIOp::create(b, loc, count, index(2)), 2);
  Value runs = arith::CeilDivUIOp::create(b, loc, count, index(kBlockDepth));
  Value to = arith::MinUIOp::create(b, loc, mul(add(runs, 1), kBlockDepth),
                                    index(extent));
  auto loop = scf::ForOp::create(b, loc, mul(from, width), mul(to, width),
                                 index(lanes));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  auto type = VectorType::get({lanes}, b.getBF16Type());
  storeVector(arith::ConstantOp::create(b, loc, b.getZeroAttr(type)), buffer,
              loop.getInductionVar());
}

/// Copies the pairs of rows before `count` of a 16-bit operand to near memory:
/// [x / 2][channel][x % 2]. An odd row out is its own partner.
Value Emitter::packFar(tile::LoadOp op, Value count) {
  auto type = cast<RankedTensorType>(op.getType());
  int64_t width = type.getDimSize(1), lanes = schedule.getLanes();
  Type element = type.getElementType();
  Value buffer =
      allocNear(type.getDimSize(0) * width + 2 * lanes, element);
  Value flat = flatten(op.getSource()).flat;
  clearPairs(buffer, type.getDimSize(0), width, count);
  auto loop = scf::ForOp::create(b, loc, index(0), count, index(2));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value x = loop.getInductionVar();
  Value first = rowOffset(op, x, count);
  Value second = rowOffset(op, partnerOf(x, count), count);
  Value to = mul(x, width);
  int64_t c = 0;
  for (; c + lanes <= width; c += lanes) {
    Value lo = loadVector(flat, add(first, c), vectorOf(element));
    Value hi = loadVector(flat, add(second, c), vectorOf(element));
    storeVector(vector::InterleaveOp::create(b, loc, lo, hi), buffer,
                add(to, 2 * c));
  }
  for (; c < width; ++c) {
    Value lo = memref::LoadOp::create(b, loc, flat, add(first, c));
    Value hi = memref::LoadOp::create(b, loc, flat, add(second, c));
    memref::StoreOp::create(b, loc, lo, buffer, ValueRange{add(to, 2 * c)});
    memref::StoreOp::create(b, loc, hi, buffer, ValueRange{add(to, 2 * c + 1)});
  }
  return buffer;
}

//===----------------------------------------------------------------------===//
// Stores
//===----------------------------------------------------------------------===//

/// Evaluates the tile into a near buffer, then writes it out row by row.
LogicalResult Emitter::lowerStore(tile::StoreOp op) {
  Value tile = op.getValue();
  auto type = cast<RankedTensorType>(tile.getType());
  SmallVector<StringRef> ranks = tile::getRanks(type);
  bool wide = ranks.size() == 2;
  if (ranks.size() > 2 || !hasRow(tile)) {
    return op.emitError("expected a [row] or [x, row] tile to store");
  }
  auto held = forms.find(tile);
  bool isNear = held != forms.end() && held->second.kind == Form::Near;
  Value near = isNear ? held->second.buffer
                      : allocNear(nearSize(wide ? type.getDimSize(0) : 1),
                                  type.getElementType());
  if (isNear) {
    // Written out as it is.
  } else if (wide) {
    if (failed(materialize(tile, near))) {
      return failure();
    }
  } else {
    if (failed(prepare(tile))) {
      return failure();
    }
    Point point;
    for (point.vec = 0; point.vec < numVectors(); ++point.vec) {
      FailureOr<Value> v = eval(tile, point);
      if (failed(v)) {
        return failure();
      }
      storeVector(*v, near, index(point.vec * schedule.getLanes()));
    }
  }
  writeOut(op, near, wide);
  return success();
}

/// Writes `near`, which holds the tile in the order [x][row], to its buffer.
void Emitter::writeOut(tile::StoreOp op, Value near, bool wide) {
  auto type = cast<RankedTensorType>(op.getValue().getType());
  int64_t extent = wide ? type.getDimSize(0) : 1;
  FlatBuffer flat = flatten(op.getTarget());
  Value count = index(schedule.getRows()), innerCount = index(extent);
  // A store inside a step writes what the step visits.
  bool isStreamed = wide && stepBegin && tile::getRanks(type)[0] == streamed;
  Value innerBegin = isStreamed ? stepBegin : index(0);
  if (isStreamed) {
    innerCount = arith::MinSIOp::create(b, loc, innerCount, stepCount);
  }
  Value start = flat.offset; // of what does not change, or grows evenly
  bool walksRow = false;
  for (auto [i, dim] :
       llvm::enumerate(op.getDims().getAsValueRange<StringAttr>())) {
    auto [rank, part] = tile::parseDimWalk(dim);
    walksRow |= rank == row;
    if (part == tile::DimWalk::Whole) {
      Value at = scalar(op.getIndices()[i]);
      if (rank == row && rowStart) {
        at = add(at, rowStart);
      }
      start = add(start, mul(at, flat.strides[i]));
    }
    for (auto [bounded, limit] :
         llvm::zip(op.getBounded().getAsValueRange<StringAttr>(),
                   op.getLimits())) {
      if (bounded == rank) {
        Value left = arith::SubIOp::create(b, loc, scalar(limit),
                                           scalar(op.getIndices()[i]));
        if (rank == row && rowStart) {
          left = arith::SubIOp::create(b, loc, left, rowStart);
        }
        Value &n = rank == row ? count : innerCount;
        n = arith::MinSIOp::create(b, loc, n, left);
      }
    }
  }
  if (!walksRow) {
    count = index(1); // the dummy row
  }
  auto offsetOf = [&](Value r, Value inner) -> Value {
    Value at = start;
    for (auto [i, dim] :
         llvm::enumerate(op.getDims().getAsValueRange<StringAttr>())) {
      if (dim.empty()) {
        continue;
      }
      tile::DimWalk walk = tile::parseDimWalk(dim);
      Value position = walk.rank == row ? r : inner;
      if (walk.part != tile::DimWalk::Whole) {
        position = add(scalar(op.getIndices()[i]), position);
        if (walk.rank == row && rowStart) {
          position = add(position, rowStart);
        }
        position = partOf(position, walk, op.getSplit());
      }
      at = add(at, mul(position, flat.strides[i]));
    }
    return at;
  };
  Value left = isStreamed ? index(0) : storeSquares(op, near, count, offsetOf);
  auto loop = scf::ForOp::create(b, loc, left, count, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value r = loop.getInductionVar(), inner = index(0);
  if (wide) {
    auto nested = scf::ForOp::create(b, loc, innerBegin, innerCount, index(1));
    b.setInsertionPointToStart(nested.getBody());
    inner = nested.getInductionVar();
  }
  Value from = wide ? nearIndex(inner, r, extent) : r;
  Value v = memref::LoadOp::create(b, loc, near, from);
  memref::StoreOp::create(b, loc, v, flat.flat, ValueRange{offsetOf(r, inner)});
}
