//===- Tolerance.cpp - how far a kernel may be from the reference ---------===//

#include "fovea/Support/Tolerance.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace fovea;

double fovea::getTolerance(Precision input, Precision output, int64_t length,
                           bool decodes) {
  // f32 sums: each addition rounds by at most 2^-24; independent roundings add
  // up as the square root of their number. The factor 4 is for the largest of
  // many elements, the constant for the exponential (1.5e-7) and for scores,
  // whose error the exponential multiplies by their size (about 20).
  double allowed =
      6e-6 + 4 * std::ldexp(1.0, -24) * std::sqrt(static_cast<double>(length));
  // 16-bit inputs are exact in f32, but the weights are rounded to the inputs'
  // type before the second product: half a unit in the last place each.
  switch (input) {
  case Precision::F32:
    break;
  case Precision::F16:
    allowed += std::ldexp(1.0, -11);
    break;
  case Precision::BF16:
    allowed += std::ldexp(1.0, -8);
    break;
  }
  // Decoded keys and values are rounded like the weights.
  if (decodes) {
    allowed += std::ldexp(1.0, input == Precision::BF16 ? -8 : -11);
  }
  // And the result is rounded once more when it is stored.
  switch (output) {
  case Precision::F32:
    break;
  case Precision::F16:
    allowed += std::ldexp(1.0, -11);
    break;
  case Precision::BF16:
    allowed += std::ldexp(1.0, -8);
    break;
  }
  return allowed;
}

Comparison fovea::compare(const std::vector<double> &actual,
                          const std::vector<double> &reference) {
  assert(actual.size() == reference.size() && "same number of elements");
  Comparison result;
  for (double r : reference) {
    if (std::isfinite(r)) {
      result.magnitude = std::max(result.magnitude, std::fabs(r));
    }
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    double a = actual[i], r = reference[i];
    if (!std::isfinite(a) || !std::isfinite(r)) {
      bool same = a == r || (std::isnan(a) && std::isnan(r));
      if (!same && result.mismatches++ == 0) {
        result.at = i;
      }
      continue;
    }
    // An all-zero reference: any error at all is too much.
    double error = std::fabs(a - r);
    error = error == 0              ? 0
            : result.magnitude == 0 ? HUGE_VAL
                                    : error / result.magnitude;
    if (error > result.worst) {
      result.worst = error;
      if (result.mismatches == 0) {
        result.at = i;
      }
    }
  }
  return result;
}
