//===- DeriveFold.cpp - Einsums over a streamed rank become folds ---------===//

#include "fovea/passes/Cascade/Passes.h"

#include "fovea/Analysis/CountPasses.h"
#include "fovea/Derive/EmitFold.h"

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"

namespace fovea::cascade {
#define GEN_PASS_DEF_DERIVEFOLDPASS
#include "fovea/passes/Cascade/Passes.h.inc"
} // namespace fovea::cascade

using namespace mlir;
using namespace fovea;
using namespace fovea::derive;
using cascade::EinsumOp;

static bool reduces(EinsumOp op, StringRef rank) {
  return llvm::is_contained(op.getReducedRanks(), rank);
}

/// Puts the folds of a plan in the place of what they compute.
static void replaceByFolds(FoldPlan &plan, Block &block) {
  OpBuilder builder(block.getTerminator());
  SmallVector<cascade::FoldOp> folds;
  SmallVector<const Fold *> plans;
  for (const Fold &fold : plan.folds) {
    if (!fold.results.empty()) {
      Location loc = fold.results.front().value.getLoc();
      folds.push_back(emitFold(builder, loc, plan, fold));
      plans.push_back(&fold);
    }
  }
  for (auto [op, fold] : llvm::zip_equal(folds, plans)) {
    for (auto [result, planned] :
         llvm::zip_equal(op->getResults(), fold->results)) {
      Value value = result;
      if (value.getType() != planned.value.getType()) {
        value = tensor::CastOp::create(builder, value.getLoc(),
                                       planned.value.getType(), value);
      }
      Value old = planned.value;
      old.replaceAllUsesWith(value);
    }
  }
  // Operations between the first and the last Einsum of a fold may have to
  // move behind or before it.
  sortTopologically(&block);
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (isa<EinsumOp>(op) && op.use_empty()) {
      op.erase();
    }
  }
}

namespace {

class DeriveFoldPass
    : public cascade::impl::DeriveFoldPassBase<DeriveFoldPass> {
public:
  using DeriveFoldPassBase::DeriveFoldPassBase;

  void runOnOperation() override {
    if (!form.empty() && form != "fused" && form != "decomposed") {
      getOperation().emitError("expected form fused or decomposed, got '")
          << form << "'";
      return signalPassFailure();
    }
    bool found = rank.empty();
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      found |= derive(function);
    }
    if (!found) {
      getOperation().emitError("expected some function that reduces rank '")
          << rank << "'";
      signalPassFailure();
    }
  }

private:
  bool isDecomposed(func::FuncOp function) const {
    auto asked = function->getAttrOfType<StringAttr>(cascade::kFormAttrName);
    StringRef wanted =
        form.empty() && asked ? asked.getValue() : StringRef(form);
    return wanted == "decomposed";
  }

  /// Returns false if the function does not reduce the rank.
  bool derive(func::FuncOp function) {
    std::string stream = rank.empty() ? chooseStreamedRank(function) : rank.getValue();
    llvm::SetVector<Block *> blocks;
    function.walk([&](EinsumOp op) {
      if (reduces(op, stream)) {
        blocks.insert(op->getBlock());
      }
    });
    if (blocks.empty()) {
      return false;
    }
    PassCount count = countPasses(function, {stream});
    int64_t before = count.passes;
    std::optional<SmallVector<Value>> throughMemory;
    if (isDecomposed(function)) {
      throughMemory.emplace();
      for (const RankedTensorUse &use : count.tensors) {
        if (use.needsWholeFiber()) {
          throughMemory->push_back(use.tensor);
        }
      }
    }
    for (Block *block : blocks) {
      Model model(*block, stream);
      FoldPlan plan(model, *block, throughMemory);
      for (const Note &note : plan.notes) {
        emitRemark(note.op->getLoc(), "rank '") << stream << "', " << note.text;
      }
      replaceByFolds(plan, *block);
    }
    int64_t after = countPasses(function, {stream}).passes;
    emitRemark(function.getLoc(), "rank '")
        << stream << "': " << before << (before == 1 ? " pass" : " passes")
        << " -> " << after;
    return true;
  }
};

} // namespace
