//===- Passes.td - passes of this target ----------------------------------===//

#ifndef FOVEA_TARGET_X86_PASSES_TD
#define FOVEA_TARGET_X86_PASSES_TD

include "mlir/Pass/PassBase.td"

def X86SchedulePass : Pass<"fovea-x86-schedule", "::mlir::ModuleOp"> {
  let summary = "choose the schedule of every kernel for one chip";
  let description = [{
    Sets `tile.schedule`, and `tile.few_rows` for decoding, on each public
    function that has no schedule yet. This is the only place where tile sizes
    for this target are chosen.

    A register tile of `block` by two vectors of rows fills half of the registers
    with accumulators (8 x 32 on 32 registers of 16 lanes) and leaves the others
    for operands; a task has four times as many rows. A step of 256 keys keeps its
    scores (32 KB) in the second-level cache with the accumulated output. Where
    the chip multiplies blocks in memory, tasks and steps are larger.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"host\"",
           "A name of KnownChips.inc, or host">
  ];
  let dependentDialects = ["::fovea::tile::TileDialect"];
}

def X86ExpandMathPass : Pass<"fovea-x86-expand-math", "::mlir::ModuleOp"> {
  let summary = "turn functions of vectors into arithmetic";
  let description = [{
    `math.exp2` and `math.exp` of f32 vectors become a polynomial of degree 5
    and a scaling by a power of two, with a relative error below 2e-7, or of
    degree 3 or 4 where `tile.error` allows 9e-5 or 4e-6. Results below the least normal number may be flushed to 0;
    exp2(0) is 1 exactly; -inf gives 0, +inf and overflow give +inf, and NaN
    stays. Other functions become MLIR's polynomials. With `wide`, a function
    with such exponentials sets FTZ of MXCSR while it runs: what is below the
    least normal number costs much on some processors.

    Changes rounding: yes, as stated.
  }];
  let options = [
    Option<"wide", "wide", "bool", /*default=*/"false",
           "Use the instructions of 512-bit registers for 16 elements">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect"
  ];
}

def X86LowerBlocksPass : Pass<"fovea-x86-lower-blocks", "::mlir::ModuleOp"> {
  let summary = "choose the instructions for products of blocks in memory";
  let description = [{
    `tile.dot_block` becomes tiles of AMX, 32 by 32 sums at a time, and each
    kernel asks for them first (`fovea_rt_use_tiles`); without `tiles` it
    becomes `tile.dot_pairs` in vectors of 16. TDPBF16PS rounds twice per pair
    and treats subnormal numbers as zero.

    Changes rounding: no more than the order of sums, which is the target's.
  }];
  let options = [
    Option<"tiles", "tiles", "bool", /*default=*/"false",
           "The chip has AMX with products of bf16">
  ];
  let dependentDialects = [
    "::fovea::tile::TileDialect", "::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
    "::mlir::LLVM::LLVMDialect"
  ];
}

def X86LowerDotsPass : Pass<"fovea-x86-lower-dots", "::mlir::ModuleOp"> {
  let summary = "choose the instruction for products of pairs, and for look-ups";
  let description = [{
    `tile.dot_pairs` becomes `x86vector.avx512.dot`. It rounds once per
    product-sum and treats subnormal inputs as zero. With `pairs`, rounding 16
    floats to bf16 is one instruction, `vcvtneps2bf16`, which does the same.
    `tile.permute` of 16 floats or 32 words becomes `vpermps` or `vpermw`.
  }];
  let options = [
    Option<"pairs", "pairs", "bool", /*default=*/"false",
           "The processor has instructions for bf16">
  ];
  let dependentDialects = [
    "::mlir::LLVM::LLVMDialect", "::mlir::vector::VectorDialect",
    "::mlir::x86vector::X86VectorDialect"
  ];
}

#endif
