//===- LaneTask.h - what passes over tasks of lanes know ---------*- C++ -*-===//

#ifndef FOVEA_PASSES_TILETOLANES_LANETASK_H
#define FOVEA_PASSES_TILETOLANES_LANETASK_H

#include "fovea/dialects/Tile/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <optional>

namespace fovea {

/// A function that is a task, with the machine it is for.
struct LaneTask {
  mlir::func::FuncOp function;
  llvm::StringRef row; // the rank that subgroups share out
  tile::ScheduleAttr schedule;
  tile::MachineAttr machine;
};

/// None for a function that is no task, without a row rank or a schedule. A
/// task in no module with a machine is an error, which is reported.
mlir::FailureOr<std::optional<LaneTask>> findTask(mlir::func::FuncOp function);

} // namespace fovea

#endif // FOVEA_PASSES_TILETOLANES_LANETASK_H
