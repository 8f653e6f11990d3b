//===- Program.cpp - programs in files, loaded and called -----------------===//

#include "fovea/runtime/fovea_program.h"

#include "device/Device.h"
#include "device/Message.h"
#include "device/SharedImage.h"
#include "program/Artefact.h"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

using namespace fovea::rt;

namespace {

/// An entry as the C ABI shows it.
struct Signature {
  std::vector<fovea_parameter> parameters;
  fovea_signature signature;
};

} // namespace

struct fovea_program {
  std::string name;
  std::unique_ptr<Artefact> artefact;
  std::string description;
  std::vector<Signature> signatures; // one per entry

  // Of what is loaded.
  const ProgramTarget *target = nullptr;
  fovea_device *device = nullptr;
  fovea_module *module = nullptr;
  void *host = nullptr;
  std::vector<fovea_entry> functions; // one per entry
};

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static Signature makeSignature(const ProgramEntry &entry) {
  Signature made = {};
  auto add = [&](const ProgramParameter &parameter, bool isOutput) {
    fovea_parameter row = {};
    row.name = parameter.name.c_str();
    row.dtype = parameter.dtype;
    row.rank = static_cast<int32_t>(parameter.shape.size());
    row.is_output = isOutput;
    for (size_t axis = 0; axis < parameter.shape.size(); ++axis) {
      row.sizes[axis] = parameter.shape[axis];
    }
    made.parameters.push_back(row);
  };
  for (const ProgramParameter &input : entry.inputs) {
    add(input, /*isOutput=*/false);
  }
  for (const ProgramParameter &output : entry.outputs) {
    add(output, /*isOutput=*/true);
  }
  made.signature = {entry.name.c_str(), made.parameters.data(),
                    static_cast<int32_t>(made.parameters.size())};
  return made;
}

static fovea_program *openProgram(std::string bytes, const std::string &name) {
  std::unique_ptr<Artefact> artefact = parseArtefact(std::move(bytes), name);
  if (!artefact) {
    return nullptr;
  }
  auto *program = new fovea_program;
  program->name = name;
  program->description = describe(*artefact);
  program->signatures.reserve(artefact->entries.size());
  for (const ProgramEntry &entry : artefact->entries) {
    program->signatures.push_back(makeSignature(entry));
  }
  program->artefact = std::move(artefact);
  return program;
}

fovea_program *fovea_program_open(const char *path) {
  if (!path) {
    fail("fovea_program_open: expected the path of a file, got a null pointer");
    return nullptr;
  }
  FILE *file = fopen(path, "rbe");
  std::string bytes;
  int error = file ? 0 : errno;
  if (file) {
    char buffer[1 << 16];
    errno = 0;
    while (size_t count = fread(buffer, 1, sizeof(buffer), file)) {
      bytes.append(buffer, count);
    }
    error = ferror(file) ? errno : 0;
    fclose(file);
  }
  if (error) {
    fail("'%.256s': cannot be read: %s", path, strerror(error));
    return nullptr;
  }
  return openProgram(std::move(bytes), path);
}

fovea_program *fovea_program_open_memory(const void *bytes, int64_t count,
                                         const char *name) {
  if (!bytes || count < 0) {
    fail("fovea_program_open_memory: expected the bytes of a file, got a null "
         "pointer");
    return nullptr;
  }
  return openProgram(
      std::string(static_cast<const char *>(bytes), static_cast<size_t>(count)),
      name ? name : "<memory>");
}

void fovea_program_close(fovea_program *program) {
  if (program) {
    fovea_program_unload(program);
    delete program;
  }
}

//===----------------------------------------------------------------------===//
// What is in it
//===----------------------------------------------------------------------===//

const char *fovea_program_manifest(const fovea_program *program) {
  return program->artefact->manifest.c_str();
}

const char *fovea_program_describe(const fovea_program *program) {
  return program->description.c_str();
}

int32_t fovea_program_targets(const fovea_program *program) {
  return static_cast<int32_t>(program->artefact->targets.size());
}

const char *fovea_program_target(const fovea_program *program, int32_t index) {
  return index >= 0 && index < fovea_program_targets(program)
             ? program->artefact->targets[index].name.c_str()
             : nullptr;
}

int32_t fovea_program_entries(const fovea_program *program) {
  return static_cast<int32_t>(program->artefact->entries.size());
}

const char *fovea_program_entry_name(const fovea_program *program,
                                     int32_t index) {
  return index >= 0 && index < fovea_program_entries(program)
             ? program->artefact->entries[index].name.c_str()
             : nullptr;
}

/// The number of an entry, or -1 after an error that lists them.
static int32_t findEntry(const fovea_program *program, const char *name) {
  const std::vector<ProgramEntry> &entries = program->artefact->entries;
  bool isOnly = !name || name[0] == '\0';
  if (isOnly && entries.size() == 1) {
    return 0;
  }
  std::string known;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!isOnly && entries[i].name == name) {
      return static_cast<int32_t>(i);
    }
    known += (i ? ", " : "") + entries[i].name;
  }
  fail("'%.256s': expected an entry among %.500s; got '%.128s'",
       program->name.c_str(), known.c_str(), isOnly ? "" : name);
  return -1;
}

const fovea_signature *fovea_program_signature(const fovea_program *program,
                                               const char *entry) {
  int32_t index = findEntry(program, entry);
  return index < 0 ? nullptr : &program->signatures[index].signature;
}

int32_t fovea_program_output_shape(const fovea_program *program,
                                   const char *entry, int32_t output,
                                   const fovea_tensor *inputs, int32_t count,
                                   fovea_tensor *shape) {
  int32_t index = findEntry(program, entry);
  if (index < 0) {
    return 1;
  }
  const ProgramEntry &found = program->artefact->entries[index];
  int32_t outputs = static_cast<int32_t>(found.outputs.size());
  if (output < 0 || output >= outputs ||
      count != static_cast<int32_t>(found.inputs.size())) {
    return fail("%.128s: expected %zu inputs and an output from 0 to %d, got "
                "%d and %d",
                found.name.c_str(), found.inputs.size(), outputs - 1, count,
                output);
  }
  const ProgramParameter &parameter = found.outputs[output];
  for (int32_t i = 0; i < count; ++i) {
    size_t rank = found.inputs[i].shape.size();
    if (static_cast<size_t>(inputs[i].rank) != rank) {
      return fail("%.128s: argument %d '%.128s': expected rank %zu, got %d",
                  found.name.c_str(), i, found.inputs[i].name.c_str(), rank,
                  inputs[i].rank);
    }
  }
  shape->dtype = parameter.dtype;
  shape->rank = static_cast<int32_t>(parameter.shape.size());
  int64_t stride = 1;
  for (int32_t axis = shape->rank - 1; axis >= 0; --axis) {
    int64_t size = parameter.shape[axis];
    if (size < 0 && !parameter.extents) {
      return fail("%.128s: the shape of '%.128s' depends on the data",
                  found.name.c_str(), parameter.name.c_str());
    }
    if (parameter.extents) {
      size = (*parameter.extents)[axis].evaluate(inputs);
    }
    shape->sizes[axis] = size;
    shape->strides[axis] = stride;
    stride *= size;
  }
  return 0;
}

//===----------------------------------------------------------------------===//
// Which target
//===----------------------------------------------------------------------===//

/// What of `needs` this machine's CPU lacks, or "".
static std::string getMissing(const ProgramTarget &target) {
  std::string missing;
  for (const std::string &need : target.needs) {
    if (fovea_rt_cpu_has(need.c_str()) != 1) {
      missing += (missing.empty() ? "" : ", ") + need;
    }
  }
  return missing;
}

/// How well a target suits a device (null: the CPU), 0 if it does not; `image`
/// becomes the one to load.
static int64_t rateTarget(const ProgramTarget &target,
                          const fovea_device *device,
                          const ProgramImage *&image) {
  image = nullptr;
  if (!getMissing(target).empty()) {
    return 0;
  }
  if (!device) {
    // Of two that run here the one that uses more of the CPU.
    return target.images.empty() ? 1 + int64_t(target.needs.size()) : 0;
  }
  int64_t best = 0;
  for (const ProgramImage &candidate : target.images) {
    int64_t rate = fovea_device_rates(device, candidate.kind.c_str(),
                                      candidate.chip.c_str());
    if (rate > best) {
      best = rate;
      image = &candidate;
    }
  }
  return best;
}

static int32_t failToChoose(const fovea_program *program,
                            const fovea_device *device, const char *wanted) {
  std::string known, lacking;
  for (const ProgramTarget &target : program->artefact->targets) {
    known += (known.empty() ? "" : ", ") + target.name;
    std::string missing = getMissing(target);
    if (!missing.empty() && (!wanted || target.name == wanted)) {
      lacking += "; for " + target.name + " this CPU lacks " + missing;
    }
  }
  std::string where = "this CPU";
  if (device) {
    where = device->info.name;
    where +=
        device->info.chip[0] ? " (" + std::string(device->info.chip) + ")" : "";
  }
  return fail("'%.256s': expected code%s%.64s%s that runs on %.128s, got %.256s"
              "%.256s",
              program->name.c_str(), wanted ? " for '" : "",
              wanted ? wanted : "", wanted ? "'" : "", where.c_str(),
              known.c_str(), lacking.c_str());
}

/// As fovea_program_choose, with the image.
static int32_t choose(const fovea_program *program, const fovea_device *device,
                      const char *wanted, const ProgramImage *&image) {
  const std::vector<ProgramTarget> &targets = program->artefact->targets;
  int64_t best = 0;
  int32_t chosen = -1;
  for (size_t i = 0; i < targets.size(); ++i) {
    const ProgramImage *candidate = nullptr;
    if (wanted && targets[i].name != wanted) {
      continue;
    }
    int64_t rate = rateTarget(targets[i], device, candidate);
    if (rate > best) {
      best = rate;
      chosen = static_cast<int32_t>(i);
      image = candidate;
    }
  }
  if (chosen < 0) {
    failToChoose(program, device, wanted);
  }
  return chosen;
}

int32_t fovea_program_choose(const fovea_program *program,
                             const fovea_device *device, const char *target) {
  const ProgramImage *image = nullptr;
  return choose(program, device, target, image);
}

//===----------------------------------------------------------------------===//
// Running it
//===----------------------------------------------------------------------===//

/// Opens the code of a target and finds its entries; what is open when this
/// fails, fovea_program_unload closes.
static int32_t open(fovea_program *program, const ProgramTarget &target,
                    const ProgramImage *image) {
  const Artefact &artefact = *program->artefact;
  if (image) {
    std::string_view bytes = artefact.sections[image->section];
    program->module = fovea_module_load(program->device, bytes.data(),
                                        static_cast<int64_t>(bytes.size()));
    if (!program->module) {
      return 1;
    }
  }
  std::string_view bytes = artefact.sections[target.host];
  program->host = openSharedImage(program->name.c_str(), bytes.data(),
                                  static_cast<int64_t>(bytes.size()));
  if (!program->host) {
    return 1;
  }
  for (const ProgramEntry &entry : artefact.entries) {
    auto function = reinterpret_cast<fovea_entry>(
        findInImage(program->host, entry.name.c_str()));
    if (!function) {
      return fail("'%.256s': the code for %.64s lacks the entry '%.128s'",
                  program->name.c_str(), target.name.c_str(),
                  entry.name.c_str());
    }
    program->functions.push_back(function);
  }
  return 0;
}

int32_t fovea_program_load(fovea_program *program, fovea_device *device,
                           const char *target) {
  fovea_program_unload(program);
  const ProgramImage *image = nullptr;
  int32_t index = choose(program, device, target, image);
  if (index < 0) {
    return 1;
  }
  program->target = &program->artefact->targets[index];
  program->device = device;
  if (open(program, *program->target, image)) {
    std::string reason = fovea_rt_last_error();
    fovea_program_unload(program);
    return fovea_rt_fail(reason.c_str());
  }
  return 0;
}

void fovea_program_unload(fovea_program *program) {
  if (program->device && program->module) {
    // Status words may point to messages in the host code.
    program->device->driver->synchronizeAll(program->device->state);
    program->device->status.forget(*program->device);
  }
  fovea_module_close(program->module);
  closeSharedImage(program->host);
  program->target = nullptr;
  program->device = nullptr;
  program->module = nullptr;
  program->host = nullptr;
  program->functions.clear();
}

const char *fovea_program_loaded(const fovea_program *program) {
  return program->target ? program->target->name.c_str() : nullptr;
}

fovea_module *fovea_program_module(const fovea_program *program) {
  return program->module;
}

fovea_entry fovea_program_entry(const fovea_program *program,
                                const char *entry) {
  int32_t index = findEntry(program, entry);
  if (index < 0) {
    return nullptr;
  }
  if (!program->target) {
    fail("'%.256s': expected a program that is loaded; call fovea_program_load "
         "before",
         program->name.c_str());
    return nullptr;
  }
  return program->functions[index];
}

int32_t fovea_program_call(const fovea_program *program, const char *entry,
                           fovea_stream *stream, const fovea_tensor *arguments,
                           int32_t count, int32_t threads) {
  fovea_entry function = fovea_program_entry(program, entry);
  if (!function) {
    return 1;
  }
  if (!program->module) {
    return function(arguments, count, threads);
  }
  if (stream && stream->device != program->device) {
    return fail("fovea_program_call: expected a stream of the device that the "
                "program is loaded on, got one of another");
  }
  BindingScope scope(program->module, stream);
  return function(arguments, count, threads);
}
