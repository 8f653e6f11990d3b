// RUN: fovea-opt %s --fovea-tile-to-vector -canonicalize -cse | FileCheck %s

// One step of decoding: 8 rows by 64 keys, lanes = 16, a block of 2. Lanes run
// along channels in products and along keys in between.

#schedule = #tile.schedule<rows = 8, keys = 64, block = 2, lanes = 16, pairs = false, splits = 1, pack = true, narrow = true, ahead = 32>

// CHECK-LABEL: func.func private @decode(
// Queries, once per task: [row][d].
// CHECK:       memref.store %{{.*}} : memref<512xf32>
// CHECK:       scf.for %{{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>)
// Full step, scores of 16 keys: two keys at a time, read where they lie, row
// after row; 4 vectors of each meet 8 rows.
// CHECK:         scf.for %{{.*}} = %c0 to %c64 step %c16 iter_args({{.*}}) -> ({{((vector<16xf32>(, )?){8})}})
// CHECK:           scf.for %{{.*}} = %c0 to %c8 step %c1
// Meanwhile a row of values is asked for: half of them by the end.
// CHECK-COUNT-4:     memref.prefetch %[[V:.*]][%{{.*}}], read, locality<3>, data
// CHECK-COUNT-8:     vector.load %{{.*}} : memref<{{.*}}strided<[1]>>, vector<16xf32>
// CHECK:             vector.load %{{.*}} : memref<512xf32>, vector<16xf32>
// CHECK-COUNT-64:    vector.fma
// CHECK-NOT:         vector.fma
// Two sums of a row become one vector: keys in even and odd lanes.
// CHECK:             vector.shuffle %{{.*}} [0, 17, 2, 19, 4, 21, 6, 23, 8, 25, 10, 27, 12, 29, 14, 31]
// CHECK:             vector.shuffle %{{.*}} [1, 16, 3, 18, 5, 20, 7, 22, 9, 24, 11, 26, 13, 28, 15, 30]
// CHECK:           vector.shuffle %{{.*}} [0, 1, 18, 19, 4, 5, 22, 23, 8, 9, 26, 27, 12, 13, 30, 31]
// CHECK:           vector.shuffle %{{.*}} [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31]
// No mask; the maximum is kept by key first, then over the lanes of a row.
// CHECK-NOT:       arith.select
// CHECK:           arith.maximumf
// CHECK:           vector.store
// Maxima of 8 rows in 8 vectors become one vector of rows.
// CHECK-COUNT-16:  vector.shuffle
// Weights of 16 keys of a row at a time.
// CHECK:         scf.for %{{.*}} = %c0 to %c64 step %c16
// CHECK-COUNT-8:   math.exp
// CHECK-NOT:       math.exp
// CHECK-COUNT-16:  vector.shuffle
// Values: 32 channels of 8 rows, key by key; a line of the other half of
// them are asked for on the way to each.
// CHECK:         scf.for %{{.*}} = %c0 to %c64 step %c32 {
// CHECK-COUNT-16:  arith.mulf %{{.*}} : vector<16xf32>
// CHECK:           scf.for %{{.*}} = %c0 to %c64 step %c1 {{.*}} -> ({{((vector<16xf32>(, )?){16})}})
// CHECK:             memref.prefetch %[[V]][
// CHECK-COUNT-16:    vector.fma
// CHECK-NOT:         vector.fma
// CHECK:             scf.yield
func.func private @decode(%q: memref<?x64xf32>, %k: memref<?x64xf32>, %v: memref<?x64xf32>, %o: memref<?x64xf32>, %task: index)
    attributes {tile.schedule = #schedule, tile.row_rank = "q"} {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %none = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %rows = memref.dim %q, %c0 : memref<?x64xf32>
  %keys = memref.dim %k, %c0 : memref<?x64xf32>
  %base = arith.muli %task, %c8 : index
  %Q = tile.load %q[%base, %c0] dims ["q", "d"] bounded ["q"] limits(%rows) : memref<?x64xf32> -> tensor<64x8xf32, #tile.in<near, [d, q]>>
  %m0 = tile.broadcast %none : f32 -> tensor<8xf32, #tile.in<register, [q]>>
  %l0 = tile.broadcast %zero : f32 -> tensor<8xf32, #tile.in<register, [q]>>
  %a0 = tile.broadcast %zero : f32 -> tensor<64x8xf32, #tile.in<register, [e, q]>>
  %r:3 = tile.stream "k" from(%c0) to(%keys) step 64 init(%m0, %l0, %a0) visible {
  ^bb0(%first: index, %last: index):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %m: tensor<8xf32, #tile.in<register, [q]>>, %l: tensor<8xf32, #tile.in<register, [q]>>, %a: tensor<64x8xf32, #tile.in<register, [e, q]>>):
    %at = tile.coordinate %first : tensor<64xi32, #tile.in<register, [k]>>
    %end = arith.index_cast %last : index to i32
    %ends = tile.broadcast %end : i32 -> tensor<64xi32, #tile.in<register, [k]>>
    %inside = arith.cmpi slt, %at, %ends : tensor<64xi32, #tile.in<register, [k]>>
    %mask = tile.broadcast %inside : tensor<64xi1, #tile.in<register, [k]>> -> tensor<64x8xi1, #tile.in<register, [k, q]>>
    %K = tile.load %k[%first, %c0] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x64xf32> -> tensor<64x64xf32, #tile.in<far, [k, d]>>
    %V = tile.load %v[%first, %c0] dims ["k", "e"] bounded ["k"] limits(%last) : memref<?x64xf32> -> tensor<64x64xf32, #tile.in<far, [k, e]>>
    %S = tile.contract %K, %Q : tensor<64x64xf32, #tile.in<far, [k, d]>>, tensor<64x8xf32, #tile.in<near, [d, q]>> -> tensor<64x8xf32, #tile.in<register, [k, q]>>
    %T = tile.guard %mask, %S else %none : tensor<64x8xi1, #tile.in<register, [k, q]>>, tensor<64x8xf32, #tile.in<register, [k, q]>> else f32 -> tensor<64x8xf32, #tile.in<register, [k, q]>>
    %top = tile.reduce max %T : tensor<64x8xf32, #tile.in<register, [k, q]>> -> tensor<8xf32, #tile.in<register, [q]>>
    %m1 = arith.maximumf %m, %top : tensor<8xf32, #tile.in<register, [q]>>
    %ms = tile.broadcast %m1 : tensor<8xf32, #tile.in<register, [q]>> -> tensor<64x8xf32, #tile.in<register, [k, q]>>
    %D = arith.subf %S, %ms : tensor<64x8xf32, #tile.in<register, [k, q]>>
    %E = math.exp %D : tensor<64x8xf32, #tile.in<register, [k, q]>>
    %P = tile.guard %mask, %E else %zero : tensor<64x8xi1, #tile.in<register, [k, q]>>, tensor<64x8xf32, #tile.in<register, [k, q]>> else f32 -> tensor<64x8xf32, #tile.in<register, [k, q]>>
    %sum = tile.reduce sum %P : tensor<64x8xf32, #tile.in<register, [k, q]>> -> tensor<8xf32, #tile.in<register, [q]>>
    %d = arith.subf %m, %m1 : tensor<8xf32, #tile.in<register, [q]>>
    %f = math.exp %d : tensor<8xf32, #tile.in<register, [q]>>
    %l1 = arith.mulf %l, %f : tensor<8xf32, #tile.in<register, [q]>>
    %l2 = arith.addf %l1, %sum : tensor<8xf32, #tile.in<register, [q]>>
    %W = tile.contract %V, %P : tensor<64x64xf32, #tile.in<far, [k, e]>>, tensor<64x8xf32, #tile.in<register, [k, q]>> -> tensor<64x8xf32, #tile.in<register, [e, q]>>
    %fs = tile.broadcast %f : tensor<8xf32, #tile.in<register, [q]>> -> tensor<64x8xf32, #tile.in<register, [e, q]>>
    %a1 = arith.mulf %a, %fs : tensor<64x8xf32, #tile.in<register, [e, q]>>
    %a2 = arith.addf %a1, %W : tensor<64x8xf32, #tile.in<register, [e, q]>>
    tile.yield %m1, %l2, %a2 : tensor<8xf32, #tile.in<register, [q]>>, tensor<8xf32, #tile.in<register, [q]>>, tensor<64x8xf32, #tile.in<register, [e, q]>>
  } : (tensor<8xf32, #tile.in<register, [q]>>, tensor<8xf32, #tile.in<register, [q]>>, tensor<64x8xf32, #tile.in<register, [e, q]>>) -> (tensor<8xf32, #tile.in<register, [q]>>, tensor<8xf32, #tile.in<register, [q]>>, tensor<64x8xf32, #tile.in<register, [e, q]>>)
  %ls = tile.broadcast %r#1 : tensor<8xf32, #tile.in<register, [q]>> -> tensor<64x8xf32, #tile.in<register, [e, q]>>
  %out = arith.divf %r#2, %ls : tensor<64x8xf32, #tile.in<register, [e, q]>>
  tile.store %out, %o[%base, %c0] dims ["q", "e"] bounded ["q"] limits(%rows) : tensor<64x8xf32, #tile.in<register, [e, q]>>, memref<?x64xf32>
  return
}
