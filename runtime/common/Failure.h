//===- Failure.h - Where the error text of a parallel loop is gathered ----===//
//
// An error message belongs to the thread that failed. A parallel loop runs its
// body on many threads, but its caller wants to read the error on its own. So
// while a thread runs tasks of a loop it has a FailureSink, shared by all
// threads of that loop; fovea_rt_fail writes there as well, and the loop's
// caller takes the text over when the loop is done.
//
// Several tasks can fail at once. The message of the lowest task number wins,
// and of one task the first, so the text does not depend on timing.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_RUNTIME_COMMON_FAILURE_H
#define FOVEA_RUNTIME_COMMON_FAILURE_H

#include "fovea/runtime/fovea_runtime.h"

#include <atomic>
#include <cstdint>

namespace fovea::rt {

class FailureSink {
public:
  /// Keeps message if task is lower than that of the message held so far.
  void record(int64_t task, const char *message);

  /// The text to show, or null if no task failed. Call only when no thread can
  /// record any more.
  const char *message() const {
    return lowestTask == INT64_MAX ? nullptr : text;
  }

private:
  std::atomic_flag lock = ATOMIC_FLAG_INIT;
  int64_t lowestTask = INT64_MAX;
  char text[FOVEA_RT_MESSAGE_BYTES]; // Unset until lowestTask is.
};

/// What the calling thread is doing; fovea_rt_fail reports to it.
struct CurrentTask {
  FailureSink *sink = nullptr; // Null outside of every parallel loop.
  int64_t task = 0;
};

/// The calling thread's own CurrentTask.
CurrentTask &currentTask();

} // namespace fovea::rt

#endif // FOVEA_RUNTIME_COMMON_FAILURE_H
