//===- Compiler.h - from a program to something that runs -------*- C++ -*-===//
//
// The whole compiler as one call. From text to a result:
//
//   fovea::CompileOptions options;
//   auto program = fovea::compile(text, options);
//   if (!program) { ... llvm::toString(program.takeError()) ... }
//   fovea_tensor arguments[] = {q, k, v, out};
//   if (llvm::Error e = (*program)->run("attention", arguments)) { ... }
//
// Errors carry the text of the diagnostics, with file and line.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DRIVER_COMPILER_H
#define FOVEA_DRIVER_COMPILER_H

#include "fovea/Analysis/ResultExtents.h"
#include "fovea/Driver/Artefact.h"
#include "fovea/Pipelines/Pipelines.h"
#include "fovea/runtime/fovea_device.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace fovea {

class KernelCache;

struct CompileOptions {
  /// A name of getKnownTargets().
  std::string target = "cpu";
  /// Of LLVM, from 0 to 3.
  int optLevel = 2;
  /// The level that the program is at already; none for source. At Tile or
  /// Vector its functions take buffers, and outputs have the attribute
  /// `fovea.output`.
  std::optional<Level> from;
  /// The program is printed to `printTo` as it stands at these levels.
  llvm::SmallVector<Level> printAfter;
  llvm::raw_ostream *printTo = nullptr;
  /// Where tuned schedules come from: a file, "none", or "" for this user's
  /// database (findTuningDatabase in fovea/Tuning/Database.h).
  std::string tuning;
  /// Of a cascade that is walked more than once: "fused", "decomposed", or
  /// "auto" for the cheaper one (docs/tuning.md).
  std::string form = "auto";
  /// Receives each remark, with file and line, as one text.
  std::function<void(llvm::StringRef)> onRemark;
  /// Receives each warning likewise; if empty they go to standard error.
  std::function<void(llvm::StringRef)> onWarning;
  /// What messages call a program that is given as text.
  std::string sourceName = "<text>";
  /// Where a program that is given as text is looked for before it is compiled,
  /// and kept afterwards; null for nowhere. Only code of this machine's
  /// processor is kept, and nothing if `printAfter` wants to see levels or there
  /// were warnings. Remarks are kept with the code and given again. A program
  /// that was not there is written by another thread once it has been called,
  /// at the latest when it is destroyed (docs/cache.md).
  std::shared_ptr<KernelCache> cache;
};

/// An argument of an entry: an input, or an output that the kernel writes.
struct Parameter {
  /// From the attribute `fovea.name`, or "arg0", "out0", ...
  std::string name;
  fovea_dtype dtype = FOVEA_F32;
  /// -1 for extents that are known when it is called.
  llvm::SmallVector<int64_t, 4> shape;
  /// Outputs: the extents from those of the inputs. None if they depend on
  /// the data; always none for inputs.
  std::optional<std::vector<Extent>> extents;
};

struct Entry {
  std::string name;
  std::vector<Parameter> inputs, outputs;

  /// The shape of output `i` for inputs of these shapes, or nothing if it
  /// depends on the data.
  std::optional<llvm::SmallVector<int64_t, 4>>
  getOutputShape(unsigned i, llvm::ArrayRef<fovea_tensor> inputs) const;
};

enum class EmitKind {
  Object,
  Assembly,
  LLVMIR,
  SharedLibrary,
  Header,
  Artefact
};

/// How many sets of tasks wait for a call that needs them or have been compiled
/// for one; 0 where all is compiled at once.
struct TaskCount {
  unsigned tasks = 0, compiled = 0;
};

/// A compiled program. That of a text for this machine's processor is compiled
/// in parts: what checks and divides a call when its function is asked for, and
/// each set of tasks when a call first needs it. Such a call fails if they do
/// not compile. Any threads may call the functions at any time.
class Executable {
public:
  virtual ~Executable();

  virtual llvm::ArrayRef<Entry> getEntries() const = 0;
  /// The entry of that name, or the only one for ""; else an error that lists
  /// the entries.
  llvm::Expected<const Entry *> getEntry(llvm::StringRef name) const;

  /// The C function of an entry, for as long as this object lives. Fails if
  /// this machine cannot run the target's code.
  virtual llvm::Expected<fovea_entry> getFunction(llvm::StringRef name) = 0;
  /// True if the tasks run on a device: then its kernels must be loaded, and
  /// the calling thread bound to them (fovea_rt_bind), before a call, and the
  /// arguments' data lies in memory of the device.
  virtual bool needsDevice() const { return false; }
  /// The kernels, loaded on a device that can run them; the emulated one always
  /// can. The caller closes the module, before this object goes.
  virtual llvm::Expected<fovea_module *> loadOn(fovea_device *device);

  /// Calls an entry with its inputs followed by its outputs.
  llvm::Error run(llvm::StringRef name, llvm::ArrayRef<fovea_tensor> arguments,
                  int32_t threads = 0);

  virtual TaskCount countTasks() { return {}; }
  /// Waits until nothing goes on behind calls, for who measures them.
  virtual void settle() {}

  /// The contents of a file of that kind. A shared library holds the runtime
  /// as well; that and an artefact (of this one target) need a linker on this
  /// machine.
  virtual llvm::Expected<std::string> emit(EmitKind kind) = 0;

  /// What each kernel takes of a multiprocessor, one line per kernel; see
  /// describeResources in Occupancy.h. Fails if the tasks do not run on a
  /// device.
  virtual llvm::Expected<std::string> describeResources();

  /// The code as a part of a .fovea file: see writeArtefact. Needs a linker on
  /// this machine.
  virtual llvm::Expected<ArtefactTarget> makeArtefactTarget() = 0;
};

/// Compiles all public functions of `module`, which stays as it is. Its
/// context must have the dialects of registerDialects.
llvm::Expected<std::unique_ptr<Executable>>
compile(mlir::ModuleOp module, const CompileOptions &options);

/// Reads MLIR text; messages call it `name`. The context must have the
/// dialects of registerDialects.
llvm::Expected<mlir::OwningOpRef<mlir::ModuleOp>>
parse(mlir::MLIRContext &context, llvm::StringRef text, llvm::StringRef name);

/// Prints an error of these functions to standard error, after "error: "
/// unless it says so itself.
void printError(llvm::Error error);

/// Compiles MLIR text.
llvm::Expected<std::unique_ptr<Executable>>
compile(llvm::StringRef text, const CompileOptions &options);

} // namespace fovea

#endif // FOVEA_DRIVER_COMPILER_H
