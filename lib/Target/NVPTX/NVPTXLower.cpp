//===- NVPTXLower.cpp - what one lane does, for this family ---------------===//

#include "fovea/Target/NVPTX/Passes.h"

#include "fovea/Target/Common/LaneLowering.h"
#include "fovea/Target/NVPTX/NVPTXTargetInfo.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace fovea {
#define GEN_PASS_DEF_NVPTXLOWERPASS
#include "fovea/passes/Target/NVPTX/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

namespace {

class NVPTXLanes : public LaneLowering {
public:
  using LaneLowering::LaneLowering;

protected:
  Value makeThreadId() override {
    return call("llvm.nvvm.read.ptx.sreg.tid.x", b.getI32Type(), {});
  }
  Value makeBlockId() override {
    return call("llvm.nvvm.read.ptx.sreg.ctaid.x", b.getI32Type(), {});
  }
  void makeBarrier() override {
    call("llvm.nvvm.barrier.cta.sync.aligned.all", constant(0));
  }

  /// All lanes take part; 31 is the last lane of the segment.
  Value makeShuffleXor(Value value, Value offset) override {
    return call("llvm.nvvm.shfl.sync.bfly.i32", b.getI32Type(),
                {constant(-1), value, offset, constant(31)});
  }
  Value makeShuffleIndex(Value value, Value offset) override {
    return call("llvm.nvvm.shfl.sync.idx.i32", b.getI32Type(),
                {constant(-1), value, offset, constant(31)});
  }

  Value makeExp2(Value x) override {
    return call("llvm.nvvm.ex2.approx.ftz.f32", b.getF32Type(), x);
  }

  Value makeAtom(const MatrixAtom &atom, Value a, Value bb, Value c) override {
    Type part = b.getI32Type();
    if (atom.operands == AtomOperands::Pairs) {
      part = VectorType::get(2, cast<VectorType>(a.getType()).getElementType());
    }
    SmallVector<Value> arguments = split(a, part);
    llvm::append_range(arguments, split(bb, part));
    SmallVector<Value> sums = split(c, b.getF32Type());
    llvm::append_range(arguments, sums);
    auto result = LLVM::LLVMStructType::getLiteral(
        b.getContext(), SmallVector<Type>(sums.size(), b.getF32Type()));
    return join(call(atom.intrinsic, result, arguments),
                cast<VectorType>(c.getType()));
  }

  Value makeReadMatrix(tile::ReadMatrixOp op, Value from) override {
    unsigned count = op.getCount();
    std::string name = "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x" +
                       std::to_string(count) +
                       (op.getTransposed() ? ".trans" : "") + ".b16";
    Type result = b.getI32Type();
    if (count > 1) {
      result = LLVM::LLVMStructType::getLiteral(
          b.getContext(), SmallVector<Type>(count, result));
    }
    return join(call(name, result, from),
                cast<VectorType>(op.getResult().getType()));
  }

  /// A source size of 0 reads nothing and writes zeros. Copies of 16 bytes
  /// pass by the first-level cache: no other block of this multiprocessor is
  /// likely to read them.
  void makeCopy(tile::CopyOp op, Value from, Value to) override {
    Type element = cast<MemRefType>(op.getSource().getType()).getElementType();
    int64_t bytes = op.getCount() * element.getIntOrFloatBitWidth() / 8;
    Value size = arith::SelectOp::create(b, loc, op.getValid(),
                                         constant(bytes), constant(0));
    StringRef name = bytes == 16  ? "llvm.nvvm.cp.async.cg.shared.global.16.s"
                     : bytes == 8 ? "llvm.nvvm.cp.async.ca.shared.global.8.s"
                                  : "llvm.nvvm.cp.async.ca.shared.global.4.s";
    call(name, {to, from, size});
  }
  void makeCopyCommit() override {
    call("llvm.nvvm.cp.async.commit.group", ValueRange());
  }
  void makeCopyWait(int64_t pending) override {
    call("llvm.nvvm.cp.async.wait.group", constant(pending));
  }

  SmallVector<std::pair<std::string, std::string>>
  getAttributes(int64_t threads) const override {
    return {{"nvvm.reqntid", std::to_string(threads)}};
  }
  LLVM::CConv getConvention() const override {
    return LLVM::CConv::PTX_Kernel;
  }
};

struct NVPTXLower : public fovea::impl::NVPTXLowerPassBase<NVPTXLower> {
  using NVPTXLowerPassBase::NVPTXLowerPassBase;

  void runOnOperation() override {
    llvm::Expected<DeviceChip> row = lookUpChip(getNVPTXChips(), chip);
    if (!row) {
      getOperation().emitError(llvm::toString(row.takeError()));
      return signalPassFailure();
    }
    auto machine =
        getOperation()->getParentOp()->getAttrOfType<tile::MachineAttr>(
            tile::kMachineAttrName);
    NVPTXLanes lanes(getOperation(), machine, getNVPTXAtoms(*row));
    if (failed(lanes.run())) {
      signalPassFailure();
    }
  }
};

} // namespace
