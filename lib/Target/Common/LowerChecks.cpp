//===- LowerChecks.cpp - assertions of kernels become a status ------------===//

#include "fovea/Target/Common/Passes.h"

#include "Kernels.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/ADT/SetVector.h"

namespace fovea {
#define GEN_PASS_DEF_LOWERCHECKSPASS
#include "fovea/passes/Target/Common/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

static LogicalResult verifyKernel(func::FuncOp kernel) {
  if (kernel.getNumResults() != 0) {
    return kernel.emitOpError("expected a kernel without results, got ")
           << kernel.getNumResults();
  }
  if (!kernel.getBody().hasOneBlock()) {
    return kernel.emitOpError("expected a kernel of one block");
  }
  return success();
}

/// Ends the current block in a test of `check`, with a block of its own for
/// the failure, and continues in a new block.
static void lowerAssert(cf::AssertOp check, ArrayRef<Value> allocated) {
  auto kernel = check->getParentOfType<func::FuncOp>();
  auto module = kernel->getParentOfType<ModuleOp>();
  Location loc = check.getLoc();
  Block *before = check->getBlock();
  Block *after = before->splitBlock(check->getNextNode());
  auto *failed = new Block;
  kernel.getBody().push_back(failed);

  OpBuilder b(check);
  cf::CondBranchOp::create(b, loc, check.getArg(), after, failed);
  b.setInsertionPointToEnd(failed);
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto fail = declareRuntime(module, "fovea_rt_fail", b.getI32Type(), pointer);
  Value text = getStringAddress(b, loc, module, check.getMsg());
  Value status = LLVM::CallOp::create(b, loc, fail, text).getResult();
  for (Value buffer : llvm::reverse(allocated)) {
    memref::DeallocOp::create(b, loc, buffer);
  }
  func::ReturnOp::create(b, loc, status);
  check.erase();
}

static void lowerKernel(func::FuncOp kernel) {
  OpBuilder b(kernel.getContext());
  kernel.setType(b.getFunctionType(kernel.getArgumentTypes(), b.getI32Type()));
  // Splitting moves operations to other blocks, so list them first.
  SmallVector<Operation *> ops;
  for (Operation &op : kernel.getBody().front()) {
    ops.push_back(&op);
  }
  llvm::SetVector<Value> allocated;
  for (Operation *op : ops) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
      allocated.insert(alloc);
    } else if (auto dealloc = dyn_cast<memref::DeallocOp>(op)) {
      allocated.remove(dealloc.getMemref());
    } else if (auto check = dyn_cast<cf::AssertOp>(op)) {
      lowerAssert(check, allocated.getArrayRef());
    } else if (auto ret = dyn_cast<func::ReturnOp>(op)) {
      b.setInsertionPoint(ret);
      Value zero = arith::ConstantIntOp::create(b, ret.getLoc(), 0, 32);
      func::ReturnOp::create(b, ret.getLoc(), zero);
      ret.erase();
    }
  }
}

namespace {

struct LowerChecks : public fovea::impl::LowerChecksPassBase<LowerChecks> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> kernels = getKernels(getOperation());
    for (func::FuncOp kernel : kernels) {
      if (failed(verifyKernel(kernel))) {
        return signalPassFailure();
      }
    }
    WalkResult nested = getOperation().walk([&](cf::AssertOp check) {
      auto function = dyn_cast<func::FuncOp>(check->getParentOp());
      if (function && llvm::is_contained(kernels, function)) {
        return WalkResult::advance();
      }
      check.emitOpError("expected at the top level of a kernel, where it can "
                        "end the call");
      return WalkResult::interrupt();
    });
    if (nested.wasInterrupted()) {
      return signalPassFailure();
    }
    llvm::for_each(kernels, lowerKernel);
  }
};

} // namespace
