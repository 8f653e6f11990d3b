//===- DeviceTarget.h - a target whose tasks run on a device ----*- C++ -*-===//

#ifndef FOVEA_TARGET_COMMON_DEVICETARGET_H
#define FOVEA_TARGET_COMMON_DEVICETARGET_H

#include "fovea/Target/Common/Device.h"

namespace fovea {

/// `tile.machine` for a chip with these atoms.
tile::MachineAttr makeMachine(mlir::MLIRContext *context,
                              const DeviceChip &chip,
                              llvm::ArrayRef<MatrixAtom> atoms);

/// What targets with a device share: the calling side is any x86-64 machine
/// and launches kernels through the runtime.
class DeviceTarget : public Target {
public:
  MachineDescription getMachine() const override;
  VectorUnit getVectorUnit() const override { return {4, 16, false}; }
  llvm::Error checkRunsHere() const override;
  const Device *getDevice() const override { return device.get(); }
  void addLowering(mlir::OpPassManager &pm) const override;

protected:
  DeviceTarget(llvm::StringRef name, std::unique_ptr<Device> device)
      : Target(name), device(std::move(device)) {}

  /// Adds the pass on a `gpu.module` that chooses instructions.
  virtual void addLaneLowering(mlir::OpPassManager &pm) const = 0;

private:
  std::unique_ptr<Device> device;
};

} // namespace fovea

#endif // FOVEA_TARGET_COMMON_DEVICETARGET_H
