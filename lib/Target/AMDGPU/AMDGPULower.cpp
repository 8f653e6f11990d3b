//===- AMDGPULower.cpp - what one lane does, for this family --------------===//

#include "fovea/Target/AMDGPU/Passes.h"

#include "fovea/Target/AMDGPU/AMDGPUTargetInfo.h"
#include "fovea/Target/Common/LaneLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace fovea {
#define GEN_PASS_DEF_AMDGPULOWERPASS
#include "fovea/passes/Target/AMDGPU/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// What an LLVM constant of i32 holds.
static std::optional<int64_t> getConstant(Value value) {
  if (auto op = value.getDefiningOp<arith::ConstantOp>()) {
    return cast<IntegerAttr>(op.getValue()).getInt();
  }
  return std::nullopt;
}

namespace {

class AMDGPULanes : public LaneLowering {
public:
  using LaneLowering::LaneLowering;

protected:
  Value makeThreadId() override {
    return call("llvm.amdgcn.workitem.id.x", b.getI32Type(), {});
  }
  Value makeBlockId() override {
    return call("llvm.amdgcn.workgroup.id.x", b.getI32Type(), {});
  }

  /// The instruction orders nothing by itself: LLVM inserts the waits for
  /// memory that fences ask for. Tasks share near memory and nothing else
  /// ("local"), so loads from global memory stay under way.
  void makeBarrier() override {
    auto fence = [&](LLVM::AtomicOrdering ordering) {
      auto op = LLVM::FenceOp::create(b, loc, ordering, "workgroup");
      op->setAttr(LLVM::LLVMDialect::getMmraAttrName(),
                  LLVM::MMRATagAttr::get(b.getContext(),
                                         "amdgpu-synchronize-as", "local"));
    };
    fence(LLVM::AtomicOrdering::release);
    call("llvm.amdgcn.s.barrier", ValueRange());
    fence(LLVM::AtomicOrdering::acquire);
  }

  /// Within four lanes by DPP (`quad_perm` takes two bits per lane), within 32
  /// by `ds_swizzle` in its bit mode: xor mask, or mask, and mask, of five
  /// bits each.
  Value makeShuffleXor(Value value, Value offset) override {
    Type i32 = b.getI32Type();
    std::optional<int64_t> known = getConstant(offset);
    if (known && *known > 0 && *known < 4) {
      int64_t control = 0;
      for (int64_t lane = 0; lane < 4; ++lane) {
        control |= (lane ^ *known) << (2 * lane);
      }
      return call("llvm.amdgcn.update.dpp.i32", i32,
                  {LLVM::PoisonOp::create(b, loc, i32), value,
                   constant(control), constant(0xf), constant(0xf),
                   constant(1, 1)});
    }
    if (known && *known > 0 && *known < 32) {
      return call("llvm.amdgcn.ds.swizzle", i32,
                  {value, constant((*known << 10) | 0x1f)});
    }
    return readLane(value, arith::XOrIOp::create(b, loc, makeLane(), offset));
  }
  Value makeShuffleIndex(Value value, Value offset) override {
    return readLane(value, offset);
  }

  Value makeExp2(Value x) override {
    return call("llvm.amdgcn.exp2.f32", b.getF32Type(), x);
  }

  Value makeAtom(const MatrixAtom &atom, Value a, Value bb, Value c) override {
    auto convert = [&](Value v) -> Value {
      auto type = cast<VectorType>(v.getType());
      if (atom.operands == AtomOperands::Scalars) {
        return LLVM::ExtractElementOp::create(b, loc, v, constant(0));
      }
      if (atom.operands == AtomOperands::Integers) {
        return bitcast(v, VectorType::get(type.getShape(), b.getI16Type()));
      }
      return v;
    };
    SmallVector<Value> arguments = {convert(a), convert(bb), c};
    if (StringRef(atom.intrinsic).contains("mfma")) {
      // No broadcasts of blocks.
      arguments.append(3, constant(0));
    }
    return call(atom.intrinsic, c.getType(), arguments);
  }

  SmallVector<std::pair<std::string, std::string>>
  getAttributes(int64_t threads) const override {
    std::string count = std::to_string(threads);
    return {{"amdgpu-flat-work-group-size", count + "," + count},
            {"uniform-work-group-size", "true"}};
  }
  LLVM::CConv getConvention() const override {
    return LLVM::CConv::AMDGPU_KERNEL;
  }

private:
  /// The number of this lane in its subgroup.
  Value makeLane() {
    Type i32 = b.getI32Type();
    Value low = call("llvm.amdgcn.mbcnt.lo", i32, {constant(-1), constant(0)});
    return getLanes() == 32
               ? low
               : call("llvm.amdgcn.mbcnt.hi", i32, {constant(-1), low});
  }
  /// The instruction counts bytes.
  Value readLane(Value value, Value lane) {
    Value at = arith::ShLIOp::create(b, loc, lane, constant(2));
    return call("llvm.amdgcn.ds.bpermute", b.getI32Type(), {at, value});
  }
};

/// LLVM lays the two sides of a branch one after the other, each under a mask of
/// its lanes (here all or none). A state that both sides update,
///
///   for ... iter(s) { r = if c { full(s) } else { partial(s) }   yield r }
///
/// is then alive in two copies: r of the one side while the other may still want
/// s. All of it is moved at the end of the step. As
///
///   t = if c { full(s) } else { s }    r = if not c { partial(t) } else { t }
///
/// each value follows the last use of the one before, in its registers.
class SideSeparator {
public:
  explicit SideSeparator(MLIRContext *context) : b(context) {}

  void run(gpu::GPUModuleOp module) {
    SmallVector<scf::ForOp> loops;
    module.walk([&](scf::ForOp loop) { loops.push_back(loop); });
    for (scf::ForOp loop : loops) {
      SmallVector<scf::IfOp> branches(loop.getBody()->getOps<scf::IfOp>());
      for (scf::IfOp branch : branches) {
        separate(branch, findState(loop, branch));
      }
    }
  }

private:
  /// What the results of a branch were one iteration before; empty unless all
  /// of them are handed on.
  static SmallVector<Value> findState(scf::ForOp loop, scf::IfOp branch) {
    SmallVector<Value> state;
    for (Value result : branch.getResults()) {
      auto place = llvm::find(loop.getYieldedValues(), result);
      if (place == loop.getYieldedValues().end()) {
        return {};
      }
      state.push_back(loop.getRegionIterArgs()[std::distance(
          loop.getYieldedValues().begin(), place)]);
    }
    return state;
  }

  static bool usesAll(Region &side, ArrayRef<Value> state) {
    return llvm::all_of(state, [&](Value value) {
      return llvm::any_of(value.getUsers(), [&](Operation *user) {
        return side.isAncestor(user->getParentRegion());
      });
    });
  }

  void separate(scf::IfOp branch, ArrayRef<Value> state) {
    if (state.empty() || branch.getElseRegion().empty()) {
      return;
    }
    if (llvm::equal(branch.elseYield().getOperands(), state)) {
      // What is handed on comes from a branch inside.
      auto inner = dyn_cast_or_null<scf::IfOp>(
          branch.thenYield()->getPrevNode());
      if (inner &&
          llvm::equal(branch.thenYield().getOperands(), inner.getResults())) {
        separate(inner, state);
      }
      return;
    }
    if (!usesAll(branch.getThenRegion(), state) ||
        !usesAll(branch.getElseRegion(), state)) {
      return;
    }
    Location loc = branch.getLoc();
    b.setInsertionPoint(branch);
    auto make = [&](Value condition, Region &side, ValueRange otherwise) {
      auto made = scf::IfOp::create(b, loc, branch.getResultTypes(), condition,
                                    /*withElseRegion=*/true);
      made.getThenRegion().takeBody(side);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(made.elseBlock());
      scf::YieldOp::create(b, loc, otherwise);
      return made;
    };
    Value condition = branch.getCondition();
    auto first = make(condition, branch.getThenRegion(), state);
    // Not as `xori`, by which the canonicalizer knows sides of one branch.
    Value no = arith::ConstantIntOp::create(b, loc, 0, 1);
    Value other = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                        condition, no);
    auto second = make(other, branch.getElseRegion(), first.getResults());
    for (auto [i, after] : llvm::enumerate(first.getResults())) {
      Value before = state[i];
      before.replaceUsesWithIf(after, [&](OpOperand &use) {
        return second.getThenRegion().isAncestor(
            use.getOwner()->getParentRegion());
      });
    }
    branch.replaceAllUsesWith(second.getResults());
    branch.erase();
  }

  OpBuilder b;
};

struct AMDGPULower : public fovea::impl::AMDGPULowerPassBase<AMDGPULower> {
  using AMDGPULowerPassBase::AMDGPULowerPassBase;

  void runOnOperation() override {
    llvm::Expected<DeviceChip> row = lookUpChip(getAMDGPUChips(), chip);
    if (!row) {
      getOperation().emitError(llvm::toString(row.takeError()));
      return signalPassFailure();
    }
    auto machine =
        getOperation()->getParentOp()->getAttrOfType<tile::MachineAttr>(
            tile::kMachineAttrName);
    SideSeparator(&getContext()).run(getOperation());
    AMDGPULanes lanes(getOperation(), machine, getAMDGPUAtoms(*row));
    if (failed(lanes.run())) {
      signalPassFailure();
    }
  }
};

} // namespace
