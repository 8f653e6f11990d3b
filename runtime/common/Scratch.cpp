//===- Scratch.cpp - One growing block of memory per thread ---------------===//

#include "fovea/runtime/fovea_runtime.h"

#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>

namespace {

constexpr int64_t alignment = 64;
/// No current machine can address more; also keeps the arithmetic below from
/// overflowing.
constexpr int64_t mostBytes = int64_t(1) << 47;

struct Block {
  void *memory = nullptr;
  int64_t bytes = 0;
};

// A plain struct, so that reaching it costs no guard. The key below only
// serves to run a function when the thread ends. (A C++ destructor would do
// the same but needs the C++ run-time library.)
thread_local Block block;
pthread_key_t endOfThread;
pthread_once_t keyOnce = PTHREAD_ONCE_INIT;
bool keyMade = false;

void makeKey() { keyMade = pthread_key_create(&endOfThread, free) == 0; }

/// The block as the thread's end will see it follows `block.memory`.
void freeAtEndOfThread(void *memory) {
  pthread_once(&keyOnce, makeKey);
  if (keyMade) {
    pthread_setspecific(endOfThread, memory);
  }
}

/// End of the process, or of the library if it is closed earlier. The key must
/// go: it would call into code that is no longer there. Blocks of threads that
/// outlive the library are lost. The priority makes this run after the pool's
/// helpers have ended.
__attribute__((destructor(1000))) void closeScratch() {
  fovea_rt_scratch_release();
  if (keyMade) {
    pthread_key_delete(endOfThread);
    keyMade = false;
  }
}

} // namespace

void *fovea_rt_scratch(int64_t bytes) {
  if (bytes <= block.bytes && bytes >= 0 && block.memory) {
    return block.memory;
  }
  char message[96];
  if (bytes < 0) {
    fovea_rt_scratch_release();
    snprintf(message, sizeof(message),
             "scratch size must not be negative, got %" PRId64, bytes);
    fovea_rt_fail(message);
    return nullptr;
  }
  // Grow by half at least, so that a slowly rising demand does not allocate
  // each time. The old block goes first: contents are not kept, and both at
  // once would double the peak.
  int64_t previous = block.bytes;
  fovea_rt_scratch_release();
  if (bytes <= mostBytes) {
    int64_t grown = previous + previous / 2;
    int64_t wanted[] = {bytes > grown ? bytes : grown, bytes};
    for (int64_t size : wanted) {
      size = (size + alignment) / alignment * alignment; // never zero
      void *memory = aligned_alloc(alignment, static_cast<size_t>(size));
      if (memory) {
        block = {memory, size};
        freeAtEndOfThread(memory);
        return memory;
      }
    }
  }
  snprintf(message, sizeof(message),
           "out of memory: no %" PRId64 " bytes of scratch for this thread",
           bytes);
  fovea_rt_fail(message);
  return nullptr;
}

void fovea_rt_scratch_release(void) {
  if (!block.memory) {
    return;
  }
  freeAtEndOfThread(nullptr);
  free(block.memory);
  block = {};
}
