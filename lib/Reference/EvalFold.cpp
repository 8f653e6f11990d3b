//===- EvalFold.cpp - cascade.fold under any cut of its stream ------------===//
//
// At one point of the parallel ranks, with visible coordinates 0 1 3 4 6:
//
//   one tile      finish(step(init, 0 1 3 4 6))
//   sizes 2, 1    finish(step(step(step(step(init, 0 1), 3), 4 6)))
//   merged        finish(merge(merge(step(init, 0 1), step(identity, 3)), ...))
//   a seed        e.g. finish(merge(step(identity, 4 0),
//                                   step(step(init, 3), 6 1)))
//
// All of them mean the same; which one runs is the caller's choice, so that
// tests can compare them.
//
//===----------------------------------------------------------------------===//

#include "Ranks.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

#include <numeric>
#include <random>

using namespace mlir;
using namespace fovea;
using namespace fovea::reference;

namespace {

struct Fold {
  cascade::FoldOp op;
  RankSpace ranks;
  SmallVector<Access, 4> inputs;
  SmallVector<bool, 4> isStreamed, isEmitted; // per input; per result
  SmallVector<SmallVector<unsigned, 4>, 4> inputRanks, resultRanks;
  SmallVector<unsigned, 4> parallel;
  unsigned stream;
  unsigned tile; // slot of the coordinates of the current tile
  Program init, step, merge, finish, where;
  SmallVector<Type, 4> stateTypes;
  SmallVector<unsigned, 4> results;
  State identity;

  LogicalResult run(Frame &f);
};

/// One point of the parallel ranks of a running fold.
class Point : public FoldPoint {
public:
  Point(Fold &fold, Frame &frame, ArrayRef<View> views,
        ArrayRef<int64_t> extents, MutableArrayRef<int64_t> point,
        std::vector<Tensor> &values)
      : fold(fold), frame(frame), views(views), extents(extents), point(point),
        values(values) {}

  /// Finds the visible coordinates.
  LogicalResult prepare();
  /// Computes the results here under the given cut.
  LogicalResult compute(const FoldSplit &split);

  ArrayRef<int64_t> getVisible() const override { return visible; }
  State getIdentity() const override { return fold.identity; }
  llvm::Expected<State> init() override;
  llvm::Expected<State> step(const State &state,
                             ArrayRef<int64_t> tile) override;
  llvm::Expected<State> merge(const State &a, const State &b) override;
  llvm::Expected<std::vector<Tensor>> finish(const State &state) override;

private:
  /// Input i at this point; the streamed rank takes the coordinates of `tile`.
  void slice(unsigned i, ArrayRef<int64_t> tile, Slot &slot);
  void bindRows(ArrayRef<unsigned> arguments);
  void bindState(ArrayRef<unsigned> arguments, const State &state);
  State takeState(ArrayRef<unsigned> yields);
  llvm::Expected<State> foldParts(const FoldSplit &split);
  llvm::Expected<State> foldRandomly(uint64_t seed);
  /// Writes `part`, whose ranks left are those of result i that are not
  /// parallel, at this point; the streamed rank at the coordinates of `tile`.
  LogicalResult write(unsigned i, const Tensor &part, ArrayRef<int64_t> tile);

  Fold &fold;
  Frame &frame;
  ArrayRef<View> views;
  ArrayRef<int64_t> extents;
  MutableArrayRef<int64_t> point;
  std::vector<Tensor> &values;
  SmallVector<int64_t> visible;
  /// Emissions are written while the results are computed, not for observers.
  bool emitting = false;
};

} // namespace

//===----------------------------------------------------------------------===//
// Moving values in and out of the regions
//===----------------------------------------------------------------------===//

/// Visits the elements of a part of a tensor of ranks `ranks`: `inner` is the
/// part's shape over the ranks that are not parallel; the callback gets the
/// offset in the part and the coordinates in the whole.
template <typename Visit>
static void forEachElement(const Fold &fold, ArrayRef<unsigned> ranks,
                           ArrayRef<int64_t> inner, ArrayRef<int64_t> point,
                           ArrayRef<int64_t> tile, Visit visit) {
  int64_t n = product(inner);
  SmallVector<int64_t, 4> coordinates(ranks.size(), 0);
  for (int64_t offset = 0; offset < n; ++offset) {
    int64_t rest = offset;
    int64_t d = static_cast<int64_t>(inner.size()) - 1;
    for (int64_t i = static_cast<int64_t>(ranks.size()) - 1; i >= 0; --i) {
      if (llvm::is_contained(fold.parallel, ranks[i])) {
        coordinates[i] = point[ranks[i]];
        continue;
      }
      int64_t local = rest % inner[d];
      rest /= inner[d--];
      coordinates[i] = ranks[i] == fold.stream ? tile[local] : local;
    }
    visit(offset, coordinates);
  }
}

static int64_t getOffset(ArrayRef<int64_t> shape, ArrayRef<int64_t> index) {
  int64_t offset = 0;
  for (auto [size, i] : llvm::zip_equal(shape, index)) {
    offset = offset * size + i;
  }
  return offset;
}

void Point::slice(unsigned i, ArrayRef<int64_t> tile, Slot &slot) {
  const View &view = views[i];
  if (!view.tensor) {
    slot = frame[view.access->slot];
    return;
  }
  SmallVector<int64_t, 4> inner;
  for (unsigned rank : fold.inputRanks[i]) {
    if (rank == fold.stream) {
      inner.push_back(tile.size());
    } else if (!llvm::is_contained(fold.parallel, rank)) {
      inner.push_back(extents[rank]);
    }
  }
  Tensor part = Tensor::zeros(inner, view.tensor->elementType);
  Slot element;
  forEachElement(fold, fold.inputRanks[i], inner, point, tile,
                 [&](int64_t offset, ArrayRef<int64_t> whole) {
                   load(element, *view.tensor,
                        getOffset(view.tensor->shape, whole));
                   store(part, offset, element);
                 });
  fromTensor(slot, std::move(part), fold.op.getInnerType(i));
}

void Point::bindRows(ArrayRef<unsigned> arguments) {
  for (unsigned i = 0, n = views.size(); i < n; ++i) {
    if (!fold.isStreamed[i]) {
      slice(i, {}, frame[arguments.front()]);
      arguments = arguments.drop_front();
    }
  }
}

void Point::bindState(ArrayRef<unsigned> arguments, const State &state) {
  for (auto [i, tensor] : llvm::enumerate(state)) {
    fromTensor(frame[arguments[i]], tensor, fold.stateTypes[i]);
  }
}

State Point::takeState(ArrayRef<unsigned> yields) {
  State state;
  for (auto [i, type] : llvm::enumerate(fold.stateTypes)) {
    state.push_back(toTensor(frame[yields[i]], type));
  }
  return state;
}

LogicalResult Point::write(unsigned i, const Tensor &part,
                           ArrayRef<int64_t> tile) {
  Tensor &whole = values[i];
  SmallVector<int64_t, 4> expected;
  for (unsigned rank : fold.resultRanks[i]) {
    if (rank == fold.stream) {
      expected.push_back(tile.size());
    } else if (!llvm::is_contained(fold.parallel, rank)) {
      expected.push_back(extents[rank]);
    }
  }
  if (ArrayRef<int64_t>(part.shape) != ArrayRef<int64_t>(expected)) {
    return frame.machine.fail(
        fold.op, "expected result " + Twine(i) + " to be yielded with shape " +
                     toText(expected) + ", got " + toText(part.shape));
  }
  Slot element;
  forEachElement(fold, fold.resultRanks[i], expected, point, tile,
                 [&](int64_t offset, ArrayRef<int64_t> at) {
                   load(element, part, offset);
                   store(whole, getOffset(whole.shape, at), element);
                 });
  return success();
}

//===----------------------------------------------------------------------===//
// The pieces
//===----------------------------------------------------------------------===//

LogicalResult Point::prepare() {
  for (int64_t i = 0; i < extents[fold.stream]; ++i) {
    if (fold.op.hasWhere()) {
      point[fold.stream] = i;
      fold.ranks.setCoordinate(frame, fold.stream, i);
      if (failed(fold.where.run(frame))) {
        return failure();
      }
      if (!frame[fold.where.yields[0]].integer) {
        continue;
      }
    }
    visible.push_back(i);
  }
  return success();
}

llvm::Expected<State> Point::init() {
  bindRows(fold.init.arguments);
  if (failed(fold.init.run(frame))) {
    return frame.machine.takeError();
  }
  return takeState(fold.init.yields);
}

llvm::Expected<State> Point::step(const State &state, ArrayRef<int64_t> tile) {
  ArrayRef<unsigned> arguments(fold.step.arguments);
  bindState(arguments, state);
  frame[fold.tile].tensor = std::make_shared<const Tensor>(Tensor::fromIntegers(
      {static_cast<int64_t>(tile.size())}, {tile.begin(), tile.end()}));
  for (unsigned i = 0, n = views.size(); i < n; ++i) {
    slice(i, tile, frame[arguments[state.size() + i]]);
  }
  if (failed(fold.step.run(frame))) {
    return frame.machine.takeError();
  }
  if (emitting) {
    unsigned next = state.size();
    for (auto [i, type] : llvm::enumerate(fold.op.getResultTypes())) {
      if (!fold.isEmitted[i]) {
        continue;
      }
      // An emission always carries the streamed rank: it is a tensor.
      const Slot &slot = frame[fold.step.yields[next++]];
      if (failed(write(i, *slot.tensor, tile))) {
        return frame.machine.takeError();
      }
    }
  }
  return takeState(fold.step.yields);
}

llvm::Expected<State> Point::merge(const State &a, const State &b) {
  ArrayRef<unsigned> arguments(fold.merge.arguments);
  bindState(arguments, a);
  bindState(arguments.drop_front(a.size()), b);
  if (failed(fold.merge.run(frame))) {
    return frame.machine.takeError();
  }
  return takeState(fold.merge.yields);
}

llvm::Expected<std::vector<Tensor>> Point::finish(const State &state) {
  ArrayRef<unsigned> arguments(fold.finish.arguments);
  bindState(arguments, state);
  bindRows(arguments.drop_front(state.size()));
  if (failed(fold.finish.run(frame))) {
    return frame.machine.takeError();
  }
  auto yield =
      cast<cascade::YieldOp>(fold.op.getFinish().front().getTerminator());
  std::vector<Tensor> parts;
  for (auto [number, value] :
       llvm::zip_equal(fold.finish.yields, yield.getValues())) {
    parts.push_back(toTensor(frame[number], value.getType()));
  }
  return parts;
}

//===----------------------------------------------------------------------===//
// Cuts
//===----------------------------------------------------------------------===//

llvm::Expected<State> Point::foldParts(const FoldSplit &split) {
  llvm::Expected<State> state = init();
  ArrayRef<int64_t> rest = visible;
  for (size_t i = 0; state && !rest.empty(); ++i) {
    int64_t size = rest.size();
    if (!split.tileSizes.empty()) {
      size = std::clamp<int64_t>(split.tileSizes[i % split.tileSizes.size()], 1,
                                 size);
    }
    if (!split.mergeTiles || i == 0) {
      state = step(*state, rest.take_front(size));
    } else {
      llvm::Expected<State> part = step(fold.identity, rest.take_front(size));
      if (!part) {
        return part.takeError();
      }
      state = merge(*state, *part);
    }
    rest = rest.drop_front(size);
  }
  return state;
}

llvm::Expected<State> Point::foldRandomly(uint64_t seed) {
  // Drawn by hand: the distributions of <random> differ between libraries.
  std::mt19937_64 engine(seed);
  auto draw = [&](uint64_t n) -> size_t { return engine() % n; };
  SmallVector<int64_t> shuffled(visible);
  for (size_t i = shuffled.size(); i > 1; --i) {
    std::swap(shuffled[i - 1], shuffled[draw(i)]);
  }
  ArrayRef<int64_t> rest = shuffled;
  size_t numParts = 1 + draw(4);
  std::vector<State> parts;
  for (size_t p = 0; p < numParts; ++p) {
    ArrayRef<int64_t> part = rest;
    if (p + 1 < numParts) {
      part = rest.take_front(draw(rest.size() + 1));
    }
    rest = rest.drop_front(part.size());
    llvm::Expected<State> state =
        p == 0 ? init() : llvm::Expected<State>(fold.identity);
    if (!state) {
      return state.takeError();
    }
    bool mayStop = draw(2) == 0;
    while (!part.empty() || !mayStop) {
      mayStop = true; // every second part ends or consists of an empty tile
      ArrayRef<int64_t> tile = part.take_front(draw(part.size() + 1));
      part = part.drop_front(tile.size());
      state = step(*state, tile);
      if (!state) {
        return state.takeError();
      }
    }
    parts.push_back(std::move(*state));
  }
  while (parts.size() > 1) {
    std::swap(parts[draw(parts.size())], parts.back());
    State last = std::move(parts.back());
    parts.pop_back();
    State &other = parts[draw(parts.size())];
    llvm::Expected<State> joined = merge(last, other);
    if (!joined) {
      return joined.takeError();
    }
    other = std::move(*joined);
  }
  return std::move(parts.front());
}

LogicalResult Point::compute(const FoldSplit &split) {
  emitting = true;
  llvm::Expected<State> state =
      split.seed ? foldRandomly(*split.seed * 0x9E3779B97F4A7C15u +
                                frame.machine.nextPoint())
                 : foldParts(split);
  if (!state) {
    return frame.machine.fail(state.takeError());
  }
  llvm::Expected<std::vector<Tensor>> parts = finish(*state);
  if (!parts) {
    return frame.machine.fail(parts.takeError());
  }
  emitting = false;
  unsigned next = 0;
  for (unsigned i = 0, n = fold.results.size(); i < n; ++i) {
    if (!fold.isEmitted[i] && failed(write(i, (*parts)[next++], {}))) {
      return failure();
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

LogicalResult Fold::run(Frame &f) {
  SmallVector<View, 4> views;
  for (const Access &input : inputs) {
    views.emplace_back(input, f);
  }
  SmallVector<int64_t, 8> extents, point(ranks.size(), 0);
  if (failed(ranks.getExtents(op, f, views, extents))) {
    return failure();
  }
  std::vector<Tensor> values;
  for (auto [i, type] : llvm::enumerate(op.getResultTypes())) {
    SmallVector<int64_t, 4> shape = select(resultRanks[i], extents);
    if (failed(verifyResultShape(op, f, type, shape))) {
      return failure();
    }
    values.push_back(Tensor::zeros(shape, getElementTypeOrSelf(type)));
  }
  const Options &options = f.machine.getOptions();
  LogicalResult walked = ranks.walk(f, parallel, extents, point, [&] {
    Point here(*this, f, views, extents, point, values);
    if (failed(here.prepare())) {
      return failure();
    }
    if (options.observeFold) {
      if (llvm::Error e = options.observeFold(op, here)) {
        return f.machine.fail(std::move(e));
      }
    }
    return here.compute(options.split);
  });
  for (auto [i, number] : llvm::enumerate(results)) {
    fromTensor(f[number], std::move(values[i]), op.getResult(i).getType());
  }
  return walked;
}

/// A state element full of its identity.
static Tensor makeIdentity(Type type, Attribute identity) {
  SmallVector<int64_t> shape;
  if (auto shaped = dyn_cast<ShapedType>(type)) {
    shape.assign(shaped.getShape().begin(), shaped.getShape().end());
  }
  Tensor tensor = Tensor::zeros(shape, getElementTypeOrSelf(type));
  if (auto real = dyn_cast<FloatAttr>(identity)) {
    llvm::fill(tensor.reals, toDouble(real.getValue()));
  } else {
    llvm::fill(tensor.integers,
               toInteger(cast<IntegerAttr>(identity).getValue()));
  }
  return tensor;
}

static LogicalResult translateRegions(Fold &plan, Translator &t) {
  cascade::FoldOp op = plan.op;
  RankScope scope{op.getRanks(), plan.ranks.coordinates, op.getStream(),
                  plan.tile};
  struct {
    Region &region;
    Program &program;
    bool inStep, inWhere;
  } parts[] = {{op.getInit(), plan.init, false, false},
               {op.getStep(), plan.step, true, false},
               {op.getMerge(), plan.merge, false, false},
               {op.getFinish(), plan.finish, false, false},
               {op.getWhere(), plan.where, false, true}};
  for (auto &part : parts) {
    scope.inStep = part.inStep;
    scope.inWhere = part.inWhere;
    t.scopes.push_back(scope);
    LogicalResult translated = t.translate(op, part.region, part.program);
    t.scopes.pop_back();
    if (failed(translated)) {
      return failure();
    }
  }
  return success();
}

static FailureOr<Step> translateFold(cascade::FoldOp op, Translator &t) {
  auto plan = std::make_shared<Fold>();
  plan->op = op;
  plan->ranks = RankSpace::create(op.getRanks(), t);
  plan->stream = op.getRankIndex(op.getStream());
  plan->tile = t.allocate();
  for (auto [i, value] : llvm::enumerate(op.getInputs())) {
    AffineMap map = op.getInputMap(i);
    if (failed(makeAccess(op, value, map, t, plan->inputs.emplace_back()))) {
      return failure();
    }
    plan->inputRanks.push_back(getRankPositions(map));
    plan->isStreamed.push_back(op.isStreamed(i));
  }
  for (unsigned i = 0; i < op.getNumResults(); ++i) {
    plan->resultRanks.push_back(getRankPositions(op.getResultMap(i)));
    plan->isEmitted.push_back(op.isEmitted(i));
  }
  for (StringRef name : op.getParallel().getAsValueRange<StringAttr>()) {
    plan->parallel.push_back(op.getRankIndex(name));
  }
  plan->results = t.slots(op.getResults());
  auto yield = cast<cascade::YieldOp>(op.getInit().front().getTerminator());
  for (auto [value, identity] :
       llvm::zip_equal(yield.getValues(), op.getIdentity())) {
    plan->stateTypes.push_back(value.getType());
    plan->identity.push_back(makeIdentity(value.getType(), identity));
  }
  if (failed(translateRegions(*plan, t))) {
    return failure();
  }
  return Step([plan](Frame &f) { return plan->run(f); });
}

void fovea::reference::addFoldRule(Rules &rules) {
  rules[cascade::FoldOp::getOperationName()] = [](Operation *op,
                                                  Translator &t) {
    return translateFold(cast<cascade::FoldOp>(op), t);
  };
}
