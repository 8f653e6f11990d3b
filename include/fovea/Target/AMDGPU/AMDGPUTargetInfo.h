//===- AMDGPUTargetInfo.h - the chips of this family ------------*- C++ -*-===//

#ifndef FOVEA_TARGET_AMDGPU_AMDGPUTARGETINFO_H
#define FOVEA_TARGET_AMDGPU_AMDGPUTARGETINFO_H

#include "fovea/Target/Common/Device.h"

namespace fovea {

/// The rows of KnownChips.inc.
llvm::ArrayRef<DeviceChip> getAMDGPUChips();

/// The matrix operations of a chip.
llvm::ArrayRef<MatrixAtom> getAMDGPUAtoms(const DeviceChip &chip);

/// Attribute of LLVM functions for chips with accumulation registers beside the
/// 256 that a lane has for all else: how many a function may use. Matrix
/// instructions take either, others only those 256, so that sums in
/// accumulation registers are moved to be scaled and moved back.
inline constexpr llvm::StringLiteral kAccumulatorsAttribute =
    "amdgpu-agpr-alloc";

/// A code object (hsaco) for `module`. Kernels with
/// kAccumulatorsAttribute lose it if they spill: a register that needs moving is
/// better than memory.
llvm::Expected<DeviceCode> makeAMDGPUCode(const llvm::Module &module,
                                          const MachineDescription &machine);

} // namespace fovea

#endif // FOVEA_TARGET_AMDGPU_AMDGPUTARGETINFO_H
