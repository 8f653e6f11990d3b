//===- EvalCascade.cpp - einsum, scan, iterate, gather, index -------------===//
//
// The fold is in EvalFold.cpp.
//
//===----------------------------------------------------------------------===//

#include "Ranks.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

#include <limits>

using namespace mlir;
using namespace fovea;
using namespace fovea::reference;

/// Reads one element of every view into the arguments of `body`; false if the
/// point is absent.
static bool readAll(Frame &f, ArrayRef<View> views, ArrayRef<int64_t> point,
                    ArrayRef<unsigned> arguments) {
  for (auto [view, argument] : llvm::zip_equal(views, arguments)) {
    if (!view.read(point, f, f[argument])) {
      return false;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// einsum
//===----------------------------------------------------------------------===//

namespace {

struct Einsum {
  cascade::EinsumOp op;
  RankSpace ranks;
  SmallVector<Access, 4> inputs;
  std::optional<Access> initial;
  SmallVector<unsigned, 4> kept;  // ranks of the result, in its order
  SmallVector<unsigned, 8> order; // kept, then reduced
  std::optional<cascade::Monoid> reduce;
  Program body, where;
  bool hasWhere;
  unsigned result;
  Type elementType;

  LogicalResult run(Frame &f);
};

} // namespace

static void setIdentity(Slot &slot, cascade::Monoid monoid, Type elementType) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  unsigned width = isRealType(elementType) ? 64 : getWidth(elementType);
  int64_t highest = static_cast<int64_t>((uint64_t(1) << (width - 1)) - 1);
  switch (monoid) {
  case cascade::Monoid::Sum:
    slot.real = 0;
    slot.integer = 0;
    return;
  case cascade::Monoid::Max:
    slot.real = -infinity;
    slot.integer = wrap(~highest, width);
    return;
  case cascade::Monoid::Min:
    slot.real = infinity;
    slot.integer = wrap(highest, width);
    return;
  }
  llvm_unreachable("unknown monoid");
}

static double combine(cascade::Monoid monoid, double a, double b) {
  switch (monoid) {
  case cascade::Monoid::Sum:
    return a + b;
  case cascade::Monoid::Max:
    return maximum(a, b);
  case cascade::Monoid::Min:
    return minimum(a, b);
  }
  llvm_unreachable("unknown monoid");
}

static int64_t combine(cascade::Monoid monoid, int64_t a, int64_t b,
                       unsigned width) {
  a = signExtend(a, width);
  b = signExtend(b, width);
  switch (monoid) {
  case cascade::Monoid::Sum:
    return wrap(static_cast<int64_t>(uint64_t(a) + uint64_t(b)), width);
  case cascade::Monoid::Max:
    return wrap(std::max(a, b), width);
  case cascade::Monoid::Min:
    return wrap(std::min(a, b), width);
  }
  llvm_unreachable("unknown monoid");
}

LogicalResult Einsum::run(Frame &f) {
  SmallVector<View, 4> views;
  for (const Access &input : inputs) {
    views.emplace_back(input, f);
  }
  SmallVector<int64_t, 8> extents, point(ranks.size(), 0);
  std::optional<View> from;
  if (initial) {
    from.emplace(*initial, f);
    views.push_back(*from);
  }
  if (failed(ranks.getExtents(op, f, views, extents))) {
    return failure();
  }
  if (from) {
    views.pop_back();
  }
  SmallVector<int64_t, 4> shape = select(kept, extents);
  if (failed(verifyResultShape(op, f, op.getResult().getType(), shape))) {
    return failure();
  }
  Tensor value = Tensor::zeros(shape, elementType);
  SmallVector<int64_t, 4> strides = getStrides(shape);
  auto offsetInResult = [&] {
    int64_t offset = 0;
    for (auto [rank, stride] : llvm::zip_equal(kept, strides)) {
      offset += point[rank] * stride;
    }
    return offset;
  };
  if (reduce) {
    Slot start;
    setIdentity(start, *reduce, elementType);
    if (failed(ranks.walk(f, kept, extents, point, [&] {
          if (from) {
            from->read(point, f, start);
          }
          store(value, offsetInResult(), start);
          return success();
        }))) {
      return failure();
    }
  }
  unsigned width = value.isReal ? 64 : getWidth(elementType);
  LogicalResult walked = ranks.walk(f, order, extents, point, [&] {
    if (!readAll(f, views, point, body.arguments)) {
      return success();
    }
    if (hasWhere) {
      if (failed(where.run(f))) {
        return failure();
      }
      if (!f[where.yields[0]].integer) {
        return success();
      }
    }
    if (failed(body.run(f))) {
      return failure();
    }
    const Slot &yielded = f[body.yields[0]];
    int64_t offset = offsetInResult();
    if (!reduce) {
      store(value, offset, yielded);
    } else if (value.isReal) {
      double &x = value.reals[offset];
      x = combine(*reduce, x, yielded.real);
    } else {
      int64_t &x = value.integers[offset];
      x = combine(*reduce, x, yielded.integer, width);
    }
    return success();
  });
  fromTensor(f[result], std::move(value), op.getResult().getType());
  return walked;
}

static FailureOr<Step> translateEinsum(cascade::EinsumOp op, Translator &t) {
  auto plan = std::make_shared<Einsum>();
  plan->op = op;
  plan->ranks = RankSpace::create(op.getRanks(), t);
  for (auto [value, map] : llvm::zip_equal(op.getInputs(), op.getInputMaps())) {
    if (failed(makeAccess(op, value, map, t, plan->inputs.emplace_back()))) {
      return failure();
    }
  }
  if (op.getInitial() &&
      failed(makeAccess(op, op.getInitial(), *op.getInitialMap(), t,
                        plan->initial.emplace()))) {
    return failure();
  }
  plan->kept = getRankPositions(op.getResultMap());
  plan->order.append(plan->kept.begin(), plan->kept.end());
  for (unsigned i = 0; i < plan->ranks.size(); ++i) {
    if (!llvm::is_contained(plan->kept, i)) {
      plan->order.push_back(i);
    }
  }
  plan->reduce = op.getReduce();
  plan->hasWhere = op.hasWhere();
  plan->elementType = getElementTypeOrSelf(op.getResult().getType());
  plan->result = t.slot(op.getResult());
  t.scopes.push_back({op.getRanks(), plan->ranks.coordinates, "", 0});
  LogicalResult translated =
      failure(failed(t.translate(op, op.getBody(), plan->body)) ||
              failed(t.translate(op, op.getWhere(), plan->where)));
  t.scopes.pop_back();
  if (failed(translated)) {
    return failure();
  }
  return Step([plan](Frame &f) { return plan->run(f); });
}

//===----------------------------------------------------------------------===//
// scan
//===----------------------------------------------------------------------===//

namespace {

/// Where an index of an input falls outside, the point is absent: the carries
/// pass it unchanged.
struct Scan {
  cascade::ScanOp op;
  RankSpace ranks;
  SmallVector<Access, 4> inits, inputs;
  SmallVector<cascade::Emit> emits;
  unsigned over;
  SmallVector<unsigned, 4> all, others; // ranks of the results; without `over`
  Program body;
  SmallVector<unsigned, 4> results;

  LogicalResult run(Frame &f);
};

} // namespace

LogicalResult Scan::run(Frame &f) {
  SmallVector<View, 4> starts, views;
  for (const Access &input : inputs) {
    views.emplace_back(input, f);
  }
  for (const Access &init : inits) {
    starts.emplace_back(init, f);
  }
  SmallVector<View, 8> operands(starts.begin(), starts.end());
  operands.append(views.begin(), views.end());
  SmallVector<int64_t, 8> extents, point(ranks.size(), 0);
  if (failed(ranks.getExtents(op, f, operands, extents))) {
    return failure();
  }
  size_t n = inits.size();
  std::vector<Tensor> values;
  for (auto [i, type] : llvm::enumerate(op.getResultTypes())) {
    bool isFinal = emits[i / n] == cascade::Emit::Final;
    SmallVector<int64_t, 4> shape = select(isFinal ? others : all, extents);
    if (failed(verifyResultShape(op, f, type, shape))) {
      return failure();
    }
    values.push_back(Tensor::zeros(shape, getElementTypeOrSelf(type)));
  }
  SmallVector<int64_t, 4> shape = select(all, extents);
  SmallVector<int64_t, 4> strides = getStrides(shape);
  SmallVector<int64_t, 4> finalStrides = getStrides(select(others, extents));
  auto emit = [&](cascade::Emit kind, int64_t offset) {
    for (size_t i = 0; i < values.size(); ++i) {
      if (emits[i / n] == kind) {
        store(values[i], offset, f[body.arguments[i % n]]);
      }
    }
  };
  auto step = [&] {
    int64_t offset = 0;
    for (auto [rank, stride] : llvm::zip_equal(all, strides)) {
      offset += point[rank] * stride;
    }
    emit(cascade::Emit::Exclusive, offset);
    ArrayRef<unsigned> arguments(body.arguments);
    if (readAll(f, views, point, arguments.drop_front(n))) {
      if (failed(body.run(f))) {
        return failure();
      }
      SmallVector<Slot, 4> next;
      for (unsigned number : body.yields) {
        next.push_back(f[number]);
      }
      for (size_t i = 0; i < n; ++i) {
        f[arguments[i]] = next[i];
      }
    }
    emit(cascade::Emit::Inclusive, offset);
    return success();
  };
  LogicalResult walked = ranks.walk(f, others, extents, point, [&] {
    int64_t offset = 0;
    for (auto [rank, stride] : llvm::zip_equal(others, finalStrides)) {
      offset += point[rank] * stride;
    }
    for (auto [i, start] : llvm::enumerate(starts)) {
      // An absent initial value counts as 0.
      f[body.arguments[i]] = Slot();
      start.read(point, f, f[body.arguments[i]]);
    }
    if (failed(ranks.walk(f, over, extents, point, step))) {
      return failure();
    }
    emit(cascade::Emit::Final, offset);
    return success();
  });
  for (auto [i, number] : llvm::enumerate(results)) {
    fromTensor(f[number], std::move(values[i]), op.getResult(i).getType());
  }
  return walked;
}

static FailureOr<Step> translateScan(cascade::ScanOp op, Translator &t) {
  auto plan = std::make_shared<Scan>();
  plan->op = op;
  plan->ranks = RankSpace::create(op.getRanks(), t);
  SmallVector<AffineMap> maps(op.getMaps().getAsValueRange<AffineMapAttr>());
  size_t numInits = op.getInits().size();
  for (auto [i, value] : llvm::enumerate(op.getOperands())) {
    auto &list = i < numInits ? plan->inits : plan->inputs;
    if (failed(makeAccess(op, value, maps[i], t, list.emplace_back()))) {
      return failure();
    }
  }
  plan->emits = op.getEmits();
  plan->over = op.getRankIndex(op.getOver());
  plan->all = getRankPositions(maps.back());
  for (unsigned rank : plan->all) {
    if (rank != plan->over) {
      plan->others.push_back(rank);
    }
  }
  plan->results = t.slots(op.getResults());
  t.scopes.push_back({op.getRanks(), plan->ranks.coordinates, "", 0});
  LogicalResult translated = t.translate(op, op.getBody(), plan->body);
  t.scopes.pop_back();
  if (failed(translated)) {
    return failure();
  }
  return Step([plan](Frame &f) { return plan->run(f); });
}

//===----------------------------------------------------------------------===//
// iterate
//===----------------------------------------------------------------------===//

static FailureOr<Step> translateIterate(cascade::IterateOp op, Translator &t) {
  Program body;
  if (failed(t.translate(op, op.getBody(), body))) {
    return failure();
  }
  auto inits = t.slots(op.getInits()), results = t.slots(op.getResults());
  int64_t count = op.getCount();
  return Step([=](Frame &f) {
    SmallVector<Slot, 4> values;
    for (unsigned number : inits) {
      values.push_back(f[number]);
    }
    for (int64_t i = 0; i < count; ++i) {
      for (auto [number, value] : llvm::zip_equal(body.arguments, values)) {
        f[number] = value;
      }
      if (failed(body.run(f))) {
        return failure();
      }
      for (auto [value, number] : llvm::zip_equal(values, body.yields)) {
        value = f[number];
      }
    }
    for (auto [number, value] : llvm::zip_equal(results, values)) {
      f[number] = value;
    }
    return success();
  });
}

//===----------------------------------------------------------------------===//
// gather, unpack, repeat, index
//===----------------------------------------------------------------------===//

/// `result[b, g, t, c] = pages[table[b, t / P], g, t % P, c]`, 0 beyond the
/// length of b.
static LogicalResult gather(Frame &f, Operation *op, const Tensor &pages,
                            const Tensor &table, const Tensor &lengths,
                            Tensor &result) {
  int64_t numSequences = lengths.shape[0], numPages = pages.shape[0],
          heads = pages.shape[1], pageSize = pages.shape[2];
  bool hasChannels = pages.shape.size() == 4;
  int64_t channels = hasChannels ? pages.shape[3] : 1;
  if (table.shape[0] != numSequences) {
    return f.machine.fail(op, "expected one row of the page table per length, "
                              "got " +
                                  Twine(table.shape[0]) + " and " +
                                  Twine(numSequences));
  }
  int64_t capacity = table.shape[1] * pageSize, longest = 0;
  for (auto [b, length] : llvm::enumerate(lengths.integers)) {
    if (length < 0 || length > capacity) {
      return f.machine.fail(op, "expected the length of sequence " + Twine(b) +
                                    " in [0, " + Twine(capacity) + "], got " +
                                    Twine(length));
    }
    longest = std::max(longest, length);
  }
  SmallVector<int64_t> shape = {numSequences, heads, longest};
  if (hasChannels) {
    shape.push_back(channels);
  }
  result = Tensor::zeros(shape, pages.elementType);
  for (int64_t b = 0; b < numSequences; ++b) {
    for (int64_t t = 0; t < lengths.integers[b]; ++t) {
      int64_t slot = t / pageSize;
      int64_t page = table.integers[b * table.shape[1] + slot];
      if (page < 0 || page >= numPages) {
        return f.machine.fail(op, "expected the page of sequence " + Twine(b) +
                                      ", slot " + Twine(slot) + " in [0, " +
                                      Twine(numPages) + "), got " +
                                      Twine(page));
      }
      for (int64_t g = 0; g < heads; ++g) {
        int64_t to = ((b * heads + g) * longest + t) * channels;
        int64_t from =
            ((page * heads + g) * pageSize + t % pageSize) * channels;
        for (int64_t c = 0; c < channels; ++c) {
          Slot element;
          load(element, pages, from + c);
          store(result, to + c, element);
        }
      }
    }
  }
  return success();
}

static FailureOr<Step> translateGather(cascade::GatherOp op, Translator &t) {
  unsigned pages = t.slot(op.getPages()), table = t.slot(op.getTable()),
           lengths = t.slot(op.getLengths()), result = t.slot(op.getResult());
  Type type = op.getResult().getType();
  return Step([=](Frame &f) {
    Tensor value;
    if (failed(gather(f, op, *f[pages].tensor, *f[table].tensor,
                      *f[lengths].tensor, value)) ||
        failed(verifyResultShape(op, f, type, value.shape))) {
      return failure();
    }
    fromTensor(f[result], std::move(value), type);
    return success();
  });
}

/// A view of the last dimension with `factor` times its elements, of which
/// `element` computes number i of row `row`.
static FailureOr<Step>
translateView(Operation *op, Translator &t, int64_t factor,
              std::function<Slot(const Tensor &, int64_t, int64_t)> element) {
  unsigned source = t.slot(op->getOperand(0)),
           result = t.slot(op->getResult(0));
  Type type = op->getResult(0).getType();
  return Step([=](Frame &f) {
    const Tensor &from = *f[source].tensor;
    SmallVector<int64_t> shape(from.shape.begin(), from.shape.end());
    int64_t width = shape.back() *= factor;
    Tensor to = Tensor::zeros(shape, getElementTypeOrSelf(type));
    for (int64_t i = 0, e = to.getNumElements(); i < e; ++i) {
      store(to, i, element(from, i / width, i % width));
    }
    fromTensor(f[result], std::move(to), type);
    return success();
  });
}

static FailureOr<Step> translateUnpack(cascade::UnpackOp op, Translator &t) {
  int64_t group = op.getGroup(), half = group / 2;
  return translateView(
      op, t, 2, [=](const Tensor &bytes, int64_t row, int64_t i) {
        int64_t width = bytes.shape.back(), within = i % group;
        int64_t byte =
            bytes.integers[row * width + i / group * half + within % half];
        Slot slot;
        slot.integer = signExtend(within < half ? byte : byte >> 4, 4);
        return slot;
      });
}

static FailureOr<Step> translateRepeat(cascade::RepeatOp op, Translator &t) {
  int64_t times = op.getTimes();
  return translateView(op, t, times,
                       [=](const Tensor &source, int64_t row, int64_t i) {
                         Slot slot;
                         load(slot, source,
                              row * source.shape.back() + i / times);
                         return slot;
                       });
}

static LogicalResult place(Frame &f, Operation *op, const Tensor &rows,
                           const Tensor &positions, const Tensor *table,
                           Tensor &result) {
  int64_t heads = result.shape[1], slots = result.shape[2];
  if (rows.shape[0] != positions.shape[0] || rows.shape[1] != heads ||
      rows.shape[2] != positions.shape[1] ||
      rows.shape[0] != (table ? table->shape[0] : result.shape[0])) {
    return f.machine.fail(op, "expected rows of the base's batch and heads "
                              "and one position for each, got " +
                                  toText(rows.shape) + " and " +
                                  toText(positions.shape));
  }
  int64_t capacity = table ? table->shape[1] * slots : slots;
  int64_t inner = product(ArrayRef<int64_t>(rows.shape).drop_front(3));
  int64_t count = rows.shape[2];
  for (int64_t n = 0, e = rows.shape[0] * heads * count; n < e; ++n) {
    int64_t batch = n / count / heads, head = n / count % heads;
    int64_t position = positions.integers[batch * count + n % count];
    if (position < 0) {
      continue;
    }
    if (position >= capacity) {
      return f.machine.fail(op, "expected a position below " + Twine(capacity) +
                                    ", got " + Twine(position));
    }
    int64_t first = batch;
    if (table) {
      first = table->integers[batch * table->shape[1] + position / slots];
    }
    if (first < 0 || first >= result.shape[0]) {
      return f.machine.fail(op, "expected a page in [0, " +
                                    Twine(result.shape[0]) + "), got " +
                                    Twine(first));
    }
    int64_t row = (first * heads + head) * slots + position % slots;
    for (int64_t i = 0; i < inner; ++i) {
      Slot element;
      load(element, rows, n * inner + i);
      store(result, row * inner + i, element);
    }
  }
  return success();
}

static FailureOr<Step> translatePlace(cascade::PlaceOp op, Translator &t) {
  unsigned rows = t.slot(op.getRows()), base = t.slot(op.getBase()),
           positions = t.slot(op.getPositions()), result = t.slot(op.getResult());
  std::optional<unsigned> table;
  if (op.getTable()) {
    table = t.slot(op.getTable());
  }
  Type type = op.getType();
  return Step([=](Frame &f) {
    Tensor value = *f[base].tensor;
    if (failed(place(f, op, *f[rows].tensor, *f[positions].tensor,
                     table ? f[*table].tensor.get() : nullptr, value))) {
      return failure();
    }
    fromTensor(f[result], std::move(value), type);
    return success();
  });
}

static FailureOr<Step> translateIndex(cascade::IndexOp op, Translator &t) {
  for (const RankScope &scope : llvm::reverse(t.scopes)) {
    for (auto [i, name] :
         llvm::enumerate(scope.ranks.getAsValueRange<StringAttr>())) {
      if (name != op.getRank()) {
        continue;
      }
      if (name == scope.stream && !scope.inWhere) {
        return t.machine.fail(op, "expected the coordinate of streamed rank '" +
                                      name +
                                      "' in 'where' or in an operation over "
                                      "that rank only");
      }
      unsigned from = scope.coordinates + i, result = t.slot(op.getResult());
      return Step([=](Frame &f) {
        f[result].integer = f[from].integer;
        return success();
      });
    }
  }
  return t.machine.fail(op, "expected rank '" + op.getRank() +
                                "' to be a rank of an enclosing operation");
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

template <typename Op>
static void add(Rules &rules, FailureOr<Step> (*translate)(Op, Translator &)) {
  rules[Op::getOperationName()] = [=](Operation *op, Translator &t) {
    return translate(cast<Op>(op), t);
  };
}

void fovea::reference::addCascadeRules(Rules &rules) {
  addFoldRule(rules);
  add(rules, translateEinsum);
  add(rules, translateScan);
  add(rules, translateIterate);
  add(rules, translateGather);
  add(rules, translateUnpack);
  add(rules, translatePlace);
  add(rules, translateRepeat);
  add(rules, translateIndex);
}
