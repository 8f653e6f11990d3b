//===- Passes.td - from tiles to vectors and loops ------------------------===//

#ifndef FOVEA_PASSES_TILETOVECTOR_PASSES_TD
#define FOVEA_PASSES_TILETOVECTOR_PASSES_TD

include "mlir/Pass/PassBase.td"

def DerivePrecisionPass : Pass<"fovea-derive-precision", "::mlir::func::FuncOp"> {
  let summary = "say how exact exponentials need to be";
  let description = [{
    Works on task functions whose schedule has `pairs`. An exponential that is
    only rounded to bf16 for a product of pairs, and summed to what divides that
    product in the end (`tile.divisors`), need not be good to the last bit of
    f32: a relative error of a quarter of what rounding adds, 2^-11, is lost in
    that. `tile.error` says so, and a target may choose a cheaper approximation.
    Where the sum itself is wanted, say its logarithm, nothing changes.

    ```mlir
    %p = math.exp2 %t {tile.error = 4.8828125E-4 : f32} : tensor<256x32xf32, ...>
    %l = tile.reduce sum %p : ...
    %o = tile.contract %v, %p : tensor<256x64xbf16, ...>, tensor<256x32xf32, ...> -> ...
    ```

    Rounding: allows a target up to the error it states.
  }];
  let dependentDialects = ["::fovea::tile::TileDialect"];
}

def RelaxMaximaPass : Pass<"fovea-relax-maxima", "::mlir::func::FuncOp"> {
  let summary = "let maxima pass over a NaN that sums record";
  let description = [{
    A running maximum that only keeps exponentials in range need not become NaN
    with a score that is: the weight of that score is NaN, so are the sums of
    weights and of weighted values from then on, and with them every result
    (`tile.companions` says that no result takes in the maximum without one of
    them). On a processor, a maximum that passes over NaN is one instruction,
    one that gives NaN three.

    ```mlir
    %m = tile.reduce max_number %s        // was max
    %n = arith.maximumf %old, %m
    %p = math.exp2 (%s - %n)              // NaN where %s is
    %l = tile.reduce sum %p               // NaN
    ```

    Nothing changes if another carried value does not record the NaN, if it is
    masked elsewhere than the scores are, or if values leave with a step.

    Rounding: none. Which values of a row are NaN does not change.
  }];
  let dependentDialects = ["::fovea::tile::TileDialect"];
}

def HostLoopsToTasksPass : Pass<"fovea-host-loops-to-tasks", "::mlir::ModuleOp"> {
  let summary = "what the host part of a function reads or writes becomes tasks";
  let description = [{
    For a machine where the data of the arguments lies in the memory of a
    device: the host part of a scheduled function may know extents, but no
    element. Outside `scf.forall`,

    - a loop without results that reads or writes elements (summaries of
      tables, clearing of results) becomes an `scf.forall`, a perfect nest one
      of several dimensions. Of its innermost loop each task takes up to 256
      iterations; they, or those of a loop inside, carry the unit attribute
      `tile.lanes`: they may be spread over the lanes of the task. Iterations
      are independent by construction: this level writes no other loops, each
      iteration stores to elements of its own, and no stored element is read
      in the same loop;
    - a loop that checks (its results are conjunctions, or a maximum that is
      compared, and only `cf.assert` asks for them) becomes tasks that
      `tile.require` each conjunct:

      ```mlir
      %ok = scf.for %i = %c0 to %n step %c1 iter_args(%a = %true) -> (i1) {
        %v = memref.load %lengths[%i] : memref<?xi32>
        %c = arith.cmpi sge, %v, %zero : i32
        %b = arith.andi %a, %c : i1
        scf.yield %b : i1
      }
      cf.assert %ok, "a length is negative"
      ```
      becomes
      ```mlir
      scf.forall (%t) in (%chunks) {
        ...
        scf.for %i = %first to %last step %c1 {
          %v = memref.load %lengths[%i] : memref<?xi32>
          %c = arith.cmpi sge, %v, %zero : i32
          tile.require %c, "a length is negative"
        } {tile.lanes}
      }
      ```
    - another check of elements, and a store, becomes a task of its own. Where
      such a check needs a loop it runs on one lane, with a remark.

    These task loops have no row rank. A load that only tasks use is left to
    `fovea-outline-tasks`, which repeats it in the task. What the host would
    still have to read is an error.

    Rounding: none of its own.
  }];
  let dependentDialects = ["::fovea::tile::TileDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::cf::ControlFlowDialect",
                           "::mlir::scf::SCFDialect"];
}

def OutlineTasksPass : Pass<"fovea-outline-tasks", "::mlir::ModuleOp"> {
  let summary = "move each scf.forall of a scheduled function into a task function";
  let description = [{
    ```mlir
    scf.forall (%i, %j) in (%m, %n) { body }
    ```
    becomes `tile.run @f_tasks_0 tasks %mn (captured...)` and a private
    function that finds %i and %j from the task's number (the last index is
    the fastest). Constants are cloned, not captured.

    With `device` the functions are public, carry the unit attribute
    `tile.kernel` and lie in `gpu.module @device`:
    `tile.run @device::@f_tasks_0`. A kernel takes the buffers that views are
    views of, and computes views, extents, strides and arithmetic on them
    again where that needs no further argument. Elements that the host would
    load for tasks are loaded by the tasks: nothing may write them between the
    load's place and the tasks. The messages of `tile.require` are listed in
    the kernel's attribute `tile.messages`, each once, and each requirement
    gets the number of its own.

    ```mlir
    %n = memref.dim %x, %c0 : memref<?xf32>
    %s = memref.load %scale[] : memref<f32>
    scf.forall (%i) in (%n) { memref.store %s, %x[%i] : memref<?xf32> }
    ```
    becomes `tile.run @device::@f_tasks_0 tasks %n(%x, %scale)` and
    ```mlir
    gpu.module @device {
      func.func @f_tasks_0(%x: memref<?xf32>, %scale: memref<f32>, %task: index)
          attributes {tile.kernel, tile.schedule = ...} {
        %s = memref.load %scale[] : memref<f32>
        memref.store %s, %x[%task] : memref<?xf32>
        return
      }
    }
    ```
  }];
  let options = [Option<"device", "device", "bool", /*default=*/"false",
                        "Tasks are kernels of a device">];
  let dependentDialects = ["::fovea::tile::TileDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::gpu::GPUDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::arith::ArithDialect"];
}

def TileToVectorPass : Pass<"fovea-tile-to-vector", "::mlir::ModuleOp"> {
  let summary = "lower the tiles of task functions to register tiles";
  let description = [{
    For targets whose lanes are the elements of vector registers. The row rank
    runs along the lanes; the schedule's `block` coordinates of the other rank
    make a register tile with it.

    A step of a stream becomes *sweeps* over its keys: a product with its
    element-wise epilogue and the reductions that need nothing more; then, when
    those are known, the next element-wise sweep; then products over the keys.
    Values that cross from one sweep to a later one go through near memory
    when they depend on a product, and are computed again when they do not.
    Each step is emitted twice, without masks for full steps and with them for
    partial ones.

    Tasks with a `narrow` schedule hold fewer rows than a vector has lanes:
    decoding, where memory binds. There the lanes run along the other rank,
    channels or keys, each row comes after the one before, streamed operands are
    read in place in the order of memory (`ahead` says what is asked for before).

    Rounding: products are fused multiply-adds; with `pairs`, weights are
    rounded to bf16 before the second product (docs/numerics.md).
  }];
  let dependentDialects = [
    "::fovea::tile::TileDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::mlir::vector::VectorDialect", "::mlir::math::MathDialect"
  ];
}

#endif
