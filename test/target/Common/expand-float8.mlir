// RUN: fovea-opt --fovea-expand-float8 %s | FileCheck %s

// CHECK-LABEL: @narrow
// CHECK-SAME: (%[[X:.*]]: f32)
// CHECK-DAG: %[[BITS:.*]] = arith.bitcast %[[X]] : f32 to i32
// CHECK-DAG: %[[UNITS:.*]] = arith.constant 1.638400e+04 : f32
// CHECK: arith.addf %{{.*}}, %[[UNITS]] : f32
// CHECK: %[[BYTE:.*]] = arith.trunci %{{.*}} : i32 to i8
// CHECK: %[[Y:.*]] = arith.bitcast %[[BYTE]] : i8 to f8E4M3FN
// CHECK-NOT: arith.truncf
// CHECK: return %[[Y]]
func.func @narrow(%x: f32) -> f8E4M3FN {
  %y = arith.truncf %x : f32 to f8E4M3FN
  return %y : f8E4M3FN
}

// 16 bits go by way of 32, vectors stay vectors.
// CHECK-LABEL: @narrow_vector
// CHECK: %[[WIDE:.*]] = arith.extf %{{.*}} : vector<8xbf16> to vector<8xf32>
// CHECK: arith.bitcast %[[WIDE]] : vector<8xf32> to vector<8xi32>
// CHECK: arith.bitcast %{{.*}} : vector<8xi8> to vector<8xf8E4M3FN>
func.func @narrow_vector(%x: vector<8xbf16>) -> vector<8xf8E4M3FN> {
  %y = arith.truncf %x : vector<8xbf16> to vector<8xf8E4M3FN>
  return %y : vector<8xf8E4M3FN>
}

// CHECK-LABEL: @widen
// CHECK: arith.bitcast %{{.*}} : f8E4M3FN to i8
// CHECK: %[[WIDE:.*]] = arith.bitcast %{{.*}} : i32 to f32
// CHECK: arith.truncf %[[WIDE]] : f32 to f16
func.func @widen(%x: f8E4M3FN) -> f16 {
  %y = arith.extf %x : f8E4M3FN to f16
  return %y : f16
}

// What all targets convert stays.
// CHECK-LABEL: @others
// CHECK-NEXT: arith.extf
// CHECK-NEXT: arith.truncf
// CHECK-NEXT: return
func.func @others(%x: bf16) -> f16 {
  %w = arith.extf %x : bf16 to f32
  %y = arith.truncf %w : f32 to f16
  return %y : f16
}
