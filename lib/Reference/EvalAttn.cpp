//===- EvalAttn.cpp - attention straight from its definition --------------===//
//
// attn.attend is executed from the text in AttnOps.td and AttnAttrs.td, not
// through its expansion, so that the expansion can be compared with it. For
// each row (b, h, query) it lists the visible keys and then
//
//   s[j] = score(scale * sum_d Q[d] K[j, d]),   O = sum_j w[j] V[j]
//
// What the text leaves open:
//
// - keys that are not visible take no part at all; whatever their rows hold,
//   a NaN included, does not matter, and `score` does not see them;
// - exp(s) / sum exp(s) is computed as exp(s - m) / sum exp(s - m) with m the
//   largest visible score (0 if that is -inf), which is the same number where
//   both are defined. A denominator of 0, as when every score is -inf, gives
//   O = 0, as a row without keys does;
// - the scale is an f32 constant;
// - stored elements times their scales are keys and values as they are, in
//   double, without rounding to the element type.
//
// With `Options::rounds` it also finds how far a kernel may be from the result
// because a region jumps: docs/numerics.md derives the bound.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "fovea/dialects/Attn/AttnOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace fovea;
using namespace fovea::reference;
using attn::Normalizer;
using attn::PatternAttr;
using attn::PatternKind;

static constexpr double infinity = std::numeric_limits<double>::infinity();

namespace {

/// The extents of one run.
struct Sizes {
  int64_t batch, heads, queries, groups, width, valueWidth;
};

/// One query row: where it is and which keys it may have.
struct Row {
  int64_t batch, head;
  int64_t position; // of the query
  int64_t length;   // number of keys of the sequence
};

/// A key that a row sees.
struct Key {
  int64_t number;
  double product; // scale * sum_d Q[d] K[j, d]
  double reach;   // the same of magnitudes
  double score = 0;
};

/// What the weights of a row have in common.
struct Norm {
  double shift = 0; // taken from all scores
  double sink = 0;  // weight of the key more
  double sum = 0;   // of weights before they were divided by it
  double lse = -infinity;
};

/// The most that rounding may change of a row or of all rows.
struct Slack {
  double output = 0, lse = 0;

  static void raise(double &most, double x) {
    if (std::isfinite(x)) {
      most = std::max(most, x);
    }
  }
};

struct Attend {
  attn::AttendOp op;
  unsigned query, components, output;
  std::optional<unsigned> documents, sink, lse;
  Program score, where, weight;
  double scale;
  bool jumps = false; // score or weight

  LogicalResult run(Frame &f);

private:
  FailureOr<Sizes> getSizes(Frame &f);
  LogicalResult checkPages(Frame &f, const Sizes &sizes);
  int64_t getLength(Frame &f, int64_t batch);
  double decode(Frame &f, unsigned component, int64_t row, int64_t width,
                int64_t channel);
  int64_t getKeyRow(Frame &f, const Sizes &sizes, const Row &row, int64_t key);
  bool matches(Frame &f, PatternAttr pattern, const Row &row, int64_t key);
  FailureOr<bool> isVisible(Frame &f, const Row &row, int64_t key);
  Key multiply(Frame &f, const Sizes &sizes, const Row &row, int64_t number,
               const double *q);
  FailureOr<double> getScore(Frame &f, const Row &row, int64_t number,
                             double product);
  /// The weight before it is divided by a sum.
  FailureOr<double> getWeight(Frame &f, double score, double shift);
  bool isNormalized() {
    return op.getNormalizer() == Normalizer::Softmax ||
           op.getNormalizer() == Normalizer::L1;
  }
  LogicalResult weigh(Frame &f, const Row &row, ArrayRef<Key> keys,
                      SmallVectorImpl<double> &weights, Norm &norm);
  LogicalResult addSlack(Frame &f, const Sizes &sizes, const Row &row,
                         ArrayRef<Key> keys, const Norm &norm,
                         const double *out, Slack &slack);
  LogicalResult runRow(Frame &f, const Sizes &sizes, const Row &row,
                       const double *q, double *out, double *lse,
                       Slack &slack);

  const Tensor &component(Frame &f, unsigned i) {
    return *f[components + i].tensor;
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// Run-time rules
//===----------------------------------------------------------------------===//

/// Checks that two extents agree.
static LogicalResult expectEqual(Frame &f, Operation *op, int64_t a, int64_t b,
                                 StringRef rule) {
  if (a == b) {
    return success();
  }
  return f.machine.fail(op, "expected " + rule + ", got " + Twine(a) + " and " +
                                Twine(b));
}

FailureOr<Sizes> Attend::getSizes(Frame &f) {
  ArrayRef<int64_t> q = f[query].tensor->shape;
  attn::KVType kv = op.getKVType();
  unsigned keyIndex = kv.getKeyIndex(), valueIndex = kv.getValueIndex();
  ArrayRef<int64_t> k = component(f, keyIndex).shape,
                    v = component(f, valueIndex).shape;
  bool isPaged = kv.isPaged();
  StringRef unit = isPaged ? "as many pages of values as of keys"
                           : "as many rows of values as of keys";
  if (failed(expectEqual(f, op, k[1], v[1],
                         "as many heads of values as of keys")) ||
      failed(
          expectEqual(f, op, k[isPaged ? 0 : 2], v[isPaged ? 0 : 2], unit))) {
    return failure();
  }
  for (unsigned i : {keyIndex, valueIndex}) {
    // One scale for each row, or for each group of its channels.
    for (int64_t d = 0; kv.hasScale() && d < 3; ++d) {
      if (failed(expectEqual(f, op, component(f, i + 1).shape[d],
                             component(f, i).shape[d],
                             "scales of the extents of what they scale"))) {
        return failure();
      }
    }
  }
  SmallVector<unsigned> batched = {keyIndex, valueIndex};
  if (isPaged) {
    batched = {kv.getTableIndex(), kv.getLengthsIndex()};
  }
  for (unsigned i : batched) {
    if (failed(expectEqual(f, op, component(f, i).shape[0], q[0],
                           "keys and values of the query's batch size"))) {
      return failure();
    }
  }
  if (k[1] == 0 || q[1] % k[1] != 0) {
    return f.machine.fail(op, "expected the number of query heads to be a "
                              "multiple of the number of key heads, got " +
                                  Twine(q[1]) + " and " + Twine(k[1]));
  }
  if (sink && failed(expectEqual(f, op, f[*sink].tensor->shape[0], q[1],
                                 "one sink logit for each query head"))) {
    return failure();
  }
  if (isPaged && failed(checkPages(f, {q[0], q[1], q[2], k[1], kv.getKeyWidth(),
                                       kv.getValueWidth()}))) {
    return failure();
  }
  if (documents) {
    ArrayRef<int64_t> ids = f[*documents].tensor->shape;
    int64_t longest = isPaged ? 0 : k[2];
    for (int64_t b = 0; isPaged && b < q[0]; ++b) {
      longest = std::max(longest, getLength(f, b));
    }
    if (ids[0] != q[0] || (isPaged ? ids[1] < longest : ids[1] != longest)) {
      return f.machine.fail(op, "expected a document for each key, " +
                                    toText({q[0], longest}) + ", got " +
                                    toText(ids));
    }
  }
  return Sizes{q[0], q[1], q[2], k[1], kv.getKeyWidth(), kv.getValueWidth()};
}

/// Lengths fit into the table and the pages of used slots exist.
LogicalResult Attend::checkPages(Frame &f, const Sizes &sizes) {
  const Tensor &table = component(f, op.getKVType().getTableIndex());
  const Tensor &lengths = component(f, op.getKVType().getLengthsIndex());
  int64_t numPages = component(f, 0).shape[0];
  int64_t pageSize = op.getKVType().getPageSize();
  for (int64_t b = 0; b < sizes.batch; ++b) {
    int64_t length = lengths.integers[b], slots = table.shape[1];
    if (length < 0 || length > slots * pageSize) {
      return f.machine.fail(op, "expected the length of sequence " + Twine(b) +
                                    " in [0, " + Twine(slots * pageSize) +
                                    "], got " + Twine(length));
    }
    for (int64_t slot = 0; slot * pageSize < length; ++slot) {
      int64_t page = table.integers[b * slots + slot];
      if (page < 0 || page >= numPages) {
        return f.machine.fail(op, "expected the page of sequence " + Twine(b) +
                                      ", slot " + Twine(slot) + " in [0, " +
                                      Twine(numPages) + "), got " +
                                      Twine(page));
      }
    }
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

int64_t Attend::getLength(Frame &f, int64_t batch) {
  attn::KVType kv = op.getKVType();
  return kv.isPaged() ? component(f, kv.getLengthsIndex()).integers[batch]
                      : component(f, kv.getKeyIndex()).shape[2];
}

/// Channel `channel` of row `row` (counted through the whole tensor) of keys or
/// values of `width` channels: what is stored, times its scale.
double Attend::decode(Frame &f, unsigned index, int64_t row, int64_t width,
                      int64_t channel) {
  attn::KVType kv = op.getKVType();
  const Tensor &stored = component(f, index);
  double value = 0;
  if (kv.isNibbles()) {
    // Byte j of a group: channel j low, channel j + half high.
    constexpr int64_t group = attn::KVType::kNibbleGroup, half = group / 2;
    int64_t within = channel % group;
    int64_t byte = stored.integers[row * (width / 2) + channel / group * half +
                                   within % half];
    value = signExtend(within < half ? byte : byte >> 4, 4);
  } else if (isRealType(kv.getStoredType())) {
    value = stored.reals[row * width + channel];
  } else {
    value = stored.integers[row * width + channel];
  }
  switch (kv.getScale()) {
  case attn::Scale::None:
    return value;
  case attn::Scale::Token:
    return value * component(f, index + 1).reals[row];
  case attn::Scale::Group: {
    int64_t groups = width / kv.getGroupSize();
    return value * component(f, index + 1)
                       .reals[row * groups + channel / kv.getGroupSize()];
  }
  }
  llvm_unreachable("unknown scale");
}

/// Which row of channels a key is, counted through the whole tensor.
int64_t Attend::getKeyRow(Frame &f, const Sizes &sizes, const Row &row,
                          int64_t key) {
  int64_t group = row.head / (sizes.heads / sizes.groups);
  if (!op.getKVType().isPaged()) {
    return (row.batch * sizes.groups + group) * row.length + key;
  }
  int64_t pageSize = op.getKVType().getPageSize();
  const Tensor &table = component(f, op.getKVType().getTableIndex());
  int64_t page = table.integers[row.batch * table.shape[1] + key / pageSize];
  return (page * sizes.groups + group) * pageSize + key % pageSize;
}

static int64_t floorDivide(int64_t a, int64_t n) {
  return a >= 0 ? a / n : -((-a + n - 1) / n);
}

bool Attend::matches(Frame &f, PatternAttr pattern, const Row &row,
                     int64_t key) {
  int64_t query = row.position, n = pattern.getValue();
  auto holds = [&](PatternAttr operand) {
    return matches(f, operand, row, key);
  };
  switch (pattern.getKind()) {
  case PatternKind::All:
    return true;
  case PatternKind::Causal:
    return key <= query;
  case PatternKind::Window:
    return std::abs(query - key) < n;
  case PatternKind::Sink:
  case PatternKind::Prefix:
    return key < n;
  case PatternKind::Block:
    return floorDivide(query, n) == floorDivide(key, n);
  case PatternKind::Stride:
    return (query - key) % n == 0;
  case PatternKind::Document: {
    const Tensor &ids = *f[*documents].tensor;
    int64_t first = row.batch * ids.shape[1];
    return query >= 0 &&
           ids.integers[first + query] == ids.integers[first + key];
  }
  case PatternKind::Not:
    return !holds(pattern.getOperands().front());
  case PatternKind::And:
    return llvm::all_of(pattern.getOperands(), holds);
  case PatternKind::Or:
    return llvm::any_of(pattern.getOperands(), holds);
  }
  llvm_unreachable("unknown pattern");
}

static void setCoordinates(Frame &f, ArrayRef<unsigned> arguments,
                           const Row &row, int64_t key) {
  f[arguments[0]].integer = row.batch;
  f[arguments[1]].integer = row.head;
  f[arguments[2]].integer = row.position;
  f[arguments[3]].integer = key;
}

FailureOr<bool> Attend::isVisible(Frame &f, const Row &row, int64_t key) {
  if (!matches(f, op.getPattern(), row, key)) {
    return false;
  }
  if (!op.hasWhere()) {
    return true;
  }
  setCoordinates(f, where.arguments, row, key);
  if (failed(where.run(f))) {
    return failure();
  }
  return f[where.yields[0]].integer != 0;
}

//===----------------------------------------------------------------------===//
// Scores and weights
//===----------------------------------------------------------------------===//

Key Attend::multiply(Frame &f, const Sizes &sizes, const Row &row,
                     int64_t number, const double *q) {
  int64_t at = getKeyRow(f, sizes, row, number);
  double dot = 0, reach = 0;
  for (int64_t d = 0; d < sizes.width; ++d) {
    double x =
        q[d] * decode(f, op.getKVType().getKeyIndex(), at, sizes.width, d);
    dot += x;
    reach += std::fabs(x);
  }
  return {number, dot * scale, reach * std::fabs(scale)};
}

FailureOr<double> Attend::getScore(Frame &f, const Row &row, int64_t number,
                                   double product) {
  if (!op.hasScore()) {
    return product;
  }
  f[score.arguments[0]].real = product;
  setCoordinates(f, ArrayRef<unsigned>(score.arguments).drop_front(), row,
                 number);
  if (failed(score.run(f))) {
    return failure();
  }
  return f[score.yields[0]].real;
}

FailureOr<double> Attend::getWeight(Frame &f, double s, double shift) {
  switch (op.getNormalizer()) {
  case Normalizer::Softmax:
    return std::exp(s - shift);
  case Normalizer::Sigmoid:
    return 1.0 / (1.0 + std::exp(-s));
  case Normalizer::Relu:
    return maximum(s, 0.0);
  case Normalizer::L1:
    f[weight.arguments[0]].real = s;
    if (failed(weight.run(f))) {
      return failure();
    }
    return f[weight.yields[0]].real;
  }
  llvm_unreachable("unknown normaliser");
}

LogicalResult Attend::weigh(Frame &f, const Row &row, ArrayRef<Key> keys,
                            SmallVectorImpl<double> &weights, Norm &norm) {
  double extra = sink ? f[*sink].tensor->reals[row.head] : -infinity;
  if (op.getNormalizer() == Normalizer::Softmax) {
    double max = extra;
    for (const Key &key : keys) {
      max = maximum(max, key.score);
    }
    norm.shift = max == -infinity ? 0.0 : max;
    norm.sink = std::exp(extra - norm.shift);
  }
  norm.sum = norm.sink;
  for (const Key &key : keys) {
    FailureOr<double> w = getWeight(f, key.score, norm.shift);
    if (failed(w)) {
      return failure();
    }
    weights.push_back(*w);
    norm.sum += *w;
  }
  if (op.getNormalizer() == Normalizer::Softmax) {
    norm.lse = norm.shift + std::log(norm.sum);
  }
  if (isNormalized()) {
    for (double &w : weights) {
      w = norm.sum == 0 ? 0.0 : w / norm.sum;
    }
  }
  return success();
}

/// True if a result may change by more than in proportion to an operand.
static bool mayJump(Region &region) {
  WalkResult result = region.walk([](Operation *op) {
    bool rounds = llvm::any_of(op->getResultTypes(), [](Type type) {
      return isNarrow(getElementTypeOrSelf(type));
    });
    bool steps = isa<arith::CmpFOp, arith::FPToSIOp, arith::FPToUIOp,
                     arith::RemFOp, math::CeilOp, math::FloorOp, math::RoundOp,
                     math::RoundEvenOp, math::TruncOp>(op);
    return rounds || steps ? WalkResult::interrupt() : WalkResult::advance();
  });
  return result.wasInterrupted();
}

/// The part by which rounding changes a key where it is decoded.
static double getKeyError(attn::KVType kv) {
  Type element = kv.getElementType();
  bool isRounded = kv.getScale() == attn::Scale::Group ||
                   (kv.getStoredType().isF16() && element.isBF16());
  return !isRounded         ? 0
         : element.isBF16() ? std::ldexp(1.0, -9)
         : element.isF16()  ? std::ldexp(1.0, -11)
                            : 0;
}

LogicalResult Attend::addSlack(Frame &f, const Sizes &sizes, const Row &row,
                               ArrayRef<Key> keys, const Norm &norm,
                               const double *out, Slack &slack) {
  double keyError = getKeyError(op.getKVType());
  double lowest = norm.sink, highest = norm.sink;
  SmallVector<double> moves;
  for (const Key &key : keys) {
    double error =
        std::ldexp(std::fabs(key.product) + key.reach + std::fabs(key.score),
                   -22) +
        keyError * key.reach;
    FailureOr<double> w = getWeight(f, key.score, norm.shift);
    if (failed(w)) {
      return failure();
    }
    double low = *w, high = *w;
    for (double product : {key.product - error, key.product + error}) {
      FailureOr<double> s = getScore(f, row, key.number, product);
      if (failed(s)) {
        return failure();
      }
      FailureOr<double> moved = getWeight(f, *s, norm.shift);
      if (failed(moved)) {
        return failure();
      }
      low = std::min(low, *moved);
      high = std::max(high, *moved);
    }
    lowest += low;
    highest += high;
    moves.push_back(std::max(high - *w, *w - low));
  }
  for (int64_t e = 0; e < sizes.valueWidth; ++e) {
    double sum = 0, from = isNormalized() ? out[e] : 0.0;
    for (auto [key, move] : llvm::zip_equal(keys, moves)) {
      int64_t at = getKeyRow(f, sizes, row, key.number);
      sum += move * std::fabs(decode(f, op.getKVType().getValueIndex(), at,
                                     sizes.valueWidth, e) -
                              from);
    }
    Slack::raise(slack.output, isNormalized() ? sum / lowest : sum);
  }
  Slack::raise(slack.lse, std::log(highest / norm.sum));
  Slack::raise(slack.lse, std::log(norm.sum / lowest));
  return success();
}

LogicalResult Attend::runRow(Frame &f, const Sizes &sizes, const Row &row,
                             const double *q, double *out, double *lse,
                             Slack &slack) {
  SmallVector<Key> keys;
  for (int64_t number = 0; number < row.length; ++number) {
    FailureOr<bool> visible = isVisible(f, row, number);
    if (failed(visible)) {
      return failure();
    }
    if (!*visible) {
      continue;
    }
    Key key = multiply(f, sizes, row, number, q);
    FailureOr<double> s = getScore(f, row, number, key.product);
    if (failed(s)) {
      return failure();
    }
    key.score = *s;
    keys.push_back(key);
  }
  SmallVector<double> weights;
  Norm norm;
  if (failed(weigh(f, row, keys, weights, norm))) {
    return failure();
  }
  for (auto [key, w] : llvm::zip_equal(keys, weights)) {
    int64_t at = getKeyRow(f, sizes, row, key.number);
    for (int64_t e = 0; e < sizes.valueWidth; ++e) {
      out[e] += w * decode(f, op.getKVType().getValueIndex(), at,
                           sizes.valueWidth, e);
    }
  }
  if (lse) {
    *lse = norm.lse;
  }
  if (jumps && f.machine.getOptions().rounds) {
    return addSlack(f, sizes, row, keys, norm, out, slack);
  }
  return success();
}

LogicalResult Attend::run(Frame &f) {
  FailureOr<Sizes> sizes = getSizes(f);
  if (failed(sizes)) {
    return failure();
  }
  const Tensor &q = *f[query].tensor;
  auto outputType = cast<RankedTensorType>(op.getOutput().getType());
  Tensor out = Tensor::zeros(
      {sizes->batch, sizes->heads, sizes->queries, sizes->valueWidth},
      outputType.getElementType());
  Tensor logarithms =
      Tensor::zeros({sizes->batch, sizes->heads, sizes->queries},
                    Float32Type::get(op.getContext()));
  Slack slack;
  int64_t n = 0;
  for (int64_t b = 0; b < sizes->batch; ++b) {
    int64_t length = getLength(f, b);
    for (int64_t h = 0; h < sizes->heads; ++h) {
      for (int64_t i = 0; i < sizes->queries; ++i, ++n) {
        Row row{b, h, i + length - sizes->queries, length};
        if (failed(runRow(f, *sizes, row, q.reals.data() + n * sizes->width,
                          out.reals.data() + n * sizes->valueWidth,
                          lse ? &logarithms.reals[n] : nullptr, slack))) {
          return failure();
        }
      }
    }
  }
  out.slack = slack.output;
  logarithms.slack = slack.lse;
  fromTensor(f[output], std::move(out), outputType);
  if (lse) {
    fromTensor(f[*lse], std::move(logarithms), op.getLse().getType());
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

static FailureOr<Step> translateAttend(attn::AttendOp op, Translator &t) {
  auto plan = std::make_shared<Attend>();
  plan->op = op;
  plan->query = t.slot(op.getQ());
  plan->components = t.slot(op.getKv());
  plan->output = t.slot(op.getOutput());
  if (op.getDocuments()) {
    plan->documents = t.slot(op.getDocuments());
  }
  if (op.getSink()) {
    plan->sink = t.slot(op.getSink());
  }
  if (op.getLse()) {
    plan->lse = t.slot(op.getLse());
  }
  plan->scale = static_cast<float>(op.getScaleValue());
  if (failed(t.translate(op, op.getScore(), plan->score)) ||
      failed(t.translate(op, op.getWhere(), plan->where)) ||
      failed(t.translate(op, op.getWeight(), plan->weight))) {
    return failure();
  }
  plan->jumps = mayJump(op.getScore()) || mayJump(op.getWeight());
  return Step([plan](Frame &f) { return plan->run(f); });
}

void fovea::reference::addAttnRules(Rules &rules) {
  addAppendRule(rules);
  rules[attn::AttendOp::getOperationName()] = [](Operation *op, Translator &t) {
    return translateAttend(cast<attn::AttendOp>(op), t);
  };
}
