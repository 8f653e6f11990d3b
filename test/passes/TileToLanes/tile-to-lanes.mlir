// One lane's code: asynchronous copies into slots on a machine that has them,
// copies through registers on one that has not.
// RUN: fovea-opt %s --split-input-file --fovea-attn-to-cascade -canonicalize -cse --fovea-derive-fold -canonicalize -cse \
// RUN:   --fovea-cascade-to-tile -canonicalize -cse --fovea-host-loops-to-tasks --fovea-outline-tasks 2>/dev/null \
// RUN:   | fovea-opt --split-input-file --pass-pipeline='builtin.module(func.func(fovea-assign-layouts,fovea-tile-to-lanes),canonicalize,cse)' -o %t 2> %t.remarks
// RUN: FileCheck %s < %t

// CHECK-LABEL: func.func private @attention_tasks_0
// CHECK-SAME: tile.bank_conflicts = 0
// CHECK-SAME: tile.near_bytes = 40960
// The queries, then the first block of keys and values.
// CHECK: tile.copy %{{.*}} count 8 if
// CHECK: tile.copy_commit
// CHECK: tile.copy_wait 0
// CHECK: gpu.barrier
// CHECK: tile.copy_commit
// CHECK: scf.for
// A step waits for its block, meets the others, starts the next block.
// CHECK: tile.copy_wait 0
// CHECK-NEXT: gpu.barrier
// CHECK: tile.copy_commit
// CHECK: tile.read_matrix %{{.*}} count 4 : memref<4096xbf16, 3> -> vector<8xbf16>
// CHECK: tile.matrix %{{.*}} shape [16, 8, 16] : vector<8xbf16>, vector<4xbf16>, vector<4xf32>
// Row maxima: eight pairs of registers, then the four lanes of a row.
// CHECK: gpu.shuffle xor
// CHECK: math.exp %{{.*}} : vector<32xf32>
// Values are read transposed, weights come from registers.
// CHECK: arith.truncf %{{.*}} : vector<8xf32> to vector<8xbf16>
// CHECK: tile.read_matrix %{{.*}} count 4 transposed
// CHECK: } else {
// The partial step masks.
// CHECK: arith.select %{{.*}} : vector<32xi1>, vector<32xf32>
// CHECK: tile.copy_wait 0
// CHECK: vector.store %{{.*}} {alignment = 4 : i64} : memref<?xbf16, 1>, vector<2xbf16>
#machine = #tile.machine<lanes = 32, near = 166912, banks = 32, copy = 16, matrix_load = true, atoms = [
  #tile.atom<shape = [16, 8, 16], type = bf16, sum = f32, rate = 1024,
    a = <register = [k(2:1), m(2:8), k(2:8)], lane = [k(4:2), m(8:1)], subgroup = []>,
    b = <register = [k(2:1), k(2:8)], lane = [k(4:2), n(8:1)], subgroup = []>,
    c = <register = [n(2:1), m(2:8)], lane = [n(4:2), m(8:1)], subgroup = []>>,
  #tile.atom<shape = [8, 4, 1], type = f32, sum = f32, rate = 64,
    a = <register = [], lane = [_(4), m(8:1)], subgroup = []>,
    b = <register = [], lane = [n(4:1), _(8)], subgroup = []>,
    c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>
module attributes {tile.machine = #machine} {
func.func @attention(%arg0: tensor<?x?x?x64xbf16>, %arg1: !attn.kv<dense, key = 64, value = 64, bf16>) -> tensor<?x?x?x64xbf16> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 64, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 4, stages = 2>} {
  %output = attn.attend %arg0, %arg1 pattern<causal> : (tensor<?x?x?x64xbf16>, !attn.kv<dense, key = 64, value = 64, bf16>) -> tensor<?x?x?x64xbf16>
  return %output : tensor<?x?x?x64xbf16>
}
}

// -----

// CHECK-LABEL: func.func private @attention_tasks_0
// CHECK: scf.for
// The block read before is written, the next one is read while this one is used.
// CHECK: gpu.barrier
// CHECK: vector.store %{{.*}} : memref<4096xbf16, 3>, vector<4xbf16>
// Values are read along the keys: four keys of each column are woven together.
// CHECK: [[A:%.*]]:4 = vector.to_elements
// CHECK-NEXT: [[B:%.*]]:4 = vector.to_elements
// CHECK-NEXT: [[C:%.*]]:4 = vector.to_elements
// CHECK-NEXT: [[D:%.*]]:4 = vector.to_elements
// CHECK-NEXT: [[LEFT:%.*]] = vector.from_elements [[A]]#0, [[B]]#0, [[C]]#0, [[D]]#0, [[A]]#1, [[B]]#1, [[C]]#1, [[D]]#1
// CHECK-NEXT: vector.from_elements [[A]]#2, [[B]]#2, [[C]]#2, [[D]]#2, [[A]]#3, [[B]]#3, [[C]]#3, [[D]]#3
// CHECK: vector.store [[LEFT]], %{{.*}} {alignment = 16 : i64} : memref<4096xbf16, 3>, vector<8xbf16>
// CHECK: gpu.barrier
// CHECK: vector.load %{{.*}} : memref<?xbf16, 1>, vector<8xbf16>
// CHECK: vector.load %{{.*}} : memref<4096xbf16, 3>, vector<4xbf16>
// CHECK: tile.matrix %{{.*}} shape [16, 16, 16] : vector<4xbf16>, vector<4xbf16>, vector<4xf32>
// Nothing of them is read element by element.
// CHECK-NOT: memref<4096xbf16, 3>, vector<1xbf16>
#machine = #tile.machine<lanes = 64, near = 65536, banks = 32, copy = 0, matrix_load = false, atoms = [
  #tile.atom<shape = [32, 32, 8], type = bf16, sum = f32, rate = 512,
    a = <register = [k(4:1)], lane = [m(32:1), k(2:4)], subgroup = []>,
    b = <register = [k(4:1)], lane = [n(32:1), k(2:4)], subgroup = []>,
    c = <register = [m(4:1), m(4:8)], lane = [n(32:1), m(2:4)], subgroup = []>>,
  #tile.atom<shape = [16, 16, 16], type = bf16, sum = f32, rate = 500,
    a = <register = [k(4:1)], lane = [m(16:1), k(4:4)], subgroup = []>,
    b = <register = [k(4:1)], lane = [n(16:1), k(4:4)], subgroup = []>,
    c = <register = [m(4:1)], lane = [n(16:1), m(4:4)], subgroup = []>>,
  #tile.atom<shape = [16, 16, 4], type = f32, sum = f32, rate = 64,
    a = <register = [], lane = [m(16:1), k(4:1)], subgroup = []>,
    b = <register = [], lane = [n(16:1), k(4:1)], subgroup = []>,
    c = <register = [m(4:1)], lane = [n(16:1), m(4:4)], subgroup = []>>]>
module attributes {tile.machine = #machine} {
func.func @attention(%arg0: tensor<?x?x?x64xbf16>, %arg1: !attn.kv<dense, key = 64, value = 64, bf16>) -> tensor<?x?x?x64xbf16> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 64, block = 16, lanes = 64, pairs = false, splits = 1, subgroups = 4, stages = 2>} {
  %output = attn.attend %arg0, %arg1 pattern<causal> : (tensor<?x?x?x64xbf16>, !attn.kv<dense, key = 64, value = 64, bf16>) -> tensor<?x?x?x64xbf16>
  return %output : tensor<?x?x?x64xbf16>
}
}

// -----

// Half of a result's rows are in either half of the lanes, and operands want all
// of them in both: weights are rounded first, and two of them move at a time.
// CHECK-LABEL: func.func private @attention_tasks_0
// CHECK: math.exp %{{.*}} : vector<8xf32>
// CHECK: arith.truncf %{{.*}} : vector<8xf32> to vector<8xbf16>
// CHECK: [[WORD:%.*]] = vector.bitcast %{{.*}} : vector<2xbf16> to vector<1xi32>
// CHECK-COUNT-8: gpu.shuffle idx %{{.*}} : i32
// CHECK-NOT: gpu.shuffle idx
// CHECK: vector.from_elements %{{.*}} : vector<16xbf16>
// CHECK: tile.matrix %{{.*}} shape [16, 16, 16] : vector<16xbf16>, vector<16xbf16>, vector<8xf32>
#machine = #tile.machine<lanes = 32, near = 65536, banks = 32, copy = 0, matrix_load = false, atoms = [
  #tile.atom<shape = [16, 16, 16], type = bf16, sum = f32, rate = 256,
    a = <register = [k(16:1)], lane = [m(16:1), _(2)], subgroup = []>,
    b = <register = [k(16:1)], lane = [n(16:1), _(2)], subgroup = []>,
    c = <register = [m(8:2)], lane = [n(16:1), m(2:1)], subgroup = []>>,
  #tile.atom<shape = [8, 4, 1], type = f32, sum = f32, rate = 128,
    a = <register = [], lane = [_(4), m(8:1)], subgroup = []>,
    b = <register = [], lane = [n(4:1), _(8)], subgroup = []>,
    c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>
module attributes {tile.machine = #machine} {
func.func @attention(%arg0: tensor<?x?x?x64xbf16>, %arg1: !attn.kv<dense, key = 64, value = 64, bf16>) -> tensor<?x?x?x64xbf16> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 4, stages = 2>} {
  %output = attn.attend %arg0, %arg1 pattern<all> : (tensor<?x?x?x64xbf16>, !attn.kv<dense, key = 64, value = 64, bf16>) -> tensor<?x?x?x64xbf16>
  return %output : tensor<?x?x?x64xbf16>
}
}

// -----

// Keys and values of bytes: read in runs, converted, and written where copies
// of the decoded ones would be; the queries are still copied.
// CHECK-LABEL: func.func private @attention_tasks_0
// CHECK-SAME: tile.bank_conflicts = 0
// CHECK: tile.copy %{{.*}} : memref<?xbf16, 1> to memref<4096xbf16, 3>
// CHECK: vector.load %{{.*}} {alignment = 8 : i64} : memref<?xi8, 1>, vector<8xi8>
// CHECK: arith.sitofp %{{.*}} : vector<8xi8> to vector<8xbf16>
// CHECK: vector.store %{{.*}} {alignment = 16 : i64} : memref<8192xbf16, 3>, vector<8xbf16>
// CHECK-NOT: tile.copy %
// Scales multiply scores and weights in registers.
// CHECK: tile.matrix
// CHECK: memref.load %{{.*}} : memref<?xf32, 1>
#machine = #tile.machine<lanes = 32, near = 166912, banks = 32, copy = 16, matrix_load = true, atoms = [
  #tile.atom<shape = [16, 8, 16], type = bf16, sum = f32, rate = 1024,
    a = <register = [k(2:1), m(2:8), k(2:8)], lane = [k(4:2), m(8:1)], subgroup = []>,
    b = <register = [k(2:1), k(2:8)], lane = [k(4:2), n(8:1)], subgroup = []>,
    c = <register = [n(2:1), m(2:8)], lane = [n(4:2), m(8:1)], subgroup = []>>]>
!i8 = !attn.kv<dense, key = 64, value = 64, bf16, stored = i8, scale = token>
module attributes {tile.machine = #machine} {
func.func @attention(%arg0: tensor<?x?x?x64xbf16>, %arg1: !i8) -> tensor<?x?x?x64xbf16> attributes {tile.schedule = #tile.schedule<rows = 64, keys = 64, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 4, stages = 2>} {
  %output = attn.attend %arg0, %arg1 : (tensor<?x?x?x64xbf16>, !i8) -> tensor<?x?x?x64xbf16>
  return %output : tensor<?x?x?x64xbf16>
}
}
