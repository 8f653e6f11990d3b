// RUN: fovea-opt %s -split-input-file --fovea-cascade-to-tile -canonicalize -cse 2>&1 | FileCheck %s

// Rows are the pairs of q and r: no task loop over r, one load of each block of
// the streamed operand for all of them. What walks r and q in buffers is taken
// apart; where they stand in code they are tiles.

// CHECK-LABEL: func.func @packed(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<?x?x8xf32, {{.*}}>, %[[Y:[a-z0-9]+]]: memref<?x?x?x8xf32, {{.*}}>, %[[W:[a-z0-9]+]]: memref<?xf32, {{.*}}>, %[[S:[a-z0-9]+]]: memref<?xf32, {{.*}}>, %[[O:[a-z0-9]+]]: memref<?x?x?xf32, {{.*}}> {fovea.output})
// CHECK-DAG:     %[[Q:.*]] = memref.dim %[[Y]], %c1
// CHECK-DAG:     %[[R:.*]] = memref.dim %[[Y]], %c2
// CHECK:         %[[ROWS:.*]] = arith.muli %[[Q]], %[[R]]
// CHECK:         arith.ceildivsi %[[ROWS]], %c4
// CHECK:         scf.forall (%[[G:.*]], %[[T:.*]]) in (%{{.*}}, %{{.*}}) {
// CHECK:           %[[END:.*]] = arith.minsi %{{.*}}, %[[ROWS]]
// The box of the task: exact where its rows are within one q.
// CHECK:           %[[QLO:.*]] = arith.divui %[[P:.*]], %[[R]]
// CHECK:           %[[QHI:.*]] = arith.divui %{{.*}}, %[[R]]
// CHECK:           %[[ONE:.*]] = arith.cmpi eq, %[[QLO]], %[[QHI]]
// CHECK:           arith.select %[[ONE]], %{{.*}}, %{{.*}} : index
// Both coordinates of the rows.
// CHECK:           %[[ROW:.*]] = tile.coordinate %[[P]] : tensor<4xi32, #tile.in<register, [q]>>
// CHECK:           %[[DIVISOR:.*]] = tile.broadcast %{{.*}} : i32 -> tensor<4xi32, #tile.in<register, [q]>>
// CHECK:           %[[QS:.*]] = arith.divui %[[ROW]], %[[DIVISOR]]
// CHECK:           %[[RS:.*]] = arith.remui %[[ROW]], %[[DIVISOR]]
// Rows before heads in this buffer.
// CHECK:           tile.load %[[Y]][%[[G]], %[[P]], %[[P]], %c0] dims ["", "q div", "q mod", "d"] bounded ["q"] limits(%[[END]]) split %[[R]] : {{.*}} -> tensor<8x4xf32, #tile.in<near, [d, q]>>
// CHECK:           tile.stream "k"
// CHECK:             tile.load %[[X]][%[[G]], %{{.*}}, %c0] dims ["", "k", "d"] bounded ["k"] limits(%{{.*}}) : {{.*}} -> tensor<32x8xf32, #tile.in<far, [k, d]>>
// CHECK:             tile.lookup %[[S]][%[[RS]]] : {{.*}} -> tensor<4xf32, #tile.in<register, [q]>>
// A number of each head is one of each row.
// CHECK:           tile.load %[[W]][%[[P]]] dims ["q mod"] bounded ["q"] limits(%[[END]]) split %[[R]] : {{.*}} -> tensor<4xf32, #tile.in<near, [q]>>
// CHECK:           tile.store %{{.*}}, %[[O]][%[[G]], %[[P]], %[[P]]] dims ["", "q mod", "q div"] bounded ["q"] limits(%[[END]]) split %[[R]]
// CHECK:         } {tile.row_rank = "q"}
func.func @packed(%X: tensor<?x?x8xf32>, %Y: tensor<?x?x?x8xf32>, %W: tensor<?xf32>, %S: tensor<?xf32>) -> tensor<?x?x?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 32, block = 2, lanes = 4, pairs = false, splits = 1, pack = true>} {
  %o = cascade.fold parallel [g, r, q] stream k ins(%X[g, k, d], %Y[g, q, r, d], %W[r]) -> [g, r, q] identity [0.0 : f32]
    init (%y: tensor<8xf32>, %w: f32) {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    }
    step (%l: f32, %x: tensor<?x8xf32>, %y: tensor<8xf32>, %w: f32) {
      %s = cascade.einsum %y[d], %x[k, d] -> [k] reduce sum {
      ^bb0(%a: f32, %b: f32):
        %p = arith.mulf %a, %b : f32
        cascade.yield %p : f32
      } : (tensor<8xf32>, tensor<?x8xf32>) -> tensor<?xf32>
      %head = cascade.index "r"
      %slope = tensor.extract %S[%head] : tensor<?xf32>
      %t = cascade.einsum %s[k], %slope[] -> [] reduce sum {
      ^bb0(%a: f32, %b: f32):
        %p = arith.mulf %a, %b : f32
        cascade.yield %p : f32
      } : (tensor<?xf32>, f32) -> f32
      %l2 = arith.addf %l, %t : f32
      cascade.yield %l2 : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32, %y: tensor<8xf32>, %w: f32) {
      %r = arith.mulf %l, %w : f32
      cascade.yield %r : f32
    }
    where {
      %i = cascade.index "q"
      %j = cascade.index "k"
      %h = cascade.index "r"
      %last = arith.addi %i, %h : index
      %c = arith.cmpi sle, %j, %last : index
      cascade.yield %c : i1
    } : (tensor<?x?x8xf32>, tensor<?x?x?x8xf32>, tensor<?xf32>) -> tensor<?x?x?xf32>
  return %o : tensor<?x?x?xf32>
}
