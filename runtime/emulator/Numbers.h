//===- Numbers.h - Small floating-point formats ---------------------------===//

#ifndef FOVEA_RUNTIME_EMULATOR_NUMBERS_H
#define FOVEA_RUNTIME_EMULATOR_NUMBERS_H

#include <cmath>
#include <cstdint>
#include <cstring>

namespace fovea::emu {

inline float floatOf(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}
inline uint32_t bitsOf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/// A format of at most 16 bits: sign, exponent, mantissa.
struct Small {
  int exponentBits, mantissaBits, bias;
  bool hasInfinity; // Else the largest exponent holds numbers as well.
  bool fnuz;        // One NaN, which is minus zero; no infinity.
};
constexpr Small kHalf{5, 10, 15, true, false};
constexpr Small kE4M3{4, 3, 7, false, false};
constexpr Small kE5M2{5, 2, 15, true, false};
constexpr Small kE4M3Fnuz{4, 3, 8, false, true};
constexpr Small kE5M2Fnuz{5, 2, 16, false, true};

inline float decode(uint32_t bits, const Small &f) {
  int total = 1 + f.exponentBits + f.mantissaBits;
  uint32_t mantissa = bits & ((1u << f.mantissaBits) - 1);
  int exponent = (bits >> f.mantissaBits) & ((1 << f.exponentBits) - 1);
  bool negative = (bits >> (total - 1)) & 1;
  int top = (1 << f.exponentBits) - 1;
  if (f.fnuz && negative && exponent == 0 && mantissa == 0) {
    return NAN;
  }
  if (exponent == top && f.hasInfinity) {
    return mantissa ? NAN : (negative ? -INFINITY : INFINITY);
  }
  if (exponent == top && !f.fnuz && !f.hasInfinity &&
      mantissa == (1u << f.mantissaBits) - 1) {
    return NAN;
  }
  float value = exponent ? ldexpf(float(mantissa | (1u << f.mantissaBits)),
                                  exponent - f.bias - f.mantissaBits)
                         : ldexpf(float(mantissa), 1 - f.bias - f.mantissaBits);
  return negative ? -value : value;
}

/// Rounds to nearest, ties to even. What is too large becomes infinity, or the
/// largest number with `saturate` (NaN where there is no infinity and no
/// saturation).
inline uint32_t encode(float value, const Small &f, bool saturate) {
  int total = 1 + f.exponentBits + f.mantissaBits;
  uint32_t sign = std::signbit(value) ? 1u << (total - 1) : 0;
  int top = (1 << f.exponentBits) - 1;
  uint32_t ones = (1u << f.mantissaBits) - 1;
  uint32_t infinity = uint32_t(top) << f.mantissaBits;
  uint32_t largest = f.hasInfinity ? infinity - 1
                     : f.fnuz      ? infinity | ones
                                   : (infinity | ones) - 1;
  uint32_t nan = f.fnuz          ? 1u << (total - 1)
                 : f.hasInfinity ? infinity | (1u << (f.mantissaBits - 1))
                                 : infinity | ones;
  if (std::isnan(value)) {
    return f.fnuz ? nan : sign | nan;
  }
  uint32_t tooLarge = saturate        ? sign | largest
                      : f.hasInfinity ? sign | infinity
                                      : nan;
  if (std::isinf(value)) {
    return tooLarge;
  }
  double magnitude = std::fabs(double(value));
  if (magnitude == 0) {
    return f.fnuz ? 0 : sign;
  }
  int exponent;
  frexp(magnitude, &exponent);
  --exponent;
  if (exponent < 1 - f.bias) {
    exponent = 1 - f.bias;
  }
  // A whole number of units in the last place; rint rounds ties to even.
  double units = rint(ldexp(magnitude, f.mantissaBits - exponent));
  uint64_t bits = uint64_t(units);
  // A carry out of the mantissa moves into the exponent by itself.
  uint64_t encoded =
      bits >= (1u << f.mantissaBits)
          ? bits + (uint64_t(exponent + f.bias - 1) << f.mantissaBits)
          : bits;
  if (encoded > largest) {
    return tooLarge;
  }
  if (f.fnuz && encoded == 0) {
    return 0;
  }
  return sign | uint32_t(encoded);
}

inline float halfToFloat(uint16_t bits) {
  uint32_t exponent = (bits >> 10) & 31;
  if (exponent != 0 && exponent != 31) {
    return floatOf((uint32_t(bits & 0x8000) << 16) | ((exponent + 112) << 23) |
                   (uint32_t(bits & 1023) << 13));
  }
  return decode(bits, kHalf);
}
inline uint16_t floatToHalf(float value) {
  return uint16_t(encode(value, kHalf, false));
}
inline float bfloatToFloat(uint16_t bits) {
  return floatOf(uint32_t(bits) << 16);
}
inline uint16_t floatToBfloat(float value) {
  uint32_t bits = bitsOf(value);
  if (std::isnan(value)) {
    return uint16_t((bits >> 16) | 64);
  }
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

} // namespace fovea::emu

#endif // FOVEA_RUNTIME_EMULATOR_NUMBERS_H
