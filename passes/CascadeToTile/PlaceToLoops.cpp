//===- PlaceToLoops.cpp - rows into a cache -------------------------------===//

#include "EinsumToLoops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fovea;

namespace {

/// Builds what one cascade.place does.
class PlaceBuilder {
public:
  PlaceBuilder(OpBuilder &b, cascade::PlaceOp op, Value rows, Value base,
               Value positions, Value table, Value result)
      : b(b), loc(op.getLoc()), rows(rows), base(base), positions(positions),
        table(table), result(result),
        rank(cast<MemRefType>(base.getType()).getRank()) {}

  void build();

private:
  void copyBase();
  void checkPositions();
  void storeRows();
  /// A nest of loops over the first `count` dimensions of `buffer`; `b` is left
  /// inside.
  SmallVector<Value> enter(Value buffer, int64_t first, int64_t last);
  Value dim(Value buffer, int64_t i) {
    return memref::DimOp::create(b, loc, buffer, i);
  }
  Value index(int64_t v) {
    return arith::ConstantIndexOp::create(b, loc, v);
  }
  Value loadIndex(Value buffer, ValueRange at) {
    Value v = memref::LoadOp::create(b, loc, buffer, at);
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), v);
  }
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(b, loc, predicate, x, y);
  }
  /// Pages have slots; else all rows of a sequence are one page.
  Value slots() { return dim(base, 2); }
  Value pageOf(Value batch, Value position) {
    Value column = arith::DivUIOp::create(b, loc, position, slots());
    return loadIndex(table, {batch, column});
  }

  OpBuilder &b;
  Location loc;
  Value rows, base, positions, table, result;
  int64_t rank;
};

} // namespace

SmallVector<Value> PlaceBuilder::enter(Value buffer, int64_t first,
                                       int64_t last) {
  SmallVector<Value> at;
  for (int64_t i = first; i < last; ++i) {
    auto loop = scf::ForOp::create(b, loc, index(0), dim(buffer, i), index(1));
    b.setInsertionPointToStart(loop.getBody());
    at.push_back(loop.getInductionVar());
  }
  return at;
}

/// The rest of the base, unless the result is the same memory.
void PlaceBuilder::copyBase() {
  Value from = memref::ExtractAlignedPointerAsIndexOp::create(b, loc, base);
  Value to = memref::ExtractAlignedPointerAsIndexOp::create(b, loc, result);
  Value differs = compare(arith::CmpIPredicate::ne, from, to);
  auto branch = scf::IfOp::create(b, loc, differs, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> at = enter(base, 0, rank);
  memref::StoreOp::create(b, loc, memref::LoadOp::create(b, loc, base, at),
                          result, at);
}

/// Nothing is written outside: all positions are looked at before.
void PlaceBuilder::checkPositions() {
  Value yes = arith::ConstantIntOp::create(b, loc, 1, 1);
  Value zero = index(0), one = index(1);
  Value capacity = slots();
  if (table) {
    capacity = arith::MulIOp::create(b, loc, capacity, dim(table, 1));
  }
  auto outer = scf::ForOp::create(b, loc, zero, dim(positions, 0), one,
                                  ValueRange{yes, yes});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(outer.getBody());
    auto inner = scf::ForOp::create(b, loc, zero, dim(positions, 1), one,
                                    outer.getRegionIterArgs());
    {
      OpBuilder::InsertionGuard innerGuard(b);
      b.setInsertionPointToStart(inner.getBody());
      Value batch = outer.getInductionVar();
      Value position =
          loadIndex(positions, {batch, inner.getInductionVar()});
      Value fits = compare(arith::CmpIPredicate::slt, position, capacity);
      Value inside = fits, exists = yes;
      if (table) {
        // Look up only what is in the table.
        Value isUsed = arith::AndIOp::create(
            b, loc, inside, compare(arith::CmpIPredicate::sge, position, zero));
        auto branch =
            scf::IfOp::create(b, loc, TypeRange{b.getI1Type()}, isUsed, true);
        OpBuilder::InsertionGuard branchGuard(b);
        b.setInsertionPointToStart(branch.thenBlock());
        Value known = compare(arith::CmpIPredicate::ult,
                              pageOf(batch, position), dim(base, 0));
        scf::YieldOp::create(b, loc, known);
        b.setInsertionPointToStart(branch.elseBlock());
        scf::YieldOp::create(b, loc, yes);
        exists = branch.getResult(0);
      }
      b.setInsertionPointToEnd(inner.getBody());
      Value allFit = arith::AndIOp::create(b, loc, inside,
                                           inner.getRegionIterArg(0));
      Value allExist = arith::AndIOp::create(b, loc, exists,
                                             inner.getRegionIterArg(1));
      scf::YieldOp::create(b, loc, ValueRange{allFit, allExist});
    }
    scf::YieldOp::create(b, loc, inner.getResults());
  }
  cf::AssertOp::create(b, loc, outer.getResult(0),
                       "cascade.place: a position is at or beyond the end");
  if (table) {
    cf::AssertOp::create(b, loc, outer.getResult(1),
                         "cascade.place: the page of a position is outside "
                         "[0, number of pages)");
  }
}

void PlaceBuilder::storeRows() {
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Value> at = enter(rows, 0, 3);
  Value position = loadIndex(positions, {at[0], at[2]});
  Value isUsed = compare(arith::CmpIPredicate::sge, position, index(0));
  auto branch = scf::IfOp::create(b, loc, isUsed, /*withElseRegion=*/false);
  b.setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> to = {at[0], at[1], position};
  if (table) {
    to[0] = pageOf(at[0], position);
    to[2] = arith::RemUIOp::create(b, loc, position, slots());
  }
  SmallVector<Value> inner = enter(rows, 3, rank);
  llvm::append_range(at, inner);
  llvm::append_range(to, inner);
  memref::StoreOp::create(b, loc, memref::LoadOp::create(b, loc, rows, at),
                          result, to);
}

void PlaceBuilder::build() {
  checkPositions();
  copyBase();
  storeRows();
}

void fovea::buildPlace(OpBuilder &b, cascade::PlaceOp op, Value rows,
                       Value base, Value positions, Value table, Value result) {
  PlaceBuilder(b, op, rows, base, positions, table, result).build();
}
