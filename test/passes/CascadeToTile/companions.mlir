// RUN: fovea-opt %s --fovea-attn-to-cascade --fovea-derive-fold -canonicalize --fovea-cascade-to-tile -cse --split-input-file | FileCheck %s
// Which carried values a result takes in only together with others: of those, a
// maximum may pass over NaN (fovea-relax-maxima).

// CHECK-LABEL: func.func @softmax
// CHECK: {tile.companions = array<i64: 0, 1, 2>
func.func @softmax(%q: tensor<?x?x?x8xf32>, %kv: !attn.kv<dense, key = 8, value = 8, f32>) -> tensor<?x?x?x8xf32>
    attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 4>} {
  %o = attn.attend %q, %kv : (tensor<?x?x?x8xf32>, !attn.kv<dense, key = 8, value = 8, f32>) -> tensor<?x?x?x8xf32>
  return %o : tensor<?x?x?x8xf32>
}

// -----

// The logarithm of the sum and the maximum, added: NaN if the sum is.
// CHECK-LABEL: func.func @lse
// CHECK: {tile.companions = array<i64: 0, 1, 2>
func.func @lse(%q: tensor<?x?x?x8xf32>, %kv: !attn.kv<dense, key = 8, value = 8, f32>) -> (tensor<?x?x?x8xf32>, tensor<?x?x?xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 4>} {
  %o, %l = attn.attend %q, %kv : (tensor<?x?x?x8xf32>, !attn.kv<dense, key = 8, value = 8, f32>) -> (tensor<?x?x?x8xf32>, tensor<?x?x?xf32>)
  return %o, %l : tensor<?x?x?x8xf32>, tensor<?x?x?xf32>
}
