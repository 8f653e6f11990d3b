//===- Random.h - numbers that a seed fixes on every machine --------------===//
//
// For inputs at random: the same seed gives the same arrays to every tool.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_SUPPORT_RANDOM_H
#define FOVEA_SUPPORT_RANDOM_H

#include <cmath>
#include <cstdint>

namespace fovea {

/// The next of a sequence (splitmix64).
inline uint64_t nextBits(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// From 0 to below 1.
inline double nextUniform(uint64_t &state) {
  return static_cast<double>(nextBits(state) >> 11) * 0x1p-53;
}

/// Normal with variance 1.
inline double nextNormal(uint64_t &state) {
  double radius = std::sqrt(-2 * std::log(1 - nextUniform(state)));
  return radius * std::cos(6.283185307179586 * nextUniform(state));
}

} // namespace fovea

#endif // FOVEA_SUPPORT_RANDOM_H
