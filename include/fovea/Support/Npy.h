//===- Npy.h - Arrays in NumPy's .npy files -------------------------------===//
//
// One array per file, as numpy.save writes it: a magic word, a header in
// Python's syntax, the elements. For example an array of shape (2, 3):
//
//   \x93NUMPY 1 0 <header size>
//   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n
//   <24 bytes>
//
// Versions 1 and 2 of the format are read (they differ in the width of the
// header size); the lower that fits is written. Only little-endian elements in
// C order (last index fastest) are taken; anything else is refused with a
// message that names the file and the cure.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_SUPPORT_NPY_H
#define FOVEA_SUPPORT_NPY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cassert>
#include <cstdint>
#include <vector>

namespace fovea {

enum class NpyType { Bool, U8, I8, I32, I64, F16, F32, F64 };

/// Bytes of one element.
int64_t getNpyTypeSize(NpyType type);

/// The type as NumPy names it, such as "float32".
llvm::StringRef getNpyTypeName(NpyType type);

/// An array in memory: elements in C order, without gaps. Float16 elements are
/// their bits; see FloatConvert.h. (bfloat16 has no type in the format.)
struct NpyArray {
  NpyType dtype = NpyType::F32;
  llvm::SmallVector<int64_t, 4> shape; // Empty for a single number.
  std::vector<uint8_t> bytes;

  /// Product of the shape.
  int64_t getNumElements() const {
    // Unsigned, so that sizes before a zero may overflow.
    uint64_t count = 1;
    for (int64_t size : shape) {
      count *= static_cast<uint64_t>(size);
    }
    return static_cast<int64_t>(count);
  }

  /// The elements; T must have the size of dtype's elements.
  template <typename T> llvm::ArrayRef<T> getElements() const {
    assert(sizeof(T) == static_cast<size_t>(getNpyTypeSize(dtype)));
    return {reinterpret_cast<const T *>(bytes.data()),
            bytes.size() / sizeof(T)};
  }
  template <typename T> llvm::MutableArrayRef<T> getElements() {
    assert(sizeof(T) == static_cast<size_t>(getNpyTypeSize(dtype)));
    return {reinterpret_cast<T *>(bytes.data()), bytes.size() / sizeof(T)};
  }

  /// An array of that type and shape, filled with zeros. Sizes must not be
  /// negative.
  static NpyArray zeros(NpyType dtype, llvm::ArrayRef<int64_t> shape);
};

/// Reads the array in the file at path.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// Reads an array from the contents of a file; messages call it `name`.
llvm::Expected<NpyArray> parseNpy(llvm::StringRef contents,
                                  llvm::StringRef name);

/// Writes array to the file at path, or leaves what was there untouched: the
/// contents go to a new file beside it that takes its name when complete.
llvm::Error writeNpy(llvm::StringRef path, const NpyArray &array);

} // namespace fovea

#endif // FOVEA_SUPPORT_NPY_H
