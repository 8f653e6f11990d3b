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

  int64_t getBytes(int64_t rows, int64_t keys, int64_t stages) const {
    return rows * perRow + keys * perKey * stages;
  }
};

} // namespace

/// Operands of rank two or more inside the fold are brought near; the others
/// go to registers.
static NearDemand measure(func::FuncOp function) {
  NearDemand most;
  function.walk([&](cascade::FoldOp fold) {
    NearDemand demand;
    for (auto [i, input] : llvm::enumerate(fold.getInputs())) {
      auto type = dyn_cast<RankedTensorType>(fold.getInnerType(i));
      if (!type) {
        continue;
      }
      bool isStreamed = fold.isStreamed(i);
      if (type.getRank() < (isStreamed ? 2 : 1)) {
        continue;
      }
      int64_t bytes =
          llvm::divideCeil(type.getElementType().getIntOrFloatBitWidth(), 8);
      for (int64_t extent : type.getShape()) {
        bytes *= ShapedType::isDynamic(extent) ? 1 : extent;
      }
      (isStreamed ? demand.perKey : demand.perRow) += bytes;
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
  int64_t rows = start.rows, keys = start.keys, stages = start.stages;
  int64_t subgroups = start.subgroups;
  auto fits = [&] {
    return demand.getBytes(rows, keys, stages) <= machine.getNear();
  };
  while (!fits() && keys > kLeastKeys) {
    keys /= 2;
  }
  while (!fits() && stages > 1) {
    --stages;
  }
  while (!fits() && rows > kLeastRows) {
    rows /= 2;
    subgroups = std::max<int64_t>(1, subgroups / 2);
  }
  return tile::ScheduleAttr::get(function.getContext(), rows, keys,
                                 /*block=*/16, machine.getLanes(),
                                 /*pairs=*/false, start.splits, subgroups,
                                 stages, start.pack);
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
