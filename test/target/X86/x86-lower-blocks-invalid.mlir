// RUN: fovea-opt %s --fovea-x86-lower-blocks=tiles=1 --split-input-file --verify-diagnostics

func.func @rows(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>, %n: index) {
  // expected-error @below {{expected a multiple of 16 rows, got 8}}
  tile.dot_block %a[%n] by 64, %b[%n] by 64, %c[%n] by 32 pairs %n rows 8 columns 32 : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}

// -----

func.func @columns(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>, %n: index) {
  // expected-error @below {{expected a multiple of 16 columns, got 8}}
  tile.dot_block %a[%n] by 64, %b[%n] by 64, %c[%n] by 32 pairs %n rows 16 columns 8 : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  return
}
