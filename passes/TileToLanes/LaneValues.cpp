//===- LaneValues.cpp - tiles in registers --------------------------------===//

#include "LaneEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fovea;
using tile::LayoutAttr;

/// A lane's part of a register tile.
Type LaneEmitter::convertType(Type type) {
  LayoutAttr layout = tile::getLayout(type);
  if (!layout) {
    return type;
  }
  return VectorType::get({tile::getNumRegisters(layout)},
                         getElementTypeOrSelf(type));
}

Value LaneEmitter::shuffle(Value vector, ArrayRef<int64_t> registers) {
  int64_t size = cast<VectorType>(vector.getType()).getNumElements();
  bool identity = static_cast<int64_t>(registers.size()) == size;
  for (auto [i, reg] : llvm::enumerate(registers)) {
    identity &= reg == static_cast<int64_t>(i);
  }
  if (identity) {
    return vector;
  }
  return vector::ShuffleOp::create(b, loc, vector, vector, registers);
}

Value LaneEmitter::fromElements(ArrayRef<Value> elements) {
  auto type = VectorType::get({static_cast<int64_t>(elements.size())},
                              elements.front().getType());
  return vector::FromElementsOp::create(b, loc, type, elements);
}

/// Element by element on what the lane holds: `arith` and `math` ops with
/// tiles become the same ops with vectors.
LogicalResult LaneEmitter::emitElementwise(Operation &op) {
  OperationState state(loc, op.getName());
  auto result = cast<VectorType>(convertType(op.getResult(0).getType()));
  for (Value operand : op.getOperands()) {
    if (auto product = deferred.lookup(operand)) {
      // x + product: the product accumulates onto x.
      Value other = op.getOperand(operand == op.getOperand(0) ? 1 : 0);
      deferred.erase(operand);
      if (failed(emitContract(product, lookup(other)))) {
        return failure();
      }
      map.map(op.getResult(0), lookup(operand));
      return success();
    }
    state.operands.push_back(lookup(operand));
  }
  for (NamedAttribute attribute : op.getAttrs()) {
    Attribute value = attribute.getValue();
    if (auto dense = dyn_cast<SplatElementsAttr>(value)) {
      // A constant tile.
      value = SplatElementsAttr::get(result, dense.getSplatValue<Attribute>());
    } else if (isa<DenseElementsAttr>(value)) {
      return op.emitOpError("expected a constant tile of one value");
    }
    state.addAttribute(attribute.getName(), value);
  }
  state.addTypes(result);
  map.map(op.getResult(0), b.create(state)->getResult(0));
  return success();
}

LogicalResult LaneEmitter::emitBroadcast(tile::BroadcastOp op) {
  auto type = cast<VectorType>(convertType(op.getType()));
  Value from = lookup(op.getValue());
  if (!isa<VectorType>(from.getType())) {
    map.map(op.getResult(),
            vector::BroadcastOp::create(b, loc, type, from).getResult());
    return success();
  }
  SmallVector<int64_t> registers = tile::getSliceRegisters(
      tile::getLayout(op.getType()), tile::getRanks(op.getValue().getType()));
  map.map(op.getResult(), shuffle(from, registers));
  return success();
}

LogicalResult LaneEmitter::emitCoordinate(tile::CoordinateOp op) {
  LayoutAttr layout = tile::getLayout(op.getType());
  StringRef rank = tile::getRanks(op.getType()).front();
  auto type = cast<VectorType>(convertType(op.getType()));
  Value start = add(lookup(op.getBase()), holderPart(layout, rank));
  Value narrow = arith::IndexCastOp::create(b, loc, b.getI32Type(), start);
  SmallVector<int32_t> steps;
  for (int64_t reg = 0; reg < type.getNumElements(); ++reg) {
    steps.push_back(tile::getCoordinate(layout.getRegisters(), rank, reg));
  }
  Value all = vector::BroadcastOp::create(b, loc, type, narrow);
  Value constants = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(type, ArrayRef(steps)));
  map.map(op.getResult(),
          arith::AddIOp::create(b, loc, all, constants).getResult());
  return success();
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// `scalar` of another lane. Shuffles move 32 bits.
Value LaneEmitter::exchange(Value scalar, Value from, int64_t mask) {
  Type type = scalar.getType();
  Type i32 = b.getI32Type();
  unsigned width = type.getIntOrFloatBitWidth();
  if (width < 32) {
    Type narrow = b.getIntegerType(width);
    if (!type.isInteger()) {
      scalar = arith::BitcastOp::create(b, loc, narrow, scalar);
    }
    scalar = arith::ExtUIOp::create(b, loc, i32, scalar);
  }
  Value size = arith::ConstantIntOp::create(b, loc, machine.getLanes(), 32);
  auto mode = from ? gpu::ShuffleMode::IDX : gpu::ShuffleMode::XOR;
  Value offset =
      from ? arith::IndexCastOp::create(b, loc, i32, from).getResult()
           : arith::ConstantIntOp::create(b, loc, mask, 32).getResult();
  Value moved =
      gpu::ShuffleOp::create(b, loc, scalar, offset, size, mode).getResult(0);
  if (width < 32) {
    Type narrow = b.getIntegerType(width);
    moved = arith::TruncIOp::create(b, loc, narrow, moved);
    if (!type.isInteger()) {
      moved = arith::BitcastOp::create(b, loc, type, moved);
    }
  }
  return moved;
}

static Value combine(OpBuilder &b, Location loc, tile::Combine how, Value x,
                     Value y) {
  bool isInteger = getElementTypeOrSelf(x.getType()).isInteger();
  switch (how) {
  case tile::Combine::Sum:
    if (isInteger) {
      return arith::AddIOp::create(b, loc, x, y);
    }
    return arith::AddFOp::create(b, loc, x, y);
  case tile::Combine::Max:
  case tile::Combine::MaxNumber: // a maximum with NaN costs no more there
    if (isInteger) {
      return arith::MaxSIOp::create(b, loc, x, y);
    }
    return arith::MaximumFOp::create(b, loc, x, y);
  case tile::Combine::Min:
    if (isInteger) {
      return arith::MinSIOp::create(b, loc, x, y);
    }
    return arith::MinimumFOp::create(b, loc, x, y);
  }
  llvm_unreachable("unknown combination");
}

/// The registers of one result element, then the lanes that share it.
LogicalResult LaneEmitter::emitReduce(tile::ReduceOp op) {
  LayoutAttr layout = tile::getLayout(op.getValue().getType());
  SmallVector<StringRef> keep = tile::getRanks(op.getType());
  for (const tile::Digit &digit : layout.getSubgroups()) {
    if (digit.rank && !llvm::is_contained(keep, digit.rank.getValue())) {
      return op.emitOpError("expected no reduction over the rank that "
                            "subgroups share out");
    }
  }
  for (StringRef rank : tile::getRanks(op.getValue().getType())) {
    auto type = cast<RankedTensorType>(op.getValue().getType());
    if (!llvm::is_contained(keep, rank) &&
        tile::getExtent(layout, rank) != type.getDimSize(tile::findRank(type, rank))) {
      return op.emitOpError("expected the extent of rank '")
             << rank << "' to fill the layout, got " << type;
    }
  }
  Value from = lookup(op.getValue());
  SmallVector<SmallVector<Value>> groups(
      tile::getNumRegisters(tile::getLayout(op.getType())));
  for (auto [reg, result] :
       llvm::enumerate(tile::getSliceRegisters(layout, keep))) {
    groups[result].push_back(vector::ExtractOp::create(b, loc, from, reg));
  }
  SmallVector<Value> results;
  for (SmallVector<Value> &values : groups) {
    // Pairs of pairs: short chains.
    while (values.size() > 1) {
      SmallVector<Value> next;
      for (size_t i = 0; i + 1 < values.size(); i += 2) {
        next.push_back(
            combine(b, loc, op.getCombine(), values[i], values[i + 1]));
      }
      if (values.size() % 2 == 1) {
        next.push_back(values.back());
      }
      values = next;
    }
    Value value = values.front();
    int64_t place = 1;
    for (const tile::Digit &digit : layout.getLanes()) {
      bool dropped =
          digit.rank && !llvm::is_contained(keep, digit.rank.getValue());
      for (int64_t bit = 1; bit < digit.size; bit *= 2) {
        if (dropped) {
          Value other = exchange(value, Value(), place * bit);
          value = combine(b, loc, op.getCombine(), value, other);
        }
      }
      place *= digit.size;
    }
    results.push_back(value);
  }
  map.map(op.getResult(), fromElements(results));
  return success();
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// One element per register; an index outside the table means its nearest.
LogicalResult LaneEmitter::emitLookup(tile::LookupOp op) {
  FarBuffer table = flatten(op.getTable());
  auto type = cast<VectorType>(convertType(op.getType()));
  SmallVector<Value> elements;
  DenseMap<int64_t, Value> same; // where no index differs between registers
  Value fixed = table.offset;
  SmallVector<std::pair<Value, unsigned>> varying;
  auto clamp = [&](Value at, unsigned axis) {
    at = arith::MinSIOp::create(b, loc, at, add(table.sizes[axis], -1));
    at = arith::MaxSIOp::create(b, loc, at, index(0));
    return mul(at, table.strides[axis]);
  };
  for (auto [axis, operand] : llvm::enumerate(op.getIndices())) {
    Value at = lookup(operand);
    if (isa<VectorType>(at.getType())) {
      varying.push_back({at, axis});
      continue;
    }
    if (!at.getType().isIndex()) {
      at = arith::IndexCastOp::create(b, loc, b.getIndexType(), at);
    }
    fixed = add(fixed, clamp(at, axis));
  }
  for (int64_t reg = 0; reg < type.getNumElements(); ++reg) {
    if (varying.empty() && reg > 0) {
      elements.push_back(elements.front());
      continue;
    }
    Value offset = fixed;
    for (auto [vector, axis] : varying) {
      Value at = vector::ExtractOp::create(b, loc, vector, reg);
      at = arith::IndexCastOp::create(b, loc, b.getIndexType(), at);
      offset = add(offset, clamp(at, axis));
    }
    elements.push_back(
        memref::LoadOp::create(b, loc, table.flat, offset).getResult());
  }
  map.map(op.getResult(), fromElements(elements));
  return success();
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

/// Registers of one lane, by its function: what a conversion brings from there.
struct LaneEmitter::Moved {
  tile::LaneFunction lane;
  SmallVector<int64_t> registers;
  llvm::SmallDenseMap<int64_t, Value> values; // of this lane, once brought
};

/// Brings the registers, two of 16 bits at a time.
void LaneEmitter::exchangeRegisters(Value vector, Moved &moved) {
  Value lane = arith::XOrIOp::create(
      b, loc, laneSum(moved.lane.weights, /*isXor=*/true),
      index(moved.lane.base));
  Type element = getElementTypeOrSelf(vector.getType());
  bool isPaired = element.getIntOrFloatBitWidth() == 16;
  ArrayRef<int64_t> left = moved.registers;
  while (!left.empty()) {
    Value first = vector::ExtractOp::create(b, loc, vector, left[0]);
    if (!isPaired || left.size() == 1) {
      moved.values[left[0]] = exchange(first, lane, 0);
      left = left.drop_front();
      continue;
    }
    Value second = vector::ExtractOp::create(b, loc, vector, left[1]);
    auto words = VectorType::get({1}, b.getI32Type());
    Value pair = fromElements({first, second});
    Value word = vector::ExtractOp::create(
        b, loc, vector::BitCastOp::create(b, loc, words, pair), 0);
    word = fromElements({exchange(word, lane, 0)});
    pair = vector::BitCastOp::create(b, loc, pair.getType(), word);
    for (int64_t i : {0, 1}) {
      moved.values[left[i]] = vector::ExtractOp::create(b, loc, pair, i);
    }
    left = left.drop_front(2);
  }
}

LogicalResult LaneEmitter::emitConvert(tile::ConvertOp op) {
  LayoutAttr from = tile::getLayout(op.getValue().getType());
  LayoutAttr to = tile::getLayout(op.getType());
  SmallVector<StringRef> ranks = tile::getRanks(op.getType());
  Value vector = lookup(op.getValue());
  tile::Conversion plan = tile::planConversion(from, to, ranks);
  if (plan.kind == tile::Conversion::Near) {
    map.map(op.getResult(), convertThroughNear(vector, from, to, ranks));
    return success();
  }
  SmallVector<int64_t> registers;
  SmallVector<Value> elements;
  if (plan.kind == tile::Conversion::Registers) {
    for (const tile::Conversion::Source &source : plan.sources) {
      registers.push_back(source.registers.front());
    }
    map.map(op.getResult(), shuffle(vector, registers));
    return success();
  }
  // Every register that some lane wants, once.
  SmallVector<Moved> lanes;
  auto find = [&](const tile::LaneFunction &lane) -> Moved & {
    for (Moved &moved : lanes) {
      if (moved.lane == lane) {
        return moved;
      }
    }
    lanes.emplace_back();
    lanes.back().lane = lane;
    return lanes.back();
  };
  for (const tile::Conversion::Source &source : plan.sources) {
    Moved &moved = find(source.lane);
    for (int64_t reg : source.registers) {
      if (!llvm::is_contained(moved.registers, reg)) {
        moved.registers.push_back(reg);
      }
    }
  }
  for (Moved &moved : lanes) {
    if (!moved.lane.isIdentity()) {
      exchangeRegisters(vector, moved);
      continue;
    }
    for (int64_t reg : moved.registers) {
      moved.values[reg] = vector::ExtractOp::create(b, loc, vector, reg);
    }
  }
  for (const tile::Conversion::Source &source : plan.sources) {
    // Let the lane choose.
    SmallVector<Value> brought;
    for (int64_t reg : source.registers) {
      brought.push_back(find(source.lane).values[reg]);
    }
    for (unsigned bit : source.select) {
      SmallVector<int64_t> weights(bit + 1, 0);
      weights[bit] = 1;
      Value isSet = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                          laneSum(weights), index(0));
      SmallVector<Value> chosen;
      for (size_t i = 0; i < brought.size(); i += 2) {
        chosen.push_back(arith::SelectOp::create(b, loc, isSet, brought[i + 1],
                                                 brought[i]));
      }
      brought = chosen;
    }
    elements.push_back(brought.front());
  }
  map.map(op.getResult(), fromElements(elements));
  return success();
}

/// Every holder writes its elements, all meet, every holder reads.
Value LaneEmitter::convertThroughNear(Value vector, LayoutAttr from,
                                      LayoutAttr to,
                                      ArrayRef<StringRef> ranks) {
  auto type = cast<VectorType>(vector.getType());
  SmallVector<int64_t> strides(ranks.size());
  int64_t size = 1;
  for (unsigned i = ranks.size(); i-- > 0;) {
    strides[i] = size;
    size *= std::max(tile::getExtent(from, ranks[i]),
                     tile::getExtent(to, ranks[i]));
    // An odd pitch keeps columns of one bank apart.
    size += i == ranks.size() - 1 && ranks.size() > 1 ? 1 - size % 2 : 0;
  }
  Type element = type.getElementType();
  bool isBit = element.isInteger(1);
  Type held = isBit ? Type(b.getI8Type()) : element;
  Value buffer = allocNear(size, held);
  auto offset = [&](LayoutAttr layout, int64_t reg) {
    Value at = index(0);
    for (auto [rank, stride] : llvm::zip_equal(ranks, strides)) {
      at = add(at, mul(coordinate(layout, rank, reg), stride));
    }
    return at;
  };
  barrier();
  for (int64_t reg = 0; reg < type.getNumElements(); ++reg) {
    Value scalar = vector::ExtractOp::create(b, loc, vector, reg);
    if (isBit) {
      scalar = arith::ExtUIOp::create(b, loc, held, scalar);
    }
    memref::StoreOp::create(b, loc, scalar, buffer, offset(from, reg));
  }
  barrier();
  SmallVector<Value> elements;
  for (int64_t reg = 0, e = tile::getNumRegisters(to); reg < e; ++reg) {
    Value scalar =
        memref::LoadOp::create(b, loc, buffer, offset(to, reg)).getResult();
    if (isBit) {
      scalar = arith::TruncIOp::create(b, loc, element, scalar);
    }
    elements.push_back(scalar);
  }
  return fromElements(elements);
}
