// RUN: fovea-opt %s --fovea-amdgpu-schedule=chip=gfx942 | FileCheck %s
// RUN: fovea-opt %s --fovea-amdgpu-schedule=chip=gfx950 | FileCheck %s --check-prefix=LARGE
// RUN: fovea-opt %s --fovea-amdgpu-schedule=chip=gfx1100 | FileCheck %s --check-prefix=NARROW
// RUN: fovea-opt %s --fovea-amdgpu-schedule=chip=gfx1201 | FileCheck %s --check-prefix=HALVES
// RUN: not fovea-opt %s --fovea-amdgpu-schedule=chip=gfx900 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: expected a chip among gfx942, gfx950, gfx1100, gfx1201; got 'gfx900'

// CHECK: module attributes {tile.machine = #tile.machine<lanes = 64, near = 65536, banks = 32, copy = 0, matrix_load = false, atoms = [
// CHECK-SAME: <shape = [32, 32, 8], type = bf16
// CHECK-SAME: <shape = [16, 16, 4], type = f32
// LARGE: lanes = 64, near = 163840, banks = 64
// LARGE-SAME: <shape = [32, 32, 16], type = bf16, sum = f32, rate = 2048
// NARROW: lanes = 32, near = 65536
// NARROW-SAME: lane = [m(16:1), _(2)]
// HALVES: lanes = 32, near = 65536
// HALVES-SAME: a = <register = [k(8:1)], lane = [m(16:1), k(2:8)], subgroup = []>

// A step of 32 keys of 128 f32 suits the registers of chips with a matrix atom
// for them, of 16 the others; a step of 16 keys of 1024 f32 fits in near memory
// of 64 KB only once.
// CHECK: @full
// CHECK-SAME: keys = 32, {{.*}}lanes = 64, {{.*}}subgroups = 4, stages = 2
// NARROW: @full
// NARROW-SAME: keys = 16, {{.*}}lanes = 32, {{.*}}subgroups = 4, stages = 2
func.func @full(%x: tensor<?x128xf32>) -> tensor<f32> {
  %r = cascade.fold parallel [] stream k ins(%x[k, d]) -> [] identity [0.0 : f32]
    init () {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    } step (%s: f32, %t: tensor<?x128xf32>) {
      cascade.yield %s : f32
    } merge (%s: f32, %t: f32) {
      cascade.yield %s : f32
    } finish (%s: f32) {
      cascade.yield %s : f32
    } : (tensor<?x128xf32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK: @wide
// CHECK-SAME: rows = 64, keys = 16, {{.*}}stages = 2
// NARROW: @wide
// NARROW-SAME: rows = 32, keys = 16, {{.*}}subgroups = 4, stages = 2
func.func @wide(%x: tensor<?x1024xf32>) -> tensor<f32> {
  %r = cascade.fold parallel [] stream k ins(%x[k, d]) -> [] identity [0.0 : f32]
    init () {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    } step (%s: f32, %t: tensor<?x1024xf32>) {
      cascade.yield %s : f32
    } merge (%s: f32, %t: f32) {
      cascade.yield %s : f32
    } finish (%s: f32) {
      cascade.yield %s : f32
    } : (tensor<?x1024xf32>) -> tensor<f32>
  return %r : tensor<f32>
}
