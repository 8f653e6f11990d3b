// RUN: fovea-opt %s --fovea-x86-expand-math=wide=1 | FileCheck %s --check-prefixes=CHECK,WIDE
// RUN: fovea-opt %s --fovea-x86-expand-math | FileCheck %s --check-prefixes=CHECK,BITS

// Results below the least normal number are flushed while the function runs.
// WIDE-LABEL: @exp2
// WIDE: %[[FLUSH:.*]] = llvm.mlir.constant(32768 : i32)
// WIDE: llvm.call_intrinsic "llvm.x86.sse.stmxcsr"(%[[OLD:.*]]) :
// WIDE: llvm.or %{{.*}}, %[[FLUSH]]
// WIDE: llvm.call_intrinsic "llvm.x86.sse.ldmxcsr"(%{{.*}})
// WIDE: %[[F:.*]] = llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"(%arg0,
// WIDE-COUNT-5: math.fma
// WIDE: llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%{{.*}}, %arg0,
// WIDE: llvm.call_intrinsic "llvm.x86.sse.ldmxcsr"(%[[OLD]])
// WIDE-NEXT: return
// BITS-LABEL: @exp2
// BITS-NOT: mxcsr
// BITS: arith.cmpf olt
// BITS: arith.cmpf ogt
// BITS: %[[N:.*]] = math.floor
// BITS-COUNT-5: math.fma
// BITS: arith.shli
// BITS: arith.mulf
func.func @exp2(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.exp2 %x : vector<16xf32>
  return %y : vector<16xf32>
}

// Registers of 8 elements have no such instructions.
// CHECK-LABEL: @narrow
// CHECK-NOT: call_intrinsic
// CHECK: math.floor
func.func @narrow(%x: vector<8xf32>) -> vector<8xf32> {
  %y = math.exp2 %x : vector<8xf32>
  return %y : vector<8xf32>
}

// exp multiplies by log2(e) in two parts.
// CHECK-LABEL: @exp
// CHECK: arith.constant dense<1.44269502> : vector<16xf32>
// CHECK: arith.mulf
// CHECK: arith.negf
// CHECK: math.fma
// CHECK: arith.constant dense<1.92{{.*}}E-8> : vector<16xf32>
// CHECK: math.fma
func.func @exp(%x: vector<16xf32>) -> vector<16xf32> {
  %y = math.exp %x : vector<16xf32>
  return %y : vector<16xf32>
}

// Uses that round the result are content with less.
// WIDE-LABEL: @rounded
// WIDE: llvm.x86.avx512.mask.reduce.ps.512
// WIDE-COUNT-3: math.fma
// WIDE-NOT: math.fma
// WIDE: llvm.x86.avx512.mask.reduce.ps.512
// WIDE-COUNT-4: math.fma
// WIDE-NOT: math.fma
// WIDE: llvm.x86.avx512.mask.reduce.ps.512
// WIDE-COUNT-5: math.fma
// WIDE-NOT: math.fma
func.func @rounded(%x: vector<16xf32>) -> (vector<16xf32>, vector<16xf32>, vector<16xf32>) {
  %y = math.exp2 %x {tile.error = 1.0e-4 : f32} : vector<16xf32>
  %z = math.exp2 %x {tile.error = 8.0e-5 : f32} : vector<16xf32>
  %w = math.exp2 %x {tile.error = 1.0e-9 : f32} : vector<16xf32>
  return %y, %z, %w : vector<16xf32>, vector<16xf32>, vector<16xf32>
}

// Others become MLIR's polynomials; 16-bit floats are widened first.
// CHECK-LABEL: @others
// CHECK-NOT: math.tanh
// CHECK-NOT: math.log
// CHECK-NOT: math.exp2 {{.*}} bf16
// CHECK: return
func.func @others(%x: vector<8xf32>, %y: vector<8xbf16>) -> (vector<8xf32>, vector<8xf32>, vector<8xbf16>) {
  %a = math.tanh %x : vector<8xf32>
  %b = math.log %x : vector<8xf32>
  %c = math.exp2 %y : vector<8xbf16>
  return %a, %b, %c : vector<8xf32>, vector<8xf32>, vector<8xbf16>
}
