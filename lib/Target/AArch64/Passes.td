//===- Passes.td - passes of this target ----------------------------------===//

#ifndef FOVEA_TARGET_AARCH64_PASSES_TD
#define FOVEA_TARGET_AARCH64_PASSES_TD

include "mlir/Pass/PassBase.td"

def AArch64SchedulePass : Pass<"fovea-aarch64-schedule", "::mlir::ModuleOp"> {
  let summary = "choose the schedule of every kernel for one chip";
  let description = [{
    Sets `tile.schedule`, and `tile.few_rows` for decoding, on each public
    function that has no schedule yet. This is the only place where tile sizes
    for this target are chosen.

    There are 32 registers of 4 lanes: a register tile of 8 by two vectors of
    rows is 16 accumulators, and the other half is for operands. A task has four
    such panels, 32 rows; a step of 128 keys keeps its scores (16 KB) in the
    first-level cache.
  }];
  let options = [
    Option<"chip", "chip", "std::string", /*default=*/"\"host\"",
           "A name of KnownChips.inc, or host">
  ];
  let dependentDialects = ["::fovea::tile::TileDialect"];
}

def AArch64ExpandMathPass
    : Pass<"fovea-aarch64-expand-math", "::mlir::ModuleOp"> {
  let summary = "turn functions of vectors into arithmetic";
  let description = [{
    `math.exp2` and `math.exp` of f32 vectors become a polynomial of degree 3 to
    5 and a power of two built from bits, as `fovea-x86-expand-math` has them
    for registers of 8 elements, with the same errors and ends. Other functions
    become MLIR's polynomials.

    Changes rounding: yes, as stated there.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::vector::VectorDialect"
  ];
}

def AArch64LowerDotsPass
    : Pass<"fovea-aarch64-lower-dots", "::mlir::ModuleOp"> {
  let summary = "choose the instruction for products of pairs";
  let description = [{
    `tile.dot_pairs` becomes BFDOT. It adds the two products, then the sum so
    far, rounds each of the two additions to odd, and treats subnormal inputs
    and results as zero (Arm ARM, "BFDOT", with FPCR.EBF = 0).
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif
