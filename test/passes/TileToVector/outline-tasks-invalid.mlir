// RUN: fovea-opt %s -split-input-file -verify-diagnostics --fovea-outline-tasks

func.func @from_one(%x: memref<?xf32>, %m: index, %f: f32)
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected lower bounds 0, steps 1, at least one dimension and no results}}
  scf.forall (%i) = (1) to (%m) step (1) {
    memref.store %f, %x[%i] : memref<?xf32>
  }
  return
}

// -----

func.func @by_two(%x: memref<?xf32>, %m: index, %f: f32)
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected lower bounds 0, steps 1, at least one dimension and no results}}
  scf.forall (%i) = (0) to (%m) step (2) {
    memref.store %f, %x[%i] : memref<?xf32>
  }
  return
}

// -----

func.func @results(%x: tensor<4xf32>, %m: index)
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 4, block = 2, lanes = 4, pairs = false, splits = 1>} {
  // expected-error@+1 {{expected lower bounds 0, steps 1, at least one dimension and no results}}
  %r = scf.forall (%i) in (%m) shared_outs(%o = %x) -> (tensor<4xf32>) {
    scf.forall.in_parallel {
    }
  }
  return
}
