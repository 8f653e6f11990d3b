//===- foveac.cpp - compile a program to a file ---------------------------===//
//
//   foveac attention.mlir --target cpu:x86-64-v3 --emit shared -o libattn.so
//   foveac attention.mlir --target cpu:x86-64-v3,cpu:x86-64-v4 -o attn.fovea
//
//===----------------------------------------------------------------------===//

#include "fovea/Driver/Compiler.h"
#include "fovea/Support/CommandLine.h"
#include "fovea/Support/WriteFile.h"
#include "fovea/Target/Target.h"
#include "fovea/runtime/fovea_program.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea;

namespace {

namespace cl = llvm::cl;
FreeOptionNames names({"print-after"});
cl::OptionCategory category("foveac");

cl::opt<std::string> input(cl::Positional, cl::value_desc("FILE.mlir"),
                           cl::desc("FILE.mlir (- for standard input)"),
                           cl::cat(category));
cl::list<std::string> targetNames(
    "target", cl::CommaSeparated, cl::value_desc("names"),
    cl::desc("What to compile for (default: cpu, this machine); see "
             "--list-targets. A .fovea file takes several"),
    cl::cat(category));
cl::opt<bool> describes("print", cl::cat(category),
                        cl::desc("Say what is in FILE, a .fovea file"));
cl::opt<bool> listTargets("list-targets", cl::cat(category),
                          cl::desc("Print the names that --target takes"));
cl::opt<EmitKind> kind(
    "emit", cl::desc("What to write:"), cl::init(EmitKind::SharedLibrary),
    cl::cat(category),
    cl::values(clEnumValN(EmitKind::SharedLibrary, "shared",
                          "shared library with the runtime in it, and beside "
                          "it a C header (default)"),
               clEnumValN(EmitKind::Object, "object",
                          "object file, to be linked with libfovea_rt"),
               clEnumValN(EmitKind::Assembly, "asm", "assembly text"),
               clEnumValN(EmitKind::LLVMIR, "llvm", "LLVM IR, optimised"),
               clEnumValN(EmitKind::Header, "header",
                          "C header that declares the entries"),
               clEnumValN(EmitKind::Artefact, "artefact",
                          "code for all targets in one file, to be run by "
                          "fovea-run, fovea-launch or libfovea_program "
                          "(default if -o ends in .fovea)")));
cl::opt<bool> resources(
    "resources", cl::cat(category),
    cl::desc("Say what each kernel takes of the device: registers, spills, "
             "near memory, and how many of its blocks share a multiprocessor. "
             "Without -o nothing else is written"));
cl::opt<std::string> output("o", cl::value_desc("file"), cl::cat(category),
                            cl::desc("Where to write it (default: FILE with "
                                     "the kind's ending; - for standard "
                                     "output)"));
cl::opt<std::string> form(
    "form", cl::init("auto"), cl::value_desc("form"), cl::cat(category),
    cl::desc("Of a cascade that is walked more than once: fused, decomposed, "
             "or auto, the one that seems cheaper (default)"));
cl::opt<int> optLevel("O", cl::Prefix, cl::init(2), cl::cat(category),
                      cl::value_desc("level"),
                      cl::desc("LLVM's optimisation level, 0 to 3 "
                               "(default: 2)"));
cl::list<std::string> printAfter(
    "print-after", cl::CommaSeparated, cl::value_desc("levels"),
    cl::cat(category),
    cl::desc("Print the program to standard output at these levels: cascade, "
             "fold, tile, vector, llvm. Without -o nothing else is written"));
cl::opt<bool> remarks("remarks", cl::cat(category),
                      cl::desc("Say what was derived and decided"));

} // namespace

static llvm::StringRef getEnding(EmitKind kind) {
  switch (kind) {
  case EmitKind::Object:
    return ".o";
  case EmitKind::Assembly:
    return ".s";
  case EmitKind::LLVMIR:
    return ".ll";
  case EmitKind::SharedLibrary:
    return ".so";
  case EmitKind::Header:
    return ".h";
  case EmitKind::Artefact:
    return ".fovea";
  }
  llvm_unreachable("unknown kind");
}

/// What to write, from --emit and the ending of -o.
static EmitKind getKind() {
  bool isArtefact = llvm::StringRef(output).ends_with(".fovea");
  return isArtefact && kind.getNumOccurrences() == 0 ? EmitKind::Artefact
                                                     : kind.getValue();
}

static llvm::Expected<CompileOptions> getOptions() {
  CompileOptions options;
  options.optLevel = optLevel;
  options.form = form;
  options.sourceName = input == "-" ? "<stdin>" : input.getValue();
  options.printTo = &llvm::outs();
  for (const std::string &name : printAfter) {
    std::optional<Level> level = parseLevel(name);
    if (!level) {
      return llvm::createStringError(
          "expected a level among cascade, fold, tile, vector, llvm after "
          "--print-after; got '" +
          name + "'");
    }
    options.printAfter.push_back(*level);
  }
  if (remarks) {
    options.onRemark = [](llvm::StringRef text) {
      llvm::errs() << text << '\n';
    };
  }
  return options;
}

static llvm::Error write(llvm::Expected<std::string> contents,
                         llvm::StringRef path) {
  if (!contents) {
    return contents.takeError();
  }
  if (path == "-") {
    llvm::outs() << *contents;
    return llvm::Error::success();
  }
  return writeFile(path, {*contents});
}

using Programs = std::vector<std::unique_ptr<Executable>>;

/// The program, compiled for each target.
static llvm::Expected<Programs> compileAll(llvm::StringRef text,
                                           CompileOptions options) {
  std::vector<std::string> names(targetNames.begin(), targetNames.end());
  if (names.empty()) {
    names.push_back("cpu");
  }
  if (names.size() > 1 && getKind() != EmitKind::Artefact) {
    return llvm::createStringError("expected one target, or --emit artefact; "
                                   "got " +
                                   llvm::join(names, ","));
  }
  Programs programs;
  for (const std::string &name : names) {
    options.target = name;
    auto program = compile(text, options);
    if (!program) {
      return program.takeError();
    }
    programs.push_back(std::move(*program));
  }
  return programs;
}

static llvm::Expected<std::string> makeArtefact(const Programs &programs) {
  std::vector<ArtefactTarget> targets;
  for (const std::unique_ptr<Executable> &program : programs) {
    llvm::Expected<ArtefactTarget> target = program->makeArtefactTarget();
    if (!target) {
      return target.takeError();
    }
    targets.push_back(std::move(*target));
  }
  return writeArtefact(programs.front()->getEntries(), targets);
}

static llvm::Error describe(const std::string &path) {
  fovea_program *program = fovea_program_open(path.c_str());
  if (!program) {
    return llvm::createStringError(fovea_rt_last_error());
  }
  llvm::outs() << fovea_program_describe(program);
  fovea_program_close(program);
  return llvm::Error::success();
}

static llvm::Error writeAll(const Programs &programs) {
  EmitKind kind = getKind();
  llvm::SmallString<128> path(output);
  if (path.empty()) {
    path = input == "-" ? "kernels" : input.getValue();
    llvm::sys::path::replace_extension(path, getEnding(kind));
  }
  if (kind == EmitKind::Artefact) {
    return write(makeArtefact(programs), path);
  }
  Executable &program = *programs.front();
  if (llvm::Error e = write(program.emit(kind), path)) {
    return e;
  }
  if (kind != EmitKind::SharedLibrary || path == "-") {
    return llvm::Error::success();
  }
  llvm::sys::path::replace_extension(path, ".h");
  return write(program.emit(EmitKind::Header), path);
}

static llvm::Error printResources(const Programs &programs) {
  for (const std::unique_ptr<Executable> &program : programs) {
    if (llvm::Error e = write(program->describeResources(), "-")) {
      return e;
    }
  }
  return llvm::Error::success();
}

static llvm::Error runTool() {
  if (listTargets) {
    llvm::outs() << llvm::join(getKnownTargets(), "\n") << '\n';
    return llvm::Error::success();
  }
  if (input.empty()) {
    return llvm::createStringError("expected FILE.mlir; see --help");
  }
  if (describes) {
    return describe(input);
  }
  llvm::Expected<CompileOptions> options = getOptions();
  if (!options) {
    return options.takeError();
  }
  auto text = llvm::MemoryBuffer::getFileOrSTDIN(input, /*IsText=*/true);
  if (!text) {
    return llvm::createStringError(
        "'" + input + "': cannot be read: " + text.getError().message());
  }
  llvm::Expected<Programs> programs =
      compileAll((*text)->getBuffer(), *options);
  if (!programs) {
    return programs.takeError();
  }
  bool onlyPrints = (!printAfter.empty() || resources) && output.empty();
  if (!onlyPrints) {
    if (llvm::Error e = writeAll(*programs)) {
      return e;
    }
  }
  return resources ? printResources(*programs) : llvm::Error::success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(
      argc, argv,
      "Fovea compiler: attention programs to code\n\n"
      "  foveac attention.mlir -o libattention.so\n"
      "      a library for this machine, with the header libattention.h\n"
      "  foveac attention.mlir --target cpu:x86-64-v3 --emit object\n"
      "      attention.o, for any machine of that level\n"
      "  foveac attention.mlir --target cpu:x86-64-v3,cpu:x86-64-v4 "
      "-o attention.fovea\n"
      "      one file with code for both; fovea-run runs it\n"
      "  foveac attention.mlir --print-after fold,tile\n"
      "      what the compiler derives, as text\n");
  keepOptions(category);
  if (llvm::Error e = runTool()) {
    printError(std::move(e));
    return 1;
  }
  return 0;
}
