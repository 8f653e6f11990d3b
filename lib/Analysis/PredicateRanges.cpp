//===- PredicateRanges.cpp - which tiles and keys to visit ----------------===//
//
// The emitting half of the predicate analysis. A *box* gives every rank an
// interval; sums over a box have a least and a greatest value. A term holds
// nowhere in a box if one of its literals has a positive least value. To see
// that also where literals meet, those about a single rank first shrink the
// box (`clip`), and the others are asked on what is left:
//
//     q - k >= 4  and  k >= 2   in q in [4, 5], k in [0, 3]
//
// clips k to [2, 3], where q - k reaches 3 only: nowhere.
//
//===----------------------------------------------------------------------===//

#include "fovea/Analysis/PredicateRanges.h"

#include "PredicateFormula.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::predicate;

namespace {

/// More terms than this are not told apart.
constexpr unsigned kMaxTerms = 8;

/// Scalar code; a null value stands for "no bound".
class Scalars {
public:
  Scalars(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value boolean(bool value) {
    return arith::ConstantIntOp::create(b, loc, value, 1);
  }
  Value add(Value x, Value y) {
    return x && matchPattern(x, m_Zero()) ? y : fold<arith::AddIOp>(x, y);
  }
  Value add(Value x, int64_t y) {
    return x && y ? add(x, constant(y)) : x;
  }
  Value sub(Value x, Value y) { return fold<arith::SubIOp>(x, y); }
  Value mul(Value x, int64_t y) {
    return x && y != 1 ? fold<arith::MulIOp>(x, constant(y)) : x;
  }
  Value mul(Value x, Value y) { return fold<arith::MulIOp>(x, y); }
  Value floorDiv(Value x, int64_t y) {
    return x && y != 1 ? fold<arith::FloorDivSIOp>(x, constant(y)) : x;
  }
  Value ceilDiv(Value x, int64_t y) {
    return x && y != 1 ? fold<arith::CeilDivSIOp>(x, constant(y)) : x;
  }
  Value truncDiv(Value x, int64_t y) {
    return x && y != 1 ? fold<arith::DivSIOp>(x, constant(y)) : x;
  }
  /// The stricter of two bounds.
  Value least(Value x, Value y) {
    return x && y ? fold<arith::MinSIOp>(x, y) : (x ? x : y);
  }
  Value greatest(Value x, Value y) {
    return x && y ? fold<arith::MaxSIOp>(x, y) : (x ? x : y);
  }
  /// The looser of two bounds.
  Value leastOrNone(Value x, Value y) {
    return x && y ? fold<arith::MinSIOp>(x, y) : Value();
  }
  Value greatestOrNone(Value x, Value y) {
    return x && y ? fold<arith::MaxSIOp>(x, y) : Value();
  }
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return b.createOrFold<arith::CmpIOp>(loc, predicate, x, y);
  }
  Value lessOrEqual(Value x, Value y) {
    return compare(arith::CmpIPredicate::sle, x, y);
  }
  Value both(Value x, Value y) { return fold<arith::AndIOp>(x, y); }
  Value either(Value x, Value y) { return fold<arith::OrIOp>(x, y); }
  Value negate(Value x) { return fold<arith::XOrIOp>(x, boolean(true)); }
  Value select(Value c, Value x, Value y) {
    return b.createOrFold<arith::SelectOp>(loc, c, x, y);
  }
  Value toIndex(Value x) {
    if (x.getType().isInteger(1)) {
      return b.createOrFold<arith::IndexCastUIOp>(loc, b.getIndexType(), x);
    }
    return isa<IndexType>(x.getType())
               ? x
               : b.createOrFold<arith::IndexCastOp>(loc, b.getIndexType(), x);
  }

private:
  template <typename Op> Value fold(Value x, Value y) {
    return x && y ? b.createOrFold<Op>(loc, x, y) : Value();
  }

  OpBuilder &b;
  Location loc;
};

bool isPoint(Interval interval) {
  if (!interval.lo || !interval.hi) {
    return false;
  }
  APInt lo, hi;
  return interval.lo == interval.hi ||
         (matchPattern(interval.lo, m_ConstantInt(&lo)) &&
          matchPattern(interval.hi, m_ConstantInt(&hi)) && lo == hi);
}

/// Intervals of sums over one box. A copy can be clipped further.
class Box {
public:
  Box(const Predicate &predicate, const PredicateInputs &inputs, Scalars &s)
      : predicate(&predicate), inputs(&inputs), s(&s) {}

  Interval getRank(StringRef rank) {
    auto [it, isNew] = ranks.try_emplace(rank);
    if (isNew) {
      it->second = inputs->box(rank);
    }
    return it->second;
  }
  void setRank(StringRef rank, Interval interval) {
    ranks[rank] = interval;
    known.clear();
  }

  Interval get(const Linear &sum);
  /// May `sum <= 0` hold somewhere in the box?
  Value mayHold(const Linear &sum);
  /// Narrows `range`, an interval of `rank`, to where `sum <= bound` can hold
  /// for some value of the other ranks. The sum is solvable for the rank.
  void clip(Interval &range, StringRef rank, const Linear &sum, Value bound);

private:
  Interval getAtom(unsigned index);
  Interval computeAtom(const Atom &atom);
  Interval computeRest(const Atom &atom);
  Interval computeProduct(const Atom &atom);
  Interval computeWrapped(const Atom &atom);
  Interval computeTable(const Atom &atom);

  const Predicate *predicate;
  const PredicateInputs *inputs;
  Scalars *s;
  llvm::StringMap<Interval> ranks;
  llvm::DenseMap<unsigned, Interval> known;
};

} // namespace

//===----------------------------------------------------------------------===//
// Intervals of sums and atoms
//===----------------------------------------------------------------------===//

Interval Box::get(const Linear &sum) {
  // Positive terms first, so that negative ones are subtracted.
  SmallVector<std::pair<unsigned, int64_t>> terms;
  for (bool positive : {true, false}) {
    llvm::copy_if(sum.terms, std::back_inserter(terms),
                  [&](auto term) { return (term.second > 0) == positive; });
  }
  Value zero = s->constant(0);
  Interval result = {zero, zero};
  for (auto [atom, scale] : terms) {
    int64_t factor = scale;
    Interval part = getAtom(atom);
    bool isPointSoFar = isPoint(result) && isPoint(part);
    auto extend = [&](Value sum, Value term) {
      return factor > 0 ? s->add(sum, s->mul(term, factor))
                        : s->sub(sum, s->mul(term, -factor));
    };
    Value lo = extend(result.lo, factor > 0 ? part.lo : part.hi);
    Value hi = isPointSoFar
                   ? lo
                   : extend(result.hi, factor > 0 ? part.hi : part.lo);
    result = {lo, hi};
  }
  Value lo = s->add(result.lo, sum.constant);
  return {lo, isPoint(result) ? lo : s->add(result.hi, sum.constant)};
}

Interval Box::getAtom(unsigned index) {
  auto it = known.find(index);
  if (it != known.end()) {
    return it->second;
  }
  Interval result = computeAtom(predicate->getAtom(index));
  known[index] = result;
  return result;
}

Interval Box::computeAtom(const Atom &atom) {
  switch (atom.kind) {
  case AtomKind::Rank:
    return getRank(atom.rank);
  case AtomKind::Captured: {
    Value value = inputs->captured(atom.value);
    if (value) {
      value = s->toIndex(value);
    }
    return {value, value};
  }
  case AtomKind::Quotient:
  case AtomKind::Truncated: {
    Interval of = get(atom.operands[0]);
    auto divide = [&](Value x) {
      return atom.kind == AtomKind::Quotient ? s->floorDiv(x, atom.number)
                                             : s->truncDiv(x, atom.number);
    };
    Value lo = divide(of.lo);
    return {lo, isPoint(of) ? lo : divide(of.hi)};
  }
  case AtomKind::Rest:
    return computeRest(atom);
  case AtomKind::Product:
    return computeProduct(atom);
  case AtomKind::Max: {
    Interval x = get(atom.operands[0]), y = get(atom.operands[1]);
    // The greater is at least either one.
    Value lo = s->greatest(x.lo, y.lo);
    bool point = isPoint(x) && isPoint(y);
    return {lo, point ? lo : s->greatestOrNone(x.hi, y.hi)};
  }
  case AtomKind::Choice: {
    Interval x = get(atom.operands[0]), y = get(atom.operands[1]);
    return {s->leastOrNone(x.lo, y.lo), s->greatestOrNone(x.hi, y.hi)};
  }
  case AtomKind::Wrapped:
    return computeWrapped(atom);
  case AtomKind::Table:
    return computeTable(atom);
  case AtomKind::Unknown:
    return {};
  }
  llvm_unreachable("unknown atom");
}

/// Within one period the remainder rises with the operand; else it may be
/// anything of the operand's sign.
Interval Box::computeRest(const Atom &atom) {
  int64_t n = atom.number;
  Interval of = get(atom.operands[0]);
  Value zero = s->constant(0);
  if (!of.lo || !of.hi) {
    return {s->constant(1 - n), s->constant(n - 1)};
  }
  Value first = s->truncDiv(of.lo, n);
  if (isPoint(of)) {
    Value rest = s->sub(of.lo, s->mul(first, n));
    return {rest, rest};
  }
  Value start = s->mul(first, n);
  Value inside = s->compare(arith::CmpIPredicate::eq, first,
                            s->truncDiv(of.hi, n));
  Value down = s->select(s->lessOrEqual(zero, of.lo), zero, s->constant(1 - n));
  Value up = s->select(s->lessOrEqual(of.hi, zero), zero, s->constant(n - 1));
  return {s->select(inside, s->sub(of.lo, start), down),
          s->select(inside, s->sub(of.hi, start), up)};
}

Interval Box::computeProduct(const Atom &atom) {
  Interval x = get(atom.operands[0]), y = get(atom.operands[1]);
  if (!x.lo || !x.hi || !y.lo || !y.hi) {
    return {};
  }
  Value corner = s->mul(x.lo, y.lo);
  Interval result = {corner, corner};
  auto include = [&](Value other) {
    result = {s->least(result.lo, other), s->greatest(result.hi, other)};
  };
  if (!isPoint(x)) {
    include(s->mul(x.hi, y.lo));
  }
  if (!isPoint(y)) {
    include(s->mul(x.lo, y.hi));
  }
  if (!isPoint(x) && !isPoint(y)) {
    include(s->mul(x.hi, y.hi));
  }
  return result;
}

Interval Box::computeWrapped(const Atom &atom) {
  int64_t least = -(int64_t(1) << (atom.number - 1));
  Value lo = s->constant(least), hi = s->constant(-(least + 1));
  Interval of = get(atom.operands[0]);
  if (!of.lo || !of.hi) {
    return {lo, hi};
  }
  Value fits = s->both(s->lessOrEqual(lo, of.lo), s->lessOrEqual(of.hi, hi));
  return {s->select(fits, of.lo, lo), s->select(fits, of.hi, hi)};
}

Interval Box::computeTable(const Atom &atom) {
  SmallVector<Interval> indices;
  for (const Linear &index : atom.operands) {
    indices.push_back(get(index));
    if (!indices.back().lo || !indices.back().hi) {
      return {};
    }
  }
  Interval entry = inputs->table(atom.extract, indices);
  if (entry.lo && entry.lo == entry.hi) {
    Value value = s->toIndex(entry.lo);
    return {value, value};
  }
  return {entry.lo ? s->toIndex(entry.lo) : Value(),
          entry.hi ? s->toIndex(entry.hi) : Value()};
}

Value Box::mayHold(const Linear &sum) {
  Value least = get(sum).lo;
  return least ? s->lessOrEqual(least, s->constant(0)) : s->boolean(true);
}

void Box::clip(Interval &range, StringRef rank, const Linear &sum,
               Value bound) {
  auto [index, factor] = *llvm::find_if(sum.terms, [&](auto term) {
    return predicate->dependsOn(term.first, rank);
  });
  const Atom &atom = predicate->getAtom(index);
  // factor * atom <= bound - rest, for the best of the rest.
  Linear rest = sum.without(index);
  bool isUpper = factor > 0;
  Value limit;
  if (isUpper) {
    limit = s->floorDiv(s->add(get(rest.scaled(-1)).hi, bound), factor);
  } else {
    limit = s->ceilDiv(s->sub(get(rest).lo, bound), -factor);
  }
  if (!limit) {
    return;
  }
  if (atom.kind == AtomKind::Rank) {
    range = isUpper ? Interval{range.lo, s->least(range.hi, limit)}
                    : Interval{s->greatest(range.lo, limit), range.hi};
    return;
  }
  // floor(x / n) <= l where x <= n l + n - 1, and >= l where x >= n l.
  Value start = s->mul(limit, atom.number);
  if (isUpper) {
    clip(range, rank, atom.operands[0], s->add(start, atom.number - 1));
  } else {
    clip(range, rank, atom.operands[0].scaled(-1),
         s->sub(s->constant(0), start));
  }
}

//===----------------------------------------------------------------------===//
// Truth of a box
//===----------------------------------------------------------------------===//

namespace {

class Analysis {
public:
  Analysis(OpBuilder &b, Location loc, Region &where,
           const PredicateInputs &inputs)
      : predicate(where), inputs(inputs), s(b, loc) {}

  Value buildAny(bool positive);
  SmallVector<Interval> buildRanges(StringRef stream, Value extent);

private:
  Box makeBox() { return Box(predicate, inputs, s); }
  Value mayHoldSomewhere(const Formula &formula, Box &box);
  Value mayHoldSomewhere(const Term &term);
  SmallVector<Linear> shrink(const Term &term, Box &box, StringRef except,
                             Value &feasible);
  Interval buildRange(const Formula &formula, Box &box, StringRef stream,
                      Interval whole);
  Interval buildRange(const Term &term, StringRef stream, Interval whole);
  void makeDisjoint(SmallVectorImpl<Interval> &ranges);

  Predicate predicate;
  const PredicateInputs &inputs;
  Scalars s;
};

} // namespace

/// Clips the box by the literals about one rank that is no point, `except`
/// apart; returns the other literals. `feasible` says whether the box is left
/// with a point.
SmallVector<Linear> Analysis::shrink(const Term &term, Box &box,
                                     StringRef except, Value &feasible) {
  SmallVector<Linear> others;
  llvm::StringMap<Interval> clipped;
  for (const Linear &sum : term) {
    SmallVector<StringRef> open;
    for (StringRef rank : predicate.getRanks()) {
      if (predicate.dependsOn(sum, rank) &&
          (rank == except || !isPoint(box.getRank(rank)))) {
        open.push_back(rank);
      }
    }
    if (open.size() != 1 || open.front() == except ||
        !predicate.isSolvable(sum, open.front())) {
      others.push_back(sum);
      continue;
    }
    auto it = clipped.try_emplace(open.front(), box.getRank(open.front()));
    box.clip(it.first->second, open.front(), sum, s.constant(0));
  }
  feasible = s.boolean(true);
  for (StringRef rank : predicate.getRanks()) {
    auto it = clipped.find(rank);
    if (it != clipped.end()) {
      box.setRank(rank, it->second);
      feasible = s.both(feasible,
                        s.lessOrEqual(it->second.lo, it->second.hi));
    }
  }
  return others;
}

Value Analysis::mayHoldSomewhere(const Term &term) {
  Box box = makeBox();
  Value result;
  for (const Linear &sum : shrink(term, box, /*except=*/"", result)) {
    result = s.both(result, box.mayHold(sum));
  }
  return result;
}

/// Without terms: literals are asked one by one.
Value Analysis::mayHoldSomewhere(const Formula &formula, Box &box) {
  if (formula.kind == Formula::Literal) {
    return box.mayHold(formula.sum);
  }
  bool isAnd = formula.kind == Formula::And;
  Value result = s.boolean(isAnd);
  for (const Formula &operand : formula.operands) {
    Value next = mayHoldSomewhere(operand, box);
    result = isAnd ? s.both(result, next) : s.either(result, next);
  }
  return result;
}

Value Analysis::buildAny(bool positive) {
  Formula formula = predicate.getFormula(positive);
  std::optional<std::vector<Term>> terms = getTerms(formula, kMaxTerms);
  if (!terms) {
    Box box = makeBox();
    return mayHoldSomewhere(formula, box);
  }
  Value result = s.boolean(false);
  for (const Term &term : *terms) {
    result = s.either(result, mayHoldSomewhere(term));
  }
  return result;
}

Truth fovea::buildTruth(OpBuilder &b, Location loc, Region &where,
                        const PredicateInputs &inputs) {
  Analysis analysis(b, loc, where, inputs);
  Value any = analysis.buildAny(/*positive=*/true);
  Value none = analysis.buildAny(/*positive=*/false);
  return {any, Scalars(b, loc).negate(none)};
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

/// The inclusive range of the streamed rank where `term` can hold.
Interval Analysis::buildRange(const Term &term, StringRef stream,
                              Interval whole) {
  Box box = makeBox();
  box.setRank(stream, whole);
  Value feasible;
  Interval range = whole;
  for (const Linear &sum : shrink(term, box, stream, feasible)) {
    if (!predicate.dependsOn(sum, stream)) {
      feasible = s.both(feasible, box.mayHold(sum));
    } else {
      box.clip(range, stream, sum, s.constant(0));
    }
  }
  return {range.lo, s.select(feasible, range.hi, s.constant(-1))};
}

/// Without terms: the hull of a disjunction, the common part of a conjunction.
Interval Analysis::buildRange(const Formula &formula, Box &box,
                              StringRef stream, Interval whole) {
  if (formula.kind == Formula::Literal) {
    Interval range = whole;
    if (predicate.isSolvable(formula.sum, stream)) {
      box.clip(range, stream, formula.sum, s.constant(0));
    }
    if (predicate.dependsOn(formula.sum, stream)) {
      return range;
    }
    Value feasible = box.mayHold(formula.sum);
    return {range.lo, s.select(feasible, range.hi, s.constant(-1))};
  }
  bool isAnd = formula.kind == Formula::And;
  Interval result =
      isAnd ? whole : Interval{s.add(whole.hi, 1), s.constant(-1)};
  for (const Formula &operand : formula.operands) {
    Interval next = buildRange(operand, box, stream, whole);
    if (isAnd) {
      result = {s.greatest(result.lo, next.lo), s.least(result.hi, next.hi)};
      continue;
    }
    // An empty part does not stretch the hull.
    Value isEmpty =
        s.compare(arith::CmpIPredicate::sgt, next.lo, next.hi);
    Value lo = s.select(isEmpty, result.lo, next.lo);
    result = {s.least(result.lo, lo), s.greatest(result.hi, next.hi)};
  }
  return result;
}

/// Sorts half-open ranges by where they begin and cuts off what an earlier one
/// already holds.
void Analysis::makeDisjoint(SmallVectorImpl<Interval> &ranges) {
  for (unsigned end = ranges.size(); end > 1; --end) {
    for (unsigned i = 0; i + 1 < end; ++i) {
      Interval &x = ranges[i], &y = ranges[i + 1];
      Value ordered = s.lessOrEqual(x.lo, y.lo);
      Interval first = {s.least(x.lo, y.lo), s.select(ordered, x.hi, y.hi)};
      Interval second = {s.greatest(x.lo, y.lo),
                         s.select(ordered, y.hi, x.hi)};
      x = first;
      y = second;
    }
  }
  for (unsigned i = 1; i < ranges.size(); ++i) {
    Interval &range = ranges[i];
    range.lo = s.greatest(range.lo, ranges[i - 1].hi);
    range.hi = s.greatest(range.lo, range.hi);
  }
}

SmallVector<Interval> Analysis::buildRanges(StringRef stream, Value extent) {
  Formula formula = predicate.getFormula(/*positive=*/true);
  Interval whole = {s.constant(0), s.add(extent, -1)};
  SmallVector<Interval> ranges;
  if (std::optional<std::vector<Term>> terms = getTerms(formula, kMaxTerms)) {
    // What cannot be solved restricts nothing; terms may become equal.
    std::vector<Term> solvable;
    for (Term &term : *terms) {
      llvm::erase_if(term, [&](const Linear &sum) {
        return predicate.dependsOn(sum, stream) &&
               !predicate.isSolvable(sum, stream);
      });
      addTerm(solvable, std::move(term));
    }
    for (const Term &term : solvable) {
      ranges.push_back(buildRange(term, stream, whole));
    }
  } else {
    Box box = makeBox();
    box.setRank(stream, whole);
    ranges.push_back(buildRange(formula, box, stream, whole));
  }
  for (Interval &range : ranges) {
    // The clipped bounds may lie beyond the other end.
    Value begin = s.least(range.lo, extent);
    range = {begin, s.greatest(begin, s.add(range.hi, 1))};
  }
  makeDisjoint(ranges);
  return ranges;
}

SmallVector<Interval>
fovea::buildVisitRanges(OpBuilder &b, Location loc, Region &where,
                        StringRef stream, Value extent,
                        const PredicateInputs &inputs) {
  return Analysis(b, loc, where, inputs).buildRanges(stream, extent);
}
