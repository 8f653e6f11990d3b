// RUN: fovea-opt %s --fovea-x86-lower-dots --split-input-file --verify-diagnostics | FileCheck %s
// RUN: fovea-opt %s --fovea-x86-lower-dots=pairs --split-input-file --verify-diagnostics | FileCheck %s --check-prefix=PAIRS

// PAIRS-LABEL: @round
// PAIRS: llvm.call_intrinsic "llvm.x86.avx512bf16.cvtneps2bf16.512"(%arg0)
// CHECK-LABEL: @round
// CHECK: arith.truncf
func.func @round(%x: vector<16xf32>) -> vector<16xbf16> {
  %y = arith.truncf %x : vector<16xf32> to vector<16xbf16>
  return %y : vector<16xbf16>
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

// -----

// CHECK-LABEL: @permute
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.permvar.sf.512"(%arg0, %arg1)
// CHECK: llvm.call_intrinsic "llvm.x86.avx512.permvar.hi.512"(%arg2, %arg3)
func.func @permute(%t: vector<16xf32>, %i: vector<16xi32>, %s: vector<32xi16>, %j: vector<32xi16>)
    -> (vector<16xf32>, vector<32xi16>) {
  %a = tile.permute %t, %i : vector<16xf32>, vector<16xi32>
  %b = tile.permute %s, %j : vector<32xi16>, vector<32xi16>
  return %a, %b : vector<16xf32>, vector<32xi16>
}

// -----

func.func @permute_size(%t: vector<8xf32>, %i: vector<8xi32>) -> vector<8xf32> {
  // expected-error @below {{expected 16 floats or 32 integers of 16 bits, got 'vector<8xf32>'}}
  %a = tile.permute %t, %i : vector<8xf32>, vector<8xi32>
  return %a : vector<8xf32>
}
