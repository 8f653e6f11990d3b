//===- X86LowerDots.cpp - products of pairs -------------------------------===//

#include "fovea/Target/X86/Passes.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/IR/Builders.h"

namespace fovea {
#define GEN_PASS_DEF_X86LOWERDOTSPASS
#include "fovea/passes/Target/X86/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

static LogicalResult lower(tile::DotPairsOp op) {
  auto acc = dyn_cast<VectorType>(op.getAcc().getType());
  auto pairs = dyn_cast<VectorType>(op.getA().getType());
  bool isAtom = acc && acc.getElementType().isF32() && acc.getRank() == 1 &&
                llvm::is_contained({4, 8, 16}, acc.getDimSize(0)) && pairs &&
                pairs.getElementType().isBF16() && pairs.getRank() == 1 &&
                pairs.getDimSize(0) == 2 * acc.getDimSize(0) &&
                op.getB().getType() == pairs;
  if (!isAtom) {
    return op.emitOpError("expected 4, 8 or 16 sums in f32 of twice as many "
                          "bf16, got ")
           << op.getAcc().getType() << " and " << op.getA().getType();
  }
  OpBuilder b(op);
  Value dot = x86vector::DotBF16Op::create(b, op.getLoc(), acc, op.getAcc(),
                                           op.getA(), op.getB());
  op.replaceAllUsesWith(dot);
  op.erase();
  return success();
}

namespace {

struct X86LowerDots : public fovea::impl::X86LowerDotsPassBase<X86LowerDots> {
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
