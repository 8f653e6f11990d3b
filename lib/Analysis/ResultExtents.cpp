//===- ResultExtents.cpp - extents of results from those of arguments -----===//

#include "fovea/Analysis/ResultExtents.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fovea;

using MaybeExtent = std::optional<Extent>;

static int64_t divide(int64_t a, int64_t b) { return b == 0 ? 0 : a / b; }

int64_t
Extent::evaluate(llvm::function_ref<int64_t(unsigned, unsigned)> size) const {
  if (kind == Constant) {
    return value;
  }
  if (kind == Size) {
    return size(argument, axis);
  }
  int64_t a = operands[0].evaluate(size), b = operands[1].evaluate(size);
  switch (kind) {
  case Add:
    return a + b;
  case Sub:
    return a - b;
  case Mul:
    return a * b;
  case Div:
    return divide(a, b);
  case CeilDiv:
    return divide(a + b - 1, b);
  default:
    return b == 0 ? 0 : a % b;
  }
}

std::string Extent::print(llvm::ArrayRef<std::string> names) const {
  if (kind == Constant) {
    return std::to_string(value);
  }
  if (kind == Size) {
    return names[argument] + "[" + std::to_string(axis) + "]";
  }
  static constexpr const char *signs[] = {" + ", " - ",     " * ",
                                          " / ", " /ceil ", " % "};
  auto part = [&](const Extent &e) {
    bool isLeaf = e.kind == Constant || e.kind == Size;
    return isLeaf ? e.print(names) : "(" + e.print(names) + ")";
  };
  return part(operands[0]) + signs[kind - Add] + part(operands[1]);
}

static Extent makeConstant(int64_t value) {
  Extent e;
  e.value = value;
  return e;
}

static Extent makeBinary(Extent::Kind kind, Extent a, Extent b) {
  if (kind == Extent::Mul && a.kind == Extent::Constant && a.value == 1) {
    return b;
  }
  if ((kind == Extent::Mul || kind == Extent::Div) &&
      b.kind == Extent::Constant && b.value == 1) {
    return a;
  }
  Extent e;
  e.kind = kind;
  e.operands = {std::move(a), std::move(b)};
  return e;
}

/// The value of an integer in terms of sizes.
static MaybeExtent getScalar(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant))) {
    return makeConstant(constant.getSExtValue());
  }
  Operation *op = value.getDefiningOp();
  if (!op) {
    return std::nullopt;
  }
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> axis = dim.getConstantIndex();
    return axis ? getExtent(dim.getSource(), *axis) : std::nullopt;
  }
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    return getScalar(op->getOperand(0));
  }
  auto kind = llvm::TypeSwitch<Operation *, std::optional<Extent::Kind>>(op)
                  .Case([](arith::AddIOp) { return Extent::Add; })
                  .Case([](arith::SubIOp) { return Extent::Sub; })
                  .Case([](arith::MulIOp) { return Extent::Mul; })
                  .Case<arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp>(
                      [](auto) { return Extent::Div; })
                  .Case<arith::CeilDivSIOp, arith::CeilDivUIOp>(
                      [](auto) { return Extent::CeilDiv; })
                  .Case<arith::RemUIOp, arith::RemSIOp>(
                      [](auto) { return Extent::Rem; })
                  .Default([](Operation *) { return std::nullopt; });
  if (!kind) {
    return std::nullopt;
  }
  MaybeExtent a = getScalar(op->getOperand(0));
  MaybeExtent b = getScalar(op->getOperand(1));
  if (!a || !b) {
    return std::nullopt;
  }
  return makeBinary(*kind, std::move(*a), std::move(*b));
}

/// Rank number `position` of an operation's iteration space, through an input
/// that it walks alone.
static MaybeExtent getRankExtent(unsigned position, ValueRange inputs,
                                 ArrayRef<AffineMap> maps) {
  for (auto [input, map] : llvm::zip(inputs, maps)) {
    for (auto [axis, expr] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim || dim.getPosition() != position) {
        continue;
      }
      if (MaybeExtent extent = getExtent(input, axis)) {
        return extent;
      }
    }
  }
  return std::nullopt;
}

static SmallVector<AffineMap> toMaps(ArrayAttr maps) {
  return llvm::to_vector(maps.getAsValueRange<AffineMapAttr>());
}

/// The rank of a scan's result along `axis`: results hold every rank, and the
/// final ones all but the walked one.
static unsigned getScanRank(cascade::ScanOp op, unsigned number,
                            unsigned axis) {
  unsigned over = op.getRankIndex(op.getOver());
  bool isFinal =
      op.getEmits()[number / op.getInits().size()] == cascade::Emit::Final;
  for (AffineExpr e : toMaps(op.getMaps()).back().getResults()) {
    unsigned position = cast<AffineDimExpr>(e).getPosition();
    if (isFinal && position == over) {
      continue;
    }
    if (axis-- == 0) {
      return position;
    }
  }
  llvm_unreachable("axis is one of the result's");
}

static MaybeExtent getCollapsed(tensor::CollapseShapeOp op, unsigned axis) {
  Extent product = makeConstant(1);
  for (int64_t from : op.getReassociationIndices()[axis]) {
    MaybeExtent factor = getExtent(op.getSrc(), from);
    if (!factor) {
      return std::nullopt;
    }
    product = makeBinary(Extent::Mul, std::move(product), std::move(*factor));
  }
  return product;
}

static MaybeExtent getExpanded(tensor::ExpandShapeOp op, unsigned axis) {
  OpFoldResult size = op.getMixedOutputShape()[axis];
  if (auto value = dyn_cast<Value>(size)) {
    return getScalar(value);
  }
  return makeConstant(*getConstantIntValue(size));
}

static MaybeExtent getArgumentExtent(BlockArgument argument, unsigned axis) {
  auto *parent = argument.getOwner()->getParentOp();
  if (auto iterate = dyn_cast<cascade::IterateOp>(parent)) {
    return getExtent(iterate.getInits()[argument.getArgNumber()], axis);
  }
  if (!isa<func::FuncOp>(parent)) {
    return std::nullopt;
  }
  Extent e;
  e.kind = Extent::Size;
  e.argument = argument.getArgNumber();
  e.axis = axis;
  return e;
}

MaybeExtent fovea::getExtent(Value tensor, unsigned axis) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type) {
    return std::nullopt;
  }
  if (!type.isDynamicDim(axis)) {
    return makeConstant(type.getDimSize(axis));
  }
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    return getArgumentExtent(argument, axis);
  }
  unsigned number = cast<OpResult>(tensor).getResultNumber();
  auto position = [&](AffineMap map) {
    return cast<AffineDimExpr>(map.getResult(axis)).getPosition();
  };
  return llvm::TypeSwitch<Operation *, MaybeExtent>(tensor.getDefiningOp())
      .Case([&](cascade::EinsumOp op) {
        return getRankExtent(position(op.getResultMap()), op.getInputs(),
                             op.getInputMaps());
      })
      .Case([&](cascade::FoldOp op) {
        return getRankExtent(position(op.getResultMap(number)), op.getInputs(),
                             toMaps(op.getMaps()));
      })
      .Case([&](cascade::ScanOp op) {
        return getRankExtent(getScanRank(op, number, axis), op.getOperands(),
                             toMaps(op.getMaps()));
      })
      .Case([&](cascade::IterateOp op) {
        return getExtent(op.getInits()[number], axis);
      })
      .Case([&](tensor::CollapseShapeOp op) { return getCollapsed(op, axis); })
      .Case([&](tensor::ExpandShapeOp op) { return getExpanded(op, axis); })
      .Case([&](tensor::CastOp op) { return getExtent(op.getSource(), axis); })
      .Case<cascade::UnpackOp, cascade::RepeatOp>(
          // All but the last dimension, which is static.
          [&](Operation *op) { return getExtent(op->getOperand(0), axis); })
      .Case([&](cascade::PlaceOp op) { return getExtent(op.getBase(), axis); })
      .Case([&](cascade::GatherOp op) -> MaybeExtent {
        // Axis 2 is the longest sequence: known only from the data.
        if (axis == 2) {
          return std::nullopt;
        }
        return axis == 0 ? getExtent(op.getTable(), 0)
                         : getExtent(op.getPages(), axis);
      })
      .Default([](Operation *) { return std::nullopt; });
}

std::optional<std::vector<Extent>>
fovea::getResultExtents(func::FuncOp function, unsigned i) {
  auto ret =
      dyn_cast<func::ReturnOp>(function.getBody().front().getTerminator());
  if (!ret) {
    return std::nullopt;
  }
  std::vector<Extent> extents;
  auto type = dyn_cast<RankedTensorType>(function.getResultTypes()[i]);
  if (!type) {
    return extents; // a scalar
  }
  for (int64_t axis = 0; axis < type.getRank(); ++axis) {
    MaybeExtent extent = getExtent(ret.getOperand(i), axis);
    if (!extent) {
      return std::nullopt;
    }
    extents.push_back(std::move(*extent));
  }
  return extents;
}
