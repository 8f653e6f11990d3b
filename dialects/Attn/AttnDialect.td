//===- AttnDialect.td - the level of meaning ------------------------------===//

#ifndef FOVEA_DIALECTS_ATTN_DIALECT_TD
#define FOVEA_DIALECTS_ATTN_DIALECT_TD

include "mlir/IR/OpBase.td"

def Attn_Dialect : Dialect {
  let name = "attn";
  let cppNamespace = "::fovea::attn";
  let summary = "what an attention variant computes";
  let description = [{
    Says *what* is computed: which keys a query sees, where keys and values
    are kept, what happens to a score, and how weights are normalised. Nothing
    here says how: no tiles, no memory spaces, no machines.

    Notation: batch b, query head h of H, KV head g of G (H a multiple of G,
    query head h reads KV head h / (H / G)), query row, key row. A query's
    *position* is its row plus Sk - Sq, where Sk is the sequence's own number
    of keys: the last query stands beside the last key.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

#endif
