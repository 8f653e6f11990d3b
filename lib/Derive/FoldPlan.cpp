//===- FoldPlan.cpp - decide which folds a cascade becomes ----------------===//

#include "fovea/Derive/FoldPlan.h"

#include "fovea/Analysis/CountPasses.h"

#include "mlir/IR/AsmState.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::derive;
using cascade::Monoid;

FoldPlan::FoldPlan(Model &model, Block &block,
                   std::optional<SmallVector<Value>> decomposed)
    : model(model), block(block), decomposed(std::move(decomposed)) {
  for (auto &[op, why] : model.unread) {
    notes.push_back({op, "kept as it is: " + why});
  }
  StringRef stream = model.context.ranks.getName(ranksOf(model.stream).front());
  for (cascade::ScanOp scan : block.getOps<cascade::ScanOp>()) {
    if (scan.getOver() == stream) {
      notes.push_back({scan, "kept as it is: a scan over the streamed rank is "
                             "sequential"});
    }
  }
  placements.resize(model.statistics.size());
  for (unsigned i = 0, e = placements.size(); i < e; ++i) {
    place(i);
  }
  mergeFolds();
  for (Fold &fold : folds) {
    accumulate(fold);
  }
  collectResults();
  keepOperandsOutside();
}

//===----------------------------------------------------------------------===//
// Levels
//===----------------------------------------------------------------------===//

/// Latest walk whose statistics `e` reads; 0 for none.
int FoldPlan::levelOfStatistics(const Expr *e) {
  int level = 0;
  anyOf(e, [&](const Expr *node) {
    if (node->is(ExprKind::Statistic)) {
      level = std::max(level, placements[node->number].level);
    }
    return false;
  });
  return level;
}

/// Latest walk after which all tensors that `e` reads are there.
int FoldPlan::levelOfLeaves(const Expr *e) {
  int level = 0;
  anyOf(e, [&](const Expr *node) {
    if (node->is(ExprKind::Leaf) || node->is(ExprKind::Capture)) {
      level = std::max(level, availability(node->source));
    }
    return false;
  });
  return level;
}

/// The walk after which `value` is there as a tensor.
int FoldPlan::availability(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != &block) {
    return 0;
  }
  auto it = available.find(value);
  if (it != available.end()) {
    return it->second;
  }
  int level = 0;
  if (const Expr *e = model.getExpr(value)) {
    level = std::max(levelOfStatistics(e), levelOfLeaves(e));
    if ((e->ranks & model.stream) &&
        (e->hasStatistic || isThroughMemory(value))) {
      ++level; // one value per key can be written only once the row is known
    }
  } else {
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        if (!op->isAncestor(operand.getParentRegion()->getParentOp())) {
          level = std::max(level, availability(operand));
        }
      }
    });
  }
  available[value] = level;
  return level;
}

/// The walk that makes a tensor along the streamed rank.
int FoldPlan::levelOfMaking(Value value) {
  const Expr *e = model.getExpr(value);
  return 1 + std::max(levelOfStatistics(e), levelOfLeaves(e));
}

/// Statistics of walks before `level` are plain row operands; the largest such
/// parts that exist as tensors are read as tensors. So is what an earlier walk
/// wrote to memory.
const Expr *FoldPlan::knownAsLeaves(const Expr *e, int level) {
  if (!e) {
    return nullptr;
  }
  return model.context.rewrite(e, [&](const Expr *node) -> const Expr * {
    Value tensor = model.getTensor(node);
    if (tensor && isThroughMemory(tensor) && levelOfMaking(tensor) < level) {
      return model.leafOf(tensor);
    }
    if (!tensor || !node->hasStatistic || (node->ranks & model.stream) ||
        levelOfStatistics(node) >= level) {
      return nullptr;
    }
    return model.leafOf(tensor);
  });
}

static SmallVector<unsigned> statisticsIn(ArrayRef<const Expr *> exprs) {
  llvm::SmallSetVector<unsigned, 4> numbers;
  for (const Expr *e : exprs) {
    anyOf(e, [&](const Expr *node) {
      if (node->is(ExprKind::Statistic)) {
        numbers.insert(node->number);
      }
      return false;
    });
  }
  return numbers.takeVector();
}

void FoldPlan::place(unsigned number) {
  const Statistic &s = model.statistics[number];
  int level = 1;
  for (const Expr *e : {s.element, s.where, s.initial}) {
    if (e) {
      level = std::max({level, levelOfStatistics(e), levelOfLeaves(e) + 1});
    }
  }
  std::string why;
  if (tryPlace(number, level, why)) {
    return;
  }
  AsmState state(block.getParentOp());
  std::string text = "refused in walk " + std::to_string(level) + ": " + why;
  std::string target = getDisplayName(s.op->getResult(0), state);
  for (unsigned r : placements[number].running) {
    text += "; cut edge " +
            getDisplayName(model.statistics[r].op->getResult(0), state) +
            " -> " + target;
  }
  notes.push_back({s.op, text});
  bool placed = tryPlace(number, level + 1, why);
  assert(placed && "a reduction that reads no statistic of its walk fits");
  (void)placed;
}

/// A reduction without `where` that reads masked elements, which are its
/// identity where the mask is false, has that mask.
void FoldPlan::findImplicitWhere(Placement &p, Monoid monoid) {
  if (p.where) {
    return;
  }
  ExprContext &context = model.context;
  auto assume = [&](const Expr *e, const Expr *where, bool value) {
    const Expr *known =
        context.constant(BoolAttr::get(context.getContext(), value));
    return context.rewrite(
        e, [&](const Expr *n) { return n == where ? known : nullptr; });
  };
  for (unsigned r : p.running) {
    const Expr *where = placements[r].where;
    if (!where) {
      continue;
    }
    const Expr *absent = assume(p.element, where, false);
    if (absent == context.identity(monoid, p.element->type)) {
      p.element = assume(p.element, where, true);
      p.where = where;
      return;
    }
  }
}

bool FoldPlan::normalize(Placement &p, Monoid monoid, std::string &why) {
  if (p.where && p.where->hasStatistic) {
    why = "a comparison mixes a row statistic and a key: not separable";
    return false;
  }
  Normalizer normalizer(model.context, model.stream);
  std::optional<Terms> terms = normalizer.normalize(p.element);
  if (!terms) {
    why = normalizer.getReason().str();
    return false;
  }
  p.terms = *terms;
  if (monoid == Monoid::Sum) {
    return true;
  }
  // One element for all keys is that element, or the identity without keys.
  if (!(p.element->ranks & model.stream)) {
    if (p.element->hasStatistic) {
      why = "an extremum of a row statistic";
      return false;
    }
    Term &only = p.terms.front();
    only.row = model.context.constant(1, p.element->type);
    only.value = p.element;
    return true;
  }
  // An extremum moves with a shift, and with a positive known scale.
  const Term &t = p.terms.front();
  std::optional<double> scale = getConstant(t.row);
  bool isShift = t.power == 0 || (t.power == 1 && isConstant(t.value, 1));
  if (p.terms.size() != 1 || t.expC || !scale || *scale <= 0 || !isShift) {
    why = "an extremum of a product with a row statistic, whose sign is "
          "unknown";
    return false;
  }
  return true;
}

bool FoldPlan::tryPlace(unsigned number, int level, std::string &why) {
  const Statistic &s = model.statistics[number];
  Placement &p = placements[number];
  p.level = level;
  p.element = knownAsLeaves(s.element, level);
  p.where = knownAsLeaves(s.where, level);
  p.initial = knownAsLeaves(s.initial, level);
  p.running = statisticsIn({p.element, p.where, p.initial});
  findImplicitWhere(p, s.monoid);
  if (decomposed && !p.running.empty()) {
    why = "a decomposed form was asked for";
    return false;
  }
  if (!normalize(p, s.monoid, why)) {
    return false;
  }
  // It joins the folds of the statistics it reads into one.
  SmallVector<unsigned> numbers;
  llvm::SmallSetVector<int, 2> joined;
  for (unsigned r : p.running) {
    joined.insert(placements[r].fold);
  }
  for (int fold : joined) {
    llvm::append_range(numbers, folds[fold].statistics);
  }
  numbers.push_back(number);
  llvm::sort(numbers);
  RankSet parallel = chooseParallel(numbers);
  if (!innerIsStatic(numbers, parallel, &why)) {
    return false;
  }
  int target = joined.empty() ? folds.size() : joined.front();
  if (joined.empty()) {
    folds.emplace_back();
    folds.back().level = level;
  }
  for (int fold : joined) {
    folds[fold].statistics.clear();
  }
  folds[target].statistics = numbers;
  folds[target].parallel = parallel;
  for (unsigned n : numbers) {
    placements[n].fold = target;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Parallel ranks
//===----------------------------------------------------------------------===//

/// The parallel ranks are those that every result of the fold carries. Two
/// cases leave some of them inside the state instead: a rank that the shared
/// products along the walk do not carry (one score, many channels), and, for
/// reductions that stand alone, a rank of some operands only (an outer
/// product).
RankSet FoldPlan::chooseParallel(ArrayRef<unsigned> numbers) const {
  RankSet common = ~RankSet(0), heavy = 0, shared = ~RankSet(0);
  bool standsAlone = true;
  for (unsigned n : numbers) {
    const Placement &p = placements[n];
    common &= model.statistics[n].ranks;
    standsAlone &= p.running.empty();
    anyOf(p.element, [&](const Expr *e) {
      if (!(e->ranks & model.stream)) {
        return false;
      }
      if (e->is(ExprKind::Reduce)) {
        heavy |= e->ranks;
      } else if (e->is(ExprKind::Leaf)) {
        shared &= e->ranks;
      }
      return false;
    });
  }
  RankSet dynamic = 0;
  for (unsigned rank : ranksOf(common)) {
    if (!model.context.ranks.isStatic(rank)) {
      dynamic |= RankSet(1) << rank;
    }
  }
  if (heavy) {
    return common & (heavy | dynamic);
  }
  return standsAlone ? common & (shared | dynamic) : common;
}

bool FoldPlan::innerIsStatic(ArrayRef<unsigned> numbers, RankSet parallel,
                             std::string *why) const {
  for (unsigned n : numbers) {
    for (unsigned rank : ranksOf(model.statistics[n].ranks & ~parallel)) {
      if (!model.context.ranks.isStatic(rank)) {
        if (why) {
          *why = ("expected rank '" + model.context.ranks.getName(rank) +
                  "' to be static, because the running state carries it")
                     .str();
        }
        return false;
      }
    }
  }
  return true;
}

/// Folds of one level that walk the same keys under the same mask become one,
/// if that makes no rank of theirs sequential.
void FoldPlan::mergeFolds() {
  auto whereOf = [&](const Fold &fold) {
    return placements[fold.statistics.front()].where;
  };
  auto reads = [&](const Fold &fold) {
    llvm::SmallPtrSet<const Expr *, 8> leaves;
    for (unsigned n : fold.statistics) {
      anyOf(placements[n].element, [&](const Expr *e) {
        if (e->is(ExprKind::Leaf) && (e->ranks & model.stream)) {
          leaves.insert(e);
        }
        return false;
      });
    }
    return leaves;
  };
  for (unsigned i = 0; i < folds.size(); ++i) {
    for (unsigned j = i + 1; j < folds.size(); ++j) {
      Fold &a = folds[i], &b = folds[j];
      if (a.statistics.empty() || b.statistics.empty() ||
          a.level != b.level || whereOf(a) != whereOf(b)) {
        continue;
      }
      SmallVector<unsigned> numbers(a.statistics);
      llvm::append_range(numbers, b.statistics);
      llvm::sort(numbers);
      RankSet parallel = chooseParallel(numbers);
      auto inA = reads(a);
      bool shares = llvm::any_of(
          reads(b), [&](const Expr *leaf) { return inA.contains(leaf); });
      if (!shares || (parallel != a.parallel && parallel != b.parallel) ||
          !innerIsStatic(numbers, parallel, nullptr)) {
        continue;
      }
      a.statistics = numbers;
      a.parallel = parallel;
      b.statistics.clear();
      for (unsigned n : numbers) {
        placements[n].fold = i;
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void FoldPlan::forEachExpr(Fold &fold,
                           llvm::function_ref<void(const Expr *&)> f) {
  auto visit = [&](const Expr *&e) {
    if (e) {
      f(e);
    }
  };
  visit(fold.where);
  for (Accumulator &a : fold.accumulators) {
    visit(a.value);
    visit(a.initial);
  }
  for (Gauge &g : fold.gauges) {
    visit(g.variable);
  }
  for (FoldResult &r : fold.results) {
    visit(r.expr);
  }
}

/// Tensors along the walk that do not vary over every parallel rank (projected
/// keys, say) are made once outside and read, not made again at every point.
void FoldPlan::keepOperandsOutside() {
  for (Fold &fold : folds) {
    forEachExpr(fold, [&](const Expr *&e) {
      e = model.context.rewrite(e, [&](const Expr *node) -> const Expr * {
        Value tensor = model.getTensor(node);
        bool isTrivial = node->is(ExprKind::Leaf) ||
                         node->is(ExprKind::Statistic) ||
                         (node->is(ExprKind::Generic) &&
                          node->operand(0)->is(ExprKind::Leaf));
        if (!tensor || isTrivial || node->hasStatistic ||
            !(fold.parallel & ~node->ranks)) {
          return nullptr;
        }
        return model.leafOf(tensor);
      });
    });
  }
}

/// A value without the streamed rank, computed from the final state.
bool FoldPlan::addRowResult(Value value, const Expr *e) {
  int level = levelOfStatistics(e);
  const Expr *row = knownAsLeaves(e, level);
  int target = -1;
  for (unsigned n : statisticsIn({row})) {
    if (target >= 0 && placements[n].fold != target) {
      return false;
    }
    target = placements[n].fold;
  }
  if (levelOfLeaves(row) >= level) {
    return false;
  }
  Fold &fold = folds[target];
  for (unsigned rank : ranksOf(e->ranks & ~fold.parallel)) {
    if (!model.context.ranks.isStatic(rank)) {
      return false;
    }
  }
  fold.results.push_back({value, finalOf(row), model.orderOf(value)});
  return true;
}

/// A value per key that needs statistics of earlier walks: written by a walk
/// of its own, or by one that goes the same way.
bool FoldPlan::addEmission(Value value, const Expr *e) {
  int level = levelOfStatistics(e) + 1;
  const Expr *known = knownAsLeaves(e, level);
  level = std::max(level, levelOfLeaves(known) + 1);
  known = knownAsLeaves(e, level);
  RankSet heavy = 0;
  bool isPlainAccess = true;
  anyOf(known, [&](const Expr *node) {
    if (node->is(ExprKind::Reduce) && (node->ranks & model.stream)) {
      heavy |= node->ranks;
    }
    isPlainAccess &= !node->is(ExprKind::Leaf) || isPlain(node->map);
    return false;
  });
  if (!isPlainAccess) {
    return false;
  }
  RankSet outer = e->ranks & ~model.stream, dynamic = 0;
  for (unsigned rank : ranksOf(outer)) {
    if (!model.context.ranks.isStatic(rank)) {
      dynamic |= RankSet(1) << rank;
    }
  }
  RankSet parallel = heavy ? outer & (heavy | dynamic) : outer;
  notes.push_back({value.getDefiningOp(),
                   "walk " + std::to_string(level) + ": the result keeps rank '" +
                       model.context.ranks
                           .getName(ranksOf(model.stream).front())
                           .str() +
                       "', so it is written once the row is known"});
  FoldResult result{value, known, model.orderOf(value), /*isEmitted=*/true};
  for (Fold &fold : folds) {
    bool hasState = !fold.statistics.empty() || !fold.results.empty();
    if (hasState && fold.level == level && fold.parallel == parallel &&
        !fold.where) {
      fold.results.push_back(result);
      return true;
    }
  }
  Fold &fold = folds.emplace_back();
  fold.level = level;
  fold.parallel = parallel;
  fold.results.push_back(result);
  return true;
}

/// Finds which values are read by operations that stay, and lets folds give
/// them. A value per key that only Einsums read stays one: a walk over another
/// rank may take it in.
void FoldPlan::collectResults() {
  llvm::SetVector<Value> needed, asTensor;
  auto needOperands = [&](Operation *op) {
    bool isEinsum = isa<cascade::EinsumOp>(op);
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        needed.insert(operand);
        if (!isEinsum) {
          asTensor.insert(operand);
        }
      }
    });
  };
  auto needLeaves = [&](const Expr *&e) {
    anyOf(e, [&](const Expr *node) {
      if (node->source) {
        needed.insert(node->source);
        asTensor.insert(node->source);
      }
      return false;
    });
  };
  for (Operation &op : block) {
    if (op.getNumResults() != 1 || !model.getExpr(op.getResult(0))) {
      needOperands(&op);
    }
  }
  llvm::SmallPtrSet<void *, 16> given;
  // A value may turn out to be needed as a tensor after it was kept.
  for (bool changed = true; changed;) {
    changed = false;
    for (unsigned i = 0; i < needed.size(); ++i) {
      Value value = needed[i];
      const Expr *e = model.getExpr(value);
      if (!e || given.contains(value.getAsOpaquePointer())) {
        continue;
      }
      bool isPerKey = e->ranks & model.stream;
      bool isGiven = (e->hasStatistic || isThroughMemory(value)) &&
                     (isPerKey ? asTensor.contains(value) && addEmission(value, e)
                               : addRowResult(value, e));
      if (isGiven) {
        given.insert(value.getAsOpaquePointer());
        changed = true;
      } else {
        needOperands(value.getDefiningOp());
      }
    }
    unsigned before = needed.size() + asTensor.size();
    for (Fold &fold : folds) {
      if (!fold.results.empty()) {
        forEachExpr(fold, needLeaves);
      }
    }
    changed |= before != needed.size() + asTensor.size();
  }
  for (Fold &fold : folds) {
    llvm::sort(fold.results, [](const FoldResult &a, const FoldResult &b) {
      return a.value.getDefiningOp()->isBeforeInBlock(b.value.getDefiningOp());
    });
  }
}
