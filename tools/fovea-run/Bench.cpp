//===- Bench.cpp - times beside ceilings ----------------------------------===//

#include "Bench.h"

#include "fovea/Driver/Ceilings.h"
#include "fovea/Driver/Work.h"
#include "fovea/Support/HostArray.h"
#include "fovea/Target/Target.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <chrono>

using namespace fovea;

/// Takes a copy of the program to the fold level, where its work is countable.
static std::optional<Work>
countSourceWork(mlir::ModuleOp module, const Entry &entry,
                llvm::ArrayRef<fovea_tensor> arguments,
                const CompileOptions &options) {
  if (options.from) {
    return std::nullopt;
  }
  auto target = lookUpTarget(options.target);
  if (!target) {
    llvm::consumeError(target.takeError());
    return std::nullopt;
  }
  mlir::OwningOpRef<mlir::ModuleOp> copy = module.clone();
  // The compilation has reported already.
  mlir::ScopedDiagnosticHandler quiet(module.getContext(),
                                      [](mlir::Diagnostic &) {});
  for (Level level : {Level::Cascade, Level::Fold}) {
    mlir::PassManager pm(module.getContext());
    addPassesTo(level, **target, pm);
    if (mlir::failed(pm.run(*copy))) {
      return std::nullopt;
    }
  }
  return countWork(*copy, entry.name, arguments);
}

namespace {

/// The least time that one ceiling allows.
struct Bound {
  const char *name;
  double seconds;
};

} // namespace

static Bound printRate(const char *what, double amount, const char *unit,
                       double seconds, double ceiling,
                       const char *ceilingName) {
  double rate = 1e-9 * amount / seconds;
  llvm::outs() << what << ": " << llvm::format("%.4g", 1e-9 * amount) << " G"
               << unit << ", " << llvm::format("%.1f", rate) << " G" << unit
               << "/s, " << llvm::format("%.1f", 100 * rate / ceiling)
               << "% of " << llvm::format("%.1f", ceiling) << " ("
               << ceilingName << ")\n";
  return {ceilingName, 1e-9 * amount / ceiling};
}

llvm::Error fovea::bench(mlir::ModuleOp module, Executable &program,
                         const Entry &entry,
                         llvm::ArrayRef<fovea_tensor> arguments,
                         const CompileOptions &compileOptions,
                         const BenchOptions &options) {
  llvm::Expected<CeilingMeter> meter =
      CeilingMeter::create(compileOptions.target, options.threads);
  if (!meter) {
    return meter.takeError();
  }
  llvm::Expected<fovea_entry> function = program.getFunction(entry.name);
  if (!function) {
    return function.takeError();
  }
  program.settle();
  Ceilings ceilings;
  std::vector<double> times;
  // Ceilings before, in the middle and after: the machine's clock wanders.
  for (int i = 0; i < options.repeats; ++i) {
    if (i == 0 || i == options.repeats / 2 || i + 1 == options.repeats) {
      llvm::Expected<Ceilings> measured = meter->measure();
      if (!measured) {
        return measured.takeError();
      }
      ceilings.takeBest(*measured);
    }
    auto begin = std::chrono::steady_clock::now();
    int32_t status =
        (*function)(arguments.data(), arguments.size(), options.threads);
    std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - begin;
    if (status != 0) {
      return llvm::createStringError(fovea_rt_last_error());
    }
    times.push_back(seconds.count());
  }
  llvm::sort(times);
  double median = times[times.size() / 2];
  llvm::outs() << "time: median " << llvm::format("%.4g", 1e3 * median)
               << " ms, from " << llvm::format("%.4g", 1e3 * times.front())
               << " to " << llvm::format("%.4g", 1e3 * times.back()) << ", "
               << times.size() << " runs\n";
  Bound bound = {"", 0};
  if (std::optional<Work> work =
          countSourceWork(module, entry, arguments, compileOptions)) {
    llvm::outs() << "visible: " << llvm::format("%.1f", 100 * work->visible)
                 << "% of all pairs\n";
    bool usesPairs = work->inPairs && ceilings.pairFlops > 0;
    if (usesPairs && ceilings.blockFlops > 0) {
      bound = printRate("products", work->flops, "FLOP", median,
                        ceilings.blockFlops, "products of blocks");
      printRate("in vectors", work->flops, "FLOP", median, ceilings.pairFlops,
                "products of pairs");
    } else {
      bound = printRate("products", work->flops, "FLOP", median,
                        usesPairs ? ceilings.pairFlops : ceilings.flops,
                        usesPairs ? "products of pairs" : "multiply-adds");
    }
  }
  double bytes = 0;
  for (const fovea_tensor &tensor : arguments) {
    bytes += static_cast<double>(getNumBytes(tensor));
  }
  Bound memory = printRate("arguments", bytes, "B", median, ceilings.readBytes,
                           "reading memory");
  // The roofline: no kernel is faster than its slowest resource. What fits in a
  // cache can be read faster than memory, and then exceeds 100%.
  if (memory.seconds > bound.seconds) {
    bound = memory;
  }
  llvm::outs() << "bound by: " << bound.name << ", "
               << llvm::format("%.4g", 1e3 * bound.seconds)
               << " ms at least; reached "
               << llvm::format("%.1f", 100 * bound.seconds / median) << "%\n";
  return llvm::Error::success();
}
