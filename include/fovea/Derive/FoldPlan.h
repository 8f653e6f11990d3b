//===- FoldPlan.h - decide which folds a cascade becomes --------*- C++ -*-===//
//
// A plan gives each reduction over the streamed rank a *level*: the number of
// the walk in which it is accumulated. A reduction whose element separates
// (NormalForm.h) from the statistics it reads runs in the walk of those
// statistics; otherwise it waits for the next one. Reductions of one level
// with common parallel ranks share one fold.
//
// What a fold carries for a term of the normal form:
//
//   A(r) V(c)                       sum of V                     (deferred)
//   A(r) V(c) exp(u(c) + w(r))      sum of V exp(u - g)          (repaired)
//   ... times (x(c) + p(r))^n       sums of V (u - g)^i exp(u - g), i <= n
//                                                                (lifted)
//
// where the *gauge* g is the running maximum of u, so that exponents are never
// positive, or the running mean of x where there is no exponential. When g
// moves to g', the sums are moved by exp(g - g') and by the binomial in
// g - g'. The true w and p come in at the end, as factors A.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DERIVE_FOLDPLAN_H
#define FOVEA_DERIVE_FOLDPLAN_H

#include "fovea/Derive/Model.h"
#include "fovea/Derive/NormalForm.h"

namespace fovea::derive {

/// The point from which gauged sums are measured.
struct Gauge {
  bool hasExp = true;
  bool base2 = false;
  const Expr *variable = nullptr; // u, or x where there is no exponential
  int extremum = -1;              // accumulator of max (or min) of u / scale
  double scale = 1;
  int sum = -1, count = -1;       // accumulators of the mean of x
  std::string name;               // for remarks
};

struct Accumulator {
  cascade::Monoid monoid = cascade::Monoid::Sum;
  const Expr *value = nullptr; // what is combined; times the gauged factor
  int gauge = -1;
  unsigned power = 0;
  const Expr *initial = nullptr; // start of the state; null: the identity
  RankSet reduced = 0;           // ranks combined, the streamed one among them
  RankSet ranks = 0;             // of the state, without parallel ranks

  bool operator==(const Accumulator &o) const {
    return monoid == o.monoid && value == o.value && gauge == o.gauge &&
           power == o.power && initial == o.initial && reduced == o.reduced;
  }
};

/// One result of a fold.
struct FoldResult {
  mlir::Value value;      // of the operation it replaces
  const Expr *expr;       // over symbols of the final state, or per key
  llvm::SmallVector<unsigned> order;
  bool isEmitted = false; // one value per key, made by `step`
};

struct Fold {
  int level = 1;
  RankSet parallel = 0;
  const Expr *where = nullptr;
  llvm::SmallVector<unsigned> statistics;
  std::vector<Accumulator> accumulators;
  std::vector<Gauge> gauges;
  std::vector<FoldResult> results;
};

/// How one statistic is accumulated.
struct Placement {
  int level = 0;
  int fold = -1;
  const Expr *element = nullptr; // earlier statistics as leaves
  const Expr *where = nullptr;
  const Expr *initial = nullptr;
  llvm::SmallVector<unsigned> running; // statistics of the same walk it reads
  Terms terms;                         // of a sum, or the one of an extremum
  const Expr *final = nullptr;         // over symbols of the final state
};

/// A message about one operation.
struct Note {
  mlir::Operation *op;
  std::string text;
};

class FoldPlan {
public:
  FoldPlan(Model &model, mlir::Block &block)
      : FoldPlan(model, block, /*decomposed=*/std::nullopt) {}
  /// With `decomposed`, no reduction joins the walk of a statistic that it
  /// reads: it waits for the next one, and these tensors along the rank go
  /// through memory, written by the walk that makes them and read by later
  /// ones. They are those of which a whole fiber stays alive (CountPasses.h).
  FoldPlan(Model &model, mlir::Block &block,
           std::optional<llvm::SmallVector<mlir::Value>> decomposed);

  Model &model;
  std::vector<Fold> folds;
  std::vector<Placement> placements;
  std::vector<Note> notes;

  /// The symbol of a state element; `phase` is "old", "new" or "other".
  const Expr *state(const Fold &fold, unsigned i, llvm::StringRef phase) const;
  /// The gauge as an expression over states of a phase; -inf (an empty
  /// maximum) stands for 0 there.
  const Expr *gaugeValue(const Fold &fold, unsigned gauge,
                         llvm::StringRef phase) const;
  /// True if the sum is zero whatever the keys are, and is not carried.
  bool vanishes(const Fold &fold, const Accumulator &a) const;

private:
  void place(unsigned number);
  bool tryPlace(unsigned number, int level, std::string &why);
  void findImplicitWhere(Placement &p, cascade::Monoid monoid);
  bool normalize(Placement &p, cascade::Monoid monoid, std::string &why);
  const Expr *knownAsLeaves(const Expr *e, int level);
  int availability(mlir::Value value);
  int levelOfStatistics(const Expr *e);
  int levelOfLeaves(const Expr *e);

  const Expr *cancelGauge(const Fold &fold, unsigned gauge, const Expr *e);
  const Expr *guarded(const Fold &fold, unsigned number, const Expr *e,
                      double absent);
  RankSet reducedBy(unsigned number) const;
  RankSet chooseParallel(llvm::ArrayRef<unsigned> numbers) const;
  bool innerIsStatic(llvm::ArrayRef<unsigned> numbers, RankSet parallel,
                     std::string *why) const;
  void mergeFolds();

  void accumulate(Fold &fold);
  void accumulateOne(Fold &fold, unsigned number);
  const Expr *sumTerm(Fold &fold, unsigned number, Term term,
                      std::string &how);
  const Expr *sumPolynomial(Fold &fold, unsigned number, Term term,
                            std::string &how);
  const Expr *sumGauged(Fold &fold, unsigned number, Term term,
                        std::string &how);
  unsigned addAccumulator(Fold &fold, const Accumulator &accumulator);
  unsigned findExpGauge(Fold &fold, unsigned number, const Term &term);
  unsigned findMeanGauge(Fold &fold, unsigned number, const Expr *variable);
  const Expr *finalOf(const Expr *e);
  bool startsFromInitial(Fold &fold, unsigned number, const Term &term,
                         Accumulator &accumulator);

  void keepOperandsOutside();
  void collectResults();
  bool addRowResult(mlir::Value value, const Expr *e);
  bool addEmission(mlir::Value value, const Expr *e);
  void forEachExpr(Fold &fold, llvm::function_ref<void(const Expr *&)> f);

  bool isThroughMemory(mlir::Value value) const {
    return decomposed && llvm::is_contained(*decomposed, value);
  }
  int levelOfMaking(mlir::Value value);

  mlir::Block &block;
  std::optional<llvm::SmallVector<mlir::Value>> decomposed;
  llvm::DenseMap<mlir::Value, int> available;
};

} // namespace fovea::derive

#endif // FOVEA_DERIVE_FOLDPLAN_H
