//===- Library.h - a vendor's library, opened when it is needed -----------===//

#ifndef FOVEA_RUNTIME_DEVICE_LIBRARY_H
#define FOVEA_RUNTIME_DEVICE_LIBRARY_H

#include "device/Message.h"

#include <dlfcn.h>

namespace fovea::rt {

/// Opens the first of the null-terminated `names` that is there. A failure says
/// that `driver` lacks the library, what the system says, and `cure`.
inline void *openLibrary(const char *driver, const char *const *names,
                         const char *cure) {
  char reason[256] = "";
  for (const char *const *name = names; *name; ++name) {
    if (void *library = dlopen(*name, RTLD_NOW | RTLD_LOCAL)) {
      return library;
    }
    const char *text = dlerror();
    // The first is the one to ask for. The text does not outlive the next try.
    if (text && reason[0] == '\0') {
      snprintf(reason, sizeof(reason), "%s", text);
    }
  }
  fail("%s: the driver's library is not here: %s; %s", driver,
       reason[0] ? reason : names[0], cure);
  return nullptr;
}

/// Fills one entry of a table of functions; false after an error.
template <typename Function>
bool findSymbol(const char *driver, void *library, const char *name,
                Function &function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (!function) {
    fail("%s: the driver's library has no %s; a newer driver is needed", driver,
         name);
  }
  return function != nullptr;
}

} // namespace fovea::rt

#endif // FOVEA_RUNTIME_DEVICE_LIBRARY_H
