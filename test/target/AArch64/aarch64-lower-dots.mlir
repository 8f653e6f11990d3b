// RUN: fovea-opt %s --fovea-aarch64-lower-dots --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @dot
// CHECK: llvm.call_intrinsic "llvm.aarch64.neon.bfdot"(%arg0, %arg1, %arg2) : (vector<4xf32>, vector<8xbf16>, vector<8xbf16>) -> vector<4xf32>
func.func @dot(%c: vector<4xf32>, %a: vector<8xbf16>, %b: vector<8xbf16>) -> vector<4xf32> {
  %d = tile.dot_pairs %c, %a, %b : vector<4xf32>, vector<8xbf16>, vector<8xbf16> -> vector<4xf32>
  return %d : vector<4xf32>
}

// -----

func.func @length(%c: vector<8xf32>, %a: vector<16xbf16>, %b: vector<16xbf16>) -> vector<8xf32> {
  // expected-error @below {{expected 4 sums in f32 of 8 bf16, got 'vector<8xf32>' and 'vector<16xbf16>'}}
  %d = tile.dot_pairs %c, %a, %b : vector<8xf32>, vector<16xbf16>, vector<16xbf16> -> vector<8xf32>
  return %d : vector<8xf32>
}
