// RUN: fovea-opt %s --fovea-bf16-as-integers --split-input-file --verify-diagnostics | FileCheck %s

// What only moves bits moves those of integers.
// CHECK-LABEL: func.func @moves
// CHECK-SAME: (%[[X:.*]]: memref<?xi16>, %[[I:.*]]: index, %[[C:.*]]: i1) -> vector<16xi16>
// CHECK-NOT: bf16
func.func @moves(%x: memref<?xbf16>, %i: index, %c: i1) -> vector<16xbf16> {
  // CHECK-DAG: arith.constant 16256 : i16
  %one = arith.constant 1.0 : bf16
  // CHECK-DAG: arith.constant dense<[16256, -16384]> : vector<2xi16>
  %two = arith.constant dense<[1.0, -2.0]> : vector<2xbf16>
  // CHECK-DAG: arith.constant dense<32704> : vector<8xi16>
  %nan = arith.constant dense<0x7FC0> : vector<8xbf16>
  // CHECK: memref.alloc() : memref<8xi16>
  %near = memref.alloc() : memref<8xbf16>
  memref.store %one, %near[%i] : memref<8xbf16>
  vector.store %two, %near[%i] : memref<8xbf16>, vector<2xbf16>
  // CHECK: %[[V:.*]] = vector.load %[[X]][%[[I]]] : memref<?xi16>, vector<8xi16>
  %v = vector.load %x[%i] : memref<?xbf16>, vector<8xbf16>
  // CHECK: arith.select %[[C]], %[[V]], %{{.*}} : vector<8xi16>
  %s = arith.select %c, %v, %nan : vector<8xbf16>
  // CHECK: vector.interleave %{{.*}}, %{{.*}} : vector<8xi16> -> vector<16xi16>
  %both = vector.interleave %s, %v : vector<8xbf16> -> vector<16xbf16>
  // CHECK: cf.br ^[[END:.*]](%{{.*}} : vector<16xi16>)
  cf.br ^end(%both : vector<16xbf16>)
^end(%r: vector<16xbf16>):
  memref.dealloc %near : memref<8xbf16>
  return %r : vector<16xbf16>
}

// -----

// Its bits are what it is already.
// CHECK-LABEL: func.func @bits
// CHECK-SAME: (%[[X:.*]]: vector<4xi16>)
// CHECK-NEXT: return %[[X]] : vector<4xi16>
func.func @bits(%x: vector<4xbf16>) -> vector<4xi16> {
  %bits = arith.bitcast %x : vector<4xbf16> to vector<4xi16>
  %back = arith.bitcast %bits : vector<4xi16> to vector<4xbf16>
  %again = arith.bitcast %back : vector<4xbf16> to vector<4xi16>
  return %again : vector<4xi16>
}

// -----

// The upper half of a float, and rounding to even.
// CHECK-LABEL: func.func @conversions
// CHECK-SAME: (%[[X:.*]]: vector<8xi16>) -> vector<8xi16>
// CHECK: %[[WIDE:.*]] = arith.extui %[[X]] : vector<8xi16> to vector<8xi32>
// CHECK: %[[UPPER:.*]] = arith.shli %[[WIDE]], %{{.*}} : vector<8xi32>
// CHECK: %[[Y:.*]] = arith.bitcast %[[UPPER]] : vector<8xi32> to vector<8xf32>
// CHECK: arith.cmpf une, %[[Y]], %[[Y]]
// CHECK: %[[ROUNDED:.*]] = arith.trunci %{{.*}} : vector<8xi32> to vector<8xi16>
// CHECK: %[[Z:.*]] = arith.select %{{.*}}, %{{.*}}, %[[ROUNDED]]
// CHECK: return %[[Z]]
func.func @conversions(%x: vector<8xbf16>) -> vector<8xbf16> {
  %y = arith.extf %x : vector<8xbf16> to vector<8xf32>
  %z = arith.truncf %y : vector<8xf32> to vector<8xbf16>
  return %z : vector<8xbf16>
}

// -----

// Arithmetic is done in f32 and rounded.
// CHECK-LABEL: func.func @arithmetic
// CHECK-SAME: (%[[X:.*]]: i16, %[[V:.*]]: vector<4xi16>) -> (i1, i16)
// CHECK: arith.mulf %{{.*}}, %{{.*}} : f32
// CHECK: arith.cmpf olt, %{{.*}}, %{{.*}} : f32
// CHECK: math.exp2 %{{.*}} : f32
// CHECK: vector.reduction <add>, %{{.*}}, %{{.*}} : vector<4xf32> into f32
// CHECK: return %{{.*}}, %{{.*}} : i1, i16
func.func @arithmetic(%x: bf16, %v: vector<4xbf16>) -> (i1, bf16) {
  %square = arith.mulf %x, %x : bf16
  %less = arith.cmpf olt, %square, %x : bf16
  %power = math.exp2 %square : bf16
  %sum = vector.reduction <add>, %v, %power : vector<4xbf16> into bf16
  return %less, %sum : i1, bf16
}

// -----

// Descriptors of buffers are what they were.
// CHECK-LABEL: func.func @descriptor
// CHECK: builtin.unrealized_conversion_cast %{{.*}} : !llvm.struct<{{.*}}> to memref<?xi16>
func.func @descriptor(%x: !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>) {
  %buffer = builtin.unrealized_conversion_cast %x : !llvm.struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)> to memref<?xbf16>
  func.call @other(%buffer) : (memref<?xbf16>) -> ()
  return
}
// CHECK: func.func private @other(memref<?xi16>)
func.func private @other(memref<?xbf16>)

// -----

// Another chip's kernels are not this one's.
// CHECK: llvm.func @kernel(%{{.*}}: bf16)
gpu.module @device {
  llvm.func @kernel(%x: bf16) {
    llvm.return
  }
}

// -----

// 64 bits would be rounded twice.
func.func @double(%x: f64) -> bf16 {
  // expected-error @+1 {{expected a conversion between bf16 and f32, got 'f64' and 'bf16'}}
  %y = arith.truncf %x : f64 to bf16
  return %y : bf16
}
