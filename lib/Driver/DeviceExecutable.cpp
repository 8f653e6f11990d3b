//===- DeviceExecutable.cpp - a program whose tasks are kernels -----------===//

#include "DeviceExecutable.h"

#include "fovea/Emulator/Rewrite.h"
#include "fovea/Target/Common/Occupancy.h"
#include "fovea/runtime/fovea_emulator.h"

#include "llvm/Support/raw_ostream.h"

using namespace fovea;

DeviceExecutable::~DeviceExecutable() = default;

llvm::Expected<const DeviceCode *> DeviceExecutable::getCode() {
  if (!code) {
    llvm::Expected<DeviceCode> made = getDevice().makeCode(*kernels);
    if (!made) {
      return made.takeError();
    }
    code = std::move(*made);
  }
  return &*code;
}

/// The kernels as code of this machine that calls the emulator.
llvm::Expected<llvm::SmallVector<char, 0>>
DeviceExecutable::makeEmulatedObject() {
  auto module = rewriteForEmulation(*kernels, getDevice().getChip());
  if (!module) {
    return module.takeError();
  }
  // What runs here is as good as it must be; the time goes into compiling it.
  auto machine = createTargetMachine(getTarget().getMachine(), /*optLevel=*/1);
  if (!machine) {
    return machine.takeError();
  }
  (*module)->setDataLayout((*machine)->createDataLayout());
  return emitCode(**module, **machine, llvm::CodeGenFileType::ObjectFile);
}

llvm::Expected<const void *> DeviceExecutable::loadEmulated() {
  if (!emulated) {
    auto object = makeEmulatedObject();
    if (!object) {
      return object.takeError();
    }
    std::vector<ObjectCode> objects;
    objects.push_back(std::move(*object));
    auto jit = makeJit(std::move(objects));
    if (!jit) {
      return jit.takeError();
    }
    emulated = std::move(*jit);
  }
  auto image = emulated->lookup("fovea_emu_image");
  if (!image) {
    return image.takeError();
  }
  return image->toPtr<const void *>();
}

llvm::Expected<fovea_module *> DeviceExecutable::loadOn(fovea_device *device) {
  auto check = [](fovea_module *module) -> llvm::Expected<fovea_module *> {
    if (!module) {
      return llvm::createStringError(fovea_rt_last_error());
    }
    return module;
  };
  fovea_device_info info;
  if (fovea_device_get_info(device, &info) != 0) {
    return llvm::createStringError(fovea_rt_last_error());
  }
  if (llvm::StringRef(info.driver) == "emulated") {
    llvm::Expected<const void *> image = loadEmulated();
    if (!image) {
      return image.takeError();
    }
    return check(fovea_module_adopt(device, *image));
  }
  llvm::Expected<const DeviceCode *> made = getCode();
  if (!made) {
    return made.takeError();
  }
  // A driver that takes no binary compiles the text.
  const std::vector<char> &binary = (*made)->binary;
  const std::string &text = (*made)->text;
  return check(binary.empty()
                   ? fovea_module_load(device, text.data(), text.size())
                   : fovea_module_load(device, binary.data(), binary.size()));
}

llvm::Expected<std::string> DeviceExecutable::emit(EmitKind kind) {
  switch (kind) {
  case EmitKind::LLVMIR: {
    std::string text;
    llvm::raw_string_ostream stream(text);
    kernels->print(stream, nullptr);
    return text;
  }
  case EmitKind::Assembly:
  case EmitKind::Object: {
    llvm::Expected<const DeviceCode *> made = getCode();
    if (!made) {
      return made.takeError();
    }
    if (kind == EmitKind::Assembly) {
      return getDevice().makeText(*kernels, **made);
    }
    if ((*made)->binary.empty()) {
      return llvm::createStringError((*made)->remark);
    }
    return std::string((*made)->binary.begin(), (*made)->binary.end());
  }
  case EmitKind::SharedLibrary:
    return llvm::createStringError(
        "expected --emit artefact for a device: its kernels are loaded by the "
        "runtime; got --emit shared");
  case EmitKind::Header:
  case EmitKind::Artefact:
    return NativeExecutable::emit(kind);
  }
  llvm_unreachable("unknown kind");
}

llvm::Expected<std::string> DeviceExecutable::describeResources() {
  llvm::Expected<const DeviceCode *> made = getCode();
  if (!made) {
    return made.takeError();
  }
  return fovea::describeResources(getDevice().getChipRow(), **made);
}

llvm::Expected<ArtefactTarget> DeviceExecutable::makeArtefactTarget() {
  llvm::Expected<ArtefactTarget> result =
      NativeExecutable::makeArtefactTarget();
  if (!result) {
    return result;
  }
  llvm::Expected<const DeviceCode *> made = getCode();
  if (!made) {
    return made.takeError();
  }
  std::string chip = getDevice().getChip().str();
  result->chip = chip;
  const DeviceCode &device = **made;
  if (!device.binary.empty()) {
    result->images.push_back(
        {getDevice().getBinaryKind().str(), chip,
         std::string(device.binary.begin(), device.binary.end())});
  }
  if (llvm::StringRef kind = getDevice().getTextKind(); !kind.empty()) {
    result->images.push_back({kind.str(), chip, device.text});
  }
  auto object = makeEmulatedObject();
  if (!object) {
    return object.takeError();
  }
  auto library = linkSharedLibrary({object->data(), object->size()},
                                   llvm::Triple(getTarget().getMachine().triple),
                                   /*withRuntime=*/false);
  if (!library) {
    return library.takeError();
  }
  result->images.push_back({"emulated", chip, std::move(*library)});
  for (const KernelInfo &kernel : device.kernels) {
    result->kernels.push_back(
        {kernel.name, kernel.threads, kernel.nearBytes, kernel.registers});
  }
  return result;
}
