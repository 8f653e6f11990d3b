//===- Accumulate.cpp - from normal forms to running states ---------------===//

#include "fovea/Derive/FoldPlan.h"

#include <cmath>

using namespace mlir;
using namespace fovea;
using namespace fovea::derive;
using cascade::Monoid;

const Expr *FoldPlan::state(const Fold &fold, unsigned i,
                            StringRef phase) const {
  const Accumulator &a = fold.accumulators[i];
  unsigned number = &fold - folds.data();
  return model.context.symbol(phase + Twine(number) + "." + Twine(i),
                              a.value->type, a.ranks | fold.parallel);
}

const Expr *FoldPlan::gaugeValue(const Fold &fold, unsigned gauge,
                                 StringRef phase) const {
  ExprContext &context = model.context;
  const Gauge &g = fold.gauges[gauge];
  if (g.hasExp) {
    const Expr *m = state(fold, g.extremum, phase);
    const Expr *none =
        context.identity(fold.accumulators[g.extremum].monoid, m->type);
    const Expr *isNone =
        context.compare(arith::CmpFPredicate::OEQ, m, none);
    return context.mul(
        context.constant(g.scale, m->type),
        context.select(isNone, context.constant(0, m->type), m));
  }
  const Expr *sum = state(fold, g.sum, phase);
  const Expr *count = state(fold, g.count, phase);
  const Expr *zero = context.constant(0, sum->type);
  const Expr *isNone = context.compare(arith::CmpFPredicate::OEQ, count, zero);
  return context.select(isNone, zero, context.div(sum, count));
}

/// Statistics of this walk as their final values.
const Expr *FoldPlan::finalOf(const Expr *e) {
  return model.context.rewrite(e, [&](const Expr *node) -> const Expr * {
    return node->is(ExprKind::Statistic) ? placements[node->number].final
                                         : nullptr;
  });
}

RankSet FoldPlan::reducedBy(unsigned number) const {
  RankSet reduced = 0;
  cascade::EinsumOp op = model.statistics[number].op;
  for (StringRef name : op.getReducedRanks()) {
    reduced |= model.context.ranks.bit(name);
  }
  return reduced;
}

/// A mask that the fold as a whole does not have is applied to the element.
const Expr *FoldPlan::guarded(const Fold &fold, unsigned number,
                              const Expr *e, double absent) {
  const Expr *where = placements[number].where;
  if (fold.where || !where) {
    return e;
  }
  return model.context.select(where, e,
                              model.context.constant(absent, e->type));
}

unsigned FoldPlan::addAccumulator(Fold &fold, const Accumulator &accumulator) {
  auto it = llvm::find(fold.accumulators, accumulator);
  unsigned i = it - fold.accumulators.begin();
  if (it == fold.accumulators.end()) {
    fold.accumulators.push_back(accumulator);
  }
  return i;
}

static Accumulator makeAccumulator(Monoid monoid, const Expr *value,
                                   RankSet reduced, RankSet kept) {
  Accumulator a;
  a.monoid = monoid;
  a.value = value;
  a.reduced = reduced;
  a.ranks = value->ranks & kept;
  return a;
}

//===----------------------------------------------------------------------===//
// Gauges
//===----------------------------------------------------------------------===//

/// If `u <= scale * bound` at every key, for an accumulated maximum (or minimum)
/// of `bound`, returns the scale.
static std::optional<double> boundScale(ExprContext &context, const Expr *u,
                                        const Expr *bound, Monoid monoid) {
  auto [a, core] = context.splitScale(u);
  auto [b, boundCore] = context.splitScale(bound);
  if (core == boundCore && b != 0) {
    double scale = a / b;
    if (monoid == Monoid::Max ? scale > 0 : scale < 0) {
      return scale;
    }
  }
  // Leaving keys out (exponent -inf) keeps a bound.
  if (u->is(ExprKind::Select)) {
    for (unsigned i : {1, 2}) {
      if (isConstant(u->operand(3 - i), -HUGE_VAL)) {
        return boundScale(context, u->operand(i), bound, monoid);
      }
    }
  }
  return std::nullopt;
}

static const Expr *stripGuards(ExprContext &context, const Expr *e) {
  return context.rewrite(e, [&](const Expr *node) -> const Expr * {
    // select(r == identity, constant, r) stands for r.
    if (!node->is(ExprKind::Select) ||
        !node->operand(0)->is(ExprKind::Compare) ||
        !getConstant(node->operand(1))) {
      return nullptr;
    }
    const Expr *compare = node->operand(0), *r = node->operand(2);
    auto predicate = static_cast<arith::CmpFPredicate>(compare->number);
    std::optional<double> limit = getConstant(compare->operand(1));
    bool isEqual = predicate == arith::CmpFPredicate::OEQ ||
                   predicate == arith::CmpFPredicate::UEQ;
    bool matches = isEqual && compare->operand(0) == r && limit &&
                   std::isinf(*limit);
    return matches ? r : nullptr;
  });
}

/// `e` plus the gauge's final value, without the gauge if the two cancel: the
/// source may have guarded its statistic as the gauge is, or not at all.
const Expr *FoldPlan::cancelGauge(const Fold &fold, unsigned gauge,
                                  const Expr *e) {
  ExprContext &context = model.context;
  const Gauge &g = fold.gauges[gauge];
  const Expr *guardedSum =
      context.addCancelling(e, gaugeValue(fold, gauge, "new"));
  if (!g.hasExp) {
    return guardedSum;
  }
  const Expr *m = state(fold, g.extremum, "new");
  const Expr *bareSum =
      context.addCancelling(stripGuards(context, e),
                            context.mul(context.constant(g.scale, m->type), m));
  auto mentions = [&](const Expr *sum) {
    return anyOf(sum, [&](const Expr *node) { return node == m; });
  };
  return mentions(guardedSum) && !mentions(bareSum) ? bareSum : guardedSum;
}

/// The running extremum that bounds the exponents of a term; added if no
/// reduction of the cascade is it.
unsigned FoldPlan::findExpGauge(Fold &fold, unsigned number,
                                const Term &term) {
  ExprContext &context = model.context;
  const Expr *u = guarded(fold, number, term.expC, -HUGE_VAL);
  const Expr *w = finalOf(term.expR);
  auto gaugeFor = [&](unsigned extremum, double scale) {
    for (auto [i, g] : llvm::enumerate(fold.gauges)) {
      if (g.hasExp && g.base2 == term.base2 && g.variable == u &&
          g.extremum == static_cast<int>(extremum)) {
        return static_cast<unsigned>(i);
      }
    }
    Gauge g;
    g.base2 = term.base2;
    g.variable = u;
    g.extremum = extremum;
    g.scale = scale;
    g.name = fold.accumulators[extremum].monoid == Monoid::Max
                 ? "running maximum"
                 : "running minimum";
    fold.gauges.push_back(g);
    return static_cast<unsigned>(fold.gauges.size() - 1);
  };
  std::optional<std::pair<unsigned, double>> found;
  for (auto [i, a] : llvm::enumerate(fold.accumulators)) {
    if (a.monoid == Monoid::Sum || a.reduced != reducedBy(number)) {
      continue;
    }
    std::optional<double> scale = boundScale(context, u, a.value, a.monoid);
    if (!scale) {
      continue;
    }
    // Best is the one that the source subtracts: it cancels.
    const Expr *m = state(fold, i, "new");
    bool subtracted = anyOf(w, [&](const Expr *e) { return e == m; });
    if (!found || subtracted) {
      found = {i, *scale};
    }
  }
  if (!found) {
    RankSet kept = model.statistics[number].ranks & ~fold.parallel;
    found = {addAccumulator(fold, makeAccumulator(Monoid::Max, u,
                                                  reducedBy(number), kept)),
             1.0};
  }
  return gaugeFor(found->first, found->second);
}

/// Distances from the mean of all keys add up to zero.
bool FoldPlan::vanishes(const Fold &fold, const Accumulator &a) const {
  if (a.gauge < 0 || a.power != 1) {
    return false;
  }
  const Gauge &g = fold.gauges[a.gauge];
  return !g.hasExp && a.value == fold.accumulators[g.count].value;
}

unsigned FoldPlan::findMeanGauge(Fold &fold, unsigned number,
                                 const Expr *variable) {
  ExprContext &context = model.context;
  RankSet kept = model.statistics[number].ranks & ~fold.parallel;
  const Expr *one = context.constant(1, variable->type);
  Gauge g;
  g.hasExp = false;
  g.variable = variable;
  g.name = "running mean";
  g.sum = addAccumulator(
      fold, makeAccumulator(Monoid::Sum, guarded(fold, number, variable, 0),
                            reducedBy(number), kept));
  g.count = addAccumulator(
      fold, makeAccumulator(Monoid::Sum, guarded(fold, number, one, 0),
                            reducedBy(number), kept));
  for (auto [i, known] : llvm::enumerate(fold.gauges)) {
    if (!known.hasExp && known.sum == g.sum && known.count == g.count) {
      return i;
    }
  }
  fold.gauges.push_back(g);
  return fold.gauges.size() - 1;
}

//===----------------------------------------------------------------------===//
// Terms
//===----------------------------------------------------------------------===//

/// Brings a value to the type of the state: that of the reduction (a cast in a
/// product may have been dropped), at least f32.
static const Expr *asState(ExprContext &context, const Expr *e, Type type) {
  if (type.getIntOrFloatBitWidth() < 32) {
    type = Float32Type::get(context.getContext());
  }
  return context.mul(e, context.constant(1, type));
}

/// Accumulates A V (x + p)^n: powers of x - g, where g is the running mean. At
/// the end x + p = (x - g) + (g + p).
const Expr *FoldPlan::sumPolynomial(Fold &fold, unsigned number, Term term,
                                    std::string &how) {
  ExprContext &context = model.context;
  RankSet kept = model.statistics[number].ranks & ~fold.parallel;
  unsigned gauge = findMeanGauge(fold, number, term.polyC);
  auto [scale, value] = context.splitScale(term.value);
  term.value = value;
  term.row = context.mul(term.row, context.constant(scale, term.row->type));
  const Expr *rest = cancelGauge(fold, gauge, finalOf(term.polyR));
  const Expr *total = context.constant(0, term.polyC->type);
  double choose = 1;
  unsigned carried = 0;
  for (unsigned i = 0; i <= term.power; ++i) {
    Accumulator a =
        makeAccumulator(Monoid::Sum, guarded(fold, number, term.value, 0),
                        reducedBy(number), kept);
    a.gauge = i ? static_cast<int>(gauge) : -1; // power 0 does not move
    a.power = i;
    a.ranks |= fold.gauges[gauge].variable->ranks & kept;
    if (!vanishes(fold, a)) {
      ++carried;
      unsigned at = addAccumulator(fold, a);
      const Expr *factor = context.mul(context.constant(choose, rest->type),
                                       context.power(rest, term.power - i));
      total = context.add(total, context.mul(state(fold, at, "new"), factor));
    }
    choose = choose * (term.power - i) / (i + 1);
  }
  how = "lifted to " + std::to_string(carried) +
        " accumulators (gauge: " + fold.gauges[gauge].name + ")";
  return context.mul(total, finalOf(term.row));
}

/// Accumulates A V (x + p)^n exp(u + w).
const Expr *FoldPlan::sumGauged(Fold &fold, unsigned number, Term term,
                                std::string &how) {
  ExprContext &context = model.context;
  RankSet kept = model.statistics[number].ranks & ~fold.parallel;
  if (term.power) {
    // A polynomial in another variable is expanded: x^i p^(n-i).
    auto [a, polyCore] = context.splitScale(term.polyC);
    auto [b, expCore] = context.splitScale(term.expC);
    if (polyCore != expCore) {
      const Expr *total = context.constant(0, term.value->type);
      double choose = 1;
      for (unsigned i = 0; i <= term.power; ++i) {
        Term part = term;
        part.power = 0;
        part.value = context.mul(term.value, context.power(term.polyC, i));
        part.row = context.mul(
            context.mul(context.constant(choose, term.row->type), term.row),
            context.power(term.polyR, term.power - i));
        total = context.add(total, sumGauged(fold, number, part, how));
        choose = choose * (term.power - i) / (i + 1);
      }
      return total;
    }
    // x + p = scale * (u + p / scale)
    double scale = a / b;
    term.polyR = context.mul(context.constant(1 / scale, term.polyR->type),
                             term.polyR);
    term.row = context.mul(
        context.constant(std::pow(scale, term.power), term.row->type),
        term.row);
  }
  unsigned gauge = findExpGauge(fold, number, term);
  const Expr *outer = context.mul(
      finalOf(term.row),
      context.exp(cancelGauge(fold, gauge, finalOf(term.expR)), term.base2));
  const Expr *rest = term.power
                         ? cancelGauge(fold, gauge, finalOf(term.polyR))
                         : nullptr;
  const Expr *total = nullptr;
  double choose = 1;
  for (unsigned i = 0; i <= term.power; ++i) {
    Accumulator a =
        makeAccumulator(Monoid::Sum, term.value, reducedBy(number), kept);
    a.gauge = gauge;
    a.power = i;
    a.ranks |= fold.gauges[gauge].variable->ranks & kept;
    if (!term.power) {
      startsFromInitial(fold, number, term, a);
    }
    const Expr *sum = state(fold, addAccumulator(fold, a), "new");
    if (rest) {
      sum = context.mul(
          sum, context.mul(context.constant(choose, rest->type),
                           context.power(rest, term.power - i)));
    }
    total = total ? context.add(total, sum) : sum;
    choose = choose * (term.power - i) / (i + 1);
  }
  how = term.power ? "lifted to " + std::to_string(term.power + 1) +
                         " accumulators"
                   : "repaired";
  how += " (gauge: " + fold.gauges[gauge].name + ")";
  return context.mul(total, outer);
}

const Expr *FoldPlan::sumTerm(Fold &fold, unsigned number, Term term,
                              std::string &how) {
  ExprContext &context = model.context;
  const Statistic &s = model.statistics[number];
  if (isConstant(term.row, 0) || isConstant(term.value, 0)) {
    return context.constant(0, s.element->type);
  }
  term.value = asState(context, term.value, s.element->type);
  if (term.expC) {
    return sumGauged(fold, number, term, how);
  }
  if (term.power > 1) {
    return sumPolynomial(fold, number, term, how);
  }
  if (term.power == 1) {
    Term walk = term, row = term;
    walk.power = row.power = 0;
    walk.value = context.mul(term.value, term.polyC);
    row.row = context.mul(term.row, term.polyR);
    return context.add(sumTerm(fold, number, walk, how),
                       sumTerm(fold, number, row, how));
  }
  Accumulator a = makeAccumulator(Monoid::Sum,
                                  guarded(fold, number, term.value, 0),
                                  reducedBy(number), s.ranks & ~fold.parallel);
  startsFromInitial(fold, number, term, a);
  if (how.empty()) {
    how = term.row->hasStatistic ? "deferred" : "accumulated";
  }
  return context.mul(state(fold, addAccumulator(fold, a), "new"),
                     finalOf(term.row));
}

//===----------------------------------------------------------------------===//
// Statistics
//===----------------------------------------------------------------------===//

/// Lets the accumulator of a one-term reduction start from its initial value,
/// where that value has the accumulator's own form. A sum that starts from
/// exp(s - max) beside a maximum that starts from s is exp(s - s) = 1 then.
bool FoldPlan::startsFromInitial(Fold &fold, unsigned number,
                                 const Term &term, Accumulator &accumulator) {
  ExprContext &context = model.context;
  Placement &p = placements[number];
  if (!p.initial || p.terms.size() != 1 || !isConstant(term.row, 1)) {
    return false;
  }
  RankSet inner = p.initial->ranks & ~fold.parallel;
  if (inner && inner != accumulator.ranks) {
    return false;
  }
  if (accumulator.gauge < 0) {
    if (!p.initial->hasStatistic) {
      accumulator.initial = p.initial;
      p.initial = nullptr;
      return true;
    }
    return false;
  }
  const Gauge &g = fold.gauges[accumulator.gauge];
  const Expr *start = fold.accumulators[g.extremum].initial;
  Normalizer normalizer(context, model.stream, Normalizer::Mode::Initial);
  std::optional<Terms> terms = normalizer.normalize(p.initial);
  if (!start || !terms || terms->size() != 1 || g.scale != 1) {
    return false;
  }
  const Term &t = terms->front();
  if (t.power || t.expC != start || t.base2 != g.base2 ||
      !isConstant(t.row, 1) ||
      stripGuards(context, t.expR) != stripGuards(context, term.expR)) {
    return false;
  }
  const Expr *none =
      context.identity(fold.accumulators[g.extremum].monoid, start->type);
  accumulator.initial = context.select(
      context.compare(arith::CmpFPredicate::OEQ, start, none),
      context.constant(0, t.value->type), t.value);
  p.initial = nullptr;
  return true;
}

void FoldPlan::accumulateOne(Fold &fold, unsigned number) {
  ExprContext &context = model.context;
  const Statistic &s = model.statistics[number];
  Placement &p = placements[number];
  std::string how;
  if (s.monoid == Monoid::Sum) {
    p.final = context.constant(0, s.element->type);
    for (const Term &term : p.terms) {
      p.final = context.add(p.final, sumTerm(fold, number, term, how));
    }
  } else {
    const Term &t = p.terms.front();
    const Expr *value =
        asState(context, t.power ? t.polyC : t.value, s.element->type);
    double absent = s.monoid == Monoid::Max ? -HUGE_VAL : HUGE_VAL;
    Accumulator a = makeAccumulator(s.monoid,
                                    guarded(fold, number, value, absent),
                                    reducedBy(number), s.ranks & ~fold.parallel);
    if (!t.power) {
      startsFromInitial(fold, number, t, a);
    }
    p.final = state(fold, addAccumulator(fold, a), "new");
    p.final = t.power ? context.add(p.final, finalOf(t.polyR)) : p.final;
    p.final = context.mul(p.final, t.row);
    how = t.power ? "deferred" : "accumulated";
  }
  if (p.initial) {
    // Joined after the walk: combinations commute.
    p.final = context.combine(s.monoid, p.final, finalOf(p.initial));
  }
  // The state may be wider than the result.
  if (p.final->type != s.element->type) {
    p.final = context.generic(StringAttr::get(context.getContext(),
                                              "arith.truncf"),
                              DictionaryAttr::get(context.getContext()),
                              s.element->type, {p.final});
  }
  notes.push_back(
      {s.op, "walk " + std::to_string(fold.level) + ": " + how});
}

void FoldPlan::accumulate(Fold &fold) {
  // One mask for the fold, if it is that of all its reductions and no rank of
  // the state occurs in it.
  const Expr *where =
      fold.statistics.empty() ? nullptr
                              : placements[fold.statistics.front()].where;
  bool isCommon = where && !(where->ranks & ~(fold.parallel | model.stream)) &&
                  llvm::all_of(fold.statistics, [&](unsigned n) {
                    return placements[n].where == where;
                  });
  fold.where = isCommon ? where : nullptr;
  for (unsigned n : fold.statistics) {
    accumulateOne(fold, n);
  }
}
