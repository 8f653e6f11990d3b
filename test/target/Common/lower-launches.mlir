// RUN: fovea-opt %s --fovea-lower-checks --fovea-lower-launches | FileCheck %s

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @first(%x: memref<?xf32>, %c: f32, %task: index)
        attributes {tile.kernel, tile.near_bytes = 768 : i64, tile.messages = ["one", "two"], tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 4, stages = 1>} {
      return
    }
    func.func @second(%x: memref<?x8xf32>, %task: index)
        attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 2, stages = 1>} {
      return
    }
  }

  // CHECK: llvm.mlir.global internal constant @first_messages() {{.*}} : !llvm.array<2 x ptr>
  // CHECK-LABEL: func.func @host
  // CHECK: %[[FAILED:.*]] = llvm.alloca %{{.*}} x i32
  // CHECK: %[[ZERO:.*]] = llvm.mlir.constant(0 : i32)
  // CHECK: llvm.store %[[ZERO]], %[[FAILED]]
  // CHECK: %[[MANY:.*]] = llvm.call @fovea_rt_parallelism() : () -> i32

  // A buffer of n x 8 elements of 4 bytes.
  // CHECK: %[[FOUR:.*]] = llvm.mlir.constant(4 : i64)
  // CHECK: %[[BYTES:.*]] = llvm.mul %{{.*}}, %[[FOUR]] : i64
  // CHECK: %[[MEMORY:.*]] = llvm.call @fovea_rt_device_alloc(%[[BYTES]])
  // CHECK: llvm.icmp "eq" %[[MEMORY]]

  // CHECK: %[[TEXTS:.*]] = llvm.mlir.addressof @first_messages
  // CHECK: %[[TWO:.*]] = llvm.mlir.constant(2 : i32)
  // CHECK: %[[STATUS:.*]] = llvm.call @fovea_rt_status(%[[TEXTS]], %[[TWO]])
  // CHECK: %[[LAST:.*]] = llvm.getelementptr %[[FIELDS:.*]][0, 6] : {{.*}}, !llvm.struct<(ptr, ptr, i64, i64, i64, f32, ptr)>
  // CHECK: llvm.store %[[STATUS]], %[[LAST]]
  // CHECK: %[[SLOT:.*]] = llvm.getelementptr %[[ARRAY:.*]][0, 6] : {{.*}}, !llvm.array<7 x ptr>
  // CHECK: llvm.store %[[LAST]], %[[SLOT]]
  // CHECK: %[[TASKS:.*]] = llvm.select %{{.*}}, %{{.*}}, %{{.*}} : i1, i64
  // CHECK: %[[THREADS:.*]] = llvm.mlir.constant(128 : i32)
  // CHECK: %[[NEAR:.*]] = llvm.mlir.constant(768 : i64)
  // CHECK: %[[RESULT:.*]] = llvm.call @fovea_rt_launch(%{{.*}}, %[[TASKS]], %[[THREADS]], %[[NEAR]], %[[ARRAY]])
  // CHECK: llvm.icmp "ne" %[[RESULT]]

  // CHECK: scf.if
  // CHECK: llvm.mlir.constant(64 : i32)
  // CHECK: llvm.call @fovea_rt_launch
  // CHECK: llvm.call @fovea_rt_device_free
  // CHECK: %[[WORD:.*]] = llvm.load %[[FAILED]]
  // CHECK: %[[ANY:.*]] = arith.ori %{{.*}}, %[[WORD]]
  // CHECK: return %[[ANY]] : i32
  func.func @host(%x: memref<?xf32>, %more: i1) {
    %n = tile.threads
    %c = arith.constant 2.0 : f32
    %good = arith.cmpi sgt, %n, %n : index
    %state = memref.alloc(%n) : memref<?x8xf32>
    tile.run @device::@first tasks %n(%x, %c) : memref<?xf32>, f32
    scf.if %more {
      tile.run @device::@second tasks %n(%state) : memref<?x8xf32>
    }
    memref.dealloc %state : memref<?x8xf32>
    return
  }
}
