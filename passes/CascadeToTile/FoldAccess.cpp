//===- FoldAccess.cpp - loads and stores of a task ------------------------===//

#include "FoldBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace fovea;

/// What walks each dimension of a buffer with these ranks: a coordinate of the
/// task, the rows, the stream, or a rank of the tile's own.
Access FoldBuilder::accessOf(AffineMap map, Value first, Value last) {
  Access access;
  auto walk = [&](StringRef rank, Value begin, Value limit, StringRef part) {
    access.indices.push_back(begin);
    access.dims.push_back((rank + part).str());
    if (!llvm::is_contained(access.ranks, rank)) {
      access.ranks.push_back(rank);
      if (limit) {
        access.bounded.push_back(rank);
        access.limits.push_back(limit);
      }
    }
    if (!part.empty()) {
      access.split = extents[packRank];
    }
  };
  for (AffineExpr e : map.getResults()) {
    int64_t rank = cast<AffineDimExpr>(e).getPosition();
    StringRef name = rankName(rank);
    if (name == fold.getStream()) {
      walk(name, first, last, "");
    } else if (rank == rowRank) {
      walk(rowName, rowBase, rowLimit, packRank < 0 ? "" : " div");
    } else if (rank == packRank) {
      walk(rowName, rowBase, rowLimit, " mod");
    } else if (coordinates[rank]) {
      access.indices.push_back(coordinates[rank]);
      access.dims.push_back("");
    } else {
      walk(name, index(0), Value(), "");
    }
  }
  return access;
}

static ArrayAttr getNames(OpBuilder &b, ArrayRef<std::string> dims) {
  SmallVector<StringRef> names(dims.begin(), dims.end());
  return b.getStrArrayAttr(names);
}

Value FoldBuilder::loadInput(Tensorizer &t, unsigned i, Value first,
                             Value last) {
  const Source &source = context.inputs[i];
  auto shaped = cast<ShapedType>(fold.getInputs()[i].getType());
  Access access = accessOf(fold.getInputMap(i), first, last);
  if (access.ranks.empty() && !source.isView()) {
    return memref::LoadOp::create(b, loc, source.buffer, access.indices);
  }
  Value row;
  if (source.isPaged()) {
    // The gathered view is [row, head, position, channel]; the pages are
    // [page, head, slot, channel], addressed by position along dimension 0.
    row = access.indices[0];
    std::swap(access.indices[0], access.indices[2]);
    std::swap(access.dims[0], access.dims[2]);
    access.indices[2] = index(0);
  }
  // Operands that depend on the row are wanted with the row rank last; the
  // others can be read where they are.
  bool hasRow = llvm::is_contained(access.ranks, StringRef(rowName));
  auto residence = hasRow ? tile::Residence::Near : tile::Residence::Far;
  RankedTensorType type = t.tileType(access.ranks, shaped.getElementType());
  SmallVector<StringRef> ranks = tile::getRanks(type);
  SmallVector<int64_t> shape(type.getShape());
  Type element = type.getElementType();
  std::string &lastDim = access.dims.back();
  if (source.times != 1) {
    // Element i of the source stands for i * times, i * times + 1, ...
    lastDim += " div";
    access.split = index(source.times);
  } else if (source.group != 0) {
    shape[tile::findRank(type, lastDim)] /= 2;
    element = b.getI8Type();
  }
  auto loaded = tile::getTileType(shape, element, ranks, residence);
  Value tile = tile::LoadOp::create(b, loc, loaded, source.buffer,
                                    access.indices, source.table, row,
                                    access.limits, access.split,
                                    getNames(b, access.dims),
                                    b.getStrArrayAttr(access.bounded));
  return source.group != 0
             ? tile::UnpackOp::create(b, loc, type, tile, source.group)
                   .getResult()
             : tile;
}

/// A view of the last dimension can be read by a tile if a rank of the tile's
/// own walks it.
LogicalResult FoldBuilder::verifyView(unsigned i) {
  const Source &source = context.inputs[i];
  if (source.group == 0 && source.times == 1) {
    return success();
  }
  AffineMap map = fold.getInputMap(i);
  unsigned last =
      cast<AffineDimExpr>(map.getResults().back()).getPosition();
  bool isInner = last != static_cast<uint64_t>(rowRank) &&
                 last != static_cast<uint64_t>(packRank) &&
                 !fold.isParallel(rankName(last)) &&
                 rankName(last) != fold.getStream();
  bool isPacked = packRank >= 0 && map.isFunctionOfDim(packRank);
  if (isInner && !isPacked) {
    return success();
  }
  return fold.emitOpError("expected rank '")
         << rankName(last) << "' of input " << i
         << ", a view of nibbles or repeated elements, to be neither parallel "
            "nor streamed";
}

/// Loads the streamed or the row inputs; the others stay null.
FailureOr<SmallVector<Value>>
FoldBuilder::loadInputs(Tensorizer &t, bool streamed, Value first, Value last) {
  SmallVector<Value> loaded(fold.getInputs().size());
  for (unsigned i = 0, e = loaded.size(); i < e; ++i) {
    if (fold.isStreamed(i) != streamed) {
      continue;
    }
    if (!isa<ShapedType>(fold.getInputs()[i].getType())) {
      loaded[i] = context.scalars->lookupOrDefault(fold.getInputs()[i]);
      continue;
    }
    if (failed(verifyView(i))) {
      return failure();
    }
    loaded[i] = loadInput(t, i, first, last);
  }
  return loaded;
}

LogicalResult FoldBuilder::storeResult(Tensorizer &t, unsigned i, Value value,
                                       Value first, Value last) {
  Access access = accessOf(fold.getResultMap(i), first, last);
  SmallVector<StringRef> names = access.ranks;
  if (!llvm::is_contained(names, StringRef(rowName))) {
    if (rowRank >= 0) {
      return fold.emitOpError("expected every result to carry rank '")
             << rowName << "'";
    }
    names.push_back(rowName); // the dummy row of a fold without parallel ranks
  }
  Type element = getElementTypeOrSelf(fold.getResultTypes()[i]);
  value = t.broadcast(loc, value, t.tileType(names, element));
  tile::StoreOp::create(b, loc, value, context.results[i], access.indices,
                        access.limits, access.split, getNames(b, access.dims),
                        b.getStrArrayAttr(access.bounded));
  return success();
}

//===----------------------------------------------------------------------===//
// Partial states
//===----------------------------------------------------------------------===//

/// Where part `part` of this task keeps a state of this type.
static Access accessOfPartial(Value taskNumber, Value part, Type type,
                              Value zero) {
  Access access{{taskNumber, part}, {"", ""}, {}, {}, {}, {}};
  for (StringRef name : tile::getRanks(type)) {
    access.indices.push_back(zero);
    access.dims.push_back(name.str());
  }
  return access;
}

void FoldBuilder::storePartial(ArrayRef<Value> state) {
  for (auto [value, buffer] : llvm::zip_equal(state, partials)) {
    Access access =
        accessOfPartial(taskNumber, split, value.getType(), index(0));
    tile::StoreOp::create(b, loc, value, buffer, access.indices, ValueRange{},
                          Value(), getNames(b, access.dims),
                          b.getStrArrayAttr({}));
  }
}

SmallVector<Value> FoldBuilder::loadPartial(Value part) {
  SmallVector<Value> state;
  for (auto [buffer, type] : llvm::zip_equal(partials, stateTypes)) {
    Access access = accessOfPartial(taskNumber, part, type, index(0));
    auto near = tile::getTileType(type.getShape(), type.getElementType(),
                                  tile::getRanks(type));
    state.push_back(tile::LoadOp::create(
        b, loc, near, buffer, access.indices, Value(), Value(), ValueRange{},
        Value(), getNames(b, access.dims), b.getStrArrayAttr({})));
  }
  return state;
}

/// True if a matrix product reads `tile`, perhaps repeated along the rows.
static bool isProductOperand(Value tile) {
  return llvm::any_of(tile.getUsers(), [](Operation *user) {
    if (auto repeat = dyn_cast<tile::BroadcastOp>(user)) {
      return isProductOperand(repeat.getResult());
    }
    return isa<tile::ContractOp>(user);
  });
}

/// Where the lanes of a task share near memory, nothing is read in place:
/// blocks of matrices are brought near, and what only element-wise code reads
/// goes straight to registers.
///
///   K [k, d], V [k, e], Q [d, q]   near
///   positions [k], lengths [q]     register
///   bias [k, q]                    register: no product reads it
void FoldBuilder::chooseResidence(tile::LoadOp load) {
  RankedTensorType type = load.getType();
  SmallVector<StringRef> ranks = tile::getRanks(type);
  auto residence = isProductOperand(load.getResult())
                       ? tile::Residence::Near
                       : tile::Residence::Register;
  load.getResult().setType(tile::getTileType(
      type.getShape(), type.getElementType(), ranks, residence));
  for (Operation *user : llvm::make_early_inc_range(load->getUsers())) {
    auto repeat = dyn_cast<tile::BroadcastOp>(user);
    if (repeat && repeat.getType() == load.getType()) {
      repeat.replaceAllUsesWith(load.getResult());
      repeat.erase();
    }
  }
}

/// Keys that are not visible are not visited: where a result keeps the stream
/// rank, their places hold 0.
void FoldBuilder::clearEmitted() {
  for (unsigned i = 0, e = fold.getNumResults(); i < e; ++i) {
    if (!fold.isEmitted(i) || !fold.hasWhere()) {
      continue;
    }
    OpBuilder::InsertionGuard guard(b);
    Value buffer = context.results[i];
    auto type = cast<MemRefType>(buffer.getType());
    Value zero = index(0), one = index(1);
    SmallVector<Value> at;
    for (int64_t j = 0; j < type.getRank(); ++j) {
      Value extent = memref::DimOp::create(b, loc, buffer, j);
      auto loop = scf::ForOp::create(b, loc, zero, extent, one);
      b.setInsertionPointToStart(loop.getBody());
      at.push_back(loop.getInductionVar());
    }
    Value none = arith::ConstantOp::create(b, loc,
                                           b.getZeroAttr(type.getElementType()));
    memref::StoreOp::create(b, loc, none, buffer, at);
  }
}
