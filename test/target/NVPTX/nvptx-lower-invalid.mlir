// RUN: fovea-opt %s --split-input-file --verify-diagnostics --pass-pipeline="builtin.module(gpu.module(fovea-nvptx-lower{chip=sm_80}))"

// expected-error @+1 {{expected tile.machine on the module around}}
gpu.module @device {
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    // expected-error @+1 {{expected a kernel, with attribute tile.kernel}}
    func.func @f(%task: index) {
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    // expected-error @+1 {{expected attribute tile.schedule}}
    func.func @f(%task: index) attributes {tile.kernel} {
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    // expected-error @+1 {{expected no results, and the task's number as the last argument}}
    func.func @f(%task: i32) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%x: f32, %use: memref<f32>, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      %c1 = arith.constant 1 : i32
      %c16 = arith.constant 16 : i32
      // expected-error @+1 {{expected a width of 32, all lanes of the subgroup}}
      %y, %ok = gpu.shuffle xor %x, %c1, %c16 : f32
      memref.store %y, %use[] : memref<f32>
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%x: f32, %use: memref<f32>, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      %c1 = arith.constant 1 : i32
      %c32 = arith.constant 32 : i32
      // expected-error @+1 {{expected mode xor or idx, got up}}
      %y, %ok = gpu.shuffle up %x, %c1, %c32 : f32
      memref.store %y, %use[] : memref<f32>
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%x: i64, %use: memref<i64>, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      %c1 = arith.constant 1 : i32
      %c32 = arith.constant 32 : i32
      // expected-error @+1 {{expected an i32 or an f32, got 'i64'}}
      %y, %ok = gpu.shuffle xor %x, %c1, %c32 : i64
      memref.store %y, %use[] : memref<i64>
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%a: vector<4xf32>, %use: memref<vector<4xf32>>, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      // expected-error @+1 {{expected a shape and type of this machine's table, got [16, 16, 4] of 'f32'}}
      %b = tile.matrix %a, %a, %a shape [16, 16, 4] : vector<4xf32>, vector<4xf32>, vector<4xf32>
      memref.store %b, %use[] : memref<vector<4xf32>>
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%use: memref<index>, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      // expected-error @+1 {{expected dimension x: lanes of a task are numbered along one}}
      %y = gpu.thread_id y
      memref.store %y, %use[] : memref<index>
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%x: memref<?xf32, strided<[2]>, 1>, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      %true = arith.constant true
      %near = tile.near 0 : memref<64xf32, 3>
      // expected-error @+1 {{expected a buffer of one dimension and stride 1, got 'memref<?xf32, strided<[2]>, 1>'}}
      tile.copy %x[%task] to %near[%task] count 4 if %true : memref<?xf32, strided<[2]>, 1> to memref<64xf32, 3>
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%x: memref<?xf32>, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      %true = arith.constant true
      %near = tile.near 0 : memref<64xf32, 3>
      // expected-error @+1 {{expected a copy from memory space 1 to 3, got 0 to 3}}
      tile.copy %x[%task] to %near[%task] count 4 if %true : memref<?xf32> to memref<64xf32, 3>
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 64, near = 1024, banks = 32, copy = 0, matrix_load = false, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 64, keys = 16, block = 16, lanes = 64, pairs = false, splits = 1>} {
      // expected-error @+1 {{expected a machine that has this operation}}
      tile.copy_commit
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%use: memref<index>, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      // expected-error @+1 {{expected an operation that this machine has}}
      %y = gpu.grid_dim x
      memref.store %y, %use[] : memref<index>
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%ok: i1, %task: index) attributes {tile.kernel, tile.messages = ["one"], tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      // expected-error @+1 {{expected the number of a message of the kernel's tile.messages}}
      tile.require %ok, "one"
      return
    }
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @f(%x: memref<?xf32>, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      %v = memref.load %x[%task] : memref<?xf32>
      // expected-error @+1 {{expected a function that kernels can compute}}
      %y = math.log10 %v : f32
      memref.store %y, %x[%task] : memref<?xf32>
      return
    }
  }
}
