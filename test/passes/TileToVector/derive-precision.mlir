// RUN: fovea-opt %s --fovea-derive-precision | FileCheck %s

!weights = tensor<8x4xf32, #tile.in<register, [k, q]>>
!seen = tensor<8x4xi1, #tile.in<register, [k, q]>>
!row = tensor<4xf32, #tile.in<register, [q]>>
!out = tensor<2x4xf32, #tile.in<register, [e, q]>>

// Rounded to bf16, and summed to a divisor: what rounding hides need not be
// computed. The second sum is carried to a place where its logarithm matters.
// CHECK-LABEL: func.func @rounded
// CHECK: math.exp2 %{{.*}} {tile.error = 4.8828125E-4 : f32}
// CHECK: math.exp2 %{{.*}} {second} : tensor
func.func @rounded(%x: !weights, %seen: !seen, %v: tensor<8x2xbf16, #tile.in<far, [k, e]>>, %l0: !row, %o0: !out, %n: index) -> (!row, !row, !out)
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = true, splits = 1>} {
  %c0 = arith.constant 0 : index
  %r:4 = tile.stream "k" from(%c0) to(%n) step 8 init(%l0, %l0, %o0, %o0) visible {
  ^bb0(%first: index, %last: index):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %l: !row, %m: !row, %o: !out, %u: !out):
    %none = arith.constant 0.0 : f32
    %p = math.exp2 %x : !weights
    %g = tile.guard %seen, %p else %none : !seen, !weights else f32 -> !weights
    %s = tile.reduce sum %g : !weights -> !row
    %sl = arith.addf %l, %s : !row
    %q = tile.contract %v, %g : tensor<8x2xbf16, #tile.in<far, [k, e]>>, !weights -> !out
    %e = math.exp2 %x {second} : !weights
    %t = tile.reduce sum %e : !weights -> !row
    %tm = arith.addf %m, %t : !row
    %w = tile.contract %v, %e : tensor<8x2xbf16, #tile.in<far, [k, e]>>, !weights -> !out
    tile.yield %sl, %tm, %q, %w : !row, !row, !out, !out
  } {tile.divisors = array<i64: 0>} : (!row, !row, !out, !out) -> (!row, !row, !out, !out)
  return %r#0, %r#1, %r#2 : !row, !row, !out
}

// A result that leaves, one that is only summed, a product in f32, a maximum:
// all keep the precision of f32.
// CHECK-LABEL: func.func @exact
// CHECK-NOT: tile.error
func.func @exact(%x: !weights, %b: tensor<8x2xbf16, #tile.in<far, [k, e]>>, %f: tensor<8x2xf32, #tile.in<far, [k, e]>>)
    -> (!weights, !out, !row, !out, !row, !out)
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = true, splits = 1>} {
  %p = math.exp2 %x : !weights
  %o = tile.contract %b, %p : tensor<8x2xbf16, #tile.in<far, [k, e]>>, !weights -> !out
  %s = math.exp %x : !weights
  %l = tile.reduce sum %s : !weights -> !row
  %r = math.exp2 %x {first} : !weights
  %u = tile.contract %f, %r : tensor<8x2xf32, #tile.in<far, [k, e]>>, !weights -> !out
  %t = math.exp2 %x {second} : !weights
  %m = tile.reduce max %t : !weights -> !row
  %w = tile.contract %b, %t : tensor<8x2xbf16, #tile.in<far, [k, e]>>, !weights -> !out
  return %p, %o, %l, %u, %m, %w : !weights, !out, !row, !out, !row, !out
}

// Without products of pairs nothing is rounded.
// CHECK-LABEL: func.func @plain
// CHECK-NOT: tile.error
func.func @plain(%x: !weights, %v: tensor<8x2xbf16, #tile.in<far, [k, e]>>) -> !out
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %p = math.exp2 %x : !weights
  %o = tile.contract %v, %p : tensor<8x2xbf16, #tile.in<far, [k, e]>>, !weights -> !out
  return %o : !out
}
