//===- RuntimeArchive.cpp - the runtime inside the compiler ---------------===//
//
// The compiler carries the runtime's static library, so that a shared library
// can be linked wherever the compiler is installed.
//
//===----------------------------------------------------------------------===//

#include "Executable.h"

__asm__(".section .rodata\n"
        ".balign 16\n"
        "fovea_runtime_archive_begin:\n"
        ".incbin \"" FOVEA_RUNTIME_ARCHIVE "\"\n"
        "fovea_runtime_archive_end:\n"
        ".byte 0\n"
        ".previous\n");

extern "C" {
extern const char fovea_runtime_archive_begin[];
extern const char fovea_runtime_archive_end[];
}

llvm::StringRef fovea::getRuntimeArchive() {
  return {fovea_runtime_archive_begin,
          static_cast<size_t>(fovea_runtime_archive_end -
                              fovea_runtime_archive_begin)};
}
