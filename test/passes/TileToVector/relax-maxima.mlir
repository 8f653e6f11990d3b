// RUN: fovea-opt %s --fovea-relax-maxima --split-input-file | FileCheck %s

!scores = tensor<8x4xf32, #tile.in<register, [k, q]>>
!seen = tensor<8x4xi1, #tile.in<register, [k, q]>>
!row = tensor<4xf32, #tile.in<register, [q]>>

// The sum of weights is NaN when a score is, and no result takes the maximum
// without it.
// CHECK-LABEL: func.func @softmax
// CHECK: tile.reduce max_number
// CHECK: tile.reduce sum
func.func @softmax(%x: !scores, %seen: !seen, %m0: !row, %l0: !row, %n: index) -> !row {
  %c0 = arith.constant 0 : index
  %r:2 = tile.stream "k" from(%c0) to(%n) step 8 init(%m0, %l0) visible {
  ^bb0(%first: index, %last: index):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %m: !row, %l: !row):
    %none = arith.constant 0xFF800000 : f32
    %zero = arith.constant 0.0 : f32
    %c = arith.constant 2.0 : f32
    %g = tile.guard %seen, %x else %none : !seen, !scores else f32 -> !scores
    %most = tile.reduce max %g : !scores -> !row
    %cs = tile.broadcast %c : f32 -> !row
    %scaled = arith.mulf %most, %cs : !row
    %next = arith.maximumf %m, %scaled : !row
    %spread = tile.broadcast %next : !row -> !scores
    %d = arith.subf %x, %spread : !scores
    %e = math.exp2 %d : !scores
    %p = tile.guard %seen, %e else %zero : !seen, !scores else f32 -> !scores
    %s = tile.reduce sum %p : !scores -> !row
    %alpha = arith.subf %m, %next : !row
    %a = math.exp2 %alpha : !row
    %old = arith.mulf %l, %a : !row
    %sum = arith.addf %old, %s : !row
    tile.yield %next, %sum : !row, !row
  } {tile.companions = array<i64: 0>} : (!row, !row) -> (!row, !row)
  return %r#1 : !row
}

// -----

!scores = tensor<8x4xf32, #tile.in<register, [k, q]>>
!seen = tensor<8x4xi1, #tile.in<register, [k, q]>>
!row = tensor<4xf32, #tile.in<register, [q]>>

// The maximum is wanted for itself.
// CHECK-LABEL: func.func @wanted
// CHECK-NOT: max_number
func.func @wanted(%x: !scores, %m0: !row, %l0: !row, %n: index) -> (!row, !row) {
  %c0 = arith.constant 0 : index
  %r:2 = tile.stream "k" from(%c0) to(%n) step 8 init(%m0, %l0) visible {
  ^bb0(%first: index, %last: index):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %m: !row, %l: !row):
    %most = tile.reduce max %x : !scores -> !row
    %next = arith.maximumf %m, %most : !row
    %s = tile.reduce sum %x : !scores -> !row
    %sum = arith.addf %l, %s : !row
    tile.yield %next, %sum : !row, !row
  } {tile.companions = array<i64: 1>} : (!row, !row) -> (!row, !row)
  return %r#0, %r#1 : !row, !row
}

// -----

!scores = tensor<8x4xf32, #tile.in<register, [k, q]>>
!seen = tensor<8x4xi1, #tile.in<register, [k, q]>>
!row = tensor<4xf32, #tile.in<register, [q]>>

// The other value forgets what it had; sums what another mask hides; sums
// something else; is a maximum itself.
// CHECK-LABEL: func.func @not_recorded
// CHECK-NOT: max_number
func.func @not_recorded(%x: !scores, %y: !scores, %seen: !seen, %m0: !row, %n: index) -> (!row, !row, !row, !row) {
  %c0 = arith.constant 0 : index
  %a:2 = tile.stream "k" from(%c0) to(%n) step 8 init(%m0, %m0) visible {
  ^bb0(%first: index, %last: index):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %m: !row, %l: !row):
    %most = tile.reduce max %x : !scores -> !row
    %next = arith.maximumf %m, %most : !row
    %s = tile.reduce sum %x : !scores -> !row
    tile.yield %next, %s : !row, !row
  } {tile.companions = array<i64: 0>} : (!row, !row) -> (!row, !row)
  %b:2 = tile.stream "k" from(%c0) to(%n) step 8 init(%m0, %m0) visible {
  ^bb0(%first: index, %last: index):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %m: !row, %l: !row):
    %zero = arith.constant 0.0 : f32
    %most = tile.reduce max %x : !scores -> !row
    %next = arith.maximumf %m, %most : !row
    %p = tile.guard %seen, %x else %zero : !seen, !scores else f32 -> !scores
    %s = tile.reduce sum %p : !scores -> !row
    %sum = arith.addf %l, %s : !row
    tile.yield %next, %sum : !row, !row
  } {tile.companions = array<i64: 0>} : (!row, !row) -> (!row, !row)
  %c:2 = tile.stream "k" from(%c0) to(%n) step 8 init(%m0, %m0) visible {
  ^bb0(%first: index, %last: index):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %m: !row, %l: !row):
    %most = tile.reduce max %x : !scores -> !row
    %next = arith.maximumf %m, %most : !row
    %s = tile.reduce sum %y : !scores -> !row
    %sum = arith.addf %l, %s : !row
    tile.yield %next, %sum : !row, !row
  } {tile.companions = array<i64: 0>} : (!row, !row) -> (!row, !row)
  %d:2 = tile.stream "k" from(%c0) to(%n) step 8 init(%m0, %m0) visible {
  ^bb0(%first: index, %last: index):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %m: !row, %l: !row):
    %most = tile.reduce max %x : !scores -> !row
    %next = arith.maximumf %m, %most : !row
    %s = tile.reduce max %x : !scores -> !row
    %sum = arith.addf %l, %s : !row
    tile.yield %next, %sum : !row, !row
  } {tile.companions = array<i64: 0>} : (!row, !row) -> (!row, !row)
  return %a#1, %b#1, %c#1, %d#1 : !row, !row, !row, !row
}
