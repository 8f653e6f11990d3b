// RUN: fovea-opt %s --fovea-x86-lower-blocks=tiles=1 --split-input-file | FileCheck %s --check-prefix=TILES
// RUN: fovea-opt %s --fovea-x86-lower-blocks --split-input-file | FileCheck %s --check-prefix=PAIRS

// Two tiles of sums from zero; two steps of 16 pairs, each one tile of the left
// and two of the right operand.
// TILES: llvm.func @fovea_rt_use_tiles() -> i32
// TILES-LABEL: func.func @known
// TILES: %[[REFUSED:.*]] = llvm.call @fovea_rt_use_tiles() : () -> i32
// TILES: %[[GOOD:.*]] = arith.cmpi eq, %[[REFUSED]]
// TILES: cf.assert %[[GOOD]], "the system refuses this process the use of AMX"
// TILES-NOT: scf.for
// TILES: %[[Z0:.*]] = llvm.call_intrinsic "llvm.x86.tilezero.internal"
// TILES: %[[Z1:.*]] = llvm.call_intrinsic "llvm.x86.tilezero.internal"
// TILES: %[[A:.*]] = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"
// TILES: %[[B0:.*]] = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"
// TILES: %[[C0:.*]] = llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"(%{{.*}}, %{{.*}}, %{{.*}}, %[[Z0]], %[[A]], %[[B0]])
// TILES: %[[B1:.*]] = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"
// TILES: %[[C1:.*]] = llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"(%{{.*}}, %{{.*}}, %{{.*}}, %[[Z1]], %[[A]], %[[B1]])
// TILES: %[[D0:.*]] = llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"(%{{.*}}, %{{.*}}, %{{.*}}, %[[C0]],
// TILES: %[[D1:.*]] = llvm.call_intrinsic "llvm.x86.tdpbf16ps.internal"(%{{.*}}, %{{.*}}, %{{.*}}, %[[C1]],
// TILES-NOT: tdpbf16ps
// TILES: llvm.call_intrinsic "llvm.x86.tilestored64.internal"({{.*}}, %[[D0]])
// TILES: llvm.call_intrinsic "llvm.x86.tilestored64.internal"({{.*}}, %[[D1]])

// Eight rows by two vectors at a time, a pair a step.
// PAIRS-LABEL: func.func @known
// PAIRS-NOT: fovea_rt_use_tiles
// PAIRS-COUNT-2: scf.for
func.func @known(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>) {
  %zero = arith.constant 0 : index
  %n = arith.constant 32 : index
  tile.dot_block %a[%zero] by 64, %b[%zero] by 64, %c[%zero] by 32 pairs %n rows 16 columns 32 zero
      : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}

// -----

// As many steps as the call has; the sums that are there are added to.
// TILES-LABEL: func.func @unknown
// TILES-COUNT-2: llvm.call_intrinsic "llvm.x86.tileloadd64.internal"
// TILES: scf.for {{.*}} -> (!llvm.x86_amx, !llvm.x86_amx)
// TILES-COUNT-2: tdpbf16ps
// TILES-NOT: tdpbf16ps
// PAIRS-LABEL: func.func @unknown
// PAIRS: vector.load %arg2
// PAIRS: scf.for
// PAIRS-COUNT-16: tile.dot_pairs
// PAIRS: scf.yield
// PAIRS-COUNT-16: vector.store
// PAIRS: scf.for
func.func @unknown(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>, %n: index) {
  tile.dot_block %a[%n] by 64, %b[%n] by 64, %c[%n] by 32 pairs %n rows 16 columns 32
      : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}

// -----

// Two tiles down by two across: each that is loaded is multiplied twice. Of 48
// columns the last tile stands alone.
// TILES-LABEL: func.func @many
// TILES-COUNT-4: tilezero.internal
// TILES: %[[A0:.*]] = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"
// TILES: %[[B0:.*]] = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"
// TILES: tdpbf16ps.internal"({{.*}}, %[[A0]], %[[B0]])
// TILES: %[[B1:.*]] = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"
// TILES: tdpbf16ps.internal"({{.*}}, %[[A0]], %[[B1]])
// TILES: %[[A1:.*]] = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"
// TILES: tdpbf16ps.internal"({{.*}}, %[[A1]], %[[B0]])
// TILES: tdpbf16ps.internal"({{.*}}, %[[A1]], %[[B1]])
// TILES-COUNT-4: tilestored64.internal
// TILES-COUNT-2: tilezero.internal
// TILES-COUNT-2: tdpbf16ps.internal
// TILES-NOT: tdpbf16ps.internal
func.func @many(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>) {
  %zero = arith.constant 0 : index
  %n = arith.constant 16 : index
  tile.dot_block %a[%zero] by 32, %b[%zero] by 96, %c[%zero] by 48 pairs %n rows 32 columns 48 zero
      : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}

// -----

// Few rows: tiles of 4 rows, four across. Few columns: tiles of 16 bytes a row.
// TILES-LABEL: func.func @few
// TILES-COUNT-4: tilezero.internal
// TILES: %[[A:.*]] = llvm.call_intrinsic "llvm.x86.tileloadd64.internal"(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}})
// TILES-COUNT-4: tdpbf16ps.internal"({{.*}}, %[[A]], %{{.*}})
// TILES-COUNT-4: tilestored64.internal
// TILES: tilezero.internal
// TILES: tdpbf16ps.internal
// TILES-NOT: tdpbf16ps.internal
// Columns of a register that is not whole.
// PAIRS-LABEL: func.func @few
// PAIRS: tile.dot_pairs {{.*}} : vector<4xf32>, vector<8xbf16>, vector<8xbf16>
func.func @few(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>) {
  %zero = arith.constant 0 : index
  %n = arith.constant 16 : index
  tile.dot_block %a[%zero] by 32, %b[%zero] by 128, %c[%zero] by 64 pairs %n rows 4 columns 64 zero
      : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  tile.dot_block %a[%zero] by 32, %b[%zero] by 8, %c[%zero] by 4 pairs %n rows 16 columns 4 zero
      : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}
