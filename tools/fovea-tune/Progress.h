//===- Progress.h - how far a search is -------------------------*- C++ -*-===//

#ifndef FOVEA_TOOLS_FOVEA_TUNE_PROGRESS_H
#define FOVEA_TOOLS_FOVEA_TUNE_PROGRESS_H

#include "llvm/ADT/StringRef.h"

#include <chrono>
#include <string>

namespace fovea {

/// "7 s", "3 min 20 s", "1 h 5 min".
std::string formatDuration(double seconds);

/// Says on standard error how far a search is: on a terminal in one line that
/// is written anew, else in a line for each step, for a log. What is left is
/// estimated from the steps so far, and not before there was one.
class Progress {
public:
  /// Of `steps` steps; with `limit` > 0 the search ends after as many seconds.
  Progress(int steps, double limit);
  ~Progress() { clear(); }

  /// The next step has begun: `text` says what it does.
  void begin(llvm::StringRef text);
  /// It has ended so; `text` goes into a log only.
  void end(llvm::StringRef text);
  /// `count` of the steps to come are left out.
  void skip(int count) { steps -= count; }
  /// A line that stays.
  void say(llvm::StringRef text);

  double getSeconds() const;
  /// True if the time that was given is over.
  bool isOver() const { return limit > 0 && getSeconds() >= limit; }

private:
  void clear();
  std::string describe() const;

  int steps, done = 0;
  double limit;
  bool isTerminal;
  bool hasLine = false;
  std::chrono::steady_clock::time_point start;
};

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_TUNE_PROGRESS_H
