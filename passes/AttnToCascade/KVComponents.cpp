//===- KVComponents.cpp - !attn.kv arguments become tensors ---------------===//

#include "Lowering.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace fovea;

static constexpr llvm::StringLiteral kNameAttr = "fovea.name";

static LogicalResult checkUses(BlockArgument argument) {
  for (Operation *user : argument.getUsers()) {
    if (!isa<attn::AttendOp, attn::AppendOp>(user)) {
      return user->emitOpError("expected a value of type ")
             << argument.getType() << " to be used by 'attn.attend' and 'attn.append' only";
    }
  }
  return success();
}

/// Attributes of component number `i`: those of the argument it comes from,
/// with a name. The components of an argument named "x" are "x_k", "x_v"; an
/// unnamed one gives "k", "v", a second unnamed one "kv1_k", "kv1_v".
static DictionaryAttr getComponentAttrs(func::FuncOp func,
                                        BlockArgument argument, unsigned i,
                                        unsigned numUnnamed) {
  Builder b(func.getContext());
  unsigned number = argument.getArgNumber();
  NamedAttrList attrs(func.getArgAttrDict(number));
  std::string prefix;
  if (auto name = func.getArgAttrOfType<StringAttr>(number, kNameAttr)) {
    prefix = name.str() + "_";
  } else if (numUnnamed > 0) {
    prefix = "kv" + std::to_string(numUnnamed) + "_";
  }
  StringRef name =
      cast<attn::KVType>(argument.getType()).getComponentNames()[i];
  attrs.set(kNameAttr, b.getStringAttr(prefix + name));
  return attrs.getDictionary(func.getContext());
}

FailureOr<KVComponents> fovea::addComponentArguments(func::FuncOp func) {
  SmallVector<BlockArgument> caches;
  for (BlockArgument argument : func.getArguments()) {
    if (isa<attn::KVType>(argument.getType())) {
      if (failed(checkUses(argument))) {
        return failure();
      }
      caches.push_back(argument);
    }
  }
  SmallVector<unsigned> indices;
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attrs;
  SmallVector<Location> locs;
  unsigned numUnnamed = 0;
  for (BlockArgument cache : caches) {
    auto type = cast<attn::KVType>(cache.getType());
    for (auto [i, component] : llvm::enumerate(type.getComponentTypes())) {
      indices.push_back(cache.getArgNumber());
      types.push_back(component);
      attrs.push_back(getComponentAttrs(func, cache, i, numUnnamed));
      locs.push_back(cache.getLoc());
    }
    if (!func.getArgAttr(cache.getArgNumber(), kNameAttr)) {
      ++numUnnamed;
    }
  }
  if (failed(func.insertArguments(indices, types, attrs, locs))) {
    return failure();
  }
  KVComponents components;
  for (BlockArgument cache : caches) {
    unsigned count =
        cast<attn::KVType>(cache.getType()).getComponentTypes().size();
    unsigned end = cache.getArgNumber();
    for (unsigned i = end - count; i < end; ++i) {
      components[cache].push_back(func.getArgument(i));
    }
  }
  return components;
}

LogicalResult fovea::eraseKVArguments(func::FuncOp func) {
  BitVector erased(func.getNumArguments());
  for (BlockArgument argument : func.getArguments()) {
    if (isa<attn::KVType>(argument.getType())) {
      erased.set(argument.getArgNumber());
    }
  }
  return func.eraseArguments(erased);
}
