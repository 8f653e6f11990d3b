//===- Message.h - fovea_rt_fail with a format ----------------------------===//

#ifndef FOVEA_RUNTIME_DEVICE_MESSAGE_H
#define FOVEA_RUNTIME_DEVICE_MESSAGE_H

#include "fovea/runtime/fovea_runtime.h"

#include <cstdarg>
#include <cstdio>

namespace fovea::rt {

/// fovea_rt_fail with a text made as by printf. Always 1.
__attribute__((format(printf, 1, 2))) inline int32_t fail(const char *format,
                                                          ...) {
  char text[FOVEA_RT_MESSAGE_BYTES];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof(text), format, values);
  va_end(values);
  return fovea_rt_fail(text);
}

} // namespace fovea::rt

#endif // FOVEA_RUNTIME_DEVICE_MESSAGE_H
