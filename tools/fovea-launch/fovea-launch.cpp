//===- fovea-launch.cpp - run a compiled program without the compiler -----===//
//
//   fovea-launch attention.fovea --print
//   fovea-launch attention.fovea --device emulated --bench 20
//       --random 1x8x4096x64,1x8x4096x64,1x8x4096x64
//
//===----------------------------------------------------------------------===//

#include "NpyFiles.h"
#include "Options.h"

#include "fovea/Support/Tolerance.h"
#include "fovea/runtime/fovea_program.h"

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstring>

using namespace fovea;

static bool refuse(const std::string &text) {
  fovea_rt_fail(text.c_str());
  return false;
}

/// False after an error, which a function with a text for results reported.
static bool accept(const std::string &problem) {
  return problem.empty() || refuse(problem);
}

static ArgumentType getType(const fovea_parameter &parameter) {
  return {parameter.name,
          static_cast<fovea_dtype>(parameter.dtype),
          {parameter.sizes, parameter.sizes + parameter.rank}};
}

namespace {

/// The program on one device, and everything that is open for it. Functions
/// that return bool are false after an error.
class Launch {
public:
  Launch(const LaunchOptions &options, const std::string &deviceName)
      : options(options), deviceName(deviceName) {}
  ~Launch();

  bool openDevice();
  /// Runs it once.
  bool run();
  /// Refuses outputs with other bits than those of `first`.
  bool compareBits(const Launch &first) const;
  /// With --expect.
  bool compareOutputs();
  bool writeOutputs();
  bool bench();

private:
  bool readInputs();
  bool makeOutputs();
  bool copyToDevice();
  bool call();
  bool copyBack();
  bool timeOnce(double &milliseconds);

  const fovea_parameter &getParameter(size_t i) const {
    return signature->parameters[i];
  }

  const LaunchOptions &options;
  const std::string &deviceName;
  fovea_device *device = nullptr; // null for the CPU
  fovea_program *program = nullptr;
  fovea_event *begin = nullptr, *end = nullptr;
  const fovea_signature *signature = nullptr;
  size_t numInputs = 0;
  std::vector<HostArray> arrays;       // inputs, then outputs
  std::vector<fovea_tensor> arguments; // the same where they are used
};

} // namespace

Launch::~Launch() {
  for (size_t i = 0; device && i < arguments.size(); ++i) {
    if (arguments[i].data != arrays[i].get().data) {
      fovea_device_free(device, arguments[i].data);
    }
  }
  fovea_event_close(begin);
  fovea_event_close(end);
  fovea_program_close(program);
  fovea_device_close(device);
}

bool Launch::openDevice() {
  if (deviceName == "cpu") {
    if (options.showsDevice) {
      printf("cpu: %d threads\n", fovea_rt_default_threads());
    }
    return true;
  }
  device = fovea_device_open(deviceName.c_str());
  if (!device) {
    return false;
  }
  if (options.showsDevice) {
    fovea_device_info info;
    fovea_device_get_info(device, &info);
    printf("%s:%d: %s%s%s, %d multiprocessors, %" PRId64 " MiB, %" PRId64
           " KiB of near memory, %s\n",
           info.driver, info.ordinal, info.name, info.chip[0] ? ", " : "",
           info.chip, info.multiprocessors, info.memory_bytes >> 20,
           info.near_bytes >> 10, info.version);
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

bool Launch::readInputs() {
  while (numInputs < size_t(signature->count) &&
         !getParameter(numInputs).is_output) {
    ++numInputs;
  }
  bool isRandom = !options.randoms.empty();
  size_t given = isRandom ? options.randoms.size() : options.inputs.size();
  if (given != numInputs) {
    std::string names;
    for (size_t i = 0; i < numInputs; ++i) {
      names += std::string(i ? ", " : "") + getParameter(i).name;
    }
    return refuse("expected " + std::to_string(numInputs) + " inputs (" +
                  names + "), got " + std::to_string(given) +
                  (isRandom ? " shapes after --random" : " times --input"));
  }
  uint64_t state = options.seed;
  for (size_t i = 0; i < numInputs; ++i) {
    arrays.emplace_back();
    ArgumentType type = getType(getParameter(i));
    bool good = isRandom ? accept(makeRandom(options.randoms[i], type, state,
                                             arrays.back()))
                         : readArray(options.inputs[i], type, arrays.back());
    if (!good) {
      return false;
    }
  }
  return true;
}

bool Launch::makeOutputs() {
  size_t numOutputs = size_t(signature->count) - numInputs;
  auto checkCount = [&](size_t given, const char *option) {
    return given == 0 || given == numOutputs ||
           refuse("expected " + std::to_string(numOutputs) + " times " +
                  option + ", got " + std::to_string(given));
  };
  if (!checkCount(options.outputs.size(), "--output") ||
      !checkCount(options.expected.size(), "--expect") ||
      !checkCount(options.shapes.size(), "--output-shape")) {
    return false;
  }
  std::vector<fovea_tensor> inputs;
  for (const HostArray &array : arrays) {
    inputs.push_back(array.get());
  }
  for (size_t i = 0; i < numOutputs; ++i) {
    const fovea_parameter &parameter = getParameter(numInputs + i);
    std::vector<int64_t> shape;
    if (!options.shapes.empty()) {
      if (!accept(parseShape(options.shapes[i], shape)) ||
          !accept(checkShape(shape, getType(parameter), "--output-shape"))) {
        return false;
      }
    } else {
      fovea_tensor derived = {};
      if (fovea_program_output_shape(program, signature->kernel, int32_t(i),
                                     inputs.data(), int32_t(inputs.size()),
                                     &derived)) {
        return refuse(std::string(fovea_rt_last_error()) +
                      ": expected --output-shape");
      }
      shape.assign(derived.sizes, derived.sizes + derived.rank);
    }
    arrays.emplace_back();
    if (!accept(arrays.back().allocate(
            static_cast<fovea_dtype>(parameter.dtype), shape))) {
      return false;
    }
  }
  return true;
}

bool Launch::copyToDevice() {
  for (const HostArray &array : arrays) {
    arguments.push_back(array.get());
    if (!device) {
      continue;
    }
    fovea_tensor &tensor = arguments.back();
    void *memory = fovea_device_alloc(device, array.getNumBytes());
    if (!memory) {
      return false;
    }
    tensor.data = memory;
    bool isInput = arguments.size() <= numInputs;
    // Outputs hold NaN before: what is not written then shows.
    if (isInput ? fovea_device_copy_in(device, memory, array.get().data,
                                       array.getNumBytes(), nullptr)
                : fovea_device_fill(device, memory, 0xff, array.getNumBytes(),
                                    nullptr)) {
      return false;
    }
  }
  return true;
}

bool Launch::copyBack() {
  for (size_t i = numInputs; device && i < arrays.size(); ++i) {
    if (fovea_device_copy_out(device, arrays[i].get().data, arguments[i].data,
                              arrays[i].getNumBytes(), nullptr)) {
      return false;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

bool Launch::call() {
  return fovea_program_call(program, signature->kernel, nullptr,
                            arguments.data(), int32_t(arguments.size()),
                            options.threads) == 0;
}

/// On a device as its clock says, else as the host's does.
bool Launch::timeOnce(double &milliseconds) {
  if (device) {
    return fovea_event_record(begin, nullptr) == 0 && call() &&
           fovea_event_record(end, nullptr) == 0 &&
           fovea_event_elapsed(begin, end, &milliseconds) == 0;
  }
  auto before = std::chrono::steady_clock::now();
  bool good = call();
  std::chrono::duration<double, std::milli> time =
      std::chrono::steady_clock::now() - before;
  milliseconds = time.count();
  return good;
}

bool Launch::bench() {
  std::vector<double> times;
  if (device) {
    begin = fovea_event_open(device);
    end = fovea_event_open(device);
    if (!begin || !end) {
      return false;
    }
  }
  for (int32_t i = 0; i < options.repeats; ++i) {
    times.push_back(0);
    if (!timeOnce(times.back())) {
      return false;
    }
  }
  if (device && fovea_device_synchronize(device, nullptr)) {
    return false;
  }
  std::sort(times.begin(), times.end());
  if (options.devices.size() > 1) {
    printf("%s: ", deviceName.c_str());
  }
  printf("time: median %.4g ms, from %.4g to %.4g, %zu runs\n",
         times[times.size() / 2], times.front(), times.back(), times.size());
  return true;
}

static Precision getPrecision(int32_t dtype) {
  return dtype == FOVEA_BF16  ? Precision::BF16
         : dtype == FOVEA_F16 ? Precision::F16
                              : Precision::F32;
}

bool Launch::compareOutputs() {
  Precision narrowest = Precision::F32;
  StoredTypes stored;
  int64_t length = 1;
  for (size_t i = 0; i < numInputs; ++i) {
    stored.hasF16 |= arrays[i].get().dtype == FOVEA_F16;
    stored.hasBF16 |= arrays[i].get().dtype == FOVEA_BF16;
    stored.hasI8 |= arrays[i].get().dtype == FOVEA_I8;
    if (arrays[i].isReal()) {
      narrowest = std::max(narrowest, getPrecision(arrays[i].get().dtype));
      for (int64_t size : arrays[i].getShape()) {
        length = std::max(length, size);
      }
    }
  }
  size_t failed = 0;
  for (size_t i = 0; i < options.expected.size(); ++i) {
    const HostArray &array = arrays[numInputs + i];
    ArgumentType demanded = getType(getParameter(numInputs + i));
    demanded.shape = array.getShape();
    // As wide as the file may be, so that it is not rounded before.
    demanded.dtype = array.isReal() ? FOVEA_F32 : demanded.dtype;
    HostArray expected;
    if (!readArray(options.expected[i], demanded, expected)) {
      return false;
    }
    std::vector<double> actual, reference;
    for (int64_t j = 0; j < array.getNumElements(); ++j) {
      actual.push_back(array.getNumber(j));
      reference.push_back(expected.getNumber(j));
    }
    double allowed =
        !array.isReal() ? 0
        : options.tolerance >= 0
            ? options.tolerance
            : getTolerance(narrowest, getPrecision(array.get().dtype), length,
                           stored.decodes());
    Comparison result = compare(actual, reference);
    bool isGood = result.mismatches == 0 && result.worst <= allowed;
    failed += !isGood;
    printf("check %s: %s, worst error %.2e of %.3g, allowed %.2e",
           demanded.name.c_str(), isGood ? "good" : "failed", result.worst,
           result.magnitude, allowed);
    if (!isGood) {
      printf(", at element %zu: expected %.9g, got %.9g", result.at,
             reference[result.at], actual[result.at]);
    }
    printf("\n");
  }
  return failed == 0 ||
         refuse(std::to_string(failed) + " outputs are beyond the tolerance");
}

bool Launch::writeOutputs() {
  for (size_t i = 0; i < options.outputs.size(); ++i) {
    if (!writeArray(options.outputs[i], arrays[numInputs + i])) {
      return false;
    }
  }
  return true;
}

bool Launch::run() {
  program = fovea_program_open(options.file.c_str());
  if (!program) {
    return false;
  }
  signature = fovea_program_signature(program, options.entry.c_str());
  if (!signature || !readInputs() || !makeOutputs()) {
    return false;
  }
  const char *target =
      options.target.empty() ? nullptr : options.target.c_str();
  return fovea_program_load(program, device, target) == 0 && copyToDevice() &&
         call() &&
         (!device || fovea_device_synchronize(device, nullptr) == 0) &&
         copyBack();
}

bool Launch::compareBits(const Launch &first) const {
  for (size_t i = numInputs; i < arrays.size(); ++i) {
    if (std::memcmp(arrays[i].get().data, first.arrays[i].get().data,
                    static_cast<size_t>(arrays[i].getNumBytes())) != 0) {
      return refuse(deviceName + ": expected the bits of " + first.deviceName +
                    " in output " + std::to_string(i - numInputs) +
                    ", got others");
    }
  }
  return true;
}

static bool print(const std::string &path) {
  fovea_program *program = fovea_program_open(path.c_str());
  if (program) {
    printf("%s", fovea_program_describe(program));
  }
  fovea_program_close(program);
  return program != nullptr;
}

static bool runAll(const LaunchOptions &options) {
  std::vector<std::unique_ptr<Launch>> launches;
  for (const std::string &name : options.devices) {
    launches.push_back(std::make_unique<Launch>(options, name));
    Launch &launch = *launches.back();
    if (!launch.openDevice()) {
      return false;
    }
    if (options.file.empty()) {
      continue; // --info alone
    }
    if (!launch.run() || !launch.compareBits(*launches.front())) {
      return false;
    }
  }
  if (options.file.empty()) {
    return true;
  }
  // A wrong result leaves no file behind.
  if (!launches.front()->compareOutputs() ||
      !launches.front()->writeOutputs()) {
    return false;
  }
  for (const std::unique_ptr<Launch> &launch : launches) {
    if (options.repeats > 0 && !launch->bench()) {
      return false;
    }
  }
  return true;
}

int main(int argc, char **argv) {
  LaunchOptions options;
  bool good = parseOptions(argc, argv, options);
  if (good && options.showsHelp) {
    printf("%s", getHelp());
    return 0;
  }
  if (options.isReproducible) {
    fovea_rt_set_reproducible(1);
  }
  good = good && (options.prints ? print(options.file) : runAll(options));
  if (!good) {
    fflush(stdout);
    fprintf(stderr, "error: %s\n", fovea_rt_last_error());
    return 1;
  }
  return 0;
}
