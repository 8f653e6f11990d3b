//===- Random.h - numbers that a seed fixes on every machine --------------===//
//
// For inputs at random: the same seed gives the same arrays to every tool.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_SUPPORT_RANDOM_H
#define FOVEA_SUPPORT_RANDOM_H

#include <cmath>
#include <cstdint>
#include <string_view>

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

/// An element of an encoded cache as it is stored: a byte of -127 to 127.
inline int64_t nextStored(uint64_t &state) {
  return static_cast<int64_t>(nextBits(state) % 255) - 127;
}

/// A scale that brings stored elements to about variance 1: bytes (one scale a
/// row), or nibbles.
inline double nextScale(uint64_t &state, bool isOfNibbles) {
  return (0.5 + nextUniform(state)) / (isOfNibbles ? 4 : 64);
}

/// True if arguments of this name are scales: those of an `!attn.kv`.
inline bool isScaleName(std::string_view name) {
  auto endsWith = [&](std::string_view end) {
    return name.size() >= end.size() &&
           name.substr(name.size() - end.size()) == end;
  };
  return endsWith("k_scale") || endsWith("v_scale") ||
         endsWith("k_scale_pages") || endsWith("v_scale_pages");
}

} // namespace fovea

#endif // FOVEA_SUPPORT_RANDOM_H
