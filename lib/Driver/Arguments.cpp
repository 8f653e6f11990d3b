//===- Arguments.cpp - of a call, from files or at random -----------------===//

#include "fovea/Driver/Arguments.h"

#include "fovea/Support/FloatBits.h"

using namespace fovea;

static ArgumentType getType(const Parameter &parameter) {
  return {parameter.name,
          parameter.dtype,
          {parameter.shape.begin(), parameter.shape.end()}};
}

/// An array, or an error that says what is wrong.
static llvm::Expected<HostArray> check(HostArray array,
                                       const std::string &problem) {
  if (!problem.empty()) {
    return llvm::createStringError(problem);
  }
  return array;
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

llvm::Expected<HostArray> fovea::readInput(llvm::StringRef path,
                                           const Parameter &parameter) {
  llvm::Expected<NpyArray> npy = readNpy(path);
  if (!npy) {
    return npy.takeError();
  }
  HostArray array;
  std::string problem = convertElements(
      {npy->shape.begin(), npy->shape.end()}, isReal(npy->dtype),
      getNpyTypeName(npy->dtype).str(),
      [&](int64_t i) { return getReal(*npy, i); },
      [&](int64_t i) { return getInteger(*npy, i); }, getType(parameter),
      ("'" + path + "'").str(), array);
  return check(std::move(array), problem);
}

NpyArray fovea::toNpy(const HostArray &array) {
  NpyType type = array.isReal()                   ? NpyType::F32
                 : array.get().dtype == FOVEA_I64 ? NpyType::I64
                 : array.get().dtype == FOVEA_I32 ? NpyType::I32
                 : array.get().dtype == FOVEA_I8  ? NpyType::I8
                                                  : NpyType::Bool;
  NpyArray result = NpyArray::zeros(type, array.getShape());
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    switch (type) {
    case NpyType::F32:
      result.getElements<float>()[i] = static_cast<float>(array.getReal(i));
      break;
    case NpyType::I64:
      result.getElements<int64_t>()[i] = array.getInteger(i);
      break;
    case NpyType::I32:
      result.getElements<int32_t>()[i] =
          static_cast<int32_t>(array.getInteger(i));
      break;
    case NpyType::I8:
      result.getElements<int8_t>()[i] =
          static_cast<int8_t>(array.getInteger(i));
      break;
    default:
      result.getElements<uint8_t>()[i] = array.getInteger(i) != 0;
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Without files
//===----------------------------------------------------------------------===//

llvm::Expected<HostArray> fovea::makeRandom(llvm::StringRef text,
                                            const Parameter &parameter,
                                            uint64_t &state) {
  HostArray array;
  std::string problem =
      makeRandom(text.str(), getType(parameter), state, array);
  return check(std::move(array), problem);
}

llvm::Expected<HostArray>
fovea::makeOutput(const Parameter &parameter,
                  std::optional<llvm::SmallVector<int64_t, 4>> derived,
                  std::optional<std::string> given) {
  std::vector<int64_t> shape;
  std::string problem;
  if (given) {
    problem = parseShape(*given, shape);
    if (problem.empty()) {
      problem = checkShape(shape, getType(parameter), "--output-shape");
    }
  } else if (derived) {
    shape.assign(derived->begin(), derived->end());
  } else {
    problem = "the shape of '" + parameter.name +
              "' depends on the data: expected --output-shape";
  }
  HostArray array;
  if (problem.empty()) {
    problem = array.allocate(parameter.dtype, shape);
  }
  return check(std::move(array), problem);
}
