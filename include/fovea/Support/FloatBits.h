//===- FloatBits.h - float to and from half, bfloat16, f8E4M3FN -----------===//
//
// Conversions on bit patterns, rounding to nearest with ties to even, the same
// on every host and in every rounding mode. Overflow gives infinity, subnormal
// results are kept, a NaN stays a NaN (made quiet, sign and upper payload
// kept). All are written without branches that depend on the order of values
// in an array, so that loops over them vectorise. Needs nothing of LLVM.
//
// bfloat16 is the upper half of a float, so it keeps float's range and 8 bits
// of precision. IEEE half has 1 sign, 5 exponent (bias 15) and 10 fraction
// bits: normal from 2^-14, largest 65504, subnormals in steps of 2^-24.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_SUPPORT_FLOATBITS_H
#define FOVEA_SUPPORT_FLOATBITS_H

#include <cstdint>
#include <cstring>

namespace fovea {

/// The same bits as another type of that size.
template <typename To, typename From> inline To bitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

/// The bfloat16 bits nearest to value.
inline uint16_t floatToBF16(float value) {
  uint32_t bits = bitCast<uint32_t>(value);
  // Half of the last kept place, less one if that place is even: ties then
  // carry only into odd ones. A carry out of the fraction lands in the
  // exponent, which is right, up to and including infinity.
  uint32_t rounded = bits + 0x7fff + ((bits >> 16) & 1);
  uint32_t quiet = bits | 0x00400000;
  bool isNaN = (bits & 0x7fffffff) > 0x7f800000;
  return static_cast<uint16_t>((isNaN ? quiet : rounded) >> 16);
}

/// The value of a bfloat16, exactly.
inline float bf16ToFloat(uint16_t bits) {
  return bitCast<float>(static_cast<uint32_t>(bits) << 16);
}

/// The IEEE half bits nearest to value.
inline uint16_t floatToHalf(float value) {
  constexpr uint32_t overflow = 0x47800000; // 2^16: everything from here on
  constexpr uint32_t smallest = 0x38800000; // 2^-14: least normal half
  uint32_t bits = bitCast<uint32_t>(value);
  uint32_t sign = (bits >> 16) & 0x8000;
  uint32_t magnitude = bits & 0x7fffffff;

  // Normal: rebias the exponent, then round as in floatToBF16. What rounds up
  // past 65504 carries into the exponent and is infinity.
  uint32_t normal =
      (magnitude - (112u << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;

  // Subnormal: shift the fraction, with its leading one, to units of 2^-24 and
  // round on the bits shifted out. From 25 places on all is shifted out.
  uint32_t exponent = magnitude >> 23;
  uint32_t shift = exponent < 102 ? 25 : (exponent < 113 ? 126 - exponent : 14);
  uint32_t fraction = (magnitude & 0x7fffff) | 0x800000;
  uint32_t kept = fraction >> shift;
  uint32_t subnormal =
      (fraction + (1u << (shift - 1)) - 1 + (kept & 1)) >> shift;

  uint32_t special =
      magnitude > 0x7f800000 ? 0x7e00 | (magnitude >> 13 & 0x3ff) : 0x7c00;
  uint32_t result = magnitude < smallest ? subnormal : normal;
  result = magnitude >= overflow ? special : result;
  return static_cast<uint16_t>(sign | result);
}

/// The value of an IEEE half, exactly.
inline float halfToFloat(uint16_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  uint32_t magnitude = bits & 0x7fff;
  uint32_t normal = (magnitude << 13) + (112u << 23);
  // Infinity and NaN: lift the exponent all the way; NaNs are made quiet.
  uint32_t special =
      (magnitude << 13) | 0x7f800000 | (magnitude > 0x7c00 ? 0x400000 : 0);
  // Subnormal: a whole number of steps of 2^-24. Exact in float.
  uint32_t subnormal =
      bitCast<uint32_t>(static_cast<float>(magnitude) * 0x1p-24f);
  uint32_t result = magnitude < 0x400 ? subnormal : normal;
  result = magnitude >= 0x7c00 ? special : result;
  return bitCast<float>(sign | result);
}

/// The bits of the f8E4M3FN nearest to value (1 sign, 4 exponent bits of bias 7,
/// 3 fraction bits; OCP 8-bit floating point). There is no infinity: what
/// rounds to more than 448 is the NaN 0x7f, as is a NaN.
inline uint8_t floatToF8E4M3FN(float value) {
  uint32_t bits = bitCast<uint32_t>(value);
  uint32_t sign = (bits >> 24) & 0x80;
  uint32_t magnitude = bits & 0x7fffffff;
  constexpr uint32_t smallest = 0x3c800000; // 2^-6: least normal
  // Normal: rebias the exponent, round to the nearest of 20 places less.
  uint32_t normal =
      (magnitude - (120u << 23) + 0x7ffff + ((magnitude >> 20) & 1)) >> 20;
  // Subnormal: as in floatToHalf, in units of 2^-9.
  uint32_t exponent = magnitude >> 23;
  uint32_t shift = exponent < 117 ? 25 : (exponent < 121 ? 141 - exponent : 21);
  uint32_t fraction = (magnitude & 0x7fffff) | 0x800000;
  uint32_t kept = fraction >> shift;
  uint32_t subnormal =
      (fraction + (1u << (shift - 1)) - 1 + (kept & 1)) >> shift;
  uint32_t result = magnitude < smallest ? subnormal : normal;
  bool isLarge = magnitude >= 0x43f00000; // 480, from where on 512 is nearer
  bool isNaN = isLarge || result >= 0x7f;
  return static_cast<uint8_t>(sign | (isNaN ? 0x7f : result));
}

/// The value of an f8E4M3FN, exactly.
inline float f8E4M3FNToFloat(uint8_t bits) {
  uint32_t sign = static_cast<uint32_t>(bits & 0x80) << 24;
  uint32_t magnitude = bits & 0x7f;
  uint32_t normal = (magnitude << 20) + (120u << 23);
  uint32_t subnormal =
      bitCast<uint32_t>(static_cast<float>(magnitude) * 0x1p-9f);
  uint32_t result = magnitude < 8 ? subnormal : normal;
  result = magnitude == 0x7f ? 0x7fc00000 : result;
  return bitCast<float>(sign | result);
}

} // namespace fovea

#endif // FOVEA_SUPPORT_FLOATBITS_H
