//===- Search.cpp - the fastest schedule for one class of calls -----------===//

#include "Search.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <tuple>

using namespace fovea;

std::atomic<bool> fovea::isStopped = false;

/// Turns of a first look and of a second one, and how long they may take.
static constexpr int kTurns = 7, kMoreTurns = 31;
static constexpr double kSeconds = 0.4, kMoreSeconds = 2;
/// A schedule that is slower than this in the first turns is not looked at
/// longer.
static constexpr double kHopeless = 1.3;

std::string fovea::describe(tile::ScheduleAttr schedule) {
  std::string text =
      llvm::formatv("rows {0}, keys {1}, block {2}", schedule.getRows(),
                    schedule.getKeys(), schedule.getBlock());
  if (schedule.getNarrow()) {
    text += schedule.getDistance() > 0
                ? llvm::formatv(", distance {0}", schedule.getDistance()).str()
                : llvm::formatv(", ahead {0}", schedule.getAhead()).str();
  }
  if (schedule.getNarrow() || schedule.getRows() <= schedule.getLanes()) {
    text += llvm::formatv(", splits {0}", schedule.getSplits());
  }
  return text;
}

llvm::Expected<Ratio> Search::measure(TuningTask &task, const Kernel &kernel,
                                      int turns, double seconds) {
  std::vector<Ratio> ratios;
  for (Call &call : task.calls) {
    double share = seconds / double(task.calls.size());
    auto ratio = compare(call, kernel, base, turns, share, threads);
    if (!ratio) {
      return ratio;
    }
    ratios.push_back(*ratio);
  }
  return makeMean(ratios);
}

/// Compiles a schedule, checks its results and measures it.
llvm::Expected<Ratio> Search::tryOne(TuningTask &task, Trial &trial) {
  auto kernel = compile(trial.schedule);
  if (!kernel) {
    return kernel.takeError();
  }
  trial.kernel = std::move(*kernel);
  for (Call &call : task.calls) {
    if (llvm::Error e = checkResults(call, trial.kernel, threads)) {
      wrong.push_back(llvm::formatv(
          "expected the result of the default schedule for {0} from {1}: {2}",
          call.shapes, trial.schedule, llvm::toString(std::move(e))));
      return llvm::createStringError("wrong result");
    }
  }
  auto first = measure(task, trial.kernel, /*turns=*/3, /*seconds=*/0);
  if (!first || first->value > kHopeless) {
    return first;
  }
  return measure(task, trial.kernel, kTurns, kSeconds);
}

/// Measures the best again: of many schedules one seems faster by chance.
void Search::confirm(TuningTask &task, std::vector<Trial> &trials,
                     SearchResult &result) {
  llvm::sort(trials, [](const Trial &a, const Trial &b) {
    return a.ratio.value < b.ratio.value;
  });
  int count = 0;
  for (Trial &trial : trials) {
    if (count == kConfirmed || trial.ratio.value >= 1) {
      break;
    }
    ++count;
    progress.begin("once more: " + describe(trial.schedule));
    auto ratio = measure(task, trial.kernel, kMoreTurns, kMoreSeconds);
    if (!ratio) {
      progress.end(llvm::toString(ratio.takeError()));
      continue;
    }
    progress.end(llvm::formatv("once more: {0}: {1:f3} +- {2:f3}",
                               describe(trial.schedule), ratio->value,
                               ratio->noise)
                     .str());
    if (ratio->isFaster() && ratio->value < result.ratio.value) {
      result.schedule = trial.schedule;
      result.ratio = *ratio;
    }
  }
  progress.skip(kConfirmed - count);
}

/// In how many fields of the search two schedules differ.
static int countDifferences(tile::ScheduleAttr a, tile::ScheduleAttr b) {
  // What is asked for ahead is a part of a step.
  return (a.getRows() != b.getRows()) + (a.getKeys() != b.getKeys()) +
         (a.getBlock() != b.getBlock()) + (a.getSplits() != b.getSplits()) +
         (a.getDistance() != b.getDistance()) +
         (a.getAhead() * b.getKeys() != b.getAhead() * a.getKeys());
}

/// The place of the schedule to try next: one that the estimate does not rule
/// out, as like the best one so far as possible, and with the least estimate.
/// So fields are tried one at a time, from whatever is best.
static size_t chooseNext(const TuningTask &task, llvm::ArrayRef<bool> isDone,
                         tile::ScheduleAttr best) {
  std::tuple<bool, int, double> least;
  size_t chosen = 0;
  for (size_t i = 1; i < task.schedules.size(); ++i) {
    double estimate = i < task.estimates.size() ? task.estimates[i] : 1;
    std::tuple key(estimate > kHopeless,
                   countDifferences(task.schedules[i], best), estimate);
    if (!isDone[i] && (chosen == 0 || key < least)) {
      chosen = i;
      least = key;
    }
  }
  return chosen;
}

/// Schedules that were faster than the default in the first look.
std::vector<Search::Trial> Search::tryAll(TuningTask &task, int trials,
                                          int &tried) {
  std::vector<Trial> faster;
  llvm::SmallVector<bool> isDone(task.schedules.size());
  tile::ScheduleAttr best = task.schedules.front();
  double bestRatio = 1;
  for (int i = 0; i < trials; ++i) {
    if (isStopped || progress.isOver()) {
      progress.skip(trials - i);
      break;
    }
    size_t next = chooseNext(task, isDone, best);
    isDone[next] = true;
    Trial trial = {task.schedules[next], {}, {}};
    std::string text = describe(trial.schedule);
    progress.begin(
        llvm::formatv("best {0:f3} of the default's time; {1}", bestRatio, text)
            .str());
    auto ratio = tryOne(task, trial);
    ++tried;
    if (!ratio) {
      progress.end(text + ": left out: " + llvm::toString(ratio.takeError()));
      continue;
    }
    trial.ratio = *ratio;
    progress.end(
        llvm::formatv("{0}: {1:f3} of the default's time", text, ratio->value)
            .str());
    // A step in the noise is none.
    if (ratio->value + ratio->noise < bestRatio) {
      best = trial.schedule;
      bestRatio = ratio->value;
    }
    // Code of schedules that cannot win need not stay in memory.
    if (ratio->value < 1) {
      faster.push_back(std::move(trial));
    }
  }
  return faster;
}

llvm::Expected<SearchResult> Search::run(TuningTask &task, int trials) {
  SearchResult result;
  result.schedule = task.schedules.front();
  auto compiled = compile(result.schedule);
  if (!compiled) {
    return compiled.takeError();
  }
  base = std::move(*compiled);
  for (Call &call : task.calls) {
    if (llvm::Error e = prepare(call, base, threads)) {
      return e;
    }
    result.seconds += call.seconds;
  }
  std::vector<Trial> faster = tryAll(task, trials, result.tried);
  confirm(task, faster, result);
  return result;
}
