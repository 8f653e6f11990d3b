// Written by hand at the level of lanes: a 16 x 8 product of bf16 by way of
// near memory, its exponentials, and sums over the lanes of a row.
module {
  gpu.module @device {
    func.func @product(%a: memref<?xbf16>, %b: memref<?xbf16>, %c: memref<?xf32>, %n: index, %task: index)
        attributes {tile.kernel, tile.near_bytes = 768 : i64,
                    tile.schedule = #tile.schedule<rows = 16, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1, subgroups = 1, stages = 1>} {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c4 = arith.constant 4 : index
      %c8 = arith.constant 8 : index
      %c16 = arith.constant 16 : index
      %c128 = arith.constant 128 : index
      %c256 = arith.constant 256 : index
      %lane = gpu.thread_id x
      %ga = memref.memory_space_cast %a : memref<?xbf16> to memref<?xbf16, 1>
      %gb = memref.memory_space_cast %b : memref<?xbf16> to memref<?xbf16, 1>
      %gc = memref.memory_space_cast %c : memref<?xf32> to memref<?xf32, 1>
      %na = tile.near 0 : memref<256xbf16, 3>
      %nb = tile.near 512 : memref<128xbf16, 3>
      // A [16, 16]: 8 elements per lane. B [8, 16], k contiguous: 4 per lane.
      %aStart = arith.muli %task, %c256 : index
      %a8 = arith.muli %lane, %c8 : index
      %aFrom = arith.addi %aStart, %a8 : index
      %inside = arith.cmpi ult, %task, %n : index
      tile.copy %ga[%aFrom] to %na[%a8] count 8 if %inside : memref<?xbf16, 1> to memref<256xbf16, 3>
      %b4 = arith.muli %lane, %c4 : index
      tile.copy %gb[%b4] to %nb[%b4] count 4 if %inside : memref<?xbf16, 1> to memref<128xbf16, 3>
      tile.copy_commit
      tile.copy_wait 0
      gpu.barrier
      // Blocks of A: rows 0-7 and 8-15 of columns 0-7, then of columns 8-15.
      %row = arith.remui %lane, %c16 : index
      %half = arith.divui %lane, %c16 : index
      %rowAt = arith.muli %row, %c16 : index
      %halfAt = arith.muli %half, %c8 : index
      %at = arith.addi %rowAt, %halfAt : index
      %fa = tile.read_matrix %na[%at] count 4 : memref<256xbf16, 3> -> vector<8xbf16>
      %key = arith.remui %lane, %c8 : index
      %part0 = arith.divui %lane, %c8 : index
      %part = arith.remui %part0, %c2 : index
      %keyAt = arith.muli %key, %c16 : index
      %partAt = arith.muli %part, %c8 : index
      %bt = arith.addi %keyAt, %partAt : index
      %fb = tile.read_matrix %nb[%bt] count 2 : memref<128xbf16, 3> -> vector<4xbf16>
      %zero = arith.constant dense<0.0> : vector<4xf32>
      %s = tile.matrix %fa, %fb, %zero shape [16, 8, 16] : vector<8xbf16>, vector<4xbf16>, vector<4xf32>
      %p = math.exp2 %s : vector<4xf32>
      %q = math.exp %p : vector<4xf32>
      %v = arith.maximumf %q, %p : vector<4xf32>
      %e:4 = vector.to_elements %v : vector<4xf32>
      %i1 = arith.constant 1 : i32
      %i32 = arith.constant 32 : i32
      %t, %ok = gpu.shuffle xor %e#0, %i1, %i32 : f32
      %u, %ok2 = gpu.shuffle idx %t, %i1, %i32 : f32
      %sum = arith.addf %e#0, %u : f32
      %w = vector.from_elements %sum, %e#1, %e#2, %e#3 : vector<4xf32>
      %r = arith.divf %w, %v : vector<4xf32>
      %group = arith.divui %lane, %c4 : index
      %in = arith.remui %lane, %c4 : index
      %cStart = arith.muli %task, %c128 : index
      %g8 = arith.muli %group, %c8 : index
      %i2 = arith.muli %in, %c2 : index
      %c0a = arith.addi %cStart, %g8 : index
      %c0b = arith.addi %c0a, %i2 : index
      %r0 = vector.extract_strided_slice %r {offsets = [0], sizes = [2], strides = [1]} : vector<4xf32> to vector<2xf32>
      %r1 = vector.extract_strided_slice %r {offsets = [2], sizes = [2], strides = [1]} : vector<4xf32> to vector<2xf32>
      scf.if %inside {
        vector.store %r0, %gc[%c0b] {alignment = 8} : memref<?xf32, 1>, vector<2xf32>
        %c64 = arith.constant 64 : index
        %c1b = arith.addi %c0b, %c64 : index
        vector.store %r1, %gc[%c1b] {alignment = 8} : memref<?xf32, 1>, vector<2xf32>
      }
      return
    }
  }
}
