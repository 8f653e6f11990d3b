/* Calls a compiled library and prints what it says. */
#include "libattention.h"

#include <stdio.h>

enum { HEADS = 2, ROWS = 100, WIDTH = 64 };

static float q[HEADS * ROWS * WIDTH], k[HEADS * ROWS * WIDTH];
static float v[HEADS * ROWS * WIDTH], out[HEADS * ROWS * WIDTH];

static fovea_tensor view(float *data) {
  fovea_tensor tensor = {0};
  tensor.data = data;
  tensor.dtype = FOVEA_F32;
  tensor.rank = 4;
  tensor.sizes[0] = 1;
  tensor.sizes[1] = HEADS;
  tensor.sizes[2] = ROWS;
  tensor.sizes[3] = WIDTH;
  tensor.strides[0] = HEADS * ROWS * WIDTH;
  tensor.strides[1] = ROWS * WIDTH;
  tensor.strides[2] = WIDTH;
  tensor.strides[3] = 1;
  return tensor;
}

static void expect_failure(const fovea_tensor *arguments, int32_t count) {
  if (attention(arguments, count, 1) == 0) {
    puts("unexpected success");
  } else {
    puts(fovea_rt_last_error());
  }
}

int main(void) {
  fovea_tensor arguments[4];
  int i;
  for (i = 0; i < HEADS * ROWS * WIDTH; ++i) {
    v[i] = (float)(i / WIDTH % ROWS);
  }
  arguments[0] = view(q);
  arguments[1] = view(k);
  arguments[2] = view(v);
  arguments[3] = view(out);
  if (attention(arguments, 4, 0) != 0) {
    puts(fovea_rt_last_error());
    return 1;
  }
  printf("rows 0, 1, 99: %g %g %g\n", out[0], out[WIDTH], out[99 * WIDTH]);
  arguments[1].sizes[3] = 32;
  expect_failure(arguments, 4);
  arguments[1] = view(k);
  arguments[3].data = 0;
  expect_failure(arguments, 4);
  expect_failure(arguments, 3);
  return 0;
}
