//===- EinsumToLoops.cpp - an Einsum outside any fold ---------------------===//

#include "EinsumToLoops.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fovea;

namespace {

class LoopBuilder {
public:
  LoopBuilder(OpBuilder &b, cascade::EinsumOp op, ArrayRef<Value> extents,
              const EinsumContext &context)
      : b(b), op(op), loc(op.getLoc()), extents(extents), context(context),
        coordinates(extents.size()) {}

  LogicalResult build();

private:
  Value constant(int64_t v) {
    return arith::ConstantIndexOp::create(b, loc, v);
  }
  /// Indices of an operand at this point; `inside` gathers the conditions of
  /// indices that may fall outside.
  SmallVector<Value> indicesOf(AffineMap map, const Source &source,
                               Value &inside);
  Value load(const Source &source, ArrayRef<Value> indices);
  Value loadView(Source source, ArrayRef<Value> indices);
  FailureOr<SmallVector<Value>> cloneRegion(Region &region,
                                            ArrayRef<Value> arguments);
  Value combine(Value x, Value y);
  LogicalResult reduce(ArrayRef<unsigned> ranks, Value &running);
  LogicalResult point(Value &running);

  OpBuilder &b;
  cascade::EinsumOp op;
  Location loc;
  ArrayRef<Value> extents;
  const EinsumContext &context;
  SmallVector<Value> coordinates;
};

} // namespace

SmallVector<Value> LoopBuilder::indicesOf(AffineMap map, const Source &source,
                                          Value &inside) {
  SmallVector<Value> indices;
  for (auto [i, e] : llvm::enumerate(map.getResults())) {
    if (auto dim = dyn_cast<AffineDimExpr>(e)) {
      indices.push_back(coordinates[dim.getPosition()]);
      continue;
    }
    Value at = affine::expandAffineExpr(b, loc, e, coordinates, {});
    indices.push_back(at);
    // Unsigned: a negative index is large.
    Value ok = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, at,
                                     source.extent(b, loc, i));
    inside = inside ? arith::AndIOp::create(b, loc, inside, ok).getResult() : ok;
  }
  return indices;
}

Value LoopBuilder::load(const Source &source, ArrayRef<Value> indices) {
  if (source.group != 0 || source.times != 1) {
    return loadView(source, indices);
  }
  if (!source.isPaged()) {
    return memref::LoadOp::create(b, loc, source.buffer, indices);
  }
  // A gathered view [row, head, position, channel]; beyond the length it is 0.
  Type element = cast<MemRefType>(source.buffer.getType()).getElementType();
  Value length =
      memref::LoadOp::create(b, loc, source.lengths, ValueRange{indices[0]});
  length = arith::IndexCastOp::create(b, loc, b.getIndexType(), length);
  Value used = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt,
                                     indices[2], length);
  auto branch = scf::IfOp::create(b, loc, TypeRange(element), used, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  Value size = memref::DimOp::create(b, loc, source.buffer, 2);
  Value column = arith::DivUIOp::create(b, loc, indices[2], size);
  Value slot = arith::RemUIOp::create(b, loc, indices[2], size);
  Value page = memref::LoadOp::create(b, loc, source.table,
                                      ValueRange{indices[0], column});
  page = arith::IndexCastOp::create(b, loc, b.getIndexType(), page);
  SmallVector<Value> at = {page, indices[1], slot};
  llvm::append_range(at, indices.drop_front(3));
  Value v = memref::LoadOp::create(b, loc, source.buffer, at);
  scf::YieldOp::create(b, loc, v);
  b.setInsertionPointToStart(branch.elseBlock());
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  scf::YieldOp::create(b, loc, zero);
  return branch.getResult(0);
}

/// A nibble of a byte, or an element that is repeated.
Value LoopBuilder::loadView(Source source, ArrayRef<Value> indices) {
  SmallVector<Value> at(indices);
  if (source.times != 1) {
    at.back() =
        arith::DivUIOp::create(b, loc, at.back(), constant(source.times));
    source.times = 1;
    return load(source, at);
  }
  int64_t half = source.group / 2;
  Value group = arith::DivUIOp::create(b, loc, at.back(), constant(source.group));
  Value within = arith::RemUIOp::create(b, loc, at.back(), constant(source.group));
  Value isHigh = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, within,
                                       constant(half));
  Value column = arith::RemUIOp::create(b, loc, within, constant(half));
  at.back() = arith::AddIOp::create(
      b, loc, arith::MulIOp::create(b, loc, group, constant(half)), column);
  source.group = 0;
  Value byte = load(source, at);
  Value high = arith::ShRSIOp::create(
      b, loc, byte, arith::ConstantIntOp::create(b, loc, 4, 8));
  Value chosen = arith::SelectOp::create(b, loc, isHigh, high, byte);
  return arith::TruncIOp::create(b, loc, b.getIntegerType(4), chosen);
}

/// Copies scalar code, with coordinates and tables of this point.
FailureOr<SmallVector<Value>>
LoopBuilder::cloneRegion(Region &region, ArrayRef<Value> arguments) {
  IRMapping mapping(context.scalars);
  mapping.map(region.getArguments(), arguments);
  for (Operation &inner : region.front().without_terminator()) {
    if (auto index = dyn_cast<cascade::IndexOp>(inner)) {
      mapping.map(index.getResult(),
                  coordinates[op.getRankIndex(index.getRank())]);
    } else if (auto extract = dyn_cast<tensor::ExtractOp>(inner)) {
      auto it = context.captured.find(extract.getTensor());
      if (it == context.captured.end()) {
        return inner.emitOpError("expected a table that is an argument of the "
                                 "function or a view of one");
      }
      SmallVector<Value> indices;
      for (Value i : extract.getIndices()) {
        indices.push_back(mapping.lookupOrDefault(i));
      }
      mapping.map(extract.getResult(), load(it->second, indices));
    } else {
      b.clone(inner, mapping);
    }
  }
  SmallVector<Value> results;
  for (Value v : region.front().getTerminator()->getOperands()) {
    results.push_back(mapping.lookupOrDefault(v));
  }
  return results;
}

Value LoopBuilder::combine(Value x, Value y) {
  switch (*op.getReduce()) {
  case cascade::Monoid::Sum:
    return arith::AddFOp::create(b, loc, x, y);
  case cascade::Monoid::Max:
    return arith::MaximumFOp::create(b, loc, x, y);
  case cascade::Monoid::Min:
    return arith::MinimumFOp::create(b, loc, x, y);
  }
  llvm_unreachable("unknown monoid");
}

/// One point: `running` combined with the body's value, or that value itself;
/// unchanged where the point is absent.
LogicalResult LoopBuilder::point(Value &running) {
  Value present;
  SmallVector<SmallVector<Value>> indices;
  for (auto [map, source] :
       llvm::zip_equal(op.getInputMaps(), context.inputs)) {
    indices.push_back(indicesOf(map, source, present));
  }
  if (op.hasWhere()) {
    FailureOr<SmallVector<Value>> where = cloneRegion(op.getWhere(), {});
    if (failed(where)) {
      return failure();
    }
    present = present ? arith::AndIOp::create(b, loc, present, (*where)[0])
                            .getResult()
                      : (*where)[0];
  }
  scf::IfOp branch;
  OpBuilder::InsertionGuard guard(b);
  if (present) {
    branch = scf::IfOp::create(b, loc, running.getType(), present, true);
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, loc, running);
    b.setInsertionPointToStart(branch.thenBlock());
  }
  SmallVector<Value> elements;
  for (auto [input, source, at] :
       llvm::zip_equal(op.getInputs(), context.inputs, indices)) {
    elements.push_back(isa<ShapedType>(input.getType())
                           ? load(source, at)
                           : context.scalars.lookupOrDefault(input));
  }
  FailureOr<SmallVector<Value>> value = cloneRegion(op.getBody(), elements);
  if (failed(value)) {
    return failure();
  }
  Value next = op.getReduce() ? combine(running, (*value)[0]) : (*value)[0];
  if (branch) {
    scf::YieldOp::create(b, loc, next);
    next = branch.getResult(0);
  }
  running = next;
  return success();
}

LogicalResult LoopBuilder::reduce(ArrayRef<unsigned> ranks, Value &running) {
  if (ranks.empty()) {
    return point(running);
  }
  auto loop = scf::ForOp::create(b, loc, constant(0), extents[ranks[0]],
                                 constant(1), running);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  coordinates[ranks[0]] = loop.getInductionVar();
  Value inner = loop.getRegionIterArg(0);
  if (failed(reduce(ranks.drop_front(), inner))) {
    return failure();
  }
  scf::YieldOp::create(b, loc, inner);
  running = loop.getResult(0);
  return success();
}

LogicalResult LoopBuilder::build() {
  op.emitRemark("runs as plain loops: no fold takes this einsum in");
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Value> at;
  for (AffineExpr e : op.getResultMap().getResults()) {
    unsigned rank = cast<AffineDimExpr>(e).getPosition();
    auto loop =
        scf::ForOp::create(b, loc, constant(0), extents[rank], constant(1));
    b.setInsertionPointToStart(loop.getBody());
    coordinates[rank] = loop.getInductionVar();
    at.push_back(loop.getInductionVar());
  }
  Type element = cascade::getElementType(op.getType());
  Value running;
  SmallVector<unsigned> reduced;
  if (std::optional<cascade::Monoid> monoid = op.getReduce()) {
    auto real = dyn_cast<FloatType>(element);
    if (!real) {
      return op.emitOpError("expected a reduction of floats, got ") << element;
    }
    running = arith::ConstantOp::create(b, loc,
                                        cascade::getIdentity(*monoid, real));
    for (StringRef name : op.getReducedRanks()) {
      reduced.push_back(op.getRankIndex(name));
    }
  } else {
    running = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  }
  if (Value initial = op.getInitial()) {
    Value outside;
    Source source = context.captured.lookup(initial);
    running = isa<ShapedType>(initial.getType())
                  ? load(source, indicesOf(*op.getInitialMap(), source, outside))
                  : context.scalars.lookupOrDefault(initial);
  }
  if (failed(reduce(reduced, running))) {
    return failure();
  }
  memref::StoreOp::create(b, loc, running, context.result, at);
  return success();
}

LogicalResult fovea::buildLoops(OpBuilder &b, cascade::EinsumOp op,
                                ArrayRef<Value> extents,
                                const EinsumContext &context) {
  return LoopBuilder(b, op, extents, context).build();
}
