// RUN: fovea-opt %s --fovea-attn-to-cascade -canonicalize -cse \
// RUN:   --fovea-derive-fold -canonicalize -cse --fovea-cascade-to-tile -cse \
// RUN:   --fovea-outline-tasks --fovea-tile-to-vector -canonicalize -cse | FileCheck %s

// Few rows, products from memory: 4 rows, steps of 64 keys.
#schedule = #tile.schedule<rows = 4, keys = 64, block = 2, lanes = 16, pairs = true, splits = 1, pack = true, narrow = true, blocks = true, distance = 8>

func.func @plain(%q: tensor<?x?x?x64xbf16>, %kv: !attn.kv<dense, key = 64, value = 96, bf16>) -> tensor<?x?x?x96xbf16>
    attributes {tile.schedule = #schedule} {
  %o = attn.attend %q, %kv
     : (tensor<?x?x?x64xbf16>, !attn.kv<dense, key = 64, value = 96, bf16>) -> tensor<?x?x?x96xbf16>
  return %o : tensor<?x?x?x96xbf16>
}

func.func @groups(%q: tensor<?x?x?x64xbf16>, %kv: !attn.kv<dense, key = 64, value = 64, bf16, stored = i4, scale = group<32>>) -> tensor<?x?x?x64xbf16>
    attributes {tile.schedule = #schedule} {
  %o = attn.attend %q, %kv
     : (tensor<?x?x?x64xbf16>, !attn.kv<dense, key = 64, value = 64, bf16, stored = i4, scale = group<32>>) -> tensor<?x?x?x64xbf16>
  return %o : tensor<?x?x?x64xbf16>
}

// CHECK-LABEL: func.func private @plain_tasks_0
// Queries twice: in f32 for partial steps, and as pairs of channels, 4 rows each.
// CHECK:       memref.store %{{.*}}, %{{.*}} : memref<256xf32>
// CHECK:       memref.store %{{.*}}, %[[Q:.*]][%{{.*}}] : memref<256xbf16>
// 16 keys are copied into squares while those before are multiplied; the keys 8
// further on are asked for, two lines each.
// CHECK:       scf.for %{{.*}} = %c0 to %c80 step %c16
// CHECK:         scf.if
// CHECK:           scf.for %{{.*}} = %c0 to %c16 step %c1
// CHECK-COUNT-2:     memref.prefetch %[[KEYS:.*]][
// CHECK-NOT:         memref.prefetch
// CHECK-COUNT-2:     vector.store %{{.*}}, %[[K:.*]][%{{.*}}] : memref<2048xbf16>, vector<32xbf16>
// CHECK:         scf.if
// CHECK:           tile.dot_block %[[K]][%{{.*}}] by 64, %[[Q]][%c0] by 8, %[[SCORES:.*]][%{{.*}}] by 4 pairs %c32 rows 16 columns 4 zero
// Four vectors of scores of 4 rows become one of each row.
// CHECK:       scf.for %{{.*}} = %c0 to %c64 step %c16
// CHECK-COUNT-4: vector.load %[[SCORES]]
// CHECK-COUNT-8: vector.shuffle
// CHECK-NOT:     vector.shuffle
// CHECK:         arith.maximumf
// Weights go into squares; values are asked for.
// CHECK:       scf.for %{{.*}} = %c0 to %c64 step %c16
// CHECK:         memref.prefetch
// CHECK:         math.exp
// CHECK:         vector.store %{{.*}}, %[[WEIGHTS:.*]][%{{.*}}] : memref<1024xbf16>, vector<16xbf16>
// Sums are added to the scaled state: 32 keys by 64 channels, and by the other 32.
// CHECK:       scf.for %{{.*}} = %c0 to %c96 step %c32
// CHECK:         scf.if
// CHECK:           vector.interleave
// CHECK:         scf.if
// CHECK:           tile.dot_block %[[WEIGHTS]][%{{.*}}] by 512, %[[V:.*]][%{{.*}}] by 192, %[[STATE:.*]][%c0] by 96 pairs %c16 rows 4 columns 64 :
// CHECK:           tile.dot_block %[[WEIGHTS]][%{{.*}}] by 512, %[[V]][%{{.*}}] by 192, %[[STATE]][%c64] by 96 pairs %c16 rows 4 columns 32 :
// A partial step, in f32.
// CHECK:       } else {
// CHECK-NOT:     tile.dot_block
// CHECK:         vector.fma
// CHECK-NOT:     tile.dot_block
// CHECK:       return

// CHECK-LABEL: func.func private @groups_tasks_0
// One table for all groups: whole numbers, without a scale.
// CHECK:       %[[TABLE:.*]] = vector.shuffle
// CHECK:       %[[WORDS:.*]] = arith.extui %{{.*}} : vector<32xi8> to vector<32xi16>
// CHECK:       tile.permute %[[TABLE]], %[[WORDS]]
// CHECK:       %[[HIGH:.*]] = arith.shrui %[[WORDS]]
// CHECK:       tile.permute %[[TABLE]], %[[HIGH]]
// A product for each group of 32 channels, and scores from their scaled sum.
// CHECK-COUNT-2: tile.dot_block {{.*}} pairs %c16 rows 16 columns 4 zero
// CHECK-NOT:   tile.dot_block
// CHECK-COUNT-4: arith.mulf
// CHECK-COUNT-4: vector.fma
// Pairs of bytes are looked up; weights are scaled for each group.
// CHECK:       %[[BOTH:.*]] = vector.interleave %{{.*}} : vector<32xi16> -> vector<64xi16>
// CHECK-COUNT-4: tile.permute
// CHECK:       arith.truncf
// CHECK-COUNT-2: tile.dot_block {{.*}} pairs %c16 rows 4 columns 32 :
// Of a partial step, the table holds scaled floats.
// CHECK:       } else {
// CHECK:         tile.permute %{{.*}} : vector<16xf32>, vector<16xi32>
