/*===- HeaderIsC.c - The public runtime header is plain C -----------------===*/

#include "fovea/runtime/fovea_emulator.h"
#include "fovea/runtime/fovea_runtime.h"

#include <stddef.h>

/* The layout that compiled kernels rely on. */
_Static_assert(offsetof(fovea_tensor, data) == 0, "layout is ABI");
_Static_assert(offsetof(fovea_tensor, dtype) == 8, "layout is ABI");
_Static_assert(offsetof(fovea_tensor, rank) == 12, "layout is ABI");
_Static_assert(offsetof(fovea_tensor, sizes) == 16, "layout is ABI");
_Static_assert(offsetof(fovea_tensor, strides) == 80, "layout is ABI");
_Static_assert(sizeof(fovea_tensor) == 144, "layout is ABI");

/* What rewritten device modules spell out as constants. */
_Static_assert(sizeof(fovea_emu_site) == 24, "layout is ABI");
_Static_assert(offsetof(fovea_emu_desc, operand_bytes) == 40, "layout is ABI");
_Static_assert(offsetof(fovea_emu_desc, op) == 56, "layout is ABI");
_Static_assert(sizeof(fovea_emu_kernel) == 24, "layout is ABI");
_Static_assert(offsetof(fovea_emu_image, kernels) == 24, "layout is ABI");
_Static_assert(sizeof(fovea_emu_image) == 40, "layout is ABI");

/* A kernel as it would be compiled, called from ErrorTest.cpp. */
int32_t refusingKernel(const fovea_tensor *arguments, int32_t count,
                       int32_t threads);

int32_t refusingKernel(const fovea_tensor *arguments, int32_t count,
                       int32_t threads) {
  (void)arguments;
  (void)threads;
  return count == 2 ? 0 : fovea_rt_fail("expected 2 arguments");
}
