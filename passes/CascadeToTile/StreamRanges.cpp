//===- StreamRanges.cpp - which keys a task visits ------------------------===//

#include "StreamRanges.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fovea;

StepTruth fovea::buildStepTruth(OpBuilder &b, Location loc,
                                cascade::FoldOp fold, const RankBox &box,
                                const DenseMap<Value, Source> &tables,
                                IRMapping &scalars) {
  Value yes = arith::ConstantIntOp::create(b, loc, 1, 1);
  Value no = arith::ConstantIntOp::create(b, loc, 0, 1);
  return {yes, fold.hasWhere() ? no : yes};
}

void fovea::buildRanges(OpBuilder &b, Location loc, cascade::FoldOp fold,
                        const RankBox &box, Value extent,
                        const DenseMap<Value, Source> &tables,
                        IRMapping &scalars, SmallVectorImpl<Value> &begins,
                        SmallVectorImpl<Value> &ends) {
  begins.push_back(arith::ConstantIndexOp::create(b, loc, 0));
  ends.push_back(extent);
}
