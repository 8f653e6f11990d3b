//===- AMDGPUTargetInfo.h - the chips of this family ------------*- C++ -*-===//

#ifndef FOVEA_TARGET_AMDGPU_AMDGPUTARGETINFO_H
#define FOVEA_TARGET_AMDGPU_AMDGPUTARGETINFO_H

#include "fovea/Target/Common/Device.h"

namespace fovea {

/// The rows of KnownChips.inc.
llvm::ArrayRef<DeviceChip> getAMDGPUChips();

/// The matrix operations of a chip.
llvm::ArrayRef<MatrixAtom> getAMDGPUAtoms(const DeviceChip &chip);

/// Assembly and a code object (hsaco) for `module`.
llvm::Expected<DeviceCode> makeAMDGPUCode(const llvm::Module &module,
                                          const MachineDescription &machine);

} // namespace fovea

#endif // FOVEA_TARGET_AMDGPU_AMDGPUTARGETINFO_H
