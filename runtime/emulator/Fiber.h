//===- Fiber.h - Switching between stacks ---------------------------------===//

#ifndef FOVEA_RUNTIME_EMULATOR_FIBER_H
#define FOVEA_RUNTIME_EMULATOR_FIBER_H

extern "C" {

/// Saves the callee-saved registers and the stack pointer in *save, and goes
/// on with the stack `load`. Returns when something switches back.
void fovea_emu_switch(void **save, void *load);
}

namespace fovea::emu {

/// A stack pointer that, switched to, calls `entry` on the stack that ends at
/// `top` (aligned to 16 bytes). `entry` must not return.
void *makeFiber(char *top, void (*entry)());

} // namespace fovea::emu

#endif // FOVEA_RUNTIME_EMULATOR_FIBER_H
