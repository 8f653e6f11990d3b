//===- Ranks.cpp - points of named ranks ----------------------------------===//

#include "Ranks.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace fovea::reference;

/// Adds `factor * e` to the sum; false if `e` is no sum of ranks.
static bool addTerms(AffineExpr e, int64_t factor, IndexSum &sum) {
  if (auto dim = dyn_cast<AffineDimExpr>(e)) {
    for (IndexSum::Term &term : sum.terms) {
      if (term.rank == dim.getPosition()) {
        term.factor += factor;
        return true;
      }
    }
    sum.terms.push_back({dim.getPosition(), factor});
    return true;
  }
  if (auto constant = dyn_cast<AffineConstantExpr>(e)) {
    sum.constant += factor * constant.getValue();
    return true;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(e);
  if (!binary) {
    return false;
  }
  if (binary.getKind() == AffineExprKind::Add) {
    return addTerms(binary.getLHS(), factor, sum) &&
           addTerms(binary.getRHS(), factor, sum);
  }
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  return binary.getKind() == AffineExprKind::Mul && constant &&
         addTerms(binary.getLHS(), factor * constant.getValue(), sum);
}

LogicalResult fovea::reference::makeAccess(Operation *op, Value value,
                                           AffineMap map, Translator &t,
                                           Access &access) {
  access.slot = t.slot(value);
  access.isTensor = isa<ShapedType>(value.getType());
  for (AffineExpr e : map.getResults()) {
    if (!addTerms(e, 1, access.indices.emplace_back())) {
      return t.machine.fail(op, "expected indices that are sums of ranks");
    }
  }
  return success();
}

View::View(const Access &access, Frame &frame)
    : access(&access),
      tensor(access.isTensor ? frame[access.slot].tensor.get() : nullptr) {
  if (tensor) {
    strides = getStrides(tensor->shape);
  }
}

int64_t View::locate(ArrayRef<int64_t> point) const {
  int64_t offset = 0;
  for (size_t d = 0, n = access->indices.size(); d < n; ++d) {
    const IndexSum &sum = access->indices[d];
    int64_t i = sum.constant;
    for (const IndexSum::Term &term : sum.terms) {
      i += term.factor * point[term.rank];
    }
    if (i < 0 || i >= tensor->shape[d]) {
      return -1;
    }
    offset += i * strides[d];
  }
  return offset;
}

bool View::read(ArrayRef<int64_t> point, Frame &frame, Slot &slot) const {
  if (!tensor) {
    slot.real = frame[access->slot].real;
    slot.integer = frame[access->slot].integer;
    return true;
  }
  int64_t offset = locate(point);
  if (offset < 0) {
    return false;
  }
  load(slot, *tensor, offset);
  return true;
}

RankSpace RankSpace::create(ArrayAttr names, Translator &t) {
  RankSpace space;
  space.names = names;
  space.coordinates = t.allocate(names.size());
  for (StringRef name : names.getAsValueRange<StringAttr>()) {
    int tile = -1;
    for (const RankScope &scope : llvm::reverse(t.scopes)) {
      if (scope.inStep && scope.stream == name) {
        tile = scope.tile;
        break;
      }
    }
    space.tiles.push_back(tile);
  }
  return space;
}

StringRef RankSpace::getName(unsigned i) const {
  return cast<StringAttr>(names[i]).getValue();
}

LogicalResult RankSpace::getExtents(Operation *op, Frame &frame,
                                    ArrayRef<View> views,
                                    SmallVectorImpl<int64_t> &extents) const {
  extents.assign(size(), -1);
  for (const View &view : views) {
    for (auto [d, sum] : llvm::enumerate(view.access->indices)) {
      if (!sum.isPlain()) {
        continue;
      }
      int64_t &known = extents[sum.terms[0].rank];
      int64_t extent = view.tensor->shape[d];
      if (known >= 0 && known != extent) {
        return frame.machine.fail(
            op, "expected one extent for rank '" + getName(sum.terms[0].rank) +
                    "', got " + Twine(known) + " and " + Twine(extent));
      }
      known = extent;
    }
  }
  for (unsigned i = 0; i < size(); ++i) {
    if (tiles[i] < 0) {
      continue;
    }
    int64_t tile = frame[tiles[i]].tensor->shape[0];
    if (extents[i] != tile) {
      return frame.machine.fail(op, "expected streamed rank '" + getName(i) +
                                        "' to have the extent of its tile, " +
                                        Twine(tile) + ", got " +
                                        Twine(extents[i]));
    }
  }
  return success();
}

LogicalResult fovea::reference::verifyResultShape(Operation *op, Frame &frame,
                                                  Type type,
                                                  ArrayRef<int64_t> shape) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped) {
    return success();
  }
  for (auto [size, expected] : llvm::zip_equal(shape, shaped.getShape())) {
    if (!ShapedType::isDynamic(expected) && size != expected) {
      std::string text;
      llvm::raw_string_ostream(text) << type;
      return frame.machine.fail(op, "expected a result of type " + text +
                                        ", got shape " + toText(shape));
    }
  }
  return success();
}

SmallVector<unsigned, 4> fovea::reference::getRankPositions(AffineMap map) {
  SmallVector<unsigned, 4> positions;
  for (AffineExpr e : map.getResults()) {
    positions.push_back(cast<AffineDimExpr>(e).getPosition());
  }
  return positions;
}

SmallVector<int64_t, 4> fovea::reference::select(ArrayRef<unsigned> positions,
                                                 ArrayRef<int64_t> all) {
  SmallVector<int64_t, 4> chosen;
  for (unsigned i : positions) {
    chosen.push_back(all[i]);
  }
  return chosen;
}
