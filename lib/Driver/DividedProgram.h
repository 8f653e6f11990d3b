//===- DividedProgram.h - parts that are compiled one by one ----*- C++ -*-===//
//
// A program has tasks for few rows and for many, and a call runs one of them.
// When tasks have become functions, each can go on to machine code alone, and
// at a time of its own:
//
//   func.func @attention   runs @attention_tasks_0 or _1    the host part
//   func.func private @attention_tasks_0                    a task
//   func.func private @attention_tasks_1                    a task
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_LIB_DRIVER_DIVIDEDPROGRAM_H
#define FOVEA_LIB_DRIVER_DIVIDEDPROGRAM_H

#include "fovea/Target/Common/CodeGen.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace fovea {

class DividedProgram {
public:
  /// `module` has been outlined; it is at Level::Vector if `isVector`. The
  /// target outlives this object.
  DividedProgram(std::unique_ptr<mlir::MLIRContext> context,
                 mlir::OwningOpRef<mlir::ModuleOp> module, const Target &target,
                 int optLevel, bool isVector);
  ~DividedProgram();

  /// The names of the tasks. A task that is more than run, or a module of more
  /// than functions, stays with the host part.
  llvm::ArrayRef<std::string> getTasks() const { return tasks; }

  /// The code of the entries. It asks for tasks as `fovea-lower-runs` says. Any
  /// thread may call this and the next at any time.
  llvm::Expected<ObjectCode> compileHost();
  /// The code of one task, which defines NAME_body, and NAME_prepare, an entry
  /// without arguments to be called before.
  llvm::Expected<ObjectCode> compileTask(llvm::StringRef name);
  /// What makes machine code of modules.
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine() const {
    return createTargetMachine(target.getMachine(), optLevel);
  }
  /// All of it in one module.
  llvm::Expected<std::unique_ptr<llvm::Module>>
  translateAll(llvm::LLVMContext &context, llvm::TargetMachine &machine);

private:
  mlir::OwningOpRef<mlir::ModuleOp>
  copy(llvm::function_ref<bool(mlir::Operation *)> isRoot);
  mlir::OwningOpRef<mlir::ModuleOp> copyHost();
  mlir::OwningOpRef<mlir::ModuleOp> copyTask(llvm::StringRef name);
  llvm::Expected<std::unique_ptr<llvm::Module>>
  translate(mlir::OwningOpRef<mlir::ModuleOp> part, llvm::LLVMContext &context,
            llvm::TargetMachine &machine);
  llvm::Expected<ObjectCode>
  compile(llvm::function_ref<mlir::OwningOpRef<mlir::ModuleOp>(int &level)>
              copy);

  // One thread at a time uses the context.
  std::mutex mutex;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  const Target &target;
  int optLevel;
  bool isVector;
  std::vector<std::string> tasks;
};

} // namespace fovea

#endif // FOVEA_LIB_DRIVER_DIVIDEDPROGRAM_H
