// RUN: fovea-opt %s --fovea-convert-cpu --reconcile-unrealized-casts --split-input-file | FileCheck %s

// Every dialect in one conversion: no cast is left.
// CHECK-LABEL: llvm.func @load
// CHECK-SAME: %[[I:arg5]]: i64) -> vector<16xf32>
func.func @load(%x: memref<?xf32>, %i: index) -> vector<16xf32> {
  %c0 = arith.constant 0 : index
  %size = memref.dim %x, %c0 : memref<?xf32>
  %below = arith.cmpi slt, %i, %size : index
  // CHECK: llvm.icmp "slt" %[[I]]
  // CHECK: llvm.cond_br
  cf.cond_br %below, ^in, ^out
^in:
  // CHECK: %[[P:.*]] = llvm.getelementptr %{{.*}}[%[[I]]] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  // CHECK: llvm.load %[[P]] {alignment = 4 : i64} : !llvm.ptr -> vector<16xf32>
  %v = vector.load %x[%i] : memref<?xf32>, vector<16xf32>
  // CHECK: llvm.intr.exp
  %e = math.exp %v : vector<16xf32>
  return %e : vector<16xf32>
^out:
  %zero = arith.constant dense<0.0> : vector<16xf32>
  return %zero : vector<16xf32>
}

// -----

// Parts of buffers become addresses; vectors of vectors become vectors.
// CHECK-LABEL: llvm.func @parts
// CHECK-NOT: memref.
// CHECK-NOT: affine.
// CHECK-NOT: unrealized
// CHECK: llvm.shufflevector
// CHECK: llvm.return
func.func @parts(%x: memref<?x?xf32>, %i: index) -> vector<4x4xf32> {
  %c0 = arith.constant 0 : index
  %part = memref.subview %x[%i, 0] [4, 4] [1, 1] : memref<?x?xf32> to memref<4x4xf32, strided<[?, 1], offset: ?>>
  %row = vector.load %part[%c0, %c0] : memref<4x4xf32, strided<[?, 1], offset: ?>>, vector<4xf32>
  %low = vector.extract_strided_slice %row {offsets = [0], sizes = [2], strides = [1]} : vector<4xf32> to vector<2xf32>
  %both = vector.shuffle %low, %low [0, 1, 2, 3] : vector<2xf32>, vector<2xf32>
  %rows = vector.broadcast %both : vector<4xf32> to vector<4x4xf32>
  return %rows : vector<4x4xf32>
}

// -----

// Functions that LLVM lacks are those of the C library; aligned memory is.
// CHECK-LABEL: llvm.func @library
// CHECK: llvm.call @aligned_alloc
// CHECK: llvm.call @erff
func.func @library(%x: f32) -> f32 {
  %m = memref.alloc() {alignment = 64 : i64} : memref<16xf32>
  memref.dealloc %m : memref<16xf32>
  %e = math.erf %x : f32
  return %e : f32
}
