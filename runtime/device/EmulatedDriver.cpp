//===- EmulatedDriver.cpp - the emulator as a device ----------------------===//
//
// Launches run to their end before they return, so streams and events have
// nothing to do but to exist, and errors appear at once.
//
//===----------------------------------------------------------------------===//

#include "device/Driver.h"
#include "device/Message.h"
#include "device/SharedImage.h"

#include "fovea/runtime/fovea_emulator.h"

#include <chrono>
#include <cstring>

namespace fovea::rt {

namespace {

constexpr const char *kName = "emulated";

/// What split kernels divide their work among; small, so that tests see both
/// split and whole rows.
constexpr int32_t kMultiprocessors = 4;
/// As much as the largest chip gives one block.
constexpr int64_t kNearBytes = 227 * 1024;

struct Device {
  fovea_emu_options options = {};
};

struct Module {
  const fovea_emu_image *image;
  void *library; // null when adopted
};

void *open(const char *options) {
  auto *device = new Device;
  if (fovea_emu_parse_options(options, &device->options)) {
    delete device;
    return nullptr;
  }
  return device;
}

void close(void *device) { delete static_cast<Device *>(device); }

int32_t getInfo(void *, fovea_device_info *info) {
  snprintf(info->name, sizeof(info->name), "emulator on the CPU");
  snprintf(info->version, sizeof(info->version), "emulator %d",
           FOVEA_EMU_VERSION);
  info->multiprocessors = kMultiprocessors;
  info->near_bytes = kNearBytes;
  return 0;
}

int32_t rate(const fovea_device_info &, const char *kind, const char *) {
  return strcmp(kind, "emulated") == 0;
}

int32_t alloc(void *, int64_t bytes, void **memory) {
  *memory = fovea_emu_alloc(bytes);
  return *memory ? 0 : 1;
}

void free(void *, void *memory) { fovea_emu_free(memory); }

int32_t copy(void *, void *to, const void *from, int64_t bytes, void *) {
  memmove(to, from, static_cast<size_t>(bytes));
  return 0;
}

int32_t fill(void *, void *to, uint8_t byte, int64_t bytes, void *) {
  memset(to, byte, static_cast<size_t>(bytes));
  return 0;
}

int32_t openStream(void *, void **stream) {
  *stream = nullptr;
  return 0;
}

void closeStream(void *, void *) {}
int32_t synchronize(void *, void *) { return 0; }
int32_t synchronizeAll(void *) { return 0; }

using Time = std::chrono::steady_clock::time_point;

int32_t openEvent(void *, void **event) {
  *event = new Time;
  return 0;
}

void closeEvent(void *, void *event) { delete static_cast<Time *>(event); }

int32_t recordEvent(void *, void *event, void *) {
  *static_cast<Time *>(event) = std::chrono::steady_clock::now();
  return 0;
}

int32_t elapsed(void *, void *begin, void *end, double *milliseconds) {
  std::chrono::duration<double, std::milli> time =
      *static_cast<Time *>(end) - *static_cast<Time *>(begin);
  *milliseconds = time.count();
  return 0;
}

int32_t adopt(const fovea_emu_image *image, void *library, void **module) {
  if (image->version != FOVEA_EMU_VERSION) {
    return fail("%s: expected an image of version %d, got %u", kName,
                FOVEA_EMU_VERSION, image->version);
  }
  *module = new Module{image, library};
  return 0;
}

int32_t loadModule(void *, const void *image, int64_t bytes, void **module) {
  void *library = openSharedImage("emulated image", image, bytes);
  if (!library) {
    return 1;
  }
  const auto *found = static_cast<const fovea_emu_image *>(
      findInImage(library, "fovea_emu_image"));
  int32_t status = found ? adopt(found, library, module)
                         : fail("%s: expected an image that defines "
                                "fovea_emu_image, got one without it",
                                kName);
  if (status) {
    closeSharedImage(library);
  }
  return status;
}

int32_t adoptModule(void *, const void *image, void **module) {
  return adopt(static_cast<const fovea_emu_image *>(image), nullptr, module);
}

void closeModule(void *, void *module) {
  auto *closed = static_cast<Module *>(module);
  closeSharedImage(closed->library);
  delete closed;
}

/// Kernels are their number in the image plus one.
int32_t findKernel(void *, void *module, const char *name, void **kernel) {
  const fovea_emu_image &image = *static_cast<Module *>(module)->image;
  for (int32_t i = 0; i < image.count; ++i) {
    if (strcmp(image.kernels[i].name, name) == 0) {
      *kernel = reinterpret_cast<void *>(static_cast<intptr_t>(i) + 1);
      return 0;
    }
  }
  return fail("%s: the image for %s has no such kernel", kName, image.chip);
}

void closeKernel(void *) {}

int32_t toNumber(const void *kernel) {
  return static_cast<int32_t>(reinterpret_cast<intptr_t>(kernel) - 1);
}

int32_t getKernelInfo(void *, void *module, void *kernel,
                      fovea_kernel_info *info) {
  const fovea_emu_image &image = *static_cast<Module *>(module)->image;
  *info = {0, image.kernels[toNumber(kernel)].threads, 0};
  return 0;
}

int32_t launch(void *device, void *module, void *kernel, const LaunchSize &size,
               void **parameters, void *) {
  const fovea_emu_image &image = *static_cast<Module *>(module)->image;
  int32_t number = toNumber(kernel);
  int32_t demanded = image.kernels[number].threads;
  if (demanded > 0 && static_cast<uint32_t>(demanded) != size.threads) {
    return fail("%s: expected %d threads per block, got %u", kName, demanded,
                size.threads);
  }
  const uint32_t grid[3] = {size.blocks, 1, 1};
  const uint32_t block[3] = {size.threads, 1, 1};
  return fovea_emu_launch(&image, number, grid, block, size.nearBytes,
                          parameters, &static_cast<Device *>(device)->options);
}

} // namespace

extern const Driver emulatedDriver;
const Driver emulatedDriver = {
    kName,          false,       open,        close,       getInfo,
    rate,           alloc,       free,        copy,        copy,
    copy,           fill,        openStream,  closeStream, synchronize,
    synchronizeAll, openEvent,   closeEvent,  recordEvent, elapsed,
    loadModule,     adoptModule, closeModule, findKernel,  closeKernel,
    getKernelInfo,  launch,
};

} // namespace fovea::rt
