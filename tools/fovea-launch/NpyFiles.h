//===- NpyFiles.h - arguments from and to .npy files ----------------------===//
//
// As fovea-run reads and writes them, without LLVM. Both functions are false
// after an error.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TOOLS_FOVEA_LAUNCH_NPYFILES_H
#define FOVEA_TOOLS_FOVEA_LAUNCH_NPYFILES_H

#include "fovea/Support/HostArray.h"

namespace fovea {

/// Reads what an argument wants from a .npy file.
bool readArray(const std::string &path, const ArgumentType &type,
               HostArray &array);

/// Writes a .npy file; reals as float32.
bool writeArray(const std::string &path, const HostArray &array);

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_LAUNCH_NPYFILES_H
