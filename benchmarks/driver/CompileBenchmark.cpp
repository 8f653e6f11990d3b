//===- CompileBenchmark.cpp - what it takes to get a function -------------===//
//
// `ninja fovea-compile-benchmark &&
// build/dev/benchmarks/fovea-compile-benchmark`
//
// From the text of a program to a function that can be called, by the compiler
// and from the kernel cache on disk; and from the text to a first result.
//
//===----------------------------------------------------------------------===//

#include "fovea/Driver/Compiler.h"
#include "fovea/Driver/KernelCache.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"

#include <algorithm>
#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace fovea;

/// Causal attention on elements of a type.
static std::string makeProgram(llvm::StringRef type) {
  std::string text = R"(
func.func @attention(%q: tensor<?x?x?x64xTYPE>, %kv: !attn.kv<dense, key = 64, value = 64, TYPE>)
    -> tensor<?x?x?x64xTYPE> {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xTYPE>, !attn.kv<dense, key = 64, value = 64, TYPE>) -> tensor<?x?x?x64xTYPE>
  return %o : tensor<?x?x?x64xTYPE>
})";
  constexpr llvm::StringLiteral kPlace = "TYPE";
  for (size_t at = text.find(kPlace); at != std::string::npos;
       at = text.find(kPlace)) {
    text.replace(at, kPlace.size(), type.str());
  }
  return text;
}

static const std::string kProgram = makeProgram("bf16");

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

/// From the text to the result of a first call with so many rows of queries, of
/// zeros, and 64 keys.
static void BM_FirstResult(benchmark::State &state, const char *type,
                           int64_t rows) {
  std::string text = makeProgram(type);
  std::vector<float> data(8 * 64 * 64); // enough for any type
  std::vector<fovea_tensor> arguments;
  for (int64_t extent : {rows, int64_t(64), int64_t(64), rows}) {
    fovea_tensor tensor = {};
    tensor.data = data.data();
    tensor.dtype = llvm::StringRef(type) == "f32" ? FOVEA_F32 : FOVEA_BF16;
    tensor.rank = 4;
    int64_t sizes[] = {1, 8, extent, 64};
    int64_t strides[] = {8 * extent * 64, extent * 64, 64, 1};
    std::copy_n(sizes, 4, tensor.sizes);
    std::copy_n(strides, 4, tensor.strides);
    arguments.push_back(tensor);
  }
  std::vector<float> out(data.size());
  arguments.back().data = out.data();
  for (auto _ : state) {
    auto program = llvm::cantFail(compile(text, CompileOptions()));
    if (llvm::Error e = program->run("attention", arguments)) {
      state.SkipWithError(llvm::toString(std::move(e)).c_str());
      return;
    }
  }
}

/// Compiles all, and leaves the code in the cache.
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

static void addFirstResults() {
  for (const char *type : {"f32", "bf16"}) {
    for (int64_t rows : {1, 64}) {
      std::string name = "BM_FirstResult/" + std::string(type) + "/rows:" +
                         std::to_string(rows);
      benchmark::RegisterBenchmark(name.c_str(),
                                   [=](benchmark::State &state) {
                                     BM_FirstResult(state, type, rows);
                                   })
          ->Unit(benchmark::kMillisecond)
          ->MeasureProcessCPUTime()
          ->UseRealTime();
    }
  }
}

/// Another process fills the cache.
static bool fillCache() {
  pid_t child = fork();
  if (child == 0) {
    CompileOptions options;
    options.cache = getFolder().cache;
    bool isGood = false;
    {
      auto program = compile(kProgram, options);
      isGood = bool(program);
      llvm::consumeError(program.takeError());
    }
    _exit(isGood ? 0 : 1);
  }
  int status = 0;
  return waitpid(child, &status, 0) == child && status == 0;
}

int main(int argc, char **argv) {
  getFolder();
  addFirstResults();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv) || !fillCache()) {
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
