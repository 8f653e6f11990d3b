/*===- fovea_program.h - C ABI of compiled programs in files --------------===*
 *
 * A .fovea file holds a compiled program: its entries, and code for one target
 * or several (see docs/artefact.md). Nothing of the compiler is needed to run
 * one. On a device, whose memory the caller manages:
 *
 *     fovea_device *device = fovea_device_open("emulated");
 *     fovea_program *program = fovea_program_open("attention.fovea");
 *     fovea_program_load(program, device, NULL);
 *     fovea_program_call(program, "attention", NULL, arguments, 4, 0);
 *     fovea_device_synchronize(device, NULL);
 *
 * Errors are as in fovea_device.h. A program is loaded once at a time; calls
 * of a loaded program may come from several threads.
 *
 *===----------------------------------------------------------------------===*/

#ifndef FOVEA_RUNTIME_FOVEA_PROGRAM_H
#define FOVEA_RUNTIME_FOVEA_PROGRAM_H

#include "fovea/runtime/fovea_device.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fovea_program fovea_program;

/** Reads a file and checks that it is whole. Null after an error that names the
    file and says what is wrong with it. */
FOVEA_RT_API fovea_program *fovea_program_open(const char *path);
/** The same for a file that lies in memory, which may go when this returns;
    `name` is for messages. */
FOVEA_RT_API fovea_program *
fovea_program_open_memory(const void *bytes, int64_t count, const char *name);
/** Closes a program; unloads it as fovea_program_unload does. */
FOVEA_RT_API void fovea_program_close(fovea_program *program);

/*===--- What is in it ----------------------------------------------------===*/

/** The manifest as it stands in the file: JSON. Valid until the close. */
FOVEA_RT_API const char *fovea_program_manifest(const fovea_program *program);
/** What a reader wants to know of the file, as lines of text. Valid until the
    close. */
FOVEA_RT_API const char *fovea_program_describe(const fovea_program *program);

/** How many targets there is code for. */
FOVEA_RT_API int32_t fovea_program_targets(const fovea_program *program);
/** Name of target `index`, as the compiler was given it; null beyond. */
FOVEA_RT_API const char *fovea_program_target(const fovea_program *program,
                                              int32_t index);

/** How many entries there are. */
FOVEA_RT_API int32_t fovea_program_entries(const fovea_program *program);
/** What an entry demands: its name, and its inputs followed by its outputs.
    Null after an error if there is no entry of that name; "" or null means the
    only one. Valid until the close. */
FOVEA_RT_API const fovea_signature *
fovea_program_signature(const fovea_program *program, const char *entry);
/** Name of entry `index`; null beyond. */
FOVEA_RT_API const char *fovea_program_entry_name(const fovea_program *program,
                                                  int32_t index);

/**
 * The shape that output `output` (0 for the first) has for inputs of these
 * shapes. Only their sizes are read. Fills dtype, rank, sizes and strides
 * (without gaps) of *shape and leaves data alone. An error if it depends on the
 * data.
 */
FOVEA_RT_API int32_t fovea_program_output_shape(
    const fovea_program *program, const char *entry, int32_t output,
    const fovea_tensor *inputs, int32_t count, fovea_tensor *shape);

/*===--- Running it -------------------------------------------------------===*/

/**
 * Which target suits a device best; a null device is this machine's CPU. With a
 * `target` that is not null, that one if it can run there. An index, or -1
 * after an error that lists what there is.
 */
FOVEA_RT_API int32_t fovea_program_choose(const fovea_program *program,
                                          const fovea_device *device,
                                          const char *target);

/** Makes the program ready to run on a device, which must outlive that, or on
    this machine's CPU (null); `target` is as above. What was loaded before is
    unloaded. */
FOVEA_RT_API int32_t fovea_program_load(fovea_program *program,
                                        fovea_device *device,
                                        const char *target);
/** Waits for the device and unloads. No call may be running. */
FOVEA_RT_API void fovea_program_unload(fovea_program *program);
/** Name of the target that is loaded, or null. */
FOVEA_RT_API const char *fovea_program_loaded(const fovea_program *program);

/** The function of an entry of the loaded program, "" or null for the only one;
    for a CPU, or for threads that are bound (fovea_rt_bind) to
    fovea_program_module. Null after an error. */
FOVEA_RT_API fovea_entry fovea_program_entry(const fovea_program *program,
                                             const char *entry);
/** The kernels of the loaded program; null for a CPU. */
FOVEA_RT_API fovea_module *fovea_program_module(const fovea_program *program);

/**
 * Calls an entry with its inputs followed by its outputs. On a device their
 * data lies in memory of that device, the work is put into the stream (null:
 * the default one) and may not be done when this returns; errors in it are
 * reported by fovea_device_synchronize. On a CPU it is done; `stream` is not
 * looked at, and `threads` is as in fovea_rt_parallel_for.
 */
FOVEA_RT_API int32_t fovea_program_call(const fovea_program *program,
                                        const char *entry, fovea_stream *stream,
                                        const fovea_tensor *arguments,
                                        int32_t count, int32_t threads);

/**
 * Whether this machine's CPU has a feature, under LLVM's name for it: 1, or 0
 * if not, if the system does not support it, or if CPUs of another family have
 * it, or -1 if the name is not known here.
 */
FOVEA_RT_API int32_t fovea_rt_cpu_has(const char *feature);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* FOVEA_RUNTIME_FOVEA_PROGRAM_H */
