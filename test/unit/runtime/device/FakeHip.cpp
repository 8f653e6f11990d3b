//===- FakeHip.cpp - a HIP library without a device -----------------------===//
//
// Takes the place of libamdhip64.so.7 in tests of HipDriver.cpp, as
// FakeCuda.cpp does for its driver. Calls that must happen on device 1 fail on
// another.
//
//===----------------------------------------------------------------------===//

#include "hip/HipApi.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace fovea::rt::hip;

#define EXPORT extern "C" __attribute__((visibility("default")))

static thread_local int current = 0;
static std::string calls;
static const void *loadedImage = nullptr;

EXPORT const char *fakeCalls() { return calls.c_str(); }
EXPORT void fakeClear() { calls.clear(); }
EXPORT int fakeCurrent() { return current; }

static int note(const char *name, long long number) {
  calls += std::string(name) + "(" + std::to_string(number) + ") ";
  return current == 1 ? kSuccess : kErrorInvalidDevice;
}

EXPORT Result hipInit(unsigned) { return kSuccess; }
EXPORT Text hipGetErrorName(Result) { return "hipErrorFake"; }
EXPORT Text hipGetErrorString(Result) { return "an error"; }
EXPORT Result hipRuntimeGetVersion(int *version) {
  *version = 60342131;
  return kSuccess;
}
EXPORT Result hipGetDeviceCount(int *count) {
  *count = 2;
  return kSuccess;
}
EXPORT Result hipSetDevice(int device) {
  current = device;
  return kSuccess;
}
EXPORT Result hipGetDevice(int *device) {
  *device = current;
  return kSuccess;
}
EXPORT Result hipDeviceGetName(char *name, int length, int) {
  snprintf(name, size_t(length), "Fake gfx card");
  return kSuccess;
}
EXPORT Result hipDeviceGetAttribute(int *value, int attribute, int) {
  *value = attribute == kAttributeMultiprocessors ? 304
           : attribute == kAttributeWarpSize      ? 64
                                                  : 65536;
  return kSuccess;
}
EXPORT Result hipDeviceTotalMem(size_t *bytes, int) {
  *bytes = size_t(192) << 30;
  return kSuccess;
}
/// The layout of version 6: 1472 bytes, the chip's name at 1160.
EXPORT Result hipGetDevicePropertiesR0600(void *properties, int) {
  auto *bytes = static_cast<char *>(properties);
  memset(bytes, 0, 1472);
  strcpy(bytes, "Fake gfx card");
  strcpy(bytes + 1160, "gfx942:sramecc+:xnack-");
  return kSuccess;
}
EXPORT Result hipDeviceSynchronize() { return note("synchronizeAll", 0); }
EXPORT Result hipMalloc(void **memory, size_t bytes) {
  *memory = aligned_alloc(256, (bytes + 255) & -256);
  return note("alloc", bytes);
}
EXPORT Result hipFree(void *memory) {
  free(memory);
  return note("free", 0);
}
EXPORT Result hipMemcpyAsync(void *to, const void *from, size_t bytes, int kind,
                             Stream) {
  memcpy(to, from, bytes);
  return note("copy", kind);
}
EXPORT Result hipMemsetAsync(void *to, int byte, size_t bytes, Stream) {
  memset(to, byte, bytes);
  return note("fill", byte);
}
EXPORT Result hipStreamCreateWithFlags(Stream *stream, unsigned flags) {
  *stream = reinterpret_cast<Stream>(0x20);
  return note("stream", flags);
}
EXPORT Result hipStreamDestroy(Stream) { return note("closeStream", 0); }
EXPORT Result hipStreamSynchronize(Stream stream) {
  return note("synchronize", reinterpret_cast<long long>(stream));
}
EXPORT Result hipEventCreate(Event *event) {
  *event = reinterpret_cast<Event>(0x30);
  return note("event", 0);
}
EXPORT Result hipEventDestroy(Event) { return note("closeEvent", 0); }
EXPORT Result hipEventRecord(Event, Stream) { return note("record", 0); }
EXPORT Result hipEventSynchronize(Event) { return note("waitEvent", 0); }
EXPORT Result hipEventElapsedTime(float *milliseconds, Event, Event) {
  *milliseconds = 2.5f;
  return note("elapsed", 0);
}
EXPORT Result hipModuleLoadData(Module *module, const void *image) {
  loadedImage = image;
  *module = reinterpret_cast<Module>(0x40);
  return note("load", 0);
}
EXPORT Result hipModuleUnload(Module) { return note("unload", 0); }
EXPORT Result hipModuleGetFunction(Function *function, Module,
                                   const char *name) {
  *function = reinterpret_cast<Function>(0x50);
  note("find", 0);
  // The image must still be there.
  return memcmp(loadedImage, "code", 4) == 0 && strcmp(name, "scale") == 0
             ? kSuccess
             : 500;
}
EXPORT Result hipFuncGetAttribute(int *value, int attribute, Function) {
  *value = attribute == kFunctionRegisters ? 96 : 256;
  return note("attribute", attribute);
}
EXPORT Result hipModuleLaunchKernel(Function, unsigned blocks, unsigned,
                                    unsigned, unsigned, unsigned, unsigned,
                                    unsigned, Stream, void **parameters,
                                    void **) {
  auto *x = *static_cast<float **>(parameters[0]);
  for (unsigned i = 0; i < blocks; ++i) {
    x[i] *= *static_cast<float *>(parameters[1]);
  }
  return note("launch", blocks);
}
