; As product-wmma-11.ll, in bf16, where each half of the wave holds eight of the
; sixteen elements of a row.
target triple = "amdgcn-amd-amdhsa"

define amdgpu_kernel void @product(ptr addrspace(1) %a, ptr addrspace(1) %b, ptr addrspace(1) %c) "amdgpu-flat-work-group-size"="32,32" "target-cpu"="gfx1201" {
entry:
  %lane = call i32 @llvm.amdgcn.workitem.id.x()
  %in = and i32 %lane, 15
  %upper = lshr i32 %lane, 4
  %rowAt = shl i32 %in, 4
  %halfAt = shl i32 %upper, 3
  %at0 = add i32 %rowAt, %halfAt
  %at64 = zext i32 %at0 to i64
  %pa = getelementptr bfloat, ptr addrspace(1) %a, i64 %at64
  %pb = getelementptr bfloat, ptr addrspace(1) %b, i64 %at64
  %fa = load <8 x i16>, ptr addrspace(1) %pa, align 16
  %fb = load <8 x i16>, ptr addrspace(1) %pb, align 16
  %d = call <8 x float> @llvm.amdgcn.wmma.f32.16x16x16.bf16.v8f32.v8i16(<8 x i16> %fa, <8 x i16> %fb, <8 x float> zeroinitializer)
  %out0 = shl i32 %upper, 7
  %out = add i32 %out0, %in
  br label %loop
loop:
  %v = phi i32 [ 0, %entry ], [ %next, %loop ]
  %value = extractelement <8 x float> %d, i32 %v
  %rows = shl i32 %v, 4
  %at = add i32 %out, %rows
  %atOut = zext i32 %at to i64
  %p = getelementptr float, ptr addrspace(1) %c, i64 %atOut
  store float %value, ptr addrspace(1) %p
  %next = add i32 %v, 1
  %more = icmp ult i32 %next, 8
  br i1 %more, label %loop, label %finish
finish:
  ret void
}
