//===- LinkObjects.cpp - object files become a shared library -----------===//

#include "fovea/Target/Common/CodeGen.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>
#include <shared_mutex>

LLD_HAS_DRIVER(elf)

using namespace fovea;

/// Writes bytes to a new temporary file.
static llvm::Error writeTemporary(llvm::StringRef bytes,
                                  llvm::SmallVectorImpl<char> &path) {
  int file = -1;
  if (std::error_code code =
          llvm::sys::fs::createTemporaryFile("fovea", "o", file, path)) {
    return llvm::createStringError("cannot make a temporary file: " +
                                   code.message());
  }
  llvm::raw_fd_ostream stream(file, /*shouldClose=*/true);
  stream << bytes;
  stream.close();
  if (stream.has_error()) {
    std::string reason = stream.error().message();
    stream.clear_error();
    return llvm::createStringError("cannot write " + llvm::Twine(path) + ": " +
                                   reason);
  }
  return llvm::Error::success();
}

llvm::Expected<std::string>
fovea::linkObjects(llvm::ArrayRef<llvm::StringRef> objects) {
  std::vector<llvm::SmallString<128>> paths(objects.size() + 1);
  llvm::scope_exit cleanup([&] {
    for (llvm::StringRef path : paths) {
      llvm::sys::fs::remove(path);
    }
  });
  // The last is for the result.
  for (size_t i = 0; i < paths.size(); ++i) {
    if (llvm::Error e =
            writeTemporary(i < objects.size() ? objects[i] : "", paths[i])) {
      return e;
    }
  }
  std::vector<const char *> arguments = {"ld.lld", "-shared", "--threads=1",
                                         "-o"};
  for (llvm::SmallString<128> &path : llvm::reverse(paths)) {
    arguments.push_back(path.c_str());
  }
  std::string messages;
  llvm::raw_string_ostream out(messages);
  lld::Result result;
  {
    // It has state of its own as well.
    std::lock_guard<std::shared_mutex> lock(getOptionsMutex());
    result = lld::lldMain(arguments, out, out, {{lld::Gnu, &lld::elf::link}});
  }
  auto bytes = llvm::MemoryBuffer::getFile(paths.back());
  if (result.retCode != 0 || !bytes) {
    return llvm::createStringError("linking failed: " + messages);
  }
  return (*bytes)->getBuffer().str();
}
