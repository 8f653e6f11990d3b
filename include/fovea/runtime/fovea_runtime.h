/*===- fovea_runtime.h - C ABI between kernels, hosts and the runtime -----===*
 *
 * Everything a compiled Fovea kernel calls, and everything a host needs to
 * call a compiled kernel. C only: no C++, no LLVM, no framework.
 *
 * How the parts meet, by example. A kernel NAME with two inputs and one output
 * is compiled to
 *
 *     int32_t NAME(const fovea_tensor *arguments, int32_t count,
 *                  int32_t threads);
 *
 * and a host calls it so:
 *
 *     fovea_tensor arguments[3] = {q, k, out};
 *     if (NAME(arguments, 3, 0) != 0) {
 *       fprintf(stderr, "%s\n", fovea_rt_last_error());
 *     }
 *
 * Inside, the kernel checks its arguments (returning fovea_rt_fail(...) when
 * one is wrong) and hands its independent tiles to fovea_rt_parallel_for.
 *
 *===----------------------------------------------------------------------===*/

#ifndef FOVEA_RUNTIME_FOVEA_RUNTIME_H
#define FOVEA_RUNTIME_FOVEA_RUNTIME_H

#include <stdint.h>

#if defined(__GNUC__)
#define FOVEA_RT_API __attribute__((visibility("default")))
#else
#define FOVEA_RT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*===--- Tensors and kernel entries ---------------------------------------===*/

/** Most dimensions a tensor argument may have. */
#define FOVEA_MAX_RANK 8

/** Element types of a tensor argument. The numbers are part of the ABI. */
typedef enum fovea_dtype {
  FOVEA_F32 = 0,  /**< IEEE single, 4 bytes */
  FOVEA_F16 = 1,  /**< IEEE half, 2 bytes */
  FOVEA_BF16 = 2, /**< upper half of an IEEE single, 2 bytes */
  FOVEA_I32 = 3,  /**< signed, 4 bytes */
  FOVEA_I64 = 4,  /**< signed, 8 bytes */
  FOVEA_I1 = 5,   /**< truth value, one byte that holds 0 or 1 */
  FOVEA_I8 = 6,   /**< signed, 1 byte */
  /** 1 sign, 4 exponent (bias 7), 3 fraction bits, no infinity; 1 byte */
  FOVEA_F8E4M3FN = 7
} fovea_dtype;

/**
 * A view of memory that the caller owns.
 *
 * Element (i0, i1, ...) lies at data + (i0 * strides[0] + i1 * strides[1] +
 * ...) elements; strides count elements, not bytes. Entries of sizes and
 * strides from `rank` on are not read.
 */
typedef struct fovea_tensor {
  void *data;
  int32_t dtype; /**< one of fovea_dtype */
  int32_t rank;  /**< 0 to FOVEA_MAX_RANK */
  int64_t sizes[FOVEA_MAX_RANK];
  int64_t strides[FOVEA_MAX_RANK];
} fovea_tensor;

/**
 * The type of every compiled kernel.
 *
 * `arguments` are the inputs followed by the outputs, `count` of them.
 * `threads` is as in fovea_rt_parallel_for. Returns 0, or non-zero after
 * storing a message for fovea_rt_last_error(); the outputs are then undefined.
 */
typedef int32_t (*fovea_entry)(const fovea_tensor *arguments, int32_t count,
                               int32_t threads);

/** What a kernel demands of one argument. */
typedef struct fovea_parameter {
  const char *name; /**< as in the source, or null when it has none */
  int32_t dtype;    /**< one of fovea_dtype */
  int32_t rank;
  int32_t is_output;             /**< 1 for what the kernel writes */
  int32_t reserved;              /**< 0 */
  int64_t sizes[FOVEA_MAX_RANK]; /**< extent of each axis, -1 for any */
} fovea_parameter;

/** What a kernel demands of a call; each compiled kernel holds one. */
typedef struct fovea_signature {
  const char *kernel;
  const fovea_parameter *parameters; /**< `count` of them */
  int32_t count;
} fovea_signature;

/**
 * Compares a call with a signature. Returns 0 when it may go on, else stores
 * a message that names the argument, the rule, what was expected and what was
 * given, as
 *
 *     attention: argument 1 'k': expected size 64 along axis 3, got 32
 *
 * Checked are the number of arguments, element types, ranks, fixed sizes,
 * contiguous elements along the last axis (strides[rank - 1] == 1 unless that
 * axis has at most one element), non-null data aligned to its element size
 * (unless the tensor is empty), and that an output does not repeat elements
 * (no stride of 0 along an axis of more than one).
 */
FOVEA_RT_API int32_t fovea_rt_check_arguments(const fovea_tensor *arguments,
                                              int32_t count,
                                              const fovea_signature *signature);

/*===--- Parallel loops ---------------------------------------------------===*/

/** Most threads that take part in one parallel loop. */
#define FOVEA_RT_MAX_THREADS 1024

/**
 * Calls body(context, task, worker) once for every task in [0, tasks), and
 * returns when all calls have returned.
 *
 * Tasks are handed out one by one, lowest first, to whichever thread is free,
 * so put the longest first. The calling thread takes part as worker 0; worker
 * is always less than min(threads, tasks), and no two calls that overlap in
 * time see the same worker.
 *
 * threads <= 0 means fovea_rt_default_threads(); more than
 * FOVEA_RT_MAX_THREADS means that many. tasks <= 0 does nothing.
 *
 * - A loop started from inside a body runs on the thread that started it, as
 *   worker 0.
 * - Several host threads may start loops at once; they share the pool, and get
 *   help from it only while fewer threads run tasks than
 *   fovea_rt_default_threads(), or than the loop asks for if that is more. So
 *   a host with a thread on every CPU gets none.
 * - Helper threads compute with the caller's floating-point environment
 *   (rounding, flushing of subnormals), so a result does not depend on which
 *   thread computed it.
 * - A body that calls fovea_rt_fail() on any thread makes the message of the
 *   lowest failing task the caller's last error. The other tasks still run;
 *   how the caller learns that one failed is up to the body and its context.
 * - After fork() the child has an empty pool that fills again on first use.
 *   A child forked from inside a body, or while another thread is in a loop,
 *   may start loops of its own, but must not return into the body.
 */
FOVEA_RT_API void
fovea_rt_parallel_for(int64_t tasks, int32_t threads,
                      void (*body)(void *context, int64_t task, int32_t worker),
                      void *context);

/**
 * How many threads `threads <= 0` stands for: the value of the environment
 * variable FOVEA_THREADS if it is a whole number from 1 to
 * FOVEA_RT_MAX_THREADS, or else the number of CPUs this process may run on:
 * those in the affinity mask of any of its threads, but no more than the CPU
 * time that its control groups grant (cpu.max, or cpu.cfs_quota_us), rounded
 * up. Read once, at the first call; constant from then on.
 */
FOVEA_RT_API int32_t fovea_rt_default_threads(void);

/*===--- Same results -----------------------------------------------------===*/

/**
 * For one program, one machine and one number of threads a kernel always
 * computes the same bits. Another number of threads may change the last ones:
 * with more threads than tasks the keys of a task are divided among several,
 * whose sums are added in the end. In the reproducible mode the division
 * depends on the sizes of the arguments alone, and so all numbers of threads
 * give the same bits. It costs time where that division is not the best one:
 * see docs/numerics.md.
 *
 * Until this is called the environment variable FOVEA_REPRODUCIBLE decides: 1
 * for the mode, all else for none. Counts for calls that begin later, of the
 * whole process.
 */
FOVEA_RT_API void fovea_rt_set_reproducible(int32_t on);

/** 1 in the reproducible mode, else 0. */
FOVEA_RT_API int32_t fovea_rt_reproducible(void);

/**
 * Into how many parts a kernel divides its work at least, if it can, when it is
 * called with this number of threads: as many as threads, or a constant in the
 * reproducible mode.
 */
FOVEA_RT_API int32_t fovea_rt_parts(int32_t threads);

/**
 * Asks the system, once, to let the threads of this process use the processor's
 * matrix tiles, as kernels for processors that have them do first. 0, or 1 if it
 * refuses (the processor has none, or the system is older than Linux 5.16).
 */
FOVEA_RT_API int32_t fovea_rt_use_tiles(void);

/*===--- Errors -----------------------------------------------------------===*/

/** Bytes kept of an error message, with its final zero; the rest is cut. */
#define FOVEA_RT_MESSAGE_BYTES 1024

/**
 * Makes a copy of message the calling thread's last error. A null message
 * counts as "unknown error". Always returns 1, so that a kernel can
 * `return fovea_rt_fail("...")`.
 */
FOVEA_RT_API int32_t fovea_rt_fail(const char *message);

/**
 * As fovea_rt_fail, with the text
 * "<message>: at <where>, got <value>, bound <bound>": element number `where`
 * of a table held `value`, which `bound` forbids.
 */
FOVEA_RT_API int32_t fovea_rt_fail_index(const char *message, int64_t where,
                                         int64_t value, int64_t bound);

/**
 * The calling thread's last error, or "" if it never had one. Success does not
 * clear it. The text stays valid until this thread fails again or ends.
 */
FOVEA_RT_API const char *fovea_rt_last_error(void);

/*===--- Scratch memory ---------------------------------------------------===*/

/**
 * At least `bytes` bytes of memory that belong to the calling thread, aligned
 * to 64 bytes, contents undefined.
 *
 * There is one block per thread and it only grows: a later call on the same
 * thread returns the same memory, or moves it and loses the contents. So call
 * once per task with the sum of what the task needs. Returns NULL after
 * storing an error when bytes is negative or memory runs out; the thread then
 * has no block. Freed when the thread ends.
 */
FOVEA_RT_API void *fovea_rt_scratch(int64_t bytes);

/** Frees the calling thread's scratch block now. */
FOVEA_RT_API void fovea_rt_scratch_release(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* FOVEA_RUNTIME_FOVEA_RUNTIME_H */
