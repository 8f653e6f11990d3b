//===- HipDriver.cpp - devices of HIP -------------------------------------===//
//
// HIP has a current device per thread. The one that a thread had is current
// again when a function returns, so that a framework in the same process keeps
// its own.
//
//===----------------------------------------------------------------------===//

#include "hip/HipApi.h"

#include "device/Driver.h"
#include "device/Library.h"
#include "device/Message.h"

#include <cinttypes>
#include <cstring>
#include <mutex>
#include <string>

namespace fovea::rt {

using namespace hip;

namespace {

constexpr const char *kName = "hip";

struct Device {
  int ordinal;
  bool mustSwitch; // there are others
};

Api api;

int32_t report(Result result, const char *what) {
  const char *name = api.getErrorName(result);
  const char *text = api.getErrorString(result);
  return fail("%s: %s failed: %.256s (%s)", kName, what,
              text ? text : "unknown error", name ? name : "no name");
}

constexpr const char *kNoDevice =
    "%s: the library is installed, but there is no GPU that it can use; check "
    "that rocminfo lists one, that this user may open /dev/kfd and "
    "/dev/dri/render* (group render), and HIP_VISIBLE_DEVICES";

bool findProperties(void *library) {
  api.getProperties = reinterpret_cast<Result (*)(void *, int)>(
      dlsym(library, "hipGetDevicePropertiesR0600"));
  return api.getProperties ||
         findSymbol(kName, library, "hipGetDeviceProperties",
                    api.getProperties);
}

/// Opens the library at the first call; what went wrong stays so.
int32_t loadApi() {
  static std::once_flag once;
  static std::string error;
  std::call_once(once, [] {
    static const char *const names[] = {"libamdhip64.so.7", "libamdhip64.so.6",
                                        "libamdhip64.so.5", "libamdhip64.so",
                                        nullptr};
    void *library = openLibrary(
        kName, names,
        "install ROCm's HIP runtime, or start a container with /dev/kfd and "
        "/dev/dri passed through");
    bool good = library != nullptr;
#define FOVEA_HIP_FIND(member, result, symbol, parameters)                     \
  good = good && findSymbol(kName, library, #symbol, api.member);
    FOVEA_HIP_FUNCTIONS(FOVEA_HIP_FIND)
#undef FOVEA_HIP_FIND
    if (!good || !findProperties(library)) {
      error = fovea_rt_last_error();
      return;
    }
    Result result = api.init(0);
    // Version 5 complains of device 0 where there is none.
    if (result == kErrorNoDevice || result == kErrorInvalidDevice) {
      fail(kNoDevice, kName);
      error = fovea_rt_last_error();
    } else if (result != kSuccess) {
      report(result, "hipInit");
      error = fovea_rt_last_error();
    }
  });
  return error.empty() ? 0 : fovea_rt_fail(error.c_str());
}

/// Makes the device current for a scope.
class Current {
public:
  explicit Current(const void *handle) {
    const Device &device = *static_cast<const Device *>(handle);
    // Asking costs more than a launch can spare, so not where there is no
    // choice.
    if (device.mustSwitch && api.getDevice(&before) == kSuccess &&
        before != device.ordinal) {
      switched = true;
      result = api.setDevice(device.ordinal);
    }
  }
  ~Current() {
    if (switched) {
      api.setDevice(before);
    }
  }

  /// The error of a call on the device, or of making it current.
  int32_t check(Result called, const char *what) const {
    if (result != kSuccess) {
      return report(result, "hipSetDevice");
    }
    return called == kSuccess ? 0 : report(called, what);
  }

private:
  int before = 0;
  bool switched = false;
  Result result = kSuccess;
};

Stream toStream(void *stream) { return static_cast<Stream>(stream); }

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

void *open(const char *options) {
  int32_t ordinal = parseOrdinal(kName, options);
  if (ordinal < 0 || loadApi()) {
    return nullptr;
  }
  int count = 0;
  Result result = api.getDeviceCount(&count);
  if (result == kErrorNoDevice || (result == kSuccess && count == 0)) {
    fail(kNoDevice, kName);
    return nullptr;
  }
  if (result != kSuccess) {
    report(result, "hipGetDeviceCount");
    return nullptr;
  }
  if (ordinal >= count) {
    fail("%s: expected the number of a device from 0 to %d, got %d", kName,
         count - 1, ordinal);
    return nullptr;
  }
  return new Device{ordinal, count > 1};
}

void close(void *device) { delete static_cast<Device *>(device); }

/// The name of the chip out of the properties, whose layout depends on the
/// version: it is the one text after the device's name (256 bytes) that begins
/// as names of these chips do. "gfx90a:sramecc+:xnack-" becomes "gfx90a".
int32_t findChip(int ordinal, char *chip, size_t size) {
  // Version 6 fills 1472 bytes, version 5 fills 792.
  alignas(16) char properties[16384] = {};
  if (Result result = api.getProperties(properties, ordinal)) {
    return report(result, "hipGetDeviceProperties");
  }
  constexpr size_t nameBytes = 256;
  const void *found = memmem(properties + nameBytes,
                             sizeof(properties) - nameBytes - 1, "gfx", 3);
  if (!found) {
    return fail("%s: the properties of device %d name no chip", kName, ordinal);
  }
  snprintf(chip, size, "%s", static_cast<const char *>(found));
  chip[strcspn(chip, ":")] = '\0';
  return 0;
}

int32_t getAttribute(int ordinal, int attribute, int32_t &value) {
  int got = 0;
  if (Result result = api.deviceGetAttribute(&got, attribute, ordinal)) {
    return report(result, "hipDeviceGetAttribute");
  }
  value = got;
  return 0;
}

int32_t getInfo(void *handle, fovea_device_info *info) {
  int ordinal = static_cast<Device *>(handle)->ordinal;
  int version = 0;
  int32_t near = 0;
  size_t memory = 0;
  if (Result result =
          api.deviceGetName(info->name, sizeof(info->name), ordinal)) {
    return report(result, "hipDeviceGetName");
  }
  if (Result result = api.deviceTotalMem(&memory, ordinal)) {
    return report(result, "hipDeviceTotalMem");
  }
  if (Result result = api.runtimeGetVersion(&version)) {
    return report(result, "hipRuntimeGetVersion");
  }
  if (findChip(ordinal, info->chip, sizeof(info->chip)) ||
      getAttribute(ordinal, kAttributeMultiprocessors, info->multiprocessors) ||
      getAttribute(ordinal, kAttributeWarpSize, info->lanes) ||
      getAttribute(ordinal, kAttributeSharedPerBlock, near)) {
    return 1;
  }
  // 60342131 is 6.3.42131; the library counts the minor version in 100,000s.
  snprintf(info->version, sizeof(info->version), "HIP %d.%d",
           version / 10000000, version / 100000 % 100);
  info->ordinal = ordinal;
  info->memory_bytes = static_cast<int64_t>(memory);
  info->near_bytes = near;
  return 0;
}

/// Code objects run on the chip they are made for and no other.
int32_t rate(const fovea_device_info &info, const char *kind,
             const char *chip) {
  return strcmp(kind, "hsaco") == 0 && strcmp(chip, info.chip) == 0 ? 2 : 0;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

int32_t alloc(void *device, int64_t bytes, void **memory) {
  Current current(device);
  char what[64];
  snprintf(what, sizeof(what), "hipMalloc of %" PRId64 " bytes", bytes);
  return current.check(api.malloc(memory, static_cast<size_t>(bytes)), what);
}

void free(void *device, void *memory) {
  Current current(device);
  current.check(api.free(memory), "hipFree");
}

int32_t copyIn(void *device, void *to, const void *from, int64_t bytes,
               void *stream) {
  Current current(device);
  return current.check(
      api.memcpy(to, from, bytes, kHostToDevice, toStream(stream)),
      "hipMemcpyAsync to the device");
}

int32_t copyOut(void *device, void *to, const void *from, int64_t bytes,
                void *stream) {
  Current current(device);
  if (current.check(
          api.memcpy(to, from, bytes, kDeviceToHost, toStream(stream)),
          "hipMemcpyAsync to the host")) {
    return 1;
  }
  return current.check(api.streamSynchronize(toStream(stream)),
                       "hipStreamSynchronize");
}

int32_t copy(void *device, void *to, const void *from, int64_t bytes,
             void *stream) {
  Current current(device);
  return current.check(
      api.memcpy(to, from, bytes, kDeviceToDevice, toStream(stream)),
      "hipMemcpyAsync on the device");
}

int32_t fill(void *device, void *to, uint8_t byte, int64_t bytes,
             void *stream) {
  Current current(device);
  return current.check(api.memset(to, byte, bytes, toStream(stream)),
                       "hipMemsetAsync");
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

int32_t openStream(void *device, void **stream) {
  Current current(device);
  Stream made = nullptr;
  if (current.check(api.streamCreate(&made, kStreamNonBlocking),
                    "hipStreamCreateWithFlags")) {
    return 1;
  }
  *stream = made;
  return 0;
}

void closeStream(void *device, void *stream) {
  Current current(device);
  current.check(api.streamDestroy(toStream(stream)), "hipStreamDestroy");
}

int32_t synchronize(void *device, void *stream) {
  Current current(device);
  return current.check(api.streamSynchronize(toStream(stream)),
                       "hipStreamSynchronize");
}

int32_t synchronizeAll(void *device) {
  Current current(device);
  return current.check(api.deviceSynchronize(), "hipDeviceSynchronize");
}

int32_t openEvent(void *device, void **event) {
  Current current(device);
  Event made = nullptr;
  if (current.check(api.eventCreate(&made), "hipEventCreate")) {
    return 1;
  }
  *event = made;
  return 0;
}

void closeEvent(void *device, void *event) {
  Current current(device);
  current.check(api.eventDestroy(static_cast<Event>(event)), "hipEventDestroy");
}

int32_t recordEvent(void *device, void *event, void *stream) {
  Current current(device);
  return current.check(
      api.eventRecord(static_cast<Event>(event), toStream(stream)),
      "hipEventRecord");
}

int32_t elapsed(void *device, void *begin, void *end, double *milliseconds) {
  Current current(device);
  if (current.check(api.eventSynchronize(static_cast<Event>(end)),
                    "hipEventSynchronize")) {
    return 1;
  }
  float measured = 0;
  if (current.check(api.eventElapsed(&measured, static_cast<Event>(begin),
                                     static_cast<Event>(end)),
                    "hipEventElapsedTime")) {
    return 1;
  }
  *milliseconds = measured;
  return 0;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// The loaded image must stay where it is: the library may read names of
/// kernels from it later.
struct Loaded {
  std::string image;
  Module module = nullptr;
};

int32_t loadModule(void *device, const void *image, int64_t bytes,
                   void **module) {
  Current current(device);
  auto *loaded = new Loaded;
  loaded->image.assign(static_cast<const char *>(image),
                       static_cast<size_t>(bytes));
  if (current.check(api.moduleLoad(&loaded->module, loaded->image.data()),
                    "hipModuleLoadData")) {
    delete loaded;
    return 1;
  }
  *module = loaded;
  return 0;
}

void closeModule(void *device, void *module) {
  Current current(device);
  auto *loaded = static_cast<Loaded *>(module);
  current.check(api.moduleUnload(loaded->module), "hipModuleUnload");
  delete loaded;
}

int32_t findKernel(void *device, void *module, const char *name,
                   void **kernel) {
  Current current(device);
  Function function = nullptr;
  if (current.check(api.moduleGetFunction(
                        &function, static_cast<Loaded *>(module)->module, name),
                    "hipModuleGetFunction")) {
    return 1;
  }
  *kernel = function;
  return 0;
}

void closeKernel(void *) {}

int32_t getKernelInfo(void *device, void *, void *kernel,
                      fovea_kernel_info *info) {
  Current current(device);
  auto *function = static_cast<Function>(kernel);
  int registers = 0, near = 0, threads = 0;
  const char *what = "hipFuncGetAttribute";
  if (current.check(api.functionGet(&registers, kFunctionRegisters, function),
                    what) ||
      current.check(api.functionGet(&near, kFunctionStaticShared, function),
                    what) ||
      current.check(api.functionGet(&threads, kFunctionMaxThreads, function),
                    what)) {
    return 1;
  }
  *info = {registers, threads, near};
  return 0;
}

int32_t launch(void *device, void *, void *kernel, const LaunchSize &size,
               void **parameters, void *stream) {
  // The hardware counts threads of a grid in 32 bits.
  if (static_cast<uint64_t>(size.blocks) * size.threads > UINT32_MAX) {
    return fail("%s: expected at most %u threads in one launch, got %u blocks "
                "of %u",
                kName, UINT32_MAX, size.blocks, size.threads);
  }
  Current current(device);
  return current.check(api.launchKernel(static_cast<Function>(kernel),
                                        size.blocks, 1, 1, size.threads, 1, 1,
                                        size.nearBytes, toStream(stream),
                                        parameters, nullptr),
                       "hipModuleLaunchKernel");
}

} // namespace

extern const Driver hipDriver;
const Driver hipDriver = {
    kName,          true,      open,        close,       getInfo,
    rate,           alloc,     free,        copyIn,      copyOut,
    copy,           fill,      openStream,  closeStream, synchronize,
    synchronizeAll, openEvent, closeEvent,  recordEvent, elapsed,
    loadModule,     nullptr,   closeModule, findKernel,  closeKernel,
    getKernelInfo,  launch,
};

} // namespace fovea::rt
