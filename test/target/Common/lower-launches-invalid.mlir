// RUN: fovea-opt %s --split-input-file --verify-diagnostics --fovea-lower-launches

// expected-error @+1 {{expected attribute tile.machine}}
module {
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  // expected-error @+1 {{expected a kernel that returns a status}}
  func.func @host() {
    return
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @k(%x: f32, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      return
    }
  }
  func.func @host(%n: index, %x: i32) -> i32 {
    // expected-error @+1 {{expected @device::@k to be a kernel of the arguments and the task's number}}
    tile.run @device::@k tasks %n(%x) : i32
    return %x : i32
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    // expected-error @+1 {{expected attribute tile.schedule}}
    func.func @k(%task: index) attributes {tile.kernel} {
      return
    }
  }
  func.func @host(%n: index, %x: i32) -> i32 {
    tile.run @device::@k tasks %n()
    return %x : i32
  }
}

// -----

module attributes {tile.machine = #tile.machine<lanes = 32, near = 1024, banks = 32, copy = 16, matrix_load = true, atoms = [<shape = [8, 4, 1], type = f32, sum = f32, rate = 64, a = <register = [], lane = [_(4), m(8:1)], subgroup = []>, b = <register = [], lane = [n(4:1), _(8)], subgroup = []>, c = <register = [], lane = [n(4:1), m(8:1)], subgroup = []>>]>} {
  gpu.module @device {
    func.func @k(%t: tensor<4xf32>, %task: index) attributes {tile.kernel, tile.schedule = #tile.schedule<rows = 32, keys = 16, block = 16, lanes = 32, pairs = false, splits = 1>} {
      return
    }
  }
  func.func @host(%n: index, %x: i32, %t: tensor<4xf32>) -> i32 {
    // expected-error @+1 {{expected arguments that have a form in memory, got 'tensor<4xf32>'}}
    tile.run @device::@k tasks %n(%t) : tensor<4xf32>
    return %x : i32
  }
}
