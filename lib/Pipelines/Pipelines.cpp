//===- Pipelines.cpp - straight lists of passes, level by level -----------===//

#include "fovea/Pipelines/Pipelines.h"

#include "fovea/Target/Target.h"
#include "fovea/Tuning/Passes.h"
#include "fovea/passes/AttnToCascade/Passes.h"
#include "fovea/passes/Cascade/Passes.h"
#include "fovea/passes/CascadeToTile/Passes.h"
#include "fovea/passes/TileToLanes/Passes.h"
#include "fovea/passes/TileToVector/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea;

static constexpr Level allLevels[] = {Level::Cascade, Level::Fold, Level::Tile,
                                      Level::Vector, Level::Llvm};

llvm::ArrayRef<Level> fovea::getLevels() { return allLevels; }

llvm::StringRef fovea::getLevelName(Level level) {
  static constexpr const char *names[] = {"cascade", "fold", "tile", "vector",
                                          "llvm"};
  return names[static_cast<int>(level)];
}

std::optional<Level> fovea::parseLevel(llvm::StringRef name) {
  for (Level level : allLevels) {
    if (getLevelName(level) == name) {
      return level;
    }
  }
  return std::nullopt;
}

static void addCleanup(mlir::OpPassManager &pm) {
  pm.addPass(mlir::createCanonicalizerPass());
  pm.addPass(mlir::createCSEPass());
}

/// For code that is nearly clean, and long: once over it, without a second look,
/// which takes as long and finds nothing. LLVM cleans up once more.
static void addQuickCleanup(mlir::OpPassManager &pm) {
  mlir::GreedyRewriteConfig config;
  config.setMaxIterations(1);
  config.setRegionSimplificationLevel(
      mlir::GreedySimplifyRegionLevel::Disabled);
  pm.addPass(mlir::createCanonicalizerPass(config));
  pm.addPass(mlir::createCSEPass());
}

/// On a device a task is a kernel: code for one lane.
static void addLanePasses(mlir::OpPassManager &pm) {
  pm.addPass(createHostLoopsToTasksPass());
  OutlineTasksPassOptions outline;
  outline.device = true;
  pm.addPass(createOutlineTasksPass(outline));
  addCleanup(pm);
  mlir::OpPassManager &tasks =
      pm.nest<mlir::gpu::GPUModuleOp>().nest<mlir::func::FuncOp>();
  tasks.addPass(createFoldExponentialsPass());
  tasks.addPass(createAssignLayoutsPass());
  tasks.addPass(createTileToLanesPass());
  addCleanup(tasks);
}

/// Schedules of the target, or measured ones.
static void addSchedule(const Target &target, mlir::OpPassManager &pm,
                        llvm::StringRef tuning) {
  if (tuning == "none" || target.getTuningName().empty()) {
    target.addSchedule(pm);
    return;
  }
  ApplyTuningPassOptions options;
  options.target = target.getName();
  options.database = tuning;
  pm.addPass(createApplyTuningPass(options));
}

void fovea::addOutliningPasses(mlir::OpPassManager &pm) {
  pm.addPass(createOutlineTasksPass());
}

void fovea::addTaskPasses(mlir::OpPassManager &pm) {
  pm.addNestedPass<mlir::func::FuncOp>(createFoldExponentialsPass());
  pm.addNestedPass<mlir::func::FuncOp>(createRelaxMaximaPass());
  pm.addNestedPass<mlir::func::FuncOp>(createDerivePrecisionPass());
  pm.addPass(createTileToVectorPass());
  addQuickCleanup(pm);
}

void fovea::addPassesTo(Level level, const Target &target,
                        mlir::OpPassManager &pm,
                        const PipelineOptions &options) {
  switch (level) {
  case Level::Cascade:
    pm.addNestedPass<mlir::func::FuncOp>(createAttnToCascadePass());
    addCleanup(pm);
    return;
  case Level::Fold:
    if (target.getRates() || options.form != "auto") {
      ChooseFormPassOptions form;
      form.target = target.getName();
      form.form = options.form;
      pm.addPass(createChooseFormPass(form));
    }
    pm.addPass(cascade::createDeriveFoldPass());
    addCleanup(pm);
    return;
  case Level::Tile:
    addSchedule(target, pm, options.tuning);
    pm.addPass(createCascadeToTilePass());
    addCleanup(pm);
    return;
  case Level::Vector:
    if (target.getDevice()) {
      addLanePasses(pm);
      return;
    }
    addOutliningPasses(pm);
    addTaskPasses(pm);
    return;
  case Level::Llvm:
    target.addLowering(pm);
    return;
  }
}

namespace {

struct LoweringOptions : public mlir::PassPipelineOptions<LoweringOptions> {
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("A target, such as cpu"),
                             llvm::cl::init("cpu")};
  Option<std::string> to{*this, "to", llvm::cl::desc("The level to stop at"),
                         llvm::cl::init("llvm")};
  Option<std::string> tuning{
      *this, "tuning",
      llvm::cl::desc("A database of tuned schedules, none, or the default"),
      llvm::cl::init("")};
  Option<std::string> form{*this, "form",
                           llvm::cl::desc("auto, fused or decomposed"),
                           llvm::cl::init("auto")};
};

} // namespace

static void buildLoweringPipeline(mlir::OpPassManager &pm,
                             const LoweringOptions &options) {
  // A pipeline builder has no way to refuse its options.
  auto refuse = [](const llvm::Twine &message) {
    llvm::errs() << "fovea-lower: " << message << '\n';
    std::exit(1);
  };
  auto target = lookUpTarget(options.target);
  if (!target) {
    refuse(llvm::toString(target.takeError()));
  }
  std::optional<Level> last = parseLevel(options.to);
  if (!last) {
    refuse("expected a level, got '" + options.to + "'");
  }
  for (Level level : getLevels()) {
    if (level <= *last) {
      addPassesTo(level, **target, pm, {options.tuning, options.form});
    }
  }
}

void fovea::registerPipelines() {
  static mlir::PassPipelineRegistration<LoweringOptions> lower(
      "fovea-lower", "From source to the llvm dialect of a target",
      buildLoweringPipeline);
}
