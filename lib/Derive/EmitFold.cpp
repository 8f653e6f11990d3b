//===- EmitFold.cpp - write a planned fold as cascade.fold ----------------===//

#include "fovea/Derive/EmitFold.h"

#include "fovea/Derive/EmitExpr.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::derive;
using cascade::EinsumOp;
using cascade::FoldOp;
using cascade::Monoid;

namespace {

class FoldWriter {
public:
  FoldWriter(OpBuilder &builder, Location loc, FoldPlan &plan,
             const Fold &fold)
      : builder(builder), loc(loc), plan(plan), fold(fold),
        context(plan.model.context), stream(plan.model.stream) {}

  FoldOp write();

private:
  void collectOperands();
  void addExtentOperand(EinsumOp op, unsigned rank);
  void collectRanks();
  AffineMap localMap(ArrayRef<unsigned> ranks) const;
  SmallVector<unsigned> leafRanks(const Expr *leaf) const;
  bool isStreamed(const Expr *leaf) const { return leaf->ranks & stream; }
  SmallVector<unsigned> stateRanks(unsigned i) const {
    return ranksOf(fold.accumulators[i].ranks);
  }

  ExprEmitter begin(Region &region);
  void addStates(ExprEmitter &emitter, Region &region, StringRef phase);
  void addOperands(ExprEmitter &emitter, Region &region, bool rowsOnly);
  void writeInit(Region &region);
  void writeStep(Region &region);
  void writeMerge(Region &region);
  void writeFinish(Region &region);
  void writeWhere(Region &region);
  Value local(ExprEmitter &emitter, unsigned i);
  const Expr *moved(unsigned i, StringRef from);
  const Expr *factorSymbol(unsigned gauge) const {
    const Expr *u = fold.gauges[gauge].variable;
    return context.symbol("exp" + Twine(gauge), u->type, u->ranks);
  }

  OpBuilder &builder;
  Location loc;
  FoldPlan &plan;
  const Fold &fold;
  ExprContext &context;
  RankSet stream;
  llvm::SetVector<const Expr *> operands; // leaves
  SmallVector<unsigned> parallel, ranks;
};

} // namespace

//===----------------------------------------------------------------------===//
// Operands and ranks
//===----------------------------------------------------------------------===//

SmallVector<unsigned> FoldWriter::leafRanks(const Expr *leaf) const {
  return llvm::map_to_vector(leaf->map.getResults(), [](AffineExpr e) {
    return cast<AffineDimExpr>(e).getPosition();
  });
}

/// Adds a tensor whose only use is to tell the extent of a rank.
void FoldWriter::addExtentOperand(EinsumOp op, unsigned rank) {
  for (auto [input, map] : llvm::zip_equal(op.getInputs(), op.getInputMaps())) {
    SmallVector<AffineExpr> indices;
    bool carries = false;
    for (AffineExpr e : map.getResults()) {
      unsigned local = cast<AffineDimExpr>(e).getPosition();
      unsigned r = context.ranks.get(
          cast<StringAttr>(op.getRanks()[local]).getValue());
      carries |= r == rank;
      indices.push_back(getAffineDimExpr(r, context.getContext()));
    }
    if (!carries) {
      continue;
    }
    if (plan.model.getExpr(input)) {
      return addExtentOperand(input.getDefiningOp<EinsumOp>(), rank);
    }
    operands.insert(context.leaf(
        input, AffineMap::get(context.ranks.size(), 0, indices,
                              context.getContext())));
    return;
  }
}

void FoldWriter::collectOperands() {
  SmallVector<const Expr *> leaves;
  auto visit = [&](const Expr *root) {
    anyOf(root, [&](const Expr *e) {
      if (e->is(ExprKind::Leaf) && !llvm::is_contained(leaves, e)) {
        leaves.push_back(e);
      }
      return false;
    });
  };
  for (const Accumulator &a : fold.accumulators) {
    visit(a.value);
    visit(a.initial);
  }
  for (const Gauge &g : fold.gauges) {
    visit(g.variable);
  }
  for (const FoldResult &r : fold.results) {
    visit(r.expr);
  }
  llvm::sort(leaves, [](const Expr *a, const Expr *b) { return a->id < b->id; });
  operands.insert(leaves.begin(), leaves.end());

  auto cover = [&](EinsumOp op, RankSet needed) {
    for (const Expr *leaf : operands) {
      needed &= ~leaf->ranks;
    }
    for (unsigned rank : ranksOf(needed)) {
      addExtentOperand(op, rank);
    }
  };
  for (unsigned n : fold.statistics) {
    cover(plan.model.statistics[n].op,
          plan.model.statistics[n].ranks | stream);
  }
  for (const FoldResult &r : fold.results) {
    RankSet needed = 0;
    for (unsigned rank : r.order) {
      needed |= RankSet(1) << rank;
    }
    cover(r.value.getDefiningOp<EinsumOp>(), needed);
  }
}

/// Ranks in the order in which the syntax names them.
void FoldWriter::collectRanks() {
  llvm::SetVector<unsigned> seen;
  for (const FoldResult &r : fold.results) {
    for (unsigned rank : r.order) {
      if (fold.parallel & (RankSet(1) << rank)) {
        seen.insert(rank);
      }
    }
  }
  parallel.assign(seen.begin(), seen.end());
  seen.insert(ranksOf(stream).front());
  for (const Expr *leaf : operands) {
    for (unsigned rank : leafRanks(leaf)) {
      seen.insert(rank);
    }
  }
  ranks.assign(seen.begin(), seen.end());
}

AffineMap FoldWriter::localMap(ArrayRef<unsigned> global) const {
  SmallVector<AffineExpr> indices;
  for (unsigned rank : global) {
    indices.push_back(getAffineDimExpr(llvm::find(ranks, rank) - ranks.begin(),
                                       context.getContext()));
  }
  return AffineMap::get(ranks.size(), 0, indices, context.getContext());
}

//===----------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------===//

ExprEmitter FoldWriter::begin(Region &region) {
  builder.createBlock(&region);
  return ExprEmitter(builder, loc, context, fold.parallel, stream);
}

void FoldWriter::addStates(ExprEmitter &emitter, Region &region,
                           StringRef phase) {
  for (unsigned i = 0, e = fold.accumulators.size(); i < e; ++i) {
    SmallVector<unsigned> order = stateRanks(i);
    Type type = emitter.typeOf(fold.accumulators[i].value->type, order);
    emitter.define(plan.state(fold, i, phase), region.addArgument(type, loc),
                   order);
  }
}

void FoldWriter::addOperands(ExprEmitter &emitter, Region &region,
                             bool rowsOnly) {
  for (const Expr *leaf : operands) {
    if (rowsOnly && isStreamed(leaf)) {
      continue;
    }
    // As the operation types them: an operand's own extents.
    auto tensor = dyn_cast<RankedTensorType>(leaf->source.getType());
    SmallVector<unsigned> inner;
    SmallVector<int64_t> shape;
    for (auto [i, rank] : llvm::enumerate(leafRanks(leaf))) {
      if (fold.parallel & (RankSet(1) << rank)) {
        continue;
      }
      inner.push_back(rank);
      shape.push_back((stream >> rank) & 1 ? ShapedType::kDynamic
                                           : tensor.getDimSize(i));
    }
    Type type = shape.empty() ? leaf->type
                              : Type(RankedTensorType::get(shape, leaf->type));
    emitter.define(leaf, region.addArgument(type, loc), inner);
  }
}

void FoldWriter::writeInit(Region &region) {
  ExprEmitter emitter = begin(region);
  addOperands(emitter, region, /*rowsOnly=*/true);
  SmallVector<Value> values;
  for (unsigned i = 0, e = fold.accumulators.size(); i < e; ++i) {
    const Accumulator &a = fold.accumulators[i];
    SmallVector<unsigned> order = stateRanks(i);
    const Expr *start =
        a.initial ? a.initial : context.identity(a.monoid, a.value->type);
    auto type = dyn_cast<RankedTensorType>(emitter.typeOf(start->type, order));
    if (!type || !emitter.innerRanks(start).empty()) {
      values.push_back(emitter.emit(start, order));
    } else if (start->is(ExprKind::Constant)) {
      values.push_back(arith::ConstantOp::create(
          builder, loc, DenseElementsAttr::get(type, start->attr)));
    } else {
      values.push_back(tensor::SplatOp::create(builder, loc, type,
                                               emitter.emit(start, {})));
    }
  }
  cascade::YieldOp::create(builder, loc, values);
}

/// What a tile adds to accumulator i.
Value FoldWriter::local(ExprEmitter &emitter, unsigned i) {
  const Accumulator &a = fold.accumulators[i];
  const Expr *element = a.value;
  if (a.gauge >= 0) {
    const Gauge &g = fold.gauges[a.gauge];
    const Expr *u = g.variable;
    if (g.hasExp) {
      element = context.mul(factorSymbol(a.gauge), element);
    }
    if (a.power) {
      // A key that the exponent leaves out has no distance from the gauge.
      const Expr *d = context.sub(u, plan.gaugeValue(fold, a.gauge, "new"));
      if (g.hasExp) {
        const Expr *none = context.identity(Monoid::Max, u->type); // -inf
        d = context.select(
            context.compare(arith::CmpFPredicate::OEQ, u, none),
            context.constant(0, u->type), d);
      }
      element = context.mul(element, context.power(d, a.power));
    }
  }
  return emitter.emitReduction(element, a.monoid, a.reduced, stateRanks(i));
}

/// Accumulator i of phase `from`, measured from the new gauge: with
/// d = g_from - g_new, sum_j (power choose j) d^(power - j) state_j, times
/// exp(d). An empty extremum makes exp(d) zero, never NaN.
const Expr *FoldWriter::moved(unsigned i, StringRef from) {
  const Accumulator &a = fold.accumulators[i];
  const Gauge &g = fold.gauges[a.gauge];
  const Expr *target = plan.gaugeValue(fold, a.gauge, "new");
  const Expr *d =
      context.sub(plan.gaugeValue(fold, a.gauge, from), target);
  const Expr *total = nullptr;
  double choose = 1;
  for (unsigned p = a.power;; --p) {
    Accumulator lower = a;
    lower.power = p;
    lower.gauge = p || g.hasExp ? a.gauge : -1;
    if (!plan.vanishes(fold, lower)) {
      unsigned at = llvm::find(fold.accumulators, lower) -
                    fold.accumulators.begin();
      assert(at < fold.accumulators.size() && "lower powers are carried");
      const Expr *part = context.mul(
          plan.state(fold, at, from),
          context.mul(context.constant(choose, d->type),
                      context.power(d, a.power - p)));
      total = total ? context.add(total, part) : part;
    }
    if (p == 0) {
      break;
    }
    choose = choose * p / (a.power - p + 1);
  }
  if (!g.hasExp) {
    return total;
  }
  const Expr *m = plan.state(fold, g.extremum, from);
  const Expr *step = context.exp(
      context.sub(context.mul(context.constant(g.scale, m->type), m), target),
      g.base2);
  return context.mul(total, step);
}

void FoldWriter::writeStep(Region &region) {
  ExprEmitter emitter = begin(region);
  addStates(emitter, region, "old");
  addOperands(emitter, region, /*rowsOnly=*/false);
  unsigned numStates = fold.accumulators.size();
  // Per-key values that several parts read: written once.
  for (const Accumulator &a : fold.accumulators) {
    if (a.monoid != Monoid::Sum && !emitter.innerRanks(a.value).empty()) {
      emitter.emitShared(a.value);
    }
  }
  for (const Gauge &g : fold.gauges) {
    emitter.emitShared(g.variable);
  }
  SmallVector<Value> values(numStates);
  auto update = [&](unsigned i, const Expr *before) {
    const Accumulator &a = fold.accumulators[i];
    SmallVector<unsigned> order = stateRanks(i);
    const Expr *tile = context.symbol("tile" + Twine(i), a.value->type,
                                      a.ranks | fold.parallel);
    emitter.define(tile, local(emitter, i), order);
    values[i] = emitter.emit(context.combine(a.monoid, before, tile), order);
    emitter.define(plan.state(fold, i, "new"), values[i], order);
  };
  for (unsigned i = 0; i < numStates; ++i) {
    if (fold.accumulators[i].gauge < 0) {
      update(i, plan.state(fold, i, "old"));
    }
  }
  for (unsigned g = 0, e = fold.gauges.size(); g < e; ++g) {
    if (!fold.gauges[g].hasExp) {
      continue;
    }
    const Expr *weight = context.exp(
        context.sub(fold.gauges[g].variable, plan.gaugeValue(fold, g, "new")),
        fold.gauges[g].base2);
    emitter.define(factorSymbol(g), emitter.emitShared(weight),
                   emitter.innerRanks(weight));
  }
  for (unsigned i = 0; i < numStates; ++i) {
    if (fold.accumulators[i].gauge >= 0) {
      update(i, moved(i, "old"));
    }
  }
  for (const FoldResult &r : fold.results) {
    if (r.isEmitted) {
      SmallVector<unsigned> order(r.order);
      llvm::erase_if(order, [&](unsigned rank) {
        return (fold.parallel >> rank) & 1;
      });
      values.push_back(emitter.emit(r.expr, order));
    }
  }
  cascade::YieldOp::create(builder, loc, values);
}

void FoldWriter::writeMerge(Region &region) {
  ExprEmitter emitter = begin(region);
  addStates(emitter, region, "old");
  addStates(emitter, region, "other");
  unsigned numStates = fold.accumulators.size();
  SmallVector<Value> values(numStates);
  for (bool gauged : {false, true}) {
    for (unsigned i = 0; i < numStates; ++i) {
      const Accumulator &a = fold.accumulators[i];
      if ((a.gauge >= 0) != gauged) {
        continue;
      }
      const Expr *x = gauged ? moved(i, "old") : plan.state(fold, i, "old");
      const Expr *y = gauged ? moved(i, "other") : plan.state(fold, i, "other");
      SmallVector<unsigned> order = stateRanks(i);
      values[i] = emitter.emit(context.combine(a.monoid, x, y), order);
      emitter.define(plan.state(fold, i, "new"), values[i], order);
    }
  }
  cascade::YieldOp::create(builder, loc, values);
}

void FoldWriter::writeFinish(Region &region) {
  ExprEmitter emitter = begin(region);
  addStates(emitter, region, "new");
  addOperands(emitter, region, /*rowsOnly=*/true);
  SmallVector<Value> values;
  for (const FoldResult &r : fold.results) {
    if (!r.isEmitted) {
      SmallVector<unsigned> order(r.order);
      llvm::erase_if(order, [&](unsigned rank) {
        return (fold.parallel >> rank) & 1;
      });
      values.push_back(emitter.emit(r.expr, order));
    }
  }
  cascade::YieldOp::create(builder, loc, values);
}

void FoldWriter::writeWhere(Region &region) {
  builder.createBlock(&region);
  // Every index is a coordinate of the fold here, so nothing has inner ranks.
  ExprEmitter scalar(builder, loc, context, ~RankSet(0), stream);
  cascade::YieldOp::create(builder, loc, scalar.emit(fold.where, {}));
}

FoldOp FoldWriter::write() {
  collectOperands();
  collectRanks();
  SmallVector<StringRef> names, parallelNames;
  for (unsigned rank : ranks) {
    names.push_back(context.ranks.getName(rank));
  }
  for (unsigned rank : parallel) {
    parallelNames.push_back(context.ranks.getName(rank));
  }
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  for (const Expr *leaf : operands) {
    inputs.push_back(leaf->source);
    maps.push_back(localMap(leafRanks(leaf)));
  }
  SmallVector<Type> types;
  for (const FoldResult &r : fold.results) {
    maps.push_back(localMap(r.order));
    auto type = dyn_cast<RankedTensorType>(r.value.getType());
    if (!type) {
      types.push_back(r.value.getType());
      continue;
    }
    SmallVector<int64_t> shape(type.getShape());
    for (auto [size, rank] : llvm::zip_equal(shape, r.order)) {
      if (ShapedType::isDynamic(size) && !((fold.parallel >> rank) & 1)) {
        size = context.ranks.getExtent(rank);
      }
    }
    types.push_back(type.clone(shape));
  }
  SmallVector<Attribute> identities;
  for (const Accumulator &a : fold.accumulators) {
    identities.push_back(cascade::getIdentity(
        a.monoid, cast<FloatType>(a.value->type)));
  }
  auto op = FoldOp::create(
      builder, loc, types, inputs, builder.getStrArrayAttr(parallelNames),
      builder.getStringAttr(context.ranks.getName(ranksOf(stream).front())),
      builder.getStrArrayAttr(names), builder.getAffineMapArrayAttr(maps),
      builder.getArrayAttr(identities));
  OpBuilder::InsertionGuard guard(builder);
  writeInit(op.getInit());
  writeStep(op.getStep());
  writeMerge(op.getMerge());
  writeFinish(op.getFinish());
  if (fold.where) {
    writeWhere(op.getWhere());
  }
  return op;
}

FoldOp fovea::derive::emitFold(OpBuilder &builder, Location loc, FoldPlan &plan,
                               const Fold &fold) {
  return FoldWriter(builder, loc, plan, fold).write();
}
