// RUN: fovea-opt %s --fovea-cascade-to-tile | FileCheck %s
// RUN: sed 's/, stages = 2//' %s | fovea-opt --fovea-cascade-to-tile \
// RUN:   | FileCheck %s --check-prefix=PLACE

// With stages, operands of products are brought near and what element-wise
// code alone reads goes to registers; without, streamed operands that do not
// carry the row rank stay in place.

// CHECK-LABEL: func.func @weighted(
// CHECK-DAG:     tile.load %{{.*}} dims ["q", "d"] {{.*}} -> tensor<8x4xf32, #tile.in<near, [d, q]>>
// CHECK-DAG:     %[[LIMIT:.*]] = tile.load %{{.*}} dims ["q"] {{.*}} -> tensor<4xf32, #tile.in<register, [q]>>
// CHECK-DAG:     tile.load %{{.*}} dims ["d"] {{.*}} -> tensor<8xf32, #tile.in<near, [d]>>
// CHECK:         tile.stream "k"
// CHECK:           %[[K:.*]] = tile.load %{{.*}} dims ["k", "d"] {{.*}} -> tensor<32x8xf32, #tile.in<near, [k, d]>>
// CHECK:           %[[W:.*]] = tile.load %{{.*}} dims ["k"] {{.*}} -> tensor<32xf32, #tile.in<register, [k]>>
// CHECK:           %[[BIAS:.*]] = tile.load %{{.*}} dims ["q", "k"] {{.*}} -> tensor<32x4xf32, #tile.in<register, [k, q]>>
// CHECK:           %[[S:.*]] = tile.contract %[[K]], %{{.*}}
// CHECK:           %[[U:.*]] = tile.contract %[[K]], %{{.*}}
// No change of residence is left where there is nothing to change.
// CHECK-NOT:       tile.broadcast %[[BIAS]]
// CHECK:           arith.addf %[[S]], %[[BIAS]]
// The end of the task reads its rows again.
// CHECK:         %[[AGAIN:.*]] = tile.load %{{.*}} dims ["q"] {{.*}} -> tensor<4xf32, #tile.in<register, [q]>>
// CHECK:         arith.mulf %{{.*}}, %[[AGAIN]]

// PLACE-DAG:     tile.load %{{.*}} -> tensor<8x4xf32, #tile.in<near, [d, q]>>
// PLACE-DAG:     tile.load %{{.*}} -> tensor<4xf32, #tile.in<near, [q]>>
// PLACE-DAG:     tile.load %{{.*}} -> tensor<8xf32, #tile.in<far, [d]>>
// PLACE:         tile.stream "k"
// PLACE:           tile.load %{{.*}} -> tensor<32x8xf32, #tile.in<far, [k, d]>>
// PLACE:           tile.load %{{.*}} -> tensor<32xf32, #tile.in<far, [k]>>
// PLACE:           tile.load %{{.*}} -> tensor<32x4xf32, #tile.in<near, [k, q]>>
func.func @weighted(%Q: tensor<?x8xf32>, %limit: tensor<?xf32>, %c: tensor<8xf32>, %K: tensor<?x8xf32>, %w: tensor<?xf32>, %bias: tensor<?x?xf32>) -> tensor<?xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 32, block = 2, lanes = 4, pairs = false, splits = 1, stages = 2>} {
  %o = cascade.fold parallel [q] stream k
      ins(%Q[q, d], %limit[q], %c[d], %K[k, d], %w[k], %bias[q, k]) -> [q] identity [0.0 : f32]
    init (%q: tensor<8xf32>, %n: f32, %cr: tensor<8xf32>) {
      %zero = arith.constant 0.0 : f32
      cascade.yield %zero : f32
    }
    step (%l: f32, %q: tensor<8xf32>, %n: f32, %cr: tensor<8xf32>, %kt: tensor<?x8xf32>, %wt: tensor<?xf32>, %bt: tensor<?xf32>) {
      %s = cascade.einsum %q[d], %kt[k, d] -> [k] reduce sum {
      ^bb0(%x: f32, %y: f32):
        %p = arith.mulf %x, %y : f32
        cascade.yield %p : f32
      } : (tensor<8xf32>, tensor<?x8xf32>) -> tensor<?xf32>
      %u = cascade.einsum %cr[d], %kt[k, d] -> [k] reduce sum {
      ^bb0(%x: f32, %y: f32):
        %p = arith.mulf %x, %y : f32
        cascade.yield %p : f32
      } : (tensor<8xf32>, tensor<?x8xf32>) -> tensor<?xf32>
      %t = cascade.einsum %s[k], %bt[k], %u[k], %wt[k], %n[] -> [] reduce sum {
      ^bb0(%x: f32, %y: f32, %z: f32, %v: f32, %m: f32):
        %a = arith.addf %x, %y : f32
        %e = arith.addf %a, %z : f32
        %f = arith.mulf %e, %v : f32
        %g = arith.minimumf %f, %m : f32
        cascade.yield %g : f32
      } : (tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<?xf32>, f32) -> f32
      %l2 = arith.addf %l, %t : f32
      cascade.yield %l2 : f32
    }
    merge (%l: f32, %m: f32) {
      %s = arith.addf %l, %m : f32
      cascade.yield %s : f32
    }
    finish (%l: f32, %q: tensor<8xf32>, %n: f32, %cr: tensor<8xf32>) {
      %r = arith.mulf %l, %n : f32
      cascade.yield %r : f32
    } : (tensor<?x8xf32>, tensor<?xf32>, tensor<8xf32>, tensor<?x8xf32>, tensor<?xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  return %o : tensor<?xf32>
}
