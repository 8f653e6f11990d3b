//===- Search.h - the fastest schedule for one class of calls ---*- C++ -*-===//

#ifndef FOVEA_TOOLS_FOVEA_TUNE_SEARCH_H
#define FOVEA_TOOLS_FOVEA_TUNE_SEARCH_H

#include "Measure.h"
#include "Progress.h"

#include "fovea/dialects/Tile/Tile.h"

#include <atomic>
#include <functional>

namespace fovea {

/// Set when the user asks to stop: a search then confirms what it has.
extern std::atomic<bool> isStopped;

/// Calls of one class, which one schedule serves, and what may serve them.
struct TuningTask {
  int64_t rows = 0; // most rows of a call; 0: any number
  std::vector<Call> calls;
  /// The default first, then the others by their estimates.
  std::vector<tile::ScheduleAttr> schedules;
  /// For each, its estimated time to the default's; empty if there is none.
  std::vector<double> estimates;
};

/// How many of the best schedules are measured once more.
inline constexpr int kConfirmed = 3;

struct SearchResult {
  tile::ScheduleAttr schedule; // the default if none is faster beyond doubt
  Ratio ratio;                 // its time to that of the default
  double seconds = 0;          // of the default, all calls together
  int tried = 0;               // schedules that were measured
};

class Search {
public:
  /// The kernel of a schedule.
  using CompileFn =
      std::function<llvm::Expected<Kernel>(tile::ScheduleAttr schedule)>;

  Search(CompileFn compile, int32_t threads, Progress &progress)
      : compile(std::move(compile)), threads(threads), progress(progress) {}

  /// Measures up to `trials` schedules of a task, one step of the progress for
  /// each and one for each of the best again. Fails if the default schedule
  /// does.
  llvm::Expected<SearchResult> run(TuningTask &task, int trials);

  /// Schedules that gave a wrong result, each with the error.
  llvm::ArrayRef<std::string> getWrong() const { return wrong; }

private:
  struct Trial {
    tile::ScheduleAttr schedule;
    Kernel kernel;
    Ratio ratio;
  };

  llvm::Expected<Ratio> measure(TuningTask &task, const Kernel &kernel,
                                int turns, double seconds);
  llvm::Expected<Ratio> tryOne(TuningTask &task, Trial &trial);
  std::vector<Trial> tryAll(TuningTask &task, int trials, int &tried);
  void confirm(TuningTask &task, std::vector<Trial> &trials,
               SearchResult &result);

  CompileFn compile;
  int32_t threads;
  Progress &progress;
  Kernel base;
  std::vector<std::string> wrong;
};

/// A schedule as people read it: "rows 128, keys 256, block 8".
std::string describe(tile::ScheduleAttr schedule);

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_TUNE_SEARCH_H
