//===- HostArray.h - arguments of a call, in memory and at random ---------===//
//
// What the tools that run programs share: memory for an argument, its shape
// from a text, its elements at random by a seed. Needs nothing of LLVM, so that
// tools without the compiler have it as well. Functions that can refuse return
// what is wrong, or an empty text.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_SUPPORT_HOSTARRAY_H
#define FOVEA_SUPPORT_HOSTARRAY_H

#include "fovea/runtime/fovea_runtime.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fovea {

/// Bytes of one element of a fovea_dtype.
int64_t getElementBytes(int32_t dtype);

/// Bytes of a tensor without gaps.
int64_t getNumBytes(const fovea_tensor &tensor);

/// Whether an integer type has a value.
bool holdsInteger(int32_t dtype, int64_t value);

/// What a program wants of an argument.
struct ArgumentType {
  std::string name;
  fovea_dtype dtype = FOVEA_F32;
  std::vector<int64_t> shape; // -1 for any size
};

/// Host memory for one argument, aligned and without gaps.
class HostArray {
public:
  HostArray() = default;
  /// Zeros. Refuses when memory is out.
  std::string allocate(fovea_dtype dtype, const std::vector<int64_t> &shape);

  const fovea_tensor &get() const { return tensor; }
  std::vector<int64_t> getShape() const {
    return {tensor.sizes, tensor.sizes + tensor.rank};
  }
  int64_t getNumElements() const { return count; }
  int64_t getNumBytes() const { return fovea::getNumBytes(tensor); }
  bool isReal() const {
    return tensor.dtype <= FOVEA_BF16 || tensor.dtype == FOVEA_F8E4M3FN;
  }

  /// Elements in C order: of reals, rounded to the element type, or of
  /// integers.
  void setReal(int64_t i, double value);
  double getReal(int64_t i) const;
  void setInteger(int64_t i, int64_t value);
  int64_t getInteger(int64_t i) const;
  /// Of either kind.
  double getNumber(int64_t i) const {
    return isReal() ? getReal(i) : static_cast<double>(getInteger(i));
  }

private:
  struct Free {
    void operator()(void *memory) const;
  };
  fovea_tensor tensor = {};
  int64_t count = 1;
  std::unique_ptr<void, Free> memory;
};

/// Sizes separated by x, such as "1x8x128x64", or "scalar".
std::string parseShape(const std::string &text, std::vector<int64_t> &shape);

/// Refuses a shape that does not fit; `where` begins the message.
std::string checkShape(const std::vector<int64_t> &shape,
                       const ArgumentType &type, const std::string &where);

/// Makes an argument from an item of --random: a shape, for values that suit the
/// argument (normal ones; what an encoded cache stores, and its scales), or a
/// shape and a rule, such as "4x16=arange". The same `state` gives the same
/// array on every machine.
std::string makeRandom(const std::string &text, const ArgumentType &type,
                       uint64_t &state, HostArray &array);

/// Makes an argument from elements of another type: `real(i)` if `isReal`, else
/// `integer(i)`; `typeName` is what messages call that type.
template <typename Real, typename Integer>
std::string convertElements(const std::vector<int64_t> &shape, bool isReal,
                            const std::string &typeName, Real real,
                            Integer integer, const ArgumentType &type,
                            const std::string &where, HostArray &array) {
  std::string problem = checkShape(shape, type, where);
  if (problem.empty()) {
    problem = array.allocate(type.dtype, shape);
  }
  if (!problem.empty()) {
    return problem;
  }
  if (array.isReal() != isReal) {
    return where + ": expected " +
           (array.isReal() ? "floating-point" : "integer") +
           " elements for '" + type.name + "', got " + typeName;
  }
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    if (isReal) {
      array.setReal(i, real(i));
      continue;
    }
    int64_t value = integer(i);
    if (!holdsInteger(type.dtype, value)) {
      return where + ": element " + std::to_string(i) + " for '" + type.name +
             "' is " + std::to_string(value) + ", which its element type lacks";
    }
    array.setInteger(i, value);
  }
  return "";
}

} // namespace fovea

#endif // FOVEA_SUPPORT_HOSTARRAY_H
