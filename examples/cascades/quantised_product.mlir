// A vector, scaled so that its largest magnitude is 127, times a matrix; the
// scale is given back too.
//
//   AM = max_k |X|    SC = AM / 127    Z[n] = sum_k (X / SC) W[k, n]
//
// The scale leaves the sum, so the matrix streams once.
func.func @quantised_product(%X: tensor<?xf32>, %W: tensor<?x16xf32>) -> (tensor<16xf32>, f32) {
  %AM = cascade.einsum %X[k] -> [] reduce max {
  ^bb0(%x: f32):
    %a = math.absf %x : f32
    cascade.yield %a : f32
  } {cascade.name = "AM"} : (tensor<?xf32>) -> f32
  %SC = cascade.einsum %AM[] -> [] {
  ^bb0(%a: f32):
    %most = arith.constant 127.0 : f32
    %s = arith.divf %a, %most : f32
    cascade.yield %s : f32
  } {cascade.name = "SC"} : (f32) -> f32
  %Z = cascade.einsum %X[k], %SC[], %W[k, n] -> [n] reduce sum {
  ^bb0(%x: f32, %s: f32, %w: f32):
    %y = arith.divf %x, %s : f32
    %p = arith.mulf %y, %w : f32
    cascade.yield %p : f32
  } {cascade.name = "Z"} : (tensor<?xf32>, f32, tensor<?x16xf32>) -> tensor<16xf32>
  return %Z, %SC : tensor<16xf32>, f32
}
