// Folds written by hand for MergeLawsTest: a right one and wrong ones.

// Query i sees keys j < i: the first row sees none. The scores of masked keys
// take part nowhere.
func.func @softmax(%Q: tensor<?x4xf32>, %K: tensor<?x4xf32>, %V: tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?xf32>) {
  %o:2 = cascade.fold parallel [q] stream k ins(%Q[q, d], %K[k, d], %V[k, e]) -> [q, e], [q]
      identity [0xFF800000 : f32, 0.0 : f32, 0.0 : f32]
    init (%qr: tensor<4xf32>) {
      %ninf = arith.constant 0xFF800000 : f32
      %zero = arith.constant 0.0 : f32
      %zeros = arith.constant dense<0.0> : tensor<3xf32>
      cascade.yield %ninf, %zero, %zeros : f32, f32, tensor<3xf32>
    }
    step (%m: f32, %l: f32, %a: tensor<3xf32>, %qr: tensor<4xf32>, %kt: tensor<?x4xf32>, %vt: tensor<?x3xf32>) {
      %s = cascade.einsum %qr[d], %kt[k, d] -> [k] reduce sum {
      ^bb0(%x: f32, %y: f32):
        %p = arith.mulf %x, %y : f32
        cascade.yield %p : f32
      } : (tensor<4xf32>, tensor<?x4xf32>) -> tensor<?xf32>
      %lm = cascade.einsum %s[k] -> [] reduce max {
      ^bb0(%x: f32):
        cascade.yield %x : f32
      } : (tensor<?xf32>) -> f32
      %m2 = arith.maximumf %m, %lm : f32
      %alpha = func.call @repair(%m, %m2) : (f32, f32) -> f32
      %p = cascade.einsum %s[k], %m2[] -> [k] {
      ^bb0(%x: f32, %y: f32):
        %z = arith.subf %x, %y : f32
        %e = math.exp %z : f32
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> tensor<?xf32>
      %ls = cascade.einsum %p[k] -> [] reduce sum {
      ^bb0(%x: f32):
        cascade.yield %x : f32
      } : (tensor<?xf32>) -> f32
      %lo = arith.mulf %l, %alpha : f32
      %l2 = arith.addf %lo, %ls : f32
      %a2 = cascade.einsum %p[k], %vt[k, e] -> [e] reduce sum {
      ^bb0(%x: f32, %y: f32):
        %z = arith.mulf %x, %y : f32
        cascade.yield %z : f32
      } : (tensor<?xf32>, tensor<?x3xf32>) -> tensor<3xf32>
      %a3 = cascade.einsum %a[e], %alpha[], %a2[e] -> [e] {
      ^bb0(%x: f32, %y: f32, %z: f32):
        %t = arith.mulf %x, %y : f32
        %u = arith.addf %t, %z : f32
        cascade.yield %u : f32
      } : (tensor<3xf32>, f32, tensor<3xf32>) -> tensor<3xf32>
      cascade.yield %m2, %l2, %a3 : f32, f32, tensor<3xf32>
    }
    merge (%m: f32, %l: f32, %a: tensor<3xf32>, %mb: f32, %lb: f32, %ab: tensor<3xf32>) {
      %m2 = arith.maximumf %m, %mb : f32
      %x = func.call @repair(%m, %m2) : (f32, f32) -> f32
      %y = func.call @repair(%mb, %m2) : (f32, f32) -> f32
      %l1 = arith.mulf %l, %x : f32
      %l2 = arith.mulf %lb, %y : f32
      %l3 = arith.addf %l1, %l2 : f32
      %a2 = cascade.einsum %a[e], %x[], %ab[e], %y[] -> [e] {
      ^bb0(%u: f32, %v: f32, %w: f32, %z: f32):
        %s = arith.mulf %u, %v : f32
        %t = arith.mulf %w, %z : f32
        %r = arith.addf %s, %t : f32
        cascade.yield %r : f32
      } : (tensor<3xf32>, f32, tensor<3xf32>, f32) -> tensor<3xf32>
      cascade.yield %m2, %l3, %a2 : f32, f32, tensor<3xf32>
    }
    finish (%m: f32, %l: f32, %a: tensor<3xf32>, %qr: tensor<4xf32>) {
      %o = cascade.einsum %a[e], %l[] -> [e] {
      ^bb0(%x: f32, %y: f32):
        %zero = arith.constant 0.0 : f32
        %none = arith.cmpf oeq, %y, %zero : f32
        %z = arith.divf %x, %y : f32
        %r = arith.select %none, %zero, %z : f32
        cascade.yield %r : f32
      } : (tensor<3xf32>, f32) -> tensor<3xf32>
      %log = math.log %l : f32
      %lse = arith.addf %m, %log : f32
      cascade.yield %o, %lse : tensor<3xf32>, f32
    }
    where {
      %i = cascade.index "q"
      %j = cascade.index "k"
      %c = arith.cmpi slt, %j, %i : index
      cascade.yield %c : i1
    } : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?xf32>)
  return %o#0, %o#1 : tensor<?x3xf32>, tensor<?xf32>
}

// exp(from - to), and 0 where nothing was seen yet.
func.func private @repair(%from: f32, %to: f32) -> f32 {
  %ninf = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %none = arith.cmpf oeq, %from, %ninf : f32
  %gap = arith.subf %from, %to : f32
  %e = math.exp %gap : f32
  %r = arith.select %none, %zero, %e : f32
  return %r : f32
}

// The merge keeps the first state only.
func.func @forgets(%x: tensor<?xf32>) -> f32 {
  %o = cascade.fold parallel [] stream k ins(%x[k]) -> [] identity [0.0 : f32]
    init () {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    }
    step (%s: f32, %xt: tensor<?xf32>) {
      %t = cascade.einsum %xt[k] from %s[] -> [] reduce sum {
      ^bb0(%a: f32):
        cascade.yield %a : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %t : f32
    }
    merge (%s: f32, %t: f32) {
      cascade.yield %s : f32
    }
    finish (%s: f32) {
      cascade.yield %s : f32
    } : (tensor<?xf32>) -> f32
  return %o : f32
}

// exp(-inf - -inf) where both sides saw nothing: a NaN.
func.func @unguarded(%x: tensor<?xf32>) -> (f32, f32) {
  %o:2 = cascade.fold parallel [] stream k ins(%x[k]) -> [], [] identity [0xFF800000 : f32, 0.0 : f32]
    init () {
      %zero = arith.constant 0.0 : f32
      %ninf = arith.constant 0xFF800000 : f32
      cascade.yield %ninf, %zero : f32, f32
    }
    step (%m: f32, %l: f32, %xt: tensor<?xf32>) {
      %m2 = cascade.einsum %xt[k] from %m[] -> [] reduce max {
      ^bb0(%a: f32):
        cascade.yield %a : f32
      } : (tensor<?xf32>, f32) -> f32
      %gap = arith.subf %m, %m2 : f32
      %alpha = math.exp %gap : f32
      %old = arith.mulf %l, %alpha : f32
      %l2 = cascade.einsum %xt[k], %m2[] from %old[] -> [] reduce sum {
      ^bb0(%a: f32, %b: f32):
        %d = arith.subf %a, %b : f32
        %e = math.exp %d : f32
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32, f32) -> f32
      cascade.yield %m2, %l2 : f32, f32
    }
    merge (%m: f32, %l: f32, %mb: f32, %lb: f32) {
      %m2 = arith.maximumf %m, %mb : f32
      %g0 = arith.subf %m, %m2 : f32
      %g1 = arith.subf %mb, %m2 : f32
      %e0 = math.exp %g0 : f32
      %e1 = math.exp %g1 : f32
      %l0 = arith.mulf %l, %e0 : f32
      %l1 = arith.mulf %lb, %e1 : f32
      %l2 = arith.addf %l0, %l1 : f32
      cascade.yield %m2, %l2 : f32, f32
    }
    finish (%m: f32, %l: f32) {
      cascade.yield %m, %l : f32, f32
    } : (tensor<?xf32>) -> (f32, f32)
  return %o#0, %o#1 : f32, f32
}
