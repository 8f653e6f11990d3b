//===- Emulated.h - A device module on this machine, for tests ------------===//

#ifndef FOVEA_TEST_UNIT_EMULATOR_EMULATED_H
#define FOVEA_TEST_UNIT_EMULATOR_EMULATED_H

#include "fovea/runtime/fovea_emulator.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"

#include <memory>
#include <string>
#include <vector>

namespace fovea::test {

/// Text of test/unit/Emulator/Inputs/NAME, without the lines that end in
/// "; MARK" if a mark is given (and with the comments of all others).
std::string readInput(llvm::StringRef name, llvm::StringRef mark = "");

/// A rewritten, compiled device module.
class Emulated {
public:
  /// From LLVM IR as text. Empty with `error` set if it is refused.
  static std::unique_ptr<Emulated>
  load(llvm::StringRef text, std::string &error, llvm::StringRef chip = "");

  /// From a device module, which belongs to the context.
  static std::unique_ptr<Emulated>
  load(std::unique_ptr<llvm::Module> device,
       std::unique_ptr<llvm::LLVMContext> context, std::string &error,
       llvm::StringRef chip = "");

  /// Launches kernel `index` with one-dimensional sizes. Empty on success, else
  /// the report.
  std::string launch(uint32_t blocks, uint32_t threads, uint32_t nearBytes,
                     llvm::ArrayRef<void *> arguments, const char *options,
                     int32_t index = 0) const;

  const fovea_emu_image &getImage() const { return *image; }

private:
  std::unique_ptr<llvm::orc::LLJIT> jit;
  const fovea_emu_image *image = nullptr;
};

/// Device memory of count items.
template <typename T> class Buffer {
public:
  explicit Buffer(size_t count)
      : items(static_cast<T *>(fovea_emu_alloc(count * sizeof(T)))),
        count(count) {}
  ~Buffer() { fovea_emu_free(items); }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  T &operator[](size_t i) { return items[i]; }
  T *data() { return items; }
  size_t size() const { return count; }

private:
  T *items;
  size_t count;
};

/// Every combination of order, lateness and race checks that has to be silent
/// for a correct kernel.
llvm::ArrayRef<const char *> allOptions();

} // namespace fovea::test

#endif // FOVEA_TEST_UNIT_EMULATOR_EMULATED_H
