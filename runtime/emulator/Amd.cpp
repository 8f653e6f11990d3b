//===- Amd.cpp - Lanes, barriers and arithmetic of AMD GPUs ---------------===//
//
// References are to the "Instruction Set Architecture" guides of CDNA3, CDNA4,
// RDNA3 and RDNA4, by instruction.
//
//===----------------------------------------------------------------------===//

#include "emulator/Numbers.h"
#include "emulator/Ops.h"

namespace fovea::emu {

uint32_t threadCoordinate(const Worker &worker, int index, int axis);

//===----------------------------------------------------------------------===//
// Coordinates
//===----------------------------------------------------------------------===//

static bool prepareAxis(Op &op, const Captures &captures) {
  op.p[0] = *captures.text[0] - 'x';
  return captures.length[0] == 1 && op.p[0] >= 0 && op.p[0] < 3;
}

static void workitem(Call &call) {
  call.out<uint32_t>(
      threadCoordinate(call.worker, call.worker.thread().index, call.op.p[0]));
}
static void workgroup(Call &call) {
  call.out<uint32_t>(call.worker.id[call.op.p[0]]);
}
static void waveSize(Call &call) {
  call.out<uint32_t>(uint32_t(call.worker.lanes));
}

/// How many lanes below this one are set in a mask of the first or of the
/// second 32 lanes, plus the second operand.
static void countBelow(Call &call) {
  uint64_t below = (uint64_t(1) << call.worker.lane()) - 1;
  uint32_t half = uint32_t(call.op.p[0] ? below >> 32 : below);
  uint32_t count = uint32_t(__builtin_popcount(half & call.in<uint32_t>(0)));
  call.out<uint32_t>(count + call.in<uint32_t>(1));
}
static bool prepareCount(Op &op, const Captures &captures) {
  op.p[0] = captures.equals(0, "hi");
  return true;
}

/// hsa_kernel_dispatch_packet_t, as far as a kernel reads it: sizes of the
/// group at byte 4 (16 bits each), of the grid in threads at byte 12.
static void dispatchPacket(Call &call) {
  Worker &worker = call.worker;
  memset(worker.packet, 0, sizeof(worker.packet));
  char *packet = reinterpret_cast<char *>(worker.packet);
  for (int axis = 0; axis < 3; ++axis) {
    uint16_t group = uint16_t(worker.blockSize[axis]);
    uint32_t threads = worker.blockSize[axis] * worker.grid[axis];
    memcpy(packet + 4 + 2 * axis, &group, sizeof(group));
    memcpy(packet + 12 + 4 * axis, &threads, sizeof(threads));
  }
  call.out<const void *>(packet);
}

/// Implicit arguments of code object version 5: numbers of groups at byte 0
/// (32 bits each), their sizes at byte 12 (16 bits each).
static void implicitArguments(Call &call) {
  Worker &worker = call.worker;
  memset(worker.implicit, 0, sizeof(worker.implicit));
  char *arguments = reinterpret_cast<char *>(worker.implicit);
  for (int axis = 0; axis < 3; ++axis) {
    uint16_t group = uint16_t(worker.blockSize[axis]);
    memcpy(arguments + 4 * axis, &worker.grid[axis], sizeof(uint32_t));
    memcpy(arguments + 12 + 2 * axis, &group, sizeof(group));
  }
  call.out<const void *>(arguments);
}

//===----------------------------------------------------------------------===//
// Barriers
//===----------------------------------------------------------------------===//

static void nothing(Call &) {}
static void meet(Wave &) {}
static void yield(Call &call) { call.worker.yield(call.desc); }
static void endThread(Call &call) { call.worker.exitThread(); }
static void barrier(Call &call) {
  call.worker.barrier(call.desc, 0, 0, true, false);
}
static void signalBarrier(Call &call) {
  if (call.in<int32_t>(0) != -1) {
    call.worker.fail("%s at %s: only barrier -1, of the workgroup, is emulated",
                     call.desc->site.name, call.desc->site.location);
  }
  call.worker.splitSignal();
}
static void waitBarrier(Call &call) { call.worker.splitWait(call.desc); }

//===----------------------------------------------------------------------===//
// Moving values between lanes
//===----------------------------------------------------------------------===//

/// Copies a whole value, of any size, from the operand of one lane to the
/// result of another.
static void copyValue(Wave &wave, int to, int from, int operand) {
  memcpy(wave.results[to], wave.operands[from][wave.op.map[operand]],
         size_t(wave.desc->site.bytes));
}

template <typename Body> static void forLanes(const Wave &wave, Body body) {
  for (int lane = 0; lane < wave.lanes; ++lane) {
    if (wave.takesPart(lane)) {
      body(lane);
    }
  }
}

static void readFirstLane(Wave &wave) {
  int first = __builtin_ctzll(wave.mask);
  forLanes(wave, [&](int lane) { copyValue(wave, lane, first, 0); });
}

/// Reads a lane even if it takes no part; its register then holds what this
/// emulation does not know.
static void readLane(Wave &wave) {
  forLanes(wave, [&](int lane) {
    int from = int(wave.in<uint32_t>(lane, 1)) & (wave.lanes - 1);
    if (!wave.takesPart(from)) {
      wave.worker.fail(
          "%s at %s: lane %d is read, but it is not in this branch",
          wave.desc->site.name, wave.desc->site.location, from);
    }
    copyValue(wave, lane, from, 0);
  });
}

static void writeLane(Wave &wave) {
  forLanes(wave, [&](int lane) {
    int to = int(wave.in<uint32_t>(lane, 1)) & (wave.lanes - 1);
    copyValue(wave, lane, lane, lane == to ? 0 : 2);
  });
}

/// DS_BPERMUTE_B32: a lane reads from the lane that its address / 4 names; 0
/// from a lane that takes no part.
static void pull(Wave &wave) {
  forLanes(wave, [&](int lane) {
    int from = int(wave.in<uint32_t>(lane, 0) / 4) & (wave.lanes - 1);
    wave.out<uint32_t>(lane,
                       wave.takesPart(from) ? wave.in<uint32_t>(from, 1) : 0);
  });
}

/// DS_PERMUTE_B32: a lane writes to the lane that its address / 4 names; of
/// several the highest wins, and who gets nothing gets 0.
static void pushValues(Wave &wave) {
  uint32_t values[kMaxLanes] = {};
  forLanes(wave, [&](int lane) {
    values[int(wave.in<uint32_t>(lane, 0) / 4) & (wave.lanes - 1)] =
        wave.in<uint32_t>(lane, 1);
  });
  forLanes(wave, [&](int lane) { wave.out<uint32_t>(lane, values[lane]); });
}

/// DS_SWIZZLE_B32: with bit 15, quads are permuted by four fields of 2 bits;
/// without, lane' = ((lane & and) | or) ^ xor within 32 lanes.
static void swizzle(Wave &wave) {
  forLanes(wave, [&](int lane) {
    uint32_t how = wave.in<uint32_t>(lane, 1);
    int from;
    if ((how >> 15) & 1) {
      if (how & 0x7f00) {
        wave.worker.fail("%s at %s: mode %#x is not emulated",
                         wave.desc->site.name, wave.desc->site.location, how);
      }
      from = (lane & ~3) | ((how >> (2 * (lane & 3))) & 3);
    } else {
      int in = lane & 31;
      from = (lane & ~31) | (((in & int(how & 31)) | int((how >> 5) & 31)) ^
                             int((how >> 10) & 31));
    }
    wave.out<uint32_t>(lane,
                       wave.takesPart(from) ? wave.in<uint32_t>(from, 0) : 0);
  });
}

/// The lane that data-parallel primitive `control` reads for `lane`; -1 if
/// there is none, -2 if the control is not known ("DPP_CTRL").
static int dppSource(uint32_t control, int lane, int lanes) {
  int row = lane & ~15, in = lane & 15, by = int(control & 15);
  if (control <= 0xff) {
    return (lane & ~3) | int((control >> (2 * (lane & 3))) & 3);
  }
  if (control == 0x140) {
    return row | (15 - in);
  }
  if (control == 0x141) {
    return row | (in ^ 7);
  }
  if (control == 0x142) {
    return row > 0 ? row - 1 : -1;
  }
  if (control == 0x143) {
    return lane >= 32 ? 31 : -1;
  }
  switch (control & 0x1f0) {
  case 0x100: // row_shl
    return in + by < 16 ? lane + by : -1;
  case 0x110: // row_shr
    return in >= by ? lane - by : -1;
  case 0x120: // row_ror
    return row | ((in - by) & 15);
  case 0x130:
    switch (by) {
    case 0: // wave_shl
      return lane + 1 < lanes ? lane + 1 : -1;
    case 4: // wave_rol
      return (lane + 1) % lanes;
    case 8: // wave_shr
      return lane - 1;
    case 12: // wave_ror
      return (lane + lanes - 1) % lanes;
    default:
      return -2;
    }
  case 0x150: // row_share, row_newbcast
    return row | by;
  case 0x160: // row_xmask
    return row | (in ^ by);
  default:
    return -2;
  }
}

/// update.dpp(old, value, control, row mask, bank mask, bound control), or
/// mov.dpp without old.
static void dataParallel(Wave &wave) {
  int base = wave.op.p[0]; // Index of the value.
  forLanes(wave, [&](int lane) {
    uint32_t control = wave.in<uint32_t>(lane, base + 1);
    bool enabled = (wave.in<uint32_t>(lane, base + 2) >> (lane / 16 % 4)) & 1 &&
                   (wave.in<uint32_t>(lane, base + 3) >> (lane % 16 / 4)) & 1;
    bool zeroes = wave.in<uint8_t>(lane, base + 4) & 1;
    int from = dppSource(control, lane, wave.lanes);
    if (from == -2) {
      wave.worker.fail("%s at %s: control %#x is not emulated",
                       wave.desc->site.name, wave.desc->site.location, control);
    }
    bool valid = from >= 0 && wave.takesPart(from);
    if (enabled && valid) {
      copyValue(wave, lane, from, base);
    } else if (base == 0 || (enabled && zeroes)) {
      memset(wave.results[lane], 0, size_t(wave.desc->site.bytes));
    } else {
      copyValue(wave, lane, lane, 0);
    }
  });
}
static bool prepareUpdate(Op &op, const Captures &) {
  op.p[0] = 1;
  return true;
}

/// V_PERMLANE16_B32 and V_PERMLANEX16_B32: lane i of a row of 16 reads lane s
/// of the same row, or of the other one of its pair, where s is nibble i of the
/// two selectors.
static void permuteRow(Wave &wave) {
  forLanes(wave, [&](int lane) {
    int in = lane & 15;
    uint64_t selectors =
        uint64_t(wave.in<uint32_t>(lane, 3)) << 32 | wave.in<uint32_t>(lane, 2);
    int row = (lane & ~15) ^ (wave.op.p[0] ? 16 : 0);
    int from = row | int((selectors >> (4 * in)) & 15);
    bool fetchesInactive = wave.in<uint8_t>(lane, 4) & 1;
    if (wave.takesPart(from)) {
      copyValue(wave, lane, from, 1);
    } else if (fetchesInactive || !(wave.in<uint8_t>(lane, 5) & 1)) {
      copyValue(wave, lane, lane, 0);
    } else {
      memset(wave.results[lane], 0, size_t(wave.desc->site.bytes));
    }
  });
}
static bool prepareRow(Op &op, const Captures &captures) {
  op.p[0] = captures.equals(0, "x");
  return captures.length[0] == 0 || op.p[0];
}

/// V_PERMLANE64_B32: the halves of a wave of 64 change places.
static void swapHalves(Wave &wave) {
  forLanes(wave, [&](int lane) {
    int from = wave.lanes == 64 ? lane ^ 32 : lane;
    copyValue(wave, lane, wave.takesPart(from) ? from : lane, 0);
  });
}

/// V_PERMLANE32_SWAP_B32, V_PERMLANE16_SWAP_B32: the odd blocks (of 32 or 16
/// lanes) of the first operand change places with the even ones of the second.
static void swapBlocks(Wave &wave) {
  int size = wave.op.p[0];
  forLanes(wave, [&](int lane) {
    bool odd = (lane / size) & 1;
    uint32_t first =
        odd ? wave.in<uint32_t>(lane - size, 1) : wave.in<uint32_t>(lane, 0);
    uint32_t second =
        odd ? wave.in<uint32_t>(lane, 1) : wave.in<uint32_t>(lane + size, 0);
    wave.out<uint32_t>(lane, first, 0);
    wave.out<uint32_t>(lane, second, 1);
  });
}
static bool prepareSwap(Op &op, const Captures &captures) {
  op.p[0] = captures.number(0);
  return op.p[0] == 16 || op.p[0] == 32;
}

static void ballot(Wave &wave) {
  uint64_t votes = 0;
  forLanes(wave, [&](int lane) {
    votes |= uint64_t(wave.in<uint8_t>(lane, 0) & 1) << lane;
  });
  forLanes(wave, [&](int lane) {
    memcpy(wave.results[lane], &votes, size_t(wave.desc->site.bytes));
  });
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// Names end in ".f32", ".f16" or ".f64".
static bool prepareFloat(Op &op, const Captures &captures) {
  op.p[0] = captures.number(0);
  return op.p[0] == 16 || op.p[0] == 32 || op.p[0] == 64;
}

template <double (*Function)(double)> static void unary(Call &call) {
  switch (call.op.p[0]) {
  case 16:
    call.out<uint16_t>(floatToHalf(
        float(Function(double(halfToFloat(call.in<uint16_t>(0)))))));
    break;
  case 32:
    call.out<float>(float(Function(double(call.in<float>(0)))));
    break;
  default:
    call.out<double>(Function(call.in<double>(0)));
  }
}
static double exp2Of(double x) { return exp2(x); }
static double log2Of(double x) { return log2(x); }
static double reciprocal(double x) { return 1 / x; }
static double rootReciprocal(double x) { return 1 / sqrt(x); }
static double rootOf(double x) { return sqrt(x); }
static double fraction(double x) { return x - floor(x); }
static double tanhOf(double x) { return tanh(x); }
/// V_SIN_F32: of an angle in turns.
static double sineOfTurns(double x) { return sin(x * 6.283185307179586); }
static double cosineOfTurns(double x) { return cos(x * 6.283185307179586); }

/// The middle one of three; the least if one is not a number.
static void median(Call &call) {
  float a = call.in<float>(0), b = call.in<float>(1), c = call.in<float>(2);
  if (std::isnan(a) || std::isnan(b) || std::isnan(c)) {
    call.out<float>(fminf(fminf(a, b), c));
    return;
  }
  call.out<float>(fmaxf(fminf(a, b), fminf(fmaxf(a, b), c)));
}

static uint16_t towardsZero(float value) {
  uint16_t bits = floatToHalf(value);
  bool outward = std::fabs(halfToFloat(bits)) > std::fabs(value);
  return outward ? uint16_t(bits - 1) : bits;
}
static void packHalves(Call &call) {
  call.out<uint16_t>(towardsZero(call.in<float>(0)), 0);
  call.out<uint16_t>(towardsZero(call.in<float>(1)), 1);
}

/// gfx942 has the "fnuz" formats, everything since has those of the OCP.
static bool prepareByte(Op &op, const Captures &captures) {
  bool fnuz = strncmp(op.chip, "gfx942", 6) == 0;
  bool four = captures.equals(0, "fp8");
  op.p[0] = four ? (fnuz ? 0 : 1) : (fnuz ? 2 : 3);
  return four || captures.equals(0, "bf8");
}
static const Small &byteFormat(const Call &call) {
  static const Small *const formats[] = {&kE4M3Fnuz, &kE4M3, &kE5M2Fnuz,
                                         &kE5M2};
  return *formats[call.op.p[0]];
}
/// V_CVT_PK_FP8_F32: two values into one half of a word, the rest stays.
static void packBytes(Call &call) {
  uint32_t pair = encode(call.in<float>(0), byteFormat(call), true) |
                  encode(call.in<float>(1), byteFormat(call), true) << 8;
  uint32_t old = call.in<uint32_t>(2);
  bool high = call.in<uint8_t>(3) & 1;
  call.out<uint32_t>(high ? (old & 0xffff) | pair << 16
                          : (old & 0xffff0000) | pair);
}
static void unpackBytes(Call &call) {
  uint32_t word = call.in<uint32_t>(0) >> (call.in<uint8_t>(1) & 1 ? 16 : 0);
  call.out<float>(decode(word & 255, byteFormat(call)), 0);
  call.out<float>(decode((word >> 8) & 255, byteFormat(call)), 1);
}
static void unpackByte(Call &call) {
  uint32_t word = call.in<uint32_t>(0) >> (8 * (call.in<uint32_t>(1) & 3));
  call.out<float>(decode(word & 255, byteFormat(call)));
}

/// V_PERM_B32: byte i of the result is chosen from {a, b} by byte i of the
/// selector; 8 and up give signs and constants.
static void permuteBytes(Call &call) {
  uint64_t bytes = uint64_t(call.in<uint32_t>(0)) << 32 | call.in<uint32_t>(1);
  uint32_t selector = call.in<uint32_t>(2), value = 0;
  for (int i = 0; i < 4; ++i) {
    uint32_t which = (selector >> (8 * i)) & 255, byte;
    if (which < 8) {
      byte = uint32_t(bytes >> (8 * which)) & 255;
    } else if (which < 12) {
      byte = (bytes >> (16 * (which - 8) + 15)) & 1 ? 255 : 0;
    } else {
      byte = which == 12 ? 0 : 255;
    }
    value |= byte << (8 * i);
  }
  call.out<uint32_t>(value);
}

static void multiply24(Call &call) {
  call.out<uint32_t>((call.in<uint32_t>(0) & 0xffffff) *
                     (call.in<uint32_t>(1) & 0xffffff));
}

//===----------------------------------------------------------------------===//

#define THREAD(pattern, handler, prepare)                                      \
  {pattern, Kind::Thread, 0, 0, handler, nullptr, prepare}
#define EXEC(pattern, handler, prepare)                                        \
  {pattern, Kind::Exec, 0, 1, nullptr, handler, prepare}
#define UNARY(name, function)                                                  \
  THREAD("llvm.amdgcn." name ".f*", unary<function>, prepareFloat)

static const Row rows[] = {
    THREAD("llvm.amdgcn.workitem.id.*", workitem, prepareAxis),
    THREAD("llvm.amdgcn.workgroup.id.*", workgroup, prepareAxis),
    THREAD("llvm.amdgcn.wavefrontsize", waveSize, nullptr),
    THREAD("llvm.amdgcn.mbcnt.*", countBelow, prepareCount),
    THREAD("llvm.amdgcn.dispatch.ptr", dispatchPacket, nullptr),
    THREAD("llvm.amdgcn.implicitarg.ptr", implicitArguments, nullptr),
    THREAD("llvm.amdgcn.s.barrier", barrier, nullptr),
    THREAD("llvm.amdgcn.s.barrier.signal", signalBarrier, nullptr),
    THREAD("llvm.amdgcn.s.barrier.wait", waitBarrier, nullptr),
    EXEC("llvm.amdgcn.wave.barrier", meet, nullptr),
    THREAD("llvm.amdgcn.sched.*", nothing, nullptr),
    THREAD("llvm.amdgcn.iglp.opt", nothing, nullptr),
    THREAD("llvm.amdgcn.s.setprio", nothing, nullptr),
    THREAD("llvm.amdgcn.s.nop", nothing, nullptr),
    THREAD("asm s_nop", nothing, nullptr),
    THREAD("asm s_setprio", nothing, nullptr),
    THREAD("llvm.amdgcn.s.sleep", yield, nullptr),
    THREAD("llvm.amdgcn.endpgm", endThread, nullptr),
    EXEC("llvm.amdgcn.readfirstlane.*", readFirstLane, nullptr),
    EXEC("llvm.amdgcn.readlane.*", readLane, nullptr),
    EXEC("llvm.amdgcn.writelane.*", writeLane, nullptr),
    EXEC("llvm.amdgcn.ds.bpermute", pull, nullptr),
    EXEC("llvm.amdgcn.ds.permute", pushValues, nullptr),
    EXEC("llvm.amdgcn.ds.swizzle", swizzle, nullptr),
    EXEC("llvm.amdgcn.update.dpp.*", dataParallel, prepareUpdate),
    EXEC("llvm.amdgcn.mov.dpp.*", dataParallel, nullptr),
    EXEC("llvm.amdgcn.permlane*16.i*", permuteRow, prepareRow),
    EXEC("llvm.amdgcn.permlane64.*", swapHalves, nullptr),
    {"llvm.amdgcn.permlane*.swap", Kind::Warp, 0, 1, nullptr, swapBlocks,
     prepareSwap},
    EXEC("llvm.amdgcn.ballot.*", ballot, nullptr),
    UNARY("exp2", exp2Of),
    UNARY("log", log2Of),
    UNARY("rcp", reciprocal),
    UNARY("rsq", rootReciprocal),
    UNARY("sqrt", rootOf),
    UNARY("fract", fraction),
    UNARY("tanh", tanhOf),
    UNARY("sin", sineOfTurns),
    UNARY("cos", cosineOfTurns),
    THREAD("llvm.amdgcn.fmed3.f32", median, nullptr),
    THREAD("llvm.amdgcn.cvt.pkrtz", packHalves, nullptr),
    THREAD("llvm.amdgcn.cvt.pk.*.f32", packBytes, prepareByte),
    THREAD("llvm.amdgcn.cvt.pk.f32.*", unpackBytes, prepareByte),
    THREAD("llvm.amdgcn.cvt.f32.*", unpackByte, prepareByte),
    THREAD("llvm.amdgcn.perm", permuteBytes, nullptr),
    THREAD("llvm.amdgcn.mul.u24*", multiply24, nullptr),
};

#undef THREAD
#undef EXEC
#undef UNARY

Rows amdRows() { return {rows, int(sizeof(rows) / sizeof(rows[0]))}; }

} // namespace fovea::emu
