//===- Artefact.h - a compiled program as one file --------------*- C++ -*-===//
//
// The file holds code for one target or several, and what a host must know to
// call it. docs/artefact.md describes it; fovea/runtime/fovea_program.h runs
// it without the compiler.
//
//   llvm::Expected<ArtefactTarget> cpu = (*program)->makeArtefactTarget();
//   ...
//   std::string bytes = writeArtefact(entries, {*cpu, *gpu});
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DRIVER_ARTEFACT_H
#define FOVEA_DRIVER_ARTEFACT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class Module;
} // namespace llvm

namespace fovea {

struct Entry;

/// Kernels for a device, as its driver loads them.
struct ArtefactImage {
  /// How they are made, in the word that the driver knows: see
  /// fovea_device_rates.
  std::string kind;
  /// What they are made for, as fovea_device_info names it.
  std::string chip;
  std::string bytes;
};

/// What is known of a kernel; for people and tools, not needed to run it.
struct ArtefactKernel {
  std::string name;
  /// Threads per block, bytes of dynamic near memory, registers per thread.
  std::optional<int64_t> threads, nearBytes, registers;
};

/// Code for one target.
struct ArtefactTarget {
  /// As given to lookUpTarget.
  std::string name;
  std::string chip;
  /// What the CPU that runs `host` must have: names that fovea_rt_cpu_has
  /// knows.
  std::vector<std::string> needs;
  /// A shared library for Linux on x86-64 that defines each entry as a
  /// fovea_entry and leaves fovea_rt_* undefined.
  std::string host;
  /// Kernels that `host` launches; the loader takes the one that suits the
  /// device best. None for a CPU.
  std::vector<ArtefactImage> images;
  std::vector<ArtefactKernel> kernels;
};

/// A shared library from LLVM IR for Linux on x86-64, as `host` and emulated
/// images are. What it calls of fovea_rt_* and fovea_emu_* stays undefined and
/// comes from the loader. Its code needs no more than every x86-64 has; the
/// module stays as it is. Needs a linker on this machine.
llvm::Expected<std::string> makeLoadableLibrary(const llvm::Module &module,
                                                int optLevel = 2);

/// What a cache wants to know of a file that it keeps; see KernelCache.h.
struct ArtefactNotes {
  /// What the code depends on, as a CacheKey.
  std::string key;
  /// What messages call the program.
  std::string source;
  /// What was said when it was compiled.
  std::vector<std::string> remarks;
};

/// The contents of a .fovea file. All targets are of the same program, whose
/// entries these are; an error if two have the same name.
llvm::Expected<std::string>
writeArtefact(llvm::ArrayRef<Entry> entries,
              llvm::ArrayRef<ArtefactTarget> targets,
              const ArtefactNotes *notes = nullptr);

/// What a manifest says of the program, for the compiler.
struct ArtefactContents {
  std::vector<Entry> entries;
  ArtefactNotes notes; // empty if the file has none
};

/// Reads a manifest that fovea_program_manifest gave, so that has been checked.
/// An error if its notes are none of ours.
llvm::Expected<ArtefactContents> readManifest(llvm::StringRef manifest);

} // namespace fovea

#endif // FOVEA_DRIVER_ARTEFACT_H
