//===- AttnOps.td - attention ---------------------------------------------===//

#ifndef FOVEA_DIALECTS_ATTN_OPS_TD
#define FOVEA_DIALECTS_ATTN_OPS_TD

include "dialects/Attn/AttnTypes.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Attn_Op<string mnemonic, list<Trait> traits = []>
    : Op<Attn_Dialect, mnemonic, traits>;

def Attn_AttendOp : Attn_Op<"attend", [
    Pure, SingleBlock, AttrSizedOperandSegments]> {
  let summary = "attend from every query to the keys it sees";
  let description = [{
    For every batch b, query head h and query row with position i, over the
    visible keys j:

    ```
    s[j] = score(scale * sum_d Q[d] * K[j, d])
    O    = sum_j w(s)[j] * V[j]
    ```

    with products, sums, scores and weights in f32 whatever the element type.

    * **Visible** keys satisfy the pattern *and* the `where` region *and* lie
      within the sequence. A query that sees no key gives O = 0 and
      LSE = -inf.
    * **Regions** see *positions*: `i` is the query's position, its row plus
      Sk - Sq, which is negative for the first rows when there are more
      queries than keys; `j` is the key's position. They are scalar code, may
      capture tensors from outside (`tensor.extract`), and are evaluated at
      any point, also where the key is not visible.
    * `score` maps the scaled product to the logit; default identity.
    * `where` restricts the pattern further.
    * `weight`, with `l1` only, gives the unnormalised weight, which must be
      positive.

    | normaliser | weight of a visible key |
    |---|---|
    | `softmax` | exp(s) / sum exp(s) |
    | `sigmoid` | 1 / (1 + exp(-s)) |
    | `relu` | max(s, 0) |
    | `l1` | weight(s) / sum weight(s); 0 when the sum is 0 |

    `sink(%logits)` adds to every row of head h one more key, visible to all,
    of logit `logits[h]` and value 0: it takes weight and gives nothing. It
    counts in LSE, the logarithm of the softmax denominator.

    Every clause may be left out. The defaults are `pattern<all>`,
    `normalizer<softmax>` and a scale of 1 / sqrt(D).

    ```mlir
    %o, %lse = attn.attend %q, %kv documents(%ids)
        pattern<causal and document> scale<0.125>
        score (%s: f32, %b: index, %h: index, %i: index, %j: index) {
          %slope = tensor.extract %slopes[%h] : tensor<?xf32>
          %d = arith.subi %j, %i : index
          %n = arith.index_cast %d : index to i32
          %f = arith.sitofp %n : i32 to f32
          %p = arith.mulf %f, %slope : f32
          %t = arith.addf %s, %p : f32
          attn.yield %t : f32
        }
        : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>, tensor<?x?xi32>)
        -> (tensor<?x?x?x64xf32>, tensor<?x?x?xf32>)
    ```

    Rules checked at run time, because extents are known only then: equal
    batch sizes, H a multiple of G, `documents` as long as the sequences, one
    sink logit per query head, page ids and lengths within the pages.
  }];
  let arguments = (ins
    AnyRankedTensor:$q,                  // [B, H, Sq, D]
    Attn_KVType:$kv,
    Optional<AnyRankedTensor>:$documents, // [B, Sk] of i32
    Optional<AnyRankedTensor>:$sink,      // [H] of f32
    Attn_PatternAttr:$pattern,
    Attn_Normalizer:$normalizer,
    OptionalAttr<F64Attr>:$scale);
  let results = (outs
    AnyRankedTensor:$output,              // [B, H, Sq, Dv]
    Optional<AnyRankedTensor>:$lse);      // [B, H, Sq] of f32
  let regions = (region AnyRegion:$score, AnyRegion:$where, AnyRegion:$weight);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    bool hasScore() { return !getScore().empty(); }
    bool hasWhere() { return !getWhere().empty(); }
    bool hasWeight() { return !getWeight().empty(); }
    KVType getKVType() { return ::llvm::cast<KVType>(getKv().getType()); }
    /// The factor of the products: the attribute, or 1 / sqrt(D).
    double getScaleValue();
  }];
}

def Attn_AppendOp : Attn_Op<"append", [Pure]> {
  let summary = "encode new tokens and put them into a cache";
  let description = [{
    Token t of sequence b becomes row `positions[b, t]` of the cache, in every
    head; the other rows stay. A token of a negative position is left out; of
    two tokens with one position the later counts.

    The results are the components of the cache that hold elements and scales,
    in the order of `!attn.kv`. A paged cache's row is found through its page
    table, which is the caller's to fill, as its lengths are. A caller that
    gives the memory of a component for the result that replaces it has the
    cache changed in place; else the rest of the cache is copied.

    Each row x of D channels is stored as

    | `stored`, `scale` | scale | element |
    |---|---|---|
    | `i8`, `token` | s = max abs(x) / 127 | x / s |
    | `f8E4M3FN`, `token` | s = max abs(x) / 448 | x / s |
    | `i4`, `group<32>` | s = max abs(x) / 7, of each group | x / s |
    | others | | x |

    computed in f32 and rounded to nearest, ties to even: the scale to its
    type, then the element, which stays within the range of `!attn.kv`. With a
    scale of 0 elements are 0. A NaN makes its scale a NaN, and an `f8E4M3FN`
    of it is one; what `i8` and `i4` hold of tokens that are not finite is not
    defined.

    ```mlir
    %k1, %ks1, %v1, %vs1 = attn.append %kv, %k, %v at %positions
      : (!attn.kv<dense, key = 64, value = 64, bf16, stored = i8, scale = token>,
         tensor<?x?x?x64xbf16>, tensor<?x?x?x64xbf16>, tensor<?x?xi32>)
      -> (tensor<?x?x?x64xi8>, tensor<?x?x?xf32>, tensor<?x?x?x64xi8>, tensor<?x?x?xf32>)
    ```

    Rules checked at run time: equal batch sizes, heads and numbers of tokens;
    positions within the cache, or the page table's capacity.
  }];
  let arguments = (ins
    Attn_KVType:$kv,
    AnyRankedTensor:$keys,      // [B, G, T, D]
    AnyRankedTensor:$values,    // [B, G, T, Dv]
    AnyRankedTensor:$positions); // [B, T] of i32
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    $kv `,` $keys `,` $values `at` $positions attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    KVType getKVType() { return ::llvm::cast<KVType>(getKv().getType()); }
  }];
}

def Attn_YieldOp : Attn_Op<"yield", [
    Pure, Terminator, ReturnLike, HasParent<"AttendOp">]> {
  let summary = "end a region of an attn op with its value";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

#endif
