//===- CostModel.h - how long something would take --------------*- C++ -*-===//
//
// Estimates from what a program does along its streamed rank (StreamWork.h) and
// a few numbers of the machine (MachineRates in Target.h): for one core, all
// pairs visible. They rank schedules before any is compiled, and price the
// fused form of a cascade against the decomposed one. They are no promise: see
// docs/tuning.md for how far they are from what is measured.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TUNING_COSTMODEL_H
#define FOVEA_TUNING_COSTMODEL_H

#include "fovea/Analysis/StreamWork.h"
#include "fovea/Target/Target.h"

#include <cstdint>

namespace fovea {

/// A call: rows that share what is streamed, and coordinates of the stream.
struct CallSize {
  int64_t rows = 1, keys = 1;
};

/// Seconds of one walk that carries a state (the derived fold), under a
/// schedule.
double estimateFused(const StreamWork &work, const MachineRates &machine,
                     tile::ScheduleAttr schedule, CallSize call);

/// Seconds of the form in which each reduction has a walk of its own and fibers
/// go through memory, under a schedule.
double estimateDecomposed(const StreamWork &work, const MachineRates &machine,
                          tile::ScheduleAttr schedule, CallSize call);

} // namespace fovea

#endif // FOVEA_TUNING_COSTMODEL_H
