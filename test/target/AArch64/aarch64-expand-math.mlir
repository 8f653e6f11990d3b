// RUN: fovea-opt %s --fovea-aarch64-expand-math | FileCheck %s

// CHECK-LABEL: @exp2
// CHECK-NOT: call_intrinsic
// CHECK: arith.cmpf olt
// CHECK: arith.cmpf ogt
// CHECK: math.floor
// CHECK-COUNT-5: math.fma
// CHECK: arith.shli
// CHECK: arith.mulf
func.func @exp2(%x: vector<4xf32>) -> vector<4xf32> {
  %y = math.exp2 %x : vector<4xf32>
  return %y : vector<4xf32>
}

// The uses notice no more than that.
// CHECK-LABEL: @coarse
// CHECK-COUNT-3: math.fma
// CHECK-NOT: math.fma
func.func @coarse(%x: vector<4xf32>) -> vector<4xf32> {
  %y = math.exp2 %x {tile.error = 1.0e-4 : f64} : vector<4xf32>
  return %y : vector<4xf32>
}

// CHECK-LABEL: @tanh
// CHECK-NOT: math.tanh
func.func @tanh(%x: vector<4xf16>) -> vector<4xf16> {
  %y = math.tanh %x : vector<4xf16>
  return %y : vector<4xf16>
}
