// The levels by name: what each has and what it no longer has.
// RUN: foveac %s --print-after cascade | FileCheck %s --check-prefix=CASCADE
// RUN: foveac %s --print-after fold | FileCheck %s --check-prefix=FOLD
// RUN: foveac %s --print-after tile | FileCheck %s --check-prefix=TILE
// RUN: foveac %s --print-after vector | FileCheck %s --check-prefix=VECTOR
// RUN: foveac %s --print-after llvm | FileCheck %s --check-prefix=LLVM
// RUN: fovea-opt %s "--fovea-lower=target=cpu:x86-64-v3 to=tile" 2>/dev/null | FileCheck %s --check-prefix=OPT
// RUN: not fovea-opt %s "--fovea-lower=target=abacus" 2>&1 | FileCheck %s --check-prefix=TARGET
// RUN: not fovea-opt %s "--fovea-lower=to=bits" 2>&1 | FileCheck %s --check-prefix=LEVEL

// CASCADE: // cascade
// CASCADE-NOT: = attn.
// CASCADE: cascade.einsum
// FOLD: // fold
// FOLD-NOT: cascade.scan
// FOLD: cascade.fold
// TILE: // tile
// TILE-NOT: = cascade.
// TILE: tile.stream
// VECTOR: // vector
// VECTOR-NOT: tile.stream
// VECTOR: math.exp
// VECTOR: tile.run
// LLVM: // llvm
// LLVM-NOT: memref.
// LLVM-NOT: unrealized_conversion_cast
// LLVM: llvm.func @attention(%{{.*}}: !llvm.ptr, %{{.*}}: i32, %{{.*}}: i32) -> i32
// OPT: #tile.schedule<rows = 64, keys = 128, block = 4, lanes = 8
// TARGET: fovea-lower: expected a target among cpu, cpu:x86-64-v3, {{.*}}; got 'abacus'
// LEVEL: fovea-lower: expected a level, got 'bits'
func.func @attention(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}
