// RUN: fovea-opt %s --fovea-x86-lower-dots --split-input-file --verify-diagnostics | FileCheck %s

// CHECK-LABEL: @dot
// CHECK: x86vector.avx512.dot %arg0, %arg1, %arg2 : vector<32xbf16> -> vector<16xf32>
func.func @dot(%c: vector<16xf32>, %a: vector<32xbf16>, %b: vector<32xbf16>) -> vector<16xf32> {
  %d = tile.dot_pairs %c, %a, %b : vector<16xf32>, vector<32xbf16>, vector<32xbf16> -> vector<16xf32>
  return %d : vector<16xf32>
}

// -----

func.func @length(%c: vector<32xf32>, %a: vector<64xbf16>, %b: vector<64xbf16>) -> vector<32xf32> {
  // expected-error @below {{expected 4, 8 or 16 sums in f32 of twice as many bf16, got 'vector<32xf32>' and 'vector<64xbf16>'}}
  %d = tile.dot_pairs %c, %a, %b : vector<32xf32>, vector<64xbf16>, vector<64xbf16> -> vector<32xf32>
  return %d : vector<32xf32>
}
