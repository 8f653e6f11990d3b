//===- Arguments.h - of a call, from files or at random ---------*- C++ -*-===//

#ifndef FOVEA_DRIVER_ARGUMENTS_H
#define FOVEA_DRIVER_ARGUMENTS_H

#include "fovea/Driver/Compiler.h"
#include "fovea/Support/HostArray.h"
#include "fovea/Support/Npy.h"

namespace fovea {

/// Reads the file at `path` as what an argument wants.
llvm::Expected<HostArray> readInput(llvm::StringRef path,
                                    const Parameter &parameter);

/// Makes an argument from a text such as "1x8x128x64" or "4x16=arange".
llvm::Expected<HostArray>
makeRandom(llvm::StringRef text, const Parameter &parameter, uint64_t &state);

/// An output of a shape that is given, a text such as "1x8x128x64", or else of
/// one that was derived from the inputs.
llvm::Expected<HostArray>
makeOutput(const Parameter &parameter,
           std::optional<llvm::SmallVector<int64_t, 4>> derived,
           std::optional<std::string> given);

NpyArray toNpy(const HostArray &array);

} // namespace fovea

#endif // FOVEA_DRIVER_ARGUMENTS_H
