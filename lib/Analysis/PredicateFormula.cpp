//===- PredicateFormula.cpp - a predicate as and, or and sums -------------===//

#include "PredicateFormula.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::predicate;

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

Linear Linear::scaled(int64_t factor) const {
  if (factor == 0) {
    return {};
  }
  Linear result = *this;
  result.constant *= factor;
  for (auto &term : result.terms) {
    term.second *= factor;
  }
  return result;
}

Linear Linear::plus(const Linear &other) const {
  Linear result = get(constant + other.constant);
  const auto *a = terms.begin(), *b = other.terms.begin();
  while (a != terms.end() || b != other.terms.end()) {
    if (b == other.terms.end() || (a != terms.end() && a->first < b->first)) {
      result.terms.push_back(*a++);
    } else if (a == terms.end() || b->first < a->first) {
      result.terms.push_back(*b++);
    } else {
      if (int64_t sum = a->second + b->second) {
        result.terms.push_back({a->first, sum});
      }
      ++a;
      ++b;
    }
  }
  return result;
}

Linear Linear::without(unsigned atom) const {
  Linear result = *this;
  llvm::erase_if(result.terms, [&](auto term) { return term.first == atom; });
  return result;
}

//===----------------------------------------------------------------------===//
// Atoms
//===----------------------------------------------------------------------===//

Predicate::Predicate(Region &where) : where(where) {
  where.walk([&](cascade::IndexOp op) {
    if (!llvm::is_contained(ranks, op.getRank())) {
      ranks.push_back(op.getRank());
    }
  });
}

unsigned Predicate::intern(Atom atom) {
  for (auto [i, known] : llvm::enumerate(atoms)) {
    // Two reads of one table at the same place are the same.
    bool sameTable = known.extract == atom.extract ||
                     (known.extract && atom.extract &&
                      known.extract.getTensor() == atom.extract.getTensor());
    if (known.kind == atom.kind && known.rank == atom.rank &&
        known.value == atom.value && sameTable &&
        known.number == atom.number && known.operands == atom.operands &&
        known.kind != AtomKind::Unknown) {
      return i;
    }
  }
  atoms.push_back(std::move(atom));
  return atoms.size() - 1;
}

Linear Predicate::unknown() {
  return Linear::getAtom(intern({AtomKind::Unknown, {}, {}, {}, 0, {}}));
}

bool Predicate::dependsOn(unsigned atom, StringRef rank) const {
  const Atom &a = atoms[atom];
  switch (a.kind) {
  case AtomKind::Rank:
    return a.rank == rank;
  case AtomKind::Captured:
    return false;
  case AtomKind::Choice:
  case AtomKind::Unknown:
    return true;
  default:
    return llvm::any_of(a.operands, [&](const Linear &operand) {
      return dependsOn(operand, rank);
    });
  }
}

bool Predicate::dependsOn(const Linear &sum, StringRef rank) const {
  return llvm::any_of(
      sum.terms, [&](auto term) { return dependsOn(term.first, rank); });
}

bool Predicate::isSolvable(const Linear &sum, StringRef rank) const {
  const Atom *found = nullptr;
  for (auto [index, factor] : sum.terms) {
    if (!dependsOn(index, rank)) {
      continue;
    }
    if (found) {
      return false;
    }
    found = &atoms[index];
  }
  return found && (found->kind == AtomKind::Rank ||
                   (found->kind == AtomKind::Quotient &&
                    isSolvable(found->operands[0], rank)));
}

bool Predicate::isNonNegative(const Linear &sum) const {
  return sum.constant >= 0 && llvm::all_of(sum.terms, [&](auto term) {
           return term.second > 0 && isNonNegative(atoms[term.first]);
         });
}

bool Predicate::isNonNegative(const Atom &atom) const {
  auto operandIs = [&](const Linear &operand) {
    return isNonNegative(operand);
  };
  switch (atom.kind) {
  case AtomKind::Rank:
    return true;
  case AtomKind::Captured:
    return isa_and_nonnull<tensor::DimOp, memref::DimOp>(
        atom.value.getDefiningOp());
  case AtomKind::Max:
    return llvm::any_of(atom.operands, operandIs);
  case AtomKind::Quotient:
  case AtomKind::Truncated:
  case AtomKind::Rest:
  case AtomKind::Product:
  case AtomKind::Choice:
    return llvm::all_of(atom.operands, operandIs);
  default:
    return false;
  }
}

//===----------------------------------------------------------------------===//
// Values as sums
//===----------------------------------------------------------------------===//

Linear Predicate::makeQuotient(const Linear &operand, const Linear &by,
                               bool down) {
  if (!by.isConstant() || by.constant < 1) {
    return unknown();
  }
  AtomKind kind = down || isNonNegative(operand) ? AtomKind::Quotient
                                                 : AtomKind::Truncated;
  return Linear::getAtom(intern({kind, {}, {}, {}, by.constant, {operand}}));
}

Linear Predicate::makeRest(const Linear &operand, const Linear &by) {
  if (!by.isConstant() || by.constant < 1) {
    return unknown();
  }
  return Linear::getAtom(
      intern({AtomKind::Rest, {}, {}, {}, by.constant, {operand}}));
}

Linear Predicate::makeMax(const Linear &a, const Linear &b) {
  return Linear::getAtom(intern({AtomKind::Max, {}, {}, {}, 0, {a, b}}));
}

/// Sums of fewer than 64 bits wrap, unless the operation says that they do
/// not; sums of type index are taken not to.
Linear Predicate::wrapped(Operation *op, const Linear &sum) {
  Type type = op->getResult(0).getType();
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer || integer.getWidth() >= 64) {
    return sum;
  }
  if (auto flags = dyn_cast<arith::ArithIntegerOverflowFlagsInterface>(op)) {
    if (flags.hasNoSignedWrap()) {
      return sum;
    }
  }
  return Linear::getAtom(
      intern({AtomKind::Wrapped, {}, {}, {}, integer.getWidth(), {sum}}));
}

Linear Predicate::makeTable(tensor::ExtractOp extract) {
  if (!extract.getType().isSignlessIntOrIndex()) {
    return unknown();
  }
  Atom atom{AtomKind::Table, {}, {}, extract, 0, {}};
  for (Value index : extract.getIndices()) {
    atom.operands.push_back(getLinear(index));
  }
  return Linear::getAtom(intern(std::move(atom)));
}

/// Casts between integers keep the value or cut it.
Linear Predicate::makeCast(Operation *op) {
  Type from = op->getOperand(0).getType(), to = op->getResult(0).getType();
  if (from.isInteger(1) || to.isInteger(1)) {
    return unknown();
  }
  Linear operand = getLinear(op->getOperand(0));
  if (isa<arith::ExtSIOp>(op)) {
    return operand;
  }
  if (isa<arith::ExtUIOp, arith::IndexCastUIOp>(op)) {
    bool widens = isa<arith::ExtUIOp>(op) || isa<IndexType>(to);
    return widens && isNonNegative(operand) ? operand : unknown();
  }
  // `wrapped` looks at the result's width; a wider one cuts nothing.
  bool narrows = !isa<IndexType>(to) &&
                 (isa<IndexType>(from) ||
                  to.getIntOrFloatBitWidth() < from.getIntOrFloatBitWidth());
  return narrows ? wrapped(op, operand) : operand;
}

Linear Predicate::getLinear(Value value) {
  auto known = linears.find(value);
  if (known != linears.end()) {
    return known->second;
  }
  Linear result = makeLinear(value);
  linears[value] = result;
  return result;
}

Linear Predicate::makeLinear(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant))) {
    bool isBool = value.getType().isInteger(1);
    return Linear::get(isBool ? constant.getZExtValue()
                              : constant.getSExtValue());
  }
  Operation *op = value.getDefiningOp();
  if (!op || !where.isAncestor(op->getParentRegion())) {
    bool isInner = !op && where.isAncestor(value.getParentRegion());
    if (isInner || !value.getType().isSignlessIntOrIndex()) {
      return unknown();
    }
    return Linear::getAtom(intern({AtomKind::Captured, {}, value, {}, 0, {}}));
  }
  return op->getParentRegion() == &where ? makeResult(op) : unknown();
}

/// The result of an operation of the region itself.
Linear Predicate::makeResult(Operation *op) {
  auto get = [&](unsigned i) { return getLinear(op->getOperand(i)); };
  // An unsigned operation on values that are not negative is a signed one.
  auto areNonNegative = [&] {
    return isNonNegative(get(0)) && isNonNegative(get(1));
  };
  return llvm::TypeSwitch<Operation *, Linear>(op)
      .Case([&](cascade::IndexOp index) {
        return Linear::getAtom(
            intern({AtomKind::Rank, index.getRank(), {}, {}, 0, {}}));
      })
      .Case([&](arith::AddIOp) { return wrapped(op, get(0).plus(get(1))); })
      .Case([&](arith::SubIOp) { return wrapped(op, get(0).minus(get(1))); })
      .Case([&](arith::MulIOp) {
        Linear a = get(0), b = get(1);
        if (a.isConstant() || b.isConstant()) {
          return wrapped(op, a.isConstant() ? b.scaled(a.constant)
                                            : a.scaled(b.constant));
        }
        Linear product = Linear::getAtom(
            intern({AtomKind::Product, {}, {}, {}, 0, {a, b}}));
        return wrapped(op, product);
      })
      .Case([&](arith::FloorDivSIOp) {
        return makeQuotient(get(0), get(1), /*down=*/true);
      })
      .Case([&](arith::DivSIOp) {
        return makeQuotient(get(0), get(1), /*down=*/false);
      })
      .Case([&](arith::DivUIOp) {
        return areNonNegative() ? makeQuotient(get(0), get(1), true)
                                : unknown();
      })
      .Case([&](arith::RemSIOp) { return makeRest(get(0), get(1)); })
      .Case([&](arith::RemUIOp) {
        return areNonNegative() ? makeRest(get(0), get(1)) : unknown();
      })
      .Case([&](arith::MaxSIOp) { return makeMax(get(0), get(1)); })
      .Case([&](arith::MinSIOp) {
        return makeMax(get(0).scaled(-1), get(1).scaled(-1)).scaled(-1);
      })
      .Case([&](arith::MaxUIOp) {
        return areNonNegative() ? makeMax(get(0), get(1)) : unknown();
      })
      .Case([&](arith::MinUIOp) {
        return areNonNegative()
                   ? makeMax(get(0).scaled(-1), get(1).scaled(-1)).scaled(-1)
                   : unknown();
      })
      .Case([&](math::AbsIOp) {
        return wrapped(op, makeMax(get(0), get(0).scaled(-1)));
      })
      .Case([&](arith::SelectOp select) {
        if (!select.getCondition().getType().isInteger(1)) {
          return unknown();
        }
        Linear yes = getLinear(select.getTrueValue());
        Linear no = getLinear(select.getFalseValue());
        return Linear::getAtom(intern({AtomKind::Choice, {},
                                       select.getCondition(), {}, 0,
                                       {yes, no}}));
      })
      .Case<arith::IndexCastOp, arith::TruncIOp, arith::ExtSIOp,
            arith::ExtUIOp, arith::IndexCastUIOp>(
          [&](Operation *) { return makeCast(op); })
      .Case([&](tensor::ExtractOp extract) { return makeTable(extract); })
      .Default([&](Operation *) { return unknown(); });
}

//===----------------------------------------------------------------------===//
// Formulas
//===----------------------------------------------------------------------===//

static Formula join(Formula::Kind kind, std::vector<Formula> operands) {
  return {kind, {}, std::move(operands)};
}

Formula Predicate::getFormula(bool positive) {
  return makeFormula(where.front().getTerminator()->getOperand(0), positive);
}

Formula Predicate::makeLiteral(const Linear &sum) {
  if (sum.isConstant()) {
    return join(sum.constant <= 0 ? Formula::And : Formula::Or, {});
  }
  for (auto [index, factor] : sum.terms) {
    // A copy: making further atoms moves them.
    Atom atom = atoms[index];
    if (atom.kind != AtomKind::Max && atom.kind != AtomKind::Choice) {
      continue;
    }
    Linear rest = sum.without(index);
    Formula first = makeLiteral(rest.plus(atom.operands[0].scaled(factor)));
    Formula second = makeLiteral(rest.plus(atom.operands[1].scaled(factor)));
    if (atom.kind == AtomKind::Max) {
      return join(factor > 0 ? Formula::And : Formula::Or, {first, second});
    }
    return join(
        Formula::Or,
        {join(Formula::And, {makeFormula(atom.value, true), first}),
         join(Formula::And, {makeFormula(atom.value, false), second})});
  }
  return {Formula::Literal, sum, {}};
}

/// `lhs predicate rhs` of integers that are not i1.
Formula Predicate::makeComparison(Operation *op, bool positive) {
  auto compare = cast<arith::CmpIOp>(op);
  using P = arith::CmpIPredicate;
  P predicate = compare.getPredicate();
  if (!positive) {
    predicate = arith::invertPredicate(predicate);
  }
  Linear lhs = getLinear(compare.getLhs()), rhs = getLinear(compare.getRhs());
  Linear less = lhs.minus(rhs), greater = rhs.minus(lhs);
  Linear one = Linear::get(1);
  bool isUnsigned = predicate == P::ult || predicate == P::ule ||
                    predicate == P::ugt || predicate == P::uge;
  if (isUnsigned && !(isNonNegative(lhs) && isNonNegative(rhs))) {
    return makeLiteral(unknown());
  }
  switch (predicate) {
  case P::sle:
  case P::ule:
    return makeLiteral(less);
  case P::slt:
  case P::ult:
    return makeLiteral(less.plus(one));
  case P::sge:
  case P::uge:
    return makeLiteral(greater);
  case P::sgt:
  case P::ugt:
    return makeLiteral(greater.plus(one));
  case P::eq:
    return join(Formula::And, {makeLiteral(less), makeLiteral(greater)});
  case P::ne:
    return join(Formula::Or, {makeLiteral(less.plus(one)),
                              makeLiteral(greater.plus(one))});
  }
  llvm_unreachable("unknown predicate");
}

Formula Predicate::makeFormula(Value value, bool positive) {
  Formula::Kind conjunction = positive ? Formula::And : Formula::Or;
  Formula::Kind disjunction = positive ? Formula::Or : Formula::And;
  // x differs from y: (x and not y) or (not x and y).
  auto differ = [&](Value x, Value y, bool yes) {
    return join(Formula::Or,
                {join(Formula::And, {makeFormula(x, true), makeFormula(y, !yes)}),
                 join(Formula::And,
                      {makeFormula(x, false), makeFormula(y, yes)})});
  };
  Operation *op = value.getDefiningOp();
  bool isInner = op && op->getParentRegion() == &where;
  if (isInner) {
    if (isa<arith::AndIOp, arith::OrIOp>(op)) {
      return join(isa<arith::AndIOp>(op) ? conjunction : disjunction,
                  {makeFormula(op->getOperand(0), positive),
                   makeFormula(op->getOperand(1), positive)});
    }
    if (isa<arith::XOrIOp>(op)) {
      APInt flips;
      if (matchPattern(op->getOperand(1), m_ConstantInt(&flips))) {
        return makeFormula(op->getOperand(0), positive == flips.isZero());
      }
      return differ(op->getOperand(0), op->getOperand(1), positive);
    }
    if (auto select = dyn_cast<arith::SelectOp>(op)) {
      Value condition = select.getCondition();
      return join(Formula::Or,
                  {join(Formula::And,
                        {makeFormula(condition, true),
                         makeFormula(select.getTrueValue(), positive)}),
                   join(Formula::And,
                        {makeFormula(condition, false),
                         makeFormula(select.getFalseValue(), positive)})});
    }
    if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
      if (!compare.getLhs().getType().isInteger(1)) {
        return makeComparison(op, positive);
      }
      if (compare.getPredicate() == arith::CmpIPredicate::eq ||
          compare.getPredicate() == arith::CmpIPredicate::ne) {
        bool isNe = compare.getPredicate() == arith::CmpIPredicate::ne;
        return differ(compare.getLhs(), compare.getRhs(), isNe == positive);
      }
    }
  }
  // An i1 that is no formula: 0 or 1.
  Linear bit = getLinear(value);
  return makeLiteral(positive ? Linear::get(1).minus(bit) : bit);
}

//===----------------------------------------------------------------------===//
// Terms
//===----------------------------------------------------------------------===//

/// True if every literal of `a` is one of `b`: then `b` implies `a`.
static bool isWeaker(const Term &a, const Term &b) {
  return llvm::all_of(
      a, [&](const Linear &sum) { return llvm::is_contained(b, sum); });
}

void fovea::predicate::addTerm(std::vector<Term> &terms, Term term) {
  if (llvm::any_of(terms,
                   [&](const Term &known) { return isWeaker(known, term); })) {
    return;
  }
  llvm::erase_if(terms,
                 [&](const Term &known) { return isWeaker(term, known); });
  terms.push_back(std::move(term));
}

std::optional<std::vector<Term>>
fovea::predicate::getTerms(const Formula &formula, unsigned limit) {
  std::vector<Term> terms;
  if (formula.kind == Formula::Literal) {
    return std::vector<Term>{{formula.sum}};
  }
  if (formula.kind == Formula::And) {
    terms.push_back({});
  }
  for (const Formula &operand : formula.operands) {
    std::optional<std::vector<Term>> inner = getTerms(operand, limit);
    if (!inner) {
      return std::nullopt;
    }
    if (formula.kind == Formula::Or) {
      for (Term &term : *inner) {
        addTerm(terms, std::move(term));
      }
    } else {
      std::vector<Term> product;
      for (const Term &a : terms) {
        for (const Term &b : *inner) {
          Term both = a;
          for (const Linear &sum : b) {
            if (!llvm::is_contained(both, sum)) {
              both.push_back(sum);
            }
          }
          addTerm(product, std::move(both));
        }
      }
      terms = std::move(product);
    }
    if (terms.size() > limit) {
      return std::nullopt;
    }
  }
  return terms;
}
