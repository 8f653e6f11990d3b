//===- LaneMemory.cpp - far memory and registers, near buffers ------------===//

#include "LaneEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fovea;
using tile::LayoutAttr;

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

Value LaneEmitter::allocNear(int64_t elements, Type element) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(entryEnd);
  // Whole lines of banks, so that orders count from bank 0.
  int64_t line = machine.getBanks() * 4;
  int64_t bytes = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  auto type = MemRefType::get({elements}, element, MemRefLayoutAttrInterface(),
                              b.getI64IntegerAttr(3));
  Value buffer = tile::NearOp::create(b, loc, type, nearBytes);
  nearBytes += llvm::alignTo(elements * bytes, line);
  return buffer;
}

void LaneEmitter::barrier() { gpu::BarrierOp::create(b, loc); }

/// The view of a memref as one row of elements in far memory.
const FarBuffer &LaneEmitter::flatten(Value memref) {
  auto it = fars.find(memref);
  if (it != fars.end()) {
    return it->second;
  }
  OpBuilder::InsertionGuard guard(b);
  Value mapped = lookup(memref);
  if (Operation *op = mapped.getDefiningOp()) {
    b.setInsertionPointAfter(op);
  } else {
    b.setInsertionPointToStart(entryEnd->getBlock());
  }
  auto type = cast<MemRefType>(mapped.getType());
  auto meta = memref::ExtractStridedMetadataOp::create(b, loc, mapped);
  FarBuffer far;
  far.offset = meta.getOffset();
  far.sizes.assign(meta.getSizes().begin(), meta.getSizes().end());
  far.strides.assign(meta.getStrides().begin(), meta.getStrides().end());
  if (type.getRank() > 0) {
    far.strides.back() = index(1);
  }
  SmallVector<OpFoldResult> sizes{index(std::numeric_limits<int64_t>::max())};
  SmallVector<OpFoldResult> strides{b.getIndexAttr(1)};
  auto flatType =
      MemRefType::get({ShapedType::kDynamic}, type.getElementType());
  Value flat = memref::ReinterpretCastOp::create(
      b, loc, flatType, meta.getBaseBuffer(), OpFoldResult(b.getIndexAttr(0)),
      sizes, strides);
  auto farType =
      MemRefType::get({ShapedType::kDynamic}, type.getElementType(),
                      MemRefLayoutAttrInterface(), b.getI64IntegerAttr(1));
  far.flat = memref::MemorySpaceCastOp::create(b, loc, farType, flat);
  return fars[memref] = far;
}

/// A scalar of the task, or of one step of a stream whose body is not emitted
/// here: `step` maps the body's arguments, what follows from them is cloned.
Value LaneEmitter::value(Value outer, IRMapping *step) {
  if (!step) {
    return lookup(outer);
  }
  if (Value known = step->lookupOrNull(outer)) {
    return known;
  }
  Operation *op = outer.getDefiningOp();
  if (!op || !isa<tile::StreamOp>(op->getParentOp()) ||
      map.contains(outer)) {
    return lookup(outer);
  }
  IRMapping operands;
  for (Value operand : op->getOperands()) {
    operands.map(operand, value(operand, step));
  }
  Operation *clone = b.clone(*op, operands);
  for (auto [old, made] :
       llvm::zip_equal(op->getResults(), clone->getResults())) {
    step->map(old, made);
  }
  return step->lookup(outer);
}

static Value find(const Coordinates &at, StringRef rank) {
  for (auto &[name, value] : at) {
    if (name == rank) {
      return value;
    }
  }
  return Value();
}

/// Where a dimension of a buffer is for a tile's element at `at`: `start` and
/// the element's coordinate along the rank that walks it, or a part of that.
Value LaneEmitter::walk(StringRef dim, Value start, const Coordinates &at,
                        Value split) {
  auto [rank, part] = tile::parseDimWalk(dim);
  if (rank.empty()) {
    return start;
  }
  Value position = add(start, find(at, rank));
  switch (part) {
  case tile::DimWalk::Whole:
    return position;
  case tile::DimWalk::Quotient:
    return arith::DivUIOp::create(b, loc, position, split);
  case tile::DimWalk::Rest:
    return arith::RemUIOp::create(b, loc, position, split);
  }
  llvm_unreachable("unknown part");
}

/// The coordinate at which the tile begins along `rank`.
Value LaneEmitter::findStart(ArrayAttr dims, ValueRange indices, StringRef rank,
                             IRMapping *step) {
  for (auto [dim, start] :
       llvm::zip_equal(dims.getAsValueRange<StringAttr>(), indices)) {
    if (tile::parseDimWalk(dim).rank == rank) {
      return value(start, step);
    }
  }
  llvm_unreachable("every rank of a tile walks a dimension");
}

/// Elements from the start of the flat source to the one at `at`.
Value LaneEmitter::farOffset(tile::LoadOp op, const Coordinates &at,
                             IRMapping *step) {
  FarBuffer far = flatten(op.getSource());
  Value offset = far.offset;
  for (auto [axis, name] :
       llvm::enumerate(op.getDims().getAsValueRange<StringAttr>())) {
    Value split = op.getSplit() ? value(op.getSplit(), step) : Value();
    Value position = walk(name, value(op.getIndices()[axis], step), at, split);
    if (op.getTable() && axis == 2) {
      continue; // the slot follows from the position along axis 0
    }
    if (op.getTable() && axis == 0) {
      FarBuffer table = flatten(op.getTable());
      int64_t size = cast<MemRefType>(op.getSource().getType()).getDimSize(2);
      // Lanes whose row lies beyond the limit look where the last row does.
      for (auto [j, bounded] :
           llvm::enumerate(op.getBounded().getAsValueRange<StringAttr>())) {
        if (bounded == name) {
          position = arith::MinSIOp::create(
              b, loc, position, add(value(op.getLimits()[j], step), -1));
        }
      }
      Value page = arith::DivUIOp::create(b, loc, position, index(size));
      Value slot = arith::RemUIOp::create(b, loc, position, index(size));
      Value cell = add(add(table.offset,
                           mul(value(op.getRow(), step), table.strides[0])),
                       mul(page, table.strides[1]));
      Value id = memref::LoadOp::create(b, loc, table.flat, cell);
      id = arith::IndexCastUIOp::create(b, loc, b.getIndexType(), id);
      // Nothing outside the pages is read, whatever the table holds.
      id = arith::MinUIOp::create(b, loc, id, add(far.sizes[0], -1));
      offset = add(offset, add(mul(id, far.strides[0]),
                               mul(slot, far.strides[2])));
      continue;
    }
    offset = add(offset, mul(position, far.strides[axis]));
  }
  return offset;
}

/// True at run time if what begins at `start` along the last axis, anywhere
/// along the others, lies at a multiple of `bytes`. Asked once per task where
/// `start` is constant: steps of streams only branch on the answer.
Value LaneEmitter::isAligned(const FarBuffer &buffer, Value start,
                             int64_t bytes) {
  OpBuilder::InsertionGuard guard(b);
  if (std::optional<int64_t> known = getConstantIntValue(start)) {
    Value &answer = alignments[{buffer.flat.getAsOpaquePointer(), *known,
                                bytes}];
    if (!answer) {
      b.setInsertionPointAfter(buffer.flat.getDefiningOp());
      answer = makeIsAligned(buffer, index(*known), bytes);
    }
    return answer;
  }
  return makeIsAligned(buffer, start, bytes);
}

Value LaneEmitter::makeIsAligned(const FarBuffer &buffer, Value start,
                                 int64_t bytes) {
  auto type = cast<MemRefType>(buffer.flat.getType());
  int64_t size = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  Value bits = memref::ExtractAlignedPointerAsIndexOp::create(b, loc,
                                                              buffer.flat);
  bits = arith::OrIOp::create(b, loc, bits, mul(buffer.offset, size));
  bits = arith::OrIOp::create(b, loc, bits, mul(start, size));
  for (Value stride : ArrayRef(buffer.strides).drop_back()) {
    bits = arith::OrIOp::create(b, loc, bits, mul(stride, size));
  }
  bits = arith::AndIOp::create(b, loc, bits, index(bytes - 1));
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, bits,
                               index(0));
}

//===----------------------------------------------------------------------===//
// Far memory to registers
//===----------------------------------------------------------------------===//

/// Element by element. Coordinates beyond a limit repeat the last one.
LogicalResult LaneEmitter::emitRegisterLoad(tile::LoadOp op) {
  LayoutAttr layout = tile::getLayout(op.getType());
  FarBuffer far = flatten(op.getSource());
  SmallVector<StringRef> ranks = tile::getRanks(op.getType());
  SmallVector<Value> elements;
  for (int64_t reg = 0, e = tile::getNumRegisters(layout); reg < e; ++reg) {
    Coordinates at;
    for (auto [i, rank] : llvm::enumerate(ranks)) {
      Value position = coordinate(layout, rank, reg);
      Value most;
      for (auto [j, name] :
           llvm::enumerate(op.getBounded().getAsValueRange<StringAttr>())) {
        if (name == rank) {
          // Relative to where the tile begins.
          Value start =
              findStart(op.getDims(), op.getIndices(), rank, nullptr);
          most = add(arith::SubIOp::create(b, loc, lookup(op.getLimits()[j]),
                                           start),
                     -1);
        }
      }
      int64_t extent = op.getType().getDimSize(i);
      if (!most && tile::getExtent(layout, rank) > extent) {
        most = index(extent - 1);
      }
      if (most) {
        position = arith::MinSIOp::create(b, loc, position, most);
      }
      at.push_back({rank, position});
    }
    Value offset = farOffset(op, at, nullptr);
    elements.push_back(
        memref::LoadOp::create(b, loc, far.flat, offset).getResult());
  }
  map.map(op.getResult(), fromElements(elements));
  return success();
}

//===----------------------------------------------------------------------===//
// Registers to far memory
//===----------------------------------------------------------------------===//

/// Registers first, first + 1, ... that lie side by side along the fastest
/// rank, in every lane at a multiple of their number.
static int64_t getRun(LayoutAttr layout, StringRef fast, int64_t extent,
                      int64_t most) {
  int64_t run = 1;
  ArrayRef<tile::Digit> digits = layout.getRegisters();
  if (!digits.empty() && digits[0].rank && digits[0].rank.getValue() == fast &&
      digits[0].stride == 1) {
    run = digits[0].size;
  }
  auto isMultiple = [&](int64_t count) {
    bool all = run % count == 0 && extent % count == 0;
    auto check = [&](ArrayRef<tile::Digit> list) {
      for (const tile::Digit &digit : list) {
        if (digit.rank && digit.rank.getValue() == fast &&
            &digit != digits.begin()) {
          all &= digit.stride % count == 0;
        }
      }
    };
    check(digits);
    check(layout.getLanes());
    check(layout.getSubgroups());
    return all;
  };
  int64_t best = 1;
  for (int64_t count = 2; count <= most; count *= 2) {
    if (isMultiple(count)) {
      best = count;
    }
  }
  return best;
}

LogicalResult LaneEmitter::emitStore(tile::StoreOp op) {
  Value vector = lookup(op.getValue());
  auto type = cast<RankedTensorType>(op.getValue().getType());
  LayoutAttr layout = tile::getLayout(type);
  FarBuffer far = flatten(op.getTarget());
  SmallVector<StringRef> ranks = tile::getRanks(type);
  auto dims = llvm::to_vector(op.getDims().getAsValueRange<StringAttr>());
  tile::DimWalk last;
  if (!dims.empty()) {
    last = tile::parseDimWalk(dims.back());
  }
  // Parts of a packed rank do not lie side by side.
  StringRef fast = last.part == tile::DimWalk::Whole ? last.rank : StringRef();
  int64_t size = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  int64_t run = fast.empty() ? 1
                             : getRun(layout, fast,
                                      type.getDimSize(tile::findRank(type, fast)),
                                      16 / size);
  // Runs by the coordinates that decide whether they are stored at all.
  llvm::MapVector<SmallVector<int64_t>, SmallVector<int64_t>> groups;
  SmallVector<StringRef> bounded;
  for (auto [i, rank] : llvm::enumerate(ranks)) {
    bool isBounded = llvm::is_contained(
        llvm::to_vector(op.getBounded().getAsValueRange<StringAttr>()), rank);
    if (isBounded || tile::getExtent(layout, rank) > type.getDimSize(i)) {
      bounded.push_back(rank);
    }
  }
  for (int64_t reg = 0, e = tile::getNumRegisters(layout); reg < e; reg += run) {
    SmallVector<int64_t> key;
    for (StringRef rank : bounded) {
      key.push_back(tile::getCoordinate(layout.getRegisters(), rank, reg));
    }
    groups[key].push_back(reg);
  }
  Value aligned =
      run > 1 ? isAligned(far, lookup(op.getIndices().back()), run * size)
              : Value();
  auto start = [&](StringRef rank) {
    return findStart(op.getDims(), op.getIndices(), rank, nullptr);
  };
  for (auto &group : groups) {
    ArrayRef<int64_t> registers = group.second;
    Value inside;
    for (StringRef rank : bounded) {
      Value at = coordinate(layout, rank, registers.front());
      int64_t extent = type.getDimSize(tile::findRank(type, rank));
      if (tile::getExtent(layout, rank) > extent) {
        inside = both(inside, less(at, index(extent)));
      }
      for (auto [j, name] :
           llvm::enumerate(op.getBounded().getAsValueRange<StringAttr>())) {
        if (name == rank) {
          inside = both(inside, less(add(start(rank), at),
                                     lookup(op.getLimits()[j])));
        }
      }
    }
    OpBuilder::InsertionGuard guard(b);
    if (inside) {
      auto branch = scf::IfOp::create(b, loc, inside, /*withElseRegion=*/false);
      b.setInsertionPointToStart(branch.thenBlock());
    }
    auto write = [&](bool wide) {
      for (int64_t reg : registers) {
        Value offset = far.offset;
        Coordinates at;
        for (StringRef rank : ranks) {
          at.push_back({rank, coordinate(layout, rank, reg)});
        }
        Value split = op.getSplit() ? lookup(op.getSplit()) : Value();
        for (auto [axis, dim] : llvm::enumerate(dims)) {
          Value position =
              walk(dim, lookup(op.getIndices()[axis]), at, split);
          offset = add(offset, mul(position, far.strides[axis]));
        }
        if (wide) {
          Value part = vector::ExtractStridedSliceOp::create(
              b, loc, vector, ArrayRef<int64_t>{reg}, ArrayRef<int64_t>{run},
              ArrayRef<int64_t>{1});
          vector::StoreOp::create(b, loc, part, far.flat, ValueRange{offset},
                                  /*nontemporal=*/false,
                                  llvm::MaybeAlign(run * size));
          continue;
        }
        for (int64_t i = 0; i < run; ++i) {
          Value scalar = vector::ExtractOp::create(b, loc, vector, reg + i);
          memref::StoreOp::create(b, loc, scalar, far.flat,
                                  ValueRange{add(offset, i)});
        }
      }
    };
    if (!aligned) {
      write(false);
      continue;
    }
    auto branch = scf::IfOp::create(b, loc, aligned, /*withElseRegion=*/true);
    b.setInsertionPointToStart(branch.thenBlock());
    write(true);
    b.setInsertionPointToStart(branch.elseBlock());
    write(false);
  }
  return success();
}
