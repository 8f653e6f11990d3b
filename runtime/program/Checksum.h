//===- Checksum.h - CRC-32 ------------------------------------------------===//
//
// The checksum of IEEE 802.3 and of zlib: polynomial 0x04c11db7, lowest bit
// first, all bits turned over before and after. Here because whatever runs
// programs should need libc and nothing else, on every machine.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_RUNTIME_PROGRAM_CHECKSUM_H
#define FOVEA_RUNTIME_PROGRAM_CHECKSUM_H

#include <cstddef>
#include <cstdint>

namespace fovea::rt {

/// What a byte does to the remainder.
struct ChecksumTable {
  uint32_t rows[256] = {};

  constexpr ChecksumTable() {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t rest = byte;
      for (int bit = 0; bit < 8; ++bit) {
        rest = rest >> 1 ^ (rest & 1 ? 0xedb88320u : 0);
      }
      rows[byte] = rest;
    }
  }
};

constexpr uint32_t checksum(const char *bytes, size_t count) {
  constexpr ChecksumTable table;
  uint32_t rest = 0xffffffffu;
  for (size_t i = 0; i < count; ++i) {
    rest = rest >> 8 ^ table.rows[(rest ^ uint8_t(bytes[i])) & 0xff];
  }
  return ~rest;
}

static_assert(checksum("123456789", 9) == 0xcbf43926u);

} // namespace fovea::rt

#endif // FOVEA_RUNTIME_PROGRAM_CHECKSUM_H
