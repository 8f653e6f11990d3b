//===- Cpus.cpp - The CPUs that this process may use ----------------------===//
//
// Affinity from sched_setaffinity(2), quotas from the kernel's documentation of
// control groups: in version 2 a file cpu.max with "QUOTA PERIOD" or
// "max PERIOD" (microseconds), in version 1 cpu.cfs_quota_us (-1: none) and
// cpu.cfs_period_us below the mount of the controller `cpu`.
//
//===----------------------------------------------------------------------===//

#include "cpu/Cpus.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <sched.h>
#include <unistd.h>

//===----------------------------------------------------------------------===//
// Affinity
//===----------------------------------------------------------------------===//

namespace {

/// The kernel refuses a mask shorter than its own, whose length it does not
/// tell; this is longer than any that it can be built with.
struct Mask {
  cpu_set_t sets[16];
};

Mask allowed;
int32_t allowedCount = 0;

} // namespace

/// Adds the CPUs of one thread (0: the calling one).
static void addThread(pid_t thread, Mask &mask) {
  Mask own;
  memset(&own, 0, sizeof(own));
  if (sched_getaffinity(thread, sizeof(own), own.sets) == 0) {
    CPU_OR_S(sizeof(mask), mask.sets, mask.sets, own.sets);
  }
}

static void findAllowedCpus() {
  memset(&allowed, 0, sizeof(allowed));
  addThread(0, allowed);
  if (DIR *folder = opendir("/proc/self/task")) {
    while (const dirent *entry = readdir(folder)) {
      if (int thread = atoi(entry->d_name)) {
        addThread(thread, allowed);
      }
    }
    closedir(folder);
  }
  allowedCount = CPU_COUNT_S(sizeof(allowed), allowed.sets);
  if (allowedCount == 0) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    allowedCount = online > 0 ? static_cast<int32_t>(online) : 1;
  }
}

static void findAllowedCpusOnce() {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, findAllowedCpus);
}

int32_t fovea::rt::countAllowedCpus() {
  findAllowedCpusOnce();
  return allowedCount;
}

void fovea::rt::allowAllCpus(pthread_attr_t &attributes) {
  findAllowedCpusOnce();
  if (CPU_COUNT_S(sizeof(allowed), allowed.sets) > 0) {
    pthread_attr_setaffinity_np(&attributes, sizeof(allowed), allowed.sets);
  }
}

//===----------------------------------------------------------------------===//
// Quotas
//===----------------------------------------------------------------------===//

static constexpr size_t kPathBytes = 4096;

/// Reads "QUOTA PERIOD", or two files with one of them each. False without a
/// limit.
static bool readQuota(const char *folder, bool isFirstVersion, double &cpus) {
  long long quota = -1, period = 0;
  char path[kPathBytes + 32];
  auto read = [&](const char *name, const char *format, auto... numbers) {
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (!file) {
      return;
    }
    if (fscanf(file, format, numbers...) < 1) {
      quota = -1; // "max"
    }
    fclose(file);
  };
  if (isFirstVersion) {
    read("cpu.cfs_quota_us", "%lld", &quota);
    read("cpu.cfs_period_us", "%lld", &period);
  } else {
    read("cpu.max", "%lld %lld", &quota, &period);
  }
  if (quota <= 0 || period <= 0) {
    return false;
  }
  cpus = static_cast<double>(quota) / static_cast<double>(period);
  return true;
}

/// The least limit of the group `path` below `mount` and of those around it.
static void readQuotas(const char *mount, const char *path,
                       bool isFirstVersion, double &least) {
  char folder[kPathBytes];
  size_t base = strlen(mount);
  if (static_cast<size_t>(
          snprintf(folder, sizeof(folder), "%s%s", mount, path)) >=
      sizeof(folder)) {
    return;
  }
  for (;;) {
    double cpus = 0;
    if (readQuota(folder, isFirstVersion, cpus) &&
        (least == 0 || cpus < least)) {
      least = cpus;
    }
    char *end = strrchr(folder + base, '/');
    if (!end) {
      return;
    }
    *end = '\0';
  }
}

/// True if the comma-separated list has `cpu`.
static bool listsCpu(const char *list) {
  for (const char *at = strstr(list, "cpu"); at; at = strstr(at + 1, "cpu")) {
    if ((at == list || at[-1] == ',') && (at[3] == ',' || at[3] == '\0')) {
      return true;
    }
  }
  return false;
}

int32_t fovea::rt::readCpuQuota(const char *groups, const char *root) {
  FILE *file = fopen(groups, "re");
  if (!file) {
    return 0;
  }
  // Lines read NUMBER:CONTROLLERS:PATH.
  double least = 0;
  char line[kPathBytes];
  while (fgets(line, sizeof(line), file)) {
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : nullptr;
    if (!path) {
      continue;
    }
    *path++ = '\0';
    ++controllers;
    if (*controllers == '\0') {
      readQuotas(root, path, /*isFirstVersion=*/false, least);
    } else if (listsCpu(controllers)) {
      char mount[kPathBytes];
      snprintf(mount, sizeof(mount), "%s/cpu", root);
      readQuotas(mount, path, /*isFirstVersion=*/true, least);
    }
  }
  fclose(file);
  auto whole = static_cast<int32_t>(least < 1e6 ? least : 1e6);
  return whole + (least > whole);
}
