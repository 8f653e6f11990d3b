//===- HipApi.h - what is used of HIP -------------------------------------===//
//
// Declared here so that no toolkit is needed to build. Names, types and numbers
// are those of the "HIP runtime API reference" (AMD), the same in versions 5,
// 6 and 7; a test compares them with hip_runtime_api.h where there is one.
// Enumerations are passed as int.
//
// Left out is hipDeviceProp_t, whose layout changed in version 6: see
// findChip in HipDriver.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_RUNTIME_HIP_HIPAPI_H
#define FOVEA_RUNTIME_HIP_HIPAPI_H

#include <cstddef>

struct ihipModule_t;
struct ihipModuleSymbol_t;
struct ihipStream_t;
struct ihipEvent_t;

namespace fovea::rt::hip {

using Result = int; // hipError_t
using Module = ihipModule_t *;
using Function = ihipModuleSymbol_t *;
using Stream = ihipStream_t *;
using Event = ihipEvent_t *;
using Text = const char *;

enum : int {
  kSuccess = 0,
  kErrorNoDevice = 100,
  kErrorInvalidDevice = 101,

  kAttributeMultiprocessors = 63,
  kAttributeSharedPerBlock = 74,
  kAttributeWarpSize = 87,

  kFunctionMaxThreads = 0,
  kFunctionStaticShared = 1,
  kFunctionRegisters = 4,

  kHostToDevice = 1,
  kDeviceToHost = 2,
  kDeviceToDevice = 3,

  kStreamNonBlocking = 1,
};

/// F(member, result, symbol, parameters)
#define FOVEA_HIP_FUNCTIONS(F)                                                 \
  F(init, Result, hipInit, (unsigned))                                         \
  F(getErrorName, Text, hipGetErrorName, (Result))                             \
  F(getErrorString, Text, hipGetErrorString, (Result))                         \
  F(runtimeGetVersion, Result, hipRuntimeGetVersion, (int *))                  \
  F(getDeviceCount, Result, hipGetDeviceCount, (int *))                        \
  F(setDevice, Result, hipSetDevice, (int))                                    \
  F(getDevice, Result, hipGetDevice, (int *))                                  \
  F(deviceGetName, Result, hipDeviceGetName, (char *, int, int))               \
  F(deviceGetAttribute, Result, hipDeviceGetAttribute, (int *, int, int))      \
  F(deviceTotalMem, Result, hipDeviceTotalMem, (size_t *, int))                \
  F(deviceSynchronize, Result, hipDeviceSynchronize, (void))                   \
  F(malloc, Result, hipMalloc, (void **, size_t))                              \
  F(free, Result, hipFree, (void *))                                           \
  F(memcpy, Result, hipMemcpyAsync,                                            \
    (void *, const void *, size_t, int, Stream))                               \
  F(memset, Result, hipMemsetAsync, (void *, int, size_t, Stream))             \
  F(streamCreate, Result, hipStreamCreateWithFlags, (Stream *, unsigned))      \
  F(streamDestroy, Result, hipStreamDestroy, (Stream))                         \
  F(streamSynchronize, Result, hipStreamSynchronize, (Stream))                 \
  F(eventCreate, Result, hipEventCreate, (Event *))                            \
  F(eventDestroy, Result, hipEventDestroy, (Event))                            \
  F(eventRecord, Result, hipEventRecord, (Event, Stream))                      \
  F(eventSynchronize, Result, hipEventSynchronize, (Event))                    \
  F(eventElapsed, Result, hipEventElapsedTime, (float *, Event, Event))        \
  F(moduleLoad, Result, hipModuleLoadData, (Module *, const void *))           \
  F(moduleUnload, Result, hipModuleUnload, (Module))                           \
  F(moduleGetFunction, Result, hipModuleGetFunction,                           \
    (Function *, Module, const char *))                                        \
  F(functionGet, Result, hipFuncGetAttribute, (int *, int, Function))          \
  F(launchKernel, Result, hipModuleLaunchKernel,                               \
    (Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,     \
     unsigned, Stream, void **, void **))

/// The functions, as found in the library.
struct Api {
#define FOVEA_HIP_MEMBER(member, result, symbol, parameters)                   \
  result(*member) parameters;
  FOVEA_HIP_FUNCTIONS(FOVEA_HIP_MEMBER)
#undef FOVEA_HIP_MEMBER
  /// hipGetDevicePropertiesR0600, or hipGetDeviceProperties before version 6.
  Result (*getProperties)(void *, int);
};

} // namespace fovea::rt::hip

#endif // FOVEA_RUNTIME_HIP_HIPAPI_H
