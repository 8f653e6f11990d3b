//===- Arrays.h - arguments of a call, from files or at random ------------===//
//
// As fovea-run's, without LLVM: the same seed gives the same arrays, and the
// same files are read. Functions that return bool are false after an error.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TOOLS_FOVEA_LAUNCH_ARRAYS_H
#define FOVEA_TOOLS_FOVEA_LAUNCH_ARRAYS_H

#include "fovea/runtime/fovea_runtime.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace fovea {

/// Host memory for one argument, aligned and without gaps.
class Array {
public:
  Array() = default;
  /// False when memory is out.
  bool allocate(fovea_dtype dtype, const std::vector<int64_t> &shape);

  const fovea_tensor &get() const { return tensor; }
  std::vector<int64_t> getShape() const {
    return {tensor.sizes, tensor.sizes + tensor.rank};
  }
  int64_t getNumElements() const { return count; }
  int64_t getNumBytes() const;
  bool isReal() const {
    return tensor.dtype <= FOVEA_BF16 || tensor.dtype == FOVEA_F8E4M3FN;
  }

  void set(int64_t i, double value); // rounds to the element type
  void setInteger(int64_t i, int64_t value);
  double get(int64_t i) const;
  int64_t getInteger(int64_t i) const;

private:
  struct Free {
    void operator()(void *memory) const;
  };
  fovea_tensor tensor = {};
  int64_t count = 1;
  std::unique_ptr<void, Free> memory;
};

/// Bytes of one element.
int64_t getElementBytes(int32_t dtype);

/// Reads a .npy file for an argument.
bool readArray(const std::string &path, const fovea_parameter &parameter,
               Array &array);
/// Writes a .npy file; reals as float32.
bool writeArray(const std::string &path, const Array &array);

/// Makes an argument from a text such as "1x8x128x64" or "4x16=arange".
bool makeRandom(const std::string &text, const fovea_parameter &parameter,
                uint64_t &state, Array &array);

/// Sizes separated by x, or "scalar".
bool parseShape(const std::string &text, std::vector<int64_t> &shape);

/// Error if a shape does not fit an argument; `where` begins the message.
bool checkShape(const std::vector<int64_t> &shape,
                const fovea_parameter &parameter, const std::string &where);

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_LAUNCH_ARRAYS_H
