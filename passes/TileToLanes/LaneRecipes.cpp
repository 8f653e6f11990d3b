//===- LaneRecipes.cpp - near tiles that are computed on the way ----------===//
//
// A cache that is stored in another type is decoded on its way to near memory:
// each lane reads what it takes for a chunk of the tile (docs: NearCopies.cpp),
// computes the chunk and writes it where a copy would have. No asynchronous
// copy can do that, so with stages the write goes to the slot right away.
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

/// True if the load has an element for each coordinate of `rank`.
static bool walksWhole(tile::LoadOp load, StringRef rank) {
  return llvm::is_contained(load.getDims().getAsValueRange<StringAttr>(), rank);
}

/// `count` elements of a recipe from (slow, fast) on, in its element type.
FailureOr<Value> LaneEmitter::computeRun(Value recipe, const NearTile &near,
                                         Value slow, Value fast, int64_t count,
                                         IRMapping *step, bool isWide) {
  auto read = [&](tile::LoadOp load, Value channel, bool isShared) -> Value {
    FarBuffer far = flatten(load.getSource());
    Value from =
        farOffset(load, {{near.slow, slow}, {near.fast, index(0)}}, step);
    if (channel) {
      from = add(from, channel);
    }
    Type element = load.getType().getElementType();
    if (isShared) {
      return memref::LoadOp::create(b, loc, far.flat, from);
    }
    if (isWide) {
      int64_t size = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
      return vector::LoadOp::create(
          b, loc, VectorType::get({count}, element), far.flat,
          ValueRange{from}, /*nontemporal=*/false,
          llvm::MaybeAlign(count * size));
    }
    SmallVector<Value> elements;
    for (int64_t i = 0; i < count; ++i) {
      elements.push_back(
          memref::LoadOp::create(b, loc, far.flat, add(from, i)));
    }
    return fromElements(elements);
  };
  auto scalar = [&](Value v) { return value(v, step); };
  FailureOr<Value> run =
      tile::RecipeEvaluator(b, loc, count, read, scalar).evaluate(recipe, fast);
  if (failed(run)) {
    return failure();
  }
  Type element = getElementTypeOrSelf(recipe.getType());
  if (element.isF32()) {
    return run;
  }
  // The value fits already.
  return arith::TruncFOp::create(b, loc, VectorType::get({count}, element),
                                 *run)
      .getResult();
}

/// A lane's chunks: held in registers, or with asynchronous copies written to
/// `slot`. Rows at or beyond their limit are zero.
FailureOr<SmallVector<Value>>
LaneEmitter::computeChunks(Value recipe, NearTile &near, Value slot,
                           IRMapping *step, bool isWide) {
  CopyPlan plan = planCopy(recipe, near);
  auto type =
      VectorType::get({plan.chunk}, getElementTypeOrSelf(recipe.getType()));
  SmallVector<Value> held;
  for (int64_t i = 0; i < plan.perLane; ++i) {
    ChunkPlace place = placeOf(plan, i);
    SmallVector<Value> rows;
    for (int64_t r = 0; r < plan.rows; ++r) {
      Value slow = add(place.slow, r), inside;
      for (tile::LoadOp load : tile::collectLoads(recipe)) {
        inside = inside ? inside : isInside(load, near.slow, slow, step);
      }
      Value reads = both(place.exists, inside);
      auto compute = [&]() {
        return computeRun(recipe, near, slow, place.fast, plan.chunk, step,
                          isWide);
      };
      if (!reads) {
        FailureOr<Value> row = compute();
        if (failed(row)) {
          return failure();
        }
        rows.push_back(*row);
        continue;
      }
      auto branch = scf::IfOp::create(b, loc, TypeRange{type}, reads, true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      FailureOr<Value> row = compute();
      if (failed(row)) {
        return failure();
      }
      scf::YieldOp::create(b, loc, *row);
      b.setInsertionPointToStart(branch.elseBlock());
      Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
      scf::YieldOp::create(b, loc, none);
      rows.push_back(branch.getResult(0));
    }
    if (copiesAsynchronously()) {
      storeChunk(plan, near, i, rows, slot);
    } else {
      llvm::append_range(held, rows);
    }
  }
  return held;
}

/// As startCopy, for a tile that is computed. Reads are wide if all memory is
/// aligned to them, which is known when the kernel runs.
FailureOr<SmallVector<Value>> LaneEmitter::startRecipe(Value recipe,
                                                       NearTile &near,
                                                       Value slot,
                                                       IRMapping *step) {
  CopyPlan plan = planCopy(recipe, near);
  if (plan.chunk == 1) {
    return computeChunks(recipe, near, slot, step, /*isWide=*/false);
  }
  Value aligned;
  for (tile::LoadOp load : tile::collectLoads(recipe)) {
    if (walksWhole(load, near.fast)) {
      Type element = load.getType().getElementType();
      int64_t size = llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
      aligned = both(aligned, isAligned(flatten(load.getSource()),
                                        value(load.getIndices().back(), step),
                                        plan.chunk * size));
    }
  }
  if (!aligned) {
    return computeChunks(recipe, near, slot, step, /*isWide=*/false);
  }
  SmallVector<Type> types;
  if (!copiesAsynchronously()) {
    types.assign(plan.perLane * plan.rows,
                 VectorType::get({plan.chunk},
                                 getElementTypeOrSelf(recipe.getType())));
  }
  auto branch = scf::IfOp::create(b, loc, types, aligned, true);
  OpBuilder::InsertionGuard guard(b);
  for (bool isWide : {true, false}) {
    b.setInsertionPointToStart(isWide ? branch.thenBlock()
                                      : branch.elseBlock());
    FailureOr<SmallVector<Value>> held =
        computeChunks(recipe, near, slot, step, isWide);
    if (failed(held)) {
      return failure();
    }
    if (!held->empty()) {
      scf::YieldOp::create(b, loc, *held);
    }
  }
  return SmallVector<Value>(branch.getResults());
}
