//===- CascadeDialect.td - the algebra level ------------------------------===//

#ifndef FOVEA_DIALECTS_CASCADE_DIALECT_TD
#define FOVEA_DIALECTS_CASCADE_DIALECT_TD

include "mlir/IR/OpBase.td"

def Cascade_Dialect : Dialect {
  let name = "cascade";
  let cppNamespace = "::fovea::cascade";
  let summary = "cascades of extended Einsums over named ranks";
  let description = [{
    A *cascade* is a list of Einsums that feed each other through tensors.
    Each Einsum iterates over named *ranks*, maps its operands at every point
    by any scalar code, and reduces the ranks that its result does not carry
    with a monoid. A rank name means the same dimension everywhere in a
    function. The vocabulary is that of EDGE / TeAAL and FuseMax (Nayak et al.,
    MICRO 2024).

    What is *derived* at this level is `cascade.fold`: one walk over one
    streamed rank with a running state, the state's merge and its finish.
  }];
}

#endif
