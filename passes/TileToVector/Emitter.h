//===- Emitter.h - tiles as vectors, buffers and recipes --------*- C++ -*-===//
//
// Lowers the tiles of one task function. A tile [x, q] is never a vector of
// its whole size: it is evaluated at one coordinate of x and one vector of
// `lanes` rows at a time.
//
//   keys x rows = 8 x 32, lanes = 16      q 0..15      q 16..31
//                                 x = 0   vector 0     vector 1
//                                 x = 1   vector 0     vector 1  ...
//
// So each tile value has a *form*:
//   recipe   evaluated on demand from its operation (element-wise code, masks)
//   rows     [q] tiles: one SSA vector per `lanes` rows
//   near     a buffer memref<x * rows> in the order [x][q]
//   far      left in the caller's memory (operands without the row rank)
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_PASSES_TILETOVECTOR_EMITTER_H
#define FOVEA_PASSES_TILETOVECTOR_EMITTER_H

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace fovea {

/// A memref as a flat buffer with explicit offset and strides.
struct FlatBuffer {
  mlir::Value flat;   // memref<?xT>
  mlir::Value offset; // index, in elements
  llvm::SmallVector<mlir::Value> strides;
  llvm::SmallVector<mlir::Value> sizes;
};

/// How a tile value is held at present.
struct Form {
  enum Kind { Recipe, Rows, Near, Far } kind = Recipe;
  llvm::SmallVector<mlir::Value> rows; // Rows
  mlir::Value buffer;                  // Near: memref<(x*rows)xT>
  mlir::Value pairs;   // 16-bit pairs of x interleaved per row, if made
  mlir::Value offsets; // Far, paged: memref<keys x index> of row offsets
  mlir::Value decoded; // Far: memref<x * channel> in f32, if made
  mlir::Value packed;  // Far: memref of pairs along the stream, if made
  mlir::Value halves;  // computed left operands: memref<x * channel> in bf16
};

/// A position at which recipes are evaluated, with what is already known
/// there. `x` is the coordinate inside the tile; values that do not depend on
/// the row are shared by all vectors of one x.
struct Point {
  mlir::Value x;  // index, or null outside any x
  unsigned vec = 0;
  llvm::DenseMap<mlir::Value, mlir::Value> *perX = nullptr;
  llvm::DenseMap<mlir::Value, mlir::Value> *perVector = nullptr;
};

class Emitter {
public:
  Emitter(mlir::func::FuncOp task, tile::ScheduleAttr schedule,
          llvm::StringRef rowRank);

  /// Lowers the whole function. Errors are reported.
  mlir::LogicalResult run();

private:
  // TileToVector.cpp: blocks and carried state.
  mlir::LogicalResult lowerBlock(mlir::Block &block);
  mlir::LogicalResult lowerOp(mlir::Operation &op);
  mlir::LogicalResult lowerIf(mlir::scf::IfOp op);
  mlir::LogicalResult lowerMergeLoop(mlir::scf::ForOp op);
  mlir::LogicalResult lowerReduce(tile::ReduceOp op);
  mlir::LogicalResult lowerStream(tile::StreamOp op);
  struct Carried {
    llvm::SmallVector<mlir::Value> vectors;       // all [q] states, flattened
    llvm::SmallVector<mlir::Value> buffers;       // null for [q] states
  };
  mlir::FailureOr<Carried> carry(mlir::ValueRange states);
  void bindCarried(mlir::ValueRange tiles, const Carried &carried,
                   mlir::ValueRange vectors);

  // Emitter.cpp: evaluation.
  mlir::FailureOr<mlir::Value> eval(mlir::Value tile, Point &point);
  mlir::FailureOr<mlir::Value> evalOp(mlir::Operation *op, mlir::Value tile,
                                      Point &point);
  mlir::FailureOr<mlir::Value> evalLookup(tile::LookupOp op, Point &point);
  mlir::FailureOr<mlir::Value> evalFarElement(tile::LoadOp op, Point &point);
  /// Evaluates every [q] recipe below `tile` here, before a loop needs it.
  mlir::LogicalResult prepare(mlir::Value tile);
  mlir::LogicalResult materialize(mlir::Value tile, mlir::Value buffer);

  // Memory.cpp: loads, stores, buffers.
  mlir::Value allocNear(int64_t elements, mlir::Type element);
  const FlatBuffer &flatten(mlir::Value memref);
  mlir::LogicalResult lowerLoad(tile::LoadOp op);
  mlir::LogicalResult lowerNearLoad(tile::LoadOp op);
  mlir::LogicalResult lowerStore(tile::StoreOp op);
  void writeOut(tile::StoreOp op, mlir::Value near, bool wide);
  mlir::Value partOf(mlir::Value at, tile::DimWalk walk, mlir::Value split);
  mlir::Value rowOffset(tile::LoadOp op, mlir::Value x, mlir::Value count);
  void fillOffsets(tile::LoadOp op, mlir::Value count);
  mlir::Value decodeFar(tile::LoadOp op, mlir::Value count);
  mlir::Value packFar(tile::LoadOp op, mlir::Value count);
  mlir::Value loadVector(mlir::Value buffer, mlir::Value index, mlir::Type type);
  void storeVector(mlir::Value vector, mlir::Value buffer, mlir::Value index);
  void storePairs(mlir::Value low, mlir::Value high, mlir::Value buffer,
                  mlir::Value index);
  mlir::Value toF32(mlir::Value v);

  // Sweeps.cpp: one step of a stream.
  struct Step;
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitStep(tile::StreamOp op, const Carried &carried, mlir::ValueRange vectors,
           mlir::Value first, mlir::Value last, bool isPartial);
  mlir::LogicalResult verifyStep(Step &step);
  void analyzeStep(Step &step);
  mlir::LogicalResult storeProduct(Step &step, tile::ContractOp op);
  void addRoot(Step &step, mlir::Value root, unsigned level);
  mlir::LogicalResult emitSweep(Step &step, unsigned level);
  mlir::LogicalResult emitWideStates(Step &step);
  mlir::LogicalResult emitWide(mlir::Value tile, tile::ContractOp product,
                               mlir::Value buffer, mlir::Value count);

  // Recipes.cpp: left operands that are computed.
  mlir::FailureOr<mlir::Value> evalChannels(mlir::Value recipe, mlir::Value x,
                                            mlir::Value count, int64_t c,
                                            int64_t size);
  mlir::FailureOr<mlir::Value> computeRows(mlir::Value recipe,
                                           mlir::Value count,
                                           mlir::Type element);
  mlir::FailureOr<mlir::Value> computePairs(mlir::Value recipe,
                                            mlir::Value count);
  mlir::LogicalResult prepareRecipe(tile::ContractOp op, bool overStream,
                                    mlir::Value count);

  // Products.cpp: register tiles.
  bool usesPairs(tile::ContractOp op);
  mlir::Value loadLanes(mlir::Value buffer, mlir::Value at, bool pairs);
  using Registers = llvm::SmallVector<mlir::Value>; // [block][vector]
  mlir::LogicalResult prepareOperands(tile::ContractOp op, mlir::Value count);
  mlir::FailureOr<Registers> emitInnerProduct(tile::ContractOp op,
                                              mlir::Value base,
                                              int64_t blockSize,
                                              mlir::Value count);
  mlir::FailureOr<Registers> emitOuterProduct(tile::ContractOp op,
                                              mlir::Value base,
                                              int64_t blockSize,
                                              mlir::Value count,
                                              Registers init);

  // Small helpers.
  mlir::Value index(int64_t v);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t c);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t c);
  mlir::VectorType vectorOf(mlir::Type element) {
    return mlir::VectorType::get({schedule.getLanes()}, element);
  }
  bool hasRow(mlir::Value tile) {
    return tile::findRank(tile.getType(), row) >= 0;
  }
  bool isRowTile(mlir::Value tile) {
    return hasRow(tile) && tile::getRanks(tile.getType()).size() == 1;
  }
  unsigned numVectors() { return schedule.getRows() / schedule.getLanes(); }
  /// Ends a loop or branch; one without results ends by itself.
  void yield(mlir::ValueRange values) {
    if (!values.empty()) {
      mlir::scf::YieldOp::create(b, loc, values);
    }
  }
  mlir::Value scalar(mlir::Value v) { return scalars.lookupOrDefault(v); }

  mlir::func::FuncOp task;
  tile::ScheduleAttr schedule;
  llvm::StringRef row;
  mlir::OpBuilder b;
  mlir::Location loc;
  llvm::DenseMap<mlir::Value, Form> forms;
  llvm::DenseMap<mlir::Value, FlatBuffer> flats;
  mlir::IRMapping scalars; // scalar code cloned into a step
  bool partial = false;    // inside a partial step
  mlir::Value stepCount;   // keys of the current step (index)
};

} // namespace fovea

#endif // FOVEA_PASSES_TILETOVECTOR_EMITTER_H
