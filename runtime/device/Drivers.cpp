//===- Drivers.cpp - the drivers of this build ----------------------------===//

#include "device/Driver.h"
#include "device/Message.h"

#include <cstdlib>

namespace fovea::rt {

extern const Driver cudaDriver;
extern const Driver hipDriver;
extern const Driver emulatedDriver;

const Driver *const *getDrivers() {
  static const Driver *const drivers[] = {
      &cudaDriver,
      &hipDriver,
      &emulatedDriver,
      nullptr,
  };
  return drivers;
}

int32_t parseOrdinal(const char *driver, const char *options) {
  if (options[0] == '\0') {
    return 0;
  }
  char *end = nullptr;
  long ordinal = strtol(options, &end, 10);
  bool isNumber = options[0] >= '0' && options[0] <= '9' && *end == '\0';
  if (!isNumber || ordinal > 4095) {
    fail("expected the number of a device after %s:, got '%.64s'", driver,
         options);
    return -1;
  }
  return static_cast<int32_t>(ordinal);
}

} // namespace fovea::rt
