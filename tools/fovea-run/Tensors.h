//===- Tensors.h - the arguments of a call, from files or at random -------===//

#ifndef FOVEA_TOOLS_FOVEA_RUN_TENSORS_H
#define FOVEA_TOOLS_FOVEA_RUN_TENSORS_H

#include "fovea/Driver/Compiler.h"
#include "fovea/Reference/Interpreter.h"
#include "fovea/Support/Npy.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace fovea {

/// Memory for one argument, aligned and without gaps.
class HostTensor {
public:
  HostTensor(fovea_dtype dtype, llvm::ArrayRef<int64_t> shape);

  const fovea_tensor &get() const { return tensor; }
  llvm::ArrayRef<int64_t> getShape() const {
    return {tensor.sizes, static_cast<size_t>(tensor.rank)};
  }
  int64_t getNumElements() const { return count; }
  int64_t getNumBytes() const;
  bool isReal() const;

  void setReal(int64_t i, double value); // rounds to the element type
  void setInteger(int64_t i, int64_t value);
  double getReal(int64_t i) const;
  int64_t getInteger(int64_t i) const;

private:
  struct Free {
    void operator()(void *memory) const;
  };
  fovea_tensor tensor = {};
  int64_t count = 1;
  std::unique_ptr<void, Free> memory;
};

/// Converts an array to what an argument wants; `path` is for messages.
llvm::Expected<HostTensor> convertInput(const NpyArray &array,
                                        const Parameter &parameter,
                                        llvm::StringRef path);

/// Makes an argument from a text such as "1x8x128x64" or "4x16=arange".
llvm::Expected<HostTensor>
makeRandom(llvm::StringRef text, const Parameter &parameter, uint64_t &state);

/// Dimensions separated by x; `text` is one item of --random or --shape.
llvm::Expected<llvm::SmallVector<int64_t, 4>> parseShape(llvm::StringRef text);

/// Error if a shape does not fit a parameter.
llvm::Error checkShape(llvm::ArrayRef<int64_t> shape,
                       const Parameter &parameter, llvm::StringRef where);

NpyArray toNpy(const HostTensor &tensor);
reference::Tensor toReference(const HostTensor &tensor);

} // namespace fovea

#endif // FOVEA_TOOLS_FOVEA_RUN_TENSORS_H
