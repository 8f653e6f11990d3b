; c (16 x 16, f32) = a (16 x 16, f16, rows) * b (16 x 16, f16, columns) by one
; wave of 32; lanes 16 and up repeat the operands of the lower ones.
target triple = "amdgcn-amd-amdhsa"

define amdgpu_kernel void @product(ptr addrspace(1) %a, ptr addrspace(1) %b, ptr addrspace(1) %c) "amdgpu-flat-work-group-size"="32,32" "target-cpu"="gfx1100" {
entry:
  %lane = call i32 @llvm.amdgcn.workitem.id.x()
  %in = and i32 %lane, 15 ; REPEAT
  %rowAt = shl i32 %in, 4
  %rowAt64 = zext i32 %rowAt to i64
  %pa = getelementptr half, ptr addrspace(1) %a, i64 %rowAt64
  %pb = getelementptr half, ptr addrspace(1) %b, i64 %rowAt64
  %fa = load <16 x half>, ptr addrspace(1) %pa, align 16
  %fb = load <16 x half>, ptr addrspace(1) %pb, align 16
  %d = call <8 x float> @llvm.amdgcn.wmma.f32.16x16x16.f16.v8f32.v16f16(<16 x half> %fa, <16 x half> %fb, <8 x float> zeroinitializer)
  %upper = lshr i32 %lane, 4
  %out0 = shl i32 %upper, 4
  %out = add i32 %out0, %in
  br label %loop
loop:
  %v = phi i32 [ 0, %entry ], [ %next, %loop ]
  %value = extractelement <8 x float> %d, i32 %v
  %rows = shl i32 %v, 5
  %at = add i32 %out, %rows
  %at64 = zext i32 %at to i64
  %p = getelementptr float, ptr addrspace(1) %c, i64 %at64
  store float %value, ptr addrspace(1) %p
  %next = add i32 %v, 1
  %more = icmp ult i32 %next, 8
  br i1 %more, label %loop, label %finish
finish:
  ret void
}
