//===- Executable.h - the compiled program inside the driver ----*- C++ -*-===//

#ifndef FOVEA_LIB_DRIVER_EXECUTABLE_H
#define FOVEA_LIB_DRIVER_EXECUTABLE_H

#include "fovea/Driver/Compiler.h"
#include "fovea/Target/Common/CodeGen.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"

namespace fovea {

class DividedProgram;
class LazyCode;

/// LLVM IR, from which everything else is made on demand; or a program at the
/// level of tasks, of which only those that are called become machine code.
class NativeExecutable : public Executable {
public:
  NativeExecutable(std::unique_ptr<Target> target, std::vector<Entry> entries,
                   std::unique_ptr<llvm::TargetMachine> machine,
                   std::unique_ptr<DividedProgram> program, int optLevel);
  NativeExecutable(std::unique_ptr<Target> target, std::vector<Entry> entries,
                   std::unique_ptr<llvm::TargetMachine> machine,
                   std::unique_ptr<llvm::LLVMContext> context,
                   std::unique_ptr<llvm::Module> module, int optLevel);
  ~NativeExecutable() override;

  llvm::ArrayRef<Entry> getEntries() const override { return entries; }
  llvm::Expected<fovea_entry> getFunction(llvm::StringRef name) override;
  llvm::Expected<std::string> emit(EmitKind kind) override;
  llvm::Expected<ArtefactTarget> makeArtefactTarget() override;
  /// The same for a loader in this process: linked here, without naming the
  /// C library, which the process has. Tasks that have run are not compiled
  /// again. May be called while other threads call entries.
  llvm::Expected<ArtefactTarget> makeLocalTarget();

  TaskCount countTasks() override;
  /// Calls `action` when the first of them is about to run.
  void onFirstTask(std::function<void()> action);

protected:
  const Target &getTarget() const { return *target; }

private:
  llvm::Error load();
  llvm::Expected<llvm::Module *> getModule();
  /// The module, optimised: for code in one piece.
  llvm::Expected<llvm::Module *> getOptimized();
  /// Code to run here, in parts that are made at the same time.
  llvm::Expected<std::vector<ObjectCode>> makeParts();
  /// A part of an artefact with this library as host code.
  ArtefactTarget makeTarget(std::string host);

  std::unique_ptr<Target> target;
  std::vector<Entry> entries;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<DividedProgram> program; // or at once:
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  int optLevel;
  bool isOptimized = false;
  std::unique_ptr<LazyCode> lazy;          // of a divided program
  std::unique_ptr<llvm::orc::LLJIT> jit; // once something has been run
};

/// Loads object files for this machine. They may call the runtime, the emulator
/// and the C library.
llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>>
makeJit(std::vector<ObjectCode> objects);

/// Name of a type as fovea_runtime.h has it, without FOVEA_, in lower case.
llvm::StringRef getDtypeName(fovea_dtype dtype);

/// A C header that declares the entries.
std::string makeHeader(llvm::ArrayRef<Entry> entries, llvm::StringRef target);

/// Links an object file for a machine to a shared library, with the runtime in
/// it or, for a loader that brings the runtime, without.
llvm::Expected<std::string> linkSharedLibrary(llvm::StringRef object,
                                              const llvm::Triple &triple,
                                              bool withRuntime = true);

/// The runtime's static library for an architecture, as LLVM calls it, or an
/// error if this compiler was built without.
llvm::Expected<llvm::StringRef> getRuntimeArchive(llvm::StringRef architecture);

} // namespace fovea

#endif // FOVEA_LIB_DRIVER_EXECUTABLE_H
