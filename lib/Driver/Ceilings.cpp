//===- Ceilings.cpp - what this machine can do at best --------------------===//

#include "fovea/Driver/Ceilings.h"

#include "fovea/Support/HostArray.h"
#include "fovea/Target/Target.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <chrono>

using namespace fovea;

/// Iterations of a chain of products: some ten milliseconds.
static constexpr int64_t kIterations = 1 << 21;
/// Elements that are read: more than any cache holds.
static constexpr int64_t kElements = int64_t(1) << 26;

/// A loop of independent chains `acc = acc + a * b`, enough of them to hide the
/// latency of one, with `step` as the operation.
static std::string makeChains(llvm::StringRef name, int64_t lanes,
                              int64_t chains, llvm::StringRef factor,
                              llvm::StringRef step) {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string vector = llvm::formatv("vector<{0}xf32>", lanes);
  os << llvm::formatv(R"(
func.func @{0}(%x: memref<?xf32>, %out: memref<?xf32> {{fovea.output}) {{
  %n = tile.threads
  tile.run @{0}_task tasks %n(%x, %out) : memref<?xf32>, memref<?xf32>
  return
}
func.func private @{0}_task(%x: memref<?xf32>, %out: memref<?xf32>, %task: index) {{
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %end = arith.constant {1} : index
  %lanes = arith.constant {2} : index
  %a32 = vector.load %x[%zero] : memref<?xf32>, {3}
  %a = vector.bitcast %a32 : {3} to {4}
)",
                      name, kIterations, lanes, vector, factor);
  auto list = [&](llvm::StringRef before) {
    for (int64_t i = 0; i < chains; ++i) {
      os << (i ? ", " : "") << before << i;
    }
  };
  os << "  %r:" << chains
     << " = scf.for %i = %zero to %end step %one iter_args(";
  for (int64_t i = 0; i < chains; ++i) {
    os << (i ? ", " : "") << "%c" << i << " = %a32";
  }
  os << ") -> (";
  for (int64_t i = 0; i < chains; ++i) {
    os << (i ? ", " : "") << vector;
  }
  os << ") {\n";
  for (int64_t i = 0; i < chains; ++i) {
    os << llvm::formatv("    %n{0} = ", i)
       << llvm::formatv(step.data(), llvm::formatv("%c{0}", i).str(), vector,
                        factor)
       << '\n';
  }
  os << "    scf.yield ";
  list("%n");
  os << " : ";
  for (int64_t i = 0; i < chains; ++i) {
    os << (i ? ", " : "") << vector;
  }
  os << "\n  }\n";
  for (int64_t i = 0; i < chains; ++i) {
    os << llvm::formatv("  %s{0} = arith.addf {1}, %r#{0} : {2}\n", i,
                        i ? llvm::formatv("%s{0}", i - 1).str() : "%a32",
                        vector);
  }
  os << llvm::formatv("  %at = arith.muli %task, %lanes : index\n"
                      "  vector.store %s{0}, %out[%at] : memref<?xf32>, {1}\n"
                      "  return\n}\n",
                      chains - 1, vector);
  return text;
}

/// Each task sums its part of a buffer, eight vectors at a time.
static std::string makeRead(int64_t lanes) {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string vector = llvm::formatv("vector<{0}xf32>", lanes);
  os << llvm::formatv(R"(
func.func @read(%x: memref<?xf32>, %out: memref<?xf32> {{fovea.output}) {{
  %n = tile.threads
  tile.run @read_task tasks %n(%x, %out, %n) : memref<?xf32>, memref<?xf32>, index
  return
}
func.func private @read_task(%x: memref<?xf32>, %out: memref<?xf32>, %n: index, %task: index) {{
  %zero = arith.constant 0 : index
  %all = memref.dim %x, %zero : memref<?xf32>
  %lanes = arith.constant {0} : index
  %step = arith.constant {1} : index
  %share = arith.divui %all, %n : index
  %rest = arith.remui %share, %step : index
  %length = arith.subi %share, %rest : index
  %begin = arith.muli %task, %length : index
  %end = arith.addi %begin, %length : index
  %none = arith.constant dense<0.0> : {2}
  %r:8 = scf.for %i = %begin to %end step %step iter_args(%c0 = %none, %c1 = %none, %c2 = %none, %c3 = %none, %c4 = %none, %c5 = %none, %c6 = %none, %c7 = %none) -> ({2}, {2}, {2}, {2}, {2}, {2}, {2}, {2}) {{
)",
                      lanes, 8 * lanes, vector);
  for (int64_t i = 0; i < 8; ++i) {
    os << llvm::formatv(
        "    %o{0} = arith.constant {1} : index\n"
        "    %i{0} = arith.addi %i, %o{0} : index\n"
        "    %v{0} = vector.load %x[%i{0}] : memref<?xf32>, {2}\n"
        "    %n{0} = arith.addf %c{0}, %v{0} : {2}\n",
        i, i * lanes, vector);
  }
  os << llvm::formatv("    scf.yield %n0, %n1, %n2, %n3, %n4, %n5, %n6, %n7 : "
                      "{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}\n  }\n",
                      vector);
  for (int64_t i = 0; i < 8; ++i) {
    os << llvm::formatv("  %s{0} = arith.addf {1}, %r#{0} : {2}\n", i,
                        i ? llvm::formatv("%s{0}", i - 1).str() : "%none",
                        vector);
  }
  os << llvm::formatv("  %at = arith.muli %task, %lanes : index\n"
                      "  vector.store %s7, %out[%at] : memref<?xf32>, {0}\n"
                      "  return\n}\n",
                      vector);
  return text;
}

/// A block of 32 by 32 sums of 512 products, again and again. Both operands are
/// the same 32 KB, so that all lies in a first-level cache.
static constexpr int64_t kBlockSize = 32, kBlockDepth = 512;
static constexpr int64_t kBlockIterations = 1 << 14;

static std::string makeBlocks() {
  return llvm::formatv(R"(
func.func @multiply_blocks(%x: memref<?xbf16>, %out: memref<?xf32> {{fovea.output}) {{
  %n = tile.threads
  tile.run @multiply_blocks_task tasks %n(%x, %out) : memref<?xbf16>, memref<?xf32>
  return
}
func.func private @multiply_blocks_task(%x: memref<?xbf16>, %out: memref<?xf32>, %task: index) {{
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %end = arith.constant {0} : index
  %pairs = arith.constant {1} : index
  %sums = arith.constant {2} : index
  %at = arith.muli %task, %sums : index
  scf.for %i = %zero to %end step %one {{
    tile.dot_block %x[%zero] by {3}, %x[%zero] by {4}, %out[%at] by {5} pairs %pairs rows {5} columns {5}
        : memref<?xbf16>, memref<?xbf16>, memref<?xf32>
  }
  return
}
)",
                       kBlockIterations, kBlockDepth / 2,
                       kBlockSize * kBlockSize, kBlockDepth, 2 * kBlockSize,
                       kBlockSize)
      .str();
}

struct CeilingMeter::State {
  std::unique_ptr<Executable> program;
  VectorUnit unit;
  int64_t chains;
  int32_t threads;
  HostArray data, sums, block;

  /// Seconds of the fastest of three calls.
  llvm::Expected<double> time(llvm::StringRef name);
};

llvm::Expected<double> CeilingMeter::State::time(llvm::StringRef name) {
  bool ofBlocks = name == "multiply_blocks";
  fovea_tensor arguments[] = {(ofBlocks ? block : data).get(), sums.get()};
  double best = HUGE_VAL;
  for (int i = 0; i < 3; ++i) {
    auto begin = std::chrono::steady_clock::now();
    if (llvm::Error e = program->run(name, arguments, threads)) {
      return e;
    }
    std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - begin;
    best = std::min(best, seconds.count());
  }
  return best;
}

CeilingMeter::CeilingMeter(std::unique_ptr<State> state)
    : state(std::move(state)) {}
CeilingMeter::CeilingMeter(CeilingMeter &&) = default;
CeilingMeter::~CeilingMeter() = default;

llvm::Expected<CeilingMeter> CeilingMeter::create(llvm::StringRef targetName,
                                                  int32_t threads) {
  auto target = lookUpTarget(targetName);
  if (!target) {
    return target.takeError();
  }
  auto state = std::make_unique<State>();
  state->unit = (*target)->getVectorUnit();
  state->chains = state->unit.registers * 3 / 4;
  state->threads = threads > 0 ? threads : fovea_rt_default_threads();
  int64_t lanes = state->unit.lanes;
  std::string text = makeChains("multiply_add", lanes, state->chains,
                                llvm::formatv("vector<{0}xf32>", lanes).str(),
                                "math.fma %a, %a, {0} : {1}") +
                     makeRead(lanes);
  if (state->unit.hasPairs) {
    text += makeChains("multiply_pairs", lanes, state->chains,
                       llvm::formatv("vector<{0}xbf16>", 2 * lanes).str(),
                       "tile.dot_pairs {0}, %a, %a : {1}, {2}, {2} -> {1}");
  }
  if (state->unit.hasBlocks) {
    text += makeBlocks();
  }
  CompileOptions options;
  options.target = targetName.str();
  options.from = Level::Vector;
  options.sourceName = "<ceilings>";
  auto program = compile(text, options);
  if (!program) {
    return program.takeError();
  }
  state->program = std::move(*program);
  // The pages of an array of zeros are there: it wrote them.
  std::string problem = state->data.allocate(FOVEA_F32, {kElements});
  if (problem.empty()) {
    problem = state->sums.allocate(
        FOVEA_F32, {state->threads * kBlockSize * kBlockSize});
  }
  if (problem.empty()) {
    problem = state->block.allocate(FOVEA_BF16, {kBlockSize * kBlockDepth});
  }
  if (!problem.empty()) {
    return llvm::createStringError(problem);
  }
  return CeilingMeter(std::move(state));
}

llvm::Expected<Ceilings> CeilingMeter::measure() {
  Ceilings result;
  double products =
      double(state->threads) * kIterations * state->chains * state->unit.lanes;
  llvm::Expected<double> seconds = state->time("multiply_add");
  if (!seconds) {
    return seconds.takeError();
  }
  result.flops = 2e-9 * products / *seconds;
  seconds = state->time("read");
  if (!seconds) {
    return seconds.takeError();
  }
  result.readBytes = 4e-9 * kElements / *seconds;
  if (state->unit.hasPairs) {
    seconds = state->time("multiply_pairs");
    if (!seconds) {
      return seconds.takeError();
    }
    result.pairFlops = 4e-9 * products / *seconds;
  }
  if (state->unit.hasBlocks) {
    seconds = state->time("multiply_blocks");
    if (!seconds) {
      return seconds.takeError();
    }
    result.blockFlops = 2e-9 * double(state->threads) * kBlockIterations *
                        kBlockSize * kBlockSize * kBlockDepth / *seconds;
  }
  return result;
}

void Ceilings::takeBest(const Ceilings &other) {
  flops = std::max(flops, other.flops);
  pairFlops = std::max(pairFlops, other.pairFlops);
  blockFlops = std::max(blockFlops, other.blockFlops);
  readBytes = std::max(readBytes, other.readBytes);
}
