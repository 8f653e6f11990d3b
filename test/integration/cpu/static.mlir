// Extents that the program fixes: batch and heads here, and a single query,
// whose loop over tasks runs once.
// RUN: fovea-run %s --entry heads --check --random 1x8x50x64,1x2x77x64,1x2x77x64 | FileCheck %s
// RUN: fovea-run %s --entry one --check --random 1x1x1x64,1x1x77x64,1x1x77x64 | FileCheck %s
// RUN: not fovea-run %s --entry heads --random 1x7x50x64,1x1x77x64,1x1x77x64 2>&1 | FileCheck %s --check-prefix=SEVEN
// CHECK: check out0: good
// SEVEN: expected shape [1, 8, ?, 64] for 'q', got [1, 7, 50, 64]

func.func @heads(%q: tensor<1x8x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<1x8x?x64xf32> {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<1x8x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<1x8x?x64xf32>
  return %o : tensor<1x8x?x64xf32>
}

func.func @one(%q: tensor<1x1x1x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<1x1x1x64xf32> {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<1x1x1x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<1x1x1x64xf32>
  return %o : tensor<1x1x1x64xf32>
}
