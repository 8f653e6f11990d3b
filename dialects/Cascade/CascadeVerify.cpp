//===- CascadeVerify.cpp - rules of the cascade operations ----------------===//
//
// One function per rule; each has a case in test/dialects/Cascade/invalid.mlir.
//
//===----------------------------------------------------------------------===//

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace fovea::cascade;

/// A map has one index per dimension of the operand (none for a scalar).
static LogicalResult verifyArity(Operation *op, Type type, AffineMap map,
                                 StringRef what) {
  auto shaped = dyn_cast<RankedTensorType>(type);
  int64_t rank = shaped ? shaped.getRank() : 0;
  if (static_cast<int64_t>(map.getNumResults()) != rank) {
    return op->emitOpError("expected ")
           << rank << " indices for " << what << " of type " << type << ", got "
           << map.getNumResults();
  }
  return success();
}

/// True if `e` is a sum of ranks and integers, with integer factors.
static bool isLinear(AffineExpr e) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(e);
  if (!binary) {
    return isa<AffineDimExpr, AffineConstantExpr>(e);
  }
  if (binary.getKind() == AffineExprKind::Mul) {
    return isa<AffineDimExpr>(binary.getLHS()) &&
           isa<AffineConstantExpr>(binary.getRHS());
  }
  return binary.getKind() == AffineExprKind::Add &&
         isLinear(binary.getLHS()) && isLinear(binary.getRHS());
}

/// Every map is over `ranks`, whose names are distinct. The parser builds such
/// maps only; a pass or the generic form might not.
static LogicalResult verifyMaps(Operation *op, ArrayAttr ranks,
                                ArrayRef<AffineMap> maps) {
  llvm::SmallDenseSet<Attribute> names;
  for (Attribute name : ranks) {
    if (!names.insert(name).second) {
      return op->emitOpError("expected distinct rank names, got ")
             << name << " twice";
    }
  }
  for (AffineMap map : maps) {
    if (map.getNumDims() != ranks.size() || map.getNumSymbols() != 0) {
      return op->emitOpError("expected maps over the ")
             << ranks.size() << " ranks, got " << AffineMapAttr::get(map);
    }
    if (!llvm::all_of(map.getResults(), isLinear)) {
      return op->emitOpError("expected indices that are sums of ranks and "
                             "integers, got ")
             << AffineMapAttr::get(map);
    }
  }
  return success();
}

/// A result (and a fold's operand) is indexed by distinct plain ranks.
static LogicalResult verifyPlain(Operation *op, AffineMap map, StringRef what) {
  llvm::SmallDenseSet<unsigned> seen;
  for (AffineExpr e : map.getResults()) {
    auto dim = dyn_cast<AffineDimExpr>(e);
    if (!dim || !seen.insert(dim.getPosition()).second) {
      return op->emitOpError("expected distinct plain ranks as indices of ")
             << what;
    }
  }
  return success();
}

/// Static extents of one rank agree wherever a plain index names it.
static LogicalResult
verifyExtents(Operation *op, ArrayAttr ranks,
              ArrayRef<std::pair<Type, AffineMap>> uses) {
  SmallVector<int64_t> extents(ranks.size(), ShapedType::kDynamic);
  for (auto [type, map] : uses) {
    auto shaped = dyn_cast<RankedTensorType>(type);
    if (!shaped) {
      continue;
    }
    for (auto [e, size] :
         llvm::zip_equal(map.getResults(), shaped.getShape())) {
      auto dim = dyn_cast<AffineDimExpr>(e);
      if (!dim || ShapedType::isDynamic(size)) {
        continue;
      }
      int64_t &known = extents[dim.getPosition()];
      if (!ShapedType::isDynamic(known) && known != size) {
        return op->emitOpError("expected one extent for rank '")
               << cast<StringAttr>(ranks[dim.getPosition()]).getValue()
               << "', got " << known << " and " << size;
      }
      known = size;
    }
  }
  return success();
}

/// Every rank occurs as a plain index of an input, which gives its extent.
static LogicalResult
verifyExtentKnown(Operation *op, ArrayAttr ranks,
                  ArrayRef<std::pair<Type, AffineMap>> inputs) {
  for (auto [i, rank] : llvm::enumerate(ranks.getAsValueRange<StringAttr>())) {
    AffineExpr dim = getAffineDimExpr(i, op->getContext());
    bool found = llvm::any_of(inputs, [&](const auto &use) {
      return llvm::is_contained(use.second.getResults(), dim);
    });
    if (!found) {
      return op->emitOpError("expected rank '")
             << rank << "' to be a plain index of some input, which gives its "
             << "extent";
    }
  }
  return success();
}

static LogicalResult verifyYield(Operation *op, Region &region,
                                 TypeRange expected, StringRef name) {
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield || yield.getValues().getTypes() != expected) {
    auto diagnostic = op->emitOpError("expected region '")
                      << name << "' to yield (" << expected << ")";
    if (yield) {
      diagnostic << ", got (" << yield.getValues().getTypes() << ")";
    }
    return diagnostic;
  }
  return success();
}

static LogicalResult verifyArguments(Operation *op, Region &region,
                                     TypeRange expected, StringRef name) {
  if (TypeRange(region.getArgumentTypes()) != expected) {
    return op->emitOpError("expected region '")
           << name << "' to have arguments (" << expected << "), got ("
           << region.getArgumentTypes() << ")";
  }
  return success();
}

/// `where` takes nothing and yields an i1.
static LogicalResult verifyWhere(Operation *op, Region &where) {
  if (where.empty()) {
    return success();
  }
  if (!where.hasOneBlock()) {
    return op->emitOpError("expected region 'where' to have one block");
  }
  if (failed(verifyArguments(op, where, {}, "where"))) {
    return failure();
  }
  return verifyYield(op, where, {IntegerType::get(op->getContext(), 1)},
                     "where");
}

//===----------------------------------------------------------------------===//
// EinsumOp
//===----------------------------------------------------------------------===//

LogicalResult EinsumOp::verify() {
  if (getMaps().size() != getInputs().size() + 1) {
    return emitOpError("expected one map per input and one for the result");
  }
  SmallVector<AffineMap> all(getMaps().getAsValueRange<AffineMapAttr>());
  if (static_cast<bool>(getInitial()) != static_cast<bool>(getInitialMap())) {
    return emitOpError("expected an initial value together with its map");
  }
  if (getInitial()) {
    all.push_back(*getInitialMap());
  }
  if (failed(verifyMaps(*this, getRanks(), all))) {
    return failure();
  }
  SmallVector<std::pair<Type, AffineMap>> uses;
  for (auto [input, map] : llvm::zip_equal(getInputs(), getInputMaps())) {
    if (failed(verifyArity(*this, input.getType(), map, "an input"))) {
      return failure();
    }
    uses.push_back({input.getType(), map});
  }
  if (failed(verifyExtentKnown(*this, getRanks(), uses))) {
    return failure();
  }
  AffineMap resultMap = getResultMap();
  Type resultType = getResult().getType();
  if (failed(verifyArity(*this, resultType, resultMap, "the result")) ||
      failed(verifyPlain(*this, resultMap, "the result"))) {
    return failure();
  }
  uses.push_back({resultType, resultMap});
  SmallVector<StringRef> reduced = getReducedRanks();
  if (!reduced.empty() && !getReduce()) {
    return emitOpError("expected 'reduce <monoid>' because the result drops "
                       "rank '")
           << reduced.front() << "'";
  }
  if (reduced.empty() && getReduce()) {
    return emitOpError("expected no 'reduce' because the result keeps every "
                       "rank");
  }
  if (getInitial()) {
    if (!getReduce()) {
      return emitOpError("expected 'from' only with 'reduce'");
    }
    if (failed(verifyArity(*this, getInitial().getType(), *getInitialMap(),
                           "the initial value"))) {
      return failure();
    }
    for (AffineExpr e : getInitialMap()->getResults()) {
      if (!llvm::is_contained(resultMap.getResults(), e)) {
        return emitOpError("expected the initial value to carry ranks of the "
                           "result only");
      }
    }
    uses.push_back({getInitial().getType(), *getInitialMap()});
  }
  return verifyExtents(*this, getRanks(), uses);
}

LogicalResult EinsumOp::verifyRegions() {
  SmallVector<Type> elements;
  for (Value input : getInputs()) {
    elements.push_back(getElementType(input.getType()));
  }
  if (failed(verifyArguments(*this, getBody(), elements, "body")) ||
      failed(verifyYield(*this, getBody(),
                         {getElementType(getResult().getType())}, "body"))) {
    return failure();
  }
  return verifyWhere(*this, getWhere());
}

//===----------------------------------------------------------------------===//
// ScanOp
//===----------------------------------------------------------------------===//

LogicalResult ScanOp::verify() {
  unsigned numInits = getInits().size(), numInputs = getInputs().size();
  if (getMaps().size() != numInits + numInputs + 1) {
    return emitOpError("expected one map per operand and one for the results");
  }
  SmallVector<AffineMap> maps(getMaps().getAsValueRange<AffineMapAttr>());
  if (failed(verifyMaps(*this, getRanks(), maps))) {
    return failure();
  }
  int64_t over = getRankIndex(getOver());
  if (over < 0) {
    return emitOpError("expected some input to carry rank '")
           << getOver() << "'";
  }
  SmallVector<std::pair<Type, AffineMap>> uses;
  for (auto [i, value] : llvm::enumerate(getOperands())) {
    if (failed(verifyArity(*this, value.getType(), maps[i], "an operand"))) {
      return failure();
    }
    if (i < numInits && maps[i].isFunctionOfDim(over)) {
      return emitOpError("expected initial values without rank '")
             << getOver() << "'";
    }
    uses.push_back({value.getType(), maps[i]});
  }
  if (failed(verifyExtentKnown(*this, getRanks(), uses))) {
    return failure();
  }
  AffineMap resultMap = maps.back();
  if (failed(verifyPlain(*this, resultMap, "the results"))) {
    return failure();
  }
  if (resultMap.getNumResults() != getRanks().size()) {
    return emitOpError("expected the results to carry every rank");
  }
  if (getNumResults() != numInits * getEmit().size()) {
    return emitOpError("expected one result per carry and emission, ")
           << numInits * getEmit().size() << " in all, got " << getNumResults();
  }
  SmallVector<AffineExpr> finalIndices;
  for (AffineExpr e : resultMap.getResults()) {
    if (e != getAffineDimExpr(over, getContext())) {
      finalIndices.push_back(e);
    }
  }
  AffineMap finalMap =
      AffineMap::get(getRanks().size(), 0, finalIndices, getContext());
  for (auto [i, type] : llvm::enumerate(getResultTypes())) {
    bool isFinal = getEmits()[i / numInits] == Emit::Final;
    AffineMap map = isFinal ? finalMap : resultMap;
    if (failed(verifyArity(*this, type, map, "a result"))) {
      return failure();
    }
    uses.push_back({type, map});
  }
  return verifyExtents(*this, getRanks(), uses);
}

LogicalResult ScanOp::verifyRegions() {
  SmallVector<Type> carried, arguments;
  for (Value init : getInits()) {
    carried.push_back(getElementType(init.getType()));
  }
  arguments = carried;
  for (Value input : getInputs()) {
    arguments.push_back(getElementType(input.getType()));
  }
  if (failed(verifyArguments(*this, getBody(), arguments, "body"))) {
    return failure();
  }
  return verifyYield(*this, getBody(), carried, "body");
}

//===----------------------------------------------------------------------===//
// IterateOp, views, IndexOp
//===----------------------------------------------------------------------===//

LogicalResult IterateOp::verify() {
  if (getInits().getTypes() != getResultTypes()) {
    return emitOpError("expected results of the carried types");
  }
  return success();
}

LogicalResult IterateOp::verifyRegions() {
  if (failed(verifyArguments(*this, getBody(), getInits().getTypes(),
                             "body"))) {
    return failure();
  }
  return verifyYield(*this, getBody(), getInits().getTypes(), "body");
}

LogicalResult GatherOp::verify() {
  auto pages = cast<RankedTensorType>(getPages().getType());
  auto table = cast<RankedTensorType>(getTable().getType());
  auto lengths = cast<RankedTensorType>(getLengths().getType());
  auto result = cast<RankedTensorType>(getResult().getType());
  bool hasChannels = pages.getRank() == 4;
  if ((!hasChannels && pages.getRank() != 3) || pages.isDynamicDim(2)) {
    return emitOpError("expected pages [page, head, slot, channel] or "
                       "[page, head, slot] with a static number of slots, got ")
           << pages;
  }
  if (table.getRank() != 2 || !table.getElementType().isInteger(32)) {
    return emitOpError("expected a page table [sequence, page] of i32, got ")
           << table;
  }
  if (lengths.getRank() != 1 || !lengths.getElementType().isInteger(32)) {
    return emitOpError("expected lengths [sequence] of i32, got ") << lengths;
  }
  if (result.getRank() != pages.getRank() ||
      (hasChannels && result.getDimSize(3) != pages.getDimSize(3)) ||
      result.getElementType() != pages.getElementType()) {
    return emitOpError("expected a result [sequence, head, position, channel] "
                       "with the pages' channels and element type, got ")
           << result;
  }
  return success();
}

/// The last dimension of `result` is `factor` times that of `source`, and the
/// others are alike.
static LogicalResult verifyWidened(Operation *op, RankedTensorType source,
                                   RankedTensorType result, int64_t factor) {
  if (source.getRank() == 0 || source.isDynamicDim(source.getRank() - 1)) {
    return op->emitOpError("expected a last dimension of static extent, got ")
           << source;
  }
  SmallVector<int64_t> shape(source.getShape());
  shape.back() *= factor;
  if (result.getShape() != ArrayRef(shape)) {
    auto expected = RankedTensorType::get(shape, result.getElementType());
    return op->emitOpError("expected a result of type ")
           << expected << ", got " << result;
  }
  return success();
}

LogicalResult UnpackOp::verify() {
  auto bytes = cast<RankedTensorType>(getBytes().getType());
  auto result = cast<RankedTensorType>(getResult().getType());
  if (!bytes.getElementType().isSignlessInteger(8) ||
      !result.getElementType().isSignlessInteger(4)) {
    return emitOpError("expected bytes of i8 and a result of i4, got ")
           << bytes << " and " << result;
  }
  int64_t group = getGroup();
  if (failed(verifyWidened(*this, bytes, result, 2))) {
    return failure();
  }
  if (group < 2 || group % 2 != 0 || result.getShape().back() % group != 0) {
    return emitOpError("expected an even group that divides ")
           << result.getShape().back() << ", got " << group;
  }
  return success();
}

LogicalResult RepeatOp::verify() {
  auto source = cast<RankedTensorType>(getSource().getType());
  auto result = cast<RankedTensorType>(getResult().getType());
  if (static_cast<int64_t>(getTimes()) < 1) {
    return emitOpError("expected to repeat at least once, got ") << getTimes();
  }
  if (source.getElementType() != result.getElementType()) {
    return emitOpError("expected a result of ")
           << source.getElementType() << ", got " << result.getElementType();
  }
  return verifyWidened(*this, source, result, getTimes());
}

LogicalResult PlaceOp::verify() {
  auto rows = cast<RankedTensorType>(getRows().getType());
  auto base = cast<RankedTensorType>(getBase().getType());
  auto positions = cast<RankedTensorType>(getPositions().getType());
  if (base.getRank() < 3 || rows.getRank() != base.getRank() ||
      rows.getElementType() != base.getElementType() ||
      rows.getShape().drop_front(3) != base.getShape().drop_front(3)) {
    return emitOpError("expected rows [batch, head, row, ..] of the base's "
                       "inner extents and element type, got ")
           << rows << " and " << base;
  }
  if (positions.getRank() != 2 || !positions.getElementType().isInteger(32)) {
    return emitOpError("expected positions [batch, row] of i32, got ")
           << positions;
  }
  if (getTable()) {
    auto table = cast<RankedTensorType>(getTable().getType());
    if (table.getRank() != 2 || !table.getElementType().isInteger(32)) {
      return emitOpError("expected a page table [sequence, page] of i32, got ")
             << table;
    }
  }
  if (getType() != base) {
    return emitOpError("expected a result of the base's type ")
           << base << ", got " << getType();
  }
  return success();
}

LogicalResult IndexOp::verify() {
  for (Operation *parent = (*this)->getParentOp(); parent;
       parent = parent->getParentOp()) {
    ArrayAttr ranks;
    if (auto einsum = dyn_cast<EinsumOp>(parent)) {
      ranks = einsum.getRanks();
    } else if (auto scan = dyn_cast<ScanOp>(parent)) {
      ranks = scan.getRanks();
    } else if (auto fold = dyn_cast<FoldOp>(parent)) {
      ranks = fold.getRanks();
    }
    if (ranks && llvm::is_contained(ranks.getAsValueRange<StringAttr>(),
                                    getRank())) {
      return success();
    }
  }
  return emitOpError("expected rank '")
         << getRank() << "' to be a rank of an enclosing cascade operation";
}

//===----------------------------------------------------------------------===//
// FoldOp
//===----------------------------------------------------------------------===//

/// The stream and the parallel ranks are different ranks of the fold.
static LogicalResult verifyRoles(FoldOp op) {
  llvm::SmallDenseSet<StringRef> seen{op.getStream()};
  if (op.getRankIndex(op.getStream()) < 0) {
    return op.emitOpError("expected the streamed rank '")
           << op.getStream() << "' among the ranks";
  }
  for (StringRef name : op.getParallel().getAsValueRange<StringAttr>()) {
    if (op.getRankIndex(name) < 0) {
      return op.emitOpError("expected the parallel rank '")
             << name << "' among the ranks";
    }
    if (!seen.insert(name).second) {
      return op.emitOpError("expected rank '")
             << name << "' to be streamed or parallel, once";
    }
  }
  return success();
}

LogicalResult FoldOp::verify() {
  unsigned numInputs = getInputs().size();
  if (getMaps().size() != numInputs + getNumResults()) {
    return emitOpError("expected one map per input and per result");
  }
  SmallVector<AffineMap> maps(getMaps().getAsValueRange<AffineMapAttr>());
  if (failed(verifyMaps(*this, getRanks(), maps)) ||
      failed(verifyRoles(*this))) {
    return failure();
  }
  SmallVector<std::pair<Type, AffineMap>> uses;
  for (auto [i, value] : llvm::enumerate(getInputs())) {
    AffineMap map = getInputMap(i);
    if (failed(verifyArity(*this, value.getType(), map, "an input")) ||
        failed(verifyPlain(*this, map, "an input"))) {
      return failure();
    }
    uses.push_back({value.getType(), map});
  }
  if (failed(verifyExtentKnown(*this, getRanks(), uses))) {
    return failure();
  }
  for (auto [i, type] : llvm::enumerate(getResultTypes())) {
    AffineMap map = getResultMap(i);
    if (failed(verifyArity(*this, type, map, "a result")) ||
        failed(verifyPlain(*this, map, "a result"))) {
      return failure();
    }
    uses.push_back({type, map});
  }
  return verifyExtents(*this, getRanks(), uses);
}

LogicalResult FoldOp::verifyRegions() {
  SmallVector<Type> rows, all;
  for (unsigned i = 0, e = getInputs().size(); i < e; ++i) {
    all.push_back(getInnerType(i));
    if (!isStreamed(i)) {
      rows.push_back(all.back());
    }
  }
  auto init = dyn_cast<YieldOp>(getInit().front().getTerminator());
  if (!init) {
    return emitOpError("expected region 'init' to end in cascade.yield");
  }
  SmallVector<Type> states(init.getValues().getTypes());
  if (states.size() != getNumStates()) {
    return emitOpError("expected one identity per state element, got ")
           << getNumStates() << " for " << states.size();
  }
  for (auto [state, identity] : llvm::zip_equal(states, getIdentity())) {
    auto typed = dyn_cast<TypedAttr>(identity);
    if (!typed || typed.getType() != getElementType(state)) {
      return emitOpError("expected an identity of type ")
             << getElementType(state) << ", got " << identity;
    }
    auto shaped = dyn_cast<ShapedType>(state);
    if (shaped && !shaped.hasStaticShape()) {
      return emitOpError("expected state elements of static shape, got ")
             << state;
    }
  }
  SmallVector<Type> stepArguments(states), mergeArguments(states),
      finishArguments(states);
  stepArguments.append(all);
  mergeArguments.append(states);
  finishArguments.append(rows);

  SmallVector<Type> stepYields(states), finishYields;
  for (auto [i, type] : llvm::enumerate(getResultTypes())) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    SmallVector<int64_t> shape;
    for (auto [j, e] : llvm::enumerate(getResultMap(i).getResults())) {
      StringRef name =
          cast<StringAttr>(getRanks()[cast<AffineDimExpr>(e).getPosition()])
              .getValue();
      if (name == getStream()) {
        shape.push_back(ShapedType::kDynamic);
      } else if (!isParallel(name)) {
        shape.push_back(tensor.getDimSize(j));
      }
    }
    Type inner = getElementType(type);
    if (!shape.empty()) {
      inner = RankedTensorType::get(shape, inner);
    }
    (isEmitted(i) ? stepYields : finishYields).push_back(inner);
  }
  if (failed(verifyArguments(*this, getInit(), rows, "init")) ||
      failed(verifyArguments(*this, getStep(), stepArguments, "step")) ||
      failed(verifyArguments(*this, getMerge(), mergeArguments, "merge")) ||
      failed(verifyArguments(*this, getFinish(), finishArguments, "finish")) ||
      failed(verifyYield(*this, getStep(), stepYields, "step")) ||
      failed(verifyYield(*this, getMerge(), states, "merge")) ||
      failed(verifyYield(*this, getFinish(), finishYields, "finish"))) {
    return failure();
  }
  return verifyWhere(*this, getWhere());
}
