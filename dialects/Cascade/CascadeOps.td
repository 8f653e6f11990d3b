//===- CascadeOps.td - Einsums, scans, iterations and the fold ------------===//

#ifndef FOVEA_DIALECTS_CASCADE_OPS_TD
#define FOVEA_DIALECTS_CASCADE_OPS_TD

include "dialects/Cascade/CascadeAttrs.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Cascade_Op<string mnemonic, list<Trait> traits = []>
    : Op<Cascade_Dialect, mnemonic, traits>;

def Cascade_EinsumOp : Cascade_Op<"einsum", [
    Pure, SingleBlockImplicitTerminator<"YieldOp">, AttrSizedOperandSegments]> {
  let summary = "map operands over named ranks and reduce those the result drops";
  let description = [{
    Iterates over the product of all ranks that occur. At every point the body
    receives one element of each operand and yields one element. Ranks that do
    not occur in the result are reduced with the monoid after `reduce`;
    starting from `from`'s value when it is given, else from the monoid's
    identity. A scalar operand is written with empty brackets.

    An index is a rank name or a sum of rank names and integers
    (`%x[t - w + 1]`). Where such an index falls outside the tensor, the
    point is absent.

    With a `where` region only those points take part for which it yields
    true; the region reads coordinates with `cascade.index`. For a result that
    keeps every rank, absent points hold 0.

    ```mlir
    %s = cascade.einsum %Q[q, d], %K[k, d] -> [q, k] reduce sum {
    ^bb0(%x: f32, %y: f32):
      %p = arith.mulf %x, %y : f32
      cascade.yield %p : f32
    } where {
      %i = cascade.index "q"
      %j = cascade.index "k"
      %c = arith.cmpi sle, %j, %i : index
      cascade.yield %c : i1
    } : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
    ```
  }];
  let arguments = (ins
    Variadic<AnyType>:$inputs,
    Optional<AnyType>:$initial,
    StrArrayAttr:$ranks,
    AffineMapArrayAttr:$maps,
    OptionalAttr<AffineMapAttr>:$initialMap,
    OptionalAttr<Cascade_Monoid>:$reduce);
  let results = (outs AnyType:$result);
  let regions = (region SizedRegion<1>:$body, AnyRegion:$where);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// Maps of the inputs, in order (without the result's).
    ::llvm::SmallVector<::mlir::AffineMap> getInputMaps();
    /// Map of the result: a list of distinct ranks.
    ::mlir::AffineMap getResultMap();
    /// Position of a rank name in `ranks`, or -1.
    int64_t getRankIndex(::llvm::StringRef name);
    /// Names of the ranks of the result, outermost first.
    ::llvm::SmallVector<::llvm::StringRef> getResultRanks();
    /// Names of the ranks that are reduced.
    ::llvm::SmallVector<::llvm::StringRef> getReducedRanks();
    bool hasWhere() { return !getWhere().empty(); }
  }];
}

def Cascade_ScanOp : Cascade_Op<"scan", [
    Pure, SingleBlockImplicitTerminator<"YieldOp">, AttrSizedOperandSegments]> {
  let summary = "walk an iterative rank in order with carried values";
  let description = [{
    For every point of the other ranks, walks rank `over` in increasing order.
    The body receives the carried scalars, then one element of each operand,
    and yields the new carried scalars. `emit` says, for each result group,
    whether results hold the value before the coordinate (`exclusive`), after
    it (`inclusive`), or after the last one (`final`, without the rank). With
    n carries and m emissions there are n*m results, all carries of the first
    emission first.

    ```mlir
    %run, %all = cascade.scan over "t" emit [inclusive, final]
        init(%zero[]) ins(%x[t, p]) -> [t, p] {
    ^bb0(%c: f32, %e: f32):
      %n = arith.addf %c, %e : f32
      cascade.yield %n : f32
    } : (f32), (tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<8xf32>)
    ```
  }];
  let arguments = (ins
    Variadic<AnyType>:$inits,
    Variadic<AnyType>:$inputs,
    StrAttr:$over,
    I32ArrayAttr:$emit,
    StrArrayAttr:$ranks,
    AffineMapArrayAttr:$maps);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getRankIndex(::llvm::StringRef name);
    ::llvm::SmallVector<Emit> getEmits();
  }];
}

def Cascade_IterateOp : Cascade_Op<"iterate", [
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "repeat a cascade a fixed number of times";
  let description = [{
    Runs the body `count` times on carried values; each run needs the whole
    result of the one before, so n updates cost n times the passes of one.

    ```mlir
    %xi = cascade.iterate 3 (%q) {
    ^bb0(%state: tensor<?x64xf32>):
      ...
      cascade.yield %next : tensor<?x64xf32>
    } : (tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins ConfinedAttr<I64Attr, [IntPositive]>:$count,
                       Variadic<AnyType>:$inits);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $count `(` $inits `)` $body attr-dict `:` functional-type($inits, $results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Cascade_GatherOp : Cascade_Op<"gather", [Pure]> {
  let summary = "view pages through a page table as one rank";
  let description = [{
    A view, no copy: `result[b, g, t, c] = pages[table[b, t / P], g, t % P, c]`
    with P the page size (the pages' third dimension, static) for
    `t < lengths[b]`; elements at or beyond the length are absent and read as
    0. The result's third extent is `max(lengths)`. A page id outside
    [0, number of pages) in a used slot is an error at run time. Pages may
    lack the channels, and then so does the result.

    ```mlir
    %k = cascade.gather %pages, %table, %lengths
       : tensor<?x?x16x64xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$pages, AnyRankedTensor:$table,
                       AnyRankedTensor:$lengths);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $pages `,` $table `,` $lengths attr-dict `:`
    type($pages) `,` type($table) `,` type($lengths) `->` type($result)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getPageSize();
  }];
}

def Cascade_UnpackOp : Cascade_Op<"unpack", [Pure]> {
  let summary = "view bytes as the two nibbles that each holds";
  let description = [{
    A view, no copy, of the last dimension. It is walked in groups of `group`
    elements: byte j of a group holds element j in its low nibble and element
    j + group / 2 in its high one, both in two's complement. With groups of 4,
    the bytes 0x1F 0x23 are the elements -1, 3, 1, 2.

    ```mlir
    %k = cascade.unpack %bytes group 32 : tensor<?x?x?x32xi8> -> tensor<?x?x?x64xi4>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$bytes, I64Attr:$group);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $bytes `group` $group attr-dict `:` type($bytes) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Cascade_RepeatOp : Cascade_Op<"repeat", [Pure]> {
  let summary = "view each element of the last dimension several times over";
  let description = [{
    A view, no copy: `result[.., i] = source[.., i / times]`. What a group of
    neighbours shares, such as a scale, has their rank that way.

    ```mlir
    %s = cascade.repeat %scales times 32 : tensor<?x?x?x2xf16> -> tensor<?x?x?x64xf16>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$source, I64Attr:$times);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $source `times` $times attr-dict `:` type($source) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Cascade_PlaceOp : Cascade_Op<"place", [Pure]> {
  let summary = "a tensor with some of its rows replaced";
  let description = [{
    `result[b, g, positions[b, t], ..] = rows[b, g, t, ..]`, and `base`
    elsewhere. A row of a negative position is left out; of two rows with one
    position the later counts. With a table, base and result are pages
    [page, head, slot, ..] of P slots, and row p lies in page `table[b, p / P]`,
    slot p % P. A position at or beyond the end, or a page that does not exist,
    is an error at run time.

    Where the caller gives the memory of `base` for the result, only the rows
    are written.

    ```mlir
    %n = cascade.place %rows into %k at %positions
       : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?xi32> -> tensor<?x?x?x64xf32>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$rows, AnyRankedTensor:$base,
                       AnyRankedTensor:$positions,
                       Optional<AnyRankedTensor>:$table);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $rows `into` $base `at` $positions (`through` $table^)? attr-dict `:`
    type($rows) `,` type($base) `,` type($positions) (`,` type($table)^)?
    `->` type($result)
  }];
  let hasVerifier = 1;
}

def Cascade_IndexOp : Cascade_Op<"index", [Pure]> {
  let summary = "the coordinate of a rank at this point";
  let description = [{
    Inside a region of `cascade.einsum`, `cascade.scan` or `cascade.fold`: the
    coordinate of the named rank, in whole-tensor coordinates (a tile of a fold
    does not start again at 0).
  }];
  let arguments = (ins StrAttr:$rank);
  let results = (outs Index:$result);
  let assemblyFormat = "$rank attr-dict";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$rank), [{
    build($_builder, $_state, $_builder.getIndexType(), $_builder.getStringAttr(rank));
  }]>];
}

def Cascade_FoldOp : Cascade_Op<"fold", [Pure]> {
  let summary = "one walk over a streamed rank with a mergeable running state";
  let description = [{
    For every point of the `parallel` ranks: the visible coordinates of rank
    `stream` (those for which `where` yields true; all when there is none) are
    cut into tiles in any way. The state starts as `init` yields it, `step`
    takes it over one tile, and `finish` turns it into the results. `merge`
    joins the states of two disjoint sets of coordinates; it is associative
    and commutative, with `identity` as its neutral element. Therefore any
    split of the stream, in any order, gives the same result: a part that is
    not the first starts from `identity` instead of `init`.

    Everything in the regions is about *one* point of the parallel ranks. An
    operand `%K[b, k, d]` with parallel b and stream k is seen by `step` as a
    `tensor<?x64xf32>` of ranks (k, d), one tile long; `%Q[b, q, d]` as a
    `tensor<64xf32>`, `%slope[h]` as a scalar. Operands that do not carry the
    stream rank are *row operands*.

    | region | arguments | yields |
    |---|---|---|
    | `init` | row operands | state |
    | `step` | state, all operands | state, then one value per result that carries the stream rank |
    | `merge` | state, state | state |
    | `finish` | state, row operands | the results without the stream rank |
    | `where` | none (`cascade.index`) | i1 |

    The state elements are scalars or tensors of static shape; `identity` has one scalar
    attribute for each.

    ```mlir
    // Softmax attention of one head, as the derivation leaves it.
    %o = cascade.fold parallel [q] stream k
        ins(%Q[q, d], %K[k, d], %V[k, e]) -> [q, e]
        identity [0xFF800000 : f32, 0.0 : f32, 0.0 : f32]
        init (%qr: tensor<64xf32>) { ... cascade.yield %m0, %l0, %a0 : ... }
        step (%m: f32, %l: f32, %a: tensor<64xf32>,
              %qr: tensor<64xf32>, %kt: tensor<?x64xf32>, %vt: tensor<?x64xf32>) { ... }
        merge (...) { ... } finish (...) { ... } where { ... }
        : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins
    Variadic<AnyType>:$inputs,
    StrArrayAttr:$parallel,
    StrAttr:$stream,
    StrArrayAttr:$ranks,
    AffineMapArrayAttr:$maps,
    ArrayAttr:$identity);
  let results = (outs Variadic<AnyType>:$results);
  let regions = (region SizedRegion<1>:$init, SizedRegion<1>:$step,
                        SizedRegion<1>:$merge, SizedRegion<1>:$finish,
                        AnyRegion:$where);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getRankIndex(::llvm::StringRef name);
    ::mlir::AffineMap getInputMap(unsigned i);
    ::mlir::AffineMap getResultMap(unsigned i);
    bool isParallel(::llvm::StringRef rank);
    /// True if input i carries the stream rank.
    bool isStreamed(unsigned i);
    /// True if result i carries the stream rank (an emission of `step`).
    bool isEmitted(unsigned i);
    /// Number of state elements.
    unsigned getNumStates() { return getIdentity().size(); }
    /// Inputs that are not streamed, in order.
    ::llvm::SmallVector<unsigned> getRowInputs();
    /// Type of input i inside the regions: parallel ranks dropped, the stream
    /// rank of unknown extent, a scalar when nothing is left.
    ::mlir::Type getInnerType(unsigned i);
    /// Names of the ranks of input i that are left inside the regions.
    ::llvm::SmallVector<::llvm::StringRef> getInnerRanks(unsigned i);
    bool hasWhere() { return !getWhere().empty(); }
  }];
}

def Cascade_YieldOp : Cascade_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "end a region of a cascade op with its values";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ }]>];
}

#endif
