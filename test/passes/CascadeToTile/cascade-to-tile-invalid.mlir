// RUN: fovea-opt %s -split-input-file -verify-diagnostics --fovea-cascade-to-tile

// expected-error@+1 {{expected argument 1 to be a ranked tensor, a float, an i32 or an i64, got 'i8'}}
func.func @argument_type(%X: tensor<?x?xf32>, %n: i8) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
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

// expected-error@+1 {{expected a body of one block}}
func.func @two_blocks(%X: tensor<?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  cf.br ^bb1
^bb1:
  return %X : tensor<?xf32>
}

// -----

// expected-error@+1 {{expected a body of one block}}
func.func private @declaration(%X: tensor<?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>}

// -----

// expected-error@+1 {{expected result 0 to come from a fold or an einsum}}
func.func @argument_returned(%X: tensor<?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  return %X : tensor<?xf32>
}

// -----

// expected-error@+1 {{expected a value of its own for result 1, got that of result 0}}
func.func @result_twice(%X: tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return %o, %o : tensor<?xf32>, tensor<?xf32>
}

// -----

func.func @no_schedule_for_op(%X: tensor<?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected a fold, an einsum, a view or scalar code: there is no schedule for this operation}}
  %y = math.exp %X : tensor<?xf32>
  return %y : tensor<?xf32>
}

// -----

func.func @iterate(%X: tensor<8xf32>) -> tensor<8xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected a fold, an einsum, a view or scalar code: there is no schedule for this operation}}
  %y = cascade.iterate 3 (%X) {
  ^bb0(%s: tensor<8xf32>):
    cascade.yield %s : tensor<8xf32>
  } : (tensor<8xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// -----

func.func @rank_by_value(%X: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected scalar code that reads tensors by tensor.extract or tensor.dim only}}
  %r = tensor.rank %X : tensor<?x?xf32>
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
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

func.func @reshaped_pages(%P: tensor<?x2x16x4xf32>, %T: tensor<?x?xi32>, %N: tensor<?xi32>) -> tensor<?x?x4xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %x = cascade.gather %P, %T, %N : tensor<?x2x16x4xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x2x?x4xf32>
  // expected-error@+1 {{expected no reshape of pages or other views: gather them as they are used}}
  %y = tensor.collapse_shape %x [[0, 1], [2], [3]] : tensor<?x2x?x4xf32> into tensor<?x?x4xf32>
  %z = cascade.einsum %y[b, k, c] -> [b, k, c] {
  ^bb0(%e: f32):
    cascade.yield %e : f32
  } : (tensor<?x?x4xf32>) -> tensor<?x?x4xf32>
  return %z : tensor<?x?x4xf32>
}

// -----

func.func @inner_extent(%X: tensor<?x?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected a static extent of rank 'd': it is neither parallel nor streamed}}
  %o = cascade.fold parallel [q] stream k ins(%X[q, k, d]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?x?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?x?xf32>) -> tensor<?xf32>
  return %o : tensor<?xf32>
}

// -----

func.func @input_element(%X: tensor<?x?xi64>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected input 0 of floats, i32, i8 or i4, got 'i64'}}
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xi64>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xi64>) -> tensor<?xf32>
  return %o : tensor<?xf32>
}

// -----

func.func @integer_reduction(%X: tensor<?x?xi32>) -> tensor<?xi32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0 : i32]
    init () {
      %z = arith.constant 0 : i32
      cascade.yield %z : i32
    }
    step (%l: i32, %xs: tensor<?xi32>) {
      // expected-error@+1 {{expected a reduction of floats inside a fold, got 'i32'}}
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: i32):
        cascade.yield %e : i32
      } : (tensor<?xi32>, i32) -> i32
      cascade.yield %s : i32
    }
    merge (%l: i32, %m: i32) {
      %s = arith.addi %l, %m : i32
      cascade.yield %s : i32
    }
    finish (%l: i32) {
      cascade.yield %l : i32
    } : (tensor<?x?xi32>) -> tensor<?xi32>
  return %o : tensor<?xi32>
}

// -----

func.func @integer_emission(%X: tensor<?x?xi32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected result 0, which keeps rank 'k', to be of floats, got 'i32'}}
  %o:2 = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q, k], [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xi32>) {
      cascade.yield %l, %xs : f32, tensor<?xi32>
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xi32>) -> (tensor<?x?xi32>, tensor<?xf32>)
  return %o#1 : tensor<?xf32>
}

// -----

func.func @result_without_row(%X: tensor<?x?xf32>, %Y: tensor<?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected every result to carry rank 'p'}}
  %o = cascade.fold parallel [q, p] stream k ins(%X[q, k], %Y[p]) -> [q] identity [0.0 : f32]
    init (%y: f32) {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>, %y: f32) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32, %y: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %o : tensor<?xf32>
}

// -----

func.func @einsum_where(%X: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      // expected-error@+1 {{expected no 'where' on an einsum inside a fold}}
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } where {
        %yes = arith.constant true
        cascade.yield %yes : i1
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
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

func.func @shifted_index(%X: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      // expected-error@+1 {{expected plain rank indices inside a fold; a shifted index needs an einsum of its own}}
      %s = cascade.einsum %xs[k - 1], %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32, %f: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>, tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
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

func.func @other_dialect(%X: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %zero = arith.constant 0 : index
      // expected-error@+1 {{expected arith, math, tensor.extract or cascade code in a fold, got 'tensor.dim'}}
      %n = tensor.dim %xs, %zero : tensor<?xf32>
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
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

func.func @not_a_splat(%X: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      // expected-error@+1 {{expected a splat constant in a fold's region}}
      %c = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
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

func.func @local_table(%X: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %zero = arith.constant 0 : index
      // expected-error@+1 {{expected a table that is an argument of the function or a view of one}}
      %c = tensor.extract %xs[%zero] : tensor<?xf32>
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
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

func.func @narrow_table(%X: tensor<?x?xf32>, %D: tensor<?xi8>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    }
    where {
      %k = cascade.index "k"
      // expected-error@+1 {{expected a table of i32 or floats where it is read per element, got 'i8'}}
      %d = tensor.extract %D[%k] : tensor<?xi8>
      %z = arith.constant 0 : i8
      %c = arith.cmpi eq, %d, %z : i8
      cascade.yield %c : i1
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return %o : tensor<?xf32>
}

// -----

func.func @index_of_einsum_rank(%X: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[j] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        // expected-error@+1 {{expected rank 'j' to have a coordinate here}}
        %j = cascade.index "j"
        %i = arith.index_cast %j : index to i32
        %f = arith.sitofp %i : i32 to f32
        cascade.yield %f : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
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

func.func @two_results_of_one_op(%X: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        %i = arith.bitcast %e : f32 to i32
        // expected-error@+1 {{expected element-wise scalar code in a cascade, got 'arith.addui_extended'}}
        %a, %b = arith.addui_extended %i, %i : i32, i1
        %f = arith.bitcast %a : i32 to f32
        cascade.yield %f : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
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

func.func @state_not_an_einsum(%X: tensor<?x?xf32>, %V: tensor<?x4xf32>) -> tensor<?x4xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected tensor state element 0 to be yielded by an einsum of the step}}
  %o = cascade.fold parallel [q] stream k ins(%X[q, k], %V[k, e]) -> [q, e] identity [0.0 : f32]
    init () {
      %z = arith.constant dense<0.0> : tensor<4xf32>
      cascade.yield %z : tensor<4xf32>
    }
    step (%l: tensor<4xf32>, %xs: tensor<?xf32>, %vs: tensor<?x4xf32>) {
      cascade.yield %l : tensor<4xf32>
    }
    merge (%l: tensor<4xf32>, %m: tensor<4xf32>) {
      %s = arith.addf %l, %m : tensor<4xf32>
      cascade.yield %s : tensor<4xf32>
    }
    finish (%l: tensor<4xf32>) {
      cascade.yield %l : tensor<4xf32>
    } : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

func.func @state_of_unknown_rank(%X: tensor<?x?xf32>, %V: tensor<?x4xf32>) -> tensor<?x4xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected rank 'w' of state element 0 to be a rank of the fold}}
  %o = cascade.fold parallel [q] stream k ins(%X[q, k], %V[k, e]) -> [q, e] identity [0.0 : f32]
    init () {
      %z = arith.constant dense<0.0> : tensor<4xf32>
      cascade.yield %z : tensor<4xf32>
    }
    step (%l: tensor<4xf32>, %xs: tensor<?xf32>, %vs: tensor<?x4xf32>) {
      %n = cascade.einsum %l[w] -> [w] {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<4xf32>) -> tensor<4xf32>
      cascade.yield %n : tensor<4xf32>
    }
    merge (%l: tensor<4xf32>, %m: tensor<4xf32>) {
      %s = arith.addf %l, %m : tensor<4xf32>
      cascade.yield %s : tensor<4xf32>
    }
    finish (%l: tensor<4xf32>) {
      cascade.yield %l : tensor<4xf32>
    } : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

func.func @pages_without_lengths(%P: tensor<?x?x4x8xf32>, %T: tensor<?x?xi32>, %N: tensor<?xi32>) -> tensor<?x?x8xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %K = cascade.gather %P, %T, %N : tensor<?x?x4x8xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x8xf32>
  // expected-error@+1 {{expected a 'where' region that keeps rank 'k' below the lengths of the gathered input 0}}
  %o = cascade.fold parallel [b, g] stream k ins(%K[b, g, k, d]) -> [b, g, d] identity [0.0 : f32]
    init () {
      %z = arith.constant dense<0.0> : tensor<8xf32>
      cascade.yield %z : tensor<8xf32>
    }
    step (%l: tensor<8xf32>, %ks: tensor<?x8xf32>) {
      %s = cascade.einsum %ks[k, d] -> [d] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?x8xf32>) -> tensor<8xf32>
      %n = cascade.einsum %l[d], %s[d] -> [d] {
      ^bb0(%x: f32, %y: f32):
        %z = arith.addf %x, %y : f32
        cascade.yield %z : f32
      } : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
      cascade.yield %n : tensor<8xf32>
    }
    merge (%l: tensor<8xf32>, %m: tensor<8xf32>) {
      %s = arith.addf %l, %m : tensor<8xf32>
      cascade.yield %s : tensor<8xf32>
    }
    finish (%l: tensor<8xf32>) {
      cascade.yield %l : tensor<8xf32>
    } : (tensor<?x?x?x8xf32>) -> tensor<?x?x8xf32>
  return %o : tensor<?x?x8xf32>
}

// -----

func.func @view_of_view(%x: tensor<?x2xi8>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %n = cascade.unpack %x group 4 : tensor<?x2xi8> -> tensor<?x4xi4>
  // expected-error@+1 {{expected a view of an argument or of gathered pages, got one of another view}}
  %r = cascade.repeat %n times 2 : tensor<?x4xi4> -> tensor<?x8xi4>
  %s = cascade.einsum %r[q, d] -> [q] reduce sum {
  ^bb0(%a: i4):
    %f = arith.sitofp %a : i4 to f32
    cascade.yield %f : f32
  } : (tensor<?x8xi4>) -> tensor<?xf32>
  return %s : tensor<?xf32>
}

// -----

// The channels of a view are read in whole groups.
func.func @view_streamed(%x: tensor<?x4xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %r = cascade.repeat %x times 2 : tensor<?x4xf32> -> tensor<?x8xf32>
  // expected-error@+1 {{expected rank 'k' of input 0, a view of nibbles or repeated elements, to be neither parallel nor streamed}}
  %o = cascade.fold parallel [q] stream k ins(%r[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%s: f32, %a: tensor<?xf32>) {
      %t = cascade.einsum %a[k] -> [] reduce sum {
      ^bb0(%v: f32):
        cascade.yield %v : f32
      } : (tensor<?xf32>) -> f32
      %n = arith.addf %s, %t : f32
      cascade.yield %n : f32
    }
    merge (%s: f32, %t: f32) {
      %n = arith.addf %s, %t : f32
      cascade.yield %n : f32
    }
    finish (%s: f32) {
      cascade.yield %s : f32
    } : (tensor<?x8xf32>) -> tensor<?xf32>
  return %o : tensor<?xf32>
}

// -----

// Stored integers are not counted with.
func.func @narrow_arithmetic(%x: tensor<?x?xi8>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%s: f32, %a: tensor<?xi8>) {
      %t = cascade.einsum %a[k] -> [] reduce sum {
      ^bb0(%v: i8):
        // expected-error@+1 {{expected stored integers to be converted before other arithmetic, got 'arith.addi'}}
        %w = arith.addi %v, %v : i8
        %f = arith.sitofp %w : i8 to f32
        cascade.yield %f : f32
      } : (tensor<?xi8>) -> f32
      %n = arith.addf %s, %t : f32
      cascade.yield %n : f32
    }
    merge (%s: f32, %t: f32) {
      %n = arith.addf %s, %t : f32
      cascade.yield %n : f32
    }
    finish (%s: f32) {
      cascade.yield %s : f32
    } : (tensor<?x?xi8>) -> tensor<?xf32>
  return %o : tensor<?xf32>
}
