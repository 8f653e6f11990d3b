//===- KernelCache.h - compiled programs, kept on disk ----------*- C++ -*-===//
//
// A folder of .fovea files, one per program that was compiled, named after all
// that decided its code (CacheKey). A process that compiles the same again
// reads the file instead:
//
//   fovea::CompileOptions options;
//   options.cache = fovea::KernelCache::fromEnvironment(warn);
//   auto program = fovea::compile(text, options);
//
// Files appear complete or not at all (a rename), so any number of processes
// may share a folder without locks: two that compile the same program write the
// same file one after the other, and one that is removed stays readable for who
// has it open. Files that are damaged are noticed by their checksums, reported,
// removed, and made anew. docs/cache.md tells users the rest.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DRIVER_KERNELCACHE_H
#define FOVEA_DRIVER_KERNELCACHE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/Chrono.h"
#include "llvm/Support/Error.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fovea {

class Target;
struct CompileOptions;

/// A name for what a compilation depends on: equal if all of that is, and
/// otherwise different for all purposes (256 bits of BLAKE3).
class CacheKey {
public:
  /// One more thing that decides the code. Neither order nor borders between
  /// names and values are lost.
  void add(llvm::StringRef name, llvm::StringRef value);
  /// 64 hexadecimal digits.
  std::string get();

private:
  llvm::BLAKE3 hasher;
};

class KernelCache {
public:
  struct Options {
    /// The folder; made when the first file is stored.
    std::string folder;
    /// Most bytes that files may take together. What was not used for longest
    /// goes first.
    uint64_t maxBytes = uint64_t(1) << 30;
    /// Receives what is wrong with the folder or a file, as a sentence without
    /// "warning:". Nothing of that kind makes a compilation fail.
    std::function<void(llvm::StringRef)> onWarning;
  };

  explicit KernelCache(Options options) : options(std::move(options)) {}

  /// What the environment asks for: the folder is FOVEA_CACHE_DIR, else
  /// $XDG_CACHE_HOME/fovea/kernels, else ~/.cache/fovea/kernels; the bound is
  /// FOVEA_CACHE_SIZE, such as 500M or 2G, where 0 means that nothing is kept.
  /// An error if there is no folder to be had or the size is none.
  static llvm::Expected<Options> readEnvironment();
  /// The cache that the environment asks for. Null if nothing is to be kept,
  /// and after an error, which becomes a warning.
  static std::shared_ptr<KernelCache>
  fromEnvironment(std::function<void(llvm::StringRef)> onWarning);

  llvm::StringRef getFolder() const { return options.folder; }
  uint64_t getMaxBytes() const { return options.maxBytes; }
  /// Where the file of a key lies, if there is one.
  std::string getPath(llvm::StringRef key) const;

  /// The bytes of a file, not looked at; it counts as used now. Nothing if
  /// there is none, or if others may write to the folder: what lies there is
  /// going to be executed.
  std::optional<std::string> load(llvm::StringRef key);
  /// Keeps a file, and removes old ones beyond the bound. One that alone is
  /// beyond it is not kept.
  void store(llvm::StringRef key, llvm::StringRef bytes);
  /// Removes a file that turned out to be bad, with a warning.
  void reject(llvm::StringRef key, const llvm::Twine &reason);
  /// Says that a program cannot be kept, once for all of them.
  void report(const llvm::Twine &reason);

  /// A file of the folder.
  struct File {
    std::string path, key;
    uint64_t bytes = 0;
    llvm::sys::TimePoint<> lastUse;
  };
  /// All files, the one used last first. Other files in the folder are not
  /// touched, here or elsewhere.
  std::vector<File> list() const;
  /// Removes all files; returns how many. An error if one cannot be removed.
  llvm::Expected<size_t> clear();

private:
  bool isTrusted();
  void evict(llvm::StringRef kept);
  void warn(const llvm::Twine &message);

  Options options;
  std::atomic<bool> hasWarned{false};
};

/// Names the compiler in this process by its contents, not by a version that a
/// developer's build keeps: the build identifiers of this code and of the
/// libraries that generate code.
llvm::StringRef getCompilerIdentity();

/// The key of a program that is compiled for `target` with these options by a
/// compiler of that identity.
std::string makeCacheKey(llvm::StringRef text, const Target &target,
                         const CompileOptions &options,
                         llvm::StringRef compiler = getCompilerIdentity());

} // namespace fovea

#endif // FOVEA_DRIVER_KERNELCACHE_H
