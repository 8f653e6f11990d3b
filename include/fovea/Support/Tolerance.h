//===- Tolerance.h - how far a kernel may be from the reference -----------===//
//
// One table for all tests and tools; docs/numerics.md says it in words.
//
// Outputs are compared with the interpreter, which computes in double from the
// same (already rounded) inputs. An error counts relative to the largest
// magnitude of the whole output: an element near 0 is a sum that cancels, and
// its error is that of its terms.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_SUPPORT_TOLERANCE_H
#define FOVEA_SUPPORT_TOLERANCE_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea {

/// The element types that the table distinguishes.
enum class Precision { F32, F16, BF16 };

/// The largest error allowed, as a part of the output's largest magnitude.
/// `input` is the narrowest type among the inputs, `output` that of the output,
/// `length` the longest extent of an input, which bounds every sum.
/// With `decodes` inputs are a cache in another type, rounded when decoded.
double getTolerance(Precision input, Precision output, int64_t length,
                    bool decodes = false);

/// The types among the inputs that tell a cache which is rounded when decoded:
/// one of f16 in a program in bf16, or bytes with scales of f16.
struct StoredTypes {
  bool hasF16 = false, hasBF16 = false, hasI8 = false;

  bool decodes() const { return hasF16 && (hasBF16 || hasI8); }
};

/// The outcome of a comparison.
struct Comparison {
  double worst = 0;      // largest error, as a part of `magnitude`
  double magnitude = 0;  // largest finite magnitude of the reference
  size_t at = 0;         // where the worst is
  size_t mismatches = 0; // not finite in one and different in the other
};

/// Compares element by element. A value that is not finite must be the same in
/// both (any NaN counts as the same); `at` is then the first that is not.
Comparison compare(const std::vector<double> &actual,
                   const std::vector<double> &reference);

} // namespace fovea

#endif // FOVEA_SUPPORT_TOLERANCE_H
