//===- CountPasses.cpp - how often must a cascade walk a rank? ------------===//

#include "fovea/Analysis/CountPasses.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/AsmState.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

#include <optional>

using namespace mlir;
using namespace fovea;
using namespace fovea::cascade;

bool RankedTensorUse::needsWholeFiber() const {
  if (readIn.empty() || kind != CarryKind::Full) {
    return false;
  }
  // An input is made by no pass: one walk in any pass needs a tile only.
  return readIn.back() > (produced ? produced : readIn.front());
}

namespace {

/// What is known of a value. A dimension without a name takes the name each
/// use gives it (inputs, constants, split dimensions of views).
struct ValueFacts {
  PassTime time;
  SmallVector<StringRef, 4> names;
  Value root; // the tensor a view looks at
};

/// An operand as an operation reads it.
struct Access {
  Value value;
  AffineMap map;
};

class PassCounter {
public:
  PassCounter(Operation *function, ArrayRef<std::string> parts)
      : parts(parts) {
    result.parts.assign(parts.begin(), parts.end());
    findWholeNames(function);
    for (Region &region : function->getRegions()) {
      for (Block &block : region) {
        visitBlock(block);
      }
    }
  }

  PassCount take() { return std::move(result); }

private:
  bool isPart(StringRef name) const {
    return llvm::is_contained(parts, name) || wholes.contains(name);
  }
  bool isInnermost(StringRef name) const {
    return name == parts.back() || wholes.contains(name);
  }
  CarryKind kindOf(ArrayRef<StringRef> names) const {
    if (llvm::any_of(names, [&](StringRef n) { return isInnermost(n); })) {
      return CarryKind::Full;
    }
    bool outer = llvm::any_of(names, [&](StringRef n) { return isPart(n); });
    return outer ? CarryKind::Summary : CarryKind::None;
  }

  void findWholeNames(Operation *function);
  void visitBlock(Block &block);
  void visit(Operation *op);
  void visitView(Operation *op, Value source,
                 ArrayRef<SmallVector<int64_t, 2>> groups, bool expands);
  void visitEinsum(EinsumOp op);
  void visitScan(ScanOp op);
  void visitFold(FoldOp op);
  void visitIterate(IterateOp op);
  void visitOther(Operation *op);

  const ValueFacts &factsOf(Value value);
  bool readsAhead(AffineExpr index, StringRef ownName, ArrayAttr ranks,
                  ArrayRef<int64_t> extents) const;
  PassTime timeOfAccess(const Access &access, ArrayAttr ranks,
                        ArrayRef<int64_t> extents);
  PassTime timeOfCaptures(Operation *op);
  std::optional<int64_t> placeWalk(Operation *op, ArrayAttr ranks,
                                   ArrayRef<Access> accesses, PassTime &time);
  void noteRead(Value value, int64_t pass);
  void setResult(Value value, ArrayRef<StringRef> names, PassTime time);

  ArrayRef<std::string> parts;
  llvm::StringSet<> wholes; // names of the unsplit rank
  DenseMap<Value, ValueFacts> facts;
  DenseMap<Value, unsigned> tensorIndex;
  PassCount result;
};

} // namespace

static StringRef rankName(ArrayAttr ranks, unsigned i) {
  return cast<StringAttr>(ranks[i]).getValue();
}

/// Name of the rank if `e` is a plain rank, else an empty string.
static StringRef plainRank(AffineExpr e, ArrayAttr ranks) {
  auto dim = dyn_cast<AffineDimExpr>(e);
  return dim ? rankName(ranks, dim.getPosition()) : StringRef();
}

static SmallVector<StringRef, 4> plainNames(AffineMap map, ArrayAttr ranks) {
  SmallVector<StringRef, 4> names;
  for (AffineExpr e : map.getResults()) {
    names.push_back(plainRank(e, ranks));
  }
  return names;
}

/// Static extents of the ranks of one operation, as its operands tell them.
static SmallVector<int64_t> extentsOf(ArrayAttr ranks,
                                      ArrayRef<Access> accesses) {
  SmallVector<int64_t> extents(ranks.size(), ShapedType::kDynamic);
  for (const Access &access : accesses) {
    auto type = dyn_cast<RankedTensorType>(access.value.getType());
    if (!type) {
      continue;
    }
    for (auto [e, size] :
         llvm::zip_equal(access.map.getResults(), type.getShape())) {
      if (auto dim = dyn_cast<AffineDimExpr>(e);
          dim && !ShapedType::isDynamic(size)) {
        extents[dim.getPosition()] = size;
      }
    }
  }
  return extents;
}

/// Operand accesses of an operation, the result maps left out.
static SmallVector<Access> accessesOf(ValueRange operands, ArrayAttr maps) {
  SmallVector<Access> accesses;
  for (auto [value, map] :
       llvm::zip_first(operands, maps.getAsValueRange<AffineMapAttr>())) {
    accesses.push_back({value, map});
  }
  return accesses;
}

/// Finds the names under which an unsplit rank is walked: a view that splits
/// dimension `m` into dimensions read as exactly `m1, m0` makes m a name of
/// the whole.
void PassCounter::findWholeNames(Operation *function) {
  if (parts.size() < 2) {
    return;
  }
  auto namesInUse = [](Value value, unsigned dim) {
    llvm::SmallSetVector<StringRef, 2> names;
    for (Operation *user : value.getUsers()) {
      if (auto einsum = dyn_cast<EinsumOp>(user)) {
        for (auto [input, map] :
             llvm::zip_equal(einsum.getInputs(), einsum.getInputMaps())) {
          if (input == value) {
            names.insert(plainRank(map.getResult(dim), einsum.getRanks()));
          }
        }
      }
    }
    if (auto einsum = value.getDefiningOp<EinsumOp>()) {
      names.insert(einsum.getResultRanks()[dim]);
    }
    return names;
  };
  auto look = [&](Value unsplit, Value split,
                  ArrayRef<SmallVector<int64_t, 2>> groups) {
    for (auto [dim, group] : llvm::enumerate(groups)) {
      if (group.size() != parts.size()) {
        continue;
      }
      bool isSplit = true;
      for (auto [part, at] : llvm::zip_equal(parts, group)) {
        isSplit = isSplit && namesInUse(split, at).contains(part);
      }
      if (isSplit) {
        for (StringRef name : namesInUse(unsplit, dim)) {
          wholes.insert(name);
        }
      }
    }
  };
  function->walk([&](Operation *op) {
    if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
      look(expand.getSrc(), expand.getResult(),
           expand.getReassociationIndices());
    } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
      look(collapse.getResult(), collapse.getSrc(),
           collapse.getReassociationIndices());
    }
  });
  wholes.erase("");
}

const ValueFacts &PassCounter::factsOf(Value value) {
  auto [it, isNew] = facts.try_emplace(value);
  if (isNew) {
    // An input of the function: known before the first pass. Where it is read
    // along the rank, it streams in the first pass (timeOfAccess).
    auto type = dyn_cast<RankedTensorType>(value.getType());
    it->second.names.resize(type ? type.getRank() : 0);
    it->second.root = value;
  }
  return it->second;
}

void PassCounter::setResult(Value value, ArrayRef<StringRef> names,
                            PassTime time) {
  ValueFacts &f = facts[value];
  f.time = time;
  f.names.assign(names.begin(), names.end());
  f.root = value;
  CarryKind kind = kindOf(names);
  if (kind != CarryKind::None && !tensorIndex.contains(value)) {
    tensorIndex[value] = result.tensors.size();
    result.tensors.push_back({value, kind, time.pass, {}});
  }
}

void PassCounter::noteRead(Value value, int64_t pass) {
  value = factsOf(value).root;
  auto [it, isNew] = tensorIndex.try_emplace(value, result.tensors.size());
  if (isNew) {
    result.tensors.push_back({value, CarryKind::Full, 0, {}});
  }
  SmallVectorImpl<int64_t> &readIn = result.tensors[it->second].readIn;
  auto at = llvm::lower_bound(readIn, pass);
  if (at == readIn.end() || *at != pass) {
    readIn.insert(at, pass);
  }
}

/// True if `index` may name a coordinate of rank `ownName` beyond the one that
/// is being visited: another rank, a fixed coordinate, a shift forward.
bool PassCounter::readsAhead(AffineExpr index, StringRef ownName,
                             ArrayAttr ranks, ArrayRef<int64_t> extents) const {
  if (plainRank(index, ranks) == ownName) {
    return false;
  }
  AffineMap map = AffineMap::get(ranks.size(), 0, index);
  SmallVector<int64_t> flat(ranks.size() + 1);
  // Indices are sums of ranks and constants, so evaluating at the unit points
  // gives the coefficients.
  SmallVector<Attribute> point(
      ranks.size(), IntegerAttr::get(IndexType::get(index.getContext()), 0));
  auto evaluate = [&]() {
    SmallVector<Attribute> values;
    LogicalResult folded = map.constantFold(point, values);
    assert(succeeded(folded) && "an affine index folds on constants");
    (void)folded;
    return cast<IntegerAttr>(values.front()).getInt();
  };
  int64_t shift = evaluate();
  bool hasOwn = false;
  int64_t base = shift;
  for (unsigned i = 0, e = ranks.size(); i < e; ++i) {
    point[i] = IntegerAttr::get(IndexType::get(index.getContext()), 1);
    int64_t coefficient = evaluate() - base;
    point[i] = IntegerAttr::get(IndexType::get(index.getContext()), 0);
    if (rankName(ranks, i) == ownName) {
      if (coefficient != 1) {
        return true;
      }
      hasOwn = true;
    } else if (coefficient > 0) {
      if (ShapedType::isDynamic(extents[i])) {
        return true;
      }
      shift += coefficient * (extents[i] - 1);
    }
  }
  return !hasOwn || shift > 0;
}

/// When the elements that one operand contributes at a point are known.
PassTime PassCounter::timeOfAccess(const Access &access, ArrayAttr ranks,
                                   ArrayRef<int64_t> extents) {
  const ValueFacts &f = factsOf(access.value);
  PassTime time = f.time;
  bool isAhead = false;
  bool streams = false;
  for (auto [index, name] : llvm::zip_equal(access.map.getResults(), f.names)) {
    if (isPart(name)) {
      // Made along the rank: must be read at its own coordinate or behind it.
      isAhead |= readsAhead(index, name, ranks, extents);
      continue;
    }
    if (!name.empty()) {
      continue;
    }
    for (unsigned i = 0, e = ranks.size(); i < e; ++i) {
      if (isPart(rankName(ranks, i)) && index.isFunctionOfDim(i)) {
        streams |= isInnermost(rankName(ranks, i));
        // An input lies in memory as a whole; it may be read at any coordinate.
        isAhead |= time.pass > 0 &&
                   readsAhead(index, rankName(ranks, i), ranks, extents);
      }
    }
  }
  if (streams && time.pass == 0) {
    time = {1, false};
  }
  if (isAhead) {
    time.atEnd = true;
  }
  return time;
}

/// Regions may read values from outside, at any coordinate.
PassTime PassCounter::timeOfCaptures(Operation *op) {
  PassTime time;
  op->walk([&](Operation *inner) {
    if (inner == op) {
      return;
    }
    for (Value operand : inner->getOperands()) {
      if (op->isAncestor(operand.getParentRegion()->getParentOp())) {
        continue; // defined inside
      }
      PassTime t = factsOf(operand).time;
      t.atEnd = true;
      time = std::max(time, t);
    }
  });
  return time;
}

/// Finds the pass in which `op` runs. Returns nothing if it does not walk the
/// innermost part; `time` then is when its operands are known.
std::optional<int64_t> PassCounter::placeWalk(Operation *op, ArrayAttr ranks,
                                              ArrayRef<Access> accesses,
                                              PassTime &time) {
  SmallVector<int64_t> extents = extentsOf(ranks, accesses);
  SmallVector<PassTime> times;
  time = timeOfCaptures(op);
  for (const Access &access : accesses) {
    times.push_back(timeOfAccess(access, ranks, extents));
    time = std::max(time, times.back());
  }
  SmallVector<StringRef> names(ranks.getAsValueRange<StringAttr>());
  if (kindOf(names) != CarryKind::Full) {
    return std::nullopt;
  }
  int64_t pass =
      time.atEnd ? time.pass + 1 : std::max<int64_t>(time.pass, 1);
  result.passes = std::max(result.passes, pass);
  for (unsigned i = 0, e = accesses.size(); i < e; ++i) {
    const Access &access = accesses[i];
    PassTime t = times[i];
    if (t.atEnd && t.pass >= 1 && t.pass + 1 == pass) {
      bool known = llvm::any_of(result.cuts, [&](const CutEdge &cut) {
        return cut.operand == access.value && cut.consumer == op;
      });
      if (!known) {
        result.cuts.push_back({access.value, op, pass});
      }
    }
    bool carries = kindOf(plainNames(access.map, ranks)) == CarryKind::Full ||
                   kindOf(factsOf(access.value).names) != CarryKind::None;
    if (carries) {
      noteRead(access.value, pass);
    }
  }
  return pass;
}

void PassCounter::visitEinsum(EinsumOp op) {
  SmallVector<Access> accesses =
      accessesOf(op.getInputs(), op.getMaps());
  SmallVector<StringRef> kept = op.getResultRanks();
  SmallVector<StringRef> reduced = op.getReducedRanks();
  bool reducesPart = llvm::any_of(reduced, [&](auto n) { return isPart(n); });
  // Monoids commute: the initial value of a reduction over the rank may join
  // after the walk, so it delays the result but starts no pass.
  PassTime initial;
  if (op.getInitial()) {
    Access access{op.getInitial(), *op.getInitialMap()};
    if (reducesPart) {
      initial = timeOfAccess(access, op.getRanks(),
                             extentsOf(op.getRanks(), accesses));
    } else {
      accesses.push_back(access);
    }
  }
  PassTime time;
  std::optional<int64_t> pass =
      placeWalk(op, op.getRanks(), accesses, time);
  CarryKind kind = kindOf(kept);
  if (pass) {
    // A kept part below a reduced one is complete only at the end.
    bool outerReduced = false, buried = false;
    for (const std::string &part : parts) {
      outerReduced |= llvm::is_contained(reduced, part);
      buried |= outerReduced && llvm::is_contained(kept, part);
    }
    time = {*pass, kind == CarryKind::None || buried};
  } else if (kind == CarryKind::None || reducesPart) {
    time.atEnd = true;
  }
  initial.atEnd |= reducesPart && initial.pass > 0;
  setResult(op.getResult(), kept, std::max(time, initial));
}

void PassCounter::visitScan(ScanOp op) {
  SmallVector<Access> accesses = accessesOf(op.getOperands(), op.getMaps());
  PassTime time;
  std::optional<int64_t> pass =
      placeWalk(op, op.getRanks(), accesses, time);
  auto resultMap = cast<AffineMapAttr>(op.getMaps().getValue().back());
  SmallVector<StringRef, 4> all = plainNames(resultMap.getValue(), op.getRanks());
  SmallVector<Emit> emits = op.getEmits();
  unsigned carries = op.getInits().size();
  for (auto [i, value] : llvm::enumerate(op.getResults())) {
    SmallVector<StringRef, 4> names = all;
    bool isFinal = emits[i / carries] == Emit::Final;
    if (isFinal) {
      llvm::erase(names, op.getOver());
    }
    PassTime t = pass ? PassTime{*pass, false} : time;
    if (kindOf(names) == CarryKind::None || (isFinal && isPart(op.getOver()))) {
      t.atEnd = true;
    }
    setResult(value, names, t);
  }
}

void PassCounter::visitFold(FoldOp op) {
  SmallVector<Access> accesses = accessesOf(op.getInputs(), op.getMaps());
  PassTime time;
  std::optional<int64_t> pass =
      placeWalk(op, op.getRanks(), accesses, time);
  for (auto [i, value] : llvm::enumerate(op.getResults())) {
    SmallVector<StringRef, 4> names =
        plainNames(op.getResultMap(i), op.getRanks());
    bool isWhole = isPart(op.getStream()) && !op.isEmitted(i);
    PassTime t = pass ? PassTime{*pass, false} : time;
    t.atEnd |= isWhole || kindOf(names) == CarryKind::None;
    setResult(value, names, t);
  }
}

/// Every run needs the whole result of the one before, so the body is simply
/// counted `count` times.
void PassCounter::visitIterate(IterateOp op) {
  Block &body = op.getBody().front();
  SmallVector<ValueFacts> carried;
  for (Value init : op.getInits()) {
    carried.push_back(factsOf(init));
  }
  for (int64_t i = 0, e = op.getCount(); i < e; ++i) {
    for (auto [argument, f] : llvm::zip_equal(body.getArguments(), carried)) {
      facts[argument] = f;
    }
    visitBlock(body);
    auto yields = body.getTerminator()->getOperands();
    for (auto [f, value] : llvm::zip_equal(carried, yields)) {
      f = factsOf(value);
      f.time.atEnd = true;
    }
  }
  for (auto [value, f] : llvm::zip_equal(op.getResults(), carried)) {
    facts[value] = f;
  }
}

/// A view moves no data: times stay, dimensions that are not split or merged
/// keep their names.
void PassCounter::visitView(Operation *op, Value source,
                            ArrayRef<SmallVector<int64_t, 2>> groups,
                            bool expands) {
  ValueFacts view = factsOf(source);
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<StringRef, 4> names(type.getRank());
  for (auto [dim, group] : llvm::enumerate(groups)) {
    if (group.size() == 1) {
      names[expands ? group.front() : dim] =
          view.names[expands ? dim : group.front()];
      continue;
    }
    // Splitting the whole rank gives its parts.
    if (group.size() != parts.size()) {
      continue;
    }
    if (expands && wholes.contains(view.names[dim])) {
      for (auto [at, part] : llvm::zip_equal(group, parts)) {
        names[at] = part;
      }
    } else if (!expands && !wholes.empty() &&
               isPart(view.names[group.front()])) {
      names[dim] = wholes.begin()->first();
    }
  }
  view.names = names;
  facts[op->getResult(0)] = std::move(view);
}

/// Anything else: results are known when all operands are, in full.
void PassCounter::visitOther(Operation *op) {
  PassTime time = timeOfCaptures(op);
  for (Value operand : op->getOperands()) {
    PassTime t = factsOf(operand).time;
    t.atEnd = true;
    time = std::max(time, t);
  }
  for (Value value : op->getResults()) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    SmallVector<StringRef> names(type ? type.getRank() : 0);
    setResult(value, names, time);
  }
}

void PassCounter::visit(Operation *op) {
  if (auto einsum = dyn_cast<EinsumOp>(op)) {
    visitEinsum(einsum);
  } else if (auto scan = dyn_cast<ScanOp>(op)) {
    visitScan(scan);
  } else if (auto fold = dyn_cast<FoldOp>(op)) {
    visitFold(fold);
  } else if (auto iterate = dyn_cast<IterateOp>(op)) {
    visitIterate(iterate);
  } else if (auto gather = dyn_cast<GatherOp>(op)) {
    ValueFacts view = factsOf(gather.getPages());
    view.names.assign(cast<ShapedType>(gather.getType()).getRank(),
                      StringRef());
    facts[gather.getResult()] = std::move(view);
  } else if (isa<UnpackOp, RepeatOp>(op)) {
    ValueFacts view = factsOf(op->getOperand(0));
    view.names.assign(
        cast<ShapedType>(op->getResult(0).getType()).getRank(), StringRef());
    facts[op->getResult(0)] = std::move(view);
  } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    visitView(op, expand.getSrc(), expand.getReassociationIndices(), true);
  } else if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op)) {
    visitView(op, collapse.getSrc(), collapse.getReassociationIndices(), false);
  } else if (isa<tensor::DimOp>(op)) {
    setResult(op->getResult(0), {}, PassTime());
  } else if (!op->hasTrait<OpTrait::IsTerminator>()) {
    visitOther(op);
  }
}

void PassCounter::visitBlock(Block &block) {
  for (Operation &op : block) {
    visit(&op);
  }
}

PassCount fovea::countPasses(Operation *function, ArrayRef<std::string> parts) {
  assert(!parts.empty() && "a rank has at least one part");
  return PassCounter(function, parts).take();
}

SmallVector<std::string> fovea::collectRanks(Operation *function) {
  llvm::SetVector<StringRef> names;
  function->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<EinsumOp, ScanOp, FoldOp>(op)) {
      auto ranks = op->getAttrOfType<ArrayAttr>("ranks");
      for (StringRef name : ranks.getAsValueRange<StringAttr>()) {
        names.insert(name);
      }
    }
    // Operations inside a fold see one point of it, not the whole rank.
    return isa<FoldOp>(op) ? WalkResult::skip() : WalkResult::advance();
  });
  SmallVector<std::string> ranks;
  for (StringRef name : names) {
    ranks.push_back(name.str());
  }
  return ranks;
}

std::string fovea::getDisplayName(Value value, AsmState &state) {
  Attribute name;
  unsigned position = 0;
  if (auto opResult = dyn_cast<OpResult>(value)) {
    name = opResult.getOwner()->getDiscardableAttr("cascade.name");
    position = opResult.getResultNumber();
  } else {
    auto argument = cast<BlockArgument>(value);
    position = argument.getArgNumber();
    Operation *parent = argument.getOwner()->getParentOp();
    if (auto function = dyn_cast<func::FuncOp>(parent)) {
      name = function.getArgAttr(position, "cascade.name");
    } else {
      name = parent->getDiscardableAttr("cascade.name");
    }
  }
  if (auto list = dyn_cast_or_null<ArrayAttr>(name)) {
    name = position < list.size() ? list[position] : Attribute();
  }
  if (auto text = dyn_cast_or_null<StringAttr>(name)) {
    return text.str();
  }
  std::string printed;
  llvm::raw_string_ostream os(printed);
  value.printAsOperand(os, state);
  return printed;
}

//===----------------------------------------------------------------------===//
// Which rank to stream
//===----------------------------------------------------------------------===//

static bool reduces(cascade::EinsumOp op, StringRef rank) {
  return llvm::is_contained(op.getReducedRanks(), rank);
}

/// True if some operand along `rank` does not tell its extent.
static bool isDynamic(cascade::EinsumOp op, StringRef rank) {
  AffineExpr dim =
      getAffineDimExpr(op.getRankIndex(rank), op->getContext());
  for (auto [input, map] : llvm::zip_equal(op.getInputs(), op.getInputMaps())) {
    for (auto [i, e] : llvm::enumerate(map.getResults())) {
      if (e == dim) {
        return cast<RankedTensorType>(input.getType()).isDynamicDim(i);
      }
    }
  }
  return false;
}

std::string fovea::chooseStreamedRank(Operation *function) {
  std::string best;
  std::tuple<int64_t, bool, int64_t> bestScore(-1, false, 0);
  for (const std::string &rank : collectRanks(function)) {
    bool isReduced = false, dynamic = false;
    int64_t walkers = 0;
    function->walk([&](cascade::EinsumOp op) {
      if (op.getRankIndex(rank) >= 0) {
        ++walkers;
        isReduced |= reduces(op, rank);
        dynamic |= isDynamic(op, rank);
      }
    });
    if (!isReduced) {
      continue;
    }
    std::tuple<int64_t, bool, int64_t> score(
        countPasses(function, {rank}).passes, dynamic, walkers);
    if (score > bestScore) {
      bestScore = score;
      best = rank;
    }
  }
  return best;
}
