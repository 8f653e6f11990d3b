//===- EvalAppend.cpp - new tokens into a cache, from the definition ------===//
//
// Scales and stored elements are defined in f32 (AttnOps.td), not in real
// numbers, because what is stored depends on every rounding.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "fovea/dialects/Attn/AttnOps.h"

#include "llvm/ADT/Sequence.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace fovea;
using namespace fovea::reference;

namespace {

struct Append {
  attn::AppendOp op;
  unsigned components, keys, values, positions;
  SmallVector<unsigned> results;

  LogicalResult run(Frame &f);

private:
  FailureOr<int64_t> findRow(Frame &f, const Tensor &stored, int64_t batch,
                             int64_t head, int64_t position);
  LogicalResult appendTo(Frame &f, unsigned component, unsigned source);
};

} // namespace

/// The largest magnitude that stored elements of a type have.
static float getLargest(Type stored) {
  return stored.isInteger(8) ? 127.0f : stored.isInteger(4) ? 7.0f : 448.0f;
}

/// The scale of some channels of a row, in the scale's type. Of a NaN it is one.
static float getScale(ArrayRef<double> channels, Type stored, Type type) {
  float largest = 0;
  for (double x : channels) {
    float magnitude = std::fabs(static_cast<float>(x));
    largest = magnitude <= largest ? largest : magnitude;
    if (std::isnan(largest)) {
      break;
    }
  }
  return static_cast<float>(roundTo(largest / getLargest(stored), type));
}

static float encode(double x, float scale, Type stored) {
  float quotient = scale == 0 ? 0.0f : static_cast<float>(x) / scale;
  if (isa<IntegerType>(stored)) {
    float most = getLargest(stored);
    return std::clamp(std::nearbyint(quotient), -most, most);
  }
  if (isa<Float8E4M3FNType>(stored)) {
    quotient = std::clamp(quotient, -448.0f, 448.0f);
  }
  return static_cast<float>(roundTo(quotient, stored));
}

/// Which row of channels of a component a position is.
FailureOr<int64_t> Append::findRow(Frame &f, const Tensor &stored,
                                   int64_t batch, int64_t head,
                                   int64_t position) {
  attn::KVType kv = op.getKVType();
  int64_t heads = stored.shape[1], rows = stored.shape[2], first = batch;
  int64_t capacity = rows;
  if (kv.isPaged()) {
    const Tensor &table = *f[components + kv.getTableIndex()].tensor;
    capacity = table.shape[1] * rows;
    if (position < capacity) {
      first = table.integers[batch * table.shape[1] + position / rows];
      if (first < 0 || first >= stored.shape[0]) {
        return f.machine.fail(op, "expected the page of sequence " +
                                      Twine(batch) + ", slot " +
                                      Twine(position / rows) + " in [0, " +
                                      Twine(stored.shape[0]) + "), got " +
                                      Twine(first));
      }
    }
  }
  if (position >= capacity) {
    return f.machine.fail(op, "expected a position below " + Twine(capacity) +
                                  ", got " + Twine(position));
  }
  return (first * heads + head) * rows + position % rows;
}

LogicalResult Append::appendTo(Frame &f, unsigned component, unsigned source) {
  attn::KVType kv = op.getKVType();
  const Tensor &x = *f[source].tensor, &at = *f[positions].tensor;
  Tensor stored = *f[components + component].tensor;
  unsigned numBatches = kv.isPaged() ? kv.getTableIndex() : component;
  int64_t batches = f[components + numBatches].tensor->shape[0];
  if (x.shape[0] != batches || at.shape[0] != batches ||
      x.shape[1] != stored.shape[1] || x.shape[2] != at.shape[1]) {
    return f.machine.fail(op, "expected tokens and positions of the cache's "
                              "batch size, heads and one another's number, "
                              "got " +
                                  toText(x.shape) + " and " +
                                  toText(at.shape));
  }
  Tensor scales;
  if (kv.hasScale()) {
    scales = *f[components + component + 1].tensor;
  }
  int64_t width = x.shape[3], tokens = x.shape[2];
  int64_t group = kv.getScale() == attn::Scale::Group ? kv.getGroupSize() : width;
  constexpr int64_t half = attn::KVType::kNibbleGroup / 2;
  for (int64_t n : llvm::seq<int64_t>(0, x.shape[0] * x.shape[1] * tokens)) {
    int64_t t = n % tokens, head = n / tokens % x.shape[1];
    int64_t batch = n / tokens / x.shape[1];
    int64_t position = at.integers[batch * tokens + t];
    if (position < 0) {
      continue;
    }
    FailureOr<int64_t> row = findRow(f, stored, batch, head, position);
    if (failed(row)) {
      return failure();
    }
    ArrayRef<double> channels(x.reals.data() + n * width, width);
    for (int64_t c = 0; c < width; c += group) {
      float scale = 1;
      if (kv.hasScale()) {
        scale = getScale(channels.slice(c, group), kv.getStoredType(),
                         scales.elementType);
        scales.reals[*row * (width / group) + c / group] = scale;
      }
      for (int64_t i = c; i < c + group; ++i) {
        float element = encode(channels[i], scale, kv.getStoredType());
        if (stored.isReal) {
          stored.reals[*row * width + i] = element;
        } else if (!kv.isNibbles()) {
          stored.integers[*row * width + i] = static_cast<int64_t>(element);
        } else {
          // Byte j of a group: channel j low, channel j + half high.
          int64_t within = i - c, shift = within < half ? 0 : 4;
          int64_t &byte =
              stored.integers[*row * (width / 2) + c / 2 + within % half];
          int64_t nibble = static_cast<int64_t>(element) & 15;
          byte = signExtend((byte & ~(15 << shift)) | (nibble << shift), 8);
        }
      }
    }
  }
  unsigned result = component;
  Type type = op.getResult(result).getType();
  fromTensor(f[results[result]], std::move(stored), type);
  if (kv.hasScale()) {
    fromTensor(f[results[result + 1]], std::move(scales),
               op.getResult(result + 1).getType());
  }
  return success();
}

LogicalResult Append::run(Frame &f) {
  attn::KVType kv = op.getKVType();
  if (failed(appendTo(f, kv.getKeyIndex(), keys))) {
    return failure();
  }
  return appendTo(f, kv.getValueIndex(), values);
}

void fovea::reference::addAppendRule(Rules &rules) {
  rules[attn::AppendOp::getOperationName()] =
      [](Operation *operation, Translator &t) -> FailureOr<Step> {
    auto plan = std::make_shared<Append>();
    plan->op = cast<attn::AppendOp>(operation);
    plan->components = t.slot(plan->op.getKv());
    plan->keys = t.slot(plan->op.getKeys());
    plan->values = t.slot(plan->op.getValues());
    plan->positions = t.slot(plan->op.getPositions());
    for (Value result : plan->op.getResults()) {
      plan->results.push_back(t.slot(result));
    }
    return Step([plan](Frame &f) { return plan->run(f); });
  };
}
