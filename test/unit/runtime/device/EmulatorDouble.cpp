//===- EmulatorDouble.cpp - an emulator of kernels written in C++ ---------===//

#include "EmulatorDouble.h"

#include <cstdlib>
#include <cstring>
#include <string>

BlockOfDouble currentBlock;
int liveAllocations = 0, allAllocations = 0;
int64_t mostBytes = 0;

template <typename T> static T get(void **parameters, int i) {
  T value;
  memcpy(&value, parameters[i], sizeof(value));
  return value;
}

static bool failing = false;

static void scale(void **parameters) {
  auto *x = get<float *>(parameters, 0);
  if (currentBlock.block < get<int64_t>(parameters, 1)) {
    x[currentBlock.block] *= get<float>(parameters, 2);
  }
}

static void observe(void **parameters) {
  *get<BlockOfDouble *>(parameters, 0) = currentBlock;
}

static void complain(void **parameters) {
  *get<int32_t *>(parameters, 0) = get<int32_t>(parameters, 1);
}

static void refuse(void **) { failing = true; }

static const fovea_emu_kernel kernels[] = {
    {"scale", scale, 3, 0},
    {"observe", observe, 1, 0},
    {"complain", complain, 2, 0},
    {"fail", refuse, 0, 32},
};

extern "C" const fovea_emu_image imageOfDouble = {
    FOVEA_EMU_VERSION, 32, 4, 0, "a double", kernels, 0, 0};

int32_t fovea_emu_launch(const fovea_emu_image *image, int32_t kernel,
                         const uint32_t grid[3], const uint32_t block[3],
                         uint32_t near_bytes, void **parameters,
                         const fovea_emu_options *options) {
  failing = false;
  for (uint32_t i = 0; i < grid[0]; ++i) {
    currentBlock = {i, grid[0], block[0], near_bytes, *options};
    image->kernels[kernel].thunk(parameters);
  }
  return failing ? fovea_rt_fail("data race at kernel.mlir:3:7") : 0;
}

int32_t fovea_emu_parse_options(const char *text, fovea_emu_options *options) {
  *options = {};
  if (strcmp(text, "early,lifo") == 0) {
    options->early = 1;
    options->order = FOVEA_EMU_LIFO;
    return 0;
  }
  return *text ? fovea_rt_fail("expected early, lifo or nothing") : 0;
}

void *fovea_emu_alloc(int64_t bytes) {
  if (mostBytes != 0 && bytes > mostBytes) {
    fovea_rt_fail("the double has no memory left");
    return nullptr;
  }
  ++liveAllocations;
  ++allAllocations;
  return malloc(static_cast<size_t>(bytes));
}

void fovea_emu_free(void *memory) {
  --liveAllocations;
  free(memory);
}
