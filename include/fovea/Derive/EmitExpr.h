//===- EmitExpr.h - write expressions as operations -------------*- C++ -*-===//

#ifndef FOVEA_DERIVE_EMITEXPR_H
#define FOVEA_DERIVE_EMITEXPR_H

#include "fovea/Derive/Expr.h"

#include "mlir/IR/Builders.h"

namespace fovea::derive {

/// A value in a region of a fold, with the ranks it still carries there.
struct Emitted {
  mlir::Value value;
  llvm::SmallVector<unsigned, 2> ranks;
};

/// Writes expressions into one region of a fold: what has no rank left at one
/// point of the parallel ranks as plain scalar operations, everything else as
/// Einsums. Equal expressions are written once.
class ExprEmitter {
public:
  ExprEmitter(mlir::OpBuilder &builder, mlir::Location loc,
              ExprContext &context, RankSet parallel, RankSet stream)
      : builder(builder), loc(loc), context(context), parallel(parallel),
        stream(stream) {}

  /// Declares what an expression (a leaf, a symbol) is in this region.
  void define(const Expr *e, mlir::Value value,
              llvm::ArrayRef<unsigned> ranks);

  /// `e` with its ranks in the given order.
  mlir::Value emit(const Expr *e, llvm::ArrayRef<unsigned> order);
  /// `e` with its ranks in increasing order; remembered.
  mlir::Value emitShared(const Expr *e);
  /// `e` reduced over `reduced`.
  mlir::Value emitReduction(const Expr *e, cascade::Monoid monoid,
                            RankSet reduced, llvm::ArrayRef<unsigned> order);

  llvm::SmallVector<unsigned> innerRanks(const Expr *e) const {
    return ranksOf(e->ranks & ~parallel);
  }
  /// The type of a value with the given ranks in a region.
  mlir::Type typeOf(mlir::Type element, llvm::ArrayRef<unsigned> order) const;

private:
  struct Draft;
  void addExtents(Draft &draft);
  mlir::Value emitScalar(const Expr *e);
  mlir::Value emitEinsum(const Expr *body, llvm::ArrayRef<unsigned> order,
                         RankSet reduced, cascade::Monoid monoid,
                         const Expr *where, const Expr *initial);
  mlir::Value emitNode(mlir::OpBuilder &b, const Expr *e,
                       llvm::ArrayRef<mlir::Value> operands);
  mlir::Value emitBody(mlir::OpBuilder &b, const Expr *e,
                       llvm::DenseMap<const Expr *, mlir::Value> &values);
  void collectOperands(const Expr *e, llvm::SmallVectorImpl<const Expr *> &out,
                       llvm::DenseMap<const Expr *, mlir::Value> &seen);
  const Expr *splitWeight(const Expr *product);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  ExprContext &context;
  RankSet parallel, stream;
  llvm::DenseMap<const Expr *, Emitted> known;
};

} // namespace fovea::derive

#endif // FOVEA_DERIVE_EMITEXPR_H
