//===- Failure.cpp - Error text per thread and per parallel loop ----------===//

#include "common/Failure.h"

#include "common/Wait.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace fovea::rt {

static thread_local char lastError[FOVEA_RT_MESSAGE_BYTES];
static thread_local CurrentTask taskOfThread;

CurrentTask &currentTask() { return taskOfThread; }

/// Copies text into a buffer of FOVEA_RT_MESSAGE_BYTES, cutting what is over.
/// The two may be the same buffer: a host may pass fovea_rt_last_error() on.
static void copyMessage(char *to, const char *text) {
  size_t length = strnlen(text, FOVEA_RT_MESSAGE_BYTES - 1);
  memmove(to, text, length);
  to[length] = '\0';
}

void FailureSink::record(int64_t task, const char *message) {
  // Failing is rare and the hold is short, so spinning beats a mutex.
  while (lock.test_and_set(std::memory_order_acquire)) {
    relax();
  }
  if (task < lowestTask) {
    lowestTask = task;
    copyMessage(text, message);
  }
  lock.clear(std::memory_order_release);
}

} // namespace fovea::rt

using namespace fovea::rt;

int32_t fovea_rt_fail(const char *message) {
  copyMessage(lastError, message ? message : "unknown error");
  if (CurrentTask current = currentTask(); current.sink) {
    current.sink->record(current.task, lastError);
  }
  return 1;
}

int32_t fovea_rt_fail_index(const char *message, int64_t where, int64_t value,
                            int64_t bound) {
  // The numbers say more than the end of a long message, so that is what gets
  // cut: 64 bytes of words and three numbers of at most 20 characters fit.
  constexpr int kept = FOVEA_RT_MESSAGE_BYTES - 128;
  char text[FOVEA_RT_MESSAGE_BYTES];
  snprintf(text, sizeof(text),
           "%.*s: at %" PRId64 ", got %" PRId64 ", bound %" PRId64, kept,
           message ? message : "unknown error", where, value, bound);
  return fovea_rt_fail(text);
}

const char *fovea_rt_last_error(void) { return lastError; }
