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

// -----

// A task of another module: the loader is asked for its body. Without one the
// kernel ends, and frees what it has allocated and not freed.
// CHECK: llvm.func @fovea_task_body(!llvm.ptr) -> !llvm.ptr
// CHECK: llvm.mlir.global external @task_task() {{.*}}: !llvm.ptr
// CHECK-LABEL: func.func @elsewhere
// CHECK: %[[FREED:.*]] = memref.alloc
// CHECK: %[[HELD:.*]] = memref.alloc
// CHECK: memref.dealloc %[[FREED]]
// CHECK: %[[WORD:.*]] = llvm.mlir.addressof @task_task
// CHECK: %[[BODY:.*]] = llvm.call @fovea_task_body(%[[WORD]])
// CHECK: %[[FOUND:.*]] = llvm.icmp "ne" %[[BODY]], %{{.*}} : !llvm.ptr
// CHECK: cf.cond_br %[[FOUND]], ^[[START:.*]], ^[[FAILED:.*]]
// CHECK: ^[[START]]:
// CHECK: llvm.call @fovea_rt_parallel_for(%{{.*}}, %{{.*}}, %[[BODY]], %{{.*}})
// CHECK: ^[[FAILED]]:
// CHECK: %[[ONE:.*]] = arith.constant 1 : i32
// CHECK-NOT: memref.dealloc %[[FREED]]
// CHECK: memref.dealloc %[[HELD]]
// CHECK: return %[[ONE]] : i32
func.func private @task(%x: memref<?xf32>, %y: memref<8xf32>, %i: index)

func.func @elsewhere(%x: memref<?xf32>) -> i32 {
  %n = arith.constant 8 : index
  %zero = arith.constant 0 : i32
  %freed = memref.alloc() : memref<4xf32>
  %held = memref.alloc() : memref<8xf32>
  memref.dealloc %freed : memref<4xf32>
  tile.run @task tasks %n (%x, %held) : memref<?xf32>, memref<8xf32>
  memref.dealloc %held : memref<8xf32>
  return %zero : i32
}

// -----

// The other side: the task is its own body, seen by what it is linked to.
// CHECK-NOT: func.func
// CHECK: llvm.func hidden @task_body(%[[FROM:.*]]: !llvm.ptr, %[[NUMBER:.*]]: i64, %{{.*}}: i32)
// CHECK: %[[X:.*]] = builtin.unrealized_conversion_cast %{{.*}} to memref<?xf32>
// CHECK: %[[I:.*]] = arith.index_cast %[[NUMBER]] : i64 to index
// CHECK: cf.cond_br %{{.*}}, ^[[STORE:.*]], ^[[END:.*]]
// CHECK: ^[[STORE]]:
// CHECK: memref.store %{{.*}}, %[[X]][%[[I]]]
// CHECK: ^[[END]]:
// CHECK: llvm.return
func.func private @task(%x: memref<?xf32>, %c: f32, %i: index) attributes {tile.exported} {
  %zero = arith.constant 0 : index
  %isFirst = arith.cmpi eq, %i, %zero : index
  cf.cond_br %isFirst, ^store, ^end
^store:
  memref.store %c, %x[%i] : memref<?xf32>
  cf.br ^end
^end:
  return
}
