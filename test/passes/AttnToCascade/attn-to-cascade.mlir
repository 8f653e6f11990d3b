// RUN: fovea-opt --fovea-attn-to-cascade %s | FileCheck %s

// The textbook cascade of causal softmax attention, dense keys and values.
// CHECK-LABEL: func.func @causal
// CHECK-SAME: %[[Q:[a-z0-9]+]]: tensor<?x?x?x64xf32>
// CHECK-SAME: %[[K:[a-z0-9]+]]: tensor<?x?x?x64xf32> {fovea.name = "k"}
// CHECK-SAME: %[[V:[a-z0-9]+]]: tensor<?x?x?x32xf32> {fovea.name = "v"}
// CHECK: cf.assert %{{.*}}, "attn.attend: expected as many heads of values as of keys"
// CHECK: cf.assert %{{.*}}, "attn.attend: expected keys of the query's batch size"
// CHECK: cf.assert %{{.*}}, "attn.attend: expected values of the query's batch size"
// CHECK: cf.assert %{{.*}}, "attn.attend: expected as many rows of values as of keys"
// CHECK: cf.assert %{{.*}}, "attn.attend: expected at least one head of keys"
// CHECK: cf.assert %{{.*}}, "attn.attend: expected the number of query heads to be a multiple of the number of key heads"
// CHECK: %[[R:.*]] = arith.divui
// CHECK: %[[SQ:.*]] = tensor.dim %[[Q]]
// CHECK: %[[SK:.*]] = tensor.dim %[[K]]
// CHECK: %[[QX:.*]] = tensor.expand_shape %[[Q]] {{\[\[}}0], [1, 2], [3], [4]]
// CHECK: %[[S:.*]] = cascade.einsum %[[QX]][b, g, r, q, d], %[[K]][b, g, k, d] -> [b, g, r, q, k] reduce sum {
// CHECK: arith.mulf
// CHECK: } {cascade.name = "S"}
// CHECK: %[[T:.*]] = cascade.einsum %[[S]][b, g, r, q, k] -> [b, g, r, q, k] {
// CHECK: arith.constant 1.250000e-01
// CHECK: } {cascade.name = "T"}
// CHECK: %[[GM:.*]] = cascade.einsum %[[T]][b, g, r, q, k] -> [b, g, r, q] reduce max {
// CHECK: } where {
// CHECK-NEXT: %[[SHIFT:.*]] = arith.subi %[[SK]], %[[SQ]]
// CHECK-NEXT: %[[ROW:.*]] = cascade.index "q"
// CHECK-NEXT: %[[POS:.*]] = arith.addi %[[ROW]], %[[SHIFT]]
// CHECK-NEXT: %[[KEY:.*]] = cascade.index "k"
// CHECK-NEXT: %[[SEES:.*]] = arith.cmpi sle, %[[KEY]], %[[POS]]
// CHECK-NEXT: cascade.yield %[[SEES]]
// CHECK: } {cascade.name = "GM"}
// CHECK: %[[SN:.*]] = cascade.einsum %[[T]][b, g, r, q, k], %[[GM]][b, g, r, q] -> [b, g, r, q, k] {
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[M:.*]]: f32):
// CHECK: %[[NONE:.*]] = arith.cmpf oeq, %[[M]], %{{.*}}
// CHECK: %[[SAFE:.*]] = arith.select %[[NONE]], %{{.*}}, %[[M]]
// CHECK: %[[GAP:.*]] = arith.subf %[[X]], %[[SAFE]]
// CHECK: math.exp %[[GAP]]
// CHECK-NOT: where
// CHECK: } {cascade.name = "SN"}
// CHECK: %[[SD:.*]] = cascade.einsum %[[SN]][b, g, r, q, k] -> [b, g, r, q] reduce sum {
// CHECK: } where {
// CHECK: arith.cmpi sle
// CHECK: } {cascade.name = "SD"}
// CHECK: %[[LSE:.*]] = cascade.einsum %[[GM]][b, g, r, q], %[[SD]][b, g, r, q] -> [b, g, r, q] {
// CHECK: math.log
// CHECK: arith.addf
// CHECK: } {cascade.name = "LSE"}
// CHECK: %[[A:.*]] = cascade.einsum %[[SN]][b, g, r, q, k], %[[SD]][b, g, r, q] -> [b, g, r, q, k] {
// CHECK: arith.divf
// CHECK: arith.select
// CHECK: } {cascade.name = "A"}
// CHECK: %[[O:.*]] = cascade.einsum %[[A]][b, g, r, q, k], %[[V]][b, g, k, e] -> [b, g, r, q, e] reduce sum {
// CHECK: } where {
// CHECK: arith.cmpi sle
// CHECK: } {cascade.name = "O"}
// CHECK: %[[OUT:.*]] = tensor.collapse_shape %[[O]] {{\[\[}}0], [1, 2], [3], [4]]
// CHECK: %[[LOUT:.*]] = tensor.collapse_shape %[[LSE]] {{\[\[}}0], [1, 2], [3]]
// CHECK: return %[[OUT]], %[[LOUT]]
func.func @causal(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 32, f32>)
    -> (tensor<?x?x?x32xf32>, tensor<?x?x?xf32>) {
  %o, %lse = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 32, f32>)
     -> (tensor<?x?x?x32xf32>, tensor<?x?x?xf32>)
  return %o, %lse : tensor<?x?x?x32xf32>, tensor<?x?x?xf32>
}

// Everything is visible: no predicate anywhere.
// CHECK-LABEL: func.func @full
// CHECK-NOT: where
// CHECK: return
func.func @full(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>)
    -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

// Pages: gathered views, one length per sequence, the length in every
// predicate. A static number of heads stays in the function's types.
// CHECK-LABEL: func.func @paged
// CHECK-SAME: tensor<?x?x16x64xbf16> {fovea.name = "cache_k_pages", test.kept}
// CHECK-SAME: %[[LENGTHS:[a-z0-9]+]]: tensor<?xi32> {fovea.name = "cache_lengths", test.kept}
// CHECK-SAME: tensor<f32> {test.after}
// CHECK-SAME: -> tensor<2x8x?x128xbf16>
// CHECK: cf.assert %{{.*}}, "attn.attend: expected as many pages of values as of keys"
// CHECK: cf.assert %{{.*}}, "attn.attend: expected one row of the page table for each sequence of the query"
// CHECK: cf.assert %{{.*}}, "attn.attend: expected one length for each sequence of the query"
// CHECK: cascade.gather %{{.*}} : tensor<?x?x16x64xbf16>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x64xbf16>
// CHECK: cascade.gather %{{.*}} : tensor<?x?x16x128xbf16>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x128xbf16>
// CHECK: arith.extf
// CHECK: arith.extf
// CHECK: {cascade.name = "S"} : (tensor<2x?x?x?x64xbf16>, tensor<?x?x?x64xbf16>) -> tensor<2x?x?x?x?xf32>
// CHECK: } where {
// CHECK-NEXT: %[[B:.*]] = cascade.index "b"
// CHECK-NEXT: %[[N:.*]] = tensor.extract %[[LENGTHS]][%[[B]]]
// CHECK-NEXT: %[[LEN:.*]] = arith.index_cast %[[N]]
// CHECK-NEXT: %[[K:.*]] = cascade.index "k"
// CHECK-NEXT: %[[C:.*]] = arith.cmpi slt, %[[K]], %[[LEN]]
// CHECK-NEXT: cascade.yield %[[C]]
// CHECK: {cascade.name = "GM"}
// CHECK: {cascade.name = "O"} : {{.*}} -> tensor<2x?x?x?x128xf32>
// CHECK: arith.truncf
// CHECK: {cascade.name = "OT"} : {{.*}} -> tensor<2x?x?x?x128xbf16>
func.func @paged(%q: tensor<2x8x?x64xbf16>,
                 %kv: !attn.kv<paged<16>, key = 64, value = 128, bf16> {fovea.name = "cache", test.kept},
                 %unused: tensor<f32> {test.after}) -> tensor<2x8x?x128xbf16> {
  %o = attn.attend %q, %kv
     : (tensor<2x8x?x64xbf16>, !attn.kv<paged<16>, key = 64, value = 128, bf16>) -> tensor<2x8x?x128xbf16>
  return %o : tensor<2x8x?x128xbf16>
}

// A sink logit is where the maximum and the denominator start.
// CHECK-LABEL: func.func @sink
// CHECK: cf.assert %{{.*}}, "attn.attend: expected one sink logit for each query head"
// CHECK: %[[LOGITS:.*]] = tensor.expand_shape %{{.*}} {{\[\[}}0, 1]]
// CHECK: %[[GM:.*]] = cascade.einsum %{{.*}}[b, g, r, q, k] from %[[LOGITS]][g, r] -> [b, g, r, q] reduce max
// CHECK: %[[SS:.*]] = cascade.einsum %[[LOGITS]][g, r], %[[GM]][b, g, r, q] -> [b, g, r, q] {
// CHECK: {cascade.name = "SS"}
// CHECK: cascade.einsum %{{.*}}[b, g, r, q, k] from %[[SS]][b, g, r, q] -> [b, g, r, q] reduce sum
func.func @sink(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>,
                %logits: tensor<?xf32>) -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv sink(%logits)
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>, tensor<?xf32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

// Two caches, chained; the second is numbered. Documents of pages must reach
// as far as the longest sequence.
// CHECK-LABEL: func.func @two
// CHECK-SAME: fovea.name = "k"}
// CHECK-SAME: fovea.name = "v"}
// CHECK-SAME: fovea.name = "kv1_k_pages"}
// CHECK-SAME: fovea.name = "kv1_lengths"}
// CHECK: {cascade.name = "W"}
// CHECK: {cascade.name = "SD"}
// CHECK: {cascade.name = "A"}
// CHECK: %[[LONGEST:.*]] = scf.for
// CHECK: %[[LONG:.*]] = arith.cmpi sge, %{{.*}}, %[[LONGEST]]
// CHECK: cf.assert %[[LONG]], "attn.attend: expected a document for each key of the longest sequence"
func.func @two(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>,
               %cache: !attn.kv<paged<8>, key = 64, value = 64, f32>, %ids: tensor<?x?xi32>)
    -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv normalizer<l1>
      weight (%s: f32) {
        %w = math.exp2 %s : f32
        attn.yield %w : f32
      } : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  %p = attn.attend %o, %cache documents(%ids) pattern<document> normalizer<sigmoid>
     : (tensor<?x?x?x64xf32>, !attn.kv<paged<8>, key = 64, value = 64, f32>, tensor<?x?xi32>) -> tensor<?x?x?x64xf32>
  return %p : tensor<?x?x?x64xf32>
}

// Encoded, paged: components in order, views of pages, decoding in the body. A
// scale of the row multiplies last.
// CHECK-LABEL: func.func @stored_i8
// CHECK-SAME: {fovea.name = "k_pages"}
// CHECK-SAME: tensor<?x?x16xf32> {fovea.name = "k_scale_pages"}
// CHECK-SAME: tensor<?x?x16x64xi8> {fovea.name = "v_pages"}
// CHECK-SAME: {fovea.name = "v_scale_pages"}
// CHECK-SAME: {fovea.name = "page_table"}
// CHECK-SAME: {fovea.name = "lengths"}
// CHECK: cf.assert %{{.*}}, "attn.attend: expected scales of the extents of what they scale"
// CHECK: %[[K:.*]] = cascade.gather {{.*}} tensor<?x?x16x64xi8>
// CHECK: %[[KS:.*]] = cascade.gather {{.*}} tensor<?x?x16xf32>
// CHECK: cascade.einsum %{{.*}}[b, g, r, q, d], %[[K]][b, g, k, d], %[[KS]][b, g, k] -> [b, g, r, q, k] reduce sum {
// CHECK-NEXT: ^bb0(%[[Q0:.*]]: bf16, %[[K0:.*]]: i8, %[[KS0:.*]]: f32):
// CHECK-DAG: %[[Q1:.*]] = arith.extf %[[Q0]]
// CHECK-DAG: %[[K1:.*]] = arith.sitofp %[[K0]] : i8 to bf16
// CHECK-DAG: %[[K2:.*]] = arith.extf %[[K1]]
// CHECK: %[[K3:.*]] = arith.mulf %[[K2]], %[[KS0]]
// CHECK: arith.mulf %[[Q1]], %[[K3]]
!i8 = !attn.kv<paged<16>, key = 64, value = 64, bf16, stored = i8, scale = token>
func.func @stored_i8(%q: tensor<?x?x?x64xbf16>, %kv: !i8) -> tensor<?x?x?x64xbf16> {
  %o = attn.attend %q, %kv : (tensor<?x?x?x64xbf16>, !i8) -> tensor<?x?x?x64xbf16>
  return %o : tensor<?x?x?x64xbf16>
}

// A scale of a group is part of what is rounded to the element type.
// CHECK-LABEL: func.func @stored_i4
// CHECK-SAME: tensor<?x?x?x32xi8> {fovea.name = "k"}
// CHECK-SAME: tensor<?x?x?x2xf16> {fovea.name = "k_scale"}
// CHECK: %[[K:.*]] = cascade.unpack %{{.*}} group 32 : tensor<?x?x?x32xi8> -> tensor<?x?x?x64xi4>
// CHECK: %[[KS:.*]] = cascade.repeat %{{.*}} times 32 : tensor<?x?x?x2xf16> -> tensor<?x?x?x64xf16>
// CHECK: cascade.einsum %{{.*}}[b, g, r, q, d], %[[K]][b, g, k, d], %[[KS]][b, g, k, d] -> [b, g, r, q, k] reduce sum {
// CHECK: %[[WIDE:.*]] = arith.sitofp %{{.*}} : i4 to f32
// CHECK: %[[S:.*]] = arith.extf %{{.*}} : f16 to f32
// CHECK: %[[DECODED:.*]] = arith.mulf %[[WIDE]], %[[S]]
// CHECK: arith.truncf %[[DECODED]] : f32 to bf16
!i4 = !attn.kv<dense, key = 64, value = 64, bf16, stored = i4, scale = group<32>>
func.func @stored_i4(%q: tensor<?x?x?x64xbf16>, %kv: !i4) -> tensor<?x?x?x64xbf16> {
  %o = attn.attend %q, %kv : (tensor<?x?x?x64xbf16>, !i4) -> tensor<?x?x?x64xbf16>
  return %o : tensor<?x?x?x64xbf16>
}
