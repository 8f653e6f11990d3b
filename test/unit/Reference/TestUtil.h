//===- TestUtil.h - programs, random arguments and comparisons --*- C++ -*-===//

#ifndef FOVEA_TEST_UNIT_REFERENCE_TESTUTIL_H
#define FOVEA_TEST_UNIT_REFERENCE_TESTUTIL_H

#include "fovea/Reference/Interpreter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fovea::reference {

/// A context with every dialect that the interpreter knows.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// The modules of a file below test/, split at `// -----`; modules that do not
/// parse are left out and fail the running test.
std::vector<mlir::OwningOpRef<mlir::ModuleOp>>
loadTestFile(mlir::MLIRContext &context, llvm::StringRef path);

/// Random arguments for a function. Dimensions that cascade operations of the
/// function name by one rank have one extent; real elements are normal with
/// deviation `scale`, integers lie in 0..2.
std::vector<Tensor> makeArguments(mlir::func::FuncOp f, uint64_t seed,
                                  double scale);

/// A module from text; null and a failed test if it does not parse.
mlir::OwningOpRef<mlir::ModuleOp> parseText(mlir::MLIRContext &context,
                                            llvm::StringRef text);

/// Runs module passes, such as "func.func(fovea-attn-to-cascade),cse"; false
/// and a failed test if they fail.
bool runPasses(mlir::ModuleOp module, llvm::StringRef passes);

/// What differs by more than 1e-9 of the largest finite element, or nothing.
std::optional<std::string> findDifference(llvm::ArrayRef<Tensor> a,
                                          llvm::ArrayRef<Tensor> b);

/// True if some real element is a NaN.
bool hasNaN(llvm::ArrayRef<Tensor> tensors);

} // namespace fovea::reference

#endif // FOVEA_TEST_UNIT_REFERENCE_TESTUTIL_H
