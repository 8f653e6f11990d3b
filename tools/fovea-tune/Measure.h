//===- Measure.h - one kernel beside another --------------------*- C++ -*-===//
//
// A machine is faster in one second than in the next. So two kernels are timed
// in turns, and what counts is the ratio of the two times of a turn:
//
//   default   1.02 ms   1.31 ms   1.03 ms   ...
//   other     0.97 ms   1.24 ms   0.99 ms   ...
//   ratio     0.951     0.947     0.961     ...   median 0.951 +- 0.005
//
// The noise is twice the standard error of that median, told from the spread
// of the ratios.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TOOLS_FOVEA_TUNE_MEASURE_H
#define FOVEA_TOOLS_FOVEA_TUNE_MEASURE_H

#include "fovea/Driver/Compiler.h"
#include "fovea/Support/HostArray.h"
#include "fovea/Tuning/CostModel.h"

namespace fovea {

/// One set of arguments to tune for.
struct Call {
  std::string shapes; // as given after --random
  CallSize size;
  std::vector<HostArray> inputs;
  std::vector<HostArray> outputs;
  std::vector<fovea_tensor> arguments; // all of them
  /// What the default schedule computes.
  std::vector<std::vector<double>> expected;
  /// The largest error of two schedules, as a part of the largest value.
  std::vector<double> allowed;
  /// Calls that make up one measurement, so that it is long enough.
  int repeats = 1;
  /// Seconds of one call with the default schedule.
  double seconds = 0;
};

/// A kernel that can be called.
struct Kernel {
  std::unique_ptr<Executable> program;
  fovea_entry function = nullptr;

  /// Seconds of call.repeats calls.
  llvm::Expected<double> time(Call &call, int32_t threads) const;
};

/// A ratio of times, of one kernel to another.
struct Ratio {
  double value = 1;
  double noise = 0;

  /// True if the kernel is faster beyond doubt, and by enough to matter.
  bool isFaster() const { return value + std::max(noise, 0.01) < 1; }
};

/// The ratio of many turns.
Ratio makeRatio(std::vector<double> turns);
/// The geometric mean of ratios that were measured for several calls.
Ratio makeMean(llvm::ArrayRef<Ratio> ratios);

/// Runs the default schedule: sets what is expected and how long it takes.
llvm::Error prepare(Call &call, const Kernel &base, int32_t threads);
/// Compares the results of a kernel with what is expected; an error says how
/// far they are apart.
llvm::Error checkResults(Call &call, const Kernel &kernel, int32_t threads);
/// Times both in turns: at least 3 and at most `turns` of them, and no more
/// once they took `seconds`.
llvm::Expected<Ratio> compare(Call &call, const Kernel &kernel,
                              const Kernel &base, int turns, double seconds,
                              int32_t threads);

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_TUNE_MEASURE_H
