// RUN: fovea-opt %s --fovea-attn-to-cascade -canonicalize -cse \
// RUN:   --fovea-derive-fold -canonicalize -cse --fovea-cascade-to-tile -cse \
// RUN:   --fovea-outline-tasks --fovea-tile-to-vector -canonicalize -cse | FileCheck %s

// Products of blocks in memory: panels of 64 rows, steps of 128 keys.
func.func @attention(%q: tensor<?x?x?x64xbf16>, %kv: !attn.kv<dense, key = 64, value = 32, bf16>) -> tensor<?x?x?x32xbf16>
    attributes {tile.schedule = #tile.schedule<rows = 128, keys = 128, block = 8, lanes = 16, pairs = true, splits = 1, blocks = true>} {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xbf16>, !attn.kv<dense, key = 64, value = 32, bf16>) -> tensor<?x?x?x32xbf16>
  return %o : tensor<?x?x?x32xbf16>
}

// CHECK-LABEL: func.func private @attention_tasks
// Once per step: keys in squares, values in pairs, turned; are they finite?
// CHECK:     vector.store %{{.*}}, %[[K:.*]][%{{.*}}] : memref<8192xbf16>, vector<32xbf16>
// CHECK:     vector.interleave
// CHECK:     vector.store %{{.*}}, %[[V:.*]][%{{.*}}] : memref<4096xbf16>, vector<32xbf16>
// CHECK:     vector.reduction <maxui>, %{{.*}} : vector<32xi16> into i16
// CHECK:     %[[FINITE:.*]] = arith.cmpi ult
// A full run: 32 keys by 64 rows, then their maxima. States are those of one of
// two panels, [channel][row].
// CHECK:     %[[STATE:.*]] = memref.subview %{{.*}} : memref<4096xf32> to
// CHECK:     scf.for %{{.*}} step %c32
// CHECK:       tile.dot_block %[[K]][%{{.*}}] by 64, %{{.*}}[%c0] by 128, %[[SCORES:.*]][%{{.*}}] by 64 pairs %c32 rows 32 columns 64 zero
// CHECK:       scf.for %{{.*}} step %c8
// CHECK:         vector.load %[[SCORES]]
// Weights, then sums on top of the scaled state.
// CHECK:     math.exp
// CHECK:     vector.store %{{.*}}, %[[WEIGHTS:.*]][%{{.*}}] : memref<8192xbf16>
// CHECK:     arith.mulf
// CHECK:     vector.store %{{.*}}, %[[STATE]]
// CHECK:     tile.dot_block %[[V]][%{{.*}}] by 128, %[[WEIGHTS]][%{{.*}}] by 128, %[[STATE]][%{{.*}}] by 64 pairs %{{.*}} rows 32 columns 64 :
// A partial one does the same if it can, with scores and weights hidden ...
// CHECK:     scf.if %[[FINITE]]
// CHECK:       tile.dot_block
// CHECK:       arith.select
// CHECK:       tile.dot_block
// CHECK:     } else {
// ... or goes key by key, where sums leave out what is hidden.
// CHECK-NOT:   tile.dot_block
// CHECK:       return
