// RUN: fovea-opt %s | fovea-opt | FileCheck %s

// CHECK-LABEL: @three_pass
// CHECK: cascade.einsum %{{.*}}[q, d], %{{.*}}[k, d] -> [q, k] reduce sum
// CHECK: where
// CHECK: cascade.index "k"
// CHECK: cascade.einsum %{{.*}}[q, k] -> [q] reduce max
func.func @three_pass(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>) -> tensor<?xf32> {
  %s = cascade.einsum %Q[q, d], %K[k, d] -> [q, k] reduce sum {
  ^bb0(%x: f32, %y: f32):
    %p = arith.mulf %x, %y : f32
    cascade.yield %p : f32
  } where {
    %i = cascade.index "q"
    %j = cascade.index "k"
    %c = arith.cmpi sle, %j, %i : index
    cascade.yield %c : i1
  } : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %m = cascade.einsum %s[q, k] -> [q] reduce max {
  ^bb0(%x: f32):
    cascade.yield %x : f32
  } : (tensor<?x?xf32>) -> tensor<?xf32>
  return %m : tensor<?xf32>
}

// CHECK-LABEL: @convolution
// CHECK: %{{.*}}[t - w + 1], %{{.*}}[w], %{{.*}}[t] -> [t] reduce sum
func.func @convolution(%x: tensor<?xf32>, %w: tensor<4xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %r = cascade.einsum %x[t - w + 1], %w[w], %y[t] -> [t] reduce sum {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    cascade.yield %p : f32
  } : (tensor<?xf32>, tensor<4xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// Factors and negative terms survive a round trip.
// CHECK-LABEL: @strided
// CHECK: %{{.*}}[2 * t + -3 * w - 1, -1 * w + 3], %{{.*}}[w], %{{.*}}[t] -> [t] reduce sum
func.func @strided(%x: tensor<?x4xf32>, %w: tensor<4xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %r = cascade.einsum %x[2 * t - 3 * w - 1, -w + 3], %w[w], %y[t] -> [t] reduce sum {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %p = arith.mulf %a, %b : f32
    cascade.yield %p : f32
  } : (tensor<?x4xf32>, tensor<4xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// CHECK-LABEL: @initial
// CHECK: from %{{.*}}[p] -> [p] reduce max
func.func @initial(%x: tensor<?x?xf32>, %s: tensor<?xf32>) -> tensor<?xf32> {
  %m = cascade.einsum %x[p, m] from %s[p] -> [p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %m : tensor<?xf32>
}

// CHECK-LABEL: @running_sum
// CHECK: cascade.scan over "t" emit [inclusive, final] init(%{{.*}}[]) ins(%{{.*}}[t, p]) -> [t, p]
func.func @running_sum(%x: tensor<?x8xf32>, %zero: f32) -> (tensor<?x8xf32>, tensor<8xf32>) {
  %run, %all = cascade.scan over "t" emit [inclusive, final]
      init(%zero[]) ins(%x[t, p]) -> [t, p] {
  ^bb0(%c: f32, %e: f32):
    %n = arith.addf %c, %e : f32
    cascade.yield %n : f32
  } : (f32), (tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<8xf32>)
  return %run, %all : tensor<?x8xf32>, tensor<8xf32>
}

// CHECK-LABEL: @repeat
// CHECK: cascade.iterate 3(%{{.*}})
func.func @repeat(%x: tensor<8xf32>) -> tensor<8xf32> {
  %r = cascade.iterate 3 (%x) {
  ^bb0(%s: tensor<8xf32>):
    %y = cascade.einsum %s[a] -> [a] {
    ^bb0(%e: f32):
      %z = math.exp %e : f32
      cascade.yield %z : f32
    } : (tensor<8xf32>) -> tensor<8xf32>
    cascade.yield %y : tensor<8xf32>
  } : (tensor<8xf32>) -> (tensor<8xf32>)
  return %r : tensor<8xf32>
}

// CHECK-LABEL: @pages
// CHECK: cascade.gather
func.func @pages(%p: tensor<?x?x16x64xf32>, %t: tensor<?x?xi32>, %n: tensor<?xi32>) -> tensor<?x?x?x64xf32> {
  %k = cascade.gather %p, %t, %n : tensor<?x?x16x64xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x64xf32>
  return %k : tensor<?x?x?x64xf32>
}

// CHECK-LABEL: @softmax
// CHECK: cascade.fold parallel [q] stream k ins(%{{.*}}[q, d], %{{.*}}[k, d], %{{.*}}[k, e]) -> [q, e] identity [0xFF800000 : f32, 0.000000e+00 : f32, 0.000000e+00 : f32]
// CHECK: init (%{{.*}}: tensor<64xf32>)
// CHECK: step (%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: tensor<32xf32>, %{{.*}}: tensor<64xf32>, %{{.*}}: tensor<?x64xf32>, %{{.*}}: tensor<?x32xf32>)
// CHECK: merge
// CHECK: finish
// CHECK: where
func.func @softmax(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> tensor<?x32xf32> {
  %o = cascade.fold parallel [q] stream k ins(%Q[q, d], %K[k, d], %V[k, e]) -> [q, e]
      identity [0xFF800000 : f32, 0.0 : f32, 0.0 : f32]
    init (%qr: tensor<64xf32>) {
      %ninf = arith.constant 0xFF800000 : f32
      %zero = arith.constant 0.0 : f32
      %zeros = arith.constant dense<0.0> : tensor<32xf32>
      cascade.yield %ninf, %zero, %zeros : f32, f32, tensor<32xf32>
    }
    step (%m: f32, %l: f32, %a: tensor<32xf32>, %qr: tensor<64xf32>, %kt: tensor<?x64xf32>, %vt: tensor<?x32xf32>) {
      %s = cascade.einsum %qr[d], %kt[k, d] -> [k] reduce sum {
      ^bb0(%x: f32, %y: f32):
        %p = arith.mulf %x, %y : f32
        cascade.yield %p : f32
      } : (tensor<64xf32>, tensor<?x64xf32>) -> tensor<?xf32>
      %lm = cascade.einsum %s[k] -> [] reduce max {
      ^bb0(%x: f32):
        cascade.yield %x : f32
      } : (tensor<?xf32>) -> f32
      %m2 = arith.maximumf %m, %lm : f32
      %gap = arith.subf %m, %m2 : f32
      %alpha = math.exp %gap : f32
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
      %pv = cascade.einsum %p[k], %vt[k, e] -> [e] reduce sum {
      ^bb0(%x: f32, %y: f32):
        %z = arith.mulf %x, %y : f32
        cascade.yield %z : f32
      } : (tensor<?xf32>, tensor<?x32xf32>) -> tensor<32xf32>
      %a2 = cascade.einsum %a[e], %alpha[], %pv[e] -> [e] {
      ^bb0(%x: f32, %y: f32, %z: f32):
        %t = arith.mulf %x, %y : f32
        %u = arith.addf %t, %z : f32
        cascade.yield %u : f32
      } : (tensor<32xf32>, f32, tensor<32xf32>) -> tensor<32xf32>
      cascade.yield %m2, %l2, %a2 : f32, f32, tensor<32xf32>
    }
    merge (%m: f32, %l: f32, %a: tensor<32xf32>, %mb: f32, %lb: f32, %ab: tensor<32xf32>) {
      cascade.yield %m, %l, %a : f32, f32, tensor<32xf32>
    }
    finish (%m: f32, %l: f32, %a: tensor<32xf32>, %qr: tensor<64xf32>) {
      %o = cascade.einsum %a[e], %l[] -> [e] {
      ^bb0(%x: f32, %y: f32):
        %z = arith.divf %x, %y : f32
        cascade.yield %z : f32
      } : (tensor<32xf32>, f32) -> tensor<32xf32>
      cascade.yield %o : tensor<32xf32>
    }
    where {
      %i = cascade.index "q"
      %j = cascade.index "k"
      %c = arith.cmpi sle, %j, %i : index
      cascade.yield %c : i1
    } : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  return %o : tensor<?x32xf32>
}

// CHECK-LABEL: @views
// CHECK: cascade.unpack %{{.*}} group 32 : tensor<?x32xi8> -> tensor<?x64xi4>
// CHECK: cascade.repeat %{{.*}} times 32 : tensor<?x2xf16> -> tensor<?x64xf16>
// CHECK: cascade.gather %{{.*}} : tensor<?x?x16xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?xf32>
func.func @views(%bytes: tensor<?x32xi8>, %scales: tensor<?x2xf16>, %pages: tensor<?x?x16xf32>,
                 %table: tensor<?x?xi32>, %lengths: tensor<?xi32>)
    -> (tensor<?x64xi4>, tensor<?x64xf16>, tensor<?x?x?xf32>) {
  %n = cascade.unpack %bytes group 32 : tensor<?x32xi8> -> tensor<?x64xi4>
  %s = cascade.repeat %scales times 32 : tensor<?x2xf16> -> tensor<?x64xf16>
  %g = cascade.gather %pages, %table, %lengths : tensor<?x?x16xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?xf32>
  return %n, %s, %g : tensor<?x64xi4>, tensor<?x64xf16>, tensor<?x?x?xf32>
}

// CHECK-LABEL: @place
// CHECK: cascade.place %{{.*}} into %{{.*}} at %{{.*}} : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x?x8xf32>
// CHECK: cascade.place %{{.*}} into %{{.*}} at %{{.*}} through %{{.*}} : tensor<?x?x?xf32>, tensor<?x?x16xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x16xf32>
func.func @place(%rows: tensor<?x?x?x8xf32>, %base: tensor<?x?x?x8xf32>, %at: tensor<?x?xi32>,
                 %scales: tensor<?x?x?xf32>, %pages: tensor<?x?x16xf32>, %table: tensor<?x?xi32>)
    -> (tensor<?x?x?x8xf32>, tensor<?x?x16xf32>) {
  %n = cascade.place %rows into %base at %at : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x?x8xf32>
  %p = cascade.place %scales into %pages at %at through %table
     : tensor<?x?x?xf32>, tensor<?x?x16xf32>, tensor<?x?xi32>, tensor<?x?xi32> -> tensor<?x?x16xf32>
  return %n, %p : tensor<?x?x?x8xf32>, tensor<?x?x16xf32>
}
