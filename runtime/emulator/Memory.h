//===- Memory.h - Workers that are kept for later launches ----------------===//

#ifndef FOVEA_RUNTIME_EMULATOR_MEMORY_H
#define FOVEA_RUNTIME_EMULATOR_MEMORY_H

#include "emulator/Worker.h"

namespace fovea::emu {

/// Most blocks that run at once; each takes 256 MiB of address space below
/// 4 GiB.
constexpr int kMaxWorkers = 8;

/// A worker for one host thread, with a race detector or without. Null after
/// storing an error.
Worker *takeWorker(bool races);
void giveWorker(Worker *worker);

} // namespace fovea::emu

#endif // FOVEA_RUNTIME_EMULATOR_MEMORY_H
