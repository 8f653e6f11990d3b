//===- EmitExpr.cpp - write expressions as operations ---------------------===//

#include "fovea/Derive/EmitExpr.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::derive;
using cascade::EinsumOp;
using cascade::Monoid;

void ExprEmitter::define(const Expr *e, Value value, ArrayRef<unsigned> ranks) {
  known[e] = {value, SmallVector<unsigned, 2>(ranks)};
}

Type ExprEmitter::typeOf(Type element, ArrayRef<unsigned> order) const {
  if (order.empty()) {
    return element;
  }
  SmallVector<int64_t> shape;
  for (unsigned rank : order) {
    bool isStream = stream & (RankSet(1) << rank);
    shape.push_back(isStream ? ShapedType::kDynamic
                             : context.ranks.getExtent(rank));
  }
  return RankedTensorType::get(shape, element);
}

Value ExprEmitter::emitNode(OpBuilder &b, const Expr *e,
                            ArrayRef<Value> operands) {
  auto on = [&](unsigned i) { return operands[i]; };
  switch (e->kind) {
  case ExprKind::Constant:
    return arith::ConstantOp::create(b, loc, cast<TypedAttr>(e->attr));
  case ExprKind::Capture:
    return e->source;
  case ExprKind::Leaf:
    assert(e->map.getNumResults() == 0 && "tensors are operands of the fold");
    return e->source;
  case ExprKind::Index:
    return cascade::IndexOp::create(b, loc, context.ranks.getName(e->number));
  case ExprKind::Statistic:
  case ExprKind::Symbol:
  case ExprKind::Reduce:
    llvm_unreachable("defined before it is used");
  case ExprKind::Add:
    return arith::AddFOp::create(b, loc, on(0), on(1));
  case ExprKind::Sub:
    return arith::SubFOp::create(b, loc, on(0), on(1));
  case ExprKind::Mul:
    return arith::MulFOp::create(b, loc, on(0), on(1));
  case ExprKind::Div:
    return arith::DivFOp::create(b, loc, on(0), on(1));
  case ExprKind::Neg:
    return arith::NegFOp::create(b, loc, on(0));
  case ExprKind::Exp:
    return math::ExpOp::create(b, loc, on(0));
  case ExprKind::Exp2:
    return math::Exp2Op::create(b, loc, on(0));
  case ExprKind::Log:
    return math::LogOp::create(b, loc, on(0));
  case ExprKind::Abs:
    return math::AbsFOp::create(b, loc, on(0));
  case ExprKind::Max:
    return arith::MaximumFOp::create(b, loc, on(0), on(1));
  case ExprKind::Min:
    return arith::MinimumFOp::create(b, loc, on(0), on(1));
  case ExprKind::Compare:
    return arith::CmpFOp::create(
        b, loc, static_cast<arith::CmpFPredicate>(e->number), on(0), on(1));
  case ExprKind::Select:
    return arith::SelectOp::create(b, loc, on(0), on(1), on(2));
  case ExprKind::Generic: {
    OperationState state(loc, e->name.getValue());
    state.addOperands(operands);
    state.addTypes(e->type);
    state.addAttributes(cast<DictionaryAttr>(e->attr).getValue());
    return b.create(state)->getResult(0);
  }
  }
  llvm_unreachable("unknown expression");
}

/// An expression without inner ranks, as operations of the region itself.
Value ExprEmitter::emitScalar(const Expr *e) {
  auto it = known.find(e);
  if (it != known.end()) {
    return it->second.value;
  }
  Value value;
  if (e->is(ExprKind::Reduce)) {
    value = emitEinsum(e->operand(0), {}, e->reduced,
                       static_cast<Monoid>(e->number), e->operand(1),
                       e->operand(2));
  } else {
    SmallVector<Value> operands;
    for (const Expr *operand : e->operands) {
      operands.push_back(emitScalar(operand));
    }
    value = emitNode(builder, e, operands);
  }
  define(e, value, {});
  return value;
}

/// Finds the operands that the body of an Einsum for `e` needs: what is known,
/// what has no rank left, and inner reductions, which are written first.
void ExprEmitter::collectOperands(const Expr *e,
                                  SmallVectorImpl<const Expr *> &out,
                                  DenseMap<const Expr *, Value> &seen) {
  if (!e || !seen.try_emplace(e, Value()).second) {
    return;
  }
  if (known.contains(e)) {
    out.push_back(e);
    return;
  }
  bool isInBody = e->is(ExprKind::Constant) || e->is(ExprKind::Index) ||
                  e->is(ExprKind::Capture);
  if (isInBody) {
    return;
  }
  if (innerRanks(e).empty()) {
    emitScalar(e);
    out.push_back(e);
    return;
  }
  if (e->is(ExprKind::Reduce)) {
    emitShared(e);
    out.push_back(e);
    return;
  }
  for (const Expr *operand : e->operands) {
    collectOperands(operand, out, seen);
  }
}

Value ExprEmitter::emitBody(OpBuilder &b, const Expr *e,
                            DenseMap<const Expr *, Value> &values) {
  if (Value value = values.lookup(e)) {
    return value;
  }
  SmallVector<Value> operands;
  for (const Expr *operand : e->operands) {
    operands.push_back(emitBody(b, operand, values));
  }
  return values[e] = emitNode(b, e, operands);
}

/// Operands and maps of an Einsum that is being written.
struct ExprEmitter::Draft {
  SmallVector<unsigned> ranks; // of the Einsum, by local number
  SmallVector<const Expr *> operands;
  SmallVector<Value> values; // of the operands, then those for extents only
  SmallVector<AffineMap> maps;

  AffineExpr dim(unsigned rank, MLIRContext *c) const {
    return getAffineDimExpr(llvm::find(ranks, rank) - ranks.begin(), c);
  }
  AffineMap mapOf(ArrayRef<unsigned> order, MLIRContext *c) const {
    return AffineMap::get(
        ranks.size(), 0,
        llvm::map_to_vector(order, [&](unsigned r) { return dim(r, c); }), c);
  }
};

/// Every rank needs an operand that tells its extent; ranks that the body does
/// not depend on take it from any value at hand, read at coordinate 0 of its
/// other ranks.
void ExprEmitter::addExtents(Draft &draft) {
  MLIRContext *mlirContext = context.getContext();
  RankSet missing = 0;
  for (unsigned rank : draft.ranks) {
    missing |= RankSet(1) << rank;
  }
  for (const Expr *operand : draft.operands) {
    for (unsigned rank : known.find(operand)->second.ranks) {
      missing &= ~(RankSet(1) << rank);
    }
  }
  for (unsigned rank : ranksOf(missing)) {
    // The first in program order, so that the output is stable.
    const Expr *teller = nullptr;
    for (auto &[e, emitted] : known) {
      if (llvm::is_contained(emitted.ranks, rank) &&
          (!teller || e->id < teller->id)) {
        teller = e;
      }
    }
    assert(teller && "some operand of the fold tells the extent");
    const Emitted &emitted = known.find(teller)->second;
    draft.values.push_back(emitted.value);
    SmallVector<AffineExpr> indices =
        llvm::map_to_vector(emitted.ranks, [&](unsigned r) -> AffineExpr {
          return r == rank ? draft.dim(r, mlirContext)
                           : getAffineConstantExpr(0, mlirContext);
        });
    draft.maps.push_back(
        AffineMap::get(draft.ranks.size(), 0, indices, mlirContext));
  }
}

Value ExprEmitter::emitEinsum(const Expr *body, ArrayRef<unsigned> order,
                              RankSet reduced, Monoid monoid,
                              const Expr *where, const Expr *initial) {
  MLIRContext *mlirContext = context.getContext();
  Draft draft;
  draft.ranks.assign(order.begin(), order.end());
  llvm::append_range(draft.ranks, ranksOf(reduced));
  DenseMap<const Expr *, Value> seen;
  collectOperands(body, draft.operands, seen);
  for (const Expr *operand : draft.operands) {
    const Emitted &emitted = known.find(operand)->second;
    draft.values.push_back(emitted.value);
    draft.maps.push_back(draft.mapOf(emitted.ranks, mlirContext));
  }
  addExtents(draft);
  draft.maps.push_back(draft.mapOf(order, mlirContext));
  SmallVector<StringRef> names = llvm::map_to_vector(
      draft.ranks, [&](unsigned r) { return context.ranks.getName(r); });
  Value initialValue;
  AffineMapAttr initialMap;
  if (initial) {
    initialValue = emitShared(initial);
    initialMap = AffineMapAttr::get(
        draft.mapOf(known.find(initial)->second.ranks, mlirContext));
  }
  auto op = EinsumOp::create(
      builder, loc, typeOf(body->type, order), draft.values, initialValue,
      builder.getStrArrayAttr(names), builder.getAffineMapArrayAttr(draft.maps),
      initialMap,
      reduced ? cascade::MonoidAttr::get(mlirContext, monoid)
              : cascade::MonoidAttr());

  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(&op.getBody());
  DenseMap<const Expr *, Value> inBody, inWhere;
  for (auto [i, value] : llvm::enumerate(draft.values)) {
    Value argument =
        block->addArgument(cascade::getElementType(value.getType()), loc);
    if (i < draft.operands.size()) {
      inBody[draft.operands[i]] = argument;
    }
  }
  cascade::YieldOp::create(builder, loc, emitBody(builder, body, inBody));
  if (where) {
    builder.createBlock(&op.getWhere());
    cascade::YieldOp::create(builder, loc, emitBody(builder, where, inWhere));
  }
  return op.getResult();
}

Value ExprEmitter::emit(const Expr *e, ArrayRef<unsigned> order) {
  auto it = known.find(e);
  if (it != known.end() && ArrayRef<unsigned>(it->second.ranks) == order) {
    return it->second.value;
  }
  if (order.empty()) {
    return emitScalar(e);
  }
  if (e->is(ExprKind::Reduce)) {
    return emitEinsum(e->operand(0), order, e->reduced,
                      static_cast<Monoid>(e->number), e->operand(1),
                      e->operand(2));
  }
  return emitEinsum(e, order, 0, Monoid::Sum, nullptr, nullptr);
}

Value ExprEmitter::emitShared(const Expr *e) {
  auto it = known.find(e);
  if (it != known.end()) {
    return it->second.value;
  }
  SmallVector<unsigned> order = innerRanks(e);
  Value value = emit(e, order);
  define(e, value, order);
  return value;
}

/// A product w(k) * v(k, e): the factors that vary over the stream only are one
/// weight, written once for all payloads.
const Expr *ExprEmitter::splitWeight(const Expr *product) {
  SmallVector<const Expr *> factors;
  flattenProduct(product, factors);
  const Expr *weight = nullptr, *payload = nullptr;
  for (const Expr *factor : factors) {
    bool isWeight = !(factor->ranks & ~parallel & ~stream);
    const Expr *&side = isWeight ? weight : payload;
    side = side ? context.mul(side, factor) : factor;
  }
  if (!weight || !payload || innerRanks(weight).empty()) {
    return product;
  }
  Value value = emitShared(weight);
  const Expr *symbol = context.symbol("weight" + Twine(weight->id),
                                      weight->type, weight->ranks);
  define(symbol, value, innerRanks(weight));
  return context.mul(symbol, payload);
}

Value ExprEmitter::emitReduction(const Expr *e, Monoid monoid, RankSet reduced,
                                 ArrayRef<unsigned> order) {
  if (monoid == Monoid::Sum) {
    e = splitWeight(e);
  }
  return emitEinsum(e, order, reduced, monoid, nullptr, nullptr);
}
