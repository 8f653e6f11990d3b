//===- Driver.h - the table behind which the drivers hide -----------------===//
//
// One table of functions per driver. Handles are the driver's own, as void *;
// a null stream is its default stream. Functions that return int32_t return 0
// or fail after fovea_rt_fail, as in fovea_device.h. Device.cpp has checked the
// arguments.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_RUNTIME_DEVICE_DRIVER_H
#define FOVEA_RUNTIME_DEVICE_DRIVER_H

#include "fovea/runtime/fovea_device.h"

namespace fovea::rt {

/// The size of a launch, as the drivers want it.
struct LaunchSize {
  uint32_t blocks;
  uint32_t threads;
  uint32_t nearBytes; // dynamic
};

struct Driver {
  /// What names of its devices begin with.
  const char *name;
  /// Whether freed memory is kept and given out again. Not where allocating is
  /// cheap and errors show better without.
  bool isPooled;

  /// `options` is what follows the colon in the name, or "". Null after an
  /// error.
  void *(*open)(const char *options);
  void (*close)(void *device);
  int32_t (*getInfo)(void *device, fovea_device_info *info);
  /// As fovea_device_rates.
  int32_t (*rate)(const fovea_device_info &info, const char *kind,
                  const char *chip);

  int32_t (*alloc)(void *device, int64_t bytes, void **memory);
  void (*free)(void *device, void *memory);
  int32_t (*copyIn)(void *device, void *to, const void *from, int64_t bytes,
                    void *stream);
  int32_t (*copyOut)(void *device, void *to, const void *from, int64_t bytes,
                     void *stream); // returns when the data is there
  int32_t (*copy)(void *device, void *to, const void *from, int64_t bytes,
                  void *stream);
  int32_t (*fill)(void *device, void *to, uint8_t byte, int64_t bytes,
                  void *stream);

  int32_t (*openStream)(void *device, void **stream);
  void (*closeStream)(void *device, void *stream);
  int32_t (*synchronize)(void *device, void *stream);
  int32_t (*synchronizeAll)(void *device);

  int32_t (*openEvent)(void *device, void **event);
  void (*closeEvent)(void *device, void *event);
  int32_t (*recordEvent)(void *device, void *event, void *stream);
  int32_t (*elapsed)(void *device, void *begin, void *end,
                     double *milliseconds);

  int32_t (*loadModule)(void *device, const void *image, int64_t bytes,
                        void **module);
  /// Null where there is no such thing.
  int32_t (*adoptModule)(void *device, const void *image, void **module);
  void (*closeModule)(void *device, void *module);
  int32_t (*findKernel)(void *device, void *module, const char *name,
                        void **kernel);
  void (*closeKernel)(void *kernel);
  int32_t (*getKernelInfo)(void *device, void *module, void *kernel,
                           fovea_kernel_info *info);
  int32_t (*launch)(void *device, void *module, void *kernel,
                    const LaunchSize &size, void **parameters, void *stream);
};

/// All drivers of this build, null-terminated.
const Driver *const *getDrivers();

/// The ordinal that follows the colon in a device's name ("" is 0), or -1 after
/// an error.
int32_t parseOrdinal(const char *driver, const char *options);

} // namespace fovea::rt

#endif // FOVEA_RUNTIME_DEVICE_DRIVER_H
