//===- Model.cpp - a block of Einsums as expressions ----------------------===//

#include "fovea/Derive/Model.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::derive;
using cascade::EinsumOp;

bool fovea::derive::isPlain(AffineMap map) {
  llvm::SmallDenseSet<unsigned> seen;
  return llvm::all_of(map.getResults(), [&](AffineExpr e) {
    auto dim = dyn_cast<AffineDimExpr>(e);
    return dim && seen.insert(dim.getPosition()).second;
  });
}

Model::Model(Block &block, StringRef streamName)
    : context(block.getParentOp()->getContext()) {
  RankTable &ranks = context.ranks;
  ranks.getOrAdd(streamName);
  stream = ranks.bit(streamName);
  // All names first: maps are over the whole table.
  for (EinsumOp op : block.getOps<EinsumOp>()) {
    for (StringRef name : op.getRanks().getAsValueRange<StringAttr>()) {
      ranks.getOrAdd(name);
    }
  }
  assert(ranks.size() <= 64 && "at most 64 ranks in one block");
  for (EinsumOp op : block.getOps<EinsumOp>()) {
    SmallVector<Value> values(op.getInputs());
    values.push_back(op.getResult());
    for (auto [value, map] : llvm::zip_equal(
             values, op.getMaps().getAsValueRange<AffineMapAttr>())) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      AffineMap global = globalMap(map, op.getRanks());
      for (unsigned i = 0, e = global.getNumResults(); i < e; ++i) {
        auto dim = dyn_cast<AffineDimExpr>(global.getResult(i));
        if (dim && type && !type.isDynamicDim(i)) {
          ranks.setExtent(dim.getPosition(), type.getDimSize(i));
        }
      }
    }
  }
  for (EinsumOp op : block.getOps<EinsumOp>()) {
    read(op);
  }
}

AffineMap Model::globalMap(AffineMap map, ArrayAttr names) {
  MLIRContext *mlirContext = context.getContext();
  SmallVector<AffineExpr> dims;
  for (StringRef name : names.getAsValueRange<StringAttr>()) {
    dims.push_back(
        getAffineDimExpr(context.ranks.get(name), mlirContext));
  }
  return map.replaceDimsAndSymbols(dims, {}, context.ranks.size(), 0);
}

int Model::getStatistic(Value value) const {
  auto it = statisticOf.find(value);
  return it == statisticOf.end() ? -1 : it->second;
}

SmallVector<unsigned> Model::orderOf(Value value) const {
  SmallVector<unsigned> order;
  auto op = value.getDefiningOp<EinsumOp>();
  for (StringRef name : op.getResultRanks()) {
    order.push_back(context.ranks.get(name));
  }
  return order;
}

const Expr *Model::leafOf(Value value) {
  SmallVector<AffineExpr> indices;
  for (unsigned rank : orderOf(value)) {
    indices.push_back(getAffineDimExpr(rank, context.getContext()));
  }
  return context.leaf(value, AffineMap::get(context.ranks.size(), 0, indices,
                                            context.getContext()));
}

/// An operand at a point: the producer's expression where it is read at its
/// own coordinates, else an element of the tensor.
const Expr *Model::access(Value value, AffineMap map, ArrayAttr names) {
  AffineMap global = globalMap(map, names);
  const Expr *known = exprs.lookup(value);
  if (known && leafOf(value)->map == global) {
    return known;
  }
  return context.leaf(value, global);
}

const Expr *Model::captured(Value value) {
  if (auto constant = value.getDefiningOp<arith::ConstantOp>();
      constant && !isa<ShapedType>(value.getType())) {
    return context.constant(constant.getValue());
  }
  if (isa<ShapedType>(value.getType())) {
    return context.capture(value);
  }
  const Expr *known = exprs.lookup(value);
  return known ? known : context.capture(value);
}

const Expr *Model::readOp(Operation &op, ArrayRef<const Expr *> operands,
                          std::string &why) {
  auto on = [&](unsigned i) { return operands[i]; };
  using Result = const Expr *;
  return llvm::TypeSwitch<Operation *, Result>(&op)
      .Case([&](arith::ConstantOp c) { return context.constant(c.getValue()); })
      .Case([&](cascade::IndexOp i) {
        return context.index(context.ranks.get(i.getRank()));
      })
      .Case([&](arith::AddFOp) { return context.add(on(0), on(1)); })
      .Case([&](arith::SubFOp) { return context.sub(on(0), on(1)); })
      .Case([&](arith::MulFOp) { return context.mul(on(0), on(1)); })
      .Case([&](arith::DivFOp) { return context.div(on(0), on(1)); })
      .Case([&](arith::NegFOp) { return context.neg(on(0)); })
      .Case([&](math::ExpOp) { return context.exp(on(0)); })
      .Case([&](math::Exp2Op) { return context.exp(on(0), true); })
      .Case([&](math::LogOp) { return context.log(on(0)); })
      .Case([&](math::AbsFOp) { return context.abs(on(0)); })
      .Case([&](arith::MaximumFOp) {
        return context.extremum(ExprKind::Max, on(0), on(1));
      })
      .Case([&](arith::MinimumFOp) {
        return context.extremum(ExprKind::Min, on(0), on(1));
      })
      .Case([&](arith::CmpFOp c) {
        return context.compare(c.getPredicate(), on(0), on(1));
      })
      .Case([&](arith::SelectOp) {
        return context.select(on(0), on(1), on(2));
      })
      .Default([&](Operation *other) -> Result {
        if (other->getNumRegions() || other->getNumResults() != 1) {
          why = ("'" + other->getName().getStringRef() +
                 "' in a body is not an expression")
                    .str();
          return nullptr;
        }
        return context.generic(other->getName().getIdentifier(),
                               other->getAttrDictionary(),
                               other->getResult(0).getType(), operands);
      });
}

const Expr *Model::readRegion(Region &region,
                              ArrayRef<const Expr *> arguments,
                              std::string &why) {
  Block &body = region.front();
  DenseMap<Value, const Expr *> values;
  for (auto [argument, e] : llvm::zip_equal(body.getArguments(), arguments)) {
    values[argument] = e;
  }
  auto valueOf = [&](Value value) {
    const Expr *known = values.lookup(value);
    return known ? known : captured(value);
  };
  for (Operation &op : body.without_terminator()) {
    SmallVector<const Expr *> operands;
    for (Value operand : op.getOperands()) {
      operands.push_back(valueOf(operand));
    }
    const Expr *e = readOp(op, operands, why);
    if (!e) {
      return nullptr;
    }
    values[op.getResult(0)] = e;
  }
  return valueOf(body.getTerminator()->getOperand(0));
}

void Model::read(EinsumOp op) {
  RankSet kept = 0, reduced = 0;
  for (StringRef name : op.getResultRanks()) {
    kept |= context.ranks.bit(name);
  }
  for (StringRef name : op.getReducedRanks()) {
    reduced |= context.ranks.bit(name);
  }
  std::string why;
  SmallVector<const Expr *> arguments;
  for (auto [input, map] : llvm::zip_equal(op.getInputs(), op.getInputMaps())) {
    if (!isPlain(map)) {
      why = "an index that is not a plain rank";
    }
    arguments.push_back(access(input, map, op.getRanks()));
  }
  const Expr *body =
      why.empty() ? readRegion(op.getBody(), arguments, why) : nullptr;
  const Expr *where = nullptr;
  if (body && op.hasWhere()) {
    where = readRegion(op.getWhere(), {}, why);
    body = where ? body : nullptr;
  }
  if (body && !isa<FloatType>(body->type)) {
    why = "elements that are not floating-point numbers";
    body = nullptr;
  }
  if (!body) {
    if (reduced & stream) {
      unread.push_back({op, why});
    }
    return;
  }
  const Expr *initial = nullptr;
  if (op.getInitial()) {
    initial = access(op.getInitial(), *op.getInitialMap(), op.getRanks());
  }
  Value result = op.getResult();
  if (reduced & stream) {
    Statistic statistic;
    statistic.op = op;
    statistic.monoid = *op.getReduce();
    statistic.element = body;
    statistic.where = where;
    statistic.initial = initial;
    statistic.ranks = kept;
    statistic.order = orderOf(result);
    statisticOf[result] = statistics.size();
    exprs[result] = context.statistic(statistics.size(), body->type, kept);
    tensors.try_emplace(exprs[result], result);
    statistics.push_back(statistic);
    return;
  }
  const Expr *e = nullptr;
  if (reduced) {
    // A product of other ranks that goes along the walk. One without the
    // stream is done once, outside; one over rows of a statistic belongs to a
    // walk over those.
    bool reducesRows = anyOf(body, [&](const Expr *node) {
      return node->is(ExprKind::Statistic) && (node->ranks & reduced);
    });
    if (!(kept & stream) || reducesRows) {
      return;
    }
    e = context.reduce(*op.getReduce(), reduced, body, where, initial);
  } else {
    e = where ? context.select(where, body, context.constant(0, body->type))
              : body;
    if (!(kept & stream) && !e->hasStatistic) {
      return;
    }
  }
  exprs[result] = e;
  tensors.try_emplace(e, result);
}
