//===- CpuScheduleSpace.cpp - schedules that processors can try -----------===//

#include "fovea/Target/Common/CpuTarget.h"
#include "fovea/dialects/Tile/Tile.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <tuple>

using namespace fovea;

/// Scores of a step stay in the second-level cache up to about here; larger
/// ones are legal, and not worth trying.
static constexpr int64_t kMostScoreBytes = 512 * 1024;
/// Bounds of what is legal: beyond them a task's scratch memory is absurd.
static constexpr int64_t kMostRows = 4096, kMostKeys = 16384, kMostSplits = 1024;

std::string CpuTarget::getTuningName() const {
  VectorUnit unit = getVectorUnit();
  return (llvm::Twine(machine.cpu) + " " + llvm::Twine(unit.lanes) + "x" +
          llvm::Twine(unit.registers) + (unit.hasPairs ? " pairs" : ""))
      .str();
}

/// True for a schedule of few rows: its rows say which calls it serves. Defaults
/// of many rows have four vectors of them or more.
static bool isForFewRows(tile::ScheduleAttr schedule) {
  return schedule.getNarrow() || schedule.getRows() <= 2 * schedule.getLanes();
}

/// Null if the rules of the attribute itself are broken.
static tile::ScheduleAttr makeSchedule(mlir::MLIRContext *context,
                                       const tile::Schedule &schedule) {
  auto refuse = [&] {
    return mlir::emitError(mlir::UnknownLoc::get(context));
  };
  return tile::ScheduleAttr::getChecked(refuse, context, schedule);
}

llvm::Error CpuTarget::checkSchedule(tile::ScheduleAttr chosen,
                                     tile::ScheduleAttr wanted) const {
  VectorUnit unit = getVectorUnit();
  auto expect = [](bool holds, const char *rule, int64_t got) {
    return holds ? llvm::Error::success()
                 : llvm::createStringError("expected " + llvm::Twine(rule) +
                                           ", got " + llvm::Twine(got));
  };
  std::initializer_list<std::tuple<bool, const char *, int64_t>> rules = {
      {wanted.getLanes() == unit.lanes, "as many lanes as a register has",
       wanted.getLanes()},
      {wanted.getSubgroups() == 1, "one subgroup", wanted.getSubgroups()},
      {wanted.getStages() == 0, "operands that are read in place, stages = 0",
       wanted.getStages()},
      {wanted.getPairs() == chosen.getPairs(),
       chosen.getPairs() ? "pairs = true" : "pairs = false", wanted.getPairs()},
      {wanted.getPack() == chosen.getPack(),
       chosen.getPack() ? "pack = true" : "pack = false", wanted.getPack()},
      {wanted.getNarrow() == chosen.getNarrow(),
       chosen.getNarrow() ? "narrow = true" : "narrow = false",
       wanted.getNarrow()},
      {!isForFewRows(chosen) || wanted.getRows() == chosen.getRows(),
       "the rows of its class", wanted.getRows()},
      {wanted.getRows() <= kMostRows, "at most 4096 rows", wanted.getRows()},
      {wanted.getKeys() <= kMostKeys, "at most 16384 keys", wanted.getKeys()},
      {wanted.getBlock() <= unit.registers,
       "a block of at most as many as there are registers", wanted.getBlock()},
      {!wanted.getBlocks() || chosen.getBlocks(), "blocks = false",
       wanted.getBlocks()},
      {wanted.getSplits() <= kMostSplits, "at most 1024 splits",
       wanted.getSplits()},
      // Rows beyond two vectors are visited two at a time.
      {wanted.getNarrow() || wanted.getRows() <= 2 * unit.lanes ||
           wanted.getRows() % (2 * unit.lanes) == 0,
       "rows in whole pairs of vectors", wanted.getRows()},
  };
  for (auto [holds, rule, got] : rules) {
    if (!holds) {
      return expect(holds, rule, got);
    }
  }
  return llvm::Error::success();
}

std::vector<tile::ScheduleAttr>
CpuTarget::getSchedules(tile::ScheduleAttr chosen) const {
  VectorUnit unit = getVectorUnit();
  std::vector<tile::ScheduleAttr> found = {chosen};
  // Rules of the attribute itself: what they refuse is not tried.
  mlir::ScopedDiagnosticHandler quiet(chosen.getContext(),
                                      [](mlir::Diagnostic &) {});
  // Calls of many rows have tasks enough, and are split by accident only.
  llvm::SmallVector<int64_t> splits = {chosen.getSplits()};
  if (isForFewRows(chosen)) {
    splits.append({4, 8, 16, 32, 64});
  }
  auto add = [&](int64_t rows, int64_t keys, int64_t block, int64_t ahead,
                 int64_t distance) {
    for (int64_t parts : splits) {
      tile::Schedule fields = chosen.getFields();
      fields.rows = rows;
      fields.keys = keys;
      fields.block = block;
      fields.ahead = ahead;
      fields.distance = distance;
      fields.splits = parts;
      tile::ScheduleAttr schedule = makeSchedule(chosen.getContext(), fields);
      if (!schedule || llvm::is_contained(found, schedule)) {
        continue;
      }
      if (llvm::Error e = checkSchedule(chosen, schedule)) {
        llvm::consumeError(std::move(e));
        continue;
      }
      found.push_back(schedule);
    }
  };
  if (chosen.getNarrow() && chosen.getBlocks()) {
    // The block is that of partial steps.
    for (int64_t keys : {32, 64, 128, 256, 512}) {
      for (int64_t distance : {0, 4, 8, 12, 16, 32}) {
        add(chosen.getRows(), keys, chosen.getBlock(), 0, distance);
      }
    }
    return found;
  }
  if (chosen.getNarrow()) {
    for (int64_t keys : {1, 2, 4, 8}) {
      for (int64_t block : {1, 2, 4, 8}) {
        // More accumulators than registers would be spilt.
        if (block * chosen.getRows() > unit.registers) {
          continue;
        }
        int64_t size = keys * unit.lanes;
        for (int64_t quarters : {0, 1, 2}) {
          add(chosen.getRows(), size, block, size * quarters / 4, 0);
        }
        for (int64_t distance : {8, 16, 24, 32, 64}) {
          add(chosen.getRows(), size, block, 0, distance);
        }
      }
    }
    return found;
  }
  for (int64_t vectors : {1, 2, 4, 8, 16, 32}) {
    // Only blocks pay for tasks of so many rows (and hold scores of few).
    int64_t rows = vectors * unit.lanes;
    if (vectors == 32 && !chosen.getBlocks()) {
      continue;
    }
    for (int64_t keys : {16, 32, 64, 96, 128, 192, 256, 384, 512, 1024}) {
      int64_t held = chosen.getBlocks() ? 4 * unit.lanes : rows;
      if (std::min(rows, held) * keys * 4 > kMostScoreBytes) {
        continue;
      }
      for (int64_t block : {2, 4, 6, 8, 12, 16}) {
        // One or two vectors of accumulators for each, and some for operands;
        // sums of blocks are elsewhere.
        if (chosen.getBlocks() ||
            std::min<int64_t>(vectors, 2) * block < unit.registers - 2) {
          add(rows, keys, block, chosen.getAhead(), chosen.getDistance());
        }
      }
    }
  }
  return found;
}
