//===- TileToLanes.cpp - from tiles to the code of one lane ---------------===//

#include "fovea/passes/TileToLanes/Passes.h"

#include "LaneEmitter.h"

#include "fovea/dialects/Tile/Recipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

namespace fovea {
#define GEN_PASS_DEF_TILETOLANESPASS
#include "fovea/passes/TileToLanes/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

FailureOr<std::optional<LaneTask>> fovea::findTask(func::FuncOp function) {
  auto row = function->getAttrOfType<StringAttr>(tile::kRowRankAttrName);
  auto schedule =
      function->getAttrOfType<tile::ScheduleAttr>(tile::kScheduleAttrName);
  if (!row || !schedule) {
    return std::optional<LaneTask>();
  }
  tile::MachineAttr machine;
  for (Operation *op = function; op && !machine; op = op->getParentOp()) {
    machine = op->getAttrOfType<tile::MachineAttr>(tile::kMachineAttrName);
  }
  if (!machine) {
    return function.emitError("expected a module with the attribute '")
           << tile::kMachineAttrName << "'";
  }
  return std::optional<LaneTask>(
      LaneTask{function, row.getValue(), schedule, machine});
}

LaneEmitter::LaneEmitter(LaneTask task)
    : task(task.function), row(task.row), schedule(task.schedule),
      machine(task.machine), b(task.function.getContext()),
      loc(task.function.getLoc()) {}

Value LaneEmitter::lookup(Value value) { return map.lookupOrDefault(value); }

static bool isTile(Type type) { return !tile::getRanks(type).empty(); }

LogicalResult LaneEmitter::emitBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (failed(emitOp(op))) {
      return failure();
    }
  }
  return success();
}

LogicalResult LaneEmitter::emitOp(Operation &op) {
  // Tiles that are computed on their way to near memory: streams do that.
  bool isOnTheWay = op.getNumResults() == 1 && tile::isRecipe(op.getResult(0)) &&
                    !tile::getLayout(op.getResult(0).getType());
  if (isOnTheWay) {
    return success();
  }
  Location saved = loc;
  loc = op.getLoc();
  LogicalResult result =
      llvm::TypeSwitch<Operation *, LogicalResult>(&op)
          .Case([&](tile::LoadOp load) {
            if (tile::getLayout(load.getType())) {
              return emitRegisterLoad(load);
            }
            // The streams bring what their steps read.
            return isa<tile::StreamOp>(op.getParentOp()) ? success()
                                                         : emitNearLoad(load);
          })
          .Case([&](tile::StoreOp store) { return emitStore(store); })
          .Case([&](tile::StreamOp stream) { return emitStream(stream); })
          .Case([&](tile::ContractOp contract) {
            if (getInit(contract)) {
              deferred[contract.getResult()] = contract;
              return success();
            }
            return emitContract(contract, Value());
          })
          .Case([&](tile::ReduceOp reduce) { return emitReduce(reduce); })
          .Case([&](tile::ConvertOp convert) { return emitConvert(convert); })
          .Case([&](tile::BroadcastOp broadcast) {
            return emitBroadcast(broadcast);
          })
          .Case([&](tile::CoordinateOp coordinate) {
            return emitCoordinate(coordinate);
          })
          .Case([&](tile::LookupOp lookup) { return emitLookup(lookup); })
          .Case([&](tile::GuardOp guard) {
            Value kept = lookup(guard.getValue());
            if (partial) {
              Value none = vector::BroadcastOp::create(
                  b, loc, kept.getType(), lookup(guard.getOtherwise()));
              kept = arith::SelectOp::create(
                  b, loc, lookup(guard.getVisible()), kept, none);
            }
            map.map(guard.getResult(), kept);
            return success();
          })
          .Case([&](scf::ForOp loop) { return emitFor(loop); })
          .Case([&](scf::IfOp branch) { return emitIf(branch); })
          .Default([&](Operation *other) {
            if (other->getNumResults() == 1 &&
                isTile(other->getResult(0).getType())) {
              return emitElementwise(*other);
            }
            b.clone(*other, map);
            return success();
          });
  loc = saved;
  return result;
}

/// A loop with tiles carried, or one whose iterations lanes share out.
LogicalResult LaneEmitter::emitFor(scf::ForOp op) {
  SmallVector<Value> inits;
  for (Value init : op.getInitArgs()) {
    inits.push_back(lookup(init));
  }
  Value from = lookup(op.getLowerBound()), step = lookup(op.getStep());
  if (op->hasAttr("tile.lanes")) {
    from = add(from, mul(thread, step));
    step = mul(step, numThreads());
  }
  auto loop =
      scf::ForOp::create(b, loc, from, lookup(op.getUpperBound()), step, inits);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  map.map(op.getInductionVar(), loop.getInductionVar());
  map.map(op.getRegionIterArgs(), loop.getRegionIterArgs());
  if (failed(emitBlock(*op.getBody()))) {
    return failure();
  }
  SmallVector<Value> yielded;
  for (Value value : op.getBody()->getTerminator()->getOperands()) {
    yielded.push_back(lookup(value));
  }
  if (!yielded.empty()) {
    scf::YieldOp::create(b, loc, yielded);
  }
  map.map(op.getResults(), loop.getResults());
  return success();
}

LogicalResult LaneEmitter::emitIf(scf::IfOp op) {
  SmallVector<Type> types;
  for (Type type : op.getResultTypes()) {
    types.push_back(convertType(type));
  }
  auto branch = scf::IfOp::create(b, loc, types, lookup(op.getCondition()),
                                  !op.getElseRegion().empty());
  OpBuilder::InsertionGuard guard(b);
  auto emit = [&](Block *from, Block *to) -> LogicalResult {
    b.setInsertionPointToStart(to);
    if (failed(emitBlock(*from))) {
      return failure();
    }
    SmallVector<Value> yielded;
    for (Value value : from->getTerminator()->getOperands()) {
      yielded.push_back(lookup(value));
    }
    if (!yielded.empty()) {
      scf::YieldOp::create(b, loc, yielded);
    }
    return success();
  };
  if (failed(emit(op.thenBlock(), branch.thenBlock())) ||
      (op.elseBlock() && failed(emit(op.elseBlock(), branch.elseBlock())))) {
    return failure();
  }
  map.map(op.getResults(), branch.getResults());
  return success();
}

LogicalResult LaneEmitter::run() {
  // The new body grows beside the old one, which is then dropped.
  Block *old = &task.getBody().front();
  Block *entry = new Block();
  task.getBody().push_back(entry);
  for (BlockArgument argument : old->getArguments()) {
    map.map(argument,
            entry->addArgument(argument.getType(), argument.getLoc()));
  }
  b.setInsertionPointToStart(entry);
  thread = gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x);
  lane = arith::AndIOp::create(b, loc, thread, index(machine.getLanes() - 1));
  subgroup = arith::ShRUIOp::create(
      b, loc, thread, index(llvm::Log2_64(machine.getLanes())));
  // Entry code goes before this mark, the task's own after it.
  entryEnd = index(0).getDefiningOp();
  b.setInsertionPointToEnd(entry);
  if (failed(emitBlock(*old))) {
    return failure();
  }
  func::ReturnOp::create(b, loc);
  if (entryMeets) {
    b.setInsertionPoint(entryEnd);
    barrier();
  }
  old->dropAllReferences();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*old))) {
    op.dropAllUses();
    op.erase();
  }
  entry->moveBefore(old);
  old->erase();
  if (nearBytes > machine.getNear()) {
    return task.emitError("expected a schedule that needs at most ")
           << machine.getNear() << " bytes of near memory, got " << nearBytes;
  }
  task->setAttr(tile::kNearBytesAttrName, b.getI64IntegerAttr(nearBytes));
  task->setAttr("tile.bank_conflicts", b.getI64IntegerAttr(conflicts));
  return success();
}

namespace {

struct TileToLanes : public fovea::impl::TileToLanesPassBase<TileToLanes> {
  void runOnOperation() override {
    FailureOr<std::optional<LaneTask>> task = findTask(getOperation());
    if (failed(task) || (*task && failed(LaneEmitter(**task).run()))) {
      signalPassFailure();
    }
  }
};

} // namespace
