//===- RuntimeArchive.cpp - the runtime inside the compiler ---------------===//
//
// The compiler carries the runtime's static library, so that a shared library
// can be linked wherever the compiler is installed: for its own architecture,
// and for others that the machine which built it had a C library of.
//
//===----------------------------------------------------------------------===//

#include "Executable.h"

#define FOVEA_INCLUDE_ARCHIVE(name, path)                                      \
  __asm__(".section .rodata\n"                                                 \
          ".balign 16\n"                                                       \
          "fovea_runtime_" name "_begin:\n"                                    \
          ".incbin \"" path "\"\n"                                             \
          "fovea_runtime_" name "_end:\n"                                      \
          ".byte 0\n"                                                          \
          ".previous\n");

FOVEA_INCLUDE_ARCHIVE("own", FOVEA_RUNTIME_ARCHIVE)
#ifdef FOVEA_RUNTIME_ARCHIVE_AARCH64
FOVEA_INCLUDE_ARCHIVE("aarch64", FOVEA_RUNTIME_ARCHIVE_AARCH64)
#endif

extern "C" {
extern const char fovea_runtime_own_begin[];
extern const char fovea_runtime_own_end[];
extern const char fovea_runtime_aarch64_begin[];
extern const char fovea_runtime_aarch64_end[];
}

static llvm::StringRef getBetween(const char *begin, const char *end) {
  return {begin, static_cast<size_t>(end - begin)};
}

llvm::Expected<llvm::StringRef>
fovea::getRuntimeArchive(llvm::StringRef architecture) {
  if (architecture == FOVEA_OWN_ARCHITECTURE) {
    return getBetween(fovea_runtime_own_begin, fovea_runtime_own_end);
  }
#ifdef FOVEA_RUNTIME_ARCHIVE_AARCH64
  if (architecture == "aarch64") {
    return getBetween(fovea_runtime_aarch64_begin, fovea_runtime_aarch64_end);
  }
#endif
  return llvm::createStringError(
      "expected a compiler that was built with the runtime for " +
      architecture + ", got one without; an object file needs none");
}
