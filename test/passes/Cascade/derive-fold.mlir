// Naive cascades become one fold per walk. The output is read again, so it
// verifies and is printed as it is parsed.
//
// RUN: fovea-opt %s --fovea-derive-fold 2>/dev/null | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --fovea-derive-fold -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// Softmax attention in three passes: maximum, sum and weighted sum of values
// become the state; weights are computed once per tile.
// CHECK-LABEL: func.func @softmax
// CHECK-NOT: cascade.einsum %arg0
// CHECK: cascade.fold parallel [q] stream k ins(%arg0[q, d], %arg1[k, d], %arg2[k, e]) -> [q, e], [q] identity [0xFF800000 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK: step (%[[M:.*]]: f32, %[[L:.*]]: f32, %[[ACC:.*]]: tensor<32xf32>, %[[Q:.*]]: tensor<64xf32>, %[[K:.*]]: tensor<?x64xf32>, %[[V:.*]]: tensor<?x32xf32>)
// CHECK: %[[S:.*]] = cascade.einsum %[[Q]][d], %[[K]][k, d] -> [k] reduce sum
// CHECK: %[[LM:.*]] = cascade.einsum %[[S]][k] -> [] reduce max
// CHECK: %[[M2:.*]] = arith.maximumf %[[M]], %[[LM]]
// CHECK: %[[NONE:.*]] = arith.cmpf oeq, %[[M2]]
// CHECK: %[[G:.*]] = arith.select %[[NONE]], %{{.*}}, %[[M2]]
// CHECK: %[[P:.*]] = cascade.einsum %[[S]][k], %[[G]][] -> [k]
// CHECK: math.exp
// CHECK: %[[LS:.*]] = cascade.einsum %[[P]][k] -> [] reduce sum
// CHECK: %[[GAP:.*]] = arith.subf %[[M]], %[[G]]
// CHECK: %[[ALPHA:.*]] = math.exp %[[GAP]]
// CHECK: %[[LO:.*]] = arith.mulf %[[L]], %[[ALPHA]]
// CHECK: %[[L2:.*]] = arith.addf %[[LO]], %[[LS]]
// CHECK: %[[PV:.*]] = cascade.einsum %[[P]][k], %[[V]][k, e] -> [e] reduce sum
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[Y:.*]]: f32):
// CHECK-NEXT: %[[XY:.*]] = arith.mulf %[[X]], %[[Y]]
// CHECK-NEXT: cascade.yield %[[XY]]
// CHECK: %[[ACC2:.*]] = cascade.einsum %[[ACC]][e], %[[ALPHA]][], %[[PV]][e] -> [e]
// CHECK: cascade.yield %[[M2]], %[[L2]], %[[ACC2]]
// CHECK: merge
// CHECK: finish (%[[M:.*]]: f32, %[[L:.*]]: f32, %[[ACC:.*]]: tensor<32xf32>
// CHECK: %[[EMPTY:.*]] = arith.cmpf oeq, %[[L]]
// CHECK: %[[INV:.*]] = arith.divf %{{.*}}, %[[L]]
// CHECK: %[[SAFE:.*]] = arith.select %[[EMPTY]], %{{.*}}, %[[INV]]
// CHECK: %[[O:.*]] = cascade.einsum %[[ACC]][e], %[[SAFE]][] -> [e]
// CHECK: %[[LOG:.*]] = math.log %[[L]]
// CHECK: %[[LSE:.*]] = arith.addf %[[M]], %[[LOG]]
// CHECK: cascade.yield %[[O]], %[[LSE]]
// CHECK-NOT: where
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k', walk 1: repaired (gauge: running maximum)
// REMARK: rank 'k', walk 1: repaired (gauge: running maximum)
// REMARK: rank 'k': 3 passes -> 1
func.func @softmax(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> (tensor<?x32xf32>, tensor<?xf32>) {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[q,k] -> [q] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %SN = cascade.einsum %S[q, k], %GM[q] -> [q, k] {
  ^bb0(%a: f32, %m: f32):
    %ninf = arith.constant 0xFF800000 : f32
    %zero = arith.constant 0.0 : f32
    %empty = arith.cmpf oeq, %m, %ninf : f32
    %g = arith.select %empty, %zero, %m : f32
    %d = arith.subf %a, %g : f32
    %w = math.exp %d : f32
    cascade.yield %w : f32
  } {cascade.name = "SN"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SN[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %A = cascade.einsum %SN[q, k], %SD[q] -> [q, k] {
  ^bb0(%w: f32, %l: f32):
    %zero = arith.constant 0.0 : f32
    %empty = arith.cmpf oeq, %l, %zero : f32
    %r = arith.divf %w, %l : f32
    %a = arith.select %empty, %zero, %r : f32
    cascade.yield %a : f32
  } {cascade.name = "A"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %O = cascade.einsum %A[q,k], %V[k,e] -> [q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %LSE = cascade.einsum %GM[q], %SD[q] -> [q] {
  ^bb0(%a: f32, %b: f32):
    %r0 = math.log %b : f32
    %r1 = arith.addf %a, %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "LSE"} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %O, %LSE : tensor<?x32xf32>, tensor<?xf32>
}
