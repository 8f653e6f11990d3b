// Entropy of the softmax of each row of scores, three passes over k as written:
//
//   M = max_k S    E = exp(S - M)    D = sum_k E    A = E / D
//   H = -sum_k A log A, where 0 log 0 = 0
//
// log A is (S - M) - log D, so one walk carries M, D and sum (S - M) E.
func.func @entropy(%S: tensor<?x?xf32>) -> tensor<?xf32> {
  %M = cascade.einsum %S[p, k] -> [p] reduce max {
  ^bb0(%s: f32):
    cascade.yield %s : f32
  } {cascade.name = "M"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %E = cascade.einsum %S[p, k], %M[p] -> [p, k] {
  ^bb0(%s: f32, %m: f32):
    %d = arith.subf %s, %m : f32
    %e = math.exp %d : f32
    cascade.yield %e : f32
  } {cascade.name = "E"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %D = cascade.einsum %E[p, k] -> [p] reduce sum {
  ^bb0(%e: f32):
    cascade.yield %e : f32
  } {cascade.name = "D"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %A = cascade.einsum %E[p, k], %D[p] -> [p, k] {
  ^bb0(%e: f32, %d: f32):
    %a = arith.divf %e, %d : f32
    cascade.yield %a : f32
  } {cascade.name = "A"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %N = cascade.einsum %A[p, k] -> [p] reduce sum {
  ^bb0(%a: f32):
    %l = math.log %a : f32
    %t = arith.mulf %a, %l : f32
    %zero = arith.constant 0.0 : f32
    %isZero = arith.cmpf oeq, %a, %zero : f32
    %s = arith.select %isZero, %zero, %t : f32
    cascade.yield %s : f32
  } {cascade.name = "N"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %H = cascade.einsum %N[p] -> [p] {
  ^bb0(%n: f32):
    %h = arith.negf %n : f32
    cascade.yield %h : f32
  } {cascade.name = "H"} : (tensor<?xf32>) -> tensor<?xf32>
  return %H : tensor<?xf32>
}
