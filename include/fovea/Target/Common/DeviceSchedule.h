//===- DeviceSchedule.h - tile sizes that fit in near memory ----*- C++ -*-===//

#ifndef FOVEA_TARGET_COMMON_DEVICESCHEDULE_H
#define FOVEA_TARGET_COMMON_DEVICESCHEDULE_H

#include "fovea/dialects/Tile/Tile.h"

#include "mlir/IR/BuiltinOps.h"

namespace fovea {

/// What a family would like; see `#tile.schedule`.
struct DeviceScheduleStart {
  int64_t rows = 64, wideRows = 64; // for streams of 16 bits, and of more
  int64_t keys = 64;
  int64_t subgroups = 4;
  int64_t stages = 2;
  int64_t splits = 64;
  bool pack = true;
  /// Most elements of one streamed operand that a step takes, of at most 16
  /// bits and of more: what the registers of a lane are chosen for. Wider heads
  /// get shorter steps.
  int64_t narrowElements = 64 * 128;
  int64_t wideElements = 32 * 64;
};

/// Sets `tile.machine` on the module and `tile.schedule` on each public
/// function without one. A function whose operands at those sizes do not fit
/// in registers gets smaller steps; where they do not fit in near memory,
/// smaller steps, then fewer stages, then fewer rows.
///
/// Example: rows of 128 elements of bf16, 64 rows and steps of 64 keys of K and
/// V, two of each: 64 * 256 B + 2 * 2 * 64 * 256 B = 80 KiB. On a chip with
/// 64 KiB the step becomes 32 keys: 48 KiB.
void setSchedules(mlir::ModuleOp module, tile::MachineAttr machine,
                  const DeviceScheduleStart &start);

} // namespace fovea

#endif // FOVEA_TARGET_COMMON_DEVICESCHEDULE_H
