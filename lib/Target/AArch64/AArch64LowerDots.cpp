//===- AArch64LowerDots.cpp - products of pairs ---------------------------===//

#include "fovea/Target/AArch64/Passes.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"

namespace fovea {
#define GEN_PASS_DEF_AARCH64LOWERDOTSPASS
#include "fovea/passes/Target/AArch64/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

static LogicalResult lower(tile::DotPairsOp op) {
  OpBuilder b(op);
  auto sums = VectorType::get({4}, b.getF32Type());
  auto pairs = VectorType::get({8}, b.getBF16Type());
  if (op.getAcc().getType() != sums || op.getA().getType() != pairs ||
      op.getB().getType() != pairs) {
    return op.emitOpError("expected 4 sums in f32 of 8 bf16, got ")
           << op.getAcc().getType() << " and " << op.getA().getType();
  }
  auto call = LLVM::CallIntrinsicOp::create(
      b, op.getLoc(), sums, b.getStringAttr("llvm.aarch64.neon.bfdot"),
      ValueRange{op.getAcc(), op.getA(), op.getB()});
  op.replaceAllUsesWith(call.getResult(0));
  op.erase();
  return success();
}

namespace {

struct AArch64LowerDots
    : public fovea::impl::AArch64LowerDotsPassBase<AArch64LowerDots> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk([](tile::DotPairsOp op) {
      return failed(lower(op)) ? WalkResult::interrupt()
                               : WalkResult::advance();
    });
    if (result.wasInterrupted()) {
      signalPassFailure();
    }
  }
};

} // namespace
