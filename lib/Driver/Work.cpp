//===- Work.cpp - what a call has to do -----------------------------------===//
//
// A fold does, per point of its parallel ranks and per coordinate of the
// stream, the products of its step: two for each pair of factors that an
// einsum multiplies and sums. How many points are visible is the `where`
// region's business; it is evaluated at points spread evenly over all ranks,
// by constant folding.
//
//===----------------------------------------------------------------------===//

#include "fovea/Driver/Work.h"

#include "fovea/Analysis/FoldRows.h"
#include "fovea/Analysis/ResultExtents.h"
#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace fovea;

static constexpr int kSamples = 4096;

namespace {

class WorkCounter {
public:
  explicit WorkCounter(ArrayRef<fovea_tensor> arguments)
      : arguments(arguments) {}

  /// Adds what a fold does; false if it cannot be told.
  bool add(cascade::FoldOp fold);
  std::optional<FoldSize> getFoldSize(cascade::FoldOp fold);
  Work getWork() const;

private:
  std::optional<int64_t> getSize(Value tensor, unsigned axis);
  std::optional<int64_t> getRankSize(cascade::FoldOp fold, StringRef rank);
  std::optional<double> getVisible(cascade::FoldOp fold);
  Attribute evaluate(Value value);
  Attribute evaluateExtract(tensor::ExtractOp op);
  const fovea_tensor *getArgument(Value tensor);
  std::optional<int64_t> getElement(const fovea_tensor &tensor,
                                    ArrayRef<int64_t> indices);

  ArrayRef<fovea_tensor> arguments;
  llvm::StringMap<int64_t> sizes;   // of the fold's ranks
  llvm::StringMap<int64_t> point;   // where `where` is evaluated
  DenseMap<Value, Attribute> known; // at this point
  double all = 0, visible = 0;      // products
  bool inPairs = false;
};

} // namespace

const fovea_tensor *WorkCounter::getArgument(Value tensor) {
  auto argument = dyn_cast<BlockArgument>(tensor);
  bool isOfFunction =
      argument && isa<func::FuncOp>(argument.getOwner()->getParentOp());
  return isOfFunction ? &arguments[argument.getArgNumber()] : nullptr;
}

std::optional<int64_t> WorkCounter::getElement(const fovea_tensor &tensor,
                                               ArrayRef<int64_t> indices) {
  int64_t at = 0;
  for (auto [axis, index] : llvm::enumerate(indices)) {
    if (index < 0 || index >= tensor.sizes[axis]) {
      return std::nullopt;
    }
    at += index * tensor.strides[axis];
  }
  switch (tensor.dtype) {
  case FOVEA_I32:
    return static_cast<const int32_t *>(tensor.data)[at];
  case FOVEA_I64:
    return static_cast<const int64_t *>(tensor.data)[at];
  case FOVEA_I1:
    return static_cast<const uint8_t *>(tensor.data)[at];
  case FOVEA_I8:
    return static_cast<const int8_t *>(tensor.data)[at];
  default:
    return std::nullopt;
  }
}

std::optional<int64_t> WorkCounter::getSize(Value tensor, unsigned axis) {
  if (auto gather = tensor.getDefiningOp<cascade::GatherOp>();
      gather && axis == 2) {
    // The longest sequence.
    const fovea_tensor *lengths = getArgument(gather.getLengths());
    if (!lengths) {
      return std::nullopt;
    }
    int64_t longest = 0;
    for (int64_t i = 0; i < lengths->sizes[0]; ++i) {
      longest = std::max(longest, getElement(*lengths, i).value_or(0));
    }
    return longest;
  }
  std::optional<Extent> extent = getExtent(tensor, axis);
  if (!extent) {
    return std::nullopt;
  }
  return extent->evaluate([&](unsigned argument, unsigned at) {
    return arguments[argument].sizes[at];
  });
}

std::optional<int64_t> WorkCounter::getRankSize(cascade::FoldOp fold,
                                                StringRef rank) {
  int64_t position = fold.getRankIndex(rank);
  for (auto [i, input] : llvm::enumerate(fold.getInputs())) {
    for (auto [axis, e] : llvm::enumerate(fold.getInputMap(i).getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(e);
      if (dim && dim.getPosition() == position) {
        if (std::optional<int64_t> size = getSize(input, axis)) {
          return size;
        }
      }
    }
  }
  return std::nullopt;
}

Attribute WorkCounter::evaluateExtract(tensor::ExtractOp op) {
  const fovea_tensor *tensor = getArgument(op.getTensor());
  SmallVector<int64_t> indices;
  for (Value index : op.getIndices()) {
    auto value = dyn_cast_if_present<IntegerAttr>(evaluate(index));
    if (!value) {
      return {};
    }
    indices.push_back(value.getInt());
  }
  std::optional<int64_t> element;
  if (tensor && op.getType().isIntOrIndex()) {
    element = getElement(*tensor, indices);
  }
  return element ? IntegerAttr::get(op.getType(), *element) : Attribute();
}

Attribute WorkCounter::evaluate(Value value) {
  auto it = known.find(value);
  if (it != known.end()) {
    return it->second;
  }
  Attribute result;
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() != 0) {
    return {};
  }
  auto index = [&](int64_t v) {
    return IntegerAttr::get(IndexType::get(op->getContext()), v);
  };
  if (auto coordinate = dyn_cast<cascade::IndexOp>(op)) {
    result = index(point.lookup(coordinate.getRank()));
  } else if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> axis = dim.getConstantIndex();
    std::optional<int64_t> size;
    if (axis) {
      size = getSize(dim.getSource(), *axis);
    }
    result = size ? index(*size) : Attribute();
  } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    result = evaluateExtract(extract);
  } else if (!matchPattern(op, m_Constant(&result))) {
    SmallVector<Attribute> operands;
    for (Value operand : op->getOperands()) {
      operands.push_back(evaluate(operand));
    }
    SmallVector<OpFoldResult> folded;
    if (succeeded(op->fold(operands, folded)) && !folded.empty()) {
      OpFoldResult first = folded[cast<OpResult>(value).getResultNumber()];
      auto operand = dyn_cast<Value>(first);
      result = operand ? evaluate(operand) : cast<Attribute>(first);
    }
  }
  known[value] = result;
  return result;
}

/// The part of all points for which `where` holds.
std::optional<double> WorkCounter::getVisible(cascade::FoldOp fold) {
  if (!fold.hasWhere()) {
    return 1.0;
  }
  SmallVector<StringRef> ranks;
  for (Attribute rank : fold.getParallel()) {
    ranks.push_back(cast<StringAttr>(rank).getValue());
  }
  ranks.push_back(fold.getStream());
  auto yield = cast<cascade::YieldOp>(fold.getWhere().front().getTerminator());
  // Points whose coordinates advance by powers of a number that no lattice
  // fits well: the root of x^(n+1) = x + 1.
  double root = 1.5;
  for (int i = 0; i < 50; ++i) {
    root = std::pow(1 + root, 1.0 / (static_cast<double>(ranks.size()) + 1));
  }
  int64_t count = 0;
  for (int sample = 0; sample < kSamples; ++sample) {
    known.clear();
    for (auto [i, rank] : llvm::enumerate(ranks)) {
      double x = 0.5 + (sample + 1) * std::pow(root, -double(i + 1));
      x -= std::floor(x);
      point[rank] = static_cast<int64_t>(x * double(sizes.lookup(rank)));
    }
    auto truth =
        dyn_cast_if_present<IntegerAttr>(evaluate(yield.getValues()[0]));
    if (!truth) {
      return std::nullopt;
    }
    count += truth.getValue().getBoolValue();
  }
  return static_cast<double>(count) / kSamples;
}

/// Products of one point and one coordinate: 2 per pair of factors; what decodes
/// a factor is not counted.
static double countProducts(cascade::FoldOp fold, bool &inPairs) {
  double flops = 0;
  fold.getStep().walk([&](cascade::EinsumOp op) {
    if (!op.getReduce() || op.getInputs().size() < 2) {
      return;
    }
    auto products = op.getBody().front().getOps<arith::MulFOp>();
    if (products.empty()) {
      return;
    }
    double points = 1;
    llvm::SmallBitVector seen(op.getRanks().size());
    for (auto [input, map] : llvm::zip(op.getInputs(), op.getInputMaps())) {
      auto type = dyn_cast<RankedTensorType>(input.getType());
      for (auto [axis, e] : llvm::enumerate(map.getResults())) {
        auto dim = dyn_cast<AffineDimExpr>(e);
        if (!dim || seen[dim.getPosition()] || type.isDynamicDim(axis)) {
          continue;
        }
        seen.set(dim.getPosition());
        points *= static_cast<double>(type.getDimSize(axis));
      }
      inPairs |= type && type.getElementType().isBF16();
    }
    flops += 2 * points;
  });
  return flops;
}

bool WorkCounter::add(cascade::FoldOp fold) {
  sizes.clear();
  double points = 1;
  SmallVector<StringRef> ranks = {fold.getStream()};
  for (Attribute rank : fold.getParallel()) {
    ranks.push_back(cast<StringAttr>(rank).getValue());
  }
  for (StringRef rank : ranks) {
    std::optional<int64_t> size = getRankSize(fold, rank);
    if (!size) {
      return false;
    }
    sizes[rank] = *size;
    points *= static_cast<double>(*size);
  }
  std::optional<double> part = getVisible(fold);
  if (!part) {
    return false;
  }
  double flops = points * countProducts(fold, inPairs);
  all += flops;
  visible += flops * *part;
  return true;
}

std::optional<FoldSize> WorkCounter::getFoldSize(cascade::FoldOp fold) {
  auto getSizeOf = [&](unsigned rank) {
    return getRankSize(fold, cast<StringAttr>(fold.getRanks()[rank]).getValue());
  };
  std::optional<int64_t> keys = getRankSize(fold, fold.getStream());
  int64_t row = findRowRank(fold);
  std::optional<int64_t> rows = row < 0 ? 1 : getSizeOf(row);
  std::optional<unsigned> pack = findPackRank(fold, row);
  std::optional<int64_t> times = row < 0 || !pack ? 1 : getSizeOf(*pack);
  if (!keys || !rows || !times) {
    return std::nullopt;
  }
  return FoldSize{*rows * *times, *keys};
}

Work WorkCounter::getWork() const {
  Work work;
  work.flops = visible;
  work.visible = all > 0 ? visible / all : 1;
  work.inPairs = inPairs;
  return work;
}

std::optional<Work> fovea::countWork(ModuleOp module, StringRef entry,
                                     ArrayRef<fovea_tensor> arguments) {
  auto function = module.lookupSymbol<func::FuncOp>(entry);
  WorkCounter counter(arguments);
  WalkResult result = function.walk([&](cascade::FoldOp fold) {
    return counter.add(fold) ? WalkResult::advance() : WalkResult::interrupt();
  });
  Work work = counter.getWork();
  if (result.wasInterrupted() || work.flops == 0) {
    return std::nullopt;
  }
  return work;
}

std::optional<FoldSize> fovea::countSize(ModuleOp module, StringRef entry,
                                         ArrayRef<fovea_tensor> arguments) {
  auto function = module.lookupSymbol<func::FuncOp>(entry);
  WorkCounter counter(arguments);
  std::optional<FoldSize> most;
  WalkResult result = function.walk([&](cascade::FoldOp fold) {
    std::optional<FoldSize> size = counter.getFoldSize(fold);
    if (!size) {
      return WalkResult::interrupt();
    }
    most = !most || size->rows > most->rows ? size : most;
    return WalkResult::advance();
  });
  return result.wasInterrupted() ? std::nullopt : most;
}
