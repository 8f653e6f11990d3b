//===- fovea-cache.cpp - what is kept of compiled programs ----------------===//
//
//   fovea-cache list
//   fovea-cache clear
//
//===----------------------------------------------------------------------===//

#include "fovea/Driver/Artefact.h"
#include "fovea/Driver/Compiler.h"
#include "fovea/Driver/KernelCache.h"
#include "fovea/runtime/fovea_program.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea;

namespace {

namespace cl = llvm::cl;
cl::OptionCategory category("fovea-cache");

cl::opt<std::string> command(cl::Positional,
                             cl::value_desc("list | verify | clear | path"),
                             cl::desc("list | verify | clear | path"),
                             cl::cat(category));

enum class Command { List, Verify, Clear, Path, None };

struct CloseProgram {
  void operator()(fovea_program *program) const {
    fovea_program_close(program);
  }
};
using Program = std::unique_ptr<fovea_program, CloseProgram>;

} // namespace

/// As "64.7 KiB".
static std::string printSize(uint64_t bytes) {
  static constexpr const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double size = bytes;
  size_t unit = 0;
  for (; size >= 1024 && unit + 1 < std::size(units); ++unit) {
    size /= 1024;
  }
  std::string text;
  llvm::raw_string_ostream(text)
      << llvm::format(unit == 0 ? "%.0f" : "%.1f", size) << ' ' << units[unit];
  return text;
}

/// As "3 h": in the largest unit of which there is one.
static std::string printAge(llvm::sys::TimePoint<> time) {
  int64_t age = std::chrono::duration_cast<std::chrono::seconds>(
                    std::chrono::system_clock::now() - time)
                    .count();
  struct Unit {
    int64_t seconds;
    const char *name;
  };
  for (Unit unit : {Unit{86400, "d"}, Unit{3600, "h"}, Unit{60, "min"}}) {
    if (age >= unit.seconds) {
      return std::to_string(age / unit.seconds) + " " + unit.name;
    }
  }
  return std::to_string(std::max<int64_t>(age, 0)) + " s";
}

/// Opens a file, whose checksums must be right and whose key its name.
static llvm::Expected<Program> open(const KernelCache::File &file,
                                    ArtefactContents &contents) {
  Program program(fovea_program_open(file.path.c_str()));
  if (!program) {
    return llvm::createStringError(fovea_rt_last_error());
  }
  auto read = readManifest(fovea_program_manifest(program.get()));
  if (!read) {
    return llvm::createStringError("'" + file.path +
                                   "': " + llvm::toString(read.takeError()));
  }
  if (read->notes.key != file.key) {
    return llvm::createStringError("'" + file.path + "': is the program " +
                                   read->notes.key);
  }
  contents = std::move(*read);
  return program;
}

/// What a file holds, as one line.
static std::string describe(const KernelCache::File &file) {
  ArtefactContents contents;
  llvm::Expected<Program> program = open(file, contents);
  if (!program) {
    llvm::consumeError(program.takeError());
    return "damaged; fovea-cache verify removes it";
  }
  auto names = llvm::map_range(contents.entries,
                               [](const Entry &entry) { return entry.name; });
  return llvm::join(names, " ") + " for " +
         fovea_program_target(program->get(), 0) + ", from " +
         contents.notes.source;
}

static void list(const KernelCache &cache) {
  std::vector<KernelCache::File> files = cache.list();
  uint64_t bytes = 0;
  for (const KernelCache::File &file : files) {
    bytes += file.bytes;
  }
  llvm::outs() << cache.getFolder() << ": " << files.size() << " programs, "
               << printSize(bytes) << " of at most "
               << printSize(cache.getMaxBytes()) << '\n';
  if (!files.empty()) {
    llvm::outs() << "key              size   last use  program\n";
  }
  for (const KernelCache::File &file : files) {
    llvm::outs() << llvm::StringRef(file.key).take_front(8)
                 << llvm::right_justify(printSize(file.bytes), 13)
                 << llvm::right_justify(printAge(file.lastUse), 11) << "  "
                 << describe(file) << '\n';
  }
}

/// Fails if there was something wrong.
static llvm::Error verify(KernelCache &cache) {
  size_t bad = 0;
  std::vector<KernelCache::File> files = cache.list();
  for (const KernelCache::File &file : files) {
    ArtefactContents contents;
    llvm::Expected<Program> program = open(file, contents);
    if (!program) {
      cache.reject(file.key, llvm::toString(program.takeError()));
      ++bad;
    }
  }
  llvm::outs() << files.size() << " programs read, " << bad << " removed\n";
  return bad == 0 ? llvm::Error::success()
                  : llvm::createStringError("expected files that are whole, "
                                            "got " +
                                            llvm::Twine(bad) + " damaged");
}

static llvm::Error runTool() {
  Command what = llvm::StringSwitch<Command>(command)
                     .Case("list", Command::List)
                     .Case("verify", Command::Verify)
                     .Case("clear", Command::Clear)
                     .Case("path", Command::Path)
                     .Default(Command::None);
  if (what == Command::None) {
    return llvm::createStringError(
        "expected list, verify, clear or path, got '" + command +
        "'; see --help");
  }
  llvm::Expected<KernelCache::Options> options = KernelCache::readEnvironment();
  if (!options) {
    return options.takeError();
  }
  options->onWarning = [](llvm::StringRef text) {
    llvm::errs() << "warning: " << text << '\n';
  };
  KernelCache cache(std::move(*options));
  switch (what) {
  case Command::List:
    list(cache);
    break;
  case Command::Verify:
    return verify(cache);
  case Command::Clear: {
    llvm::Expected<size_t> count = cache.clear();
    if (!count) {
      return count.takeError();
    }
    llvm::outs() << *count << " programs removed\n";
    break;
  }
  case Command::Path:
    llvm::outs() << cache.getFolder() << '\n';
    break;
  case Command::None:
    break;
  }
  return llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(
      argc, argv,
      "Fovea: the compiled programs that are kept on disk\n\n"
      "  fovea-cache list      what is there, the last used first\n"
      "  fovea-cache verify    read all of it; remove what is damaged\n"
      "  fovea-cache clear     remove all of it\n"
      "  fovea-cache path      the folder\n\n"
      "The folder is FOVEA_CACHE_DIR, else fovea/kernels in XDG_CACHE_HOME or "
      "~/.cache.\nFOVEA_CACHE_SIZE, such as 500M or 2G (default: 1G), bounds "
      "it; with 0 nothing\nis kept.\n");
  if (llvm::Error e = runTool()) {
    llvm::outs().flush();
    printError(std::move(e));
    return 1;
  }
  return 0;
}
