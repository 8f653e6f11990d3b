//===- Nvidia.cpp - Threads, barriers, shuffles, copies of PTX ------------===//
//
// References are to the PTX ISA manual, version 9.0, by section name.
//
//===----------------------------------------------------------------------===//

#include "emulator/Ops.h"

namespace fovea::emu {

//===----------------------------------------------------------------------===//
// Special registers
//===----------------------------------------------------------------------===//

/// Coordinate `axis` (0 to 2, else 0 or 1) of the running thread.
uint32_t threadCoordinate(const Worker &worker, int index, int axis) {
  uint32_t at = uint32_t(index);
  switch (axis) {
  case 0:
    return at % worker.blockSize[0];
  case 1:
    return at / worker.blockSize[0] % worker.blockSize[1];
  case 2:
    return at / worker.blockSize[0] / worker.blockSize[1];
  default:
    return 0;
  }
}

enum Register {
  Tid,
  Ntid,
  Ctaid,
  Nctaid,
  LaneId,
  WarpId,
  WarpSize,
  Clock,
  MaskLt,
  MaskLe,
  MaskGt,
  MaskGe,
  MaskEq,
  DynamicBytes,
  TotalBytes,
  NumberOfWarps
};

static bool prepareRegister(Op &op, const Captures &captures) {
  static const struct {
    const char *name;
    int32_t what, axis;
  } names[] = {{"tid.x", Tid, 0},
               {"tid.y", Tid, 1},
               {"tid.z", Tid, 2},
               {"ntid.x", Ntid, 0},
               {"ntid.y", Ntid, 1},
               {"ntid.z", Ntid, 2},
               {"ctaid.x", Ctaid, 0},
               {"ctaid.y", Ctaid, 1},
               {"ctaid.z", Ctaid, 2},
               {"nctaid.x", Nctaid, 0},
               {"nctaid.y", Nctaid, 1},
               {"nctaid.z", Nctaid, 2},
               {"laneid", LaneId, 0},
               {"warpid", WarpId, 0},
               {"warpsize", WarpSize, 0},
               {"clock", Clock, 0},
               {"clock64", Clock, 0},
               {"globaltimer", Clock, 0},
               {"lanemask.lt", MaskLt, 0},
               {"lanemask.le", MaskLe, 0},
               {"lanemask.gt", MaskGt, 0},
               {"lanemask.ge", MaskGe, 0},
               {"lanemask.eq", MaskEq, 0},
               {"dynamic_smem_size", DynamicBytes, 0},
               {"total_smem_size", TotalBytes, 0},
               {"nwarpid", NumberOfWarps, 0}};
  for (const auto &entry : names) {
    if (captures.equals(0, entry.name)) {
      op.p[0] = entry.what;
      op.p[1] = entry.axis;
      return true;
    }
  }
  return false;
}

static void readRegister(Call &call) {
  Worker &worker = call.worker;
  int axis = call.op.p[1];
  uint32_t lane = uint32_t(worker.lane());
  uint64_t value = 0;
  switch (call.op.p[0]) {
  case Tid:
    value = threadCoordinate(worker, worker.thread().index, axis);
    break;
  case Ntid:
    value = worker.blockSize[axis];
    break;
  case Ctaid:
    value = worker.id[axis];
    break;
  case Nctaid:
    value = worker.grid[axis];
    break;
  case LaneId:
    value = lane;
    break;
  case WarpId:
    value = uint32_t(worker.warp());
    break;
  case WarpSize:
    value = uint32_t(worker.lanes);
    break;
  case Clock:
    value = ++worker.clock;
    break;
  case MaskLt:
    value = (1u << lane) - 1;
    break;
  case MaskLe:
    value = (2u << lane) - 1;
    break;
  case MaskGt:
    value = uint32_t(~((2u << lane) - 1));
    break;
  case MaskGe:
    value = uint32_t(~((1u << lane) - 1));
    break;
  case MaskEq:
    value = 1u << lane;
    break;
  case DynamicBytes:
    value = worker.nearBytes - worker.image->near_static;
    break;
  case TotalBytes:
    value = worker.nearBytes;
    break;
  case NumberOfWarps:
    value = uint32_t(worker.warps);
    break;
  }
  memcpy(call.result, &value, size_t(call.desc->site.bytes));
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

enum BarrierForm { All, Count, Arrive, Reduce };
enum Reduction { Popc, And, Or };

/// "sync.aligned.all", "red.popc.count", "arrive.count".
static bool prepareBarrier(Op &op, const Captures &captures) {
  op.p[0] = captures.has(0, "arrive") ? Arrive
            : captures.has(0, "red")  ? Reduce
                                      : All;
  op.p[1] = captures.has(0, "count");
  op.p[2] = captures.has(0, "popc") ? Popc : captures.has(0, "and") ? And : Or;
  return captures.has(0, "count") || captures.has(0, "all");
}

static void barrier(Call &call) {
  int32_t id = call.in<int32_t>(0);
  int32_t wanted = call.op.p[1] ? call.in<int32_t>(1) : 0;
  bool reduces = call.op.p[0] == Reduce;
  bool predicate = reduces && (call.in<uint8_t>(call.op.p[1] ? 2 : 1) & 1);
  int32_t held = call.worker.barrier(call.desc, id, wanted,
                                     call.op.p[0] != Arrive, predicate);
  if (!reduces) {
    return;
  }
  int32_t threads = wanted ? wanted : call.worker.count;
  if (call.op.p[2] == Popc) {
    call.out<int32_t>(held);
  } else {
    call.out<uint8_t>(call.op.p[2] == And ? held == threads : held != 0);
  }
}

/// "bar.sync 0;" and "bar.sync 1, 128;".
static void barrierAssembly(Call &call) {
  bool hasCount = call.op.map[1] != 1 || call.desc->operands > 1;
  call.worker.barrier(call.desc, call.in<int32_t>(0),
                      hasCount ? call.in<int32_t>(1) : 0, true, false);
}

static void nothing(Call &) {}
static void meet(Wave &) {}
static void yield(Call &call) { call.worker.yield(call.desc); }
static void endThread(Call &call) { call.worker.exitThread(); }

//===----------------------------------------------------------------------===//
// Shuffles, votes, reductions
//===----------------------------------------------------------------------===//

enum Shuffle { Up, Down, Butterfly, Index };

static bool prepareShuffle(Op &op, const Captures &captures) {
  op.p[0] = captures.has(0, "up")     ? Up
            : captures.has(0, "down") ? Down
            : captures.has(0, "bfly") ? Butterfly
                                      : Index;
  op.p[1] = captures.has(0, "32p"); // A predicate follows the value.
  return true;
}

/// "Data Movement and Conversion Instructions: shfl.sync".
static void shuffle(Wave &wave) {
  for (int lane = 0; lane < 32; ++lane) {
    if (!wave.takesPart(lane)) {
      continue;
    }
    int by = int(wave.in<uint32_t>(lane, 2) & 31);
    uint32_t clamp = wave.in<uint32_t>(lane, 3);
    int segment = int((clamp >> 8) & 31);
    int bound = int(clamp & 31);
    int most = (lane & segment) | (bound & ~segment);
    int least = lane & segment;
    int from = 0;
    bool valid = false;
    switch (wave.op.p[0]) {
    case Up:
      from = lane - by;
      valid = from >= most;
      break;
    case Down:
      from = lane + by;
      valid = from <= most;
      break;
    case Butterfly:
      from = lane ^ by;
      valid = from <= most;
      break;
    case Index:
      from = least | (by & ~segment);
      valid = from <= most;
      break;
    }
    from = valid ? from : lane;
    // A lane that does not take part has no defined value.
    uint32_t value =
        wave.takesPart(from) ? wave.in<uint32_t>(from, 1) : 0xffffffff;
    wave.out<uint32_t>(lane, value);
    if (wave.op.p[1]) {
      static_cast<uint8_t *>(wave.results[lane])[4] = valid;
    }
  }
}

enum Vote { Ballot, VoteAll, VoteAny, Uniform };

static bool prepareVote(Op &op, const Captures &captures) {
  op.p[0] = captures.equals(0, "ballot") ? Ballot
            : captures.equals(0, "all")  ? VoteAll
            : captures.equals(0, "any")  ? VoteAny
                                         : Uniform;
  return true;
}

static void vote(Wave &wave) {
  uint32_t ballot = 0;
  for (int lane = 0; lane < 32; ++lane) {
    if (wave.takesPart(lane) && (wave.in<uint8_t>(lane, 1) & 1)) {
      ballot |= 1u << lane;
    }
  }
  bool all = ballot == uint32_t(wave.mask), any = ballot != 0;
  for (int lane = 0; lane < 32; ++lane) {
    if (!wave.takesPart(lane)) {
      continue;
    }
    if (wave.op.p[0] == Ballot) {
      wave.out<uint32_t>(lane, ballot);
    } else {
      wave.out<uint8_t>(lane, wave.op.p[0] == VoteAll   ? all
                              : wave.op.p[0] == VoteAny ? any
                                                        : all || !any);
    }
  }
}

/// "any.sync.i32", "all.sync.i64p".
static bool prepareMatch(Op &op, const Captures &captures) {
  op.p[0] = captures.has(0, "all");
  op.p[1] = captures.has(0, "64");
  return true;
}

static uint64_t matched(const Wave &wave, int lane) {
  return wave.op.p[1] ? wave.in<uint64_t>(lane, 1) : wave.in<uint32_t>(lane, 1);
}

static void match(Wave &wave) {
  for (int lane = 0; lane < 32; ++lane) {
    if (!wave.takesPart(lane)) {
      continue;
    }
    uint32_t same = 0;
    for (int other = 0; other < 32; ++other) {
      if (wave.takesPart(other) &&
          matched(wave, other) == matched(wave, lane)) {
        same |= 1u << other;
      }
    }
    bool all = same == uint32_t(wave.mask);
    wave.out<uint32_t>(lane, wave.op.p[0] && !all ? 0 : same);
    if (wave.op.p[0]) {
      static_cast<uint8_t *>(wave.results[lane])[4] = all;
    }
  }
}

enum Redux {
  ReduxAdd,
  ReduxMin,
  ReduxMax,
  ReduxUmin,
  ReduxUmax,
  ReduxAnd,
  ReduxOr,
  ReduxXor
};

static bool prepareRedux(Op &op, const Captures &captures) {
  static const char *const names[] = {"add",  "min", "max", "umin",
                                      "umax", "and", "or",  "xor"};
  for (int i = 0; i < 8; ++i) {
    if (captures.equals(0, names[i])) {
      op.p[0] = i;
      return true;
    }
  }
  return false;
}

static uint32_t reduceTwo(int32_t how, uint32_t a, uint32_t b) {
  switch (how) {
  case ReduxAdd:
    return a + b;
  case ReduxMin:
    return int32_t(a) < int32_t(b) ? a : b;
  case ReduxMax:
    return int32_t(a) > int32_t(b) ? a : b;
  case ReduxUmin:
    return a < b ? a : b;
  case ReduxUmax:
    return a > b ? a : b;
  case ReduxAnd:
    return a & b;
  case ReduxOr:
    return a | b;
  default:
    return a ^ b;
  }
}

static void redux(Wave &wave) {
  bool first = true;
  uint32_t total = 0;
  for (int lane = 0; lane < 32; ++lane) {
    if (wave.takesPart(lane)) {
      uint32_t value = wave.in<uint32_t>(lane, 0);
      total = first ? value : reduceTwo(wave.op.p[0], total, value);
      first = false;
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    if (wave.takesPart(lane)) {
      wave.out<uint32_t>(lane, total);
    }
  }
}

static void elect(Wave &wave) {
  int leader = __builtin_ctzll(wave.mask);
  for (int lane = 0; lane < 32; ++lane) {
    if (wave.takesPart(lane)) {
      wave.out<uint32_t>(lane, uint32_t(leader));
      static_cast<uint8_t *>(wave.results[lane])[4] = lane == leader;
    }
  }
}

static void activeMask(Call &call) {
  call.out<uint32_t>(uint32_t(call.worker.warpsOf[call.worker.warp()].live));
}

//===----------------------------------------------------------------------===//
// Asynchronous copies
//===----------------------------------------------------------------------===//

/// "ca.shared.global.16", "cg.shared.global.16.s".
static bool prepareCopy(Op &op, const Captures &captures) {
  op.p[0] = captures.number(1);
  op.p[1] = captures.count > 1 && captures.has(1, ".s");
  return op.p[0] == 4 || op.p[0] == 8 || op.p[0] == 16;
}

static void issueCopy(Call &call, int32_t bytes, int32_t take) {
  Worker &worker = call.worker;
  uint64_t to = call.in<uint64_t>(0), from = call.in<uint64_t>(1);
  const Site &site = call.desc->site;
  if ((to | from) % uint64_t(bytes) != 0) {
    worker.fail("%s at %s: %s copies %d bytes from %#llx to %#llx, which are "
                "not both aligned to that",
                site.name, site.location,
                worker.nameThread(worker.thread().index), bytes,
                static_cast<unsigned long long>(from),
                static_cast<unsigned long long>(to));
  }
  if (take < 0 || take > bytes) {
    worker.fail("%s at %s: expected a source size from 0 to %d, got %d",
                site.name, site.location, bytes, take);
  }
  Copy copy{reinterpret_cast<char *>(to),
            reinterpret_cast<const char *>(from),
            bytes,
            take,
            worker.thread().group,
            &site};
  worker.issueCopy(copy);
}

static void copyAsync(Call &call) {
  int32_t bytes = call.op.p[0];
  issueCopy(call, bytes, call.op.p[1] ? call.in<int32_t>(2) : bytes);
}

/// "cp.async.cg.shared.global [$0], [$1], 16, $2;": near addresses are of 32
/// bits there, so the operand is widened here.
static void copyAssembly(Call &call) {
  uint64_t to = call.in<uint32_t>(0);
  if (call.desc->operand_bytes[call.op.map[0]] == 8) {
    to = call.in<uint64_t>(0);
  }
  const void *operands[2] = {&to, call.operands[call.op.map[1]]};
  Op plain = call.op;
  plain.map[0] = 0;
  plain.map[1] = 1;
  Call widened{call.worker, plain, call.desc, nullptr,
               const_cast<void *const *>(operands)};
  int32_t bytes = call.in<int32_t>(2);
  bool hasSize = call.op.p[0] != 0;
  issueCopy(widened, bytes, hasSize ? call.in<int32_t>(3) : bytes);
}

static bool prepareCopyAssembly(Op &op, const Captures &) {
  // Operands that the text does not have keep their own number.
  op.p[0] = op.map[3] != 3;
  return true;
}

static void commitGroup(Call &call) { ++call.worker.thread().group; }
static void waitGroup(Call &call) {
  call.worker.landCopies(call.worker.thread().group - call.in<int32_t>(0));
}
static void waitAll(Call &call) { call.worker.landCopies(INT64_MAX); }

//===----------------------------------------------------------------------===//
// ldmatrix, stmatrix
//===----------------------------------------------------------------------===//

/// "4.trans": four matrices, transposed.
static bool prepareMatrixMove(Op &op, const Captures &captures) {
  op.p[0] = captures.number(0);
  op.p[1] = captures.has(0, "trans") || captures.has(1, "trans");
  return op.p[0] == 1 || op.p[0] == 2 || op.p[0] == 4;
}

/// Address of row `row` of matrix `matrix`: lane 8 * matrix + row brings it.
static char *rowAddress(Wave &wave, int matrix, int row, int kind) {
  int lane = 8 * matrix + row;
  int where = wave.op.map[0];
  uint64_t address = where >= 0 && wave.desc->operand_bytes[where] == 4
                         ? wave.in<uint32_t>(lane, 0)
                         : wave.in<uint64_t>(lane, 0);
  const Site &site = wave.desc->site;
  if (address % 16 != 0) {
    wave.worker.fail("%s at %s: row address %#llx of %s is not aligned to 16",
                     site.name, site.location,
                     static_cast<unsigned long long>(address),
                     wave.worker.nameThread(wave.first + lane));
  }
  char *memory = reinterpret_cast<char *>(address);
  wave.worker.access(wave.first + lane, &site, kind | FOVEA_EMU_NEAR, memory,
                     16);
  return memory;
}

/// "Warp-level Matrix Instructions: ldmatrix": lane l gets elements 2 * (l %
/// 4) and the next of row l / 4 of each matrix; of its transpose with .trans.
static void loadMatrix(Wave &wave) {
  for (int matrix = 0; matrix < wave.op.p[0]; ++matrix) {
    uint16_t elements[8][8];
    for (int row = 0; row < 8; ++row) {
      memcpy(elements[row], rowAddress(wave, matrix, row, FOVEA_EMU_LOAD), 16);
    }
    for (int lane = 0; lane < 32; ++lane) {
      int row = lane / 4, column = lane % 4 * 2;
      uint16_t low =
          wave.op.p[1] ? elements[column][row] : elements[row][column];
      uint16_t high =
          wave.op.p[1] ? elements[column + 1][row] : elements[row][column + 1];
      wave.out<uint32_t>(lane, uint32_t(low) | uint32_t(high) << 16,
                         wave.op.outputs[matrix]);
    }
  }
}

static void storeMatrix(Wave &wave) {
  for (int matrix = 0; matrix < wave.op.p[0]; ++matrix) {
    uint16_t elements[8][8];
    for (int lane = 0; lane < 32; ++lane) {
      uint32_t pair = wave.in<uint32_t>(lane, 1 + matrix);
      int row = lane / 4, column = lane % 4 * 2;
      for (int i = 0; i < 2; ++i) {
        uint16_t value = uint16_t(pair >> (16 * i));
        if (wave.op.p[1]) {
          elements[column + i][row] = value;
        } else {
          elements[row][column + i] = value;
        }
      }
    }
    for (int row = 0; row < 8; ++row) {
      memcpy(rowAddress(wave, matrix, row, FOVEA_EMU_STORE), elements[row], 16);
    }
  }
}

//===----------------------------------------------------------------------===//

#define THREAD(pattern, handler, prepare)                                      \
  {pattern, Kind::Thread, 0, 0, handler, nullptr, prepare}
#define WARP(pattern, handler, prepare)                                        \
  {pattern, Kind::Warp, 0, 0, nullptr, handler, prepare}
#define MASKED(pattern, operand, syncs, handler, prepare)                      \
  {pattern, Kind::Masked, operand, syncs, nullptr, handler, prepare}

static const Row rows[] = {
    THREAD("llvm.nvvm.read.ptx.sreg.*", readRegister, prepareRegister),
    THREAD("llvm.nvvm.activemask", activeMask, nullptr),
    THREAD("llvm.nvvm.barrier.cta.*", barrier, prepareBarrier),
    THREAD("asm bar.sync", barrierAssembly, nullptr),
    THREAD("asm barrier.sync", barrierAssembly, nullptr),
    MASKED("llvm.nvvm.bar.warp.sync", 0, 1, meet, nullptr),
    MASKED("asm bar.warp.sync", 0, 1, meet, nullptr),
    MASKED("llvm.nvvm.shfl.sync.*", 0, 0, shuffle, prepareShuffle),
    MASKED("llvm.nvvm.vote.*.sync", 0, 0, vote, prepareVote),
    MASKED("llvm.nvvm.match.*", 0, 0, match, prepareMatch),
    MASKED("llvm.nvvm.redux.sync.*", 1, 0, redux, prepareRedux),
    MASKED("llvm.nvvm.elect.sync", 0, 0, elect, nullptr),
    THREAD("llvm.nvvm.cp.async.c*.shared.global.*", copyAsync, prepareCopy),
    THREAD("llvm.nvvm.cp.async.commit.group", commitGroup, nullptr),
    THREAD("llvm.nvvm.cp.async.wait.group", waitGroup, nullptr),
    THREAD("llvm.nvvm.cp.async.wait.all", waitAll, nullptr),
    THREAD("asm cp.async.commit_group", commitGroup, nullptr),
    THREAD("asm cp.async.wait_group", waitGroup, nullptr),
    THREAD("asm cp.async.wait_all", waitAll, nullptr),
    THREAD("asm cp.async.c*.shared*.global*", copyAssembly,
           prepareCopyAssembly),
    WARP("llvm.nvvm.ldmatrix.sync.aligned.m8n8.x*.b16*", loadMatrix,
         prepareMatrixMove),
    WARP("asm ldmatrix.sync.aligned.m8n8.x*.shared*b16", loadMatrix,
         prepareMatrixMove),
    WARP("llvm.nvvm.stmatrix.sync.aligned.m8n8.x*.b16*", storeMatrix,
         prepareMatrixMove),
    WARP("asm stmatrix.sync.aligned.m8n8.x*.shared*b16", storeMatrix,
         prepareMatrixMove),
    THREAD("llvm.nvvm.membar.*", nothing, nullptr),
    THREAD("llvm.nvvm.fence.*", nothing, nullptr),
    THREAD("asm membar.*", nothing, nullptr),
    THREAD("asm fence.*", nothing, nullptr),
    THREAD("llvm.nvvm.prefetch.*", nothing, nullptr),
    THREAD("llvm.nvvm.pm.event.mask", nothing, nullptr),
    THREAD("llvm.nvvm.nanosleep", yield, nullptr),
    THREAD("asm nanosleep.u32", yield, nullptr),
    THREAD("llvm.nvvm.exit", endThread, nullptr),
};

#undef THREAD
#undef WARP
#undef MASKED

Rows nvidiaRows() { return {rows, int(sizeof(rows) / sizeof(rows[0]))}; }

} // namespace fovea::emu
