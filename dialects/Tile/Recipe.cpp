//===- Recipe.cpp - operands of products that are computed ----------------===//

#include "fovea/dialects/Tile/Recipe.h"

#include "fovea/dialects/Tile/Float8.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;
using namespace fovea::tile;

static bool isTile(Value v) { return isa<RankedTensorType>(v.getType()); }

bool fovea::tile::isRecipe(Value tile) {
  Operation *op = tile.getDefiningOp();
  if (!op || !isTile(tile)) {
    return false;
  }
  return isa<UnpackOp, BroadcastOp>(op) ||
         isa_and_nonnull<arith::ArithDialect, math::MathDialect>(
             op->getDialect());
}

SmallVector<LoadOp> fovea::tile::collectLoads(Value recipe) {
  llvm::SetVector<Value> seen;
  SmallVector<LoadOp> loads;
  seen.insert(recipe);
  for (unsigned i = 0; i < seen.size(); ++i) {
    Value v = seen[i];
    if (auto load = v.getDefiningOp<LoadOp>()) {
      loads.push_back(load);
    } else if (isRecipe(v)) {
      seen.insert_range(v.getDefiningOp()->getOperands());
    }
  }
  return loads;
}

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

bool RecipeEvaluator::carriesChannels(Value tile) {
  return isTile(tile) && findRank(tile.getType(), channels) >= 0;
}

Value RecipeEvaluator::index(int64_t v) {
  return arith::ConstantIndexOp::create(b, loc, v);
}

/// The integer v, once or in every lane of a type.
Value RecipeEvaluator::integer(Type like, int64_t v) {
  Type element = getElementTypeOrSelf(like);
  auto attr = IntegerAttr::get(element, v);
  if (auto vector = dyn_cast<VectorType>(like)) {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(vector, attr.getValue()));
  }
  return arith::ConstantOp::create(b, loc, attr);
}

static Type withElement(Type like, Type element) {
  auto vector = dyn_cast<VectorType>(like);
  return vector ? Type(vector.clone(element)) : element;
}

Value RecipeEvaluator::splat(Value v) {
  if (isa<VectorType>(v.getType())) {
    return v;
  }
  return vector::BroadcastOp::create(
      b, loc, VectorType::get({count}, v.getType()), v);
}

/// Floats as f32; integers stay.
Value RecipeEvaluator::widen(Value v) {
  Type element = getElementTypeOrSelf(v.getType());
  if (!isa<FloatType>(element) || element.isF32()) {
    return v;
  }
  if (isa<Float8E4M3FNType>(element)) {
    return widenF8E4M3FN(b, loc, v);
  }
  return arith::ExtFOp::create(b, loc, withElement(v.getType(), b.getF32Type()),
                               v);
}

/// An f32 rounded to what `element` can hold, ties to even. To bf16 by its
/// bits: half of the last kept place, less one if that is even.
Value RecipeEvaluator::round(Value v, Type element) {
  if (!isa<FloatType>(element) || element.isF32()) {
    return v;
  }
  if (!element.isBF16()) {
    Value narrow = arith::TruncFOp::create(
        b, loc, withElement(v.getType(), element), v);
    return widen(narrow);
  }
  Type i32 = withElement(v.getType(), b.getI32Type());
  Value bits = arith::BitcastOp::create(b, loc, i32, v);
  Value last = arith::ShRUIOp::create(b, loc, bits, integer(i32, 16));
  last = arith::AndIOp::create(b, loc, last, integer(i32, 1));
  Value sum = arith::AddIOp::create(b, loc, bits, integer(i32, 0x7fff));
  sum = arith::AddIOp::create(b, loc, sum, last);
  sum = arith::AndIOp::create(b, loc, sum, integer(i32, -0x10000));
  Value rounded = arith::BitcastOp::create(b, loc, v.getType(), sum);
  Value isNaN =
      arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, v, v);
  return arith::SelectOp::create(b, loc, isNaN, v, rounded);
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

FailureOr<Value> RecipeEvaluator::visitLoad(LoadOp op, Value channel) {
  Value at; // along the last dimension; null if all channels share an element
  bool isShared = !carriesChannels(op.getResult());
  for (StringRef dim : op.getDims().getAsValueRange<StringAttr>()) {
    DimWalk walk = parseDimWalk(dim);
    if (walk.rank != channels) {
      continue;
    }
    at = channel;
    if (walk.part == DimWalk::Whole) {
      continue;
    }
    std::optional<int64_t> times = getConstantIntValue(op.getSplit());
    if (walk.part != DimWalk::Quotient || !times || *times % count != 0) {
      op.emitError("expected an operand of a product whose elements repeat "
                   "a multiple of ")
          << count << " times along rank '" << channels << "'";
      return failure();
    }
    at = b.createOrFold<arith::DivUIOp>(loc, channel, index(*times));
    isShared = true;
  }
  return widen(read(op, at, isShared));
}

/// Which byte of its row holds the element `channel`.
Value RecipeEvaluator::byteOf(UnpackOp op, Value channel) {
  int64_t group = op.getGroup(), half = group / 2;
  Value number = b.createOrFold<arith::DivUIOp>(loc, channel, index(group));
  Value rest = b.createOrFold<arith::RemUIOp>(loc, channel, index(half));
  Value first = b.createOrFold<arith::MulIOp>(loc, number, index(half));
  return b.createOrFold<arith::AddIOp>(loc, first, rest);
}

/// Whether the element `channel` is a high nibble.
Value RecipeEvaluator::isHigh(UnpackOp op, Value channel) {
  int64_t group = op.getGroup();
  Value rest = b.createOrFold<arith::RemUIOp>(loc, channel, index(group));
  return b.createOrFold<arith::CmpIOp>(loc, arith::CmpIPredicate::uge, rest,
                                       index(group / 2));
}

FailureOr<Value> RecipeEvaluator::visitUnpack(UnpackOp op, Value channel) {
  int64_t half = op.getGroup() / 2;
  if (op == tabled) {
    SmallVector<int8_t> all;
    for (int64_t i = 0; i < kTableSize; ++i) {
      all.push_back(i < kTableSize / 2 ? i : i - kTableSize);
    }
    return arith::ConstantOp::create(
               b, loc,
               DenseElementsAttr::get(
                   VectorType::get({kTableSize}, b.getI8Type()),
                   ArrayRef<int8_t>(all)))
        .getResult();
  }
  if (half % count != 0) {
    op.emitError("expected halves of a group, ")
        << half << " elements, to be whole runs of " << count;
    return failure();
  }
  FailureOr<Value> bytes = visit(op.getBytes(), byteOf(op, channel));
  if (failed(bytes)) {
    return failure();
  }
  // The wanted nibble moves to the top and back, which extends its sign.
  Type type = (*bytes).getType();
  Value up = b.createOrFold<arith::SelectOp>(
      loc, isHigh(op, channel), integer(b.getI8Type(), 0),
      integer(b.getI8Type(), 4));
  std::optional<int64_t> known = getConstantIntValue(up);
  Value top = *bytes;
  if (!known || *known != 0) {
    Value by = known ? integer(type, *known) : splat(up);
    top = arith::ShLIOp::create(b, loc, top, by);
  }
  return arith::ShRSIOp::create(b, loc, top, integer(type, 4)).getResult();
}

FailureOr<Value> RecipeEvaluator::visitElementwise(Operation *op,
                                                   Value channel) {
  Value result = op->getResult(0);
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    FailureOr<Value> v = visit(operand, channel);
    if (failed(v)) {
      return failure();
    }
    operands.push_back(carriesChannels(result) ? splat(*v) : *v);
  }
  Type element = getElementTypeOrSelf(result.getType());
  if (isa<arith::ExtFOp, BroadcastOp>(op)) {
    return operands[0];
  }
  if (isa<arith::TruncFOp>(op)) {
    return round(operands[0], element);
  }
  Type held = isa<FloatType>(element) ? Type(b.getF32Type()) : element;
  Operation *made =
      b.create(loc, op->getName().getIdentifier(), operands,
               TypeRange(withElement(operands[0].getType(), held)),
               op->getAttrs());
  // Every float type holds every byte.
  bool isOfByte =
      isa<arith::SIToFPOp, arith::UIToFPOp>(op) &&
      getElementTypeOrSelf(operands[0].getType()).getIntOrFloatBitWidth() <= 8;
  return isOfByte ? made->getResult(0) : round(made->getResult(0), element);
}

FailureOr<Value> RecipeEvaluator::visit(Value tile, Value channel) {
  if (!isTile(tile)) {
    return widen(scalar(tile));
  }
  Operation *op = tile.getDefiningOp();
  if (auto load = dyn_cast_or_null<LoadOp>(op)) {
    return visitLoad(load, channel);
  }
  if (auto unpack = dyn_cast_or_null<UnpackOp>(op)) {
    return visitUnpack(unpack, channel);
  }
  if (!isRecipe(tile)) {
    emitError(tile.getLoc())
        << "expected the operand of a product to be loaded or computed from "
           "loads, element by element";
    return failure();
  }
  return visitElementwise(op, channel);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// The nibbles that a recipe is a function of, if besides them all elements of
/// two runs share what it reads.
UnpackOp RecipeEvaluator::findNibbles(Value recipe) {
  channels = getRanks(recipe.getType()).back();
  UnpackOp found;
  SmallVector<Value> open = {recipe};
  while (tables && !open.empty()) {
    Value v = open.pop_back_val();
    if (!isTile(v) || !carriesChannels(v)) {
      continue;
    }
    Operation *op = v.getDefiningOp();
    if (auto unpack = dyn_cast_or_null<UnpackOp>(op)) {
      if ((found && found != unpack) || unpack.getGroup() % (2 * count) != 0) {
        return {};
      }
      found = unpack;
      continue;
    }
    if (auto load = dyn_cast_or_null<LoadOp>(op)) {
      std::optional<int64_t> times =
          load.getSplit() ? getConstantIntValue(load.getSplit()) : std::nullopt;
      if (!times || *times % (2 * count) != 0) {
        return {};
      }
      continue;
    }
    if (!isRecipe(v)) {
      return {};
    }
    llvm::append_range(open, op->getOperands());
  }
  return found;
}

bool RecipeEvaluator::hasTable(Value recipe) {
  UnpackOp nibbles = findNibbles(recipe);
  return nibbles && static_cast<int64_t>(nibbles.getGroup()) == 2 * count &&
         isa<FloatType>(getElementTypeOrSelf(recipe.getType())) &&
         collectLoads(recipe).size() == 1;
}

/// The recipe for every value of a nibble, in two's complement: 0 ... 7, -8 ...
/// -1.
FailureOr<Value> RecipeEvaluator::makeTable(Value recipe, UnpackOp nibbles,
                                            Value channel) {
  tabled = nibbles;
  FailureOr<Value> table = visit(recipe, channel);
  tabled = UnpackOp();
  return table;
}

FailureOr<Value> RecipeEvaluator::evaluate(Value recipe, Value channel) {
  channels = getRanks(recipe.getType()).back();
  UnpackOp nibbles = findNibbles(recipe);
  if (!nibbles || !isa<FloatType>(getElementTypeOrSelf(recipe.getType()))) {
    FailureOr<Value> v = visit(recipe, channel);
    return failed(v) ? v : FailureOr<Value>(splat(*v));
  }
  FailureOr<Value> table = makeTable(recipe, nibbles, channel);
  FailureOr<Value> bytes =
      visit(nibbles.getBytes(), byteOf(nibbles, channel));
  if (failed(table) || failed(bytes)) {
    return failure();
  }
  auto i32 = VectorType::get({count}, b.getI32Type());
  Value at = arith::ExtUIOp::create(b, loc, i32, *bytes);
  Value high = arith::ShRUIOp::create(b, loc, at, integer(i32, 4));
  at = b.createOrFold<arith::SelectOp>(loc, isHigh(nibbles, channel), high, at);
  return PermuteOp::create(b, loc, *table, at).getResult();
}

FailureOr<Value> RecipeEvaluator::getTable(Value recipe) {
  FailureOr<Value> table = makeTable(recipe, findNibbles(recipe), index(0));
  if (failed(table)) {
    return failure();
  }
  Value narrow = arith::TruncFOp::create(
      b, loc, VectorType::get({count}, b.getBF16Type()), *table);
  narrow = vector::BitCastOp::create(
      b, loc, VectorType::get({count}, b.getI16Type()), narrow);
  SmallVector<int64_t> inOrder;
  for (int64_t i = 0; i < 2 * count; ++i) {
    inOrder.push_back(i);
  }
  return vector::ShuffleOp::create(b, loc, narrow, narrow, inOrder).getResult();
}

FailureOr<Value> RecipeEvaluator::readGroups(Value recipe, Value channel) {
  UnpackOp nibbles = findNibbles(recipe);
  llvm::SaveAndRestore twice(count, 2 * count);
  FailureOr<Value> bytes = visit(nibbles.getBytes(), byteOf(nibbles, channel));
  if (failed(bytes)) {
    return failure();
  }
  return arith::ExtUIOp::create(
             b, loc, VectorType::get({count}, b.getI16Type()), *bytes)
      .getResult();
}
