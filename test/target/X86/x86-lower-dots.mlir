// RUN: fovea-opt %s --fovea-x86-lower-dots --split-input-file --verify-diagnostics | FileCheck %s
// RUN: fovea-opt %s --fovea-x86-lower-dots=pairs --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=PAIRS

// PAIRS-LABEL: @round
// PAIRS: %[[L:.*]] = vector.extract_strided_slice %arg0 {offsets = [0]
// PAIRS: llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(%{{.*}}, %[[L]])
// CHECK-LABEL: @round
// CHECK: arith.truncf
func.func @round(%x: vector<32xf32>) -> vector<32xbf16> {
  %y = arith.truncf %x : vector<32xf32> to vector<32xbf16>
  return %y : vector<32xbf16>
}

// -----

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
