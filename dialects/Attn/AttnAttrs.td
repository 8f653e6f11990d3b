//===- AttnAttrs.td - patterns and normalisers ----------------------------===//

#ifndef FOVEA_DIALECTS_ATTN_ATTRS_TD
#define FOVEA_DIALECTS_ATTN_ATTRS_TD

include "dialects/Attn/AttnDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Attn_Layout : I32EnumAttr<"Layout", "where the rows of keys and values lie", [
      I32EnumAttrCase<"Dense", 0, "dense">, // one tensor per sequence batch
      I32EnumAttrCase<"Paged", 1, "paged">  // fixed-size pages behind a table
    ]> {
  let cppNamespace = "::fovea::attn";
}

def Attn_Scale : I32EnumAttr<"Scale", "which stored elements share a scale", [
      I32EnumAttrCase<"None", 0, "none">,   // there is none
      I32EnumAttrCase<"Token", 1, "token">, // all channels of a row and head
      I32EnumAttrCase<"Group", 2, "group">  // so many neighbouring channels
    ]> {
  let cppNamespace = "::fovea::attn";
}

def Attn_Normalizer : I32EnumAttr<"Normalizer", "how scores become weights", [
      I32EnumAttrCase<"Softmax", 0, "softmax">, // exp(s) / sum exp(s)
      I32EnumAttrCase<"Sigmoid", 1, "sigmoid">, // 1 / (1 + exp(-s))
      I32EnumAttrCase<"Relu", 2, "relu">,       // max(s, 0)
      I32EnumAttrCase<"L1", 3, "l1">            // weight(s) / sum weight(s)
    ]> {
  let cppNamespace = "::fovea::attn";
}

def Attn_PatternKind : I32EnumAttr<"PatternKind", "a node of a pattern", [
      I32EnumAttrCase<"All", 0, "all">,
      I32EnumAttrCase<"Causal", 1, "causal">,
      I32EnumAttrCase<"Window", 2, "window">,
      I32EnumAttrCase<"Sink", 3, "sink">,
      I32EnumAttrCase<"Prefix", 4, "prefix">,
      I32EnumAttrCase<"Block", 5, "block">,
      I32EnumAttrCase<"Stride", 6, "stride">,
      I32EnumAttrCase<"Document", 7, "document">,
      I32EnumAttrCase<"Not", 8, "not">,
      I32EnumAttrCase<"And", 9, "and">,
      I32EnumAttrCase<"Or", 10, "or">
    ]> {
  let cppNamespace = "::fovea::attn";
}

def Attn_PatternAttr : AttrDef<Attn_Dialect, "Pattern"> {
  let mnemonic = "pattern";
  let summary = "which keys a query sees, as an algebra of named predicates";
  let description = [{
    With q the query's position and k the key's:

    | name | the query sees the key when |
    |---|---|
    | `all` | always |
    | `causal` | k <= q |
    | `window<W>` | \|q - k\| < W |
    | `sink<N>`, `prefix<N>` | k < N |
    | `block<N>` | floor(q / N) == floor(k / N) |
    | `stride<N>` | (q - k) mod N == 0 |
    | `document` | ids[b, q] == ids[b, k] and q >= 0 |

    joined by `not`, `and`, `or` (in falling order of binding) and
    parentheses. Numbers are positive.

    ```mlir
    #attn.pattern<causal and (window<256> or sink<4>)>
    ```
  }];
  let parameters = (ins
    "PatternKind":$kind,
    DefaultValuedParameter<"int64_t", "0">:$value,
    OptionalArrayRefParameter<"PatternAttr">:$operands);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// True for window, sink, prefix, block and stride.
    static bool takesNumber(PatternKind kind);
    /// True if some node below (or this one) is of `kind`.
    bool contains(PatternKind kind);
  }];
}

#endif
