// Softmax attention in its decomposed form: three folds with the scores and
// their exponentials in memory between them; nothing is repaired.
// RUN: fovea-opt %s --fovea-attn-to-cascade -canonicalize -cse --fovea-derive-fold=form=decomposed -canonicalize -cse 2> %t.log | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file %t.log
// RUN: not fovea-opt %s --fovea-derive-fold=form=split 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: fovea-opt %s --fovea-attn-to-cascade -canonicalize -cse --fovea-derive-fold -canonicalize -cse 2>/dev/null | FileCheck %s --check-prefix=FUSED

// UNKNOWN: expected form fused or decomposed, got 'split'
// REMARK: remark: rank 'k', refused in walk 1: a decomposed form was asked for; cut edge GM -> SD
// REMARK: remark: rank 'k', refused in walk 2: a decomposed form was asked for; cut edge SD -> O
// REMARK: remark: rank 'k': 3 passes -> 3

// Scores and their maximum.
// CHECK: %[[FIRST:.*]]:2 = cascade.fold parallel [b, g, r, q] stream k ins(%{{.*}}[b, g, r, q, d], %{{.*}}[b, g, k, d]) -> [b, g, r, q, k], [b, g, r, q] identity [0xFF800000 : f32]
// CHECK: reduce max
// Exponentials and their sum, of the scores that were written.
// CHECK: %[[SECOND:.*]]:2 = cascade.fold parallel [b, g, r, q] stream k ins(%[[FIRST]]#0[b, g, r, q, k], %[[FIRST]]#1[b, g, r, q]) -> [b, g, r, q, k], [b, g, r, q] identity [0.000000e+00 : f32]
// CHECK: math.exp
// CHECK: cascade.fold parallel [b, g, r, q] stream k ins(%[[SECOND]]#0[b, g, r, q, k], %[[SECOND]]#1[b, g, r, q], %{{.*}}[b, g, k, e]) -> [b, g, r, q, e]
// CHECK-NOT: math.exp
// CHECK: return

// FUSED-COUNT-1: cascade.fold
// FUSED-NOT: cascade.fold
func.func @attention(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}
