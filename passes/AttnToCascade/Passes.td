//===- Passes.td - from meaning to algebra --------------------------------===//

#ifndef FOVEA_PASSES_ATTNTOCASCADE_PASSES_TD
#define FOVEA_PASSES_ATTNTOCASCADE_PASSES_TD

include "mlir/Pass/PassBase.td"

def AttnToCascadePass : Pass<"fovea-attn-to-cascade", "::mlir::func::FuncOp"> {
  let summary = "write attention as a cascade of Einsums";
  let description = [{
    Replaces every `attn.attend` by the textbook cascade over the ranks b
    (sequence), g (KV head), r (query head of a KV head), q (query row), d
    (key channel), k (key) and e (value channel). Softmax:

    ```
    S[b,g,r,q,k]  = sum_d Q[b,g,r,q,d] * K[b,g,k,d]
    T[b,g,r,q,k]  = score(scale * S)
    GM[b,g,r,q]   = max_k T                              where visible
    SN[b,g,r,q,k] = exp(T - (GM == -inf ? 0 : GM))
    SD[b,g,r,q]   = sum_k SN                             where visible
    A[b,g,r,q,k]  = SD == 0 ? 0 : SN / SD
    O[b,g,r,q,e]  = sum_k A * V[b,g,k,e]                 where visible
    LSE[b,g,r,q]  = GM + log(SD)
    ```

    A sink logit is the initial value of the two reductions: GM starts from
    it, SD from exp(sink - GM). The pattern, the `where` region and, for pages,
    `k < lengths[b]` become the predicate of each reduction over k, the same
    text in each; a reduction whose every point is visible has none. Nothing
    is fused or reordered here: one pass over k is derived later. Each Einsum
    carries its name above as the attribute `cascade.name`.

    An argument of type `!attn.kv` becomes its component tensors, each with
    its name in the argument attribute `fovea.name`; paged components are seen
    through `cascade.gather`. What extents must satisfy at run time becomes
    `cf.assert`, save the rules on page ids and lengths, which are the
    contract of `cascade.gather`.

    Does not change rounding: it *is* the definition.
  }];
  let dependentDialects = [
    "::fovea::attn::AttnDialect",
    "::fovea::cascade::CascadeDialect",
    "::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect",
    "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect"
  ];
}

#endif
