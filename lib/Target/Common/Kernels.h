//===- Kernels.h - helpers of the passes that lower kernels -----*- C++ -*-===//

#ifndef FOVEA_LIB_TARGET_COMMON_KERNELS_H
#define FOVEA_LIB_TARGET_COMMON_KERNELS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace fovea {

/// Public functions with a body.
llvm::SmallVector<mlir::func::FuncOp> getKernels(mlir::ModuleOp module);

/// The address of a constant that holds `text` and a final zero.
mlir::Value getStringAddress(mlir::OpBuilder &b, mlir::Location loc,
                             mlir::ModuleOp module, llvm::StringRef text);

/// Declares a function of the runtime, once per module.
mlir::LLVM::LLVMFuncOp declareRuntime(mlir::ModuleOp module,
                                      llvm::StringRef name, mlir::Type result,
                                      llvm::ArrayRef<mlir::Type> arguments);

/// One scalar inside a value of the llvm dialect, and the way to it.
struct Leaf {
  mlir::Type type;
  llvm::SmallVector<int64_t> position;
};

/// The scalars of a value of `type`, in the order of its fields.
llvm::SmallVector<Leaf> getLeaves(mlir::Type type);

/// `value` as one of `type`, through a cast that vanishes later.
mlir::Value castTo(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                   mlir::Type type);

} // namespace fovea

#endif // FOVEA_LIB_TARGET_COMMON_KERNELS_H
