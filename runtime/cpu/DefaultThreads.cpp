//===- DefaultThreads.cpp - How many threads a loop uses unless told ------===//

#include "fovea/runtime/fovea_runtime.h"

#include <cerrno>
#include <cstdlib>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

/// CPUs in this process's affinity mask; taskset and containers narrow it.
static int32_t countAllowedCpus() {
  // The kernel refuses a mask shorter than its own, whose length it does not
  // tell: double until it fits.
  for (int cpus = CPU_SETSIZE; cpus <= CPU_SETSIZE * 64; cpus *= 2) {
    cpu_set_t *mask = CPU_ALLOC(cpus);
    if (!mask) {
      break;
    }
    size_t bytes = CPU_ALLOC_SIZE(cpus);
    int status = sched_getaffinity(0, bytes, mask);
    int count = status == 0 ? CPU_COUNT_S(bytes, mask) : 0;
    bool tooShort = status != 0 && errno == EINVAL;
    CPU_FREE(mask);
    if (count > 0) {
      return count;
    }
    if (!tooShort) {
      break;
    }
  }
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? static_cast<int32_t>(online) : 1;
}

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
    defaultThreads = countAllowedCpus();
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
