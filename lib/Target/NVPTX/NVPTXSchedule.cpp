//===- NVPTXSchedule.cpp - tile sizes, chosen here and nowhere else --------===//

#include "fovea/Target/NVPTX/Passes.h"

#include "fovea/Target/Common/DeviceSchedule.h"
#include "fovea/Target/Common/DeviceTarget.h"
#include "fovea/Target/NVPTX/NVPTXTargetInfo.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace fovea {
#define GEN_PASS_DEF_NVPTXSCHEDULEPASS
#include "fovea/passes/Target/NVPTX/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

struct NVPTXSchedule
    : public fovea::impl::NVPTXSchedulePassBase<NVPTXSchedule> {
  using NVPTXSchedulePassBase::NVPTXSchedulePassBase;

  void runOnOperation() override {
    llvm::Expected<DeviceChip> row = lookUpChip(getNVPTXChips(), chip);
    if (!row) {
      getOperation().emitError(llvm::toString(row.takeError()));
      return signalPassFailure();
    }
    DeviceScheduleStart start;
    start.rows = 64;
    start.keys = 64;
    start.subgroups = 4;
    start.stages = 2;
    // f32 has no matrix atom: a product is unrolled to single multiply-adds.
    start.narrowElements = 64 * 128;
    start.wideRows = 32;
    start.wideElements = 16 * 64;
    setSchedules(getOperation(),
                 makeMachine(&getContext(), *row, getNVPTXAtoms(*row)), start);
  }
};

} // namespace
