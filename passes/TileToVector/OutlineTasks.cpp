//===- OutlineTasks.cpp - task functions from parallel loops --------------===//

#include "fovea/passes/TileToVector/Passes.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

namespace fovea {
#define GEN_PASS_DEF_OUTLINETASKSPASS
#include "fovea/passes/TileToVector/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// Moves one loop into a function of its own.
static void outline(scf::ForallOp loop, func::FuncOp parent,
                    SymbolTable &symbols) {
  Location loc = loop.getLoc();
  OpBuilder b(loop);
  SmallVector<Value> bounds = loop.getUpperBound(b);
  Value tasks = arith::ConstantIndexOp::create(b, loc, 1);
  for (Value bound : bounds) {
    tasks = arith::MulIOp::create(b, loc, tasks, bound);
  }
  llvm::SetVector<Value> above;
  getUsedValuesDefinedAbove(loop.getRegion(), above);
  above.insert(bounds.begin(), bounds.end());
  SmallVector<Value> captured;
  SmallVector<Operation *> constants;
  for (Value v : above) {
    if (matchPattern(v, m_Constant())) {
      constants.push_back(v.getDefiningOp());
    } else {
      captured.push_back(v);
    }
  }

  SmallVector<Type> types(ValueRange(captured).getTypes());
  types.push_back(b.getIndexType());
  OpBuilder atModule(parent);
  auto function = func::FuncOp::create(
      atModule, loc, (parent.getName() + "_tasks_0").str(),
      atModule.getFunctionType(types, {}));
  function.setPrivate();
  function->setAttr(tile::kScheduleAttrName,
                    parent->getAttr(tile::kScheduleAttrName));
  function->setAttr(tile::kRowRankAttrName,
                    loop->getAttr(tile::kRowRankAttrName));
  symbols.insert(function);

  Block *entry = function.addEntryBlock();
  OpBuilder in(entry, entry->end());
  IRMapping mapping;
  for (auto [value, argument] : llvm::zip(captured, entry->getArguments())) {
    mapping.map(value, argument);
  }
  for (Operation *constant : constants) {
    in.clone(*constant, mapping);
  }
  Value rest = entry->getArguments().back();
  SmallVector<Value> ivs(bounds.size());
  for (unsigned i = bounds.size(); i-- > 1;) {
    Value bound = mapping.lookupOrDefault(bounds[i]);
    ivs[i] = arith::RemUIOp::create(in, loc, rest, bound);
    rest = arith::DivUIOp::create(in, loc, rest, bound);
  }
  ivs[0] = rest;
  mapping.map(loop.getInductionVars(), ivs);
  for (Operation &op : loop.getBody()->without_terminator()) {
    in.clone(op, mapping);
  }
  func::ReturnOp::create(in, loc);

  tile::RunOp::create(b, loc, FlatSymbolRefAttr::get(function), tasks,
                      captured);
  loop.erase();
}

namespace {

struct OutlineTasks : public fovea::impl::OutlineTasksPassBase<OutlineTasks> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (func::FuncOp function :
         llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      if (!function->hasAttr(tile::kScheduleAttrName)) {
        continue;
      }
      SmallVector<scf::ForallOp> loops;
      function.walk([&](scf::ForallOp loop) { loops.push_back(loop); });
      for (scf::ForallOp loop : loops) {
        if (!loop.isNormalized() || loop.getNumResults() != 0 ||
            loop.getRank() == 0) {
          loop.emitOpError("expected lower bounds 0, steps 1, at least one "
                           "dimension and no results");
          return signalPassFailure();
        }
        outline(loop, function, symbols);
      }
    }
  }
};

} // namespace
