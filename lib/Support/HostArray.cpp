//===- HostArray.cpp - arguments of a call, in memory and at random -------===//

#include "fovea/Support/HostArray.h"

#include "fovea/Support/FloatBits.h"
#include "fovea/Support/Random.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

using namespace fovea;

int64_t fovea::getElementBytes(int32_t dtype) {
  static constexpr int64_t bytes[] = {4, 2, 2, 4, 8, 1, 1, 1};
  return bytes[dtype];
}

int64_t fovea::getNumBytes(const fovea_tensor &tensor) {
  int64_t bytes = getElementBytes(tensor.dtype);
  for (int32_t axis = 0; axis < tensor.rank; ++axis) {
    bytes *= tensor.sizes[axis];
  }
  return bytes;
}

bool fovea::holdsInteger(int32_t dtype, int64_t value) {
  return dtype == FOVEA_I32  ? value == static_cast<int32_t>(value)
         : dtype == FOVEA_I1 ? value == 0 || value == 1
         : dtype == FOVEA_I8 ? value == static_cast<int8_t>(value)
                             : true;
}

/// Arrays from this size on ask for huge pages, like NumPy's: a walk through
/// pages of 4 KiB is bound by looking them up, not by memory.
static constexpr int64_t kLargeBytes = int64_t(4) << 20;
static constexpr size_t kHugePage = size_t(2) << 20;

void HostArray::Free::operator()(void *freed) const { std::free(freed); }

std::string HostArray::allocate(fovea_dtype dtype,
                                const std::vector<int64_t> &shape) {
  tensor.dtype = dtype;
  tensor.rank = static_cast<int32_t>(shape.size());
  count = 1;
  for (int32_t axis = tensor.rank - 1; axis >= 0; --axis) {
    tensor.sizes[axis] = shape[axis];
    tensor.strides[axis] = count;
    count *= shape[axis];
  }
  bool isLarge = getNumBytes() >= kLargeBytes;
  size_t unit = isLarge ? kHugePage : 64;
  size_t bytes = static_cast<size_t>(getNumBytes() + unit) / unit * unit;
  memory.reset(std::aligned_alloc(unit, bytes));
  if (!memory) {
    return "out of memory: no " + std::to_string(bytes) +
           " bytes for an array";
  }
  if (isLarge) {
    // Advice: without it, memory is only slower.
    madvise(memory.get(), bytes, MADV_HUGEPAGE);
  }
  std::memset(memory.get(), 0, bytes);
  tensor.data = memory.get();
  return "";
}

void HostArray::setReal(int64_t i, double value) {
  float f = static_cast<float>(value);
  if (tensor.dtype == FOVEA_F32) {
    static_cast<float *>(tensor.data)[i] = f;
  } else if (tensor.dtype == FOVEA_F8E4M3FN) {
    static_cast<uint8_t *>(tensor.data)[i] = floatToF8E4M3FN(f);
  } else {
    static_cast<uint16_t *>(tensor.data)[i] =
        tensor.dtype == FOVEA_F16 ? floatToHalf(f) : floatToBF16(f);
  }
}

double HostArray::getReal(int64_t i) const {
  if (tensor.dtype == FOVEA_F32) {
    return static_cast<const float *>(tensor.data)[i];
  }
  if (tensor.dtype == FOVEA_F8E4M3FN) {
    return f8E4M3FNToFloat(static_cast<const uint8_t *>(tensor.data)[i]);
  }
  uint16_t bits = static_cast<const uint16_t *>(tensor.data)[i];
  return tensor.dtype == FOVEA_F16 ? halfToFloat(bits) : bf16ToFloat(bits);
}

void HostArray::setInteger(int64_t i, int64_t value) {
  if (tensor.dtype == FOVEA_I32) {
    static_cast<int32_t *>(tensor.data)[i] = static_cast<int32_t>(value);
  } else if (tensor.dtype == FOVEA_I64) {
    static_cast<int64_t *>(tensor.data)[i] = value;
  } else if (tensor.dtype == FOVEA_I8) {
    static_cast<int8_t *>(tensor.data)[i] = static_cast<int8_t>(value);
  } else {
    static_cast<uint8_t *>(tensor.data)[i] = value != 0;
  }
}

int64_t HostArray::getInteger(int64_t i) const {
  if (tensor.dtype == FOVEA_I32) {
    return static_cast<const int32_t *>(tensor.data)[i];
  }
  if (tensor.dtype == FOVEA_I64) {
    return static_cast<const int64_t *>(tensor.data)[i];
  }
  if (tensor.dtype == FOVEA_I8) {
    return static_cast<const int8_t *>(tensor.data)[i];
  }
  return static_cast<const uint8_t *>(tensor.data)[i];
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static std::string formatShape(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    text += axis ? ", " : "";
    text += shape[axis] < 0 ? "?" : std::to_string(shape[axis]);
  }
  return text + "]";
}

std::string fovea::checkShape(const std::vector<int64_t> &shape,
                              const ArgumentType &type,
                              const std::string &where) {
  bool fits = shape.size() == type.shape.size();
  for (size_t axis = 0; fits && axis < shape.size(); ++axis) {
    fits = type.shape[axis] < 0 || type.shape[axis] == shape[axis];
  }
  return fits ? ""
              : where + ": expected shape " + formatShape(type.shape) +
                    " for '" + type.name + "', got " + formatShape(shape);
}

static bool parseInteger(const std::string &text, int64_t &value) {
  char *end = nullptr;
  errno = 0;
  value = strtoll(text.c_str(), &end, 10);
  return !text.empty() && *end == '\0' && errno == 0;
}

std::string fovea::parseShape(const std::string &text,
                              std::vector<int64_t> &shape) {
  shape.clear();
  if (text == "scalar") {
    return "";
  }
  // At most 2^40 elements in all, so that nothing overflows.
  int64_t elements = 1, most = int64_t(1) << 40;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find('x', begin), text.size());
    int64_t size = 0;
    if (!parseInteger(text.substr(begin, end - begin), size) || size < 0 ||
        size > most || (size > 0 && elements > most / size) ||
        shape.size() == FOVEA_MAX_RANK) {
      return "expected sizes separated by x, such as 1x8x128x64, got '" +
             text + "'";
    }
    elements *= std::max<int64_t>(size, 1);
    shape.push_back(size);
    begin = end + 1;
  }
  return "";
}

//===----------------------------------------------------------------------===//
// At random
//===----------------------------------------------------------------------===//

static void put(HostArray &array, int64_t i, int64_t value) {
  if (array.isReal()) {
    array.setReal(i, static_cast<double>(value));
  } else {
    array.setInteger(i, value);
  }
}

/// "arange" or "shuffle".
static void fillInOrder(HostArray &array, bool shuffled, uint64_t &state) {
  int64_t count = array.getNumElements();
  std::vector<int64_t> order(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    order[i] = i;
  }
  for (int64_t i = count - 1; shuffled && i > 0; --i) {
    std::swap(order[i], order[nextBits(state) % (i + 1)]);
  }
  for (int64_t i = 0; i < count; ++i) {
    put(array, i, order[i]);
  }
}

/// Integers by rule: "arange", "shuffle" (0 to count-1 in a random order),
/// "random:N" (below N), "every:N" (index / N), or a number.
static std::string fillByRule(HostArray &array, const std::string &rule,
                              uint64_t &state) {
  if (rule == "arange" || rule == "shuffle") {
    fillInOrder(array, rule == "shuffle", state);
    return "";
  }
  size_t colon = rule.find(':');
  std::string kind = rule.substr(0, colon);
  bool takesNumber =
      colon != std::string::npos && (kind == "random" || kind == "every");
  int64_t n = 0;
  if (!parseInteger(takesNumber ? rule.substr(colon + 1) : rule, n) ||
      (takesNumber && n <= 0)) {
    return "expected arange, shuffle, random:N, every:N or a number after =, "
           "got '" +
           rule + "'";
  }
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    put(array, i,
        !takesNumber       ? n
        : kind == "random" ? static_cast<int64_t>(nextBits(state) % n)
                           : i / n);
  }
  return "";
}

std::string fovea::makeRandom(const std::string &text, const ArgumentType &type,
                              uint64_t &state, HostArray &array) {
  size_t equals = text.find('=');
  std::vector<int64_t> shape;
  std::string problem = parseShape(text.substr(0, equals), shape);
  if (problem.empty()) {
    problem = checkShape(shape, type, "--random " + text);
  }
  if (problem.empty()) {
    problem = array.allocate(type.dtype, shape);
  }
  if (!problem.empty()) {
    return problem;
  }
  if (equals != std::string::npos) {
    return fillByRule(array, text.substr(equals + 1), state);
  }
  if (type.dtype == FOVEA_I8) {
    for (int64_t i = 0; i < array.getNumElements(); ++i) {
      array.setInteger(i, nextStored(state));
    }
    return "";
  }
  if (!array.isReal()) {
    return "--random " + text + ": expected a rule for the integers of '" +
           type.name + "', such as " + text + "=arange";
  }
  bool isScale = isScaleName(type.name);
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    array.setReal(i, isScale ? nextScale(state, type.dtype == FOVEA_F16)
                             : nextNormal(state));
  }
  return "";
}
