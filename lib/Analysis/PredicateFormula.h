//===- PredicateFormula.h - a predicate as and, or and sums -----*- C++ -*-===//
//
// The symbolic half of the predicate analysis; it emits nothing. A region such
// as `|q - k| < 4 or k < 2` becomes
//
//     or(and(q - k - 3 <= 0, k - q - 3 <= 0), k - 1 <= 0)
//
// with negations pushed into the literals. Sums range over *atoms*: ranks,
// values from outside, and whatever is not linear in them.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_LIB_ANALYSIS_PREDICATEFORMULA_H
#define FOVEA_LIB_ANALYSIS_PREDICATEFORMULA_H

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Region.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <vector>

namespace fovea::predicate {

/// constant + sum of coefficient * atom; atoms increasing, no coefficient 0.
struct Linear {
  int64_t constant = 0;
  llvm::SmallVector<std::pair<unsigned, int64_t>, 4> terms;

  static Linear get(int64_t constant) { return {constant, {}}; }
  static Linear getAtom(unsigned atom) { return {0, {{atom, 1}}}; }

  bool isConstant() const { return terms.empty(); }
  Linear scaled(int64_t factor) const;
  Linear plus(const Linear &other) const;
  Linear minus(const Linear &other) const { return plus(other.scaled(-1)); }
  /// Without the term of `atom`.
  Linear without(unsigned atom) const;
  bool operator==(const Linear &other) const {
    return constant == other.constant && terms == other.terms;
  }
};

enum class AtomKind {
  Rank,     ///< A coordinate.
  Captured, ///< A value from outside the region.
  Quotient, ///< floor(operand 0 / number), number > 0.
  Truncated,///< operand 0 / number rounded towards 0, number > 0.
  Rest,     ///< Sign of operand 0; operand 0 mod number, number > 0.
  Product,  ///< operand 0 * operand 1.
  Max,      ///< The greater of two operands.
  Choice,   ///< operand 0 if `value`, else operand 1.
  Wrapped,  ///< operand 0 cut to `number` bits, signed.
  Table,    ///< Entry of a table at the operands.
  Unknown
};

struct Atom {
  AtomKind kind;
  llvm::StringRef rank;                 // Rank
  mlir::Value value;                    // Captured, Choice
  mlir::tensor::ExtractOp extract = {}; // Table
  int64_t number = 0;
  llvm::SmallVector<Linear, 2> operands;
};

/// The literal `sum <= 0`, or a conjunction or disjunction. An empty `And` is
/// true, an empty `Or` false.
struct Formula {
  enum Kind { Literal, And, Or } kind;
  Linear sum;
  std::vector<Formula> operands;
};

/// Literals that hold together.
using Term = std::vector<Linear>;

class Predicate {
public:
  explicit Predicate(mlir::Region &where);

  /// The predicate, or its negation.
  Formula getFormula(bool positive);

  const Atom &getAtom(unsigned i) const { return atoms[i]; }
  /// True unless the atom, or the sum, is surely the same for all
  /// coordinates of the rank.
  bool dependsOn(unsigned atom, llvm::StringRef rank) const;
  bool dependsOn(const Linear &sum, llvm::StringRef rank) const;
  /// True if `sum <= bound` can be solved for the rank: the rank occurs once,
  /// as itself or within quotients.
  bool isSolvable(const Linear &sum, llvm::StringRef rank) const;
  /// Ranks that the region asks for.
  llvm::ArrayRef<llvm::StringRef> getRanks() const { return ranks; }

private:
  Linear getLinear(mlir::Value value);
  Linear makeLinear(mlir::Value value);
  Linear makeQuotient(const Linear &operand, const Linear &by, bool down);
  Linear makeRest(const Linear &operand, const Linear &by);
  Linear makeResult(mlir::Operation *op);
  Linear makeTable(mlir::tensor::ExtractOp extract);
  Linear makeCast(mlir::Operation *op);
  Linear makeMax(const Linear &a, const Linear &b);
  Linear wrapped(mlir::Operation *op, const Linear &sum);
  Linear unknown();
  unsigned intern(Atom atom);
  bool isNonNegative(const Linear &sum) const;
  bool isNonNegative(const Atom &atom) const;

  Formula makeFormula(mlir::Value value, bool positive);
  Formula makeComparison(mlir::Operation *op, bool positive);
  /// `sum <= 0`, with greatest values and choices resolved by cases.
  Formula makeLiteral(const Linear &sum);

  mlir::Region &where;
  std::vector<Atom> atoms;
  llvm::SmallVector<llvm::StringRef> ranks;
  llvm::DenseMap<mlir::Value, Linear> linears;
};

/// Adds a term unless another holds whenever it does; drops those for which
/// that is true of the new one.
void addTerm(std::vector<Term> &terms, Term term);

/// The formula as a disjunction of terms, each term once, none implied by
/// another's being shorter; nothing if there are more than `limit`.
std::optional<std::vector<Term>> getTerms(const Formula &formula,
                                          unsigned limit);

} // namespace fovea::predicate

#endif // FOVEA_LIB_ANALYSIS_PREDICATEFORMULA_H
