// Sums of products of pairs, in the order of the elements: lane i is
// 2 + (2i) * (2i) + (2i + 1) * (2i + 1), exact in f32.
// REQUIRES: bf16-pairs
// RUN: fovea-run %s --from vector --random 32=arange,16=2 --output %t.npy
// RUN: %python -c "import numpy, sys; i = numpy.arange(32.0).reshape(16, 2); assert (numpy.load(sys.argv[1]) == 2 + (i * i).sum(axis=1)).all(); print('good')" %t.npy | FileCheck %s
// CHECK: good
func.func @dot(%x: memref<32xbf16>, %c: memref<16xf32>, %out: memref<16xf32> {fovea.output}) {
  %zero = arith.constant 0 : index
  %a = vector.load %x[%zero] : memref<32xbf16>, vector<32xbf16>
  %s = vector.load %c[%zero] : memref<16xf32>, vector<16xf32>
  %d = tile.dot_pairs %s, %a, %a : vector<16xf32>, vector<32xbf16>, vector<32xbf16> -> vector<16xf32>
  vector.store %d, %out[%zero] : memref<16xf32>, vector<16xf32>
  return
}
