//===- Tensors.cpp - the arguments of a call, from files or at random -----===//

#include "Tensors.h"

#include "fovea/Support/FloatBits.h"
#include "fovea/Support/Random.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

using namespace fovea;

static int64_t getSize(fovea_dtype dtype) {
  switch (dtype) {
  case FOVEA_F32:
  case FOVEA_I32:
    return 4;
  case FOVEA_F16:
  case FOVEA_BF16:
    return 2;
  case FOVEA_I64:
    return 8;
  case FOVEA_I1:
  case FOVEA_I8:
  case FOVEA_F8E4M3FN:
    return 1;
  }
  llvm_unreachable("unknown element type");
}

static std::string formatShape(llvm::ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleaveComma(shape, os, [&](int64_t size) {
    if (size < 0) {
      os << '?';
    } else {
      os << size;
    }
  });
  os << ']';
  return text;
}

void HostTensor::Free::operator()(void *memory) const { std::free(memory); }

HostTensor::HostTensor(fovea_dtype dtype, llvm::ArrayRef<int64_t> shape) {
  tensor.dtype = dtype;
  tensor.rank = shape.size();
  for (int axis = tensor.rank - 1; axis >= 0; --axis) {
    tensor.sizes[axis] = shape[axis];
    tensor.strides[axis] = count;
    count *= shape[axis];
  }
  size_t bytes = (count * getSize(dtype) + 64) / 64 * 64;
  memory.reset(std::aligned_alloc(64, bytes));
  if (!memory) {
    llvm::report_fatal_error("out of memory for a tensor");
  }
  std::memset(memory.get(), 0, bytes);
  tensor.data = memory.get();
}

int64_t HostTensor::getNumBytes() const {
  return count * getSize(static_cast<fovea_dtype>(tensor.dtype));
}

bool HostTensor::isReal() const {
  return tensor.dtype == FOVEA_F32 || tensor.dtype == FOVEA_F16 ||
         tensor.dtype == FOVEA_BF16 || tensor.dtype == FOVEA_F8E4M3FN;
}

void HostTensor::setReal(int64_t i, double value) {
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

double HostTensor::getReal(int64_t i) const {
  if (tensor.dtype == FOVEA_F32) {
    return static_cast<const float *>(tensor.data)[i];
  }
  if (tensor.dtype == FOVEA_F8E4M3FN) {
    return f8E4M3FNToFloat(static_cast<const uint8_t *>(tensor.data)[i]);
  }
  uint16_t bits = static_cast<const uint16_t *>(tensor.data)[i];
  return tensor.dtype == FOVEA_F16 ? halfToFloat(bits) : bf16ToFloat(bits);
}

void HostTensor::setInteger(int64_t i, int64_t value) {
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

int64_t HostTensor::getInteger(int64_t i) const {
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

llvm::Error fovea::checkShape(llvm::ArrayRef<int64_t> shape,
                              const Parameter &parameter,
                              llvm::StringRef where) {
  bool fits = shape.size() == parameter.shape.size();
  for (size_t axis = 0; fits && axis < shape.size(); ++axis) {
    fits = parameter.shape[axis] < 0 || parameter.shape[axis] == shape[axis];
  }
  if (fits) {
    return llvm::Error::success();
  }
  return llvm::createStringError(
      where + ": expected shape " + formatShape(parameter.shape) + " for '" +
      parameter.name + "', got " + formatShape(shape));
}

//===----------------------------------------------------------------------===//
// From and to .npy
//===----------------------------------------------------------------------===//

static bool isReal(NpyType type) {
  return type == NpyType::F16 || type == NpyType::F32 || type == NpyType::F64;
}

static double getReal(const NpyArray &array, int64_t i) {
  switch (array.dtype) {
  case NpyType::F16:
    return halfToFloat(array.getElements<uint16_t>()[i]);
  case NpyType::F32:
    return array.getElements<float>()[i];
  default:
    return array.getElements<double>()[i];
  }
}

static int64_t getInteger(const NpyArray &array, int64_t i) {
  switch (array.dtype) {
  case NpyType::I32:
    return array.getElements<int32_t>()[i];
  case NpyType::I64:
    return array.getElements<int64_t>()[i];
  case NpyType::I8:
    return array.getElements<int8_t>()[i];
  default:
    return array.getElements<uint8_t>()[i];
  }
}

/// Whether an integer type holds a value.
static bool holds(fovea_dtype dtype, int64_t value) {
  switch (dtype) {
  case FOVEA_I32:
    return value == static_cast<int32_t>(value);
  case FOVEA_I1:
    return value == 0 || value == 1;
  case FOVEA_I8:
    return value == static_cast<int8_t>(value);
  default:
    return true;
  }
}

llvm::Expected<HostTensor> fovea::convertInput(const NpyArray &array,
                                               const Parameter &parameter,
                                               llvm::StringRef path) {
  std::string where = ("'" + path + "'").str();
  if (llvm::Error e = checkShape(array.shape, parameter, where)) {
    return e;
  }
  HostTensor tensor(parameter.dtype, array.shape);
  if (tensor.isReal() != isReal(array.dtype)) {
    return llvm::createStringError(
        where + ": expected " +
        (tensor.isReal() ? "floating-point" : "integer") + " elements for '" +
        parameter.name + "', got " + getNpyTypeName(array.dtype));
  }
  for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
    if (tensor.isReal()) {
      tensor.setReal(i, getReal(array, i));
      continue;
    }
    int64_t value = getInteger(array, i);
    if (!holds(parameter.dtype, value)) {
      return llvm::createStringError(
          where + ": element " + llvm::Twine(i) + " for '" + parameter.name +
          "' is " + llvm::Twine(value) + ", which its element type lacks");
    }
    tensor.setInteger(i, value);
  }
  return tensor;
}

NpyArray fovea::toNpy(const HostTensor &tensor) {
  NpyType type = tensor.isReal()                   ? NpyType::F32
                 : tensor.get().dtype == FOVEA_I64 ? NpyType::I64
                 : tensor.get().dtype == FOVEA_I32 ? NpyType::I32
                 : tensor.get().dtype == FOVEA_I8  ? NpyType::I8
                                                   : NpyType::Bool;
  NpyArray array = NpyArray::zeros(type, tensor.getShape());
  for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
    switch (type) {
    case NpyType::F32:
      array.getElements<float>()[i] = static_cast<float>(tensor.getReal(i));
      break;
    case NpyType::I64:
      array.getElements<int64_t>()[i] = tensor.getInteger(i);
      break;
    case NpyType::I32:
      array.getElements<int32_t>()[i] =
          static_cast<int32_t>(tensor.getInteger(i));
      break;
    case NpyType::I8:
      array.getElements<int8_t>()[i] =
          static_cast<int8_t>(tensor.getInteger(i));
      break;
    default:
      array.getElements<uint8_t>()[i] = tensor.getInteger(i) != 0;
    }
  }
  return array;
}

reference::Tensor fovea::toReference(const HostTensor &tensor) {
  std::vector<double> reals;
  std::vector<int64_t> integers;
  for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
    if (tensor.isReal()) {
      reals.push_back(tensor.getReal(i));
    } else {
      integers.push_back(tensor.getInteger(i));
    }
  }
  return tensor.isReal()
             ? reference::Tensor::fromReals(tensor.getShape(), std::move(reals))
             : reference::Tensor::fromIntegers(tensor.getShape(),
                                               std::move(integers));
}

//===----------------------------------------------------------------------===//
// At random
//===----------------------------------------------------------------------===//

llvm::Expected<llvm::SmallVector<int64_t, 4>>
fovea::parseShape(llvm::StringRef text) {
  llvm::SmallVector<int64_t, 4> shape;
  if (text == "scalar") {
    return shape;
  }
  // At most 2^40 elements in all, so that nothing below overflows.
  int64_t elements = 1, most = int64_t(1) << 40;
  for (llvm::StringRef part : llvm::split(text, 'x')) {
    int64_t size = 0;
    if (part.getAsInteger(10, size) || size < 0 || size > most ||
        (size > 0 && elements > most / size)) {
      return llvm::createStringError("expected sizes separated by x, such as "
                                     "1x8x128x64, got '" +
                                     text + "'");
    }
    elements *= std::max<int64_t>(size, 1);
    shape.push_back(size);
  }
  return shape;
}

/// Integers by rule: "arange", "shuffle" (a random order of 0 to count-1),
/// "random:N" (below N), "every:N" (index / N), or a number.
static llvm::Error fillByRule(HostTensor &tensor, llvm::StringRef rule,
                              uint64_t &state) {
  int64_t count = tensor.getNumElements(), n = 0;
  auto set = [&](int64_t i, int64_t value) {
    if (tensor.isReal()) {
      tensor.setReal(i, static_cast<double>(value));
    } else {
      tensor.setInteger(i, value);
    }
  };
  if (rule == "arange" || rule == "shuffle") {
    std::vector<int64_t> order(count);
    for (int64_t i = 0; i < count; ++i) {
      order[i] = i;
    }
    for (int64_t i = count - 1; rule == "shuffle" && i > 0; --i) {
      std::swap(order[i], order[nextBits(state) % (i + 1)]);
    }
    for (int64_t i = 0; i < count; ++i) {
      set(i, order[i]);
    }
    return llvm::Error::success();
  }
  auto [kind, number] = rule.split(':');
  bool takesNumber = kind == "random" || kind == "every";
  llvm::StringRef digits = takesNumber ? number : rule;
  if (digits.getAsInteger(10, n) || (takesNumber && n <= 0)) {
    return llvm::createStringError("expected arange, shuffle, random:N, "
                                   "every:N or a number after =, got '" +
                                   rule + "'");
  }
  for (int64_t i = 0; i < count; ++i) {
    set(i, kind == "random"  ? static_cast<int64_t>(nextBits(state) % n)
           : kind == "every" ? i / n
                             : n);
  }
  return llvm::Error::success();
}

llvm::Expected<HostTensor> fovea::makeRandom(llvm::StringRef text,
                                             const Parameter &parameter,
                                             uint64_t &state) {
  auto [dims, rule] = text.split('=');
  llvm::Expected<llvm::SmallVector<int64_t, 4>> shape = parseShape(dims);
  if (!shape) {
    return shape.takeError();
  }
  if (llvm::Error e = checkShape(*shape, parameter, "--random " + text.str())) {
    return e;
  }
  HostTensor tensor(parameter.dtype, *shape);
  if (!rule.empty()) {
    if (llvm::Error e = fillByRule(tensor, rule, state)) {
      return e;
    }
    return tensor;
  }
  if (parameter.dtype == FOVEA_I8) {
    for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
      tensor.setInteger(i, nextStored(state));
    }
    return tensor;
  }
  if (!tensor.isReal()) {
    return llvm::createStringError("--random " + text +
                                   ": expected a rule "
                                   "for the integers of '" +
                                   parameter.name + "', such as " + text +
                                   "=arange");
  }
  bool isScale = isScaleName(parameter.name);
  for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
    tensor.setReal(i, isScale ? nextScale(state, parameter.dtype == FOVEA_F16)
                              : nextNormal(state));
  }
  return tensor;
}
