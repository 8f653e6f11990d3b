//===- ChooseForm.cpp - fused or decomposed, by their price ---------------===//

#include "fovea/Tuning/Passes.h"

#include "fovea/Target/Target.h"
#include "fovea/Tuning/CostModel.h"
#include "fovea/dialects/Tile/Tile.h"
#include "fovea/passes/Cascade/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FormatVariadic.h"

namespace fovea {
#define GEN_PASS_DEF_CHOOSEFORMPASS
#include "fovea/passes/Tuning/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

/// A call that the forms are compared for, with a schedule as targets choose
/// them: form comes before schedule, and depends on it little.
struct Sample {
  CallSize call;
  tile::ScheduleAttr schedule;
};

struct ChooseForm : public fovea::impl::ChooseFormPassBase<ChooseForm> {
  using ChooseFormPassBase::ChooseFormPassBase;

  void runOnOperation() override;

private:
  StringRef choose(func::FuncOp function, const MachineRates &machine);
};

} // namespace

static SmallVector<Sample> makeSamples(const MachineRates &machine,
                                       bool inPairs, MLIRContext *context) {
  tile::Schedule many, few;
  many.lanes = few.lanes = machine.lanes;
  many.pairs = few.pairs = machine.hasPairs && inPairs;
  many.rows = 8 * machine.lanes;
  many.keys = 256;
  many.block = machine.registers / 4;
  few.rows = 4;
  few.keys = 8 * machine.lanes;
  few.block = 4;
  few.pack = few.narrow = true;
  return {{{2048, 2048}, tile::ScheduleAttr::get(context, many)},
          {{4, 32768}, tile::ScheduleAttr::get(context, few)}};
}

static std::string formatTime(double seconds) {
  return llvm::formatv("{0:f2} ms", 1e3 * seconds);
}

/// The cheaper form, with a remark; "" where there is nothing to choose.
StringRef ChooseForm::choose(func::FuncOp function,
                             const MachineRates &machine) {
  std::optional<StreamWork> work = countStreamWork(function);
  if (!work || work->fiberTransfers == 0) {
    return "";
  }
  if (work->isGathered) {
    emitRemark(function.getLoc(),
               "form fused: operands behind a page table are walked once");
    return "fused";
  }
  double ratio = 1;
  std::string text;
  for (const Sample &sample :
       makeSamples(machine, work->inPairs, &getContext())) {
    double fused = estimateFused(*work, machine, sample.schedule, sample.call);
    double decomposed =
        estimateDecomposed(*work, machine, sample.schedule, sample.call);
    ratio *= decomposed / fused;
    text += llvm::formatv("; {0} rows of {1} keys on one core: fused {2} "
                          "estimated, decomposed {3}",
                          sample.call.rows, sample.call.keys,
                          formatTime(fused), formatTime(decomposed));
  }
  StringRef chosen = ratio >= 1 ? "fused" : "decomposed";
  emitRemark(function.getLoc(), "form ") << chosen << text;
  return chosen;
}

void ChooseForm::runOnOperation() {
  if (form != "auto" && form != "fused" && form != "decomposed") {
    getOperation().emitError("expected form auto, fused or decomposed, got '")
        << form << "'";
    return signalPassFailure();
  }
  auto chosenTarget = lookUpTarget(target);
  if (!chosenTarget) {
    getOperation().emitError(llvm::toString(chosenTarget.takeError()));
    return signalPassFailure();
  }
  std::optional<MachineRates> machine = (*chosenTarget)->getRates();
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    if (function.isDeclaration() ||
        function->hasAttr(cascade::kFormAttrName)) {
      continue;
    }
    StringRef chosen = form;
    if (form == "auto") {
      chosen = machine ? choose(function, *machine) : "";
    }
    if (!chosen.empty()) {
      function->setAttr(cascade::kFormAttrName,
                        StringAttr::get(&getContext(), chosen));
    }
  }
}
