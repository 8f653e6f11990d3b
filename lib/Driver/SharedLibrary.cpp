//===- SharedLibrary.cpp - link an object file with the runtime -----------===//

#include "Executable.h"

#include "fovea/Support/WriteFile.h"
#include "fovea/Target/Common/CodeGen.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace fovea;

namespace {

/// A program that links, and whether it is a compiler that knows where the C
/// library is; with what it must be told to link for another machine.
struct Linker {
  std::string name;
  bool isCompiler;
  std::vector<std::string> options = {};
};

} // namespace

/// The architecture of a machine as LLVM calls it, which is how Debian names
/// folders and tools.
static std::string getArchitecture(const llvm::Triple &triple) {
  return triple.getArchName().str();
}

static bool isOwn(const llvm::Triple &triple) {
  return triple.getArch() ==
         llvm::Triple(llvm::sys::getProcessTriple()).getArch();
}

/// What can link for a machine, the best first. LLVM's linker can for all, but
/// the runtime also wants the part of the C library that is linked in, which
/// only a compiler finds.
static std::vector<Linker> getLinkers(const llvm::Triple &triple,
                                      bool withRuntime) {
  if (isOwn(triple)) {
    return {{"cc", true},      {"clang", true},      {"clang-22", true},
            {"gcc", true},     {"ld.lld", false},    {"ld.lld-22", false},
            {"ld", false}};
  }
  std::string other = getArchitecture(triple) + "-linux-gnu";
  std::vector<Linker> linkers = {{other + "-gcc", true}};
  if (llvm::sys::fs::exists("/usr/" + other + "/lib/crti.o")) {
    std::vector<std::string> options = {"--target=" + other, "-fuse-ld=lld"};
    linkers.push_back({"clang-22", true, options});
    linkers.push_back({"clang", true, options});
  }
  if (!withRuntime) {
    linkers.insert(
        linkers.end(),
        {{"ld.lld", false}, {"ld.lld-22", false}, {other + "-ld", false}});
  }
  return linkers;
}

static std::vector<std::string>
getArguments(const Linker &linker, const llvm::Triple &triple,
             const std::string &program, const std::string &folder,
             bool withRuntime) {
  llvm::StringRef pass = linker.isCompiler ? "-Wl," : "";
  std::vector<std::string> arguments = {
      program, "-shared", "-o", folder + "/library.so", folder + "/kernels.o",
  };
  arguments.insert(arguments.end(), linker.options.begin(),
                   linker.options.end());
  if (withRuntime) {
    // The whole archive, so that the library also has what only hosts call.
    arguments.insert(arguments.end(),
                     {(pass + "--whole-archive").str(), folder + "/runtime.a",
                      (pass + "--no-whole-archive").str()});
  }
  if (linker.isCompiler) {
    arguments.insert(arguments.end(), {"-lm", "-lpthread"});
    return arguments;
  }
  // A bare linker does not know where the C library is. Where it is not found
  // either, its functions stay to be found in the host.
  std::string architecture = getArchitecture(triple);
  std::vector<std::string> places = {"/lib/" + architecture + "-linux-gnu",
                                     "/usr/" + architecture + "-linux-gnu/lib"};
  if (isOwn(triple)) {
    places.insert(places.end(), {"/lib64", "/usr/lib64", "/lib", "/usr/lib"});
  }
  for (const std::string &place : places) {
    std::string libm = place + "/libm.so.6";
    if (llvm::sys::fs::exists(libm)) {
      arguments.insert(arguments.end(), {libm, place + "/libc.so.6"});
      break;
    }
  }
  return arguments;
}

static llvm::Error runLinker(const Linker &linker, const llvm::Triple &triple,
                             const std::string &program,
                             const std::string &folder, bool withRuntime) {
  std::vector<std::string> arguments =
      getArguments(linker, triple, program, folder, withRuntime);
  std::vector<llvm::StringRef> views(arguments.begin(), arguments.end());
  std::string log = folder + "/log.txt", message;
  std::optional<llvm::StringRef> redirects[] = {std::nullopt, log, log};
  int status = llvm::sys::ExecuteAndWait(program, views, std::nullopt,
                                         redirects, 0, 0, &message);
  if (status == 0) {
    return llvm::Error::success();
  }
  if (auto text = llvm::MemoryBuffer::getFile(log)) {
    message += (*text)->getBuffer().trim();
  }
  return llvm::createStringError(program + " failed: " + message);
}

llvm::Expected<std::string>
fovea::linkSharedLibrary(llvm::StringRef object, const llvm::Triple &triple,
                         bool withRuntime) {
  llvm::StringRef runtime;
  if (withRuntime) {
    auto archive = getRuntimeArchive(getArchitecture(triple));
    if (!archive) {
      return archive.takeError();
    }
    runtime = *archive;
  }
  std::optional<Linker> found;
  std::string program, tried;
  for (const Linker &linker : getLinkers(triple, withRuntime)) {
    if (auto path = llvm::sys::findProgramByName(linker.name)) {
      program = *path;
      found = linker;
      break;
    }
    tried += (tried.empty() ? "" : ", ") + linker.name;
  }
  if (!found) {
    return llvm::createStringError(
        "a shared library needs a linker: expected one of " + tried +
        " on PATH, got none (an object file needs none)");
  }
  llvm::SmallString<128> folder;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("fovea", folder)) {
    return llvm::createStringError("no temporary folder: " + code.message());
  }
  llvm::scope_exit cleanup([&] { llvm::sys::fs::remove_directories(folder); });
  std::string at = folder.str().str();
  if (llvm::Error e = writeFile(at + "/kernels.o", object)) {
    return e;
  }
  if (llvm::Error e = writeFile(at + "/runtime.a", runtime)) {
    return e;
  }
  if (llvm::Error e = runLinker(*found, triple, program, at, withRuntime)) {
    return e;
  }
  auto library = llvm::MemoryBuffer::getFile(at + "/library.so");
  if (!library) {
    return llvm::createStringError(program + " wrote no library");
  }
  return (*library)->getBuffer().str();
}

llvm::Expected<std::string>
fovea::makeLoadableLibrary(const llvm::Module &module, int optLevel) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto machine = createTargetMachine(
      {"x86_64-unknown-linux-gnu", "x86-64", /*features=*/""}, optLevel);
  if (!machine) {
    return machine.takeError();
  }
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(module);
  copy->setTargetTriple((*machine)->getTargetTriple());
  copy->setDataLayout((*machine)->createDataLayout());
  auto object = emitCode(*copy, **machine, llvm::CodeGenFileType::ObjectFile);
  if (!object) {
    return object.takeError();
  }
  return linkSharedLibrary({object->data(), object->size()},
                           (*machine)->getTargetTriple(),
                           /*withRuntime=*/false);
}
