//===- FoldRanks.cpp - which rank is a row, what a task can hold ----------===//

#include "FoldBuilder.h"

#include "fovea/Analysis/FoldRows.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace fovea;

void FoldBuilder::chooseRowRank() {
  rowRank = findRowRank(fold);
  if (rowRank >= 0) {
    rowName = rankName(rowRank).str();
  }
  if (context.schedule.getPack()) {
    choosePack();
  }
  for (StringRef name : fold.getParallel().getAsValueRange<StringAttr>()) {
    int64_t rank = fold.getRankIndex(name);
    if (rank != rowRank && rank != packRank) {
      points.push_back(rank);
    }
  }
}

//===----------------------------------------------------------------------===//
// Packed rows
//===----------------------------------------------------------------------===//

/// True if tiles can compute with elements of this type.
static bool fitsTile(Type element) {
  return isa<FloatType, IndexType>(element) || element.isInteger(1) ||
         element.isInteger(32);
}

/// True if tiles can hold elements of this type: of narrow integers until they
/// are converted.
static bool fitsLoad(Type element) {
  return isa<FloatType>(element) || element.isInteger(32) ||
         element.isSignlessInteger(8) || element.isSignlessInteger(4);
}

/// Values of `region` that depend on coordinate `name` or on `sources`.
static DenseSet<Value> findDependent(Region &region, StringRef name,
                                     ArrayRef<Value> sources) {
  DenseSet<Value> dependent(sources.begin(), sources.end());
  region.walk<WalkOrder::PreOrder>([&](Operation *op) {
    auto index = dyn_cast<cascade::IndexOp>(op);
    bool depends = index && index.getRank() == name;
    for (Value operand : op->getOperands()) {
      depends |= dependent.contains(operand);
    }
    if (depends) {
      dependent.insert(op->result_begin(), op->result_end());
    }
    if (auto einsum = dyn_cast<cascade::EinsumOp>(op)) {
      for (auto [argument, input] : llvm::zip(
               einsum.getBody().front().getArguments(), einsum.getInputs())) {
        if (dependent.contains(input)) {
          dependent.insert(argument);
        }
      }
    }
  });
  return dependent;
}

/// What keeps `rank` out of the rows, or "" if nothing does. What depended on
/// it was a scalar of a task, of any type, and becomes a tile.
std::string FoldBuilder::whyNotPack(unsigned rank) {
  for (unsigned i = 0, e = fold.getNumResults(); i < e; ++i) {
    if (!fold.getResultMap(i).isFunctionOfDim(rank)) {
      return ("result " + Twine(i) + " does not carry it").str();
    }
  }
  for (auto [i, input] : llvm::enumerate(fold.getInputs())) {
    Type element = cascade::getElementType(input.getType());
    if (fold.getInputMap(i).isFunctionOfDim(rank) && !fitsTile(element)) {
      std::string text;
      llvm::raw_string_ostream(text)
          << "input " << i << " holds " << element
          << ", and rows hold floats and i32";
      return text;
    }
  }
  unsigned states = fold.getNumStates();
  for (Region *region : {&fold.getInit(), &fold.getStep(), &fold.getFinish(),
                         &fold.getWhere()}) {
    if (region->empty()) {
      continue;
    }
    SmallVector<Value> sources;
    SmallVector<unsigned> inputs = fold.getRowInputs();
    unsigned first = region == &fold.getFinish() ? states : 0;
    if (region == &fold.getStep()) {
      first = states;
      inputs.clear();
      llvm::append_range(inputs, llvm::seq<unsigned>(fold.getInputs().size()));
    }
    if (region != &fold.getWhere()) {
      for (auto [i, input] : llvm::enumerate(inputs)) {
        if (fold.getInputMap(input).isFunctionOfDim(rank)) {
          sources.push_back(region->getArgument(first + i));
        }
      }
    }
    for (Value v : findDependent(*region, rankName(rank), sources)) {
      Type element = getElementTypeOrSelf(v.getType());
      if (!fitsTile(element)) {
        std::string text;
        llvm::raw_string_ostream(text)
            << "what depends on it has type " << element
            << ", and rows hold floats and i32";
        return text;
      }
    }
  }
  return "";
}

void FoldBuilder::choosePack() {
  std::optional<unsigned> rank =
      rowRank >= 0 ? findPackRank(fold, rowRank) : std::optional<unsigned>();
  if (!rank) {
    fold.emitRemark("rows are not packed: no second parallel rank shares the "
                    "streamed operands");
    return;
  }
  std::string reason = whyNotPack(*rank);
  if (!reason.empty()) {
    fold.emitRemark("rank '")
        << rankName(*rank) << "' is not packed into the rows: " << reason;
    return;
  }
  packRank = *rank;
}

/// Tells `t` where this task stands.
void FoldBuilder::setCoordinates(Tensorizer &t) {
  for (unsigned rank : points) {
    t.setCoordinate(rankName(rank), {coordinates[rank], 0, {}});
  }
  int64_t rows = context.schedule.getRows();
  t.setCoordinate(rowName, {rowBase, rows, {}});
  if (packRank < 0) {
    return;
  }
  RankedTensorType type = t.tileType({rowName}, b.getI32Type());
  Value row = tile::CoordinateOp::create(b, loc, type, rowBase);
  Value divisor = t.broadcast(loc, extents[packRank], type);
  t.setCoordinate(rowName,
                  {rowBase, rows,
                   arith::DivUIOp::create(b, loc, row, divisor).getResult()});
  t.setCoordinate(rankName(packRank),
                  {Value(), 0,
                   arith::RemUIOp::create(b, loc, row, divisor).getResult()});
}

//===----------------------------------------------------------------------===//
// Extents, names and types
//===----------------------------------------------------------------------===//

int64_t FoldBuilder::staticExtent(unsigned rank) {
  for (auto [i, input] : llvm::enumerate(fold.getInputs())) {
    for (auto [j, e] : llvm::enumerate(fold.getInputMap(i).getResults())) {
      auto shaped = dyn_cast<ShapedType>(input.getType());
      if (cast<AffineDimExpr>(e).getPosition() == rank && shaped &&
          !shaped.isDynamicDim(j)) {
        return shaped.getDimSize(j);
      }
    }
  }
  return ShapedType::kDynamic;
}

LogicalResult FoldBuilder::setInnerCoordinates(Tensorizer &t) {
  Value zero = index(0);
  for (unsigned rank = 0, e = fold.getRanks().size(); rank < e; ++rank) {
    StringRef name = rankName(rank);
    if (fold.isParallel(name) || name == fold.getStream()) {
      continue;
    }
    int64_t extent = staticExtent(rank);
    if (ShapedType::isDynamic(extent)) {
      return fold.emitOpError("expected a static extent of rank '")
             << name << "': it is neither parallel nor streamed";
    }
    t.setCoordinate(name, {zero, extent, {}});
  }
  return success();
}

/// The fold's names of the dimensions of a value of the step. An einsum may
/// use names of its own: what it reads tells which rank each of them is.
SmallVector<StringRef> FoldBuilder::namesInStep(Value v) {
  unsigned states = fold.getNumStates();
  if (auto argument = dyn_cast<BlockArgument>(v)) {
    unsigned i = argument.getArgNumber();
    return i < states ? SmallVector<StringRef>()
                      : fold.getInnerRanks(i - states);
  }
  auto einsum = v.getDefiningOp<cascade::EinsumOp>();
  if (!einsum) {
    return {};
  }
  llvm::StringMap<StringRef> known;
  for (auto [input, map] :
       llvm::zip_equal(einsum.getInputs(), einsum.getInputMaps())) {
    for (auto [name, e] : llvm::zip(namesInStep(input), map.getResults())) {
      if (auto dim = dyn_cast<AffineDimExpr>(e)) {
        Attribute local = einsum.getRanks()[dim.getPosition()];
        known[cast<StringAttr>(local).getValue()] = name;
      }
    }
  }
  SmallVector<StringRef> names;
  for (StringRef local : einsum.getResultRanks()) {
    auto it = known.find(local);
    names.push_back(it == known.end() ? local : it->second);
  }
  return names;
}

/// State elements are scalars per row ([row]) or tensors whose rank names are
/// those of the einsum that yields them.
LogicalResult FoldBuilder::findStateTypes() {
  Block &step = fold.getStep().front();
  auto yield = cast<cascade::YieldOp>(step.getTerminator());
  for (unsigned i = 0; i < fold.getNumStates(); ++i) {
    Value v = yield.getValues()[i];
    SmallVector<StringRef> names;
    if (auto tensor = dyn_cast<RankedTensorType>(v.getType())) {
      auto einsum = v.getDefiningOp<cascade::EinsumOp>();
      if (!einsum) {
        return fold.emitOpError("expected tensor state element ")
               << i << " to be yielded by an einsum of the step";
      }
      names = namesInStep(v);
      for (StringRef name : names) {
        if (fold.getRankIndex(name) < 0) {
          return fold.emitOpError("expected rank '")
                 << name << "' of state element " << i
                 << " to be a rank of the fold";
        }
      }
    }
    stateNames.push_back(names);
    SmallVector<StringRef> tileNames(names);
    tileNames.push_back(rowName);
    Tensorizer t(b, fold.getStream(), rowName);
    if (failed(setInnerCoordinates(t))) {
      return failure();
    }
    t.setCoordinate(rowName, {Value(), context.schedule.getRows(), {}});
    stateTypes.push_back(
        t.tileType(tileNames, cascade::getElementType(v.getType())));
  }
  return success();
}

Tensorizer FoldBuilder::makeTensorizer() {
  Tensorizer t(b, fold.getStream(), rowName);
  llvm::SetVector<Value> above;
  for (Region &region : fold->getRegions()) {
    getUsedValuesDefinedAbove(region, above);
  }
  for (Value v : above) {
    auto it = context.captured.find(v);
    DenseElementsAttr dense;
    if (matchPattern(v, m_Constant(&dense)) && dense.isSplat()) {
      Value splat = arith::ConstantOp::create(
          b, loc, cast<TypedAttr>(dense.getSplatValue<Attribute>()));
      t.map(v, splat, {});
    } else if (it != context.captured.end() && isa<ShapedType>(v.getType()) &&
               !it->second.isView()) {
      t.mapTable(v, it->second.buffer);
    } else {
      t.map(v, context.scalars->lookupOrDefault(v), {});
    }
  }
  return t;
}

/// Integers of tiles are i32, and a masked one has no neutral value.
LogicalResult FoldBuilder::verifyElements() {
  for (auto [i, input] : llvm::enumerate(fold.getInputs())) {
    Type element = cascade::getElementType(input.getType());
    AffineMap map = fold.getInputMap(i);
    auto carries = [&](int64_t rank) {
      return rank >= 0 && map.isFunctionOfDim(rank);
    };
    bool isPoint = fold.getInnerRanks(i).empty() && !carries(rowRank) &&
                   !carries(packRank);
    if (!isPoint && !fitsLoad(element)) {
      return fold.emitOpError("expected input ")
             << i << " of floats, i32, i8 or i4, got " << element;
    }
  }
  for (auto [i, type] : llvm::enumerate(fold.getResultTypes())) {
    if (fold.isEmitted(i) && !isa<FloatType>(cascade::getElementType(type))) {
      return fold.emitOpError("expected result ")
             << i << ", which keeps rank '" << fold.getStream()
             << "', to be of floats, got " << cascade::getElementType(type);
    }
  }
  return success();
}

/// Slots of a page table beyond a sequence's length hold anything: the
/// predicate has to keep the stream away from them.
LogicalResult FoldBuilder::checkPagedStream() {
  for (auto [i, source] : llvm::enumerate(context.inputs)) {
    if (source.isPaged() && fold.isStreamed(i) && !fold.hasWhere()) {
      return fold.emitOpError("expected a 'where' region that keeps rank '")
             << fold.getStream()
             << "' below the lengths of the gathered input " << i;
    }
  }
  return success();
}
