// RUN: fovea-opt %s --fovea-host-loops-to-tasks -canonicalize 2>&1 | FileCheck %s
// RUN: fovea-opt %s --fovea-host-loops-to-tasks -canonicalize 2>/dev/null \
// RUN:   | fovea-opt --fovea-outline-tasks | FileCheck %s --check-prefix=OUTLINE

// A perfect nest: all its loops are task loops, and the innermost one is cut
// in chunks that lanes share. Bounds inside that the host can know move out.
// CHECK-LABEL: func.func @clear(
// CHECK-SAME:    %[[X:.*]]: memref<?x?xf32>)
// CHECK-DAG:     %[[M:.*]] = memref.dim %[[X]], %c0
// CHECK-DAG:     %[[N:.*]] = memref.dim %[[X]], %c1
// CHECK:         %[[CHUNKS:.*]] = arith.ceildivsi %[[N]], %c256
// CHECK:         scf.forall (%[[I:.*]], %[[C:.*]]) in (%[[M]], %{{.*}}) {
// CHECK:           %[[FIRST:.*]] = arith.muli %[[C]], %c256
// CHECK:           %[[END:.*]] = arith.addi %[[FIRST]], %c256
// CHECK:           %[[LAST:.*]] = arith.minsi %[[END]], %[[N]]
// CHECK:           scf.for %[[J:.*]] = %[[FIRST]] to %[[LAST]] step %c1 {
// CHECK:             memref.store %{{.*}}, %[[X]][%[[I]], %[[J]]]
// CHECK:           } {tile.lanes}
// CHECK-NOT:     scf.for
// OUTLINE-LABEL: func.func private @clear_tasks_0(
// OUTLINE-SAME:    tile.schedule
// OUTLINE-NOT:   tile.row_rank
func.func @clear(%x: memref<?x?xf32>) attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %f = arith.constant 0.0 : f32
  %m = memref.dim %x, %c0 : memref<?x?xf32>
  scf.for %i = %c0 to %m step %c1 {
    %n = memref.dim %x, %c1 : memref<?x?xf32>
    scf.for %j = %c0 to %n step %c1 {
      memref.store %f, %x[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// A loop inside that is not perfectly nested: its iterations are for the
// lanes. Steps and lower bounds are kept.
// CHECK-LABEL: func.func @sums(
// CHECK-SAME:    %[[X:.*]]: memref<?xi32>, %[[Y:.*]]: memref<?xi32>, %[[N:.*]]: index)
// CHECK:         %[[LENGTH:.*]] = arith.subi %[[N]], %c2
// CHECK:         %[[TRIPS:.*]] = arith.ceildivsi %[[LENGTH]], %c3
// CHECK:         %[[TASKS:.*]] = arith.maxsi %[[TRIPS]], %c0
// CHECK:         scf.forall (%[[T:.*]]) in (%[[TASKS]]) {
// CHECK:           %[[STEP:.*]] = arith.muli %[[T]], %c3
// CHECK:           %[[I:.*]] = arith.addi %[[STEP]], %c2
// CHECK:           %[[A:.*]] = memref.load %[[X]][%[[I]]]
// CHECK:           scf.for %[[J:.*]] = %c0 to %[[I]] step %c1 {
// CHECK:             memref.store %[[A]], %[[Y]][%[[J]]]
// CHECK:           } {tile.lanes}
func.func @sums(%x: memref<?xi32>, %y: memref<?xi32>, %n: index) attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  scf.for %i = %c2 to %n step %c3 {
    %a = memref.load %x[%i] : memref<?xi32>
    scf.for %j = %c0 to %i step %c1 {
      memref.store %a, %y[%j] : memref<?xi32>
    }
  }
  return
}

// Conjunctions over loops, one inside the other.
// CHECK-LABEL: func.func @pages(
// CHECK-SAME:    %[[L:.*]]: memref<?xi32>, %[[P:.*]]: memref<?x?xi32>, %[[N:.*]]: index)
// CHECK-NOT:     cf.assert
// CHECK:         scf.forall (%[[I:.*]]) in (%[[N]]) {
// CHECK:           %[[LENGTH:.*]] = memref.load %[[L]][%[[I]]]
// CHECK:           %[[GOOD:.*]] = arith.cmpi ult, %[[LENGTH]]
// CHECK:           tile.require %[[GOOD]], "a length is too large"
// CHECK:           scf.for %[[J:.*]] = %c0 to %{{.*}} step %c1 {
// CHECK:             %[[ID:.*]] = memref.load %[[P]][%[[I]], %[[J]]]
// CHECK:             %[[SGE:.*]] = arith.cmpi sge, %[[ID]]
// CHECK:             %[[SLE:.*]] = arith.cmpi sle, %[[ID]]
// CHECK-DAG:         tile.require %[[SGE]], "a page is out of bounds"
// CHECK-DAG:         tile.require %[[SLE]], "a page is out of bounds"
// CHECK:           } {tile.lanes}
// CHECK-NOT:     cf.assert
// OUTLINE-LABEL: func.func private @pages_tasks_0(
// OUTLINE:         tile.require
// OUTLINE-LABEL: func.func @pages(
// OUTLINE-NOT:     memref.load
// OUTLINE:         tile.run @pages_tasks_0
func.func @pages(%l: memref<?xi32>, %p: memref<?x?xi32>, %n: index) attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i32
  %nine = arith.constant 9 : i32
  %true = arith.constant true
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %true, %b = %true) -> (i1, i1) {
    %v = memref.load %l[%i] : memref<?xi32>
    %good = arith.cmpi ult, %v, %nine : i32
    %a2 = arith.andi %a, %good : i1
    %length = arith.minui %v, %nine : i32
    %m = arith.index_cast %length : i32 to index
    %inner = scf.for %j = %c0 to %m step %c1 iter_args(%c = %b) -> (i1) {
      %id = memref.load %p[%i, %j] : memref<?x?xi32>
      %low = arith.cmpi sge, %id, %zero : i32
      %high = arith.cmpi sle, %id, %nine : i32
      %c2 = arith.andi %low, %c : i1
      %c3 = arith.andi %c2, %high : i1
      scf.yield %c3 : i1
    }
    scf.yield %a2, %inner : i1, i1
  }
  cf.assert %r#0, "a length is too large"
  cf.assert %r#1, "a page is out of bounds"
  return
}

// A maximum that is compared: every element is, and what the maximum started
// from stays with the host.
// CHECK-LABEL: func.func @longest(
// CHECK-SAME:    %[[L:.*]]: memref<?xi32>, %[[N:.*]]: index, %[[MOST:.*]]: index)
// CHECK:         scf.forall
// CHECK:           scf.for %[[I:.*]] =
// CHECK:             %[[V:.*]] = memref.load %[[L]][%[[I]]]
// CHECK:             %[[W:.*]] = arith.index_cast %[[V]]
// CHECK:             %[[FITS:.*]] = arith.cmpi sge, %[[MOST]], %[[W]]
// CHECK:             tile.require %[[FITS]], "expected room for the longest"
// CHECK:           } {tile.lanes}
// CHECK:         %[[START:.*]] = arith.cmpi sge, %[[MOST]], %c0
// CHECK:         cf.assert %[[START]], "expected room for the longest"
func.func @longest(%l: memref<?xi32>, %n: index, %most: index) attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %c0) -> (index) {
    %v = memref.load %l[%i] : memref<?xi32>
    %w = arith.index_cast %v : i32 to index
    %m = arith.maxsi %a, %w : index
    scf.yield %m : index
  }
  %ok = arith.cmpi sge, %most, %r : index
  cf.assert %ok, "expected room for the longest"
  return
}

// Another reduction, checks of elements, and stores: a task each. A load that
// only tasks use stays for the outlining.
// CHECK-LABEL: func.func @alone(
// CHECK-SAME:    %[[L:.*]]: memref<?xi32>, %[[S:.*]]: memref<i32>, %[[O:.*]]: memref<i32>, %[[N:.*]]: index)
// CHECK:         scf.forall
// CHECK:           %[[SUM:.*]] = scf.for
// CHECK:           %[[IS:.*]] = arith.cmpi eq, %[[SUM]]
// CHECK:           tile.require %[[IS]], "expected a sum of nine"
// CHECK:         %[[SCALAR:.*]] = memref.load %[[S]][]
// CHECK:         scf.forall
// CHECK-NEXT:      %[[V:.*]] = memref.load %[[S]][]
// CHECK-NEXT:      memref.store %[[V]], %[[O]][]
// CHECK:         scf.forall
// CHECK-NEXT:      memref.store %[[SCALAR]], %[[L]]
func.func @alone(%l: memref<?xi32>, %s: memref<i32>, %o: memref<i32>, %n: index) attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : i32
  %nine = arith.constant 9 : i32
  %r = scf.for %i = %c0 to %n step %c1 iter_args(%a = %zero) -> (i32) {
    %v = memref.load %l[%i] : memref<?xi32>
    %b = arith.addi %a, %v : i32
    scf.yield %b : i32
  }
  %ok = arith.cmpi eq, %r, %nine : i32
  cf.assert %ok, "expected a sum of nine"
  %v = memref.load %s[] : memref<i32>
  memref.store %v, %o[] : memref<i32>
  scf.forall (%i) in (%n) {
    memref.store %v, %l[%i] : memref<?xi32>
  } {tile.row_rank = "q"}
  return
}
