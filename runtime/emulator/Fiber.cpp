//===- Fiber.cpp - Switching between stacks on x86-64 ---------------------===//
//
// Elsewhere fovea_emu_launch refuses before it needs a fibre.
//
// The callee-saved registers of the System V ABI go onto the old stack, and
// come from the new one. The floating-point environment is the same for all
// fibres of a worker, so it stays.
//
//===----------------------------------------------------------------------===//

#include "emulator/Fiber.h"

#include <cstdint>

#if defined(__x86_64__)

__asm__(R"(
  .text
  .globl fovea_emu_switch
  .hidden fovea_emu_switch
  .type fovea_emu_switch, @function
fovea_emu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size fovea_emu_switch, .-fovea_emu_switch
)");

void *fovea::emu::makeFiber(char *top, void (*entry)()) {
  // What the switch pops: six registers and the address to return to. At the
  // entry of a function the stack is 8 bytes off a multiple of 16.
  uint64_t *stack = reinterpret_cast<uint64_t *>(top) - 2;
  stack[0] = reinterpret_cast<uint64_t>(entry);
  stack[1] = 0;
  stack -= 6;
  for (int i = 0; i < 6; ++i) {
    stack[i] = 0;
  }
  return stack;
}

#else

#include <cstdlib>

void *fovea::emu::makeFiber(char *, void (*)()) { abort(); }
extern "C" void fovea_emu_switch(void **, void *) { abort(); }

#endif
