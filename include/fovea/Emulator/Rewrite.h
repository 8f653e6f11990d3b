//===- Rewrite.h - GPU modules as modules for this machine ------*- C++ -*-===//
//
// The emulator (fovea/runtime/fovea_emulator.h) runs the LLVM IR of a GPU
// module as it is just before instruction selection. The rewriting knows no
// operation of any GPU: each becomes a call that names it, and the runtime's
// table says what it does. Example, with a debug location at k.cu:7:3:
//
//     %v = call i32 @llvm.nvvm.shfl.sync.bfly.i32(i32 -1, i32 %x, i32 1, i32
//     31)
//
// becomes
//
//     store i32 -1, ptr %slot0
//     store i32 %x, ptr %slot1
//     ...
//     call void @fovea_emu_op(ptr @desc, ptr %result, ptr %operands)
//     %v = load i32, ptr %result
//
// where @desc holds the name, "k.cu:7:3" and the sizes of the operands.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_EMULATOR_REWRITE_H
#define FOVEA_EMULATOR_REWRITE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace llvm {
class Module;
} // namespace llvm

namespace fovea {

/// A module for the host's triple that defines `fovea_emu_image` for the
/// kernels of `device`, which is for an nvptx64 or amdgcn triple and has been
/// through its optimisation pipeline. `chip` is the name of the GPU; empty:
/// the "target-cpu" of the kernels.
///
/// Fails on a module without kernels, on calls of functions that are not in the
/// module, and on an operation that the emulator does not know; the message
/// names the operation and its place.
///
/// The module refers to the functions that fovea_emu_symbols() lists, and to
/// those of the C library's mathematics. It lives in the context of `device`.
llvm::Expected<std::unique_ptr<llvm::Module>>
rewriteForEmulation(const llvm::Module &device, llvm::StringRef chip = "");

} // namespace fovea

#endif // FOVEA_EMULATOR_REWRITE_H
