//===- Devices.h - a call whose tasks run on a device -----------*- C++ -*-===//

#ifndef FOVEA_TOOLS_FOVEA_RUN_DEVICES_H
#define FOVEA_TOOLS_FOVEA_RUN_DEVICES_H

#include "fovea/Driver/Compiler.h"

namespace fovea {

/// Runs an entry on each device in turn: arguments are copied there, and what
/// comes after the first `numInputs` of them is copied back. If two devices
/// leave different bits in an output, that is an error. With `repeats` > 0,
/// runs as often again and prints the median time by the device's events.
llvm::Error runOnDevices(Executable &program, const Entry &entry,
                         llvm::ArrayRef<fovea_tensor> arguments,
                         size_t numInputs,
                         llvm::ArrayRef<std::string> devices, int repeats);

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_RUN_DEVICES_H
