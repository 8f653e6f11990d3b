//===- AArch64TargetInfo.h - the processors of this family ------*- C++ -*-===//

#ifndef FOVEA_TARGET_AARCH64_AARCH64TARGETINFO_H
#define FOVEA_TARGET_AARCH64_AARCH64TARGETINFO_H

#include "fovea/Target/Target.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace fovea {

/// f32 elements of a vector register, and how many registers there are. Longer
/// registers, where a chip has them (SVE), are not used.
inline constexpr int64_t kAArch64Lanes = 4;
inline constexpr int64_t kAArch64Registers = 32;

/// A row of KnownChips.inc.
struct AArch64Chip {
  llvm::StringRef name;
  llvm::StringRef cpu;
  llvm::StringRef features;
  bool hasPairs;
  int64_t nearBytes;
  int64_t farBytes;
};

llvm::ArrayRef<AArch64Chip> getAArch64Chips();

/// The row called `name`; for "host" or "" the machine of this process, or an
/// error where that is of another family. A host that has no row gets the
/// numbers of its level and its own name.
llvm::Expected<AArch64Chip> lookUpAArch64Chip(llvm::StringRef name);

} // namespace fovea

#endif // FOVEA_TARGET_AARCH64_AARCH64TARGETINFO_H
