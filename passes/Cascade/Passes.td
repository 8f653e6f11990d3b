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

#endif
