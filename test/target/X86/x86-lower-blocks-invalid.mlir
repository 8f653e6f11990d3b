// RUN: fovea-opt %s --fovea-x86-lower-blocks=tiles=1 --split-input-file --verify-diagnostics

func.func @rows(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>, %n: index) {
  // expected-error @below {{expected at most 16 rows or a multiple, got 24}}
  tile.dot_block %a[%n] by 64, %b[%n] by 64, %c[%n] by 32 pairs %n rows 24 columns 32 : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}

// -----

func.func @columns(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>, %n: index) {
  // expected-error @below {{expected 4, 8 or a multiple of 16 columns, got 12}}
  tile.dot_block %a[%n] by 64, %b[%n] by 64, %c[%n] by 32 pairs %n rows 16 columns 12 : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}
