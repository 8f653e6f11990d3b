//===- CommandLine.h - option names that LLVM's library also has ----------===//

#ifndef FOVEA_SUPPORT_COMMANDLINE_H
#define FOVEA_SUPPORT_COMMANDLINE_H

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CommandLine.h"

#include <initializer_list>
#include <vector>

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

/// Keeps the values that the options of a category have. Linking a code object
/// for a device runs a linker that is a library and gives every registered
/// option of the process its default again. Called after the command line was
/// read, this takes a tool's own options out of the register.
inline void keepOptions(const llvm::cl::OptionCategory &category) {
  std::vector<llvm::cl::Option *> own;
  for (auto &entry : llvm::cl::getRegisteredOptions()) {
    if (llvm::is_contained(entry.second->Categories, &category)) {
      own.push_back(entry.second);
    }
  }
  for (llvm::cl::Option *option :
       llvm::cl::SubCommand::getTopLevel().PositionalOpts) {
    own.push_back(option);
  }
  for (llvm::cl::Option *option : own) {
    option->removeArgument();
  }
}

/// Whether the command line has options of LLVM's libraries, which may change
/// any code. Called after keepOptions.
inline bool hasLibraryOptions() {
  return llvm::any_of(llvm::cl::getRegisteredOptions(), [](const auto &entry) {
    return entry.second->getNumOccurrences() > 0;
  });
}

} // namespace fovea

#endif // FOVEA_SUPPORT_COMMANDLINE_H
