//===- LaneFunctions.cpp - numbers that depend on the lane ----------------===//

#include "LaneEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace fovea;

//===----------------------------------------------------------------------===//
// Small helpers
//===----------------------------------------------------------------------===//

Value LaneEmitter::index(int64_t v) {
  return arith::ConstantIndexOp::create(b, loc, v);
}

static std::optional<int64_t> constantOf(Value v) {
  APInt value;
  if (matchPattern(v, m_ConstantInt(&value))) {
    return value.getSExtValue();
  }
  return std::nullopt;
}

Value LaneEmitter::add(Value x, Value y) {
  if (constantOf(x) == 0) {
    return y;
  }
  if (constantOf(y) == 0) {
    return x;
  }
  return arith::AddIOp::create(b, loc, x, y);
}

Value LaneEmitter::mul(Value x, Value y) {
  if (constantOf(x) == 1) {
    return y;
  }
  if (constantOf(y) == 1) {
    return x;
  }
  return arith::MulIOp::create(b, loc, x, y);
}

Value LaneEmitter::mul(Value x, int64_t c) { return mul(x, index(c)); }

Value LaneEmitter::less(Value x, Value y) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x, y);
}

Value LaneEmitter::both(Value x, Value y) {
  if (!x || !y) {
    return x ? x : y;
  }
  return arith::AndIOp::create(b, loc, x, y);
}

//===----------------------------------------------------------------------===//
// Functions of the lane
//===----------------------------------------------------------------------===//

/// The combined weights of the set bits of `number`. Neighbouring bits whose
/// weights double are taken together: weights 2, 4 are (number & 3) * 2.
static Value combineBits(OpBuilder &b, Location loc, Value number,
                         ArrayRef<int64_t> weights, bool isXor) {
  auto constant = [&](int64_t v) -> Value {
    return arith::ConstantIndexOp::create(b, loc, v);
  };
  Value result;
  for (size_t bit = 0; bit < weights.size();) {
    if (weights[bit] == 0) {
      ++bit;
      continue;
    }
    size_t end = bit + 1;
    while (end < weights.size() && weights[end] == 2 * weights[end - 1]) {
      ++end;
    }
    // An exclusive or of several multiples is a product only if no two of
    // them share a bit, as is the case for powers of two.
    if (isXor && !llvm::isPowerOf2_64(weights[bit])) {
      end = bit + 1;
    }
    Value field = number;
    if (bit > 0) {
      field = arith::ShRUIOp::create(b, loc, field, constant(bit));
    }
    if (end < weights.size()) {
      field = arith::AndIOp::create(b, loc, field,
                                    constant((int64_t(1) << (end - bit)) - 1));
    }
    if (weights[bit] != 1) {
      field = arith::MulIOp::create(b, loc, field, constant(weights[bit]));
    }
    if (!result) {
      result = field;
    } else if (isXor) {
      result = arith::XOrIOp::create(b, loc, result, field);
    } else {
      result = arith::AddIOp::create(b, loc, result, field);
    }
    bit = end;
  }
  return result ? result : constant(0);
}

Value LaneEmitter::laneSum(ArrayRef<int64_t> weights, bool isXor) {
  Value &sum = laneSums[{isXor, weights.vec()}];
  if (!sum) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(entryEnd);
    sum = combineBits(b, loc, lane, weights, isXor);
  }
  return sum;
}

Value LaneEmitter::subgroupSum(ArrayRef<int64_t> weights) {
  Value &sum = subgroupSums[weights.vec()];
  if (!sum) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(entryEnd);
    sum = combineBits(b, loc, subgroup, weights, /*isXor=*/false);
  }
  return sum;
}

/// The weight of each bit of a number whose digits these are, along `rank`.
static SmallVector<int64_t> bitWeights(ArrayRef<tile::Digit> digits,
                                       StringRef rank) {
  SmallVector<int64_t> weights;
  for (const tile::Digit &digit : digits) {
    bool counts = digit.rank && digit.rank.getValue() == rank;
    for (int64_t place = 1; place < digit.size; place *= 2) {
      weights.push_back(counts ? digit.stride * place : 0);
    }
  }
  return weights;
}

Value LaneEmitter::holderPart(tile::LayoutAttr layout, StringRef rank) {
  return add(laneSum(bitWeights(layout.getLanes(), rank)),
             subgroupSum(bitWeights(layout.getSubgroups(), rank)));
}

Value LaneEmitter::coordinate(tile::LayoutAttr layout, StringRef rank,
                              int64_t reg) {
  return add(holderPart(layout, rank),
             tile::getCoordinate(layout.getRegisters(), rank, reg));
}

Value LaneEmitter::laneTable(ArrayRef<int64_t> table) {
  // Differing by a sum of one constant, or by an exclusive or.
  for (bool isXor : {false, true}) {
    for (auto &entry : tables) {
      ArrayRef<int64_t> known = entry.first;
      Value value = entry.second;
      auto difference = [&](size_t i) {
        return isXor ? table[i] ^ known[i] : table[i] - known[i];
      };
      bool same = true;
      for (size_t i = 1; i < table.size() && same; ++i) {
        same = difference(i) == difference(0);
      }
      if (!same) {
        continue;
      }
      Value constant = index(difference(0));
      if (!isXor) {
        return add(value, constant);
      }
      Value result = arith::XOrIOp::create(b, loc, value, constant);
      return result;
    }
  }
  std::optional<tile::LaneFunction> function = tile::fitXor(table);
  bool isXor = function.has_value();
  if (!function) {
    function = tile::fitSum(table);
  }
  if (!function) {
    return Value();
  }
  Value result;
  {
    Value sum = laneSum(function->weights, isXor);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(entryEnd);
    Value base = index(function->base);
    result = isXor ? arith::XOrIOp::create(b, loc, sum, base).getResult()
                   : add(sum, base);
  }
  tables.push_back({SmallVector<int64_t>(table), result});
  return result;
}
