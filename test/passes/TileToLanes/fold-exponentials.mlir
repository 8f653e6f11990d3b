// RUN: fovea-opt %s --fovea-fold-exponentials | FileCheck %s

// The scale joins the exponent; the maximum is taken before it.
// CHECK-LABEL: func.func @weights
// CHECK-DAG: %[[SCALE:.*]] = arith.constant 0.180336878 : f32
// CHECK-DAG: %[[MINUS:.*]] = arith.constant -1.44269502 : f32
func.func @weights(%s: tensor<8x4xf32, #tile.in<register, [k, q]>>, %seen: tensor<8x4xi1, #tile.in<register, [k, q]>>, %init: tensor<4xf32, #tile.in<register, [q]>>, %n: index) -> tensor<4xf32, #tile.in<register, [q]>> {
  %zero = arith.constant 0 : index
  %c = arith.constant 1.250000e-01 : f32
  %none = arith.constant 0xFF800000 : f32
  %scale = tile.broadcast %c : f32 -> tensor<8x4xf32, #tile.in<register, [k, q]>>
  %r = tile.stream "k" from(%zero) to(%n) step 8 init(%init) visible {
  ^bb0(%first: index, %last: index):
    %true = arith.constant true
    tile.yield %true, %true : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %old: tensor<4xf32, #tile.in<register, [q]>>):
    %t = arith.mulf %s, %scale : tensor<8x4xf32, #tile.in<register, [k, q]>>
    // CHECK: %[[G:.*]] = tile.guard %{{.*}}, %arg0 else
    // CHECK: %[[R:.*]] = tile.reduce max %[[G]]
    // CHECK: %[[M:.*]] = arith.mulf %[[R]], %{{.*}} : tensor<4xf32
    %g = tile.guard %seen, %t else %none : tensor<8x4xi1, #tile.in<register, [k, q]>>, tensor<8x4xf32, #tile.in<register, [k, q]>> else f32 -> tensor<8x4xf32, #tile.in<register, [k, q]>>
    %m = tile.reduce max %g : tensor<8x4xf32, #tile.in<register, [k, q]>> -> tensor<4xf32, #tile.in<register, [q]>>
    %mb = tile.broadcast %m : tensor<4xf32, #tile.in<register, [q]>> -> tensor<8x4xf32, #tile.in<register, [k, q]>>
    %d = arith.subf %t, %mb : tensor<8x4xf32, #tile.in<register, [k, q]>>
    // CHECK: %[[Y:.*]] = arith.mulf %[[M]], %{{.*}} : tensor<4xf32
    // CHECK: %[[YB:.*]] = tile.broadcast %[[Y]]
    // CHECK: %[[E:.*]] = math.fma %arg0, %{{.*}}, %[[YB]]
    // CHECK: math.exp2 %[[E]]
    // CHECK-NOT: math.exp %
    %p = math.exp %d : tensor<8x4xf32, #tile.in<register, [k, q]>>
    %l = tile.reduce sum %p : tensor<8x4xf32, #tile.in<register, [k, q]>> -> tensor<4xf32, #tile.in<register, [q]>>
    %new = arith.addf %old, %l : tensor<4xf32, #tile.in<register, [q]>>
    tile.yield %new : tensor<4xf32, #tile.in<register, [q]>>
  } : (tensor<4xf32, #tile.in<register, [q]>>) -> (tensor<4xf32, #tile.in<register, [q]>>)
  return %r : tensor<4xf32, #tile.in<register, [q]>>
}

// A scale that turns the order round stays, and so does another neutral value.
// CHECK-LABEL: func.func @negative
func.func @negative(%s: tensor<8x4xf32, #tile.in<register, [k, q]>>) -> tensor<4xf32, #tile.in<register, [q]>> {
  %c = arith.constant -2.0 : f32
  %scale = tile.broadcast %c : f32 -> tensor<8x4xf32, #tile.in<register, [k, q]>>
  // CHECK: %[[T:.*]] = arith.mulf %arg0
  %t = arith.mulf %s, %scale : tensor<8x4xf32, #tile.in<register, [k, q]>>
  // CHECK: tile.reduce max %[[T]]
  %m = tile.reduce max %t : tensor<8x4xf32, #tile.in<register, [k, q]>> -> tensor<4xf32, #tile.in<register, [q]>>
  return %m : tensor<4xf32, #tile.in<register, [q]>>
}

// CHECK-LABEL: func.func @rest
func.func @rest(%x: tensor<4xf32, #tile.in<register, [q]>>) -> tensor<4xf32, #tile.in<register, [q]>> {
  // CHECK: %[[X:.*]] = arith.mulf %arg0
  // CHECK: math.exp2 %[[X]]
  %y = math.exp %x : tensor<4xf32, #tile.in<register, [q]>>
  return %y : tensor<4xf32, #tile.in<register, [q]>>
}
