//===- WriteFile.h - Files that are complete or not there -----------------===//

#ifndef FOVEA_SUPPORT_WRITEFILE_H
#define FOVEA_SUPPORT_WRITEFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace fovea {

/// Writes the parts, one after another, to the file at path, or leaves what
/// was there untouched: the contents go to a new file beside it that takes its
/// name when complete. Messages name the path.
llvm::Error writeFile(llvm::StringRef path,
                      llvm::ArrayRef<llvm::StringRef> parts);

} // namespace fovea

#endif // FOVEA_SUPPORT_WRITEFILE_H
