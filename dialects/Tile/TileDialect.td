//===- TileDialect.td - the schedule level --------------------------------===//

#ifndef FOVEA_DIALECTS_TILE_DIALECT_TD
#define FOVEA_DIALECTS_TILE_DIALECT_TD

include "mlir/IR/OpBase.td"

def Tile_Dialect : Dialect {
  let name = "tile";
  let cppNamespace = "::fovea::tile";
  let summary = "streams, tiles and matrix products, for any machine";
  let description = [{
    A fold becomes tasks (`scf.forall`), each with a `tile.stream` over the
    folded rank. Values are *tiles*: builtin tensors whose encoding
    `#tile.in<residence, [ranks]>` says where they live and which named rank
    each dimension is, so that `arith` and `math` ops work on them unchanged.
    No op names an instruction; products are `tile.contract`, and the target
    says which matrix atoms it has.
  }];
  let useDefaultAttributePrinterParser = 1;
}

#endif
