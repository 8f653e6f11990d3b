//===- Passes.td - passes of this target ----------------------------------===//

#ifndef FOVEA_TARGET_NVPTX_PASSES_TD
#define FOVEA_TARGET_NVPTX_PASSES_TD

include "mlir/Pass/PassBase.td"

def NVPTXSchedulePass : Pass<"fovea-nvptx-schedule", "::mlir::ModuleOp"> {
  let summary = "choose the machine and the schedule of every kernel for one chip";
  let description = [{
    Sets `tile.machine` on the module, from KnownChips.inc and Atoms.inc, and
    `tile.schedule` on each public function that has none yet. This is the only
    place where tile sizes for this target are chosen.

    Each of four subgroups holds 16 rows, one atom high. A step takes 64 keys;
    two steps are in near memory, the one that is used and the next. Wider
    heads and elements take smaller steps, so that all fits in near memory.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"sm_80\"",
           "A name of KnownChips.inc">
  ];
  let dependentDialects = ["::fovea::tile::TileDialect"];
}

def NVPTXLowerPass : Pass<"fovea-nvptx-lower", "::mlir::gpu::GPUModuleOp"> {
  let summary = "choose the instructions for what a lane does";
  let description = [{
    The gpu and tile operations of kernels, and their exponentials, become
    calls of intrinsics; other functions of math become arithmetic.

    | operation | instruction |
    |---|---|
    | `tile.matrix` | `mma.sync`, or `fma` for the f32 atom |
    | `tile.read_matrix` | `ldmatrix` |
    | `tile.copy`, `copy_commit`, `copy_wait` | `cp.async`, with a source size of 0 for what is not valid |
    | `gpu.barrier`, `gpu.shuffle` | `barrier.sync`, `shfl.sync` |
    | `math.exp2` | `ex2.approx.ftz` |

    Near memory is one external array, sized at launch. For the arguments of a
    kernel see LaneLowering.h.

    Changes rounding: `math.exp2` and `math.exp` have a relative error below
    5e-7, and results below the least normal number become 0.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"sm_80\"",
           "A name of KnownChips.inc">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"
  ];
}

#endif
