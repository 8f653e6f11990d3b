//===- Device.cpp - devices, memory, streams, modules ---------------------===//
//
// Checks what the caller gave and passes it on to the driver.
//
//===----------------------------------------------------------------------===//

#include "device/Device.h"

#include "device/Message.h"

#include <cinttypes>
#include <cstring>

using namespace fovea::rt;

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

static int32_t refuseName(const char *name) {
  std::string known;
  for (const Driver *const *driver = getDrivers(); *driver; ++driver) {
    known += known.empty() ? "" : ", ";
    known += (*driver)->name;
  }
  return fail("expected the name of a device, one of %s, or with a colon and "
              "its number or options, got '%.64s'",
              known.c_str(), name);
}

fovea_device *fovea_device_open(const char *name) {
  if (!name) {
    fail("expected the name of a device, got a null pointer");
    return nullptr;
  }
  size_t length = strcspn(name, ":");
  const char *options = name[length] == ':' ? name + length + 1 : "";
  for (const Driver *const *entry = getDrivers(); *entry; ++entry) {
    const Driver *driver = *entry;
    if (strlen(driver->name) != length ||
        strncmp(driver->name, name, length) != 0) {
      continue;
    }
    void *state = driver->open(options);
    if (!state) {
      return nullptr;
    }
    fovea_device_info info = {};
    snprintf(info.driver, sizeof(info.driver), "%s", driver->name);
    if (driver->getInfo(state, &info)) {
      driver->close(state);
      return nullptr;
    }
    auto *device = new fovea_device{driver, state, info, {}, {}};
    device->defaultStream.device = device;
    return device;
  }
  refuseName(name);
  return nullptr;
}

void fovea_device_close(fovea_device *device) {
  if (!device) {
    return;
  }
  device->driver->synchronizeAll(device->state);
  device->defaultStream.pool.release(*device);
  device->status.release(*device);
  device->driver->close(device->state);
  delete device;
}

int32_t fovea_device_get_info(const fovea_device *device,
                              fovea_device_info *info) {
  if (!device || !info) {
    return fail("fovea_device_get_info: expected a device and where to put "
                "what it is, got a null pointer");
  }
  *info = device->info;
  return 0;
}

int32_t fovea_device_rates(const fovea_device *device, const char *kind,
                           const char *chip) {
  return device && kind && chip ? device->driver->rate(device->info, kind, chip)
                                : 0;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void *fovea_device_alloc(fovea_device *device, int64_t bytes) {
  if (!device || bytes < 0) {
    fail("fovea_device_alloc: expected a device and a size that is not "
         "negative, got %s and %" PRId64,
         device ? "one" : "a null pointer", bytes);
    return nullptr;
  }
  void *memory = nullptr;
  bytes = bytes > 0 ? bytes : 1;
  return device->driver->alloc(device->state, bytes, &memory) ? nullptr
                                                              : memory;
}

void fovea_device_free(fovea_device *device, void *memory) {
  if (device && memory) {
    device->driver->free(device->state, memory);
  }
}

/// Error if a transfer cannot be right.
static int32_t checkTransfer(const char *function, const fovea_device *device,
                             const void *to, const void *from, int64_t bytes,
                             const fovea_stream *stream) {
  if (!device) {
    return fail("%s: expected a device, got a null pointer", function);
  }
  if (bytes < 0) {
    return fail("%s: expected a size that is not negative, got %" PRId64,
                function, bytes);
  }
  if (bytes > 0 && (!to || !from)) {
    return fail("%s: expected memory, got a null pointer", function);
  }
  if (stream && stream->device != device) {
    return fail("%s: expected a stream of the device, got one of another",
                function);
  }
  return 0;
}

int32_t fovea_device_copy_in(fovea_device *device, void *to, const void *from,
                             int64_t bytes, fovea_stream *stream) {
  if (checkTransfer(__func__, device, to, from, bytes, stream)) {
    return 1;
  }
  return bytes == 0 ? 0
                    : device->driver->copyIn(device->state, to, from, bytes,
                                             getNative(stream));
}

int32_t fovea_device_copy_out(fovea_device *device, void *to, const void *from,
                              int64_t bytes, fovea_stream *stream) {
  if (checkTransfer(__func__, device, to, from, bytes, stream)) {
    return 1;
  }
  return bytes == 0 ? 0
                    : device->driver->copyOut(device->state, to, from, bytes,
                                              getNative(stream));
}

int32_t fovea_device_copy(fovea_device *device, void *to, const void *from,
                          int64_t bytes, fovea_stream *stream) {
  if (checkTransfer(__func__, device, to, from, bytes, stream)) {
    return 1;
  }
  return bytes == 0 ? 0
                    : device->driver->copy(device->state, to, from, bytes,
                                           getNative(stream));
}

int32_t fovea_device_fill(fovea_device *device, void *to, uint8_t byte,
                          int64_t bytes, fovea_stream *stream) {
  if (checkTransfer(__func__, device, to, to, bytes, stream)) {
    return 1;
  }
  return bytes == 0 ? 0
                    : device->driver->fill(device->state, to, byte, bytes,
                                           getNative(stream));
}

//===----------------------------------------------------------------------===//
// Streams and events
//===----------------------------------------------------------------------===//

fovea_stream *fovea_stream_open(fovea_device *device) {
  void *native = nullptr;
  if (!device) {
    fail("fovea_stream_open: expected a device, got a null pointer");
    return nullptr;
  }
  if (device->driver->openStream(device->state, &native)) {
    return nullptr;
  }
  return new fovea_stream{device, native, /*isOwned=*/true, {}};
}

fovea_stream *fovea_stream_wrap(fovea_device *device, void *native) {
  if (!device) {
    fail("fovea_stream_wrap: expected a device, got a null pointer");
    return nullptr;
  }
  return new fovea_stream{device, native, /*isOwned=*/false, {}};
}

void fovea_stream_close(fovea_stream *stream) {
  if (!stream) {
    return;
  }
  const fovea_device &device = *stream->device;
  device.driver->synchronize(device.state, stream->native);
  stream->pool.release(*stream->device);
  if (stream->isOwned) {
    device.driver->closeStream(device.state, stream->native);
  }
  unbind(stream);
  delete stream;
}

int32_t fovea_device_synchronize(fovea_device *device, fovea_stream *stream) {
  if (checkTransfer(__func__, device, device, device, 0, stream)) {
    return 1;
  }
  if (device->driver->synchronize(device->state, getNative(stream))) {
    return 1;
  }
  return device->status.check(*device, getNative(stream));
}

fovea_event *fovea_event_open(fovea_device *device) {
  void *native = nullptr;
  if (!device) {
    fail("fovea_event_open: expected a device, got a null pointer");
    return nullptr;
  }
  if (device->driver->openEvent(device->state, &native)) {
    return nullptr;
  }
  return new fovea_event{device, native};
}

void fovea_event_close(fovea_event *event) {
  if (event) {
    event->device->driver->closeEvent(event->device->state, event->native);
    delete event;
  }
}

int32_t fovea_event_record(fovea_event *event, fovea_stream *stream) {
  if (!event || (stream && stream->device != event->device)) {
    return fail("fovea_event_record: expected an event and a stream of its "
                "device");
  }
  return event->device->driver->recordEvent(event->device->state, event->native,
                                            getNative(stream));
}

int32_t fovea_event_elapsed(fovea_event *begin, fovea_event *end,
                            double *milliseconds) {
  if (!begin || !end || !milliseconds || begin->device != end->device) {
    return fail("fovea_event_elapsed: expected two events of one device and "
                "where to put the time");
  }
  return end->device->driver->elapsed(end->device->state, begin->native,
                                      end->native, milliseconds);
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

static fovea_module *makeModule(fovea_device *device, void *native) {
  return new fovea_module{device, native, {}, {}};
}

fovea_module *fovea_module_load(fovea_device *device, const void *image,
                                int64_t bytes) {
  if (!device || !image || bytes <= 0) {
    fail("fovea_module_load: expected a device and an image, got a null "
         "pointer or no bytes");
    return nullptr;
  }
  void *native = nullptr;
  if (device->driver->loadModule(device->state, image, bytes, &native)) {
    return nullptr;
  }
  return makeModule(device, native);
}

fovea_module *fovea_module_adopt(fovea_device *device, const void *image) {
  if (!device || !image) {
    fail("fovea_module_adopt: expected a device and an image, got a null "
         "pointer");
    return nullptr;
  }
  if (!device->driver->adoptModule) {
    fail("%s: expected an emulated device for an image of this process",
         device->driver->name);
    return nullptr;
  }
  void *native = nullptr;
  if (device->driver->adoptModule(device->state, image, &native)) {
    return nullptr;
  }
  return makeModule(device, native);
}

void fovea_module_close(fovea_module *module) {
  if (!module) {
    return;
  }
  const fovea_device &device = *module->device;
  device.driver->synchronizeAll(device.state);
  unbind(module);
  for (auto &kernel : module->kernels) {
    device.driver->closeKernel(kernel.second);
  }
  device.driver->closeModule(device.state, module->native);
  delete module;
}

void *fovea_module::findKernel(const char *name) {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = kernels.find(name);
  if (found != kernels.end()) {
    return found->second;
  }
  void *kernel = nullptr;
  if (device->driver->findKernel(device->state, native, name, &kernel)) {
    std::string reason = fovea_rt_last_error();
    fail("kernel '%.128s': %.768s", name, reason.c_str());
    return nullptr;
  }
  kernels.emplace(name, kernel);
  return kernel;
}

int32_t fovea_module_kernel_info(fovea_module *module, const char *name,
                                 fovea_kernel_info *info) {
  if (!module || !name || !info) {
    return fail("fovea_module_kernel_info: expected a module, a name and where "
                "to put what is known, got a null pointer");
  }
  void *kernel = module->findKernel(name);
  if (!kernel) {
    return 1;
  }
  const fovea_device &device = *module->device;
  return device.driver->getKernelInfo(device.state, module->native, kernel,
                                      info);
}
