//===- Expr.cpp - scalar expressions at a point of a cascade --------------===//

#include "fovea/Derive/Expr.h"

#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <cmath>

using namespace mlir;
using namespace fovea;
using namespace fovea::derive;
using cascade::Monoid;

//===----------------------------------------------------------------------===//
// Ranks
//===----------------------------------------------------------------------===//

unsigned RankTable::getOrAdd(StringRef name) {
  auto [it, isNew] = numbers.try_emplace(name, names.size());
  if (isNew) {
    names.push_back(name.str());
    extents.push_back(ShapedType::kDynamic);
  }
  return it->second;
}

SmallVector<unsigned> fovea::derive::ranksOf(RankSet set) {
  SmallVector<unsigned> ranks;
  for (; set; set &= set - 1) {
    ranks.push_back(llvm::countr_zero(set));
  }
  return ranks;
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

std::optional<double> fovea::derive::getConstant(const Expr *e) {
  auto value = dyn_cast_or_null<FloatAttr>(e->attr);
  if (!e->is(ExprKind::Constant) || !value) {
    return std::nullopt;
  }
  return value.getValueAsDouble();
}

bool fovea::derive::isConstant(const Expr *e, double value) {
  std::optional<double> c = getConstant(e);
  return c && *c == value;
}

static bool anyOfImpl(const Expr *e, llvm::function_ref<bool(const Expr *)> f,
                      llvm::SmallPtrSetImpl<const Expr *> &seen) {
  if (!e || !seen.insert(e).second) {
    return false;
  }
  return f(e) || llvm::any_of(e->operands, [&](const Expr *operand) {
           return anyOfImpl(operand, f, seen);
         });
}

bool fovea::derive::anyOf(const Expr *e,
                          llvm::function_ref<bool(const Expr *)> f) {
  llvm::SmallPtrSet<const Expr *, 16> seen;
  return anyOfImpl(e, f, seen);
}

void fovea::derive::flattenProduct(const Expr *e,
                                   SmallVectorImpl<const Expr *> &out) {
  if (!e->is(ExprKind::Mul)) {
    out.push_back(e);
    return;
  }
  flattenProduct(e->operand(0), out);
  flattenProduct(e->operand(1), out);
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

static size_t hashOf(const Expr &e) {
  return llvm::hash_combine(
      static_cast<int>(e.kind), e.type.getAsOpaquePointer(),
      e.attr.getAsOpaquePointer(), e.source.getAsOpaquePointer(),
      e.map ? hash_value(e.map) : llvm::hash_code(0), e.number, e.reduced,
      e.name.getAsOpaquePointer(),
      llvm::hash_combine_range(e.operands.begin(), e.operands.end()));
}

static bool areEqual(const Expr &a, const Expr &b) {
  return a.kind == b.kind && a.type == b.type && a.attr == b.attr &&
         a.source == b.source && a.map == b.map && a.number == b.number &&
         a.reduced == b.reduced && a.name == b.name &&
         a.operands == b.operands &&
         // A leaf of the table knows its ranks only through these.
         (a.kind != ExprKind::Statistic || a.ranks == b.ranks);
}

const Expr *ExprContext::intern(Expr e) {
  size_t hash = hashOf(e);
  auto [begin, end] = table.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    if (areEqual(*it->second, e)) {
      return it->second;
    }
  }
  for (const Expr *operand : e.operands) {
    if (operand) {
      e.ranks |= operand->ranks;
      e.hasStatistic |= operand->hasStatistic;
      e.hasData |= operand->hasData;
    }
  }
  e.ranks &= ~e.reduced;
  e.id = storage.size();
  storage.push_back(std::make_unique<Expr>(std::move(e)));
  table.emplace(hash, storage.back().get());
  return storage.back().get();
}

const Expr *ExprContext::make(ExprKind kind, Type type,
                              ArrayRef<const Expr *> operands,
                              unsigned number) {
  Expr e;
  e.kind = kind;
  e.type = type;
  e.number = number;
  e.operands.assign(operands.begin(), operands.end());
  return intern(std::move(e));
}

const Expr *ExprContext::constant(TypedAttr value) {
  Expr e;
  e.kind = ExprKind::Constant;
  e.type = value.getType();
  e.attr = value;
  return intern(std::move(e));
}

const Expr *ExprContext::constant(double value, Type type) {
  return constant(FloatAttr::get(type, value));
}

const Expr *ExprContext::leaf(Value source, AffineMap map) {
  Expr e;
  e.kind = ExprKind::Leaf;
  e.type = cascade::getElementType(source.getType());
  e.source = source;
  e.map = map;
  e.hasData = true;
  for (unsigned i = 0, n = ranks.size(); i < n; ++i) {
    if (map.isFunctionOfDim(i)) {
      e.ranks |= RankSet(1) << i;
    }
  }
  return intern(std::move(e));
}

const Expr *ExprContext::capture(Value source) {
  Expr e;
  e.kind = ExprKind::Capture;
  e.type = source.getType();
  e.source = source;
  e.hasData = true;
  return intern(std::move(e));
}

const Expr *ExprContext::index(unsigned rank) {
  Expr e;
  e.kind = ExprKind::Index;
  e.type = IndexType::get(context);
  e.number = rank;
  e.ranks = RankSet(1) << rank;
  e.hasData = true;
  return intern(std::move(e));
}

const Expr *ExprContext::statistic(unsigned number, Type type, RankSet set) {
  Expr e;
  e.kind = ExprKind::Statistic;
  e.type = type;
  e.number = number;
  e.ranks = set;
  e.hasStatistic = true;
  return intern(std::move(e));
}

const Expr *ExprContext::symbol(const Twine &name, Type type, RankSet set) {
  Expr e;
  e.kind = ExprKind::Symbol;
  e.type = type;
  e.attr = StringAttr::get(context, name);
  e.ranks = set;
  e.hasData = true;
  return intern(std::move(e));
}

const Expr *ExprContext::reduce(Monoid monoid, RankSet reduced,
                                const Expr *body, const Expr *where,
                                const Expr *initial) {
  // Factors that are the same at every point of a sum leave it:
  // sum_d q[d] (k[d] s) = s sum_d q[d] k[d].
  if (monoid == Monoid::Sum && !where && !initial) {
    SmallVector<const Expr *> factors;
    flattenProduct(body, factors);
    const Expr *outer = nullptr, *inner = nullptr;
    for (const Expr *factor : factors) {
      const Expr *&side = factor->ranks & reduced ? inner : outer;
      side = side ? mul(side, factor) : factor;
    }
    if (outer && inner) {
      return mul(reduce(monoid, reduced, inner, nullptr, nullptr), outer);
    }
  }
  Expr e;
  e.kind = ExprKind::Reduce;
  e.type = body->type;
  e.number = static_cast<unsigned>(monoid);
  e.reduced = reduced;
  e.operands = {body, where, initial};
  return intern(std::move(e));
}

const Expr *ExprContext::generic(StringAttr name, DictionaryAttr attributes,
                                 Type type, ArrayRef<const Expr *> operands) {
  Expr e;
  e.kind = ExprKind::Generic;
  e.type = type;
  e.attr = attributes;
  e.name = name;
  e.operands.assign(operands.begin(), operands.end());
  return intern(std::move(e));
}

/// Brings two floating-point expressions to the wider of their types.
void ExprContext::widen(const Expr *&a, const Expr *&b) {
  if (a->type == b->type) {
    return;
  }
  bool aIsNarrow =
      a->type.getIntOrFloatBitWidth() < b->type.getIntOrFloatBitWidth();
  const Expr *&narrow = aIsNarrow ? a : b;
  Type wide = aIsNarrow ? b->type : a->type;
  if (std::optional<double> c = getConstant(narrow)) {
    narrow = constant(*c, wide);
    return;
  }
  narrow = generic(StringAttr::get(context, "arith.extf"),
                   DictionaryAttr::get(context), wide, {narrow});
}

const Expr *ExprContext::add(const Expr *a, const Expr *b) {
  widen(a, b);
  std::optional<double> x = getConstant(a), y = getConstant(b);
  if (x && y) {
    return constant(*x + *y, a->type);
  }
  if (x && *x == 0) {
    return b;
  }
  if (y && *y == 0) {
    return a;
  }
  if (b->is(ExprKind::Neg)) {
    return sub(a, b->operand(0));
  }
  if (a->is(ExprKind::Neg)) {
    return sub(b, a->operand(0));
  }
  return make(ExprKind::Add, a->type, {a, b});
}

const Expr *ExprContext::sub(const Expr *a, const Expr *b) {
  widen(a, b);
  std::optional<double> x = getConstant(a), y = getConstant(b);
  if (x && y) {
    return constant(*x - *y, a->type);
  }
  if (y && *y == 0) {
    return a;
  }
  if (x && *x == 0) {
    return neg(b);
  }
  if (a == b) {
    return constant(0, a->type);
  }
  if (b->is(ExprKind::Neg)) {
    return add(a, b->operand(0));
  }
  return make(ExprKind::Sub, a->type, {a, b});
}

const Expr *ExprContext::mul(const Expr *a, const Expr *b) {
  widen(a, b);
  std::optional<double> x = getConstant(a), y = getConstant(b);
  if ((x && *x == 0) || (y && *y == 0)) {
    return constant(0, a->type);
  }
  if (x && y) {
    return constant(*x * *y, a->type);
  }
  if (x && *x == 1) {
    return b;
  }
  if (y && *y == 1) {
    return a;
  }
  if ((x && *x == -1) || (y && *y == -1)) {
    return neg(x ? b : a);
  }
  if (a->is(ExprKind::Neg)) {
    return neg(mul(a->operand(0), b));
  }
  if (b->is(ExprKind::Neg)) {
    return neg(mul(a, b->operand(0)));
  }
  // Factors chosen by the same condition are chosen together.
  if (a->is(ExprKind::Select) && b->is(ExprKind::Select) &&
      a->operand(0) == b->operand(0)) {
    return select(a->operand(0), mul(a->operand(1), b->operand(1)),
                  mul(a->operand(2), b->operand(2)));
  }
  return make(ExprKind::Mul, a->type, {a, b});
}

const Expr *ExprContext::div(const Expr *a, const Expr *b) {
  widen(a, b);
  std::optional<double> x = getConstant(a), y = getConstant(b);
  if (x && y && *y != 0) {
    return constant(*x / *y, a->type);
  }
  if ((y && *y == 1) || (x && *x == 0)) {
    return a;
  }
  return make(ExprKind::Div, a->type, {a, b});
}

const Expr *ExprContext::neg(const Expr *a) {
  if (std::optional<double> x = getConstant(a)) {
    return constant(-*x, a->type);
  }
  if (a->is(ExprKind::Neg)) {
    return a->operand(0);
  }
  if (a->is(ExprKind::Sub)) {
    return sub(a->operand(1), a->operand(0));
  }
  return make(ExprKind::Neg, a->type, {a});
}

const Expr *ExprContext::exp(const Expr *a, bool base2) {
  if (isConstant(a, 0)) {
    return constant(1, a->type);
  }
  // exp(-log x) = 1 / x; the row statistic of a saved log-sum-exp.
  if (!base2 && a->is(ExprKind::Log)) {
    return a->operand(0);
  }
  if (!base2 && a->is(ExprKind::Neg) && a->operand(0)->is(ExprKind::Log)) {
    return div(constant(1, a->type), a->operand(0)->operand(0));
  }
  return make(base2 ? ExprKind::Exp2 : ExprKind::Exp, a->type, {a});
}

const Expr *ExprContext::log(const Expr *a) {
  if (std::optional<double> x = getConstant(a)) {
    return constant(std::log(*x), a->type);
  }
  if (a->is(ExprKind::Exp)) {
    return a->operand(0);
  }
  if (a->is(ExprKind::Div) && isConstant(a->operand(0), 1)) {
    return neg(log(a->operand(1)));
  }
  if (a->is(ExprKind::Select)) {
    return select(a->operand(0), log(a->operand(1)), log(a->operand(2)));
  }
  return make(ExprKind::Log, a->type, {a});
}

const Expr *ExprContext::abs(const Expr *a) {
  if (std::optional<double> x = getConstant(a)) {
    return constant(std::fabs(*x), a->type);
  }
  return make(ExprKind::Abs, a->type, {a});
}

const Expr *ExprContext::select(const Expr *condition, const Expr *a,
                                const Expr *b) {
  if (isa<FloatType>(a->type)) {
    widen(a, b);
  }
  if (a == b) {
    return a;
  }
  if (condition->is(ExprKind::Constant)) {
    return cast<BoolAttr>(condition->attr).getValue() ? a : b;
  }
  // Inside a branch the condition is known.
  if (a->is(ExprKind::Select) && a->operand(0) == condition) {
    a = a->operand(1);
  }
  if (b->is(ExprKind::Select) && b->operand(0) == condition) {
    b = b->operand(2);
  }
  return make(ExprKind::Select, a->type, {condition, a, b});
}

const Expr *ExprContext::compare(arith::CmpFPredicate predicate, const Expr *a,
                                 const Expr *b) {
  return make(ExprKind::Compare, IntegerType::get(context, 1), {a, b},
              static_cast<unsigned>(predicate));
}

const Expr *ExprContext::extremum(ExprKind kind, const Expr *a, const Expr *b) {
  widen(a, b);
  return a == b ? a : make(kind, a->type, {a, b});
}

const Expr *ExprContext::power(const Expr *a, unsigned n) {
  const Expr *result = constant(1, a->type);
  for (unsigned i = 0; i < n; ++i) {
    result = mul(result, a);
  }
  return result;
}

const Expr *ExprContext::combine(Monoid monoid, const Expr *a, const Expr *b) {
  switch (monoid) {
  case Monoid::Sum:
    return add(a, b);
  case Monoid::Max:
    return extremum(ExprKind::Max, a, b);
  case Monoid::Min:
    return extremum(ExprKind::Min, a, b);
  }
  llvm_unreachable("unknown monoid");
}

const Expr *ExprContext::identity(Monoid monoid, Type type) {
  return constant(cascade::getIdentity(monoid, cast<FloatType>(type)));
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

const Expr *ExprContext::rebuild(const Expr *e,
                                 ArrayRef<const Expr *> operands) {
  if (llvm::equal(operands, e->operands)) {
    return e;
  }
  switch (e->kind) {
  case ExprKind::Constant:
  case ExprKind::Leaf:
  case ExprKind::Capture:
  case ExprKind::Index:
  case ExprKind::Statistic:
  case ExprKind::Symbol:
    return e;
  case ExprKind::Reduce:
    return reduce(static_cast<Monoid>(e->number), e->reduced, operands[0],
                  operands[1], operands[2]);
  case ExprKind::Add:
    return add(operands[0], operands[1]);
  case ExprKind::Sub:
    return sub(operands[0], operands[1]);
  case ExprKind::Mul:
    return mul(operands[0], operands[1]);
  case ExprKind::Div:
    return div(operands[0], operands[1]);
  case ExprKind::Neg:
    return neg(operands[0]);
  case ExprKind::Exp:
  case ExprKind::Exp2:
    return exp(operands[0], e->is(ExprKind::Exp2));
  case ExprKind::Log:
    return log(operands[0]);
  case ExprKind::Abs:
    return abs(operands[0]);
  case ExprKind::Max:
  case ExprKind::Min:
    return extremum(e->kind, operands[0], operands[1]);
  case ExprKind::Compare:
    return compare(static_cast<arith::CmpFPredicate>(e->number), operands[0],
                   operands[1]);
  case ExprKind::Select:
    return select(operands[0], operands[1], operands[2]);
  case ExprKind::Generic:
    return generic(e->name, cast<DictionaryAttr>(e->attr), e->type, operands);
  }
  llvm_unreachable("unknown expression");
}

const Expr *
ExprContext::rewrite(const Expr *e,
                     llvm::function_ref<const Expr *(const Expr *)> f) {
  ExprMap done;
  std::function<const Expr *(const Expr *)> visit =
      [&](const Expr *node) -> const Expr * {
    if (!node) {
      return nullptr;
    }
    if (const Expr *known = done.lookup(node)) {
      return known;
    }
    const Expr *result = f(node);
    if (!result) {
      SmallVector<const Expr *> operands;
      for (const Expr *operand : node->operands) {
        operands.push_back(visit(operand));
      }
      result = rebuild(node, operands);
    }
    done[node] = result;
    return result;
  };
  return visit(e);
}

//===----------------------------------------------------------------------===//
// Linear forms
//===----------------------------------------------------------------------===//

std::pair<double, const Expr *> ExprContext::splitScale(const Expr *e) {
  if (std::optional<double> c = getConstant(e)) {
    return {*c, constant(1, e->type)};
  }
  if (e->is(ExprKind::Neg)) {
    auto [c, core] = splitScale(e->operand(0));
    return {-c, core};
  }
  if (e->is(ExprKind::Mul)) {
    for (unsigned i : {0, 1}) {
      if (std::optional<double> c = getConstant(e->operand(i))) {
        auto [rest, core] = splitScale(e->operand(1 - i));
        return {*c * rest, core};
      }
    }
  }
  if (e->is(ExprKind::Div)) {
    if (std::optional<double> c = getConstant(e->operand(1))) {
      auto [rest, core] = splitScale(e->operand(0));
      return {rest / *c, core};
    }
  }
  return {1, e};
}

using LinearForm = llvm::MapVector<const Expr *, double>;

static void collectLinear(ExprContext &context, const Expr *e, double scale,
                          LinearForm &form) {
  if (e->is(ExprKind::Add) || e->is(ExprKind::Sub)) {
    collectLinear(context, e->operand(0), scale, form);
    collectLinear(context, e->operand(1),
                  e->is(ExprKind::Sub) ? -scale : scale, form);
    return;
  }
  auto [c, core] = context.splitScale(e);
  if (core != e && (core->is(ExprKind::Add) || core->is(ExprKind::Sub))) {
    collectLinear(context, core, scale * c, form);
    return;
  }
  form[core] += scale * c;
}

const Expr *ExprContext::addCancelling(const Expr *a, const Expr *b) {
  widen(a, b);
  LinearForm form;
  collectLinear(*this, a, 1, form);
  collectLinear(*this, b, 1, form);
  const Expr *sum = constant(0, a->type);
  for (auto [core, c] : form) {
    // Scales that come from a division cancel up to rounding.
    if (std::fabs(c) > 1e-12) {
      sum = add(sum, mul(constant(c, core->type), core));
    }
  }
  return sum;
}
