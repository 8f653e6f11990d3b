//===- CascadeOps.cpp - accessors of the cascade operations ---------------===//

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace fovea::cascade;

#define GET_OP_CLASSES
#include "fovea/dialects/Cascade/CascadeOps.cpp.inc"

TypedAttr fovea::cascade::getIdentity(Monoid monoid, FloatType type) {
  const llvm::fltSemantics &semantics = type.getFloatSemantics();
  switch (monoid) {
  case Monoid::Sum:
    return FloatAttr::get(type, APFloat::getZero(semantics));
  case Monoid::Max:
    return FloatAttr::get(type, APFloat::getInf(semantics, /*Negative=*/true));
  case Monoid::Min:
    return FloatAttr::get(type, APFloat::getInf(semantics));
  }
  llvm_unreachable("unknown monoid");
}

Type fovea::cascade::getElementType(Type type) {
  if (auto shaped = dyn_cast<ShapedType>(type)) {
    return shaped.getElementType();
  }
  return type;
}

static int64_t findRank(ArrayAttr ranks, StringRef name) {
  for (auto [i, rank] : llvm::enumerate(ranks.getAsValueRange<StringAttr>())) {
    if (rank == name) {
      return i;
    }
  }
  return -1;
}

static StringRef rankName(ArrayAttr ranks, unsigned i) {
  return cast<StringAttr>(ranks[i]).getValue();
}

//===----------------------------------------------------------------------===//
// EinsumOp
//===----------------------------------------------------------------------===//

SmallVector<AffineMap> EinsumOp::getInputMaps() {
  SmallVector<AffineMap> maps(getMaps().getAsValueRange<AffineMapAttr>());
  maps.pop_back();
  return maps;
}

AffineMap EinsumOp::getResultMap() {
  return cast<AffineMapAttr>(getMaps().getValue().back()).getValue();
}

int64_t EinsumOp::getRankIndex(StringRef name) {
  return findRank(getRanks(), name);
}

SmallVector<StringRef> EinsumOp::getResultRanks() {
  SmallVector<StringRef> names;
  for (AffineExpr e : getResultMap().getResults()) {
    names.push_back(rankName(getRanks(), cast<AffineDimExpr>(e).getPosition()));
  }
  return names;
}

SmallVector<StringRef> EinsumOp::getReducedRanks() {
  SmallVector<StringRef> kept = getResultRanks();
  SmallVector<StringRef> names;
  for (StringRef rank : getRanks().getAsValueRange<StringAttr>()) {
    if (!llvm::is_contained(kept, rank)) {
      names.push_back(rank);
    }
  }
  return names;
}

//===----------------------------------------------------------------------===//
// ScanOp
//===----------------------------------------------------------------------===//

int64_t ScanOp::getRankIndex(StringRef name) {
  return findRank(getRanks(), name);
}

SmallVector<Emit> ScanOp::getEmits() {
  SmallVector<Emit> emits;
  for (Attribute a : getEmit()) {
    emits.push_back(static_cast<Emit>(cast<IntegerAttr>(a).getInt()));
  }
  return emits;
}

//===----------------------------------------------------------------------===//
// GatherOp
//===----------------------------------------------------------------------===//

int64_t GatherOp::getPageSize() {
  return cast<ShapedType>(getPages().getType()).getDimSize(2);
}

//===----------------------------------------------------------------------===//
// FoldOp
//===----------------------------------------------------------------------===//

int64_t FoldOp::getRankIndex(StringRef name) {
  return findRank(getRanks(), name);
}

AffineMap FoldOp::getInputMap(unsigned i) {
  return cast<AffineMapAttr>(getMaps()[i]).getValue();
}

AffineMap FoldOp::getResultMap(unsigned i) {
  return cast<AffineMapAttr>(getMaps()[getInputs().size() + i]).getValue();
}

bool FoldOp::isParallel(StringRef rank) {
  return findRank(getParallel(), rank) >= 0;
}

/// True if some index of `map` is exactly rank number `dim`.
static bool carries(AffineMap map, int64_t dim) {
  return dim >= 0 && map.isFunctionOfDim(dim);
}

bool FoldOp::isStreamed(unsigned i) {
  return carries(getInputMap(i), getRankIndex(getStream()));
}

bool FoldOp::isEmitted(unsigned i) {
  return carries(getResultMap(i), getRankIndex(getStream()));
}

SmallVector<unsigned> FoldOp::getRowInputs() {
  SmallVector<unsigned> rows;
  for (unsigned i = 0, e = getInputs().size(); i < e; ++i) {
    if (!isStreamed(i)) {
      rows.push_back(i);
    }
  }
  return rows;
}

SmallVector<StringRef> FoldOp::getInnerRanks(unsigned i) {
  SmallVector<StringRef> names;
  for (AffineExpr e : getInputMap(i).getResults()) {
    StringRef name = rankName(getRanks(), cast<AffineDimExpr>(e).getPosition());
    if (!isParallel(name)) {
      names.push_back(name);
    }
  }
  return names;
}

Type FoldOp::getInnerType(unsigned i) {
  Type type = getInputs()[i].getType();
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) {
    return type;
  }
  SmallVector<int64_t> shape;
  for (auto [e, size] :
       llvm::zip_equal(getInputMap(i).getResults(), tensor.getShape())) {
    StringRef name = rankName(getRanks(), cast<AffineDimExpr>(e).getPosition());
    if (name == getStream()) {
      shape.push_back(ShapedType::kDynamic);
    } else if (!isParallel(name)) {
      shape.push_back(size);
    }
  }
  if (shape.empty()) {
    return tensor.getElementType();
  }
  return RankedTensorType::get(shape, tensor.getElementType());
}
