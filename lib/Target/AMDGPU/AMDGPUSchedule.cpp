//===- AMDGPUSchedule.cpp - tile sizes, chosen here and nowhere else --------===//

#include "fovea/Target/AMDGPU/Passes.h"

#include "fovea/Target/Common/DeviceSchedule.h"
#include "fovea/Target/Common/DeviceTarget.h"
#include "fovea/Target/AMDGPU/AMDGPUTargetInfo.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea {
#define GEN_PASS_DEF_AMDGPUSCHEDULEPASS
#include "fovea/passes/Target/AMDGPU/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

struct AMDGPUSchedule
    : public fovea::impl::AMDGPUSchedulePassBase<AMDGPUSchedule> {
  using AMDGPUSchedulePassBase::AMDGPUSchedulePassBase;

  void runOnOperation() override {
    llvm::Expected<DeviceChip> row = lookUpChip(getAMDGPUChips(), chip);
    if (!row) {
      getOperation().emitError(llvm::toString(row.takeError()));
      return signalPassFailure();
    }
    DeviceScheduleStart start;
    start.rows = 64;
    start.keys = 64;
    start.subgroups = 4;
    start.stages = 2;
    // Half of the 512 registers of a lane of 64 lanes, so that a processor
    // holds two blocks; all of the 256 of a lane of 32, where f32 has no
    // matrix atom.
    bool isWave64 = row->lanes == 64;
    start.wideRows = isWave64 ? 64 : 32;
    start.narrowElements = isWave64 ? 64 * 64 : 32 * 64;
    start.wideElements = isWave64 ? 64 * 64 : 16 * 64;
    setSchedules(getOperation(),
                 makeMachine(&getContext(), *row, getAMDGPUAtoms(*row)), start);
  }
};

} // namespace
