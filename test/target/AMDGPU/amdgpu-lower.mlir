// RUN: fovea-opt %s --pass-pipeline="builtin.module(fovea-amdgpu-schedule{chip=gfx942},gpu.module(fovea-amdgpu-lower{chip=gfx942}))" | FileCheck %s

// CHECK: #[[LOCAL:.*]] = #llvm.mmra_tag<"amdgpu-synchronize-as":"local">
gpu.module @device {
  // CHECK-LABEL: func.func @ids(%{{.*}}: memref<?xi32>)
  // CHECK-SAME: fovea.convention = #llvm.cconv<amdgpu_kernelcc>
  // CHECK-SAME: ["amdgpu-flat-work-group-size", "128,128"]
  // CHECK-SAME: tile.threads = 128 : i32
  // CHECK: llvm.call_intrinsic "llvm.amdgcn.workgroup.id.x"() : () -> i32
  // CHECK: llvm.call_intrinsic "llvm.amdgcn.workitem.id.x"() : () -> i32
  // CHECK: llvm.fence syncscope("workgroup") release {llvm.mmra = #[[LOCAL]]}
  // CHECK-NEXT: llvm.call_intrinsic "llvm.amdgcn.s.barrier"() : () -> ()
  // CHECK-NEXT: llvm.fence syncscope("workgroup") acquire {llvm.mmra = #[[LOCAL]]}
  func.func @ids(%out: memref<?xi32>, %task: index)
      attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 64, keys = 16, block = 16, lanes = 64, pairs = false, splits = 1, subgroups = 2, stages = 1>} {
    %t = gpu.thread_id x
    %v = arith.index_cast %t : index to i32
    gpu.barrier
    memref.store %v, %out[%task] : memref<?xi32>
    return
  }

  // Operands of bf16 are integers to the older instructions, single elements
  // are scalars, and the last three operands ask for no broadcasts.
  // CHECK-LABEL: func.func @products
  // CHECK: "llvm.amdgcn.mfma.f32.32x32x8f16"({{.*}}) : (vector<4xf16>, vector<4xf16>, vector<16xf32>, i32, i32, i32) -> vector<16xf32>
  // CHECK: "llvm.amdgcn.mfma.f32.32x32x8bf16.1k"({{.*}}) : (vector<4xi16>, vector<4xi16>, vector<16xf32>, i32, i32, i32) -> vector<16xf32>
  // CHECK: "llvm.amdgcn.mfma.f32.32x32x2f32"({{.*}}) : (f32, f32, vector<16xf32>, i32, i32, i32) -> vector<16xf32>
  func.func @products(%a: vector<4xf16>, %b: vector<4xbf16>, %x: vector<1xf32>, %out: memref<?xf32>, %task: index)
      attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 64, keys = 16, block = 16, lanes = 64, pairs = false, splits = 1, subgroups = 1, stages = 1>} {
    %zero = arith.constant dense<0.0> : vector<16xf32>
    %s = tile.matrix %a, %a, %zero shape [32, 32, 8] : vector<4xf16>, vector<4xf16>, vector<16xf32>
    %t = tile.matrix %b, %b, %s shape [32, 32, 8] : vector<4xbf16>, vector<4xbf16>, vector<16xf32>
    %u = tile.matrix %x, %x, %t shape [32, 32, 2] : vector<1xf32>, vector<1xf32>, vector<16xf32>
    vector.store %u, %out[%task] : memref<?xf32>, vector<16xf32>
    return
  }

  // Both sides of the branch inside update the state that the loop carries: they
  // become two branches, one after the other. So the first must hand the state
  // on, and the second start from that. A branch that makes something anew (%n)
  // stays as it is.
  // CHECK-LABEL: func.func @sides
  // CHECK: scf.for {{.*}} iter_args([[S:%.*]] = %{{.*}}, %{{.*}} = %{{.*}})
  // CHECK: scf.if %arg0 -> (f32)
  // CHECK-NEXT: [[FULL:%.*]] = scf.if [[ALL:%.*]] -> (f32) {
  // CHECK-NEXT: arith.addf [[S]], [[S]]
  // CHECK: } else {
  // CHECK-NEXT: scf.yield [[S]]
  // CHECK: [[REST:%.*]] = arith.cmpi eq, [[ALL]], %false
  // CHECK-NEXT: [[BOTH:%.*]] = scf.if [[REST]] -> (f32) {
  // CHECK-NEXT: arith.mulf [[FULL]], [[FULL]]
  // CHECK: } else {
  // CHECK-NEXT: scf.yield [[FULL]]
  // CHECK: scf.yield [[BOTH]]
  // CHECK-NEXT: } else {
  // CHECK-NEXT: scf.yield [[S]]
  // CHECK: scf.if [[ALL]] -> (f32)
  // CHECK-NOT: cmpi
  // CHECK: return
  func.func @sides(%any: i1, %all: i1, %x: f32, %out: memref<?xf32>, %task: index)
      attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 64, keys = 16, block = 16, lanes = 64, pairs = false, splits = 1, subgroups = 1, stages = 1>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c8 = arith.constant 8 : index
    %r:2 = scf.for %i = %c0 to %c8 step %c1 iter_args(%s = %x, %h = %x) -> (f32, f32) {
      memref.store %h, %out[%i] : memref<?xf32>
      %m = scf.if %any -> (f32) {
        %k = scf.if %all -> (f32) {
          %full = arith.addf %s, %s : f32
          scf.yield %full : f32
        } else {
          %part = arith.mulf %s, %s : f32
          scf.yield %part : f32
        }
        scf.yield %k : f32
      } else {
        scf.yield %s : f32
      }
      %n = scf.if %all -> (f32) {
        %wide = memref.load %out[%i] : memref<?xf32>
        scf.yield %wide : f32
      } else {
        scf.yield %x : f32
      }
      scf.yield %m, %n : f32, f32
    }
    memref.store %r#0, %out[%task] : memref<?xf32>
    memref.store %r#1, %out[%c8] : memref<?xf32>
    return
  }

  // 177 is quad_perm [1, 0, 3, 2]; 8223 is xor 8 of ds_swizzle; further than 32
  // lanes, and to a given lane, values go by byte addresses.
  // CHECK-LABEL: func.func @exchanges
  // CHECK: %[[QUAD:.*]] = llvm.mlir.constant(177 : i32)
  // CHECK: "llvm.amdgcn.update.dpp.i32"(%{{.*}}, %{{.*}}, %[[QUAD]], %{{.*}}, %{{.*}}, %{{.*}}) : (i32, i32, i32, i32, i32, i1) -> i32
  // CHECK: %[[SWIZZLE:.*]] = llvm.mlir.constant(8223 : i32)
  // CHECK: "llvm.amdgcn.ds.swizzle"(%{{.*}}, %[[SWIZZLE]]) : (i32, i32) -> i32
  // CHECK: "llvm.amdgcn.mbcnt.lo"
  // CHECK: "llvm.amdgcn.mbcnt.hi"
  // CHECK: "llvm.amdgcn.ds.bpermute"(%{{.*}}, %{{.*}}) : (i32, i32) -> i32
  // CHECK: "llvm.amdgcn.ds.bpermute"
  // CHECK: "llvm.amdgcn.exp2.f32"(%{{.*}}) : (f32) -> f32
  func.func @exchanges(%x: f32, %out: memref<?xf32>, %task: index)
      attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 64, keys = 16, block = 16, lanes = 64, pairs = false, splits = 1, subgroups = 1, stages = 1>} {
    %c1 = arith.constant 1 : i32
    %c8 = arith.constant 8 : i32
    %c32 = arith.constant 32 : i32
    %c64 = arith.constant 64 : i32
    %a, %ok1 = gpu.shuffle xor %x, %c1, %c64 : f32
    %b, %ok2 = gpu.shuffle xor %a, %c8, %c64 : f32
    %c, %ok3 = gpu.shuffle xor %b, %c32, %c64 : f32
    %d, %ok4 = gpu.shuffle idx %c, %c8, %c64 : f32
    %e = math.exp2 %d : f32
    memref.store %e, %out[%task] : memref<?xf32>
    return
  }
}
