//===- DeviceSchedule.cpp - tile sizes that fit in near memory ------------===//

#include "fovea/Target/Common/DeviceSchedule.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fovea;

/// Steps and rows are at least as long as the longest atom's.
static constexpr int64_t kLeastKeys = 16;
static constexpr int64_t kLeastRows = 16;

namespace {

/// Bytes in near memory: for each row of a task, and for each key of a step.
struct NearDemand {
  int64_t perRow = 0, perKey = 0;
  /// Of one key of the widest streamed operand, and of one of its elements.
  int64_t elements = 1, bits = 16;

  int64_t getBytes(int64_t rows, int64_t keys, int64_t stages) const {
    return rows * perRow + keys * perKey * stages;
  }
};

} // namespace

/// Bits of the widest element of the operands of rows, which products compute
/// in: what is stored in fewer bits is decoded to as many on its way.
static int64_t getComputedBits(cascade::FoldOp fold) {
  int64_t bits = 0;
  for (unsigned i : fold.getRowInputs()) {
    if (auto type = dyn_cast<RankedTensorType>(fold.getInnerType(i))) {
      bits = std::max<int64_t>(bits, type.getElementTypeBitWidth());
    }
  }
  return bits;
}

/// Operands of rank two or more inside the fold are brought near; the others
/// go to registers, and what is repeated (scales of groups) goes into what is
/// decoded with it.
static NearDemand measure(func::FuncOp function) {
  NearDemand most;
  function.walk([&](cascade::FoldOp fold) {
    NearDemand demand;
    int64_t computed = getComputedBits(fold);
    for (auto [i, input] : llvm::enumerate(fold.getInputs())) {
      auto type = dyn_cast<RankedTensorType>(fold.getInnerType(i));
      if (!type) {
        continue;
      }
      bool isStreamed = fold.isStreamed(i);
      if (type.getRank() < (isStreamed ? 2 : 1) ||
          input.getDefiningOp<cascade::RepeatOp>()) {
        continue;
      }
      int64_t bits = type.getElementType().getIntOrFloatBitWidth();
      if (isStreamed) {
        bits = std::max(bits, computed);
      }
      int64_t elements = 1;
      for (int64_t extent : type.getShape()) {
        elements *= ShapedType::isDynamic(extent) ? 1 : extent;
      }
      (isStreamed ? demand.perKey : demand.perRow) +=
          elements * llvm::divideCeil(bits, 8);
      if (isStreamed) {
        most.elements = std::max(most.elements, elements);
        most.bits = std::max(most.bits, bits);
      }
    }
    most.perRow = std::max(most.perRow, demand.perRow);
    most.perKey = std::max(most.perKey, demand.perKey);
  });
  return most;
}

static tile::ScheduleAttr choose(func::FuncOp function,
                                 tile::MachineAttr machine,
                                 const DeviceScheduleStart &start) {
  NearDemand demand = measure(function);
  bool isNarrow = demand.bits <= 16;
  tile::Schedule schedule;
  schedule.rows = isNarrow ? start.rows : start.wideRows;
  schedule.keys = start.keys;
  schedule.block = 16;
  schedule.lanes = machine.getLanes();
  schedule.splits = start.splits;
  schedule.subgroups = start.subgroups;
  schedule.stages = start.stages;
  schedule.pack = start.pack;
  // Asynchronous copies need a block to go to while another is used; others
  // wait in registers.
  auto fits = [&] {
    int64_t blocks =
        machine.getCopy() > 0 ? std::max<int64_t>(2, schedule.stages) : 1;
    return demand.getBytes(schedule.rows, schedule.keys, blocks) <=
           machine.getNear();
  };
  int64_t elements = isNarrow ? start.narrowElements : start.wideElements;
  while ((!fits() || schedule.keys * demand.elements > elements) &&
         schedule.keys > kLeastKeys) {
    schedule.keys /= 2;
  }
  while (!fits() && schedule.stages > 2) {
    --schedule.stages;
  }
  while (!fits() && schedule.rows > kLeastRows) {
    schedule.rows /= 2;
    schedule.subgroups = std::max<int64_t>(1, schedule.subgroups / 2);
  }
  return tile::ScheduleAttr::get(function.getContext(), schedule);
}

void fovea::setSchedules(ModuleOp module, tile::MachineAttr machine,
                         const DeviceScheduleStart &start) {
  module->setAttr(tile::kMachineAttrName, machine);
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isPublic() && !function.isDeclaration() &&
        !function->hasAttr(tile::kScheduleAttrName)) {
      function->setAttr(tile::kScheduleAttrName,
                        choose(function, machine, start));
    }
  }
}
