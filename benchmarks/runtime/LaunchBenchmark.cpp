//===- LaunchBenchmark.cpp - what starting a parallel loop costs ----------===//
//
// `ninja fovea-launch-benchmark && build/dev/benchmarks/fovea-launch-benchmark`
//
//===----------------------------------------------------------------------===//

#include "fovea/runtime/fovea_runtime.h"

#include <benchmark/benchmark.h>

#include <atomic>

static void count(void *context, int64_t, int32_t) {
  static_cast<std::atomic<int64_t> *>(context)->fetch_add(
      1, std::memory_order_relaxed);
}

/// One loop of as many empty tasks as threads, helpers still awake.
static void BM_Launch(benchmark::State &state) {
  std::atomic<int64_t> done{0};
  int32_t threads = state.range(0);
  for (auto _ : state) {
    fovea_rt_parallel_for(threads, threads, count, &done);
  }
  if (done != static_cast<int64_t>(state.iterations()) * threads) {
    state.SkipWithError("a task ran twice or not at all");
  }
}
BENCHMARK(BM_Launch)->Arg(1)->Arg(2)->Arg(4)->UseRealTime();

/// The cost of one more task, on all threads.
static void BM_Task(benchmark::State &state) {
  std::atomic<int64_t> done{0};
  for (auto _ : state) {
    fovea_rt_parallel_for(4096, 0, count, &done);
  }
  state.SetItemsProcessed(done);
}
BENCHMARK(BM_Task)->UseRealTime();

BENCHMARK_MAIN();
