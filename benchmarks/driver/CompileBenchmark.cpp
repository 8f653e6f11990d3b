//===- CompileBenchmark.cpp - what it takes to get a function -------------===//
//
// `ninja fovea-compile-benchmark &&
// build/dev/benchmarks/fovea-compile-benchmark`
//
// From the text of a program to a function that can be called, by the compiler
// and from the kernel cache on disk.
//
//===----------------------------------------------------------------------===//

#include "fovea/Driver/Compiler.h"
#include "fovea/Driver/KernelCache.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"

#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fovea;

static constexpr llvm::StringLiteral kProgram = R"(
func.func @attention(%q: tensor<?x?x?x64xbf16>, %kv: !attn.kv<dense, key = 64, value = 64, bf16>)
    -> tensor<?x?x?x64xbf16> {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xbf16>, !attn.kv<dense, key = 64, value = 64, bf16>) -> tensor<?x?x?x64xbf16>
  return %o : tensor<?x?x?x64xbf16>
})";

namespace {

/// A cache in a folder of its own.
struct Folder {
  Folder() {
    llvm::sys::fs::createUniqueDirectory("fovea-benchmark", path);
    cache = std::make_shared<KernelCache>(
        KernelCache::Options{(path + "/kernels").str(), 1 << 30, nullptr});
  }
  ~Folder() { llvm::sys::fs::remove_directories(path); }

  llvm::SmallString<128> path;
  std::shared_ptr<KernelCache> cache;
};

} // namespace

static Folder &getFolder() {
  static Folder folder;
  return folder;
}

static void getFunction(benchmark::State &state,
                        std::shared_ptr<KernelCache> cache) {
  CompileOptions options;
  options.cache = std::move(cache);
  for (auto _ : state) {
    auto program = compile(kProgram, options);
    if (!program) {
      state.SkipWithError(llvm::toString(program.takeError()).c_str());
      return;
    }
    benchmark::DoNotOptimize(
        llvm::cantFail((*program)->getFunction("attention")));
  }
}

/// The file has been written by another process, and this one has not looked
/// for any before.
static void BM_FirstHit(benchmark::State &state) {
  getFunction(state, getFolder().cache);
}

static void BM_Hit(benchmark::State &state) {
  getFunction(state, getFolder().cache);
}

static void BM_Compile(benchmark::State &state) { getFunction(state, nullptr); }

/// Compiles, and leaves the code in the cache.
static void BM_Miss(benchmark::State &state) {
  for (auto _ : state) {
    llvm::cantFail(getFolder().cache->clear());
    CompileOptions options;
    options.cache = getFolder().cache;
    auto program = llvm::cantFail(compile(kProgram, options));
    benchmark::DoNotOptimize(llvm::cantFail(program->getFunction("attention")));
  }
}

BENCHMARK(BM_FirstHit)->Iterations(1)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Hit)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Compile)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Miss)->Unit(benchmark::kMillisecond)->UseRealTime();

/// Another process fills the cache.
static bool fillCache() {
  pid_t child = fork();
  if (child == 0) {
    CompileOptions options;
    options.cache = getFolder().cache;
    _exit(compile(kProgram, options) ? 0 : 1);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv) {
  getFolder();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv) || !fillCache()) {
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
