//===- CachedExecutable.h - a program that was compiled before --*- C++ -*-===//
//
// On a hit nothing of MLIR is touched: the text is hashed, a file is read and
// checked, and the dynamic linker maps its code.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_LIB_DRIVER_CACHEDEXECUTABLE_H
#define FOVEA_LIB_DRIVER_CACHEDEXECUTABLE_H

#include "fovea/Driver/Compiler.h"

namespace fovea {

/// Compiles a text, whatever options.cache says.
llvm::Expected<std::unique_ptr<Executable>>
compileText(llvm::StringRef text, const CompileOptions &options);

/// Takes a program from options.cache, or compiles it and leaves it there.
llvm::Expected<std::unique_ptr<Executable>>
compileThroughCache(llvm::StringRef text, const CompileOptions &options);

} // namespace fovea

#endif // FOVEA_LIB_DRIVER_CACHEDEXECUTABLE_H
