//===- Passes.td - tiles spread over the lanes of a task ------------------===//

#ifndef FOVEA_PASSES_TILETOLANES_PASSES_TD
#define FOVEA_PASSES_TILETOLANES_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldExponentialsPass : Pass<"fovea-fold-exponentials", "::mlir::func::FuncOp"> {
  let summary = "powers of two with the scale folded in";
  let description = [{
    On f32 tiles, `exp(c x - y)` with a constant c and a y per row becomes
    `exp2(fma(x, c log2 e, -y log2 e))`, other `exp(x)` become
    `exp2(x log2 e)`, and `max(c x)` with c > 0 becomes `c max(x)`.

    The exponent is rounded once where it was rounded twice; y log2 e carries a
    rounding error of |y| 2^-24, so weights differ by as much, relatively.
  }];
  let dependentDialects = ["::fovea::tile::TileDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def AssignLayoutsPass : Pass<"fovea-assign-layouts", "::mlir::func::FuncOp"> {
  let summary = "say which lane holds what of each register tile";
  let description = [{
    Works on task functions (those with `tile.row_rank`) of a module with a
    `#tile.machine`. Chooses matrix atoms for the products, and whether rows
    play their m or their n, so that results of one product become operands of
    the next with the least traffic between lanes. Register tiles with the same
    ranks get one layout: that of the product that makes them, or a slice of
    it. Where layouts still differ a `tile.convert` says so.

    A remark tells the choice:

    ```
    remark: rows play n of atom 32x32x8 bf16: 0 shuffles between products
    ```
  }];
  let dependentDialects = ["::fovea::tile::TileDialect"];
}

def TileToLanesPass : Pass<"fovea-tile-to-lanes", "::mlir::func::FuncOp"> {
  let summary = "from tiles to the code of one lane";
  let description = [{
    A register tile becomes one vector: the registers of its layout that this
    lane holds. Reductions combine registers, then lanes (shuffles). Loads
    with residence `near` become copies into near memory by all lanes,
    `stages - 1` steps of the stream ahead of their use: asynchronous ones where
    the machine has them, else through registers. Waits and barriers follow
    from the stream: a step waits for its own block, then all lanes meet, then
    the block after next may take the slot that the step before has left.

    Products read their operands from near memory (order without bank
    conflicts, `tile.read_matrix` where it fits) or from registers.

    Sets `tile.near_bytes` and `tile.bank_conflicts` (extra cycles of all near
    accesses in the text of the program, once each) on the function.
  }];
  let dependentDialects = [
    "::fovea::tile::TileDialect", "::mlir::arith::ArithDialect",
    "::mlir::gpu::GPUDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
    "::mlir::ub::UBDialect"
  ];
}

#endif
