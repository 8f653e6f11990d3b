//===- Arrays.cpp - arguments in memory and at random ---------------------===//

#include "Arrays.h"

#include "fovea/Support/FloatBits.h"
#include "fovea/Support/Random.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

using namespace fovea;

static bool refuse(const std::string &text) {
  fovea_rt_fail(text.c_str());
  return false;
}

int64_t fovea::getElementBytes(int32_t dtype) {
  static constexpr int64_t bytes[] = {4, 2, 2, 4, 8, 1, 1, 1};
  return bytes[dtype];
}

void Array::Free::operator()(void *freed) const { std::free(freed); }

bool Array::allocate(fovea_dtype dtype, const std::vector<int64_t> &shape) {
  tensor.dtype = dtype;
  tensor.rank = static_cast<int32_t>(shape.size());
  count = 1;
  for (int32_t axis = tensor.rank - 1; axis >= 0; --axis) {
    tensor.sizes[axis] = shape[axis];
    tensor.strides[axis] = count;
    count *= shape[axis];
  }
  size_t bytes = static_cast<size_t>(getNumBytes() + 64) / 64 * 64;
  memory.reset(std::aligned_alloc(64, bytes));
  if (!memory) {
    return refuse("out of memory: no " + std::to_string(bytes) +
                  " bytes for an array");
  }
  std::memset(memory.get(), 0, bytes);
  tensor.data = memory.get();
  return true;
}

int64_t Array::getNumBytes() const {
  return count * getElementBytes(tensor.dtype);
}

void Array::set(int64_t i, double value) {
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

double Array::get(int64_t i) const {
  if (!isReal()) {
    return static_cast<double>(getInteger(i));
  }
  if (tensor.dtype == FOVEA_F32) {
    return static_cast<const float *>(tensor.data)[i];
  }
  if (tensor.dtype == FOVEA_F8E4M3FN) {
    return f8E4M3FNToFloat(static_cast<const uint8_t *>(tensor.data)[i]);
  }
  uint16_t bits = static_cast<const uint16_t *>(tensor.data)[i];
  return tensor.dtype == FOVEA_F16 ? halfToFloat(bits) : bf16ToFloat(bits);
}

void Array::setInteger(int64_t i, int64_t value) {
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

int64_t Array::getInteger(int64_t i) const {
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

static std::string formatShape(const int64_t *sizes, size_t rank) {
  std::string text = "[";
  for (size_t axis = 0; axis < rank; ++axis) {
    text += axis ? ", " : "";
    text += sizes[axis] < 0 ? "?" : std::to_string(sizes[axis]);
  }
  return text + "]";
}

bool fovea::checkShape(const std::vector<int64_t> &shape,
                       const fovea_parameter &parameter,
                       const std::string &where) {
  bool fits = static_cast<int32_t>(shape.size()) == parameter.rank;
  for (size_t axis = 0; fits && axis < shape.size(); ++axis) {
    fits = parameter.sizes[axis] < 0 || parameter.sizes[axis] == shape[axis];
  }
  return fits || refuse(where + ": expected shape " +
                        formatShape(parameter.sizes,
                                    static_cast<size_t>(parameter.rank)) +
                        " for '" + parameter.name + "', got " +
                        formatShape(shape.data(), shape.size()));
}

static bool parseInteger(const std::string &text, int64_t &value) {
  char *end = nullptr;
  errno = 0;
  value = strtoll(text.c_str(), &end, 10);
  return !text.empty() && *end == '\0' && errno == 0;
}

bool fovea::parseShape(const std::string &text, std::vector<int64_t> &shape) {
  shape.clear();
  if (text == "scalar") {
    return true;
  }
  // At most 2^40 elements in all, so that nothing overflows.
  int64_t elements = 1, most = int64_t(1) << 40;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find('x', begin), text.size());
    int64_t size = 0;
    if (!parseInteger(text.substr(begin, end - begin), size) || size < 0 ||
        size > most || (size > 0 && elements > most / size) ||
        shape.size() == FOVEA_MAX_RANK) {
      return refuse("expected sizes separated by x, such as 1x8x128x64, got '" +
                    text + "'");
    }
    elements *= std::max<int64_t>(size, 1);
    shape.push_back(size);
    begin = end + 1;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// At random
//===----------------------------------------------------------------------===//

static void put(Array &array, int64_t i, int64_t value) {
  if (array.isReal()) {
    array.set(i, static_cast<double>(value));
  } else {
    array.setInteger(i, value);
  }
}

/// "arange" or "shuffle".
static void fillInOrder(Array &array, bool shuffled, uint64_t &state) {
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

static bool fillByRule(Array &array, const std::string &rule, uint64_t &state) {
  if (rule == "arange" || rule == "shuffle") {
    fillInOrder(array, rule == "shuffle", state);
    return true;
  }
  size_t colon = rule.find(':');
  std::string kind = rule.substr(0, colon);
  bool takesNumber =
      colon != std::string::npos && (kind == "random" || kind == "every");
  int64_t n = 0;
  if (!parseInteger(takesNumber ? rule.substr(colon + 1) : rule, n) ||
      (takesNumber && n <= 0)) {
    return refuse("expected arange, shuffle, random:N, every:N or a number "
                  "after =, got '" +
                  rule + "'");
  }
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    put(array, i,
        !takesNumber       ? n
        : kind == "random" ? static_cast<int64_t>(nextBits(state) % n)
                           : i / n);
  }
  return true;
}

bool fovea::makeRandom(const std::string &text,
                       const fovea_parameter &parameter, uint64_t &state,
                       Array &array) {
  size_t equals = text.find('=');
  std::vector<int64_t> shape;
  if (!parseShape(text.substr(0, equals), shape) ||
      !checkShape(shape, parameter, "--random " + text) ||
      !array.allocate(static_cast<fovea_dtype>(parameter.dtype), shape)) {
    return false;
  }
  if (equals != std::string::npos) {
    return fillByRule(array, text.substr(equals + 1), state);
  }
  if (parameter.dtype == FOVEA_I8) {
    for (int64_t i = 0; i < array.getNumElements(); ++i) {
      array.setInteger(i, nextStored(state));
    }
    return true;
  }
  if (!array.isReal()) {
    return refuse("--random " + text +
                  ": expected a rule for the integers of '" + parameter.name +
                  "', such as " + text + "=arange");
  }
  bool isScale = isScaleName(parameter.name ? parameter.name : "");
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    array.set(i, isScale ? nextScale(state, parameter.dtype == FOVEA_F16)
                         : nextNormal(state));
  }
  return true;
}
