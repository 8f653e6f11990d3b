//===- X86LowerDots.cpp - products of pairs, and look-ups -----------------===//

#include "fovea/Target/X86/Passes.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
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

/// VPERMPS and VPERMW look at as many bits of an index as number the elements.
static LogicalResult lower(tile::PermuteOp op) {
  auto type = cast<VectorType>(op.getTable().getType());
  StringRef name =
      type.getElementType().isF32() && type.getDimSize(0) == 16
          ? "llvm.x86.avx512.permvar.sf.512"
      : type.getElementType().isInteger(16) && type.getDimSize(0) == 32
          ? "llvm.x86.avx512.permvar.hi.512"
          : "";
  if (name.empty()) {
    return op.emitOpError("expected 16 floats or 32 integers of 16 bits, got ")
           << type;
  }
  OpBuilder b(op);
  auto found = LLVM::CallIntrinsicOp::create(
      b, op.getLoc(), type, b.getStringAttr(name),
      ValueRange{op.getTable(), op.getIndex()});
  op.replaceAllUsesWith(found.getResult(0));
  op.erase();
  return success();
}

/// 16 floats to bf16 in one instruction. Left alone, LLVM has nine where what was
/// rounded is widened again.
static void lower(arith::TruncFOp op) {
  auto wide = dyn_cast<VectorType>(op.getIn().getType());
  auto narrow = dyn_cast<VectorType>(op.getType());
  if (!wide || !wide.getElementType().isF32() || wide.getRank() != 1 ||
      wide.getDimSize(0) != 16 || !narrow.getElementType().isBF16()) {
    return;
  }
  OpBuilder b(op);
  auto all = LLVM::CallIntrinsicOp::create(
      b, op.getLoc(), narrow,
      b.getStringAttr("llvm.x86.avx512bf16.cvtneps2bf16.512"),
      ValueRange{op.getIn()});
  op.replaceAllUsesWith(all.getResult(0));
  op.erase();
}

namespace {

struct X86LowerDots : public fovea::impl::X86LowerDotsPassBase<X86LowerDots> {
  using X86LowerDotsPassBase::X86LowerDotsPassBase;

  void runOnOperation() override {
    if (pairs) {
      getOperation().walk([](arith::TruncFOp op) { lower(op); });
    }
    WalkResult result = getOperation().walk([](Operation *op) {
      auto dot = dyn_cast<tile::DotPairsOp>(op);
      auto permute = dyn_cast<tile::PermuteOp>(op);
      return (dot && failed(lower(dot))) || (permute && failed(lower(permute)))
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    });
    if (result.wasInterrupted()) {
      signalPassFailure();
    }
  }
};

} // namespace
