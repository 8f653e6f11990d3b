// The upstream operations that cascades are written with, by hand.
// RUN: fovea-interpret --all %s | FileCheck %s

// CHECK-LABEL: @reals
// CHECK-NEXT: f32: 5
// CHECK-NEXT: f32: -1
// CHECK-NEXT: f32: 6
// CHECK-NEXT: f32: 0.666666667
// CHECK-NEXT: f32: 2
// CHECK-NEXT: f32: -2
// CHECK-NEXT: f32: 3
// CHECK-NEXT: f32: 2
func.func @reals() -> (f32, f32, f32, f32, f32, f32, f32, f32) {
  %a = arith.constant 2.0 : f32
  %b = arith.constant 3.0 : f32
  %add = arith.addf %a, %b : f32
  %sub = arith.subf %a, %b : f32
  %mul = arith.mulf %a, %b : f32
  %div = arith.divf %a, %b : f32
  %rem = arith.remf %a, %b : f32
  %neg = arith.negf %a : f32
  %max = arith.maximumf %a, %b : f32
  %min = arith.minimumf %a, %b : f32
  return %add, %sub, %mul, %div, %rem, %neg, %max, %min : f32, f32, f32, f32, f32, f32, f32, f32
}

// A NaN wins maximumf and minimumf and loses maxnumf and minnumf; every
// ordered comparison with it is false, every unordered one true.
// CHECK-LABEL: @nans
// CHECK-NEXT: f32: nan
// CHECK-NEXT: f32: nan
// CHECK-NEXT: f32: 1
// CHECK-NEXT: f32: 1
// CHECK-NEXT: i1: 0
// CHECK-NEXT: i1: 1
// CHECK-NEXT: f32: 0
// CHECK-NEXT: f32: -0
func.func @nans() -> (f32, f32, f32, f32, i1, i1, f32, f32) {
  %nan = arith.constant 0x7FC00000 : f32
  %one = arith.constant 1.0 : f32
  %max = arith.maximumf %one, %nan : f32
  %min = arith.minimumf %nan, %one : f32
  %maxnum = arith.maxnumf %one, %nan : f32
  %minnum = arith.minnumf %nan, %one : f32
  %olt = arith.cmpf olt, %one, %nan : f32
  %une = arith.cmpf une, %one, %nan : f32
  %zero = arith.constant 0.0 : f32
  %minus = arith.constant -0.0 : f32
  %maxzero = arith.maximumf %minus, %zero : f32
  %minzero = arith.minimumf %zero, %minus : f32
  return %max, %min, %maxnum, %minnum, %olt, %une, %maxzero, %minzero : f32, f32, f32, f32, i1, i1, f32, f32
}

// No rounding: 1 + 2^-30 is lost in f32 and in bf16, and kept here. Constants
// carry their type's rounding: 0.1 as f32 is 0.10000000149011612
// CHECK-LABEL: @no_rounding
// CHECK-NEXT: f32: 1
// CHECK-NEXT: f32: 1.49011611e-09
func.func @no_rounding() -> (f32, f32) {
  %one = arith.constant 1.0 : f32
  %small = arith.constant 9.31322574615478515625e-10 : f32
  %sum = arith.addf %one, %small : f32
  %narrow = arith.truncf %sum : f32 to bf16
  %wide = arith.extf %narrow : bf16 to f32
  %left = arith.subf %wide, %one : f32
  %ratio = arith.divf %left, %small : f32
  %tenth = arith.constant 0.1 : f32
  %exact = arith.constant 0.1 : f64
  %extended = arith.extf %tenth : f32 to f64
  %error = arith.subf %extended, %exact : f64
  %error32 = arith.truncf %error : f64 to f32
  return %ratio, %error32 : f32, f32
}

// -7 and 2: quotients toward zero -3, downwards -4, upwards -3; remainder -1.
// As unsigned i8, -7 is 249: 249 / 2 = 124, remainder 1; shifts by 2: left
// -28, right -2 (floor of -1.75), unsigned right 249 >> 2 = 62.
// CHECK-LABEL: @integers
// CHECK-NEXT: i8: -3
// CHECK-NEXT: i8: -4
// CHECK-NEXT: i8: -3
// CHECK-NEXT: i8: -1
// CHECK-NEXT: i8: 124
// CHECK-NEXT: i8: 1
// CHECK-NEXT: i8: -28
// CHECK-NEXT: i8: -2
// CHECK-NEXT: i8: 62
func.func @integers() -> (i8, i8, i8, i8, i8, i8, i8, i8, i8) {
  %a = arith.constant -7 : i8
  %b = arith.constant 2 : i8
  %div = arith.divsi %a, %b : i8
  %floor = arith.floordivsi %a, %b : i8
  %ceil = arith.ceildivsi %a, %b : i8
  %rem = arith.remsi %a, %b : i8
  %udiv = arith.divui %a, %b : i8
  %urem = arith.remui %a, %b : i8
  %shl = arith.shli %a, %b : i8
  %shr = arith.shrsi %a, %b : i8
  %ushr = arith.shrui %a, %b : i8
  return %div, %floor, %ceil, %rem, %udiv, %urem, %shl, %shr, %ushr : i8, i8, i8, i8, i8, i8, i8, i8, i8
}

// true is 1 without a sign and -1 with one; -1 as i8 is 255 without a sign.
// CHECK-LABEL: @extensions
// CHECK-NEXT: i32: 1
// CHECK-NEXT: i32: -1
// CHECK-NEXT: i32: 255
// CHECK-NEXT: i32: -1
// CHECK-NEXT: f32: 1
// CHECK-NEXT: i1: 1
// CHECK-NEXT: i1: 0
// CHECK-NEXT: i8: 44
// CHECK-NEXT: i8: 127
// CHECK-NEXT: i8: 0
func.func @extensions() -> (i32, i32, i32, i32, f32, i1, i1, i8, i8, i8) {
  %true = arith.constant true
  %a = arith.constant -1 : i8
  %b = arith.constant 1 : i8
  %one = arith.extui %true : i1 to i32
  %minus = arith.extsi %true : i1 to i32
  %u = arith.extui %a : i8 to i32
  %s = arith.extsi %a : i8 to i32
  %f = arith.uitofp %true : i1 to f32
  %ult = arith.cmpi ugt, %a, %b : i8
  %slt = arith.cmpi sgt, %a, %b : i8
  %wide = arith.constant 300 : i32
  %narrow = arith.trunci %wide : i32 to i8
  %big = arith.constant 1.0e9 : f32
  %saturated = arith.fptosi %big : f32 to i8
  %nan = arith.constant 0x7FC00000 : f32
  %zero = arith.fptosi %nan : f32 to i8
  return %one, %minus, %u, %s, %f, %ult, %slt, %narrow, %saturated, %zero : i32, i32, i32, i32, f32, i1, i1, i8, i8, i8
}

// exp 0 = 1, log e^2 = 2, exp2 3 = 8, sqrt 9 = 3, rsqrt 4 = 0.5, 2^10 = 1024,
// |-2| = 2, floor -1.5 = -2, 2 * 3 + 4 = 10, round half to even: 2.5 -> 2.
// CHECK-LABEL: @math
// CHECK-NEXT: f64: 1
// CHECK-NEXT: f64: 2
// CHECK-NEXT: f64: 8
// CHECK-NEXT: f64: 3
// CHECK-NEXT: f64: 0.5
// CHECK-NEXT: f64: 1024
// CHECK-NEXT: f64: 2
// CHECK-NEXT: f64: -2
// CHECK-NEXT: f64: 10
// CHECK-NEXT: f64: 2
func.func @math() -> (f64, f64, f64, f64, f64, f64, f64, f64, f64, f64) {
  %zero = arith.constant 0.0 : f64
  %two = arith.constant 2.0 : f64
  %three = arith.constant 3.0 : f64
  %four = arith.constant 4.0 : f64
  %nine = arith.constant 9.0 : f64
  %ten = arith.constant 10.0 : f64
  %half = arith.constant -1.5 : f64
  %even = arith.constant 2.5 : f64
  %exp = math.exp %zero : f64
  %e2 = math.exp %two : f64
  %log = math.log %e2 : f64
  %exp2 = math.exp2 %three : f64
  %sqrt = math.sqrt %nine : f64
  %rsqrt = math.rsqrt %four : f64
  %pow = math.powf %two, %ten : f64
  %neg = arith.negf %two : f64
  %abs = math.absf %neg : f64
  %floor = math.floor %half : f64
  %fma = math.fma %two, %three, %four : f64
  %round = math.roundeven %even : f64
  return %exp, %log, %exp2, %sqrt, %rsqrt, %pow, %abs, %floor, %fma, %round : f64, f64, f64, f64, f64, f64, f64, f64, f64, f64
}

// Scalar operations work element by element; a select with a scalar condition
// takes one tensor as it is.
// CHECK-LABEL: @elements
// CHECK-NEXT: [2] f32: 11 22
// CHECK-NEXT: [2] f32: 1 20
// CHECK-NEXT: [2] f32: 10 20
func.func @elements() -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %a = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %b = arith.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %which = arith.constant dense<[true, false]> : tensor<2xi1>
  %false = arith.constant false
  %sum = arith.addf %a, %b : tensor<2xf32>
  %mixed = arith.select %which, %a, %b : tensor<2xi1>, tensor<2xf32>
  %one = arith.select %false, %a, %b : tensor<2xf32>
  return %sum, %mixed, %one : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// CHECK-LABEL: @tensors
// CHECK-NEXT: [] index: 3
// CHECK-NEXT: [] i32: 6
// CHECK-NEXT: [3, 2] i32: 1 2 3 4 5 6
// CHECK-NEXT: [6] i32: 1 2 3 4 5 6
// CHECK-NEXT: [2, 2] f32: 7 7 7 7
// CHECK-NEXT: [2, 1] index: 3 3
// CHECK-NEXT: [2, 3] i32: 1 2 3 3 5 6
func.func @tensors() -> (index, i32, tensor<?x2xi32>, tensor<6xi32>, tensor<?x2xf32>, tensor<2x1xindex>, tensor<2x3xi32>) {
  %x = arith.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi32>
  %one = arith.constant 1 : index
  %two = arith.constant 2 : index
  %n = tensor.dim %x, %one : tensor<2x3xi32>
  %e = tensor.extract %x[%one, %two] : tensor<2x3xi32>
  %flat = tensor.collapse_shape %x [[0, 1]] : tensor<2x3xi32> into tensor<6xi32>
  %any = tensor.cast %flat : tensor<6xi32> to tensor<?xi32>
  %pairs = tensor.expand_shape %any [[0, 1]] output_shape [%n, 2] : tensor<?xi32> into tensor<?x2xi32>
  %seven = arith.constant 7.0 : f32
  %splat = tensor.splat %seven[%two] : tensor<?x2xf32>
  %list = tensor.from_elements %n, %n : tensor<2x1xindex>
  %three = arith.constant 3 : i32
  %zero = arith.constant 0 : index
  %changed = tensor.insert %three into %x[%one, %zero] : tensor<2x3xi32>
  return %n, %e, %pairs, %flat, %splat, %list, %changed : index, i32, tensor<?x2xi32>, tensor<6xi32>, tensor<?x2xf32>, tensor<2x1xindex>, tensor<2x3xi32>
}

// sum of i * i for i = 1, 3, 5: 35; the loop that does not run gives its start.
// CHECK-LABEL: @control
// CHECK-NEXT: index: 35
// CHECK-NEXT: index: 5
// CHECK-NEXT: index: 2
func.func @control() -> (index, index, index) {
  %one = arith.constant 1 : index
  %two = arith.constant 2 : index
  %five = arith.constant 5 : index
  %six = arith.constant 6 : index
  %zero = arith.constant 0 : index
  %sum = scf.for %i = %one to %six step %two iter_args(%s = %zero) -> (index) {
    %p = arith.muli %i, %i : index
    %n = arith.addi %s, %p : index
    scf.yield %n : index
  }
  %start = scf.for %i = %six to %one step %two iter_args(%s = %five) -> (index) {
    scf.yield %i : index
  }
  %c = arith.cmpi slt, %five, %two : index
  %r = scf.if %c -> (index) {
    scf.yield %five : index
  } else {
    scf.yield %two : index
  }
  return %sum, %start, %r : index, index, index
}

// CHECK-LABEL: @twice_called
// CHECK-NEXT: f32: 12
func.func @twice_called() -> f32 {
  %x = arith.constant 3.0 : f32
  %y = call @double(%x) : (f32) -> f32
  %z = call @double(%y) : (f32) -> f32
  return %z : f32
}
func.func @double(%x: f32) -> f32 {
  %y = arith.addf %x, %x : f32
  return %y : f32
}

// CHECK-LABEL: @assertion
// CHECK-NEXT: error: {{.*}}upstream.mlir:[[#@LINE + 3]]:3: 'cf.assert' failed: heads of K and V must agree
func.func @assertion() -> f32 {
  %c = arith.constant false
  cf.assert %c, "heads of K and V must agree"
  %x = arith.constant 3.0 : f32
  return %x : f32
}

// CHECK-LABEL: @beyond_the_end
// CHECK-NEXT: error: {{.*}}'tensor.extract' expected index 0 in [0, 2), got 2
func.func @beyond_the_end() -> f32 {
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %i = arith.constant 2 : index
  %e = tensor.extract %x[%i] : tensor<2xf32>
  return %e : f32
}

// CHECK-LABEL: @division_by_zero
// CHECK-NEXT: error: {{.*}}'arith.divsi' expected a divisor other than 0, got 0
func.func @division_by_zero() -> i32 {
  %x = arith.constant 1 : i32
  %zero = arith.constant 0 : i32
  %r = arith.divsi %x, %zero : i32
  return %r : i32
}

// CHECK-LABEL: @unknown
// CHECK-NEXT: error: {{.*}}'vector.broadcast' is not supported by the interpreter
func.func @unknown() -> f32 {
  %x = arith.constant 1.0 : f32
  %v = vector.broadcast %x : f32 to vector<2xf32>
  return %x : f32
}

// CHECK-LABEL: @endless
// CHECK-NEXT: error: {{.*}}'func.call' expected calls nested at most 64 deep
func.func @endless() -> f32 {
  %x = call @endless() : () -> f32
  return %x : f32
}

// CHECK-LABEL: @uneven
// CHECK-NEXT: error: {{.*}}'tensor.expand_shape' expected dimension 0 of [5] to be split without remainder, got [2, 2]
func.func @uneven() -> tensor<?x2xf32> {
  %x = arith.constant dense<0.0> : tensor<5xf32>
  %any = tensor.cast %x : tensor<5xf32> to tensor<?xf32>
  %two = arith.constant 2 : index
  %r = tensor.expand_shape %any [[0, 1]] output_shape [%two, 2] : tensor<?xf32> into tensor<?x2xf32>
  return %r : tensor<?x2xf32>
}
