//===- FakeCuda.cpp - a CUDA driver without a device ----------------------===//
//
// Takes the place of libcuda.so.1 in tests of CudaDriver.cpp. Memory is the
// host's, and kernel "scale" (float *x, float factor) multiplies one element
// per block. Calls that matter are written into a log; those that must happen
// in the device's context fail outside of it.
//
//===----------------------------------------------------------------------===//

#include "cuda/CudaApi.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace fovea::rt::cuda;

#define EXPORT extern "C" __attribute__((visibility("default")))

static thread_local int depth = 0; // of contexts that are current
static int retained = 0;
static std::string calls;
static constexpr int kNoContext = 201, kNotFound = 500, kBadImage = 200;

static Context theContext() { return reinterpret_cast<Context>(0x10); }

EXPORT const char *fakeCalls() { return calls.c_str(); }
EXPORT void fakeClear() { calls.clear(); }
EXPORT int fakeDepth() { return depth; }
EXPORT int fakeRetained() { return retained; }

static int note(const char *name, long long number) {
  calls += std::string(name) + "(" + std::to_string(number) + ") ";
  return depth > 0 ? kSuccess : kNoContext;
}

EXPORT Result cuInit(unsigned) { return kSuccess; }
EXPORT Result cuGetErrorName(Result result, const char **name) {
  *name = result == kNotFound ? "CUDA_ERROR_NOT_FOUND" : "CUDA_ERROR";
  return kSuccess;
}
EXPORT Result cuGetErrorString(Result result, const char **text) {
  *text = result == kNotFound ? "named symbol not found" : "an error";
  return kSuccess;
}
EXPORT Result cuDriverGetVersion(int *version) {
  *version = 13010;
  return kSuccess;
}
EXPORT Result cuDeviceGetCount(int *count) {
  *count = 2;
  return kSuccess;
}
EXPORT Result cuDeviceGet(DeviceId *device, int ordinal) {
  *device = 70 + ordinal;
  return kSuccess;
}
EXPORT Result cuDeviceGetName(char *name, int length, DeviceId device) {
  snprintf(name, size_t(length), "Fake %d", device);
  return kSuccess;
}
EXPORT Result cuDeviceGetAttribute(int *value, int attribute, DeviceId) {
  *value = attribute == kAttributeMajor             ? 9
           : attribute == kAttributeMinor           ? 0
           : attribute == kAttributeMultiprocessors ? 132
           : attribute == kAttributeWarpSize        ? 32
                                                    : 227 * 1024;
  return kSuccess;
}
EXPORT Result cuDeviceTotalMem_v2(size_t *bytes, DeviceId) {
  *bytes = size_t(80) << 30;
  return kSuccess;
}
EXPORT Result cuDevicePrimaryCtxRetain(Context *context, DeviceId) {
  ++retained;
  *context = theContext();
  return kSuccess;
}
EXPORT Result cuDevicePrimaryCtxRelease_v2(DeviceId) {
  --retained;
  return kSuccess;
}
EXPORT Result cuCtxPushCurrent_v2(Context context) {
  depth += context == theContext();
  return kSuccess;
}
EXPORT Result cuCtxPopCurrent_v2(Context *context) {
  *context = theContext();
  --depth;
  return kSuccess;
}
EXPORT Result cuCtxSynchronize() { return note("synchronizeAll", 0); }
EXPORT Result cuMemAlloc_v2(Address *address, size_t bytes) {
  if (bytes > size_t(1) << 40) {
    return 2; // CUDA_ERROR_OUT_OF_MEMORY
  }
  *address =
      reinterpret_cast<Address>(aligned_alloc(256, (bytes + 255) & -256));
  return note("alloc", bytes);
}
EXPORT Result cuMemFree_v2(Address address) {
  free(reinterpret_cast<void *>(address));
  return note("free", 0);
}
EXPORT Result cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t bytes,
                                   Stream) {
  memcpy(reinterpret_cast<void *>(to), from, bytes);
  return note("in", bytes);
}
EXPORT Result cuMemcpyDtoHAsync_v2(void *to, Address from, size_t bytes,
                                   Stream) {
  memcpy(to, reinterpret_cast<void *>(from), bytes);
  return note("out", bytes);
}
EXPORT Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes,
                                   Stream) {
  memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
  return note("copy", bytes);
}
EXPORT Result cuMemsetD8Async(Address to, unsigned char byte, size_t bytes,
                              Stream) {
  memset(reinterpret_cast<void *>(to), byte, bytes);
  return note("fill", bytes);
}
EXPORT Result cuStreamCreate(Stream *stream, unsigned flags) {
  *stream = reinterpret_cast<Stream>(0x20);
  return note("stream", flags);
}
EXPORT Result cuStreamDestroy_v2(Stream stream) {
  return note("closeStream", reinterpret_cast<long long>(stream));
}
EXPORT Result cuStreamSynchronize(Stream stream) {
  return note("synchronize", reinterpret_cast<long long>(stream));
}
EXPORT Result cuEventCreate(Event *event, unsigned) {
  *event = reinterpret_cast<Event>(0x30);
  return note("event", 0);
}
EXPORT Result cuEventDestroy_v2(Event) { return note("closeEvent", 0); }
EXPORT Result cuEventRecord(Event, Stream stream) {
  return note("record", reinterpret_cast<long long>(stream));
}
EXPORT Result cuEventSynchronize(Event) { return note("waitEvent", 0); }
EXPORT Result cuEventElapsedTime(float *milliseconds, Event, Event) {
  *milliseconds = 1.5f;
  return note("elapsed", 0);
}
EXPORT Result cuModuleLoadDataEx(Module *module, const void *image,
                                 unsigned count, int *options, void **values) {
  // An image is a text here, and must end as one.
  const char *text = static_cast<const char *>(image);
  if (strcmp(text, "good") != 0) {
    for (unsigned i = 0; i < count; ++i) {
      if (options[i] == kJitErrorLog) {
        strcpy(static_cast<char *>(values[i]), "line 3: unknown instruction");
      }
    }
    return kBadImage;
  }
  *module = reinterpret_cast<Module>(0x40);
  return note("load", count);
}
EXPORT Result cuModuleUnload(Module) { return note("unload", 0); }
EXPORT Result cuModuleGetFunction(Function *function, Module,
                                  const char *name) {
  *function = reinterpret_cast<Function>(0x50);
  note("find", 0);
  return strcmp(name, "scale") == 0 ? kSuccess : kNotFound;
}
EXPORT Result cuFuncGetAttribute(int *value, int attribute, Function) {
  *value = attribute == kFunctionRegisters ? 168 : 128;
  return note("attribute", attribute);
}
EXPORT Result cuFuncSetAttribute(Function, int attribute, int value) {
  note("allow", value);
  return attribute == kFunctionMaxDynamicShared ? kSuccess : 1;
}
EXPORT Result cuLaunchKernel(Function, unsigned blocks, unsigned, unsigned,
                             unsigned threads, unsigned, unsigned, unsigned,
                             Stream stream, void **parameters, void **) {
  if (threads > 1024) {
    return 1;
  }
  auto *x = *static_cast<float **>(parameters[0]);
  for (unsigned i = 0; i < blocks; ++i) {
    x[i] *= *static_cast<float *>(parameters[1]);
  }
  return note("launch", reinterpret_cast<long long>(stream));
}
