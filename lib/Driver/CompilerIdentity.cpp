//===- CompilerIdentity.cpp - which compiler this is ----------------------===//
//
// Linkers put a hash of all that they link into the file, the build identifier
// (a note of owner "GNU" and type NT_GNU_BUILD_ID; System V ABI, "Note
// Section"). It lies in memory, so reading it costs nothing. A file that was
// linked without one is known by its path, size and time instead.
//
//===----------------------------------------------------------------------===//

#include "fovea/Driver/KernelCache.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <link.h>
#include <vector>

using namespace fovea;

/// The build identifier among the notes of a segment, in hexadecimal, or "".
static std::string findBuildId(llvm::StringRef notes, uint64_t alignment) {
  while (notes.size() > sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes.data(), sizeof(header));
    llvm::StringRef owner = notes.substr(sizeof(header), header.n_namesz);
    size_t begin =
        llvm::alignTo(sizeof(header) + size_t(header.n_namesz), alignment);
    llvm::StringRef contents = notes.substr(begin, header.n_descsz);
    if (header.n_type == NT_GNU_BUILD_ID &&
        owner == llvm::StringRef("GNU", 4)) {
      return llvm::toHex(contents, /*LowerCase=*/true);
    }
    notes = notes.drop_front(std::min(
        notes.size(), llvm::alignTo(begin + header.n_descsz, alignment)));
  }
  return "";
}

static std::string describeFile(llvm::StringRef path) {
  llvm::sys::fs::file_status status;
  std::string name = path.str();
  if (path.empty()) { // the program itself
    name = llvm::sys::fs::getMainExecutable(
        nullptr, reinterpret_cast<void *>(&describeFile));
  }
  llvm::sys::fs::status(name, status);
  return name + " " + std::to_string(status.getSize()) + " " +
         std::to_string(
             status.getLastModificationTime().time_since_epoch().count());
}

namespace {

/// What is gathered of the files that this process consists of.
struct Search {
  uintptr_t here; // an address in this file
  std::vector<std::string> found;
};

} // namespace

static int visit(dl_phdr_info *info, size_t, void *context) {
  auto &search = *static_cast<Search *>(context);
  llvm::StringRef path(info->dlpi_name ? info->dlpi_name : "");
  llvm::StringRef name = llvm::sys::path::filename(path);
  // Which other libraries a host has loaded is no matter of the compiler's.
  bool belongs = name.starts_with("libLLVM") || name.starts_with("libMLIR");
  std::string id;
  for (const ElfW(Phdr) &part :
       llvm::ArrayRef(info->dlpi_phdr, info->dlpi_phnum)) {
    uintptr_t begin = info->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_LOAD) {
      belongs |= search.here >= begin && search.here < begin + part.p_memsz;
    } else if (part.p_type == PT_NOTE && id.empty()) {
      id = findBuildId({reinterpret_cast<const char *>(begin), part.p_memsz},
                       part.p_align == 8 ? 8 : 4);
    }
  }
  if (belongs) {
    search.found.push_back(id.empty() ? describeFile(path) : id);
  }
  return 0;
}

llvm::StringRef fovea::getCompilerIdentity() {
  static const std::string identity = [] {
    Search search{reinterpret_cast<uintptr_t>(&visit), {}};
    dl_iterate_phdr(visit, &search);
    // In the order of names, not of loading.
    llvm::sort(search.found);
    return llvm::join(search.found, ",");
  }();
  return identity;
}
