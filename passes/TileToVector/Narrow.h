//===- Narrow.h - tasks of few rows -----------------------------*- C++ -*-===//
//
// Where a fold has fewer rows than a vector has lanes (decoding: one query,
// four heads that share keys), lanes along rows would stand idle. Here they run
// along the other rank of a tile and rows come one after another:
//
//   keys x rows = 64 x 4, lanes = 16      keys 0..15   16..31   ...
//                                row 0    vector 0     vector 1
//                                row 1    vector 0     vector 1
//
//   [row] tiles          one vector whose first lanes are the rows, and a copy
//                        in near memory from which one row is read
//   [x, row] tiles       near, in the order [row][x]
//   product over d       a sum of vectors along d for each row and `block` keys,
//                        then across lanes: 16 become one vector of keys
//   product over keys    weights broadcast, values along their channels
//
// What a step reads is used once, so it is read in place, in the order in which
// it lies in memory, and asked for just before.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_PASSES_TILETOVECTOR_NARROW_H
#define FOVEA_PASSES_TILETOVECTOR_NARROW_H

#include "Emitter.h"

#include "llvm/ADT/MapVector.h"

namespace fovea {

class NarrowEmitter : public Emitter {
public:
  using Emitter::Emitter;

private:
  // Narrow.cpp: forms.
  int64_t padded(int64_t extent);
  int64_t nearSize(int64_t extent) override {
    return padded(extent) * schedule.getRows();
  }
  mlir::Value nearIndex(mlir::Value x, mlir::Value row,
                        int64_t extent) override;
  int64_t pairsSize(int64_t extent) override { return nearSize(extent); }
  mlir::Value pairsIndex(mlir::Value x, mlir::Value row,
                         int64_t extent) override;
  void clear(mlir::Value buffer, int64_t elements);
  void clearPadding(mlir::Value buffer, int64_t extent) override;
  mlir::LogicalResult prepare(mlir::Value tile) override;
  mlir::LogicalResult materialize(mlir::Value tile,
                                  mlir::Value buffer) override;
  mlir::LogicalResult lowerReduce(tile::ReduceOp op) override;
  mlir::Value reduceAcross(tile::Combine how, mlir::Value v);

  // NarrowSweeps.cpp: one step.
  mlir::LogicalResult emitSweep(Step &step, unsigned level) override;
  mlir::LogicalResult emitWide(mlir::Value tile, tile::ContractOp product,
                               mlir::Value buffer, mlir::Value count) override;
  mlir::LogicalResult
  sweepRows(Step &step, unsigned level,
            llvm::MapVector<mlir::Value, Form> &stored);
  using Vectors = llvm::SmallVector<mlir::Value>;
  mlir::FailureOr<Vectors> emitScores(tile::ContractOp op, mlir::Value x,
                                      mlir::Value count);
  mlir::FailureOr<Vectors> emitKeyBlock(tile::ContractOp op, mlir::Value x,
                                        mlir::Value firstRow,
                                        mlir::Value count);
  int64_t groupOfRows();
  mlir::LogicalResult
  forEachGroup(llvm::function_ref<mlir::LogicalResult(mlir::Value)> emit);
  mlir::Value combineAcross(tile::Combine how, mlir::Value a,
                            mlir::Value c, int64_t distance);
  Vectors combinePairs(tile::Combine how, Vectors vectors,
                       int64_t &distance, int64_t end);
  mlir::Value reduceRows(tile::Combine how, Vectors vectors);
  mlir::LogicalResult checkOperands(tile::ContractOp op);
  mlir::FailureOr<mlir::Value> readChannels(mlir::Value tile, mlir::Value x,
                                            mlir::Value base, int64_t channel,
                                            int64_t size, bool pairs,
                                            mlir::Value count);
  mlir::Value loadChannels(tile::LoadOp op, mlir::Value offset,
                           int64_t channel, int64_t size);
  mlir::Value broadcastWeight(mlir::Value buffer, mlir::Value at, bool pairs);
  mlir::FailureOr<mlir::Value> storeVisible(mlir::Value visible,
                                            mlir::Value count);
  mlir::LogicalResult emitChannels(mlir::Value tile, tile::ContractOp product,
                                   mlir::Value start, mlir::Value seen,
                                   mlir::Value buffer, mlir::Value count,
                                   mlir::Value base, int64_t size, mlir::Value firstRow);
  mlir::FailureOr<Vectors> loadValues(mlir::Value tile, mlir::Value x,
                                      mlir::Value base, int64_t size,
                                      bool pairs, mlir::Value count);
  static llvm::SmallVector<tile::LoadOp> loadsOf(tile::ContractOp product);
  void findStreams(Step &step);
  void prefetch(llvm::ArrayRef<tile::LoadOp> loads, int64_t first, int64_t keys,
                mlir::Value part, int64_t parts, mlir::Value count);
  void prefetchLine(tile::LoadOp load, mlir::Value x, mlir::Value line,
                    mlir::Value count);
  void prefetchRow(llvm::ArrayRef<tile::LoadOp> loads, mlir::Value x,
                   int64_t distance, mlir::Value count);
  void prefetchRest(tile::ContractOp product, mlir::Value base, mlir::Value x,
                    int64_t stride, mlir::Value count);

  // NarrowBlocks.cpp: products from memory.
  bool usesBlocks(tile::ContractOp op) override;
  int64_t weightsSize(int64_t extent);
  mlir::Value weightsIndex(mlir::Value x, mlir::Value row, int64_t extent);
  using RunEmitter = llvm::function_ref<mlir::LogicalResult(
      mlir::Value first, mlir::Value buffer, mlir::Value at)>;
  mlir::LogicalResult alternate(int64_t run, int64_t elements, RunEmitter fill,
                                RunEmitter use);
  /// A left operand that is numbers times a scale of each `size` channels;
  /// `count` is 0 if it is not.
  struct Grouped {
    mlir::Value numbers;
    tile::LoadOp scale;
    mlir::Value table; // of the numbers, if they are nibbles
    int64_t size = 0, count = 0;
  };
  Grouped findGroups(tile::ContractOp op);
  bool isScaledByGroup(mlir::Value weights);
  void copyScales(const Grouped &groups, mlir::Value x, mlir::Value scales,
                  mlir::Value at);
  void scaleWeights(tile::ContractOp op, const Grouped &groups,
                    mlir::Value scales, mlir::Value first, mlir::Value buffer,
                    mlir::Value at);
  mlir::LogicalResult fillSquares(tile::ContractOp op, const Grouped &groups,
                                  mlir::Value scales, mlir::Value first,
                                  mlir::Value buffer, mlir::Value at);
  mlir::LogicalResult fillPairs(tile::ContractOp op, const Grouped &groups,
                                mlir::Value scales, mlir::Value first,
                                mlir::Value buffer, mlir::Value at);
  mlir::LogicalResult addTable(Grouped &groups);
  mlir::FailureOr<mlir::Value> readNibbles(mlir::Value numbers, mlir::Value x,
                                           int64_t c);
  mlir::Value lookUp(mlir::Value table, mlir::Value words, bool isHigh);
  mlir::FailureOr<Vectors> lookUpPairs(const Grouped &groups, mlir::Value x);
  Vectors loadTurned(mlir::Value buffer, mlir::Value at, int64_t n);
  mlir::LogicalResult storeScores(tile::ContractOp op);
  Vectors loadScores(tile::ContractOp op, mlir::Value x);
  mlir::LogicalResult emitSums(Step &step, tile::ContractOp op,
                               mlir::Value buffer, bool isAdded) override;

  /// What a step has of a product before its keys are turned.
  struct Scores {
    mlir::Value products, scales; // [group][key][row], [key][group]
  };
  llvm::DenseMap<mlir::Operation *, Scores> scoresOf;

  /// Matrices that only products over the keys read, after the sweeps.
  llvm::SmallVector<tile::LoadOp> later;
};

} // namespace fovea

#endif // FOVEA_PASSES_TILETOVECTOR_NARROW_H
