//===- X86ScheduleSpace.h - schedules that can be tried ---------*- C++ -*-===//

#ifndef FOVEA_TARGET_X86_X86SCHEDULESPACE_H
#define FOVEA_TARGET_X86_X86SCHEDULESPACE_H

#include "fovea/Target/X86/X86TargetInfo.h"
#include "fovea/dialects/Tile/Tile.h"

namespace fovea {

/// The chip, its vectors and whether it multiplies pairs: "znver5 16x32 pairs".
std::string getX86TuningName(const X86Chip &chip);

/// See Target::getSchedules.
std::vector<tile::ScheduleAttr> getX86Schedules(const X86Chip &chip,
                                                tile::ScheduleAttr chosen);

/// See Target::checkSchedule.
llvm::Error checkX86Schedule(const X86Chip &chip, tile::ScheduleAttr chosen,
                             tile::ScheduleAttr wanted);

} // namespace fovea

#endif // FOVEA_TARGET_X86_X86SCHEDULESPACE_H
