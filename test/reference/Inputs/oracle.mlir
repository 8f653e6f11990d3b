// Cascades that numpy_oracle.py computes a second time.

// Softmax attention in three passes. Query i sees the keys j <= i + shift with
// seen[j] != 0; a row that sees none gives 0 and -inf.
func.func @attention(%Q: tensor<?x?xf32>, %K: tensor<?x?xf32>, %V: tensor<?x?xf32>, %seen: tensor<?xi32>, %shift: i32) -> (tensor<?x?xf32>, tensor<?xf32>) {
  %S = cascade.einsum %Q[q, d], %K[k, d] -> [q, k] reduce sum {
  ^bb0(%x: f32, %y: f32):
    %p = arith.mulf %x, %y : f32
    cascade.yield %p : f32
  } : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[q, k] -> [q] reduce max {
  ^bb0(%x: f32):
    cascade.yield %x : f32
  } where {
    %i = cascade.index "q"
    %j = cascade.index "k"
    %ii = arith.index_cast %i : index to i32
    %jj = arith.index_cast %j : index to i32
    %last = arith.addi %ii, %shift : i32
    %causal = arith.cmpi sle, %jj, %last : i32
    %flag = tensor.extract %seen[%j] : tensor<?xi32>
    %zero = arith.constant 0 : i32
    %kept = arith.cmpi ne, %flag, %zero : i32
    %c = arith.andi %causal, %kept : i1
    cascade.yield %c : i1
  } : (tensor<?x?xf32>) -> tensor<?xf32>
  %SN = cascade.einsum %S[q, k], %GM[q] -> [q, k] {
  ^bb0(%s: f32, %m: f32):
    %ninf = arith.constant 0xFF800000 : f32
    %z = arith.constant 0.0 : f32
    %none = arith.cmpf oeq, %m, %ninf : f32
    %g = arith.select %none, %z, %m : f32
    %d = arith.subf %s, %g : f32
    %e = math.exp %d : f32
    cascade.yield %e : f32
  } : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SN[q, k] -> [q] reduce sum {
  ^bb0(%x: f32):
    cascade.yield %x : f32
  } where {
    %i = cascade.index "q"
    %j = cascade.index "k"
    %ii = arith.index_cast %i : index to i32
    %jj = arith.index_cast %j : index to i32
    %last = arith.addi %ii, %shift : i32
    %causal = arith.cmpi sle, %jj, %last : i32
    %flag = tensor.extract %seen[%j] : tensor<?xi32>
    %zero = arith.constant 0 : i32
    %kept = arith.cmpi ne, %flag, %zero : i32
    %c = arith.andi %causal, %kept : i1
    cascade.yield %c : i1
  } : (tensor<?x?xf32>) -> tensor<?xf32>
  %A = cascade.einsum %SN[q, k], %SD[q] -> [q, k] {
  ^bb0(%n: f32, %d: f32):
    %z = arith.constant 0.0 : f32
    %none = arith.cmpf oeq, %d, %z : f32
    %r = arith.divf %n, %d : f32
    %a = arith.select %none, %z, %r : f32
    cascade.yield %a : f32
  } : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %O = cascade.einsum %A[q, k], %V[k, e] -> [q, e] reduce sum {
  ^bb0(%a: f32, %v: f32):
    %p = arith.mulf %a, %v : f32
    cascade.yield %p : f32
  } where {
    %i = cascade.index "q"
    %j = cascade.index "k"
    %ii = arith.index_cast %i : index to i32
    %jj = arith.index_cast %j : index to i32
    %last = arith.addi %ii, %shift : i32
    %causal = arith.cmpi sle, %jj, %last : i32
    %flag = tensor.extract %seen[%j] : tensor<?xi32>
    %zero = arith.constant 0 : i32
    %kept = arith.cmpi ne, %flag, %zero : i32
    %c = arith.andi %causal, %kept : i1
    cascade.yield %c : i1
  } : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %LSE = cascade.einsum %GM[q], %SD[q] -> [q] {
  ^bb0(%m: f32, %d: f32):
    %l = math.log %d : f32
    %r = arith.addf %m, %l : f32
    cascade.yield %r : f32
  } : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %O, %LSE : tensor<?x?xf32>, tensor<?xf32>
}

// y[t, c] = sum_w x[t - w + 1, c] f[w, c], where x exists.
func.func @convolution(%x: tensor<?x?xf32>, %f: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %y = cascade.einsum %x[t - w + 1, c], %f[w, c], %x[t, c] -> [t, c] reduce sum {
  ^bb0(%a: f32, %b: f32, %unused: f32):
    %p = arith.mulf %a, %b : f32
    cascade.yield %p : f32
  } : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// Gated linear recurrence: h <- a h + b x, from h0.
func.func @recurrence(%a: tensor<?xf32>, %x: tensor<?x?xf32>, %h0: tensor<?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xf32>) {
  %r:3 = cascade.scan over "t" emit [exclusive, inclusive, final]
      init(%h0[c]) ins(%a[t], %x[t, c]) -> [c, t] {
  ^bb0(%h: f32, %g: f32, %e: f32):
    %kept = arith.mulf %g, %h : f32
    %n = arith.addf %kept, %e : f32
    cascade.yield %n : f32
  } : (tensor<?xf32>), (tensor<?xf32>, tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xf32>)
  return %r#0, %r#1, %r#2 : tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xf32>
}

func.func @gather(%pages: tensor<?x?x4x3xf32>, %table: tensor<?x?xi32>, %lengths: tensor<?xi32>) -> tensor<?x?x?x3xf32> {
  %k = cascade.gather %pages, %table, %lengths : tensor<?x?x4x3xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x3xf32>
  return %k : tensor<?x?x?x3xf32>
}
