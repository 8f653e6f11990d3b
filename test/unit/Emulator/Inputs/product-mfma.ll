; c (32 x 16, f32) = a (32 x 16, f16, rows) * b (16 x 16, f16, columns) by two
; waves of 64, through near memory.
target triple = "amdgcn-amd-amdhsa"

@nearA = internal addrspace(3) global [512 x half] poison, align 16
@nearB = internal addrspace(3) global [256 x half] poison, align 16

define amdgpu_kernel void @product(ptr addrspace(1) %a, ptr addrspace(1) %b, ptr addrspace(1) %c) "amdgpu-flat-work-group-size"="128,128" "target-cpu"="gfx942" {
entry:
  %tid = call i32 @llvm.amdgcn.workitem.id.x()
  %lo = call i32 @llvm.amdgcn.mbcnt.lo(i32 -1, i32 0)
  %lane = call i32 @llvm.amdgcn.mbcnt.hi(i32 -1, i32 %lo)
  %wave = lshr i32 %tid, 6
  %four = shl i32 %tid, 2
  %four64 = zext i32 %four to i64
  %ga = getelementptr half, ptr addrspace(1) %a, i64 %four64
  %va = load <4 x half>, ptr addrspace(1) %ga, align 8
  %sa = getelementptr half, ptr addrspace(3) @nearA, i32 %four
  store <4 x half> %va, ptr addrspace(3) %sa, align 8
  %two = shl i32 %tid, 1
  %two64 = zext i32 %two to i64
  %gb = getelementptr half, ptr addrspace(1) %b, i64 %two64
  %vb = load <2 x half>, ptr addrspace(1) %gb, align 4
  %sb = getelementptr half, ptr addrspace(3) @nearB, i32 %two
  store <2 x half> %vb, ptr addrspace(3) %sb, align 4
  fence syncscope("workgroup") release
  call void @llvm.amdgcn.s.barrier() ; FULL
  fence syncscope("workgroup") acquire
  %in = and i32 %lane, 15
  %block = lshr i32 %lane, 4
  %waveRow = shl i32 %wave, 4
  %row = add i32 %waveRow, %in
  %rowAt = shl i32 %row, 4
  %kAt = shl i32 %block, 2
  %atA = add i32 %rowAt, %kAt
  %inAt = shl i32 %in, 4
  %atB = add i32 %inAt, %kAt
  %pa = getelementptr half, ptr addrspace(3) @nearA, i32 %atA
  %pb = getelementptr half, ptr addrspace(3) @nearB, i32 %atB
  %fa = load <4 x half>, ptr addrspace(3) %pa, align 8
  %fb = load <4 x half>, ptr addrspace(3) %pb, align 8
  %d = call <4 x float> @llvm.amdgcn.mfma.f32.16x16x16f16(<4 x half> %fa, <4 x half> %fb, <4 x float> zeroinitializer, i32 0, i32 0, i32 0)
  %outRow0 = shl i32 %block, 2
  %outRow = add i32 %outRow0, %waveRow
  %outAt0 = shl i32 %outRow, 4
  %outAt = add i32 %outAt0, %in
  %outAt64 = zext i32 %outAt to i64
  %p0 = getelementptr float, ptr addrspace(1) %c, i64 %outAt64
  %p1 = getelementptr float, ptr addrspace(1) %p0, i64 16
  %p2 = getelementptr float, ptr addrspace(1) %p0, i64 32
  %p3 = getelementptr float, ptr addrspace(1) %p0, i64 48
  %d0 = extractelement <4 x float> %d, i32 0
  %d1 = extractelement <4 x float> %d, i32 1
  %d2 = extractelement <4 x float> %d, i32 2
  %d3 = extractelement <4 x float> %d, i32 3
  store float %d0, ptr addrspace(1) %p0
  store float %d1, ptr addrspace(1) %p1
  store float %d2, ptr addrspace(1) %p2
  store float %d3, ptr addrspace(1) %p3
  ret void
}
