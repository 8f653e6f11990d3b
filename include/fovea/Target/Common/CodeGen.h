//===- CodeGen.h - from the llvm dialect to machine code --------*- C++ -*-===//

#ifndef FOVEA_TARGET_COMMON_CODEGEN_H
#define FOVEA_TARGET_COMMON_CODEGEN_H

#include "fovea/Target/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

namespace fovea {

/// `optLevel` is 0 to 3, as for a C compiler.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const MachineDescription &machine, int optLevel);

/// Translates a module of the llvm dialect. Needs registerTargetDialects.
llvm::Expected<std::unique_ptr<llvm::Module>>
translateToLLVMIR(mlir::ModuleOp module, llvm::LLVMContext &context,
                  llvm::TargetMachine &machine);

/// The optimisations that kernels profit from: scalar ones, inlining and loop
/// invariants (levels 1 and 2), or all of LLVM's (3). Kernels are vector code
/// already, so LLVM's own vectorisers and its unrolling stay out of all.
void optimize(llvm::Module &module, llvm::TargetMachine &machine, int optLevel);

using ObjectCode = llvm::SmallVector<char, 0>;

/// An object file or assembly text. `module` stays as it is.
llvm::Expected<ObjectCode> emitCode(const llvm::Module &module,
                                    llvm::TargetMachine &machine,
                                    llvm::CodeGenFileType kind);
/// The same, and uses the module up.
llvm::Expected<ObjectCode> emitCode(std::unique_ptr<llvm::Module> module,
                                    llvm::TargetMachine &machine,
                                    llvm::CodeGenFileType kind);

/// Optimises a module and makes an object file of it.
llvm::Expected<ObjectCode> compileModule(std::unique_ptr<llvm::Module> module,
                                         llvm::TargetMachine &machine,
                                         int optLevel);

/// Optimises a module and generates its code on up to `threads` threads: object
/// files to be linked or loaded together. `module` stays as it is.
llvm::Expected<std::vector<ObjectCode>>
emitParts(const llvm::Module &module, const MachineDescription &machine,
          int optLevel, unsigned threads);

/// Held together by those who generate code, and alone by who changes the
/// options of LLVM in this process, as a linker does.
std::shared_mutex &getOptionsMutex();

/// Links object files to a shared library, by a linker inside this process.
/// What the objects do not define stays undefined and is found when the
/// library is loaded. Gives options of LLVM in this process their defaults
/// again: see keepOptions in fovea/Support/CommandLine.h.
llvm::Expected<std::string> linkObjects(llvm::ArrayRef<llvm::StringRef> objects);

} // namespace fovea

#endif // FOVEA_TARGET_COMMON_CODEGEN_H
