//===- NVPTXCode.cpp - PTX and, with the vendor's assembler, a cubin ------===//

#include "fovea/Target/NVPTX/NVPTXTargetInfo.h"

#include "fovea/Target/Common/CodeGen.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea;

std::string fovea::findPtxas() {
  if (auto given = llvm::sys::Process::GetEnv("FOVEA_PTXAS")) {
    return *given;
  }
  if (auto found = llvm::sys::findProgramByName("ptxas")) {
    return *found;
  }
  auto home = llvm::sys::Process::GetEnv("CUDA_HOME");
  llvm::SmallString<128> folder(home ? *home : "/usr/local/cuda");
  llvm::sys::path::append(folder, "bin");
  if (auto found =
          llvm::sys::findProgramByName("ptxas", {llvm::StringRef(folder)})) {
    return *found;
  }
  return "";
}

/// Reads what `ptxas -v` reports, in lines such as
///
///   ptxas info    : Function properties for attention
///       0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
///   ptxas info    : Used 168 registers, used 1 barriers, 4096 bytes smem, ...
static void readReport(llvm::StringRef report,
                       std::vector<KernelInfo> &kernels) {
  llvm::Regex function("Function properties for ([^ ]+)");
  llvm::Regex memory("([0-9]+) bytes stack frame, ([0-9]+) bytes spill "
                     "stores");
  llvm::Regex used("Used ([0-9]+) registers");
  llvm::Regex shared("([0-9]+) bytes smem");
  KernelInfo *current = nullptr;
  auto read = [](llvm::StringRef digits) {
    int64_t value = 0;
    digits.getAsInteger(10, value);
    return value;
  };
  llvm::SmallVector<llvm::StringRef> lines, match;
  report.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    if (function.match(line, &match)) {
      auto found = llvm::find_if(
          kernels, [&](KernelInfo &info) { return info.name == match[1]; });
      current = found == kernels.end() ? nullptr : &*found;
    }
    if (!current) {
      continue;
    }
    if (memory.match(line, &match)) {
      current->stackBytes = read(match[1]);
      current->spillBytes = read(match[2]);
    }
    if (used.match(line, &match)) {
      current->registers = read(match[1]);
    }
    if (shared.match(line, &match)) {
      current->staticNearBytes = read(match[1]);
    }
  }
}

namespace {

/// A file that is gone when this is.
struct TemporaryFile {
  llvm::SmallString<128> path;
  std::error_code error;

  explicit TemporaryFile(llvm::StringRef suffix)
      : error(llvm::sys::fs::createTemporaryFile("fovea", suffix, path)) {}
  ~TemporaryFile() {
    if (!error) {
      llvm::sys::fs::remove(path);
    }
  }
};

} // namespace

static llvm::Error assemble(DeviceCode &code, llvm::StringRef ptxas,
                            llvm::StringRef chip) {
  TemporaryFile source("ptx"), object("cubin"), report("txt");
  for (const TemporaryFile *file : {&source, &object, &report}) {
    if (file->error) {
      return llvm::createStringError(file->error,
                                     "cannot make a temporary file");
    }
  }
  {
    std::error_code error;
    llvm::raw_fd_ostream stream(source.path, error);
    stream << code.text;
    stream.close();
    if (stream.has_error()) {
      return llvm::createStringError("cannot write " + source.path.str());
    }
  }
  std::string arch = ("--gpu-name=" + chip).str();
  llvm::StringRef arguments[] = {ptxas,       "-v",          "-O3", arch,
                                 source.path, "-o",          object.path};
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(""),
                                                llvm::StringRef(report.path),
                                                llvm::StringRef(report.path)};
  std::string failure;
  int status = llvm::sys::ExecuteAndWait(ptxas, arguments, std::nullopt,
                                         redirects, 0, 0, &failure);
  auto text = llvm::MemoryBuffer::getFile(report.path);
  if (status != 0) {
    return llvm::createStringError(ptxas + " refused the code for " + chip +
                                   ": " + failure +
                                   (text ? (*text)->getBuffer() : ""));
  }
  auto bytes = llvm::MemoryBuffer::getFile(object.path);
  if (!bytes || !text) {
    return llvm::createStringError(ptxas + " left no output");
  }
  code.binary.assign((*bytes)->getBufferStart(), (*bytes)->getBufferEnd());
  readReport((*text)->getBuffer(), code.kernels);
  return llvm::Error::success();
}

llvm::Expected<DeviceCode>
fovea::makeNVPTXCode(const llvm::Module &module,
                     const MachineDescription &description) {
  auto machine = createTargetMachine(description, /*optLevel=*/3);
  if (!machine) {
    return machine.takeError();
  }
  auto text = emitCode(module, **machine, llvm::CodeGenFileType::AssemblyFile);
  if (!text) {
    return text.takeError();
  }
  DeviceCode code;
  code.text.assign(text->begin(), text->end());
  code.kernels = listKernels(module);
  std::string ptxas = findPtxas();
  if (ptxas.empty()) {
    code.remark = "ptxas was not found, so the code is PTX, which the driver "
                  "assembles when it is loaded; set FOVEA_PTXAS or CUDA_HOME "
                  "for a cubin";
    return code;
  }
  if (llvm::Error error = assemble(code, ptxas, description.cpu)) {
    return error;
  }
  return code;
}
