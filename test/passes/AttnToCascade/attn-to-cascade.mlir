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
