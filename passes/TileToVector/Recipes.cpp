//===- Recipes.cpp - left operands that are computed ----------------------===//
//
// A left operand of a product that is not simply loaded (a cache that is
// stored in another type) is computed once per step, all lanes along its
// channels, into near memory in the form that the product reads:
//
//   f32       [x][channel]                  products in f32
//   bf16      [x][channel]                  pairs of channels
//   bf16      [x / 2][channel][x % 2]       pairs of keys
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "fovea/dialects/Tile/Recipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fovea;

/// Calls `use` with what writes the code of a recipe at row `x`, for runs of
/// `size` channels.
FailureOr<Value> Emitter::withRecipe(
    Value x, Value count, int64_t size,
    llvm::function_ref<FailureOr<Value>(tile::RecipeEvaluator &)> use) {
  int64_t lanes = schedule.getLanes();
  auto read = [&](tile::LoadOp load, Value channel, bool isShared) -> Value {
    Value at = rowOffset(load, x, count);
    if (channel) {
      at = add(at, channel);
    }
    FlatBuffer flat = flatten(load.getSource());
    Type element = load.getType().getElementType();
    return isShared ? memref::LoadOp::create(b, loc, flat.flat, at).getResult()
                    : loadVector(flat.flat, at, VectorType::get({size}, element));
  };
  auto held = [&](Value v) { return scalar(v); };
  tile::RecipeEvaluator evaluator(b, loc, std::min(size, lanes), read, held,
                                  /*tables=*/size >= lanes);
  return use(evaluator);
}

/// Channels `c` to `c + size` of row `x` of a recipe, as f32.
FailureOr<Value> Emitter::evalChannels(Value recipe, Value x, Value count,
                                       int64_t c, int64_t size) {
  return withRecipe(x, count, size, [&](tile::RecipeEvaluator &evaluator) {
    return evaluator.evaluate(recipe, index(c));
  });
}

/// Two vectors of f32 values that bf16 can hold, side by side in bf16: low 0,
/// high 0, low 1, ... The upper half of an f32 is its bf16.
Value Emitter::zipHalves(Value low, Value high) {
  auto type = cast<VectorType>(low.getType());
  auto i32 = type.clone(b.getI32Type());
  auto constant = [&](uint32_t v) -> Value {
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(i32, llvm::APInt(32, v)));
  };
  Value first = arith::BitcastOp::create(b, loc, i32, low);
  Value second = arith::BitcastOp::create(b, loc, i32, high);
  first = arith::ShRUIOp::create(b, loc, first, constant(16));
  second = arith::AndIOp::create(b, loc, second, constant(0xFFFF0000));
  Value both = arith::OrIOp::create(b, loc, first, second);
  return vector::BitCastOp::create(
      b, loc, VectorType::get({2 * type.getDimSize(0)}, b.getBF16Type()), both);
}

/// Likewise one vector, in bf16: conversions would round what is round.
Value Emitter::takeHalves(Value v) {
  int64_t size = cast<VectorType>(v.getType()).getDimSize(0);
  SmallVector<int64_t> upper;
  for (int64_t i = 0; i < size; ++i) {
    upper.push_back(2 * i + 1);
  }
  // As integers: LLVM would take a shuffle of bf16 apart here.
  auto both = VectorType::get({2 * size}, b.getI16Type());
  Value halves = vector::BitCastOp::create(b, loc, both, v);
  Value taken = vector::ShuffleOp::create(b, loc, halves, halves, upper);
  return vector::BitCastOp::create(
      b, loc, VectorType::get({size}, b.getBF16Type()), taken);
}

/// Calls `emit` for runs of channels of as many lanes as there are, and shorter
/// ones at the end.
LogicalResult
Emitter::forEachRun(int64_t width, int64_t lanes,
                    llvm::function_ref<LogicalResult(int64_t, int64_t)> emit) {
  for (int64_t c = 0, size; c < width; c += size) {
    size = std::min(lanes, int64_t(llvm::bit_floor(uint64_t(width - c))));
    if (failed(emit(c, size))) {
      return failure();
    }
  }
  return success();
}

/// Computes the rows that a step visits before `count` of a recipe into near
/// memory, in f32 or bf16.
FailureOr<Value> Emitter::computeRows(Value recipe, Value count, Type element) {
  auto type = cast<RankedTensorType>(recipe.getType());
  int64_t width = type.getDimSize(1);
  Value buffer = allocNear(type.getDimSize(0) * width, element);
  Value begin = stepBegin ? stepBegin : index(0);
  auto loop = scf::ForOp::create(b, loc, begin, count, index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value x = loop.getInductionVar(), to = mul(x, width);
  LogicalResult emitted =
      forEachRun(width, schedule.getLanes(), [&](int64_t c, int64_t size) {
        FailureOr<Value> v = evalChannels(recipe, x, count, c, size);
        if (failed(v)) {
          return failure();
        }
        storeVector(narrowTo(*v, element), buffer, add(to, c));
        return success();
      });
  return failed(emitted) ? FailureOr<Value>() : FailureOr<Value>(buffer);
}

/// Computes the pairs of rows of a recipe before `count` into near memory, in
/// bf16, as packFar.
FailureOr<Value> Emitter::computePairs(Value recipe, Value count) {
  auto type = cast<RankedTensorType>(recipe.getType());
  int64_t width = type.getDimSize(1);
  Value buffer = allocNear(
      type.getDimSize(0) * width + 2 * schedule.getLanes(), b.getBF16Type());
  clearPairs(buffer, type.getDimSize(0), width, count);
  auto loop = scf::ForOp::create(b, loc, index(0), count, index(2));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value x = loop.getInductionVar(), to = mul(x, width);
  Value next = partnerOf(x, count);
  LogicalResult emitted =
      forEachRun(width, schedule.getLanes(), [&](int64_t c, int64_t size) {
        FailureOr<Value> low = evalChannels(recipe, x, count, c, size);
        FailureOr<Value> high = evalChannels(recipe, next, count, c, size);
        if (failed(low) || failed(high)) {
          return failure();
        }
        storeVector(zipHalves(*low, *high), buffer, add(to, 2 * c));
        return success();
      });
  return failed(emitted) ? FailureOr<Value>() : FailureOr<Value>(buffer);
}

/// Brings a computed left operand into the form that the product reads.
LogicalResult Emitter::prepareRecipe(tile::ContractOp op, bool overStream,
                                     Value count) {
  Value recipe = op.getLhs();
  if (tile::getRanks(recipe.getType()).size() != 2 || hasRow(recipe)) {
    return op.emitError("expected the left operand of a product to have two "
                        "ranks and to be independent of the row rank");
  }
  for (tile::LoadOp load : tile::collectLoads(recipe)) {
    if (load.getTable() && !forms[load.getResult()].offsets) {
      fillOffsets(load, count);
    }
  }
  Form form = forms.lookup(recipe);
  bool pairs = usesPairs(op);
  Value &kept = !pairs ? form.decoded : overStream ? form.packed : form.halves;
  if (kept) {
    return success();
  }
  FailureOr<Value> buffer =
      pairs && overStream ? computePairs(recipe, count)
      : pairs             ? computeRows(recipe, count, b.getBF16Type())
                          : computeRows(recipe, count, b.getF32Type());
  if (failed(buffer)) {
    return failure();
  }
  kept = *buffer;
  forms[recipe] = form;
  return success();
}
