//===- DefaultThreads.cpp - How many threads a loop uses unless told ------===//

#include "fovea/runtime/fovea_runtime.h"

#include "cpu/Cpus.h"

#include <cerrno>
#include <cstdlib>
#include <pthread.h>

/// The number that FOVEA_THREADS holds, or 0 if it holds none that will do.
static int32_t readThreadsVariable() {
  const char *text = getenv("FOVEA_THREADS");
  if (!text || *text < '0' || *text > '9') {
    return 0;
  }
  char *end = nullptr;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (*end != '\0' || errno != 0 || value > FOVEA_RT_MAX_THREADS) {
    return 0;
  }
  return static_cast<int32_t>(value);
}

static int32_t defaultThreads = 0;

static void findDefaultThreads() {
  defaultThreads = readThreadsVariable();
  if (defaultThreads == 0) {
    defaultThreads = fovea::rt::countAllowedCpus();
    int32_t quota =
        fovea::rt::readCpuQuota("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota > 0 && quota < defaultThreads) {
      defaultThreads = quota;
    }
  }
  if (defaultThreads > FOVEA_RT_MAX_THREADS) {
    defaultThreads = FOVEA_RT_MAX_THREADS;
  }
}

int32_t fovea_rt_default_threads(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, findDefaultThreads);
  return defaultThreads;
}
