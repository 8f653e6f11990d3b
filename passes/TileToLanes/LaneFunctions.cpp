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

/// The constants x and s of table[i] = (known[i] ^ x) + s, with x below
/// `bound`, a power of two. Few x and many s is what serves: an exclusive or is
/// an instruction, a sum with a constant is part of the access.
static std::optional<std::pair<int64_t, int64_t>>
findConstants(ArrayRef<int64_t> table, ArrayRef<int64_t> known, int64_t bound) {
  int64_t x = (table[0] ^ known[0]) & (bound - 1);
  int64_t s = table[0] - (known[0] ^ x);
  for (auto [wanted, value] : llvm::zip_equal(table, known)) {
    if (wanted != (value ^ x) + s) {
      return std::nullopt;
    }
  }
  return std::make_pair(x, s);
}

std::pair<Value, int64_t> LaneEmitter::laneTable(ArrayRef<int64_t> table) {
  int64_t most = *llvm::max_element(table) + 1;
  for (int64_t bound = 1; bound < 2 * most; bound *= 2) {
    for (auto &[known, value] : tables) {
      if (known.size() != table.size()) {
        continue;
      }
      if (auto found = findConstants(table, known, bound)) {
        Value base = value;
        if (found->first) {
          base = arith::XOrIOp::create(b, loc, base, index(found->first));
        }
        return {base, found->second};
      }
    }
  }
  std::optional<tile::LaneFunction> function = tile::fitXor(table);
  bool isXor = function.has_value();
  if (!function) {
    function = tile::fitSum(table);
  }
  assert(function && "orders of near memory are sums or exclusive ors of bits");
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
  return {result, 0};
}
