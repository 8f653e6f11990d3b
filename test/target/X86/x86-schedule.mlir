// RUN: fovea-opt %s --fovea-x86-schedule=chip=x86-64-v3 | FileCheck %s --check-prefix=V3
// RUN: fovea-opt %s --fovea-x86-schedule=chip=x86-64-v4 | FileCheck %s --check-prefix=V4
// RUN: fovea-opt %s --fovea-x86-schedule=chip=znver4 | FileCheck %s --check-prefix=PAIRS
// RUN: fovea-opt %s --fovea-x86-schedule=chip=sapphirerapids | FileCheck %s --check-prefix=BLOCKS
// RUN: not fovea-opt %s --fovea-x86-schedule=chip=i386 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: expected a chip among host, x86-64-v3, x86-64-v4, {{.*}}znver5; got 'i386'

// V3: @single(%arg0: tensor<?x8xf32>)
// V3-SAME: tile.few_rows = [#tile.schedule<rows = 4, keys = 64, block = 2, lanes = 8, pairs = false, splits = 16, pack = true, narrow = true, ahead = 32>]
// V3-SAME: tile.schedule = #tile.schedule<rows = 64, keys = 128, block = 4, lanes = 8, pairs = false, splits = 16, pack = true>
// V4: @single(%arg0: tensor<?x8xf32>)
// V4-SAME: tile.few_rows = [#tile.schedule<rows = 4, keys = 128, block = 2, lanes = 16, pairs = false, splits = 16, pack = true, narrow = true, ahead = 64>, #tile.schedule<rows = 8, keys = 128, block = 2, lanes = 16, pairs = false, splits = 16, pack = true, narrow = true, ahead = 64>, #tile.schedule<rows = 16, keys = 512, block = 8, lanes = 16, pairs = false, splits = 16, pack = true>]
// V4-SAME: tile.schedule = #tile.schedule<rows = 128, keys = 256, block = 8, lanes = 16, pairs = false, splits = 16, pack = true>
// PAIRS: @single(%arg0: tensor<?x8xf32>)
// PAIRS-SAME: pairs = false
func.func @single(%x: tensor<?x8xf32>) -> tensor<8xf32> {
  %r = cascade.fold parallel [c] stream k ins(%x[k, c]) -> [c] identity [0.0 : f32]
    init () {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    } step (%s: f32, %t: tensor<?xf32>) {
      %a = cascade.einsum %t[k] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>) -> f32
      %n = arith.addf %s, %a : f32
      cascade.yield %n : f32
    } merge (%s: f32, %t: f32) {
      %n = arith.addf %s, %t : f32
      cascade.yield %n : f32
    } finish (%s: f32) {
      cascade.yield %s : f32
    } : (tensor<?x8xf32>) -> tensor<8xf32>
  return %r : tensor<8xf32>
}

// Pairs need both the instruction and operands of bf16.
// V4: @half(%arg0: tensor<?x8xbf16>)
// V4-SAME: pairs = false
// PAIRS: @half(%arg0: tensor<?x8xbf16>)
// PAIRS-SAME: tile.few_rows = [#tile.schedule<{{.*}}pairs = true{{.*}}narrow = true
// PAIRS-SAME: tile.schedule = #tile.schedule<rows = 128, keys = 256, block = 8, lanes = 16, pairs = true, splits = 16, pack = true>
// A chip with AMX multiplies pairs in vectors at half the rate of floats: blocks
// or nothing.
// BLOCKS: @half(%arg0: tensor<?x8xbf16>)
// BLOCKS-NOT: pairs = true
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

// Rows whose width is whole tiles: floats for up to 4 rows, what is to come asked
// for; then blocks.
// BLOCKS: @rows(
// BLOCKS-SAME: tile.few_rows = [#tile.schedule<rows = 4, keys = 32, block = 2, lanes = 16, pairs = false, splits = 16, pack = true, narrow = true, distance = 48>, #tile.schedule<rows = 8, keys = 256, {{[^>]*}}narrow = true, blocks = true, distance = 12>, #tile.schedule<rows = 16, keys = 256, block = 2, lanes = 16, pairs = true, splits = 16, pack = true, narrow = true, blocks = true, distance = 12>, #tile.schedule<rows = 32, keys = 256, block = 4, lanes = 16, pairs = true, splits = 16, pack = true, blocks = true>]
// BLOCKS-SAME: tile.schedule = #tile.schedule<rows = 512, keys = 512, block = 4, lanes = 16, pairs = true, splits = 16, pack = true, blocks = true>
// PAIRS: @rows(
// PAIRS-NOT: blocks = true
func.func @rows(%x: tensor<?x64xbf16>) -> tensor<64xf32> {
  %r = cascade.fold parallel [] stream k ins(%x[k, c]) -> [c] identity [0.0 : f32]
    init () {
      %zero = arith.constant dense<0.0> : tensor<64xf32>
      cascade.yield %zero : tensor<64xf32>
    } step (%s: tensor<64xf32>, %t: tensor<?x64xbf16>) {
      %a = cascade.einsum %t[k, c] -> [c] reduce sum {
      ^bb0(%e: bf16):
        %w = arith.extf %e : bf16 to f32
        cascade.yield %w : f32
      } : (tensor<?x64xbf16>) -> tensor<64xf32>
      %n = arith.addf %s, %a : tensor<64xf32>
      cascade.yield %n : tensor<64xf32>
    } merge (%s: tensor<64xf32>, %t: tensor<64xf32>) {
      %n = arith.addf %s, %t : tensor<64xf32>
      cascade.yield %n : tensor<64xf32>
    } finish (%s: tensor<64xf32>) {
      cascade.yield %s : tensor<64xf32>
    } : (tensor<?x64xbf16>) -> tensor<64xf32>
  return %r : tensor<64xf32>
}

// Rows of 512 bytes on a chip with 2 MiB of second-level cache to a core.
// V4: @wide(
// V4-SAME: tile.schedule = #tile.schedule<rows = 128,
// BLOCKS: @wide(
// BLOCKS-SAME: tile.schedule = #tile.schedule<rows = 256, keys = 256, block = 8, lanes = 16, pairs = false,
func.func @wide(%x: tensor<?x128xf32>) -> tensor<128xf32> {
  %r = cascade.fold parallel [] stream k ins(%x[k, c]) -> [c] identity [0.0 : f32]
    init () {
      %zero = arith.constant dense<0.0> : tensor<128xf32>
      cascade.yield %zero : tensor<128xf32>
    } step (%s: tensor<128xf32>, %t: tensor<?x128xf32>) {
      %a = cascade.einsum %t[k, c] -> [c] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?x128xf32>) -> tensor<128xf32>
      %n = arith.addf %s, %a : tensor<128xf32>
      cascade.yield %n : tensor<128xf32>
    } merge (%s: tensor<128xf32>, %t: tensor<128xf32>) {
      %n = arith.addf %s, %t : tensor<128xf32>
      cascade.yield %n : tensor<128xf32>
    } finish (%s: tensor<128xf32>) {
      cascade.yield %s : tensor<128xf32>
    } : (tensor<?x128xf32>) -> tensor<128xf32>
  return %r : tensor<128xf32>
}

// A schedule that is there stays, alone; private functions get none.
// V4: @given() attributes {tile.schedule = #tile.schedule<rows = 16, keys = 64, block = 4
func.func @given() attributes {tile.schedule = #tile.schedule<rows = 16, keys = 64, block = 4, lanes = 16, pairs = false, splits = 1>} {
  return
}
// V4: func.func private @task() {
func.func private @task() {
  return
}
