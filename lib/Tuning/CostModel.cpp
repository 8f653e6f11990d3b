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
  double getStateCycles(bool repairs) const;
  double combine(CallSize call, double perPair, double perRead) const;
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

/// Per pair: once a step the state is loaded, added to and stored, and before
/// that repaired if what it is measured from may have moved.
double Estimator::getStateCycles(bool repairs) const {
  double rows = static_cast<double>(schedule.getRows());
  double ofRow = (repairs ? 4 : 3) * work.stateElements / kPerCycle / lanes;
  double factors = repairs ? 2 * kExponential / kPerCycle / lanes : 0;
  return (ofRow + factors) / keys + kStep / (keys * rows);
}

/// Seconds from cycles per pair and bytes read or written per key.
double Estimator::combine(CallSize call, double perPair,
                          double perKey) const {
  // Of a step: scores, keys, and the state of all rows of the task.
  double taskRows = static_cast<double>(schedule.getRows());
  double bytes = 4 * taskRows * (keys + work.stateElements) +
                 keys * work.keyBytes;
  if (bytes > static_cast<double>(machine.farBytes)) {
    perPair *= kFar;
  }
  double length = static_cast<double>(call.keys);
  double padded = keys * std::ceil(length / keys);
  double computing = getRows(call) * padded * perPair / machine.hertz;
  double moving = length * perKey / machine.readBytes;
  // The requests of a step overlap with its arithmetic in part.
  return std::max(computing, moving) + 0.25 * std::min(computing, moving);
}

double Estimator::getFused(CallSize call) const {
  return combine(call, getPairCycles() + getStateCycles(/*repairs=*/true),
                 work.keyBytes);
}

double Estimator::getDecomposed(CallSize call) const {
  double perElement = schedule.getNarrow() ? 1 / lanes : kTransposed;
  // Each walk has its exponentials: one for the sum, one to be written.
  double perPair = getPairCycles() + getStateCycles(/*repairs=*/false) +
                   work.fiberTransfers * perElement +
                   kExponential * work.exponentials / kPerCycle / lanes;
  return combine(call, perPair,
                 work.keyBytes +
                     static_cast<double>(call.rows) * work.fiberBytes);
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
