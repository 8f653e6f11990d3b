//===- NVPTXTargetInfo.h - the chips of this family -------------*- C++ -*-===//

#ifndef FOVEA_TARGET_NVPTX_NVPTXTARGETINFO_H
#define FOVEA_TARGET_NVPTX_NVPTXTARGETINFO_H

#include "fovea/Target/Common/Device.h"

namespace fovea {

/// The rows of KnownChips.inc.
llvm::ArrayRef<DeviceChip> getNVPTXChips();

/// The matrix operations of a chip.
llvm::ArrayRef<MatrixAtom> getNVPTXAtoms(const DeviceChip &chip);

/// PTX for `module`, and a cubin if ptxas is found: see findPtxas.
llvm::Expected<DeviceCode> makeNVPTXCode(const llvm::Module &module,
                                         const MachineDescription &machine);

/// The assembler: $FOVEA_PTXAS, or `ptxas` on the PATH, or in $CUDA_HOME/bin.
/// Empty if there is none.
std::string findPtxas();

} // namespace fovea

#endif // FOVEA_TARGET_NVPTX_NVPTXTARGETINFO_H
