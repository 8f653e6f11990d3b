//===- CostModel.cpp - how long something would take ----------------------===//
//
// In cycles of one core. A core with vectors of L lanes starts two vector
// operations and two loads a cycle, and a multiply-add is ready after four.
//
//===----------------------------------------------------------------------===//

#include "fovea/Tuning/CostModel.h"

#include "fovea/dialects/Tile/Tile.h"

#include <algorithm>
#include <cmath>

using namespace fovea;

/// Vector operations and loads that start in a cycle, and cycles until a
/// multiply-add is ready.
static constexpr double kPerCycle = 2, kLatency = 4;
/// Vector operations of a polynomial and its scaling.
static constexpr double kExponential = 8;
/// What a step costs before it has done anything: bounds, branches, pointers.
static constexpr double kStep = 60;
/// Cycles to move one element of a fiber where rows run along the lanes: it
/// lies in memory along the stream, so vectors are gathered element by element.
static constexpr double kTransposed = 5;
/// Accumulators that do not fit into registers are stored and loaded.
static constexpr double kSpilling = 1.5;
/// A step whose data leaves the second-level cache.
static constexpr double kFar = 1.3;

namespace {

class Estimator {
public:
  Estimator(const StreamWork &work, const MachineRates &machine,
            tile::ScheduleAttr schedule)
      : work(work), machine(machine), schedule(schedule),
        lanes(static_cast<double>(schedule.getLanes())),
        block(static_cast<double>(schedule.getBlock())),
        keys(static_cast<double>(schedule.getKeys())) {}

  double getFused(CallSize call) const;
  double getDecomposed(CallSize call) const;

private:
  double getProduct(double flops, double across) const;
  double getPairCycles() const;
  double getStateCycles() const;
  double getRows(CallSize call) const;

  const StreamWork &work;
  const MachineRates &machine;
  tile::ScheduleAttr schedule;
  double lanes, block, keys;
};

} // namespace

/// Rows that are computed: whole tasks.
double Estimator::getRows(CallSize call) const {
  double rows = static_cast<double>(schedule.getRows());
  return rows * std::ceil(static_cast<double>(call.rows) / rows);
}

/// Cycles per pair of a product of `flops` per pair in register tiles of
/// `block` by `across` (vectors of rows, or rows one by one).
double Estimator::getProduct(double flops, double across) const {
  double each = schedule.getPairs() && work.inPairs ? 4 : 2;
  double accumulators = block * across;
  // One step of the tile: multiply-adds, the loads of both sides, and no less
  // than it takes until an accumulator can be added to again.
  double cycles = std::max({accumulators / kPerCycle,
                            (block + across) / kPerCycle, kLatency});
  double registers = static_cast<double>(machine.registers);
  // One vector of each side that is loaded once stays beside them.
  if (accumulators + std::min(block, across) + 1 > registers) {
    cycles *= kSpilling;
  }
  return flops / each * cycles / (accumulators * lanes);
}

/// What each pair costs beside memory.
double Estimator::getPairCycles() const {
  double rows = static_cast<double>(schedule.getRows());
  double across = schedule.getNarrow() ? rows
                                       : std::min(2.0, std::ceil(rows / lanes));
  double cycles = getProduct(work.scoreProducts, across) +
                  getProduct(work.valueProducts, across);
  double operations = work.elements + kExponential * work.exponentials;
  // Scores go to near memory and come back.
  cycles += (operations + 2) / kPerCycle / lanes;
  if (schedule.getNarrow()) {
    // Sums across lanes: a tree makes one vector of as many.
    cycles += 3 / lanes;
  }
  // What rows share is spread over those of a task, panel by panel.
  cycles += work.keyElements / kPerCycle / lanes / rows;
  return cycles;
}

/// Per pair: the state is loaded, repaired and stored once a step.
double Estimator::getStateCycles() const {
  double rows = static_cast<double>(schedule.getRows());
  double ofRow = 3 * (work.stateElements + 4) / kPerCycle / lanes;
  return ofRow / keys + kStep / (keys * rows);
}

double Estimator::getFused(CallSize call) const {
  double rows = getRows(call), length = static_cast<double>(call.keys);
  double perPair = getPairCycles() + getStateCycles();
  // Of a step: scores, keys, and the state of all rows of the task.
  double taskRows = static_cast<double>(schedule.getRows());
  double bytes = 4 * taskRows * (keys + work.stateElements) +
                 keys * work.keyBytes;
  if (bytes > static_cast<double>(machine.farBytes)) {
    perPair *= kFar;
  }
  double padded = keys * std::ceil(length / keys);
  double computing = rows * padded * perPair / machine.hertz;
  double reading = length * work.keyBytes / machine.readBytes;
  // The requests of a step overlap with its arithmetic in part.
  return std::max(computing, reading) + 0.25 * std::min(computing, reading);
}

double Estimator::getDecomposed(CallSize call) const {
  double pairs = getRows(call) * static_cast<double>(call.keys);
  double perElement = schedule.getNarrow() ? 1 / lanes : kTransposed;
  // A fiber is read and written beside its walk's own arithmetic, and each
  // walk has its exponentials: one for the sum, one to be written.
  double computing = pairs *
                     (work.fiberTransfers * perElement +
                      kExponential * work.exponentials / kPerCycle / lanes) /
                     machine.hertz;
  double moving = static_cast<double>(call.rows) *
                  static_cast<double>(call.keys) * work.fiberBytes /
                  machine.readBytes;
  return getFused(call) + computing + moving;
}

double fovea::estimateFused(const StreamWork &work, const MachineRates &machine,
                            tile::ScheduleAttr schedule, CallSize call) {
  return Estimator(work, machine, schedule).getFused(call);
}

double fovea::estimateDecomposed(const StreamWork &work,
                                 const MachineRates &machine,
                                 tile::ScheduleAttr schedule, CallSize call) {
  return Estimator(work, machine, schedule).getDecomposed(call);
}
