// The meaning of every cascade operation on numbers worked out by hand.
// RUN: fovea-interpret --all %s | FileCheck %s

// q = [1, 2], k = [3, 4], visible where j <= i:
//   s0 = 1*3 = 3; s1 = 2*3 + 2*4 = 14
// CHECK-LABEL: @predicate
// CHECK-NEXT: [2] f32: 3 14
func.func @predicate() -> tensor<2xf32> {
  %q = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %k = arith.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %s = cascade.einsum %q[i], %k[j] -> [i] reduce sum {
  ^bb0(%x: f32, %y: f32):
    %p = arith.mulf %x, %y : f32
    cascade.yield %p : f32
  } where {
    %i = cascade.index "i"
    %j = cascade.index "j"
    %c = arith.cmpi sle, %j, %i : index
    cascade.yield %c : i1
  } : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %s : tensor<2xf32>
}

// Ranks that are kept in another order: a transposed outer product, and a
// point that is absent holds 0: [j, i] = q_i * k_j where i != j.
// CHECK-LABEL: @kept
// CHECK-NEXT: [2, 2] f32: 0 6 4 0
func.func @kept() -> tensor<2x2xf32> {
  %q = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %k = arith.constant dense<[3.0, 4.0]> : tensor<2xf32>
  %s = cascade.einsum %q[i], %k[j] -> [j, i] {
  ^bb0(%x: f32, %y: f32):
    %p = arith.mulf %x, %y : f32
    cascade.yield %p : f32
  } where {
    %i = cascade.index "i"
    %j = cascade.index "j"
    %c = arith.cmpi ne, %j, %i : index
    cascade.yield %c : i1
  } : (tensor<2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  return %s : tensor<2x2xf32>
}

// x = [1, 2, 3, 4], w = [10, 100], y[t] = sum_w x[t - w + 1] w[w] over the
// points inside: y0 = x1 w0 + x0 w1 = 120, y1 = 30 + 200, y2 = 40 + 300,
// y3 = (x4 is absent) + 400.
// CHECK-LABEL: @convolution
// CHECK-NEXT: [4] f32: 120 230 340 400
func.func @convolution() -> tensor<4xf32> {
  %x = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %w = arith.constant dense<[10.0, 100.0]> : tensor<2xf32>
  %y = cascade.einsum %x[t - w + 1], %w[w], %x[t] -> [t] reduce sum {
  ^bb0(%a: f32, %b: f32, %unused: f32):
    %p = arith.mulf %a, %b : f32
    cascade.yield %p : f32
  } : (tensor<4xf32>, tensor<2xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// A split rank: x[2 * a + b] = 1 2 3 4, a strided sum per a: 3, 7.
// CHECK-LABEL: @strided
// CHECK-NEXT: [2] f32: 3 7
func.func @strided() -> tensor<2xf32> {
  %x = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %e = arith.constant dense<0.0> : tensor<2xf32>
  %y = cascade.einsum %x[2 * a + b], %e[a], %e[b] -> [a] reduce sum {
  ^bb0(%v: f32, %u0: f32, %u1: f32):
    cascade.yield %v : f32
  } : (tensor<4xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// `from` starts each row: max(5, 1, 2) = 5, max(0, 3, 4) = 4. Without it an
// empty maximum is -inf, an empty minimum inf, an empty sum 0.
// CHECK-LABEL: @initial
// CHECK-NEXT: [2] f32: 5 4
// CHECK-NEXT: [] f32: -inf
// CHECK-NEXT: [] f32: inf
// CHECK-NEXT: [] f32: 0
func.func @initial() -> (tensor<2xf32>, f32, f32, f32) {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %s = arith.constant dense<[5.0, 0.0]> : tensor<2xf32>
  %m = cascade.einsum %x[p, m] from %s[p] -> [p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %none = arith.constant dense<> : tensor<0xf32>
  %max = cascade.einsum %none[m] -> [] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<0xf32>) -> f32
  %min = cascade.einsum %none[m] -> [] reduce min {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<0xf32>) -> f32
  %sum = cascade.einsum %none[m] -> [] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<0xf32>) -> f32
  return %m, %max, %min, %sum : tensor<2xf32>, f32, f32, f32
}

// A NaN wins a maximum and a minimum; where it is absent it does not matter.
// CHECK-LABEL: @nan
// CHECK-NEXT: [] f32: nan
// CHECK-NEXT: [] f32: nan
// CHECK-NEXT: [] f32: 2
func.func @nan() -> (f32, f32, f32) {
  %x = arith.constant dense<[1.0, 0x7FC00000, 2.0]> : tensor<3xf32>
  %max = cascade.einsum %x[m] -> [] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<3xf32>) -> f32
  %min = cascade.einsum %x[m] -> [] reduce min {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<3xf32>) -> f32
  %one = arith.constant 1 : index
  %some = cascade.einsum %x[m] -> [] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } where {
    %i = cascade.index "m"
    %c = arith.cmpi ne, %i, %one : index
    cascade.yield %c : i1
  } : (tensor<3xf32>) -> f32
  return %max, %min, %some : f32, f32, f32
}

// Integers: 3 + 4 + 5 = 12; i8 wraps: 100 + 100 = 200 - 256 = -56.
// CHECK-LABEL: @integers
// CHECK-NEXT: [] i32: 12
// CHECK-NEXT: [] i8: -56
// CHECK-NEXT: [] i8: -128
func.func @integers() -> (i32, i8, i8) {
  %x = arith.constant dense<[3, 4, 5]> : tensor<3xi32>
  %sum = cascade.einsum %x[m] -> [] reduce sum {
  ^bb0(%a: i32):
    cascade.yield %a : i32
  } : (tensor<3xi32>) -> i32
  %y = arith.constant dense<100> : tensor<2xi8>
  %wrapped = cascade.einsum %y[m] -> [] reduce sum {
  ^bb0(%a: i8):
    cascade.yield %a : i8
  } : (tensor<2xi8>) -> i8
  %none = arith.constant dense<> : tensor<0xi8>
  %max = cascade.einsum %none[m] -> [] reduce max {
  ^bb0(%a: i8):
    cascade.yield %a : i8
  } : (tensor<0xi8>) -> i8
  return %sum, %wrapped, %max : i32, i8, i8
}

// Running sums of the columns of [[1, 10], [2, 20], [3, 30]] from 100.
// CHECK-LABEL: @scan
// CHECK-NEXT: [3, 2] f32: 100 100 101 110 103 130
// CHECK-NEXT: [3, 2] f32: 101 110 103 130 106 160
// CHECK-NEXT: [2] f32: 106 160
func.func @scan() -> (tensor<3x2xf32>, tensor<3x2xf32>, tensor<2xf32>) {
  %x = arith.constant dense<[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]> : tensor<3x2xf32>
  %s = arith.constant 100.0 : f32
  %before, %after, %all = cascade.scan over "t" emit [exclusive, inclusive, final]
      init(%s[]) ins(%x[t, p]) -> [t, p] {
  ^bb0(%c: f32, %e: f32):
    %n = arith.addf %c, %e : f32
    cascade.yield %n : f32
  } : (f32), (tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x2xf32>, tensor<2xf32>)
  return %before, %after, %all : tensor<3x2xf32>, tensor<3x2xf32>, tensor<2xf32>
}

// Two carries at once: (a, b) <- (b, a + b) gives Fibonacci numbers; results
// come all carries of the first emission first. The index counts from 0.
// CHECK-LABEL: @fibonacci
// CHECK-NEXT: [4] f32: 1 1 2 3
// CHECK-NEXT: [4] f32: 1 2 3 5
// CHECK-NEXT: [] f32: 3
// CHECK-NEXT: [] f32: 5
func.func @fibonacci() -> (tensor<4xf32>, tensor<4xf32>, f32, f32) {
  %x = arith.constant dense<0.0> : tensor<4xf32>
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %r:4 = cascade.scan over "t" emit [inclusive, final]
      init(%zero[], %one[]) ins(%x[t]) -> [t] {
  ^bb0(%a: f32, %b: f32, %e: f32):
    %n = arith.addf %a, %b : f32
    cascade.yield %b, %n : f32, f32
  } : (f32, f32), (tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>, f32, f32)
  return %r#0, %r#1, %r#2, %r#3 : tensor<4xf32>, tensor<4xf32>, f32, f32
}

// An index outside leaves the carries alone: c <- 2c + x[t - 1] from 1, where
// t = 0 has no x: 1, then 2 + 5 = 7, then 14 + 6 = 20.
// CHECK-LABEL: @scan_absent
// CHECK-NEXT: [3] f32: 1 7 20
func.func @scan_absent() -> tensor<3xf32> {
  %x = arith.constant dense<[5.0, 6.0, 7.0]> : tensor<3xf32>
  %one = arith.constant 1.0 : f32
  %r = cascade.scan over "t" emit [inclusive]
      init(%one[]) ins(%x[t - 1], %x[t]) -> [t] {
  ^bb0(%c: f32, %e: f32, %unused: f32):
    %d = arith.addf %c, %c : f32
    %n = arith.addf %d, %e : f32
    cascade.yield %n : f32
  } : (f32), (tensor<3xf32>, tensor<3xf32>) -> (tensor<3xf32>)
  return %r : tensor<3xf32>
}

// (a, b) <- (b, a) three times swaps once over.
// CHECK-LABEL: @iterate
// CHECK-NEXT: [1] f32: 2
// CHECK-NEXT: [1] f32: 1
func.func @iterate() -> (tensor<1xf32>, tensor<1xf32>) {
  %a = arith.constant dense<1.0> : tensor<1xf32>
  %b = arith.constant dense<2.0> : tensor<1xf32>
  %r:2 = cascade.iterate 3 (%a, %b) {
  ^bb0(%x: tensor<1xf32>, %y: tensor<1xf32>):
    cascade.yield %y, %x : tensor<1xf32>, tensor<1xf32>
  } : (tensor<1xf32>, tensor<1xf32>) -> (tensor<1xf32>, tensor<1xf32>)
  return %r#0, %r#1 : tensor<1xf32>, tensor<1xf32>
}

// Two sequences of 3 and 1 tokens, pages of two slots, one channel. Page 0
// holds 1 2, page 1 holds 3 4, page 2 holds 5 6. Sequence 0 owns pages 2, 0:
// 5 6 1; sequence 1 owns page 1: 3, then nothing. Unused entries may be wild.
// CHECK-LABEL: @gather
// CHECK-NEXT: [2, 1, 3, 1] f32: 5 6 1 3 0 0
func.func @gather() -> tensor<?x?x?x1xf32> {
  %r = call @gather_pages() : () -> tensor<?x?x?x1xf32>
  return %r : tensor<?x?x?x1xf32>
}
func.func private @gather_pages() -> tensor<?x?x?x1xf32> {
  %pages = arith.constant dense<[[[[1.0], [2.0]]], [[[3.0], [4.0]]], [[[5.0], [6.0]]]]> : tensor<3x1x2x1xf32>
  %table = arith.constant dense<[[2, 0], [1, -7]]> : tensor<2x2xi32>
  %lengths = arith.constant dense<[3, 1]> : tensor<2xi32>
  %k = cascade.gather %pages, %table, %lengths : tensor<3x1x2x1xf32>, tensor<2x2xi32>, tensor<2xi32> -> tensor<?x?x?x1xf32>
  return %k : tensor<?x?x?x1xf32>
}

// CHECK-LABEL: @gather_bad_page
// CHECK-NEXT: error: {{.*}}.mlir:{{[0-9]+}}:{{[0-9]+}}: 'cascade.gather' expected the page of sequence 1, slot 0 in [0, 1), got 9
func.func @gather_bad_page() -> tensor<?x?x?x1xf32> {
  %pages = arith.constant dense<1.0> : tensor<1x1x2x1xf32>
  %table = arith.constant dense<[[0], [9]]> : tensor<2x1xi32>
  %lengths = arith.constant dense<[2, 1]> : tensor<2xi32>
  %k = cascade.gather %pages, %table, %lengths : tensor<1x1x2x1xf32>, tensor<2x1xi32>, tensor<2xi32> -> tensor<?x?x?x1xf32>
  return %k : tensor<?x?x?x1xf32>
}

// CHECK-LABEL: @gather_too_long
// CHECK-NEXT: error: {{.*}}'cascade.gather' expected the length of sequence 0 in [0, 2], got 3
func.func @gather_too_long() -> tensor<?x?x?x1xf32> {
  %pages = arith.constant dense<1.0> : tensor<1x1x2x1xf32>
  %table = arith.constant dense<0> : tensor<1x1xi32>
  %lengths = arith.constant dense<3> : tensor<1xi32>
  %k = cascade.gather %pages, %table, %lengths : tensor<1x1x2x1xf32>, tensor<1x1xi32>, tensor<1xi32> -> tensor<?x?x?x1xf32>
  return %k : tensor<?x?x?x1xf32>
}

// CHECK-LABEL: @extents_disagree
// CHECK-NEXT: error: {{.*}}'cascade.einsum' expected one extent for rank 'k', got 2 and 3
func.func @extents_disagree() -> f32 {
  %a = arith.constant dense<1.0> : tensor<2xf32>
  %b = arith.constant dense<1.0> : tensor<3xf32>
  %x = tensor.cast %a : tensor<2xf32> to tensor<?xf32>
  %y = tensor.cast %b : tensor<3xf32> to tensor<?xf32>
  %s = cascade.einsum %x[k], %y[k] -> [] reduce sum {
  ^bb0(%u: f32, %v: f32):
    %p = arith.mulf %u, %v : f32
    cascade.yield %p : f32
  } : (tensor<?xf32>, tensor<?xf32>) -> f32
  return %s : f32
}

// Groups of 4: bytes 0x1F 0x23 are -1, 3, 1, 2 (low nibbles first), and
// 0x80 0x7F are 0, -1, -8, 7.
// CHECK-LABEL: @unpack
// CHECK-NEXT: [1, 8] i4: -1 3 1 2 0 -1 -8 7
func.func @unpack() -> tensor<1x8xi4> {
  %bytes = arith.constant dense<[[0x1F, 0x23, 0x80, 0x7F]]> : tensor<1x4xi8>
  %n = cascade.unpack %bytes group 4 : tensor<1x4xi8> -> tensor<1x8xi4>
  return %n : tensor<1x8xi4>
}

// CHECK-LABEL: @repeat
// CHECK-NEXT: [2, 6] f16: 1 1 1 2 2 2 3 3 3 4 4 4
func.func @repeat() -> tensor<2x6xf16> {
  %s = arith.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf16>
  %r = cascade.repeat %s times 3 : tensor<2x2xf16> -> tensor<2x6xf16>
  return %r : tensor<2x6xf16>
}

// Pages without channels: of one head, the lengths 3 and 1.
// CHECK-LABEL: @gather_scalars
// CHECK-NEXT: [2, 1, 3] f32: 5 6 1 3 0 0
func.func @gather_scalars() -> tensor<?x?x?xf32> {
  %pages = arith.constant dense<[[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]]]> : tensor<3x1x2xf32>
  %table = arith.constant dense<[[2, 0], [1, -7]]> : tensor<2x2xi32>
  %lengths = arith.constant dense<[3, 1]> : tensor<2xi32>
  %k = cascade.gather %pages, %table, %lengths : tensor<3x1x2xf32>, tensor<2x2xi32>, tensor<2xi32> -> tensor<?x?x?xf32>
  return %k : tensor<?x?x?xf32>
}

// Rows 10 20 to positions 2 and 0 of a sequence, and -1: left out. Then through
// a table: positions 3 and 1 of two pages of 2 slots, [1, 0].
// CHECK-LABEL: @place
// CHECK-NEXT: [1, 1, 3] f32: 20 0 10
// CHECK-NEXT: [2, 1, 2] f32: 0 10 0 20
func.func @place() -> (tensor<1x1x3xf32>, tensor<2x1x2xf32>) {
  %rows = arith.constant dense<[[[10.0, 20.0, 30.0]]]> : tensor<1x1x3xf32>
  %at = arith.constant dense<[[2, 0, -1]]> : tensor<1x3xi32>
  %base = arith.constant dense<0.0> : tensor<1x1x3xf32>
  %r = cascade.place %rows into %base at %at : tensor<1x1x3xf32>, tensor<1x1x3xf32>, tensor<1x3xi32> -> tensor<1x1x3xf32>
  %slots = arith.constant dense<[[3, 1, -5]]> : tensor<1x3xi32>
  %pages = arith.constant dense<0.0> : tensor<2x1x2xf32>
  %table = arith.constant dense<[[1, 0]]> : tensor<1x2xi32>
  %p = cascade.place %rows into %pages at %slots through %table
     : tensor<1x1x3xf32>, tensor<2x1x2xf32>, tensor<1x3xi32>, tensor<1x2xi32> -> tensor<2x1x2xf32>
  return %r, %p : tensor<1x1x3xf32>, tensor<2x1x2xf32>
}

// CHECK-LABEL: @place_beyond
// CHECK-NEXT: error: {{.*}}'cascade.place' expected a position below 3, got 3
func.func @place_beyond() -> tensor<1x1x3xf32> {
  %rows = arith.constant dense<1.0> : tensor<1x1x1xf32>
  %at = arith.constant dense<3> : tensor<1x1xi32>
  %base = arith.constant dense<0.0> : tensor<1x1x3xf32>
  %r = cascade.place %rows into %base at %at : tensor<1x1x1xf32>, tensor<1x1x3xf32>, tensor<1x1xi32> -> tensor<1x1x3xf32>
  return %r : tensor<1x1x3xf32>
}
