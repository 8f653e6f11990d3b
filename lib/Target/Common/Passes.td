//===- Passes.td - what all targets share ---------------------------------===//

#ifndef FOVEA_TARGET_COMMON_PASSES_TD
#define FOVEA_TARGET_COMMON_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerChecksPass : Pass<"fovea-lower-checks", "::mlir::ModuleOp"> {
  let summary = "turn the assertions of kernels into a returned status";
  let description = [{
    A *kernel* is a public function with a body; its arguments are buffers and
    it has no results. After this pass it returns 0, or 1 after storing a
    message, and has freed what it had allocated on either way:

    ```mlir
    func.func @f(%x: memref<?xf32>) {      func.func @f(%x: memref<?xf32>) -> i32 {
      cf.assert %good, "too long"            cf.cond_br %good, ^next, ^failed
      ...                                  ^next: ...
      return                                 return %zero : i32
    }                                      ^failed:
                                             %one = llvm.call @fovea_rt_fail(%text) : ...
                                             return %one : i32
                                           }
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect",
    "::mlir::LLVM::LLVMDialect"
  ];
}

def LowerRunsPass : Pass<"fovea-lower-runs", "::mlir::ModuleOp"> {
  let summary = "hand tasks to the pool of threads of the runtime";
  let description = [{
    Kernels get a last argument, the number of threads a call may use. A
    `tile.run` stores the arguments of its tasks in a structure on the stack
    and calls the runtime's parallel loop with a function that loads them:

    ```mlir
    tile.run @tasks tasks %n (%x) : memref<?xf32>
    ```
    becomes
    ```mlir
    llvm.store ... (each field of the descriptor of %x)
    llvm.call @fovea_rt_parallel_for(%n, %threads, @tasks_body, %context)
    ```
    Descriptors are reached through casts that vanish when the other dialects
    are converted.

    A task that is only declared is in another module, where it has the
    attribute `tile.exported`. Then the run asks whoever loads the code, and if
    there is none the kernel returns 1; for this it must be in blocks and return
    its status already:

    ```mlir
    %body = llvm.call @fovea_task_body(@tasks_task)   // null after fovea_rt_fail
    cf.cond_br %found, ^run, ^failed
    ```
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect",
    "::mlir::LLVM::LLVMDialect"
  ];
}

def LowerLaunchesPass : Pass<"fovea-lower-launches", "::mlir::ModuleOp"> {
  let summary = "hand tasks to a device through the runtime";
  let description = [{
    The host part of kernels (public functions) whose tasks are kernels of a
    device; after `fovea-lower-checks`, before the device's own lowering. A run
    of such tasks passes each argument by its address, a memref as the fields
    of its descriptor:

    ```mlir
    tile.run @device::@k tasks %n(%x) : memref<?xf32>
    ```
    becomes
    ```mlir
    llvm.store ... (each field of the descriptor of %x, in a structure)
    llvm.store ... (the address of each field, in an array)
    %failed = llvm.call @fovea_rt_launch(%name, %tasks, %threads, %near_bytes, %array)
    ```
    The last parameter of a kernel with `tile.messages` is the word that
    `fovea_rt_status` gives for them. `tile.threads` and
    `tile.parts` ask `fovea_rt_parallelism`, and buffers come from `fovea_rt_device_alloc`.

    After a call of the runtime has failed, no further task is launched;
    buffers are freed as ever, and the kernel returns non-zero.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect"
  ];
}

def EmitEntriesPass : Pass<"fovea-emit-entries", "::mlir::ModuleOp"> {
  let summary = "give each kernel its C entry";
  let description = [{
    Each kernel `@f` becomes private (`@f_kernel`) and its name goes to a
    function with the signature `fovea_entry` of fovea_runtime.h. It has the
    arguments checked against a constant `fovea_signature` (element type, rank,
    fixed sizes, strides), builds memref descriptors and calls the kernel.

    An argument's name in messages is its attribute `fovea.name`; an argument
    with the unit attribute `fovea.output` is one that the kernel writes.
    Everything but the entries gets internal linkage.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect",
    "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect"
  ];
}

def DeviceToLLVMPass : Pass<"fovea-device-to-llvm", "::mlir::gpu::GPUModuleOp"> {
  let summary = "convert kernels of lane code to the llvm dialect";
  let description = [{
    After a target's own lowering, a kernel consists of upstream dialects and
    calls of intrinsics. This converts the rest at once; the kernel gets the
    calling convention that its attribute `fovea.convention` names:

    ```mlir
    gpu.module @device {
      func.func @k(%x: memref<?xf32>) attributes {fovea.convention = #llvm.cconv<ptx_kernelcc>, ...}
    ```
    becomes
    ```mlir
      llvm.func ptx_kernelcc @k(%0: !llvm.ptr, %1: !llvm.ptr, %2: i64, %3: i64, %4: i64)
    ```

    Changes rounding: no.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def ExpandFloat8Pass : Pass<"fovea-expand-float8"> {
  let summary = "write conversions of f8E4M3FN as integer code";
  let description = [{
    No target converts f8E4M3FN in an instruction that all its chips have.
    Conversions of scalars and vectors become code on their bits
    (`fovea/dialects/Tile/Float8.h`):

    ```mlir
    %y = arith.truncf %x : f32 to f8E4M3FN
    ```
    becomes, 16384 being where floats are whole numbers of 2^-9,
    ```mlir
    %b = arith.bitcast %x : f32 to i32
    %m = arith.andi %b, %c0x7fffffff : i32
    ...                                          normal: rebias, round
    %s = arith.addf %abs, %c16384 : f32          subnormal
    ...
    %y = arith.bitcast %chosen : i8 to f8E4M3FN
    ```

    Changes rounding: no. What is to be rounded is, to nearest, ties to even;
    there is no infinity, so what is more than 448 when rounded is a NaN.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def BF16AsIntegersPass : Pass<"fovea-bf16-as-integers", "::mlir::ModuleOp"> {
  let summary = "leave no bf16 where the chip does not know it";
  let description = [{
    For processors without instructions for bf16. There LLVM has no registers for
    its vectors and takes them apart wherever they are moved, with a call of
    `__truncsfbf2` for each element; vectors of i16 it moves as they are.

    Every bf16 becomes an i16 with the same bits: in buffers, vectors, constants,
    arguments. Conversions from and to f32 become code on the bits, and arithmetic
    is done in f32 and rounded:

    ```mlir
    %v = vector.load %x[%i] : memref<?xbf16>, vector<8xbf16>
    %w = arith.extf %v : vector<8xbf16> to vector<8xf32>
    ```
    becomes
    ```mlir
    %v = vector.load %x[%i] : memref<?xi16>, vector<8xi16>
    %a = arith.extui %v : vector<8xi16> to vector<8xi32>
    %b = arith.shli %a, %c16 : vector<8xi32>
    %w = arith.bitcast %b : vector<8xi32> to vector<8xf32>
    ```

    Goes after `fovea-emit-entries`, which tells callers the types of arguments,
    and looks into no `gpu.module`.

    Changes rounding: no.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ConvertCpuPass : Pass<"fovea-convert-cpu", "::mlir::ModuleOp"> {
  let summary = "convert kernels of a processor to the llvm dialect";
  let description = [{
    What upstream has as one pass per dialect (arith, cf, func, index, math,
    memref, ub, vector), with the same patterns in one conversion: each of those
    passes looks at every operation of the module and wraps what the next will
    convert into casts, which for kernels of ten thousand operations took a
    fifth of all the time of a compilation.

    Parts of buffers and vector operations that have no counterpart in LLVM are
    rewritten to what has one before. Structured control flow is gone already, and
    what is in a `gpu.module` has been converted before.

    ```mlir
    func.func @f(%x: memref<?xf32>, %i: index) -> vector<16xf32> {
      %v = vector.load %x[%i] : memref<?xf32>, vector<16xf32>
    ```
    becomes
    ```mlir
    llvm.func @f(%0: !llvm.ptr, %1: !llvm.ptr, %2: i64, ..., %i: i64) -> vector<16xf32> {
      %p = llvm.getelementptr %1[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
      %v = llvm.load %p : !llvm.ptr -> vector<16xf32>
    ```

    Changes rounding: no.
  }];
  let options = [
    Option<"targetVectors", "target-vectors", "bool", /*default=*/"false",
           "Convert the dialect of one family's vector instructions as well">
  ];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::cf::ControlFlowDialect", "::mlir::func::FuncDialect",
    "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect",
    "::mlir::ub::UBDialect", "::mlir::vector::VectorDialect",
    "::mlir::LLVM::LLVMDialect"
  ];
}

#endif
