//===- NormalForm.cpp - separate what a walk knows from what it ends with -===//

#include "fovea/Derive/NormalForm.h"

#include <cmath>

using namespace mlir;
using namespace fovea;
using namespace fovea::derive;

Normalizer::Side Normalizer::sideOf(const Expr *e) const {
  if (mode == Mode::Initial) {
    if (!e->hasStatistic) {
      return e->hasData ? Side::Walk : Side::Row;
    }
    return e->hasData ? Side::Mixed : Side::Row;
  }
  if (!(e->ranks & stream)) {
    return Side::Row;
  }
  return e->hasStatistic ? Side::Mixed : Side::Walk;
}

Term Normalizer::make(const Expr *row, const Expr *value) const {
  Term term;
  term.row = row ? row : one(value);
  term.value = value ? value : one(row);
  return term;
}

std::optional<Terms> Normalizer::fail(const Twine &why) {
  if (reason.empty()) {
    reason = why.str();
  }
  return std::nullopt;
}

std::optional<Terms> Normalizer::normalize(const Expr *e) {
  switch (sideOf(e)) {
  case Side::Row:
    return Terms{make(e, nullptr)};
  case Side::Walk:
    return Terms{make(nullptr, e)};
  case Side::Mixed:
    break;
  }
  switch (e->kind) {
  case ExprKind::Add:
  case ExprKind::Sub:
    return sum(e);
  case ExprKind::Neg: {
    std::optional<Terms> terms = normalize(e->operand(0));
    if (terms) {
      for (Term &term : *terms) {
        term.row = context.neg(term.row);
      }
    }
    return terms;
  }
  case ExprKind::Mul:
    return product(e);
  case ExprKind::Div:
    return quotient(e);
  case ExprKind::Exp:
  case ExprKind::Exp2:
    return exponential(e);
  case ExprKind::Log:
    return logarithm(e);
  case ExprKind::Abs:
    return absolute(e);
  case ExprKind::Select:
    return choice(e);
  case ExprKind::Max:
    return fail("max(...) mixes a row statistic and a key: not separable");
  case ExprKind::Min:
    return fail("min(...) mixes a row statistic and a key: not separable");
  case ExprKind::Compare:
    return fail("a comparison mixes a row statistic and a key: not separable");
  case ExprKind::Reduce: {
    unsigned rank = ranksOf(e->reduced).front();
    return fail("a reduction over rank '" + context.ranks.getName(rank) +
                "' mixes a row statistic and a key");
  }
  default:
    return generic(e);
  }
}

/// Summands that are pure go to their side; if nothing else is left, the sum
/// is kept as one binomial (x + p)^1, because a product of two such sums is
/// better carried as a power than as its expansion.
std::optional<Terms> Normalizer::sum(const Expr *e) {
  const Expr *c = nullptr, *r = nullptr;
  SmallVector<std::pair<const Expr *, bool>> stack{{e, false}}, mixed;
  auto join = [&](const Expr *&side, const Expr *part, bool negative) {
    part = negative ? context.neg(part) : part;
    side = side ? context.add(side, part) : part;
  };
  while (!stack.empty()) {
    auto [node, negative] = stack.pop_back_val();
    Side side = sideOf(node);
    if (side != Side::Mixed) {
      join(side == Side::Row ? r : c, node, negative);
    } else if (node->is(ExprKind::Add) || node->is(ExprKind::Sub)) {
      stack.push_back({node->operand(1), negative != node->is(ExprKind::Sub)});
      stack.push_back({node->operand(0), negative});
    } else if (node->is(ExprKind::Neg)) {
      stack.push_back({node->operand(0), !negative});
    } else {
      mixed.push_back({node, negative});
    }
  }
  if (mixed.empty()) {
    Term term = make(one(e), one(e));
    term.polyC = c;
    term.polyR = r;
    term.power = 1;
    return Terms{term};
  }
  Terms result;
  if (c) {
    result.push_back(make(nullptr, c));
  }
  if (r) {
    result.push_back(make(r, nullptr));
  }
  for (auto [node, negative] : mixed) {
    std::optional<Terms> terms = normalize(node);
    if (!terms) {
      return std::nullopt;
    }
    for (Term &term : *terms) {
      term.row = negative ? context.neg(term.row) : term.row;
      result.push_back(term);
    }
  }
  return result;
}

/// Appends a * b to `out`; false if their exponentials cannot be joined.
bool Normalizer::multiply(const Term &a, const Term &b, Terms &out) {
  Term term = a;
  term.row = context.mul(a.row, b.row);
  term.value = context.mul(a.value, b.value);
  if (b.expC) {
    if (a.expC && a.base2 != b.base2) {
      fail("exponentials of different bases are multiplied");
      return false;
    }
    term.base2 = b.base2;
    term.expC = a.expC ? context.add(a.expC, b.expC) : b.expC;
    term.expR = a.expR ? context.add(a.expR, b.expR) : b.expR;
  }
  if (!b.power) {
    out.push_back(term);
    return true;
  }
  if (!a.power || (a.polyC == b.polyC && a.polyR == b.polyR)) {
    term.polyC = b.polyC;
    term.polyR = b.polyR;
    term.power = a.power + b.power;
    out.push_back(term);
    return true;
  }
  // Different binomials: expand the second, x^i p^(n-i).
  double choose = 1;
  for (unsigned i = 0; i <= b.power; ++i) {
    Term part = term;
    part.row = context.mul(
        part.row, context.mul(context.constant(choose, b.polyR->type),
                              context.power(b.polyR, b.power - i)));
    part.value = context.mul(part.value, context.power(b.polyC, i));
    out.push_back(part);
    choose = choose * (b.power - i) / (i + 1);
  }
  return true;
}

std::optional<Terms> Normalizer::product(const Expr *e) {
  std::optional<Terms> a = normalize(e->operand(0));
  std::optional<Terms> b = normalize(e->operand(1));
  if (!a || !b) {
    return std::nullopt;
  }
  Terms result;
  for (const Term &x : *a) {
    for (const Term &y : *b) {
      if (!multiply(x, y, result)) {
        return std::nullopt;
      }
    }
  }
  return result;
}

std::optional<Terms> Normalizer::quotient(const Expr *e) {
  std::optional<Terms> a = normalize(e->operand(0));
  std::optional<Terms> b = normalize(e->operand(1));
  if (!a || !b) {
    return std::nullopt;
  }
  if (b->size() != 1 || b->front().power) {
    return fail("division by a sum of a row statistic and a key");
  }
  const Term &d = b->front();
  Term inverse = make(context.div(one(d.row), d.row),
                      context.div(one(d.value), d.value));
  if (d.expC) {
    inverse.base2 = d.base2;
    inverse.expC = context.neg(d.expC);
    inverse.expR = context.neg(d.expR);
  }
  Terms result;
  for (const Term &x : *a) {
    if (!multiply(x, inverse, result)) {
      return std::nullopt;
    }
  }
  // v / d reads better than v * (1 / d), and rounds once.
  for (auto [term, x] : llvm::zip_equal(result, *a)) {
    if (!isConstant(d.value, 1)) {
      term.value = context.div(x.value, d.value);
    }
  }
  return result;
}

/// exp(u + w): the argument must be a sum of a part of c and a part of r.
std::optional<Terms> Normalizer::exponential(const Expr *e) {
  std::optional<Terms> terms = normalize(e->operand(0));
  if (!terms) {
    return std::nullopt;
  }
  const Expr *zero = context.constant(0, e->type);
  Term result = make(one(e), one(e));
  result.base2 = e->is(ExprKind::Exp2);
  result.expC = zero;
  result.expR = zero;
  auto addC = [&](const Expr *x) { result.expC = context.add(result.expC, x); };
  auto addR = [&](const Expr *x) { result.expR = context.add(result.expR, x); };
  for (const Term &term : *terms) {
    // A factor that is known during the walk may stand on either side.
    bool scaleIsKnown = !term.row->hasStatistic;
    bool isValue = !isConstant(term.value, 1);
    if (term.expC || term.power > 1 || (!scaleIsKnown && isValue) ||
        (term.power && (isValue || !scaleIsKnown))) {
      return fail("exp of a product of a row statistic and a key, not of a "
                  "sum: not separable");
    }
    if (term.power) {
      addC(context.mul(term.row, term.polyC));
      addR(context.mul(term.row, term.polyR));
    } else if (isValue) {
      addC(context.mul(term.row, term.value));
    } else {
      addR(term.row);
    }
  }
  return Terms{result};
}

std::optional<Terms> Normalizer::logarithm(const Expr *e) {
  std::optional<Terms> terms = normalize(e->operand(0));
  if (!terms) {
    return std::nullopt;
  }
  // A row that is guarded, select(empty, 0, x), has one term only.
  if (terms->size() != 1 || terms->front().power) {
    return fail("log of a sum of a row statistic and a key: not separable");
  }
  const Term &t = terms->front();
  if (t.base2) {
    return fail("log of an exponential of base 2");
  }
  const Expr *c = context.log(t.value), *r = context.log(t.row);
  if (t.expC) {
    c = context.add(t.expC, c);
    r = context.add(t.expR, r);
  }
  Term result = make(one(e), one(e));
  result.polyC = c;
  result.polyR = r;
  result.power = 1;
  return Terms{result};
}

std::optional<Terms> Normalizer::absolute(const Expr *e) {
  std::optional<Terms> terms = normalize(e->operand(0));
  if (!terms) {
    return std::nullopt;
  }
  if (terms->size() != 1 || terms->front().power) {
    return fail("abs of a sum of a row statistic and a key: not separable");
  }
  Term &t = terms->front();
  t.row = context.abs(t.row);
  t.value = context.abs(t.value);
  return terms;
}

/// True if `e` is written as a product with the factor `x`; also branch by
/// branch, if both are chosen by one condition.
static bool isMultiple(const Expr *e, const Expr *x) {
  SmallVector<const Expr *> factors;
  flattenProduct(e, factors);
  if (llvm::is_contained(factors, x) || isConstant(e, 0)) {
    return true;
  }
  return e->is(ExprKind::Select) && x->is(ExprKind::Select) &&
         e->operand(0) == x->operand(0) &&
         isMultiple(e->operand(1), x->operand(1)) &&
         isMultiple(e->operand(2), x->operand(2));
}

/// select(x == 0, 0, x y), which keeps 0 log 0 at 0. If x = A V exp(u + w), it
/// is 0 where A is, where V is, or where the exponential vanishes. Sums of the
/// terms of x y are 0 for the first and the last; a V of 0 stays guarded.
std::optional<Terms> Normalizer::zeroGuard(const Expr *e) {
  const Expr *condition = e->operand(0);
  if (!condition->is(ExprKind::Compare) ||
      !isConstant(condition->operand(1), 0)) {
    return std::nullopt;
  }
  using Predicate = arith::CmpFPredicate;
  auto predicate = static_cast<Predicate>(condition->number);
  bool isEqual = predicate == Predicate::OEQ || predicate == Predicate::UEQ;
  bool isUnequal = predicate == Predicate::ONE || predicate == Predicate::UNE;
  const Expr *x = condition->operand(0);
  const Expr *zero = e->operand(isEqual ? 1 : 2);
  const Expr *other = e->operand(isEqual ? 2 : 1);
  if (!(isEqual || isUnequal) || !isConstant(zero, 0) ||
      !isMultiple(other, x)) {
    return std::nullopt;
  }
  std::optional<Terms> guard = normalize(x), terms = normalize(other);
  if (!guard || !terms || guard->size() != 1 || guard->front().power) {
    return std::nullopt;
  }
  const Expr *v = guard->front().value;
  if (getConstant(v)) {
    return terms;
  }
  const Expr *isZero = context.compare(arith::CmpFPredicate::OEQ, v,
                                       context.constant(0, v->type));
  auto keep = [&](const Expr *part) {
    return context.select(isZero, context.constant(0, part->type), part);
  };
  for (Term &term : *terms) {
    term.value = keep(term.value);
    term.polyC = term.power ? keep(term.polyC) : term.polyC;
  }
  return terms;
}

std::optional<Terms> Normalizer::choice(const Expr *e) {
  const Expr *condition = e->operand(0);
  Side side = sideOf(condition);
  if (side == Side::Mixed) {
    if (std::optional<Terms> terms = zeroGuard(e)) {
      return terms;
    }
    return fail("a comparison mixes a row statistic and a key: not separable");
  }
  Terms result;
  for (bool isTrue : {true, false}) {
    std::optional<Terms> terms = normalize(e->operand(isTrue ? 1 : 2));
    if (!terms) {
      return std::nullopt;
    }
    auto guard = [&](const Expr *x, double other) {
      const Expr *o = context.constant(other, x->type);
      return isTrue ? context.select(condition, x, o)
                    : context.select(condition, o, x);
    };
    for (Term &term : *terms) {
      if (isConstant(term.row, 0) || isConstant(term.value, 0)) {
        continue;
      }
      if (side == Side::Row) {
        term.row = guard(term.row, 0);
      } else if (term.expC) {
        // An exponent of -inf, not a factor 0: the maximum that bounds the
        // exponents leaves such keys out in the same way.
        term.expC = guard(term.expC, -HUGE_VAL);
      } else {
        term.value = guard(term.value, 0);
      }
      result.push_back(term);
    }
  }
  if (result.empty()) {
    result.push_back(make(context.constant(0, e->type), nullptr));
  }
  return result;
}

std::optional<Terms> Normalizer::generic(const Expr *e) {
  StringRef name = e->name ? e->name.getValue() : StringRef("operation");
  // Rounding between two steps is no part of the algebra.
  if (name == "arith.extf" || name == "arith.truncf") {
    return normalize(e->operand(0));
  }
  if (name == "math.powf" || name == "math.fpowi") {
    const Expr *exponent = e->operand(1);
    std::optional<double> n = getConstant(exponent);
    if (auto integer = dyn_cast_or_null<IntegerAttr>(exponent->attr)) {
      n = integer.getInt();
    }
    if (n && *n >= 1 && *n <= 8 && *n == std::floor(*n)) {
      return normalize(
          context.power(e->operand(0), static_cast<unsigned>(*n)));
    }
  }
  return fail("'" + name + "' mixes a row statistic and a key: not separable");
}
