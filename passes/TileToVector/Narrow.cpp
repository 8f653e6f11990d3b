//===- Narrow.cpp - tiles of few rows -------------------------------------===//

#include "Narrow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fovea;

/// Coordinates of x that a near buffer has room for: whole vectors of pairs.
/// Keys are read one by one or pair by pair: for a step's, vectors will do.
int64_t NarrowEmitter::padded(int64_t extent) {
  int64_t lanes = schedule.getLanes();
  return llvm::alignTo(extent, extent == schedule.getKeys() ? lanes : 2 * lanes);
}

Value NarrowEmitter::nearIndex(Value x, Value row, int64_t extent) {
  return add(mul(row, padded(extent)), x);
}

/// Sets elements of a near buffer, whole vectors of them, to 0.
void NarrowEmitter::clear(Value buffer, int64_t elements) {
  Type element = cast<MemRefType>(buffer.getType()).getElementType();
  VectorType type = vectorOf(element);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  auto loop = scf::ForOp::create(b, loc, index(0), index(elements),
                                 index(schedule.getLanes()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  storeVector(zero, buffer, loop.getInductionVar());
}

/// Products read whole vectors: what lies beyond the extent is 0.
void NarrowEmitter::clearPadding(Value buffer, int64_t extent) {
  if (padded(extent) != extent) {
    clear(buffer, nearSize(extent));
  }
}

/// A [row] tile gets a copy from which single rows are read.
LogicalResult NarrowEmitter::prepare(Value tile) {
  if (failed(Emitter::prepare(tile))) {
    return failure();
  }
  auto it = forms.find(tile);
  if (it == forms.end() || it->second.kind != Form::Rows || it->second.copy) {
    return success();
  }
  Value rows = it->second.rows[0];
  Type element = getElementTypeOrSelf(rows.getType());
  if (element.isInteger(1)) { // in memory, bits would lie side by side
    element = b.getI8Type();
    rows = arith::ExtUIOp::create(b, loc, vectorOf(element), rows);
  }
  Value copy = allocNear(schedule.getLanes(), element);
  storeVector(rows, copy, index(0));
  forms[tile].copy = copy;
  return success();
}

LogicalResult NarrowEmitter::materialize(Value tile, Value buffer) {
  if (failed(prepare(tile))) {
    return failure();
  }
  int64_t extent = extentOf(tile);
  auto rows = scf::ForOp::create(b, loc, index(0), index(schedule.getRows()),
                                 index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(rows.getBody());
  auto loop = scf::ForOp::create(b, loc, index(0), index(extent),
                                 index(schedule.getLanes()));
  b.setInsertionPointToStart(loop.getBody());
  DenseMap<Value, Value> perX, perVector;
  Point point{loop.getInductionVar(), 0, &perX, &perVector,
              rows.getInductionVar()};
  FailureOr<Value> value = eval(tile, point);
  if (failed(value)) {
    return failure();
  }
  storeVector(*value, buffer, nearIndex(point.x, point.row, extent));
  return success();
}

/// A reduction outside a stream: [x, row] to [row], a row at a time.
LogicalResult NarrowEmitter::lowerReduce(tile::ReduceOp op) {
  auto type = cast<RankedTensorType>(op.getValue().getType());
  if (!isRowTile(op.getResult()) || type.getRank() != 2) {
    return op.emitError("expected a reduction from [x, ")
           << row << "] to [" << row << "]";
  }
  if (failed(prepare(op.getValue()))) {
    return failure();
  }
  Type element = type.getElementType();
  int64_t extent = type.getDimSize(0), lanes = schedule.getLanes();
  tile::Combine how = op.getCombine();
  Value identity = neutral(how, element);
  Value results = allocNear(schedule.getLanes(), element);
  storeVector(identity, results, index(0));
  auto rows = scf::ForOp::create(b, loc, index(0), index(schedule.getRows()),
                                 index(1));
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(rows.getBody());
    Value running = identity;
    for (int64_t x = 0; x < extent; x += lanes) {
      DenseMap<Value, Value> perX, perVector;
      Point point{index(x), 0, &perX, &perVector, rows.getInductionVar()};
      FailureOr<Value> value = eval(op.getValue(), point);
      if (failed(value)) {
        return failure();
      }
      if (x + lanes > extent) {
        Value inside = vector::CreateMaskOp::create(
            b, loc, vectorOf(b.getI1Type()), ValueRange{index(extent - x)});
        value = arith::SelectOp::create(b, loc, inside, *value, identity)
                    .getResult();
      }
      running = combine(how, running, *value);
    }
    Value all = reduceAcross(how, running);
    memref::StoreOp::create(b, loc, all, results,
                            ValueRange{rows.getInductionVar()});
  }
  Form form;
  form.kind = Form::Rows;
  form.rows.push_back(loadVector(results, index(0), vectorOf(element)));
  forms[op.getResult()] = form;
  return success();
}

Value NarrowEmitter::reduceAcross(tile::Combine how, Value v) {
  vector::CombiningKind combining =
      how == tile::Combine::Sum   ? vector::CombiningKind::ADD
      : how == tile::Combine::Min ? vector::CombiningKind::MINIMUMF
                                  : vector::CombiningKind::MAXIMUMF;
  // Any order will do: halves are folded onto each other.
  auto flags = arith::FastMathFlagsAttr::get(b.getContext(),
                                             arith::FastMathFlags::reassoc);
  return vector::ReductionOp::create(b, loc, combining, v, Value(),
                                     flags.getValue());
}

/// Coordinates point.x, ... of a one-dimensional operand, or one of pages. In a
/// partial step those at or beyond the count repeat the last one.
FailureOr<Value> Emitter::evalFarVector(tile::LoadOp op, Point &point) {
  if (tile::getRanks(op.getType()).size() != 1) {
    op.emitError("expected a tile with two ranks to be an operand of a matrix "
                 "product");
    return failure();
  }
  FlatBuffer flat = flatten(op.getSource());
  bool clamped = partial && !op.getBounded().empty();
  Type element = op.getType().getElementType();
  VectorType type = vectorOf(element), i32 = vectorOf(b.getI32Type());
  Value offset = flat.offset, stride;
  bool isLast = false;
  unsigned dims = op.getDims().size();
  for (auto [i, name] :
       llvm::enumerate(op.getDims().getAsValueRange<StringAttr>())) {
    Value at = scalar(op.getIndices()[i]);
    if (!name.empty()) {
      stride = flat.strides[i];
      isLast = i + 1 == dims;
    }
    offset = add(offset, mul(at, flat.strides[i]));
  }
  if (isLast && !clamped && !op.getTable()) {
    return loadVector(flat.flat, add(offset, point.x), type);
  }
  auto steps = llvm::to_vector(
      llvm::seq<int32_t>(0, static_cast<int32_t>(schedule.getLanes())));
  Value x = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(i32, ArrayRef<int32_t>(steps)));
  auto splat = [&](Value v) -> Value {
    Value narrow = arith::IndexCastOp::create(b, loc, b.getI32Type(), v);
    return vector::BroadcastOp::create(b, loc, i32, narrow);
  };
  x = arith::AddIOp::create(b, loc, x, splat(point.x));
  if (clamped) {
    x = arith::MinSIOp::create(b, loc, x, splat(add(stepCount, -1)));
  }
  Value all = arith::ConstantOp::create(
      b, loc, DenseElementsAttr::get(vectorOf(b.getI1Type()), true));
  auto gather = [&](VectorType result, Value buffer, Value base, Value at) {
    Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(result));
    return vector::GatherOp::create(b, loc, result, buffer, ValueRange{base},
                                    at, all, none)
        .getResult();
  };
  if (op.getTable()) {
    Value offsets = gather(vectorOf(b.getIndexType()),
                           forms[op.getResult()].offsets, index(0), x);
    return gather(type, flat.flat, index(0), offsets);
  }
  x = arith::MulIOp::create(b, loc, x, splat(stride));
  return gather(type, flat.flat, offset, x);
}
