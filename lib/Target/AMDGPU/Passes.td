//===- Passes.td - passes of this target ----------------------------------===//

#ifndef FOVEA_TARGET_AMDGPU_PASSES_TD
#define FOVEA_TARGET_AMDGPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def AMDGPUSchedulePass : Pass<"fovea-amdgpu-schedule", "::mlir::ModuleOp"> {
  let summary = "choose the machine and the schedule of every kernel for one chip";
  let description = [{
    Sets `tile.machine` on the module, from KnownChips.inc and Atoms.inc, and
    `tile.schedule` on each public function that has none yet. This is the only
    place where tile sizes for this target are chosen.

    Each of four subgroups holds 16 rows, one atom high. Wider heads and
    elements take smaller steps of keys, so that all fits in near memory.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"gfx942\"",
           "A name of KnownChips.inc">
  ];
  let dependentDialects = ["::fovea::tile::TileDialect"];
}

def AMDGPULowerPass : Pass<"fovea-amdgpu-lower", "::mlir::gpu::GPUModuleOp"> {
  let summary = "choose the instructions for what a lane does";
  let description = [{
    The gpu and tile operations of kernels, and their exponentials, become
    calls of intrinsics; other functions of math become arithmetic.

    | operation | instruction |
    |---|---|
    | `tile.matrix` | `v_mfma` or `v_wmma`, or `v_fma` for the f32 atom of chips without one |
    | `gpu.barrier` | `s_barrier` between fences of near memory |
    | `gpu.shuffle` | a permutation within the row where the offset is constant, `ds_swizzle`, else `ds_bpermute` |
    | `math.exp2` | `v_exp` |

    Near memory is one external array, sized at launch. For the arguments of a
    kernel see LaneLowering.h.

    Changes rounding: `math.exp2` and `math.exp` have a relative error below
    5e-7, and results below the least normal number become 0.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"gfx942\"",
           "A name of KnownChips.inc">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect"
  ];
}

#endif
