//===- Passes.td - from the algebra to the schedule -----------------------===//

#ifndef FOVEA_PASSES_CASCADETOTILE_PASSES_TD
#define FOVEA_PASSES_CASCADETOTILE_PASSES_TD

include "mlir/Pass/PassBase.td"

def CascadeToTilePass : Pass<"fovea-cascade-to-tile", "::mlir::ModuleOp"> {
  let summary = "turn folds into tasks with streams of tiles";
  let description = [{
    Every function that carries a `tile.schedule` attribute is rewritten:
    tensor arguments become strided buffers (scalars: buffers of rank 0), results become trailing buffer
    arguments, and each `cascade.fold` becomes an `scf.forall` over the
    parallel ranks (one of them, the *row rank*, in tiles of `rows`) around a
    `tile.stream` over the folded rank in steps of `keys`.

    The row rank is a parallel rank that the streamed operands do not carry,
    the innermost such; then every product of the step with a streamed operand
    is a matrix product (`tile.contract`).

    With `pack` in the schedule the rows of a task are the pairs of the row
    rank and one more parallel rank that streamed operands do not carry, so
    that each block of those is brought once for both (heads that share keys).
    What depends on the second rank becomes a tile of the rows. A fold stays
    as it is, with a remark, if there is no such rank, if a result does not
    carry it, or if what depends on it has a type that tiles do not hold
    (integers of 64 bits).

    A function may also have `tile.few_rows`, an array of schedules by growing
    numbers of rows. The fold is then built once for each and once for
    `tile.schedule`, and the number of rows of a call decides which tasks run:
    the first that has enough for all rows of one set of points.

    With `stages`, operands of products are brought near and what element-wise
    code alone reads goes to registers; without, what does not depend on the
    row is read in place.

    Which keys are visited follows from the fold's `where` region
    (lib/Analysis/PredicateRanges.h): the stream gets disjoint ranges, and its
    `visible` region classifies each step as empty, partial or full.

    An einsum that no fold has taken in becomes plain loops, with a remark.

    Rounding: none of its own.
  }];
  let dependentDialects = [
    "::fovea::tile::TileDialect", "::mlir::tensor::TensorDialect",
    "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::math::MathDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::affine::AffineDialect"
  ];
}

#endif
