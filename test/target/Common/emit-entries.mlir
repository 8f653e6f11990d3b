// RUN: fovea-opt %s --fovea-lower-checks --fovea-lower-runs --fovea-emit-entries | FileCheck %s

// CHECK-DAG: llvm.mlir.global private constant @[[Q:.*]]("q\00")
// CHECK-DAG: llvm.mlir.global private constant @[[NAME:.*]]("attend\00")
// CHECK-DAG: llvm.func @fovea_rt_check_arguments(!llvm.ptr, i32, !llvm.ptr) -> i32

// The implementation keeps its body under another name, and is not exported.
// CHECK: func.func private @attend_kernel(%arg0: memref<?x64xbf16, strided<[?, 1], offset: ?>> {fovea.name = "q"}, %arg1: memref<f32> {fovea.output}, %arg2: i32) -> i32
// CHECK-SAME: llvm.linkage = #llvm.linkage<internal>
func.func @attend(%q: memref<?x64xbf16, strided<[?, 1], offset: ?>> {fovea.name = "q"},
                  %out: memref<f32> {fovea.output}) {
  %c = arith.constant 1.0 : f32
  memref.store %c, %out[] : memref<f32>
  return
}

// name, element type (bf16 = 2), rank, is_output, 0, sizes.
// CHECK: llvm.mlir.global internal constant @attend_parameters
// CHECK: llvm.mlir.addressof @[[Q]]
// CHECK: llvm.mlir.constant(2 : i32)
// CHECK: llvm.mlir.constant(2 : i32)
// CHECK: llvm.mlir.constant(0 : i32)
// CHECK: llvm.mlir.constant(0 : i32)
// CHECK: llvm.mlir.constant(dense<[-1, 64, -1, -1, -1, -1, -1, -1]>
// The second has no name, is f32 (0), of rank 0, and written.
// CHECK: llvm.mlir.zero : !llvm.ptr
// CHECK: llvm.mlir.constant(0 : i32)
// CHECK: llvm.mlir.constant(0 : i32)
// CHECK: llvm.mlir.constant(1 : i32)
// CHECK: llvm.mlir.global internal constant @attend_signature
// CHECK: llvm.mlir.addressof @[[NAME]]
// CHECK: llvm.mlir.addressof @attend_parameters
// CHECK: llvm.mlir.constant(2 : i32)

// CHECK: llvm.func @attend(%[[TENSORS:.*]]: !llvm.ptr, %[[COUNT:.*]]: i32, %[[THREADS:.*]]: i32) -> i32
// CHECK: %[[RULES:.*]] = llvm.mlir.addressof @attend_signature
// CHECK: %[[STATUS:.*]] = llvm.call @fovea_rt_check_arguments(%[[TENSORS]], %[[COUNT]], %[[RULES]])
// CHECK: llvm.cond_br %{{.*}}, ^[[GOOD:.*]], ^[[REFUSED:.*]]
// CHECK: ^[[GOOD]]:
// CHECK: llvm.getelementptr %[[TENSORS]][0, 0]
// CHECK: llvm.getelementptr %[[TENSORS]][0, 3, 0]
// CHECK: llvm.getelementptr %[[TENSORS]][0, 4, 0]
// CHECK: llvm.getelementptr %[[TENSORS]][1, 0]
// CHECK: %[[RESULT:.*]] = func.call @attend_kernel(%{{.*}}, %{{.*}}, %[[THREADS]])
// CHECK: llvm.return %[[RESULT]]
// CHECK: ^[[REFUSED]]:
// CHECK: llvm.return %[[STATUS]]
