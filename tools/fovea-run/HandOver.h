//===- HandOver.h - compiled programs go to another tool --------*- C++ -*-===//
//
// A program in a .fovea file needs no compiler. fovea-launch, which has none,
// runs it in place of this process: both tools spell their options alike.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TOOLS_FOVEA_RUN_HANDOVER_H
#define FOVEA_TOOLS_FOVEA_RUN_HANDOVER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace fovea {

/// True for a file that begins as .fovea files do, and for one that is called
/// so: what is wrong with it is for its reader to say.
bool isArtefact(llvm::StringRef path);

/// Becomes the fovea-launch that lies beside this program, with the same
/// arguments. Returns only if that fails.
llvm::Error handOver(int argc, char **argv);

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_RUN_HANDOVER_H
