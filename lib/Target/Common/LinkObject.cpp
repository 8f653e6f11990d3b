//===- LinkObject.cpp - an object file becomes a shared library -----------===//

#include "fovea/Target/Common/CodeGen.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace fovea;

llvm::Expected<std::string> fovea::linkObject(llvm::StringRef object) {
  llvm::SmallString<128> from, to;
  if (llvm::sys::fs::createTemporaryFile("fovea", "o", from) ||
      llvm::sys::fs::createTemporaryFile("fovea", "so", to)) {
    return llvm::createStringError("cannot make a temporary file");
  }
  llvm::scope_exit cleanup([&] {
    llvm::sys::fs::remove(from);
    llvm::sys::fs::remove(to);
  });
  std::error_code error;
  llvm::raw_fd_ostream stream(from, error);
  stream << object;
  stream.close();
  if (stream.has_error()) {
    stream.clear_error();
    return llvm::createStringError("cannot write " + from.str());
  }
  std::string messages;
  llvm::raw_string_ostream out(messages);
  const char *arguments[] = {"ld.lld", "-shared",  "--threads=1",
                             "-o",     to.c_str(), from.c_str()};
  // The linker has state of its own.
  static std::mutex mutex;
  lld::Result result;
  {
    std::lock_guard<std::mutex> lock(mutex);
    result = lld::lldMain(arguments, out, out, {{lld::Gnu, &lld::elf::link}});
  }
  auto bytes = llvm::MemoryBuffer::getFile(to);
  if (result.retCode != 0 || !bytes) {
    return llvm::createStringError("linking failed: " + messages);
  }
  return (*bytes)->getBuffer().str();
}
