// RUN: fovea-opt %s --fovea-lower-checks | FileCheck %s

// A kernel returns 0, or 1 after storing the message; what is allocated at the
// time of a check is freed on both ways, last first.
// CHECK: llvm.mlir.global private constant @[[SECOND:.*]]("second\00")
// CHECK: llvm.mlir.global private constant @[[FIRST:.*]]("first\00")
// CHECK: llvm.func @fovea_rt_fail(!llvm.ptr) -> i32
// CHECK-LABEL: func.func @kernel(%arg0: memref<?xf32>, %arg1: i1) -> i32
// CHECK: cf.cond_br %arg1, ^[[AFTER:.*]], ^[[FAILED1:.*]]
// CHECK: ^[[AFTER]]:
// CHECK: %[[A:.*]] = memref.alloc() : memref<4xf32>
// CHECK: %[[B:.*]] = memref.alloc() : memref<8xf32>
// CHECK: cf.cond_br %arg1, ^[[END:.*]], ^[[FAILED2:.*]]
// CHECK: ^[[END]]:
// CHECK: memref.dealloc %[[B]]
// CHECK: memref.dealloc %[[A]]
// CHECK: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK: return %[[ZERO]] : i32
// CHECK: ^[[FAILED1]]:
// CHECK: %[[TEXT1:.*]] = llvm.mlir.addressof @[[FIRST]]
// CHECK: %[[ONE1:.*]] = llvm.call @fovea_rt_fail(%[[TEXT1]])
// CHECK-NOT: dealloc
// CHECK: return %[[ONE1]] : i32
// CHECK: ^[[FAILED2]]:
// CHECK: %[[TEXT2:.*]] = llvm.mlir.addressof @[[SECOND]]
// CHECK: %[[ONE2:.*]] = llvm.call @fovea_rt_fail(%[[TEXT2]])
// CHECK: memref.dealloc %[[B]]
// CHECK: memref.dealloc %[[A]]
// CHECK: return %[[ONE2]] : i32
func.func @kernel(%x: memref<?xf32>, %good: i1) {
  cf.assert %good, "first"
  %a = memref.alloc() : memref<4xf32>
  %b = memref.alloc() : memref<8xf32>
  cf.assert %good, "second"
  memref.dealloc %b : memref<8xf32>
  memref.dealloc %a : memref<4xf32>
  return
}

// Tasks are not kernels.
// CHECK-LABEL: func.func private @task(%arg0: index) {
// CHECK-NEXT: return
func.func private @task(%i: index) {
  return
}
