//===- TileAttrs.td - residence, tile encoding, schedule ------------------===//

#ifndef FOVEA_DIALECTS_TILE_ATTRS_TD
#define FOVEA_DIALECTS_TILE_ATTRS_TD

include "dialects/Tile/TileDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Tile_Residence : I32EnumAttr<"Residence", "where a tile lives", [
      I32EnumAttrCase<"Register", 0, "register">, // spread over lanes and registers
      I32EnumAttrCase<"Near", 1, "near">,         // fast memory of one task
      I32EnumAttrCase<"Accumulator", 2, "accumulator">, // results of matrix units
      I32EnumAttrCase<"Far", 3, "far">            // left where the caller put it
    ]> {
  let cppNamespace = "::fovea::tile";
}

def Tile_Combine : I32EnumAttr<"Combine", "how a reduction combines", [
      I32EnumAttrCase<"Sum", 0, "sum">,
      I32EnumAttrCase<"Max", 1, "max">,
      I32EnumAttrCase<"Min", 2, "min">,
      I32EnumAttrCase<"MaxNumber", 3, "max_number"> // NaN does not take part
    ]> {
  let cppNamespace = "::fovea::tile";
}

class Tile_Attr<string name, string attrMnemonic>
    : AttrDef<Tile_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Tile_InAttr : Tile_Attr<"In", "in"> {
  let summary = "encoding of a tile: residence and the rank of each dimension";
  let description = [{
    `tensor<256x32xf32, #tile.in<near, [k, q]>>` is 256 keys by 32 queries in
    near memory. Two tiles with the same ranks in the same order can be
    combined element by element. On machines whose tasks have many lanes,
    register tiles get a `#tile.layout` as a third part.
  }];
  let parameters = (ins "::fovea::tile::Residence":$residence,
                        ArrayRefParameter<"::mlir::StringAttr">:$ranks,
                        OptionalParameter<"::fovea::tile::LayoutAttr">:$layout);
  let builders = [AttrBuilder<(ins "::fovea::tile::Residence":$residence,
                                   "::llvm::ArrayRef<::mlir::StringAttr>":$ranks), [{
    return $_get($_ctxt, residence, ranks, ::fovea::tile::LayoutAttr());
  }]>];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Tile_LayoutAttr : Tile_Attr<"Layout", "layout"> {
  let summary = "which element of a tile each register of each lane holds";
  let description = [{
    Three lists of *digits*, lowest first, take apart the number of a register,
    of a lane and of a subgroup. A digit `k(4:2)` has 4 values and each step of
    it moves 2 along rank k; `_(4)` moves nowhere: those holders have copies.
    The coordinate along a rank is the sum over all digits of that rank.

    The accumulator of a 16 x 8 matrix atom, rows q and columns k:

    ```mlir
    #tile.layout<register = [k(2:1), q(2:8)], lane = [k(4:2), q(8:1)], subgroup = []>
    ```

    Register 3 (digits 1, 1) of lane 6 (digits 2, 1) holds k = 1 + 2*2 = 5 and
    q = 8 + 1 = 9. See docs/layouts.md.
  }];
  let parameters = (ins ArrayRefParameter<"::fovea::tile::Digit">:$registers,
                        ArrayRefParameter<"::fovea::tile::Digit">:$lanes,
                        ArrayRefParameter<"::fovea::tile::Digit">:$subgroups);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Tile_AtomAttr : Tile_Attr<"Atom", "atom"> {
  let summary = "a matrix operation that a machine has";
  let description = [{
    c[m, n] += a[m, k] * b[k, n] with operands of `type`, sums of `sum`, and
    the layouts of the three over a subgroup. `rate` counts multiply-adds per
    cycle of one multiprocessor, to choose between atoms of one type.

    ```mlir
    #tile.atom<shape = [16, 8, 16], type = bf16, sum = f32, rate = 1024,
      a = <register = [k(2:1), m(2:8), k(2:8)], lane = [k(4:2), m(8:1)], subgroup = []>,
      b = <register = [k(2:1), k(2:8)], lane = [k(4:2), n(8:1)], subgroup = []>,
      c = <register = [n(2:1), m(2:8)], lane = [n(4:2), m(8:1)], subgroup = []>>
    ```
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::mlir::Type":$type,
                        "::mlir::Type":$sum, "int64_t":$rate,
                        "::fovea::tile::LayoutAttr":$a,
                        "::fovea::tile::LayoutAttr":$b,
                        "::fovea::tile::LayoutAttr":$c);
  let assemblyFormat = [{
    `<` `shape` `=` `[` $shape `]` `,` struct($type, $sum, $rate, $a, $b, $c) `>`
  }];
  let genVerifyDecl = 1;
}

def Tile_MachineAttr : Tile_Attr<"Machine", "machine"> {
  let summary = "what shared passes ask of a machine whose tasks have many lanes";
  let description = [{
    | field | meaning |
    |---|---|
    | `lanes` | lanes of a subgroup: they run together and can shuffle |
    | `near` | bytes of near memory that one task may use |
    | `banks` | 4-byte banks of near memory |
    | `copy` | most bytes of one asynchronous copy to near memory; 0: copies go through registers |
    | `matrix_load` | has `tile.read_matrix` |
    | `atoms` | its matrix operations |

    Attribute `tile.machine` of the module.
  }];
  let parameters = (ins "int64_t":$lanes, "int64_t":$near, "int64_t":$banks,
                        "int64_t":$copy, "bool":$matrix_load,
                        ArrayRefParameter<"::fovea::tile::AtomAttr">:$atoms);
  let assemblyFormat = [{
    `<` struct($lanes, $near, $banks, $copy, $matrix_load) `,` `atoms` `=` `[` $atoms `]` `>`
  }];
}

def Tile_ScheduleAttr : Tile_Attr<"Schedule", "schedule"> {
  let summary = "how a fold runs on one target; decided once, then obeyed";
  let description = [{
    | field | meaning |
    |---|---|
    | `rows` | coordinates of the row rank that one task holds (lanes times vectors); more than two vectors share what a step prepares and are visited two vectors at a time |
    | `keys` | coordinates of the streamed rank that one step takes |
    | `block` | coordinates of the other dimension of a register tile |
    | `lanes` | elements of one vector register (or lanes of a subgroup) |
    | `pairs` | matrix products of 16-bit operands accumulate pairs of the contracted rank |
    | `splits` | most parts into which the streamed rank of one task is split |
    | `subgroups` | groups of lanes that share one task and its near memory (1: a single core) |
    | `stages` | blocks of a streamed operand in near memory at once; 0 reads operands in place |
    | `pack` | rows of a task run over all query heads that share keys, heads first |
    | `narrow` | tasks of few rows: the lanes of a vector run along the other rank of a tile, and rows come one after another |
    | `ahead` | of what only products over the keys read, so many keys of a step are asked for during the products before, the others while it is read (0: none is asked for) |
    | `distance` | of what products stream, the key so many keys on is asked for while one is read (0: none; not with `ahead`) |
    | `blocks` | products of pairs are taken from memory a block at a time (`tile.dot_block`) where extents allow it |

    With `narrow`, there are at most as many rows as lanes, `block` is the
    number of keys, or of vectors of channels, that a register tile takes of all
    rows (a power of two), and a step is whole vectors.

    ```mlir
    #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 1>
    #tile.schedule<rows = 128, keys = 64, block = 16, lanes = 32, pairs = false, splits = 64,
                   subgroups = 4, stages = 2, pack = true>
    #tile.schedule<rows = 4, keys = 16, block = 2, lanes = 16, pairs = true, splits = 16,
                   pack = true, narrow = true, ahead = 8>
    ```
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$keys, "int64_t":$block,
                        "int64_t":$lanes, "bool":$pairs, "int64_t":$splits,
                        DefaultValuedParameter<"int64_t", "1">:$subgroups,
                        DefaultValuedParameter<"int64_t", "0">:$stages,
                        DefaultValuedParameter<"bool", "false">:$pack,
                        DefaultValuedParameter<"bool", "false">:$narrow,
                        DefaultValuedParameter<"int64_t", "0">:$ahead,
                        DefaultValuedParameter<"bool", "false">:$blocks,
                        DefaultValuedParameter<"int64_t", "0">:$distance);
  let builders = [AttrBuilder<(ins "const Schedule &":$fields), [{
    return $_get($_ctxt, fields.rows, fields.keys, fields.block, fields.lanes,
                 fields.pairs, fields.splits, fields.subgroups, fields.stages,
                 fields.pack, fields.narrow, fields.ahead, fields.blocks,
                 fields.distance);
  }]>];
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// All fields, for a schedule that differs in some.
    Schedule getFields() const;
    /// Rows that a single core visits at a time, one register tile wide: two
    /// vectors where the rows of a task are more (four with `blocks`, whose
    /// left operands then are read half as often). Else all rows.
    int64_t getPanelRows() const;
  }];
}

#endif
