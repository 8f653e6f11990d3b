//===- TileOps.td - streams, tiles and products ---------------------------===//

#ifndef FOVEA_DIALECTS_TILE_OPS_TD
#define FOVEA_DIALECTS_TILE_OPS_TD

include "dialects/Tile/TileAttrs.td"
include "dialects/Tile/TileLanes.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_Op<string mnemonic, list<Trait> traits = []>
    : Op<Tile_Dialect, mnemonic, traits>;

def Tile_StreamOp : Tile_Op<"stream", [
    SingleBlockImplicitTerminator<"YieldOp">, AttrSizedOperandSegments,
    RecursiveMemoryEffects]> {
  let summary = "walk ranges of the folded rank in steps, with a carried state";
  let description = [{
    Visits each range [begin_i, end_i) in order, in steps of at most `step`
    coordinates. Before a step, `visible` says of its coordinates [first, last)
    whether *any* pair is visible (else the step is skipped) and whether *all*
    are (else the step is *partial*). `body` receives first, last and the
    carried tiles and yields the new ones; `tile.guard` has an effect only in
    partial steps, and a step shorter than `step` is always partial.

    With `rows`, the range of the row rank that the task covers, `visible` also
    receives a part of that range, and answers for the pairs of these rows: the
    rows of a task may be visited in several parts, and a step in several runs
    of coordinates, each of which is empty, full or partial by itself.

    ```mlir
    %s:2 = tile.stream "k" from (%lo) to (%hi) step 256 init(%m0, %l0)
      visible { ^bb0(%first: index, %last: index): ... tile.yield %any, %all : i1, i1 }
      body { ^bb0(%first: index, %last: index, %m: ..., %l: ...): ... }
      : (!tile, !tile) -> (!tile, !tile)
    ```
  }];
  let arguments = (ins StrAttr:$rank, Variadic<Index>:$begins,
                       Variadic<Index>:$ends, Variadic<Index>:$rows,
                       Variadic<AnyRankedTensor>:$inits, I64Attr:$step);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region SizedRegion<1>:$visible, SizedRegion<1>:$body);
  let assemblyFormat = [{
    $rank `from` `(` $begins `)` `to` `(` $ends `)` `step` $step
    (`rows` `(` $rows^ `)`)? `init` `(` $inits `)` `visible` $visible `body` $body attr-dict
    `:` functional-type($inits, $results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Tile_LoadOp : Tile_Op<"load", [
    AttrSizedOperandSegments, MemoryEffects<[MemRead]>]> {
  let summary = "a tile of a buffer, in place, or brought near in the tile's order";
  let description = [{
    `indices` has one start per dimension of the buffer; `dims` names the rank
    that walks it, or "" for none. The result's encoding says in which order
    the ranks are wanted and where: `far` reads in place, `near` and
    `register` copy (and transpose, convert, pack) on the way.

    Along a rank in `bounded`, coordinates at or beyond its limit are not read;
    the tile's elements there repeat those of the last coordinate.

    A rank may stand for the pairs of two others, whose extents it multiplies:
    with `split %R`, coordinate p of rank q means (p div R, p mod R), and the
    dimension "q div" is walked by the quotients, "q mod" by the rests. The
    indices of both, and the limit of q, are in coordinates of q. Rows that are
    pairs of a query (4 of them) and one of 8 heads:

    ```mlir
    %q = tile.load %Q[%b, %p0, %p0, %c0] dims ["", "q mod", "q div", "d"] bounded ["q"] limits(%pend) split %c8
       : memref<?x8x4x64xf32> -> tensor<64x32xf32, #tile.in<near, [d, q]>>
    ```

    With `table`, the buffer is pages [page, head, slot, channel]: the
    coordinate p along dimension 0 means page `table[row, p / P]`, slot p % P;
    the index of dimension 2 is ignored.

    ```mlir
    %kt = tile.load %K[%b, %g, %k0, %c0] dims ["", "", "k", "d"] bounded ["k"] limits(%kend)
       : memref<?x?x?x64xf32, strided<[?, ?, ?, 1], offset: ?>> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
    ```
  }];
  let arguments = (ins AnyMemRef:$source, Variadic<Index>:$indices,
                       Optional<AnyMemRef>:$table, Optional<Index>:$row,
                       Variadic<Index>:$limits, Optional<Index>:$split,
                       StrArrayAttr:$dims, StrArrayAttr:$bounded);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $source `[` $indices `]` `dims` $dims `bounded` $bounded `limits` `(` $limits `)`
    (`split` $split^)? (`through` $table^ `[` $row `]`)? attr-dict `:` type($source)
    (`,` type($table)^)? `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_StoreOp : Tile_Op<"store", [
    AttrSizedOperandSegments, MemoryEffects<[MemWrite]>]> {
  let summary = "write a tile to a buffer";
  let description = [{
    The reverse of `tile.load`: coordinates at or beyond the limit of a rank in
    `bounded` are not written.
  }];
  let arguments = (ins AnyRankedTensor:$value, AnyMemRef:$target,
                       Variadic<Index>:$indices, Variadic<Index>:$limits,
                       Optional<Index>:$split, StrArrayAttr:$dims,
                       StrArrayAttr:$bounded);
  let assemblyFormat = [{
    $value `,` $target `[` $indices `]` `dims` $dims
    `bounded` $bounded `limits` `(` $limits `)` (`split` $split^)? attr-dict
    `:` type($value) `,` type($target)
  }];
  let hasVerifier = 1;
}

def Tile_ContractOp : Tile_Op<"contract", [Pure]> {
  let summary = "matrix product of two tiles over the rank they share";
  let description = [{
    Sums `lhs * rhs` over the one rank that both carry and the result does not.
    The target chooses the matrix atom by the element types. `rhs` is the
    operand whose other rank runs along lanes. On machines with `#tile.atom`s,
    `tile.atom` is the one chosen and `tile.m` the rank that plays its m.

    ```mlir
    %s = tile.contract %kt, %qt : tensor<256x64xf32, #tile.in<far, [k, d]>>,
         tensor<64x32xf32, #tile.in<near, [d, q]>> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$lhs, AnyRankedTensor:$rhs);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_ConvertOp : Tile_Op<"convert", [Pure]> {
  let summary = "the same tile in another layout";
  let description = [{
    A renaming of registers, shuffles within subgroups, or a trip through near
    memory, whichever is the first that can do it.
  }];
  let arguments = (ins AnyRankedTensor:$value);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_ReduceOp : Tile_Op<"reduce", [Pure]> {
  let summary = "combine a tile over the ranks the result drops";
  let arguments = (ins Tile_Combine:$combine, AnyRankedTensor:$value);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$combine $value attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_BroadcastOp : Tile_Op<"broadcast", [Pure]> {
  let summary = "repeat a scalar or a tile along ranks it does not carry";
  let arguments = (ins AnyType:$value);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$value attr-dict `:` type($value) `->` type($result)";
  let hasVerifier = 1;
}

def Tile_CoordinateOp : Tile_Op<"coordinate", [Pure]> {
  let summary = "coordinates along one rank: base, base + 1, ...";
  let description = [{
    The result is a one-dimensional tile of i32; coordinates are below 2^31.
  }];
  let arguments = (ins Index:$base);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = "$base attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tile_LookupOp : Tile_Op<"lookup", [MemoryEffects<[MemRead]>]> {
  let summary = "read a table at computed indices";
  let description = [{
    `indices` (i32 tiles of the result's ranks, or index scalars) address
    `table`. An index outside the table reads its nearest element: positions
    that a partial step computes and then discards must not fault.
  }];
  let arguments = (ins AnyMemRef:$table, Variadic<AnyType>:$indices);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $table `[` $indices `]` attr-dict `:` type($table) `,` type($indices) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_UnpackOp : Tile_Op<"unpack", [Pure]> {
  let summary = "bytes as the two nibbles that each holds";
  let description = [{
    The last rank has two elements of i4 for each byte. It is walked in groups
    of `group` elements: byte j of a group holds element j in its low nibble
    and element j + group / 2 in its high one, both in two's complement.

    ```mlir
    %n = tile.unpack %bytes group 32
       : tensor<256x32xi8, #tile.in<far, [k, d]>> -> tensor<256x64xi4, #tile.in<register, [k, d]>>
    ```
  }];
  let arguments = (ins AnyRankedTensor:$bytes, I64Attr:$group);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $bytes `group` $group attr-dict `:` type($bytes) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_GuardOp : Tile_Op<"guard", [Pure]> {
  let summary = "in partial steps, replace what is not visible";
  let description = [{
    `select(visible, value, otherwise)` in a partial step of the enclosing
    `tile.stream`, `value` in a full one.
  }];
  let arguments = (ins AnyRankedTensor:$visible, AnyRankedTensor:$value,
                       AnyFloat:$otherwise);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $visible `,` $value `else` $otherwise attr-dict
    `:` type($visible) `,` type($value) `else` type($otherwise) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_PermuteOp : Tile_Op<"permute",
    [Pure, AllTypesMatch<["table", "result"]>]> {
  let summary = "elements of a vector by number";
  let description = [{
    `result[i] = table[index[i] mod n]`, where both vectors have n elements of as
    many bits, and n is a power of two. (`vector.shuffle` knows the numbers when
    it is compiled.)

    ```mlir
    %v = tile.permute %table, %index : vector<16xf32>, vector<16xi32>
    ```
  }];
  let arguments = (ins AnyVectorOfNonZeroRank:$table,
                       AnyVectorOfNonZeroRank:$index);
  let results = (outs AnyVectorOfNonZeroRank:$result);
  let assemblyFormat = "$table `,` $index attr-dict `:` type($table) `,` type($index)";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$table,
                                 "::mlir::Value":$index), [{
    build($_builder, $_state, table.getType(), table, index);
  }]>];
}

def Tile_DotPairsOp : Tile_Op<"dot_pairs", [Pure]> {
  let summary = "one step of a paired matrix atom on vectors";
  let description = [{
    `result[i] = acc[i] + a[2i] * b[2i] + a[2i+1] * b[2i+1]` in f32; the order
    of the two additions is the target's.
  }];
  let arguments = (ins AnyType:$acc, AnyType:$a, AnyType:$b);
  let results = (outs AnyType:$result);
  let assemblyFormat = "$acc `,` $a `,` $b attr-dict `:` type($acc) `,` type($a) `,` type($b) `->` type($result)";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$acc, "::mlir::Value":$a,
                                 "::mlir::Value":$b), [{
    build($_builder, $_state, acc.getType(), acc, a, b);
  }]>];
}

def Tile_DotBlockOp : Tile_Op<"dot_block",
    [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "a product of two blocks in memory, of 16-bit pairs";
  let description = [{
    A lies in squares of 16 rows by 32, one after another along k: A[i, k] is at
    `lhs[lhsAt + i0 * lhsStride + 16 * k0 + 32 * i1 + k1]`, where i0 and k0 are i
    and k rounded down to multiples of 16 and 32, and i1 and k1 the rest. So a
    square is read in the order in which it lies. With pairs of B[k, j] at
    `rhs[rhsAt + k / 2 * rhsStride + 2 * j + k % 2]` and C[i, j] at
    `acc[accAt + i * accStride + j]`, for i below `rows`, j below `columns` and
    k below 2 * `pairs`:

        C[i, j] += sum over k of A[i, k] * B[k, j]

    in f32, in an order of the target's; with `zero`, C[i, j] = that sum. The
    memories do not overlap.

    ```mlir
    tile.dot_block %a[%i] by 64, %b[%c0] by 64, %c[%c0] by 32 pairs %n rows 16 columns 32 zero
        : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
    ```
  }];
  let arguments = (ins AnyMemRef:$lhs, Index:$lhsAt, AnyMemRef:$rhs,
                       Index:$rhsAt, AnyMemRef:$acc, Index:$accAt, Index:$pairs,
                       I64Attr:$lhsStride, I64Attr:$rhsStride,
                       I64Attr:$accStride, I64Attr:$rows, I64Attr:$columns,
                       UnitAttr:$zero);
  let assemblyFormat = [{
    $lhs `[` $lhsAt `]` `by` $lhsStride `,` $rhs `[` $rhsAt `]` `by` $rhsStride
    `,` $acc `[` $accAt `]` `by` $accStride `pairs` $pairs `rows` $rows
    `columns` $columns (`zero` $zero^)? attr-dict
    `:` type($lhs) `,` type($rhs) `,` type($acc)
  }];
  let hasVerifier = 1;
}

def Tile_RunOp : Tile_Op<"run"> {
  let summary = "run a task function for every task number";
  let description = [{
    Calls `@callee(arguments..., task)` for task in [0, tasks), in any order
    and on any thread of the pool; returns when all are done. A nested symbol,
    `@device::@callee`, is a kernel of a device: then what follows on the
    device waits until all are done, and the host may go on.
  }];
  let arguments = (ins SymbolRefAttr:$callee, Index:$tasks,
                       Variadic<AnyType>:$arguments);
  let assemblyFormat = [{
    $callee `tasks` $tasks `(` $arguments `)` attr-dict (`:` type($arguments)^)?
  }];
}

def Tile_ThreadsOp : Tile_Op<"threads", [Pure]> {
  let summary = "the number of threads this call may use";
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Tile_PartsOp : Tile_Op<"parts", [Pure]> {
  let summary = "into how many parts this call should divide its work at least";
  let description = [{
    As many as `tile.threads`, unless results are to have the same bits for
    every number of threads: then a constant. Whatever changes the order of a
    sum asks this one.
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Tile_RequireOp : Tile_Op<"require", [MemoryEffects<[MemWrite]>]> {
  let summary = "in a task: the call fails with this message unless the condition holds";
  let description = [{
    A condition on data that only the machine of the tasks can read. If it is
    false in some task, the whole call fails with `message`; if several fail,
    with the message of one of them. The task goes on all the same, and so do
    the tasks after it, so whatever reads that data later has to stay inside
    its buffers by itself.

    Outlining for a device numbers the messages of a kernel: `number` is the
    position of `message` in the kernel's attribute `tile.messages`.

    ```mlir
    tile.require %fits, "a length exceeds the table's capacity"
    tile.require %fits, "a length exceeds the table's capacity" number 0
    ```
  }];
  let arguments = (ins I1:$condition, StrAttr:$message,
                       OptionalAttr<I64Attr>:$number);
  let assemblyFormat = "$condition `,` $message (`number` $number^)? attr-dict";
  let hasVerifier = 1;
}

def Tile_YieldOp : Tile_Op<"yield", [Pure, Terminator, ReturnLike]> {
  let summary = "end a region of a tile op with its values";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
  let builders = [OpBuilder<(ins), [{ }]>];
}

#endif
