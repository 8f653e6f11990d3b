//===- CachedExecutable.cpp - a program that was compiled before ----------===//

#include "CachedExecutable.h"

#include "Background.h"
#include "Executable.h"

#include "fovea/Driver/KernelCache.h"
#include "fovea/Target/Target.h"
#include "fovea/Tuning/Database.h"
#include "fovea/runtime/fovea_program.h"

#include "llvm/Support/raw_ostream.h"

using namespace fovea;

namespace {

struct CloseProgram {
  void operator()(fovea_program *program) const {
    fovea_program_close(program);
  }
};

/// Code of this machine's processor, loaded from a .fovea file.
class CachedExecutable : public Executable {
public:
  /// Loads the bytes of a file; messages call it `path`.
  static llvm::Expected<std::unique_ptr<CachedExecutable>>
  open(llvm::StringRef bytes, const std::string &path, llvm::StringRef key);

  llvm::ArrayRef<Entry> getEntries() const override { return contents.entries; }
  llvm::Expected<fovea_entry> getFunction(llvm::StringRef name) override;
  llvm::Expected<std::string> emit(EmitKind kind) override;
  llvm::Expected<ArtefactTarget> makeArtefactTarget() override;

  llvm::ArrayRef<std::string> getRemarks() const {
    return contents.notes.remarks;
  }
  /// What other forms of the code are made of when they are asked for.
  void setSource(llvm::StringRef text, const CompileOptions &options);

private:
  llvm::Expected<Executable *> getCompiled();

  std::unique_ptr<fovea_program, CloseProgram> program;
  ArtefactContents contents;
  std::string source;
  CompileOptions options;
  std::unique_ptr<Executable> compiled;
};

} // namespace

llvm::Expected<std::unique_ptr<CachedExecutable>>
CachedExecutable::open(llvm::StringRef bytes, const std::string &path,
                       llvm::StringRef key) {
  auto result = std::make_unique<CachedExecutable>();
  result->program.reset(
      fovea_program_open_memory(bytes.data(), bytes.size(), path.c_str()));
  if (!result->program) {
    return llvm::createStringError(fovea_rt_last_error());
  }
  auto contents = readManifest(fovea_program_manifest(result->program.get()));
  if (!contents) {
    return llvm::createStringError(
        "'" + path + "': " + llvm::toString(contents.takeError()));
  }
  if (contents->notes.key != key) {
    return llvm::createStringError("'" + path + "': expected the program " +
                                   key + ", got " + contents->notes.key);
  }
  result->contents = std::move(*contents);
  if (fovea_program_load(result->program.get(), nullptr, nullptr) != 0) {
    return llvm::createStringError(fovea_rt_last_error());
  }
  return result;
}

void CachedExecutable::setSource(llvm::StringRef text,
                                 const CompileOptions &howTo) {
  source = text.str();
  options = howTo;
  options.onRemark = nullptr; // they have been given
}

llvm::Expected<fovea_entry>
CachedExecutable::getFunction(llvm::StringRef name) {
  llvm::Expected<const Entry *> entry = getEntry(name);
  if (!entry) {
    return entry.takeError();
  }
  return fovea_program_entry(program.get(), (*entry)->name.c_str());
}

llvm::Expected<Executable *> CachedExecutable::getCompiled() {
  if (!compiled) {
    auto made = compileText(source, options);
    if (!made) {
      return made.takeError();
    }
    compiled = std::move(*made);
  }
  return compiled.get();
}

llvm::Expected<std::string> CachedExecutable::emit(EmitKind kind) {
  llvm::Expected<Executable *> made = getCompiled();
  return made ? (*made)->emit(kind) : made.takeError();
}

llvm::Expected<ArtefactTarget> CachedExecutable::makeArtefactTarget() {
  llvm::Expected<Executable *> made = getCompiled();
  return made ? (*made)->makeArtefactTarget() : made.takeError();
}

/// All that decides the code. Whatever else comes to do so has its line here.
std::string fovea::makeCacheKey(llvm::StringRef text, const Target &target,
                                const CompileOptions &options,
                                llvm::StringRef compiler) {
  MachineDescription machine = target.getMachine();
  CacheKey key;
  key.add("compiler", compiler);
  key.add("text", text);
  // In messages, those of the code too.
  key.add("source", options.sourceName);
  key.add("target", target.getName());
  // What the host is, if that is the target.
  key.add("triple", machine.triple);
  key.add("cpu", machine.cpu);
  key.add("features", machine.features);
  key.add("level", std::to_string(options.optLevel));
  key.add("from", options.from ? getLevelName(*options.from) : "");
  key.add("form", options.form);
  key.add("tuning", getTuningKey(options.tuning));
  return key.get();
}

namespace {

/// A program that was not in the cache and is going to be. It is called as it is
/// compiled, task by task; what is missing for a file is compiled when the first
/// call is under way, by another thread, or else when this object goes.
class KeptExecutable : public Executable {
public:
  KeptExecutable(std::shared_ptr<KernelCache> cache, ArtefactNotes notes,
                 std::unique_ptr<NativeExecutable> program)
      : cache(std::move(cache)), notes(std::move(notes)),
        program(std::move(program)) {
    this->program->onFirstTask([this] { background.start([this] { keep(); }); });
  }
  ~KeptExecutable() override {
    background.wait();
    keep();
  }

  llvm::ArrayRef<Entry> getEntries() const override {
    return program->getEntries();
  }
  llvm::Expected<fovea_entry> getFunction(llvm::StringRef name) override {
    return program->getFunction(name);
  }
  llvm::Expected<std::string> emit(EmitKind kind) override {
    return program->emit(kind);
  }
  llvm::Expected<ArtefactTarget> makeArtefactTarget() override {
    return program->makeArtefactTarget();
  }
  TaskCount countTasks() override { return program->countTasks(); }
  void settle() override { background.wait(); }

private:
  void keep();
  llvm::Error store();

  std::shared_ptr<KernelCache> cache;
  ArtefactNotes notes;
  std::unique_ptr<NativeExecutable> program;
  bool isKept = false;
  Background background; // before the rest goes
};

} // namespace

void KeptExecutable::keep() {
  if (isKept) {
    return;
  }
  isKept = true;
  if (llvm::Error e = store()) {
    cache->report(llvm::toString(std::move(e)));
  }
}

llvm::Error KeptExecutable::store() {
  llvm::Expected<ArtefactTarget> target = program->makeLocalTarget();
  if (!target) {
    return target.takeError();
  }
  llvm::Expected<std::string> bytes =
      writeArtefact(program->getEntries(), *target, &notes);
  if (!bytes) {
    return bytes.takeError();
  }
  // Only what can be loaded is of use.
  auto loaded =
      CachedExecutable::open(*bytes, cache->getPath(notes.key), notes.key);
  if (!loaded) {
    return loaded.takeError();
  }
  cache->store(notes.key, *bytes);
  return llvm::Error::success();
}

/// Compiles a program that the cache does not have, and sees to it that it gets
/// there.
static llvm::Expected<std::unique_ptr<Executable>>
compileInto(std::shared_ptr<KernelCache> cache, const std::string &key,
            llvm::StringRef text, const CompileOptions &options) {
  ArtefactNotes notes{key, options.sourceName, {}};
  CompileOptions noting = options;
  noting.onRemark = [&](llvm::StringRef remark) {
    notes.remarks.push_back(remark.str());
    if (options.onRemark) {
      options.onRemark(remark);
    }
  };
  bool hasWarned = false;
  noting.onWarning = [&](llvm::StringRef warning) {
    hasWarned = true;
    if (options.onWarning) {
      options.onWarning(warning);
    } else {
      llvm::errs() << warning << '\n';
    }
  };
  auto made = compileText(text, noting);
  if (!made || hasWarned) {
    return made;
  }
  // Not for a device, so of this class.
  std::unique_ptr<NativeExecutable> native(
      static_cast<NativeExecutable *>(made->release()));
  return std::make_unique<KeptExecutable>(std::move(cache), std::move(notes),
                                          std::move(native));
}

llvm::Expected<std::unique_ptr<Executable>>
fovea::compileThroughCache(llvm::StringRef text,
                           const CompileOptions &options) {
  auto target = lookUpTarget(options.target);
  if (!target) {
    return target.takeError();
  }
  llvm::Error runsHere = (*target)->checkRunsHere();
  bool isKept =
      !runsHere && !(*target)->getDevice() && options.printAfter.empty();
  llvm::consumeError(std::move(runsHere));
  if (!isKept) {
    return compileText(text, options);
  }
  KernelCache &cache = *options.cache;
  std::string key = makeCacheKey(text, **target, options);
  std::optional<std::string> bytes = cache.load(key);
  if (!bytes) {
    return compileInto(options.cache, key, text, options);
  }
  auto found = CachedExecutable::open(*bytes, cache.getPath(key), key);
  if (!found) {
    cache.reject(key, llvm::toString(found.takeError()));
    return compileInto(options.cache, key, text, options);
  }
  (*found)->setSource(text, options);
  if (options.onRemark) {
    for (const std::string &remark : (*found)->getRemarks()) {
      options.onRemark(remark);
    }
  }
  return std::move(*found);
}
