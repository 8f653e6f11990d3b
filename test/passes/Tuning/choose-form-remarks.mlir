// RUN: fovea-opt %s --fovea-attn-to-cascade -canonicalize -cse --fovea-choose-form=target=cpu:x86-64-v4 2> %t.log | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file %t.log
// RUN: fovea-opt %s --fovea-attn-to-cascade -canonicalize -cse --fovea-choose-form="target=cpu:x86-64-v4 form=decomposed" | FileCheck %s --check-prefix=ASKED
// RUN: not fovea-opt %s --fovea-choose-form=form=both 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not fovea-opt %s --fovea-choose-form=target=z80 2>&1 | FileCheck %s --check-prefix=TARGET
// A target without numbers leaves the choice to the derivation.
// RUN: fovea-opt %s --fovea-attn-to-cascade -canonicalize -cse --fovea-choose-form=target=sm_80 | FileCheck %s --check-prefix=NUMBERS

// UNKNOWN: expected form auto, fused or decomposed, got 'both'
// TARGET: expected a target among

// REMARK: choose-form-remarks.mlir:[[@LINE+6]]:1: remark: form fused; 2048 rows of 2048 keys on one core: fused {{[0-9]+\.[0-9]+}} ms estimated, decomposed {{[0-9]+\.[0-9]+}} ms; 4 rows of 32768 keys on one core: fused {{[0-9]+\.[0-9]+}} ms estimated, decomposed {{[0-9]+\.[0-9]+}} ms
// CHECK: @dense
// CHECK-SAME: cascade.form = "fused"
// ASKED: @dense
// ASKED-SAME: cascade.form = "decomposed"
// NUMBERS-NOT: cascade.form = "fused"
func.func @dense(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv pattern<causal> : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

// REMARK: choose-form-remarks.mlir:[[@LINE+3]]:1: remark: form fused: operands behind a page table are walked once
// CHECK: @paged
// CHECK-SAME: cascade.form = "fused"
func.func @paged(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<paged<16>, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv : (tensor<?x?x?x64xf32>, !attn.kv<paged<16>, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

// What a function says itself stays.
// CHECK: @given
// CHECK-SAME: cascade.form = "decomposed"
func.func @given(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32> attributes {cascade.form = "decomposed"} {
  %o = attn.attend %q, %kv : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

// One walk already: nothing to choose.
// CHECK: @sigmoid
// CHECK-NOT: cascade.form
// CHECK: return
func.func @sigmoid(%q: tensor<?x8xf32>, %k: tensor<?x8xf32>) -> tensor<?xf32> {
  %s = cascade.einsum %q[q, d], %k[k, d] -> [q] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %p = arith.mulf %a, %b : f32
    cascade.yield %p : f32
  } : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?xf32>
  return %s : tensor<?xf32>
}
