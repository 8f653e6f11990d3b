//===- DeviceExecutable.h - a program whose tasks are kernels ---*- C++ -*-===//
//
// Host code, which is what NativeExecutable has, and kernels, kept as LLVM IR
// after optimisation: code for a driver or for the emulator is made of it when
// it is asked for.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_LIB_DRIVER_DEVICEEXECUTABLE_H
#define FOVEA_LIB_DRIVER_DEVICEEXECUTABLE_H

#include "Executable.h"

#include "fovea/Target/Common/Device.h"

namespace fovea {

class DeviceExecutable : public NativeExecutable {
public:
  DeviceExecutable(std::unique_ptr<Target> target, std::vector<Entry> entries,
                   std::unique_ptr<llvm::TargetMachine> machine,
                   std::unique_ptr<llvm::LLVMContext> context,
                   std::unique_ptr<llvm::Module> module, int optLevel,
                   std::unique_ptr<llvm::Module> kernels)
      : NativeExecutable(std::move(target), std::move(entries),
                         std::move(machine), std::move(context),
                         std::move(module), optLevel),
        kernels(std::move(kernels)) {}
  ~DeviceExecutable() override;

  bool needsDevice() const override { return true; }
  llvm::Expected<fovea_module *> loadOn(fovea_device *device) override;
  llvm::Expected<std::string> emit(EmitKind kind) override;
  llvm::Expected<std::string> describeResources() override;
  llvm::Expected<ArtefactTarget> makeArtefactTarget() override;

private:
  const Device &getDevice() const { return *getTarget().getDevice(); }
  llvm::Expected<const DeviceCode *> getCode();
  llvm::Expected<llvm::SmallVector<char, 0>> makeEmulatedObject();
  llvm::Expected<const void *> loadEmulated();

  std::unique_ptr<llvm::Module> kernels; // in the host module's context
  std::optional<DeviceCode> code;
  std::unique_ptr<llvm::orc::LLJIT> emulated;
};

} // namespace fovea

#endif // FOVEA_LIB_DRIVER_DEVICEEXECUTABLE_H
