//===- StreamWork.cpp - what a cascade does along a rank ------------------===//

#include "fovea/Analysis/StreamWork.h"

#include "fovea/Analysis/CountPasses.h"
#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace fovea;

namespace {

class StreamCounter {
public:
  StreamCounter(func::FuncOp function, StringRef stream)
      : function(function), stream(stream) {}

  StreamWork count();

private:
  void learnRanks(cascade::EinsumOp op);
  void addEinsum(cascade::EinsumOp op);
  void addFibers();
  double getExtents(ArrayRef<StringRef> ranks);

  func::FuncOp function;
  StringRef stream;
  StreamWork work;
  llvm::StringMap<double> extents; // of ranks of known extent
  llvm::StringSet<> shared;        // ranks of operands along the stream
  llvm::SmallDenseSet<Value> operands;
};

} // namespace

static SmallVector<StringRef> getRanks(ArrayAttr names) {
  return llvm::to_vector(names.getAsValueRange<StringAttr>());
}

static double getBytes(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isIntOrFloat() ? element.getIntOrFloatBitWidth() / 8.0 : 8;
}

/// Known extents, and the ranks that operands along the stream have.
void StreamCounter::learnRanks(cascade::EinsumOp op) {
  SmallVector<StringRef> ranks = getRanks(op.getRanks());
  for (auto [input, map] : llvm::zip_equal(op.getInputs(), op.getInputMaps())) {
    auto type = dyn_cast<RankedTensorType>(input.getType());
    SmallVector<StringRef> own;
    double perKey = getBytes(input.getType());
    for (auto [axis, e] : llvm::enumerate(map.getResults())) {
      auto dim = dyn_cast<AffineDimExpr>(e);
      if (!dim || !type) {
        continue;
      }
      StringRef rank = ranks[dim.getPosition()];
      own.push_back(rank);
      if (!type.isDynamicDim(axis)) {
        extents[rank] = static_cast<double>(type.getDimSize(axis));
        perKey *= rank == stream ? 1 : extents[rank];
      }
    }
    bool isOperand = llvm::is_contained(own, stream) &&
                     !input.getDefiningOp<cascade::EinsumOp>();
    if (!isOperand || !operands.insert(input).second) {
      continue;
    }
    shared.insert_range(own);
    work.keyBytes += perKey;
    work.isGathered |= input.getDefiningOp<cascade::GatherOp>() != nullptr;
  }
}

/// The product of the known extents among these ranks.
double StreamCounter::getExtents(ArrayRef<StringRef> ranks) {
  double points = 1;
  for (StringRef rank : ranks) {
    auto it = extents.find(rank);
    points *= rank == stream || it == extents.end() ? 1 : it->second;
  }
  return points;
}

/// Conversions in a product from what is stored to what is computed in.
static double countDecoding(cascade::EinsumOp op) {
  double count = 0;
  op.getBody().walk([&](Operation *inner) {
    if (isa<arith::SIToFPOp, arith::ExtFOp>(inner)) {
      Type from = inner->getOperand(0).getType();
      count += isa<BlockArgument>(inner->getOperand(0)) && !from.isBF16();
    }
  });
  return count;
}

void StreamCounter::addEinsum(cascade::EinsumOp op) {
  SmallVector<StringRef> ranks = getRanks(op.getRanks());
  if (!llvm::is_contained(ranks, stream)) {
    return;
  }
  double points = getExtents(ranks);
  bool reducesStream = llvm::is_contained(op.getReducedRanks(), stream);
  bool isPerKey = llvm::all_of(
      ranks, [&](StringRef rank) { return shared.contains(rank); });
  double products = 0, elements = op.getReduce() ? 1 : 0, exponentials = 0;
  op.getBody().walk([&](Operation *inner) {
    if (isa<math::ExpOp, math::Exp2Op, math::TanhOp, math::LogOp>(inner)) {
      exponentials += 1;
    } else if (isa<arith::ArithDialect, math::MathDialect>(
                   inner->getDialect()) &&
               inner->getNumOperands() > 0) {
      elements += 1;
    } else if (isa<tensor::ExtractOp>(inner)) {
      elements += 1;
    }
  });
  // A product and its sum are one operation of two FLOP.
  bool isProduct = op.getReduce() == cascade::Monoid::Sum &&
                   !op.getBody().getOps<arith::MulFOp>().empty() &&
                   op.getInputs().size() >= 2;
  if (isProduct) {
    // Conversions of factors are a matter of the instruction, unless something
    // is decoded: that is done once for all rows.
    products = 2;
    elements = 0;
    work.keyElements += points * countDecoding(op);
    work.inPairs |= llvm::any_of(op.getInputs(), [](Value input) {
      return getElementTypeOrSelf(input.getType()).isBF16();
    });
  }
  if (isPerKey) {
    work.keyElements += points * (products + elements + exponentials);
    return;
  }
  (reducesStream ? work.valueProducts : work.scoreProducts) +=
      points * products;
  work.elements += points * elements;
  work.exponentials += points * exponentials;
  if (reducesStream) {
    work.stateElements += getExtents(op.getResultRanks());
  }
}

/// Tensors along the stream that stay alive between walks.
void StreamCounter::addFibers() {
  for (const RankedTensorUse &use :
       countPasses(function, {stream.str()}).tensors) {
    auto made = use.tensor.getDefiningOp<cascade::EinsumOp>();
    if (!made || !use.needsWholeFiber()) {
      continue;
    }
    auto laterReads = llvm::count_if(
        use.readIn, [&](int64_t pass) { return pass > use.produced; });
    double transfers = getExtents(getRanks(made.getRanks())) *
                       (1 + static_cast<double>(laterReads));
    if (!made.getReducedRanks().empty()) {
      transfers /= getExtents(made.getReducedRanks());
    }
    work.fiberTransfers += transfers;
    work.fiberBytes += transfers * getBytes(made.getType());
  }
}

StreamWork StreamCounter::count() {
  function.walk([&](cascade::EinsumOp op) { learnRanks(op); });
  function.walk([&](cascade::EinsumOp op) { addEinsum(op); });
  addFibers();
  return work;
}

std::optional<StreamWork> fovea::countStreamWork(func::FuncOp function) {
  std::string stream = chooseStreamedRank(function);
  if (stream.empty()) {
    return std::nullopt;
  }
  return StreamCounter(function, stream).count();
}
