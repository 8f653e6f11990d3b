//===- Occupancy.h - how many blocks share a multiprocessor -----*- C++ -*-===//
//
// A multiprocessor starts as many blocks of a kernel as fit: what runs out
// first binds. A kernel of 128 threads with 221 registers, on a multiprocessor
// of 4 parts with 512 registers per lane each and units of 8 registers:
//
//   a part holds 512 / 224 = 2 subgroups, the multiprocessor 8, and a block
//   has 4 of them: 2 blocks, bound by registers; 256 of 2048 threads
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TARGET_COMMON_OCCUPANCY_H
#define FOVEA_TARGET_COMMON_OCCUPANCY_H

#include "fovea/Target/Common/Device.h"

namespace fovea {

/// What a multiprocessor holds of one kernel, if it has enough work.
struct Occupancy {
  int64_t blocks = 0;
  int64_t threads = 0; // of all these blocks
  double share = 0;    // of the threads that the multiprocessor can hold
  /// "registers", "near memory", "threads" or "blocks"; of those that allow
  /// equally few, the first in this order.
  llvm::StringRef bound;
};

/// Nothing if the kernel's registers are not known. A kernel that does not fit
/// at all has 0 blocks.
std::optional<Occupancy> getOccupancy(const DeviceChip &chip,
                                      const KernelInfo &kernel);

/// One line per kernel, such as
///
///   attention_tasks_0: 128 threads, 221 registers, 0 bytes spilled, 0 bytes of
///   stack, 32768 bytes near; 2 blocks per multiprocessor, 256 of 2048 threads
///   (12.5%), bound by registers
std::string describeResources(const DeviceChip &chip, const DeviceCode &code);

} // namespace fovea

#endif // FOVEA_TARGET_COMMON_OCCUPANCY_H
