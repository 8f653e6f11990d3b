//===- NormalForm.h - separate what a walk knows from what it ends with ---===//
//
// Inside a walk over rank k, an element of a downstream reduction is
// g(r, c): c is known at the coordinate, r only when the walk has ended. It can
// be accumulated during the walk if it can be written as
//
//   sum_i  A_i(r) * V_i(c) * (x_i(c) + p_i(r))^n_i * exp(u_i(c) + w_i(r))
//
// The functions of c - r whose translates span a space of finite dimension are
// exactly the exponential polynomials, so these terms are all that a finite
// number of accumulators can carry by shifts. Example, the numerator of
// softmax attention: A = 1/SD, V = V[k,e], u = S[q,k], w = -GM[q].
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DERIVE_NORMALFORM_H
#define FOVEA_DERIVE_NORMALFORM_H

#include "fovea/Derive/Expr.h"

#include <optional>
#include <string>

namespace fovea::derive {

/// One term of the sum above. `expC` null: no exponential; `power` 0: no
/// polynomial.
struct Term {
  const Expr *row = nullptr;   // A
  const Expr *value = nullptr; // V
  const Expr *expC = nullptr;  // u
  const Expr *expR = nullptr;  // w
  bool base2 = false;
  const Expr *polyC = nullptr; // x
  const Expr *polyR = nullptr; // p
  unsigned power = 0;          // n
};

using Terms = llvm::SmallVector<Term, 2>;

class Normalizer {
public:
  /// Who is c? In a walk: what carries the streamed rank. For an initial
  /// value, which has no such rank: all data that is no statistic.
  enum class Mode { Walk, Initial };

  Normalizer(ExprContext &context, RankSet stream, Mode mode = Mode::Walk)
      : context(context), stream(stream), mode(mode) {}

  /// The terms of `e`, or nothing with `getReason()` saying why not.
  std::optional<Terms> normalize(const Expr *e);
  llvm::StringRef getReason() const { return reason; }

private:
  enum class Side { Row, Walk, Mixed };
  Side sideOf(const Expr *e) const;

  std::optional<Terms> fail(const llvm::Twine &why);
  std::optional<Terms> sum(const Expr *e);
  std::optional<Terms> product(const Expr *e);
  std::optional<Terms> quotient(const Expr *e);
  std::optional<Terms> exponential(const Expr *e);
  std::optional<Terms> logarithm(const Expr *e);
  std::optional<Terms> zeroGuard(const Expr *e);
  std::optional<Terms> choice(const Expr *e);
  std::optional<Terms> absolute(const Expr *e);
  std::optional<Terms> generic(const Expr *e);
  bool multiply(const Term &a, const Term &b, Terms &out);
  Term make(const Expr *row, const Expr *value) const;
  const Expr *one(const Expr *like) const {
    return context.constant(1, like->type);
  }

  ExprContext &context;
  RankSet stream;
  Mode mode;
  std::string reason;
};

} // namespace fovea::derive

#endif // FOVEA_DERIVE_NORMALFORM_H
