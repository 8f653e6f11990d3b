//===- Measure.cpp - one kernel beside another ----------------------------===//

#include "Measure.h"

#include "fovea/Support/Tolerance.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <chrono>
#include <cmath>
#include <cstring>

using namespace fovea;

/// A measurement is at least this long, in seconds.
static constexpr double kLeastSeconds = 5e-4;

llvm::Expected<double> Kernel::time(Call &call, int32_t threads) const {
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < call.repeats; ++i) {
    if (function(call.arguments.data(), call.arguments.size(), threads) != 0) {
      return llvm::createStringError(fovea_rt_last_error());
    }
  }
  std::chrono::duration<double> passed =
      std::chrono::steady_clock::now() - begin;
  return passed.count();
}

static double getMedian(std::vector<double> values) {
  auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Ratio fovea::makeRatio(std::vector<double> turns) {
  Ratio ratio;
  ratio.value = getMedian(turns);
  std::vector<double> deviations;
  for (double turn : turns) {
    deviations.push_back(std::abs(turn - ratio.value));
  }
  // For normal errors 1.48 median deviations are one standard deviation, and
  // the error of a median is 1.25 times that of a mean.
  double deviation = 1.48 * getMedian(std::move(deviations));
  ratio.noise = 2 * 1.25 * deviation / std::sqrt(double(turns.size()));
  return ratio;
}

Ratio fovea::makeMean(llvm::ArrayRef<Ratio> ratios) {
  double logarithms = 0, variances = 0;
  for (Ratio ratio : ratios) {
    logarithms += std::log(ratio.value);
    variances += std::pow(ratio.noise / ratio.value, 2);
  }
  Ratio mean;
  mean.value = std::exp(logarithms / double(ratios.size()));
  mean.noise = mean.value * std::sqrt(variances) / double(ratios.size());
  return mean;
}

static std::vector<double> getNumbers(const HostArray &array) {
  std::vector<double> numbers(array.getNumElements());
  for (auto [i, number] : llvm::enumerate(numbers)) {
    number = array.getNumber(i);
  }
  return numbers;
}

static Precision getPrecision(int32_t dtype) {
  return dtype == FOVEA_BF16  ? Precision::BF16
         : dtype == FOVEA_F16 ? Precision::F16
                              : Precision::F32;
}

/// Twice what one schedule may be away from the exact result.
static std::vector<double> getAllowed(const Call &call) {
  Precision narrowest = Precision::F32;
  StoredTypes stored;
  int64_t length = 1;
  for (const HostArray &input : call.inputs) {
    stored.hasF16 |= input.get().dtype == FOVEA_F16;
    stored.hasBF16 |= input.get().dtype == FOVEA_BF16;
    stored.hasI8 |= input.get().dtype == FOVEA_I8;
    if (!input.isReal()) {
      continue;
    }
    narrowest = std::max(narrowest, getPrecision(input.get().dtype));
    for (int64_t size : input.getShape()) {
      length = std::max(length, size);
    }
  }
  std::vector<double> allowed;
  for (const HostArray &output : call.outputs) {
    double one = getTolerance(narrowest, getPrecision(output.get().dtype),
                              length, stored.decodes());
    allowed.push_back(output.isReal() ? 2 * one : 0);
  }
  return allowed;
}

llvm::Error fovea::prepare(Call &call, const Kernel &base, int32_t threads) {
  call.repeats = 1;
  // The first call meets cold caches and memory that was never touched.
  if (llvm::Expected<double> seconds = base.time(call, threads); !seconds) {
    return seconds.takeError();
  }
  call.expected.clear();
  for (const HostArray &output : call.outputs) {
    call.expected.push_back(getNumbers(output));
  }
  call.allowed = getAllowed(call);
  while (true) {
    llvm::Expected<double> seconds = base.time(call, threads);
    if (!seconds) {
      return seconds.takeError();
    }
    call.seconds = *seconds / call.repeats;
    if (*seconds >= kLeastSeconds) {
      return llvm::Error::success();
    }
    call.repeats *= 2;
  }
}

llvm::Error fovea::checkResults(Call &call, const Kernel &kernel,
                                int32_t threads) {
  // What a kernel does not write must not pass for its result.
  for (const HostArray &output : call.outputs) {
    std::memset(output.get().data, 0xff, output.getNumBytes());
  }
  int32_t status = kernel.function(call.arguments.data(),
                                   call.arguments.size(), threads);
  if (status != 0) {
    return llvm::createStringError(fovea_rt_last_error());
  }
  for (auto [i, output] : llvm::enumerate(call.outputs)) {
    Comparison result = compare(getNumbers(output), call.expected[i]);
    if (result.mismatches != 0 || result.worst > call.allowed[i]) {
      return llvm::createStringError(llvm::formatv(
          "output {0} differs from the default schedule's by {1:e} of the "
          "largest value, {2:e} is allowed; {3} values are finite in one only",
          i, result.worst, call.allowed[i], result.mismatches));
    }
  }
  return llvm::Error::success();
}

llvm::Expected<Ratio> fovea::compare(Call &call, const Kernel &kernel,
                                     const Kernel &base, int turns,
                                     double seconds, int32_t threads) {
  static constexpr int kLeastTurns = 3;
  std::vector<double> ratios;
  double spent = 0;
  for (int turn = 0; turn < turns; ++turn) {
    // Who comes first takes turns as well.
    double times[2];
    for (int i : {turn % 2, 1 - turn % 2}) {
      llvm::Expected<double> time =
          (i == 0 ? base : kernel).time(call, threads);
      if (!time) {
        return time.takeError();
      }
      times[i] = *time;
      spent += *time;
    }
    ratios.push_back(times[1] / times[0]);
    if (turn + 1 >= kLeastTurns && spent > seconds) {
      break;
    }
  }
  return makeRatio(std::move(ratios));
}
