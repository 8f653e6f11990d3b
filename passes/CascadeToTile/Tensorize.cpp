//===- Tensorize.cpp - scalar regions become tile operations --------------===//

#include "Tensorize.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace fovea;

/// Integers of tiles are i32 (i1 stays); other types are unchanged.
static Type tileElement(Type type) {
  if (isa<IndexType>(type) || (type.isInteger() && !type.isInteger(1))) {
    return IntegerType::get(type.getContext(), 32);
  }
  return type;
}

void Tensorizer::map(Value original, Value converted,
                     ArrayRef<StringRef> names) {
  values[original] = converted;
  valueNames[original].assign(names.begin(), names.end());
}

ArrayRef<StringRef> Tensorizer::namesOf(Value original) {
  return valueNames[original];
}

Value Tensorizer::lookup(Value original) {
  auto it = values.find(original);
  return it == values.end() ? original : it->second;
}

RankedTensorType Tensorizer::tileType(ArrayRef<StringRef> names, Type element) {
  auto order = [&](StringRef name) {
    return name == stream ? 0 : name == row ? 2 : 1;
  };
  SmallVector<StringRef> sorted;
  for (StringRef name : names) {
    if (!llvm::is_contained(sorted, name)) {
      sorted.push_back(name);
    }
  }
  llvm::sort(sorted, [&](StringRef x, StringRef y) {
    return std::pair(order(x), x) < std::pair(order(y), y);
  });
  SmallVector<int64_t> shape;
  for (StringRef name : sorted) {
    shape.push_back(ranks[name].extent);
  }
  return tile::getTileType(shape, element, sorted);
}

Value Tensorizer::toTileInteger(Location loc, Value scalar) {
  Type type = scalar.getType();
  Type i32 = b.getI32Type();
  if (isa<IndexType>(type)) {
    return arith::IndexCastOp::create(b, loc, i32, scalar);
  }
  if (type.isInteger() && !type.isInteger(1) && !type.isInteger(32)) {
    unsigned width = type.getIntOrFloatBitWidth();
    if (width > 32) {
      return arith::TruncIOp::create(b, loc, i32, scalar);
    }
    return arith::ExtSIOp::create(b, loc, i32, scalar);
  }
  return scalar;
}

Value Tensorizer::broadcast(Location loc, Value value, RankedTensorType type) {
  if (!isTile(value)) {
    value = toTileInteger(loc, value);
  } else if (value.getType() == type) {
    return value;
  }
  return tile::BroadcastOp::create(b, loc, type, value);
}

//===----------------------------------------------------------------------===//
// Scalar operations
//===----------------------------------------------------------------------===//

/// True for a tile of i8 or i4: what is stored, to be converted first.
static bool isNarrow(Value v) {
  Type element = getElementTypeOrSelf(v.getType());
  return Tensorizer::isTile(v) && element.isIntOrIndex() &&
         !element.isInteger(1) && !element.isInteger(32);
}

/// Casts between integer types that are all i32 inside tiles.
static bool isIntegerCast(Operation *op) {
  return isa<arith::IndexCastOp, arith::IndexCastUIOp>(op) ||
         (isa<arith::ExtSIOp, arith::TruncIOp, arith::ExtUIOp>(op) &&
          !getElementTypeOrSelf(op->getOperand(0)).isInteger(1) &&
          !getElementTypeOrSelf(op->getResult(0)).isInteger(1));
}

LogicalResult Tensorizer::convertElementwise(Operation *op) {
  if (op->getNumRegions() != 0 || op->getNumResults() != 1) {
    return op->emitError("expected element-wise scalar code in a cascade, got '")
           << op->getName() << "'";
  }
  SmallVector<Value> operands;
  SmallVector<StringRef> names;
  for (Value operand : op->getOperands()) {
    operands.push_back(lookup(operand));
    if (isTile(operands.back())) {
      llvm::append_range(names, tile::getRanks(operands.back().getType()));
    }
  }
  Location loc = op->getLoc();
  Value result = op->getResult(0);
  if (names.empty()) {
    IRMapping mapping;
    mapping.map(op->getOperands(), operands);
    map(result, b.clone(*op, mapping)->getResult(0), {});
    return success();
  }
  if (llvm::any_of(operands, isNarrow)) {
    if (!isa<arith::SIToFPOp, arith::UIToFPOp, arith::ExtSIOp,
             arith::ExtUIOp>(op)) {
      return op->emitError("expected stored integers to be converted before "
                           "other arithmetic, got '")
             << op->getName() << "'";
    }
  } else if (isIntegerCast(op)) {
    map(result, operands[0], {});
    return success();
  }
  for (Value &operand : operands) {
    Type element = getElementTypeOrSelf(operand.getType());
    operand = broadcast(
        loc, operand,
        tileType(names, isTile(operand) ? element : tileElement(element)));
  }
  Type type = tileType(names, tileElement(result.getType()));
  Operation *made = b.create(loc, op->getName().getIdentifier(), operands,
                             TypeRange(type), op->getAttrs());
  map(result, made->getResult(0), {});
  return success();
}

LogicalResult Tensorizer::convertConstant(Operation *op) {
  auto constant = cast<arith::ConstantOp>(op);
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!dense) {
    return convertElementwise(op);
  }
  if (!dense.isSplat()) {
    return op->emitError("expected a splat constant in a fold's region");
  }
  Value scalar = arith::ConstantOp::create(
      b, op->getLoc(), cast<TypedAttr>(dense.getSplatValue<Attribute>()));
  map(constant, scalar, {});
  return success();
}

LogicalResult Tensorizer::convertExtract(Operation *op) {
  auto extract = cast<tensor::ExtractOp>(op);
  auto it = tables.find(extract.getTensor());
  if (it == tables.end()) {
    return op->emitError("expected a table that is an argument of the function "
                         "or a view of one");
  }
  Value table = it->second;
  SmallVector<Value> indices;
  SmallVector<StringRef> names;
  for (Value index : extract.getIndices()) {
    indices.push_back(lookup(index));
    if (isTile(indices.back())) {
      llvm::append_range(names, tile::getRanks(indices.back().getType()));
    }
  }
  Type element = extract.getType();
  if (names.empty()) {
    // As in tile.lookup, an index outside the table reads its nearest entry.
    Location loc = op->getLoc();
    Value zero = arith::ConstantIndexOp::create(b, loc, 0);
    Value one = arith::ConstantIndexOp::create(b, loc, 1);
    for (auto [i, index] : llvm::enumerate(indices)) {
      Value extent = memref::DimOp::create(b, loc, table, i);
      Value last = arith::SubIOp::create(b, loc, extent, one);
      index = arith::MinSIOp::create(b, loc, index, last);
      index = arith::MaxSIOp::create(b, loc, index, zero);
    }
    map(extract,
        memref::LoadOp::create(b, loc, table, indices).getResult(), {});
    return success();
  }
  if (tileElement(element) != element) {
    return op->emitError("expected a table of i32 or floats where it is read "
                         "per element, got ")
           << element;
  }
  Value result = tile::LookupOp::create(b, op->getLoc(),
                                        tileType(names, element), table,
                                        indices);
  map(extract, result, {});
  return success();
}

LogicalResult Tensorizer::convertIndex(cascade::IndexOp op) {
  auto it = ranks.find(op.getRank());
  if (it == ranks.end()) {
    return op.emitError("expected rank '")
           << op.getRank() << "' to have a coordinate here";
  }
  const Coordinate &c = it->second;
  if (c.known) {
    map(op, c.known, {});
    return success();
  }
  if (c.extent == 0) {
    map(op, c.base, {});
    return success();
  }
  Value tile = tile::CoordinateOp::create(
      b, op.getLoc(), tileType({it->first()}, b.getI32Type()), c.base);
  map(op, tile, {});
  return success();
}

//===----------------------------------------------------------------------===//
// Einsums
//===----------------------------------------------------------------------===//

/// The factors of a product, without widening around them: products read 16
/// bits and f32 as they are. What is narrower is widened before.
static void collectFactors(Value v, SmallVectorImpl<Value> &factors) {
  while (auto ext = v.getDefiningOp<arith::ExtFOp>()) {
    if (ext.getIn().getType().getIntOrFloatBitWidth() < 16 ||
        ext->hasAttr(cascade::kExactAttrName)) {
      break;
    }
    v = ext.getIn();
  }
  if (auto product = v.getDefiningOp<arith::MulFOp>()) {
    collectFactors(product.getLhs(), factors);
    collectFactors(product.getRhs(), factors);
    return;
  }
  factors.push_back(v);
}

/// Operations of `block` that `value` is computed by.
static void collectSlice(Value value, Block &block,
                         llvm::SmallPtrSetImpl<Operation *> &slice) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != &block || !slice.insert(op).second) {
    return;
  }
  for (Value operand : op->getOperands()) {
    collectSlice(operand, block, slice);
  }
}

/// The product of factors, each an input of the body or element-wise code,
/// which becomes tile code. Null, after an error, if some cannot.
Value Tensorizer::multiply(Location loc, Block &body, ArrayRef<Value> factors) {
  llvm::SmallPtrSet<Operation *, 8> slice;
  for (Value factor : factors) {
    collectSlice(factor, body, slice);
  }
  for (Operation &inner : body.without_terminator()) {
    if (slice.contains(&inner) && failed(convertOp(&inner))) {
      return {};
    }
  }
  if (factors.size() == 1) {
    return lookup(factors[0]);
  }
  Type f32 = b.getF32Type();
  Value product;
  for (Value factor : factors) {
    Value tile = lookup(factor);
    auto type = cast<RankedTensorType>(tile.getType());
    if (!type.getElementType().isF32()) {
      tile = arith::ExtFOp::create(
          b, loc, tileType(tile::getRanks(type), f32),
          broadcast(loc, tile,
                    tileType(tile::getRanks(type), type.getElementType())));
    }
    if (!product) {
      product = tile;
      continue;
    }
    SmallVector<StringRef> names = tile::getRanks(product.getType());
    llvm::append_range(names, tile::getRanks(type));
    RankedTensorType both = tileType(names, f32);
    product = arith::MulFOp::create(b, loc, broadcast(loc, product, both),
                                    broadcast(loc, tile, both));
  }
  return product;
}

/// The two operands of a product: the factors of the body that are computed
/// from inputs with the row rank, and those from the others.
///
///   f32(q) * f32(bf16(k))   q: [d, q] tile, k: [k, d] tile of i8
///     =>  %l = arith.sitofp %k, and the operands are %l and %q
///
/// If no input has it, both factors of the body, if there are two.
std::pair<Value, Value> Tensorizer::splitProduct(cascade::EinsumOp op,
                                                 ArrayRef<Value> inputs) {
  Block &body = op.getBody().front();
  Value yielded = cast<cascade::YieldOp>(body.getTerminator()).getValues()[0];
  SmallVector<Value> factors, withRow, withoutRow;
  collectFactors(yielded, factors);
  for (Value factor : factors) {
    llvm::SmallPtrSet<Operation *, 8> slice;
    collectSlice(factor, body, slice);
    bool isPlain = llvm::all_of(slice, [](Operation *inner) {
      return isa_and_nonnull<arith::ArithDialect, math::MathDialect>(
          inner->getDialect());
    });
    unsigned numWithRow = 0, numWithout = 0;
    for (auto [argument, input] :
         llvm::zip_equal(body.getArguments(), inputs)) {
      bool isUsed = argument == factor ||
                    llvm::any_of(argument.getUsers(), [&](Operation *user) {
                      return slice.contains(user);
                    });
      if (isUsed) {
        isPlain &= isTile(input);
        ++(tile::findRank(input.getType(), row) >= 0 ? numWithRow : numWithout);
        map(argument, input, {});
      }
    }
    if (!isPlain || (numWithRow == 0) == (numWithout == 0)) {
      return {};
    }
    (numWithRow ? withRow : withoutRow).push_back(factor);
  }
  if (withRow.empty() && withoutRow.size() == 2 &&
      withoutRow[0] != withoutRow[1]) {
    withRow.push_back(withoutRow.pop_back_val());
  }
  if (withRow.empty() || withoutRow.empty()) {
    return {};
  }
  Value lhs = multiply(op.getLoc(), body, withoutRow);
  Value rhs = multiply(op.getLoc(), body, withRow);
  return {lhs, rhs};
}

Value Tensorizer::guard(Location loc, Value value, cascade::Monoid monoid) {
  if (!visible) {
    return value;
  }
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<StringRef> names = tile::getRanks(type);
  llvm::append_range(names, tile::getRanks(visible.getType()));
  auto full = tileType(names, type.getElementType());
  value = broadcast(loc, value, full);
  Value mask = broadcast(loc, visible, tileType(names, b.getI1Type()));
  Value otherwise = arith::ConstantOp::create(
      b, loc,
      cascade::getIdentity(monoid, cast<FloatType>(type.getElementType())));
  return tile::GuardOp::create(b, loc, full, mask, value, otherwise);
}

/// A product of two operands summed over one rank, of which exactly one
/// depends on the row, is a matrix product.
Value Tensorizer::tryContract(cascade::EinsumOp op, StringRef reduced,
                              ArrayRef<Value> inputs,
                              ArrayRef<StringRef> resultNames) {
  if (op.getReduce() != cascade::Monoid::Sum) {
    return {};
  }
  auto [lhs, rhs] = splitProduct(op, inputs);
  if (!lhs || !rhs) {
    return {};
  }
  if (tile::findRank(lhs.getType(), row) >= 0) {
    std::swap(lhs, rhs);
  }
  auto carries = [&](Value v, StringRef name) {
    return tile::findRank(v.getType(), name) >= 0;
  };
  if (!carries(lhs, row) && !carries(rhs, row)) {
    // The same for every row: repeat the operand that is a vector.
    if (tile::getRanks(lhs.getType()).size() == 1) {
      std::swap(lhs, rhs);
    }
    if (tile::getRanks(rhs.getType()).size() != 1) {
      return {};
    }
    Type element = getElementTypeOrSelf(rhs.getType());
    rhs = broadcast(op.getLoc(), rhs, tileType({reduced, row}, element));
  }
  if (carries(lhs, row) || !carries(rhs, row) || !carries(lhs, reduced) ||
      !carries(rhs, reduced) || resultNames.size() != 1 ||
      !carries(lhs, resultNames[0]) || tile::getRanks(lhs.getType()).size() != 2 ||
      tile::getRanks(rhs.getType()).size() != 2) {
    return {};
  }
  if (reduced == stream) {
    rhs = guard(op.getLoc(), rhs, cascade::Monoid::Sum);
  }
  SmallVector<StringRef> names(resultNames);
  names.push_back(row);
  Type f32 = b.getF32Type();
  return tile::ContractOp::create(b, op.getLoc(), tileType(names, f32), lhs,
                                  rhs);
}

static arith::AtomicRMWKind combineKind(cascade::Monoid monoid) {
  switch (monoid) {
  case cascade::Monoid::Sum:
    return arith::AtomicRMWKind::addf;
  case cascade::Monoid::Max:
    return arith::AtomicRMWKind::maximumf;
  case cascade::Monoid::Min:
    return arith::AtomicRMWKind::minimumf;
  }
  llvm_unreachable("unknown monoid");
}

LogicalResult Tensorizer::convertEinsum(cascade::EinsumOp op) {
  Location loc = op.getLoc();
  if (op.hasWhere()) {
    return op.emitError("expected no 'where' on an einsum inside a fold");
  }
  Type element = cascade::getElementType(op.getType());
  if (op.getReduce() && !isa<FloatType>(element)) {
    return op.emitError("expected a reduction of floats inside a fold, got ")
           << element;
  }
  // Rank names of the Einsum, as this task knows them.
  llvm::StringMap<StringRef> rename;
  SmallVector<Value> inputs;
  for (auto [input, indexMap] :
       llvm::zip_equal(op.getInputs(), op.getInputMaps())) {
    inputs.push_back(lookup(input));
    ArrayRef<StringRef> names = namesOf(input);
    for (auto [i, e] : llvm::enumerate(indexMap.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(e);
      if (!dim) {
        return op.emitError("expected plain rank indices inside a fold; a "
                            "shifted index needs an einsum of its own");
      }
      StringRef local =
          cast<StringAttr>(op.getRanks()[dim.getPosition()]).getValue();
      // A splat constant has no names of its own.
      if (i < names.size()) {
        rename[local] = names[i];
      } else {
        rename.try_emplace(local, local);
      }
    }
  }
  SmallVector<StringRef> reduced, resultNames;
  for (StringRef name : op.getReducedRanks()) {
    reduced.push_back(rename[name]);
  }
  for (StringRef name : op.getResultRanks()) {
    resultNames.push_back(rename[name]);
  }
  Value result;
  if (reduced.size() == 1) {
    result = tryContract(op, reduced[0], inputs, resultNames);
  }
  if (!result) {
    Block &body = op.getBody().front();
    for (auto [argument, input] :
         llvm::zip_equal(body.getArguments(), inputs)) {
      map(argument, input, {});
    }
    FailureOr<SmallVector<Value>> yielded = convertBlock(body);
    if (failed(yielded)) {
      return failure();
    }
    result = (*yielded)[0];
    if (!reduced.empty()) {
      SmallVector<StringRef> all(resultNames);
      llvm::append_range(all, reduced);
      all.push_back(row);
      result = broadcast(loc, result,
                         tileType(all, getElementTypeOrSelf(result.getType())));
      if (llvm::is_contained(reduced, stream)) {
        result = guard(loc, result, *op.getReduce());
      }
      SmallVector<StringRef> kept(resultNames);
      kept.push_back(row);
      Type element = getElementTypeOrSelf(result.getType());
      result = tile::ReduceOp::create(
          b, loc, tileType(kept, element),
          static_cast<tile::Combine>(*op.getReduce()), result);
    }
  }
  if (op.getInitial()) {
    Value initial = broadcast(loc, lookup(op.getInitial()),
                              cast<RankedTensorType>(result.getType()));
    result = arith::getReductionOp(combineKind(*op.getReduce()), b, loc,
                                   initial, result);
  }
  map(op.getResult(), result, resultNames);
  return success();
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

LogicalResult Tensorizer::convertOp(Operation *op) {
  if (auto einsum = dyn_cast<cascade::EinsumOp>(op)) {
    return convertEinsum(einsum);
  }
  if (auto index = dyn_cast<cascade::IndexOp>(op)) {
    return convertIndex(index);
  }
  if (isa<tensor::ExtractOp>(op)) {
    return convertExtract(op);
  }
  if (isa<arith::ConstantOp>(op)) {
    return convertConstant(op);
  }
  if (isa_and_nonnull<arith::ArithDialect, math::MathDialect>(
          op->getDialect())) {
    return convertElementwise(op);
  }
  return op->emitError("expected arith, math, tensor.extract or cascade code "
                       "in a fold, got '")
         << op->getName() << "'";
}

FailureOr<SmallVector<Value>> Tensorizer::convertBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (failed(convertOp(&op))) {
      return failure();
    }
  }
  SmallVector<Value> results;
  for (Value v : block.getTerminator()->getOperands()) {
    results.push_back(lookup(v));
  }
  return results;
}
