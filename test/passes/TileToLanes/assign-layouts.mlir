// Which lane holds what: rows play m on a machine whose accumulator, two atoms
// side by side, is the first operand of the next product, and n on one whose
// accumulator columns are those of the second operand.
// RUN: fovea-opt %s --split-input-file --fovea-attn-to-cascade -canonicalize -cse --fovea-derive-fold -canonicalize -cse \
// RUN:   --fovea-cascade-to-tile -canonicalize -cse --fovea-host-loops-to-tasks --fovea-outline-tasks 2>/dev/null \
// RUN:   | fovea-opt --split-input-file --pass-pipeline='builtin.module(func.func(fovea-assign-layouts))' -o %t 2> %t.remarks
// RUN: FileCheck %s < %t
// RUN: FileCheck %s --check-prefix=REMARK < %t.remarks

// REMARK: rows play m of atom 16x8x16 'bf16': 0 shuffles between products
// REMARK: rows play n of atom 16x16x16 'bf16': 0 shuffles between products

// The result of the first product, and its slices.
// CHECK-LABEL: func.func private @attention_tasks_0
// CHECK: tile.coordinate {{.*}} : tensor<64xi32, #tile.in<register, [k], <register = [k(2:1), k(8:8)], lane = [k(4:2), _(8)], subgroup = [_(4)]>>>
// CHECK: tile.contract {{.*}}tile.m = "q"{{.*}} -> tensor<64x64xf32, #tile.in<register, [k, q], <register = [k(2:1), q(2:8), k(8:8)], lane = [k(4:2), q(8:1)], subgroup = [q(4:16)]>>>
// CHECK: tile.reduce max {{.*}} -> tensor<64xf32, #tile.in<register, [q], <register = [q(2:8)], lane = [_(4), q(8:1)], subgroup = [q(4:16)]>>>
// CHECK-NOT: tile.convert
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
// CHECK: tile.contract {{.*}}tile.m = "k"{{.*}} -> tensor<64x64xf32, #tile.in<register, [k, q], <register = [k(4:1), k(4:16)], lane = [q(16:1), k(4:4)], subgroup = [q(4:16)]>>>
// CHECK-NOT: tile.convert
// CHECK: tile.contract {{.*}}tile.m = "e"
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
