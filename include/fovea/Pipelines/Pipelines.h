//===- Pipelines.h - the way from source to machine, by levels --*- C++ -*-===//

#ifndef FOVEA_PIPELINES_PIPELINES_H
#define FOVEA_PIPELINES_PIPELINES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

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

/// Adds the passes that lead to `level` from the level before it. `tuning` says
/// where tuned schedules come from, as findTuningDatabase has it
/// (fovea/Tuning/Database.h).
void addPassesTo(Level level, const Target &target, mlir::OpPassManager &pm,
                 llvm::StringRef tuning = "none");

/// Registers `fovea-lower{target= to= tuning=}`.
void registerPipelines();

} // namespace fovea

#endif // FOVEA_PIPELINES_PIPELINES_H
