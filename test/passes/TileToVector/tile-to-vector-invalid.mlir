// RUN: fovea-opt %s -split-input-file -verify-diagnostics --fovea-tile-to-vector

!deq = tensor<2x8x4xf32, #tile.in<register, [d, e, q]>>

// expected-error@+1 {{expected carried tiles of ranks [row] or [x, row], got 'tensor<2x8x4xf32, #tile.in<register, [d, e, q]>>'}}
func.func @carried_rank(%x: memref<?x8xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %a = tile.broadcast %nil : f32 -> !deq
  %r = tile.stream "k" from (%zero) to (%keys) step 4 init(%a) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %s: !deq):
    tile.yield %s : !deq
  } : (!deq) -> !deq
  return
}

// -----

!q = tensor<4xf32, #tile.in<register, [q]>>
!dq = tensor<8x4xf32, #tile.in<near, [d, q]>>

func.func @reduce_other_rank(%X: memref<?x8xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %x = tile.load %X[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32> -> !dq
  %a = tile.broadcast %nil : f32 -> !q
  %r = tile.stream "k" from (%zero) to (%keys) step 4 init(%a) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %s: !q):
    // expected-error@+1 {{expected a reduction from [k, q] to [q] inside a step}}
    %n = tile.reduce sum %x : !dq -> !q
    tile.yield %n : !q
  } : (!q) -> !q
  return
}

// -----

!dq = tensor<8x4xf32, #tile.in<near, [d, q]>>
!eq = tensor<8x4xf32, #tile.in<register, [e, q]>>

func.func @product_without_stream(%X: memref<?x8xf32>, %W: memref<8x8xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %x = tile.load %X[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32> -> !dq
  %a = tile.broadcast %nil : f32 -> !eq
  %r = tile.stream "k" from (%zero) to (%keys) step 4 init(%a) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %s: !eq):
    %w = tile.load %W[%zero, %zero] dims ["d", "e"] bounded [] limits() : memref<8x8xf32> -> tensor<8x8xf32, #tile.in<far, [d, e]>>
    // expected-error@+1 {{expected the left operand of a product to carry rank 'k' inside a step}}
    %n = tile.contract %w, %x : tensor<8x8xf32, #tile.in<far, [d, e]>>, !dq -> !eq
    tile.yield %n : !eq
  } : (!eq) -> !eq
  return
}

// -----

!q = tensor<4xf32, #tile.in<register, [q]>>
!kq = tensor<4x4xf32, #tile.in<register, [k, q]>>
!dq = tensor<8x4xf32, #tile.in<near, [d, q]>>
!kd = tensor<4x8xf32, #tile.in<far, [k, d]>>

func.func @computed_left(%K: memref<?x8xf32>, %X: memref<?x8xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %x = tile.load %X[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32> -> !dq
  %a = tile.broadcast %nil : f32 -> !q
  %r = tile.stream "k" from (%zero) to (%keys) step 4 init(%a) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %c: !q):
    %k = tile.load %K[%first, %zero] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x8xf32> -> !kd
    // expected-error@+1 {{expected the operand of a product to be loaded or computed from loads, element by element}}
    %i = tile.coordinate %first : tensor<4xi32, #tile.in<register, [k]>>
    %f = arith.sitofp %i : tensor<4xi32, #tile.in<register, [k]>> to tensor<4xf32, #tile.in<register, [k]>>
    %g = tile.broadcast %f : tensor<4xf32, #tile.in<register, [k]>> -> !kd
    %e = arith.mulf %k, %g : !kd
    %s = tile.contract %e, %x : !kd, !dq -> !kq
    %n = tile.reduce sum %s : !kq -> !q
    tile.yield %n : !q
  } : (!q) -> !q
  return
}

// -----

!q = tensor<4xf32, #tile.in<register, [q]>>
!kq = tensor<4x4xf32, #tile.in<register, [k, q]>>
!dq = tensor<8x4xf32, #tile.in<near, [d, q]>>
!kd = tensor<4x8xf32, #tile.in<far, [k, d]>>

func.func @computed_right(%K: memref<?x8xf32>, %X: memref<?x8xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %x = tile.load %X[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32> -> !dq
  %y = math.exp %x : !dq
  %a = tile.broadcast %nil : f32 -> !q
  %r = tile.stream "k" from (%zero) to (%keys) step 4 init(%a) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %c: !q):
    %k = tile.load %K[%first, %zero] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x8xf32> -> !kd
    // expected-error@+1 {{expected the right operand of a product over a channel rank in near memory}}
    %s = tile.contract %k, %y : !kd, !dq -> !kq
    %n = tile.reduce sum %s : !kq -> !q
    tile.yield %n : !q
  } : (!q) -> !q
  return
}

// -----

!kq = tensor<4x4xf32, #tile.in<register, [k, q]>>
!dq = tensor<8x4xf32, #tile.in<near, [d, q]>>
!kd = tensor<4x8xf32, #tile.in<far, [k, d]>>

func.func @product_outside(%K: memref<?x8xf32>, %X: memref<?x8xf32>, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %x = tile.load %X[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32> -> !dq
  %k = tile.load %K[%zero, %zero] dims ["k", "d"] bounded [] limits() : memref<?x8xf32> -> !kd
  // expected-error@+1 {{expected matrix products inside a stream only}}
  %s = tile.contract %k, %x : !kd, !dq -> !kq
  return
}

// -----

!eq = tensor<8x4xf32, #tile.in<register, [e, q]>>
!deq = tensor<2x8x4xf32, #tile.in<register, [d, e, q]>>

func.func @reduce_to_matrix(%X: memref<?x8xf32>, %O: memref<?x8xf32>, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %nil = arith.constant 0.0 : f32
  %x = tile.broadcast %nil : f32 -> !deq
  // expected-error@+1 {{expected a reduction from [x, q] to [q]}}
  %s = tile.reduce sum %x : !deq -> !eq
  return
}

// -----

func.func @three_ranks(%X: memref<?x2x8xf32>, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  // expected-error@+1 {{expected at most one rank beside the row rank in 'tensor<2x8x4xf32, #tile.in<near, [d, e, q]>>'}}
  %x = tile.load %X[%zero, %zero, %zero] dims ["q", "d", "e"] bounded [] limits() : memref<?x2x8xf32> -> tensor<2x8x4xf32, #tile.in<near, [d, e, q]>>
  return
}

// -----

func.func @store_without_row(%X: memref<?xf32>, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %nil = arith.constant 0.0 : f32
  %x = tile.broadcast %nil : f32 -> tensor<8xf32, #tile.in<register, [e]>>
  // expected-error@+1 {{expected a [row] or [x, row] tile to store}}
  tile.store %x, %X[%zero] dims ["e"] bounded [] limits() : tensor<8xf32, #tile.in<register, [e]>>, memref<?xf32>
  return
}

// -----

func.func @rows_in_pages(%P: memref<?x?x16x4xf32>, %T: memref<?x?xi32>, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  // expected-error@+1 {{expected pages without rank 'q', which runs along lanes}}
  %x = tile.load %P[%zero, %zero, %zero, %zero] dims ["k", "", "", "q"] bounded [] limits() through %T[%zero]
     : memref<?x?x16x4xf32>, memref<?x?xi32> -> tensor<4x4xf32, #tile.in<near, [k, q]>>
  return
}

// -----

!q = tensor<4xf32, #tile.in<register, [q]>>
!kq = tensor<4x4xf32, #tile.in<register, [k, q]>>
!dq = tensor<8x4xf32, #tile.in<near, [d, q]>>
!kd = tensor<4x8xf32, #tile.in<far, [k, d]>>

func.func @nibbles(%K: memref<?x4xi8>, %X: memref<?x8xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %two = arith.constant 2 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %x = tile.load %X[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32> -> !dq
  %a = tile.broadcast %nil : f32 -> !q
  %r = tile.stream "k" from (%zero) to (%keys) step 4 init(%a) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %c: !q):
    %k = tile.load %K[%first, %zero] dims ["k", "d"] bounded ["k"] limits(%last) : memref<?x4xi8> -> tensor<4x4xi8, #tile.in<far, [k, d]>>
    // expected-error@+1 {{expected halves of a group, 2 elements, to be whole runs of 4}}
    %u = tile.unpack %k group 4 : tensor<4x4xi8, #tile.in<far, [k, d]>> -> tensor<4x8xi4, #tile.in<far, [k, d]>>
    %e = arith.sitofp %u : tensor<4x8xi4, #tile.in<far, [k, d]>> to !kd
    %s = tile.contract %e, %x : !kd, !dq -> !kq
    %n = tile.reduce sum %s : !kq -> !q
    tile.yield %n : !q
  } : (!q) -> !q
  return
}

// -----

!q = tensor<4xf32, #tile.in<register, [q]>>
!kq = tensor<4x4xf32, #tile.in<register, [k, q]>>
!dq = tensor<8x4xf32, #tile.in<near, [d, q]>>
!kd = tensor<4x8xf32, #tile.in<far, [k, d]>>

func.func @repeated(%K: memref<?x4xf32>, %X: memref<?x8xf32>, %keys: index, %task: index)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %zero = arith.constant 0 : index
  %two = arith.constant 2 : index
  %nil = arith.constant 0.0 : f32
  %yes = arith.constant true
  %x = tile.load %X[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32> -> !dq
  %a = tile.broadcast %nil : f32 -> !q
  %r = tile.stream "k" from (%zero) to (%keys) step 4 init(%a) visible {
  ^bb0(%first: index, %last: index):
    tile.yield %yes, %yes : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %c: !q):
    // expected-error@+1 {{expected an operand of a product whose elements repeat a multiple of 4 times along rank 'd'}}
    %k = tile.load %K[%first, %zero] dims ["k", "d div"] bounded ["k"] limits(%last) split %two : memref<?x4xf32> -> !kd
    %e = arith.negf %k : !kd
    %s = tile.contract %e, %x : !kd, !dq -> !kq
    %n = tile.reduce sum %s : !kq -> !q
    tile.yield %n : !q
  } : (!q) -> !q
  return
}
