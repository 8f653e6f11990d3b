//===- CheckArguments.cpp - A call against what the kernel demands --------===//

#include "fovea/runtime/fovea_runtime.h"

#include <cinttypes>
#include <cstdarg>
#include <cstddef>
#include <cstdio>

namespace {

struct ElementType {
  const char *name;
  uintptr_t bytes;
};

/// Indexed by fovea_dtype.
constexpr ElementType elementTypes[] = {
    {"f32", 4}, {"f16", 2}, {"bf16", 2}, {"i32", 4},
    {"i64", 8}, {"i1", 1},  {"i8", 1},   {"f8E4M3FN", 1},
};
constexpr int32_t numElementTypes =
    sizeof(elementTypes) / sizeof(elementTypes[0]);

const char *nameOf(int32_t dtype) {
  return dtype >= 0 && dtype < numElementTypes ? elementTypes[dtype].name
                                               : "an unknown type";
}

/// One argument beside its rules.
struct Checker {
  const char *kernel;
  int32_t number;
  const fovea_tensor &tensor;
  const fovea_parameter &rules;

  int32_t check() const;

private:
  __attribute__((format(printf, 2, 3))) int32_t fail(const char *format,
                                                     ...) const;
  int32_t checkSizes() const;
  int32_t checkStrides() const;
  int32_t checkData() const;
  bool isEmpty() const;
};

} // namespace

int32_t Checker::fail(const char *format, ...) const {
  char rule[256];
  va_list values;
  va_start(values, format);
  vsnprintf(rule, sizeof(rule), format, values);
  va_end(values);
  char text[FOVEA_RT_MESSAGE_BYTES];
  const char *quote = rules.name ? "'" : "";
  snprintf(text, sizeof(text), "%.128s: argument %" PRId32 "%s%s%.128s%s: %s",
           kernel, number, rules.name ? " " : "", quote,
           rules.name ? rules.name : "", quote, rule);
  return fovea_rt_fail(text);
}

bool Checker::isEmpty() const {
  for (int32_t axis = 0; axis < tensor.rank; ++axis) {
    if (tensor.sizes[axis] == 0) {
      return true;
    }
  }
  return false;
}

int32_t Checker::checkSizes() const {
  for (int32_t axis = 0; axis < rules.rank; ++axis) {
    int64_t expected = rules.sizes[axis], got = tensor.sizes[axis];
    if (expected >= 0 && got != expected) {
      return fail("expected size %" PRId64 " along axis %" PRId32
                  ", got %" PRId64,
                  expected, axis, got);
    }
    if (got < 0) {
      return fail("expected a size that is not negative along axis %" PRId32
                  ", got %" PRId64,
                  axis, got);
    }
  }
  return 0;
}

int32_t Checker::checkStrides() const {
  int32_t last = rules.rank - 1;
  if (last >= 0 && tensor.sizes[last] > 1 && tensor.strides[last] != 1) {
    return fail("expected stride 1 along the last axis, got %" PRId64,
                tensor.strides[last]);
  }
  for (int32_t axis = 0; rules.is_output && axis < rules.rank; ++axis) {
    if (tensor.sizes[axis] > 1 && tensor.strides[axis] == 0) {
      return fail("expected an output without repeated elements, got stride 0 "
                  "along axis %" PRId32,
                  axis);
    }
  }
  return 0;
}

int32_t Checker::checkData() const {
  if (isEmpty()) {
    return 0;
  }
  if (!tensor.data) {
    return fail("expected data, got a null pointer");
  }
  uintptr_t bytes = elementTypes[rules.dtype].bytes;
  uintptr_t beyond = reinterpret_cast<uintptr_t>(tensor.data) % bytes;
  if (beyond != 0) {
    return fail("expected data aligned to its elements of %d bytes, got an "
                "address %d beyond",
                static_cast<int>(bytes), static_cast<int>(beyond));
  }
  return 0;
}

int32_t Checker::check() const {
  if (tensor.dtype != rules.dtype) {
    return fail("expected element type %s, got %s (%" PRId32 ")",
                nameOf(rules.dtype), nameOf(tensor.dtype), tensor.dtype);
  }
  if (tensor.rank != rules.rank) {
    return fail("expected rank %" PRId32 ", got %" PRId32, rules.rank,
                tensor.rank);
  }
  if (checkSizes() || checkStrides() || checkData()) {
    return 1;
  }
  return 0;
}

int32_t fovea_rt_check_arguments(const fovea_tensor *arguments, int32_t count,
                                 const fovea_signature *signature) {
  char text[FOVEA_RT_MESSAGE_BYTES];
  if (count != signature->count) {
    snprintf(text, sizeof(text),
             "%.128s: expected %" PRId32 " arguments, got %" PRId32,
             signature->kernel, signature->count, count);
    return fovea_rt_fail(text);
  }
  if (count > 0 && !arguments) {
    snprintf(text, sizeof(text),
             "%.128s: expected %" PRId32 " arguments, got a null pointer",
             signature->kernel, signature->count);
    return fovea_rt_fail(text);
  }
  for (int32_t i = 0; i < count; ++i) {
    if (Checker{signature->kernel, i, arguments[i], signature->parameters[i]}
            .check()) {
      return 1;
    }
  }
  return 0;
}
