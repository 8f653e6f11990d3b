//===- EmulatorDouble.h - an emulator of kernels written in C++ -----------===//
//
// Stands in for the emulator, so that these tests ask only about the runtime:
// a kernel is a C++ function that is called once per block.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TEST_UNIT_RUNTIME_DEVICE_EMULATORDOUBLE_H
#define FOVEA_TEST_UNIT_RUNTIME_DEVICE_EMULATORDOUBLE_H

#include "fovea/runtime/fovea_emulator.h"

#include <cstdint>

/// What a kernel of the double can ask.
struct BlockOfDouble {
  uint32_t block, blocks, threads, nearBytes;
  fovea_emu_options options;
};
extern BlockOfDouble currentBlock;

/// Allocations that have not been freed, and all that were ever made.
extern int liveAllocations, allAllocations;
/// When not 0, allocating more than this fails.
extern int64_t mostBytes;

/// Kernels "scale" (float *x, int64_t n, float factor: x[block] *= factor),
/// "observe" (BlockOfDouble *to), "complain" (int32_t *status, int32_t value)
/// and "fail" (), which demands 32 threads.
extern "C" const fovea_emu_image imageOfDouble;

#endif // FOVEA_TEST_UNIT_RUNTIME_DEVICE_EMULATORDOUBLE_H
