// RUN: fovea-opt %s -split-input-file --fovea-cascade-to-tile -cse | FileCheck %s

// Causal softmax attention of one head. Rows are queries (the streamed operands
// do not carry q); queries are brought near with rows last, keys and values
// are read in place; scores and values are matrix products; every reduction
// over the keys is guarded; one store.

// CHECK-LABEL: func.func @softmax(
// CHECK-SAME:    %[[Q:.*]]: memref<?x64xf32, strided<[?, 1], offset: ?>>, %[[K:.*]]: memref<?x64xf32, strided<[?, 1], offset: ?>>, %[[V:.*]]: memref<?x32xf32, strided<[?, 1], offset: ?>>, %[[O:.*]]: memref<?x32xf32, strided<[?, 1], offset: ?>> {fovea.output})
// CHECK-SAME:    tile.schedule =
// CHECK:         cf.assert %{{.*}}, "inputs disagree on the extent of rank 'k'"
// CHECK:         cf.assert %{{.*}}, "result 0 has the wrong extent along dimension 0"
// CHECK-NOT:     memref.alloc
// CHECK:         scf.forall (%{{.*}}) in (%{{.*}}) {
// CHECK:           %[[QT:.*]] = tile.load %[[Q]][%[[ROW:.*]], %c0] dims ["q", "d"] bounded ["q"] limits(%[[END:.*]]) : {{.*}} -> tensor<64x32xf32, #tile.in<near, [d, q]>>
// CHECK-DAG:       %[[M0:.*]] = tile.broadcast %{{.*}} : f32 -> tensor<32xf32, #tile.in<register, [q]>>
// CHECK-DAG:       %[[A0:.*]] = tile.broadcast %{{.*}} : f32 -> tensor<32x32xf32, #tile.in<register, [e, q]>>
// CHECK:           %[[R:.*]]:3 = tile.stream "k" from(%{{.*}}) to(%{{.*}}) step 256 init(%[[M0]], %{{.*}}, %[[A0]]) visible {
// CHECK:             tile.yield %[[ANY:.*]], %[[ALL:.*]] : i1, i1
// CHECK:           } body {
// CHECK:           ^bb0(%[[FIRST:.*]]: index, %[[LAST:.*]]: index, %[[M:.*]]: tensor<32xf32, {{.*}}>, %[[L:.*]]: tensor<32xf32, {{.*}}>, %[[A:.*]]: tensor<32x32xf32, {{.*}}>):
// The mask: inside the step, and visible.
// CHECK:             %[[IN:.*]] = arith.cmpi slt, %{{.*}} : tensor<256xi32, #tile.in<register, [k]>>
// CHECK:             %[[SEEN:.*]] = arith.cmpi sle, %{{.*}} : tensor<256x32xi32, #tile.in<register, [k, q]>>
// CHECK:             %[[MASK:.*]] = arith.andi %{{.*}}, %[[SEEN]] : tensor<256x32xi1
// CHECK:             %[[KT:.*]] = tile.load %[[K]][%[[FIRST]], %c0] dims ["k", "d"] bounded ["k"] limits(%[[LAST]]) : {{.*}} -> tensor<256x64xf32, #tile.in<far, [k, d]>>
// CHECK:             %[[VT:.*]] = tile.load %[[V]][%[[FIRST]], %c0] dims ["k", "e"] bounded ["k"] limits(%[[LAST]]) : {{.*}} -> tensor<256x32xf32, #tile.in<far, [k, e]>>
// CHECK:             %[[S:.*]] = tile.contract %[[KT]], %[[QT]] : {{.*}} -> tensor<256x32xf32, #tile.in<register, [k, q]>>
// CHECK:             %[[SG:.*]] = tile.guard %[[MASK]], %[[S]] else %{{.*}}
// CHECK:             %[[SM:.*]] = tile.reduce max %[[SG]]
// CHECK:             %[[M2:.*]] = arith.maximumf %[[M]], %[[SM]]
// CHECK:             %[[P:.*]] = math.exp %{{.*}} : tensor<256x32xf32
// CHECK:             %[[PG:.*]] = tile.guard %[[MASK]], %[[P]] else %{{.*}}
// CHECK:             tile.reduce sum %[[PG]]
// CHECK:             %[[PV:.*]] = tile.contract %[[VT]], %[[PG]] : {{.*}} -> tensor<32x32xf32, #tile.in<register, [e, q]>>
// CHECK:             %[[A2:.*]] = arith.addf %{{.*}}, %[[PV]]
// CHECK:             tile.yield %[[M2]], %{{.*}}, %[[A2]]
// CHECK:           %[[OUT:.*]] = arith.divf %[[R]]#2, %{{.*}}
// CHECK:           tile.store %[[OUT]], %[[O]][%[[ROW]], %c0] dims ["q", "e"] bounded ["q"] limits(%[[END]])
// CHECK:         } {tile.row_rank = "q"}
// CHECK-NEXT:    return
func.func @softmax(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> tensor<?x32xf32>
    attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%Q[q, d], %K[k, d], %V[k, e]) -> [q, e]
      identity [0xFF800000 : f32, 0.0 : f32, 0.0 : f32]
    init (%qr: tensor<64xf32>) {
      %ninf = arith.constant 0xFF800000 : f32
      %zero = arith.constant 0.0 : f32
      %zeros = arith.constant dense<0.0> : tensor<32xf32>
      cascade.yield %ninf, %zero, %zeros : f32, f32, tensor<32xf32>
    }
    step (%m: f32, %l: f32, %a: tensor<32xf32>, %qr: tensor<64xf32>, %kt: tensor<?x64xf32>, %vt: tensor<?x32xf32>) {
      %s = cascade.einsum %qr[d], %kt[k, d] -> [k] reduce sum {
      ^bb0(%x: f32, %y: f32):
        %p = arith.mulf %x, %y : f32
        cascade.yield %p : f32
      } : (tensor<64xf32>, tensor<?x64xf32>) -> tensor<?xf32>
      %lm = cascade.einsum %s[k] -> [] reduce max {
      ^bb0(%x: f32):
        cascade.yield %x : f32
      } : (tensor<?xf32>) -> f32
      %m2 = arith.maximumf %m, %lm : f32
      %gap = arith.subf %m, %m2 : f32
      %alpha = math.exp %gap : f32
      %p = cascade.einsum %s[k], %m2[] -> [k] {
      ^bb0(%x: f32, %y: f32):
        %z = arith.subf %x, %y : f32
        %e = math.exp %z : f32
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> tensor<?xf32>
      %ls = cascade.einsum %p[k] -> [] reduce sum {
      ^bb0(%x: f32):
        cascade.yield %x : f32
      } : (tensor<?xf32>) -> f32
      %lo = arith.mulf %l, %alpha : f32
      %l2 = arith.addf %lo, %ls : f32
      %pv = cascade.einsum %p[k], %vt[k, e] -> [e] reduce sum {
      ^bb0(%x: f32, %y: f32):
        %z = arith.mulf %x, %y : f32
        cascade.yield %z : f32
      } : (tensor<?xf32>, tensor<?x32xf32>) -> tensor<32xf32>
      %a2 = cascade.einsum %a[e], %alpha[], %pv[e] -> [e] {
      ^bb0(%x: f32, %y: f32, %z: f32):
        %t = arith.mulf %x, %y : f32
        %u = arith.addf %t, %z : f32
        cascade.yield %u : f32
      } : (tensor<32xf32>, f32, tensor<32xf32>) -> tensor<32xf32>
      cascade.yield %m2, %l2, %a2 : f32, f32, tensor<32xf32>
    }
    merge (%m: f32, %l: f32, %a: tensor<32xf32>, %mb: f32, %lb: f32, %ab: tensor<32xf32>) {
      %mm = arith.maximumf %m, %mb : f32
      %ls = arith.addf %l, %lb : f32
      %as = cascade.einsum %a[e], %ab[e] -> [e] {
      ^bb0(%x: f32, %y: f32):
        %z = arith.addf %x, %y : f32
        cascade.yield %z : f32
      } : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
      cascade.yield %mm, %ls, %as : f32, f32, tensor<32xf32>
    }
    finish (%m: f32, %l: f32, %a: tensor<32xf32>, %qr: tensor<64xf32>) {
      %o = cascade.einsum %a[e], %l[] -> [e] {
      ^bb0(%x: f32, %y: f32):
        %z = arith.divf %x, %y : f32
        cascade.yield %z : f32
      } : (tensor<32xf32>, f32) -> tensor<32xf32>
      cascade.yield %o : tensor<32xf32>
    }
    where {
      %i = cascade.index "q"
      %j = cascade.index "k"
      %c = arith.cmpi sle, %j, %i : index
      cascade.yield %c : i1
    } : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  return %o : tensor<?x32xf32>
}

// -----

// splits = 4: the number of parts follows from the parts that are wanted, tasks and steps; each
// part leaves its state, a second loop joins them with the fold's merge.

// CHECK-LABEL: func.func @softmax(
// CHECK-SAME:    %[[O:[a-z0-9]+]]: memref<?x32xf32, strided<[?, 1], offset: ?>> {fovea.output}) attributes
// CHECK:         %[[THREADS:.*]] = tile.parts
// CHECK:         %[[MOST:.*]] = arith.minsi %{{.*}}, %c4
// CHECK:         %[[WANTED:.*]] = arith.minsi %{{.*}}, %[[MOST]]
// CHECK:         %[[PARTS:.*]] = arith.maxsi %c1, %[[WANTED]]
// CHECK:         %[[SEVERAL:.*]] = arith.cmpi sgt, %[[PARTS]], %c1
// No task, no memory, when there is one part.
// CHECK:         %[[SLOTS:.*]] = arith.select %[[SEVERAL]], %{{.*}}, %c0
// CHECK:         %[[PM:.*]] = memref.alloc(%[[SLOTS]], %[[PARTS]]) {{.*}} : memref<?x?x32xf32>
// CHECK:         %[[PL:.*]] = memref.alloc(%[[SLOTS]], %[[PARTS]]) {{.*}} : memref<?x?x32xf32>
// CHECK:         %[[PA:.*]] = memref.alloc(%[[SLOTS]], %[[PARTS]]) {{.*}} : memref<?x?x32x32xf32>
// CHECK:         scf.forall (%[[TILE:.*]], %[[PART:.*]]) in (%{{.*}}, %[[PARTS]]) {
// CHECK:           %[[R:.*]]:3 = tile.stream "k"
// CHECK:           scf.if
// CHECK:             tile.store %{{.*}}, %[[O]]
// CHECK:           } else {
// CHECK:             tile.store %[[R]]#0, %[[PM]][%[[TILE]], %[[PART]], %c0] dims ["", "", "q"]
// CHECK:             tile.store %[[R]]#1, %[[PL]][%[[TILE]], %[[PART]], %c0] dims ["", "", "q"]
// CHECK:             tile.store %[[R]]#2, %[[PA]][%[[TILE]], %[[PART]], %c0, %c0] dims ["", "", "e", "q"]
// CHECK:         } {tile.row_rank = "q"}
// CHECK:         scf.if %[[SEVERAL]] {
// CHECK:           scf.forall (%[[T:.*]]) in
// CHECK:             %[[F:.*]] = tile.load %[[PL]][%[[T]], %c0, %c0]
// CHECK:             %[[J:.*]]:3 = scf.for %[[I:.*]] = %c1 to %[[PARTS]] step %c1
// CHECK:               tile.load %[[PM]][%[[T]], %[[I]], %c0]
// CHECK:               tile.load %[[PL]][%[[T]], %[[I]], %c0]
// CHECK:               tile.load %[[PA]][%[[T]], %[[I]], %c0, %c0]
// CHECK:               arith.addf
// CHECK:               arith.addf
// CHECK:               scf.yield
// CHECK:             arith.divf %[[J]]#2
// CHECK:             tile.store %{{.*}}, %[[O]]
// CHECK:         memref.dealloc %[[PM]]
// CHECK:         memref.dealloc %[[PL]]
// CHECK:         memref.dealloc %[[PA]]
func.func @softmax(%Q: tensor<?x64xf32>, %K: tensor<?x64xf32>, %V: tensor<?x32xf32>) -> tensor<?x32xf32>
    attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 4>} {
  %o = cascade.fold parallel [q] stream k ins(%Q[q, d], %K[k, d], %V[k, e]) -> [q, e]
      identity [0xFF800000 : f32, 0.0 : f32, 0.0 : f32]
    init (%qr: tensor<64xf32>) {
      %ninf = arith.constant 0xFF800000 : f32
      %zero = arith.constant 0.0 : f32
      %zeros = arith.constant dense<0.0> : tensor<32xf32>
      cascade.yield %ninf, %zero, %zeros : f32, f32, tensor<32xf32>
    }
    step (%m: f32, %l: f32, %a: tensor<32xf32>, %qr: tensor<64xf32>, %kt: tensor<?x64xf32>, %vt: tensor<?x32xf32>) {
      %s = cascade.einsum %qr[d], %kt[k, d] -> [k] reduce sum {
      ^bb0(%x: f32, %y: f32):
        %p = arith.mulf %x, %y : f32
        cascade.yield %p : f32
      } : (tensor<64xf32>, tensor<?x64xf32>) -> tensor<?xf32>
      %lm = cascade.einsum %s[k] -> [] reduce max {
      ^bb0(%x: f32):
        cascade.yield %x : f32
      } : (tensor<?xf32>) -> f32
      %m2 = arith.maximumf %m, %lm : f32
      %gap = arith.subf %m, %m2 : f32
      %alpha = math.exp %gap : f32
      %p = cascade.einsum %s[k], %m2[] -> [k] {
      ^bb0(%x: f32, %y: f32):
        %z = arith.subf %x, %y : f32
        %e = math.exp %z : f32
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> tensor<?xf32>
      %ls = cascade.einsum %p[k] -> [] reduce sum {
      ^bb0(%x: f32):
        cascade.yield %x : f32
      } : (tensor<?xf32>) -> f32
      %lo = arith.mulf %l, %alpha : f32
      %l2 = arith.addf %lo, %ls : f32
      %pv = cascade.einsum %p[k], %vt[k, e] -> [e] reduce sum {
      ^bb0(%x: f32, %y: f32):
        %z = arith.mulf %x, %y : f32
        cascade.yield %z : f32
      } : (tensor<?xf32>, tensor<?x32xf32>) -> tensor<32xf32>
      %a2 = cascade.einsum %a[e], %alpha[], %pv[e] -> [e] {
      ^bb0(%x: f32, %y: f32, %z: f32):
        %t = arith.mulf %x, %y : f32
        %u = arith.addf %t, %z : f32
        cascade.yield %u : f32
      } : (tensor<32xf32>, f32, tensor<32xf32>) -> tensor<32xf32>
      cascade.yield %m2, %l2, %a2 : f32, f32, tensor<32xf32>
    }
    merge (%m: f32, %l: f32, %a: tensor<32xf32>, %mb: f32, %lb: f32, %ab: tensor<32xf32>) {
      %mm = arith.maximumf %m, %mb : f32
      %ls = arith.addf %l, %lb : f32
      %as = cascade.einsum %a[e], %ab[e] -> [e] {
      ^bb0(%x: f32, %y: f32):
        %z = arith.addf %x, %y : f32
        cascade.yield %z : f32
      } : (tensor<32xf32>, tensor<32xf32>) -> tensor<32xf32>
      cascade.yield %mm, %ls, %as : f32, f32, tensor<32xf32>
    }
    finish (%m: f32, %l: f32, %a: tensor<32xf32>, %qr: tensor<64xf32>) {
      %o = cascade.einsum %a[e], %l[] -> [e] {
      ^bb0(%x: f32, %y: f32):
        %z = arith.divf %x, %y : f32
        cascade.yield %z : f32
      } : (tensor<32xf32>, f32) -> tensor<32xf32>
      cascade.yield %o : tensor<32xf32>
    }
    where {
      %i = cascade.index "q"
      %j = cascade.index "k"
      %c = arith.cmpi sle, %j, %i : index
      cascade.yield %c : i1
    } : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  return %o : tensor<?x32xf32>
}

// -----

// Every parallel rank is carried by the stream: the innermost one is the row
// rank all the same, and the operand is brought near.

// CHECK-LABEL: func.func @streamed_rows(
// CHECK:         scf.forall (%[[B:.*]], %{{.*}}) in
// CHECK:           tile.stream "k"
// CHECK:             tile.yield %true
// CHECK:             tile.load %{{.*}}[%[[B]], %{{.*}}, %{{.*}}] dims ["", "q", "k"] bounded ["q", "k"] limits({{.*}}) : {{.*}} -> tensor<256x32xf32, #tile.in<near, [k, q]>>
// CHECK:             tile.guard
// CHECK:             tile.reduce sum
// CHECK:         {tile.row_rank = "q"}
func.func @streamed_rows(%x: tensor<?x?x?xf32>) -> tensor<?x?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [b, q] stream k ins(%x[b, q, k]) -> [b, q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%el: f32):
        cascade.yield %el : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?x?xf32>) -> tensor<?x?xf32>
  return %o : tensor<?x?xf32>
}

// -----

// No parallel rank: one task with a dummy row, of which one is written.

// CHECK-LABEL: func.func @no_rows(
// CHECK:         scf.forall (%{{.*}}) in (%{{.*}}) {
// CHECK:           tile.stream "k"
// CHECK:             tile.load %{{.*}} dims ["k"] bounded ["k"] limits({{.*}}) : {{.*}} -> tensor<256xf32, #tile.in<far, [k]>>
// CHECK:             tile.reduce sum %{{.*}} -> tensor<32xf32, #tile.in<register, [row]>>
// CHECK:           tile.store %{{.*}}[] dims [] bounded [] limits() : tensor<32xf32, #tile.in<register, [row]>>, memref<f32>
// CHECK:         {tile.row_rank = "row"}
func.func @no_rows(%x: tensor<?xf32>) -> tensor<f32>
    attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [] stream k ins(%x[k]) -> [] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%el: f32):
        cascade.yield %el : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?xf32>) -> tensor<f32>
  return %o : tensor<f32>
}

// -----

// Pages: the table is checked once per call, before any task; the load goes
// through it.

// CHECK-LABEL: func.func @paged(
// CHECK-SAME:    %[[P:[a-z0-9]+]]: memref<?x?x16x1xf32, {{[^%]*}}, %[[T:[a-z0-9]+]]: memref<?x?xi32, {{[^%]*}}, %[[N:[a-z0-9]+]]: memref<?xi32,
// CHECK:         cf.assert %{{.*}}, "page table: expected one length per row"
// CHECK:         %[[OK:.*]]:2 = scf.for %[[ROW:.*]] = %c0 to
// CHECK:           memref.load %[[N]][%[[ROW]]]
// CHECK:           scf.for
// CHECK:             memref.load %[[T]][%[[ROW]], %{{.*}}]
// CHECK:             arith.cmpi u
// CHECK:         cf.assert %[[OK]]#0, "page table: a length is negative or exceeds the table's capacity (columns times page size)"
// CHECK:         cf.assert %[[OK]]#1, "page table: a used slot holds a page id outside [0, number of pages)"
// CHECK:         scf.forall (%[[B:.*]], %[[G:.*]], %{{.*}}) in
// CHECK:           tile.load %[[P]][%{{.*}}, %[[G]], %c0, %{{.*}}] dims ["k", "", "", "c"] bounded ["k", "c"] limits(%{{.*}}, %{{.*}}) through %[[T]][%[[B]]]
func.func @paged(%p: tensor<?x?x16x1xf32>, %t: tensor<?x?xi32>, %n: tensor<?xi32>) -> tensor<?x?x1xf32>
    attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 1>} {
  %x = cascade.gather %p, %t, %n : tensor<?x?x16x1xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x1xf32>
  %o = cascade.fold parallel [b, g, c] stream k ins(%x[b, g, k, c]) -> [b, g, c] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%el: f32):
        cascade.yield %el : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    }
    where {
      %b = cascade.index "b"
      %k = cascade.index "k"
      %length = tensor.extract %n[%b] : tensor<?xi32>
      %end = arith.index_cast %length : i32 to index
      %c = arith.cmpi slt, %k, %end : index
      cascade.yield %c : i1
    } : (tensor<?x?x?x1xf32>) -> tensor<?x?x1xf32>
  return %o : tensor<?x?x1xf32>
}

// -----

// What lies between two folds is a temporary buffer, freed at the end.

// CHECK-LABEL: func.func @two_folds(
// CHECK-SAME:    memref<?x?xf32, {{[^%]*}}, %[[OUT:[a-z0-9]+]]: memref<f32> {fovea.output})
// CHECK:         %[[TEMP:.*]] = memref.alloc(%{{.*}}) {{.*}} : memref<?xf32>
// CHECK:         scf.forall
// CHECK:           tile.store %{{.*}}, %[[TEMP]]
// CHECK:         {tile.row_rank = "q"}
// CHECK:         scf.forall
// CHECK:           tile.load %[[TEMP]]
// CHECK:           tile.store %{{.*}}, %[[OUT]]
// CHECK:         memref.dealloc %[[TEMP]]
// CHECK-NEXT:    return
func.func @two_folds(%x: tensor<?x?xf32>) -> tensor<f32>
    attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%el: f32):
        cascade.yield %el : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>) -> tensor<?xf32>
  %r = cascade.fold parallel [] stream k ins(%o[k]) -> [] identity [0.0 : f32]
    init () {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%el: f32):
        cascade.yield %el : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32) {
      cascade.yield %l : f32
    } : (tensor<?xf32>) -> tensor<f32>
  return %r : tensor<f32>
}

// -----

// An einsum's own rank names mean the fold's ranks, by what it reads.

// CHECK-LABEL: func.func @local_names(
// CHECK:         tile.stream "k" {{.*}} init(%{{.*}}) visible
// CHECK:         ^bb0(%{{.*}}: index, %{{.*}}: index, %[[A:.*]]: tensor<4x4xf32, #tile.in<register, [e, q]>>)
// CHECK:           %[[P:.*]] = tile.contract %{{.*}} -> tensor<4x4xf32, #tile.in<register, [e, q]>>
// CHECK:           arith.addf %[[P]], %[[A]] : tensor<4x4xf32, #tile.in<register, [e, q]>>
func.func @local_names(%X: tensor<?x?xf32>, %V: tensor<?x4xf32>) -> tensor<?x4xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k], %V[k, e]) -> [q, e] identity [0.0 : f32]
    init () {
      %z = arith.constant dense<0.0> : tensor<4xf32>
      cascade.yield %z : tensor<4xf32>
    }
    step (%l: tensor<4xf32>, %xs: tensor<?xf32>, %vs: tensor<?x4xf32>) {
      %p = cascade.einsum %xs[j], %vs[j, w] -> [w] reduce sum {
      ^bb0(%a: f32, %b: f32):
        %m = arith.mulf %a, %b : f32
        cascade.yield %m : f32
      } : (tensor<?xf32>, tensor<?x4xf32>) -> tensor<4xf32>
      %c = arith.constant dense<2.0> : tensor<4xf32>
      %n = cascade.einsum %p[u], %l[u], %c[u] -> [u] {
      ^bb0(%a: f32, %b: f32, %t: f32):
        %s = arith.addf %a, %b : f32
        %r = arith.mulf %s, %t : f32
        cascade.yield %r : f32
      } : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      cascade.yield %n : tensor<4xf32>
    }
    merge (%l: tensor<4xf32>, %m: tensor<4xf32>) {
      %s = cascade.einsum %l[i], %m[i] -> [i] {
      ^bb0(%a: f32, %b: f32):
        %t = arith.addf %a, %b : f32
        cascade.yield %t : f32
      } : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      cascade.yield %s : tensor<4xf32>
    }
    finish (%l: tensor<4xf32>) {
      cascade.yield %l : tensor<4xf32>
    } : (tensor<?x?xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return %o : tensor<?x4xf32>
}

// -----

// A dynamic extent is checked against a static one, of inputs and of results.

// CHECK-LABEL: func.func @static_and_dynamic(
// CHECK:         %[[N:.*]] = memref.dim %arg0
// CHECK:         arith.cmpi eq, %[[N]], %c8
// CHECK:         cf.assert %{{.*}}, "inputs disagree on the extent of rank 'q'"
// CHECK:         arith.cmpi eq, %c8{{.*}}, %[[N]]
// CHECK:         cf.assert %{{.*}}, "result 0 has the wrong extent along dimension 0"
// CHECK-NOT:     cf.assert
// CHECK:         scf.forall
func.func @static_and_dynamic(%X: tensor<?x?xf32>, %Y: tensor<8xf32>) -> tensor<8xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 8, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = cascade.fold parallel [q] stream k ins(%X[q, k], %Y[q]) -> [q] identity [0.0 : f32]
    init (%y: f32) {
      %z = arith.constant 0.0 : f32
      cascade.yield %z : f32
    }
    step (%l: f32, %xs: tensor<?xf32>, %y: f32) {
      %s = cascade.einsum %xs[k] from %l[] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>, f32) -> f32
      cascade.yield %s : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32, %y: f32) {
      cascade.yield %l : f32
    } : (tensor<?x?xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %o : tensor<8xf32>
}

// -----

// A maximum that is a result itself tells of its NaN alone; the sum beside it
// is only a result, not a companion of it.
// CHECK-LABEL: func.func @maximum
// CHECK-NOT: tile.companions = array<i64: 0
func.func @maximum(%x: tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?xf32>)
    attributes {tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = false, splits = 4>} {
  %m, %l = cascade.fold parallel [q] stream k ins(%x[q, k]) -> [q], [q] identity [0xFF800000 : f32, 0.0 : f32]
    init () {
      %none = arith.constant 0xFF800000 : f32
      %zero = arith.constant 0.0 : f32
      cascade.yield %none, %zero : f32, f32
    } step (%m: f32, %l: f32, %t: tensor<?xf32>) {
      %a = cascade.einsum %t[k] -> [] reduce max {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>) -> f32
      %b = cascade.einsum %t[k] -> [] reduce sum {
      ^bb0(%e: f32):
        cascade.yield %e : f32
      } : (tensor<?xf32>) -> f32
      %n = arith.maximumf %m, %a : f32
      %s = arith.addf %l, %b : f32
      cascade.yield %n, %s : f32, f32
    } merge (%m: f32, %l: f32, %m1: f32, %l1: f32) {
      %n = arith.maximumf %m, %m1 : f32
      %s = arith.addf %l, %l1 : f32
      cascade.yield %n, %s : f32, f32
    } finish (%m: f32, %l: f32) {
      cascade.yield %m, %l : f32, f32
    } : (tensor<?x?xf32>) -> (tensor<?xf32>, tensor<?xf32>)
  return %m, %l : tensor<?xf32>, tensor<?xf32>
}
