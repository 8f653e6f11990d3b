//===- Passes.td - from tiles to vectors and loops ------------------------===//

#ifndef FOVEA_PASSES_TILETOVECTOR_PASSES_TD
#define FOVEA_PASSES_TILETOVECTOR_PASSES_TD

include "mlir/Pass/PassBase.td"

def OutlineTasksPass : Pass<"fovea-outline-tasks", "::mlir::ModuleOp"> {
  let summary = "move each scf.forall of a scheduled function into a task function";
  let description = [{
    ```mlir
    scf.forall (%i, %j) in (%m, %n) { body }
    ```
    becomes `tile.run @f_tasks_0 tasks %mn (captured...)` and a private
    function that finds %i and %j from the task's number (the last index is
    the fastest). Constants are cloned, not captured.
  }];
  let dependentDialects = ["::fovea::tile::TileDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::arith::ArithDialect"];
}

def TileToVectorPass : Pass<"fovea-tile-to-vector", "::mlir::ModuleOp"> {
  let summary = "lower the tiles of task functions to register tiles";
  let description = [{
    For targets whose lanes are the elements of vector registers. The row rank
    runs along the lanes; the schedule's `block` coordinates of the other rank
    make a register tile with it.

    A step of a stream becomes *sweeps* over its keys: a product with its
    element-wise epilogue and the reductions that need nothing more; then, when
    those are known, the next element-wise sweep; then products over the keys.
    Values that cross from one sweep to a later one go through near memory
    when they depend on a product, and are computed again when they do not.
    Each step is emitted twice, without masks for full steps and with them for
    partial ones.

    Rounding: products are fused multiply-adds; with `pairs`, weights are
    rounded to bf16 before the second product (docs/numerics.md).
  }];
  let dependentDialects = [
    "::fovea::tile::TileDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect", "::mlir::math::MathDialect"
  ];
}

#endif
