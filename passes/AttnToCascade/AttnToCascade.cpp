//===- AttnToCascade.cpp - attention as a cascade of Einsums --------------===//
//
// One attention becomes the textbook cascade (Passes.td shows it). The order
// of the code below is the order of the Einsums.
//
//===----------------------------------------------------------------------===//

#include "fovea/passes/AttnToCascade/Passes.h"

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/DebugLog.h"

#include <limits>

#define DEBUG_TYPE "fovea-attn-to-cascade"

namespace fovea {
#define GEN_PASS_DEF_ATTNTOCASCADEPASS
#include "fovea/passes/AttnToCascade/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using attn::AttendOp;
using attn::Normalizer;
using cascade::Monoid;

namespace {

/// A tensor and the ranks of its dimensions, one letter each.
struct Term {
  Value value;
  StringRef ranks;
};

/// Keys or values as the cache holds them.
struct Cached {
  Term stored;
  Term scale; // no value if there is none

  SmallVector<Term> getTerms() const {
    return scale.value ? SmallVector<Term>{stored, scale}
                       : SmallVector<Term>{stored};
  }
};

using BodyFn = function_ref<Value(OpBuilder &, ValueRange)>;

/// How the terms of an Einsum are reduced; none for an element-wise one.
struct Reduction {
  std::optional<Monoid> monoid;
  Term initial = {};
};

class AttendLowering {
public:
  AttendLowering(AttendOp op, ArrayRef<Value> components)
      : op(op), b(op), loc(op.getLoc()), components(components),
        f32(b.getF32Type()) {}

  void run();

private:
  void prepareOperands();
  Value buildView(unsigned component);
  void prepareCache(unsigned component, StringRef ranks, Cached &cached);
  Value decode(OpBuilder &b, ValueRange args);
  void assertRules();
  void assertTableRules(Region &region, unsigned first, Value batch);
  void assertDocumentRules(Value batch);
  void assertScaleRules();
  Value computeLongest();
  Value reshapeHeads(Value value, unsigned dim);
  Value joinHeads(Value value, Type type);

  Term lowerLogits();
  Term lowerSoftmax(Term logits);
  Term lowerL1(Term logits);
  Term lowerElementwise(Term logits);
  void lowerOutput(Term weights);

  Value einsum(StringRef name, ArrayRef<Term> inputs, StringRef ranks,
               Type element, BodyFn body, Reduction reduction = {});
  void assertTrue(arith::CmpIPredicate predicate, Value lhs, Value rhs,
                  StringRef message);

  Value dim(Value tensor, int64_t i) {
    return b.createOrFold<tensor::DimOp>(loc, tensor, i);
  }
  Value constant(OpBuilder &b, double value) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  }
  Value extend(OpBuilder &b, Value v) {
    return v.getType() == f32 ? v
                              : arith::ExtFOp::create(b, loc, f32, v);
  }
  /// `guarded == at ? 0 : value`
  Value zeroWhere(OpBuilder &b, Value guarded, double at, Value value) {
    Value hit = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ,
                                      guarded, constant(b, at));
    return arith::SelectOp::create(b, loc, hit, constant(b, 0.0), value);
  }

  AttendOp op;
  OpBuilder b;
  Location loc;
  ArrayRef<Value> components;
  Type f32;

  Term query, sink;
  Cached keys, values;
  Value heads, groups, lse;
  Extents extents;
  llvm::StringMap<int64_t> rankExtents;
};

} // namespace

//===----------------------------------------------------------------------===//
// Writing an Einsum
//===----------------------------------------------------------------------===//

/// Builds `region` with `fill`, which returns what it yields; code that turns
/// out unused is dropped.
static void fillRegion(OpBuilder &b, Location loc, Region &region,
                       TypeRange arguments, BodyFn fill) {
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Location> locs(arguments.size(), loc);
  Block *block = b.createBlock(&region, {}, arguments, locs);
  Value result = fill(b, block->getArguments());
  cascade::YieldOp::create(b, loc, result);
  SmallVector<Operation *> inner;
  for (Operation &written : block->without_terminator()) {
    inner.push_back(&written);
  }
  for (Operation *written : llvm::reverse(inner)) {
    if (isOpTriviallyDead(written)) {
      written->erase();
    }
  }
}

/// Ranks are listed in order of first appearance, as the text has them.
static std::string collectRanks(ArrayRef<Term> inputs, Term initial,
                                StringRef result) {
  std::string all;
  auto add = [&](StringRef ranks) {
    for (char rank : ranks) {
      if (!StringRef(all).contains(rank)) {
        all += rank;
      }
    }
  };
  for (const Term &input : inputs) {
    add(input.ranks);
  }
  add(initial.ranks);
  add(result);
  return all;
}

Value AttendLowering::einsum(StringRef name, ArrayRef<Term> inputs,
                             StringRef ranks, Type element, BodyFn body,
                             Reduction reduction) {
  MLIRContext *context = b.getContext();
  std::string all = collectRanks(inputs, reduction.initial, ranks);
  auto getMap = [&](StringRef letters) {
    SmallVector<AffineExpr> indices;
    for (char rank : letters) {
      indices.push_back(getAffineDimExpr(all.find(rank), context));
    }
    return AffineMap::get(all.size(), 0, indices, context);
  };
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  SmallVector<Type> elements;
  for (const Term &input : inputs) {
    operands.push_back(input.value);
    maps.push_back(getMap(input.ranks));
    elements.push_back(cascade::getElementType(input.value.getType()));
    auto type = cast<RankedTensorType>(input.value.getType());
    for (auto [rank, size] : llvm::zip_equal(input.ranks, type.getShape())) {
      int64_t &known =
          rankExtents.try_emplace(StringRef(&rank, 1), ShapedType::kDynamic)
              .first->second;
      known = ShapedType::isDynamic(known) ? size : known;
    }
  }
  maps.push_back(getMap(ranks));
  SmallVector<int64_t> shape;
  for (const char &rank : ranks) {
    shape.push_back(rankExtents.at(StringRef(&rank, 1)));
  }
  SmallVector<StringRef> names;
  for (const char &rank : all) {
    names.push_back(StringRef(&rank, 1));
  }
  Value initial = reduction.initial.value;
  auto created = cascade::EinsumOp::create(
      b, loc, RankedTensorType::get(shape, element), operands, initial,
      b.getStrArrayAttr(names), b.getAffineMapArrayAttr(maps),
      initial ? AffineMapAttr::get(getMap(reduction.initial.ranks))
              : AffineMapAttr(),
      reduction.monoid ? cascade::MonoidAttr::get(context, *reduction.monoid)
                       : cascade::MonoidAttr());
  created->setAttr("cascade.name", b.getStringAttr(name));
  fillRegion(b, loc, created.getBody(), elements, body);
  // Invisible keys take part in no reduction over keys.
  bool overKeys = reduction.monoid && !ranks.contains('k') &&
                  StringRef(all).contains('k');
  if (overKeys && hasPredicate(op)) {
    fillRegion(b, loc, created.getWhere(), {}, [&](OpBuilder &b, ValueRange) {
      return buildPredicate(b, op, extents);
    });
  }
  return created.getResult();
}

//===----------------------------------------------------------------------===//
// Operands and the rules of their extents
//===----------------------------------------------------------------------===//

void AttendLowering::assertTrue(arith::CmpIPredicate predicate, Value lhs,
                                Value rhs, StringRef message) {
  Value condition =
      b.createOrFold<arith::CmpIOp>(loc, predicate, lhs, rhs);
  if (!matchPattern(condition, m_One())) {
    cf::AssertOp::create(b, loc, condition, message);
  }
}

/// Splits dimension `dim` of extent H into G and R.
Value AttendLowering::reshapeHeads(Value value, unsigned dim) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = ShapedType::kDynamic;
  // G is never static, so neither may H be where it is split.
  Value source = value;
  if (auto open = type.clone(shape); open != type) {
    source = tensor::CastOp::create(b, loc, open, value);
  }
  shape.insert(shape.begin() + dim, ShapedType::kDynamic);
  SmallVector<ReassociationIndices> reassociation;
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0, e = type.getRank(); i < e; ++i) {
    int64_t at = i + (i > static_cast<int64_t>(dim));
    reassociation.push_back({at});
    if (i == static_cast<int64_t>(dim)) {
      reassociation.back().push_back(at + 1);
      sizes.push_back(groups);
      sizes.push_back(extents.group);
    } else {
      sizes.push_back(tensor::getMixedSize(b, loc, value, i));
    }
  }
  return tensor::ExpandShapeOp::create(b, loc, type.clone(shape), source,
                                       reassociation, sizes);
}

/// The inverse for a result: dimensions 1 and 2 become one; `type` may know
/// its extent.
Value AttendLowering::joinHeads(Value value, Type type) {
  auto source = cast<RankedTensorType>(value.getType());
  SmallVector<ReassociationIndices> reassociation = {{0}, {1, 2}};
  for (int64_t i = 3; i < source.getRank(); ++i) {
    reassociation.push_back({i});
  }
  Value joined =
      tensor::CollapseShapeOp::create(b, loc, value, reassociation);
  return joined.getType() == type
             ? joined
             : tensor::CastOp::create(b, loc, type, joined).getResult();
}

/// A component along the positions of a sequence, however it is paged.
Value AttendLowering::buildView(unsigned component) {
  attn::KVType type = op.getKVType();
  Value pages = components[component];
  if (!type.isPaged()) {
    return pages;
  }
  auto paged = cast<RankedTensorType>(pages.getType());
  SmallVector<int64_t> shape(paged.getShape());
  std::fill_n(shape.begin(), 3, ShapedType::kDynamic);
  return cascade::GatherOp::create(
      b, loc, RankedTensorType::get(shape, paged.getElementType()), pages,
      components[type.getTableIndex()], components[type.getLengthsIndex()]);
}

/// Stored elements under `ranks`, the channels last, and their scales.
void AttendLowering::prepareCache(unsigned component, StringRef ranks,
                                  Cached &cached) {
  attn::KVType type = op.getKVType();
  cached.stored = {buildView(component), ranks};
  if (type.isNibbles()) {
    auto bytes = cast<RankedTensorType>(cached.stored.value.getType());
    SmallVector<int64_t> shape(bytes.getShape());
    shape.back() *= 2;
    cached.stored.value = cascade::UnpackOp::create(
        b, loc, RankedTensorType::get(shape, type.getStoredType()),
        cached.stored.value, attn::KVType::kNibbleGroup);
  }
  if (!type.hasScale()) {
    return;
  }
  cached.scale = {buildView(component + 1), ranks.drop_back()};
  if (type.getScale() == attn::Scale::Group) {
    auto scales = cast<RankedTensorType>(cached.scale.value.getType());
    SmallVector<int64_t> shape(scales.getShape());
    shape.back() *= type.getGroupSize();
    cached.scale = {cascade::RepeatOp::create(
                        b, loc,
                        RankedTensorType::get(shape, scales.getElementType()),
                        cached.scale.value, type.getGroupSize()),
                    ranks};
  }
}

/// One key's or value's channel in f32, from what the cache holds of it. A
/// scale of the whole row multiplies last, so that it can leave sums over the
/// channels; one of a group is part of what is rounded to the element type:
///
///   i8, token   f32(bf16(stored)) * scale        bf16 holds any stored byte
///   i4, group   f32(bf16(f32(stored) * f32(scale)))
Value AttendLowering::decode(OpBuilder &b, ValueRange args) {
  attn::KVType type = op.getKVType();
  Type element = type.getElementType();
  Value value = args[0];
  auto round = [&](Value wide) -> Value {
    return element == f32 ? wide
                          : arith::TruncFOp::create(b, loc, element, wide);
  };
  if (type.getScale() == attn::Scale::Group) {
    value = arith::SIToFPOp::create(b, loc, f32, value);
    value = round(arith::MulFOp::create(b, loc, value, extend(b, args[1])));
  } else if (isa<IntegerType>(value.getType())) {
    value = arith::SIToFPOp::create(b, loc, element, value);
  } else if (value.getType() != element) {
    // Eight bits fit every element type, sixteen only f32.
    bool isNarrow = value.getType().getIntOrFloatBitWidth() <
                    element.getIntOrFloatBitWidth();
    if (isNarrow) {
      auto wide = arith::ExtFOp::create(b, loc, element, value);
      wide->setAttr(cascade::kExactAttrName, b.getUnitAttr());
      value = wide;
    } else {
      value = round(extend(b, value));
    }
  }
  value = extend(b, value);
  if (type.getScale() == attn::Scale::Token) {
    value = arith::MulFOp::create(b, loc, value, args[1]);
  }
  return value;
}

void AttendLowering::prepareOperands() {
  attn::KVType type = op.getKVType();
  heads = dim(op.getQ(), 1);
  groups = dim(components[type.getKeyIndex()], 1);
  assertRules();
  extents.group = arith::DivUIOp::create(b, loc, heads, groups);
  extents.queries = dim(op.getQ(), 2);
  prepareCache(type.getKeyIndex(), "bgkd", keys);
  prepareCache(type.getValueIndex(), "bgke", values);
  if (type.isPaged()) {
    extents.lengths = components[type.getLengthsIndex()];
  } else {
    extents.keys = dim(components[type.getKeyIndex()], 2);
  }
  query = {reshapeHeads(op.getQ(), 1), "bgrqd"};
  if (op.getSink()) {
    sink = {reshapeHeads(op.getSink(), 0), "gr"};
  }
}

/// A table that a region reads at the batch, head or key coordinate itself has
/// an entry for each. Arguments of the region from number `first` on: batch,
/// head, query position, key position.
void AttendLowering::assertTableRules(Region &region, unsigned first,
                                      Value batch) {
  if (region.empty()) {
    return;
  }
  using P = arith::CmpIPredicate;
  region.walk([&](tensor::ExtractOp extract) {
    for (auto [i, index] : llvm::enumerate(extract.getIndices())) {
      auto argument = dyn_cast<BlockArgument>(index);
      if (!argument || argument.getOwner()->getParent() != &region) {
        continue;
      }
      unsigned which = argument.getArgNumber() - first;
      if (which == 0) {
        assertTrue(P::sge, dim(extract.getTensor(), i), batch,
                   "attn.attend: expected a table read by the batch index to "
                   "have an entry for each sequence");
      } else if (which == 1) {
        assertTrue(P::sge, dim(extract.getTensor(), i), heads,
                   "attn.attend: expected a table read by the head index to "
                   "have an entry for each query head");
      } else if (which == 3 && !op.getKVType().isPaged()) {
        assertTrue(P::sge, dim(extract.getTensor(), i), dim(components[0], 2),
                   "attn.attend: expected a table read by the key position to "
                   "have an entry for each key");
      }
    }
  });
}

void AttendLowering::assertRules() {
  using P = arith::CmpIPredicate;
  Value batch = dim(op.getQ(), 0);
  attn::KVType type = op.getKVType();
  Value keyPart = components[type.getKeyIndex()];
  Value valuePart = components[type.getValueIndex()];
  assertTrue(P::eq, groups, dim(valuePart, 1),
             "attn.attend: expected as many heads of values as of keys");
  assertScaleRules();
  if (type.isPaged()) {
    assertTrue(P::eq, dim(keyPart, 0), dim(valuePart, 0),
               "attn.attend: expected as many pages of values as of keys");
    assertTrue(P::eq, batch, dim(components[type.getTableIndex()], 0),
               "attn.attend: expected one row of the page table for each "
               "sequence of the query");
    assertTrue(P::eq, batch, dim(components[type.getLengthsIndex()], 0),
               "attn.attend: expected one length for each sequence of the "
               "query");
  } else {
    assertTrue(P::eq, batch, dim(keyPart, 0),
               "attn.attend: expected keys of the query's batch size");
    assertTrue(P::eq, batch, dim(valuePart, 0),
               "attn.attend: expected values of the query's batch size");
    assertTrue(P::eq, dim(keyPart, 2), dim(valuePart, 2),
               "attn.attend: expected as many rows of values as of keys");
  }
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  assertTrue(P::sgt, groups, zero,
             "attn.attend: expected at least one head of keys");
  Value rest = arith::RemUIOp::create(b, loc, heads, groups);
  assertTrue(P::eq, rest, zero,
             "attn.attend: expected the number of query heads to be a "
             "multiple of the number of key heads");
  if (op.getDocuments()) {
    assertDocumentRules(batch);
  }
  assertTableRules(op.getScore(), /*first=*/1, batch);
  assertTableRules(op.getWhere(), /*first=*/0, batch);
  if (op.getSink()) {
    assertTrue(P::eq, dim(op.getSink(), 0), heads,
               "attn.attend: expected one sink logit for each query head");
  }
}

/// Scales have the extents of what they scale.
void AttendLowering::assertScaleRules() {
  attn::KVType type = op.getKVType();
  if (!type.hasScale()) {
    return;
  }
  for (unsigned stored : {type.getKeyIndex(), type.getValueIndex()}) {
    for (unsigned i : {0, 1, 2}) {
      assertTrue(arith::CmpIPredicate::eq, dim(components[stored], i),
                 dim(components[stored + 1], i),
                 "attn.attend: expected scales of the extents of what they "
                 "scale");
    }
  }
}

void AttendLowering::assertDocumentRules(Value batch) {
  using P = arith::CmpIPredicate;
  assertTrue(P::eq, dim(op.getDocuments(), 0), batch,
             "attn.attend: expected documents of the query's batch size");
  Value columns = dim(op.getDocuments(), 1);
  if (op.getKVType().isPaged()) {
    assertTrue(P::sge, columns, computeLongest(),
               "attn.attend: expected a document for each key of the longest "
               "sequence");
  } else {
    assertTrue(P::eq, columns, dim(components[0], 2),
               "attn.attend: expected a document for each key");
  }
}

/// Length of the longest sequence of a paged cache.
Value AttendLowering::computeLongest() {
  Value lengths = components[op.getKVType().getLengthsIndex()];
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  auto loop = scf::ForOp::create(
      b, loc, zero, dim(lengths, 0), one, zero,
      [&](OpBuilder &b, Location loc, Value i, ValueRange carried) {
        Value length = tensor::ExtractOp::create(b, loc, lengths, i);
        Value n =
            arith::IndexCastOp::create(b, loc, b.getIndexType(), length);
        Value longest = arith::MaxSIOp::create(b, loc, carried[0], n);
        scf::YieldOp::create(b, loc, longest);
      });
  return loop.getResult(0);
}

//===----------------------------------------------------------------------===//
// The cascade
//===----------------------------------------------------------------------===//

static SmallVector<Term> operandsWith(Term first, const Cached &cached) {
  SmallVector<Term> terms = {first};
  llvm::append_range(terms, cached.getTerms());
  return terms;
}

static Value identity(OpBuilder &, ValueRange args) { return args[0]; }

Term AttendLowering::lowerLogits() {
  Term s = {einsum(
                "S", operandsWith(query, keys), "bgrqk", f32,
                [&](OpBuilder &b, ValueRange args) -> Value {
                  return arith::MulFOp::create(b, loc, extend(b, args[0]),
                                               decode(b, args.drop_front()));
                },
                {Monoid::Sum}),
            "bgrqk"};
  auto scaleAndScore = [&](OpBuilder &b, ValueRange args) -> Value {
    Value scaled = arith::MulFOp::create(b, loc, args[0],
                                         constant(b, op.getScaleValue()));
    if (!op.hasScore()) {
      return scaled;
    }
    Coordinates at = buildCoordinates(b, loc, extents);
    return inlineRegion(b, op.getScore(),
                        {scaled, at.batch, at.head, at.query, at.key});
  };
  return {einsum("T", {s}, "bgrqk", f32, scaleAndScore), "bgrqk"};
}

Term AttendLowering::lowerSoftmax(Term logits) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  // exp(x - max), where a row without any visible key has a maximum of -inf.
  auto expFromMax = [&](OpBuilder &b, ValueRange args) -> Value {
    Value max = zeroWhere(b, args[1], -inf, args[1]);
    Value gap = arith::SubFOp::create(b, loc, args[0], max);
    return math::ExpOp::create(b, loc, gap);
  };
  Term gm = {einsum("GM", {logits}, "bgrq", f32, identity,
                    {Monoid::Max, sink}),
             "bgrq"};
  Term sn = {einsum("SN", {logits, gm}, "bgrqk", f32, expFromMax), "bgrqk"};
  Term start = {};
  if (sink.value) {
    start = {einsum("SS", {sink, gm}, "bgrq", f32, expFromMax), "bgrq"};
  }
  Term sd = {einsum("SD", {sn}, "bgrq", f32, identity, {Monoid::Sum, start}),
             "bgrq"};
  if (op.getLse()) {
    lse = einsum("LSE", {gm, sd}, "bgrq", f32,
                 [&](OpBuilder &b, ValueRange args) -> Value {
                   Value log = math::LogOp::create(b, loc, args[1]);
                   return arith::AddFOp::create(b, loc, args[0], log);
                 });
  }
  auto divide = [&](OpBuilder &b, ValueRange args) -> Value {
    Value ratio = arith::DivFOp::create(b, loc, args[0], args[1]);
    return zeroWhere(b, args[1], 0.0, ratio);
  };
  return {einsum("A", {sn, sd}, "bgrqk", f32, divide), "bgrqk"};
}

Term AttendLowering::lowerL1(Term logits) {
  Term w = {einsum("W", {logits}, "bgrqk", f32,
                   [&](OpBuilder &b, ValueRange args) {
                     return inlineRegion(b, op.getWeight(), args);
                   }),
            "bgrqk"};
  Term sd = {einsum("SD", {w}, "bgrq", f32, identity, {Monoid::Sum}), "bgrq"};
  auto divide = [&](OpBuilder &b, ValueRange args) -> Value {
    Value ratio = arith::DivFOp::create(b, loc, args[0], args[1]);
    return zeroWhere(b, args[1], 0.0, ratio);
  };
  return {einsum("A", {w, sd}, "bgrqk", f32, divide), "bgrqk"};
}

/// Sigmoid and relu: each weight on its own.
Term AttendLowering::lowerElementwise(Term logits) {
  auto weigh = [&](OpBuilder &b, ValueRange args) -> Value {
    if (op.getNormalizer() == Normalizer::Relu) {
      return arith::MaximumFOp::create(b, loc, args[0], constant(b, 0.0));
    }
    Value one = constant(b, 1.0);
    Value negated = arith::NegFOp::create(b, loc, args[0]);
    Value exp = math::ExpOp::create(b, loc, negated);
    Value sum = arith::AddFOp::create(b, loc, one, exp);
    return arith::DivFOp::create(b, loc, one, sum);
  };
  return {einsum("A", {logits}, "bgrqk", f32, weigh), "bgrqk"};
}

void AttendLowering::lowerOutput(Term weights) {
  Term o = {einsum(
                "O", operandsWith(weights, values), "bgrqe", f32,
                [&](OpBuilder &b, ValueRange args) -> Value {
                  return arith::MulFOp::create(b, loc, args[0],
                                               decode(b, args.drop_front()));
                },
                {Monoid::Sum}),
            "bgrqe"};
  Type element = op.getKVType().getElementType();
  if (element != f32) {
    o.value = einsum("OT", {o}, "bgrqe", element,
                     [&](OpBuilder &b, ValueRange args) -> Value {
                       return arith::TruncFOp::create(b, loc, element,
                                                      args[0]);
                     });
  }
  op.getOutput().replaceAllUsesWith(
      joinHeads(o.value, op.getOutput().getType()));
  if (op.getLse()) {
    op.getLse().replaceAllUsesWith(joinHeads(lse, op.getLse().getType()));
  }
}

void AttendLowering::run() {
  prepareOperands();
  Term logits = lowerLogits();
  switch (op.getNormalizer()) {
  case Normalizer::Softmax:
    lowerOutput(lowerSoftmax(logits));
    break;
  case Normalizer::L1:
    lowerOutput(lowerL1(logits));
    break;
  case Normalizer::Sigmoid:
  case Normalizer::Relu:
    lowerOutput(lowerElementwise(logits));
    break;
  }
  op.erase();
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {

Value getCache(Operation *op) {
  if (auto append = dyn_cast<attn::AppendOp>(op)) {
    return append.getKv();
  }
  return cast<AttendOp>(op).getKv();
}

struct AttnToCascadePass
    : public fovea::impl::AttnToCascadePassBase<AttnToCascadePass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    SmallVector<Operation *> ops;
    func.walk([&](Operation *op) {
      if (isa<AttendOp, attn::AppendOp>(op)) {
        ops.push_back(op);
      }
    });
    for (Operation *op : ops) {
      auto argument = dyn_cast<BlockArgument>(getCache(op));
      if (!argument || argument.getOwner()->getParentOp() != func) {
        op->emitOpError("expected keys and values to be an argument of the "
                       "function");
        return signalPassFailure();
      }
    }
    bool hasCaches = llvm::any_of(func.getArgumentTypes(),
                                  llvm::IsaPred<attn::KVType>);
    if (!hasCaches) {
      return;
    }
    if (func.isExternal()) {
      func.emitError("expected a body of a function that takes keys and "
                     "values");
      return signalPassFailure();
    }
    FailureOr<KVComponents> components = addComponentArguments(func);
    if (failed(components)) {
      return signalPassFailure();
    }
    for (Operation *op : ops) {
      LDBG() << "lowering " << *op;
      SmallVector<Value> parts = components->lookup(getCache(op));
      if (auto append = dyn_cast<attn::AppendOp>(op)) {
        lowerAppend(append, parts);
        continue;
      }
      AttendLowering(cast<AttendOp>(op), parts).run();
    }
    if (failed(eraseKVArguments(func))) {
      return signalPassFailure();
    }
  }
};

} // namespace
