// One fold, worked out by hand, under every kind of cut.
// RUN: fovea-interpret --all %s | FileCheck %s
// RUN: fovea-interpret --all --tile=1,2 %s | FileCheck %s
// RUN: fovea-interpret --all --tile=2 --merge %s | FileCheck %s
// RUN: fovea-interpret --all --split=1 %s | FileCheck %s
// RUN: fovea-interpret --all --split=2 %s | FileCheck %s

// Per row q: the sum over visible k <= q + 1 of x[k] * w[q], from start[q],
// times 10; the number of visible keys; and x[k] + k * w[q] for each of them.
// x = [1, 2, 3, 4], w = [1, 2], start = [100, 200]:
//   row 0 sees k = 0, 1:    100 + 1 + 2 = 103;              1030
//   row 1 sees k = 0, 1, 2: 200 + 2 * (1 + 2 + 3) = 212;    2120
// Emissions: row 0: 1, 2 + 1, absent, absent;
//            row 1: 1, 2 + 2, 3 + 4, absent.
// CHECK-LABEL: @fold
// CHECK-NEXT: [2] f32: 1030 2120
// CHECK-NEXT: [2] i32: 2 3
// CHECK-NEXT: [2, 4] f32: 1 3 0 0 1 4 7 0
func.func @fold() -> (tensor<2xf32>, tensor<2xi32>, tensor<2x4xf32>) {
  %x = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %w = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %start = arith.constant dense<[100.0, 200.0]> : tensor<2xf32>
  %ten = arith.constant 10.0 : f32
  %r:3 = cascade.fold parallel [q] stream k ins(%x[k], %w[q], %start[q]) -> [q], [q], [q, k]
      identity [0.0 : f32, 0 : i32]
    init (%wr: f32, %sr: f32) {
      %zero = arith.constant 0 : i32
      cascade.yield %sr, %zero : f32, i32
    }
    step (%s: f32, %n: i32, %xt: tensor<?xf32>, %wr: f32, %sr: f32) {
      %t = cascade.einsum %xt[k], %wr[] -> [] reduce sum {
      ^bb0(%a: f32, %b: f32):
        %p = arith.mulf %a, %b : f32
        cascade.yield %p : f32
      } : (tensor<?xf32>, f32) -> f32
      %c = cascade.einsum %xt[k] -> [] reduce sum {
      ^bb0(%a: f32):
        %one = arith.constant 1 : i32
        cascade.yield %one : i32
      } : (tensor<?xf32>) -> i32
      %e = cascade.einsum %xt[k], %wr[] -> [k] {
      ^bb0(%a: f32, %b: f32):
        %i = cascade.index "k"
        %ii = arith.index_cast %i : index to i32
        %if = arith.sitofp %ii : i32 to f32
        %g = arith.mulf %if, %b : f32
        %h = arith.addf %a, %g : f32
        cascade.yield %h : f32
      } : (tensor<?xf32>, f32) -> tensor<?xf32>
      %s2 = arith.addf %s, %t : f32
      %n2 = arith.addi %n, %c : i32
      cascade.yield %s2, %n2, %e : f32, i32, tensor<?xf32>
    }
    merge (%s: f32, %n: i32, %sb: f32, %nb: i32) {
      %s2 = arith.addf %s, %sb : f32
      %n2 = arith.addi %n, %nb : i32
      cascade.yield %s2, %n2 : f32, i32
    }
    finish (%s: f32, %n: i32, %wr: f32, %sr: f32) {
      %o = arith.mulf %s, %ten : f32
      cascade.yield %o, %n : f32, i32
    }
    where {
      %i = cascade.index "q"
      %j = cascade.index "k"
      %one = arith.constant 1 : index
      %last = arith.addi %i, %one : index
      %c = arith.cmpi sle, %j, %last : index
      cascade.yield %c : i1
    } : (tensor<4xf32>, tensor<2xf32>, tensor<2xf32>) -> (tensor<2xf32>, tensor<2xi32>, tensor<2x4xf32>)
  return %r#0, %r#1, %r#2 : tensor<2xf32>, tensor<2xi32>, tensor<2x4xf32>
}

// CHECK-LABEL: @bare_coordinate
// CHECK-NEXT: error: {{.*}}'cascade.index' expected the coordinate of streamed rank 'k' in 'where' or in an operation over that rank only
func.func @bare_coordinate() -> index {
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %r = cascade.fold parallel [] stream k ins(%x[k]) -> [] identity [0 : index]
    init () {
      %zero = arith.constant 0 : index
      cascade.yield %zero : index
    }
    step (%s: index, %xt: tensor<?xf32>) {
      %i = cascade.index "k"
      cascade.yield %i : index
    }
    merge (%s: index, %t: index) {
      cascade.yield %s : index
    }
    finish (%s: index) {
      cascade.yield %s : index
    } : (tensor<2xf32>) -> index
  return %r : index
}
