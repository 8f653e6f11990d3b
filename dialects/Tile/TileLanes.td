//===- TileLanes.td - what one lane of a task does ----------------------===//
//
// After tiles have been spread over lanes, a task is code for one lane among
// subgroups * lanes: vectors of its own registers, upstream `gpu` ids, barriers
// and shuffles, and the few operations below, which any machine with matrix
// units and shared near memory has in some form.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DIALECTS_TILE_LANES_TD
#define FOVEA_DIALECTS_TILE_LANES_TD

include "dialects/Tile/TileAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Tile_LaneOp<string mnemonic, list<Trait> traits = []>
    : Op<Tile_Dialect, mnemonic, traits>;

def Tile_NearOp : Tile_LaneOp<"near", [Pure]> {
  let summary = "a buffer in the near memory of the task";
  let description = [{
    All lanes of a task see the same bytes, from byte `offset` of the task's
    near memory; near buffers have memory space 3. Offsets are decided where
    the op is made, and the task's function says in `tile.near_bytes` how much
    it needs.

    ```mlir
    %k = tile.near 4096 : memref<8192xbf16, 3>
    ```
  }];
  let arguments = (ins I64Attr:$offset);
  let results = (outs AnyMemRef:$buffer);
  let assemblyFormat = "$offset attr-dict `:` type($buffer)";
}

def Tile_MatrixOp : Tile_LaneOp<"matrix", [
    Pure, AllTypesMatch<["c", "result"]>]> {
  let summary = "one matrix atom, by all lanes of a subgroup together";
  let description = [{
    `c + a * b` for matrices of `shape` m x n by k. Each lane holds vectors of
    the elements that the atom of that shape and type in the machine's table
    (`#tile.atom`) gives it. All lanes of the subgroup must take part.

    ```mlir
    %d = tile.matrix %a, %b, %c shape [16, 8, 16]
       : vector<8xbf16>, vector<4xbf16>, vector<4xf32>
    ```
  }];
  let arguments = (ins AnyVectorOfNonZeroRank:$a, AnyVectorOfNonZeroRank:$b,
                       AnyVectorOfNonZeroRank:$c, DenseI64ArrayAttr:$shape);
  let results = (outs AnyVectorOfNonZeroRank:$result);
  let assemblyFormat = [{
    $a `,` $b `,` $c `shape` $shape attr-dict `:` type($a) `,` type($b) `,` type($c)
  }];
  let hasVerifier = 1;
}

def Tile_ReadMatrixOp : Tile_LaneOp<"read_matrix", [MemoryEffects<[MemRead]>]> {
  let summary = "read 8 x 8 blocks of 16-bit elements from near memory";
  let description = [{
    Brings `count` (1, 2 or 4) blocks. Lane 8 i + j points (by `index`, in
    elements) at row j of block i: 8 consecutive elements, 16 bytes aligned.
    Element 2 i + p of lane l is element [l / 4, 2 (l % 4) + p] of block i, or
    [2 (l % 4) + p, l / 4] with `transposed`. The subgroup has 32 lanes.

    ```mlir
    %b = tile.read_matrix %near[%at] count 4 transposed : memref<8192xbf16, 3> -> vector<8xbf16>
    ```
  }];
  let arguments = (ins AnyMemRef:$source, Index:$index, I64Attr:$count,
                       UnitAttr:$transposed);
  let results = (outs AnyVectorOfNonZeroRank:$result);
  let assemblyFormat = [{
    $source `[` $index `]` `count` $count (`transposed` $transposed^)? attr-dict
    `:` type($source) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Tile_CopyOp : Tile_LaneOp<"copy", [MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "copy a few consecutive elements to near memory, asynchronously";
  let description = [{
    The copy of one lane: `count` elements of `source` from `from`, to `target`
    from `to`; zeros if `valid` is false, and then `source` is not read. The
    bytes are 4, 8 or 16, aligned at both ends. What was copied may be read
    after a `tile.copy_wait` of this lane, and by other lanes after a barrier
    that follows it.

    ```mlir
    tile.copy %k[%i] to %near[%j] count 8 if %inside : memref<?xbf16, 1> to memref<8192xbf16, 3>
    ```
  }];
  let arguments = (ins AnyMemRef:$source, Index:$from, AnyMemRef:$target,
                       Index:$to, I64Attr:$count, I1:$valid);
  let assemblyFormat = [{
    $source `[` $from `]` `to` $target `[` $to `]` `count` $count `if` $valid
    attr-dict `:` type($source) `to` type($target)
  }];
  let hasVerifier = 1;
}

def Tile_CopyCommitOp : Tile_LaneOp<"copy_commit"> {
  let summary = "end a group of this lane's copies";
  let assemblyFormat = "attr-dict";
}

def Tile_CopyWaitOp : Tile_LaneOp<"copy_wait"> {
  let summary = "wait until at most `pending` of this lane's groups are unfinished";
  let arguments = (ins I64Attr:$pending);
  let assemblyFormat = "$pending attr-dict";
}

#endif
