//===- TileVerify.cpp - rules of the tile operations ----------------------===//
//
// One function per rule; each has a case in test/dialects/Tile/invalid.mlir.
//
//===----------------------------------------------------------------------===//

#include "fovea/dialects/Tile/TileOps.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace fovea::tile;

/// A tile has static shape and one rank name per dimension.
static LogicalResult verifyTile(Operation *op, Type type, StringRef what) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  auto in = tensor ? dyn_cast_or_null<InAttr>(tensor.getEncoding()) : InAttr();
  if (!in || !tensor.hasStaticShape() ||
      static_cast<int64_t>(in.getRanks().size()) != tensor.getRank()) {
    return op->emitOpError("expected ")
           << what << " to be a tile (static shape, one rank name per "
           << "dimension), got " << type;
  }
  return success();
}

static int64_t extent(Type tile, StringRef rank) {
  int64_t i = findRank(tile, rank);
  return i < 0 ? -1 : cast<RankedTensorType>(tile).getDimSize(i);
}

static Type element(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped ? shaped.getElementType() : type;
}

/// Every rank of `part` is a rank of `whole`, with the same extent.
static LogicalResult verifySubset(Operation *op, Type part, Type whole) {
  for (StringRef rank : getRanks(part)) {
    if (extent(whole, rank) != extent(part, rank)) {
      return op->emitOpError("expected rank '")
             << rank << "' of " << part << " with the same extent in " << whole;
    }
  }
  return success();
}

LogicalResult StreamOp::verify() {
  if (getBegins().size() != getEnds().size() || getBegins().empty()) {
    return emitOpError("expected as many begins as ends, and at least one");
  }
  if (getStep() <= 0) {
    return emitOpError("expected a positive step, got ") << getStep();
  }
  if (!getRows().empty() && getRows().size() != 2) {
    return emitOpError("expected the first row and the end of the rows, got ")
           << getRows().size() << " values";
  }
  if (getInits().getTypes() != getResultTypes()) {
    return emitOpError("expected results of the carried types");
  }
  for (Type type : getResultTypes()) {
    if (failed(verifyTile(*this, type, "a carried value"))) {
      return failure();
    }
  }
  return success();
}

LogicalResult StreamOp::verifyRegions() {
  Type index = IndexType::get(getContext());
  SmallVector<Type> arguments{index, index};
  SmallVector<Type> asked(getRows().empty() ? 2 : 4, index);
  if (TypeRange(getVisible().getArgumentTypes()) != TypeRange(asked)) {
    return emitOpError("expected region 'visible' to take ")
           << (getRows().empty() ? "two" : "four") << " indices";
  }
  llvm::append_range(arguments, getInits().getTypes());
  if (TypeRange(getBody().getArgumentTypes()) != TypeRange(arguments)) {
    return emitOpError("expected region 'body' to take two indices and the "
                       "carried tiles");
  }
  Type i1 = IntegerType::get(getContext(), 1);
  auto visible = dyn_cast<YieldOp>(getVisible().front().getTerminator());
  if (!visible || visible.getValues().getTypes() != ArrayRef<Type>{i1, i1}) {
    return emitOpError("expected region 'visible' to yield (any, all) as i1");
  }
  auto body = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!body || body.getValues().getTypes() != getResultTypes()) {
    return emitOpError("expected region 'body' to yield the carried types");
  }
  return success();
}

/// A rank walks one dimension, or one by its quotients, or one by its rests, or
/// two by both; collects the ranks that walk any.
template <typename OpTy>
static LogicalResult verifyWalks(OpTy op, Type tile,
                                 llvm::SmallDenseSet<StringRef> &named) {
  llvm::SmallDenseSet<std::pair<StringRef, unsigned>> seen;
  bool splits = false;
  for (StringRef dim : op.getDims().template getAsValueRange<StringAttr>()) {
    DimWalk walk = parseDimWalk(dim);
    if (dim.empty()) {
      continue;
    }
    if (findRank(tile, walk.rank) < 0) {
      return op.emitOpError("expected rank '") << walk.rank << "' in " << tile;
    }
    bool isWhole = walk.part == DimWalk::Whole;
    splits |= !isWhole;
    bool isNew = seen.insert({walk.rank, walk.part}).second &&
                 (isWhole ? !named.contains(walk.rank)
                          : !seen.contains({walk.rank, DimWalk::Whole}));
    if (!isNew) {
      return op.emitOpError("expected rank '")
             << walk.rank << "' to walk one dimension of the buffer";
    }
    named.insert(walk.rank);
  }
  if (splits != static_cast<bool>(op.getSplit())) {
    return op.emitOpError("expected 'split' together with a dimension that is "
                          "walked by quotients or rests");
  }
  return success();
}

template <typename OpTy>
static LogicalResult verifyAccess(OpTy op, Type tile, MemRefType buffer) {
  if (failed(verifyTile(op, tile, "the value"))) {
    return failure();
  }
  size_t rank = buffer.getRank();
  if (op.getIndices().size() != rank || op.getDims().size() != rank) {
    return op.emitOpError("expected one index and one rank name per dimension "
                          "of the buffer, ")
           << rank << " in all";
  }
  if (op.getLimits().size() != op.getBounded().size()) {
    return op.emitOpError("expected one limit per bounded rank");
  }
  llvm::SmallDenseSet<StringRef> named;
  if (failed(verifyWalks(op, tile, named))) {
    return failure();
  }
  for (StringRef name : op.getBounded().template getAsValueRange<StringAttr>()) {
    if (!named.contains(name)) {
      return op.emitOpError("expected a bounded rank of the tile, got '")
             << name << "'";
    }
  }
  // A store may leave out one rank: the dummy row of a fold that has no
  // parallel rank.
  if (named.size() + std::is_same_v<OpTy, StoreOp> < getRanks(tile).size()) {
    return op.emitOpError("expected every rank of ")
           << tile << " to walk one dimension of the buffer";
  }
  return success();
}

LogicalResult LoadOp::verify() {
  if (static_cast<bool>(getTable()) != static_cast<bool>(getRow())) {
    return emitOpError("expected a page table together with its row");
  }
  if (getTable()) {
    auto pages = cast<MemRefType>(getSource().getType());
    auto table = cast<MemRefType>(getTable().getType());
    bool isPages = pages.getRank() == 3 || pages.getRank() == 4;
    if (!isPages || pages.isDynamicDim(2)) {
      return emitOpError("expected pages [page, head, slot, channel] or "
                         "[page, head, slot] with a static number of slots, "
                         "got ")
             << pages;
    }
    if (table.getRank() != 2 || !table.getElementType().isInteger(32)) {
      return emitOpError("expected a page table [sequence, page] of i32, got ")
             << table;
    }
  }
  return verifyAccess(*this, getResult().getType(),
                      cast<MemRefType>(getSource().getType()));
}

LogicalResult UnpackOp::verify() {
  auto bytes = cast<RankedTensorType>(getBytes().getType());
  if (failed(verifyTile(*this, bytes, "the bytes")) ||
      failed(verifyTile(*this, getType(), "the result"))) {
    return failure();
  }
  if (!bytes.getElementType().isSignlessInteger(8) ||
      !getType().getElementType().isSignlessInteger(4)) {
    return emitOpError("expected bytes of i8 and a result of i4, got ")
           << bytes.getElementType() << " and " << getType().getElementType();
  }
  SmallVector<int64_t> shape(bytes.getShape());
  if (shape.empty() || getRanks(bytes) != getRanks(getType())) {
    return emitOpError("expected bytes of the result's ranks, got ") << bytes;
  }
  shape.back() *= 2;
  if (getType().getShape() != ArrayRef(shape)) {
    return emitOpError("expected two elements for each byte of the last rank, "
                       "got ")
           << getType();
  }
  int64_t group = getGroup();
  if (group < 2 || group % 2 != 0 || shape.back() % group != 0) {
    return emitOpError("expected an even group that divides ")
           << shape.back() << ", got " << group;
  }
  return success();
}

LogicalResult StoreOp::verify() {
  return verifyAccess(*this, getValue().getType(),
                      cast<MemRefType>(getTarget().getType()));
}

LogicalResult ContractOp::verify() {
  Type a = getLhs().getType(), b = getRhs().getType(), c = getType();
  if (failed(verifyTile(*this, a, "lhs")) ||
      failed(verifyTile(*this, b, "rhs")) ||
      failed(verifyTile(*this, c, "the result"))) {
    return failure();
  }
  SmallVector<StringRef> shared;
  for (StringRef rank : getRanks(a)) {
    if (findRank(b, rank) >= 0 && findRank(c, rank) < 0) {
      shared.push_back(rank);
    }
  }
  if (shared.size() != 1 || extent(a, shared[0]) != extent(b, shared[0])) {
    return emitOpError("expected lhs and rhs to share one rank of one extent "
                       "that the result drops");
  }
  for (StringRef rank : getRanks(c)) {
    bool inA = extent(a, rank) == extent(c, rank);
    bool inB = extent(b, rank) == extent(c, rank);
    if (inA == inB) {
      return emitOpError("expected rank '")
             << rank << "' of the result in exactly one operand";
    }
  }
  for (Type operand : {a, b}) {
    for (StringRef rank : getRanks(operand)) {
      if (rank != shared[0] && findRank(c, rank) < 0) {
        return emitOpError("expected rank '") << rank << "' in the result";
      }
    }
  }
  if (!element(c).isF32()) {
    return emitOpError("expected an f32 result, got ") << element(c);
  }
  return success();
}

LogicalResult ReduceOp::verify() {
  if (failed(verifyTile(*this, getValue().getType(), "the value")) ||
      failed(verifyTile(*this, getType(), "the result")) ||
      failed(verifySubset(*this, getType(), getValue().getType()))) {
    return failure();
  }
  if (getRanks(getType()).size() >= getRanks(getValue().getType()).size()) {
    return emitOpError("expected the result to drop a rank");
  }
  return success();
}

LogicalResult BroadcastOp::verify() {
  if (isa<ShapedType>(getValue().getType()) &&
      failed(verifyTile(*this, getValue().getType(), "the value"))) {
    return failure();
  }
  if (failed(verifyTile(*this, getType(), "the result")) ||
      failed(verifySubset(*this, getValue().getType(), getType()))) {
    return failure();
  }
  if (element(getValue().getType()) != element(getType())) {
    return emitOpError("expected one element type, got ")
           << element(getValue().getType()) << " and " << element(getType());
  }
  return success();
}

LogicalResult CoordinateOp::verify() {
  if (failed(verifyTile(*this, getType(), "the result"))) {
    return failure();
  }
  if (getRanks(getType()).size() != 1 || !element(getType()).isInteger(32)) {
    return emitOpError("expected a one-dimensional tile of i32, got ")
           << getType();
  }
  return success();
}

LogicalResult LookupOp::verify() {
  if (failed(verifyTile(*this, getType(), "the result"))) {
    return failure();
  }
  auto table = cast<MemRefType>(getTable().getType());
  if (static_cast<int64_t>(getIndices().size()) != table.getRank()) {
    return emitOpError("expected ") << table.getRank() << " indices, got "
                                    << getIndices().size();
  }
  for (Value index : getIndices()) {
    Type type = index.getType();
    bool isTile = isa<RankedTensorType>(type);
    if (!type.isIndex() && !(isTile && element(type).isInteger(32))) {
      return emitOpError("expected indices that are index scalars or tiles of "
                         "i32, got ")
             << type;
    }
    if (isTile && (failed(verifyTile(*this, type, "an index")) ||
                   failed(verifySubset(*this, type, getType())))) {
      return failure();
    }
  }
  if (table.getElementType() != element(getType())) {
    return emitOpError("expected the table's element type, got ")
           << element(getType()) << " from " << table;
  }
  return success();
}

LogicalResult GuardOp::verify() {
  if (failed(verifyTile(*this, getValue().getType(), "the value"))) {
    return failure();
  }
  if (getValue().getType() != getType() ||
      getOtherwise().getType() != element(getType())) {
    return emitOpError("expected value, otherwise and result of one type");
  }
  if (failed(verifyTile(*this, getVisible().getType(), "the mask")) ||
      failed(verifySubset(*this, getVisible().getType(), getType()))) {
    return failure();
  }
  if (!element(getVisible().getType()).isInteger(1)) {
    return emitOpError("expected a tile of i1 as the mask, got ")
           << getVisible().getType();
  }
  if (!(*this)->getParentOfType<StreamOp>()) {
    return emitOpError("expected an enclosing tile.stream");
  }
  return success();
}

/// a and b hold two bf16 for every f32 of acc.
LogicalResult DotPairsOp::verify() {
  auto acc = dyn_cast<VectorType>(getAcc().getType());
  auto a = dyn_cast<VectorType>(getA().getType());
  if (!acc || acc.getRank() != 1 || !acc.getElementType().isF32()) {
    return emitOpError("expected a vector of f32 to accumulate in, got ")
           << getAcc().getType();
  }
  if (getType() != acc) {
    return emitOpError("expected a result of the accumulator's type, got ")
           << getType();
  }
  if (!a || a != getB().getType() || !a.getElementType().isBF16() ||
      a.getRank() != 1 || a.getDimSize(0) != 2 * acc.getDimSize(0)) {
    return emitOpError("expected two vectors of ")
           << 2 * acc.getDimSize(0) << " bf16, got " << getA().getType()
           << " and " << getB().getType();
  }
  return success();
}

LogicalResult PermuteOp::verify() {
  auto table = cast<VectorType>(getTable().getType());
  auto index = cast<VectorType>(getIndex().getType());
  Type element = table.getElementType();
  if (table.getRank() != 1 || !llvm::isPowerOf2_64(table.getDimSize(0)) ||
      !element.isIntOrFloat() ||
      index != table.clone(IntegerType::get(
                   getContext(), element.getIntOrFloatBitWidth()))) {
    return emitOpError("expected a table of a power of two elements and as many "
                       "integers of their width, got ")
           << table << " and " << index;
  }
  return success();
}

LogicalResult DotBlockOp::verify() {
  auto isFlat = [](Type type, bool isSum) {
    auto memory = cast<MemRefType>(type);
    Type element = memory.getElementType();
    SmallVector<int64_t> strides;
    int64_t offset;
    return succeeded(memory.getStridesAndOffset(strides, offset)) &&
           ArrayRef<int64_t>(strides) == ArrayRef<int64_t>{1} &&
           (isSum ? element.isF32() : element.isBF16());
  };
  for (Value memory : {getLhs(), getRhs(), getAcc()}) {
    if (!isa<MemRefType>(memory.getType()) ||
        !isFlat(memory.getType(), memory == getAcc())) {
      return emitOpError("expected flat memory of bf16, bf16 and f32, got ")
             << memory.getType();
    }
  }
  if (getRows() <= 0 || getColumns() <= 0) {
    return emitOpError("expected a positive number of rows and columns, got ")
           << getRows() << " and " << getColumns();
  }
  if (getRhsStride() < 2 * getColumns() || getAccStride() < getColumns() ||
      getLhsStride() < 2) {
    return emitOpError("expected strides of at least 2, ")
           << 2 * getColumns() << " and " << getColumns() << ", got "
           << getLhsStride() << ", " << getRhsStride() << " and "
           << getAccStride();
  }
  return success();
}

LogicalResult ConvertOp::verify() {
  if (failed(verifyTile(*this, getValue().getType(), "the operand")) ||
      failed(verifyTile(*this, getType(), "the result"))) {
    return failure();
  }
  auto from = cast<RankedTensorType>(getValue().getType());
  auto to = cast<RankedTensorType>(getType());
  if (from.getShape() != to.getShape() ||
      from.getElementType() != to.getElementType() ||
      getRanks(from) != getRanks(to)) {
    return emitOpError("expected a result that differs in its layout only");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// What one lane does
//===----------------------------------------------------------------------===//

LogicalResult MatrixOp::verify() {
  ArrayRef<int64_t> shape = getShape();
  if (shape.size() != 3 ||
      llvm::any_of(shape, [](int64_t extent) { return extent <= 0; })) {
    return emitOpError("expected a positive shape [m, n, k]");
  }
  if (element(getA().getType()) != element(getB().getType())) {
    return emitOpError("expected operands of one element type, got ")
           << element(getA().getType()) << " and "
           << element(getB().getType());
  }
  return success();
}

LogicalResult ReadMatrixOp::verify() {
  int64_t count = getCount();
  if (count != 1 && count != 2 && count != 4) {
    return emitOpError("expected 1, 2 or 4 blocks, got ") << count;
  }
  auto type = cast<VectorType>(getResult().getType());
  if (!type.getElementType().isIntOrFloat() ||
      type.getElementTypeBitWidth() != 16 || type.getNumElements() != 2 * count) {
    return emitOpError("expected ")
           << 2 * count << " elements of 16 bits, got " << type;
  }
  return success();
}

LogicalResult CopyOp::verify() {
  Type type = element(getSource().getType());
  if (type != element(getTarget().getType())) {
    return emitOpError("expected buffers of one element type, got ")
           << type << " and " << element(getTarget().getType());
  }
  if (!type.isIntOrFloat()) {
    return emitOpError("expected elements of integers or floats, got ") << type;
  }
  int64_t bytes = static_cast<int64_t>(getCount()) * type.getIntOrFloatBitWidth() / 8;
  if (bytes != 4 && bytes != 8 && bytes != 16) {
    return emitOpError("expected 4, 8 or 16 bytes, got ") << bytes;
  }
  return success();
}

/// The number of a message is a position in the enclosing kernel's list.
LogicalResult RequireOp::verify() {
  if (getMessage().empty()) {
    return emitOpError("expected a message");
  }
  if (!getNumber()) {
    return success();
  }
  ArrayAttr messages;
  for (Operation *op = getOperation(); op && !messages;
       op = op->getParentOp()) {
    messages = op->getAttrOfType<ArrayAttr>(kMessagesAttrName);
  }
  int64_t number = *getNumber();
  if (!messages || number < 0 ||
      number >= static_cast<int64_t>(messages.size()) ||
      messages[number] != getMessageAttr()) {
    return emitOpError("expected number ")
           << number << " to be the position of \"" << getMessage()
           << "\" in the kernel's '" << kMessagesAttrName << "'";
  }
  return success();
}
