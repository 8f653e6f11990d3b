//===- StreamRanges.cpp - which keys a task visits ------------------------===//

#include "StreamRanges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fovea;

static Value constantIndex(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

void StreamPredicate::summarizeTables(OpBuilder &b, Location loc) {
  if (!fold.hasWhere()) {
    return;
  }
  fold.getWhere().walk([&](tensor::ExtractOp op) {
    Value table = op.getTensor();
    auto it = context.captured.find(table);
    auto type = cast<RankedTensorType>(table.getType());
    if (it == context.captured.end() || summaries.count(table) ||
        !type.getElementType().isInteger() || type.getRank() < 1 ||
        type.getRank() > 2) {
      return;
    }
    Value buffer = it->second.buffer;
    bool outer = type.getRank() == 2;
    Value zero = constantIndex(b, loc, 0), one = constantIndex(b, loc, 1);
    Value run = constantIndex(b, loc, kRun);
    Value length = memref::DimOp::create(b, loc, buffer, outer ? 1 : 0);
    Value rows = outer ? memref::DimOp::create(b, loc, buffer, 0) : one;
    Value runs = arith::CeilDivSIOp::create(b, loc, length, run);
    auto summaryType = MemRefType::get(
        {ShapedType::kDynamic, ShapedType::kDynamic}, type.getElementType());
    Value least = memref::AllocOp::create(b, loc, summaryType,
                                          ValueRange{rows, runs});
    Value greatest = memref::AllocOp::create(b, loc, summaryType,
                                             ValueRange{rows, runs});
    summaries[table] = {least, greatest};

    OpBuilder::InsertionGuard guard(b);
    auto rowLoop = scf::ForOp::create(b, loc, zero, rows, one);
    b.setInsertionPointToStart(rowLoop.getBody());
    Value row = rowLoop.getInductionVar();
    auto load = [&](Value i) -> Value {
      if (outer) {
        return memref::LoadOp::create(b, loc, buffer, ValueRange{row, i});
      }
      return memref::LoadOp::create(b, loc, buffer, ValueRange{i});
    };
    auto runLoop = scf::ForOp::create(b, loc, zero, runs, one);
    b.setInsertionPointToStart(runLoop.getBody());
    Value begin = arith::MulIOp::create(b, loc, runLoop.getInductionVar(), run);
    Value end = arith::MinSIOp::create(
        b, loc, arith::AddIOp::create(b, loc, begin, run), length);
    Value first = load(begin);
    auto entries = scf::ForOp::create(b, loc, begin, end, one,
                                      ValueRange{first, first});
    {
      OpBuilder::InsertionGuard inner(b);
      b.setInsertionPointToStart(entries.getBody());
      Value entry = load(entries.getInductionVar());
      Value lo = arith::MinSIOp::create(b, loc, entries.getRegionIterArg(0),
                                        entry);
      Value hi = arith::MaxSIOp::create(b, loc, entries.getRegionIterArg(1),
                                        entry);
      scf::YieldOp::create(b, loc, ValueRange{lo, hi});
    }
    SmallVector<Value> at{row, runLoop.getInductionVar()};
    memref::StoreOp::create(b, loc, entries.getResult(0), least, at);
    memref::StoreOp::create(b, loc, entries.getResult(1), greatest, at);
  });
}

void StreamPredicate::release(OpBuilder &b, Location loc) {
  for (auto &[table, buffers] : summaries) {
    memref::DeallocOp::create(b, loc, buffers.first);
    memref::DeallocOp::create(b, loc, buffers.second);
  }
}

/// Bounds of the entries that a box of indices can read.
Interval StreamPredicate::lookup(OpBuilder &b, Location loc,
                                 tensor::ExtractOp op,
                                 ArrayRef<Interval> indices) const {
  auto it = summaries.find(op.getTensor());
  if (it == summaries.end()) {
    return {};
  }
  for (const Interval &i : indices) {
    if (!i.lo || !i.hi) {
      return {};
    }
  }
  Value buffer = context.captured.lookup(op.getTensor()).buffer;
  auto [least, greatest] = it->second;
  bool outer = indices.size() == 2;
  Value zero = constantIndex(b, loc, 0), one = constantIndex(b, loc, 1);
  auto clamp = [&](Value v, Value extent) -> Value {
    Value last = arith::SubIOp::create(b, loc, extent, one);
    v = arith::MinSIOp::create(b, loc, v, last);
    return arith::MaxSIOp::create(b, loc, v, zero);
  };
  Value row = zero;
  if (outer) {
    if (indices[0].lo != indices[0].hi) {
      return {};
    }
    row = clamp(indices[0].lo, memref::DimOp::create(b, loc, buffer, 0));
  }
  Value length = memref::DimOp::create(b, loc, buffer, outer ? 1 : 0);
  Interval last = indices.back();
  auto cast = [&](Value v) -> Value {
    return arith::IndexCastOp::create(b, loc, b.getIndexType(), v);
  };
  if (last.lo == last.hi) {
    Value at = clamp(last.lo, length);
    Value entry =
        outer ? memref::LoadOp::create(b, loc, buffer, ValueRange{row, at})
              : memref::LoadOp::create(b, loc, buffer, ValueRange{at});
    entry = cast(entry);
    return {entry, entry};
  }
  Value run = constantIndex(b, loc, kRun);
  Value from = arith::DivUIOp::create(b, loc, clamp(last.lo, length), run);
  Value to = arith::DivUIOp::create(b, loc, clamp(last.hi, length), run);
  Value lo = memref::LoadOp::create(b, loc, least, ValueRange{row, from});
  Value hi = memref::LoadOp::create(b, loc, greatest, ValueRange{row, from});
  auto loop = scf::ForOp::create(b, loc,
                                 arith::AddIOp::create(b, loc, from, one),
                                 arith::AddIOp::create(b, loc, to, one), one,
                                 ValueRange{lo, hi});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> at{row, loop.getInductionVar()};
    Value nextLo = arith::MinSIOp::create(
        b, loc, loop.getRegionIterArg(0),
        memref::LoadOp::create(b, loc, least, at));
    Value nextHi = arith::MaxSIOp::create(
        b, loc, loop.getRegionIterArg(1),
        memref::LoadOp::create(b, loc, greatest, at));
    scf::YieldOp::create(b, loc, ValueRange{nextLo, nextHi});
  }
  return {cast(loop.getResult(0)), cast(loop.getResult(1))};
}

Truth StreamPredicate::truth(OpBuilder &b, Location loc,
                             const RankBox &box) const {
  if (!fold.hasWhere()) {
    Value yes = arith::ConstantIntOp::create(b, loc, 1, 1);
    return {yes, yes};
  }
  auto boxOf = [&](StringRef rank) { return box.lookup(rank); };
  auto table = [&](tensor::ExtractOp op, ArrayRef<Interval> indices) {
    return lookup(b, loc, op, indices);
  };
  auto captured = [&](Value v) { return context.scalars->lookupOrDefault(v); };
  return buildTruth(b, loc, fold.getWhere(), {boxOf, table, captured});
}

SmallVector<Interval> StreamPredicate::ranges(OpBuilder &b, Location loc,
                                              const RankBox &box,
                                              Value extent) const {
  if (!fold.hasWhere()) {
    return {{constantIndex(b, loc, 0), extent}};
  }
  auto boxOf = [&](StringRef rank) { return box.lookup(rank); };
  auto table = [&](tensor::ExtractOp op, ArrayRef<Interval> indices) {
    return lookup(b, loc, op, indices);
  };
  auto captured = [&](Value v) { return context.scalars->lookupOrDefault(v); };
  return buildVisitRanges(b, loc, fold.getWhere(), fold.getStream(), extent,
                          {boxOf, table, captured});
}
