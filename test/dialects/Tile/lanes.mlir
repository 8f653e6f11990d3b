// What one lane of a task does, and the machine it runs on, survive printing.
// RUN: fovea-opt %s | fovea-opt | FileCheck %s

// CHECK: #tile.machine<lanes = 32, near = 101376, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [16, 8, 16], type = bf16, sum = f32, rate = 1024, a = <register = [k(2:1), m(2:8), k(2:8)], lane = [k(4:2), m(8:1)], subgroup = []>
#machine = #tile.machine<lanes = 32, near = 101376, banks = 32, copy = 16, matrix_load = true, atoms = [
  #tile.atom<shape = [16, 8, 16], type = bf16, sum = f32, rate = 1024,
    a = <register = [k(2:1), m(2:8), k(2:8)], lane = [k(4:2), m(8:1)], subgroup = []>,
    b = <register = [k(2:1), k(2:8)], lane = [k(4:2), n(8:1)], subgroup = []>,
    c = <register = [n(2:1), m(2:8)], lane = [n(4:2), m(8:1)], subgroup = []>>,
  #tile.atom<shape = [8, 4, 1], type = f32, sum = f32, rate = 64,
    a = <register = [], lane = [_(4), m(8:1)], subgroup = []>,
    b = <register = [], lane = [n(4:1), _(8)], subgroup = []>,
    c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>

module attributes {tile.machine = #machine} {
  // CHECK-LABEL: func.func @lane
  func.func @lane(%far: memref<?xbf16, 1>, %i: index, %inside: i1, %c: vector<4xf32>) -> vector<4xf32> {
    // CHECK: tile.near 4096 : memref<1024xbf16, 3>
    %near = tile.near 4096 : memref<1024xbf16, 3>
    // CHECK: tile.copy %{{.*}}[%{{.*}}] to %{{.*}}[%{{.*}}] count 8 if %{{.*}} : memref<?xbf16, 1> to memref<1024xbf16, 3>
    tile.copy %far[%i] to %near[%i] count 8 if %inside : memref<?xbf16, 1> to memref<1024xbf16, 3>
    // CHECK: tile.copy_commit
    tile.copy_commit
    // CHECK: tile.copy_wait 0
    tile.copy_wait 0
    // CHECK: tile.read_matrix %{{.*}}[%{{.*}}] count 4 : memref<1024xbf16, 3> -> vector<8xbf16>
    %a = tile.read_matrix %near[%i] count 4 : memref<1024xbf16, 3> -> vector<8xbf16>
    // CHECK: tile.read_matrix %{{.*}}[%{{.*}}] count 2 transposed : memref<1024xbf16, 3> -> vector<4xbf16>
    %b = tile.read_matrix %near[%i] count 2 transposed : memref<1024xbf16, 3> -> vector<4xbf16>
    // CHECK: tile.matrix %{{.*}}, %{{.*}}, %{{.*}} shape [16, 8, 16] : vector<8xbf16>, vector<4xbf16>, vector<4xf32>
    %d = tile.matrix %a, %b, %c shape [16, 8, 16] : vector<8xbf16>, vector<4xbf16>, vector<4xf32>
    return %d : vector<4xf32>
  }

  // CHECK-LABEL: func.func @convert
  func.func @convert(%t: tensor<8x4xf32, #tile.in<register, [k, q], <register = [], lane = [k(8:1), q(4:1)], subgroup = []>>>) {
    // CHECK: tile.convert %{{.*}} : {{.*}} -> tensor<8x4xf32, #tile.in<register, [k, q], <register = [], lane = [q(4:1), k(8:1)], subgroup = []>>>
    %u = tile.convert %t : tensor<8x4xf32, #tile.in<register, [k, q], <register = [], lane = [k(8:1), q(4:1)], subgroup = []>>>
      -> tensor<8x4xf32, #tile.in<register, [k, q], <register = [], lane = [q(4:1), k(8:1)], subgroup = []>>>
    return
  }
}
