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
// A host may have threads of its own that call kernels at the same time. So
// that threads do not outnumber CPUs, all that run tasks are counted: callers,
// who cannot be refused, and helpers, who enter only while there is a CPU for
// them, leave when there is none any more, and are called again when a caller
// is done. A loop that asks for more threads than there are CPUs gets them, if
// nobody else runs.
//
//   8 threads of a host call on 8 CPUs: 8 callers, no helper.
//   5 of them are done: 3 callers, and up to 5 helpers for their loops.
//
// Idle helpers watch the word `published` for some microseconds (cheap to
// wake: one cache line) and then sleep on it in the kernel.
//
//===----------------------------------------------------------------------===//

#include "fovea/runtime/fovea_runtime.h"

#include "common/Failure.h"
#include "common/Wait.h"
#include "cpu/Cpus.h"

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
//   12-23  most helpers that may be
//   24     open: helpers may enter
//   25     the caller sleeps until the last helper has left
//   26-63  generation, counted up at each opening
constexpr uint64_t oneInside = 1;
constexpr int mostShift = 12;
constexpr uint64_t fieldMask = 0xfff;
constexpr uint64_t openBit = uint64_t(1) << 24;
constexpr uint64_t sleepingBit = uint64_t(1) << 25;
constexpr uint64_t oneGeneration = uint64_t(1) << 26;
static_assert(FOVEA_RT_MAX_THREADS <= fieldMask,
              "fields hold any thread count");

uint64_t inside(uint64_t state) { return state & fieldMask; }
uint64_t mostHelpers(uint64_t state) {
  return (state >> mostShift) & fieldMask;
}
uint64_t generation(uint64_t state) { return state & ~(oneGeneration - 1); }

/// How many more helpers may enter.
uint64_t room(uint64_t state) {
  return state & openBit ? mostHelpers(state) - inside(state) : 0;
}

/// One running loop. The caller writes the plain fields before it opens the
/// slot; helpers read them between entering and leaving.
struct alignas(64) Slot {
  std::atomic<uint64_t> state{0};
  std::atomic<bool> taken{false};
  std::atomic<uint32_t> allLeft{0}; // Futex of the sleeping caller.
  std::atomic<int64_t> tasks{0};    // Looked at from outside, too.
  Body body = nullptr;
  void *context = nullptr;
  FailureSink *sink = nullptr;
  fenv_t environment;
  // Every task taken writes this word: a cache line of its own.
  alignas(64) std::atomic<int64_t> nextTask{0};
  // Bit i: a helper inside is worker i + 1.
  alignas(64) std::atomic<uint64_t> workers[FOVEA_RT_MAX_THREADS / 64] = {};

  bool hasTasks() const {
    return nextTask.load(std::memory_order_relaxed) <
           tasks.load(std::memory_order_relaxed);
  }
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
alignas(64) std::atomic<int32_t> running{0}; // Threads that run tasks.
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

/// Most threads that may run tasks for a helper to join a loop whose state this
/// is.
int32_t mostRunning(uint64_t state) {
  auto wanted = static_cast<int32_t>(mostHelpers(state)) + 1;
  int32_t cpus = fovea_rt_default_threads();
  return wanted > cpus ? wanted : cpus;
}

/// How many more helpers may enter, and find a CPU.
uint64_t usefulRoom(uint64_t state) {
  int32_t idle = mostRunning(state) - running.load(std::memory_order_relaxed);
  uint64_t most = room(state);
  return idle <= 0 ? 0 : static_cast<uint64_t>(idle) < most ? idle : most;
}

bool startRunning(int32_t most) {
  int32_t now = running.load();
  do {
    if (now >= most) {
      return false;
    }
  } while (!running.compare_exchange_weak(now, now + 1));
  return true;
}

/// Stops if more than `most` run: no more of those who ask than are too many.
bool stopRunningBeyond(int32_t most) {
  int32_t now = running.load(std::memory_order_relaxed);
  do {
    if (now <= most) {
      return false;
    }
  } while (!running.compare_exchange_weak(now, now - 1));
  return true;
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

/// Runs tasks until none is left; as a helper, which `most` threads must not
/// exceed (else 0), until it is one too many. Returns whether it was, and is
/// then not counted any more.
bool runTasks(Slot &slot, int32_t worker, int32_t most = 0) {
  TaskScope scope(*slot.sink);
  CurrentTask &current = currentTask();
  int64_t tasks = slot.tasks.load(std::memory_order_relaxed);
  for (;;) {
    if (most > 0 && stopRunningBeyond(most)) {
      return true;
    }
    int64_t task = slot.nextTask.fetch_add(1, std::memory_order_relaxed);
    if (task >= tasks) {
      return false;
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

/// Takes the lowest free number of a worker, which is less than the number of
/// helpers that may be inside: whoever has one is inside.
int32_t takeWorker(Slot &slot) {
  for (size_t i = 0;; i = (i + 1) % (FOVEA_RT_MAX_THREADS / 64)) {
    std::atomic<uint64_t> &word = slot.workers[i];
    uint64_t taken = word.load(std::memory_order_relaxed);
    while (~taken != 0) {
      int bit = __builtin_ctzll(~taken);
      if (word.compare_exchange_weak(taken, taken | uint64_t(1) << bit,
                                     std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
        return static_cast<int32_t>(64 * i) + bit + 1;
      }
    }
  }
}

void returnWorker(Slot &slot, int32_t worker) {
  slot.workers[(worker - 1) / 64].fetch_and(
      ~(uint64_t(1) << (worker - 1) % 64), std::memory_order_release);
}

/// Enters the slot if it has tasks and room, and there is a CPU; works until
/// its tasks are out or the CPU is needed. Returns whether it entered.
bool help(Slot &slot) {
  uint64_t state = slot.state.load();
  uint64_t after;
  for (;;) {
    if (room(state) == 0 || !slot.hasTasks() ||
        !startRunning(mostRunning(state))) {
      return false;
    }
    after = state + oneInside;
    if (slot.state.compare_exchange_weak(state, after,
                                         std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
      break;
    }
    running.fetch_sub(1);
  }
  wakeHelpers(usefulRoom(after));
  fesetenv(&slot.environment);
  int32_t worker = takeWorker(slot);
  if (!runTasks(slot, worker, mostRunning(after))) {
    running.fetch_sub(1);
  }
  returnWorker(slot, worker);
  leave(slot);
  return true;
}

void sleepUntilPublished(uint32_t seen, int turns) {
  if (running.load(std::memory_order_relaxed) >= fovea_rt_default_threads()) {
    turns = 0; // The CPUs are in use.
  }
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
  allowAllCpus(attributes);
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
    for (std::atomic<uint64_t> &word : slot.workers) {
      word.store(0);
    }
    slot.taken.store(false);
  }
  sleepers.store(0);
  running.store(0);
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

/// Counts a caller among those that run tasks.
class CallerScope {
public:
  explicit CallerScope(bool isNested) : isNested(isNested) {
    if (!isNested) {
      running.fetch_add(1);
    }
  }
  ~CallerScope() {
    if (!isNested) {
      running.fetch_sub(1);
      callHelpersAgain();
    }
  }

private:
  /// For loops whose helpers found no CPU, or left.
  static void callHelpersAgain() {
    for (Slot &slot : slots) {
      // Sequentially consistent: either the helper sees that we are gone, or we
      // see the slot as it did.
      uint64_t wanted = usefulRoom(slot.state.load());
      if (wanted > 0 && slot.hasTasks()) {
        published.fetch_add(1);
        wakeHelpers(wanted);
        return;
      }
    }
  }

  bool isNested;
};

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
  slot.tasks.store(tasks, std::memory_order_relaxed);
  slot.body = body;
  slot.context = context;
  slot.sink = &sink;
  fegetenv(&slot.environment);
  slot.nextTask.store(0, std::memory_order_relaxed);
  uint64_t state =
      generation(slot.state.load(std::memory_order_relaxed)) + oneGeneration;
  state |= openBit | static_cast<uint64_t>(threads - 1) << mostShift;
  auto useful = static_cast<int32_t>(usefulRoom(state));
  if (helperCount.load(std::memory_order_relaxed) < useful) {
    growTo(useful);
  }
  slot.state.store(state, std::memory_order_release);
  published.fetch_add(1);
  wakeHelpers(static_cast<uint64_t>(useful));

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
  CallerScope scope(nested);
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
