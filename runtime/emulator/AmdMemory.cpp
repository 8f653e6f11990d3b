//===- AmdMemory.cpp - Buffers, copies to LDS, transposing reads ----------===//

#include "emulator/Ops.h"

#include <cinttypes>

namespace fovea::emu {

//===----------------------------------------------------------------------===//
// Buffer resources
//===----------------------------------------------------------------------===//

namespace {
/// What the 128 bits of a resource say; an address of such a record stands for
/// a `ptr addrspace(8)`.
struct Buffer {
  uint64_t base;
  uint64_t bytes;
  uint32_t stride;
  uint32_t flags;
};
} // namespace

/// make.buffer.rsrc(base, stride, bytes, flags). Threads and iterations make
/// the same few over and over, so a record that is there is found again.
static void makeBuffer(Call &call) {
  uint64_t bytes = call.desc->operand_bytes[2] == 8 ? call.in<uint64_t>(2)
                                                    : call.in<uint32_t>(2);
  Buffer made{call.in<uint64_t>(0), bytes, call.in<uint16_t>(1),
              call.in<uint32_t>(3)};
  Array<void *> &handles = call.worker.handles;
  for (size_t i = handles.size(); i-- > 0;) {
    if (memcmp(handles[i], &made, sizeof(made)) == 0) {
      call.out<void *>(handles[i]);
      return;
    }
  }
  Buffer *kept = static_cast<Buffer *>(malloc(sizeof(Buffer)));
  if (!kept) {
    call.worker.fail("out of memory for a buffer resource");
  }
  *kept = made;
  handles.push(kept);
  call.out<void *>(kept);
}

/// Operand `i` of a buffer instruction: a record, or four words.
static Buffer bufferOf(const Call &call, int i) {
  if (call.op.p[0]) {
    return *call.in<const Buffer *>(i);
  }
  struct Words {
    uint32_t at[4];
  } words = call.in<Words>(i);
  return {words.at[0] | uint64_t(words.at[1] & 0xffff) << 32, words.at[2],
          (words.at[1] >> 16) & 0x3fff, words.at[3]};
}

/// Where bytes at an offset lie, or null when they are out of range: raw
/// accesses are checked by their offset against the number of bytes.
static char *bufferAddress(const Call &call, int operand, uint64_t offset,
                           uint64_t scalar, uint64_t bytes) {
  Buffer buffer = bufferOf(call, operand);
  if (buffer.stride != 0) {
    call.worker.fail(
        "%s at %s: expected a raw buffer (stride 0), got stride %u",
        call.desc->site.name, call.desc->site.location, buffer.stride);
  }
  if (offset + scalar + bytes > buffer.bytes) {
    return nullptr;
  }
  return reinterpret_cast<char *>(buffer.base + offset + scalar);
}

static bool prepareBuffer(Op &op, const Captures &captures) {
  op.p[0] = captures.equals(0, ".ptr");
  bool converts = captures.has(1, "format");
  return !converts && (op.p[0] || captures.length[0] == 0);
}

/// A hardware access is split into words, each of them checked.
constexpr int32_t kWord = 4;

static void loadBuffer(Call &call) {
  int32_t bytes = call.desc->site.bytes;
  for (int32_t at = 0; at < bytes; at += kWord) {
    int32_t part = bytes - at < kWord ? bytes - at : kWord;
    char *to = static_cast<char *>(call.result) + at;
    const char *from =
        bufferAddress(call, 0, uint64_t(call.in<uint32_t>(1)) + uint64_t(at),
                      call.in<uint32_t>(2), uint64_t(part));
    if (from) {
      memcpy(to, from, size_t(part));
    } else {
      memset(to, 0, size_t(part));
    }
  }
}

static void storeBuffer(Call &call) {
  int32_t bytes = call.desc->operand_bytes[0];
  const char *values = static_cast<const char *>(call.operands[0]);
  for (int32_t at = 0; at < bytes; at += kWord) {
    int32_t part = bytes - at < kWord ? bytes - at : kWord;
    char *to =
        bufferAddress(call, 1, uint64_t(call.in<uint32_t>(2)) + uint64_t(at),
                      call.in<uint32_t>(3), uint64_t(part));
    if (to) {
      memcpy(to, values + at, size_t(part));
    }
  }
}

//===----------------------------------------------------------------------===//
// Copies to LDS
//===----------------------------------------------------------------------===//

/// "Memory buffer load to LDS": lane l of a wave writes at the base that is the
/// same for all lanes (M0), plus the immediate, plus l times the size.
static void copyToNear(Call &call, const char *from, char *base,
                       uint32_t bytes) {
  Worker &worker = call.worker;
  char *to = base + uint32_t(worker.lane()) * bytes;
  Copy copy{to,
            from,
            int32_t(bytes),
            from ? int32_t(bytes) : 0,
            worker.thread().group++,
            &call.desc->site};
  worker.issueCopy(copy);
}

/// global.load.lds(from, to, size, offset, cache policy).
static void globalToNear(Call &call) {
  uint32_t offset = call.in<uint32_t>(3);
  copyToNear(call, call.in<const char *>(0) + offset,
             call.in<char *>(1) + offset, call.in<uint32_t>(2));
}

/// raw.ptr.buffer.load.lds(buffer, to, size, offset, scalar offset, immediate
/// offset, cache policy).
static void bufferToNear(Call &call) {
  uint32_t size = call.in<uint32_t>(2), immediate = call.in<uint32_t>(5);
  const char *from =
      bufferAddress(call, 0, uint64_t(call.in<uint32_t>(3)) + immediate,
                    call.in<uint32_t>(4), size);
  copyToNear(call, from, call.in<char *>(1) + immediate, size);
}

/// Lands all but the last `left` copies. Only copies to LDS are counted; loads
/// to registers, which share the counter, are waited for by the code generator.
static void waitLoads(Call &call, int64_t left) {
  call.worker.landCopies(call.worker.thread().group - left);
}

/// The counter of vector memory in the operand of s_waitcnt: bits 3:0 and 15:14
/// up to gfx10, bits 15:10 on gfx11.
static void waitCounters(Call &call) {
  uint32_t bits = call.in<uint32_t>(0);
  bool eleven = strncmp(call.op.chip, "gfx11", 5) == 0;
  uint32_t left =
      eleven ? (bits >> 10) & 63 : (bits & 15) | ((bits >> 14) & 3) << 4;
  waitLoads(call, left);
}
static void waitLoadCounter(Call &call) {
  waitLoads(call, call.in<uint16_t>(0));
}

/// "s_waitcnt vmcnt(0) lgkmcnt(0)".
static void waitAssembly(Call &call) {
  const char *at = strstr(call.desc->assembly, "vmcnt(");
  if (at) {
    waitLoads(call, atoi(at + 6));
  }
}

static void nothing(Call &) {}

//===----------------------------------------------------------------------===//
// Transposing reads
//===----------------------------------------------------------------------===//

/// DS_READ_B64_TR_B16 (CDNA4 ISA, "LDS transpose loads"): 16 lanes read 4 rows
/// of 16 elements, lane l elements 4 * (l % 4) to + 3 of row l / 4, and lane l
/// receives element l of the 4 rows.
static void readTransposed(Wave &wave) {
  uint16_t elements[kMaxLanes][4];
  for (int lane = 0; lane < wave.lanes; ++lane) {
    const void *from = wave.in<const void *>(lane, 0);
    wave.worker.access(wave.first + lane, &wave.desc->site,
                       FOVEA_EMU_LOAD | FOVEA_EMU_NEAR, from, 8);
    memcpy(elements[lane], from, 8);
  }
  for (int lane = 0; lane < wave.lanes; ++lane) {
    int group = lane & ~15, column = lane & 15;
    for (int row = 0; row < 4; ++row) {
      wave.out<uint16_t>(
          lane, elements[group + 4 * row + column / 4][column % 4], row);
    }
  }
}

//===----------------------------------------------------------------------===//

#define THREAD(pattern, handler, prepare)                                      \
  {pattern, Kind::Thread, 0, 0, handler, nullptr, prepare}

static const Row rows[] = {
    THREAD("llvm.amdgcn.make.buffer.rsrc.*", makeBuffer, nullptr),
    THREAD("llvm.amdgcn.raw*.buffer.load.lds", bufferToNear, prepareBuffer),
    THREAD("llvm.amdgcn.raw*.buffer.load.*", loadBuffer, prepareBuffer),
    THREAD("llvm.amdgcn.raw*.buffer.store.*", storeBuffer, prepareBuffer),
    THREAD("llvm.amdgcn.global.load.lds", globalToNear, nullptr),
    THREAD("llvm.amdgcn.load.to.lds.*", globalToNear, nullptr),
    THREAD("llvm.amdgcn.s.waitcnt", waitCounters, nullptr),
    THREAD("llvm.amdgcn.s.wait.loadcnt", waitLoadCounter, nullptr),
    THREAD("llvm.amdgcn.s.wait.*cnt", nothing, nullptr),
    THREAD("asm s_waitcnt", waitAssembly, nullptr),
    {"llvm.amdgcn.ds.read.tr16.b64.*", Kind::Warp, 0, 1, nullptr,
     readTransposed, nullptr},
};

#undef THREAD

Rows amdMemoryRows() { return {rows, int(sizeof(rows) / sizeof(rows[0]))}; }

//===----------------------------------------------------------------------===//
// What both families have
//===----------------------------------------------------------------------===//

static void trap(Call &call) {
  call.worker.fail("%s at %s: %s gives up", call.desc->site.name,
                   call.desc->site.location,
                   call.worker.nameThread(call.worker.thread().index));
}

/// Inline assembly without text: values pass through.
static void passThrough(Call &call) {
  if (call.op.p[0] == 1) {
    memcpy(call.result, call.operands[0], size_t(call.desc->site.bytes));
    return;
  }
  for (int i = 0; i < call.op.p[0]; ++i) {
    call.out<uint32_t>(call.in<uint32_t>(i), i);
  }
}

static const Row shared[] = {
    {"llvm.trap", Kind::Thread, 0, 0, trap, nullptr, nullptr},
    {"llvm.debugtrap", Kind::Thread, 0, 0, trap, nullptr, nullptr},
    {"llvm.ubsantrap", Kind::Thread, 0, 0, trap, nullptr, nullptr},
    {"asm ", Kind::Thread, 0, 0, passThrough, nullptr, nullptr},
};

Rows commonRows() { return {shared, int(sizeof(shared) / sizeof(shared[0]))}; }

} // namespace fovea::emu
