//===- Pipelines.h - the way from source to machine, by levels --*- C++ -*-===//

#ifndef FOVEA_PIPELINES_PIPELINES_H
#define FOVEA_PIPELINES_PIPELINES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace fovea {

class Target;

/// What a program consists of after a part of the pipeline, in order.
enum class Level {
  Cascade, ///< Einsums over named ranks
  Fold,    ///< one walk per fold, with a mergeable state
  Tile,    ///< tasks, streams and tiles
  Vector,  ///< vectors of the target's width, loops, buffers
  Llvm,    ///< the llvm dialect
};

llvm::ArrayRef<Level> getLevels();
/// The name in options: "cascade", "fold", "tile", "vector", "llvm".
llvm::StringRef getLevelName(Level level);
std::optional<Level> parseLevel(llvm::StringRef name);

/// What a user decides about a compilation beside the target.
struct PipelineOptions {
  /// Where tuned schedules come from, as findTuningDatabase has it
  /// (fovea/Tuning/Database.h).
  std::string tuning = "none";
  /// Of a cascade that is walked more than once: "fused", "decomposed", or
  /// "auto" for the one that the cost model finds cheaper.
  std::string form = "auto";
};

/// Adds the passes that lead to `level` from the level before it.
void addPassesTo(Level level, const Target &target, mlir::OpPassManager &pm,
                 const PipelineOptions &options = {});

/// The two halves of what leads to Level::Vector on a processor. Between them
/// tasks are functions already, each of which can go its own way from there.
void addOutliningPasses(mlir::OpPassManager &pm);
void addTaskPasses(mlir::OpPassManager &pm);

/// Registers `fovea-lower{target= to= tuning= form=}`.
void registerPipelines();

} // namespace fovea

#endif // FOVEA_PIPELINES_PIPELINES_H
