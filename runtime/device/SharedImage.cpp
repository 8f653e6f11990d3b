//===- SharedImage.cpp - a shared library that lies in memory -------------===//

#include "device/SharedImage.h"

#include "device/Message.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace fovea::rt;

/// The dynamic linker looks for the symbols of a new library in the program and
/// in libraries opened for all (RTLD_GLOBAL). When this code is itself part of
/// a library that was opened for one user only, as Python does, it must be
/// shown to all first.
static void showRuntime() {
  Dl_info here;
  if (dladdr(reinterpret_cast<void *>(&fovea_rt_fail), &here) &&
      here.dli_fname) {
    // Does nothing for the program itself, which has no name to open. The
    // handle is kept: code that is linked to us must not outlive us.
    dlopen(here.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  }
}

/// Whether the bytes begin as a 64-bit little-endian shared library does
/// (System V ABI, "ELF header": magic, class 2, data 1, type 3, machine of this
/// build).
static bool isSharedLibrary(const void *bytes, int64_t count) {
  static const unsigned char magic[] = {0x7f, 'E', 'L', 'F', 2, 1};
  const auto *header = static_cast<const unsigned char *>(bytes);
  return count > 64 && memcmp(header, magic, sizeof(magic)) == 0 &&
         header[16] == 3 && header[17] == 0;
}

/// Writes everything; false with errno.
static bool writeAll(int file, const char *bytes, int64_t count) {
  while (count > 0) {
    ssize_t written = write(file, bytes, static_cast<size_t>(count));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return false;
    }
    bytes += written;
    count -= written;
  }
  return true;
}

/// A path of the open file that was never given before. The dynamic linker
/// takes equal paths for the same library, even when one is closed and its
/// number is in use for another. So a count is written into the path, its ones
/// as "/." and its zeros as "/", which change nothing: /proc/self/fd/.//./7.
static std::string makePath(int file) {
  static std::atomic<uint64_t> count{0};
  std::string path = "/proc/self/fd";
  for (uint64_t rest = ++count; rest != 0; rest >>= 1) {
    path += rest & 1 ? "/." : "/";
  }
  return path + "/" + std::to_string(file);
}

void *fovea::rt::openSharedImage(const char *name, const void *bytes,
                                 int64_t count) {
  if (!isSharedLibrary(bytes, count)) {
    fail("%.128s: expected a shared library for this kind of machine, got "
         "something else",
         name);
    return nullptr;
  }
  int file = memfd_create(name, MFD_CLOEXEC);
  if (file < 0 || !writeAll(file, static_cast<const char *>(bytes), count)) {
    fail("%.128s: no room for it in memory: %s", name, strerror(errno));
    if (file >= 0) {
      close(file);
    }
    return nullptr;
  }
  showRuntime();
  void *library = dlopen(makePath(file).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    fail("%.128s: cannot be loaded: %.512s", name,
         reason ? reason : "no reason given");
  }
  // The mapping stays when the file is closed.
  close(file);
  return library;
}

void *fovea::rt::findInImage(void *library, const char *symbol) {
  return dlsym(library, symbol);
}

void fovea::rt::closeSharedImage(void *library) {
  if (library) {
    dlclose(library);
  }
}
