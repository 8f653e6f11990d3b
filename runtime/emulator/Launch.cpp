//===- Launch.cpp - The emulator's C functions ----------------------------===//

#include "emulator/Memory.h"
#include "emulator/Numbers.h"
#include "emulator/Ops.h"
#include "emulator/Worker.h"

#include <atomic>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>

using namespace fovea::emu;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

static bool isWord(const char *text, size_t length, const char *word) {
  return strlen(word) == length && strncmp(text, word, length) == 0;
}

/// "random:17".
static bool parseSeed(const char *text, size_t length, uint64_t &seed) {
  constexpr size_t prefix = 7;
  if (length <= prefix || strncmp(text, "random:", prefix) != 0) {
    return false;
  }
  seed = 0;
  for (size_t i = prefix; i < length; ++i) {
    if (text[i] < '0' || text[i] > '9') {
      return false;
    }
    seed = seed * 10 + uint64_t(text[i] - '0');
  }
  return true;
}

int32_t fovea_emu_parse_options(const char *text, fovea_emu_options *options) {
  *options = {};
  while (text && *text) {
    size_t length = strcspn(text, ",");
    if (isWord(text, length, "late")) {
      options->early = 0;
    } else if (isWord(text, length, "early")) {
      options->early = 1;
    } else if (isWord(text, length, "fifo")) {
      options->order = FOVEA_EMU_FIFO;
    } else if (isWord(text, length, "lifo")) {
      options->order = FOVEA_EMU_LIFO;
    } else if (isWord(text, length, "random") ||
               parseSeed(text, length, options->seed)) {
      options->order = FOVEA_EMU_RANDOM;
    } else if (isWord(text, length, "race")) {
      options->race_check = 1;
    } else if (isWord(text, length, "norace")) {
      options->race_check = 0;
    } else {
      char message[FOVEA_RT_MESSAGE_BYTES];
      snprintf(message, sizeof(message),
               "emulated device: expected late, early, fifo, lifo, random, "
               "random:SEED, race or norace, got '%.*s'",
               int(length), text);
      return fovea_rt_fail(message);
    }
    text += length;
    text += *text == ',';
  }
  return 0;
}

//===----------------------------------------------------------------------===//
// Launch
//===----------------------------------------------------------------------===//

namespace {
struct Launch {
  const fovea_emu_image *image;
  const fovea_emu_kernel *kernel;
  const uint32_t *grid, *block;
  uint32_t nearBytes;
  void **parameters;
  const fovea_emu_options *options;
  Worker *workers[kMaxWorkers] = {};
  std::atomic<int64_t> firstFailed{INT64_MAX};
};
} // namespace

/// A fault on a fibre whose stack is full needs another one to be handled on.
class AlternateStack {
public:
  AlternateStack() {
    stack_t mine = {};
    mine.ss_sp = memory;
    mine.ss_size = sizeof(memory);
    sigaltstack(&mine, &before);
  }
  ~AlternateStack() { sigaltstack(&before, nullptr); }

private:
  stack_t before;
  alignas(16) char memory[32 << 10];
};

static void runTask(void *context, int64_t task, int32_t workerIndex) {
  Launch &launch = *static_cast<Launch *>(context);
  // The lowest block that fails is the one reported, on any number of threads,
  // so those before it have to run and those after it need not.
  if (task > launch.firstFailed.load()) {
    return;
  }
  int32_t failed = 1;
  Worker *&worker = launch.workers[workerIndex];
  if (!worker) {
    worker = takeWorker(launch.options->race_check != 0);
  }
  if (worker) {
    AlternateStack stack;
    int64_t gridX = launch.grid[0], gridY = launch.grid[1];
    uint32_t id[3] = {uint32_t(task % gridX), uint32_t(task / gridX % gridY),
                      uint32_t(task / gridX / gridY)};
    failed = worker->runBlock(
        launch.image, launch.kernel, launch.grid, launch.block, id,
        launch.nearBytes, launch.parameters, launch.options,
        launch.options->seed * 0x100000001b3u + uint64_t(task) + 1);
  }
  if (failed) {
    int64_t lowest = launch.firstFailed.load();
    while (task < lowest &&
           !launch.firstFailed.compare_exchange_weak(lowest, task)) {
    }
  }
}

static int32_t failLaunch(const char *kernel, const char *expected,
                          int64_t got) {
  char message[FOVEA_RT_MESSAGE_BYTES];
  snprintf(message, sizeof(message), "%s: expected %s, got %" PRId64, kernel,
           expected, got);
  return fovea_rt_fail(message);
}

int32_t fovea_emu_launch(const fovea_emu_image *image, int32_t index,
                         const uint32_t grid[3], const uint32_t block[3],
                         uint32_t nearBytes, void **parameters,
                         const fovea_emu_options *options) {
#if !defined(__x86_64__)
  return fovea_rt_fail("the emulator needs an x86-64 CPU");
#endif
  if (image->version != FOVEA_EMU_VERSION) {
    return failLaunch("emulated module", "a module of format 1",
                      image->version);
  }
  if (index < 0 || index >= image->count) {
    return failLaunch("emulated module", "the index of one of its kernels",
                      index);
  }
  const fovea_emu_kernel *kernel = &image->kernels[index];
  int64_t threads = int64_t(block[0]) * block[1] * block[2];
  if (threads < 1 || threads > kMaxThreads) {
    return failLaunch(kernel->name, "1 to 1024 threads per block", threads);
  }
  if (kernel->threads != 0 && threads != kernel->threads) {
    char expected[64];
    snprintf(expected, sizeof(expected), "%d threads per block",
             kernel->threads);
    return failLaunch(kernel->name, expected, threads);
  }
  int64_t near = int64_t(image->near_static) + nearBytes;
  if (near > kMaxNearBytes) {
    return failLaunch(kernel->name, "at most 1 MiB of near memory", near);
  }
  int64_t blocks = int64_t(grid[0]) * grid[1] * grid[2];
  installFaultHandler();
  Launch launch{image,          kernel,     grid,   block,
                uint32_t(near), parameters, options};
  bool alone = image->sequential || options->race_check;
  int32_t hosts = fovea_rt_default_threads();
  hosts = hosts > kMaxWorkers ? kMaxWorkers : hosts;
  fovea_rt_parallel_for(blocks, alone ? 1 : hosts, runTask, &launch);
  for (Worker *worker : launch.workers) {
    if (worker) {
      giveWorker(worker);
    }
  }
  return launch.firstFailed.load() != INT64_MAX;
}

//===----------------------------------------------------------------------===//
// What the code of an image calls
//===----------------------------------------------------------------------===//

void fovea_emu_access(const fovea_emu_site *site, const void *address) {
  Worker &worker = *currentWorker;
  worker.site = site;
  if ((site->kind & 3) == FOVEA_EMU_ATOMIC) {
    // Before the access is noted: what is noted has to happen at once, or
    // another thread's access comes between the two.
    worker.yield(nullptr);
    worker.site = site;
  }
  worker.access(worker.thread().index, site, site->kind, address, site->bytes);
}

void *fovea_emu_window(void) { return currentWorker->window; }

void fovea_emu_op(const fovea_emu_desc *desc, void *result,
                  void *const *operands) {
  Worker &worker = *currentWorker;
  worker.site = &desc->site;
  // All host threads that get here first find the same, so none need wait.
  void **cell = const_cast<void **>(&desc->op);
  const Op *op =
      static_cast<const Op *>(__atomic_load_n(cell, __ATOMIC_ACQUIRE));
  if (!op) {
    const char *why = nullptr;
    op = findOp(desc, worker.image->chip, why);
    if (!op) {
      worker.fail("%s at %s: %s", desc->site.name, desc->site.location, why);
    }
    __atomic_store_n(cell, const_cast<Op *>(op), __ATOMIC_RELEASE);
  }
  switch (op->row->kind) {
  case Kind::Thread: {
    Call call{worker, *op, desc, result, operands};
    op->row->thread(call);
    return;
  }
  case Kind::Masked:
    worker.gather(desc, op,
                  readOperand<uint32_t>(*op, operands, op->row->maskOperand),
                  result, operands);
    return;
  case Kind::Warp:
  case Kind::Exec:
    worker.gather(desc, op, ~uint64_t(0), result, operands);
    return;
  }
}

uint16_t fovea_emu_f32_to_f16(float value) { return floatToHalf(value); }
float fovea_emu_f16_to_f32(uint16_t bits) { return halfToFloat(bits); }
uint16_t fovea_emu_f32_to_bf16(float value) { return floatToBfloat(value); }

int32_t fovea_emu_check_op(const fovea_emu_desc *desc, const char *chip) {
  const char *why = nullptr;
  if (const Op *op = findOp(desc, chip, why)) {
    free(const_cast<Op *>(op));
    return 0;
  }
  char message[FOVEA_RT_MESSAGE_BYTES];
  snprintf(message, sizeof(message), "%s at %s: %s%s%s", desc->site.name,
           desc->site.location, why, desc->assembly ? ": " : "",
           desc->assembly ? desc->assembly : "");
  return fovea_rt_fail(message);
}

const fovea_emu_symbol *fovea_emu_symbols(int32_t *count) {
#define FOVEA_EMU_SYMBOL(name)                                                 \
  {                                                                            \
    #name, reinterpret_cast<void *>(&name)                                     \
  }
  static const fovea_emu_symbol symbols[] = {
      FOVEA_EMU_SYMBOL(fovea_emu_op),
      FOVEA_EMU_SYMBOL(fovea_emu_access),
      FOVEA_EMU_SYMBOL(fovea_emu_window),
      FOVEA_EMU_SYMBOL(fovea_emu_f32_to_f16),
      FOVEA_EMU_SYMBOL(fovea_emu_f16_to_f32),
      FOVEA_EMU_SYMBOL(fovea_emu_f32_to_bf16),
  };
#undef FOVEA_EMU_SYMBOL
  *count = int32_t(sizeof(symbols) / sizeof(symbols[0]));
  return symbols;
}
