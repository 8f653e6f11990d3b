//===- AArch64ExpandMath.cpp - exponentials of vectors --------------------===//

#include "fovea/Target/AArch64/Passes.h"

#include "fovea/Target/Common/ExpandMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace fovea {
#define GEN_PASS_DEF_AARCH64EXPANDMATHPASS
#include "fovea/passes/Target/AArch64/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

struct AArch64ExpandMath
    : public fovea::impl::AArch64ExpandMathPassBase<AArch64ExpandMath> {
  void runOnOperation() override {
    auto make = [](Operation *op) {
      return std::make_unique<ExponentialBuilder>(op);
    };
    if (failed(expandMath(getOperation(), make))) {
      signalPassFailure();
    }
  }
};

} // namespace
