//===- FloatConvert.h - float to and from half and bfloat16, in arrays ----===//

#ifndef FOVEA_SUPPORT_FLOATCONVERT_H
#define FOVEA_SUPPORT_FLOATCONVERT_H

#include "fovea/Support/FloatBits.h"

#include "llvm/ADT/ArrayRef.h"

#include <cassert>
#include <cstddef>

namespace fovea {

/// Converts from[i] to to[i] for all i. Sizes must be equal; the arrays must
/// not overlap.
inline void convertFloatToBF16(llvm::ArrayRef<float> from,
                               llvm::MutableArrayRef<uint16_t> to) {
  assert(from.size() == to.size() && "sizes differ");
  for (size_t i = 0, e = from.size(); i < e; ++i) {
    to[i] = floatToBF16(from[i]);
  }
}

/// See convertFloatToBF16.
inline void convertBF16ToFloat(llvm::ArrayRef<uint16_t> from,
                               llvm::MutableArrayRef<float> to) {
  assert(from.size() == to.size() && "sizes differ");
  for (size_t i = 0, e = from.size(); i < e; ++i) {
    to[i] = bf16ToFloat(from[i]);
  }
}

/// See convertFloatToBF16.
inline void convertFloatToHalf(llvm::ArrayRef<float> from,
                               llvm::MutableArrayRef<uint16_t> to) {
  assert(from.size() == to.size() && "sizes differ");
  for (size_t i = 0, e = from.size(); i < e; ++i) {
    to[i] = floatToHalf(from[i]);
  }
}

/// See convertFloatToBF16.
inline void convertHalfToFloat(llvm::ArrayRef<uint16_t> from,
                               llvm::MutableArrayRef<float> to) {
  assert(from.size() == to.size() && "sizes differ");
  for (size_t i = 0, e = from.size(); i < e; ++i) {
    to[i] = halfToFloat(from[i]);
  }
}

} // namespace fovea

#endif // FOVEA_SUPPORT_FLOATCONVERT_H
