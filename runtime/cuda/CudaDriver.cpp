//===- CudaDriver.cpp - devices of the CUDA driver ------------------------===//
//
// Works in the device's primary context, the one that CUDA's runtime library
// and frameworks on it use, so that their memory and streams work here. The
// context that a thread had is current again when a function returns.
//
//===----------------------------------------------------------------------===//

#include "cuda/CudaApi.h"

#include "device/Driver.h"
#include "device/Library.h"
#include "device/Message.h"

#include <atomic>
#include <cinttypes>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

namespace fovea::rt {

using namespace cuda;

namespace {

constexpr const char *kName = "cuda";

struct Device {
  DeviceId id;
  int32_t ordinal;
  Context context;
};

struct Kernel {
  Function function;
  // Most dynamic shared memory that the driver was told of.
  std::atomic<uint32_t> allowed{0};
};

Api api;

int32_t report(Result result, const char *what) {
  const char *name = nullptr, *text = nullptr;
  api.getErrorName(result, &name);
  api.getErrorString(result, &text);
  return fail("%s: %s failed: %.256s (%s)", kName, what,
              text ? text : "unknown error", name ? name : "no name");
}

/// Opens the library at the first call; what went wrong stays so.
int32_t loadApi() {
  static std::once_flag once;
  static std::string error;
  std::call_once(once, [] {
    static const char *const names[] = {"libcuda.so.1", "libcuda.so", nullptr};
    void *library =
        openLibrary(kName, names,
                    "install NVIDIA's driver, or start a container with the "
                    "GPUs passed through (--gpus all)");
    bool good = library != nullptr;
#define FOVEA_CUDA_FIND(member, symbol, parameters)                            \
  good = good && findSymbol(kName, library, #symbol, api.member);
    FOVEA_CUDA_FUNCTIONS(FOVEA_CUDA_FIND)
#undef FOVEA_CUDA_FIND
    if (!good) {
      error = fovea_rt_last_error();
      return;
    }
    Result result = api.init(0);
    if (result == kErrorNoDevice) {
      fail("%s: the driver is installed, but there is no GPU; check that "
           "nvidia-smi lists one, and CUDA_VISIBLE_DEVICES",
           kName);
      error = fovea_rt_last_error();
    } else if (result != kSuccess) {
      report(result, "cuInit");
      error = fovea_rt_last_error();
    }
  });
  return error.empty() ? 0 : fovea_rt_fail(error.c_str());
}

/// Makes the device's context current for a scope.
class Current {
public:
  explicit Current(const void *device)
      : result(api.pushContext(static_cast<const Device *>(device)->context)) {}
  ~Current() {
    Context popped;
    if (result == kSuccess) {
      api.popContext(&popped);
    }
  }

  /// The error of a call in the context, or of making it current.
  int32_t check(Result called, const char *what) const {
    if (result != kSuccess) {
      return report(result, "cuCtxPushCurrent");
    }
    return called == kSuccess ? 0 : report(called, what);
  }

private:
  Result result;
};

Address toAddress(const void *memory) {
  return reinterpret_cast<Address>(memory);
}

Stream toStream(void *stream) { return static_cast<Stream>(stream); }

int32_t getAttribute(const Device &device, int attribute, int32_t &value) {
  int got = 0;
  if (Result result = api.deviceGetAttribute(&got, attribute, device.id)) {
    return report(result, "cuDeviceGetAttribute");
  }
  value = got;
  return 0;
}

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

void *open(const char *options) {
  int32_t ordinal = parseOrdinal(kName, options);
  if (ordinal < 0 || loadApi()) {
    return nullptr;
  }
  int count = 0;
  if (Result result = api.deviceGetCount(&count)) {
    report(result, "cuDeviceGetCount");
    return nullptr;
  }
  if (count == 0) {
    fail("%s: the driver is installed, but there is no GPU; check "
         "CUDA_VISIBLE_DEVICES",
         kName);
    return nullptr;
  }
  if (ordinal >= count) {
    fail("%s: expected the number of a device from 0 to %d, got %d", kName,
         count - 1, ordinal);
    return nullptr;
  }
  Device device{0, ordinal, nullptr};
  if (Result result = api.deviceGet(&device.id, ordinal)) {
    report(result, "cuDeviceGet");
    return nullptr;
  }
  if (Result result = api.primaryRetain(&device.context, device.id)) {
    report(result, "cuDevicePrimaryCtxRetain");
    return nullptr;
  }
  return new Device(device);
}

void close(void *handle) {
  auto *device = static_cast<Device *>(handle);
  api.primaryRelease(device->id);
  delete device;
}

int32_t getInfo(void *handle, fovea_device_info *info) {
  const Device &device = *static_cast<Device *>(handle);
  int version = 0;
  int32_t major = 0, minor = 0, near = 0;
  size_t memory = 0;
  if (Result result =
          api.deviceGetName(info->name, sizeof(info->name), device.id)) {
    return report(result, "cuDeviceGetName");
  }
  if (Result result = api.deviceTotalMem(&memory, device.id)) {
    return report(result, "cuDeviceTotalMem");
  }
  if (Result result = api.driverGetVersion(&version)) {
    return report(result, "cuDriverGetVersion");
  }
  if (getAttribute(device, kAttributeMajor, major) ||
      getAttribute(device, kAttributeMinor, minor) ||
      getAttribute(device, kAttributeMultiprocessors, info->multiprocessors) ||
      getAttribute(device, kAttributeWarpSize, info->lanes) ||
      getAttribute(device, kAttributeSharedPerBlockOptin, near)) {
    return 1;
  }
  snprintf(info->chip, sizeof(info->chip), "sm_%d%d", major, minor);
  snprintf(info->version, sizeof(info->version), "CUDA %d.%d", version / 1000,
           version % 1000 / 10);
  info->ordinal = device.ordinal;
  info->memory_bytes = static_cast<int64_t>(memory);
  info->near_bytes = near;
  return 0;
}

/// "sm_90a" as generation 9, number 90 and what binds it to chips.
struct ChipName {
  int number = -1;
  char suffix = '\0'; // 'a': this chip only; 'f': its family

  explicit ChipName(const char *text) {
    if (strncmp(text, "sm_", 3) == 0) {
      char *end = nullptr;
      number = static_cast<int>(strtol(text + 3, &end, 10));
      suffix = *end;
    }
  }
};

/// CUDA C++ Programming Guide, "Compute capabilities": binary code runs on
/// chips of the same generation whose number is not lower, PTX on any chip not
/// lower; with the suffix a on that chip only, with f in its generation.
int32_t rate(const fovea_device_info &info, const char *kind,
             const char *chip) {
  ChipName made(chip), here(info.chip);
  if (made.number < 0 || here.number < made.number) {
    return 0;
  }
  bool isText = strcmp(kind, "ptx") == 0;
  bool isSame = made.number == here.number;
  bool isNear = made.number / 10 == here.number / 10;
  if (strcmp(kind, "cubin") != 0 && !isText) {
    return 0;
  }
  if ((made.suffix == 'a' && !isSame) ||
      ((made.suffix == 'f' || !isText) && !isNear)) {
    return 0;
  }
  // The nearer the chip the better; of the same chip what uses all of it, and
  // what needs no compiling.
  return 4 * (made.number + 1) + (made.suffix != '\0' ? 2 : 0) +
         (isText ? 0 : 1);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

int32_t alloc(void *device, int64_t bytes, void **memory) {
  Current current(device);
  Address address = 0;
  char what[64];
  snprintf(what, sizeof(what), "cuMemAlloc of %" PRId64 " bytes", bytes);
  if (current.check(api.memAlloc(&address, static_cast<size_t>(bytes)), what)) {
    return 1;
  }
  *memory = reinterpret_cast<void *>(address);
  return 0;
}

void free(void *device, void *memory) {
  Current current(device);
  current.check(api.memFree(toAddress(memory)), "cuMemFree");
}

int32_t copyIn(void *device, void *to, const void *from, int64_t bytes,
               void *stream) {
  Current current(device);
  return current.check(api.copyIn(toAddress(to), from, bytes, toStream(stream)),
                       "cuMemcpyHtoDAsync");
}

int32_t copyOut(void *device, void *to, const void *from, int64_t bytes,
                void *stream) {
  Current current(device);
  if (current.check(api.copyOut(to, toAddress(from), bytes, toStream(stream)),
                    "cuMemcpyDtoHAsync")) {
    return 1;
  }
  return current.check(api.streamSynchronize(toStream(stream)),
                       "cuStreamSynchronize");
}

int32_t copy(void *device, void *to, const void *from, int64_t bytes,
             void *stream) {
  Current current(device);
  return current.check(
      api.copy(toAddress(to), toAddress(from), bytes, toStream(stream)),
      "cuMemcpyDtoDAsync");
}

int32_t fill(void *device, void *to, uint8_t byte, int64_t bytes,
             void *stream) {
  Current current(device);
  return current.check(api.fill(toAddress(to), byte, bytes, toStream(stream)),
                       "cuMemsetD8Async");
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

int32_t openStream(void *device, void **stream) {
  Current current(device);
  Stream made = nullptr;
  if (current.check(api.streamCreate(&made, kStreamNonBlocking),
                    "cuStreamCreate")) {
    return 1;
  }
  *stream = made;
  return 0;
}

void closeStream(void *device, void *stream) {
  Current current(device);
  current.check(api.streamDestroy(toStream(stream)), "cuStreamDestroy");
}

int32_t synchronize(void *device, void *stream) {
  Current current(device);
  return current.check(api.streamSynchronize(toStream(stream)),
                       "cuStreamSynchronize");
}

int32_t synchronizeAll(void *device) {
  Current current(device);
  return current.check(api.synchronizeContext(), "cuCtxSynchronize");
}

int32_t openEvent(void *device, void **event) {
  Current current(device);
  Event made = nullptr;
  if (current.check(api.eventCreate(&made, kEventDefault), "cuEventCreate")) {
    return 1;
  }
  *event = made;
  return 0;
}

void closeEvent(void *device, void *event) {
  Current current(device);
  current.check(api.eventDestroy(static_cast<Event>(event)), "cuEventDestroy");
}

int32_t recordEvent(void *device, void *event, void *stream) {
  Current current(device);
  return current.check(
      api.eventRecord(static_cast<Event>(event), toStream(stream)),
      "cuEventRecord");
}

int32_t elapsed(void *device, void *begin, void *end, double *milliseconds) {
  Current current(device);
  if (current.check(api.eventSynchronize(static_cast<Event>(end)),
                    "cuEventSynchronize")) {
    return 1;
  }
  float measured = 0;
  if (current.check(api.eventElapsed(&measured, static_cast<Event>(begin),
                                     static_cast<Event>(end)),
                    "cuEventElapsedTime")) {
    return 1;
  }
  *milliseconds = measured;
  return 0;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

int32_t loadModule(void *device, const void *image, int64_t bytes,
                   void **module) {
  Current current(device);
  // PTX is text that must end in a zero, which a file need not have.
  std::string terminated(static_cast<const char *>(image),
                         static_cast<size_t>(bytes));
  char log[512] = "";
  int options[] = {kJitErrorLog, kJitErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log) - 1)};
  Module made = nullptr;
  Result result = api.moduleLoad(&made, terminated.c_str(), 2, options, values);
  if (current.check(result, "cuModuleLoadData")) {
    if (log[0] != '\0') {
      std::string text = fovea_rt_last_error();
      return fail("%.400s; it says: %.500s", text.c_str(), log);
    }
    return 1;
  }
  *module = made;
  return 0;
}

void closeModule(void *device, void *module) {
  Current current(device);
  current.check(api.moduleUnload(static_cast<Module>(module)),
                "cuModuleUnload");
}

int32_t findKernel(void *device, void *module, const char *name,
                   void **kernel) {
  Current current(device);
  Function function = nullptr;
  if (current.check(
          api.moduleGetFunction(&function, static_cast<Module>(module), name),
          "cuModuleGetFunction")) {
    return 1;
  }
  auto *made = new Kernel;
  made->function = function;
  *kernel = made;
  return 0;
}

void closeKernel(void *kernel) { delete static_cast<Kernel *>(kernel); }

int32_t getKernelInfo(void *device, void *, void *kernel,
                      fovea_kernel_info *info) {
  Current current(device);
  Function function = static_cast<Kernel *>(kernel)->function;
  int registers = 0, near = 0, threads = 0;
  const char *what = "cuFuncGetAttribute";
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

/// Beyond 48 KiB of dynamic shared memory a kernel must be opted in (CUDA C++
/// Programming Guide, "Shared memory" of compute capability 7.x and later).
int32_t allowNearBytes(const Current &current, Kernel &kernel, uint32_t bytes) {
  constexpr uint32_t always = 48 * 1024;
  if (bytes <= always || bytes <= kernel.allowed.load()) {
    return 0;
  }
  // Of two threads the one that asks for less must not be the last.
  static std::mutex asking;
  std::lock_guard<std::mutex> lock(asking);
  if (bytes <= kernel.allowed.load()) {
    return 0;
  }
  char what[96];
  snprintf(what, sizeof(what),
           "cuFuncSetAttribute for %u bytes of dynamic shared memory", bytes);
  if (current.check(api.functionSet(kernel.function, kFunctionMaxDynamicShared,
                                    static_cast<int>(bytes)),
                    what)) {
    return 1;
  }
  kernel.allowed.store(bytes);
  return 0;
}

int32_t launch(void *device, void *, void *handle, const LaunchSize &size,
               void **parameters, void *stream) {
  Current current(device);
  Kernel &kernel = *static_cast<Kernel *>(handle);
  if (allowNearBytes(current, kernel, size.nearBytes)) {
    return 1;
  }
  return current.check(api.launchKernel(kernel.function, size.blocks, 1, 1,
                                        size.threads, 1, 1, size.nearBytes,
                                        toStream(stream), parameters, nullptr),
                       "cuLaunchKernel");
}

} // namespace

extern const Driver cudaDriver;
const Driver cudaDriver = {
    kName,          true,      open,        close,       getInfo,
    rate,           alloc,     free,        copyIn,      copyOut,
    copy,           fill,      openStream,  closeStream, synchronize,
    synchronizeAll, openEvent, closeEvent,  recordEvent, elapsed,
    loadModule,     nullptr,   closeModule, findKernel,  closeKernel,
    getKernelInfo,  launch,
};

} // namespace fovea::rt
