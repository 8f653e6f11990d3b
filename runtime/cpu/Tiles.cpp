//===- Tiles.cpp - Asking the system for matrix tiles ---------------------===//
//
// On x86-64 the tile registers of a thread take 8 KiB of state that Linux saves
// only for processes that have asked for it (Documentation/arch/x86/xstate.rst);
// others get a signal at the first such instruction.
//
//===----------------------------------------------------------------------===//

#include "fovea/runtime/fovea_runtime.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)

static int32_t refused = 1;

static void ask() {
  constexpr long requestPermission = 0x1023; // ARCH_REQ_XCOMP_PERM
  constexpr long tileData = 18;              // XFEATURE_XTILEDATA
  refused = syscall(SYS_arch_prctl, requestPermission, tileData) != 0;
}

int32_t fovea_rt_use_tiles(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, ask);
  return refused;
}

#else

int32_t fovea_rt_use_tiles(void) { return 1; }

#endif
