//===- Launch.cpp - what compiled host code calls -------------------------===//
//
// Host code names neither a device nor a stream: each thread is bound to one
// module and one stream, and works with those.
//
//===----------------------------------------------------------------------===//

#include "device/Device.h"
#include "device/Message.h"

#include <cinttypes>

using namespace fovea::rt;

namespace {

struct Binding {
  fovea_module *module = nullptr;
  fovea_stream *stream = nullptr; // never null when module is not
};

thread_local Binding bound;

} // namespace

static int32_t failUnbound(const char *function) {
  return fail("%s: no device is bound to this thread; call a program with "
              "fovea_program_call, or fovea_rt_bind before",
              function);
}

void fovea_rt_bind(fovea_module *module, fovea_stream *stream) {
  if (!module) {
    bound = {};
    return;
  }
  bound = {module, stream ? stream : &module->device->defaultStream};
}

BindingScope::BindingScope(fovea_module *module, fovea_stream *stream)
    : beforeModule(bound.module), beforeStream(bound.stream) {
  fovea_rt_bind(module, stream);
}

BindingScope::~BindingScope() { bound = {beforeModule, beforeStream}; }

void fovea::rt::unbind(const fovea_module *module) {
  if (bound.module == module) {
    bound = {};
  }
}

void fovea::rt::unbind(const fovea_stream *stream) {
  if (bound.stream == stream) {
    bound = {};
  }
}

int32_t fovea_rt_launch(const char *name, int64_t tasks, int32_t threads,
                        int64_t near_bytes, void **parameters) {
  if (!bound.module) {
    return failUnbound(__func__);
  }
  if (tasks <= 0) {
    return 0;
  }
  // All drivers take a grid's first extent as a positive int.
  if (tasks > INT32_MAX || threads <= 0 || near_bytes < 0 ||
      near_bytes > INT32_MAX) {
    return fail("kernel '%.128s': expected at most %d tasks, at least one "
                "thread and from 0 to %d bytes of near memory, got %" PRId64
                ", %d and %" PRId64,
                name, INT32_MAX, INT32_MAX, tasks, threads, near_bytes);
  }
  const fovea_device &device = *bound.module->device;
  if (device.info.near_bytes > 0 && near_bytes > device.info.near_bytes) {
    return fail("kernel '%.128s': expected at most %" PRId64
                " bytes of near memory on %.64s, got %" PRId64,
                name, device.info.near_bytes, device.info.name, near_bytes);
  }
  void *kernel = bound.module->findKernel(name);
  if (!kernel) {
    return 1;
  }
  LaunchSize size = {static_cast<uint32_t>(tasks),
                     static_cast<uint32_t>(threads),
                     static_cast<uint32_t>(near_bytes)};
  if (device.driver->launch(device.state, bound.module->native, kernel, size,
                            parameters, bound.stream->native)) {
    std::string reason = fovea_rt_last_error();
    return fail("kernel '%.128s': %.850s", name, reason.c_str());
  }
  return 0;
}

int32_t fovea_rt_parallelism(void) {
  if (fovea_rt_reproducible()) {
    return fovea_rt_parts(0);
  }
  return bound.module ? bound.module->device->info.multiprocessors : 1;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void *fovea_rt_device_alloc(int64_t bytes) {
  if (!bound.module) {
    failUnbound(__func__);
    return nullptr;
  }
  if (bytes < 0) {
    fail("fovea_rt_device_alloc: expected a size that is not negative, got "
         "%" PRId64,
         bytes);
    return nullptr;
  }
  return bound.stream->pool.alloc(*bound.module->device, bytes);
}

void fovea_rt_device_free(void *memory) {
  if (!memory) {
    return;
  }
  if (!bound.module) {
    failUnbound(__func__);
    return;
  }
  if (!bound.stream->pool.free(*bound.module->device, memory)) {
    fail("fovea_rt_device_free: expected memory of fovea_rt_device_alloc on "
         "the same stream, got %p",
         memory);
  }
}

int64_t Pool::roundUp(int64_t bytes) {
  constexpr int64_t least = 256;
  if (bytes <= 8 * least) {
    return bytes <= least ? least : (bytes + least - 1) / least * least;
  }
  // The power of two below, in eight steps.
  int64_t step = (int64_t(1) << (63 - __builtin_clzll(bytes - 1))) / 8;
  return (bytes + step - 1) / step * step;
}

void *Pool::alloc(fovea_device &device, int64_t bytes) {
  if (bytes > int64_t(1) << 47) { // more than is addressable
    fail("out of memory: no %" PRId64 " bytes on %s", bytes, device.info.name);
    return nullptr;
  }
  bytes = device.driver->isPooled ? roundUp(bytes) : bytes > 0 ? bytes : 1;
  std::unique_lock<std::mutex> lock(mutex);
  std::vector<void *> &list = idle[bytes];
  void *memory = nullptr;
  if (!list.empty()) {
    memory = list.back();
    list.pop_back();
    used.emplace(memory, bytes);
    return memory;
  }
  if (device.driver->alloc(device.state, bytes, &memory)) {
    // Once more without what lies idle here.
    std::string reason = fovea_rt_last_error();
    lock.unlock();
    device.driver->synchronizeAll(device.state);
    release(device);
    lock.lock();
    if (device.driver->alloc(device.state, bytes, &memory)) {
      fovea_rt_fail(reason.c_str());
      return nullptr;
    }
  }
  used.emplace(memory, bytes);
  return memory;
}

bool Pool::free(fovea_device &device, void *memory) {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = used.find(memory);
  if (found == used.end()) {
    return false;
  }
  if (device.driver->isPooled) {
    idle[found->second].push_back(memory);
  } else {
    device.driver->free(device.state, memory);
  }
  used.erase(found);
  return true;
}

void Pool::release(fovea_device &device) {
  std::lock_guard<std::mutex> lock(mutex);
  for (auto &[bytes, list] : idle) {
    for (void *memory : list) {
      device.driver->free(device.state, memory);
    }
  }
  idle.clear();
}

//===----------------------------------------------------------------------===//
// Status words
//===----------------------------------------------------------------------===//

int32_t *StatusWords::find(fovea_device &device, const char *const *messages,
                           int32_t count) {
  std::lock_guard<std::mutex> lock(mutex);
  if (!words) {
    void *memory = nullptr;
    int64_t bytes = most * sizeof(int32_t);
    if (device.driver->alloc(device.state, bytes, &memory)) {
      return nullptr;
    }
    // Work of any stream may write here, so all must come after the clearing.
    if (device.driver->fill(device.state, memory, 0, bytes, nullptr) ||
        device.driver->synchronizeAll(device.state)) {
      device.driver->free(device.state, memory);
      return nullptr;
    }
    words = static_cast<int32_t *>(memory);
  }
  auto [entry, isNew] = numbers.try_emplace(messages, taken.size());
  if (isNew) {
    if (taken.size() == most) {
      numbers.erase(entry);
      fail("expected at most %zu lists of status messages at a time; close "
           "programs that are not needed",
           most);
      return nullptr;
    }
    taken.push_back({messages, count});
  }
  taken[entry->second].count = count;
  return words + entry->second;
}

int32_t StatusWords::check(fovea_device &device, void *stream) {
  std::lock_guard<std::mutex> lock(mutex);
  if (taken.empty()) {
    return 0;
  }
  std::vector<int32_t> values(taken.size());
  int64_t bytes = static_cast<int64_t>(values.size() * sizeof(int32_t));
  if (device.driver->copyOut(device.state, values.data(), words, bytes,
                             stream)) {
    return 1;
  }
  for (size_t i = 0; i < values.size(); ++i) {
    int32_t value = values[i];
    if (value == 0) {
      continue;
    }
    if (device.driver->fill(device.state, words, 0, bytes, stream) ||
        device.driver->synchronize(device.state, stream)) {
      return 1;
    }
    if (value < 0 || value > taken[i].count) {
      return fail("a kernel reported problem %d of %d", value, taken[i].count);
    }
    return fovea_rt_fail(taken[i].texts[value - 1]);
  }
  return 0;
}

void StatusWords::forget(fovea_device &device) {
  std::lock_guard<std::mutex> lock(mutex);
  if (words) {
    // What nobody asked for must not be taken for someone else's problem.
    device.driver->fill(device.state, words, 0, most * sizeof(int32_t),
                        nullptr);
    device.driver->synchronizeAll(device.state);
  }
  taken.clear();
  numbers.clear();
}

void StatusWords::release(fovea_device &device) {
  std::lock_guard<std::mutex> lock(mutex);
  if (words) {
    device.driver->free(device.state, words);
    words = nullptr;
  }
}

int32_t *fovea_rt_status(const char *const *messages, int32_t count) {
  if (!bound.module) {
    failUnbound(__func__);
    return nullptr;
  }
  if (!messages || count <= 0) {
    fail("fovea_rt_status: expected at least one message, got %d", count);
    return nullptr;
  }
  return bound.module->device->status.find(*bound.module->device, messages,
                                           count);
}

int32_t fovea_rt_check_status(void) {
  if (!bound.module) {
    return failUnbound(__func__);
  }
  return fovea_device_synchronize(bound.module->device, bound.stream);
}
