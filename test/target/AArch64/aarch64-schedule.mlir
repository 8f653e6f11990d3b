// RUN: fovea-opt %s --fovea-aarch64-schedule=chip=neoverse-n1 | FileCheck %s --check-prefixes=CHECK,PLAIN
// RUN: fovea-opt %s --fovea-aarch64-schedule=chip=neoverse-v2 | FileCheck %s --check-prefixes=CHECK,PAIRS
// RUN: not fovea-opt %s --fovea-aarch64-schedule=chip=arm7 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: expected a chip among host, armv8-a, armv8.2-a, {{.*}}neoverse-v2; got 'arm7'

// Pairs need both the instruction and operands of bf16.
// CHECK: @half(%arg0: tensor<?x8xbf16>)
// PLAIN-SAME: tile.few_rows = [#tile.schedule<rows = 4, keys = 32, block = 4, lanes = 4, pairs = false, splits = 16, pack = true, narrow = true>]
// PLAIN-SAME: tile.schedule = #tile.schedule<rows = 32, keys = 128, block = 8, lanes = 4, pairs = false, splits = 16, pack = true>
// PAIRS-SAME: pairs = true{{.*}}narrow = true
// PAIRS-SAME: tile.schedule = #tile.schedule<rows = 32, keys = 128, block = 8, lanes = 4, pairs = true
func.func @half(%x: tensor<?x8xbf16>) -> tensor<8xf32> {
  %r = cascade.fold parallel [c] stream k ins(%x[k, c]) -> [c] identity [0.0 : f32]
    init () {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    } step (%s: f32, %t: tensor<?xbf16>) {
      %a = cascade.einsum %t[k] -> [] reduce sum {
      ^bb0(%e: bf16):
        %w = arith.extf %e : bf16 to f32
        cascade.yield %w : f32
      } : (tensor<?xbf16>) -> f32
      %n = arith.addf %s, %a : f32
      cascade.yield %n : f32
    } merge (%s: f32, %t: f32) {
      %n = arith.addf %s, %t : f32
      cascade.yield %n : f32
    } finish (%s: f32) {
      cascade.yield %s : f32
    } : (tensor<?x8xbf16>) -> tensor<8xf32>
  return %r : tensor<8xf32>
}

// A schedule that is there stays, alone; private functions get none.
// CHECK: @given() attributes {tile.schedule = #tile.schedule<rows = 16, keys = 64, block = 4
func.func @given() attributes {tile.schedule = #tile.schedule<rows = 16, keys = 64, block = 4, lanes = 4, pairs = false, splits = 1>} {
  return
}
// CHECK: func.func private @task() {
func.func private @task() {
  return
}
