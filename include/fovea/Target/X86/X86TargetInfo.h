//===- X86TargetInfo.h - the processors of this family ----------*- C++ -*-===//

#ifndef FOVEA_TARGET_X86_X86TARGETINFO_H
#define FOVEA_TARGET_X86_X86TARGETINFO_H

#include "fovea/Target/Target.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace fovea {

/// A row of KnownChips.inc.
struct X86Chip {
  llvm::StringRef name;
  int64_t lanes;
  int64_t registers;
  bool hasPairs;
  bool hasTiles;
  int64_t nearBytes;
  int64_t farBytes;

  /// 512-bit registers, with all that x86-64-v4 has.
  bool isWide() const { return lanes == 16; }
};

llvm::ArrayRef<X86Chip> getX86Chips();

/// The row called `name`; for "host" or "" the machine of this process. A host
/// that has no row gets the numbers of its level and its own name.
llvm::Expected<X86Chip> lookUpX86Chip(llvm::StringRef name);

} // namespace fovea

#endif // FOVEA_TARGET_X86_X86TARGETINFO_H
