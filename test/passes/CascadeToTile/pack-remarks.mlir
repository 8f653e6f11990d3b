// RUN: fovea-opt %s -split-input-file --fovea-cascade-to-tile -verify-diagnostics | FileCheck %s

// What cannot be packed stays a rank of the tasks, with the reason.

// CHECK-LABEL: func.func @one_rank(
// CHECK-NOT:     split %
func.func @one_rank(%X: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 32, block = 2, lanes = 4, pairs = false, splits = 1, pack = true>} {
  // expected-remark@+1 {{rows are not packed: no second parallel rank shares the streamed operands}}
  %o = cascade.fold parallel [g] stream k ins(%X[g, k]) -> [g] identity [0.0 : f32]
    init () {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    }
    step (%l: f32, %x: tensor<?xf32>) {
      %s = cascade.einsum %x[k] -> [] reduce sum {
      ^bb0(%a: f32):
        cascade.yield %a : f32
      } : (tensor<?xf32>) -> f32
      %l2 = arith.addf %l, %s : f32
      cascade.yield %l2 : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return %o : tensor<?xf32>
}

// -----

// CHECK-LABEL: func.func @wide_numbers(
// CHECK-NOT:     split %
// CHECK:         tile.load %{{.*}} dims ["", "q"] bounded ["q"]
func.func @wide_numbers(%X: tensor<?xf32>, %Y: tensor<?x?xf32>, %W: tensor<?xi64>) -> tensor<?x?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 32, block = 2, lanes = 4, pairs = false, splits = 1, pack = true>} {
  // expected-remark@+1 {{rank 'r' is not packed into the rows: input 2 holds i64, and rows hold floats and i32}}
  %o = cascade.fold parallel [r, q] stream k ins(%X[k], %Y[r, q], %W[r]) -> [r, q] identity [0.0 : f32]
    init (%y: f32, %w: i64) {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    }
    step (%l: f32, %x: tensor<?xf32>, %y: f32, %w: i64) {
      %s = cascade.einsum %x[k], %y[] -> [] reduce sum {
      ^bb0(%a: f32, %b: f32):
        %p = arith.mulf %a, %b : f32
        cascade.yield %p : f32
      } : (tensor<?xf32>, f32) -> f32
      %l2 = arith.addf %l, %s : f32
      cascade.yield %l2 : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32, %y: f32, %w: i64) {
      %f = arith.sitofp %w : i64 to f32
      %r = arith.mulf %l, %f : f32
      cascade.yield %r : f32
    } : (tensor<?xf32>, tensor<?x?xf32>, tensor<?xi64>) -> tensor<?x?xf32>
  return %o : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func.func @wide_table(
// CHECK-NOT:     split %
func.func @wide_table(%X: tensor<?xf32>, %Y: tensor<?x?xf32>, %T: tensor<?xi64>) -> tensor<?x?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 32, block = 2, lanes = 4, pairs = false, splits = 1, pack = true>} {
  // expected-remark@+1 {{rank 'r' is not packed into the rows: what depends on it has type i64, and rows hold floats and i32}}
  %o = cascade.fold parallel [r, q] stream k ins(%X[k], %Y[r, q]) -> [r, q] identity [0.0 : f32]
    init (%y: f32) {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    }
    step (%l: f32, %x: tensor<?xf32>, %y: f32) {
      %s = cascade.einsum %x[k], %y[] -> [] reduce sum {
      ^bb0(%a: f32, %b: f32):
        %p = arith.mulf %a, %b : f32
        cascade.yield %p : f32
      } : (tensor<?xf32>, f32) -> f32
      %l2 = arith.addf %l, %s : f32
      cascade.yield %l2 : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32, %y: f32) {
      %h = cascade.index "r"
      %t = tensor.extract %T[%h] : tensor<?xi64>
      %f = arith.sitofp %t : i64 to f32
      %r = arith.mulf %l, %f : f32
      cascade.yield %r : f32
    } : (tensor<?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %o : tensor<?x?xf32>
}

// -----

// CHECK-LABEL: func.func @shared_result(
// CHECK-NOT:     split %
func.func @shared_result(%X: tensor<?xf32>, %Y: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 32, block = 2, lanes = 4, pairs = false, splits = 1, pack = true>} {
  // expected-remark@+1 {{rank 'r' is not packed into the rows: result 0 does not carry it}}
  %o = cascade.fold parallel [r, q] stream k ins(%X[k], %Y[r, q]) -> [q] identity [0.0 : f32]
    init (%y: f32) {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    }
    step (%l: f32, %x: tensor<?xf32>, %y: f32) {
      %s = cascade.einsum %x[k], %y[] -> [] reduce sum {
      ^bb0(%a: f32, %b: f32):
        %p = arith.mulf %a, %b : f32
        cascade.yield %p : f32
      } : (tensor<?xf32>, f32) -> f32
      %l2 = arith.addf %l, %s : f32
      cascade.yield %l2 : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32, %y: f32) {
      cascade.yield %l : f32
    } : (tensor<?xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  return %o : tensor<?xf32>
}
