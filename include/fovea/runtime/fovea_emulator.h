/*===- fovea_emulator.h - GPU kernels on a CPU, race-checked --------------===*
 *
 * Runs kernels that were compiled for a GPU on the CPU of this machine: one
 * fibre per GPU thread, matrix and cross-lane instructions computed by tables
 * written from the vendors' manuals, asynchronous copies that land as late as
 * the program allows, and a race detector on near (shared, LDS) memory.
 * docs/emulator.md says what it catches and what it does not.
 *
 * A device module becomes an image by fovea::rewriteForEmulation (see
 * fovea/Emulator/Rewrite.h). The image holds ordinary x86-64 code that calls
 * the functions of the last section of this header. A launch, by example:
 *
 *     const uint32_t grid[3] = {8, 1, 1}, block[3] = {128, 1, 1};
 *     void *parameters[] = {&q, &k, &length};
 *     fovea_emu_options options;
 *     if (fovea_emu_parse_options("late,lifo,race", &options) != 0 ||
 *         fovea_emu_launch(image, 0, grid, block, 0, parameters,
 *                          &options) != 0) {
 *       fprintf(stderr, "%s\n", fovea_rt_last_error());
 *     }
 *
 *===----------------------------------------------------------------------===*/

#ifndef FOVEA_RUNTIME_FOVEA_EMULATOR_H
#define FOVEA_RUNTIME_FOVEA_EMULATOR_H

#include "fovea/runtime/fovea_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/*===--- Images -----------------------------------------------------------===*/

#define FOVEA_EMU_VERSION 1

/** One kernel of an image. */
typedef struct fovea_emu_kernel {
  const char *name;
  /** parameters[i] points to argument i, as for a driver launch. */
  void (*thunk)(void **parameters);
  int32_t parameters; /**< how many */
  /** Threads per block that the kernel demands, 0 if any number will do. */
  int32_t threads;
} fovea_emu_kernel;

/** Every emulated module defines one, named `fovea_emu_image`. */
typedef struct fovea_emu_image {
  uint32_t version; /**< FOVEA_EMU_VERSION */
  int32_t lanes;    /**< 32 or 64 threads per warp */
  int32_t count;    /**< of kernels */
  int32_t reserved; /**< 0 */
  const char *chip; /**< "sm_80", "gfx942" */
  const fovea_emu_kernel *kernels;
  /** Bytes of near memory that the module's own variables take; the dynamic
   * part of a launch follows them. */
  uint32_t near_static;
  /** 1 when blocks may talk to each other (atomics on device memory): they
   * then run one after the other, so that results do not vary. */
  int32_t sequential;
} fovea_emu_image;

/*===--- Launches ---------------------------------------------------------===*/

/** In which order threads that can run do run. A correct kernel does not
 * care; an incorrect one is caught more often when several are tried. */
enum fovea_emu_order {
  FOVEA_EMU_FIFO = 0,
  FOVEA_EMU_LIFO = 1,
  FOVEA_EMU_RANDOM = 2
};

typedef struct fovea_emu_options {
  int32_t order;      /**< one of fovea_emu_order */
  int32_t early;      /**< 1: asynchronous copies land at once; 0: at their
                           wait, and the bytes are NaN until then */
  int32_t race_check; /**< 1: find races on near memory; slower */
  int32_t reserved;   /**< 0 */
  uint64_t seed;      /**< of FOVEA_EMU_RANDOM */
} fovea_emu_options;

/**
 * Runs all blocks of one launch to the end. `kernel` is an index into
 * image->kernels, `near_bytes` the dynamic near memory of a block.
 * Returns 0, or non-zero after fovea_rt_fail with a report that names the
 * kernel, the block, the threads, the operations and, when the module has
 * debug locations, their places in the source. The report is the same for
 * the same options.
 *
 * Blocks run on several host threads unless race_check is on or the image
 * asks for one at a time.
 */
FOVEA_RT_API int32_t fovea_emu_launch(const fovea_emu_image *image,
                                      int32_t kernel, const uint32_t grid[3],
                                      const uint32_t block[3],
                                      uint32_t near_bytes, void **parameters,
                                      const fovea_emu_options *options);

/**
 * Reads options from words between commas: "late" or "early"; "fifo", "lifo",
 * "random" or "random:SEED"; "race" or "norace". What is not named is late,
 * fifo and norace; null and "" name nothing. Returns non-zero after
 * fovea_rt_fail on any other word.
 */
FOVEA_RT_API int32_t fovea_emu_parse_options(const char *text,
                                             fovea_emu_options *options);

/*===--- Device memory ----------------------------------------------------===*/

/**
 * Device memory: aligned to 16 bytes (to the largest power of two that divides
 * `bytes`, up to a page), filled with NaN bytes, with guard pages at both
 * ends. An access outside, or after the memory was freed, is reported by the
 * launch that made it. Returns null after fovea_rt_fail.
 */
FOVEA_RT_API void *fovea_emu_alloc(int64_t bytes);

/** Gives memory of fovea_emu_alloc back. Null does nothing. */
FOVEA_RT_API void fovea_emu_free(void *memory);

/*===--- What the code of an image calls ----------------------------------===*/

enum fovea_emu_access_kind {
  FOVEA_EMU_LOAD = 1,
  FOVEA_EMU_STORE = 2,
  FOVEA_EMU_ATOMIC = 3,
  FOVEA_EMU_NEAR = 4 /**< or-ed in: the address must be near memory */
};

/** A place in a kernel that touches memory or does what only a GPU does. */
typedef struct fovea_emu_site {
  const char *name;     /**< "load", "store", ... or the intrinsic's name */
  const char *location; /**< "file:line:column" or the function's name */
  int32_t bytes;        /**< of the access, or of the operation's result */
  int32_t kind;         /**< of the access; 0 for an operation */
} fovea_emu_site;

/** One operation of a GPU in a kernel: an intrinsic or inline assembly. */
typedef struct fovea_emu_desc {
  fovea_emu_site site;
  const char *assembly;         /**< null, or the text of inline assembly */
  const char *constraints;      /**< of the assembly, in LLVM's syntax */
  const int32_t *operand_bytes; /**< size of each operand */
  int32_t operands;             /**< how many */
  int32_t order;                /**< position in its function */
  void *op;                     /**< null until first executed */
} fovea_emu_desc;

/** Does the operation: operands[i] points to operand i. */
FOVEA_RT_API void fovea_emu_op(const fovea_emu_desc *desc, void *result,
                               void *const *operands);

/** Comes before a plain access to memory that other threads can see. */
FOVEA_RT_API void fovea_emu_access(const fovea_emu_site *site,
                                   const void *address);

/** Where the near memory of the running block begins: below 4 GiB, aligned
 * to 1 MiB. */
FOVEA_RT_API void *fovea_emu_window(void);

/** Conversions that not every x86-64 has as instructions; to nearest even. */
FOVEA_RT_API uint16_t fovea_emu_f32_to_f16(float value);
FOVEA_RT_API float fovea_emu_f16_to_f32(uint16_t bits);
FOVEA_RT_API uint16_t fovea_emu_f32_to_bf16(float value);

/**
 * Whether the operation is known; `chip` as in an image. Returns 0, or
 * non-zero after fovea_rt_fail with a message that names the operation and
 * its location.
 */
FOVEA_RT_API int32_t fovea_emu_check_op(const fovea_emu_desc *desc,
                                        const char *chip);

typedef struct fovea_emu_symbol {
  const char *name;
  void *address;
} fovea_emu_symbol;

/** The functions of this section that the code of an image calls, for
 * loaders that resolve names themselves; *count of them. */
FOVEA_RT_API const fovea_emu_symbol *fovea_emu_symbols(int32_t *count);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* FOVEA_RUNTIME_FOVEA_EMULATOR_H */
