//===- CascadeToTile.cpp - turn folds into tasks with streams of tiles ----===//

#include "fovea/passes/CascadeToTile/Passes.h"

#include "EinsumToLoops.h"
#include "FoldToTasks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"

namespace fovea {
#define GEN_PASS_DEF_CASCADETOTILEPASS
#include "fovea/passes/CascadeToTile/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

/// Rewrites one function from tensors to buffers and tasks.
class FunctionConverter {
public:
  FunctionConverter(func::FuncOp function, tile::ScheduleAttr schedule)
      : function(function), schedule(schedule), b(function.getContext()) {}

  LogicalResult convert();

private:
  LogicalResult convertSignature();
  LogicalResult convertOp(Operation &op);
  LogicalResult convertScalar(Operation &op);
  LogicalResult convertFold(cascade::FoldOp op);
  LogicalResult convertExpand(tensor::ExpandShapeOp op);
  LogicalResult convertView(Operation &op);
  LogicalResult convertPlace(cascade::PlaceOp op);
  void checkPages(cascade::GatherOp op, const Source &source);
  LogicalResult convertEinsum(cascade::EinsumOp op);
  Value findDestination(Value result, AffineMap map, ArrayRef<Value> extents);
  Value splitOutput(unsigned i, tensor::CollapseShapeOp collapse,
                    ArrayRef<Value> sizes);
  void checkShape(Location loc, Value buffer, ArrayRef<Value> sizes,
                  const Twine &what);

  func::FuncOp function;
  tile::ScheduleAttr schedule;
  OpBuilder b;
  Block *body = nullptr;             // the new entry block
  SmallVector<Value> outputs;        // buffers of the function's results
  DenseMap<Value, Source> sources;   // tensors
  IRMapping scalars;                 // everything else
  SmallVector<Value> temporaries;    // freed before the return
};

} // namespace

/// The buffer of an argument: any strides, the last axis contiguous.
static MemRefType bufferType(RankedTensorType type) {
  int64_t rank = type.getRank();
  if (rank == 0) {
    return MemRefType::get({}, type.getElementType());
  }
  SmallVector<int64_t> strides(rank, ShapedType::kDynamic);
  strides.back() = 1;
  auto layout = StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic,
                                       strides);
  return MemRefType::get(type.getShape(), type.getElementType(), layout);
}

LogicalResult FunctionConverter::convertSignature() {
  SmallVector<Type> types;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    if (auto tensor = dyn_cast<RankedTensorType>(type)) {
      types.push_back(bufferType(tensor));
    } else if (isa<FloatType>(type) || type.isInteger(32) ||
               type.isInteger(64)) {
      types.push_back(MemRefType::get({}, type)); // a tensor of rank 0
    } else {
      return function.emitOpError("expected argument ")
             << i << " to be a ranked tensor, a float, an i32 or an i64, got "
             << type;
    }
  }
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    if (auto tensor = dyn_cast<RankedTensorType>(type)) {
      types.push_back(bufferType(tensor));
    } else if (isa<FloatType>(type)) {
      types.push_back(MemRefType::get({}, type));
    } else {
      return function.emitOpError("expected result ")
             << i << " to be a ranked tensor or a float, got " << type;
    }
  }
  body = new Block;
  for (Type type : types) {
    body->addArgument(type, function.getLoc());
  }
  unsigned inputs = function.getNumArguments();
  b.setInsertionPointToEnd(body);
  for (auto [i, argument] : llvm::enumerate(function.getArguments())) {
    if (isa<ShapedType>(argument.getType())) {
      sources[argument].buffer = body->getArgument(i);
    } else {
      scalars.map(argument,
                  memref::LoadOp::create(b, function.getLoc(),
                                         body->getArgument(i), ValueRange{})
                      .getResult());
    }
  }
  for (unsigned i = inputs; i < types.size(); ++i) {
    outputs.push_back(body->getArgument(i));
  }
  return success();
}

/// `buffer` with its dimensions split in groups: the same elements under more
/// indices. (Upstream's memref.expand_shape says the same, but its expansion
/// of strided layouts does not survive dynamic sizes in LLVM 22.)
static Value expandBuffer(OpBuilder &b, Location loc, Value buffer,
                          ArrayRef<ReassociationIndices> groups,
                          ArrayRef<OpFoldResult> sizes) {
  auto type = cast<MemRefType>(buffer.getType());
  auto meta = memref::ExtractStridedMetadataOp::create(b, loc, buffer);
  SmallVector<OpFoldResult> strides(sizes.size());
  SmallVector<int64_t> shape, staticStrides(sizes.size(), ShapedType::kDynamic);
  for (OpFoldResult size : sizes) {
    shape.push_back(
        getConstantIntValue(size).value_or(ShapedType::kDynamic));
  }
  for (auto [i, group] : llvm::enumerate(groups)) {
    Value stride = meta.getStrides()[i];
    for (int64_t j : llvm::reverse(group)) {
      strides[j] = stride;
      if (j != group.front()) {
        Value size = getValueOrCreateConstantIndexOp(b, loc, sizes[j]);
        stride = arith::MulIOp::create(b, loc, stride, size);
      }
    }
  }
  if (!strides.empty()) {
    strides.back() = b.getIndexAttr(1);
    staticStrides.back() = 1;
  }
  auto layout = StridedLayoutAttr::get(b.getContext(), ShapedType::kDynamic,
                                       staticStrides);
  auto result = MemRefType::get(shape, type.getElementType(), layout);
  return memref::ReinterpretCastOp::create(b, loc, result,
                                           meta.getBaseBuffer(),
                                           OpFoldResult(meta.getOffset()),
                                           sizes, strides);
}

/// A buffer without gaps with its dimensions joined in groups.
static Value collapseBuffer(OpBuilder &b, Location loc, Value buffer,
                            ArrayRef<ReassociationIndices> groups) {
  auto type = cast<MemRefType>(buffer.getType());
  SmallVector<OpFoldResult> sizes, strides(groups.size());
  SmallVector<int64_t> shape;
  for (const ReassociationIndices &group : groups) {
    int64_t known = 1;
    Value size;
    for (int64_t i : group) {
      if (!type.isDynamicDim(i)) {
        known *= type.getDimSize(i);
        continue;
      }
      Value extent = memref::DimOp::create(b, loc, buffer, i);
      size = size ? arith::MulIOp::create(b, loc, size, extent).getResult()
                  : extent;
    }
    if (!size) {
      sizes.push_back(b.getIndexAttr(known));
      shape.push_back(known);
      continue;
    }
    Value factor = arith::ConstantIndexOp::create(b, loc, known);
    sizes.push_back(arith::MulIOp::create(b, loc, size, factor).getResult());
    shape.push_back(ShapedType::kDynamic);
  }
  SmallVector<int64_t> staticStrides(groups.size(), ShapedType::kDynamic);
  Value stride = arith::ConstantIndexOp::create(b, loc, 1);
  for (size_t i = groups.size(); i-- > 0;) {
    bool isLast = i + 1 == groups.size();
    strides[i] = isLast ? OpFoldResult(b.getIndexAttr(1)) : stride;
    staticStrides[i] = isLast ? 1 : ShapedType::kDynamic;
    Value size = getValueOrCreateConstantIndexOp(b, loc, sizes[i]);
    stride = arith::MulIOp::create(b, loc, stride, size);
  }
  auto layout = StridedLayoutAttr::get(b.getContext(), 0, staticStrides);
  return memref::ReinterpretCastOp::create(
      b, loc, MemRefType::get(shape, type.getElementType(), layout), buffer,
      OpFoldResult(b.getIndexAttr(0)), sizes, strides);
}

void FunctionConverter::checkShape(Location loc, Value buffer,
                                   ArrayRef<Value> sizes, const Twine &what) {
  auto type = cast<MemRefType>(buffer.getType());
  for (auto [i, size] : llvm::enumerate(sizes)) {
    if (!type.isDynamicDim(i) && getConstantIntValue(size)) {
      continue;
    }
    Value actual = Source{buffer, {}, {}}.extent(b, loc, i);
    Value same = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                       actual, size);
    cf::AssertOp::create(
        b, loc, same,
        (what + " has the wrong extent along dimension " + Twine(i)).str());
  }
}

/// The result of the function that `v` is returned as, also if its type is
/// made more precise on the way.
static std::optional<unsigned> findReturn(Value v) {
  for (OpOperand &use : v.getUses()) {
    if (isa<func::ReturnOp>(use.getOwner())) {
      return use.getOperandNumber();
    }
    if (auto refined = dyn_cast<tensor::CastOp>(use.getOwner())) {
      if (std::optional<unsigned> i = findReturn(refined.getResult())) {
        return i;
      }
    }
  }
  return std::nullopt;
}

/// Output `i`, which a result of extents `sizes` becomes when `collapse` joins
/// its dimensions, under the result's own indices.
Value FunctionConverter::splitOutput(unsigned i,
                                     tensor::CollapseShapeOp collapse,
                                     ArrayRef<Value> sizes) {
  Location loc = collapse.getLoc();
  SmallVector<Value> collapsed;
  for (const ReassociationIndices &group : collapse.getReassociationIndices()) {
    Value size = sizes[group[0]];
    for (int64_t j : ArrayRef(group).drop_front()) {
      size = arith::MulIOp::create(b, loc, size, sizes[j]);
    }
    collapsed.push_back(size);
  }
  checkShape(loc, outputs[i], collapsed, "result " + Twine(i));
  SmallVector<OpFoldResult> shape;
  for (auto [j, size] : llvm::enumerate(sizes)) {
    if (collapse.getSrcType().isDynamicDim(j)) {
      shape.push_back(size);
    } else {
      shape.push_back(b.getIndexAttr(collapse.getSrcType().getDimSize(j)));
    }
  }
  return expandBuffer(b, loc, outputs[i], collapse.getReassociationIndices(),
                      shape);
}

/// Where a result with these ranks and extents is written: an output of the
/// function when the result is returned (directly or collapsed), else a
/// temporary buffer.
Value FunctionConverter::findDestination(Value result, AffineMap map,
                                         ArrayRef<Value> extents) {
  Location loc = result.getLoc();
  SmallVector<Value> sizes;
  for (AffineExpr e : map.getResults()) {
    sizes.push_back(extents[cast<AffineDimExpr>(e).getPosition()]);
  }
  if (!isa<ShapedType>(result.getType())) {
    temporaries.push_back(memref::AllocOp::create(
        b, loc, MemRefType::get({}, result.getType())));
    return temporaries.back();
  }
  if (std::optional<unsigned> i = findReturn(result)) {
    checkShape(loc, outputs[*i], sizes, "result " + Twine(*i));
    return outputs[*i];
  }
  for (Operation *user : result.getUsers()) {
    auto collapse = dyn_cast<tensor::CollapseShapeOp>(user);
    std::optional<unsigned> i =
        collapse ? findReturn(collapse.getResult()) : std::nullopt;
    if (i) {
      return splitOutput(*i, collapse, sizes);
    }
  }
  auto type = cast<RankedTensorType>(result.getType());
  SmallVector<Value> dynamic;
  for (auto [j, size] : llvm::enumerate(sizes)) {
    if (type.isDynamicDim(j)) {
      dynamic.push_back(size);
    }
  }
  Value buffer = memref::AllocOp::create(
      b, loc, MemRefType::get(type.getShape(), type.getElementType()), dynamic,
      b.getI64IntegerAttr(64));
  temporaries.push_back(buffer);
  return buffer;
}

LogicalResult FunctionConverter::convertFold(cascade::FoldOp op) {
  FoldContext context;
  context.schedule = schedule;
  if (auto few = function->getAttrOfType<ArrayAttr>(tile::kFewRowsAttrName)) {
    llvm::append_range(context.fewRows, few.getAsRange<tile::ScheduleAttr>());
  }
  context.scalars = &scalars;
  context.captured = sources;
  for (Value input : op.getInputs()) {
    context.inputs.push_back(sources.lookup(input)); // null for scalars
  }
  b.setInsertionPointToEnd(body);
  SmallVector<AffineMap> maps;
  for (unsigned i = 0, e = op.getInputs().size(); i < e; ++i) {
    maps.push_back(op.getInputMap(i));
  }
  FailureOr<SmallVector<Value>> extents =
      buildExtents(b, op, op.getRanks(), maps, context.inputs);
  if (failed(extents)) {
    return failure();
  }
  for (unsigned i = 0, e = op.getNumResults(); i < e; ++i) {
    context.results.push_back(
        findDestination(op.getResult(i), op.getResultMap(i), *extents));
    sources[op.getResult(i)].buffer = context.results.back();
  }
  if (failed(buildTasks(b, op, *extents, context))) {
    return failure();
  }
  for (auto [result, buffer] : llvm::zip_equal(op.getResults(),
                                               context.results)) {
    if (!isa<ShapedType>(result.getType())) {
      scalars.map(result, memref::LoadOp::create(b, op.getLoc(), buffer,
                                                 ValueRange{})
                              .getResult());
    }
  }
  return success();
}

/// An Einsum that is in no fold.
LogicalResult FunctionConverter::convertEinsum(cascade::EinsumOp op) {
  b.setInsertionPointToEnd(body);
  EinsumContext context{{}, {}, sources, scalars};
  for (Value input : op.getInputs()) {
    context.inputs.push_back(sources.lookup(input));
  }
  FailureOr<SmallVector<Value>> extents =
      buildExtents(b, op, op.getRanks(), op.getInputMaps(), context.inputs);
  if (failed(extents)) {
    return failure();
  }
  context.result =
      findDestination(op.getResult(), op.getResultMap(), *extents);
  sources[op.getResult()].buffer = context.result;
  if (failed(buildLoops(b, op, *extents, context))) {
    return failure();
  }
  if (!isa<ShapedType>(op.getType())) {
    scalars.map(op.getResult(),
                memref::LoadOp::create(b, op.getLoc(), context.result,
                                       ValueRange{})
                    .getResult());
  }
  return success();
}

LogicalResult FunctionConverter::convertExpand(tensor::ExpandShapeOp op) {
  SmallVector<OpFoldResult> shape;
  for (OpFoldResult size : op.getMixedOutputShape()) {
    if (auto value = dyn_cast<Value>(size)) {
      size = scalars.lookupOrDefault(value);
    }
    shape.push_back(size);
  }
  sources[op.getResult()].buffer =
      expandBuffer(b, op.getLoc(), sources.lookup(op.getSrc()).buffer,
                   op.getReassociationIndices(), shape);
  return success();
}

LogicalResult FunctionConverter::convertPlace(cascade::PlaceOp op) {
  Source base = sources.lookup(op.getBase()), rows = sources.lookup(op.getRows());
  if (base.isView() || rows.isView()) {
    return op.emitOpError("expected rows and a base that are no views");
  }
  Location loc = op.getLoc();
  int64_t rank = op.getType().getRank();
  SmallVector<Value> extents;
  for (int64_t i = 0; i < rank; ++i) {
    extents.push_back(base.extent(b, loc, i));
  }
  Value result = findDestination(
      op.getResult(), b.getMultiDimIdentityMap(rank), extents);
  sources[op.getResult()].buffer = result;
  buildPlace(b, op, rows.buffer, base.buffer,
             sources.lookup(op.getPositions()).buffer,
             op.getTable() ? sources.lookup(op.getTable()).buffer : Value(),
             result);
  return success();
}

/// A view of the last dimension: noted, and undone where elements are read.
LogicalResult FunctionConverter::convertView(Operation &op) {
  Source source = sources.lookup(op.getOperand(0));
  if (!source.buffer || source.group != 0 || source.times != 1) {
    return op.emitOpError("expected a view of an argument or of gathered "
                          "pages, got one of another view");
  }
  if (auto unpack = dyn_cast<cascade::UnpackOp>(op)) {
    source.group = unpack.getGroup();
  } else {
    source.times = cast<cascade::RepeatOp>(op).getTimes();
  }
  sources[op.getResult(0)] = source;
  return success();
}

/// Used slots of a page table hold ids of pages, and lengths fit the table:
/// checked once per call, before anything is read through it.
void FunctionConverter::checkPages(cascade::GatherOp op, const Source &source) {
  Location loc = op.getLoc();
  auto constant = [&](int64_t v) {
    return arith::ConstantIndexOp::create(b, loc, v).getResult();
  };
  Value zero = constant(0), one = constant(1);
  Value rows = memref::DimOp::create(b, loc, source.table, 0);
  Value slots = memref::DimOp::create(b, loc, source.table, 1);
  Value pages = memref::DimOp::create(b, loc, source.buffer, 0);
  Value lengths = memref::DimOp::create(b, loc, source.lengths, 0);
  cf::AssertOp::create(b, loc,
                       arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge,
                                             lengths, rows),
                       "page table: expected one length per row");
  auto load = [&](Value buffer, ValueRange indices) {
    Value v = memref::LoadOp::create(b, loc, buffer, indices);
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), v).getResult();
  };
  auto outside = [&](Value v, Value bound) {
    // Unsigned: negative values are large.
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, v, bound)
        .getResult();
  };
  Value capacity =
      arith::MulIOp::create(b, loc, slots, constant(op.getPageSize()));
  Value good = arith::ConstantIntOp::create(b, loc, 1, 1);
  auto rowLoop = scf::ForOp::create(b, loc, zero, rows, one,
                                    ValueRange{good, good});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(rowLoop.getBody());
    Value row = rowLoop.getInductionVar();
    Value length = load(source.lengths, row);
    Value limit = arith::AddIOp::create(b, loc, capacity, one);
    Value bad = outside(length, limit);
    Value fits = arith::XOrIOp::create(b, loc, bad, good);
    fits = arith::AndIOp::create(b, loc, rowLoop.getRegionIterArg(0), fits);
    Value safe = arith::SelectOp::create(b, loc, bad, zero, length);
    Value used = arith::CeilDivSIOp::create(b, loc, safe,
                                            constant(op.getPageSize()));
    auto slotLoop = scf::ForOp::create(b, loc, zero, used, one,
                                       rowLoop.getRegionIterArg(1));
    {
      OpBuilder::InsertionGuard inner(b);
      b.setInsertionPointToStart(slotLoop.getBody());
      Value id = load(source.table, {row, slotLoop.getInductionVar()});
      Value valid = arith::XOrIOp::create(b, loc, outside(id, pages), good);
      valid = arith::AndIOp::create(b, loc, slotLoop.getRegionIterArg(0), valid);
      scf::YieldOp::create(b, loc, valid);
    }
    scf::YieldOp::create(b, loc, ValueRange{fits, slotLoop.getResult(0)});
  }
  cf::AssertOp::create(b, loc, rowLoop.getResult(0),
                       "page table: a length is negative or exceeds the "
                       "table's capacity (columns times page size)");
  cf::AssertOp::create(b, loc, rowLoop.getResult(1),
                       "page table: a used slot holds a page id outside "
                       "[0, number of pages)");
}

/// Scalar code, perhaps with regions, perhaps reading elements of tensors: a
/// copy that reads the buffers.
LogicalResult FunctionConverter::convertScalar(Operation &op) {
  Operation *copy = b.clone(op, scalars);
  WalkResult result = copy->walk([&](Operation *inner) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(inner);
    Location loc = inner->getLoc();
    Value replacement;
    if (auto dim = dyn_cast<tensor::DimOp>(inner)) {
      if (std::optional<int64_t> i = dim.getConstantIndex()) {
        replacement = sources.lookup(dim.getSource()).extent(b, loc, *i);
      }
    } else if (auto extract = dyn_cast<tensor::ExtractOp>(inner)) {
      replacement = memref::LoadOp::create(
          b, loc, sources.lookup(extract.getTensor()).buffer,
          extract.getIndices());
    } else if (llvm::none_of(inner->getOperandTypes(),
                             llvm::IsaPred<ShapedType>)) {
      return WalkResult::advance();
    }
    if (!replacement) {
      inner->emitOpError("expected scalar code that reads tensors by "
                         "tensor.extract or tensor.dim only");
      return WalkResult::interrupt();
    }
    if (inner == copy) {
      scalars.map(op.getResult(0), replacement);
    } else {
      inner->replaceAllUsesWith(ValueRange(replacement));
    }
    inner->erase();
    return WalkResult::skip();
  });
  return failure(result.wasInterrupted());
}

LogicalResult FunctionConverter::convertOp(Operation &op) {
  b.setInsertionPointToEnd(body);
  Location loc = op.getLoc();
  if (auto fold = dyn_cast<cascade::FoldOp>(op)) {
    return convertFold(fold);
  }
  if (auto einsum = dyn_cast<cascade::EinsumOp>(op)) {
    return convertEinsum(einsum);
  }
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(op) &&
      sources.lookup(op.getOperand(0)).isView()) {
    return op.emitOpError("expected no reshape of pages or other views: gather "
                          "them as they are used");
  }
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    return convertExpand(expand);
  }
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    Value buffer = sources.lookup(collapse.getSrc()).buffer;
    bool isTemporary = llvm::is_contained(temporaries, buffer);
    sources[collapse.getResult()].buffer =
        isTemporary ? collapseBuffer(b, loc, buffer,
                                     collapse.getReassociationIndices())
                    : memref::CollapseShapeOp::create(
                          b, loc, buffer, collapse.getReassociationIndices())
                          .getResult();
    return success();
  }
  if (auto refined = dyn_cast<tensor::CastOp>(op)) {
    // Only the type's knowledge of extents differs.
    Source source = sources.lookup(refined.getSource());
    sources[refined.getResult()] = source;
    return success();
  }
  if (auto gather = dyn_cast<cascade::GatherOp>(op)) {
    Source &source = sources[gather.getResult()];
    source = {sources.lookup(gather.getPages()).buffer,
              sources.lookup(gather.getTable()).buffer,
              sources.lookup(gather.getLengths()).buffer};
    checkPages(gather, Source(source));
    return success();
  }
  if (auto place = dyn_cast<cascade::PlaceOp>(op)) {
    return convertPlace(place);
  }
  if (isa<cascade::UnpackOp, cascade::RepeatOp>(op)) {
    return convertView(op);
  }
  if (isa<func::ReturnOp>(op)) {
    for (auto [value, output] : llvm::zip_equal(op.getOperands(), outputs)) {
      if (!isa<ShapedType>(value.getType())) {
        memref::StoreOp::create(b, loc, scalars.lookupOrDefault(value), output,
                                ValueRange{});
      }
    }
    for (Value buffer : temporaries) {
      memref::DeallocOp::create(b, loc, buffer);
    }
    func::ReturnOp::create(b, loc);
    return success();
  }
  if (isa<arith::ConstantOp>(op) && isa<ShapedType>(op.getResult(0).getType())) {
    return success(); // read where a fold's region uses it
  }
  if (llvm::none_of(op.getResultTypes(), llvm::IsaPred<ShapedType>) &&
      !isa<cascade::CascadeDialect>(op.getDialect())) {
    return convertScalar(op);
  }
  return op.emitOpError("expected a fold, an einsum, a view or scalar code: "
                        "there is no schedule for this operation");
}

/// What a returned value is a view of.
static Value skipViews(Value v) {
  while (true) {
    if (auto collapse = v.getDefiningOp<tensor::CollapseShapeOp>()) {
      v = collapse.getSrc();
    } else if (auto refined = v.getDefiningOp<tensor::CastOp>()) {
      v = refined.getSource();
    } else {
      return v;
    }
  }
}

LogicalResult FunctionConverter::convert() {
  if (function.isDeclaration() || !function.getBody().hasOneBlock()) {
    return function.emitOpError("expected a body of one block");
  }
  if (failed(convertSignature())) {
    return failure();
  }
  std::unique_ptr<Block> owner(body);
  for (Operation &op : function.getBody().front()) {
    if (failed(convertOp(op))) {
      // The half-built block refers to itself only.
      body->dropAllReferences();
      return failure();
    }
  }
  // Every returned value must have been written by a fold or an einsum.
  auto ret = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  for (auto [i, value] : llvm::enumerate(ret.getOperands())) {
    Value produced = value;
    if (!isa<ShapedType>(value.getType())) {
      continue;
    }
    produced = skipViews(produced);
    for (unsigned j = 0; j < i; ++j) {
      Value other = skipViews(ret.getOperand(j));
      if (other == produced) {
        body->dropAllReferences();
        return function.emitOpError("expected a value of its own for result ")
               << i << ", got that of result " << j;
      }
    }
    if (!isa_and_nonnull<cascade::FoldOp, cascade::EinsumOp, cascade::PlaceOp>(
            produced.getDefiningOp())) {
      body->dropAllReferences();
      return function.emitOpError("expected result ")
             << i << " to come from a fold or an einsum";
    }
  }
  // Buffers keep the attributes of the arguments and results they stand for.
  SmallVector<Attribute> attrs;
  for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i) {
    DictionaryAttr known = function.getArgAttrDict(i);
    attrs.push_back(known ? known : b.getDictionaryAttr({}));
  }
  for (unsigned i = 0, e = function.getNumResults(); i < e; ++i) {
    NamedAttrList ofResult(function.getResultAttrDict(i));
    ofResult.set("fovea.output", b.getUnitAttr());
    attrs.push_back(ofResult.getDictionary(function.getContext()));
  }
  ArrayAttr attributes = b.getArrayAttr(attrs);
  function.getBody().getBlocks().clear();
  function.getBody().push_back(owner.release());
  function.setType(
      FunctionType::get(function.getContext(), body->getArgumentTypes(), {}));
  function.setArgAttrsAttr(attributes);
  function.removeResAttrsAttr();
  return success();
}

namespace {

struct CascadeToTile : public fovea::impl::CascadeToTilePassBase<CascadeToTile> {
  void runOnOperation() override {
    for (func::FuncOp function :
         llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      auto schedule = function->getAttrOfType<tile::ScheduleAttr>(
          tile::kScheduleAttrName);
      if (!schedule) {
        continue;
      }
      if (failed(FunctionConverter(function, schedule).convert())) {
        return signalPassFailure();
      }
    }
  }
};

} // namespace
