//===- Model.h - a block of Einsums as expressions --------------*- C++ -*-===//
//
// Reads the Einsums of one block and says, for a streamed rank, which of them
// are reductions over it (*statistics*), and what every one computes at a
// point, with producers substituted.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_DERIVE_MODEL_H
#define FOVEA_DERIVE_MODEL_H

#include "fovea/Derive/Expr.h"

namespace fovea::derive {

/// A reduction over the streamed rank.
struct Statistic {
  cascade::EinsumOp op;
  cascade::Monoid monoid;
  const Expr *element = nullptr; // what is reduced
  const Expr *where = nullptr;   // which points take part; null: all
  const Expr *initial = nullptr; // the value after `from`
  RankSet ranks = 0;             // of the result
  llvm::SmallVector<unsigned> order;
};

class Model {
public:
  /// Reads `block`; `stream` is the name of the streamed rank.
  Model(mlir::Block &block, llvm::StringRef stream);

  ExprContext context;
  RankSet stream = 0;
  std::vector<Statistic> statistics;

  /// Number of the statistic whose result `value` is, or -1.
  int getStatistic(mlir::Value value) const;
  /// What the Einsum behind `value` computes at a point, at its own
  /// coordinates; null if it is read as a plain tensor.
  const Expr *getExpr(mlir::Value value) const { return exprs.lookup(value); }
  /// The tensor that holds `e`, if some Einsum of the block makes it.
  mlir::Value getTensor(const Expr *e) const { return tensors.lookup(e); }
  /// The element of `value` at its own coordinates, as a leaf.
  const Expr *leafOf(mlir::Value value);
  /// Ranks of an Einsum's result, outermost first.
  llvm::SmallVector<unsigned> orderOf(mlir::Value value) const;
  /// Reductions over the streamed rank that cannot be read, with the reason.
  llvm::SmallVector<std::pair<mlir::Operation *, std::string>> unread;

private:
  void read(cascade::EinsumOp op);
  const Expr *readRegion(mlir::Region &region,
                         llvm::ArrayRef<const Expr *> arguments,
                         std::string &why);
  const Expr *readOp(mlir::Operation &op,
                     llvm::ArrayRef<const Expr *> operands, std::string &why);
  const Expr *access(mlir::Value value, mlir::AffineMap map,
                     mlir::ArrayAttr names);
  mlir::AffineMap globalMap(mlir::AffineMap map, mlir::ArrayAttr names);
  const Expr *captured(mlir::Value value);

  llvm::DenseMap<mlir::Value, const Expr *> exprs;
  llvm::DenseMap<const Expr *, mlir::Value> tensors;
  llvm::DenseMap<mlir::Value, int> statisticOf;
};

/// True if every index is a rank of its own.
bool isPlain(mlir::AffineMap map);

} // namespace fovea::derive

#endif // FOVEA_DERIVE_MODEL_H
