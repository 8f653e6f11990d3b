//===- FoldRows.cpp - which ranks of a fold are its rows ------------------===//

#include "fovea/Analysis/FoldRows.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

using namespace mlir;
using namespace fovea;

int64_t fovea::findRowRank(cascade::FoldOp fold) {
  int64_t row = -1, fallback = -1;
  for (StringRef name : fold.getParallel().getAsValueRange<StringAttr>()) {
    int64_t rank = fold.getRankIndex(name);
    bool streamed = false;
    for (unsigned i = 0, e = fold.getInputs().size(); i < e; ++i) {
      streamed |=
          fold.isStreamed(i) && fold.getInputMap(i).isFunctionOfDim(rank);
    }
    fallback = rank;
    if (!streamed) {
      row = rank;
    }
  }
  return row < 0 ? fallback : row;
}

std::optional<unsigned> fovea::findPackRank(cascade::FoldOp fold,
                                            int64_t rowRank) {
  std::optional<unsigned> found;
  for (StringRef name : fold.getParallel().getAsValueRange<StringAttr>()) {
    unsigned rank = fold.getRankIndex(name);
    bool isShared = rank != static_cast<uint64_t>(rowRank);
    for (unsigned i = 0, e = fold.getInputs().size(); i < e; ++i) {
      AffineMap map = fold.getInputMap(i);
      isShared &= !fold.isStreamed(i) || !map.isFunctionOfDim(rank) ||
                  map.isFunctionOfDim(rowRank);
    }
    if (isShared) {
      found = rank;
    }
  }
  return found;
}
