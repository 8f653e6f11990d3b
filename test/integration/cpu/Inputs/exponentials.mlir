// Sixteen elements per task.
func.func @exponentials(%x: memref<?xf32>, %a: memref<?xf32> {fovea.output}, %b: memref<?xf32> {fovea.output}) {
  %zero = arith.constant 0 : index
  %size = memref.dim %x, %zero : memref<?xf32>
  %wide = arith.constant 16 : index
  %rest = arith.remui %size, %wide : index
  %fits = arith.cmpi eq, %rest, %zero : index
  cf.assert %fits, "expected a multiple of 16 elements"
  %tasks = arith.divui %size, %wide : index
  tile.run @task tasks %tasks(%x, %a, %b) : memref<?xf32>, memref<?xf32>, memref<?xf32>
  return
}

func.func private @task(%x: memref<?xf32>, %a: memref<?xf32>, %b: memref<?xf32>, %task: index) {
  %wide = arith.constant 16 : index
  %at = arith.muli %task, %wide : index
  %v = vector.load %x[%at] : memref<?xf32>, vector<16xf32>
  %e = math.exp %v : vector<16xf32>
  %e2 = math.exp2 %v : vector<16xf32>
  vector.store %e, %a[%at] : memref<?xf32>, vector<16xf32>
  vector.store %e2, %b[%at] : memref<?xf32>, vector<16xf32>
  return
}
