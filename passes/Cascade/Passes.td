//===- Passes.td - passes within the algebra level ------------------------===//

#ifndef FOVEA_PASSES_CASCADE_PASSES_TD
#define FOVEA_PASSES_CASCADE_PASSES_TD

include "mlir/Pass/PassBase.td"

def CountPassesPass : Pass<"fovea-count-passes", "::mlir::ModuleOp"> {
  let summary = "report how often each function must walk a rank, and why";
  let description = [{
    Prints, for each function and rank, the number of passes over the rank, the
    cut edges (a tensor known only when a pass has ended and the operation that
    needs it while it walks the rank again), and for each tensor along the rank
    the passes that read it and whether a tile of it or a whole fiber must stay
    alive. Each cut edge is also a remark on the operation that starts the new
    pass. Values are named by a `cascade.name` attribute where there is one.
    The IR is not changed.

    ```
    func @softmax
      rank m: 3 passes
        cut GM -> SN: pass 2
        cut SD -> A: pass 3
        tensor SN: full, made in pass 2, read in 2 3, live: fiber
    ```
  }];
  let options = [
    ListOption<"rank", "rank", "std::string",
               "Parts of the rank to report, outer to inner; all ranks by default">
  ];
}

def DeriveFoldPass : Pass<"fovea-derive-fold", "::mlir::ModuleOp"> {
  let summary = "turn the Einsums over a streamed rank into one fold per walk";
  let description = [{
    For each function: every reduction over the streamed rank is brought to a
    sum of terms `A(r) V(c) (x(c) + p(r))^n exp(u(c) + w(r))`, where c is what a
    walk knows at a coordinate and r what it knows only at its end. Such terms
    are accumulated in the walk that makes r: deferred (no exponential and
    n = 0), repaired (an exponential, measured from a running maximum) or
    lifted (n + 1 sums). All reductions of one walk become one `cascade.fold`.
    What does not separate runs in the next walk, with the reason in a remark.
    Values per key that need a finished statistic are written by the step of
    the walk after it.

    Real numbers are treated as a field: sums are reassociated, products
    distributed and divisions delayed. Casts to a narrower type between two
    steps of a chain that is merged are dropped.

    ```
    GM[q] = max_k S;  SD[q] = sum_k exp(S - GM);  O = sum_k exp(S - GM) V / SD
    ```
    becomes one fold with state (max, sum, weighted sum of V).

    The decomposed form, which `form=decomposed` or the attribute
    `cascade.form = "decomposed"` of a function asks for, repairs nothing: each
    reduction waits until what it reads is known, and the tensors along the rank
    of which `--fovea-count-passes` says "live: fiber" (here the scores and their
    exponentials) are written by the fold that makes them and read by the later
    ones. It is there to be compared with.
  }];
  let options = [
    Option<"form", "form", "std::string", /*default=*/"\"\"",
           "fused or decomposed; by default what the function says, else fused">,
    Option<"rank", "rank", "std::string", /*default=*/"",
           "The streamed rank; by default the one with the most passes">
  ];
  let dependentDialects = [
    "::fovea::cascade::CascadeDialect", "::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"
  ];
}

#endif
