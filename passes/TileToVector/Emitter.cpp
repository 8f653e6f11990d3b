//===- Emitter.cpp - evaluating tile recipes at a point -------------------===//

#include "Emitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fovea;

static tile::ScheduleAttr getPanel(tile::ScheduleAttr schedule) {
  tile::Schedule fields = schedule.getFields();
  fields.rows = schedule.getPanelRows();
  return tile::ScheduleAttr::get(schedule.getContext(), fields);
}

Emitter::Emitter(func::FuncOp task, tile::ScheduleAttr schedule,
                 StringRef rowRank)
    : task(task),
      schedule(getPanel(schedule)),
      panels(schedule.getRows() / schedule.getPanelRows()), row(rowRank),
      b(task.getContext()), loc(task.getLoc()) {}

//===----------------------------------------------------------------------===//
// Small helpers
//===----------------------------------------------------------------------===//

static arith::AtomicRMWKind combineKind(tile::Combine combine) {
  switch (combine) {
  case tile::Combine::Sum:
    return arith::AtomicRMWKind::addf;
  case tile::Combine::Max:
  case tile::Combine::MaxNumber: // -inf is neutral for both
    return arith::AtomicRMWKind::maximumf;
  case tile::Combine::Min:
    return arith::AtomicRMWKind::minimumf;
  }
  llvm_unreachable("unknown combination");
}

Value Emitter::neutral(tile::Combine combine, Type element) {
  Value v = arith::getIdentityValue(combineKind(combine), element, b, loc);
  return vector::BroadcastOp::create(b, loc, vectorOf(element), v);
}

Value Emitter::combine(tile::Combine how, Value running, Value value) {
  if (how == tile::Combine::MaxNumber) {
    // `running` is a number. One instruction; a maximum that gives NaN, or
    // tells apart which of two is one, takes three.
    Value isMore = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT,
                                         value, running);
    return arith::SelectOp::create(b, loc, isMore, value, running);
  }
  return arith::getReductionOp(combineKind(how), b, loc, running, value);
}

Value Emitter::index(int64_t v) {
  return arith::ConstantIndexOp::create(b, loc, v);
}

static std::optional<int64_t> constantOf(Value v) {
  APInt value;
  if (matchPattern(v, m_ConstantInt(&value))) {
    return value.getSExtValue();
  }
  return std::nullopt;
}

Value Emitter::add(Value x, Value y) {
  if (constantOf(x) == 0) {
    return y;
  }
  if (constantOf(y) == 0) {
    return x;
  }
  return arith::AddIOp::create(b, loc, x, y);
}

Value Emitter::add(Value x, int64_t c) { return c == 0 ? x : add(x, index(c)); }

Value Emitter::mul(Value x, Value y) {
  if (constantOf(x) == 1) {
    return y;
  }
  if (constantOf(y) == 1) {
    return x;
  }
  return arith::MulIOp::create(b, loc, x, y);
}

Value Emitter::mul(Value x, int64_t c) { return c == 1 ? x : mul(x, index(c)); }

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

/// The value of a tile at a point: a vector of `lanes` rows if the tile has
/// the row rank, else a scalar. At a point of one row: a vector of coordinates
/// of the tile's other rank.
FailureOr<Value> Emitter::eval(Value tile, Point &point) {
  if (!isa<RankedTensorType>(tile.getType())) {
    return scalar(tile);
  }
  bool rowDependent = hasRow(tile);
  auto *memo = rowDependent ? point.perVector : point.perX;
  if (memo) {
    auto it = memo->find(tile);
    if (it != memo->end()) {
      return it->second;
    }
  }
  auto it = forms.find(tile);
  Value result;
  if (it != forms.end() && it->second.kind == Form::Rows) {
    return point.row ? copiedRow(it->second, point)
                     : it->second.rows[point.vec];
  }
  if (it != forms.end() && it->second.kind == Form::Near) {
    Type element = cast<MemRefType>(it->second.buffer.getType()).getElementType();
    Value row = point.row ? point.row : index(point.vec * schedule.getLanes());
    result = loadVector(it->second.buffer,
                        nearIndex(point.x, row, extentOf(tile)),
                        vectorOf(element));
  } else {
    Operation *op = tile.getDefiningOp();
    if (!op) {
      task.emitError("expected a form for every carried tile");
      return failure();
    }
    FailureOr<Value> evaluated = evalOp(op, tile, point);
    if (failed(evaluated)) {
      return failure();
    }
    result = *evaluated;
  }
  if (memo) {
    (*memo)[tile] = result;
  }
  return result;
}

FailureOr<Value> Emitter::evalLookup(tile::LookupOp op, Point &point) {
  FlatBuffer flat = flatten(op.getTable());
  Value offset = flat.offset; // the part that is a scalar
  Value vector;               // i32 lanes, in elements
  for (auto [i, indexTile] : llvm::enumerate(op.getIndices())) {
    FailureOr<Value> at = eval(indexTile, point);
    if (failed(at)) {
      return failure();
    }
    Value last = add(flat.sizes[i], -1);
    if (!isa<VectorType>((*at).getType())) {
      Value position = *at;
      if (!position.getType().isIndex()) {
        position =
            arith::IndexCastOp::create(b, loc, b.getIndexType(), position);
      }
      position = arith::MinSIOp::create(b, loc, position, last);
      position = arith::MaxSIOp::create(b, loc, position, index(0));
      offset = add(offset, mul(position, flat.strides[i]));
      continue;
    }
    auto type = cast<VectorType>((*at).getType());
    auto splat = [&](Value v) -> Value {
      Value narrow = arith::IndexCastOp::create(b, loc, b.getI32Type(), v);
      return vector::BroadcastOp::create(b, loc, type, narrow);
    };
    Value position = arith::MinSIOp::create(b, loc, *at, splat(last));
    position = arith::MaxSIOp::create(b, loc, position, splat(index(0)));
    Value scaled =
        arith::MulIOp::create(b, loc, position, splat(flat.strides[i]));
    vector = vector ? arith::AddIOp::create(b, loc, vector, scaled).getResult()
                    : scaled;
  }
  if (!vector) {
    Value element = memref::LoadOp::create(b, loc, flat.flat, offset);
    if (!isVector(op.getResult(), point)) {
      return element;
    }
    return vector::BroadcastOp::create(b, loc, vectorOf(element.getType()),
                                       element)
        .getResult();
  }
  Type element = cast<MemRefType>(flat.flat.getType()).getElementType();
  VectorType type = vectorOf(element);
  Value mask = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(vectorOf(b.getI1Type()), true));
  Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  return vector::GatherOp::create(b, loc, type, flat.flat, ValueRange{offset},
                                  vector, mask, none)
      .getResult();
}

/// One element of a one-dimensional operand that was left in place.
FailureOr<Value> Emitter::evalFarElement(tile::LoadOp op, Point &point) {
  if (tile::getRanks(op.getType()).size() != 1) {
    op.emitError("expected a tile with two ranks to be an operand of a matrix "
                 "product");
    return failure();
  }
  FlatBuffer flat = flatten(op.getSource());
  if (op.getTable()) {
    Value at = rowOffset(op, point.x, stepCount);
    return memref::LoadOp::create(b, loc, flat.flat, at).getResult();
  }
  Value limit = stepCount ? stepCount : index(op.getType().getDimSize(0));
  Value offset = flat.offset;
  for (auto [i, name] :
       llvm::enumerate(op.getDims().getAsValueRange<StringAttr>())) {
    Value at = scalar(op.getIndices()[i]);
    if (!name.empty()) {
      Value x = point.x;
      if (partial && !op.getBounded().empty()) {
        x = arith::MinSIOp::create(b, loc, x, add(limit, -1));
      }
      at = add(at, x);
    }
    offset = add(offset, mul(at, flat.strides[i]));
  }
  return memref::LoadOp::create(b, loc, flat.flat, offset).getResult();
}

/// The element of a [row] tile at one row, in all lanes.
Value Emitter::copiedRow(const Form &form, Point &point) {
  Value v = memref::LoadOp::create(b, loc, form.copy, point.row);
  Type element = getElementTypeOrSelf(form.rows[0].getType());
  if (element.isInteger(1)) {
    v = arith::TruncIOp::create(b, loc, element, v);
  }
  return vector::BroadcastOp::create(b, loc, vectorOf(element), v);
}

FailureOr<Value> Emitter::evalOp(Operation *op, Value tile, Point &point) {
  bool rowDependent = isVector(tile, point);
  auto splat = [&](Value v) -> Value {
    if (!rowDependent || isa<VectorType>(v.getType())) {
      return v;
    }
    return vector::BroadcastOp::create(b, loc, vectorOf(v.getType()), v);
  };
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(op)) {
    FailureOr<Value> v = eval(broadcast.getValue(), point);
    return failed(v) ? v : FailureOr<Value>(splat(*v));
  }
  if (auto coordinate = dyn_cast<tile::CoordinateOp>(op)) {
    Value base = scalar(coordinate.getBase());
    Type i32 = b.getI32Type();
    if (!rowDependent) {
      return arith::IndexCastOp::create(b, loc, i32, add(base, point.x))
          .getResult();
    }
    if (rowStart) {
      base = add(base, rowStart);
    }
    SmallVector<int32_t> steps;
    for (int64_t i = 0; i < schedule.getLanes(); ++i) {
      steps.push_back(point.vec * schedule.getLanes() + i);
    }
    if (point.row) {
      base = add(base, point.x);
    }
    Value lanes = arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(vectorOf(i32), ArrayRef(steps)));
    Value narrow = arith::IndexCastOp::create(b, loc, i32, base);
    return arith::AddIOp::create(b, loc, lanes, splat(narrow)).getResult();
  }
  if (auto lookup = dyn_cast<tile::LookupOp>(op)) {
    return evalLookup(lookup, point);
  }
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    return point.row ? evalFarVector(load, point) : evalFarElement(load, point);
  }
  if (auto guard = dyn_cast<tile::GuardOp>(op)) {
    FailureOr<Value> value = eval(guard.getValue(), point);
    if (failed(value) || !partial) {
      return value;
    }
    FailureOr<Value> mask = eval(guard.getVisible(), point);
    if (failed(mask)) {
      return failure();
    }
    Value otherwise = splat(scalar(guard.getOtherwise()));
    return arith::SelectOp::create(b, loc, *mask, *value, otherwise)
        .getResult();
  }
  if (!isa_and_nonnull<arith::ArithDialect, math::MathDialect>(
          op->getDialect()) ||
      op->getNumResults() != 1) {
    op->emitError("expected element-wise code or a tile that is already in "
                  "registers or near memory");
    return failure();
  }
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    FailureOr<Value> v = eval(operand, point);
    if (failed(v)) {
      return failure();
    }
    operands.push_back(splat(*v));
  }
  Type element = getElementTypeOrSelf(tile.getType());
  Type type = rowDependent ? Type(vectorOf(element)) : element;
  return b
      .create(loc, op->getName().getIdentifier(), operands, TypeRange(type),
              op->getAttrs())
      ->getResult(0);
}

/// Row-level recipes are evaluated once, before the loops that use them.
LogicalResult Emitter::prepare(Value tile) {
  if (!isa<RankedTensorType>(tile.getType())) {
    return success();
  }
  auto it = forms.find(tile);
  Operation *op = tile.getDefiningOp();
  if (auto load = dyn_cast_or_null<tile::LoadOp>(op);
      load && load.getTable() && !it->second.offsets) {
    fillOffsets(load, stepCount);
    return success();
  }
  if (it != forms.end() && it->second.kind != Form::Recipe) {
    return success();
  }
  if (!op || isa<tile::ContractOp, tile::ReduceOp, tile::LoadOp>(op)) {
    return success();
  }
  for (Value operand : op->getOperands()) {
    if (isa<tile::GuardOp>(op) && !partial &&
        operand == cast<tile::GuardOp>(op).getVisible()) {
      continue;
    }
    if (failed(prepare(operand))) {
      return failure();
    }
  }
  if (!isRowTile(tile)) {
    return success();
  }
  Form form;
  form.kind = Form::Rows;
  for (unsigned v = 0; v < numVectors(); ++v) {
    Point point;
    point.vec = v;
    FailureOr<Value> value = eval(tile, point);
    if (failed(value)) {
      return failure();
    }
    form.rows.push_back(*value);
  }
  forms[tile] = form;
  return success();
}

/// Writes a whole [x, q] tile to a near buffer.
LogicalResult Emitter::materialize(Value tile, Value buffer) {
  if (failed(prepare(tile))) {
    return failure();
  }
  int64_t extent = cast<RankedTensorType>(tile.getType()).getDimSize(0);
  auto loop = scf::ForOp::create(b, loc, index(0), index(extent), index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  DenseMap<Value, Value> perX;
  for (unsigned v = 0; v < numVectors(); ++v) {
    DenseMap<Value, Value> perVector;
    Point point{loop.getInductionVar(), v, &perX, &perVector};
    FailureOr<Value> value = eval(tile, point);
    if (failed(value)) {
      return failure();
    }
    storeVector(*value, buffer,
                nearIndex(point.x, index(v * schedule.getLanes()), extent));
  }
  return success();
}
