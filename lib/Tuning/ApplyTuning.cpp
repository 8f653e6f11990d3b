//===- ApplyTuning.cpp - measured schedules in place of chosen ones -------===//

#include "fovea/Tuning/Passes.h"

#include "fovea/Target/Target.h"
#include "fovea/Tuning/Database.h"
#include "fovea/Tuning/Family.h"
#include "fovea/dialects/Tile/Tile.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

namespace fovea {
#define GEN_PASS_DEF_APPLYTUNINGPASS
#include "fovea/passes/Tuning/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// A schedule from its text, or what is wrong with it.
static llvm::Expected<tile::ScheduleAttr> parseSchedule(StringRef text,
                                                        MLIRContext *context) {
  std::string problem;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    problem = diagnostic.str();
  });
  auto schedule =
      dyn_cast_if_present<tile::ScheduleAttr>(parseAttribute(text, context));
  if (schedule) {
    return schedule;
  }
  return llvm::createStringError(
      problem.empty() ? "expected a #tile.schedule, got '" + text.str() + "'"
                      : problem);
}

static std::string describeClass(int64_t rows) {
  return rows == 0 ? "many rows" : "at most " + std::to_string(rows) + " rows";
}

namespace {

struct ApplyTuning : public fovea::impl::ApplyTuningPassBase<ApplyTuning> {
  using ApplyTuningPassBase::ApplyTuningPassBase;

  void runOnOperation() override;

private:
  void apply(func::FuncOp function, const Target &target,
             const TuningDatabase &tuned, StringRef path);
};

} // namespace

/// The schedules of one function, which the target has chosen.
void ApplyTuning::apply(func::FuncOp function, const Target &target,
                        const TuningDatabase &tuned, StringRef path) {
  std::string family = getFamily(function);
  auto choose = [&](tile::ScheduleAttr chosen, int64_t rows) {
    const TuningEntry *entry =
        tuned.find(target.getTuningName(), family, rows);
    if (!entry) {
      return chosen;
    }
    auto schedule = parseSchedule(entry->schedule, &getContext());
    llvm::Error error = schedule
                            ? target.checkSchedule(chosen, *schedule)
                            : schedule.takeError();
    if (error) {
      emitWarning(function.getLoc(), "a tuned schedule is not used: ")
          << path << ", entry " << family << " for " << describeClass(rows)
          << ": " << llvm::toString(std::move(error));
      return chosen;
    }
    std::string gain;
    llvm::raw_string_ostream(gain) << llvm::format("%.2f", entry->gain);
    emitRemark(function.getLoc(), "tuned for ")
        << describeClass(rows) << ": " << *schedule << ", measured at " << gain
        << " times the default's speed (" << entry->shapes << ", "
        << entry->date << ")";
    return *schedule;
  };
  if (auto few = function->getAttrOfType<ArrayAttr>(tile::kFewRowsAttrName)) {
    SmallVector<Attribute> schedules;
    for (auto schedule : few.getAsRange<tile::ScheduleAttr>()) {
      schedules.push_back(choose(schedule, schedule.getRows()));
    }
    function->setAttr(tile::kFewRowsAttrName,
                      ArrayAttr::get(&getContext(), schedules));
  }
  auto many =
      function->getAttrOfType<tile::ScheduleAttr>(tile::kScheduleAttrName);
  function->setAttr(tile::kScheduleAttrName, choose(many, 0));
}

void ApplyTuning::runOnOperation() {
  ModuleOp module = getOperation();
  auto chosenTarget = lookUpTarget(target);
  if (!chosenTarget) {
    module.emitError(llvm::toString(chosenTarget.takeError()));
    return signalPassFailure();
  }
  SmallVector<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function->hasAttr(tile::kScheduleAttrName)) {
      functions.push_back(function);
    }
  }
  OpPassManager schedule(ModuleOp::getOperationName());
  (*chosenTarget)->addSchedule(schedule);
  if (failed(runPipeline(schedule, module))) {
    return signalPassFailure();
  }
  std::string path = findTuningDatabase(database);
  if ((*chosenTarget)->getTuningName().empty() || path.empty()) {
    return;
  }
  TuningDatabase tuned = TuningDatabase::load(
      path, [&](StringRef text) {
        emitWarning(UnknownLoc::get(&getContext()), text);
      });
  if (tuned.getEntries().empty()) {
    return;
  }
  for (func::FuncOp function : functions) {
    if (function->hasAttr(tile::kScheduleAttrName)) {
      apply(function, **chosenTarget, tuned, path);
    }
  }
}
