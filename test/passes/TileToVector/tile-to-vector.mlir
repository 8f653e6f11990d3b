// RUN: fovea-opt %s -split-input-file --fovea-tile-to-vector -canonicalize -cse | FileCheck %s

// A causal softmax step. rows = 32 and lanes = 16 are two vectors of rows, a
// block of 8 keys is a register tile of 16 vectors. The counts are those of
// one block: no sweep, variant or half of one can go missing unseen.

// CHECK-LABEL: func.func @softmax(
// Queries, once per task, transposed: [d][q].
// CHECK-DAG:   %[[INF:.*]] = arith.constant dense<0xFF800000> : vector<16xf32>
// CHECK-DAG:   memref.alloca() {{.*}} : memref<2048xf32>
// CHECK:       memref.load
// CHECK:       memref.store %{{.*}} : memref<2048xf32>
// The wide state starts at zero, in near memory.
// CHECK:       vector.store %{{.*}}, %[[ACC:.*]][%{{.*}}] : memref<1024xf32>
// CHECK:       vector.store %{{.*}}, %[[ACC]][%{{.*}}] : memref<1024xf32>
// The row states are carried as vectors.
// CHECK:       scf.for %[[FIRST:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args({{.*}}) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>)
// CHECK:         %[[COUNT:.*]] = arith.subi %{{.*}}, %[[FIRST]] : index
// CHECK:         scf.if %{{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {
// CHECK:           scf.if %{{.*}} -> (vector<16xf32>, vector<16xf32>, vector<16xf32>, vector<16xf32>) {

// Full step, sweep 0: scores of 8 keys in 16 accumulators, four channels a
// time; stored, and their maximum kept. No mask.
// CHECK:             scf.for %{{.*}} -> (vector<16xf32>, vector<16xf32>) {
// CHECK:               scf.for %{{.*}} = %c0 to %c64 step %c4 {{.*}} -> (vector<16xf32>{{(, vector<16xf32>)+}})
// CHECK-COUNT-64:        vector.fma
// CHECK-NOT:             vector.fma
// CHECK-NOT:             arith.select
// CHECK:                 scf.yield
// CHECK:               arith.mulf
// CHECK-NEXT:          arith.maximumf
// CHECK:               vector.store %{{.*}}, %[[S:.*]][%{{.*}}] : memref<8192xf32>
// CHECK-COUNT-15:      vector.store %{{.*}}, %[[S]][%{{.*}}] : memref<8192xf32>
// CHECK-NOT:           vector.store
// CHECK:               scf.yield
// The new maximum.
// CHECK-COUNT-2:     arith.maximumf
// Sweep 1: weights, over the scores in place, and their sum.
// CHECK:             scf.for %{{.*}} -> (vector<16xf32>, vector<16xf32>) {
// CHECK:               vector.load %[[S]][%[[AT:.*]]] : memref<8192xf32>
// CHECK-NEXT:          arith.subf
// CHECK-NEXT:          math.exp
// CHECK-NEXT:          arith.addf
// CHECK-NEXT:          vector.store %{{.*}}, %[[S]][%[[AT]]]
// CHECK-COUNT-15:      math.exp
// CHECK-NOT:           math.exp
// CHECK-NOT:           arith.select
// CHECK:               scf.yield
// The factor of the old state, and the new sum.
// CHECK-COUNT-2:     math.exp
// CHECK-COUNT-2:     arith.mulf
// Values: 8 channels of the state in 16 accumulators, scaled on the way in,
// over all keys of the step, half a block a time. Scores are not computed
// again, although the factor depends on them.
// CHECK:             scf.for %{{.*}} = %c0 to %c32 step %c8 {
// CHECK-COUNT-16:      arith.mulf %{{.*}} : vector<16xf32>
// CHECK:               scf.for %{{.*}} = %c0 to %c256 step %c4 {{.*}} -> (vector<16xf32>{{(, vector<16xf32>)+}})
// CHECK:                 vector.load %[[S]]
// CHECK-COUNT-64:        vector.fma
// CHECK-NOT:             vector.fma
// CHECK-NOT:             arith.select
// CHECK:                 scf.yield
// CHECK-COUNT-16:      vector.store %{{.*}}, %[[ACC]][
// CHECK-NOT:           vector.store
// CHECK:           } else {

// Partial step: the same, with a mask on scores and weights, keys beyond the
// last one clamped, and no contribution of a key with weight zero.
// CHECK:             scf.for %{{.*}} = %c0 to %[[COUNT]] step %c8 {{.*}} -> (vector<16xf32>, vector<16xf32>) {
// CHECK:               arith.minsi
// CHECK-COUNT-64:      vector.fma
// CHECK:               arith.cmpi sle
// CHECK-COUNT-16:      arith.select %{{.*}}, %{{.*}}, %[[INF]]
// CHECK:               scf.yield
// CHECK:             scf.for %{{.*}} = %c0 to %[[COUNT]] step %c8 {{.*}} -> (vector<16xf32>, vector<16xf32>) {
// CHECK:               %[[W:.*]] = math.exp
// CHECK:               arith.select %{{.*}}, %[[W]], 
// CHECK-COUNT-15:      math.exp
// CHECK:               scf.yield
// CHECK-COUNT-2:     math.exp
// CHECK:             scf.for %{{.*}} = %c0 to %c32 step %c8 {
// CHECK:               arith.cmpi sle, %{{.*}} : vector<16xi32>
// CHECK-COUNT-64:      arith.select
// CHECK-COUNT-16:      vector.store %{{.*}}, %[[ACC]][

// After the stream: divided by the sum, and only the rows that exist written.
// CHECK:         arith.divf
// CHECK:         scf.for
// CHECK:         memref.store
// CHECK-NOT:     tile.
// CHECK:         return
!qt = tensor<64x32xf32, #tile.in<near, [d, q]>>
!kt = tensor<256x64xf32, #tile.in<far, [k, d]>>
!vt = tensor<256x32xf32, #tile.in<far, [k, e]>>
!kq = tensor<256x32xf32, #tile.in<register, [k, q]>>
!kqi = tensor<256x32xi32, #tile.in<register, [k, q]>>
!kqm = tensor<256x32xi1, #tile.in<register, [k, q]>>
!k = tensor<256xi32, #tile.in<register, [k]>>
!qi = tensor<32xi32, #tile.in<register, [q]>>
!q = tensor<32xf32, #tile.in<register, [q]>>
!eq = tensor<32x32xf32, #tile.in<register, [e, q]>>

func.func @softmax(%Q: memref<?x64xf32>, %K: memref<?x64xf32>, %V: memref<?x32xf32>, %O: memref<?x32xf32>,
                   %q0: index, %q1: index, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %none = arith.constant 0xFF800000 : f32
  %nil = arith.constant 0.0 : f32
  %qt = tile.load %Q[%q0, %zero] dims ["q", "d"] bounded ["q"] limits(%q1) : memref<?x64xf32> -> !qt
  %m0 = tile.broadcast %none : f32 -> !q
  %l0 = tile.broadcast %nil : f32 -> !q
  %a0 = tile.broadcast %nil : f32 -> !eq
  %r:3 = tile.stream "k" from (%zero) to (%keys) step 256 init(%m0, %l0, %a0) visible {
  ^bb0(%first: index, %last: index):
    %any = arith.cmpi slt, %first, %q1 : index
    %all = arith.cmpi sle, %last, %q0 : index
    tile.yield %any, %all : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %m: !q, %l: !q, %a: !eq):
    %k = tile.coordinate %first : !k
    %q = tile.coordinate %q0 : !qi
    %kk = tile.broadcast %k : !k -> !kqi
    %qq = tile.broadcast %q : !qi -> !kqi
    %seen = arith.cmpi sle, %kk, %qq : !kqi
    %kt = tile.load %K[%first, %zero] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x64xf32> -> !kt
    %vt = tile.load %V[%first, %zero] dims ["k", "e"] bounded ["k"] limits(%last) : memref<?x32xf32> -> !vt
    %product = tile.contract %kt, %qt : !kt, !qt -> !kq
    %scale = arith.constant 0.125 : f32
    %scales = tile.broadcast %scale : f32 -> !kq
    %s = arith.mulf %product, %scales : !kq
    %sg = tile.guard %seen, %s else %none : !kqm, !kq else f32 -> !kq
    %sm = tile.reduce max %sg : !kq -> !q
    %m2 = arith.maximumf %m, %sm : !q
    %gap = arith.subf %m, %m2 : !q
    %alpha = math.exp %gap : !q
    %mm = tile.broadcast %m2 : !q -> !kq
    %z = arith.subf %s, %mm : !kq
    %p = math.exp %z : !kq
    %pg = tile.guard %seen, %p else %nil : !kqm, !kq else f32 -> !kq
    %ps = tile.reduce sum %pg : !kq -> !q
    %lo = arith.mulf %l, %alpha : !q
    %l2 = arith.addf %lo, %ps : !q
    %pv = tile.contract %vt, %pg : !vt, !kq -> !eq
    %aa = tile.broadcast %alpha : !q -> !eq
    %ao = arith.mulf %a, %aa : !eq
    %a2 = arith.addf %ao, %pv : !eq
    tile.yield %m2, %l2, %a2 : !q, !q, !eq
  } : (!q, !q, !eq) -> (!q, !q, !eq)
  %ll = tile.broadcast %r#1 : !q -> !eq
  %o = arith.divf %r#2, %ll : !eq
  tile.store %o, %O[%q0, %zero] dims ["q", "e"] bounded ["q"] limits(%q1) : !eq, memref<?x32xf32>
  return
}

// -----

// A stream whose only state is wide carries nothing in registers.

// CHECK-LABEL: func.func @no_row_state(
// CHECK:       scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c4 {
// CHECK:         scf.if %{{.*}} {
// CHECK:           scf.for %{{.*}} = %c0 to %c4 step %c2 {
// CHECK-COUNT-2:     math.tanh
// CHECK-NOT:         math.tanh
// CHECK:           scf.for %{{.*}} = %c0 to %c8 step %c2 {
// CHECK:         } else {
// CHECK-COUNT-2:     math.tanh
func.func @no_row_state(%Q: memref<?x8xf32>, %K: memref<?x8xf32>, %V: memref<?x8xf32>, %O: memref<?x8xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %qt = tile.load %Q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32> -> tensor<8x4xf32, #tile.in<near, [d, q]>>
  %a0 = tile.broadcast %nil : f32 -> tensor<8x4xf32, #tile.in<register, [e, q]>>
  %r = tile.stream "k" from (%zero) to (%keys) step 4 init(%a0) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %a: tensor<8x4xf32, #tile.in<register, [e, q]>>):
    %k = tile.coordinate %first : tensor<4xi32, #tile.in<register, [k]>>
    %bound = arith.index_cast %last : index to i32
    %bounds = tile.broadcast %bound : i32 -> tensor<4xi32, #tile.in<register, [k]>>
    %seen = arith.cmpi slt, %k, %bounds : tensor<4xi32, #tile.in<register, [k]>>
    %kt = tile.load %K[%first, %zero] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x8xf32> -> tensor<4x8xf32, #tile.in<far, [k, d]>>
    %vt = tile.load %V[%first, %zero] dims ["k", "e"] bounded ["k"] limits(%last) : memref<?x8xf32> -> tensor<4x8xf32, #tile.in<far, [k, e]>>
    %s = tile.contract %kt, %qt : tensor<4x8xf32, #tile.in<far, [k, d]>>, tensor<8x4xf32, #tile.in<near, [d, q]>> -> tensor<4x4xf32, #tile.in<register, [k, q]>>
    %p = math.tanh %s : tensor<4x4xf32, #tile.in<register, [k, q]>>
    %pg = tile.guard %seen, %p else %nil : tensor<4xi1, #tile.in<register, [k]>>, tensor<4x4xf32, #tile.in<register, [k, q]>> else f32 -> tensor<4x4xf32, #tile.in<register, [k, q]>>
    %pv = tile.contract %vt, %pg : tensor<4x8xf32, #tile.in<far, [k, e]>>, tensor<4x4xf32, #tile.in<register, [k, q]>> -> tensor<8x4xf32, #tile.in<register, [e, q]>>
    %a2 = arith.addf %a, %pv : tensor<8x4xf32, #tile.in<register, [e, q]>>
    tile.yield %a2 : tensor<8x4xf32, #tile.in<register, [e, q]>>
  } : (tensor<8x4xf32, #tile.in<register, [e, q]>>) -> tensor<8x4xf32, #tile.in<register, [e, q]>>
  tile.store %r, %O[%zero, %zero] dims ["q", "e"] bounded [] limits() : tensor<8x4xf32, #tile.in<register, [e, q]>>, memref<?x8xf32>
  return
}

// -----

// Widths that are no multiple of the block: 10 channels of keys are two times
// four and two; 20 channels of values are two blocks of eight and four.

// CHECK-LABEL: func.func @remainders(
// CHECK:       scf.if %{{.*}} {
// CHECK:         scf.for %{{.*}} = %c0 to %c16 step %c8 {
// CHECK:           scf.for %{{.*}} = %c0 to %c8 step %c4
// CHECK-COUNT-32:    vector.fma
// CHECK:             scf.yield
// CHECK-COUNT-16:  vector.fma
// CHECK-NOT:       vector.fma
// CHECK-COUNT-8:   math.tanh
// CHECK:         scf.for %{{.*}} = %c0 to %c16 step %c8 {
// CHECK:           scf.for %{{.*}} = %c0 to %c16 step %c4
// CHECK-COUNT-32:    vector.fma
// CHECK:             scf.yield
// CHECK-COUNT-8:   vector.store
// CHECK-NOT:       vector.store
// CHECK:         scf.for %{{.*}} = %c0 to %c16 step %c4 iter_args
// CHECK-COUNT-16:  vector.fma
// CHECK-NOT:       vector.fma
// CHECK:           scf.yield
// CHECK-COUNT-4: vector.store
// CHECK-NOT:     vector.store
// CHECK:       } else {
func.func @remainders(%Q: memref<?x10xf32>, %K: memref<?x10xf32>, %V: memref<?x20xf32>, %O: memref<?x20xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 16, block = 8, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %qt = tile.load %Q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x10xf32> -> tensor<10x4xf32, #tile.in<near, [d, q]>>
  %a0 = tile.broadcast %nil : f32 -> tensor<20x4xf32, #tile.in<register, [e, q]>>
  %r = tile.stream "k" from (%zero) to (%keys) step 16 init(%a0) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %a: tensor<20x4xf32, #tile.in<register, [e, q]>>):
    %k = tile.coordinate %first : tensor<16xi32, #tile.in<register, [k]>>
    %bound = arith.index_cast %last : index to i32
    %bounds = tile.broadcast %bound : i32 -> tensor<16xi32, #tile.in<register, [k]>>
    %seen = arith.cmpi slt, %k, %bounds : tensor<16xi32, #tile.in<register, [k]>>
    %kt = tile.load %K[%first, %zero] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x10xf32> -> tensor<16x10xf32, #tile.in<far, [k, d]>>
    %vt = tile.load %V[%first, %zero] dims ["k", "e"] bounded ["k"] limits(%last) : memref<?x20xf32> -> tensor<16x20xf32, #tile.in<far, [k, e]>>
    %s = tile.contract %kt, %qt : tensor<16x10xf32, #tile.in<far, [k, d]>>, tensor<10x4xf32, #tile.in<near, [d, q]>> -> tensor<16x4xf32, #tile.in<register, [k, q]>>
    %p = math.tanh %s : tensor<16x4xf32, #tile.in<register, [k, q]>>
    %pg = tile.guard %seen, %p else %nil : tensor<16xi1, #tile.in<register, [k]>>, tensor<16x4xf32, #tile.in<register, [k, q]>> else f32 -> tensor<16x4xf32, #tile.in<register, [k, q]>>
    %pv = tile.contract %vt, %pg : tensor<16x20xf32, #tile.in<far, [k, e]>>, tensor<16x4xf32, #tile.in<register, [k, q]>> -> tensor<20x4xf32, #tile.in<register, [e, q]>>
    %a2 = arith.addf %a, %pv : tensor<20x4xf32, #tile.in<register, [e, q]>>
    tile.yield %a2 : tensor<20x4xf32, #tile.in<register, [e, q]>>
  } : (tensor<20x4xf32, #tile.in<register, [e, q]>>) -> tensor<20x4xf32, #tile.in<register, [e, q]>>
  tile.store %r, %O[%zero, %zero] dims ["q", "e"] bounded [] limits() : tensor<20x4xf32, #tile.in<register, [e, q]>>, memref<?x20xf32>
  return
}

// -----

// An odd block has no halves: one key a time, none beyond the zeros.

// CHECK-LABEL: func.func @odd_block(
// CHECK:       scf.if %{{.*}} {
// CHECK:         scf.for %{{.*}} = %c0 to %c15 step %c5 {
// CHECK:         scf.for %{{.*}} = %c0 to %c15 step %c1 iter_args
// CHECK-COUNT-5:   vector.fma
// CHECK-NOT:       vector.fma
// CHECK:           scf.yield
// CHECK:       } else {
func.func @odd_block(%Q: memref<?x8xf32>, %K: memref<?x8xf32>, %V: memref<?x5xf32>, %O: memref<?x5xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 15, block = 5, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %qt = tile.load %Q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32> -> tensor<8x4xf32, #tile.in<near, [d, q]>>
  %a0 = tile.broadcast %nil : f32 -> tensor<5x4xf32, #tile.in<register, [e, q]>>
  %r = tile.stream "k" from (%zero) to (%keys) step 15 init(%a0) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %a: tensor<5x4xf32, #tile.in<register, [e, q]>>):
    %k = tile.coordinate %first : tensor<15xi32, #tile.in<register, [k]>>
    %bound = arith.index_cast %last : index to i32
    %bounds = tile.broadcast %bound : i32 -> tensor<15xi32, #tile.in<register, [k]>>
    %seen = arith.cmpi slt, %k, %bounds : tensor<15xi32, #tile.in<register, [k]>>
    %kt = tile.load %K[%first, %zero] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x8xf32> -> tensor<15x8xf32, #tile.in<far, [k, d]>>
    %vt = tile.load %V[%first, %zero] dims ["k", "e"] bounded ["k"] limits(%last) : memref<?x5xf32> -> tensor<15x5xf32, #tile.in<far, [k, e]>>
    %s = tile.contract %kt, %qt : tensor<15x8xf32, #tile.in<far, [k, d]>>, tensor<8x4xf32, #tile.in<near, [d, q]>> -> tensor<15x4xf32, #tile.in<register, [k, q]>>
    %p = math.tanh %s : tensor<15x4xf32, #tile.in<register, [k, q]>>
    %pg = tile.guard %seen, %p else %nil : tensor<15xi1, #tile.in<register, [k]>>, tensor<15x4xf32, #tile.in<register, [k, q]>> else f32 -> tensor<15x4xf32, #tile.in<register, [k, q]>>
    %pv = tile.contract %vt, %pg : tensor<15x5xf32, #tile.in<far, [k, e]>>, tensor<15x4xf32, #tile.in<register, [k, q]>> -> tensor<5x4xf32, #tile.in<register, [e, q]>>
    %a2 = arith.addf %a, %pv : tensor<5x4xf32, #tile.in<register, [e, q]>>
    tile.yield %a2 : tensor<5x4xf32, #tile.in<register, [e, q]>>
  } : (tensor<5x4xf32, #tile.in<register, [e, q]>>) -> tensor<5x4xf32, #tile.in<register, [e, q]>>
  tile.store %r, %O[%zero, %zero] dims ["q", "e"] bounded [] limits() : tensor<5x4xf32, #tile.in<register, [e, q]>>, memref<?x5xf32>
  return
}

// -----

// 16-bit operands without paired atoms: queries are widened when they are
// brought near; keys and values once per step, then products are in f32.

// CHECK-LABEL: func.func @decoded(
// CHECK:       memref.load
// CHECK:       arith.extf %{{.*}} : bf16 to f32
// CHECK:       memref.store %{{.*}} : memref<32xf32>
// CHECK:       scf.if %{{.*}} {
// CHECK:         scf.for %{{.*}} = %c0 to %c8 step %c1 {
// CHECK:           vector.load %{{.*}} vector<4xbf16>
// CHECK:           arith.extf %{{.*}} : vector<4xbf16> to vector<4xf32>
// CHECK:           vector.store %{{.*}}, %[[K:.*]][%{{.*}}] : memref<64xf32>
// CHECK:         scf.for %{{.*}} = %c0 to %c8 step %c4 {
// CHECK:           memref.load %[[K]]
// CHECK:           vector.fma %{{.*}} : vector<4xf32>
// CHECK:         scf.for %{{.*}} = %c0 to %c8 step %c1 {
// CHECK:           arith.extf %{{.*}} : vector<4xbf16> to vector<4xf32>
// The fifth and sixth channel, after one vector of four.
// CHECK-COUNT-2:   arith.extf %{{.*}} : bf16 to f32
// CHECK-NOT:       arith.extf
// CHECK:         vector.fma
func.func @decoded(%Q: memref<?x8xbf16>, %K: memref<?x8xbf16>, %V: memref<?x6xbf16>, %O: memref<?x6xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 4, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %qt = tile.load %Q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xbf16> -> tensor<8x4xbf16, #tile.in<near, [d, q]>>
  %a0 = tile.broadcast %nil : f32 -> tensor<6x4xf32, #tile.in<register, [e, q]>>
  %r = tile.stream "k" from (%zero) to (%keys) step 8 init(%a0) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %a: tensor<6x4xf32, #tile.in<register, [e, q]>>):
    %k = tile.coordinate %first : tensor<8xi32, #tile.in<register, [k]>>
    %bound = arith.index_cast %last : index to i32
    %bounds = tile.broadcast %bound : i32 -> tensor<8xi32, #tile.in<register, [k]>>
    %seen = arith.cmpi slt, %k, %bounds : tensor<8xi32, #tile.in<register, [k]>>
    %kt = tile.load %K[%first, %zero] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x8xbf16> -> tensor<8x8xbf16, #tile.in<far, [k, d]>>
    %vt = tile.load %V[%first, %zero] dims ["k", "e"] bounded ["k"] limits(%last) : memref<?x6xbf16> -> tensor<8x6xbf16, #tile.in<far, [k, e]>>
    %s = tile.contract %kt, %qt : tensor<8x8xbf16, #tile.in<far, [k, d]>>, tensor<8x4xbf16, #tile.in<near, [d, q]>> -> tensor<8x4xf32, #tile.in<register, [k, q]>>
    %p = math.tanh %s : tensor<8x4xf32, #tile.in<register, [k, q]>>
    %pg = tile.guard %seen, %p else %nil : tensor<8xi1, #tile.in<register, [k]>>, tensor<8x4xf32, #tile.in<register, [k, q]>> else f32 -> tensor<8x4xf32, #tile.in<register, [k, q]>>
    %pv = tile.contract %vt, %pg : tensor<8x6xbf16, #tile.in<far, [k, e]>>, tensor<8x4xf32, #tile.in<register, [k, q]>> -> tensor<6x4xf32, #tile.in<register, [e, q]>>
    %a2 = arith.addf %a, %pv : tensor<6x4xf32, #tile.in<register, [e, q]>>
    tile.yield %a2 : tensor<6x4xf32, #tile.in<register, [e, q]>>
  } : (tensor<6x4xf32, #tile.in<register, [e, q]>>) -> tensor<6x4xf32, #tile.in<register, [e, q]>>
  tile.store %r, %O[%zero, %zero] dims ["q", "e"] bounded [] limits() : tensor<6x4xf32, #tile.in<register, [e, q]>>, memref<?x6xf32>
  return
}

// -----

// Paired atoms: queries lie in pairs of channels, weights in pairs of keys
// (rounded as they are stored), values are interleaved in pairs of keys.

// CHECK-LABEL: func.func @paired(
// CHECK-NOT:   arith.extf
// CHECK:       memref.store %{{.*}} : memref<32xbf16>
// CHECK:       scf.if %{{.*}} {
// CHECK:         scf.for %{{.*}} = %c0 to %c8 step %c4 {
// CHECK:           vector.load %{{.*}} : memref<32xbf16>, vector<8xbf16>
// CHECK-COUNT-16:  tile.dot_pairs
// CHECK-NOT:       tile.dot_pairs
// CHECK:           math.tanh
// CHECK:           %[[LOW:.*]] = arith.shrui
// CHECK:           %[[HIGH:.*]] = arith.andi
// CHECK:           arith.ori %[[LOW]], %[[HIGH]]
// CHECK:           vector.store %{{.*}}, %[[P:.*]][%{{.*}}] : memref<32xbf16>, vector<8xbf16>
// CHECK:         scf.for %{{.*}} = %c0 to %c8 step %c2 {
// CHECK:           vector.interleave
// CHECK:         scf.for %{{.*}} = %c0 to %c8 step %c4 {
// CHECK:           scf.for %{{.*}} = %c0 to %c8 step %c2 iter_args
// CHECK:             vector.load %[[P]]
// CHECK-COUNT-4:     tile.dot_pairs
// CHECK-NOT:         tile.dot_pairs
// CHECK:             scf.yield
// CHECK-NOT:   vector.fma
// CHECK:       } else {
// A partial step pairs channels only: a pair of keys could hold one that a row
// must not see.
// CHECK-COUNT-16:  tile.dot_pairs
// CHECK-NOT:       tile.dot_pairs
// CHECK:           math.tanh
// CHECK-NOT:       tile.dot_pairs
// CHECK:           vector.fma
// CHECK-NEXT:      arith.select
// CHECK-NOT:       tile.dot_pairs
// CHECK:       return
func.func @paired(%Q: memref<?x8xbf16>, %K: memref<?x8xbf16>, %V: memref<?x8xbf16>, %O: memref<?x8xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 4, lanes = 4, pairs = true, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %qt = tile.load %Q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xbf16> -> tensor<8x4xbf16, #tile.in<near, [d, q]>>
  %a0 = tile.broadcast %nil : f32 -> tensor<8x4xf32, #tile.in<register, [e, q]>>
  %r = tile.stream "k" from (%zero) to (%keys) step 8 init(%a0) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %a: tensor<8x4xf32, #tile.in<register, [e, q]>>):
    %k = tile.coordinate %first : tensor<8xi32, #tile.in<register, [k]>>
    %bound = arith.index_cast %last : index to i32
    %bounds = tile.broadcast %bound : i32 -> tensor<8xi32, #tile.in<register, [k]>>
    %seen = arith.cmpi slt, %k, %bounds : tensor<8xi32, #tile.in<register, [k]>>
    %kt = tile.load %K[%first, %zero] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x8xbf16> -> tensor<8x8xbf16, #tile.in<far, [k, d]>>
    %vt = tile.load %V[%first, %zero] dims ["k", "e"] bounded ["k"] limits(%last) : memref<?x8xbf16> -> tensor<8x8xbf16, #tile.in<far, [k, e]>>
    %s = tile.contract %kt, %qt : tensor<8x8xbf16, #tile.in<far, [k, d]>>, tensor<8x4xbf16, #tile.in<near, [d, q]>> -> tensor<8x4xf32, #tile.in<register, [k, q]>>
    %p = math.tanh %s : tensor<8x4xf32, #tile.in<register, [k, q]>>
    %pg = tile.guard %seen, %p else %nil : tensor<8xi1, #tile.in<register, [k]>>, tensor<8x4xf32, #tile.in<register, [k, q]>> else f32 -> tensor<8x4xf32, #tile.in<register, [k, q]>>
    %pv = tile.contract %vt, %pg : tensor<8x8xbf16, #tile.in<far, [k, e]>>, tensor<8x4xf32, #tile.in<register, [k, q]>> -> tensor<8x4xf32, #tile.in<register, [e, q]>>
    %a2 = arith.addf %a, %pv : tensor<8x4xf32, #tile.in<register, [e, q]>>
    tile.yield %a2 : tensor<8x4xf32, #tile.in<register, [e, q]>>
  } : (tensor<8x4xf32, #tile.in<register, [e, q]>>) -> tensor<8x4xf32, #tile.in<register, [e, q]>>
  tile.store %r, %O[%zero, %zero] dims ["q", "e"] bounded [] limits() : tensor<8x4xf32, #tile.in<register, [e, q]>>, memref<?x8xf32>
  return
}

// -----

// Three pairs to a block: a step of the second product takes one pair.

// CHECK-LABEL: func.func @three_pairs(
// CHECK:       scf.if %{{.*}} {
// CHECK:         scf.for %{{.*}} = %c0 to %c12 step %c6 {
// CHECK:         vector.interleave
// CHECK:         scf.for %{{.*}} = %c0 to %c12 step %c2 iter_args
// CHECK-COUNT-6:   tile.dot_pairs
// CHECK-NOT:       tile.dot_pairs
// CHECK:           scf.yield
// CHECK:       } else {
func.func @three_pairs(%Q: memref<?x8xbf16>, %K: memref<?x8xbf16>, %V: memref<?x6xbf16>, %O: memref<?x6xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 12, block = 6, lanes = 4, pairs = true, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %qt = tile.load %Q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xbf16> -> tensor<8x4xbf16, #tile.in<near, [d, q]>>
  %a0 = tile.broadcast %nil : f32 -> tensor<6x4xf32, #tile.in<register, [e, q]>>
  %r = tile.stream "k" from (%zero) to (%keys) step 12 init(%a0) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %a: tensor<6x4xf32, #tile.in<register, [e, q]>>):
    %k = tile.coordinate %first : tensor<12xi32, #tile.in<register, [k]>>
    %bound = arith.index_cast %last : index to i32
    %bounds = tile.broadcast %bound : i32 -> tensor<12xi32, #tile.in<register, [k]>>
    %seen = arith.cmpi slt, %k, %bounds : tensor<12xi32, #tile.in<register, [k]>>
    %kt = tile.load %K[%first, %zero] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x8xbf16> -> tensor<12x8xbf16, #tile.in<far, [k, d]>>
    %vt = tile.load %V[%first, %zero] dims ["k", "e"] bounded ["k"] limits(%last) : memref<?x6xbf16> -> tensor<12x6xbf16, #tile.in<far, [k, e]>>
    %s = tile.contract %kt, %qt : tensor<12x8xbf16, #tile.in<far, [k, d]>>, tensor<8x4xbf16, #tile.in<near, [d, q]>> -> tensor<12x4xf32, #tile.in<register, [k, q]>>
    %p = math.tanh %s : tensor<12x4xf32, #tile.in<register, [k, q]>>
    %pg = tile.guard %seen, %p else %nil : tensor<12xi1, #tile.in<register, [k]>>, tensor<12x4xf32, #tile.in<register, [k, q]>> else f32 -> tensor<12x4xf32, #tile.in<register, [k, q]>>
    %pv = tile.contract %vt, %pg : tensor<12x6xbf16, #tile.in<far, [k, e]>>, tensor<12x4xf32, #tile.in<register, [k, q]>> -> tensor<6x4xf32, #tile.in<register, [e, q]>>
    %a2 = arith.addf %a, %pv : tensor<6x4xf32, #tile.in<register, [e, q]>>
    tile.yield %a2 : tensor<6x4xf32, #tile.in<register, [e, q]>>
  } : (tensor<6x4xf32, #tile.in<register, [e, q]>>) -> tensor<6x4xf32, #tile.in<register, [e, q]>>
  tile.store %r, %O[%zero, %zero] dims ["q", "e"] bounded [] limits() : tensor<6x4xf32, #tile.in<register, [e, q]>>, memref<?x6xf32>
  return
}

// -----

// Partial states join in a loop that carries the row state as a vector and
// the wide one in near memory, written aside first.

// CHECK-LABEL: func.func @merge(
// CHECK:       scf.for %{{.*}} = %c1 to %{{.*}} step %c1 iter_args(%[[M:.*]] = %{{.*}}) -> (vector<4xf32>) {
// CHECK:         %[[M2:.*]] = arith.maximumf %[[M]], %{{.*}} : vector<4xf32>
// CHECK:         scf.for
// CHECK:           arith.mulf %{{.*}} : vector<4xf32>
// CHECK:           vector.store %{{.*}}, %[[ASIDE:.*]][
// CHECK:         memref.copy %[[ASIDE]], %{{.*}} : memref<8xf32>
// CHECK:         scf.yield %[[M2]]
func.func @merge(%M: memref<?x?x4xf32>, %A: memref<?x?x2x4xf32>, %O: memref<?x2xf32>, %parts: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 2>} {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %m0 = tile.load %M[%task, %zero, %zero] dims ["", "", "q"] bounded [] limits() : memref<?x?x4xf32> -> tensor<4xf32, #tile.in<register, [q]>>
  %a0 = tile.load %A[%task, %zero, %zero, %zero] dims ["", "", "e", "q"] bounded [] limits() : memref<?x?x2x4xf32> -> tensor<2x4xf32, #tile.in<register, [e, q]>>
  %r:2 = scf.for %i = %one to %parts step %one iter_args(%m = %m0, %a = %a0)
      -> (tensor<4xf32, #tile.in<register, [q]>>, tensor<2x4xf32, #tile.in<register, [e, q]>>) {
    %mb = tile.load %M[%task, %i, %zero] dims ["", "", "q"] bounded [] limits() : memref<?x?x4xf32> -> tensor<4xf32, #tile.in<register, [q]>>
    %ab = tile.load %A[%task, %i, %zero, %zero] dims ["", "", "e", "q"] bounded [] limits() : memref<?x?x2x4xf32> -> tensor<2x4xf32, #tile.in<register, [e, q]>>
    %m2 = arith.maximumf %m, %mb : tensor<4xf32, #tile.in<register, [q]>>
    %mm = tile.broadcast %m2 : tensor<4xf32, #tile.in<register, [q]>> -> tensor<2x4xf32, #tile.in<register, [e, q]>>
    %x = arith.mulf %a, %mm : tensor<2x4xf32, #tile.in<register, [e, q]>>
    %a2 = arith.addf %x, %ab : tensor<2x4xf32, #tile.in<register, [e, q]>>
    scf.yield %m2, %a2 : tensor<4xf32, #tile.in<register, [q]>>, tensor<2x4xf32, #tile.in<register, [e, q]>>
  }
  tile.store %r#1, %O[%zero, %zero] dims ["q", "e"] bounded [] limits() : tensor<2x4xf32, #tile.in<register, [e, q]>>, memref<?x2xf32>
  return
}

// -----

// A 16-bit row operand of element-wise code keeps its type in near memory.

// CHECK-LABEL: func.func @half_rows(
// CHECK:       %[[HALF:.*]] = vector.load %{{.*}} : memref<4xbf16>, vector<4xbf16>
// CHECK:       %[[WIDE:.*]] = arith.extf %[[HALF]] : vector<4xbf16> to vector<4xf32>
// CHECK:       math.exp %[[WIDE]] : vector<4xf32>
// CHECK:       math.tanh %[[HALF]] : vector<4xbf16>
func.func @half_rows(%X: memref<?xbf16>, %O: memref<?xf32>, %P: memref<?xbf16>, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %x = tile.load %X[%zero] dims ["q"] bounded [] limits() : memref<?xbf16> -> tensor<4xbf16, #tile.in<near, [q]>>
  %w = arith.extf %x : tensor<4xbf16, #tile.in<near, [q]>> to tensor<4xf32, #tile.in<near, [q]>>
  %e = math.exp %w : tensor<4xf32, #tile.in<near, [q]>>
  %t = math.tanh %x : tensor<4xbf16, #tile.in<near, [q]>>
  tile.store %e, %O[%zero] dims ["q"] bounded [] limits() : tensor<4xf32, #tile.in<near, [q]>>, memref<?xf32>
  tile.store %t, %P[%zero] dims ["q"] bounded [] limits() : tensor<4xbf16, #tile.in<near, [q]>>, memref<?xbf16>
  return
}
