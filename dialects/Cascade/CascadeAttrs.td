//===- CascadeAttrs.td - monoids and emission kinds -----------------------===//

#ifndef FOVEA_DIALECTS_CASCADE_ATTRS_TD
#define FOVEA_DIALECTS_CASCADE_ATTRS_TD

include "dialects/Cascade/CascadeDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Cascade_Monoid : I32EnumAttr<"Monoid",
    "an associative, commutative combination with an identity", [
      I32EnumAttrCase<"Sum", 0, "sum">,   // identity 0
      I32EnumAttrCase<"Max", 1, "max">,   // identity -inf; a NaN wins
      I32EnumAttrCase<"Min", 2, "min">    // identity +inf; a NaN wins
    ]> {
  let cppNamespace = "::fovea::cascade";
}

def Cascade_Emit : I32EnumAttr<"Emit", "what a scan gives for each carry", [
      I32EnumAttrCase<"Exclusive", 0, "exclusive">, // value before the coordinate
      I32EnumAttrCase<"Inclusive", 1, "inclusive">, // value after the coordinate
      I32EnumAttrCase<"Final", 2, "final">          // value after the last one
    ]> {
  let cppNamespace = "::fovea::cascade";
}

#endif
