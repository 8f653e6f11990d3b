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
// REMARK-NEXT: func.func @softmax(
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

// A mask is one region of the fold, also for reductions that have none but read
// masked weights only. Row 0 sees no key.
// CHECK-LABEL: func.func @masked
// CHECK: cascade.fold parallel [q] stream k
// CHECK-NOT: arith.cmpi
// CHECK: where {
// CHECK: %[[I:.*]] = cascade.index "q"
// CHECK: arith.cmpi slt, %{{.*}}, %[[I]]
// CHECK-NOT: cascade.einsum
// CHECK: return
// REMARK: rank 'k': 3 passes -> 1
// REMARK-NEXT: func.func @masked(
func.func @masked(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> (tensor<?x32xf32>, tensor<?xf32>) {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[q,k] -> [q] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } where {
    %i = cascade.index "q"
    %j = cascade.index "k"
    %c = arith.cmpi slt, %j, %i : index
    cascade.yield %c : i1
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
  } where {
    %i = cascade.index "q"
    %j = cascade.index "k"
    %c = arith.cmpi slt, %j, %i : index
    cascade.yield %c : i1
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

// A logit that belongs to no key is where the state starts: m = b, l = exp(b - b)
// (0 for b = -inf).
// CHECK-LABEL: func.func @sink_logit
// CHECK: cascade.fold parallel [q] stream k
// CHECK: init (%{{.*}}: tensor<64xf32>, %[[B:.*]]: f32)
// CHECK: %[[NONE:.*]] = arith.cmpf oeq, %[[B]]
// CHECK: %[[L:.*]] = arith.select %[[NONE]]
// CHECK: cascade.yield %[[B]], %[[L]], %
// CHECK: finish
// CHECK-NOT: math.exp
// CHECK: return
// REMARK: rank 'k': 3 passes -> 1
// REMARK-NEXT: func.func @sink_logit(
func.func @sink_logit(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>, %B: tensor<?xf32>) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[q,k] from %B[q] -> [q] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
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
  %D0 = cascade.einsum %B[q], %GM[q] -> [q] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "D0"} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %SD = cascade.einsum %SN[q,k] from %D0[q] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
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
  return %O : tensor<?x32xf32>
}

// Nothing to repair; channels e stay inside the state because scores do not have
// them.
// CHECK-LABEL: func.func @sigmoid
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0.000000e+00 : f32]
// CHECK: %[[A:.*]] = cascade.einsum %{{.*}}[k] -> [k]
// CHECK: cascade.einsum %[[A]][k], %{{.*}}[k, e] -> [e] reduce sum
// CHECK: return
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k': 1 pass -> 1
// REMARK-NEXT: func.func @sigmoid(
func.func @sigmoid(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %A = cascade.einsum %S[q,k] -> [q,k] {
  ^bb0(%a: f32):
    %n = arith.negf %a : f32
    %e = math.exp %n : f32
    %one = arith.constant 1.0 : f32
    %d = arith.addf %one, %e : f32
    %r = arith.divf %one, %d : f32
    cascade.yield %r : f32
  } {cascade.name = "A"} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %O = cascade.einsum %A[q,k], %V[k,e] -> [q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// Division by the row's own sum is delayed to the end.
// CHECK-LABEL: func.func @relu_l1
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK: step
// CHECK-NOT: arith.divf
// CHECK: merge
// CHECK-NOT: arith.mulf
// CHECK: finish
// CHECK: arith.divf
// CHECK: return
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k', walk 1: deferred
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @relu_l1(
func.func @relu_l1(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %W = cascade.einsum %S[q,k] -> [q,k] {
  ^bb0(%a: f32):
    %z = arith.constant 0.0 : f32
    %r = arith.maximumf %a, %z : f32
    cascade.yield %r : f32
  } {cascade.name = "W"} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %W[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %A = cascade.einsum %W[q, k], %SD[q] -> [q, k] {
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
  return %O : tensor<?x32xf32>
}

// The logarithm of the sum comes out of `finish`; no statistic leaves the fold.
// CHECK-LABEL: func.func @lse
// CHECK: = cascade.fold parallel [q] stream k ins(%arg0[q, d], %arg1[k, d]) -> [q] identity
// CHECK: finish
// CHECK: math.log
// CHECK: return
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @lse(
func.func @lse(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>) -> tensor<?xf32> {
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
  %LSE = cascade.einsum %GM[q], %SD[q] -> [q] {
  ^bb0(%a: f32, %b: f32):
    %r0 = math.log %b : f32
    %r1 = arith.addf %a, %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "LSE"} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %LSE : tensor<?xf32>
}

// Row entropy, -sum A log A, beside the output: log A = (S - m) - log SD, so one
// more sum is carried, that of (S - m) exp(S - m), which moves by the binomial.
// CHECK-LABEL: func.func @entropy
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0xFF800000 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', walk 1: repaired (gauge: running maximum)
// REMARK: rank 'k', walk 1: lifted to 2 accumulators (gauge: running maximum)
// REMARK: rank 'k', walk 1: repaired (gauge: running maximum)
// REMARK: rank 'k': 3 passes -> 1
// REMARK-NEXT: func.func @entropy(
func.func @entropy(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> (tensor<?xf32>, tensor<?x32xf32>) {
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
  %N = cascade.einsum %A[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    %l = math.log %a : f32
    %t = arith.mulf %a, %l : f32
    %z = arith.constant 0.0 : f32
    %c = arith.cmpf oeq, %a, %z : f32
    %s = arith.select %c, %z, %t : f32
    cascade.yield %s : f32
  } {cascade.name = "N"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %H = cascade.einsum %N[q] -> [q] {
  ^bb0(%a: f32):
    %n = arith.negf %a : f32
    cascade.yield %n : f32
  } {cascade.name = "H"} : (tensor<?xf32>) -> tensor<?xf32>
  %O = cascade.einsum %A[q,k], %V[k,e] -> [q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  return %H, %O : tensor<?xf32>, tensor<?x32xf32>
}

// Variance of the scores under their softmax: exponential times square.
// CHECK-LABEL: func.func @score_variance
// CHECK: cascade.fold
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', walk 1: lifted to 3 accumulators (gauge: running maximum)
// REMARK: rank 'k': 4 passes -> 1
// REMARK-NEXT: func.func @score_variance(
func.func @score_variance(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>) -> tensor<?xf32> {
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
  %MU = cascade.einsum %A[q,k], %S[q,k] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "MU"} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  %VAR = cascade.einsum %A[q,k], %S[q,k], %MU[q] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.subf %b, %c : f32
    %r1 = arith.mulf %r0, %r0 : f32
    %r2 = arith.mulf %a, %r1 : f32
    cascade.yield %r2 : f32
  } {cascade.name = "VAR"} : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %VAR : tensor<?xf32>
}

// Centred variance in one walk: squares are measured from the running mean of the
// keys seen so far, whatever the mean at the end is divided by.
// CHECK-LABEL: func.func @mean_variance
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0.000000e+00 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k', walk 1: lifted to 2 accumulators (gauge: running mean)
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @mean_variance(
func.func @mean_variance(%X: tensor<?x?xf32>, %N: f32) -> (tensor<?xf32>, tensor<?xf32>) {
  %SX = cascade.einsum %X[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %MU = cascade.einsum %SX[q], %N[] -> [q] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "MU"} : (tensor<?xf32>, f32) -> tensor<?xf32>
  %SQ = cascade.einsum %X[q,k], %MU[q] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = arith.mulf %r0, %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SQ"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %VAR = cascade.einsum %SQ[q], %N[] -> [q] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "VAR"} : (tensor<?xf32>, f32) -> tensor<?xf32>
  return %MU, %VAR : tensor<?xf32>, tensor<?xf32>
}

// Any power lifts; here with a weight per key.
// CHECK-LABEL: func.func @third_moment
// CHECK: cascade.fold
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', walk 1: lifted to 4 accumulators (gauge: running mean)
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @third_moment(
func.func @third_moment(%X: tensor<?x?xf32>, %W: tensor<?x?xf32>, %N: f32) -> tensor<?xf32> {
  %SX = cascade.einsum %X[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %M3 = cascade.einsum %X[q,k], %SX[q], %N[], %W[q,k] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
    %r0 = arith.divf %b, %c : f32
    %r1 = arith.subf %a, %r0 : f32
    %r2 = arith.mulf %r1, %r1 : f32
    %r3 = arith.mulf %r2, %r1 : f32
    %r4 = arith.mulf %r3, %d : f32
    cascade.yield %r4 : f32
  } {cascade.name = "M3"} : (tensor<?x?xf32>, tensor<?xf32>, f32, tensor<?x?xf32>) -> tensor<?xf32>
  return %M3 : tensor<?xf32>
}

// A product scaled by the largest magnitude: the scale comes in at the end.
// CHECK-LABEL: func.func @quantised
// CHECK: cascade.fold parallel [] stream k ins(%arg0[k], %arg1[k, n]) -> [n] identity [0xFF800000 : f32, 0.000000e+00 : f32]
// CHECK: step
// CHECK-NOT: arith.divf
// CHECK: finish
// CHECK: arith.divf
// CHECK: return
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k', walk 1: deferred
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @quantised(
func.func @quantised(%X: tensor<?xf32>, %W: tensor<?x16xf32>) -> tensor<16xf32> {
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
  } {cascade.name = "Z"} : (tensor<?xf32>, f32, tensor<?x16xf32>) -> tensor<16xf32>
  return %Z : tensor<16xf32>
}

// Factors leave the sum, and so do summands: sum (a - y) z = z (sum a - y n).
// CHECK-LABEL: func.func @two_deferred
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0.000000e+00 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k', walk 1: deferred
// REMARK: rank 'k', walk 1: deferred
// REMARK: rank 'k': 3 passes -> 1
// REMARK-NEXT: func.func @two_deferred(
func.func @two_deferred(%A: tensor<?x?xf32>, %B: tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %Y = cascade.einsum %A[q,k], %B[q,k] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Y"} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  %Z = cascade.einsum %Y[q], %A[q,k] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Z"} : (tensor<?xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  %U = cascade.einsum %A[q,k], %Y[q], %Z[q] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = arith.mulf %r0, %c : f32
    cascade.yield %r1 : f32
  } {cascade.name = "U"} : (tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %Z, %U : tensor<?xf32>, tensor<?xf32>
}

// An outer product keeps both channel ranks in one state; reductions over the same
// keys share the walk. What is not along the keys stays an Einsum.
// CHECK-LABEL: func.func @linear_attention
// CHECK: cascade.fold parallel [] stream k ins(%arg1[k, d], %arg2[k, e]) -> [d, e], [d]
// CHECK: step (%{{.*}}: tensor<16x8xf32>, %{{.*}}: tensor<16xf32>,
// CHECK-NOT: cascade.fold
// CHECK: cascade.einsum %arg0[q, d]
// CHECK: return
// REMARK: rank 'k': 1 pass -> 1
// REMARK-NEXT: func.func @linear_attention(
func.func @linear_attention(%Q: tensor<?x16xf32>, %K: tensor<?x16xf32>, %V: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %H = cascade.einsum %K[k,d], %V[k,e] -> [d,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "H"} : (tensor<?x16xf32>, tensor<?x8xf32>) -> tensor<16x8xf32>
  %Z = cascade.einsum %K[k,d] -> [d] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "Z"} : (tensor<?x16xf32>) -> tensor<16xf32>
  %N = cascade.einsum %Q[q,d], %H[d,e] -> [q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "N"} : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
  %D = cascade.einsum %Q[q,d], %Z[d] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "D"} : (tensor<?x16xf32>, tensor<16xf32>) -> tensor<?xf32>
  %O = cascade.einsum %N[q,e], %D[q] -> [q,e] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x8xf32>, tensor<?xf32>) -> tensor<?x8xf32>
  return %O : tensor<?x8xf32>
}

// Narrow operands: products and state in f32, as the source has them; the cast of
// the result is part of `finish`.
// CHECK-LABEL: func.func @half
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0xFF800000 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK: step {{.*}} %[[K:.*]]: tensor<?x64xbf16>, %[[V:.*]]: tensor<?x32xbf16>)
// CHECK: cascade.einsum %{{.*}}[d], %[[K]][k, d] -> [k] reduce sum
// CHECK-NEXT: ^bb0(%[[X:.*]]: bf16, %[[Y:.*]]: bf16):
// CHECK-NEXT: %[[XF:.*]] = arith.extf %[[X]]
// CHECK-NEXT: %[[YF:.*]] = arith.extf %[[Y]]
// CHECK-NEXT: arith.mulf %[[XF]], %[[YF]]
// CHECK: cascade.einsum %[[P:.*]][k], %[[V]][k, e] -> [e] reduce sum
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[Y:.*]]: bf16):
// CHECK-NEXT: %[[YF:.*]] = arith.extf %[[Y]]
// CHECK-NEXT: arith.mulf %[[X]], %[[YF]]
// CHECK: finish
// CHECK: arith.truncf
// CHECK: return
// REMARK: rank 'k': 3 passes -> 1
// REMARK-NEXT: func.func @half(
func.func @half(%Q: tensor<?x64xbf16>, %K: tensor<?x64xbf16>, %V: tensor<?x32xbf16>) -> tensor<?x32xbf16> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%x: bf16, %y: bf16):
    %a = arith.extf %x : bf16 to f32
    %b = arith.extf %y : bf16 to f32
    %p = arith.mulf %a, %b : f32
    cascade.yield %p : f32
  } {cascade.name = "S"} : (tensor<?x64xbf16>, tensor<?x64xbf16>) -> tensor<?x?xf32>
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
  %P = cascade.einsum %SN[q,k], %SD[q] -> [q,k] {
  ^bb0(%w: f32, %l: f32):
    %r = arith.divf %w, %l : f32
    %h = arith.truncf %r : f32 to bf16
    cascade.yield %h : bf16
  } {cascade.name = "P"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xbf16>
  %O = cascade.einsum %P[q,k], %V[k,e] -> [q,e] reduce sum {
  ^bb0(%p: bf16, %v: bf16):
    %a = arith.extf %p : bf16 to f32
    %b = arith.extf %v : bf16 to f32
    %m = arith.mulf %a, %b : f32
    cascade.yield %m : f32
  } {cascade.name = "O"} : (tensor<?x?xbf16>, tensor<?x32xbf16>) -> tensor<?x32xf32>
  %OH = cascade.einsum %O[q,e] -> [q,e] {
  ^bb0(%o: f32):
    %h = arith.truncf %o : f32 to bf16
    cascade.yield %h : bf16
  } {cascade.name = "OH"} : (tensor<?x32xf32>) -> tensor<?x32xbf16>
  return %OH : tensor<?x32xbf16>
}

// Exponents of base 2, scaled after the maximum is taken: the gauge is the scaled
// maximum.
// CHECK-LABEL: func.func @base_two
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0xFF800000 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK: step
// CHECK-NOT: math.exp %
// CHECK: math.exp2
// CHECK: return
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @base_two(
func.func @base_two(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[q,k] -> [q] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %SN = cascade.einsum %S[q,k], %GM[q] -> [q,k] {
  ^bb0(%s: f32, %m: f32):
    %d = arith.subf %s, %m : f32
    %c = arith.constant 0.125 : f32
    %x = arith.mulf %c, %d : f32
    %w = math.exp2 %x : f32
    cascade.yield %w : f32
  } {cascade.name = "SN"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SN[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %NV = cascade.einsum %SN[q,k], %V[k,e] -> [q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "NV"} : (tensor<?x?xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %O = cascade.einsum %NV[q,e], %SD[q] -> [q,e] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x32xf32>, tensor<?xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// Scores of -inf instead of a mask: weights of such keys are 0, never NaN.
// CHECK-LABEL: func.func @masked_scores
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0xFF800000 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK: return
// REMARK: rank 'k': 3 passes -> 1
// REMARK-NEXT: func.func @masked_scores(
func.func @masked_scores(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %T = cascade.einsum %S[q,k] -> [q,k] {
  ^bb0(%s: f32):
    %i = cascade.index "q"
    %j = cascade.index "k"
    %c = arith.cmpi sle, %j, %i : index
    %no = arith.constant 0xFF800000 : f32
    %t = arith.select %c, %s, %no : f32
    cascade.yield %t : f32
  } {cascade.name = "T"} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %T[q,k] -> [q] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %SN = cascade.einsum %T[q, k], %GM[q] -> [q, k] {
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
  return %O : tensor<?x32xf32>
}

// The maximum over all keys bounds the exponents of the visible ones too.
// CHECK-LABEL: func.func @masked_weights
// CHECK: cascade.fold parallel [q] stream k {{.*}} identity [0xFF800000 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK: return
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @masked_weights(
func.func @masked_weights(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[q,k] -> [q] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %SN = cascade.einsum %S[q,k], %GM[q] -> [q,k] {
  ^bb0(%s: f32, %m: f32):
    %i = cascade.index "q"
    %j = cascade.index "k"
    %c = arith.cmpi sle, %j, %i : index
    %d = arith.subf %s, %m : f32
    %w = math.exp %d : f32
    %z = arith.constant 0.0 : f32
    %t = arith.select %c, %w, %z : f32
    cascade.yield %t : f32
  } {cascade.name = "SN"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SN[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %NV = cascade.einsum %SN[q,k], %V[k,e] -> [q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "NV"} : (tensor<?x?xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %O = cascade.einsum %NV[q,e], %SD[q] -> [q,e] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x32xf32>, tensor<?xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// Reductions under different masks share the walk with their own guards. The
// maximum does not bound the exponents under the other mask, so one that does is
// carried.
// CHECK-LABEL: func.func @two_masks
// CHECK: cascade.fold parallel [q] stream k ins(%arg0[q, k]) -> [q], [q] identity [0xFF800000 : f32, 0xFF800000 : f32, 0.000000e+00 : f32]
// CHECK-NOT: where
// CHECK: return
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @two_masks(
func.func @two_masks(%X: tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %A = cascade.einsum %X[q,k] -> [q] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } where {
    %i = cascade.index "q"
    %j = cascade.index "k"
    %c = arith.cmpi sle, %j, %i : index
    cascade.yield %c : i1
  } {cascade.name = "A"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %B = cascade.einsum %X[q,k], %A[q] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } where {
    %j = cascade.index "k"
    %two = arith.constant 2 : index
    %r = arith.remui %j, %two : index
    %z = arith.constant 0 : index
    %c = arith.cmpi eq, %r, %z : index
    cascade.yield %c : i1
  } {cascade.name = "B"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %A, %B : tensor<?xf32>, tensor<?xf32>
}

// Exponents that fall with x are bounded by the running minimum.
// CHECK-LABEL: func.func @smallest_first
// CHECK: cascade.fold {{.*}} identity [0x7F800000 : f32, 0.000000e+00 : f32]
// CHECK: return
// REMARK: rank 'k', walk 1: repaired (gauge: running minimum)
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @smallest_first(
func.func @smallest_first(%X: tensor<?x?xf32>) -> tensor<?xf32> {
  %A = cascade.einsum %X[q,k] -> [q] reduce min {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "A"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %B = cascade.einsum %X[q,k], %A[q] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %b, %a : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "B"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %B : tensor<?xf32>
}

// Exponents that are centred by something that does not bound them get a running
// maximum of their own; the difference comes in at the end.
// CHECK-LABEL: func.func @centred
// CHECK: cascade.fold {{.*}} identity [0.000000e+00 : f32, 0xFF800000 : f32, 0.000000e+00 : f32]
// CHECK: return
// REMARK: rank 'k', walk 1: repaired (gauge: running maximum)
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @centred(
func.func @centred(%X: tensor<?x?xf32>, %N: f32) -> tensor<?xf32> {
  %SX = cascade.einsum %X[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %W = cascade.einsum %X[q,k], %SX[q], %N[] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.divf %b, %c : f32
    %r1 = arith.subf %a, %r0 : f32
    %r2 = math.exp %r1 : f32
    cascade.yield %r2 : f32
  } {cascade.name = "W"} : (tensor<?x?xf32>, tensor<?xf32>, f32) -> tensor<?xf32>
  return %W : tensor<?xf32>
}

// A maximum moves with a shift.
// CHECK-LABEL: func.func @shifted_maximum
// CHECK: cascade.fold {{.*}} identity [0.000000e+00 : f32, 0xFF800000 : f32]
// CHECK: finish
// CHECK: arith.subf
// CHECK: return
// REMARK: rank 'k', walk 1: deferred
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @shifted_maximum(
func.func @shifted_maximum(%X: tensor<?x?xf32>, %Y: tensor<?x?xf32>) -> tensor<?xf32> {
  %SX = cascade.einsum %X[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %M = cascade.einsum %Y[q,k], %SX[q] -> [q] reduce max {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "M"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %M : tensor<?xf32>
}

// What does not vary over the rows is made once, outside.
// CHECK-LABEL: func.func @projected
// CHECK: %[[K:.*]] = cascade.einsum %arg1[k, c], %arg2[c, d] -> [k, d] reduce sum
// CHECK: cascade.fold parallel [q] stream k ins({{.*}}%[[K]][k, d]
// CHECK: return
// REMARK: rank 'k': 3 passes -> 1
// REMARK-NEXT: func.func @projected(
func.func @projected(%Q: tensor<?x8xf32>, %X: tensor<?x16xf32>, %P: tensor<16x8xf32>, %V: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %K = cascade.einsum %X[k,c], %P[c,d] -> [k,d] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "K"} : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
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
  return %O : tensor<?x4xf32>
}

// Bodies may read coordinates and tables.
// CHECK-LABEL: func.func @table
// CHECK: cascade.fold parallel [h, q] stream k
// CHECK: cascade.index "h"
// CHECK: tensor.extract %arg0
// CHECK: return
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @table(
func.func @table(%slopes: tensor<3xf32>, %Q: tensor<3x?x8xf32>, %K: tensor<3x?x8xf32>, %V: tensor<3x?x4xf32>) -> tensor<3x?x4xf32> {
  %S = cascade.einsum %Q[h,q,d], %K[h,k,d] -> [h,q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<3x?x8xf32>, tensor<3x?x8xf32>) -> tensor<3x?x?xf32>
  %T = cascade.einsum %S[h,q,k] -> [h,q,k] {
  ^bb0(%s: f32):
    %i = cascade.index "q"
    %j = cascade.index "k"
    %hh = cascade.index "h"
    %a = tensor.extract %slopes[%hh] : tensor<3xf32>
    %d = arith.subi %j, %i : index
    %n = arith.index_cast %d : index to i32
    %x = arith.sitofp %n : i32 to f32
    %b = arith.mulf %a, %x : f32
    %t = arith.addf %s, %b : f32
    cascade.yield %t : f32
  } {cascade.name = "T"} : (tensor<3x?x?xf32>) -> tensor<3x?x?xf32>
  %GM = cascade.einsum %T[h,q,k] -> [h,q] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<3x?x?xf32>) -> tensor<3x?xf32>
  %SN = cascade.einsum %T[h,q,k], %GM[h,q] -> [h,q,k] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SN"} : (tensor<3x?x?xf32>, tensor<3x?xf32>) -> tensor<3x?x?xf32>
  %SD = cascade.einsum %SN[h,q,k] -> [h,q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<3x?x?xf32>) -> tensor<3x?xf32>
  %NV = cascade.einsum %SN[h,q,k], %V[h,k,e] -> [h,q,e] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "NV"} : (tensor<3x?x?xf32>, tensor<3x?x4xf32>) -> tensor<3x?x4xf32>
  %O = cascade.einsum %NV[h,q,e], %SD[h,q] -> [h,q,e] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<3x?x4xf32>, tensor<3x?xf32>) -> tensor<3x?x4xf32>
  return %O : tensor<3x?x4xf32>
}

// Independent reductions of the same keys share a walk.
// CHECK-LABEL: func.func @range
// CHECK: = cascade.fold parallel [q] stream k ins(%arg0[q, k]) -> [q] identity [0xFF800000 : f32, 0x7F800000 : f32]
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k': 1 pass -> 1
// REMARK-NEXT: func.func @range(
func.func @range(%X: tensor<?x?xf32>) -> tensor<?xf32> {
  %A = cascade.einsum %X[q,k] -> [q] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "A"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %B = cascade.einsum %X[q,k] -> [q] reduce min {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "B"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %R = cascade.einsum %A[q], %B[q] -> [q] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "R"} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %R : tensor<?xf32>
}

// Narrow reductions have a state in f32.
// CHECK-LABEL: func.func @narrow_sums
// CHECK: cascade.fold {{.*}} identity [0xFF800000 : f32, 0.000000e+00 : f32]
// CHECK: finish
// CHECK-COUNT-2: arith.truncf
// CHECK: return
// REMARK: rank 'k': 1 pass -> 1
// REMARK-NEXT: func.func @narrow_sums(
func.func @narrow_sums(%X: tensor<?x?xbf16>) -> (tensor<?xbf16>, tensor<?xbf16>) {
  %M = cascade.einsum %X[q,k] -> [q] reduce max {
  ^bb0(%x: bf16):
    cascade.yield %x : bf16
  } {cascade.name = "M"} : (tensor<?x?xbf16>) -> tensor<?xbf16>
  %D = cascade.einsum %X[q,k] -> [q] reduce sum {
  ^bb0(%x: bf16):
    %y = arith.mulf %x, %x : bf16
    cascade.yield %y : bf16
  } {cascade.name = "D"} : (tensor<?x?xbf16>) -> tensor<?xbf16>
  return %M, %D : tensor<?xbf16>, tensor<?xbf16>
}

// Elements that do not depend on the key still count keys: row 0 has none.
// CHECK-LABEL: func.func @one_for_all
// CHECK: cascade.fold {{.*}} ins({{.*}}%arg0[q, k]
// CHECK: return
// REMARK: rank 'k': 1 pass -> 1
// REMARK-NEXT: func.func @one_for_all(
func.func @one_for_all(%X: tensor<?x?xf32>, %B: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %M = cascade.einsum %B[q], %X[q,k] -> [q] reduce max {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %a : f32
    cascade.yield %r0 : f32
  } where {
    %i = cascade.index "q"
    %j = cascade.index "k"
    %c = arith.cmpi slt, %j, %i : index
    cascade.yield %c : i1
  } {cascade.name = "M"} : (tensor<?xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  %C = cascade.einsum %B[q], %X[q,k] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %a : f32
    cascade.yield %r0 : f32
  } where {
    %i = cascade.index "q"
    %j = cascade.index "k"
    %c = arith.cmpi slt, %j, %i : index
    cascade.yield %c : i1
  } {cascade.name = "C"} : (tensor<?xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  return %M, %C : tensor<?xf32>, tensor<?xf32>
}

// Weights that are exactly 0 stay guarded key by key.
// CHECK-LABEL: func.func @relu_entropy
// CHECK: cascade.fold parallel [q] stream k
// CHECK-NOT: cascade.fold
// CHECK: return
// REMARK: rank 'k', walk 1: accumulated
// REMARK: rank 'k', walk 1: deferred
// REMARK: rank 'k': 2 passes -> 1
// REMARK-NEXT: func.func @relu_entropy(
func.func @relu_entropy(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>) -> tensor<?xf32> {
  %S = cascade.einsum %Q[q,d], %K[k,d] -> [q,k] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %W = cascade.einsum %S[q,k] -> [q,k] {
  ^bb0(%a: f32):
    %z = arith.constant 0.0 : f32
    %r = arith.maximumf %a, %z : f32
    cascade.yield %r : f32
  } {cascade.name = "W"} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %W[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %A = cascade.einsum %W[q, k], %SD[q] -> [q, k] {
  ^bb0(%w: f32, %l: f32):
    %zero = arith.constant 0.0 : f32
    %empty = arith.cmpf oeq, %l, %zero : f32
    %r = arith.divf %w, %l : f32
    %a = arith.select %empty, %zero, %r : f32
    cascade.yield %a : f32
  } {cascade.name = "A"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %N = cascade.einsum %A[q,k] -> [q] reduce sum {
  ^bb0(%a: f32):
    %l = math.log %a : f32
    %t = arith.mulf %l, %a : f32
    %z = arith.constant 0.0 : f32
    %c = arith.cmpf une, %a, %z : f32
    %s = arith.select %c, %t, %z : f32
    cascade.yield %s : f32
  } {cascade.name = "N"} : (tensor<?x?xf32>) -> tensor<?xf32>
  return %N : tensor<?xf32>
}

// Scales of stored keys and values leave the sums that they are not indexed by:
// the products are of what is stored, and the scale of a value joins its weight.
// CHECK-LABEL: @scaled_operands
// CHECK: cascade.fold parallel [q] stream k
// CHECK: step
// CHECK: %[[S:.*]] = cascade.einsum %{{.*}}[d], %{{.*}}[k, d] -> [k] reduce sum {
// CHECK: arith.sitofp %{{.*}} : i8 to f32
// CHECK: }
// CHECK: cascade.einsum %[[S]][k], %{{.*}}[k] -> [k] {
// CHECK: arith.mulf
// CHECK: %[[W:.*]] = cascade.einsum %{{.*}}[k], %{{.*}}[] -> [k] {
// CHECK: math.exp
// CHECK: %[[WS:.*]] = cascade.einsum %[[W]][k], %{{.*}}[k] -> [k] {
// CHECK: arith.mulf
// CHECK: cascade.einsum %[[WS]][k], %{{.*}}[k, e] -> [e] reduce sum {
// CHECK: merge
func.func @scaled_operands(%Q: tensor<?x16xf32>, %K: tensor<?x16xi8>, %KS: tensor<?xf32>, %V: tensor<?x8xi8>, %VS: tensor<?xf32>) -> tensor<?x8xf32> {
  %S = cascade.einsum %Q[q, d], %K[k, d], %KS[k] -> [q, k] reduce sum {
  ^bb0(%x: f32, %y: i8, %s: f32):
    %f = arith.sitofp %y : i8 to f32
    %d = arith.mulf %f, %s : f32
    %p = arith.mulf %x, %d : f32
    cascade.yield %p : f32
  } : (tensor<?x16xf32>, tensor<?x16xi8>, tensor<?xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[q, k] -> [q] reduce max {
  ^bb0(%x: f32):
    cascade.yield %x : f32
  } : (tensor<?x?xf32>) -> tensor<?xf32>
  %W = cascade.einsum %S[q, k], %GM[q] -> [q, k] {
  ^bb0(%x: f32, %m: f32):
    %g = arith.subf %x, %m : f32
    %e = math.exp %g : f32
    cascade.yield %e : f32
  } : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %O = cascade.einsum %W[q, k], %V[k, e], %VS[k] -> [q, e] reduce sum {
  ^bb0(%w: f32, %y: i8, %s: f32):
    %f = arith.sitofp %y : i8 to f32
    %d = arith.mulf %f, %s : f32
    %p = arith.mulf %w, %d : f32
    cascade.yield %p : f32
  } : (tensor<?x?xf32>, tensor<?x8xi8>, tensor<?xf32>) -> tensor<?x8xf32>
  return %O : tensor<?x8xf32>
}
