// RUN: fovea-opt %s --fovea-emit-entries --split-input-file --verify-diagnostics

// expected-error @below {{expected the number of threads as the last argument}}
func.func @threads(%x: memref<?xf32>) -> i32 {
  %zero = arith.constant 0 : i32
  return %zero : i32
}

// -----

// expected-error @below {{expected argument 0 to be a buffer of f32, f16, bf16, i32, i64, i1, i8 or f8E4M3FN, got 'memref<?xf64>'}}
func.func @element(%x: memref<?xf64>, %threads: i32) -> i32 {
  %zero = arith.constant 0 : i32
  return %zero : i32
}

// -----

// expected-error @below {{expected argument 0 to be a buffer of f32, f16, bf16, i32, i64, i1, i8 or f8E4M3FN, got 'f32'}}
func.func @scalar(%x: f32, %threads: i32) -> i32 {
  %zero = arith.constant 0 : i32
  return %zero : i32
}

// -----

// expected-error @below {{expected argument 0 to have at most 8 dimensions, got 9}}
func.func @rank(%x: memref<1x1x1x1x1x1x1x1x1xf32>, %threads: i32) -> i32 {
  %zero = arith.constant 0 : i32
  return %zero : i32
}

// -----

// expected-error @below {{expected argument 0 to have strides, got}}
func.func @strides(%x: memref<4x4xf32, affine_map<(i, j) -> (i mod 2, j)>>, %threads: i32) -> i32 {
  %zero = arith.constant 0 : i32
  return %zero : i32
}

// -----

// expected-error @below {{expected argument 0 to take any strides but 1 along its last axis, got 'memref<4x4xf32>'}}
func.func @fixed(%x: memref<4x4xf32>, %threads: i32) -> i32 {
  %zero = arith.constant 0 : i32
  return %zero : i32
}
