// RUN: fovea-opt %s --fovea-outline-tasks=device | FileCheck %s

// The host keeps the counts of tasks; kernels are named by nested symbols.
// CHECK-LABEL: func.func @views(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x?xf32, strided<[?, 1], offset: ?>>, %[[S:[a-z0-9]+]]: memref<f32>, %[[Y:[a-z0-9]+]]: memref<?xf32>)
// CHECK:         %[[PARTS:.*]] = arith.minsi
// CHECK:         tile.run @device::@views_tasks_0 tasks %{{.*}}(%[[X]], %[[S]], %[[PARTS]]) : memref<?x?xf32, strided<[?, 1], offset: ?>>, memref<f32>, index
// CHECK:         %[[LENGTH:.*]] = arith.muli
// CHECK:         tile.run @device::@views_tasks_0_0 tasks %{{.*}}(%[[Y]], %[[LENGTH]]) : memref<?xf32>, index

// CHECK-LABEL: gpu.module @device {

// A view is made again from what it views; extents and arithmetic on them too;
// an element is loaded by the task. %parts stays an argument, because it needs
// the number of threads, and so does not what is computed from it.
// CHECK-LABEL: func.func @views_tasks_0(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x?xf32, strided<[?, 1], offset: ?>>, %[[S:[a-z0-9]+]]: memref<f32>, %[[PARTS:[a-z0-9]+]]: index, %[[TASK:[a-z0-9]+]]: index)
// CHECK-SAME:    attributes {tile.kernel, tile.row_rank = "q", tile.schedule = #tile.schedule<rows = 4,
// CHECK-DAG:     %[[M:.*]] = memref.dim %[[X]], %{{.*}}
// CHECK-DAG:     memref.extract_strided_metadata %[[X]]
// CHECK-DAG:     %[[VIEW:.*]] = memref.reinterpret_cast
// CHECK-DAG:     %[[V:.*]] = memref.load %[[S]][]
// CHECK-DAG:     %[[W:.*]] = arith.addf %[[V]], %[[V]]
// CHECK-DAG:     %[[TWICE:.*]] = arith.addi %[[PARTS]], %[[PARTS]]
// CHECK-NOT:     tile.threads
// CHECK:         %[[J:.*]] = arith.remui %[[TASK]], %[[PARTS]]
// CHECK:         %[[I:.*]] = arith.divui %[[TASK]], %[[PARTS]]
// CHECK:         memref.store %[[W]], %[[VIEW]][%[[I]], %[[J]], %[[TWICE]]]
// CHECK-NEXT:    return

// A number is not worth a buffer that the task does not use. Each message is
// listed once.
// CHECK-LABEL: func.func @views_tasks_0_0(
// CHECK-SAME:    %[[Y:[a-z0-9]+]]: memref<?xf32>, %[[LENGTH:[a-z0-9]+]]: index, %[[TASK:[a-z0-9]+]]: index)
// CHECK-SAME:    tile.kernel, tile.messages = ["too long", "too short"], tile.schedule
// CHECK-NOT:     tile.row_rank
// CHECK:         tile.require %{{.*}}, "too long" number 0
// CHECK:         tile.require %{{.*}}, "too short" number 1
// CHECK:         tile.require %{{.*}}, "too long" number 0
func.func @views(%x: memref<?x?xf32, strided<[?, 1], offset: ?>>, %s: memref<f32>, %y: memref<?xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 2>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %m = memref.dim %x, %c0 : memref<?x?xf32, strided<[?, 1], offset: ?>>
  %n = memref.dim %x, %c1 : memref<?x?xf32, strided<[?, 1], offset: ?>>
  %v = memref.load %s[] : memref<f32>
  %w = arith.addf %v, %v : f32
  %base, %offset, %sizes:2, %strides:2 = memref.extract_strided_metadata %x
      : memref<?x?xf32, strided<[?, 1], offset: ?>> -> memref<f32>, index, index, index, index, index
  %half = arith.divui %m, %c2 : index
  %view = memref.reinterpret_cast %base to offset: [%offset], sizes: [%half, 2, %n], strides: [%n, %strides#0, 1]
      : memref<f32> to memref<?x2x?xf32, strided<[?, ?, 1], offset: ?>>
  %threads = tile.threads
  %parts = arith.minsi %threads, %n : index
  %twice = arith.addi %parts, %parts : index
  scf.forall (%i, %j) in (%half, %parts) {
    memref.store %w, %view[%i, %j, %twice] : memref<?x2x?xf32, strided<[?, ?, 1], offset: ?>>
  } {tile.row_rank = "q"}
  %length = arith.muli %m, %n : index
  scf.forall (%i) in (%m) {
    %f = memref.load %y[%i] : memref<?xf32>
    %long = arith.cmpi ule, %i, %length : index
    tile.require %long, "too long"
    %short = arith.cmpi uge, %i, %length : index
    tile.require %short, "too short"
    tile.require %short, "too long"
    memref.store %f, %y[%i] : memref<?xf32>
  }
  return
}
