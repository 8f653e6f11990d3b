/*===- fovea_device.h - C ABI of devices: memory, streams, kernels --------===*
 *
 * A device is something that runs kernels in memory of its own: a GPU behind
 * its vendor's driver, or the emulator, which runs the same kernels on the CPU.
 * All look alike from here. The vendors' libraries are opened when a device is,
 * so nothing is linked and nothing is needed where no device is used.
 *
 * A kernel run by hand, from an image that holds kernels for the device:
 *
 *     fovea_device *device = fovea_device_open("cuda:0");
 *     fovea_module *module = fovea_module_load(device, image, bytes);
 *     void *x = fovea_device_alloc(device, 4096);
 *     fovea_device_copy_in(device, x, host, 4096, NULL);
 *     fovea_rt_bind(module, NULL);
 *     void *parameters[] = {&x};
 *     fovea_rt_launch("scale", 8, 128, 0, parameters);
 *     fovea_device_copy_out(device, host, x, 4096, NULL);
 *
 * Functions that return int32_t return 0, and others a pointer that is not
 * null, or they fail after storing a message for fovea_rt_last_error(); the
 * message carries the driver's own text. Null handles to close or free are
 * ignored. Sizes are in bytes.
 *
 * A device may be used by several threads at once. What they launch on one
 * stream runs in the order of the calls.
 *
 *===----------------------------------------------------------------------===*/

#ifndef FOVEA_RUNTIME_FOVEA_DEVICE_H
#define FOVEA_RUNTIME_FOVEA_DEVICE_H

#include "fovea/runtime/fovea_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fovea_device fovea_device;
/** Kernels, loaded on one device. */
typedef struct fovea_module fovea_module;
/** Work of a device that runs in order. A null stream is the device's default
    one, which is also the default one of the vendor's other libraries. */
typedef struct fovea_stream fovea_stream;
/** A point in a stream. */
typedef struct fovea_event fovea_event;

/*===--- Devices ----------------------------------------------------------===*/

/** What a device is. */
typedef struct fovea_device_info {
  char driver[16];         /**< "cuda", "hip" or "emulated" */
  char name[128];          /**< what the vendor calls it */
  char chip[64];           /**< what code is generated for: "sm_90", "gfx942";
                                "" where any code runs */
  char version[64];        /**< of the driver, as text */
  int32_t ordinal;         /**< among the devices of this driver */
  int32_t multiprocessors; /**< blocks that certainly run at the same time */
  int32_t lanes;           /**< threads per warp or wave; 0 if the code says */
  int32_t reserved;        /**< 0 */
  int64_t memory_bytes;    /**< 0 if there is no limit of its own */
  int64_t near_bytes;      /**< most near (shared) memory of one block */
} fovea_device_info;

/**
 * Opens a device by name:
 *
 *     "cuda", "cuda:1"       the first, the second device of CUDA's driver
 *     "hip", "hip:1"         the same of HIP's
 *     "emulated"             kernels run on the CPU
 *     "emulated:early,race"  with options of fovea_emu_parse_options
 *
 * Null after an error that says what is missing and how to cure it. Each call
 * gives a handle of its own; on one device they share memory and modules.
 */
FOVEA_RT_API fovea_device *fovea_device_open(const char *name);

/** Closes a device. Its modules, streams and events must be gone; memory of
    fovea_device_alloc that is left is the driver's to clean up. */
FOVEA_RT_API void fovea_device_close(fovea_device *device);

/** Fills *info. */
FOVEA_RT_API int32_t fovea_device_get_info(const fovea_device *device,
                                           fovea_device_info *info);

/**
 * How well code made for `chip`, in an image of that kind ("cubin", "ptx",
 * "hsaco", "emulated"), suits the device: 0 if it cannot run, else the higher
 * the better. Code for exactly this chip is better than what the driver still
 * has to compile.
 */
FOVEA_RT_API int32_t fovea_device_rates(const fovea_device *device,
                                        const char *kind, const char *chip);

/*===--- Memory -----------------------------------------------------------===*/

/** Memory of the device, contents undefined; 0 bytes count as 1. Aligned to 256
    bytes on a GPU, and to 16 when emulated, where it ends at a guard page. */
FOVEA_RT_API void *fovea_device_alloc(fovea_device *device, int64_t bytes);
/** Frees what fovea_device_alloc gave, when the work that uses it is done. */
FOVEA_RT_API void fovea_device_free(fovea_device *device, void *memory);

/** Host to device, in the order of the stream. `from` may be changed at once
    when this returns. */
FOVEA_RT_API int32_t fovea_device_copy_in(fovea_device *device, void *to,
                                          const void *from, int64_t bytes,
                                          fovea_stream *stream);
/** Device to host, in the order of the stream; returns when the data is there.
 */
FOVEA_RT_API int32_t fovea_device_copy_out(fovea_device *device, void *to,
                                           const void *from, int64_t bytes,
                                           fovea_stream *stream);
/** Device to device, in the order of the stream. */
FOVEA_RT_API int32_t fovea_device_copy(fovea_device *device, void *to,
                                       const void *from, int64_t bytes,
                                       fovea_stream *stream);
/** Sets bytes of the device to `byte`, in the order of the stream. */
FOVEA_RT_API int32_t fovea_device_fill(fovea_device *device, void *to,
                                       uint8_t byte, int64_t bytes,
                                       fovea_stream *stream);

/*===--- Streams and events -----------------------------------------------===*/

/** A new stream, which does not wait for the default one. */
FOVEA_RT_API fovea_stream *fovea_stream_open(fovea_device *device);
/** A stream of the driver's that the caller owns, such as the one a framework
    runs on; null is the driver's default stream. */
FOVEA_RT_API fovea_stream *fovea_stream_wrap(fovea_device *device,
                                             void *native);
/** Waits for what is in it and closes it. A wrapped stream stays open at the
    driver. No other thread may be bound to it. */
FOVEA_RT_API void fovea_stream_close(fovea_stream *stream);

/**
 * Waits until the stream is done, and reports what kernels on the device found
 * wrong since the last time (see fovea_rt_status).
 */
FOVEA_RT_API int32_t fovea_device_synchronize(fovea_device *device,
                                              fovea_stream *stream);

FOVEA_RT_API fovea_event *fovea_event_open(fovea_device *device);
FOVEA_RT_API void fovea_event_close(fovea_event *event);
/** Puts the event at the present end of the stream. */
FOVEA_RT_API int32_t fovea_event_record(fovea_event *event,
                                        fovea_stream *stream);
/** Waits for `end` and gives the milliseconds from `begin` to it. */
FOVEA_RT_API int32_t fovea_event_elapsed(fovea_event *begin, fovea_event *end,
                                         double *milliseconds);

/*===--- Kernels ----------------------------------------------------------===*/

/**
 * Loads an image that lies in memory; it may go when this returns. An emulated
 * image is a shared library for this machine that defines `fovea_emu_image`.
 */
FOVEA_RT_API fovea_module *fovea_module_load(fovea_device *device,
                                             const void *image, int64_t bytes);
/**
 * A module from an emulated image that is in this process already: `image` is a
 * fovea_emu_image, which must outlive the module. Only for emulated devices.
 */
FOVEA_RT_API fovea_module *fovea_module_adopt(fovea_device *device,
                                              const void *image);
/** Waits for the device and unloads. The calling thread is not bound to the
    module any more; others must not be. */
FOVEA_RT_API void fovea_module_close(fovea_module *module);

/** What is known of a kernel of a module. */
typedef struct fovea_kernel_info {
  int32_t registers;  /**< per thread, 0 if unknown */
  int32_t threads;    /**< per block that it demands or at most takes, 0 if
                           unknown */
  int64_t near_bytes; /**< static near memory */
} fovea_kernel_info;
FOVEA_RT_API int32_t fovea_module_kernel_info(fovea_module *module,
                                              const char *name,
                                              fovea_kernel_info *info);

/*===--- What compiled host code calls ------------------------------------===*/

/** Makes `module` and `stream` (null: default) the ones that this thread's
    kernels use, until the next bind. A null module binds nothing. */
FOVEA_RT_API void fovea_rt_bind(fovea_module *module, fovea_stream *stream);

/**
 * Launches kernel `name` of the bound module: `tasks` blocks of `threads`
 * threads with `near_bytes` of dynamic near memory; parameters[i] points to
 * argument i. tasks <= 0 does nothing. Handles are cached. Errors of a running
 * kernel may appear only when the stream is waited for.
 */
FOVEA_RT_API int32_t fovea_rt_launch(const char *name, int64_t tasks,
                                     int32_t threads, int64_t near_bytes,
                                     void **parameters);

/**
 * Memory of the bound device in the order of the bound stream, from a pool that
 * is reused: what is freed may be given out again at once, to work that comes
 * later in the same stream. Aligned as by fovea_device_alloc.
 */
FOVEA_RT_API void *fovea_rt_device_alloc(int64_t bytes);
/** Gives it back. Bound to the same device as when it was given. */
FOVEA_RT_API void fovea_rt_device_free(void *memory);

/** How many tasks the bound device works on at once: its multiprocessors. 1 if
    nothing is bound. In the reproducible mode fovea_rt_parts(0). */
FOVEA_RT_API int32_t fovea_rt_parallelism(void);

/**
 * A status word in device memory that a kernel sets to 1 + the index of a
 * message when an argument's data is wrong. The next synchronise (or
 * fovea_rt_check_status) turns it into an error with that text and clears it.
 * `messages` must stay valid until then; each array of messages has a word of
 * its own. Null after an error.
 */
FOVEA_RT_API int32_t *fovea_rt_status(const char *const *messages,
                                      int32_t count);
/** Waits for the bound stream; an error if a kernel of the bound device has
    set a status word, or has failed. */
FOVEA_RT_API int32_t fovea_rt_check_status(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* FOVEA_RUNTIME_FOVEA_DEVICE_H */
