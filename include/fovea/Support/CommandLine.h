//===- CommandLine.h - option names that LLVM's library also has ----------===//

#ifndef FOVEA_SUPPORT_COMMANDLINE_H
#define FOVEA_SUPPORT_COMMANDLINE_H

#include "llvm/Support/CommandLine.h"

#include <initializer_list>

namespace fovea {

/// The shared LLVM library registers options of its passes, and a second
/// option of the same name ends the program. A static object of this class,
/// before the tool's own options, takes those names away from the library.
struct FreeOptionNames {
  explicit FreeOptionNames(std::initializer_list<llvm::StringRef> names) {
    auto &known = llvm::cl::getRegisteredOptions();
    for (llvm::StringRef name : names) {
      if (llvm::cl::Option *option = known.lookup(name)) {
        option->removeArgument();
      }
    }
  }
};

} // namespace fovea

#endif // FOVEA_SUPPORT_COMMANDLINE_H
