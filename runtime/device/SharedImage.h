//===- SharedImage.h - a shared library that lies in memory ---------------===//

#ifndef FOVEA_RUNTIME_DEVICE_SHAREDIMAGE_H
#define FOVEA_RUNTIME_DEVICE_SHAREDIMAGE_H

#include <cstdint>

namespace fovea::rt {

/// Opens a shared library from its bytes, without a file. Its references to
/// fovea_rt_* are bound to the runtime that this code is part of. `name` is for
/// messages and debuggers. Null after an error.
void *openSharedImage(const char *name, const void *bytes, int64_t count);

/// The address of a symbol, or null (no error) if the library has none.
void *findInImage(void *library, const char *symbol);

void closeSharedImage(void *library);

} // namespace fovea::rt

#endif // FOVEA_RUNTIME_DEVICE_SHAREDIMAGE_H
