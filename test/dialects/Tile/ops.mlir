// RUN: fovea-opt %s | fovea-opt | FileCheck %s

// CHECK-LABEL: @attributes
// CHECK-SAME: .register = tensor<8x16xf32, #tile.in<register, [k, q]>>
// CHECK-SAME: .near = tensor<8x16xf32, #tile.in<near, [k, q]>>
// CHECK-SAME: .accumulator = tensor<8x16xf32, #tile.in<accumulator, [k, q]>>
// CHECK-SAME: .far = tensor<8x16xf32, #tile.in<far, [k, q]>>
// CHECK-SAME: .point = #tile.in<near, []>
// CHECK-SAME: tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = true, splits = 4>
func.func private @attributes() attributes {
  a.register = tensor<8x16xf32, #tile.in<register, [k, q]>>,
  b.near = tensor<8x16xf32, #tile.in<near, [k, q]>>,
  c.accumulator = tensor<8x16xf32, #tile.in<accumulator, [k, q]>>,
  d.far = tensor<8x16xf32, #tile.in<far, [k, q]>>,
  e.point = #tile.in<near, []>,
  tile.schedule = #tile.schedule<rows = 32, keys = 256, block = 8, lanes = 16, pairs = true, splits = 4>
}

// Two ranges, two carried tiles; a guard inside.
// CHECK-LABEL: @stream
// CHECK: tile.stream "k" from(%{{.*}}, %{{.*}}) to(%{{.*}}, %{{.*}}) step 256 init(%{{.*}}, %{{.*}}) visible {
// CHECK: ^bb0(%{{.*}}: index, %{{.*}}: index):
// CHECK: tile.yield %{{.*}}, %{{.*}} : i1, i1
// CHECK: } body {
// CHECK: tile.guard %{{.*}}, %{{.*}} else %{{.*}} : tensor<16xi1, #tile.in<register, [q]>>, tensor<16xf32, #tile.in<register, [q]>> else f32 -> tensor<16xf32, #tile.in<register, [q]>>
// CHECK: tile.yield
// CHECK: } : (tensor<16xf32, #tile.in<register, [q]>>, tensor<16xf32, #tile.in<register, [q]>>) -> (tensor<16xf32, #tile.in<register, [q]>>, tensor<16xf32, #tile.in<register, [q]>>)
func.func @stream(%a: index, %b: index, %c: index, %d: index, %z: f32,
                  %m0: tensor<16xf32, #tile.in<register, [q]>>,
                  %mask: tensor<16xi1, #tile.in<register, [q]>>) {
  %s:2 = tile.stream "k" from (%a, %b) to (%c, %d) step 256 init(%m0, %m0) visible {
  ^bb0(%first: index, %last: index):
    %any = arith.cmpi slt, %first, %last : index
    tile.yield %any, %any : i1, i1
  } body {
  ^bb0(%first: index, %last: index, %m: tensor<16xf32, #tile.in<register, [q]>>, %l: tensor<16xf32, #tile.in<register, [q]>>):
    %g = tile.guard %mask, %m else %z : tensor<16xi1, #tile.in<register, [q]>>, tensor<16xf32, #tile.in<register, [q]>> else f32 -> tensor<16xf32, #tile.in<register, [q]>>
    tile.yield %l, %g : tensor<16xf32, #tile.in<register, [q]>>, tensor<16xf32, #tile.in<register, [q]>>
  } : (tensor<16xf32, #tile.in<register, [q]>>, tensor<16xf32, #tile.in<register, [q]>>)
   -> (tensor<16xf32, #tile.in<register, [q]>>, tensor<16xf32, #tile.in<register, [q]>>)
  return
}

// A mask may lack ranks of the value.
// CHECK-LABEL: @guard_fewer_ranks
// CHECK: tile.stream "k" from(%{{.*}}) to(%{{.*}}) step 8 init() visible
// CHECK: tile.guard %{{.*}}, %{{.*}} else %{{.*}} : tensor<8xi1, #tile.in<register, [k]>>, tensor<8x16xf32, #tile.in<register, [k, q]>> else f32
func.func @guard_fewer_ranks(%a: index, %z: f32, %v: tensor<8x16xf32, #tile.in<register, [k, q]>>,
                             %mask: tensor<8xi1, #tile.in<register, [k]>>) {
  tile.stream "k" from (%a) to (%a) step 8 init() visible {
  ^bb0(%first: index, %last: index):
    %no = arith.constant false
    tile.yield %no, %no : i1, i1
  } body {
  ^bb0(%first: index, %last: index):
    %g = tile.guard %mask, %v else %z : tensor<8xi1, #tile.in<register, [k]>>, tensor<8x16xf32, #tile.in<register, [k, q]>> else f32 -> tensor<8x16xf32, #tile.in<register, [k, q]>>
    tile.yield
  } : () -> ()
  return
}

// CHECK-LABEL: @memory
// CHECK: tile.load %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] dims ["", "k", "d"] bounded ["k"] limits(%{{.*}}) : memref<?x?x64xf32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
// CHECK: tile.load %{{.*}} dims ["", "k", "d"] bounded [] limits() : memref<?x?x64xf32> -> tensor<64x256xf32, #tile.in<near, [d, k]>>
// CHECK: tile.load %{{.*}} dims ["k", "", "", "d"] bounded ["k"] limits(%{{.*}}) through %{{.*}}[%{{.*}}] : memref<?x?x16x64xf32>, memref<?x?xi32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
// CHECK: tile.store %{{.*}}, %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}] dims ["", "k", "d"] bounded ["k"] limits(%{{.*}}) : tensor<64x256xf32, #tile.in<near, [d, k]>>, memref<?x?x64xf32>
func.func @memory(%x: memref<?x?x64xf32>, %pages: memref<?x?x16x64xf32>, %table: memref<?x?xi32>, %i: index) {
  %a = tile.load %x[%i, %i, %i] dims ["", "k", "d"] bounded ["k"] limits(%i)
     : memref<?x?x64xf32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  %b = tile.load %x[%i, %i, %i] dims ["", "k", "d"] bounded [] limits()
     : memref<?x?x64xf32> -> tensor<64x256xf32, #tile.in<near, [d, k]>>
  %c = tile.load %pages[%i, %i, %i, %i] dims ["k", "", "", "d"] bounded ["k"] limits(%i) through %table[%i]
     : memref<?x?x16x64xf32>, memref<?x?xi32> -> tensor<256x64xf32, #tile.in<far, [k, d]>>
  tile.store %b, %x[%i, %i, %i] dims ["", "k", "d"] bounded ["k"] limits(%i)
     : tensor<64x256xf32, #tile.in<near, [d, k]>>, memref<?x?x64xf32>
  return
}

// CHECK-LABEL: @compute
// CHECK: tile.contract %{{.*}}, %{{.*}} : tensor<256x64xbf16, #tile.in<far, [k, d]>>, tensor<64x32xbf16, #tile.in<near, [d, q]>> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
// CHECK: tile.reduce max %{{.*}} : tensor<256x32xf32, #tile.in<register, [k, q]>> -> tensor<32xf32, #tile.in<register, [q]>>
// CHECK: tile.reduce min
// CHECK: tile.reduce sum
// CHECK: tile.broadcast %{{.*}} : tensor<32xf32, #tile.in<register, [q]>> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
// CHECK: tile.broadcast %{{.*}} : f32 -> tensor<32xf32, #tile.in<register, [q]>>
func.func @compute(%kt: tensor<256x64xbf16, #tile.in<far, [k, d]>>, %qt: tensor<64x32xbf16, #tile.in<near, [d, q]>>, %f: f32) {
  %s = tile.contract %kt, %qt : tensor<256x64xbf16, #tile.in<far, [k, d]>>, tensor<64x32xbf16, #tile.in<near, [d, q]>>
       -> tensor<256x32xf32, #tile.in<register, [k, q]>>
  %m = tile.reduce max %s : tensor<256x32xf32, #tile.in<register, [k, q]>> -> tensor<32xf32, #tile.in<register, [q]>>
  %n = tile.reduce min %s : tensor<256x32xf32, #tile.in<register, [k, q]>> -> tensor<32xf32, #tile.in<register, [q]>>
  %l = tile.reduce sum %s : tensor<256x32xf32, #tile.in<register, [k, q]>> -> tensor<32xf32, #tile.in<register, [q]>>
  %b = tile.broadcast %m : tensor<32xf32, #tile.in<register, [q]>> -> tensor<256x32xf32, #tile.in<register, [k, q]>>
  %c = tile.broadcast %f : f32 -> tensor<32xf32, #tile.in<register, [q]>>
  return
}

// CHECK-LABEL: @coordinates
// CHECK: tile.coordinate %{{.*}} : tensor<256xi32, #tile.in<register, [k]>>
// CHECK: tile.lookup %{{.*}}[%{{.*}}, %{{.*}}] : memref<?x?xf32>, index, tensor<256xi32, #tile.in<register, [k]>> -> tensor<256xf32, #tile.in<register, [k]>>
func.func @coordinates(%t: memref<?x?xf32>, %i: index) {
  %k = tile.coordinate %i : tensor<256xi32, #tile.in<register, [k]>>
  %v = tile.lookup %t[%i, %k] : memref<?x?xf32>, index, tensor<256xi32, #tile.in<register, [k]>>
       -> tensor<256xf32, #tile.in<register, [k]>>
  return
}

// CHECK-LABEL: @dot_pairs
// CHECK: tile.dot_pairs %{{.*}}, %{{.*}}, %{{.*}} : vector<16xf32>, vector<32xbf16>, vector<32xbf16> -> vector<16xf32>
func.func @dot_pairs(%acc: vector<16xf32>, %a: vector<32xbf16>, %b: vector<32xbf16>) -> vector<16xf32> {
  %r = tile.dot_pairs %acc, %a, %b : vector<16xf32>, vector<32xbf16>, vector<32xbf16> -> vector<16xf32>
  return %r : vector<16xf32>
}

// CHECK-LABEL: @dot_block
// CHECK: tile.dot_block %arg0[%arg3] by 64, %arg1[%arg3] by 64, %arg2[%arg3] by 32 pairs %arg3 rows 16 columns 32 : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
// CHECK: tile.dot_block {{.*}} rows 16 columns 32 zero : memref
func.func @dot_block(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>, %n: index) {
  tile.dot_block %a[%n] by 64, %b[%n] by 64, %c[%n] by 32 pairs %n rows 16 columns 32 : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  tile.dot_block %a[%n] by 64, %b[%n] by 64, %c[%n] by 32 pairs %n rows 16 columns 32 zero : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}

func.func private @task(memref<?xf32>, index)
func.func private @bare(index)

// CHECK-LABEL: @run
// CHECK: %[[N:.*]] = tile.threads
// CHECK: tile.run @task tasks %[[N]](%{{.*}}) : memref<?xf32>
// CHECK: %[[P:.*]] = tile.parts
// CHECK: tile.run @bare tasks %[[P]](){{$}}
func.func @run(%x: memref<?xf32>) {
  %n = tile.threads
  tile.run @task tasks %n (%x) : memref<?xf32>
  %p = tile.parts
  tile.run @bare tasks %p ()
  return
}

// CHECK-LABEL: @require
// CHECK-SAME: tile.messages = ["a page is out of bounds"]
// CHECK: tile.require %{{.*}}, "a length is negative"{{$}}
// CHECK: tile.require %{{.*}}, "a page is out of bounds" number 0
func.func @require(%c: i1) attributes {tile.messages = ["a page is out of bounds"]} {
  tile.require %c, "a length is negative"
  tile.require %c, "a page is out of bounds" number 0
  return
}

// CHECK-LABEL: @split
// CHECK: tile.load %{{.*}} dims ["q mod", "q div", "d"] bounded ["q"] limits(%{{.*}}) split %{{.*}} : memref<?x?x8xf32> -> tensor<8x4xf32, #tile.in<near, [d, q]>>
// CHECK: tile.store %{{.*}}, %{{.*}} dims ["q div", "d"] bounded [] limits() split %{{.*}} : tensor<8x4xf32, #tile.in<near, [d, q]>>, memref<?x8xf32>
func.func @split(%x: memref<?x?x8xf32>, %y: memref<?x8xf32>, %p: index, %end: index, %heads: index, %c0: index) {
  %t = tile.load %x[%p, %p, %c0] dims ["q mod", "q div", "d"] bounded ["q"] limits(%end) split %heads
       : memref<?x?x8xf32> -> tensor<8x4xf32, #tile.in<near, [d, q]>>
  tile.store %t, %y[%p, %c0] dims ["q div", "d"] bounded [] limits() split %heads
       : tensor<8x4xf32, #tile.in<near, [d, q]>>, memref<?x8xf32>
  return
}

// Bytes through a page table; each holds two elements.
// CHECK-LABEL: @nibbles
// CHECK: tile.load {{.*}} through %{{.*}}[%{{.*}}] : memref<?x?x16x32xi8>, memref<?x?xi32> -> tensor<256x32xi8, #tile.in<far, [k, d]>>
// CHECK: tile.unpack %{{.*}} group 32 : tensor<256x32xi8, #tile.in<far, [k, d]>> -> tensor<256x64xi4, #tile.in<register, [k, d]>>
func.func @nibbles(%x: memref<?x?x16x32xi8>, %t: memref<?x?xi32>, %i: index) {
  %k = tile.load %x[%i, %i, %i, %i] dims ["k", "", "", "d"] bounded [] limits() through %t[%i]
     : memref<?x?x16x32xi8>, memref<?x?xi32> -> tensor<256x32xi8, #tile.in<far, [k, d]>>
  %n = tile.unpack %k group 32 : tensor<256x32xi8, #tile.in<far, [k, d]>> -> tensor<256x64xi4, #tile.in<register, [k, d]>>
  return
}

// CHECK-LABEL: @permute
// CHECK: tile.permute %arg0, %arg1 : vector<16xf32>, vector<16xi32>
func.func @permute(%t: vector<16xf32>, %i: vector<16xi32>) -> vector<16xf32> {
  %v = tile.permute %t, %i : vector<16xf32>, vector<16xi32>
  return %v : vector<16xf32>
}
