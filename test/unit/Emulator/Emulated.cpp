//===- Emulated.cpp - A device module on this machine, for tests ----------===//

#include "Emulated.h"

#include "fovea/Emulator/Rewrite.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea::test;

std::string fovea::test::readInput(llvm::StringRef name, llvm::StringRef mark) {
  std::string path = (FOVEA_EMULATOR_INPUTS "/" + name).str();
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file) {
    return "";
  }
  llvm::SmallVector<llvm::StringRef> lines;
  (*file)->getBuffer().split(lines, '\n');
  std::string text, ending = ("; " + mark).str();
  for (llvm::StringRef line : lines) {
    if (mark.empty() || !line.ends_with(ending)) {
      text += line.str() + "\n";
    }
  }
  return text;
}

/// Resolves the calls of an image to the emulator in this process.
static llvm::Error defineSymbols(llvm::orc::LLJIT &jit) {
  llvm::orc::SymbolMap symbols;
  int32_t count = 0;
  const fovea_emu_symbol *list = fovea_emu_symbols(&count);
  for (const fovea_emu_symbol &symbol : llvm::ArrayRef(list, count)) {
    symbols[jit.mangleAndIntern(symbol.name)] = {
        llvm::orc::ExecutorAddr::fromPtr(symbol.address),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  }
  llvm::orc::JITDylib &library = jit.getMainJITDylib();
  if (llvm::Error e = library.define(llvm::orc::absoluteSymbols(symbols))) {
    return e;
  }
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      jit.getDataLayout().getGlobalPrefix());
  if (!process) {
    return process.takeError();
  }
  library.addGenerator(std::move(*process));
  return llvm::Error::success();
}

static llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>>
compile(llvm::orc::ThreadSafeModule module) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit) {
    return jit.takeError();
  }
  if (llvm::Error e = defineSymbols(**jit)) {
    return e;
  }
  if (llvm::Error e = (*jit)->addIRModule(std::move(module))) {
    return e;
  }
  return jit;
}

std::unique_ptr<Emulated>
Emulated::load(llvm::StringRef text, std::string &error, llvm::StringRef chip) {
  auto context = std::make_unique<llvm::LLVMContext>();
  llvm::SMDiagnostic diagnostic;
  auto device = llvm::parseAssemblyString(text, diagnostic, *context);
  if (!device) {
    llvm::raw_string_ostream stream(error);
    diagnostic.print("test", stream);
    return nullptr;
  }
  return load(std::move(device), std::move(context), error, chip);
}

std::unique_ptr<Emulated>
Emulated::load(std::unique_ptr<llvm::Module> device,
               std::unique_ptr<llvm::LLVMContext> context, std::string &error,
               llvm::StringRef chip) {
  auto module = rewriteForEmulation(*device, chip);
  device.reset();
  if (!module) {
    error = llvm::toString(module.takeError());
    return nullptr;
  }
  auto result = std::make_unique<Emulated>();
  auto jit = compile({std::move(*module), std::move(context)});
  if (!jit) {
    error = llvm::toString(jit.takeError());
    return nullptr;
  }
  result->jit = std::move(*jit);
  auto address = result->jit->lookup("fovea_emu_image");
  if (!address) {
    error = llvm::toString(address.takeError());
    return nullptr;
  }
  result->image = address->toPtr<const fovea_emu_image *>();
  return result;
}

std::string Emulated::launch(uint32_t blocks, uint32_t threads,
                             uint32_t nearBytes,
                             llvm::ArrayRef<void *> arguments,
                             const char *options, int32_t index) const {
  fovea_emu_options parsed;
  if (fovea_emu_parse_options(options, &parsed) != 0) {
    return fovea_rt_last_error();
  }
  // Parameters point to the arguments, as for a driver.
  std::vector<void *> values(arguments.begin(), arguments.end());
  std::vector<void *> parameters;
  for (void *&value : values) {
    parameters.push_back(&value);
  }
  const uint32_t grid[3] = {blocks, 1, 1}, block[3] = {threads, 1, 1};
  if (fovea_emu_launch(image, index, grid, block, nearBytes, parameters.data(),
                       &parsed) != 0) {
    return fovea_rt_last_error();
  }
  return "";
}

llvm::ArrayRef<const char *> fovea::test::allOptions() {
  static const char *const options[] = {
      "late,fifo",          "late,lifo",       "late,random:1",
      "late,random:2",      "early,fifo",      "early,lifo",
      "early,random:3",     "late,fifo,race",  "late,lifo,race",
      "late,random:4,race", "early,fifo,race", "early,lifo,race",
      "early,random:5,race"};
  return options;
}
