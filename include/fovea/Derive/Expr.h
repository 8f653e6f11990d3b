//===- Expr.h - scalar expressions at a point of a cascade ------*- C++ -*-===//
//
// What an Einsum computes at one point, as an immutable, hash-consed graph:
// equal expressions are the same pointer. Producers are substituted for the
// tensors they make, so the weight of softmax attention reads
//
//   exp(Reduce_d(Q[q,d] * K[k,d]) - Statistic 0)
//
// where Statistic 0 stands for the maximum over k. A node knows the ranks it
// varies over and whether it depends on a statistic.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DERIVE_EXPR_H
#define FOVEA_DERIVE_EXPR_H

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace fovea::derive {

/// A set of ranks, as bits over a RankTable.
using RankSet = uint64_t;

/// The rank names of one function, each with its number and, where some tensor
/// tells it, its static extent.
class RankTable {
public:
  /// Number of the rank, added if new. At most 64 ranks.
  unsigned getOrAdd(llvm::StringRef name);
  /// Number of a known rank.
  unsigned get(llvm::StringRef name) const { return numbers.lookup(name); }
  bool contains(llvm::StringRef name) const { return numbers.contains(name); }
  llvm::StringRef getName(unsigned rank) const { return names[rank]; }
  unsigned size() const { return names.size(); }
  RankSet bit(llvm::StringRef name) const { return RankSet(1) << get(name); }
  int64_t getExtent(unsigned rank) const { return extents[rank]; }
  void setExtent(unsigned rank, int64_t extent) { extents[rank] = extent; }
  bool isStatic(unsigned rank) const {
    return !mlir::ShapedType::isDynamic(extents[rank]);
  }

private:
  std::vector<std::string> names;
  std::vector<int64_t> extents;
  llvm::StringMap<unsigned> numbers;
};

/// Numbers of the ranks of a set, in increasing order.
llvm::SmallVector<unsigned> ranksOf(RankSet set);

enum class ExprKind {
  Constant,  // attribute `attr`
  Leaf,      // an element of tensor (or the scalar) `source`, indexed by `map`
  Capture,   // a value from outside, whole
  Index,     // the coordinate of rank `number`
  Statistic, // the result of reduction `number` over the streamed rank
  Symbol,    // a value with name `attr` that the emitter knows
  Reduce,    // operands: body, where or null, initial value or null
  Add,
  Sub,
  Mul,
  Div,
  Neg,
  Exp,
  Exp2,
  Log,
  Abs,
  Max,
  Min,
  Compare, // arith.cmpf with predicate `number`
  Select,
  Generic // operation `name` with attributes `attr`
};

struct Expr {
  ExprKind kind;
  mlir::Type type;
  mlir::Attribute attr;
  mlir::Value source;
  mlir::AffineMap map;
  unsigned number = 0;
  RankSet reduced = 0; // Reduce: the ranks; its monoid is `number`
  mlir::StringAttr name;
  llvm::SmallVector<const Expr *, 3> operands;

  // Derived.
  RankSet ranks = 0;
  bool hasStatistic = false;
  bool hasData = false; // depends on a leaf, capture or coordinate
  unsigned id = 0;      // order of creation

  bool is(ExprKind k) const { return kind == k; }
  const Expr *operand(unsigned i) const { return operands[i]; }
};

using ExprMap = llvm::DenseMap<const Expr *, const Expr *>;

/// Makes expressions, simplifying as it goes. Like the passes that use it, it
/// treats real numbers as a field and zero as absorbing.
class ExprContext {
public:
  explicit ExprContext(mlir::MLIRContext *context) : context(context) {}
  ExprContext(const ExprContext &) = delete;

  RankTable ranks;

  const Expr *constant(double value, mlir::Type type);
  const Expr *constant(mlir::TypedAttr value);
  const Expr *leaf(mlir::Value source, mlir::AffineMap map);
  const Expr *capture(mlir::Value source);
  const Expr *index(unsigned rank);
  const Expr *statistic(unsigned number, mlir::Type type, RankSet ranks);
  const Expr *symbol(const llvm::Twine &name, mlir::Type type, RankSet ranks);
  const Expr *reduce(cascade::Monoid monoid, RankSet reduced, const Expr *body,
                     const Expr *where, const Expr *initial);
  const Expr *generic(mlir::StringAttr name, mlir::DictionaryAttr attributes,
                      mlir::Type type, llvm::ArrayRef<const Expr *> operands);

  const Expr *add(const Expr *a, const Expr *b);
  const Expr *sub(const Expr *a, const Expr *b);
  const Expr *mul(const Expr *a, const Expr *b);
  const Expr *div(const Expr *a, const Expr *b);
  const Expr *neg(const Expr *a);
  const Expr *exp(const Expr *a, bool base2 = false);
  const Expr *log(const Expr *a);
  const Expr *abs(const Expr *a);
  const Expr *select(const Expr *condition, const Expr *a, const Expr *b);
  const Expr *compare(mlir::arith::CmpFPredicate predicate, const Expr *a,
                      const Expr *b);
  const Expr *extremum(ExprKind kind, const Expr *a, const Expr *b);
  const Expr *power(const Expr *a, unsigned n);
  const Expr *combine(cascade::Monoid monoid, const Expr *a, const Expr *b);
  const Expr *identity(cascade::Monoid monoid, mlir::Type type);

  /// The same operation on other operands.
  const Expr *rebuild(const Expr *e, llvm::ArrayRef<const Expr *> operands);

  /// Rewrites top-down: where `f` returns an expression, it stands for the
  /// node; elsewhere operands are rewritten.
  const Expr *
  rewrite(const Expr *e, llvm::function_ref<const Expr *(const Expr *)> f);

  /// Adds up `a + b` as linear forms, so that equal summands cancel.
  const Expr *addCancelling(const Expr *a, const Expr *b);

  /// `e` as constant * core.
  std::pair<double, const Expr *> splitScale(const Expr *e);

  mlir::MLIRContext *getContext() const { return context; }

private:
  const Expr *intern(Expr e);
  const Expr *make(ExprKind kind, mlir::Type type,
                   llvm::ArrayRef<const Expr *> operands, unsigned number = 0);
  void widen(const Expr *&a, const Expr *&b);

  mlir::MLIRContext *context;
  std::vector<std::unique_ptr<Expr>> storage;
  std::unordered_multimap<size_t, const Expr *> table;
};

/// The value of a floating-point constant.
std::optional<double> getConstant(const Expr *e);
bool isConstant(const Expr *e, double value);

/// True if `f` holds for some node of the graph.
bool anyOf(const Expr *e, llvm::function_ref<bool(const Expr *)> f);

/// Factors of a product (without constants' or signs' special treatment).
void flattenProduct(const Expr *e, llvm::SmallVectorImpl<const Expr *> &out);

} // namespace fovea::derive

#endif // FOVEA_DERIVE_EXPR_H
