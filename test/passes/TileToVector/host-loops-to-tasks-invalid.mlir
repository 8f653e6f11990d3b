// RUN: fovea-opt %s --fovea-host-loops-to-tasks -split-input-file -verify-diagnostics

func.func @bound(%l: memref<i32>, %x: memref<?xi32>) attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{'memref.load' op expected a value that tasks alone use: the host cannot read the memory of a device}}
  %v = memref.load %l[] : memref<i32>
  %n = arith.index_cast %v : i32 to index
  // expected-note@+1 {{the host uses it here}}
  scf.forall (%i) in (%n) {
    memref.store %v, %x[%i] : memref<?xi32>
  } {tile.row_rank = "q"}
  return
}

// -----

func.func @loop_bound(%l: memref<i32>, %x: memref<?xi32>) attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v = memref.load %l[] : memref<i32>
  %n = arith.index_cast %v : i32 to index
  // expected-error@+1 {{'scf.for' op expected bounds that the host knows: it cannot read the memory of a device}}
  scf.for %i = %c0 to %n step %c1 {
    memref.store %v, %x[%i] : memref<?xi32>
  }
  return
}

// -----

func.func @result(%l: memref<?xi32>, %n: index) attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i32
  // expected-error@+1 {{'scf.for' op expected a load, a store, a loop without results or one whose results are checked: nothing else can move from the host to a task}}
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %zero) -> (i32) {
    %v = memref.load %l[%i] : memref<?xi32>
    %b = arith.addi %a, %v : i32
    scf.yield %b : i32
  }
  scf.forall (%i) in (%n) {
    memref.store %r, %l[%i] : memref<?xi32>
  } {tile.row_rank = "q"}
  return
}

// -----

func.func @one_lane(%l: memref<?xi32>, %n: index, %k: i32) attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i32
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %zero) -> (i32) {
    %v = memref.load %l[%i] : memref<?xi32>
    %b = arith.addi %a, %v : i32
    scf.yield %b : i32
  }
  %ok = arith.cmpi eq, %r, %k : i32
  // expected-remark@+1 {{runs on one lane: what it asks of a loop is no conjunction and no maximum}}
  cf.assert %ok, "expected the sum"
  return
}
