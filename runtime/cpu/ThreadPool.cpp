//===- ThreadPool.cpp - Parallel loops over a persistent pool -------------===//
//
// The caller of a loop publishes it in a *slot*, wakes helpers, and then takes
// tasks itself until none is left. Helpers that find the open slot enter, take
// tasks from the same counter, and leave. So a loop finishes even if no helper
// ever comes: when no thread could be made, after fork, or at exit. Helpers
// only make it faster.
//
// Life of a slot, all in one atomic word so that no lock is needed:
//
//     free --(caller takes)--> taken --(caller opens)--> open
//       ^                                                  | helpers enter and
//       |                                                  | leave; tasks run
//       out
//     all inside have left <--- closed <---(caller closes)-+
//
// Slots are static and never freed. A helper may thus look at a slot at any
// time, even one that was reused in between: entering is a compare-and-swap on
// the word, which holds a generation number.
//
// Idle helpers watch the word `published` for some microseconds (cheap to
// wake: one cache line) and then sleep on it in the kernel.
//
//===----------------------------------------------------------------------===//

#include "fovea/runtime/fovea_runtime.h"

#include "common/Failure.h"
#include "common/Wait.h"

#include <cfenv>
#include <csignal>
#include <pthread.h>

namespace fovea::rt {
namespace {

using Body = void (*)(void *context, int64_t task, int32_t worker);

//===----------------------------------------------------------------------===//
// The slot word
//===----------------------------------------------------------------------===//

// Bits of Slot::state, lowest first:
//   0-11   helpers inside now
//   12-23  helpers that entered since it opened; the last one's worker number
//   24-35  most helpers that may enter
//   36     open: helpers may enter
//   37     the caller sleeps until the last helper has left
//   38-63  generation, counted up at each opening
constexpr uint64_t oneInside = 1;
constexpr uint64_t oneEntered = uint64_t(1) << 12;
constexpr uint64_t fieldMask = 0xfff;
constexpr uint64_t openBit = uint64_t(1) << 36;
constexpr uint64_t sleepingBit = uint64_t(1) << 37;
constexpr uint64_t oneGeneration = uint64_t(1) << 38;
static_assert(FOVEA_RT_MAX_THREADS <= fieldMask,
              "fields hold any thread count");

uint64_t inside(uint64_t state) { return state & fieldMask; }
uint64_t entered(uint64_t state) { return (state >> 12) & fieldMask; }
uint64_t mostHelpers(uint64_t state) { return (state >> 24) & fieldMask; }
uint64_t generation(uint64_t state) { return state & ~(oneGeneration - 1); }

/// How many more helpers may enter.
uint64_t room(uint64_t state) {
  return state & openBit ? mostHelpers(state) - entered(state) : 0;
}

/// One running loop. The caller writes the plain fields before it opens the
/// slot; helpers read them between entering and leaving.
struct alignas(64) Slot {
  std::atomic<uint64_t> state{0};
  std::atomic<bool> taken{false};
  std::atomic<uint32_t> allLeft{0}; // Futex of the sleeping caller.
  int64_t tasks = 0;
  Body body = nullptr;
  void *context = nullptr;
  FailureSink *sink = nullptr;
  fenv_t environment;
  // Every task taken writes this word: a cache line of its own.
  alignas(64) std::atomic<int64_t> nextTask{0};
};

//===----------------------------------------------------------------------===//
// The pool
//===----------------------------------------------------------------------===//

/// Loops of different host threads that can have helpers at the same time. One
/// more runs on its caller alone.
constexpr int slotCount = 8;
/// Idle turns before sleeping. A turn is some tens of nanoseconds, so this is
/// longer than the gap between the loops of one kernel, yet short enough that
/// an idle process soon uses no CPU.
constexpr int idleTurns = 2000;
/// A thread that wakes others wakes so many; each of those wakes as many
/// again. One thread waking all would hold back the first tasks.
constexpr int wakeFan = 4;
constexpr size_t stackBytes = size_t(8) << 20;

Slot slots[slotCount];
alignas(64) std::atomic<uint32_t> published{0}; // Counts openings and the end.
alignas(64) std::atomic<int32_t> sleepers{0};
std::atomic<bool> stopping{false};
std::atomic<int32_t> helperCount{0};

pthread_mutex_t growing = PTHREAD_MUTEX_INITIALIZER; // Guards the next line.
pthread_t helpers[FOVEA_RT_MAX_THREADS];

thread_local bool isHelper = false;

/// Idle turns before thread `number` of a loop (0: its caller) sleeps. Spinning
/// only pays while each thread can have a CPU of its own.
int turnsBeforeSleep(int64_t number) {
  return number < fovea_rt_default_threads() ? idleTurns : 0;
}

void wakeHelpers(uint64_t wanted) {
  // Sequentially consistent on both sides (see sleepUntilPublished): either we
  // see the sleeper here, or it sees the new value of `published`.
  if (wanted > 0 && sleepers.load() > 0) {
    wake(published, wanted < wakeFan ? static_cast<int>(wanted) : wakeFan);
  }
}

//===----------------------------------------------------------------------===//
// Running tasks
//===----------------------------------------------------------------------===//

/// Marks the calling thread as running tasks of a loop; restores what was.
class TaskScope {
public:
  explicit TaskScope(FailureSink &sink) : saved(currentTask()) {
    currentTask() = {&sink, 0};
  }
  ~TaskScope() { currentTask() = saved; }

private:
  CurrentTask saved;
};

void runTasks(Slot &slot, int32_t worker) {
  TaskScope scope(*slot.sink);
  CurrentTask &current = currentTask();
  for (;;) {
    int64_t task = slot.nextTask.fetch_add(1, std::memory_order_relaxed);
    if (task >= slot.tasks) {
      return;
    }
    current.task = task;
    slot.body(slot.context, task, worker);
  }
}

void runInline(int64_t tasks, Body body, void *context, FailureSink &sink) {
  TaskScope scope(sink);
  CurrentTask &current = currentTask();
  for (int64_t task = 0; task < tasks; ++task) {
    current.task = task;
    body(context, task, /*worker=*/0);
  }
}

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

void leave(Slot &slot) {
  uint64_t before = slot.state.fetch_sub(oneInside, std::memory_order_acq_rel);
  if (inside(before) == 1 && (before & sleepingBit)) {
    // The slot may have a new user by now. It is still a slot, and a waking
    // too many is looked through by the one who sleeps.
    slot.allLeft.fetch_add(1);
    wake(slot.allLeft, 1);
  }
}

/// Enters the slot if it is open and has room, and works until its tasks are
/// out. Returns whether it entered.
bool help(Slot &slot) {
  uint64_t state = slot.state.load(std::memory_order_relaxed);
  uint64_t after;
  do {
    if (room(state) == 0) {
      return false;
    }
    after = state + oneInside + oneEntered;
  } while (!slot.state.compare_exchange_weak(
      state, after, std::memory_order_acquire, std::memory_order_relaxed));
  wakeHelpers(room(after));
  fesetenv(&slot.environment);
  runTasks(slot, static_cast<int32_t>(entered(after)));
  leave(slot);
  return true;
}

void sleepUntilPublished(uint32_t seen, int turns) {
  for (int turn = turns; turn > 0; --turn) {
    if (published.load(std::memory_order_relaxed) != seen) {
      return;
    }
    relax();
  }
  sleepers.fetch_add(1);
  sleepWhile(published, seen);
  sleepers.fetch_sub(1);
}

void *helperMain(void *number) {
  isHelper = true;
  // Helpers start looking at different slots, so that loops started at the
  // same time each get some.
  size_t first = reinterpret_cast<size_t>(number);
  int turns = turnsBeforeSleep(static_cast<int64_t>(first) + 1);
  while (!stopping.load(std::memory_order_relaxed)) {
    uint32_t seen = published.load(); // Before looking: see wakeHelpers.
    bool helped = false;
    for (size_t i = 0; i < slotCount && !helped; ++i) {
      helped = help(slots[(first + i) % slotCount]);
    }
    if (!helped && !stopping.load()) {
      sleepUntilPublished(seen, turns);
    }
  }
  return nullptr;
}

/// Makes helpers until there are `wanted`, or the system gives no more.
void growTo(int32_t wanted) {
  pthread_mutex_lock(&growing);
  int32_t count = helperCount.load(std::memory_order_relaxed);
  // A signal meant for the host must not run on a thread it does not know.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // But for those that a thread causes itself: blocked, they end the process
  // even where a handler would have dealt with them.
  static constexpr int causedByThread[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL,
                                           SIGTRAP};
  for (int own : causedByThread) {
    sigdelset(&all, own);
  }
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  // Kernels may keep tiles on the stack; some C libraries give only 128 KiB.
  pthread_attr_setstacksize(&attributes, stackBytes);
  while (count < wanted && !stopping.load() &&
         pthread_create(&helpers[count], &attributes, helperMain,
                        reinterpret_cast<void *>(static_cast<size_t>(count))) ==
             0) {
    ++count;
    helperCount.store(count, std::memory_order_relaxed);
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_mutex_unlock(&growing);
}

//===----------------------------------------------------------------------===//
// End of the process, and fork
//===----------------------------------------------------------------------===//

/// At exit, or when the library is closed: helpers finish the tasks they are
/// at and end.
__attribute__((destructor)) void stopHelpers() {
  if (isHelper) {
    return; // A body called exit(): a thread cannot wait for itself.
  }
  stopping.store(true);
  pthread_mutex_lock(&growing);
  int32_t count = helperCount.exchange(0);
  published.fetch_add(1);
  wake(published, INT32_MAX);
  for (int32_t i = 0; i < count; ++i) {
    pthread_join(helpers[i], nullptr);
  }
  pthread_mutex_unlock(&growing);
}

void beforeFork() { pthread_mutex_lock(&growing); }
void parentAfterFork() { pthread_mutex_unlock(&growing); }

/// Only the forking thread lives on in the child: forget helpers, and loops of
/// threads that are gone.
void childAfterFork() {
  for (Slot &slot : slots) {
    slot.state.store(generation(slot.state.load()) + oneGeneration);
    slot.taken.store(false);
  }
  sleepers.store(0);
  helperCount.store(0);
  isHelper = false;
  currentTask() = {};
  pthread_mutex_unlock(&growing);
}

__attribute__((constructor)) void watchForks() {
  pthread_atfork(beforeFork, parentAfterFork, childAfterFork);
}

//===----------------------------------------------------------------------===//
// Callers
//===----------------------------------------------------------------------===//

Slot *takeSlot() {
  for (Slot &slot : slots) {
    if (!slot.taken.load(std::memory_order_relaxed) &&
        !slot.taken.exchange(true, std::memory_order_acquire)) {
      return &slot;
    }
  }
  return nullptr;
}

/// Returns when no helper is inside the closed slot.
void waitUntilAllLeft(Slot &slot, int turns) {
  for (int turn = turns; turn > 0; --turn) {
    if (inside(slot.state.load(std::memory_order_acquire)) == 0) {
      return;
    }
    relax();
  }
  for (;;) {
    uint32_t seen = slot.allLeft.load(); // Before the bit: see leave().
    if (inside(slot.state.fetch_or(sleepingBit, std::memory_order_acq_rel)) ==
        0) {
      return;
    }
    sleepWhile(slot.allLeft, seen);
  }
}

void runShared(Slot &slot, int64_t tasks, int32_t threads, Body body,
               void *context, FailureSink &sink) {
  if (helperCount.load(std::memory_order_relaxed) < threads - 1) {
    growTo(threads - 1);
  }
  slot.tasks = tasks;
  slot.body = body;
  slot.context = context;
  slot.sink = &sink;
  fegetenv(&slot.environment);
  slot.nextTask.store(0, std::memory_order_relaxed);
  uint64_t state =
      generation(slot.state.load(std::memory_order_relaxed)) + oneGeneration;
  state |= openBit | static_cast<uint64_t>(threads - 1) << 24;
  slot.state.store(state, std::memory_order_release);
  published.fetch_add(1);
  wakeHelpers(room(state));

  runTasks(slot, /*worker=*/0);
  slot.state.fetch_and(~openBit, std::memory_order_acq_rel);
  waitUntilAllLeft(slot, turnsBeforeSleep(threads - 1));
  slot.taken.store(false, std::memory_order_release);
}

} // namespace
} // namespace fovea::rt

using namespace fovea::rt;

void fovea_rt_parallel_for(int64_t tasks, int32_t threads,
                           void (*body)(void *context, int64_t task,
                                        int32_t worker),
                           void *context) {
  if (threads <= 0) {
    threads = fovea_rt_default_threads();
  }
  if (threads > FOVEA_RT_MAX_THREADS) {
    threads = FOVEA_RT_MAX_THREADS;
  }
  if (threads > tasks) {
    threads = tasks > 0 ? static_cast<int32_t>(tasks) : 1;
  }
  bool nested = currentTask().sink != nullptr;
  FailureSink sink;
  Slot *slot = nested || threads == 1 ? nullptr : takeSlot();
  if (slot) {
    runShared(*slot, tasks, threads, body, context, sink);
  } else {
    runInline(tasks, body, context, sink);
  }
  if (const char *message = sink.message()) {
    fovea_rt_fail(message);
  }
}
