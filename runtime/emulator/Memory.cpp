//===- Memory.cpp - Windows, stacks, device memory, faults ----------------===//
//
// Device memory lies flush against a guard page at its end (to 16 bytes), and
// a page of its own at its front holds what a report has to know of it:
//
//     | note | guard | ....data | guard |
//
// Freed memory keeps its addresses for a while without being accessible, so a
// late access is found and named.
//
//===----------------------------------------------------------------------===//

#include "emulator/Memory.h"
#include "emulator/Races.h"
#include "emulator/Worker.h"

#include <atomic>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <new>
#include <sys/mman.h>
#include <ucontext.h>

namespace fovea::emu {

constexpr size_t kPage = 4096;

//===----------------------------------------------------------------------===//
// Windows and stacks
//===----------------------------------------------------------------------===//

/// Maps memory below 4 GiB that nobody can touch yet, at a multiple of `step`.
static char *reserveLow(size_t bytes, size_t step) {
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
  // The lowest part is left to programs that are linked at fixed addresses.
  for (uint64_t at = 0x20000000; at + bytes < 0x100000000; at += step) {
    void *wish = reinterpret_cast<void *>(at);
    void *got =
        mmap(wish, bytes, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
             -1, 0);
    if (got == wish) {
      return static_cast<char *>(got);
    }
    if (got != MAP_FAILED) {
      munmap(got, bytes); // A kernel that takes the wish as a hint.
    }
  }
  return nullptr;
}

bool Worker::create() {
  constexpr size_t windowBytes = 2 * kMaxNearBytes; // Its end is a guard.
  constexpr size_t stackBytes = (kMaxThreads + 1) * kStackBytes;
  window = reserveLow(windowBytes, kMaxNearBytes);
  stacks = reserveLow(stackBytes, kMaxNearBytes);
  if (!window || !stacks ||
      mprotect(window, kMaxNearBytes, PROT_READ | PROT_WRITE) != 0 ||
      mprotect(stacks, stackBytes, PROT_READ | PROT_WRITE) != 0) {
    fovea_rt_fail("no address space below 4 GiB for an emulated block");
    return false;
  }
  for (int i = 0; i <= kMaxThreads; ++i) {
    if (mprotect(stacks + size_t(i) * kStackBytes, kPage, PROT_NONE) != 0) {
      fovea_rt_fail("no guard pages for the stacks of an emulated block");
      return false;
    }
  }
  faultStack = stacks + stackBytes;
  return true;
}

/// Workers are kept for later launches; making one costs about a thousand
/// system calls.
static Worker *pool[kMaxWorkers];
static int pooled = 0;
static std::atomic_flag poolLock = ATOMIC_FLAG_INIT;

Worker *takeWorker(bool races) {
  Worker *worker = nullptr;
  while (poolLock.test_and_set(std::memory_order_acquire)) {
  }
  if (pooled > 0) {
    worker = pool[--pooled];
  }
  poolLock.clear(std::memory_order_release);
  if (!worker) {
    void *memory = mmap(nullptr, sizeof(Worker), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
      fovea_rt_fail("out of memory for an emulated block");
      return nullptr;
    }
    worker = new (memory) Worker;
    if (!worker->create()) {
      return nullptr;
    }
  }
  if (races) {
    worker->races = static_cast<Races *>(calloc(1, sizeof(Races)));
    if (!worker->races || !worker->races->create()) {
      giveWorker(worker);
      return nullptr;
    }
  }
  return worker;
}

void giveWorker(Worker *worker) {
  if (worker->races) {
    worker->races->destroy();
    free(worker->races);
    worker->races = nullptr;
  }
  while (poolLock.test_and_set(std::memory_order_acquire)) {
  }
  // More than fit only when several host threads launch at once; the address
  // space of the surplus is kept, as it would be asked for again.
  if (pooled < kMaxWorkers) {
    pool[pooled++] = worker;
  }
  poolLock.clear(std::memory_order_release);
}

//===----------------------------------------------------------------------===//
// Near memory
//===----------------------------------------------------------------------===//

bool Worker::access(int32_t by, const Site *at, int kind, const void *address,
                    int32_t bytes) {
  int64_t offset = static_cast<const char *>(address) - window;
  bool inside = offset >= 0 && offset + bytes <= int64_t(nearBytes);
  if (!inside) {
    bool near = (kind & FOVEA_EMU_NEAR) ||
                (offset >= 0 && offset < int64_t(2 * kMaxNearBytes));
    if (!near) {
      return false;
    }
    fail("%s at %s: %s touches bytes %" PRId64 " to %" PRId64
         " of near memory, which has %u",
         at->name, at->location, nameThread(by), offset, offset + bytes - 1,
         nearBytes);
  }
  if (races) {
    races->access(by, at, kind & ~FOVEA_EMU_NEAR, uint32_t(offset),
                  uint32_t(bytes));
  }
  return true;
}

/// Reads from device memory, so that a fault names this place.
static void readNow(const Copy &copy) {
  memcpy(copy.to, copy.from, size_t(copy.take));
  memset(copy.to + copy.take, 0, size_t(copy.bytes - copy.take));
}

void Worker::issueCopy(const Copy &copy) {
  int64_t offset = copy.to - window;
  if (offset < 0 || offset + copy.bytes > int64_t(nearBytes)) {
    fail("%s at %s: %s copies to bytes %" PRId64 " to %" PRId64
         " of near memory, which has %u",
         copy.site->name, copy.site->location, nameThread(running), offset,
         offset + copy.bytes - 1, nearBytes);
  }
  if (races) {
    races->issue(running, copy.site, uint32_t(offset), uint32_t(copy.bytes));
  }
  Copy kept = copy;
  if (options->early) {
    readNow(copy);
    kept.from = nullptr;
  } else {
    if (copy.take > 0) {
      // A bad source is found here, where the program names it.
      static_cast<void>(*const_cast<const volatile char *>(copy.from));
      static_cast<void>(
          *const_cast<const volatile char *>(copy.from + copy.take - 1));
    }
    memset(copy.to, 0xff, size_t(copy.bytes));
  }
  thread().copies.push(kept);
}

void Worker::landCopies(int64_t group) {
  Array<Copy> &copies = thread().copies;
  size_t done = 0;
  for (; done < copies.size() && copies[done].group < group; ++done) {
    const Copy &copy = copies[done];
    if (copy.from) {
      site = copy.site;
      readNow(copy);
    }
    if (races) {
      races->land(running, copy.site, uint32_t(copy.to - window),
                  uint32_t(copy.bytes));
    }
  }
  copies.removeFirst(done);
}

//===----------------------------------------------------------------------===//
// Device memory
//===----------------------------------------------------------------------===//

namespace {
struct Note {
  Note *next, *previous;
  char *data;
  size_t bytes, pages; // Of the data.
  bool freed;
};
} // namespace

constexpr int kQuarantine = 256;
static Note *newest = nullptr;
static Note *quarantine[kQuarantine];
static unsigned freedSoFar = 0;
static std::atomic_flag notesLock = ATOMIC_FLAG_INIT;

static void lockNotes() {
  while (notesLock.test_and_set(std::memory_order_acquire)) {
  }
}
static void unlockNotes() { notesLock.clear(std::memory_order_release); }

const char *describeAddress(const void *address, char *text, size_t room) {
  const char *at = static_cast<const char *>(address);
  const char *found = nullptr;
  lockNotes();
  for (Note *note = newest; note && !found; note = note->next) {
    const char *from = note->data - kPage, *to = note->data + note->bytes;
    if (at < from || at >= to + kPage) {
      continue;
    }
    found = text;
    if (note->freed) {
      snprintf(text, room, "freed device memory of %zu bytes", note->bytes);
    } else if (at < note->data) {
      snprintf(text, room, "%zd bytes before device memory of %zu bytes",
               note->data - at, note->bytes);
    } else {
      snprintf(text, room, "byte %zd of device memory of %zu bytes",
               at - note->data, note->bytes);
    }
  }
  unlockNotes();
  if (!found) {
    snprintf(text, room, "address %p, which is no device memory", address);
  }
  return text;
}

/// Unlinks a note and gives its whole mapping back. Notes must be locked.
static void forget(Note *note) {
  if (note->previous) {
    note->previous->next = note->next;
  } else {
    newest = note->next;
  }
  if (note->next) {
    note->next->previous = note->previous;
  }
  munmap(note, (note->pages + 3) * kPage);
}

//===----------------------------------------------------------------------===//
// Faults
//===----------------------------------------------------------------------===//

static struct sigaction before[2]; // SIGSEGV and SIGBUS.

/// Runs on the worker's own stack, as if the fibre had called it.
static void reportFault() {
  Worker &worker = *currentWorker;
  const Site *site = worker.site;
  char what[160];
  describeAddress(worker.faultAddress, what, sizeof(what));
  worker.fail("%s at %s: %s touches %s", site ? site->name : "code",
              site ? site->location : worker.kernel->name,
              worker.nameThread(worker.thread().index), what);
}

static void onFault(int number, siginfo_t *info, void *context) {
  Worker *worker = currentWorker;
  if (!worker || !worker->inFibre) {
    // Not ours: let whoever was there before have the next attempt.
    sigaction(number, &before[number == SIGBUS], nullptr);
    return;
  }
  worker->faultAddress = info->si_addr;
#if defined(__x86_64__)
  auto *machine = &static_cast<ucontext_t *>(context)->uc_mcontext;
  uint64_t top = reinterpret_cast<uint64_t>(worker->faultStack);
  machine->gregs[REG_RSP] = greg_t(top - 64 - 8);
  machine->gregs[REG_RIP] = greg_t(reinterpret_cast<uint64_t>(&reportFault));
#else
  static_cast<void>(context);
#endif
}

void installFaultHandler() {
  static std::atomic<int> installed{0};
  if (installed.exchange(1) != 0) {
    return;
  }
  struct sigaction action = {};
  action.sa_sigaction = onFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &before[0]);
  sigaction(SIGBUS, &action, &before[1]);
}

} // namespace fovea::emu

using namespace fovea::emu;

void *fovea_emu_alloc(int64_t bytes) {
  if (bytes < 0 || bytes > (int64_t(1) << 46)) {
    fovea_rt_fail("fovea_emu_alloc: expected a size from 0 to 2^46");
    return nullptr;
  }
  size_t rounded = (size_t(bytes) + 15) / 16 * 16;
  size_t pages = rounded ? (rounded + kPage - 1) / kPage : 1;
  void *memory = mmap(nullptr, (pages + 3) * kPage, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  char *base = static_cast<char *>(memory);
  if (memory == MAP_FAILED ||
      mprotect(base, kPage, PROT_READ | PROT_WRITE) != 0 ||
      mprotect(base + 2 * kPage, pages * kPage, PROT_READ | PROT_WRITE) != 0) {
    fovea_rt_fail("out of emulated device memory");
    return nullptr;
  }
  char *data = base + (2 + pages) * kPage - rounded;
  memset(base + 2 * kPage, 0xff, pages * kPage);
  Note *note =
      new (base) Note{nullptr, nullptr, data, size_t(bytes), pages, false};
  lockNotes();
  note->next = newest;
  if (newest) {
    newest->previous = note;
  }
  newest = note;
  unlockNotes();
  return data;
}

void fovea_emu_free(void *memory) {
  if (!memory) {
    return;
  }
  uint64_t at = reinterpret_cast<uint64_t>(memory);
  lockNotes();
  Note *note = newest;
  while (note && note->data != memory) {
    note = note->next;
  }
  // An empty block ends where the next guard begins.
  if (note && !note->freed) {
    note->freed = true;
    char *first = reinterpret_cast<char *>(note) + 2 * kPage;
    madvise(first, note->pages * kPage, MADV_DONTNEED);
    mprotect(first, note->pages * kPage, PROT_NONE);
    Note *&slot = quarantine[freedSoFar++ % kQuarantine];
    if (slot) {
      forget(slot);
    }
    slot = note;
    note = nullptr;
    at = 0;
  }
  unlockNotes();
  if (at != 0) {
    fovea_rt_fail("fovea_emu_free: expected memory of fovea_emu_alloc that "
                  "was not freed yet");
  }
}
