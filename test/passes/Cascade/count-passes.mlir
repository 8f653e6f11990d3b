// Every row of the table of worked counts, with its cut edges, and the rules
// of access one by one.
//
// RUN: fovea-opt %s --fovea-count-passes=rank=m -o /dev/null 2>/dev/null | FileCheck %s
// RUN: fovea-opt %s --fovea-count-passes=rank=m1,m0 -o /dev/null 2>/dev/null | FileCheck %s --check-prefix=SPLIT
// RUN: fovea-opt %s --fovea-count-passes=rank=p -o /dev/null 2>/dev/null | FileCheck %s --check-prefix=SLOTS
// RUN: fovea-opt %s --fovea-count-passes=rank=a -o /dev/null 2>/dev/null | FileCheck %s --check-prefix=AGENTS
// RUN: not fovea-opt %s --fovea-count-passes=rank=zz -o /dev/null 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// UNKNOWN: error: expected some function with ranks 'zz'

// CHECK-LABEL: func @three_pass
// CHECK-NEXT: rank m: 3 passes
// CHECK-NEXT: cut GM -> SN: pass 2
// CHECK-NEXT: cut SD -> A: pass 3
// CHECK-NEXT: tensor K: full, input, read in 1, live: tile
// CHECK-NEXT: tensor S: full, made in pass 1, read in 1 2, live: fiber
// CHECK-NEXT: tensor SN: full, made in pass 2, read in 2 3, live: fiber
// CHECK-NEXT: tensor A: full, made in pass 3, read in 3, live: tile
// CHECK-NEXT: tensor V: full, input, read in 3, live: tile
func.func @three_pass(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[p,e], %K[m,e] -> [p,m] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[p,m] -> [p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %SN = cascade.einsum %S[p,m], %GM[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SN"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SN[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %A = cascade.einsum %SN[p,m], %SD[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "A"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %O = cascade.einsum %A[p,m], %V[m,f] -> [p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// CHECK-LABEL: func @division_delay
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut GM -> SN: pass 2
// CHECK-NOT: cut
func.func @division_delay(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[p,e], %K[m,e] -> [p,m] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[p,m] -> [p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %SN = cascade.einsum %S[p,m], %GM[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SN"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SN[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %NV = cascade.einsum %SN[p,m], %V[m,f] -> [p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "NV"} : (tensor<?x?xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %O = cascade.einsum %NV[p,f], %SD[p] -> [p,f] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x32xf32>, tensor<?xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// CHECK-LABEL: func @unstable
// CHECK-NEXT: rank m: 1 pass{{$}}
// CHECK-NOT: cut
func.func @unstable(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[p,e], %K[m,e] -> [p,m] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %SN = cascade.einsum %S[p,m] -> [p,m] {
  ^bb0(%a: f32):
    %r0 = math.exp %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SN"} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SN[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %NV = cascade.einsum %SN[p,m], %V[m,f] -> [p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "NV"} : (tensor<?x?xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %O = cascade.einsum %NV[p,f], %SD[p] -> [p,f] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x32xf32>, tensor<?xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// SPLIT-LABEL: func @local_max
// SPLIT-NEXT: rank m1,m0: 2 passes
// SPLIT-NEXT: cut PLM -> A: pass 2
// SPLIT-NEXT: cut SD -> A: pass 2
// SPLIT-NOT: cut
func.func @local_max(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}) -> tensor<?x32xf32> {
  %n0 = arith.constant 128 : index
  %z = arith.constant 0 : index
  %M = tensor.dim %K, %z : tensor<?x64xf32>
  %M1 = arith.divui %M, %n0 : index
  %BK = tensor.expand_shape %K [[0, 1], [2]] output_shape [%M1, 128, 64] : tensor<?x64xf32> into tensor<?x128x64xf32>
  %BV = tensor.expand_shape %V [[0, 1], [2]] output_shape [%M1, 128, 32] : tensor<?x32xf32> into tensor<?x128x32xf32>
  %S = cascade.einsum %Q[p,e], %BK[m1,m0,e] -> [m1,m0,p] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x128x64xf32>) -> tensor<?x128x?xf32>
  %LM = cascade.einsum %S[m1,m0,p] -> [m1,p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "LM"} : (tensor<?x128x?xf32>) -> tensor<?x?xf32>
  %SLN = cascade.einsum %S[m1,m0,p], %LM[m1,p] -> [m1,m0,p] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SLN"} : (tensor<?x128x?xf32>, tensor<?x?xf32>) -> tensor<?x128x?xf32>
  %SLD = cascade.einsum %SLN[m1,m0,p] -> [m1,p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SLD"} : (tensor<?x128x?xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %LM[m1,p] -> [p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %PLM = cascade.einsum %LM[m1,p], %GM[p] -> [m1,p] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "PLM"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SLD[m1,p], %PLM[m1,p] -> [p] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  %A = cascade.einsum %SLN[m1,m0,p], %PLM[m1,p], %SD[p] -> [m1,m0,p] {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.mulf %a, %b : f32
    %r1 = arith.divf %r0, %c : f32
    cascade.yield %r1 : f32
  } {cascade.name = "A"} : (tensor<?x128x?xf32>, tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x128x?xf32>
  %O = cascade.einsum %A[m1,m0,p], %BV[m1,m0,f] -> [p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x128x?xf32>, tensor<?x128x32xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// SPLIT-LABEL: func @split_k
// SPLIT-NEXT: rank m1,m0: 1 pass{{$}}
// SPLIT-NOT: cut
// SPLIT: tensor SLV: summary, made in pass 1, live: summary
func.func @split_k(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}) -> tensor<?x32xf32> {
  %n0 = arith.constant 128 : index
  %z = arith.constant 0 : index
  %M = tensor.dim %K, %z : tensor<?x64xf32>
  %M1 = arith.divui %M, %n0 : index
  %BK = tensor.expand_shape %K [[0, 1], [2]] output_shape [%M1, 128, 64] : tensor<?x64xf32> into tensor<?x128x64xf32>
  %BV = tensor.expand_shape %V [[0, 1], [2]] output_shape [%M1, 128, 32] : tensor<?x32xf32> into tensor<?x128x32xf32>
  %S = cascade.einsum %Q[p,e], %BK[m1,m0,e] -> [m1,m0,p] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x128x64xf32>) -> tensor<?x128x?xf32>
  %LM = cascade.einsum %S[m1,m0,p] -> [m1,p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "LM"} : (tensor<?x128x?xf32>) -> tensor<?x?xf32>
  %SLN = cascade.einsum %S[m1,m0,p], %LM[m1,p] -> [m1,m0,p] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SLN"} : (tensor<?x128x?xf32>, tensor<?x?xf32>) -> tensor<?x128x?xf32>
  %SLD = cascade.einsum %SLN[m1,m0,p] -> [m1,p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SLD"} : (tensor<?x128x?xf32>) -> tensor<?x?xf32>
  %SLV = cascade.einsum %SLN[m1,m0,p], %BV[m1,m0,f] -> [m1,p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SLV"} : (tensor<?x128x?xf32>, tensor<?x128x32xf32>) -> tensor<?x?x32xf32>
  %GM = cascade.einsum %LM[m1,p] -> [p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %PLM = cascade.einsum %LM[m1,p], %GM[p] -> [m1,p] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "PLM"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SLD[m1,p], %PLM[m1,p] -> [p] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?xf32>
  %NV = cascade.einsum %SLV[m1,p,f], %PLM[m1,p] -> [p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "NV"} : (tensor<?x?x32xf32>, tensor<?x?xf32>) -> tensor<?x32xf32>
  %O = cascade.einsum %NV[p,f], %SD[p] -> [p,f] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x32xf32>, tensor<?xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// SPLIT-LABEL: func @flash_attention
// SPLIT-NEXT: rank m1,m0: 1 pass{{$}}
// SPLIT-NOT: cut
func.func @flash_attention(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}) -> tensor<?x32xf32> {
  %n0 = arith.constant 128 : index
  %z = arith.constant 0 : index
  %M = tensor.dim %K, %z : tensor<?x64xf32>
  %M1 = arith.divui %M, %n0 : index
  %BK = tensor.expand_shape %K [[0, 1], [2]] output_shape [%M1, 128, 64] : tensor<?x64xf32> into tensor<?x128x64xf32>
  %BV = tensor.expand_shape %V [[0, 1], [2]] output_shape [%M1, 128, 32] : tensor<?x32xf32> into tensor<?x128x32xf32>
  %S = cascade.einsum %Q[p,e], %BK[m1,m0,e] -> [m1,m0,p] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x128x64xf32>) -> tensor<?x128x?xf32>
  %LM = cascade.einsum %S[m1,m0,p] -> [m1,p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "LM"} : (tensor<?x128x?xf32>) -> tensor<?x?xf32>
  %ninf = arith.constant 0xFF800000 : f32
  %zero = arith.constant 0.0 : f32
  %RMx, %RM, %GM = cascade.scan over "m1" emit [exclusive, inclusive, final] init(%ninf[]) ins(%LM[m1,p]) -> [m1,p] {
  ^bb0(%c: f32, %a: f32):
    %n = arith.maximumf %c, %a : f32
    cascade.yield %n : f32
  } {cascade.name = ["RMx", "RM", "GM"]} : (f32), (tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?xf32>)
  %SLN = cascade.einsum %S[m1,m0,p], %RM[m1,p] -> [m1,m0,p] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SLN"} : (tensor<?x128x?xf32>, tensor<?x?xf32>) -> tensor<?x128x?xf32>
  %SLD = cascade.einsum %SLN[m1,m0,p] -> [m1,p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SLD"} : (tensor<?x128x?xf32>) -> tensor<?x?xf32>
  %SLV = cascade.einsum %SLN[m1,m0,p], %BV[m1,m0,f] -> [m1,p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SLV"} : (tensor<?x128x?xf32>, tensor<?x128x32xf32>) -> tensor<?x?x32xf32>
  %PRM = cascade.einsum %RMx[m1,p], %RM[m1,p] -> [m1,p] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "PRM"} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %RD = cascade.scan over "m1" emit [final] init(%zero[]) ins(%PRM[m1,p], %SLD[m1,p]) -> [m1,p] {
  ^bb0(%c: f32, %x: f32, %l: f32):
    %s = arith.mulf %c, %x : f32
    %n = arith.addf %s, %l : f32
    cascade.yield %n : f32
  } {cascade.name = "RD"} : (f32), (tensor<?x?xf32>, tensor<?x?xf32>) -> (tensor<?xf32>)
  %RNV = cascade.scan over "m1" emit [final] init(%zero[]) ins(%PRM[m1,p], %SLV[m1,p,f]) -> [m1,p,f] {
  ^bb0(%c: f32, %x: f32, %l: f32):
    %s = arith.mulf %c, %x : f32
    %n = arith.addf %s, %l : f32
    cascade.yield %n : f32
  } {cascade.name = "RNV"} : (f32), (tensor<?x?xf32>, tensor<?x?x32xf32>) -> (tensor<?x32xf32>)
  %O = cascade.einsum %RNV[p,f], %RD[p] -> [p,f] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x32xf32>, tensor<?xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// CHECK-LABEL: func @product_of_sums
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut Y -> Z: pass 2
// CHECK-NEXT: tensor A: full, input, read in 1 2, live: fiber
// CHECK-NEXT: tensor B: full, input, read in 1, live: tile
func.func @product_of_sums(%A: tensor<?xf32> {cascade.name = "A"}, %B: tensor<?xf32> {cascade.name = "B"}) -> f32 {
  %Y = cascade.einsum %A[m], %B[m] -> [] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Y"} : (tensor<?xf32>, tensor<?xf32>) -> f32
  %Z = cascade.einsum %Y[], %A[m] -> [] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Z"} : (f32, tensor<?xf32>) -> f32
  return %Z : f32
}

// CHECK-LABEL: func @product_of_sums_deferred
// CHECK-NEXT: rank m: 1 pass{{$}}
// CHECK-NOT: cut
func.func @product_of_sums_deferred(%A: tensor<?xf32> {cascade.name = "A"}, %B: tensor<?xf32> {cascade.name = "B"}) -> f32 {
  %Y = cascade.einsum %A[m], %B[m] -> [] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Y"} : (tensor<?xf32>, tensor<?xf32>) -> f32
  %X = cascade.einsum %A[m] -> [] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "X"} : (tensor<?xf32>) -> f32
  %Z = cascade.einsum %Y[], %X[] -> [] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Z"} : (f32, f32) -> f32
  return %Z : f32
}

// CHECK-LABEL: func @layer_norm
// CHECK-NEXT: rank m: 3 passes
// CHECK-NEXT: cut MU -> XC: pass 2
// CHECK-NEXT: cut VAR -> Y: pass 3
func.func @layer_norm(%X: tensor<?x?xf32> {cascade.name = "X"}, %N: f32 {cascade.name = "N"}) -> tensor<?x?xf32> {
  %SX = cascade.einsum %X[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %MU = cascade.einsum %SX[p], %N[] -> [p] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "MU"} : (tensor<?xf32>, f32) -> tensor<?xf32>
  %XC = cascade.einsum %X[p,m], %MU[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "XC"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SQ = cascade.einsum %XC[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    %r0 = arith.mulf %a, %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SQ"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %VAR = cascade.einsum %SQ[p], %N[] -> [p] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "VAR"} : (tensor<?xf32>, f32) -> tensor<?xf32>
  %Y = cascade.einsum %XC[p,m], %VAR[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = math.rsqrt %b : f32
    %r1 = arith.mulf %a, %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "Y"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %Y : tensor<?x?xf32>
}

// CHECK-LABEL: func @layer_norm_lifted
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut SX -> Y: pass 2
// CHECK-NEXT: cut SXX -> Y: pass 2
func.func @layer_norm_lifted(%X: tensor<?x?xf32> {cascade.name = "X"}, %N: f32 {cascade.name = "N"}) -> tensor<?x?xf32> {
  %SX = cascade.einsum %X[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %SXX = cascade.einsum %X[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    %r0 = arith.mulf %a, %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SXX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %Y = cascade.einsum %X[p,m], %SX[p], %SXX[p], %N[] -> [p,m] {
  ^bb0(%a: f32, %b: f32, %c: f32, %d: f32):
    %r0 = arith.divf %b, %d : f32
    %r1 = arith.divf %c, %d : f32
    %r2 = arith.mulf %r0, %r0 : f32
    %r3 = arith.subf %r1, %r2 : f32
    %r4 = math.rsqrt %r3 : f32
    %r5 = arith.subf %a, %r0 : f32
    %r6 = arith.mulf %r5, %r4 : f32
    cascade.yield %r6 : f32
  } {cascade.name = "Y"} : (tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>, f32) -> tensor<?x?xf32>
  return %Y : tensor<?x?xf32>
}

// CHECK-LABEL: func @statistics_only
// CHECK-NEXT: rank m: 1 pass{{$}}
// CHECK-NOT: cut
func.func @statistics_only(%X: tensor<?x?xf32> {cascade.name = "X"}, %N: f32 {cascade.name = "N"}) -> tensor<?xf32> {
  %SX = cascade.einsum %X[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %SXX = cascade.einsum %X[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    %r0 = arith.mulf %a, %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SXX"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %VAR = cascade.einsum %SX[p], %SXX[p], %N[] -> [p] {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.divf %a, %c : f32
    %r1 = arith.divf %b, %c : f32
    %r2 = arith.mulf %r0, %r0 : f32
    %r3 = arith.subf %r1, %r2 : f32
    cascade.yield %r3 : f32
  } {cascade.name = "VAR"} : (tensor<?xf32>, tensor<?xf32>, f32) -> tensor<?xf32>
  return %VAR : tensor<?xf32>
}

// CHECK-LABEL: func @rms_norm
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut SS -> Y: pass 2
// CHECK-NOT: cut
func.func @rms_norm(%X: tensor<?x?xf32> {cascade.name = "X"}, %N: f32 {cascade.name = "N"}) -> tensor<?x?xf32> {
  %SS = cascade.einsum %X[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    %r0 = arith.mulf %a, %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SS"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %Y = cascade.einsum %X[p,m], %SS[p], %N[] -> [p,m] {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.divf %b, %c : f32
    %r1 = math.rsqrt %r0 : f32
    %r2 = arith.mulf %a, %r1 : f32
    cascade.yield %r2 : f32
  } {cascade.name = "Y"} : (tensor<?x?xf32>, tensor<?xf32>, f32) -> tensor<?x?xf32>
  return %Y : tensor<?x?xf32>
}

// CHECK-LABEL: func @weights
// CHECK-NEXT: rank m: 3 passes
// CHECK-NEXT: cut GM -> SN: pass 2
// CHECK-NEXT: cut SD -> A: pass 3
// CHECK-NOT: cut
func.func @weights(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}) -> tensor<?x?xf32> {
  %S = cascade.einsum %Q[p,e], %K[m,e] -> [p,m] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[p,m] -> [p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %SN = cascade.einsum %S[p,m], %GM[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SN"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SN[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %A = cascade.einsum %SN[p,m], %SD[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "A"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %A : tensor<?x?xf32>
}

// CHECK-LABEL: func @scaled_gelu
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut SS -> G: pass 2
// CHECK-NOT: cut
func.func @scaled_gelu(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[p,e], %K[m,e] -> [p,m] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %SS = cascade.einsum %S[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    %r0 = arith.mulf %a, %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "SS"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %G = cascade.einsum %S[p,m], %SS[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = math.rsqrt %b : f32
    %r1 = arith.mulf %a, %r0 : f32
    %r2 = math.erf %r1 : f32
    %h = arith.constant 0.5 : f32
    %r3 = arith.mulf %r1, %h : f32
    %r4 = arith.mulf %r3, %r2 : f32
    %r5 = arith.addf %r3, %r4 : f32
    cascade.yield %r5 : f32
  } {cascade.name = "G"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %O = cascade.einsum %G[p,m], %V[m,f] -> [p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// CHECK-LABEL: func @softplus_reweighting
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut D -> R: pass 2
// CHECK-NOT: cut
func.func @softplus_reweighting(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}, %N: f32 {cascade.name = "N"}) -> tensor<?x32xf32> {
  %S = cascade.einsum %Q[p,e], %K[m,e] -> [p,m] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %W = cascade.einsum %S[p,m] -> [p,m] {
  ^bb0(%a: f32):
    %r0 = math.exp %a : f32
    %r1 = math.log1p %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "W"} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %D = cascade.einsum %W[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "D"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %R = cascade.einsum %W[p,m], %D[p], %N[] -> [p,m] {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.mulf %c, %a : f32
    %r1 = arith.divf %r0, %b : f32
    %o = arith.constant 1.0 : f32
    %r2 = arith.subf %r1, %o : f32
    %z = arith.constant 0.0 : f32
    %r3 = arith.maximumf %r2, %z : f32
    cascade.yield %r3 : f32
  } {cascade.name = "R"} : (tensor<?x?xf32>, tensor<?xf32>, f32) -> tensor<?x?xf32>
  %O = cascade.einsum %R[p,m], %V[m,f] -> [p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x?xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// CHECK-LABEL: func @column_sums
// CHECK-NEXT: rank m: 3 passes
// CHECK-NEXT: cut GM -> SN: pass 2
// CHECK-NEXT: cut SD -> A: pass 3
// CHECK-NOT: cut
func.func @column_sums(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}) -> tensor<?xf32> {
  %S = cascade.einsum %Q[p,e], %K[m,e] -> [p,m] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
  %GM = cascade.einsum %S[p,m] -> [p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %SN = cascade.einsum %S[p,m], %GM[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SN"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %SN[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
  %A = cascade.einsum %SN[p,m], %SD[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "A"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  %C = cascade.einsum %A[p,m] -> [m] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "C"} : (tensor<?x?xf32>) -> tensor<?xf32>
  return %C : tensor<?xf32>
}

// CHECK-LABEL: func @linear_attention
// CHECK-NEXT: rank m: 1 pass{{$}}
// CHECK-NOT: cut
func.func @linear_attention(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}) -> tensor<?x32xf32> {
  %H = cascade.einsum %K[m,e], %V[m,f] -> [e,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "H"} : (tensor<?x64xf32>, tensor<?x32xf32>) -> tensor<64x32xf32>
  %O = cascade.einsum %Q[p,e], %H[e,f] -> [p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x64xf32>, tensor<64x32xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// CHECK-LABEL: func @slot_attention
// CHECK-NEXT: rank m: 1 pass{{$}}
// CHECK-NOT: cut
// SLOTS-LABEL: func @slot_attention
// SLOTS-NEXT: rank p: 3 passes
// SLOTS-NEXT: cut GM -> SN: pass 2
// SLOTS-NEXT: cut SD -> A: pass 3
// SLOTS-NEXT: tensor Q
func.func @slot_attention(%Q: tensor<8x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}) -> tensor<8x32xf32> {
  %S = cascade.einsum %Q[p,e], %K[m,e] -> [p,m] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<8x64xf32>, tensor<?x64xf32>) -> tensor<8x?xf32>
  %GM = cascade.einsum %S[p,m] -> [m] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<8x?xf32>) -> tensor<?xf32>
  %SN = cascade.einsum %S[p,m], %GM[m] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SN"} : (tensor<8x?xf32>, tensor<?xf32>) -> tensor<8x?xf32>
  %SD = cascade.einsum %SN[p,m] -> [m] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<8x?xf32>) -> tensor<?xf32>
  %A = cascade.einsum %SN[p,m], %SD[m] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "A"} : (tensor<8x?xf32>, tensor<?xf32>) -> tensor<8x?xf32>
  %W = cascade.einsum %A[p,m] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "W"} : (tensor<8x?xf32>) -> tensor<8xf32>
  %U = cascade.einsum %A[p,m], %V[m,f] -> [p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "U"} : (tensor<8x?xf32>, tensor<?x32xf32>) -> tensor<8x32xf32>
  %O = cascade.einsum %U[p,f], %W[p] -> [p,f] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<8x32xf32>, tensor<8xf32>) -> tensor<8x32xf32>
  return %O : tensor<8x32xf32>
}

// CHECK-LABEL: func @agent_attention
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut GM -> SN: pass 2
// CHECK-NOT: cut
// AGENTS-LABEL: func @agent_attention
// AGENTS-NEXT: rank a: 2 passes
// AGENTS-NEXT: cut GT -> SA: pass 2
// AGENTS-NEXT: tensor G:
func.func @agent_attention(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}, %V: tensor<?x32xf32> {cascade.name = "V"}, %G: tensor<49x64xf32> {cascade.name = "G"}) -> tensor<?x32xf32> {
  %S = cascade.einsum %G[a,e], %K[m,e] -> [a,m] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<49x64xf32>, tensor<?x64xf32>) -> tensor<49x?xf32>
  %GM = cascade.einsum %S[a,m] -> [a] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<49x?xf32>) -> tensor<49xf32>
  %SN = cascade.einsum %S[a,m], %GM[a] -> [a,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SN"} : (tensor<49x?xf32>, tensor<49xf32>) -> tensor<49x?xf32>
  %SD = cascade.einsum %SN[a,m] -> [a] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "SD"} : (tensor<49x?xf32>) -> tensor<49xf32>
  %N = cascade.einsum %SN[a,m], %V[m,f] -> [a,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "N"} : (tensor<49x?xf32>, tensor<?x32xf32>) -> tensor<49x32xf32>
  %VA = cascade.einsum %N[a,f], %SD[a] -> [a,f] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "VA"} : (tensor<49x32xf32>, tensor<49xf32>) -> tensor<49x32xf32>
  %T = cascade.einsum %Q[p,e], %G[a,e] -> [p,a] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "T"} : (tensor<?x64xf32>, tensor<49x64xf32>) -> tensor<?x49xf32>
  %GT = cascade.einsum %T[p,a] -> [p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GT"} : (tensor<?x49xf32>) -> tensor<?xf32>
  %SA = cascade.einsum %T[p,a], %GT[p] -> [p,a] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SA"} : (tensor<?x49xf32>, tensor<?xf32>) -> tensor<?x49xf32>
  %DA = cascade.einsum %SA[p,a] -> [p] reduce sum {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "DA"} : (tensor<?x49xf32>) -> tensor<?xf32>
  %NA = cascade.einsum %SA[p,a], %VA[a,f] -> [p,f] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "NA"} : (tensor<?x49xf32>, tensor<49x32xf32>) -> tensor<?x32xf32>
  %O = cascade.einsum %NA[p,f], %DA[p] -> [p,f] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.divf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "O"} : (tensor<?x32xf32>, tensor<?xf32>) -> tensor<?x32xf32>
  return %O : tensor<?x32xf32>
}

// CHECK-LABEL: func @hopfield
// CHECK-NEXT: rank m: 5 passes
// CHECK-NEXT: cut xi -> S: pass 2
// CHECK-NOT: cut
// CHECK: tensor K: full, input, read in 1 2 3 4 5, live: fiber
func.func @hopfield(%Q: tensor<?x64xf32> {cascade.name = "Q"}, %K: tensor<?x64xf32> {cascade.name = "K"}) -> tensor<?x64xf32> {
  %O = cascade.iterate 5 (%Q) {
  ^bb0(%xi: tensor<?x64xf32>):
    %S = cascade.einsum %xi[p,e], %K[m,e] -> [p,m] reduce sum {
    ^bb0(%a: f32, %b: f32):
      %r0 = arith.mulf %a, %b : f32
      cascade.yield %r0 : f32
    } {cascade.name = "S"} : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x?xf32>
    %SN = cascade.einsum %S[p,m] -> [p,m] {
    ^bb0(%a: f32):
      %r0 = math.exp %a : f32
      cascade.yield %r0 : f32
    } {cascade.name = "SN"} : (tensor<?x?xf32>) -> tensor<?x?xf32>
    %SD = cascade.einsum %SN[p,m] -> [p] reduce sum {
    ^bb0(%a: f32):
      cascade.yield %a : f32
    } {cascade.name = "SD"} : (tensor<?x?xf32>) -> tensor<?xf32>
    %NV = cascade.einsum %SN[p,m], %K[m,e] -> [p,e] reduce sum {
    ^bb0(%a: f32, %b: f32):
      %r0 = arith.mulf %a, %b : f32
      cascade.yield %r0 : f32
    } {cascade.name = "NV"} : (tensor<?x?xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
    %X = cascade.einsum %NV[p,e], %SD[p] -> [p,e] {
    ^bb0(%a: f32, %b: f32):
      %r0 = arith.divf %a, %b : f32
      cascade.yield %r0 : f32
    } {cascade.name = "X"} : (tensor<?x64xf32>, tensor<?xf32>) -> tensor<?x64xf32>
    cascade.yield %X : tensor<?x64xf32>
  } {cascade.name = "xi"} : (tensor<?x64xf32>) -> (tensor<?x64xf32>)
  return %O : tensor<?x64xf32>
}

// A shift backward reads what the walk has passed; a shift forward does not.
// CHECK-LABEL: func @shifted
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut Y -> Z: pass 2
// CHECK-NOT: cut
// CHECK: tensor Y: full, made in pass 1, read in 1 2, live: fiber
func.func @shifted(%X: tensor<?xf32> {cascade.name = "X"}, %W: tensor<4xf32> {cascade.name = "W"}) -> tensor<?xf32> {
  %Y = cascade.einsum %X[m] -> [m] {
  ^bb0(%a: f32):
    %r0 = math.exp %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Y"} : (tensor<?xf32>) -> tensor<?xf32>
  %B = cascade.einsum %Y[m - w], %W[w], %X[m] -> [m] reduce sum {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "B"} : (tensor<?xf32>, tensor<4xf32>, tensor<?xf32>) -> tensor<?xf32>
  %Z = cascade.einsum %Y[m + 1], %B[m] -> [m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Z"} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %Z : tensor<?xf32>
}

// A tensor made along m and read along another rank is needed in full.
// CHECK-LABEL: func @other_rank
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut Y -> Z: pass 2
func.func @other_rank(%X: tensor<?x?xf32> {cascade.name = "X"}) -> tensor<?x?xf32> {
  %Y = cascade.einsum %X[p,m] -> [p,m] {
  ^bb0(%a: f32):
    %r0 = math.exp %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Y"} : (tensor<?x?xf32>) -> tensor<?x?xf32>
  %Z = cascade.einsum %Y[p,n], %X[p,m], %X[p,n] -> [p,m] reduce sum {
  ^bb0(%a: f32, %b: f32, %c: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Z"} : (tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %Z : tensor<?x?xf32>
}

// An initial value joins after the walk: no cut at M -> D.
// CHECK-LABEL: func @from_statistic
// CHECK-NEXT: rank m: 1 pass{{$}}
// CHECK-NOT: cut
func.func @from_statistic(%X: tensor<?x?xf32> {cascade.name = "X"}, %sink: tensor<?xf32> {cascade.name = "sink"}) -> tensor<?xf32> {
  %M = cascade.einsum %X[p,m] from %sink[p] -> [p] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "M"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %D0 = cascade.einsum %sink[p], %M[p] -> [p] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "D0"} : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  %D = cascade.einsum %X[p,m] from %D0[p] -> [p] reduce sum {
  ^bb0(%a: f32):
    %r0 = math.exp %a : f32
    cascade.yield %r0 : f32
  } {cascade.name = "D"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %D : tensor<?xf32>
}

// What a scan holds at a coordinate streams; what it holds at the end does not.
// CHECK-LABEL: func @prefix
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut all -> Z: pass 2
// CHECK-NOT: cut
func.func @prefix(%X: tensor<?x?xf32> {cascade.name = "X"}) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
  %ninf = arith.constant 0xFF800000 : f32
  %run, %all = cascade.scan over "m" emit [inclusive, final] init(%ninf[]) ins(%X[p, m]) -> [p, m] {
  ^bb0(%c: f32, %e: f32):
    %n = arith.maximumf %c, %e : f32
    cascade.yield %n : f32
  } {cascade.name = ["run", "all"]} : (f32), (tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?xf32>)
  %Y = cascade.einsum %X[p,m], %run[p,m] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Y"} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  %Z = cascade.einsum %X[p,m], %all[p] -> [p,m] {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "Z"} : (tensor<?x?xf32>, tensor<?xf32>) -> tensor<?x?xf32>
  return %Y, %Z : tensor<?x?xf32>, tensor<?x?xf32>
}

// Pages seen through a table stream like any tensor; the pages themselves are named.
// CHECK-LABEL: func @paged
// CHECK-NEXT: rank m: 2 passes
// CHECK-NEXT: cut GM -> SD: pass 2
// CHECK-NEXT: tensor P: full, input, read in 1, live: tile
func.func @paged(%P: tensor<?x?x16x64xf32> {cascade.name = "P"}, %tab: tensor<?x?xi32> {cascade.name = "tab"}, %len: tensor<?xi32> {cascade.name = "len"}, %Q: tensor<?x?x64xf32> {cascade.name = "Q"}) -> tensor<?x?xf32> {
  %K = cascade.gather %P, %tab, %len : tensor<?x?x16x64xf32>, tensor<?x?xi32>, tensor<?xi32> -> tensor<?x?x?x64xf32>
  %S = cascade.einsum %Q[b,h,e], %K[b,h,m,e] -> [b,h,m] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.mulf %a, %b : f32
    cascade.yield %r0 : f32
  } {cascade.name = "S"} : (tensor<?x?x64xf32>, tensor<?x?x?x64xf32>) -> tensor<?x?x?xf32>
  %GM = cascade.einsum %S[b,h,m] -> [b,h] reduce max {
  ^bb0(%a: f32):
    cascade.yield %a : f32
  } {cascade.name = "GM"} : (tensor<?x?x?xf32>) -> tensor<?x?xf32>
  %SD = cascade.einsum %S[b,h,m], %GM[b,h] -> [b,h] reduce sum {
  ^bb0(%a: f32, %b: f32):
    %r0 = arith.subf %a, %b : f32
    %r1 = math.exp %r0 : f32
    cascade.yield %r1 : f32
  } {cascade.name = "SD"} : (tensor<?x?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %SD : tensor<?x?xf32>
}
