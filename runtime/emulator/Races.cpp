//===- Races.cpp - Vector clocks over near memory -------------------------===//

#include "emulator/Races.h"

#include <cstdio>
#include <sys/mman.h>

namespace fovea::emu {

constexpr uint8_t kSeveral = 255;
enum : uint8_t { kPending = 1, kAtomic = 2 };
constexpr uint32_t kGranule = 4;
constexpr uint32_t kMaxGranules = kMaxNearBytes / kGranule;

/// Memory that the system gives only when it is touched.
template <typename T> static T *mapArray(size_t count) {
  void *memory = mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<T *>(memory);
}

bool Races::create() {
  granules = mapArray<Granule>(kMaxGranules);
  reads = mapArray<Mark>(size_t(kMaxGranules) * kMaxWarps);
  if (!granules || !reads) {
    fovea_rt_fail("out of memory for the race detector");
    return false;
  }
  return true;
}

void Races::destroy() {
  if (granules) {
    munmap(granules, kMaxGranules * sizeof(Granule));
  }
  if (reads) {
    munmap(reads, size_t(kMaxGranules) * kMaxWarps * sizeof(Mark));
  }
}

void Races::reset(Worker &ofWorker) {
  worker = &ofWorker;
  memset(granules, 0, used * sizeof(Granule));
  memset(reads, 0, size_t(used) * size_t(warpsUsed) * sizeof(Mark));
  used = (worker->nearBytes + kGranule - 1) / kGranule;
  warpsUsed = worker->warps;
  memset(clocks, 0, sizeof(clocks));
  memset(atBarrier, 0, sizeof(atBarrier));
  for (int w = 0; w < kMaxWarps; ++w) {
    clocks[w][w] = 1;
  }
  meetings.clear();
}

//===----------------------------------------------------------------------===//
// Synchronisation
//===----------------------------------------------------------------------===//

static void join(uint32_t *into, const uint32_t *from, int warps) {
  for (int w = 0; w < warps; ++w) {
    into[w] = from[w] > into[w] ? from[w] : into[w];
  }
}

void Races::arrive(int barrier, int warp) {
  join(atBarrier[barrier], clocks[warp], warpsUsed);
}

void Races::release(int barrier, const bool *waits) {
  for (int w = 0; w < warpsUsed; ++w) {
    // A warp that only arrived goes on to a new time as well: what it does
    // from now on is not what the barrier announced.
    bool arrived = atBarrier[barrier][w] == clocks[w][w];
    if (waits[w]) {
      join(clocks[w], atBarrier[barrier], warpsUsed);
    }
    if (waits[w] || arrived) {
      ++clocks[w][w];
    }
  }
  memset(atBarrier[barrier], 0, sizeof(atBarrier[barrier]));
}

/// An atomic access both tells and learns: whoever comes later to the same
/// place is ordered after it.
void Races::meet(uint32_t granule, int warp) {
  size_t which = 0;
  while (which < meetings.size() && meetings[which].granule != granule) {
    ++which;
  }
  if (which == meetings.size()) {
    Meeting meeting{granule, {}};
    meetings.push(meeting);
  }
  join(clocks[warp], meetings[which].clock, warpsUsed);
  join(meetings[which].clock, clocks[warp], warpsUsed);
  ++clocks[warp][warp];
}

//===----------------------------------------------------------------------===//
// Accesses
//===----------------------------------------------------------------------===//

bool Races::conflicts(const Mark &mark, int32_t by, uint8_t bytes,
                      int kind) const {
  if (mark.time == 0 || !(mark.bytes & bytes)) {
    return false;
  }
  if (mark.flags & kPending) {
    return true;
  }
  if (kind == FOVEA_EMU_ATOMIC && (mark.flags & kAtomic)) {
    return false;
  }
  int warp = by / worker->lanes;
  if (mark.warp != warp) {
    return mark.time > clocks[warp][mark.warp];
  }
  return mark.time == clocks[warp][warp] && mark.lane != kSeveral &&
         mark.lane != by % worker->lanes;
}

void Races::note(Mark &mark, int32_t by, uint8_t bytes, uint8_t flags,
                 const Site *site) {
  uint8_t warp = uint8_t(by / worker->lanes);
  uint8_t lane = uint8_t(by % worker->lanes);
  uint32_t time = clocks[warp][warp];
  // Lanes that touch different bytes of a granule, or read the same ones.
  if (mark.time == time && mark.warp == warp && mark.flags == flags) {
    mark.lane = mark.lane == lane ? lane : kSeveral;
    mark.bytes |= bytes;
    mark.site = site;
    return;
  }
  mark = {time, warp, lane, bytes, flags, site};
}

void Races::checkGranule(uint32_t granule, uint8_t bytes, int32_t by, int kind,
                         const Site *site) {
  Granule &cell = granules[granule];
  if (conflicts(cell.write, by, bytes, kind)) {
    report(cell.write, granule, by, kind, site);
  }
  int warp = by / worker->lanes;
  Mark *readers = reads + size_t(granule) * size_t(warpsUsed);
  if (kind == FOVEA_EMU_LOAD) {
    note(readers[warp], by, bytes, 0, site);
    return;
  }
  for (int w = 0; w < warpsUsed; ++w) {
    // A read by several lanes of the own warp is by one other lane at least.
    bool byOthers = w == warp && readers[w].lane == kSeveral &&
                    readers[w].time == clocks[w][w] &&
                    readers[w].bytes == bytes;
    if (byOthers || conflicts(readers[w], by, bytes, kind)) {
      report(readers[w], granule, by, kind, site);
    }
  }
  note(cell.write, by, bytes, kind == FOVEA_EMU_ATOMIC ? kAtomic : 0, site);
}

/// Calls body(granule, mask of its bytes) for all that the range touches.
template <typename Body>
static void forGranules(uint32_t offset, uint32_t bytes, const Body &body) {
  uint32_t end = offset + bytes;
  for (uint32_t at = offset; at < end;) {
    uint32_t granule = at / kGranule;
    uint32_t next = (granule + 1) * kGranule;
    uint32_t stop = end < next ? end : next;
    uint8_t mask = uint8_t(((1u << (stop - at)) - 1) << (at % kGranule));
    body(granule, mask);
    at = stop;
  }
}

void Races::access(int32_t by, const Site *site, int kind, uint32_t offset,
                   uint32_t bytes) {
  forGranules(offset, bytes, [&](uint32_t granule, uint8_t mask) {
    if (kind == FOVEA_EMU_ATOMIC) {
      meet(granule, by / worker->lanes);
    }
    checkGranule(granule, mask, by, kind, site);
  });
}

void Races::issue(int32_t by, const Site *site, uint32_t offset,
                  uint32_t bytes) {
  forGranules(offset, bytes, [&](uint32_t granule, uint8_t mask) {
    checkGranule(granule, mask, by, FOVEA_EMU_STORE, site);
    granules[granule].write.flags = kPending;
  });
}

void Races::land(int32_t by, const Site *site, uint32_t offset,
                 uint32_t bytes) {
  forGranules(offset, bytes, [&](uint32_t granule, uint8_t mask) {
    Mark &mark = granules[granule].write;
    mark = {clocks[by / worker->lanes][by / worker->lanes],
            uint8_t(by / worker->lanes),
            uint8_t(by % worker->lanes),
            mask,
            0,
            site};
  });
}

void Races::report(const Mark &before, uint32_t granule, int32_t by, int kind,
                   const Site *site) {
  char other[64];
  if (before.lane == kSeveral) {
    snprintf(other, sizeof(other), "several lanes of warp %d", before.warp);
  } else {
    snprintf(other, sizeof(other), "%s",
             worker->nameThread(before.warp * worker->lanes + before.lane));
  }
  bool pending = before.flags & kPending;
  worker->fail(
      "race on byte %u of near memory: %s by %s in %s at %s %s %s by %s at %s",
      granule * kGranule,
      kind == FOVEA_EMU_LOAD    ? "read"
      : kind == FOVEA_EMU_STORE ? "write"
                                : "atomic access",
      worker->nameThread(by), site->name, site->location,
      pending ? "comes before the wait for" : "is not ordered after",
      before.site->name, other, before.site->location);
}

} // namespace fovea::emu
