//===- CudaApi.h - what is used of the CUDA driver API --------------------===//
//
// Declared here so that no toolkit is needed to build. Names, types and numbers
// are those of "CUDA Driver API" (NVIDIA, version 11 and later), and a test
// compares them with cuda.h where there is one. Enumerations are passed as int.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_RUNTIME_CUDA_CUDAAPI_H
#define FOVEA_RUNTIME_CUDA_CUDAAPI_H

#include <cstddef>

struct CUctx_st;
struct CUmod_st;
struct CUfunc_st;
struct CUstream_st;
struct CUevent_st;

namespace fovea::rt::cuda {

using Result = int; // CUresult
using DeviceId = int;
using Address = unsigned long long; // CUdeviceptr on 64-bit systems
using Context = CUctx_st *;
using Module = CUmod_st *;
using Function = CUfunc_st *;
using Stream = CUstream_st *;
using Event = CUevent_st *;

enum : int {
  kSuccess = 0,
  kErrorNoDevice = 100,

  kAttributeWarpSize = 10,
  kAttributeMultiprocessors = 16,
  kAttributeMajor = 75,
  kAttributeMinor = 76,
  kAttributeSharedPerBlockOptin = 97,

  kFunctionMaxThreads = 0,
  kFunctionStaticShared = 1,
  kFunctionRegisters = 4,
  kFunctionMaxDynamicShared = 8,

  kJitErrorLog = 5,
  kJitErrorLogBytes = 6,

  kStreamNonBlocking = 1,
  kEventDefault = 0,
};

/// F(member, symbol, parameters): all return Result. Symbols carry the version
/// that cuda.h selects, which is the one with 64-bit addresses.
#define FOVEA_CUDA_FUNCTIONS(F)                                                \
  F(init, cuInit, (unsigned))                                                  \
  F(getErrorName, cuGetErrorName, (Result, const char **))                     \
  F(getErrorString, cuGetErrorString, (Result, const char **))                 \
  F(driverGetVersion, cuDriverGetVersion, (int *))                             \
  F(deviceGetCount, cuDeviceGetCount, (int *))                                 \
  F(deviceGet, cuDeviceGet, (DeviceId *, int))                                 \
  F(deviceGetName, cuDeviceGetName, (char *, int, DeviceId))                   \
  F(deviceGetAttribute, cuDeviceGetAttribute, (int *, int, DeviceId))          \
  F(deviceTotalMem, cuDeviceTotalMem_v2, (size_t *, DeviceId))                 \
  F(primaryRetain, cuDevicePrimaryCtxRetain, (Context *, DeviceId))            \
  F(primaryRelease, cuDevicePrimaryCtxRelease_v2, (DeviceId))                  \
  F(pushContext, cuCtxPushCurrent_v2, (Context))                               \
  F(popContext, cuCtxPopCurrent_v2, (Context *))                               \
  F(synchronizeContext, cuCtxSynchronize, (void))                              \
  F(memAlloc, cuMemAlloc_v2, (Address *, size_t))                              \
  F(memFree, cuMemFree_v2, (Address))                                          \
  F(copyIn, cuMemcpyHtoDAsync_v2, (Address, const void *, size_t, Stream))     \
  F(copyOut, cuMemcpyDtoHAsync_v2, (void *, Address, size_t, Stream))          \
  F(copy, cuMemcpyDtoDAsync_v2, (Address, Address, size_t, Stream))            \
  F(fill, cuMemsetD8Async, (Address, unsigned char, size_t, Stream))           \
  F(streamCreate, cuStreamCreate, (Stream *, unsigned))                        \
  F(streamDestroy, cuStreamDestroy_v2, (Stream))                               \
  F(streamSynchronize, cuStreamSynchronize, (Stream))                          \
  F(eventCreate, cuEventCreate, (Event *, unsigned))                           \
  F(eventDestroy, cuEventDestroy_v2, (Event))                                  \
  F(eventRecord, cuEventRecord, (Event, Stream))                               \
  F(eventSynchronize, cuEventSynchronize, (Event))                             \
  F(eventElapsed, cuEventElapsedTime, (float *, Event, Event))                 \
  F(moduleLoad, cuModuleLoadDataEx,                                            \
    (Module *, const void *, unsigned, int *, void **))                        \
  F(moduleUnload, cuModuleUnload, (Module))                                    \
  F(moduleGetFunction, cuModuleGetFunction,                                    \
    (Function *, Module, const char *))                                        \
  F(functionGet, cuFuncGetAttribute, (int *, int, Function))                   \
  F(functionSet, cuFuncSetAttribute, (Function, int, int))                     \
  F(launchKernel, cuLaunchKernel,                                              \
    (Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,     \
     unsigned, Stream, void **, void **))

/// The functions, as found in the driver's library.
struct Api {
#define FOVEA_CUDA_MEMBER(member, symbol, parameters)                          \
  Result(*member) parameters;
  FOVEA_CUDA_FUNCTIONS(FOVEA_CUDA_MEMBER)
#undef FOVEA_CUDA_MEMBER
};

} // namespace fovea::rt::cuda

#endif // FOVEA_RUNTIME_CUDA_CUDAAPI_H
