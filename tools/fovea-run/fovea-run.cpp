//===- fovea-run.cpp - compile a program and run it -----------------------===//
//
//   fovea-run attention.mlir --input q.npy --input k.npy --input v.npy
//       --output o.npy --check
//   fovea-run attention.mlir --bench 20
//       --random 1x8x4096x64,1x8x4096x64,1x8x4096x64
//   fovea-run attention.fovea --device emulated
//       --random 1x2x96x64,1x2x96x64,1x2x96x64
//
//===----------------------------------------------------------------------===//

#include "Bench.h"
#include "Devices.h"
#include "HandOver.h"

#include "fovea/Driver/Arguments.h"
#include "fovea/Driver/Compiler.h"
#include "fovea/Driver/Dialects.h"
#include "fovea/Driver/KernelCache.h"
#include "fovea/Reference/Interpreter.h"
#include "fovea/Support/CommandLine.h"
#include "fovea/Support/Tolerance.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea;

namespace {

namespace cl = llvm::cl;
FreeOptionNames names({"threads"});
cl::OptionCategory category("fovea-run");

cl::opt<std::string> file(cl::Positional, cl::value_desc("FILE"),
                          cl::desc("FILE.mlir, a program, or FILE.fovea, a "
                                   "compiled one, which fovea-launch runs"),
                          cl::cat(category));
cl::opt<std::string> entryName("entry", cl::value_desc("name"),
                               cl::cat(category),
                               cl::desc("Function to run (default: the only "
                                        "one)"));
cl::opt<std::string> targetName("target", cl::init("cpu"),
                                cl::value_desc("name"), cl::cat(category),
                                cl::desc("What to compile for; this machine "
                                         "must be able to run it (default: "
                                         "cpu, this machine)"));
cl::list<std::string> devices(
    "device", cl::value_desc("name"), cl::cat(category),
    cl::desc("Where to run a program for a GPU: cuda, hip:1, or emulated "
             "(default), also with options: emulated:early,lifo. Given more "
             "than once, it runs on each, and all must give the same bits"));
cl::opt<bool> raceCheck("race-check", cl::cat(category),
                        cl::desc("With the race detector of the emulator"));
cl::list<std::string> inputs(
    "input", cl::value_desc("x.npy"), cl::cat(category),
    cl::desc("One file per input, in order; float arrays are rounded to the "
             "element type of the input. Keys and values of a cache are "
             "inputs of their own"));
cl::list<std::string> outputs("output", cl::value_desc("y.npy"),
                              cl::cat(category),
                              cl::desc("One file per output, in order; reals "
                                       "are written as float32"));
cl::list<std::string> randoms(
    "random", cl::CommaSeparated, cl::value_desc("shapes"), cl::cat(category),
    cl::desc("Instead of --input: a shape per input, such as 1x8x128x64, or "
             "scalar; normal values. Integers need a rule: SHAPE=arange (0, 1, "
             "...), "
             "=shuffle (the same in random order), =random:N (below N), "
             "=every:N (index / N) or =N (all N)"));
cl::opt<uint64_t> seed("seed", cl::init(0), cl::cat(category),
                       cl::desc("Of --random (default: 0)"));
cl::list<std::string>
    shapes("output-shape", cl::CommaSeparated, cl::value_desc("shapes"),
           cl::cat(category),
           cl::desc("A shape per output, where they depend on the data"));
cl::opt<bool> check("check", cl::cat(category),
                    cl::desc("Compare with the reference interpreter; fail "
                             "beyond the tolerance of docs/numerics.md"));
cl::opt<int> repeats("bench", cl::value_desc("N"), cl::init(0),
                     cl::cat(category),
                     cl::desc("Run N times more; print the median time and "
                              "the share of what this machine can do, "
                              "measured beside it"));
cl::opt<int> threads("threads", cl::init(0), cl::value_desc("N"),
                     cl::cat(category),
                     cl::desc("Most threads to use (default: all)"));
cl::opt<bool> isReproducible(
    "reproducible", cl::cat(category),
    cl::desc("The same bits for any number of threads (docs/numerics.md); "
             "without it FOVEA_REPRODUCIBLE=1 does that"));
cl::opt<std::string> form(
    "form", cl::init("auto"), cl::value_desc("form"), cl::cat(category),
    cl::desc("Of a cascade that is walked more than once: fused, decomposed, "
             "or auto, the one that seems cheaper (default)"));
cl::opt<int> optLevel("O", cl::Prefix, cl::init(2), cl::cat(category),
                      cl::value_desc("level"),
                      cl::desc("LLVM's optimisation level (default: 2)"));
cl::opt<bool> assembles("assemble", cl::cat(category),
                        cl::desc("Also make machine code for the chip, which "
                                 "an emulated device does not need; fail if "
                                 "its assembler refuses"));
cl::opt<bool> skipsCache("no-cache", cl::cat(category),
                         cl::desc("Compile, even if the kernel cache has the "
                                  "program, and leave the cache as it is; "
                                  "see fovea-cache --help"));
cl::opt<std::string> from(
    "from", cl::value_desc("level"), cl::cat(category),
    cl::desc("What FILE consists of, if not source: tile or vector, with "
             "buffers as arguments and the attribute fovea.output on outputs"));

// What fovea-launch has besides: for compiled programs.
cl::opt<bool> prints("print", cl::cat(category),
                     cl::desc("FILE.fovea: say what is in it, and stop"));
cl::opt<bool> showsDevice("info", cl::cat(category),
                          cl::desc("FILE.fovea: say what the device is"));
cl::list<std::string> expectedFiles("expect", cl::value_desc("y.npy"),
                               cl::cat(category),
                               cl::desc("FILE.fovea: one file per output to "
                                        "compare with"));
cl::opt<double> tolerance("tolerance", cl::value_desc("X"), cl::cat(category),
                          cl::desc("FILE.fovea: largest error for --expect, "
                                   "as a part of the largest value"));

/// Options that compile, and those that a compiled program alone takes.
const std::initializer_list<const cl::Option *> compilerOptions = {
    &check, &assembles, &form, &optLevel, &skipsCache, &from};
const std::initializer_list<const cl::Option *> launchOptions = {
    &prints, &showsDevice, std::addressof(expectedFiles), &tolerance};

} // namespace

/// Refuses options that do not go with what FILE is.
static llvm::Error
refuseOptions(std::initializer_list<const cl::Option *> options,
              llvm::StringRef wanted) {
  for (const cl::Option *option : options) {
    if (option->getNumOccurrences() > 0) {
      llvm::StringRef dashes = option->ArgStr.size() > 1 ? "--" : "-";
      return llvm::createStringError("expected " + wanted + " for " + dashes +
                                     option->ArgStr + ", got '" + file + "'");
    }
  }
  return llvm::Error::success();
}

/// Where to run: what --device says, else the emulator; with --race-check those
/// must be emulated.
static llvm::Expected<std::vector<std::string>> getDevices() {
  std::vector<std::string> names(devices.begin(), devices.end());
  if (names.empty()) {
    names.push_back("emulated");
  }
  for (std::string &name : names) {
    if (!raceCheck) {
      break;
    }
    auto [driver, rest] = llvm::StringRef(name).split(':');
    if (driver != "emulated") {
      return llvm::createStringError(
          "expected emulated devices for --race-check, got '" + name + "'");
    }
    name = "emulated:race" + (rest.empty() ? "" : "," + rest.str());
  }
  return names;
}

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

static llvm::Expected<std::vector<HostArray>> readInputs(const Entry &entry) {
  bool isRandom = !randoms.empty();
  size_t given = isRandom ? randoms.size() : inputs.size();
  if (given != entry.inputs.size()) {
    std::string names =
        llvm::join(llvm::map_range(entry.inputs,
                                   [](const Parameter &p) { return p.name; }),
                   ", ");
    return makeError("expected " + llvm::Twine(entry.inputs.size()) +
                     " inputs (" + names + "), got " + llvm::Twine(given) +
                     (isRandom ? " shapes after --random" : " times --input"));
  }
  std::vector<HostArray> tensors;
  uint64_t state = seed;
  for (auto [i, parameter] : llvm::enumerate(entry.inputs)) {
    llvm::Expected<HostArray> tensor =
        isRandom ? makeRandom(randoms[i], parameter, state)
                 : readInput(inputs[i], parameter);
    if (!tensor) {
      return tensor.takeError();
    }
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

static llvm::Expected<std::vector<HostArray>>
makeOutputs(const Entry &entry, llvm::ArrayRef<fovea_tensor> arguments) {
  if (!outputs.empty() && outputs.size() != entry.outputs.size()) {
    return makeError("expected " + llvm::Twine(entry.outputs.size()) +
                     " times --output, got " + llvm::Twine(outputs.size()));
  }
  if (!shapes.empty() && shapes.size() != entry.outputs.size()) {
    return makeError("expected " + llvm::Twine(entry.outputs.size()) +
                     " shapes after --output-shape, got " +
                     llvm::Twine(shapes.size()));
  }
  std::vector<HostArray> tensors;
  for (auto [i, parameter] : llvm::enumerate(entry.outputs)) {
    llvm::Expected<HostArray> tensor = makeOutput(
        parameter, entry.getOutputShape(i, arguments),
        shapes.empty() ? std::nullopt : std::optional(shapes[i]));
    if (!tensor) {
      return tensor.takeError();
    }
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

static reference::Tensor toReference(const HostArray &array) {
  std::vector<double> reals;
  std::vector<int64_t> integers;
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    if (array.isReal()) {
      reals.push_back(array.getReal(i));
    } else {
      integers.push_back(array.getInteger(i));
    }
  }
  return array.isReal()
             ? reference::Tensor::fromReals(array.getShape(), std::move(reals))
             : reference::Tensor::fromIntegers(array.getShape(),
                                               std::move(integers));
}

static Precision getPrecision(fovea_dtype dtype) {
  return dtype == FOVEA_BF16  ? Precision::BF16
         : dtype == FOVEA_F16 ? Precision::F16
                              : Precision::F32;
}

/// Compares one output with the interpreter's; false if it is too far away.
static bool report(const HostArray &tensor, const reference::Tensor &reference,
                   const Parameter &parameter, double allowed) {
  std::vector<double> actual, expected(reference.reals);
  for (int64_t i = 0; i < tensor.getNumElements(); ++i) {
    actual.push_back(tensor.getNumber(i));
  }
  expected.insert(expected.end(), reference.integers.begin(),
                  reference.integers.end());
  if (!tensor.isReal()) {
    allowed = 0;
  }
  if (actual.size() != expected.size()) {
    llvm::outs() << "check " << parameter.name << ": expected "
                 << expected.size() << " elements, got " << actual.size()
                 << '\n';
    return false;
  }
  Comparison result = compare(actual, expected);
  if (result.magnitude != 0) {
    allowed += reference.slack / result.magnitude;
  }
  bool isGood = result.mismatches == 0 && result.worst <= allowed;
  llvm::outs() << "check " << parameter.name << ": "
               << (isGood ? "good" : "failed") << ", worst error "
               << llvm::format("%.2e", result.worst) << " of "
               << llvm::format("%.3g", result.magnitude) << ", allowed "
               << llvm::format("%.2e", allowed);
  if (!isGood) {
    llvm::outs() << ", at element " << result.at << ": expected "
                 << llvm::format("%.9g", expected[result.at]) << ", got "
                 << llvm::format("%.9g", actual[result.at]);
    if (result.mismatches != 0) {
      llvm::outs() << " (" << result.mismatches
                   << " such values that are not finite)";
    }
  }
  llvm::outs() << '\n';
  return isGood;
}

static llvm::Error checkOutputs(mlir::ModuleOp module, const Entry &entry,
                                llvm::ArrayRef<HostArray> inputTensors,
                                llvm::ArrayRef<HostArray> outputTensors) {
  std::vector<reference::Tensor> arguments;
  Precision narrowest = Precision::F32;
  StoredTypes stored;
  int64_t length = 1;
  for (const HostArray &tensor : inputTensors) {
    arguments.push_back(toReference(tensor));
    stored.hasF16 |= tensor.get().dtype == FOVEA_F16;
    stored.hasBF16 |= tensor.get().dtype == FOVEA_BF16;
    stored.hasI8 |= tensor.get().dtype == FOVEA_I8;
    if (!tensor.isReal()) {
      continue;
    }
    narrowest = std::max(
        narrowest, getPrecision(static_cast<fovea_dtype>(tensor.get().dtype)));
    for (int64_t size : tensor.getShape()) {
      length = std::max(length, size);
    }
  }
  auto function = module.lookupSymbol<mlir::func::FuncOp>(entry.name);
  reference::Options options;
  options.rounds = true;
  auto results = reference::interpret(function, arguments, options);
  if (!results) {
    return makeError("the interpreter refused: " +
                     llvm::toString(results.takeError()));
  }
  unsigned failed = 0;
  for (auto [i, tensor] : llvm::enumerate(outputTensors)) {
    const Parameter &parameter = entry.outputs[i];
    double allowed =
        getTolerance(narrowest, getPrecision(parameter.dtype), length,
                     stored.decodes());
    failed += !report(tensor, (*results)[i], parameter, allowed);
  }
  return failed == 0 ? llvm::Error::success()
                     : makeError(llvm::Twine(failed) +
                                 " outputs are beyond the tolerance");
}

static llvm::Expected<CompileOptions> getOptions() {
  CompileOptions options;
  options.target = targetName;
  options.optLevel = optLevel;
  options.form = form;
  options.sourceName = file;
  if (!skipsCache && !hasLibraryOptions()) {
    options.cache = KernelCache::fromEnvironment([](llvm::StringRef text) {
      llvm::errs() << "warning: " << text << '\n';
    });
  }
  if (from.empty()) {
    return options;
  }
  options.from = parseLevel(from);
  bool isBuffers = options.from == Level::Tile || options.from == Level::Vector;
  if (!isBuffers) {
    return makeError("expected --from tile or vector, got '" + from + "'");
  }
  if (check) {
    return makeError("expected a source program for --check, got --from " +
                     from);
  }
  return options;
}

namespace {

/// The program as it was written.
class Source {
public:
  explicit Source(llvm::StringRef text) : text(text) {}

  llvm::Expected<mlir::ModuleOp> getModule() {
    if (!context) {
      mlir::DialectRegistry registry;
      registerDialects(registry);
      context.emplace(registry, mlir::MLIRContext::Threading::DISABLED);
      auto parsed = parse(*context, text, file);
      if (!parsed) {
        return parsed.takeError();
      }
      module = std::move(*parsed);
    }
    return *module;
  }

private:
  llvm::StringRef text;
  std::optional<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace

static llvm::Error runSource() {
  if (llvm::Error e = refuseOptions(launchOptions, "a compiled program")) {
    return e;
  }
  llvm::Expected<CompileOptions> options = getOptions();
  if (!options) {
    return options.takeError();
  }
  llvm::Expected<std::vector<std::string>> deviceNames = getDevices();
  if (!deviceNames) {
    return deviceNames.takeError();
  }
  if (!inputs.empty() && !randoms.empty()) {
    return makeError("expected --input or --random, got both");
  }
  auto text = llvm::MemoryBuffer::getFile(file, /*IsText=*/true);
  if (!text) {
    return makeError("'" + file +
                     "': cannot be read: " + text.getError().message());
  }
  auto program = compile((*text)->getBuffer(), *options);
  if (!program) {
    return program.takeError();
  }
  llvm::Expected<const Entry *> entry = (*program)->getEntry(entryName);
  if (!entry) {
    return entry.takeError();
  }
  if (!(*program)->needsDevice() && (raceCheck || !devices.empty())) {
    return makeError("expected --target of a GPU for --device, got " +
                     targetName);
  }
  if (assembles) {
    llvm::Expected<std::string> code = (*program)->emit(EmitKind::Object);
    if (!code) {
      return code.takeError();
    }
  }
  auto inputTensors = readInputs(**entry);
  if (!inputTensors) {
    return inputTensors.takeError();
  }
  std::vector<fovea_tensor> arguments;
  for (const HostArray &tensor : *inputTensors) {
    arguments.push_back(tensor.get());
  }
  auto outputTensors = makeOutputs(**entry, arguments);
  if (!outputTensors) {
    return outputTensors.takeError();
  }
  for (const HostArray &tensor : *outputTensors) {
    arguments.push_back(tensor.get());
  }
  size_t numInputs = inputTensors->size();
  if ((*program)->needsDevice()) {
    if (llvm::Error e = runOnDevices(**program, **entry, arguments, numInputs,
                                     *deviceNames, repeats)) {
      return e;
    }
  } else if (llvm::Error e =
                 (*program)->run((*entry)->name, arguments, threads)) {
    return e;
  }
  // What follows may want to look at the program, and only then is it parsed.
  Source source((*text)->getBuffer());
  // Before the outputs are written: a wrong result leaves no file behind.
  if (check) {
    llvm::Expected<mlir::ModuleOp> module = source.getModule();
    if (!module) {
      return module.takeError();
    }
    if (llvm::Error e =
            checkOutputs(*module, **entry, *inputTensors, *outputTensors)) {
      return e;
    }
  }
  for (auto [path, tensor] : llvm::zip(outputs, *outputTensors)) {
    if (llvm::Error e = writeNpy(path, toNpy(tensor))) {
      return e;
    }
  }
  if (repeats > 0 && !(*program)->needsDevice()) {
    llvm::Expected<mlir::ModuleOp> module = source.getModule();
    return module ? bench(*module, **program, **entry, arguments, *options,
                          {repeats, threads})
                  : module.takeError();
  }
  return llvm::Error::success();
}

static llvm::Error runTool(int argc, char **argv) {
  if (file.empty()) {
    return makeError("expected FILE.mlir or FILE.fovea; see --help");
  }
  if (!isArtefact(file)) {
    if (isReproducible) {
      fovea_rt_set_reproducible(1);
    }
    return runSource();
  }
  if (llvm::Error e = refuseOptions(compilerOptions, "a program in source")) {
    return e;
  }
  return handOver(argc, argv);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv,
                              "Fovea: compile a program and run it, or run a "
                              "compiled one\n");
  keepOptions(category);
  if (llvm::Error e = runTool(argc, argv)) {
    llvm::outs().flush();
    printError(std::move(e));
    return 1;
  }
  return 0;
}
