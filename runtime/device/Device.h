//===- Device.h - the handles of fovea_device.h ---------------------------===//

#ifndef FOVEA_RUNTIME_DEVICE_DEVICE_H
#define FOVEA_RUNTIME_DEVICE_DEVICE_H

#include "device/Driver.h"

#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace fovea::rt {

/// Memory of one stream that is given out again.
///
/// Blocks come in sizes of eight steps per power of two. A block that is freed
/// goes on the list of its size and to the next who asks for that size: work
/// that uses it comes later in the same stream, so it need not be waited for.
class Pool {
public:
  /// Null after an error. `device` is the one of the stream.
  void *alloc(fovea_device &device, int64_t bytes);
  /// False if the memory is not from this pool.
  bool free(fovea_device &device, void *memory);
  /// Gives the driver back what nobody uses. The stream must be done.
  void release(fovea_device &device);

  /// The size of the block for so many bytes: 256, 512, ... and from 4096 on
  /// at most an eighth too many.
  static int64_t roundUp(int64_t bytes);

private:
  std::mutex mutex;
  std::map<int64_t, std::vector<void *>> idle; // by size
  std::unordered_map<void *, int64_t> used;
};

/// Words in device memory that kernels set when they find something wrong.
class StatusWords {
public:
  /// The word that belongs to these messages, or null after an error.
  int32_t *find(fovea_device &device, const char *const *messages,
                int32_t count);
  /// Reads and clears all words, after everything before in the stream.
  int32_t check(fovea_device &device, void *stream);
  /// Forgets all messages and clears all words; nothing may be running.
  void forget(fovea_device &device);
  void release(fovea_device &device);

private:
  static constexpr size_t most = 1024;
  struct Messages {
    const char *const *texts;
    int32_t count;
  };

  std::mutex mutex;
  int32_t *words = nullptr;
  std::vector<Messages> taken; // one per word
  std::unordered_map<const void *, size_t> numbers;
};

} // namespace fovea::rt

struct fovea_stream {
  fovea_device *device;
  void *native;
  bool isOwned;
  fovea::rt::Pool pool;
};

struct fovea_device {
  const fovea::rt::Driver *driver;
  void *state;
  fovea_device_info info;
  fovea_stream defaultStream;
  fovea::rt::StatusWords status;
};

struct fovea_module {
  fovea_device *device;
  void *native;
  std::mutex mutex;
  std::unordered_map<std::string, void *> kernels;

  /// The driver's handle, or null after an error.
  void *findKernel(const char *name);
};

struct fovea_event {
  fovea_device *device;
  void *native;
};

namespace fovea::rt {

/// The driver's handle of a stream that may be null.
inline void *getNative(const fovea_stream *stream) {
  return stream ? stream->native : nullptr;
}

/// Binds the calling thread for a scope; then it is bound as before.
class BindingScope {
public:
  BindingScope(fovea_module *module, fovea_stream *stream);
  ~BindingScope();

private:
  fovea_module *beforeModule;
  fovea_stream *beforeStream;
};

/// Makes the calling thread forget a module or a stream that goes.
void unbind(const fovea_module *module);
void unbind(const fovea_stream *stream);

} // namespace fovea::rt

#endif // FOVEA_RUNTIME_DEVICE_DEVICE_H
