// Mean and variance of each row, as in a textbook: two passes over k.
//
//   SX = sum_k X    MU = SX / N    SQ = sum_k (X - MU)^2    VAR = SQ / N
//
// One walk is derived: squares are measured from the mean of the keys seen so
// far and moved along when it moves.
func.func @mean_variance(%X: tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %one = arith.constant 1 : index
  %extent = tensor.dim %X, %one : tensor<?x?xf32>
  %i = arith.index_cast %extent : index to i64
  %N = arith.sitofp %i : i64 to f32
  %SX = cascade.einsum %X[p, k] -> [p] reduce sum {
  ^bb0(%x: f32):
    cascade.yield %x : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %MU = cascade.einsum %SX[p], %N[] -> [p] {
  ^bb0(%s: f32, %n: f32):
    %mean = arith.divf %s, %n : f32
    cascade.yield %mean : f32
  } {cascade.name = "MU"} : (tensor<?xf32>, f32) -> tensor<?xf32>
  %SQ = cascade.einsum %X[p, k], %MU[p] -> [p] reduce sum {
  ^bb0(%x: f32, %mean: f32):
    %c = arith.subf %x, %mean : f32
    %square = arith.mulf %c, %c : f32
    cascade.yield %square : f32
  } {cascade.name = "SQ"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %VAR = cascade.einsum %SQ[p], %N[] -> [p] {
  ^bb0(%s: f32, %n: f32):
    %variance = arith.divf %s, %n : f32
    cascade.yield %variance : f32
  } {cascade.name = "VAR"} : (tensor<?xf32>, f32) -> tensor<?xf32>
  return %MU, %VAR : tensor<?xf32>, tensor<?xf32>
}
