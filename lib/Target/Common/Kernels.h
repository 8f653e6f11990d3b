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

} // namespace fovea

#endif // FOVEA_LIB_TARGET_COMMON_KERNELS_H
