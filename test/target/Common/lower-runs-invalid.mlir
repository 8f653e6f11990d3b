// RUN: fovea-opt %s --fovea-lower-runs --split-input-file --verify-diagnostics

func.func @arguments(%x: memref<?xf32>) {
  %n = arith.constant 4 : index
  // expected-error @below {{expected @task to be a function of the arguments and the task's number}}
  tile.run @task tasks %n(%x) : memref<?xf32>
  return
}
func.func private @task(%x: memref<?xf32>) {
  return
}

// -----

func.func @missing(%x: memref<?xf32>) {
  %n = arith.constant 4 : index
  // expected-error @below {{expected @nowhere to be a function of the arguments and the task's number}}
  tile.run @nowhere tasks %n(%x) : memref<?xf32>
  return
}

// -----

func.func @form(%x: tensor<4xf32>) {
  %n = arith.constant 4 : index
  // expected-error @below {{expected arguments that have a form in memory, got 'tensor<4xf32>'}}
  tile.run @task tasks %n(%x) : tensor<4xf32>
  return
}
func.func private @task(%x: tensor<4xf32>, %i: index) {
  return
}

// -----

func.func private @task(%i: index) -> index {
  // expected-error @below {{expected inside a kernel}}
  %n = tile.threads
  return %n : index
}

// -----

func.func private @task(%i: index) -> index {
  // expected-error @below {{expected inside a kernel}}
  %n = tile.parts
  return %n : index
}

// -----

func.func @kernel_of_a_device(%x: memref<?xf32>) {
  %n = arith.constant 4 : index
  // expected-error @below {{expected @device::@task to be a function of the arguments and the task's number}}
  tile.run @device::@task tasks %n(%x) : memref<?xf32>
  return
}

// -----

func.func private @task(%x: memref<?xf32>, %i: index)
func.func @no_status(%x: memref<?xf32>) {
  %n = arith.constant 4 : index
  // expected-error @below {{expected a task of this module, or a kernel that returns its status, in blocks}}
  tile.run @task tasks %n(%x) : memref<?xf32>
  return
}

// -----

func.func private @task(%x: memref<?xf32>, %i: index)
func.func @structured(%x: memref<?xf32>, %c: i1) -> i32 {
  %n = arith.constant 4 : index
  %zero = arith.constant 0 : i32
  scf.if %c {
    // expected-error @below {{expected a task of this module, or a kernel that returns its status, in blocks}}
    tile.run @task tasks %n(%x) : memref<?xf32>
  }
  return %zero : i32
}

// -----

// expected-error @below {{expected a function with a body, of arguments and the task's number, got '(memref<?xf32>) -> ()'}}
func.func private @task(%x: memref<?xf32>) attributes {tile.exported} {
  return
}

// -----

// expected-error @below {{expected arguments that have a form in memory, got 'tensor<4xf32>'}}
func.func private @task(%x: tensor<4xf32>, %i: index) attributes {tile.exported} {
  return
}
