//===- EmitParts.cpp - code of one module on several threads --------------===//
//
// Tasks are handed to the runtime as pointers: nothing is inlined into their
// caller, so each can be compiled without the others. LLVM works on a module by
// one thread, and on modules of different contexts by several. So a module goes
// through its bitcode, of which each part reads the functions that it wants:
//
//   @f            calls parallel_for(@tasks)       part 1: f
//   @tasks        calls @row                       part 2: tasks, row
//   @few_tasks    calls @row                       part 3: few_tasks, row
//
//===----------------------------------------------------------------------===//

#include "fovea/Target/Common/CodeGen.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <atomic>
#include <thread>

using namespace fovea;

namespace {

/// Functions that are compiled together, and what they make visible to others.
struct Part {
  llvm::StringRef root;
  llvm::StringSet<> functions; // with the root
  size_t instructions = 0;
};

} // namespace

/// The functions that others reach by their name or a pointer.
static std::vector<const llvm::Function *>
findRoots(const llvm::Module &module) {
  std::vector<const llvm::Function *> roots;
  for (const llvm::Function &function : module) {
    if (!function.isDeclaration() &&
        (!function.hasLocalLinkage() || function.hasAddressTaken())) {
      roots.push_back(&function);
    }
  }
  return roots;
}

/// A root and all that it calls, but for other roots.
static Part
makePart(const llvm::Function *root,
         const llvm::SmallPtrSetImpl<const llvm::Function *> &roots) {
  Part part;
  part.root = root->getName();
  llvm::SmallSetVector<const llvm::Function *, 8> found;
  found.insert(root);
  for (size_t i = 0; i < found.size(); ++i) {
    part.functions.insert(found[i]->getName());
    part.instructions += found[i]->getInstructionCount();
    for (const llvm::Instruction &instruction : llvm::instructions(*found[i])) {
      auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction);
      const llvm::Function *callee = call ? call->getCalledFunction() : nullptr;
      if (callee && !callee->isDeclaration() && !roots.contains(callee)) {
        found.insert(callee);
      }
    }
  }
  return part;
}

/// The parts of a module, the largest first; none if it has what there must not
/// be two of, such as a variable.
static std::vector<Part> divide(const llvm::Module &module) {
  bool canDivide = module.alias_empty() && module.ifunc_empty() &&
                   llvm::all_of(module.globals(), [](const auto &global) {
                     return global.isConstant() && global.hasLocalLinkage();
                   });
  if (!canDivide) {
    return {};
  }
  std::vector<const llvm::Function *> roots = findRoots(module);
  llvm::SmallPtrSet<const llvm::Function *, 8> isRoot(roots.begin(),
                                                      roots.end());
  std::vector<Part> parts;
  for (const llvm::Function *root : roots) {
    parts.push_back(makePart(root, isRoot));
  }
  llvm::stable_sort(parts, [](const Part &a, const Part &b) {
    return a.instructions > b.instructions;
  });
  return parts;
}

/// Reads a part of a module; roots of other parts are declared.
static llvm::Expected<std::unique_ptr<llvm::Module>>
readPart(llvm::MemoryBufferRef bitcode, const Part &part,
         const llvm::StringSet<> &roots, llvm::LLVMContext &context) {
  auto module = llvm::getLazyBitcodeModule(bitcode, context);
  if (!module) {
    return module.takeError();
  }
  for (llvm::Function &function : **module) {
    bool isLocal = function.hasLocalLinkage();
    if (!part.functions.contains(function.getName())) {
      function.deleteBody();
    }
    // Seen by the other parts, but not outside of what they are linked to.
    if (isLocal && roots.contains(function.getName())) {
      function.setLinkage(llvm::GlobalValue::ExternalLinkage);
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
      function.setDSOLocal(true);
    }
  }
  if (llvm::Error e = (*module)->materializeAll()) {
    return e;
  }
  return module;
}

llvm::Expected<ObjectCode>
fovea::compileModule(std::unique_ptr<llvm::Module> module,
                     llvm::TargetMachine &machine, int optLevel) {
  std::shared_lock<std::shared_mutex> lock(getOptionsMutex());
  optimize(*module, machine, optLevel);
  return emitCode(std::move(module), machine,
                  llvm::CodeGenFileType::ObjectFile);
}

static llvm::Expected<ObjectCode> compile(std::unique_ptr<llvm::Module> module,
                                          const MachineDescription &machine,
                                          int optLevel) {
  auto target = createTargetMachine(machine, optLevel);
  if (!target) {
    return target.takeError();
  }
  return compileModule(std::move(module), **target, optLevel);
}

llvm::Expected<std::vector<ObjectCode>>
fovea::emitParts(const llvm::Module &module, const MachineDescription &machine,
                 int optLevel, unsigned threads) {
  std::vector<Part> parts = divide(module);
  if (threads < 2 || parts.size() < 2) {
    auto code = compile(llvm::CloneModule(module), machine, optLevel);
    if (!code) {
      return code.takeError();
    }
    return std::vector<ObjectCode>{std::move(*code)};
  }
  llvm::SmallString<0> bitcode;
  llvm::raw_svector_ostream stream(bitcode);
  llvm::WriteBitcodeToFile(module, stream);
  llvm::StringSet<> roots;
  for (const Part &part : parts) {
    roots.insert(part.root);
  }
  std::vector<llvm::Expected<ObjectCode>> codes;
  for (size_t i = 0; i < parts.size(); ++i) {
    codes.push_back(ObjectCode());
  }
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i = next++; i < parts.size(); i = next++) {
      llvm::LLVMContext context;
      auto part = readPart({bitcode, "fovea"}, parts[i], roots, context);
      codes[i] = part ? compile(std::move(*part), machine, optLevel)
                      : part.takeError();
    }
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < std::min<size_t>(threads, parts.size()); ++i) {
    others.emplace_back(work);
  }
  work();
  for (std::thread &thread : others) {
    thread.join();
  }
  std::vector<ObjectCode> objects;
  llvm::Error errors = llvm::Error::success();
  for (llvm::Expected<ObjectCode> &code : codes) {
    if (code) {
      objects.push_back(std::move(*code));
    } else {
      errors = llvm::joinErrors(std::move(errors), code.takeError());
    }
  }
  if (errors) {
    return errors;
  }
  return objects;
}
