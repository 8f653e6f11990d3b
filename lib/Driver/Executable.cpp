//===- Executable.cpp - run or write a compiled program -------------------===//

#include "Executable.h"

#include "LazyCode.h"

#include "fovea/runtime/fovea_emulator.h"
#include "fovea/runtime/fovea_program.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea;

std::optional<llvm::SmallVector<int64_t, 4>>
Entry::getOutputShape(unsigned i, llvm::ArrayRef<fovea_tensor> inputs) const {
  if (!outputs[i].extents) {
    return llvm::is_contained(outputs[i].shape, -1)
               ? std::nullopt
               : std::optional(outputs[i].shape);
  }
  llvm::SmallVector<int64_t, 4> shape;
  for (const Extent &extent : *outputs[i].extents) {
    shape.push_back(extent.evaluate([&](unsigned argument, unsigned axis) {
      return inputs[argument].sizes[axis];
    }));
  }
  return shape;
}

Executable::~Executable() = default;

llvm::Expected<const Entry *> Executable::getEntry(llvm::StringRef name) const {
  llvm::ArrayRef<Entry> entries = getEntries();
  if (name.empty() && entries.size() == 1) {
    return &entries.front();
  }
  for (const Entry &entry : entries) {
    if (entry.name == name) {
      return &entry;
    }
  }
  std::string known = llvm::join(
      llvm::map_range(entries, [](const Entry &e) { return e.name; }), ", ");
  return llvm::createStringError("expected an entry among " + known +
                                 "; got '" + name + "'");
}

llvm::Error Executable::run(llvm::StringRef name,
                            llvm::ArrayRef<fovea_tensor> arguments,
                            int32_t threads) {
  llvm::Expected<fovea_entry> function = getFunction(name);
  if (!function) {
    return function.takeError();
  }
  if ((*function)(arguments.data(), arguments.size(), threads) != 0) {
    return llvm::createStringError(fovea_rt_last_error());
  }
  return llvm::Error::success();
}

llvm::Expected<fovea_module *> Executable::loadOn(fovea_device *device) {
  return llvm::createStringError("expected a program for a device, got one for "
                                 "this machine's processor");
}

llvm::Expected<std::string> Executable::describeResources() {
  return llvm::createStringError("expected a target that is a device, got one "
                                 "whose tasks run on a processor");
}

/// Makes the runtime's functions in this process known under their names, even
/// when the process does not export them.
static llvm::Error defineRuntime(llvm::orc::LLJIT &jit) {
  llvm::orc::SymbolMap symbols;
  auto define = [&](const char *name, auto *function) {
    symbols[jit.mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(function),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  define("fovea_rt_check_arguments", &fovea_rt_check_arguments);
  define("fovea_rt_default_threads", &fovea_rt_default_threads);
  define("fovea_rt_device_alloc", &fovea_rt_device_alloc);
  define("fovea_rt_device_free", &fovea_rt_device_free);
  define("fovea_rt_fail", &fovea_rt_fail);
  define("fovea_rt_fail_index", &fovea_rt_fail_index);
  define("fovea_rt_launch", &fovea_rt_launch);
  define("fovea_rt_parallel_for", &fovea_rt_parallel_for);
  define("fovea_rt_parallelism", &fovea_rt_parallelism);
  define("fovea_rt_parts", &fovea_rt_parts);
  define("fovea_rt_scratch", &fovea_rt_scratch);
  define("fovea_rt_status", &fovea_rt_status);
  define("fovea_rt_use_tiles", &fovea_rt_use_tiles);
  int32_t count = 0;
  const fovea_emu_symbol *emulator = fovea_emu_symbols(&count);
  for (const fovea_emu_symbol &symbol : llvm::ArrayRef(emulator, count)) {
    symbols[jit.mangleAndIntern(symbol.name)] = {
        llvm::orc::ExecutorAddr::fromPtr(symbol.address),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  }
  return jit.getMainJITDylib().define(llvm::orc::absoluteSymbols(symbols));
}

llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>>
fovea::makeJit(std::vector<ObjectCode> objects) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit) {
    return jit.takeError();
  }
  if (llvm::Error e = defineRuntime(**jit)) {
    return e;
  }
  // The C library's mathematics and memory functions.
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      (*jit)->getDataLayout().getGlobalPrefix());
  if (!process) {
    return process.takeError();
  }
  (*jit)->getMainJITDylib().addGenerator(std::move(*process));
  for (ObjectCode &object : objects) {
    auto buffer = std::make_unique<llvm::SmallVectorMemoryBuffer>(
        std::move(object), "fovea", /*RequiresNullTerminator=*/false);
    if (llvm::Error e = (*jit)->addObjectFile(std::move(buffer))) {
      return e;
    }
  }
  return std::move(*jit);
}

NativeExecutable::NativeExecutable(
    std::unique_ptr<Target> target, std::vector<Entry> entries,
    std::unique_ptr<llvm::TargetMachine> machine,
    std::unique_ptr<DividedProgram> program, int optLevel)
    : target(std::move(target)), entries(std::move(entries)),
      machine(std::move(machine)), program(std::move(program)),
      context(std::make_unique<llvm::LLVMContext>()), optLevel(optLevel),
      lazy(std::make_unique<LazyCode>(*this->program)) {}

NativeExecutable::NativeExecutable(
    std::unique_ptr<Target> target, std::vector<Entry> entries,
    std::unique_ptr<llvm::TargetMachine> machine,
    std::unique_ptr<llvm::LLVMContext> context,
    std::unique_ptr<llvm::Module> module, int optLevel)
    : target(std::move(target)), entries(std::move(entries)),
      machine(std::move(machine)), context(std::move(context)),
      module(std::move(module)), optLevel(optLevel) {}

NativeExecutable::~NativeExecutable() = default;

TaskCount NativeExecutable::countTasks() {
  if (!program) {
    return {};
  }
  return {unsigned(program->getTasks().size()), lazy->countCompiled()};
}

void NativeExecutable::onFirstTask(std::function<void()> action) {
  if (lazy) {
    lazy->onFirstTask = std::move(action);
  }
}

llvm::Expected<llvm::Module *> NativeExecutable::getModule() {
  if (!module) {
    auto made = program->translateAll(*context, *machine);
    if (!made) {
      return made.takeError();
    }
    module = std::move(*made);
  }
  return module.get();
}

llvm::Expected<llvm::Module *> NativeExecutable::getOptimized() {
  auto made = getModule();
  if (made && !isOptimized) {
    optimize(**made, *machine, optLevel);
    isOptimized = true;
  }
  return made;
}

llvm::Expected<std::vector<ObjectCode>> NativeExecutable::makeParts() {
  return emitParts(*module, target->getMachine(), optLevel,
                   fovea_rt_default_threads());
}

llvm::Error NativeExecutable::load() {
  if (llvm::Error e = target->checkRunsHere()) {
    return e;
  }
  auto parts = makeParts();
  if (!parts) {
    return parts.takeError();
  }
  auto made = makeJit(std::move(*parts));
  if (!made) {
    return made.takeError();
  }
  jit = std::move(*made);
  return llvm::Error::success();
}

llvm::Expected<fovea_entry>
NativeExecutable::getFunction(llvm::StringRef name) {
  llvm::Expected<const Entry *> entry = getEntry(name);
  if (!entry) {
    return entry.takeError();
  }
  if (!jit && !lazy) {
    if (llvm::Error e = load()) {
      return e;
    }
  }
  if (lazy) {
    if (llvm::Error e = target->checkRunsHere()) {
      return e;
    }
  }
  auto address =
      lazy ? lazy->lookUp((*entry)->name) : jit->lookup((*entry)->name);
  if (!address) {
    return address.takeError();
  }
  return address->toPtr<fovea_entry>();
}

llvm::Expected<std::string> NativeExecutable::emit(EmitKind kind) {
  if (kind == EmitKind::Header) {
    return makeHeader(entries, target->getName());
  }
  if (kind == EmitKind::Artefact) {
    llvm::Expected<ArtefactTarget> target = makeArtefactTarget();
    if (!target) {
      return target.takeError();
    }
    return writeArtefact(entries, *target);
  }
  auto optimized = getOptimized();
  if (!optimized) {
    return optimized.takeError();
  }
  if (kind == EmitKind::LLVMIR) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    (*optimized)->print(stream, nullptr);
    return text;
  }
  bool wantText = kind == EmitKind::Assembly;
  auto code = emitCode(**optimized, *machine,
                       wantText ? llvm::CodeGenFileType::AssemblyFile
                                : llvm::CodeGenFileType::ObjectFile);
  if (!code) {
    return code.takeError();
  }
  llvm::StringRef bytes(code->data(), code->size());
  if (kind == EmitKind::SharedLibrary) {
    return linkSharedLibrary(bytes, machine->getTargetTriple());
  }
  return bytes.str();
}

ArtefactTarget NativeExecutable::makeTarget(std::string host) {
  ArtefactTarget result;
  result.name = target->getName().str();
  result.chip = machine->getTargetCPU().str();
  const llvm::MCSubtargetInfo *subtarget = machine->getMCSubtargetInfo();
  for (const llvm::SubtargetFeatureKV &feature :
       subtarget->getEnabledProcessorFeatures()) {
    // Those that a loader can look for; the others are hints for scheduling.
    if (fovea_rt_cpu_has(feature.Key) >= 0) {
      result.needs.push_back(feature.Key);
    }
  }
  result.host = std::move(host);
  return result;
}

llvm::Expected<ArtefactTarget> NativeExecutable::makeArtefactTarget() {
  auto optimized = getOptimized();
  if (!optimized) {
    return optimized.takeError();
  }
  auto object =
      emitCode(**optimized, *machine, llvm::CodeGenFileType::ObjectFile);
  if (!object) {
    return object.takeError();
  }
  auto host = linkSharedLibrary({object->data(), object->size()},
                                machine->getTargetTriple(),
                                /*withRuntime=*/false);
  if (!host) {
    return host.takeError();
  }
  return makeTarget(std::move(*host));
}

llvm::Expected<ArtefactTarget> NativeExecutable::makeLocalTarget() {
  if (lazy) {
    auto host = lazy->link();
    if (!host) {
      return host.takeError();
    }
    return makeTarget(std::move(*host));
  }
  auto parts = makeParts();
  if (!parts) {
    return parts.takeError();
  }
  std::vector<llvm::StringRef> objects;
  for (const ObjectCode &part : *parts) {
    objects.emplace_back(part.data(), part.size());
  }
  auto host = linkObjects(objects);
  if (!host) {
    return host.takeError();
  }
  return makeTarget(std::move(*host));
}
