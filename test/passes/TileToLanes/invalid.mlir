// RUN: fovea-opt %s --split-input-file --verify-diagnostics \
// RUN:   --pass-pipeline='builtin.module(func.func(fovea-assign-layouts,fovea-tile-to-lanes))'

// expected-error@+1 {{expected a module with the attribute 'tile.machine'}}
func.func @task(%q: memref<?x8xf32, strided<[?, 1], offset: ?>>, %k: memref<?x8xf32, strided<[?, 1], offset: ?>>, %o: memref<?x16xf32, strided<[?, 1], offset: ?>>)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 4, stages = 2>} {
  %zero = arith.constant 0 : index
  %qt = tile.load %q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32, strided<[?, 1], offset: ?>> -> tensor<8x32xf32, #tile.in<near, [d, q]>>
  %kt = tile.load %k[%zero, %zero] dims ["k", "d"] bounded [] limits() : memref<?x8xf32, strided<[?, 1], offset: ?>> -> tensor<16x8xf32, #tile.in<near, [k, d]>>
  %s = tile.contract %kt, %qt : tensor<16x8xf32, #tile.in<near, [k, d]>>, tensor<8x32xf32, #tile.in<near, [d, q]>> -> tensor<16x32xf32, #tile.in<register, [k, q]>>
  tile.store %s, %o[%zero, %zero] dims ["q", "k"] bounded [] limits() : tensor<16x32xf32, #tile.in<register, [k, q]>>, memref<?x16xf32, strided<[?, 1], offset: ?>>
  return
}

// -----

#machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = false, atoms = [
  #tile.atom<shape = [8, 4, 1], type = f32, sum = f32, rate = 64,
    a = <register = [], lane = [_(4), m(8:1)], subgroup = []>,
    b = <register = [], lane = [n(4:1), _(8)], subgroup = []>,
    c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>
module attributes {tile.machine = #machine} {
// expected-error@+1 {{expected rows to be a multiple of subgroups, got 30 and 4}}
func.func @task(%q: memref<?x8xf32, strided<[?, 1], offset: ?>>, %k: memref<?x8xf32, strided<[?, 1], offset: ?>>, %o: memref<?x16xf32, strided<[?, 1], offset: ?>>)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 30, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 4, stages = 2>} {
  %zero = arith.constant 0 : index
  %qt = tile.load %q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32, strided<[?, 1], offset: ?>> -> tensor<8x30xf32, #tile.in<near, [d, q]>>
  %kt = tile.load %k[%zero, %zero] dims ["k", "d"] bounded [] limits() : memref<?x8xf32, strided<[?, 1], offset: ?>> -> tensor<16x8xf32, #tile.in<near, [k, d]>>
  %s = tile.contract %kt, %qt : tensor<16x8xf32, #tile.in<near, [k, d]>>, tensor<8x30xf32, #tile.in<near, [d, q]>> -> tensor<16x30xf32, #tile.in<register, [k, q]>>
  tile.store %s, %o[%zero, %zero] dims ["q", "k"] bounded [] limits() : tensor<16x30xf32, #tile.in<register, [k, q]>>, memref<?x16xf32, strided<[?, 1], offset: ?>>
  return
}
}

// -----

#machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = false, atoms = [
  #tile.atom<shape = [8, 4, 1], type = f32, sum = f32, rate = 64,
    a = <register = [], lane = [_(4), m(8:1)], subgroup = []>,
    b = <register = [], lane = [n(4:1), _(8)], subgroup = []>,
    c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>
module attributes {tile.machine = #machine} {
// expected-error@+1 {{expected a schedule whose rows per subgroup are a multiple of an atom's, got 6}}
func.func @task(%q: memref<?x8xf32, strided<[?, 1], offset: ?>>, %k: memref<?x8xf32, strided<[?, 1], offset: ?>>, %o: memref<?x16xf32, strided<[?, 1], offset: ?>>)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 24, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 4, stages = 2>} {
  %zero = arith.constant 0 : index
  %qt = tile.load %q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32, strided<[?, 1], offset: ?>> -> tensor<8x24xf32, #tile.in<near, [d, q]>>
  %kt = tile.load %k[%zero, %zero] dims ["k", "d"] bounded [] limits() : memref<?x8xf32, strided<[?, 1], offset: ?>> -> tensor<16x8xf32, #tile.in<near, [k, d]>>
  %s = tile.contract %kt, %qt : tensor<16x8xf32, #tile.in<near, [k, d]>>, tensor<8x24xf32, #tile.in<near, [d, q]>> -> tensor<16x24xf32, #tile.in<register, [k, q]>>
  tile.store %s, %o[%zero, %zero] dims ["q", "k"] bounded [] limits() : tensor<16x24xf32, #tile.in<register, [k, q]>>, memref<?x16xf32, strided<[?, 1], offset: ?>>
  return
}
}

// -----

#machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = false, atoms = [
  #tile.atom<shape = [8, 4, 1], type = f32, sum = f32, rate = 64,
    a = <register = [], lane = [_(4), m(8:1)], subgroup = []>,
    b = <register = [], lane = [n(4:1), _(8)], subgroup = []>,
    c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>
module attributes {tile.machine = #machine} {
func.func @task(%q: memref<?x8xbf16, strided<[?, 1], offset: ?>>, %k: memref<?x8xbf16, strided<[?, 1], offset: ?>>, %o: memref<?x16xf32, strided<[?, 1], offset: ?>>)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 4, stages = 2>} {
  %zero = arith.constant 0 : index
  %qt = tile.load %q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xbf16, strided<[?, 1], offset: ?>> -> tensor<8x32xbf16, #tile.in<near, [d, q]>>
  %kt = tile.load %k[%zero, %zero] dims ["k", "d"] bounded [] limits() : memref<?x8xbf16, strided<[?, 1], offset: ?>> -> tensor<16x8xbf16, #tile.in<near, [k, d]>>
  // expected-error@+1 {{expected a machine with a matrix atom for 'bf16'}}
  %s = tile.contract %kt, %qt : tensor<16x8xbf16, #tile.in<near, [k, d]>>, tensor<8x32xbf16, #tile.in<near, [d, q]>> -> tensor<16x32xf32, #tile.in<register, [k, q]>>
  tile.store %s, %o[%zero, %zero] dims ["q", "k"] bounded [] limits() : tensor<16x32xf32, #tile.in<register, [k, q]>>, memref<?x16xf32, strided<[?, 1], offset: ?>>
  return
}
}

// -----

#machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = false, atoms = [
  #tile.atom<shape = [8, 4, 1], type = f32, sum = f32, rate = 64,
    a = <register = [], lane = [_(4), m(8:1)], subgroup = []>,
    b = <register = [], lane = [n(4:1), _(8)], subgroup = []>,
    c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>
module attributes {tile.machine = #machine} {
// expected-remark@+2 {{rows play m of atom 8x4x1}}
// expected-error@+1 {{expected a schedule that needs at most 1024 bytes of near memory, got 1536}}
func.func @task(%q: memref<?x8xf32, strided<[?, 1], offset: ?>>, %k: memref<?x8xf32, strided<[?, 1], offset: ?>>, %o: memref<?x16xf32, strided<[?, 1], offset: ?>>)
    attributes {tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 4, stages = 2>} {
  %zero = arith.constant 0 : index
  %qt = tile.load %q[%zero, %zero] dims ["q", "d"] bounded [] limits() : memref<?x8xf32, strided<[?, 1], offset: ?>> -> tensor<8x32xf32, #tile.in<near, [d, q]>>
  %kt = tile.load %k[%zero, %zero] dims ["k", "d"] bounded [] limits() : memref<?x8xf32, strided<[?, 1], offset: ?>> -> tensor<16x8xf32, #tile.in<near, [k, d]>>
  %s = tile.contract %kt, %qt : tensor<16x8xf32, #tile.in<near, [k, d]>>, tensor<8x32xf32, #tile.in<near, [d, q]>> -> tensor<16x32xf32, #tile.in<register, [k, q]>>
  tile.store %s, %o[%zero, %zero] dims ["q", "k"] bounded [] limits() : tensor<16x32xf32, #tile.in<register, [k, q]>>, memref<?x16xf32, strided<[?, 1], offset: ?>>
  return
}
}
