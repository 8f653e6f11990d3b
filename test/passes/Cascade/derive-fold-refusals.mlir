// What does not separate waits for the next walk, or stays as it is. Each case
// says why, and how many walks result.
//
// RUN: fovea-opt %s --fovea-derive-fold=rank=k 2>/dev/null | fovea-opt | FileCheck %s
// RUN: fovea-opt %s --fovea-derive-fold=rank=k -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: not fovea-opt %s --fovea-derive-fold=rank=zz -o /dev/null 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: fovea-opt %s --fovea-derive-fold=rank=k --fovea-derive-fold=rank=q 2>/dev/null | FileCheck %s --check-prefix=BOTH

// UNKNOWN: error: expected some function that reduces rank 'zz'

// The weights themselves are wanted: two walks, the second writes them.
// CHECK-LABEL: func.func @weights
// CHECK: %[[R:.*]]:2 = cascade.fold parallel [q] stream k ins(%arg0[q, d], %arg1[k, d]) -> [q], [q] identity [0xFF800000 : f32, 0.000000e+00 : f32]
// CHECK: cascade.fold parallel [q] stream k ins({{.*}}%[[R]]#0[q], %[[R]]#1[q]) -> [q, k] identity []
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k', walk 1: repaired
// REMARK: rank 'k', walk 2: the result keeps rank 'k', so it is written once the row is known
// REMARK: rank 'k': 3 passes -> 2
// REMARK-NEXT: func.func @weights(
func.func @weights(%Q: tensor<?x8xf32>, %K: tensor<?x8xf32>) -> tensor<?x?xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x?xf32>
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
  return %A : tensor<?x?xf32>
}

// Weights and output: the output needs one walk only.
// CHECK-LABEL: func.func @weights_and_output
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0xFF800000 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK: cascade.fold parallel [q] stream k {{.*}} -> [q, k] identity []
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k': 3 passes -> 2
// REMARK-NEXT: func.func @weights_and_output(
func.func @weights_and_output(%Q: tensor<?x8xf32>, %K: tensor<?x8xf32>, %V: tensor<?x4xf32>) -> (tensor<?x?xf32>, tensor<?x4xf32>) {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x?xf32>
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
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %A, %O : tensor<?x?xf32>, tensor<?x4xf32>
}

// A threshold relative to the final maximum: the set of keys shrinks as it grows.
// CHECK-LABEL: func.func @threshold
// CHECK-COUNT-2: cascade.fold
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', refused in walk 1: a comparison mixes a row statistic and a key: not separable; cut edge GM -> O
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k', walk 2: accumulated
// REMARK: rank 'k': 2 passes -> 2
// REMARK-NEXT: func.func @threshold(
func.func @threshold(%Q: tensor<?x8xf32>, %K: tensor<?x8xf32>, %V: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[q,k] -> [q] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %W = cascade.einsum %S[q,k], %GM[q] -> [q,k] {
  ^bb0(%s: f32, %m: f32):
    %h = arith.constant 0.5 : f32
    %t = arith.mulf %h, %m : f32
    %c = arith.cmpf ogt, %s, %t : f32
    %z = arith.constant 0.0 : f32
    %w = arith.select %c, %s, %z : f32
    cascade.yield %w : f32
  } {cascade.name = "W"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %O = cascade.einsum %W[q,k], %V[k,e] -> [q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %O : tensor<?x4xf32>
}

// The part above a statistic of the row.
// CHECK-LABEL: func.func @above_mean
// CHECK-COUNT-2: cascade.fold
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', refused in walk 1: max(...) mixes a row statistic and a key: not separable; cut edge SS -> D
// REMARK: rank 'k': 2 passes -> 2
// REMARK-NEXT: func.func @above_mean(
func.func @above_mean(%Q: tensor<?x8xf32>, %K: tensor<?x8xf32>, %N: f32) -> tensor<?xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x?xf32>
  %SS = cascade.einsum %S[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SS"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %D = cascade.einsum %S[q,k], %SS[q], %N[] -> [q] reduce sum {
  ^bb0(%s: f32, %t: f32, %n: f32):
    %m = arith.divf %t, %n : f32
    %d = arith.subf %s, %m : f32
    %z = arith.constant 0.0 : f32
    %w = arith.maximumf %d, %z : f32
    cascade.yield %w : f32
  } {cascade.name = "D"} : (tensor<?x?xf32>, tensor<?xf32>, f32) -> tensor<?xf32>
  return %D : tensor<?xf32>
}

// Softplus weights, re-weighted by relu(N w / D - o): the relu waits for D; the
// second walk again needs no third for its own norm.
// CHECK-LABEL: func.func @reweighted
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0.000000e+00 : f32]
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', refused in walk 1: max(...) mixes a row statistic and a key: not separable; cut edge D -> RD
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k', walk 2: accumulated
// REMARK: rank 'k', walk 2: deferred
// REMARK: rank 'k': 3 passes -> 2
// REMARK-NEXT: func.func @reweighted(
func.func @reweighted(%Q: tensor<?x8xf32>, %K: tensor<?x8xf32>, %V: tensor<?x4xf32>, %N: f32) -> tensor<?x4xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x?xf32>
  %W = cascade.einsum %S[q,k] -> [q,k] {
  ^bb0(%s: f32):
    %e = math.exp %s : f32
    %w = math.log1p %e : f32
    cascade.yield %w : f32
  } {cascade.name = "W"} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %D = cascade.einsum %W[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "D"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %R = cascade.einsum %W[q,k], %D[q], %N[] -> [q,k] {
  ^bb0(%w: f32, %d: f32, %n: f32):
    %a = arith.mulf %n, %w : f32
    %b = arith.divf %a, %d : f32
    %o = arith.constant 1.0 : f32
    %c = arith.subf %b, %o : f32
    %z = arith.constant 0.0 : f32
    %r = arith.maximumf %c, %z : f32
    cascade.yield %r : f32
  } {cascade.name = "R"} : (tensor<?x?xf32>, tensor<?xf32>, f32) -> tensor<?x?xf32>
  %RD = cascade.einsum %R[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "RD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %P = cascade.einsum %R[q,k], %RD[q] -> [q,k] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "P"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %O = cascade.einsum %P[q,k], %V[k,e] -> [q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %O : tensor<?x4xf32>
}

// GeLU of normalised scores: the scale would separate, GeLU does not.
// CHECK-LABEL: func.func @scaled_gelu
// CHECK-COUNT-2: cascade.fold
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', refused in walk 1: 'math.erf' mixes a row statistic and a key: not separable; cut edge SS -> O
// REMARK: rank 'k': 2 passes -> 2
// REMARK-NEXT: func.func @scaled_gelu(
func.func @scaled_gelu(%Q: tensor<?x8xf32>, %K: tensor<?x8xf32>, %V: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x?xf32>
  %SS = cascade.einsum %S[q,k] -> [q] reduce sum {
  ^bb0(%s: f32):
    %p = arith.mulf %s, %s : f32
    cascade.yield %p : f32
  } {cascade.name = "SS"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %G = cascade.einsum %S[q,k], %SS[q] -> [q,k] {
  ^bb0(%s: f32, %t: f32):
    %r = math.rsqrt %t : f32
    %x = arith.mulf %s, %r : f32
    %e = math.erf %x : f32
    %o = arith.constant 1.0 : f32
    %y = arith.addf %e, %o : f32
    %g = arith.mulf %x, %y : f32
    cascade.yield %g : f32
  } {cascade.name = "G"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %O = cascade.einsum %G[q,k], %V[k,e] -> [q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %O : tensor<?x4xf32>
}

// A temperature that is a statistic of the row; the softmax itself is one walk.
// CHECK-LABEL: func.func @temperature
// CHECK-COUNT-2: cascade.fold
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', refused in walk 1: exp of a product of a row statistic and a key, not of a sum: not separable; cut edge SA -> D
// REMARK: rank 'k': 3 passes -> 2
// REMARK-NEXT: func.func @temperature(
func.func @temperature(%Q: tensor<?x8xf32>, %K: tensor<?x8xf32>, %V: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x?xf32>
  %SA = cascade.einsum %S[q,k] -> [q] reduce sum {
  ^bb0(%s: f32):
    %p = math.absf %s : f32
    cascade.yield %p : f32
  } {cascade.name = "SA"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %W = cascade.einsum %S[q,k], %SA[q] -> [q,k] {
  ^bb0(%s: f32, %t: f32):
    %x = arith.divf %s, %t : f32
    %e = math.exp %x : f32
    cascade.yield %e : f32
  } {cascade.name = "W"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %D = cascade.einsum %W[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "D"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %P = cascade.einsum %W[q,k], %D[q] -> [q,k] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "P"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %O = cascade.einsum %P[q,k], %V[k,e] -> [q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %O : tensor<?x4xf32>
}

// Statistics over the rows of normalised weights: the weights are a walk over the
// rows then, with the row statistics as operands.
// CHECK-LABEL: func.func @column_sums
// CHECK: cascade.fold parallel [q] stream k {{.*}} -> [q], [q] identity [0xFF800000 : f32, 0.000000e+00 : f32]
// CHECK-NOT: cascade.fold
// CHECK: cascade.einsum %{{.*}}[q, k] -> [k] reduce sum
// CHECK: return
// REMARK: rank 'k': 3 passes -> 2
// REMARK-NEXT: func.func @column_sums(
// BOTH-LABEL: func.func @column_sums
// BOTH: %[[R:.*]]:2 = cascade.fold parallel [q] stream k
// BOTH: cascade.fold parallel [k] stream q ins({{.*}}%[[R]]#0[q], %[[R]]#1[q]) -> [k] identity [0.000000e+00 : f32]
// BOTH-NOT: cascade.fold
// BOTH: return
func.func @column_sums(%Q: tensor<?x8xf32>, %K: tensor<?x8xf32>) -> tensor<?xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x?xf32>
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
  %C = cascade.einsum %A[q,k] -> [k] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "C"} : (tensor<?x?xf32>) -> tensor<?xf32>
  return %C : tensor<?xf32>
}

// A nonlinear recurrence is sequential; a reduction of what it made is not, and
// reads the tensor.
// CHECK-LABEL: func.func @recurrence
// CHECK: %[[H:.*]]:2 = cascade.scan
// CHECK: cascade.fold parallel [q] stream k ins(%[[H]]#0[q, k], %[[H]]#1[q]) -> [q]
// CHECK: return
// REMARK: rank 'k', kept as it is: a scan over the streamed rank is sequential
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k': 2 passes -> 2
// REMARK-NEXT: func.func @recurrence(
func.func @recurrence(%X: tensor<?x?xf32>) -> tensor<?xf32> {
  %zero = arith.constant 0.0 : f32
  %h, %last = cascade.scan over "k" emit [inclusive, final] init(%zero[]) ins(%X[q, k]) -> [q, k] {
  ^bb0(%c: f32, %x: f32):
    %s = arith.addf %c, %x : f32
    %n = math.tanh %s : f32
    cascade.yield %n : f32
  } {cascade.name = ["h", "last"]} : (f32), (tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?xf32>)
  %D = cascade.einsum %h[q,k], %last[q] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "D"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %D : tensor<?xf32>
}

// Each update needs all of the one before: one walk each. Channels d are both
// contracted and carried.
// CHECK-LABEL: func.func @fixed_point
// CHECK: cascade.iterate 3
// CHECK: cascade.fold parallel [q] stream k
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k': 9 passes -> 3
// REMARK-NEXT: func.func @fixed_point(
func.func @fixed_point(%Q: tensor<?x8xf32>, %K: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %O = cascade.iterate 3 (%Q) {
  ^bb0(%xi: tensor<?x8xf32>):
    %S = cascade.einsum %xi[q,d], %K[k,d] -> [q,k] reduce sum {
    ^bb0(%a: f32, %b: f32):
      %r0 = arith.mulf %a, %b : f32
      cascade.yield %r0 : f32
    } {cascade.name = "S"} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x?xf32>
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
    %X = cascade.einsum %A[q,k], %K[k,d] -> [q,d] reduce sum {
    ^bb0(%a: f32, %b: f32):
      %r0 = arith.mulf %a, %b : f32
      cascade.yield %r0 : f32
    } {cascade.name = "X"} : (tensor<?x?xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    cascade.yield %X : tensor<?x8xf32>
  } : (tensor<?x8xf32>) -> (tensor<?x8xf32>)
  return %O : tensor<?x8xf32>
}

// A state cannot carry a rank of unknown extent; in a walk of its own that rank is
// parallel.
// CHECK-LABEL: func.func @dynamic_channels
// CHECK: cascade.fold parallel [] stream k
// CHECK: cascade.fold parallel [n] stream k
// CHECK: return
// REMARK: rank 'k', refused in walk 1: expected rank 'n' to be static, because the running state carries it; cut edge AM -> Z
// REMARK: rank 'k': 2 passes -> 2
// REMARK-NEXT: func.func @dynamic_channels(
func.func @dynamic_channels(%X: tensor<?xf32>, %W: tensor<?x?xf32>) -> tensor<?xf32> {
  %AM = cascade.einsum %X[k] -> [] reduce max {
  ^bb0(%x: f32):
    %a = math.absf %x : f32
    cascade.yield %a : f32
  } {cascade.name = "AM"} : (tensor<?xf32>) -> f32
  %Z = cascade.einsum %X[k], %AM[], %W[k,n] -> [n] reduce sum {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.divf %a, %b : f32
    %r1 = arith.mulf %r0, %c : f32
    cascade.yield %r1 : f32
  } {cascade.name = "Z"} : (tensor<?xf32>, f32, tensor<?x?xf32>) -> tensor<?xf32>
  return %Z : tensor<?xf32>
}

// CHECK-LABEL: func.func @log_of_sum
// CHECK-COUNT-2: cascade.fold
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', refused in walk 1: log of a sum of a row statistic and a key: not separable; cut edge SX -> L
// REMARK: rank 'k': 2 passes -> 2
// REMARK-NEXT: func.func @log_of_sum(
func.func @log_of_sum(%X: tensor<?x?xf32>) -> tensor<?xf32> {
  %SX = cascade.einsum %X[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    %r0 = arith.mulf %a, %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %L = cascade.einsum %X[q,k], %SX[q] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %a : f32
    %r1 = arith.addf %r0, %b : f32
    %r2 = math.log %r1 : f32
    cascade.yield %r2 : f32
  } {cascade.name = "L"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %L : tensor<?xf32>
}

// CHECK-LABEL: func.func @division_by_sum
// CHECK-COUNT-2: cascade.fold
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', refused in walk 1: division by a sum of a row statistic and a key; cut edge SX -> L
// REMARK: rank 'k': 2 passes -> 2
// REMARK-NEXT: func.func @division_by_sum(
func.func @division_by_sum(%X: tensor<?x?xf32>) -> tensor<?xf32> {
  %SX = cascade.einsum %X[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    %r0 = arith.mulf %a, %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %L = cascade.einsum %X[q,k], %SX[q] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %a : f32
    %r1 = arith.addf %r0, %b : f32
    %r2 = arith.divf %a, %r1 : f32
    cascade.yield %r2 : f32
  } {cascade.name = "L"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %L : tensor<?xf32>
}

// A maximum of quotients is a quotient of the maximum only for a positive sum.
// CHECK-LABEL: func.func @largest_share
// CHECK-COUNT-2: cascade.fold
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', refused in walk 1: an extremum of a product with a row statistic, whose sign is unknown; cut edge SX -> L
// REMARK: rank 'k': 2 passes -> 2
// REMARK-NEXT: func.func @largest_share(
func.func @largest_share(%X: tensor<?x?xf32>) -> tensor<?xf32> {
  %SX = cascade.einsum %X[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %L = cascade.einsum %X[q,k], %SX[q] -> [q] reduce max {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "L"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %L : tensor<?xf32>
}

// An index that is not a plain rank is left alone.
// CHECK-LABEL: func.func @convolution
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', kept as it is: an index that is not a plain rank
// REMARK: rank 'k': 1 pass -> 1
// REMARK-NEXT: func.func @convolution(
func.func @convolution(%X: tensor<?x?xf32>, %W: tensor<3xf32>, %Y: tensor<?x?xf32>) -> tensor<?xf32> {
  %C = cascade.einsum %X[q,k - w + 1], %W[w], %Y[q,k] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.mulf %a, %b : f32
    %r1 = arith.mulf %r0, %c : f32
    cascade.yield %r1 : f32
  } {cascade.name = "C"} : (tensor<?x?xf32>, tensor<3xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  return %C : tensor<?xf32>
}
