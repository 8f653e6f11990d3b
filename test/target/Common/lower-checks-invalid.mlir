// RUN: fovea-opt %s --fovea-lower-checks --split-input-file --verify-diagnostics

// expected-error @below {{expected a kernel without results, got 1}}
func.func @results(%x: memref<?xf32>) -> i32 {
  %zero = arith.constant 0 : i32
  return %zero : i32
}

// -----

// expected-error @below {{expected a kernel of one block}}
func.func @blocks(%x: memref<?xf32>) {
  cf.br ^next
^next:
  return
}

// -----

func.func @nested(%x: memref<?xf32>, %c: i1) {
  scf.if %c {
    // expected-error @below {{expected at the top level of a kernel, where it can end the call}}
    cf.assert %c, "nested"
  }
  return
}

// -----

func.func private @task(%c: i1) {
  // expected-error @below {{expected at the top level of a kernel, where it can end the call}}
  cf.assert %c, "in a task"
  return
}
