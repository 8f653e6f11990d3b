// RUN: fovea-opt %s -split-input-file -verify-diagnostics

// Every rule of CascadeSyntax.cpp and CascadeVerify.cpp, in their order. The
// generic form is used where the parser cannot build the mistake.

//===----------------------------------------------------------------------===//
// Syntax
//===----------------------------------------------------------------------===//

func.func @index_not_a_rank(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected valid keyword}}
  %r = cascade.einsum %x["t"] -> [t] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @factor_without_rank(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected valid keyword}}
  %r = cascade.einsum %x[2 * 3] -> [t] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @operand_without_indices(%x: f32) {
  // expected-error@+1 {{expected '['}}
  %r = cascade.einsum %x -> [] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (f32) -> f32
  return
}

// -----

func.func @unknown_monoid(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected a monoid (sum, max, min), got 'product'}}
  %r = cascade.einsum %x[t] -> [] reduce product {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>) -> f32
  return
}

// -----

func.func @unknown_emission(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected exclusive, inclusive or final, got 'first'}}
  %r = cascade.scan over "t" emit [first] init(%z[]) ins(%x[t]) -> [t] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  } : (f32), (tensor<4xf32>) -> (tensor<4xf32>)
  return
}

// -----

func.func @regions_in_order(%x: tensor<?xf32>) {
  %o = cascade.fold parallel [] stream k ins(%x[k]) -> [] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    // expected-error@+1 {{expected 'step'}}
    merge (%l: f32, %lb: f32) {
      cascade.yield %l : f32
    } : (tensor<?xf32>) -> f32
  return
}

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

// -----

func.func @rank_twice(%x: tensor<4x4xf32>) {
  // expected-error@+1 {{expected distinct rank names, got "t" twice}}
  %r = "cascade.einsum"(%x) <{operandSegmentSizes = array<i32: 1, 0>,
      ranks = ["t", "t"],
      maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0, d1)>]}> ({
  ^bb0(%a: f32):
    cascade.yield %a : f32
  }, {}) : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @map_of_other_ranks(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected maps over the 1 ranks, got affine_map<(d0, d1) -> (d1)>}}
  %r = "cascade.einsum"(%x) <{operandSegmentSizes = array<i32: 1, 0>,
      ranks = ["t"],
      maps = [affine_map<(d0, d1) -> (d1)>, affine_map<(d0) -> (d0)>]}> ({
  ^bb0(%a: f32):
    cascade.yield %a : f32
  }, {}) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @index_not_linear(%x: tensor<4xf32>, %y: tensor<8xf32>) {
  // expected-error@+1 {{expected indices that are sums of ranks and integers, got affine_map<(d0) -> (d0 mod 4)>}}
  %r = "cascade.einsum"(%x, %y) <{operandSegmentSizes = array<i32: 2, 0>,
      ranks = ["t"],
      maps = [affine_map<(d0) -> (d0 mod 4)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>]}> ({
  ^bb0(%a: f32, %b: f32):
    cascade.yield %a : f32
  }, {}) : (tensor<4xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}

//===----------------------------------------------------------------------===//
// Einsum
//===----------------------------------------------------------------------===//

// -----

func.func @einsum_map_missing(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected one map per input and one for the result}}
  %r = "cascade.einsum"(%x) <{operandSegmentSizes = array<i32: 1, 0>,
      ranks = ["t"], maps = [affine_map<(d0) -> (d0)>]}> ({
  ^bb0(%a: f32):
    cascade.yield %a : f32
  }, {}) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_initial_without_map(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected an initial value together with its map}}
  %r = "cascade.einsum"(%x, %z) <{operandSegmentSizes = array<i32: 1, 1>,
      ranks = ["t"], reduce = 0 : i32,
      maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>]}> ({
  ^bb0(%a: f32):
    cascade.yield %a : f32
  }, {}) : (tensor<4xf32>, f32) -> f32
  return
}

// -----

func.func @einsum_input_arity(%x: tensor<4x4xf32>) {
  // expected-error@+1 {{expected 2 indices for an input of type 'tensor<4x4xf32>', got 1}}
  %r = cascade.einsum %x[t] -> [t] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_scalar_with_index(%x: f32, %y: tensor<4xf32>) {
  // expected-error@+1 {{expected 0 indices for an input of type 'f32', got 1}}
  %r = cascade.einsum %x[t], %y[t] -> [t] {
  ^bb0(%a: f32, %b: f32):
    cascade.yield %a : f32
  } : (f32, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_extent_unknown(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected rank 't' to be a plain index of some input, which gives its extent}}
  %r = cascade.einsum %x[t + 1] -> [t] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_result_arity(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected 1 indices for the result of type 'tensor<4xf32>', got 0}}
  %r = cascade.einsum %x[t] -> [] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_result_shifted(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected distinct plain ranks as indices of the result}}
  %r = cascade.einsum %x[t] -> [t + 1] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_result_diagonal(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected distinct plain ranks as indices of the result}}
  %r = cascade.einsum %x[t] -> [t, t] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @einsum_reduce_missing(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected 'reduce <monoid>' because the result drops rank 't'}}
  %r = cascade.einsum %x[t] -> [] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>) -> f32
  return
}

// -----

func.func @einsum_reduce_nothing(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected no 'reduce' because the result keeps every rank}}
  %r = cascade.einsum %x[t] -> [t] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_from_without_reduce(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected 'from' only with 'reduce'}}
  %r = cascade.einsum %x[t] from %z[] -> [t] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>, f32) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_from_arity(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected 0 indices for the initial value of type 'f32', got 1}}
  %r = cascade.einsum %x[t] from %z[t] -> [] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>, f32) -> f32
  return
}

// -----

func.func @einsum_from_reduced_rank(%x: tensor<4xf32>, %z: tensor<4xf32>) {
  // expected-error@+1 {{expected the initial value to carry ranks of the result only}}
  %r = cascade.einsum %x[t] from %z[t] -> [] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>, tensor<4xf32>) -> f32
  return
}

// -----

func.func @einsum_extents(%x: tensor<4xf32>, %y: tensor<5xf32>) {
  // expected-error@+1 {{expected one extent for rank 't', got 4 and 5}}
  %r = cascade.einsum %x[t], %y[t] -> [t] {
  ^bb0(%a: f32, %b: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>, tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_arguments(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected region 'body' to have arguments ('f32'), got ('f16')}}
  %r = cascade.einsum %x[t] -> [t] {
  ^bb0(%a: f16):
    cascade.yield %a : f16
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_yield(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected region 'body' to yield ('f16'), got ('f32')}}
  %r = cascade.einsum %x[t] -> [t] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } : (tensor<4xf32>) -> tensor<4xf16>
  return
}

// -----

func.func @einsum_where_arguments(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected region 'where' to have arguments (), got ('index')}}
  %r = cascade.einsum %x[t] -> [t] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } where {
  ^bb0(%t: index):
    %c = arith.cmpi eq, %t, %t : index
    cascade.yield %c : i1
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @einsum_where_yield(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected region 'where' to yield ('i1'), got ('index')}}
  %r = cascade.einsum %x[t] -> [t] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } where {
    %t = cascade.index "t"
    cascade.yield %t : index
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

// -----

func.func @scan_map_missing(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected one map per operand and one for the results}}
  %r = "cascade.scan"(%z, %x) <{operandSegmentSizes = array<i32: 1, 1>,
      over = "t", emit = [1 : i32], ranks = ["t"],
      maps = [affine_map<(d0) -> ()>, affine_map<(d0) -> (d0)>]}> ({
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  }) : (f32, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @scan_over_nothing(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected some input to carry rank 'u'}}
  %r = cascade.scan over "u" emit [inclusive] init(%z[]) ins(%x[t]) -> [t] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  } : (f32), (tensor<4xf32>) -> (tensor<4xf32>)
  return
}

// -----

func.func @scan_operand_arity(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected 1 indices for an operand of type 'tensor<4xf32>', got 2}}
  %r = cascade.scan over "t" emit [inclusive] init(%z[]) ins(%x[t, p]) -> [t, p] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  } : (f32), (tensor<4xf32>) -> (tensor<4x4xf32>)
  return
}

// -----

func.func @scan_init_with_rank(%x: tensor<4xf32>, %z: tensor<4xf32>) {
  // expected-error@+1 {{expected initial values without rank 't'}}
  %r = cascade.scan over "t" emit [inclusive] init(%z[t]) ins(%x[t]) -> [t] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  } : (tensor<4xf32>), (tensor<4xf32>) -> (tensor<4xf32>)
  return
}

// -----

func.func @scan_extent_unknown(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected rank 'p' to be a plain index of some input, which gives its extent}}
  %r = cascade.scan over "t" emit [inclusive] init(%z[]) ins(%x[t]) -> [t, p] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  } : (f32), (tensor<4xf32>) -> (tensor<4x4xf32>)
  return
}

// -----

func.func @scan_result_shifted(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected distinct plain ranks as indices of the results}}
  %r = cascade.scan over "t" emit [inclusive] init(%z[]) ins(%x[t]) -> [t + 1] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  } : (f32), (tensor<4xf32>) -> (tensor<4xf32>)
  return
}

// -----

func.func @scan_result_drops_rank(%x: tensor<4x4xf32>, %z: f32) {
  // expected-error@+1 {{expected the results to carry every rank}}
  %r = cascade.scan over "t" emit [inclusive] init(%z[]) ins(%x[t, p]) -> [t] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  } : (f32), (tensor<4x4xf32>) -> (tensor<4xf32>)
  return
}

// -----

func.func @scan_result_count(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected one result per carry and emission, 2 in all, got 1}}
  %r = cascade.scan over "t" emit [inclusive, final] init(%z[]) ins(%x[t]) -> [t] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  } : (f32), (tensor<4xf32>) -> (tensor<4xf32>)
  return
}

// -----

func.func @scan_final_drops_over(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected 1 indices for a result of type 'tensor<4xf32>', got 0}}
  %r = cascade.scan over "t" emit [final] init(%z[]) ins(%x[t]) -> [t] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  } : (f32), (tensor<4xf32>) -> (tensor<4xf32>)
  return
}

// -----

func.func @scan_extents(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected one extent for rank 't', got 4 and 5}}
  %r = cascade.scan over "t" emit [inclusive] init(%z[]) ins(%x[t]) -> [t] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %e : f32
  } : (f32), (tensor<4xf32>) -> (tensor<5xf32>)
  return
}

// -----

func.func @scan_arguments(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected region 'body' to have arguments ('f32', 'f32'), got ('f32')}}
  %r = cascade.scan over "t" emit [inclusive] init(%z[]) ins(%x[t]) -> [t] {
  ^bb0(%c: f32):
    cascade.yield %c : f32
  } : (f32), (tensor<4xf32>) -> (tensor<4xf32>)
  return
}

// -----

func.func @scan_yield(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expected region 'body' to yield ('f32'), got ('f32', 'f32')}}
  %r = cascade.scan over "t" emit [inclusive] init(%z[]) ins(%x[t]) -> [t] {
  ^bb0(%c: f32, %e: f32):
    cascade.yield %c, %e : f32, f32
  } : (f32), (tensor<4xf32>) -> (tensor<4xf32>)
  return
}

// -----

func.func @scan_empty_body(%x: tensor<4xf32>, %z: f32) {
  // expected-error@+1 {{expects a non-empty block}}
  %r = cascade.scan over "t" emit [inclusive] init(%z[]) ins(%x[t]) -> [t] {
  ^bb0(%c: f32, %e: f32):
  } : (f32), (tensor<4xf32>) -> (tensor<4xf32>)
  return
}

//===----------------------------------------------------------------------===//
// Iterate, gather, index
//===----------------------------------------------------------------------===//

// -----

func.func @iterate_never(%x: tensor<8xf32>) {
  // expected-error@+1 {{attribute 'count' failed to satisfy constraint: 64-bit signless integer attribute whose value is positive}}
  %r = cascade.iterate 0 (%x) {
  ^bb0(%s: tensor<8xf32>):
    cascade.yield %s : tensor<8xf32>
  } : (tensor<8xf32>) -> (tensor<8xf32>)
  return
}

// -----

func.func @iterate_results(%x: tensor<8xf32>) {
  // expected-error@+1 {{expected results of the carried types}}
  %r = cascade.iterate 3 (%x) {
  ^bb0(%s: tensor<8xf32>):
    cascade.yield %s : tensor<8xf32>
  } : (tensor<8xf32>) -> (tensor<9xf32>)
  return
}

// -----

func.func @iterate_arguments(%x: tensor<8xf32>) {
  // expected-error@+1 {{expected region 'body' to have arguments ('tensor<8xf32>'), got ()}}
  %r = cascade.iterate 3 (%x) {
    cascade.yield %x : tensor<8xf32>
  } : (tensor<8xf32>) -> (tensor<8xf32>)
  return
}

// -----

func.func @iterate_yield(%x: tensor<8xf32>) {
  // expected-error@+1 {{expected region 'body' to yield ('tensor<8xf32>'), got ()}}
  %r = cascade.iterate 3 (%x) {
  ^bb0(%s: tensor<8xf32>):
  } : (tensor<8xf32>) -> (tensor<8xf32>)
  return
}

// -----

func.func @gather_pages(%p: tensor<?x?x?x64xf32>, %t: tensor<?x?xi32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{expected pages [page, head, slot, channel] or [page, head, slot] with a static number of slots, got 'tensor<?x?x?x64xf32>'}}
  %k = cascade.gather %p, %t, %n : tensor<?x?x?x64xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @gather_table(%p: tensor<?x?x16x64xf32>, %t: tensor<?x?xi64>, %n: tensor<?xi32>) {
  // expected-error@+1 {{expected a page table [sequence, page] of i32, got 'tensor<?x?xi64>'}}
  %k = cascade.gather %p, %t, %n : tensor<?x?x16x64xf32>, tensor<?x?xi64>, tensor<?xi32> -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @gather_lengths(%p: tensor<?x?x16x64xf32>, %t: tensor<?x?xi32>, %n: tensor<?x1xi32>) {
  // expected-error@+1 {{expected lengths [sequence] of i32, got 'tensor<?x1xi32>'}}
  %k = cascade.gather %p, %t, %n : tensor<?x?x16x64xf32>, tensor<?x?xi32>, tensor<?x1xi32> -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @gather_result(%p: tensor<?x?x16x64xf32>, %t: tensor<?x?xi32>, %n: tensor<?xi32>) {
  // expected-error@+1 {{expected a result [sequence, head, position, channel] with the pages' channels and element type, got 'tensor<?x?x?x32xf32>'}}
  %k = cascade.gather %p, %t, %n : tensor<?x?x16x64xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x32xf32>
  return
}

// -----

func.func @index_outside() {
  // expected-error@+1 {{expected rank 'q' to be a rank of an enclosing cascade operation}}
  %q = cascade.index "q"
  return
}

// -----

func.func @index_of_other_rank(%x: tensor<4xf32>) {
  %r = cascade.einsum %x[t] -> [t] {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } where {
    // expected-error@+1 {{expected rank 'u' to be a rank of an enclosing cascade operation}}
    %u = cascade.index "u"
    %c = arith.cmpi eq, %u, %u : index
    cascade.yield %c : i1
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

//===----------------------------------------------------------------------===//
// Fold
//===----------------------------------------------------------------------===//

// -----

func.func @fold_parallel_twice(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected rank 'q' to be streamed or parallel, once}}
  %o = cascade.fold parallel [q, q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_parallel_stream(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected rank 'k' to be streamed or parallel, once}}
  %o = cascade.fold parallel [q, k] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_input_arity(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected 2 indices for an input of type 'tensor<?x?xf32>', got 1}}
  %o = cascade.fold parallel [q] stream k ins(%x[q]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_input_shifted(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected distinct plain ranks as indices of an input}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k + 1]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_input_diagonal(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected distinct plain ranks as indices of an input}}
  %o = cascade.fold parallel [q] stream k ins(%x[k, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_extent_unknown(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected rank 'h' to be a plain index of some input, which gives its extent}}
  %o = cascade.fold parallel [q, h] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_result_arity(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected 1 indices for a result of type 'tensor<?xf32>', got 0}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_result_shifted(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected distinct plain ranks as indices of a result}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q + 1] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_extents(%x: tensor<4x?xf32>) {
  // expected-error@+1 {{expected one extent for rank 'q', got 4 and 5}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<4x?xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @fold_identity_count(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected one identity per state element, got 2 for 1}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32, 0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_identity_type(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected an identity of type 'f32', got 0.000000e+00 : f16}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f16]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_identity_untyped(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected an identity of type 'f32', got [0.000000e+00 : f32]}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [[0.0 : f32]]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_state_dynamic(%x: tensor<?x?xf32>, %s: tensor<?xf32>) {
  // expected-error@+1 {{expected state elements of static shape, got 'tensor<?xf32>'}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      cascade.yield %s : tensor<?xf32>
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_init_terminator(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'init' to end in cascade.yield}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      tile.yield
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_init_arguments(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'init' to have arguments (), got ('f32')}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init (%q: f32) {
      cascade.yield %q : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_step_arguments(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'step' to have arguments ('f32', 'tensor<?xf32>'), got ('f32', 'tensor<4xf32>')}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<4xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_merge_arguments(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'merge' to have arguments ('f32', 'f32'), got ('f32')}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_finish_arguments(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'finish' to have arguments ('f32'), got ('f32', 'f32')}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32, %m: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_step_yield(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'step' to yield ('f32'), got ()}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_step_emission(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'step' to yield ('f32', 'tensor<?xf32>'), got ('f32')}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q, k] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return
}

// -----

func.func @fold_merge_yield(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'merge' to yield ('f32'), got ('f32', 'f32')}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l, %m : f32, f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_finish_yield(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'finish' to yield ('f32'), got ()}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_where_yield(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'where' to yield ('i1'), got ('index')}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    }
    where {
      %k = cascade.index "k"
      cascade.yield %k : index
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_where_arguments(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'where' to have arguments (), got ('i1')}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    }
    where {
    ^bb0(%c: i1):
      cascade.yield %c : i1
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_where_blocks(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected region 'where' to have one block}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
      cascade.yield %l : f32
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    }
    where {
      cf.br ^bb1
    ^bb1:
      %c = arith.constant true
      cascade.yield %c : i1
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_empty_step(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{empty block: expect at least a terminator}}
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %t: tensor<?xf32>) {
    }
    merge (%l: f32, %m: f32) {
      cascade.yield %l : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_map_missing(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected one map per input and per result}}
  %o = "cascade.fold"(%x) <{parallel = ["q"], stream = "k", ranks = ["q", "k"],
      maps = [affine_map<(d0, d1) -> (d0, d1)>], identity = [0.0 : f32]}> ({
    %z = arith.constant 0.0 : f32
    cascade.yield %z : f32
  }, {
  ^bb0(%l: f32, %t: tensor<?xf32>):
    cascade.yield %l : f32
  }, {
  ^bb0(%l: f32, %m: f32):
    cascade.yield %l : f32
  }, {
  ^bb0(%l: f32):
    cascade.yield %l : f32
  }, {}) : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_stream_unknown(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected the streamed rank 'z' among the ranks}}
  %o = "cascade.fold"(%x) <{parallel = ["q"], stream = "z", ranks = ["q", "k"],
      maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], identity = [0.0 : f32]}> ({
    %z = arith.constant 0.0 : f32
    cascade.yield %z : f32
  }, {
  ^bb0(%l: f32, %t: tensor<?xf32>):
    cascade.yield %l : f32
  }, {
  ^bb0(%l: f32, %m: f32):
    cascade.yield %l : f32
  }, {
  ^bb0(%l: f32):
    cascade.yield %l : f32
  }, {}) : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @fold_parallel_unknown(%x: tensor<?x?xf32>) {
  // expected-error@+1 {{expected the parallel rank 'z' among the ranks}}
  %o = "cascade.fold"(%x) <{parallel = ["z"], stream = "k", ranks = ["q", "k"],
      maps = [affine_map<(d0, d1) -> (d0, d1)>, affine_map<(d0, d1) -> (d0)>], identity = [0.0 : f32]}> ({
    %z = arith.constant 0.0 : f32
    cascade.yield %z : f32
  }, {
  ^bb0(%l: f32, %t: tensor<?xf32>):
    cascade.yield %l : f32
  }, {
  ^bb0(%l: f32, %m: f32):
    cascade.yield %l : f32
  }, {
  ^bb0(%l: f32):
    cascade.yield %l : f32
  }, {}) : (tensor<?x?xf32>) -> tensor<?xf32>
  return
}

// -----

// Views of the last dimension.

func.func @unpack_types(%x: tensor<?x32xi8>) {
  // expected-error@+1 {{expected bytes of i8 and a result of i4, got 'tensor<?x32xi8>' and 'tensor<?x64xi8>'}}
  %r = cascade.unpack %x group 32 : tensor<?x32xi8> -> tensor<?x64xi8>
  return
}

// -----

func.func @unpack_dynamic(%x: tensor<?x?xi8>) {
  // expected-error@+1 {{expected a last dimension of static extent, got 'tensor<?x?xi8>'}}
  %r = cascade.unpack %x group 32 : tensor<?x?xi8> -> tensor<?x64xi4>
  return
}

// -----

func.func @unpack_width(%x: tensor<?x32xi8>) {
  // expected-error@+1 {{expected a result of type 'tensor<?x64xi4>', got 'tensor<?x32xi4>'}}
  %r = cascade.unpack %x group 32 : tensor<?x32xi8> -> tensor<?x32xi4>
  return
}

// -----

func.func @unpack_group(%x: tensor<?x32xi8>) {
  // expected-error@+1 {{expected an even group that divides 64, got 24}}
  %r = cascade.unpack %x group 24 : tensor<?x32xi8> -> tensor<?x64xi4>
  return
}

// -----

func.func @repeat_times(%x: tensor<?x2xf16>) {
  // expected-error@+1 {{expected to repeat at least once, got 0}}
  %r = cascade.repeat %x times 0 : tensor<?x2xf16> -> tensor<?x64xf16>
  return
}

// -----

func.func @repeat_element(%x: tensor<?x2xf16>) {
  // expected-error@+1 {{expected a result of 'f16', got 'f32'}}
  %r = cascade.repeat %x times 32 : tensor<?x2xf16> -> tensor<?x64xf32>
  return
}

// -----

func.func @repeat_width(%x: tensor<?x2xf16>) {
  // expected-error@+1 {{expected a result of type 'tensor<?x64xf16>', got 'tensor<?x32xf16>'}}
  %r = cascade.repeat %x times 32 : tensor<?x2xf16> -> tensor<?x32xf16>
  return
}

// -----

func.func @place_rows(%r: tensor<?x?x?x4xf32>, %b: tensor<?x?x?x8xf32>, %at: tensor<?x?xi32>) {
  // expected-error@+1 {{expected rows [batch, head, row, ..] of the base's inner extents and element type, got 'tensor<?x?x?x4xf32>' and 'tensor<?x?x?x8xf32>'}}
  %n = cascade.place %r into %b at %at : tensor<?x?x?x4xf32>, tensor<?x?x?x8xf32>, tensor<?x?xi32> -> tensor<?x?x?x8xf32>
  return
}

// -----

func.func @place_positions(%b: tensor<?x?x?x8xf32>, %at: tensor<?x?xi64>) {
  // expected-error@+1 {{expected positions [batch, row] of i32, got 'tensor<?x?xi64>'}}
  %n = cascade.place %b into %b at %at : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>, tensor<?x?xi64> -> tensor<?x?x?x8xf32>
  return
}

// -----

func.func @place_table(%b: tensor<?x?x?x8xf32>, %at: tensor<?x?xi32>, %t: tensor<?xi32>) {
  // expected-error@+1 {{expected a page table [sequence, page] of i32, got 'tensor<?xi32>'}}
  %n = cascade.place %b into %b at %at through %t : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x8xf32>
  return
}

// -----

func.func @place_result(%b: tensor<?x?x?x8xf32>, %at: tensor<?x?xi32>) {
  // expected-error@+1 {{expected a result of the base's type 'tensor<?x?x?x8xf32>', got 'tensor<2x?x?x8xf32>'}}
  %n = cascade.place %b into %b at %at : tensor<?x?x?x8xf32>, tensor<?x?x?x8xf32>, tensor<?x?xi32> -> tensor<2x?x?x8xf32>
  return
}
