//===- Lowering.h - the parts of attn-to-cascade ----------------*- C++ -*-===//

#ifndef FOVEA_PASSES_ATTNTOCASCADE_LOWERING_H
#define FOVEA_PASSES_ATTNTOCASCADE_LOWERING_H

#include "fovea/dialects/Attn/AttnOps.h"
#include "fovea/dialects/Cascade/CascadeOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace fovea {

/// The tensors that stand for a value of type `!attn.kv`, in order.
using KVComponents =
    llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>>;

/// Gives `func` the component tensors of every `!attn.kv` argument, before
/// that argument, which stays until `eraseKVArguments`. An error if such a
/// value is used by anything but attn.attend and attn.append.
mlir::FailureOr<KVComponents> addComponentArguments(mlir::func::FuncOp func);

/// Removes the arguments of type `!attn.kv`, by now unused.
mlir::LogicalResult eraseKVArguments(mlir::func::FuncOp func);

/// Replaces an attn.append of a cache with these components.
void lowerAppend(attn::AppendOp op, llvm::ArrayRef<mlir::Value> components);

/// What the regions of one attention need from outside.
struct Extents {
  mlir::Value group;   ///< R, query heads of one KV head.
  mlir::Value queries; ///< Sq.
  mlir::Value keys;    ///< Sk of every sequence; null when paged.
  mlir::Value lengths; ///< Sk of each sequence; null when dense.
};

/// The query's and the key's coordinates as the regions of attention name
/// them, computed from the ranks of the Einsum that `b` writes into.
struct Coordinates {
  mlir::Value batch, head, query, key;
  mlir::Value length; ///< Sk of this sequence.
};
Coordinates buildCoordinates(mlir::OpBuilder &b, mlir::Location loc,
                             const Extents &extents);

/// Copies a region of attention (one block) to where `b` stands; returns what
/// it yields.
mlir::Value inlineRegion(mlir::OpBuilder &b, mlir::Region &region,
                         mlir::ValueRange arguments);

/// True if some key of some query may be invisible.
bool hasPredicate(attn::AttendOp op);

/// Writes "the query sees the key" and returns it as an i1.
mlir::Value buildPredicate(mlir::OpBuilder &b, attn::AttendOp op,
                           const Extents &extents);

} // namespace fovea

#endif // FOVEA_PASSES_ATTNTOCASCADE_LOWERING_H
