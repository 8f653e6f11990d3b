// RUN: fovea-opt %s --fovea-lower-runs --split-input-file | FileCheck %s

// Each field of a descriptor crosses on its own, scalars as they are.
// CHECK: llvm.func @fovea_rt_parallel_for(i64, i32, !llvm.ptr, !llvm.ptr)
// CHECK: llvm.func @fovea_rt_default_threads() -> i32
// CHECK-LABEL: func.func @kernel
// CHECK-SAME: %[[X:.*]]: memref<?xf32>, %[[THREADS:.*]]: i32)
// CHECK: %[[ONE:.*]] = llvm.mlir.constant(1 : i32)
// CHECK: %[[CONTEXT:.*]] = llvm.alloca %[[ONE]] x !llvm.struct<(ptr, ptr, i64, i64, i64, f32)>
// CHECK: %[[ALL:.*]] = llvm.call @fovea_rt_default_threads()
// CHECK: %[[ZERO:.*]] = arith.constant 0 : i32
// CHECK: %[[GIVEN:.*]] = arith.cmpi sgt, %[[THREADS]], %[[ZERO]]
// CHECK: %[[COUNT:.*]] = arith.select %[[GIVEN]], %[[THREADS]], %[[ALL]]
// CHECK: %[[N:.*]] = arith.index_cast %[[COUNT]] : i32 to index
// CHECK: %[[D:.*]] = builtin.unrealized_conversion_cast %[[X]] : memref<?xf32> to !llvm.struct
// CHECK: %[[SIZE:.*]] = llvm.extractvalue %[[D]][3, 0]
// CHECK: %[[AT:.*]] = llvm.getelementptr %[[CONTEXT]][0, 3]
// CHECK: llvm.store %[[SIZE]], %[[AT]] : i64, !llvm.ptr
// CHECK: %[[LAST:.*]] = llvm.getelementptr %[[CONTEXT]][0, 5]
// CHECK: llvm.store %{{.*}}, %[[LAST]] : f32, !llvm.ptr
// CHECK: %[[TASKS:.*]] = arith.index_cast %[[N]] : index to i64
// CHECK: %[[BODY:.*]] = llvm.mlir.addressof @task_body
// CHECK: llvm.call @fovea_rt_parallel_for(%[[TASKS]], %[[THREADS]], %[[BODY]], %[[CONTEXT]])
func.func @kernel(%x: memref<?xf32>) {
  %n = tile.threads
  %c = arith.constant 2.0 : f32
  tile.run @task tasks %n(%x, %c) : memref<?xf32>, f32
  return
}

func.func private @task(%x: memref<?xf32>, %c: f32, %i: index) {
  memref.store %c, %x[%i] : memref<?xf32>
  return
}

// CHECK: llvm.func internal @task_body(%[[FROM:.*]]: !llvm.ptr, %[[NUMBER:.*]]: i64, %{{.*}}: i32)
// CHECK: %[[FIELD:.*]] = llvm.getelementptr %[[FROM]][0, 0]
// CHECK: llvm.load %[[FIELD]] : !llvm.ptr -> !llvm.ptr
// CHECK: %[[MEMREF:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<?xf32>
// CHECK: %[[C:.*]] = llvm.load %{{.*}} : !llvm.ptr -> f32
// CHECK: %[[I:.*]] = arith.index_cast %[[NUMBER]] : i64 to index
// CHECK: func.call @task(%[[MEMREF]], %[[C]], %[[I]])
// CHECK: llvm.return

// -----

func.func private @task(%x: memref<?xf32>, %c: f32, %i: index) {
  memref.store %c, %x[%i] : memref<?xf32>
  return
}

// The runtime says into how many parts.
// CHECK-LABEL: func.func @divided
// CHECK-SAME: %[[X:.*]]: memref<?xf32>, %[[THREADS:.*]]: i32)
// CHECK: %[[PARTS:.*]] = llvm.call @fovea_rt_parts(%[[THREADS]]) : (i32) -> i32
// CHECK: arith.index_cast %[[PARTS]] : i32 to index
func.func @divided(%x: memref<?xf32>) {
  %n = tile.parts
  %c = arith.constant 2.0 : f32
  tile.run @task tasks %n (%x, %c) : memref<?xf32>, f32
  return
}
