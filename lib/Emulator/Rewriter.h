//===- Rewriter.h - The parts of the rewriting ------------------*- C++ -*-===//

#ifndef FOVEA_LIB_EMULATOR_REWRITER_H
#define FOVEA_LIB_EMULATOR_REWRITER_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <string>

namespace fovea::emulator {

/// A kernel as the image lists it.
struct Kernel {
  llvm::Function *function;
  int32_t threads; // 0: any number.
};

/// "file:line:column" of an instruction, or "@function:N" for instruction N of
/// a function without debug locations.
std::string describeLocation(const llvm::Instruction &instruction,
                             unsigned index);

/// Turns what only a GPU does into calls of the runtime, in one function.
class CallRewriter {
public:
  CallRewriter(llvm::Module &module, llvm::StringRef chip);

  llvm::Error run(llvm::Function &function);

  /// Whether blocks of the module may talk to each other.
  bool hasGlobalAtomics() const { return globalAtomics; }

private:
  struct Operation {
    llvm::CallBase *call;
    std::string location;
    unsigned index;
  };
  struct Access {
    llvm::Instruction *before;
    llvm::Value *address;
    int64_t bytes;
    int kind;
    std::string location;
  };

  llvm::Error collect(llvm::Function &function);
  llvm::Error collectCall(llvm::CallBase &call, unsigned index);
  void collectAccess(llvm::Instruction &instruction, unsigned index);
  void addAccess(llvm::Instruction &before, llvm::Value *address, int64_t bytes,
                 int kind, unsigned index);
  llvm::Error rewriteOperations(llvm::Function &function);
  llvm::Expected<llvm::Constant *> makeDesc(const Operation &operation);
  void insertAccess(const Access &access);
  llvm::Constant *makeString(llvm::StringRef text);
  llvm::Constant *makeSite(llvm::StringRef name, llvm::StringRef location,
                           int64_t bytes, int kind);

  llvm::Module &module;
  std::string chip;
  llvm::StringMap<llvm::Constant *> strings;
  llvm::SmallVector<Operation> operations;
  llvm::SmallVector<Access> accesses;
  bool globalAtomics = false;
};

} // namespace fovea::emulator

#endif // FOVEA_LIB_EMULATOR_REWRITER_H
