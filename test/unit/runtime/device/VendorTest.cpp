//===- VendorTest.cpp - the vendors' drivers, here or not -----------------===//
//
// Compares our declarations with the vendors' headers where they are installed,
// and checks what a user is told where a driver or a device is missing.
//
//===----------------------------------------------------------------------===//

#include "cuda/CudaApi.h"
#include "device/Driver.h"
#include "hip/HipApi.h"

#include "gtest/gtest.h"

#include <dlfcn.h>
#include <string>
#include <type_traits>

#if __has_include("cuda.h")
#include "cuda.h"
#define FOVEA_HAS_CUDA_H 1
#endif
#if __has_include("hip/hip_runtime_api.h")
#include "hip/hip_runtime_api.h"
#define FOVEA_HAS_HIP_H 1
#endif

namespace fovea::rt {
extern const Driver cudaDriver;
extern const Driver hipDriver;
} // namespace fovea::rt

namespace {

/// A type with its enumerations replaced by int, which is how they are passed.
template <typename T, typename = void> struct Plain {
  using type = T;
};
template <typename T> struct Plain<T, std::enable_if_t<std::is_enum_v<T>>> {
  static_assert(sizeof(T) == sizeof(int));
  using type = int;
};
template <typename T> struct Plain<T *, void> {
  using type = typename Plain<T>::type *;
};
template <typename R, typename... P> struct Plain<R(P...), void> {
  using type = typename Plain<R>::type(typename Plain<P>::type...);
};

template <typename Ours, typename Theirs>
constexpr bool agree =
    std::is_same_v<Ours, typename Plain<std::decay_t<Theirs>>::type>;

#ifdef FOVEA_HAS_CUDA_H
using namespace fovea::rt::cuda;
#define CHECK_CUDA(member, symbol, parameters)                                 \
  static_assert(agree<decltype(Api::member), decltype(&::symbol)>,             \
                #symbol " is declared otherwise in cuda.h");
FOVEA_CUDA_FUNCTIONS(CHECK_CUDA)
static_assert(int(CUDA_SUCCESS) == kSuccess);
static_assert(int(CUDA_ERROR_NO_DEVICE) == kErrorNoDevice);
static_assert(CU_DEVICE_ATTRIBUTE_WARP_SIZE == kAttributeWarpSize);
static_assert(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT ==
              kAttributeMultiprocessors);
static_assert(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR == kAttributeMajor);
static_assert(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR == kAttributeMinor);
static_assert(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN ==
              kAttributeSharedPerBlockOptin);
static_assert(CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK == kFunctionMaxThreads);
static_assert(CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES == kFunctionStaticShared);
static_assert(CU_FUNC_ATTRIBUTE_NUM_REGS == kFunctionRegisters);
static_assert(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES ==
              kFunctionMaxDynamicShared);
static_assert(CU_JIT_ERROR_LOG_BUFFER == kJitErrorLog);
static_assert(CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES == kJitErrorLogBytes);
static_assert(CU_STREAM_NON_BLOCKING == kStreamNonBlocking);
static_assert(CU_EVENT_DEFAULT == kEventDefault);
#endif

#ifdef FOVEA_HAS_HIP_H
namespace hip = fovea::rt::hip;
// By prototype, because the header gives some of them overloads in C++.
#define CHECK_HIP(member, result, symbol, parameters)                          \
  static_assert(agree<decltype(hip::Api::member),                              \
                      decltype(static_cast<TheirHip::member>(&::symbol))>,     \
                #symbol " is declared otherwise in hip_runtime_api.h");
struct TheirHip {
  using Error = hipError_t;
  using Stream = hipStream_t;
  using Event = hipEvent_t;
  using init = Error (*)(unsigned);
  using getErrorName = const char *(*)(Error);
  using getErrorString = const char *(*)(Error);
  using runtimeGetVersion = Error (*)(int *);
  using getDeviceCount = Error (*)(int *);
  using setDevice = Error (*)(int);
  using getDevice = Error (*)(int *);
  using deviceGetName = Error (*)(char *, int, hipDevice_t);
  using deviceGetAttribute = Error (*)(int *, hipDeviceAttribute_t, int);
  using deviceTotalMem = Error (*)(size_t *, hipDevice_t);
  using deviceSynchronize = Error (*)();
  using malloc = Error (*)(void **, size_t);
  using free = Error (*)(void *);
  using memcpy = Error (*)(void *, const void *, size_t, hipMemcpyKind, Stream);
  using memset = Error (*)(void *, int, size_t, Stream);
  using streamCreate = Error (*)(Stream *, unsigned);
  using streamDestroy = Error (*)(Stream);
  using streamSynchronize = Error (*)(Stream);
  using eventCreate = Error (*)(Event *);
  using eventDestroy = Error (*)(Event);
  using eventRecord = Error (*)(Event, Stream);
  using eventSynchronize = Error (*)(Event);
  using eventElapsed = Error (*)(float *, Event, Event);
  using moduleLoad = Error (*)(hipModule_t *, const void *);
  using moduleUnload = Error (*)(hipModule_t);
  using moduleGetFunction = Error (*)(hipFunction_t *, hipModule_t,
                                      const char *);
  using functionGet = Error (*)(int *, hipFunction_attribute, hipFunction_t);
  using launchKernel = Error (*)(hipFunction_t, unsigned, unsigned, unsigned,
                                 unsigned, unsigned, unsigned, unsigned, Stream,
                                 void **, void **);
};
FOVEA_HIP_FUNCTIONS(CHECK_HIP)
static_assert(int(hipSuccess) == hip::kSuccess);
static_assert(int(hipErrorNoDevice) == hip::kErrorNoDevice);
static_assert(int(hipErrorInvalidDevice) == hip::kErrorInvalidDevice);
static_assert(hipDeviceAttributeMultiprocessorCount ==
              hip::kAttributeMultiprocessors);
static_assert(hipDeviceAttributeMaxSharedMemoryPerBlock ==
              hip::kAttributeSharedPerBlock);
static_assert(hipDeviceAttributeWarpSize == hip::kAttributeWarpSize);
static_assert(HIP_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ==
              hip::kFunctionMaxThreads);
static_assert(HIP_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES ==
              hip::kFunctionStaticShared);
static_assert(HIP_FUNC_ATTRIBUTE_NUM_REGS == hip::kFunctionRegisters);
static_assert(hipMemcpyHostToDevice == hip::kHostToDevice);
static_assert(hipMemcpyDeviceToHost == hip::kDeviceToHost);
static_assert(hipMemcpyDeviceToDevice == hip::kDeviceToDevice);
static_assert(hipStreamNonBlocking == hip::kStreamNonBlocking);
#endif

TEST(VendorTest, CudaDeclarationsWereCompared) {
#ifndef FOVEA_HAS_CUDA_H
  GTEST_SKIP() << "no cuda.h on this machine";
#endif
}

TEST(VendorTest, HipDeclarationsWereCompared) {
#ifndef FOVEA_HAS_HIP_H
  GTEST_SKIP() << "no hip_runtime_api.h on this machine";
#endif
}

/// What opening a device says, for one that this machine may or may not have.
std::string getRefusal(const char *name) {
  fovea_device *device = fovea_device_open(name);
  if (device) {
    fovea_device_close(device);
    return "";
  }
  return fovea_rt_last_error();
}

void expectCure(const std::string &driver, const char *library,
                const std::string &command) {
  std::string text = getRefusal(driver.c_str());
  if (text.empty()) {
    // There is one: then an ordinal beyond the last must be refused.
    text = getRefusal((driver + ":4000").c_str());
    EXPECT_NE(text.find("expected the number of a device from 0 to"),
              std::string::npos)
        << text;
    return;
  }
  if (void *found = dlopen(library, RTLD_NOW | RTLD_LOCAL)) {
    EXPECT_NE(text.find("there is no GPU"), std::string::npos) << text;
    EXPECT_NE(text.find(command), std::string::npos) << text;
    dlclose(found);
  } else {
    EXPECT_NE(
        text.find("the driver's library is not here: " + std::string(library)),
        std::string::npos)
        << text;
    EXPECT_NE(text.find("; install "), std::string::npos) << text;
  }
  // The second time it says the same.
  EXPECT_EQ(getRefusal(driver.c_str()), text);
}

TEST(VendorTest, SaysWhyThereIsNoCudaDevice) {
  expectCure("cuda", "libcuda.so.1", "nvidia-smi");
}

TEST(VendorTest, SaysWhyThereIsNoHipDevice) {
  void *newer = dlopen("libamdhip64.so.6", RTLD_NOW | RTLD_LOCAL);
  void *older = dlopen("libamdhip64.so.5", RTLD_NOW | RTLD_LOCAL);
  expectCure("hip",
             newer   ? "libamdhip64.so.6"
             : older ? "libamdhip64.so.5"
                     : "libamdhip64.so.7",
             "rocminfo");
}

int32_t rate(const fovea::rt::Driver &driver, const char *here,
             const char *kind, const char *chip) {
  fovea_device_info info = {};
  snprintf(info.chip, sizeof(info.chip), "%s", here);
  return driver.rate(info, kind, chip);
}

TEST(VendorTest, CudaImagesFitTheirChipsAndLaterOnes) {
  auto on90 = [](const char *kind, const char *chip) {
    return rate(fovea::rt::cudaDriver, "sm_90", kind, chip);
  };
  EXPECT_GT(on90("cubin", "sm_90a"), on90("ptx", "sm_90a"));
  EXPECT_GT(on90("ptx", "sm_90a"), on90("cubin", "sm_90"));
  EXPECT_GT(on90("cubin", "sm_90"), on90("ptx", "sm_90"));
  EXPECT_GT(on90("ptx", "sm_90"), on90("ptx", "sm_80"));
  EXPECT_GT(on90("ptx", "sm_80"), 0);
  EXPECT_EQ(on90("cubin", "sm_80"), 0); // another generation
  EXPECT_EQ(on90("ptx", "sm_100"), 0);  // later
  EXPECT_EQ(on90("ptx", "sm_80a"), 0);  // that chip only
  EXPECT_EQ(on90("hsaco", "gfx942"), 0);
  EXPECT_EQ(on90("ptx", "gfx942"), 0);
  EXPECT_GT(rate(fovea::rt::cudaDriver, "sm_89", "cubin", "sm_80"), 0);
  EXPECT_EQ(rate(fovea::rt::cudaDriver, "sm_80", "cubin", "sm_89"), 0);
  EXPECT_GT(rate(fovea::rt::cudaDriver, "sm_103", "cubin", "sm_100f"), 0);
  EXPECT_EQ(rate(fovea::rt::cudaDriver, "sm_103", "cubin", "sm_100a"), 0);
  EXPECT_EQ(rate(fovea::rt::cudaDriver, "sm_120", "ptx", "sm_100f"), 0);
}

TEST(VendorTest, HipImagesFitOneChip) {
  EXPECT_GT(rate(fovea::rt::hipDriver, "gfx942", "hsaco", "gfx942"), 0);
  EXPECT_EQ(rate(fovea::rt::hipDriver, "gfx950", "hsaco", "gfx942"), 0);
  EXPECT_EQ(rate(fovea::rt::hipDriver, "gfx942", "ptx", "gfx942"), 0);
}

} // namespace
