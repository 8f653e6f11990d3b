// RUN: fovea-opt %s --fovea-nvptx-schedule=chip=sm_80 | FileCheck %s
// RUN: fovea-opt %s --fovea-nvptx-schedule=chip=sm_86 | FileCheck %s --check-prefix=SMALL
// RUN: fovea-opt %s --fovea-nvptx-schedule=chip=sm_89 | FileCheck %s --check-prefix=SMALL
// RUN: fovea-opt %s --fovea-nvptx-schedule=chip=sm_90 | FileCheck %s --check-prefix=LARGE
// RUN: not fovea-opt %s --fovea-nvptx-schedule=chip=sm_20 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: expected a chip among sm_80, sm_86, sm_89, sm_90; got 'sm_20'

// CHECK: module attributes {tile.machine = #tile.machine<lanes = 32, near = 166912, banks = 32, copy = 16, matrix_load = true, atoms = [
// CHECK-SAME: <shape = [16, 8, 16], type = bf16, sum = f32, rate = 1024,
// CHECK-SAME: a = <register = [k(2:1), m(2:8), k(2:8)], lane = [k(4:2), m(8:1)], subgroup = []>
// CHECK-SAME: <shape = [8, 4, 1], type = f32
// SMALL: near = 101376
// LARGE: near = 232448

// Rows of 64 elements fit with steps of 64 keys on any chip.
// CHECK: @narrow
// CHECK-SAME: #tile.schedule<rows = 64, keys = 64, block = 16, lanes = 32, pairs = false, splits = 64, subgroups = 4, stages = 2, pack = true>
// SMALL: @narrow
// SMALL-SAME: keys = 64
func.func @narrow(%x: tensor<?x64xbf16>) -> tensor<f32> {
  %r = cascade.fold parallel [] stream k ins(%x[k, d]) -> [] identity [0.0 : f32]
    init () {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    } step (%s: f32, %t: tensor<?x64xbf16>) {
      cascade.yield %s : f32
    } merge (%s: f32, %t: f32) {
      cascade.yield %s : f32
    } finish (%s: f32) {
      cascade.yield %s : f32
    } : (tensor<?x64xbf16>) -> tensor<f32>
  return %r : tensor<f32>
}

// A step holds at most 2048 elements of f32, but 16 keys.
// CHECK: @wide
// CHECK-SAME: rows = 32, keys = 16, {{.*}}stages = 2
func.func @wide(%x: tensor<?x512xf32>) -> tensor<f32> {
  %r = cascade.fold parallel [] stream k ins(%x[k, d]) -> [] identity [0.0 : f32]
    init () {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    } step (%s: f32, %t: tensor<?x512xf32>) {
      cascade.yield %s : f32
    } merge (%s: f32, %t: f32) {
      cascade.yield %s : f32
    } finish (%s: f32) {
      cascade.yield %s : f32
    } : (tensor<?x512xf32>) -> tensor<f32>
  return %r : tensor<f32>
}

// 32 rows of 512 f32 take 64 KB, and two steps of 16 keys 64 KB: less than the
// 163 KB of one chip and more than the 99 KB of others, which get fewer rows.
// CHECK: @rows
// CHECK-SAME: rows = 32, {{.*}}subgroups = 4
// SMALL: @rows
// SMALL-SAME: rows = 16, keys = 16, {{.*}}subgroups = 2, stages = 2
// LARGE: @rows
// LARGE-SAME: rows = 32, {{.*}}subgroups = 4
func.func @rows(%x: tensor<?x512xf32>, %y: tensor<?x512xf32>) -> tensor<?xf32> {
  %r = cascade.fold parallel [q] stream k ins(%y[q, d], %x[k, d]) -> [q] identity [0.0 : f32]
    init (%w: tensor<512xf32>) {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    } step (%s: f32, %w: tensor<512xf32>, %t: tensor<?x512xf32>) {
      cascade.yield %s : f32
    } merge (%s: f32, %t: f32) {
      cascade.yield %s : f32
    } finish (%s: f32, %w: tensor<512xf32>) {
      cascade.yield %s : f32
    } : (tensor<?x512xf32>, tensor<?x512xf32>) -> tensor<?xf32>
  return %r : tensor<?xf32>
}

// A schedule that is there stays; private functions get none.
// CHECK: @given
// CHECK-SAME: rows = 32, keys = 16, block = 16
func.func @given() attributes {tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
  return
}
// CHECK: func.func private @task() {
func.func private @task() {
  return
}
