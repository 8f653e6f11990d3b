//===- CountPasses.cpp - report the passes over a rank --------------------===//

#include "fovea/passes/Cascade/Passes.h"

#include "fovea/Analysis/CountPasses.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

namespace fovea::cascade {
#define GEN_PASS_DEF_COUNTPASSESPASS
#include "fovea/passes/Cascade/Passes.h.inc"
} // namespace fovea::cascade

using namespace mlir;
using namespace fovea;

static StringRef describe(CarryKind kind) {
  switch (kind) {
  case CarryKind::None:
    return "none";
  case CarryKind::Summary:
    return "summary";
  case CarryKind::Full:
    return "full";
  }
  llvm_unreachable("unknown kind");
}

/// Name of what `op` makes, for the right side of a cut edge.
static std::string consumerName(Operation *op, AsmState &state) {
  return op->getNumResults() ? getDisplayName(op->getResult(0), state)
                             : op->getName().getStringRef().str();
}

static void print(const PassCount &count, AsmState &state, raw_ostream &os) {
  os << "  rank " << llvm::join(count.parts, ",") << ": " << count.passes
     << (count.passes == 1 ? " pass\n" : " passes\n");
  for (const CutEdge &cut : count.cuts) {
    os << "    cut " << getDisplayName(cut.operand, state) << " -> "
       << consumerName(cut.consumer, state) << ": pass " << cut.toPass << "\n";
  }
  for (const RankedTensorUse &use : count.tensors) {
    os << "    tensor " << getDisplayName(use.tensor, state) << ": "
       << describe(use.kind) << ", ";
    if (use.produced) {
      os << "made in pass " << use.produced << ", ";
    } else {
      os << "input, ";
    }
    if (!use.readIn.empty()) {
      os << "read in ";
      llvm::interleave(use.readIn, os, " ");
      os << ", ";
    }
    os << "live: "
       << (use.kind == CarryKind::Summary ? "summary"
           : use.needsWholeFiber()        ? "fiber"
                                          : "tile")
       << "\n";
  }
}

namespace {

class CountPassesPass
    : public cascade::impl::CountPassesPassBase<CountPassesPass> {
public:
  using CountPassesPassBase::CountPassesPassBase;

  void runOnOperation() override {
    bool found = rank.empty();
    getOperation().walk(
        [&](func::FuncOp function) { found |= report(function); });
    if (!found) {
      getOperation().emitError("expected some function with ranks '")
          << llvm::join(rank, ",") << "'";
      return signalPassFailure();
    }
    markAllAnalysesPreserved();
  }

private:
  /// Returns false if the function lacks the ranks asked for.
  bool report(func::FuncOp function) {
    SmallVector<std::string> known = collectRanks(function);
    SmallVector<SmallVector<std::string>> ranks;
    if (rank.empty()) {
      for (const std::string &name : known) {
        ranks.push_back({name});
      }
    } else {
      ranks.emplace_back(rank.begin(), rank.end());
    }
    auto isKnown = [&](const std::string &part) {
      return llvm::is_contained(known, part);
    };
    if (!rank.empty() && !llvm::all_of(ranks.front(), isKnown)) {
      return false;
    }
    AsmState state(function);
    llvm::outs() << "func @" << function.getSymName() << "\n";
    for (ArrayRef<std::string> parts : ranks) {
      PassCount count = countPasses(function, parts);
      print(count, state, llvm::outs());
      for (const CutEdge &cut : count.cuts) {
        emitRemark(cut.consumer->getLoc(), "rank '")
            << llvm::join(parts, ",") << "': pass " << cut.toPass
            << " starts here, because it needs the final value of "
            << getDisplayName(cut.operand, state);
      }
    }
    return true;
  }
};

} // namespace
