// RUN: fovea-opt %s --fovea-outline-tasks | FileCheck %s

// Buffers and bounds are captured, constants cloned; the last index is the
// fastest; schedule and row rank go with the task.

// CHECK-LABEL: func.func private @two_tasks_0(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x?xf32>, %[[M:[a-z0-9]+]]: index, %[[N:[a-z0-9]+]]: index, %[[TASK:[a-z0-9]+]]: index)
// CHECK-SAME:    tile.row_rank = "q"
// CHECK-SAME:    tile.schedule = #tile.schedule<rows = 4,
// CHECK-DAG:     %[[F:.*]] = arith.constant 2.5{{.*}} : f32
// CHECK-DAG:     %[[THREE:.*]] = arith.constant 3 : index
// CHECK:         %[[K:.*]] = arith.remui %[[TASK]], %[[THREE]]
// CHECK:         %[[REST:.*]] = arith.divui %[[TASK]], %[[THREE]]
// CHECK:         %[[J:.*]] = arith.remui %[[REST]], %[[N]]
// CHECK:         %[[I:.*]] = arith.divui %[[REST]], %[[N]]
// CHECK:         %[[AT:.*]] = arith.addi %[[J]], %[[K]]
// CHECK:         memref.store %[[F]], %[[X]][%[[I]], %[[AT]]]
// CHECK:         return

// CHECK-LABEL: func.func private @two_tasks_0_0(
// CHECK-SAME:    %[[Y:[a-z0-9]+]]: memref<?x?xf32>, %[[B:[a-z0-9]+]]: index, %[[T:[a-z0-9]+]]: index)
// CHECK-SAME:    tile.row_rank = "p"
// CHECK-NOT:     arith.remui
// CHECK:         memref.load %[[Y]][%[[T]], %[[T]]]

// CHECK-LABEL: func.func @two(
// CHECK-SAME:    %[[X:.*]]: memref<?x?xf32>, %[[M:.*]]: index, %[[N:.*]]: index, %[[C:.*]]: i1)
// CHECK-NOT:     scf.forall
// CHECK:         %[[A:.*]] = arith.muli %{{.*}}, %[[M]]
// CHECK:         %[[AB:.*]] = arith.muli %[[A]], %[[N]]
// CHECK:         %[[ABC:.*]] = arith.muli %[[AB]], %{{.*}}
// CHECK:         tile.run @two_tasks_0 tasks %[[ABC]](%[[X]], %[[M]], %[[N]]) : memref<?x?xf32>, index, index
// CHECK:         scf.if %[[C]]
// CHECK:           tile.run @two_tasks_0_0 tasks %{{.*}}(%[[X]], %[[M]])
func.func @two(%x: memref<?x?xf32>, %m: index, %n: index, %several: i1)
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 2>} {
  %f = arith.constant 2.5 : f32
  scf.forall (%i, %j, %k) in (%m, %n, 3) {
    %at = arith.addi %j, %k : index
    memref.store %f, %x[%i, %at] : memref<?x?xf32>
  } {tile.row_rank = "q"}
  scf.if %several {
    scf.forall (%i) in (%m) {
      %v = memref.load %x[%i, %i] : memref<?x?xf32>
      memref.store %v, %x[%i, %i] : memref<?x?xf32>
    } {tile.row_rank = "p"}
  }
  return
}

// Functions without a schedule are left alone.
// CHECK-LABEL: func.func @other
// CHECK:         scf.forall
func.func @other(%x: memref<?xf32>, %m: index) {
  %f = arith.constant 2.5 : f32
  scf.forall (%i) in (%m) {
    memref.store %f, %x[%i] : memref<?xf32>
  }
  return
}
