//===- Worker.h - What runs one block of an emulated launch ---------------===//
//
// A worker owns a window of near memory and a stack for every thread of a
// block. Each GPU thread is a fibre: it runs until it meets an operation that
// needs others (a barrier, a shuffle, a matrix product), parks there, and the
// worker goes on with another. The last to arrive at such an operation does it
// for all and makes them ready again.
//
// Example, two lanes, order FIFO:
//
//     lane 0 runs to the shuffle and parks;      ready: 1
//     lane 1 runs to the shuffle: last arrival   ready: -
//     lane 1 shuffles for both                   ready: 0 1
//     lane 0 goes on; lane 1 goes on
//
// When nothing is ready and threads are parked, the program can never go on:
// that is a deadlock, or a collective that a part of a warp missed, and is
// reported with where each group of threads waits.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_RUNTIME_EMULATOR_WORKER_H
#define FOVEA_RUNTIME_EMULATOR_WORKER_H

#include "emulator/Array.h"
#include "fovea/runtime/fovea_emulator.h"

#include <cstddef>

namespace fovea::emu {

using Site = fovea_emu_site;
using Desc = fovea_emu_desc;
struct Op;
class Races;

constexpr int kMaxThreads = 1024;
constexpr int kMaxLanes = 64;
constexpr int kMaxWarps = kMaxThreads / 32;
constexpr int kBarriers = 16;
constexpr uint32_t kMaxNearBytes = 1u << 20;
constexpr size_t kStackBytes = 256 << 10;

/// A copy to near memory that was issued and whose wait has not been met.
struct Copy {
  char *to;
  const char *from;
  int32_t bytes; // Written.
  int32_t take;  // Read from memory; the rest is zero.
  int64_t group; // Commit group, or running number where there are no groups.
  const Site *site;
};

enum class State : uint8_t { Ready, Waiting, Done };

struct Thread {
  void *stack = nullptr; // Saved stack pointer while it does not run.
  int32_t index = 0;     // In the block, x fastest.
  State state = State::Done;
  const Desc *waitsAt = nullptr; // What it waits for, for the report.
  void *result = nullptr;        // Of the collective it waits at.
  void *const *operands = nullptr;
  int64_t splitPhase = 0; // Split-barrier signals given so far.
  int64_t group = 0;      // Open commit group, or copies issued so far.
  int64_t yields = 0;     // In a row, without anything else done.
  Array<Copy> copies;     // Oldest first.
};

/// Lanes of a warp that have arrived at one operation.
struct Gathering {
  const Desc *desc;
  uint64_t wanted; // Lanes that must come.
  uint64_t here;
};

struct Warp {
  uint64_t exists = 0; // Lanes the block has.
  uint64_t live = 0;   // Those that have not ended.
  Array<Gathering> gatherings;
};

/// A barrier of a block, by number.
struct Barrier {
  int32_t here = 0;   // Arrivals.
  int32_t wanted = 0; // 0: all live threads.
  Array<int32_t> waiting;
  int32_t count = 0; // Predicates that held, for reductions.
};

class Worker {
public:
  /// Maps the window and the stacks. False after storing an error.
  bool create();
  void destroy();

  /// Runs one block to its end. 0, or 1 after storing an error.
  int32_t runBlock(const fovea_emu_image *image, const fovea_emu_kernel *kernel,
                   const uint32_t *grid, const uint32_t *block,
                   const uint32_t *id, uint32_t nearBytes, void **parameters,
                   const fovea_emu_options *options, uint64_t seed);

  Thread &thread() { return threads[running]; }
  int lane() const { return running % lanes; }
  int warp() const { return running / lanes; }

  /// Ends the block with a report; never returns.
  [[noreturn]] void fail(const char *format, ...)
      __attribute__((format(printf, 2, 3)));

  /// Parks the running thread until the lanes in `wanted` (of those that
  /// exist) are at the same operation; the last one runs it.
  void gather(const Desc *desc, const Op *op, uint64_t wanted, void *result,
              void *const *operands);

  /// Barrier `id` of the block for `wanted` threads, 0 for all that live.
  /// Returns how many brought a predicate that holds. With `wait` off the
  /// thread only counts as arrived.
  int32_t barrier(const Desc *desc, int32_t id, int32_t wanted, bool wait,
                  bool predicate);

  /// The two halves of a split barrier of all threads.
  void splitSignal();
  void splitWait(const Desc *desc);

  /// Lets the others run first.
  void yield(const Desc *desc);

  /// Ends the running thread.
  [[noreturn]] void exitThread();

  /// Checks an access to near memory by thread `by`, and has the race
  /// detector note it. Returns whether the address is in near memory; with
  /// `kind` FOVEA_EMU_NEAR it has to be.
  bool access(int32_t by, const Site *site, int kind, const void *address,
              int32_t bytes);

  /// A copy into near memory that the running thread issues.
  void issueCopy(const Copy &copy);

  /// Lands the running thread's copies of groups before `group`.
  void landCopies(int64_t group);

  /// How a copy or a thread is called in reports, in a buffer that the next
  /// calls but one reuse.
  const char *nameThread(int32_t index);

  const fovea_emu_image *image = nullptr;
  const fovea_emu_kernel *kernel = nullptr;
  const fovea_emu_options *options = nullptr;
  uint32_t grid[3], blockSize[3], id[3];
  void **parameters = nullptr;
  int lanes = 32;
  int count = 0; // Threads in the block.
  int warps = 0;
  char *window = nullptr;
  uint32_t nearBytes = 0;     // Static and dynamic.
  const Site *site = nullptr; // Last operation or access: where a fault is.
  Races *races = nullptr;     // Null when races are not looked for.
  Thread threads[kMaxThreads];
  Warp warpsOf[kMaxWarps];
  Barrier barriers[kBarriers];
  uint64_t packet[16];   // Launch description that AMD kernels may read.
  uint64_t implicit[32]; // And their implicit arguments.
  Array<void *> handles; // Buffer resources made by this block.
  uint64_t clock = 0;

  /// Where a fault report runs; see Memory.cpp.
  void *faultStack = nullptr;
  const void *faultAddress = nullptr;
  bool inFibre = false;

private:
  friend void fiberMain();
  void start(int32_t index);
  void push(int32_t index);
  void pushFirst(int32_t index);
  int32_t pop();
  [[noreturn]] void leave();
  void schedule();
  void switchTo(int32_t index);
  bool releaseStalled();
  void runGathering(int warp, size_t which);
  void releaseBarrier(Barrier &barrier);
  void checkBarriers();
  void reportStall();
  size_t describeWaiters(char *text, size_t room);

  int32_t running = 0;
  int32_t live = 0;
  void *mainStack = nullptr;
  char *stacks = nullptr;
  int32_t ring[kMaxThreads];
  uint32_t head = 0, ready = 0;
  uint64_t random = 0;
  int64_t splitDone = 0, splitHere = 0;
  Array<int32_t> splitWaiting;
  int32_t failed = 0;
  char names[2][64];
  int nextName = 0;
};

/// The worker of the calling host thread, or null.
extern thread_local Worker *currentWorker;

/// Installs the handler that turns faults of fibres into reports.
void installFaultHandler();

/// What lies at an address that faulted: "16 bytes past the end of a buffer
/// of 4096 bytes". Returns text.
const char *describeAddress(const void *address, char *text, size_t room);

} // namespace fovea::emu

#endif // FOVEA_RUNTIME_EMULATOR_WORKER_H
