//===- LaneEmitter.h - the code of one lane of a task -----------*- C++ -*-===//
//
// Walks a task function once and writes the code that each lane runs. A tile
// value is held in one of two forms:
//
//   registers   one vector: the registers of its layout that this lane holds
//   near        a buffer that all lanes share, with a slot per stage
//
// A number that differs between lanes is kept as a LaneFunction as long as
// possible (base + sum of weights of the lane's bits), so that what is common
// to many accesses is computed once, at the entry.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_PASSES_TILETOLANES_LANEEMITTER_H
#define FOVEA_PASSES_TILETOLANES_LANEEMITTER_H

#include "LaneTask.h"

#include "fovea/dialects/Tile/Layout.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

#include <map>

namespace fovea {

/// A memref of the caller as flat far memory with offset, sizes and strides.
struct FarBuffer {
  mlir::Value flat; // memref<?xT, 1>
  mlir::Value offset;
  llvm::SmallVector<mlir::Value> sizes, strides;
};

/// A tile in near memory.
struct NearTile {
  mlir::Value buffer; // memref<?xT, 3>
  tile::NearOrder order;
  llvm::StringRef slow, fast;
  int64_t slowExtent = 0, fastExtent = 0; // of the tile, without padding
  int64_t slotSize = 0;                   // elements per slot
  int64_t held = 0;                       // values of a copy in registers
  mlir::Value slot;                       // offset of the current slot, or null
};

/// What it takes to read a tile in near memory for all products, once.
struct ReadCost {
  int64_t conflicts = 0; // extra cycles: lanes that meet one bank
  int64_t reads = 0;     // instructions
};

/// How the lanes share out the copy of a tile.
struct CopyPlan {
  int64_t size = 0;    // bytes of an element
  int64_t rows = 1;    // of a chunk: as many as the order weaves together
  int64_t chunk = 0;   // elements of its row; 0 if only single ones will do
  int64_t perRow = 0;  // chunks
  int64_t total = 0;   // chunks
  int64_t perLane = 0; // chunks, the last one perhaps too many
};

/// Where the first element of one chunk lies in the tile.
struct ChunkPlace {
  mlir::Value slow, fast; // index
  mlir::Value exists;     // null if it always does
};

/// A rank's name and its coordinate, as a value of this lane.
using Coordinates = llvm::SmallVector<std::pair<llvm::StringRef, mlir::Value>>;

class LaneEmitter {
public:
  explicit LaneEmitter(LaneTask task);

  /// Replaces the body of the task. Errors are reported.
  mlir::LogicalResult run();

private:
  // TileToLanes.cpp: blocks, scalars, control flow.
  mlir::LogicalResult emitBlock(mlir::Block &block);
  mlir::LogicalResult emitOp(mlir::Operation &op);
  mlir::LogicalResult emitFor(mlir::scf::ForOp op);
  mlir::LogicalResult emitIf(mlir::scf::IfOp op);
  mlir::Value lookup(mlir::Value value);
  mlir::Type convertType(mlir::Type type);

  // LaneValues.cpp: tiles in registers.
  mlir::LogicalResult emitElementwise(mlir::Operation &op);
  mlir::LogicalResult emitBroadcast(tile::BroadcastOp op);
  mlir::LogicalResult emitCoordinate(tile::CoordinateOp op);
  mlir::LogicalResult emitReduce(tile::ReduceOp op);
  mlir::LogicalResult emitLookup(tile::LookupOp op);
  mlir::LogicalResult emitConvert(tile::ConvertOp op);
  mlir::Value convertThroughNear(mlir::Value vector, tile::LayoutAttr from,
                                 tile::LayoutAttr to,
                                 llvm::ArrayRef<llvm::StringRef> ranks);
  mlir::Value shuffle(mlir::Value vector, llvm::ArrayRef<int64_t> registers);
  mlir::Value fromElements(llvm::ArrayRef<mlir::Value> elements);
  mlir::Value exchange(mlir::Value scalar, mlir::Value lane, int64_t mask);
  struct Moved;
  void exchangeRegisters(mlir::Value vector, Moved &moved);

  // LaneFunctions.cpp: numbers that depend on the lane.
  mlir::Value laneSum(llvm::ArrayRef<int64_t> weights, bool isXor = false);
  mlir::Value subgroupSum(llvm::ArrayRef<int64_t> weights);
  /// The part of a rank's coordinate that lane and subgroup contribute.
  mlir::Value holderPart(tile::LayoutAttr layout, llvm::StringRef rank);
  mlir::Value coordinate(tile::LayoutAttr layout, llvm::StringRef rank,
                         int64_t reg);
  /// A value and a constant to add, from the table of their sum over lanes:
  /// finds a value made before that differs by constants, else makes it.
  std::pair<mlir::Value, int64_t> laneTable(llvm::ArrayRef<int64_t> table);

  // LaneMemory.cpp: far and near memory.
  const FarBuffer &flatten(mlir::Value memref);
  mlir::Value walk(llvm::StringRef dim, mlir::Value start,
                   const Coordinates &at, mlir::Value split);
  mlir::Value findStart(mlir::ArrayAttr dims, mlir::ValueRange indices,
                        llvm::StringRef rank, mlir::IRMapping *step);
  mlir::Value farOffset(tile::LoadOp op, const Coordinates &at,
                        mlir::IRMapping *step);
  mlir::Value isAligned(const FarBuffer &buffer, mlir::Value start,
                        int64_t bytes);
  mlir::Value makeIsAligned(const FarBuffer &buffer, mlir::Value start,
                            int64_t bytes);
  mlir::LogicalResult emitRegisterLoad(tile::LoadOp op);
  mlir::LogicalResult emitStore(tile::StoreOp op);
  mlir::Value allocNear(int64_t elements, mlir::Type element);
  mlir::Value value(mlir::Value outer, mlir::IRMapping *step);

  // NearCopies.cpp: bringing tiles near.
  mlir::FailureOr<NearTile> makeNearTile(mlir::Value tile, int64_t slots);
  mlir::LogicalResult emitNearLoad(tile::LoadOp op);
  CopyPlan planCopy(mlir::Value tile, const NearTile &near);
  ChunkPlace placeOf(const CopyPlan &plan, int64_t i);
  void copyChunks(tile::LoadOp op, NearTile &near, mlir::Value slot,
                  mlir::IRMapping *step);
  llvm::SmallVector<mlir::Value> loadChunks(tile::LoadOp op, NearTile &near,
                                            mlir::IRMapping *step,
                                            bool isWide);
  /// Starts the copy of a block; with machine.copy, into `slot`. Returns what
  /// is held in registers until finishCopy, if copies go that way.
  llvm::SmallVector<mlir::Value> startCopy(tile::LoadOp op, NearTile &near,
                                           mlir::Value slot,
                                           mlir::IRMapping *step);
  void finishCopy(mlir::Value tile, NearTile &near,
                  llvm::ArrayRef<mlir::Value> held);
  void storeChunk(const CopyPlan &plan, const NearTile &near, int64_t chunk,
                  llvm::ArrayRef<mlir::Value> rows, mlir::Value slot);
  void copyElements(tile::LoadOp op, NearTile &near, mlir::Value slot,
                    mlir::IRMapping *step);
  mlir::Value isInside(tile::LoadOp op, llvm::StringRef rank,
                       mlir::Value coordinate, mlir::IRMapping *step);
  mlir::Value nearOffset(const NearTile &near, mlir::Value slow,
                         mlir::Value fast);
  llvm::SmallVector<mlir::Value> weave(llvm::ArrayRef<mlir::Value> rows,
                                       int64_t piece);
  bool copiesAsynchronously() { return machine.getCopy() > 0; }

  // LaneRecipes.cpp: near tiles that are computed on the way.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  startRecipe(mlir::Value recipe, NearTile &near, mlir::Value slot,
              mlir::IRMapping *step);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  computeChunks(mlir::Value recipe, NearTile &near, mlir::Value slot,
                mlir::IRMapping *step, bool isWide);
  mlir::FailureOr<mlir::Value> computeRun(mlir::Value recipe,
                                          const NearTile &near,
                                          mlir::Value slow, mlir::Value fast,
                                          int64_t count, mlir::IRMapping *step,
                                          bool isWide);

  // LaneProducts.cpp: matrix atoms.
  mlir::LogicalResult emitContract(tile::ContractOp op, mlir::Value init);
  mlir::Value getInit(tile::ContractOp op);
  struct Operand;
  mlir::FailureOr<Operand> describeOperand(tile::ContractOp op, bool isA);
  mlir::FailureOr<std::pair<Operand, Operand>>
  describeOperands(tile::ContractOp op);
  llvm::SmallVector<int64_t> offsetsOf(const Operand &operand,
                                       const NearTile &near, int64_t repetition,
                                       int64_t step, int64_t reg);
  llvm::SmallVector<int64_t> blockOffsets(const Operand &operand,
                                          const NearTile &near, int64_t step,
                                          int64_t first, int64_t count);
  void addReads(const Operand &operand, const NearTile &near, ReadCost &cost);
  ReadCost getReadCost(mlir::Value tile, const NearTile &near);
  tile::NearOrder chooseOrder(mlir::Value tile, NearTile near, int64_t slow,
                              int64_t fast);
  mlir::Value readFragment(Operand &operand, int64_t repetition, int64_t step);
  mlir::Value nearAddress(const Operand &operand,
                          llvm::ArrayRef<int64_t> offsets);
  bool readsMatrices(const Operand &operand, const NearTile &near);
  void readMatrices(Operand &operand, int64_t step);

  // LaneStreams.cpp
  mlir::LogicalResult emitStream(tile::StreamOp op);
  struct StreamState;
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> startBlock(tile::StreamOp op,
                                            StreamState &stream,
                                            mlir::Value first, mlir::Value end,
                                            mlir::Value slot);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitRange(tile::StreamOp op, StreamState &stream,
            llvm::ArrayRef<mlir::Value> state, mlir::Value begin,
            mlir::Value end);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitStep(tile::StreamOp op, mlir::ValueRange state, mlir::Value first,
           mlir::Value last, bool isPartial);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitVariants(tile::StreamOp op, mlir::ValueRange state, mlir::Value first,
               mlir::Value last);

  // Small helpers.
  mlir::Value index(int64_t v);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t c) { return c ? add(a, index(c)) : a; }
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t c);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value both(mlir::Value a, mlir::Value b); // either may be null
  void barrier();
  int64_t numThreads() {
    return machine.getLanes() * schedule.getSubgroups();
  }

  mlir::func::FuncOp task;
  llvm::StringRef row;
  tile::ScheduleAttr schedule;
  tile::MachineAttr machine;
  mlir::OpBuilder b;
  mlir::Location loc;

  mlir::IRMapping map; // scalars to scalars, register tiles to vectors
  llvm::DenseMap<mlir::Value, NearTile> nears;
  llvm::DenseMap<mlir::Value, FarBuffer> fars;
  mlir::Value thread, lane, subgroup; // index
  mlir::Operation *entryEnd = nullptr; // entry code is inserted before it
  /// By flat buffer, start along the last axis, and bytes.
  std::map<std::tuple<void *, int64_t, int64_t>, mlir::Value> alignments;
  std::map<std::pair<bool, std::vector<int64_t>>, mlir::Value> laneSums;
  std::map<std::vector<int64_t>, mlir::Value> subgroupSums;
  llvm::SmallVector<std::pair<llvm::SmallVector<int64_t>, mlir::Value>> tables;
  llvm::DenseMap<mlir::Value, tile::ContractOp> deferred; // products in sums
  bool partial = false;       // inside a partial step
  bool entryMeets = false;    // entry code has written near memory
  int64_t nearBytes = 0, conflicts = 0;
};

} // namespace fovea

#endif // FOVEA_PASSES_TILETOLANES_LANEEMITTER_H
