//===- Scheduler.cpp - Which fibre runs next ------------------------------===//

#include "emulator/Fiber.h"
#include "emulator/Ops.h"
#include "emulator/Races.h"
#include "emulator/Worker.h"

#include <cstdarg>
#include <cstdio>

namespace fovea::emu {

thread_local Worker *currentWorker;

/// Yields in a row by one thread, all of them in vain, before it counts as
/// waiting for what never comes.
constexpr int64_t kVainYields = 1 << 20;

/// What a fibre runs: the kernel, once.
void fiberMain() {
  Worker &worker = *currentWorker;
  worker.kernel->thunk(worker.parameters);
  worker.exitThread();
}

//===----------------------------------------------------------------------===//
// The queue
//===----------------------------------------------------------------------===//

void Worker::push(int32_t index) {
  threads[index].state = State::Ready;
  ring[(head + ready++) % kMaxThreads] = index;
}

/// Where the order will look last.
void Worker::pushFirst(int32_t index) {
  if (options->order != FOVEA_EMU_LIFO) {
    push(index);
    return;
  }
  threads[index].state = State::Ready;
  head = (head + kMaxThreads - 1) % kMaxThreads;
  ring[head] = index;
  ++ready;
}

int32_t Worker::pop() {
  if (options->order == FOVEA_EMU_FIFO) {
    int32_t index = ring[head];
    head = (head + 1) % kMaxThreads;
    --ready;
    return index;
  }
  uint32_t last = (head + ready - 1) % kMaxThreads;
  if (options->order == FOVEA_EMU_RANDOM) {
    // xorshift64: small, and the same everywhere.
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    uint32_t pick = (head + uint32_t((random >> 33) % ready)) % kMaxThreads;
    int32_t index = ring[pick];
    ring[pick] = ring[last];
    ring[last] = index;
  }
  --ready;
  return ring[last];
}

void Worker::switchTo(int32_t index) {
  int32_t from = running;
  if (index == from) {
    return;
  }
  running = index;
  fovea_emu_switch(&threads[from].stack, threads[index].stack);
}

/// Back to runBlock; the fibres that are left are never entered again.
void Worker::leave() {
  void *unused;
  fovea_emu_switch(&unused, mainStack);
  __builtin_unreachable();
}

/// Runs others until the running thread is ready again and chosen.
void Worker::schedule() {
  while (ready == 0) {
    if (live == 0) {
      leave();
    }
    if (!releaseStalled()) {
      reportStall();
    }
  }
  switchTo(pop());
}

void Worker::yield(const Desc *desc) {
  Thread &self = thread();
  self.waitsAt = desc;
  if (++self.yields > kVainYields) {
    fail("%s at %s: %s polled %lld times for what no other thread of the "
         "block brings",
         desc ? desc->site.name : "atomic access",
         desc ? desc->site.location : site->location, nameThread(running),
         static_cast<long long>(kVainYields));
  }
  pushFirst(running);
  schedule();
}

void Worker::exitThread() {
  Thread &self = thread();
  self.state = State::Done;
  self.copies.clear();
  warpsOf[warp()].live &= ~(uint64_t(1) << lane());
  --live;
  checkBarriers();
  schedule();
  __builtin_unreachable();
}

//===----------------------------------------------------------------------===//
// Warps
//===----------------------------------------------------------------------===//

void Worker::gather(const Desc *desc, const Op *op, uint64_t wanted,
                    void *result, void *const *operands) {
  Thread &self = thread();
  Warp &mine = warpsOf[warp()];
  uint64_t bit = uint64_t(1) << lane();
  if (op->row->kind == Kind::Exec) {
    wanted = mine.live;
  } else {
    wanted &= mine.exists;
  }
  if (!(wanted & bit)) {
    fail("%s at %s: %s executes it, but its mask leaves this lane out",
         desc->site.name, desc->site.location, nameThread(running));
  }
  self.state = State::Waiting;
  self.waitsAt = desc;
  self.result = result;
  self.operands = operands;
  self.yields = 0;
  size_t which = 0;
  while (which < mine.gatherings.size() &&
         (mine.gatherings[which].desc != desc ||
          (op->row->kind != Kind::Exec &&
           mine.gatherings[which].wanted != wanted))) {
    ++which;
  }
  if (which == mine.gatherings.size()) {
    mine.gatherings.push({desc, wanted, 0});
  }
  Gathering &gathering = mine.gatherings[which];
  gathering.here |= bit;
  if (gathering.here == wanted) {
    runGathering(warp(), which);
  }
  schedule();
}

void Worker::runGathering(int warp, size_t which) {
  Gathering gathering = warpsOf[warp].gatherings[which];
  warpsOf[warp].gatherings.removeAt(which);
  const Op &op = *static_cast<const Op *>(gathering.desc->op);
  Wave wave{*this, op, gathering.desc, lanes, warp * lanes, gathering.here,
            {},    {}};
  for (int lane = 0; lane < lanes; ++lane) {
    if (wave.takesPart(lane)) {
      Thread &other = threads[wave.first + lane];
      wave.results[lane] = other.result;
      wave.operands[lane] = other.operands;
    }
  }
  site = &gathering.desc->site;
  op.row->warp(wave);
  if (races && op.row->syncs && gathering.here == warpsOf[warp].live) {
    races->syncWarp(warp);
  }
  for (int lane = 0; lane < lanes; ++lane) {
    if (wave.takesPart(lane)) {
      push(wave.first + lane);
    }
  }
}

/// Lanes of a wave that took different branches meet at different operations.
/// Hardware runs one branch after the other; the one that stands first in the
/// program is let go first, so lanes still in a loop catch up.
bool Worker::releaseStalled() {
  for (int w = 0; w < warps; ++w) {
    Array<Gathering> &gatherings = warpsOf[w].gatherings;
    size_t best = gatherings.size();
    for (size_t i = 0; i < gatherings.size(); ++i) {
      const Op *op = static_cast<const Op *>(gatherings[i].desc->op);
      if (op->row->kind == Kind::Exec &&
          (best == gatherings.size() ||
           gatherings[i].desc->order < gatherings[best].desc->order)) {
        best = i;
      }
    }
    if (best < gatherings.size()) {
      runGathering(w, best);
      return true;
    }
  }
  return false;
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

int32_t Worker::barrier(const Desc *desc, int32_t id, int32_t wanted, bool wait,
                        bool predicate) {
  if (id < 0 || id >= kBarriers) {
    fail("%s at %s: expected a barrier from 0 to %d, got %d", desc->site.name,
         desc->site.location, kBarriers - 1, id);
  }
  if (wanted % lanes != 0) {
    fail("%s at %s: expected a number of threads that is a multiple of %d, "
         "got %d",
         desc->site.name, desc->site.location, lanes, wanted);
  }
  Barrier &barrier = barriers[id];
  if (barrier.here != 0 && barrier.wanted != wanted) {
    fail("%s at %s: %s waits at barrier %d for %d threads, others wait for %d",
         desc->site.name, desc->site.location, nameThread(running), id, wanted,
         barrier.wanted);
  }
  barrier.wanted = wanted;
  ++barrier.here;
  barrier.count += predicate;
  Thread &self = thread();
  self.yields = 0;
  if (races) {
    races->arrive(id, warp());
  }
  if (wait) {
    self.state = State::Waiting;
    self.waitsAt = desc;
    barrier.waiting.push(running);
  }
  // The reduction is read by every thread that waits, before any of them can
  // come to the barrier again.
  int32_t held = 0;
  self.result = &held;
  if (barrier.here == (wanted ? wanted : live)) {
    releaseBarrier(barrier);
  }
  if (wait) {
    schedule();
  }
  return held;
}

void Worker::releaseBarrier(Barrier &barrier) {
  if (races) {
    bool waits[kMaxWarps] = {};
    for (int32_t index : barrier.waiting) {
      waits[index / lanes] = true;
    }
    races->release(int(&barrier - barriers), waits);
  }
  for (int32_t index : barrier.waiting) {
    *static_cast<int32_t *>(threads[index].result) = barrier.count;
    push(index);
  }
  barrier.waiting.clear();
  barrier.here = barrier.wanted = barrier.count = 0;
}

/// A thread that ended may have been the last that others waited for.
void Worker::checkBarriers() {
  for (Barrier &barrier : barriers) {
    if (barrier.here != 0 && barrier.wanted == 0 && barrier.here == live) {
      releaseBarrier(barrier);
    }
  }
}

void Worker::splitSignal() {
  Thread &self = thread();
  self.yields = 0;
  ++self.splitPhase;
  if (races) {
    races->arrive(0, warp());
  }
  if (++splitHere < live) {
    return;
  }
  splitHere = 0;
  ++splitDone;
  if (races) {
    // Everyone takes part; those that have not come to their wait yet do
    // nothing that the wait would have to order.
    bool waits[kMaxWarps];
    for (bool &waiting : waits) {
      waiting = true;
    }
    races->release(0, waits);
  }
  for (int32_t index : splitWaiting) {
    push(index);
  }
  splitWaiting.clear();
}

void Worker::splitWait(const Desc *desc) {
  Thread &self = thread();
  if (self.splitPhase <= splitDone) {
    return;
  }
  self.state = State::Waiting;
  self.waitsAt = desc;
  splitWaiting.push(running);
  schedule();
}

//===----------------------------------------------------------------------===//
// Reports
//===----------------------------------------------------------------------===//

const char *Worker::nameThread(int32_t index) {
  char *name = names[nextName ^= 1];
  snprintf(name, sizeof(names[0]), "thread %d (warp %d, lane %d)", index,
           index / lanes, index % lanes);
  return name;
}

void Worker::fail(const char *format, ...) {
  char text[FOVEA_RT_MESSAGE_BYTES];
  int used =
      snprintf(text, sizeof(text), "%s, block (%u, %u, %u): ", kernel->name,
               id[0], id[1], id[2]);
  if (used < 0 || size_t(used) >= sizeof(text)) {
    used = 0;
  }
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text + used, sizeof(text) - size_t(used), format, arguments);
  va_end(arguments);
  failed = fovea_rt_fail(text);
  leave();
}

/// "threads 0 to 15 wait at ... ; threads 16 to 31 have ended".
size_t Worker::describeWaiters(char *text, size_t room) {
  size_t used = 0;
  for (int32_t from = 0; from < count;) {
    const Thread &first = threads[from];
    int32_t to = from + 1;
    while (
        to < count && threads[to].state == first.state &&
        (first.state == State::Done || threads[to].waitsAt == first.waitsAt)) {
      ++to;
    }
    char range[48];
    if (to == from + 1) {
      snprintf(range, sizeof(range), "thread %d", from);
    } else {
      snprintf(range, sizeof(range), "threads %d to %d", from, to - 1);
    }
    int more =
        first.state == State::Done
            ? snprintf(text + used, room - used, "%s%s %s ended",
                       used ? "; " : "", range, to == from + 1 ? "has" : "have")
            : snprintf(text + used, room - used, "%s%s %s in %s at %s",
                       used ? "; " : "", range,
                       to == from + 1 ? "waits" : "wait",
                       first.waitsAt->site.name, first.waitsAt->site.location);
    if (more < 0 || used + size_t(more) >= room) {
      return room - 1;
    }
    used += size_t(more);
    from = to;
  }
  return used;
}

void Worker::reportStall() {
  char text[FOVEA_RT_MESSAGE_BYTES];
  describeWaiters(text, sizeof(text));
  for (int w = 0; w < warps; ++w) {
    for (const Gathering &gathering : warpsOf[w].gatherings) {
      fail("warp %d is incomplete at %s at %s: lanes %#llx of %#llx came, the "
           "others never do: %s",
           w, gathering.desc->site.name, gathering.desc->site.location,
           static_cast<unsigned long long>(gathering.here),
           static_cast<unsigned long long>(gathering.wanted), text);
    }
  }
  fail("deadlock: %s", text);
}

//===----------------------------------------------------------------------===//
// One block
//===----------------------------------------------------------------------===//

/// Stack tops that are a power of two apart would share cache lines' sets.
static size_t colour(int32_t index) { return size_t(index % 61) * 192; }

void Worker::start(int32_t index) {
  Thread &thread = threads[index];
  thread.index = index;
  thread.state = State::Ready;
  thread.waitsAt = nullptr;
  thread.splitPhase = thread.group = thread.yields = 0;
  thread.copies.clear();
  char *top = stacks + size_t(index + 1) * kStackBytes - colour(index);
  thread.stack = makeFiber(top, fiberMain);
}

int32_t Worker::runBlock(const fovea_emu_image *ofImage,
                         const fovea_emu_kernel *ofKernel,
                         const uint32_t *ofGrid, const uint32_t *ofBlock,
                         const uint32_t *blockId, uint32_t bytes,
                         void **arguments, const fovea_emu_options *how,
                         uint64_t seed) {
  image = ofImage;
  kernel = ofKernel;
  options = how;
  parameters = arguments;
  memcpy(grid, ofGrid, sizeof(grid));
  memcpy(blockSize, ofBlock, sizeof(blockSize));
  memcpy(id, blockId, sizeof(id));
  lanes = image->lanes;
  count = live = int(blockSize[0] * blockSize[1] * blockSize[2]);
  warps = (count + lanes - 1) / lanes;
  nearBytes = bytes;
  random = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
  random += random == 0;
  failed = 0;
  splitDone = splitHere = 0;
  splitWaiting.clear();
  handles.clear();
  clock = 0;
  site = nullptr;
  // Near memory of a new block is whatever the last one left; NaN shows it.
  memset(window, 0xff, nearBytes);
  head = ready = 0;
  for (Barrier &barrier : barriers) {
    barrier.here = barrier.wanted = barrier.count = 0;
    barrier.waiting.clear();
  }
  for (int w = 0; w < warps; ++w) {
    int inWarp = count - w * lanes < lanes ? count - w * lanes : lanes;
    warpsOf[w].exists = warpsOf[w].live = ~uint64_t(0) >> (64 - inWarp);
    warpsOf[w].gatherings.clear();
  }
  if (races) {
    races->reset(*this);
  }
  for (int32_t index = 0; index < count; ++index) {
    start(index);
    push(index);
  }
  currentWorker = this;
  inFibre = true;
  running = pop();
  fovea_emu_switch(&mainStack, threads[running].stack);
  inFibre = false;
  currentWorker = nullptr;
  for (void *handle : handles) {
    free(handle);
  }
  handles.clear();
  return failed;
}

} // namespace fovea::emu
