//===- AttnVerify.cpp - rules of attention --------------------------------===//
//
// One function per group of rules; each rule has a case in
// test/dialects/Attn/invalid.mlir.
//
//===----------------------------------------------------------------------===//

#include "fovea/dialects/Attn/AttnOps.h"

using namespace mlir;
using namespace fovea::attn;

/// True if two extents can be equal at run time.
static bool mayAgree(int64_t a, int64_t b) {
  return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b;
}

static LogicalResult verifyQuery(AttendOp op) {
  auto type = cast<RankedTensorType>(op.getQ().getType());
  KVType kv = op.getKVType();
  if (type.getRank() != 4) {
    return op.emitOpError("expected a query [batch, head, row, channel], got ")
           << type;
  }
  if (type.getElementType() != kv.getElementType()) {
    return op.emitOpError("expected a query of the keys' element type ")
           << kv.getElementType() << ", got " << type.getElementType();
  }
  if (type.getDimSize(3) != kv.getKeyWidth()) {
    auto diagnostic = op.emitOpError("expected a query of the keys' width ")
                      << kv.getKeyWidth() << ", got ";
    if (type.isDynamicDim(3)) {
      return diagnostic << "an unknown width";
    }
    return diagnostic << type.getDimSize(3);
  }
  return success();
}

static LogicalResult verifyResults(AttendOp op) {
  auto query = cast<RankedTensorType>(op.getQ().getType());
  auto output = cast<RankedTensorType>(op.getOutput().getType());
  SmallVector<int64_t> shape(query.getShape());
  shape.back() = op.getKVType().getValueWidth();
  auto expected = RankedTensorType::get(shape, query.getElementType());
  if (output != expected) {
    return op.emitOpError("expected an output of type ")
           << expected << ", got " << output;
  }
  if (!op.getLse()) {
    return success();
  }
  if (op.getNormalizer() != Normalizer::Softmax) {
    return op.emitOpError("expected one result without normalizer 'softmax', "
                          "whose denominator the second one is");
  }
  auto lse = RankedTensorType::get(query.getShape().drop_back(),
                                   Float32Type::get(op.getContext()));
  if (op.getLse().getType() != lse) {
    return op.emitOpError("expected a logarithm of the denominator of type ")
           << lse << ", got " << op.getLse().getType();
  }
  return success();
}

static LogicalResult verifyDocuments(AttendOp op) {
  bool used = op.getPattern().contains(PatternKind::Document);
  if (!op.getDocuments()) {
    if (used) {
      return op.emitOpError(
          "expected documents(%table) for the pattern 'document'");
    }
    return success();
  }
  if (!used) {
    return op.emitOpError("expected the pattern 'document' with a table of "
                          "documents");
  }
  auto query = cast<RankedTensorType>(op.getQ().getType());
  auto type = cast<RankedTensorType>(op.getDocuments().getType());
  if (type.getRank() != 2 || !type.getElementType().isInteger(32)) {
    return op.emitOpError("expected documents [batch, key] of i32, got ")
           << type;
  }
  if (!mayAgree(type.getDimSize(0), query.getDimSize(0))) {
    return op.emitOpError("expected documents for a batch of ")
           << query.getDimSize(0) << ", got " << type.getDimSize(0);
  }
  return success();
}

static LogicalResult verifySink(AttendOp op) {
  if (!op.getSink()) {
    return success();
  }
  if (op.getNormalizer() != Normalizer::Softmax) {
    return op.emitOpError("expected a sink with normalizer 'softmax' only");
  }
  auto query = cast<RankedTensorType>(op.getQ().getType());
  auto type = cast<RankedTensorType>(op.getSink().getType());
  if (type.getRank() != 1 || !type.getElementType().isF32()) {
    return op.emitOpError("expected sink logits [head] of f32, got ") << type;
  }
  if (!mayAgree(type.getDimSize(0), query.getDimSize(1))) {
    return op.emitOpError("expected one sink logit for each of ")
           << query.getDimSize(1) << " heads, got " << type.getDimSize(0);
  }
  return success();
}

LogicalResult AttendOp::verify() {
  if (failed(verifyQuery(*this)) || failed(verifyResults(*this)) ||
      failed(verifyDocuments(*this)) || failed(verifySink(*this))) {
    return failure();
  }
  if (hasWeight() != (getNormalizer() == Normalizer::L1)) {
    return emitOpError("expected a region 'weight' with normalizer 'l1' and "
                       "with no other, got normalizer '")
           << stringifyNormalizer(getNormalizer()) << "'";
  }
  return success();
}

LogicalResult AppendOp::verify() {
  KVType kv = getKVType();
  for (auto [value, width, what] :
       {std::tuple(getKeys(), kv.getKeyWidth(), "keys"),
        std::tuple(getValues(), kv.getValueWidth(), "values")}) {
    auto type = cast<RankedTensorType>(value.getType());
    if (type.getRank() != 4 || type.getDimSize(3) != width ||
        type.getElementType() != kv.getElementType()) {
      return emitOpError("expected ")
             << what << " [batch, head, token, channel] of " << width << " x "
             << kv.getElementType() << ", got " << type;
    }
  }
  auto positions = cast<RankedTensorType>(getPositions().getType());
  if (positions.getRank() != 2 || !positions.getElementType().isInteger(32)) {
    return emitOpError("expected positions [batch, token] of i32, got ")
           << positions;
  }
  SmallVector<RankedTensorType> components = kv.getComponentTypes();
  components.truncate(kv.getTableIndex());
  SmallVector<Type> expected(components.begin(), components.end());
  if (getResultTypes() != TypeRange(expected)) {
    return emitOpError("expected results of types (")
           << expected << "), got (" << getResultTypes() << ")";
  }
  return success();
}

/// A region that is there has the arguments given and yields one `result`.
static LogicalResult verifyRegion(AttendOp op, Region &region, StringRef name,
                                  TypeRange arguments, Type result) {
  if (region.empty()) {
    return success();
  }
  if (TypeRange(region.getArgumentTypes()) != arguments) {
    return op.emitOpError("expected region '")
           << name << "' to have arguments (" << arguments << "), got ("
           << region.getArgumentTypes() << ")";
  }
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield || yield.getValues().getTypes() != TypeRange(result)) {
    auto diagnostic = op.emitOpError("expected region '")
                      << name << "' to yield (" << result << ")";
    if (yield) {
      diagnostic << ", got (" << yield.getValues().getTypes() << ")";
    }
    return diagnostic;
  }
  return success();
}

LogicalResult AttendOp::verifyRegions() {
  Type f32 = Float32Type::get(getContext());
  Type i1 = IntegerType::get(getContext(), 1);
  Type index = IndexType::get(getContext());
  if (failed(verifyRegion(*this, getScore(), "score",
                          {f32, index, index, index, index}, f32)) ||
      failed(verifyRegion(*this, getWhere(), "where",
                          {index, index, index, index}, i1))) {
    return failure();
  }
  return verifyRegion(*this, getWeight(), "weight", {f32}, f32);
}
