//===- Reproducible.cpp - The same bits for every number of threads -------===//

#include "fovea/runtime/fovea_runtime.h"

#include <atomic>
#include <cstdlib>

namespace {

/// Into how many parts work is divided whatever the number of threads: enough
/// to keep a large machine busy, while a merge of so many is still cheap.
constexpr int32_t fixedParts = 64;

std::atomic<int32_t> mode{-1}; // 0 or 1, or -1 until somebody asks.

} // namespace

void fovea_rt_set_reproducible(int32_t on) { mode.store(on != 0); }

int32_t fovea_rt_reproducible(void) {
  int32_t now = mode.load(std::memory_order_relaxed);
  if (now >= 0) {
    return now;
  }
  const char *text = getenv("FOVEA_REPRODUCIBLE");
  int32_t wanted = text && text[0] == '1' && text[1] == '\0';
  // Whoever set it in between wins.
  return mode.compare_exchange_strong(now, wanted) ? wanted : now;
}

int32_t fovea_rt_parts(int32_t threads) {
  if (fovea_rt_reproducible()) {
    return fixedParts;
  }
  return threads > 0 ? threads : fovea_rt_default_threads();
}
