/* Calls a kernel from C: with one key the output is its value. */
#include "libattention.h"

#include <stdio.h>

static fovea_tensor view(float *data, int64_t width) {
  fovea_tensor tensor = {data, FOVEA_F32, 4, {1, 1, 1, width}, {64, 64, 64, 1}};
  return tensor;
}

int main(void) {
  float q[64] = {1}, k[64] = {2}, v[64] = {3, -1.5f}, out[64];
  fovea_tensor arguments[4] = {view(q, 64), view(k, 64), view(v, 64),
                               view(out, 64)};
  if (attention(arguments, 4, 2) != 0) {
    printf("failed: %s\n", fovea_rt_last_error());
    return 1;
  }
  printf("one key: %.1f %.1f\n", out[0], out[1]);
  arguments[0] = view(q, 32);
  if (attention(arguments, 4, 1) == 0) {
    return 1;
  }
  printf("refused: %s\n", fovea_rt_last_error());
  return 0;
}
