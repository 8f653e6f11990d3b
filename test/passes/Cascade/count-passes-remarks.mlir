// Each cut edge is a remark on the operation that starts the new pass; values
// without a name are named as the printer names them.
//
// RUN: fovea-opt %s --fovea-count-passes=rank=k --verify-diagnostics -o /dev/null | FileCheck %s

// CHECK: func @sums
// CHECK-NEXT: rank k: 2 passes
// CHECK-NEXT: cut %0 -> %1: pass 2
// CHECK-NEXT: tensor %arg0: full, input, read in 1 2, live: fiber
func.func @sums(%x: tensor<?xf32>) -> f32 {
  %y = cascade.einsum %x[k] -> [] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<?xf32>) -> f32
  // expected-remark @+1 {{rank 'k': pass 2 starts here, because it needs the final value of %0}}
  %z = cascade.einsum %x[k], %y[] -> [] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %s = arith.mulf %a, %b : f32
    cascade.yield %s : f32
  } : (tensor<?xf32>, f32) -> f32
  return %z : f32
}
