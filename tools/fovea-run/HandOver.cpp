//===- HandOver.cpp - compiled programs go to another tool ----------------===//

#include "HandOver.h"

#include "fovea/runtime/fovea_artefact.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cstring>
#include <unistd.h>

using namespace fovea;

bool fovea::isArtefact(llvm::StringRef path) {
  if (path.ends_with(".fovea")) {
    return true;
  }
  // Without the line end, which a transfer as text changes.
  llvm::StringRef magic = llvm::StringRef(FOVEA_ARTEFACT_MAGIC).rtrim();
  auto bytes = llvm::MemoryBuffer::getFileSlice(path, magic.size(), 0);
  return bytes && (*bytes)->getBuffer() == magic;
}

llvm::Error fovea::handOver(int argc, char **argv) {
  std::string self = llvm::sys::fs::getMainExecutable(
      argv[0], reinterpret_cast<void *>(&isArtefact));
  llvm::SmallString<128> path = llvm::sys::path::parent_path(self);
  llvm::sys::path::append(path, "fovea-launch");
  std::string name = path.str().str();
  std::vector<char *> arguments(argv, argv + argc);
  arguments[0] = name.data();
  arguments.push_back(nullptr);
  llvm::outs().flush();
  execv(name.c_str(), arguments.data());
  return llvm::createStringError(
      "expected fovea-launch, which runs .fovea files, beside fovea-run; '" +
      name + "': " + std::strerror(errno) +
      "; build it (ninja fovea-launch) or copy it there");
}
