// With --rounds each operation rounds to its type of 8 or 16 bits, to nearest
// and ties to even. By hand; spacing of bf16 is 2 from 256 and 4 from 512, that
// of f16 from 2048 is 2, that of f8E4M3FN from 16 is 2.
// RUN: fovea-interpret --all --rounds %s | FileCheck %s

// 257 lies between 256 and 258, 259 between 258 and 260.
// CHECK-LABEL: @conversions
// CHECK-NEXT: f32: 256
// CHECK-NEXT: f32: 260
// CHECK-NEXT: f32: 2048
// CHECK-NEXT: f32: 2052
// CHECK-NEXT: f32: 16
// CHECK-NEXT: f32: 20
// CHECK-NEXT: f32: inf
// CHECK-NEXT: f32: nan
func.func @conversions() -> (f32, f32, f32, f32, f32, f32, f32, f32) {
  %a = arith.constant 257.0 : f32
  %b = arith.constant 259.0 : f32
  %c = arith.constant 2049.0 : f32
  %d = arith.constant 2051.0 : f32
  %e = arith.constant 17.0 : f32
  %f = arith.constant 19.0 : f32
  %g = arith.constant 65520.0 : f32
  %nan = arith.constant 0x7FC00000 : f32
  %a16 = arith.truncf %a : f32 to bf16
  %b16 = arith.truncf %b : f32 to bf16
  %c16 = arith.truncf %c : f32 to f16
  %d16 = arith.truncf %d : f32 to f16
  %e8 = arith.truncf %e : f32 to f8E4M3FN
  %f8 = arith.truncf %f : f32 to f8E4M3FN
  %g16 = arith.truncf %g : f32 to f16
  %nan16 = arith.truncf %nan : f32 to bf16
  %ax = arith.extf %a16 : bf16 to f32
  %bx = arith.extf %b16 : bf16 to f32
  %cx = arith.extf %c16 : f16 to f32
  %dx = arith.extf %d16 : f16 to f32
  %ex = arith.extf %e8 : f8E4M3FN to f32
  %fx = arith.extf %f8 : f8E4M3FN to f32
  %gx = arith.extf %g16 : f16 to f32
  %nanx = arith.extf %nan16 : bf16 to f32
  return %ax, %bx, %cx, %dx, %ex, %fx, %gx, %nanx : f32, f32, f32, f32, f32, f32, f32, f32
}

// 256 + 1 is 256 and so is that plus 1; 23 * 23 = 529 is nearest to 528. f32 is
// computed in double here, too: 2^-30 stays.
// CHECK-LABEL: @arithmetic
// CHECK-NEXT: f32: 256
// CHECK-NEXT: f32: 528
// CHECK-NEXT: f32: 1
func.func @arithmetic() -> (f32, f32, f32) {
  %many = arith.constant 256.0 : bf16
  %one = arith.constant 1.0 : bf16
  %more = arith.addf %many, %one : bf16
  %most = arith.addf %more, %one : bf16
  %n = arith.constant 23.0 : bf16
  %square = arith.mulf %n, %n : bf16
  %x = arith.extf %most : bf16 to f32
  %y = arith.extf %square : bf16 to f32
  %unit = arith.constant 1.0 : f32
  %small = arith.constant 9.31322574615478515625e-10 : f32
  %sum = arith.addf %unit, %small : f32
  %left = arith.subf %sum, %unit : f32
  %ratio = arith.divf %left, %small : f32
  return %x, %y, %ratio : f32, f32, f32
}
