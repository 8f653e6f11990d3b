// RUN: fovea-opt %s --pass-pipeline="builtin.module(fovea-nvptx-schedule{chip=sm_80},gpu.module(fovea-nvptx-lower{chip=sm_80}))" | FileCheck %s
// RUN: fovea-opt %s --pass-pipeline="builtin.module(fovea-nvptx-schedule{chip=sm_80},gpu.module(fovea-nvptx-lower{chip=sm_80},expand-strided-metadata,convert-scf-to-cf,convert-vector-to-llvm,fovea-device-to-llvm,reconcile-unrealized-casts))" | FileCheck %s --check-prefix=LLVM

gpu.module @device {
  // The task's number is the block's; memrefs cross as their fields.
  // CHECK: llvm.mlir.global external @near_memory() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
  // CHECK-LABEL: func.func @ids(%{{.*}}: memref<?xi32>)
  // CHECK-SAME: fovea.convention = #llvm.cconv<ptx_kernelcc>
  // CHECK-SAME: passthrough = {{\[\[}}"nvvm.reqntid", "64"]]
  // CHECK-SAME: tile.threads = 64 : i32
  // CHECK: %[[BLOCK:.*]] = llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.ctaid.x"() : () -> i32
  // CHECK: %[[TASK:.*]] = arith.index_castui %[[BLOCK]] : i32 to index
  // CHECK: llvm.call_intrinsic "llvm.nvvm.read.ptx.sreg.tid.x"() : () -> i32
  // CHECK: llvm.call_intrinsic "llvm.nvvm.barrier.cta.sync.aligned.all"(%{{.*}}) : (i32) -> ()
  // CHECK: memref.store %{{.*}}[%[[TASK]]]
  // LLVM-LABEL: llvm.func ptx_kernelcc @ids(%arg0: !llvm.ptr, %arg1: !llvm.ptr, %arg2: i64, %arg3: i64, %arg4: i64) attributes
  // LLVM-NOT: unrealized_conversion_cast
  // LLVM: llvm.return
  func.func @ids(%out: memref<?xi32>, %task: index)
      attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 2, stages = 1>} {
    %t = gpu.thread_id x
    %v = arith.index_cast %t : index to i32
    gpu.barrier
    memref.store %v, %out[%task] : memref<?xi32>
    return
  }

  // CHECK-LABEL: func.func @copies
  // CHECK: llvm.mlir.addressof @near_memory : !llvm.ptr<3>
  // CHECK: llvm.getelementptr %{{.*}}[256] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8
  // CHECK: %[[SIZE:.*]] = arith.select %{{.*}}, %{{.*}}, %{{.*}} : i32
  // CHECK: llvm.call_intrinsic "llvm.nvvm.cp.async.cg.shared.global.16.s"(%{{.*}}, %{{.*}}, %[[SIZE]]) : (!llvm.ptr<3>, !llvm.ptr<1>, i32) -> ()
  // CHECK: "llvm.nvvm.cp.async.ca.shared.global.4.s"
  // CHECK: "llvm.nvvm.cp.async.commit.group"
  // CHECK: "llvm.nvvm.cp.async.wait.group"
  // CHECK: "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16"(%{{.*}}) : (!llvm.ptr<3>) -> !llvm.struct<(i32, i32, i32, i32)>
  // CHECK: "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x1.b16"(%{{.*}}) : (!llvm.ptr<3>) -> i32
  func.func @copies(%in: memref<?xf16, 1>, %out: memref<?xf16>, %task: index)
      attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 1, stages = 1>} {
    %c0 = arith.constant 0 : index
    %true = arith.constant true
    %near = tile.near 256 : memref<512xf16, 3>
    tile.copy %in[%task] to %near[%c0] count 8 if %true : memref<?xf16, 1> to memref<512xf16, 3>
    tile.copy %in[%task] to %near[%c0] count 2 if %true : memref<?xf16, 1> to memref<512xf16, 3>
    tile.copy_commit
    tile.copy_wait 1
    %v = tile.read_matrix %near[%c0] count 4 transposed : memref<512xf16, 3> -> vector<8xf16>
    %w = tile.read_matrix %near[%c0] count 1 : memref<512xf16, 3> -> vector<2xf16>
    vector.store %v, %out[%c0] : memref<?xf16>, vector<8xf16>
    vector.store %w, %out[%task] : memref<?xf16>, vector<2xf16>
    return
  }

  // CHECK-LABEL: func.func @products
  // CHECK: "llvm.nvvm.mma.m16n8k16.row.col.f32.f32"({{.*}}) : (vector<2xf16>, vector<2xf16>, vector<2xf16>, vector<2xf16>, vector<2xf16>, vector<2xf16>, f32, f32, f32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
  // CHECK: "llvm.nvvm.mma.m16n8k16.row.col.bf16"({{.*}}) : (i32, i32, i32, i32, i32, i32, f32, f32, f32, f32) -> !llvm.struct<(f32, f32, f32, f32)>
  // CHECK: math.fma %{{.*}} : vector<1xf32>
  func.func @products(%a: vector<8xf16>, %b: vector<4xf16>, %d: vector<8xbf16>, %e: vector<4xbf16>, %x: vector<1xf32>, %out: memref<?xf32>, %task: index)
      attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 1, stages = 1>} {
    %zero = arith.constant dense<0.0> : vector<4xf32>
    %s = tile.matrix %a, %b, %zero shape [16, 8, 16] : vector<8xf16>, vector<4xf16>, vector<4xf32>
    %t = tile.matrix %d, %e, %s shape [16, 8, 16] : vector<8xbf16>, vector<4xbf16>, vector<4xf32>
    %u = tile.matrix %x, %x, %x shape [8, 4, 1] : vector<1xf32>, vector<1xf32>, vector<1xf32>
    vector.store %t, %out[%task] : memref<?xf32>, vector<4xf32>
    vector.store %u, %out[%task] : memref<?xf32>, vector<1xf32>
    return
  }

  // Exponentials element by element; other functions become arithmetic.
  // CHECK-LABEL: func.func @functions
  // CHECK-COUNT-2: "llvm.nvvm.ex2.approx.ftz.f32"(%{{.*}}) : (f32) -> f32
  // CHECK: math.fma
  // CHECK: "llvm.nvvm.ex2.approx.ftz.f32"
  // CHECK-NOT: math.log
  // CHECK-NOT: math.tanh
  // CHECK: "llvm.nvvm.shfl.sync.bfly.i32"(%{{.*}}) : (i32, i32, i32, i32) -> i32
  // CHECK: "llvm.nvvm.shfl.sync.idx.i32"(%{{.*}}) : (i32, i32, i32, i32) -> i32
  func.func @functions(%x: vector<2xf32>, %y: f32, %out: memref<?xf32>, %task: index)
      attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 1, stages = 1>} {
    %c1 = arith.constant 1 : i32
    %c32 = arith.constant 32 : i32
    %a = math.exp2 %x : vector<2xf32>
    %b = math.exp %y : f32
    %c = math.log %b : f32
    %d = math.tanh %c : f32
    %e, %ok = gpu.shuffle xor %d, %c1, %c32 : f32
    %bits = arith.bitcast %e : f32 to i32
    %f, %ok2 = gpu.shuffle idx %bits, %c1, %c32 : i32
    %g = arith.bitcast %f : i32 to f32
    memref.store %g, %out[%task] : memref<?xf32>
    vector.store %a, %out[%task] : memref<?xf32>, vector<2xf32>
    return
  }

  // A false condition stores 1 + the number of its message.
  // CHECK-LABEL: func.func @requires
  // CHECK-SAME: (%{{.*}}: i1, %[[WORD:.*]]: !llvm.ptr)
  // CHECK: %[[STATUS:.*]] = llvm.addrspacecast %[[WORD]] : !llvm.ptr to !llvm.ptr<1>
  // CHECK: scf.if
  // CHECK: %[[TWO:.*]] = llvm.mlir.constant(2 : i32)
  // CHECK: llvm.store %[[TWO]], %[[STATUS]] : i32, !llvm.ptr<1>
  // LLVM-LABEL: llvm.func ptx_kernelcc @requires(%arg0: i1, %arg1: !llvm.ptr) attributes
  func.func @requires(%ok: i1, %task: index)
      attributes {tile.kernel, tile.messages = ["a length is negative", "a length is too large"],
                  tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 1, stages = 1>} {
    tile.require %ok, "a length is too large" number 1
    return
  }
}
