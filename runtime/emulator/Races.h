//===- Races.h - Accesses to near memory that nothing orders --------------===//
//
// Two accesses to the same bytes, one of them a write, race unless something
// orders them: a barrier, an atomic, or that the same thread makes them. Every
// warp has a clock that counts its synchronisations, and knows of every other
// warp how far that one's clock had come when last they synchronised (a vector
// clock). An access is remembered with the clock of its warp; a later one by
// another warp is ordered after it if that warp knows of a later time.
//
// Example: warp 0 writes at its time 3, warp 1 reads without a barrier. Warp 1
// knows of warp 0's time 2 only, 3 > 2: a race, whatever the values are. A
// barrier would have told warp 1 of time 3 and made warp 0's next access
// time 4.
//
// Within a warp, two lanes race if they touch the same bytes at the same time
// of their warp, as nothing made the lanes meet in between.
//
// An asynchronous copy writes from its issue until its wait; all that happens
// to its bytes in between races, even by the thread that issued it.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_RUNTIME_EMULATOR_RACES_H
#define FOVEA_RUNTIME_EMULATOR_RACES_H

#include "emulator/Worker.h"

namespace fovea::emu {

class Races {
public:
  bool create();
  void destroy();
  void reset(Worker &worker);

  /// An access of `kind` by thread `by` to bytes at an offset in the window.
  void access(int32_t by, const Site *site, int kind, uint32_t offset,
              uint32_t bytes);
  /// A copy of thread `by` that starts to write.
  void issue(int32_t by, const Site *site, uint32_t offset, uint32_t bytes);
  /// The same copy, waited for.
  void land(int32_t by, const Site *site, uint32_t offset, uint32_t bytes);

  void arrive(int barrier, int warp);
  void release(int barrier, const bool *waits);
  void syncWarp(int warp) { ++clocks[warp][warp]; }

private:
  /// What was last done to a granule of 4 bytes by someone.
  struct Mark {
    uint32_t time; // Of the warp's clock; 0: nothing yet.
    uint8_t warp;
    uint8_t lane;  // kSeveral: more than one.
    uint8_t bytes; // One bit for each.
    uint8_t flags;
    const Site *site;
  };
  struct Granule {
    Mark write;
  };
  /// Of memory that atomics synchronise through.
  struct Meeting {
    uint32_t granule;
    uint32_t clock[kMaxWarps];
  };

  bool conflicts(const Mark &mark, int32_t by, uint8_t bytes, int kind) const;
  void note(Mark &mark, int32_t by, uint8_t bytes, uint8_t flags,
            const Site *site);
  void checkGranule(uint32_t granule, uint8_t bytes, int32_t by, int kind,
                    const Site *site);
  void meet(uint32_t granule, int warp);
  [[noreturn]] void report(const Mark &before, uint32_t granule, int32_t by,
                           int kind, const Site *site);

  Worker *worker = nullptr;
  uint32_t clocks[kMaxWarps][kMaxWarps];
  uint32_t atBarrier[kBarriers][kMaxWarps];
  Granule *granules = nullptr;
  Mark *reads = nullptr; // One per granule and warp.
  uint32_t used = 0;     // Granules that the last block had.
  int warpsUsed = 0;
  Array<Meeting> meetings;
};

} // namespace fovea::emu

#endif // FOVEA_RUNTIME_EMULATOR_RACES_H
