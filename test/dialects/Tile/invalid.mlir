// RUN: fovea-opt %s -split-input-file -verify-diagnostics

// Every rule of TileDialect.cpp (attributes) and TileVerify.cpp, in their order.

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

func.func @residence(%x: index) {
  // expected-error@+1 {{expected register, near, accumulator or far, got 'shared'}}
  %t = tile.coordinate %x : tensor<8xi32, #tile.in<shared, [k]>>
  return
}

// -----

func.func @rank_twice(%x: index) {
  // expected-error@+1 {{expected distinct ranks of a tile, got 'k' twice}}
  %t = tile.coordinate %x : tensor<8x8xi32, #tile.in<near, [k, k]>>
  return
}

// -----

// expected-error@+1 {{expected positive sizes in a schedule}}
func.func private @no_rows() attributes {tile.schedule = #tile.schedule<rows = 0, keys = 256, block = 8, lanes = 16, pairs = false, splits = 1>}

// -----

// expected-error@+1 {{expected positive sizes in a schedule}}
func.func private @no_keys() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 0, block = 8, lanes = 16, pairs = false, splits = 1>}

// -----

// expected-error@+1 {{expected positive sizes in a schedule}}
func.func private @no_block() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 0, lanes = 16, pairs = false, splits = 1>}

// -----

// expected-error@+1 {{expected positive sizes in a schedule}}
func.func private @no_lanes() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 0, pairs = false, splits = 1>}

// -----

// expected-error@+1 {{expected positive sizes in a schedule}}
func.func private @no_splits() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 0>}

// -----

// expected-error@+1 {{expected rows to be a multiple of lanes, got 24 and 16}}
func.func private @rows_lanes() attributes {tile.schedule = #tile.schedule<rows = 24, keys = 256, block = 8, lanes = 16, pairs = false, splits = 1>}

// -----

// expected-error@+1 {{expected keys to be a multiple of block, got 100 and 8}}
func.func private @keys_block() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 100, block = 8, lanes = 16, pairs = false, splits = 1>}

// -----

// expected-error@+1 {{expected at most all keys of a step to be asked for ahead, got 24 of 16}}
func.func private @ahead() attributes {tile.schedule = #tile.schedule<rows = 4, keys = 16, block = 2, lanes = 16, pairs = false, splits = 1, narrow = true, ahead = 24>}

// -----

// expected-error@+1 {{expected a distance in narrow schedules without ahead, got 8}}
func.func private @distance_wide() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 64, block = 2, lanes = 16, pairs = false, splits = 1, distance = 8>}

// -----

// expected-error@+1 {{expected a distance in narrow schedules without ahead, got 8}}
func.func private @distance_ahead() attributes {tile.schedule = #tile.schedule<rows = 4, keys = 16, block = 2, lanes = 16, pairs = false, splits = 1, narrow = true, ahead = 8, distance = 8>}

// -----

// expected-error@+1 {{expected rows of narrow blocks to be a power of two, got 12}}
func.func private @narrow_blocks() attributes {tile.schedule = #tile.schedule<rows = 12, keys = 64, block = 2, lanes = 16, pairs = true, splits = 1, narrow = true, blocks = true>}

// -----

// expected-error@+1 {{expected a narrow schedule with at most as many rows as lanes, a power of two of them in a block, and keys in whole vectors, got rows 32, lanes 16, block 2, keys 64}}
func.func private @narrow_rows() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 64, block = 2, lanes = 16, pairs = false, splits = 1, narrow = true>}

// -----

// expected-error@+1 {{got rows 8, lanes 16, block 3, keys 96}}
func.func private @narrow_block() attributes {tile.schedule = #tile.schedule<rows = 8, keys = 96, block = 3, lanes = 16, pairs = false, splits = 1, narrow = true>}

// -----

// expected-error@+1 {{got rows 8, lanes 16, block 2, keys 40}}
func.func private @narrow_keys() attributes {tile.schedule = #tile.schedule<rows = 8, keys = 40, block = 2, lanes = 16, pairs = false, splits = 1, narrow = true>}

// -----

// expected-error@+1 {{expected an even block for paired products, got 5}}
func.func private @odd_pairs() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 255, block = 5, lanes = 16, pairs = true, splits = 1>}

//===----------------------------------------------------------------------===//
// Stream
//===----------------------------------------------------------------------===//

// -----

func.func @stream_ranges(%i: index, %yes: i1, %m0: tensor<16xf32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected as many begins as ends, and at least one}}
  %s = tile.stream "k" from (%i, %i) to (%i) step 8 init(%m0) visible {
  ^bb0(%f: index, %l: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%f: index, %l: index, %m: tensor<16xf32, #tile.in<register, [q]>>):
    tile.yield %m : tensor<16xf32, #tile.in<register, [q]>>
  } : (tensor<16xf32, #tile.in<register, [q]>>) -> tensor<16xf32, #tile.in<register, [q]>>
  return
}

// -----

func.func @stream_no_range(%yes: i1) {
  // expected-error@+1 {{expected as many begins as ends, and at least one}}
  "tile.stream"() <{rank = "k", step = 8, operandSegmentSizes = array<i32: 0, 0, 0, 0>}> ({
  ^bb0(%f: index, %l: index):
    tile.yield %yes, %yes : i1, i1
  }, {
  ^bb0(%f: index, %l: index):
    tile.yield
  }) : () -> ()
  return
}

// -----

func.func @stream_step(%i: index, %yes: i1, %m0: tensor<16xf32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected a positive step, got 0}}
  %s = tile.stream "k" from (%i) to (%i) step 0 init(%m0) visible {
  ^bb0(%f: index, %l: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%f: index, %l: index, %m: tensor<16xf32, #tile.in<register, [q]>>):
    tile.yield %m : tensor<16xf32, #tile.in<register, [q]>>
  } : (tensor<16xf32, #tile.in<register, [q]>>) -> tensor<16xf32, #tile.in<register, [q]>>
  return
}

// -----

func.func @stream_results(%i: index, %yes: i1, %m0: tensor<16xf32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected results of the carried types}}
  %s = tile.stream "k" from (%i) to (%i) step 8 init(%m0) visible {
  ^bb0(%f: index, %l: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%f: index, %l: index, %m: tensor<16xf32, #tile.in<register, [q]>>):
    tile.yield %m : tensor<16xf32, #tile.in<register, [q]>>
  } : (tensor<16xf32, #tile.in<register, [q]>>) -> tensor<32xf32, #tile.in<register, [q]>>
  return
}

// -----

func.func @stream_no_tile(%i: index, %yes: i1, %m0: tensor<16xf32>) {
  // expected-error@+1 {{expected a carried value to be a tile (static shape, one rank name per dimension), got 'tensor<16xf32>'}}
  %s = tile.stream "k" from (%i) to (%i) step 8 init(%m0) visible {
  ^bb0(%f: index, %l: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%f: index, %l: index, %m: tensor<16xf32>):
    tile.yield %m : tensor<16xf32>
  } : (tensor<16xf32>) -> tensor<16xf32>
  return
}

// -----

func.func @stream_visible_arguments(%i: index, %yes: i1, %m0: tensor<16xf32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected region 'visible' to take two indices}}
  %s = tile.stream "k" from (%i) to (%i) step 8 init(%m0) visible {
  ^bb0(%f: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%f: index, %l: index, %m: tensor<16xf32, #tile.in<register, [q]>>):
    tile.yield %m : tensor<16xf32, #tile.in<register, [q]>>
  } : (tensor<16xf32, #tile.in<register, [q]>>) -> tensor<16xf32, #tile.in<register, [q]>>
  return
}

// -----

func.func @stream_rows(%i: index, %yes: i1, %m0: tensor<16xf32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected the first row and the end of the rows, got 1 values}}
  %s = tile.stream "k" from (%i) to (%i) step 8 rows(%i) init(%m0) visible {
  ^bb0(%f: index, %l: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%f: index, %l: index, %m: tensor<16xf32, #tile.in<register, [q]>>):
    tile.yield %m : tensor<16xf32, #tile.in<register, [q]>>
  } : (tensor<16xf32, #tile.in<register, [q]>>) -> tensor<16xf32, #tile.in<register, [q]>>
  return
}

// -----

func.func @stream_visible_rows(%i: index, %yes: i1, %m0: tensor<16xf32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected region 'visible' to take four indices}}
  %s = tile.stream "k" from (%i) to (%i) step 8 rows(%i, %i) init(%m0) visible {
  ^bb0(%f: index, %l: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%f: index, %l: index, %m: tensor<16xf32, #tile.in<register, [q]>>):
    tile.yield %m : tensor<16xf32, #tile.in<register, [q]>>
  } : (tensor<16xf32, #tile.in<register, [q]>>) -> tensor<16xf32, #tile.in<register, [q]>>
  return
}

// -----

func.func @stream_body_arguments(%i: index, %yes: i1, %m0: tensor<16xf32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected region 'body' to take two indices and the carried tiles}}
  %s = tile.stream "k" from (%i) to (%i) step 8 init(%m0) visible {
  ^bb0(%f: index, %l: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%f: index, %l: index):
    tile.yield %m0 : tensor<16xf32, #tile.in<register, [q]>>
  } : (tensor<16xf32, #tile.in<register, [q]>>) -> tensor<16xf32, #tile.in<register, [q]>>
  return
}

// -----

func.func @stream_visible_yield(%i: index, %yes: i1, %m0: tensor<16xf32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected region 'visible' to yield (any, all) as i1}}
  %s = tile.stream "k" from (%i) to (%i) step 8 init(%m0) visible {
  ^bb0(%f: index, %l: index):
    tile.yield %yes : i1
  } body {
  ^bb0(%f: index, %l: index, %m: tensor<16xf32, #tile.in<register, [q]>>):
    tile.yield %m : tensor<16xf32, #tile.in<register, [q]>>
  } : (tensor<16xf32, #tile.in<register, [q]>>) -> tensor<16xf32, #tile.in<register, [q]>>
  return
}

// -----

func.func @stream_body_yield(%i: index, %yes: i1, %m0: tensor<16xf32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected region 'body' to yield the carried types}}
  %s = tile.stream "k" from (%i) to (%i) step 8 init(%m0) visible {
  ^bb0(%f: index, %l: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%f: index, %l: index, %m: tensor<16xf32, #tile.in<register, [q]>>):
    tile.yield
  } : (tensor<16xf32, #tile.in<register, [q]>>) -> tensor<16xf32, #tile.in<register, [q]>>
  return
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

// -----

func.func @load_no_encoding(%x: memref<?x?x64xf32>, %i: index) {
  // expected-error@+1 {{expected the value to be a tile (static shape, one rank name per dimension), got 'tensor<256x64xf32>'}}
  %t = tile.load %x[%i, %i, %i] dims ["", "k", "d"] bounded ["k"] limits(%i) : memref<?x?x64xf32> -> tensor<256x64xf32>
  return
}

// -----

func.func @load_dynamic(%x: memref<?x?x64xf32>, %i: index) {
  // expected-error@+1 {{expected the value to be a tile (static shape, one rank name per dimension), got}}
  %t = tile.load %x[%i, %i, %i] dims ["", "k", "d"] bounded ["k"] limits(%i) : memref<?x?x64xf32> -> tensor<?x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_unnamed_dimension(%x: memref<?x?x64xf32>, %i: index) {
  // expected-error@+1 {{expected the value to be a tile (static shape, one rank name per dimension), got}}
  %t = tile.load %x[%i, %i, %i] dims ["", "k", "d"] bounded ["k"] limits(%i) : memref<?x?x64xf32> -> tensor<256x64xf32, #tile.in<far, [k]>>
  return
}

// -----

func.func @load_indices(%x: memref<?x?x64xf32>, %i: index) {
  // expected-error@+1 {{expected one index and one rank name per dimension of the buffer, 3 in all}}
  %t = tile.load %x[%i, %i] dims ["", "k", "d"] bounded ["k"] limits(%i) : memref<?x?x64xf32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_dims(%x: memref<?x?x64xf32>, %i: index) {
  // expected-error@+1 {{expected one index and one rank name per dimension of the buffer, 3 in all}}
  %t = tile.load %x[%i, %i, %i] dims ["k", "d"] bounded ["k"] limits(%i) : memref<?x?x64xf32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_limits(%x: memref<?x?x64xf32>, %i: index) {
  // expected-error@+1 {{expected one limit per bounded rank}}
  %t = tile.load %x[%i, %i, %i] dims ["", "k", "d"] bounded ["k"] limits() : memref<?x?x64xf32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_other_rank(%x: memref<?x?x64xf32>, %i: index) {
  // expected-error@+1 {{expected rank 'q' in 'tensor<256x64xf32, #tile.in<far, [k, d]>>'}}
  %t = tile.load %x[%i, %i, %i] dims ["", "q", "d"] bounded ["k"] limits(%i) : memref<?x?x64xf32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_rank_twice(%x: memref<?x?x64xf32>, %i: index) {
  // expected-error@+1 {{expected rank 'k' to walk one dimension of the buffer}}
  %t = tile.load %x[%i, %i, %i] dims ["k", "k", "d"] bounded ["k"] limits(%i) : memref<?x?x64xf32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_bounded(%x: memref<?x?x64xf32>, %i: index) {
  // expected-error@+1 {{expected a bounded rank of the tile, got 'q'}}
  %t = tile.load %x[%i, %i, %i] dims ["", "k", "d"] bounded ["q"] limits(%i) : memref<?x?x64xf32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_rank_missing(%x: memref<?x?x64xf32>, %i: index) {
  // expected-error@+1 {{to walk one dimension of the buffer}}
  %t = tile.load %x[%i, %i, %i] dims ["", "", "d"] bounded [] limits() : memref<?x?x64xf32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_table_without_row(%x: memref<?x?x16x64xf32>, %t: memref<?x?xi32>, %i: index) {
  // expected-error@+1 {{expected a page table together with its row}}
  %k = "tile.load"(%x, %i, %i, %i, %i, %t) <{dims = ["k", "", "", "d"], bounded = [],
      operandSegmentSizes = array<i32: 1, 4, 1, 0, 0, 0>}>
     : (memref<?x?x16x64xf32>, index, index, index, index, memref<?x?xi32>) -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_pages_rank(%x: memref<?x64xf32>, %t: memref<?x?xi32>, %i: index) {
  // expected-error@+1 {{expected pages [page, head, slot, channel] or [page, head, slot] with a static number of slots, got 'memref<?x64xf32>'}}
  %k = tile.load %x[%i, %i] dims ["k", "d"] bounded [] limits() through %t[%i]
     : memref<?x64xf32>, memref<?x?xi32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_pages_size(%x: memref<?x?x?x64xf32>, %t: memref<?x?xi32>, %i: index) {
  // expected-error@+1 {{expected pages [page, head, slot, channel] or [page, head, slot] with a static number of slots, got 'memref<?x?x?x64xf32>'}}
  %k = tile.load %x[%i, %i, %i, %i] dims ["k", "", "", "d"] bounded [] limits() through %t[%i]
     : memref<?x?x?x64xf32>, memref<?x?xi32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_table_rank(%x: memref<?x?x16x64xf32>, %t: memref<?xi32>, %i: index) {
  // expected-error@+1 {{expected a page table [sequence, page] of i32, got 'memref<?xi32>'}}
  %k = tile.load %x[%i, %i, %i, %i] dims ["k", "", "", "d"] bounded [] limits() through %t[%i]
     : memref<?x?x16x64xf32>, memref<?xi32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @load_table_type(%x: memref<?x?x16x64xf32>, %t: memref<?x?xi64>, %i: index) {
  // expected-error@+1 {{expected a page table [sequence, page] of i32, got 'memref<?x?xi64>'}}
  %k = tile.load %x[%i, %i, %i, %i] dims ["k", "", "", "d"] bounded [] limits() through %t[%i]
     : memref<?x?x16x64xf32>, memref<?x?xi64> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  return
}

// -----

func.func @store_indices(%v: tensor<16xf32, #tile.in<register, [q]>>, %x: memref<?x?xf32>, %i: index) {
  // expected-error@+1 {{expected one index and one rank name per dimension of the buffer, 2 in all}}
  tile.store %v, %x[%i] dims ["", "q"] bounded [] limits() : tensor<16xf32, #tile.in<register, [q]>>, memref<?x?xf32>
  return
}

//===----------------------------------------------------------------------===//
// Computation
//===----------------------------------------------------------------------===//

// -----

func.func @contract_lhs(%a: tensor<256x64xf32>, %b: tensor<64x32xf32, #tile.in<near, [d, q]>>) {
  // expected-error@+1 {{expected lhs to be a tile}}
  %c = tile.contract %a, %b : tensor<256x64xf32>, tensor<64x32xf32, #tile.in<near, [d, q]>> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @contract_rhs(%a: tensor<256x64xf32, #tile.in<far, [k, d]>>, %b: tensor<64x32xf32>) {
  // expected-error@+1 {{expected rhs to be a tile}}
  %c = tile.contract %a, %b : tensor<256x64xf32, #tile.in<far, [k, d]>>, tensor<64x32xf32> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @contract_result(%a: tensor<256x64xf32, #tile.in<far, [k, d]>>, %b: tensor<64x32xf32, #tile.in<near, [d, q]>>) {
  // expected-error@+1 {{expected the result to be a tile}}
  %c = tile.contract %a, %b : tensor<256x64xf32, #tile.in<far, [k, d]>>, tensor<64x32xf32, #tile.in<near, [d, q]>> -> tensor<256x32xf32>
  return
}

// -----

func.func @contract_nothing_shared(%a: tensor<256x64xf32, #tile.in<far, [k, d]>>, %b: tensor<64x32xf32, #tile.in<near, [e, q]>>) {
  // expected-error@+1 {{expected lhs and rhs to share one rank of one extent that the result drops}}
  %c = tile.contract %a, %b : tensor<256x64xf32, #tile.in<far, [k, d]>>, tensor<64x32xf32, #tile.in<near, [e, q]>> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @contract_two_shared(%a: tensor<4x64xf32, #tile.in<far, [e, d]>>, %b: tensor<4x64xf32, #tile.in<near, [e, d]>>) {
  // expected-error@+1 {{expected lhs and rhs to share one rank of one extent that the result drops}}
  %c = tile.contract %a, %b : tensor<4x64xf32, #tile.in<far, [e, d]>>, tensor<4x64xf32, #tile.in<near, [e, d]>> -> tensor<f32, #tile.in<register, []>>
  return
}

// -----

func.func @contract_extents(%a: tensor<256x64xf32, #tile.in<far, [k, d]>>, %b: tensor<60x32xf32, #tile.in<near, [d, q]>>) {
  // expected-error@+1 {{expected lhs and rhs to share one rank of one extent that the result drops}}
  %c = tile.contract %a, %b : tensor<256x64xf32, #tile.in<far, [k, d]>>, tensor<60x32xf32, #tile.in<near, [d, q]>> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @contract_batch(%a: tensor<256x64xf32, #tile.in<far, [k, d]>>, %b: tensor<64x256xf32, #tile.in<near, [d, k]>>) {
  // expected-error@+1 {{expected rank 'k' of the result in exactly one operand}}
  %c = tile.contract %a, %b : tensor<256x64xf32, #tile.in<far, [k, d]>>, tensor<64x256xf32, #tile.in<near, [d, k]>> -> tensor<256xf32, #tile.in<register, [k]>>
  return
}

// -----

func.func @contract_other_rank(%a: tensor<256x64xf32, #tile.in<far, [k, d]>>, %b: tensor<64x32xf32, #tile.in<near, [d, q]>>) {
  // expected-error@+1 {{expected rank 'q' of the result in exactly one operand}}
  %c = tile.contract %a, %b : tensor<256x64xf32, #tile.in<far, [k, d]>>, tensor<64x32xf32, #tile.in<near, [d, q]>> -> tensor<256x30xf32, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @contract_rank_dropped(%a: tensor<256x64xf32, #tile.in<far, [k, d]>>, %b: tensor<64x32xf32, #tile.in<near, [d, q]>>) {
  // expected-error@+1 {{expected rank 'q' in the result}}
  %c = tile.contract %a, %b : tensor<256x64xf32, #tile.in<far, [k, d]>>, tensor<64x32xf32, #tile.in<near, [d, q]>> -> tensor<256xf32, #tile.in<register, [k]>>
  return
}

// -----

func.func @contract_element(%a: tensor<256x64xf32, #tile.in<far, [k, d]>>, %b: tensor<64x32xf32, #tile.in<near, [d, q]>>) {
  // expected-error@+1 {{expected an f32 result, got 'bf16'}}
  %c = tile.contract %a, %b : tensor<256x64xf32, #tile.in<far, [k, d]>>, tensor<64x32xf32, #tile.in<near, [d, q]>> -> tensor<256x32xbf16, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @reduce_value(%a: tensor<256x32xf32>) {
  // expected-error@+1 {{expected the value to be a tile}}
  %c = tile.reduce sum %a : tensor<256x32xf32> -> tensor<32xf32, #tile.in<register, [q]>>
  return
}

// -----

func.func @reduce_result(%a: tensor<256x32xf32, #tile.in<register, [k, q]>>) {
  // expected-error@+1 {{expected the result to be a tile}}
  %c = tile.reduce sum %a : tensor<256x32xf32, #tile.in<register, [k, q]>> -> tensor<32xf32>
  return
}

// -----

func.func @reduce_other_rank(%a: tensor<256x32xf32, #tile.in<register, [k, q]>>) {
  // expected-error@+1 {{expected rank 'd' of 'tensor<32xf32, #tile.in<register, [d]>>' with the same extent in}}
  %c = tile.reduce sum %a : tensor<256x32xf32, #tile.in<register, [k, q]>> -> tensor<32xf32, #tile.in<register, [d]>>
  return
}

// -----

func.func @reduce_extent(%a: tensor<256x32xf32, #tile.in<register, [k, q]>>) {
  // expected-error@+1 {{expected rank 'q' of 'tensor<16xf32, #tile.in<register, [q]>>' with the same extent in}}
  %c = tile.reduce sum %a : tensor<256x32xf32, #tile.in<register, [k, q]>> -> tensor<16xf32, #tile.in<register, [q]>>
  return
}

// -----

func.func @reduce_nothing(%a: tensor<256x32xf32, #tile.in<register, [k, q]>>) {
  // expected-error@+1 {{expected the result to drop a rank}}
  %c = tile.reduce sum %a : tensor<256x32xf32, #tile.in<register, [k, q]>> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @broadcast_value(%a: tensor<32xf32>) {
  // expected-error@+1 {{expected the value to be a tile}}
  %c = tile.broadcast %a : tensor<32xf32> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @broadcast_result(%a: tensor<32xf32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected the result to be a tile}}
  %c = tile.broadcast %a : tensor<32xf32, #tile.in<register, [q]>> -> tensor<256x32xf32>
  return
}

// -----

func.func @broadcast_rank(%a: tensor<32xf32, #tile.in<register, [d]>>) {
  // expected-error@+1 {{expected rank 'd' of 'tensor<32xf32, #tile.in<register, [d]>>' with the same extent in}}
  %c = tile.broadcast %a : tensor<32xf32, #tile.in<register, [d]>> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @broadcast_element(%a: f16) {
  // expected-error@+1 {{expected one element type, got 'f16' and 'f32'}}
  %c = tile.broadcast %a : f16 -> tensor<256x32xf32, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @coordinate_tile(%i: index) {
  // expected-error@+1 {{expected the result to be a tile}}
  %c = tile.coordinate %i : tensor<8xi32>
  return
}

// -----

func.func @coordinate_rank(%i: index) {
  // expected-error@+1 {{expected a one-dimensional tile of i32, got}}
  %c = tile.coordinate %i : tensor<8x8xi32, #tile.in<register, [k, q]>>
  return
}

// -----

func.func @coordinate_element(%i: index) {
  // expected-error@+1 {{expected a one-dimensional tile of i32, got}}
  %c = tile.coordinate %i : tensor<8xi64, #tile.in<register, [k]>>
  return
}

// -----

func.func @lookup_result(%t: memref<?xf32>, %k: tensor<8xi32, #tile.in<register, [k]>>) {
  // expected-error@+1 {{expected the result to be a tile}}
  %c = tile.lookup %t[%k] : memref<?xf32>, tensor<8xi32, #tile.in<register, [k]>> -> tensor<8xf32>
  return
}

// -----

func.func @lookup_count(%t: memref<?x?xf32>, %k: tensor<8xi32, #tile.in<register, [k]>>) {
  // expected-error@+1 {{expected 2 indices, got 1}}
  %c = tile.lookup %t[%k] : memref<?x?xf32>, tensor<8xi32, #tile.in<register, [k]>> -> tensor<8xf32, #tile.in<register, [k]>>
  return
}

// -----

func.func @lookup_index_type(%t: memref<?xf32>, %k: i32) {
  // expected-error@+1 {{expected indices that are index scalars or tiles of i32, got 'i32'}}
  %c = tile.lookup %t[%k] : memref<?xf32>, i32 -> tensor<8xf32, #tile.in<register, [k]>>
  return
}

// -----

func.func @lookup_index_element(%t: memref<?xf32>, %k: tensor<8xi64, #tile.in<register, [k]>>) {
  // expected-error@+1 {{expected indices that are index scalars or tiles of i32, got 'tensor<8xi64, #tile.in<register, [k]>>'}}
  %c = tile.lookup %t[%k] : memref<?xf32>, tensor<8xi64, #tile.in<register, [k]>> -> tensor<8xf32, #tile.in<register, [k]>>
  return
}

// -----

func.func @lookup_index_tile(%t: memref<?xf32>, %k: tensor<8xi32>) {
  // expected-error@+1 {{expected an index to be a tile}}
  %c = tile.lookup %t[%k] : memref<?xf32>, tensor<8xi32> -> tensor<8xf32, #tile.in<register, [k]>>
  return
}

// -----

func.func @lookup_index_rank(%t: memref<?xf32>, %k: tensor<8xi32, #tile.in<register, [q]>>) {
  // expected-error@+1 {{expected rank 'q' of}}
  %c = tile.lookup %t[%k] : memref<?xf32>, tensor<8xi32, #tile.in<register, [q]>> -> tensor<8xf32, #tile.in<register, [k]>>
  return
}

// -----

func.func @lookup_element(%t: memref<?xi32>, %k: tensor<8xi32, #tile.in<register, [k]>>) {
  // expected-error@+1 {{expected the table's element type, got 'f32' from 'memref<?xi32>'}}
  %c = tile.lookup %t[%k] : memref<?xi32>, tensor<8xi32, #tile.in<register, [k]>> -> tensor<8xf32, #tile.in<register, [k]>>
  return
}

// -----

func.func @guard_value(%i: index, %mask: tensor<8xi1, #tile.in<register, [k]>>, %v: tensor<8xf32>, %o: f32) {
  tile.stream "k" from (%i) to (%i) step 8 init() visible {
  ^bb0(%f: index, %l: index):
    %no = arith.constant false
    tile.yield %no, %no : i1, i1
  } body {
  ^bb0(%f: index, %l: index):
    // expected-error@+1 {{expected the value to be a tile}}
    %g = tile.guard %mask, %v else %o : tensor<8xi1, #tile.in<register, [k]>>, tensor<8xf32> else f32 -> tensor<8xf32>
    tile.yield
  } : () -> ()
  return
}

// -----

func.func @guard_result(%i: index, %mask: tensor<8xi1, #tile.in<register, [k]>>, %v: tensor<8xf32, #tile.in<register, [k]>>, %o: f32) {
  tile.stream "k" from (%i) to (%i) step 8 init() visible {
  ^bb0(%f: index, %l: index):
    %no = arith.constant false
    tile.yield %no, %no : i1, i1
  } body {
  ^bb0(%f: index, %l: index):
    // expected-error@+1 {{expected value, otherwise and result of one type}}
    %g = tile.guard %mask, %v else %o : tensor<8xi1, #tile.in<register, [k]>>, tensor<8xf32, #tile.in<register, [k]>> else f32 -> tensor<8xf32, #tile.in<near, [k]>>
    tile.yield
  } : () -> ()
  return
}

// -----

func.func @guard_otherwise(%i: index, %mask: tensor<8xi1, #tile.in<register, [k]>>, %v: tensor<8xf32, #tile.in<register, [k]>>, %o: f16) {
  tile.stream "k" from (%i) to (%i) step 8 init() visible {
  ^bb0(%f: index, %l: index):
    %no = arith.constant false
    tile.yield %no, %no : i1, i1
  } body {
  ^bb0(%f: index, %l: index):
    // expected-error@+1 {{expected value, otherwise and result of one type}}
    %g = tile.guard %mask, %v else %o : tensor<8xi1, #tile.in<register, [k]>>, tensor<8xf32, #tile.in<register, [k]>> else f16 -> tensor<8xf32, #tile.in<register, [k]>>
    tile.yield
  } : () -> ()
  return
}

// -----

func.func @guard_mask_tile(%i: index, %mask: tensor<8xi1>, %v: tensor<8xf32, #tile.in<register, [k]>>, %o: f32) {
  tile.stream "k" from (%i) to (%i) step 8 init() visible {
  ^bb0(%f: index, %l: index):
    %no = arith.constant false
    tile.yield %no, %no : i1, i1
  } body {
  ^bb0(%f: index, %l: index):
    // expected-error@+1 {{expected the mask to be a tile}}
    %g = tile.guard %mask, %v else %o : tensor<8xi1>, tensor<8xf32, #tile.in<register, [k]>> else f32 -> tensor<8xf32, #tile.in<register, [k]>>
    tile.yield
  } : () -> ()
  return
}

// -----

func.func @guard_mask_rank(%i: index, %mask: tensor<8xi1, #tile.in<register, [q]>>, %v: tensor<8xf32, #tile.in<register, [k]>>, %o: f32) {
  tile.stream "k" from (%i) to (%i) step 8 init() visible {
  ^bb0(%f: index, %l: index):
    %no = arith.constant false
    tile.yield %no, %no : i1, i1
  } body {
  ^bb0(%f: index, %l: index):
    // expected-error@+1 {{expected rank 'q' of}}
    %g = tile.guard %mask, %v else %o : tensor<8xi1, #tile.in<register, [q]>>, tensor<8xf32, #tile.in<register, [k]>> else f32 -> tensor<8xf32, #tile.in<register, [k]>>
    tile.yield
  } : () -> ()
  return
}

// -----

func.func @guard_mask_element(%i: index, %mask: tensor<8xi32, #tile.in<register, [k]>>, %v: tensor<8xf32, #tile.in<register, [k]>>, %o: f32) {
  tile.stream "k" from (%i) to (%i) step 8 init() visible {
  ^bb0(%f: index, %l: index):
    %no = arith.constant false
    tile.yield %no, %no : i1, i1
  } body {
  ^bb0(%f: index, %l: index):
    // expected-error@+1 {{expected a tile of i1 as the mask, got 'tensor<8xi32, #tile.in<register, [k]>>'}}
    %g = tile.guard %mask, %v else %o : tensor<8xi32, #tile.in<register, [k]>>, tensor<8xf32, #tile.in<register, [k]>> else f32 -> tensor<8xf32, #tile.in<register, [k]>>
    tile.yield
  } : () -> ()
  return
}

// -----

func.func @guard_outside(%i: index, %mask: tensor<8xi1, #tile.in<register, [k]>>, %v: tensor<8xf32, #tile.in<register, [k]>>, %o: f32) {
  // expected-error@+1 {{expected an enclosing tile.stream}}
  %g = tile.guard %mask, %v else %o : tensor<8xi1, #tile.in<register, [k]>>, tensor<8xf32, #tile.in<register, [k]>> else f32 -> tensor<8xf32, #tile.in<register, [k]>>
  return
}

// -----

func.func @dot_pairs_accumulator(%c: vector<16xbf16>, %a: vector<32xbf16>, %b: vector<32xbf16>) {
  // expected-error@+1 {{expected a vector of f32 to accumulate in, got 'vector<16xbf16>'}}
  %r = tile.dot_pairs %c, %a, %b : vector<16xbf16>, vector<32xbf16>, vector<32xbf16> -> vector<16xbf16>
  return
}

// -----

func.func @dot_pairs_result(%c: vector<16xf32>, %a: vector<32xbf16>, %b: vector<32xbf16>) {
  // expected-error@+1 {{expected a result of the accumulator's type, got 'vector<8xf32>'}}
  %r = tile.dot_pairs %c, %a, %b : vector<16xf32>, vector<32xbf16>, vector<32xbf16> -> vector<8xf32>
  return
}

// -----

func.func @dot_pairs_width(%c: vector<16xf32>, %a: vector<16xbf16>, %b: vector<16xbf16>) {
  // expected-error@+1 {{expected two vectors of 32 bf16, got 'vector<16xbf16>' and 'vector<16xbf16>'}}
  %r = tile.dot_pairs %c, %a, %b : vector<16xf32>, vector<16xbf16>, vector<16xbf16> -> vector<16xf32>
  return
}

// -----

func.func @dot_pairs_types(%c: vector<16xf32>, %a: vector<32xbf16>, %b: vector<32xf16>) {
  // expected-error@+1 {{expected two vectors of 32 bf16, got 'vector<32xbf16>' and 'vector<32xf16>'}}
  %r = tile.dot_pairs %c, %a, %b : vector<16xf32>, vector<32xbf16>, vector<32xf16> -> vector<16xf32>
  return
}

// -----

func.func @dot_block_memory(%a: memref<?xbf16>, %b: memref<?x?xbf16>, %c: memref<?xf32>, %n: index) {
  // expected-error@+1 {{expected flat memory of bf16, bf16 and f32, got 'memref<?x?xbf16>'}}
  tile.dot_block %a[%n] by 64, %b[%n] by 64, %c[%n] by 32 pairs %n rows 16 columns 32 : memref<?xbf16>, memref<?x?xbf16>, memref<?xf32>
  return
}

// -----

func.func @dot_block_sum(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xbf16>, %n: index) {
  // expected-error@+1 {{expected flat memory of bf16, bf16 and f32, got 'memref<?xbf16>'}}
  tile.dot_block %a[%n] by 64, %b[%n] by 64, %c[%n] by 32 pairs %n rows 16 columns 32 : memref<?xbf16>, memref<?xbf16>, memref<?xbf16>
  return
}

// -----

func.func @dot_block_rows(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>, %n: index) {
  // expected-error@+1 {{expected a positive number of rows and columns, got 0 and 32}}
  tile.dot_block %a[%n] by 64, %b[%n] by 64, %c[%n] by 32 pairs %n rows 0 columns 32 : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}

// -----

func.func @dot_block_strides(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>, %n: index) {
  // expected-error@+1 {{expected strides of at least 2, 64 and 32, got 64, 32 and 32}}
  tile.dot_block %a[%n] by 64, %b[%n] by 32, %c[%n] by 32 pairs %n rows 16 columns 32 : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}

// -----

// expected-error@+1 {{expected blocks with pairs, 16 lanes, keys in runs of 32 and a block that divides them, got 16 lanes, keys 48, block 8}}
func.func private @blocks() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 48, block = 8, lanes = 16, pairs = true, splits = 1, blocks = true>}

// -----

// expected-error@+1 {{expected blocks with pairs, 16 lanes, keys in runs of 32 and a block that divides them, got 16 lanes, keys 192, block 12}}
func.func private @blocks_in_runs() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 192, block = 12, lanes = 16, pairs = true, splits = 1, blocks = true>}

// -----

func.func @matrix_shape(%a: vector<8xbf16>, %b: vector<4xbf16>, %c: vector<4xf32>) {
  // expected-error@+1 {{expected a positive shape [m, n, k]}}
  %d = tile.matrix %a, %b, %c shape [16, 8] : vector<8xbf16>, vector<4xbf16>, vector<4xf32>
  return
}

// -----

func.func @matrix_types(%a: vector<8xf16>, %b: vector<4xbf16>, %c: vector<4xf32>) {
  // expected-error@+1 {{expected operands of one element type, got 'f16' and 'bf16'}}
  %d = tile.matrix %a, %b, %c shape [16, 8, 16] : vector<8xf16>, vector<4xbf16>, vector<4xf32>
  return
}

// -----

func.func @read_count(%near: memref<64xbf16, 3>, %i: index) {
  // expected-error@+1 {{expected 1, 2 or 4 blocks, got 3}}
  %v = tile.read_matrix %near[%i] count 3 : memref<64xbf16, 3> -> vector<6xbf16>
  return
}

// -----

func.func @read_type(%near: memref<64xf32, 3>, %i: index) {
  // expected-error@+1 {{expected 4 elements of 16 bits, got 'vector<4xf32>'}}
  %v = tile.read_matrix %near[%i] count 2 : memref<64xf32, 3> -> vector<4xf32>
  return
}

// -----

func.func @copy_types(%far: memref<?xf32, 1>, %near: memref<64xbf16, 3>, %i: index, %p: i1) {
  // expected-error@+1 {{expected buffers of one element type, got 'f32' and 'bf16'}}
  tile.copy %far[%i] to %near[%i] count 4 if %p : memref<?xf32, 1> to memref<64xbf16, 3>
  return
}

// -----

func.func @copy_bytes(%far: memref<?xf32, 1>, %near: memref<64xf32, 3>, %i: index, %p: i1) {
  // expected-error@+1 {{expected 4, 8 or 16 bytes, got 12}}
  tile.copy %far[%i] to %near[%i] count 3 if %p : memref<?xf32, 1> to memref<64xf32, 3>
  return
}

// -----

// expected-error@+1 {{expected digits of lanes and subgroups with a power of two of values, got 3}}
func.func private @layout_lanes() attributes {x = #tile.layout<register = [], lane = [k(3:1)], subgroup = []>}

// -----

// expected-error@+1 {{expected positive sizes and strides of digits}}
func.func private @layout_sizes() attributes {x = #tile.layout<register = [k(2:0)], lane = [], subgroup = []>}

// -----

// expected-error@+1 {{expected layouts of an atom over equally many lanes}}
func.func private @atom_lanes() attributes {x = #tile.atom<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>}

// -----

// expected-error@+1 {{expected a positive shape [m, n, k] of an atom}}
func.func private @atom_shape() attributes {x = #tile.atom<shape = [8, 4], type = f32, sum = f32, rate = 64, a = <register = [], lane = [], subgroup = []>, b = <register = [], lane = [], subgroup = []>, c = <register = [], lane = [], subgroup = []>>}

// -----

func.func @convert(%t: tensor<8x4xf32, #tile.in<register, [k, q]>>) {
  // expected-error@+1 {{expected a result that differs in its layout only}}
  %u = tile.convert %t : tensor<8x4xf32, #tile.in<register, [k, q]>> -> tensor<8x4xf32, #tile.in<register, [k, e]>>
  return
}

// -----

func.func @no_message(%c: i1) {
  // expected-error@+1 {{'tile.require' op expected a message}}
  tile.require %c, ""
  return
}

// -----

func.func @no_list(%c: i1) {
  // expected-error@+1 {{expected number 0 to be the position of "too long" in the kernel's 'tile.messages'}}
  tile.require %c, "too long" number 0
  return
}

// -----

func.func @wrong_number(%c: i1) attributes {tile.messages = ["too long", "too short"]} {
  // expected-error@+1 {{expected number 1 to be the position of "too long" in the kernel's 'tile.messages'}}
  tile.require %c, "too long" number 1
  return
}

// -----

func.func @rests_twice(%x: memref<?x?xf32>, %i: index) {
  // expected-error@+1 {{expected rank 'q' to walk one dimension of the buffer}}
  %t = tile.load %x[%i, %i] dims ["q mod", "q mod"] bounded [] limits() split %i : memref<?x?xf32> -> tensor<4xf32, #tile.in<near, [q]>>
  return
}

// -----

func.func @whole_and_rest(%x: memref<?x?xf32>, %i: index) {
  // expected-error@+1 {{expected rank 'q' to walk one dimension of the buffer}}
  %t = tile.load %x[%i, %i] dims ["q", "q mod"] bounded [] limits() split %i : memref<?x?xf32> -> tensor<4xf32, #tile.in<near, [q]>>
  return
}

// -----

func.func @quotient_and_whole(%x: memref<?x?xf32>, %i: index) {
  // expected-error@+1 {{expected rank 'q' to walk one dimension of the buffer}}
  %t = tile.load %x[%i, %i] dims ["q div", "q"] bounded [] limits() split %i : memref<?x?xf32> -> tensor<4xf32, #tile.in<near, [q]>>
  return
}

// -----

func.func @no_divisor(%x: memref<?x?xf32>, %i: index) {
  // expected-error@+1 {{expected 'split' together with a dimension that is walked by quotients or rests}}
  %t = tile.load %x[%i, %i] dims ["q div", "q mod"] bounded [] limits() : memref<?x?xf32> -> tensor<4xf32, #tile.in<near, [q]>>
  return
}

// -----

func.func @nothing_to_divide(%t: tensor<4xf32, #tile.in<near, [q]>>, %x: memref<?xf32>, %i: index) {
  // expected-error@+1 {{expected 'split' together with a dimension that is walked by quotients or rests}}
  tile.store %t, %x[%i] dims ["q"] bounded [] limits() split %i : tensor<4xf32, #tile.in<near, [q]>>, memref<?xf32>
  return
}

// -----

func.func @rest_of_nothing(%t: tensor<4xf32, #tile.in<near, [q]>>, %x: memref<?x?xf32>, %i: index) {
  // expected-error@+1 {{expected rank 'p' in 'tensor<4xf32, #tile.in<near, [q]>>'}}
  tile.store %t, %x[%i, %i] dims ["q", "p mod"] bounded [] limits() split %i : tensor<4xf32, #tile.in<near, [q]>>, memref<?x?xf32>
  return
}

// -----

func.func @unpack_elements(%x: tensor<8x32xi8, #tile.in<far, [k, d]>>) {
  // expected-error@+1 {{expected bytes of i8 and a result of i4, got 'i8' and 'i8'}}
  %r = tile.unpack %x group 32 : tensor<8x32xi8, #tile.in<far, [k, d]>> -> tensor<8x64xi8, #tile.in<register, [k, d]>>
  return
}

// -----

func.func @unpack_ranks(%x: tensor<8x32xi8, #tile.in<far, [k, d]>>) {
  // expected-error@+1 {{expected bytes of the result's ranks, got 'tensor<8x32xi8, #tile.in<far, [k, d]>>'}}
  %r = tile.unpack %x group 32 : tensor<8x32xi8, #tile.in<far, [k, d]>> -> tensor<8x64xi4, #tile.in<register, [k, e]>>
  return
}

// -----

func.func @unpack_shape(%x: tensor<8x32xi8, #tile.in<far, [k, d]>>) {
  // expected-error@+1 {{expected two elements for each byte of the last rank, got 'tensor<16x32xi4, #tile.in<register, [k, d]>>'}}
  %r = tile.unpack %x group 32 : tensor<8x32xi8, #tile.in<far, [k, d]>> -> tensor<16x32xi4, #tile.in<register, [k, d]>>
  return
}

// -----

func.func @unpack_group(%x: tensor<8x32xi8, #tile.in<far, [k, d]>>) {
  // expected-error@+1 {{expected an even group that divides 64, got 48}}
  %r = tile.unpack %x group 48 : tensor<8x32xi8, #tile.in<far, [k, d]>> -> tensor<8x64xi4, #tile.in<register, [k, d]>>
  return
}

// -----

func.func @permute_index(%t: vector<16xf32>, %i: vector<16xi16>) {
  // expected-error @below {{expected a table of a power of two elements and as many integers of their width, got 'vector<16xf32>' and 'vector<16xi16>'}}
  %v = tile.permute %t, %i : vector<16xf32>, vector<16xi16>
  return
}

// -----

func.func @permute_size(%t: vector<12xf32>, %i: vector<12xi32>) {
  // expected-error @below {{expected a table of a power of two elements}}
  %v = tile.permute %t, %i : vector<12xf32>, vector<12xi32>
  return
}
