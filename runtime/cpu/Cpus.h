//===- Cpus.h - The CPUs that this process may use ------------------------===//

#ifndef FOVEA_RUNTIME_CPU_CPUS_H
#define FOVEA_RUNTIME_CPU_CPUS_H

#include <cstdint>
#include <pthread.h>

namespace fovea::rt {

/// CPUs that any thread of this process may run on; at least 1. A host may have
/// pinned each of its threads to one CPU before it called us, so one thread's
/// mask says little.
int32_t countAllowedCpus();

/// Lets a thread to be made run on all of them, not just on those of the thread
/// that makes it.
void allowAllCpus(pthread_attr_t &attributes);

/// How many CPUs' time the control groups of a process give it, rounded up, or
/// 0 for no limit. `groups` is a file as /proc/self/cgroup, `root` where the
/// groups are mounted, as /sys/fs/cgroup. Versions 1 and 2; a limit of an outer
/// group counts as well.
int32_t readCpuQuota(const char *groups, const char *root);

} // namespace fovea::rt

#endif // FOVEA_RUNTIME_CPU_CPUS_H
