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
// Rows of a task that are more than two vectors are visited in *panels*
// (Panels.cpp), and the above holds for one panel.
//
// Tasks of few rows turn the lanes around (Narrow.h).
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_PASSES_TILETOVECTOR_EMITTER_H
#define FOVEA_PASSES_TILETOVECTOR_EMITTER_H

#include "fovea/dialects/Tile/Recipe.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

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
  mlir::Value copy;    // Rows: the same in near memory, for reads by row
  mlir::Value pairs;   // 16-bit pairs of x interleaved per row, if made
  mlir::Value offsets; // Far, paged: memref<keys x index> of row offsets
  mlir::Value known;   // how many rows these are of
  mlir::Value decoded; // Far: memref<x * channel> in f32, if made
  mlir::Value packed;  // Far: memref of pairs along the stream, if made
  mlir::Value halves;  // memref<x * channel> in bf16, computed
  // memref of bf16 in squares of 16 by 32 (Blocks.cpp), if made: [x][channel]
  // and [channel][x].
  mlir::Value squares, turned;
  // Rows and Near: the buffers of all panels, one after another, if this form
  // outlives a visit; `rows`, `buffer` and `pairs` are those of one panel.
  mlir::Value whole, wholePairs;
};

/// A position at which recipes are evaluated, with what is already known
/// there. `x` is the coordinate inside the tile; values that do not depend on
/// the row are shared by all vectors of one x. With `row`, lanes run along x:
/// x is the first coordinate of a vector, and the row is one.
struct Point {
  mlir::Value x;  // index, or null outside any x
  unsigned vec = 0;
  llvm::DenseMap<mlir::Value, mlir::Value> *perX = nullptr;
  llvm::DenseMap<mlir::Value, mlir::Value> *perVector = nullptr;
  mlir::Value row = nullptr; // index
};

/// The operation on elements that a reduction repeats.

class Emitter {
public:
  Emitter(mlir::func::FuncOp task, tile::ScheduleAttr schedule,
          llvm::StringRef rowRank);
  virtual ~Emitter() = default;

  /// Lowers the whole function. Errors are reported.
  mlir::LogicalResult run();

protected:
  // TileToVector.cpp: blocks and carried state.
  mlir::LogicalResult lowerBlock(mlir::Block &block);
  /// Lowers one operation where the builder stands.
  mlir::LogicalResult lowerOp(mlir::Operation &op);
  mlir::LogicalResult lowerIf(mlir::scf::IfOp op);
  mlir::LogicalResult lowerMergeLoop(mlir::scf::ForOp op);
  virtual mlir::LogicalResult lowerReduce(tile::ReduceOp op);
  mlir::LogicalResult lowerStream(tile::StreamOp op);
  struct Carried {
    llvm::SmallVector<mlir::Value> vectors;       // all [q] states, flattened
    llvm::SmallVector<mlir::Value> buffers;       // null for [q] states
  };
  mlir::FailureOr<Carried> carry(mlir::ValueRange states);
  void bindCarried(mlir::ValueRange tiles, const Carried &carried,
                   mlir::ValueRange vectors);
  /// Stores where the ranges of a stream begin and end, to loop over them.
  mlir::Value storeBounds(tile::StreamOp op);

  // Panels.cpp: tasks of several panels.
  mlir::LogicalResult lowerPanels(mlir::Block &block);
  mlir::LogicalResult lowerRun(llvm::ArrayRef<mlir::Operation *> ops);
  mlir::LogicalResult
  forEachPanel(mlir::Value count,
               llvm::function_ref<mlir::LogicalResult(mlir::Value)> body);
  mlir::Value countPanels(llvm::ArrayRef<mlir::Operation *> ops);
  void enterPanel(Form &form, mlir::Value panel);
  mlir::Value partOfPanel(mlir::Value whole, mlir::Value panel);
  mlir::Value allocState(int64_t elements, mlir::Type element,
                         mlir::Value &whole);
  mlir::LogicalResult lowerPanelStream(tile::StreamOp op);
  mlir::LogicalResult initStates(tile::StreamOp op,
                                 llvm::ArrayRef<mlir::Value> wholes);
  mlir::LogicalResult prepareShared(tile::StreamOp op, mlir::Value first,
                                    mlir::Value last);
  struct Walk;
  mlir::LogicalResult walkStep(Walk &walk);
  std::pair<mlir::Value, mlir::Value> findRun(Walk &walk, mlir::Value at);
  mlir::Value classify(Walk &walk, mlir::Value at);
  std::pair<mlir::Value, mlir::Value> askVisible(Walk &walk, mlir::Value first,
                                                 mlir::Value last);
  mlir::LogicalResult visitRun(Walk &walk, mlir::Value begin, mlir::Value end,
                               bool isPartial);
  mlir::LogicalResult visitPartialRun(Walk &walk, mlir::Value begin,
                                      mlir::Value end);
  mlir::Value checkFinite(tile::StreamOp op, mlir::Value count);

  // Emitter.cpp: evaluation.
  mlir::FailureOr<mlir::Value> eval(mlir::Value tile, Point &point);
  mlir::FailureOr<mlir::Value> evalOp(mlir::Operation *op, mlir::Value tile,
                                      Point &point);
  mlir::FailureOr<mlir::Value> evalLookup(tile::LookupOp op, Point &point);
  mlir::FailureOr<mlir::Value> evalFarElement(tile::LoadOp op, Point &point);
  /// A vector of coordinates point.x, ... of such an operand.
  mlir::FailureOr<mlir::Value> evalFarVector(tile::LoadOp op, Point &point);
  mlir::Value copiedRow(const Form &form, Point &point);
  /// Evaluates every [q] recipe below `tile` here, before a loop needs it.
  virtual mlir::LogicalResult prepare(mlir::Value tile);
  virtual mlir::LogicalResult materialize(mlir::Value tile, mlir::Value buffer);
  bool isVector(mlir::Value tile, Point &point) {
    return point.row || hasRow(tile);
  }

  // Memory.cpp: loads, stores, buffers.
  /// Elements of a near buffer of `extent` coordinates by all rows, and where
  /// in it one of them is; the same for 16-bit values whose pairs of x lie
  /// side by side.
  virtual int64_t nearSize(int64_t extent) {
    return (extent == 1 ? 1 : padded(extent, kBlockHeight)) *
           schedule.getRows();
  }
  virtual mlir::Value nearIndex(mlir::Value x, mlir::Value row, int64_t extent);
  virtual int64_t pairsSize(int64_t extent) {
    return padded((extent + 1) / 2 * 2, kBlockDepth) * schedule.getRows();
  }
  virtual mlir::Value pairsIndex(mlir::Value x, mlir::Value row,
                                 int64_t extent);
  virtual void clearPadding(mlir::Value buffer, int64_t extent);
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
  mlir::Value partnerOf(mlir::Value x, mlir::Value count);
  void clearPairs(mlir::Value buffer, int64_t extent, int64_t width,
                  mlir::Value count);
  mlir::Value loadVector(mlir::Value buffer, mlir::Value index, mlir::Type type);
  mlir::Value loadFirst(mlir::Value flat, mlir::Value at, mlir::VectorType type,
                        int64_t left);
  void storeVector(mlir::Value vector, mlir::Value buffer, mlir::Value index);
  void storePairs(mlir::Value low, mlir::Value high, mlir::Value buffer,
                  mlir::Value index);
  mlir::Value toF32(mlir::Value v);
  /// All lanes hold what changes nothing in a combination.
  mlir::Value neutral(tile::Combine combine, mlir::Type element);
  mlir::Value combine(tile::Combine how, mlir::Value running, mlir::Value value);
  mlir::Value narrowTo(mlir::Value v, mlir::Type element);

  // Transposes.cpp: squares of rows by lanes.
  llvm::SmallVector<mlir::Value>
  transpose(llvm::SmallVector<mlir::Value> vectors);
  using OffsetOf =
      llvm::function_ref<mlir::Value(mlir::Value row, mlir::Value x)>;
  bool loadSquares(tile::LoadOp op, const Form &form, OffsetOf offsetOf);
  mlir::Value storeSquares(tile::StoreOp op, mlir::Value near,
                           mlir::Value count, OffsetOf offsetOf);

  // Sweeps.cpp: one step of a stream.
  struct Step;
  /// Emits the coordinates first + begin .. first + end of a step.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitStep(tile::StreamOp op, const Carried &carried, mlir::ValueRange vectors,
           mlir::Value first, mlir::Value last, mlir::Value begin,
           mlir::Value end, bool isPartial);
  mlir::LogicalResult verifyStep(Step &step);
  void analyzeStep(Step &step);
  mlir::LogicalResult storeProduct(Step &step, tile::ContractOp op);
  void addRoot(Step &step, mlir::Value root, unsigned level);
  virtual mlir::LogicalResult emitSweep(Step &step, unsigned level);
  struct Sweep;
  mlir::LogicalResult addStore(Sweep &sweep, mlir::Value v, bool pairs);
  mlir::LogicalResult emitKeys(Sweep &sweep, mlir::Value base,
                               llvm::SmallVector<mlir::Value> &running);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitBlocks(Sweep &sweep, mlir::Value begin, mlir::Value end,
             mlir::ValueRange inits);
  mlir::LogicalResult emitWideStates(Step &step);
  mlir::Value findStart(mlir::Value tile, tile::ContractOp product);
  virtual mlir::LogicalResult emitWide(mlir::Value tile, tile::ContractOp product,
                                       mlir::Value buffer, mlir::Value count);

  // Recipes.cpp: left operands that are computed.
  mlir::FailureOr<mlir::Value> evalChannels(mlir::Value recipe, mlir::Value x,
                                            mlir::Value count, int64_t c,
                                            int64_t size);
  mlir::FailureOr<mlir::Value>
  withRecipe(mlir::Value x, mlir::Value count, int64_t size,
             llvm::function_ref<
                 mlir::FailureOr<mlir::Value>(tile::RecipeEvaluator &)>
                 use);
  mlir::Value zipHalves(mlir::Value low, mlir::Value high);
  mlir::Value takeHalves(mlir::Value v);
  static mlir::LogicalResult
  forEachRun(int64_t width, int64_t lanes,
             llvm::function_ref<mlir::LogicalResult(int64_t, int64_t)> emit);
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

  // Blocks.cpp: products from memory. Blocks take whole multiples of so many
  // rows of a result and of so many factors; buffers have room for them. Rows in
  // pairs are cleared, and searched for infinities, in runs of kBlockDepth.
  static constexpr int64_t kBlockHeight = 16, kBlockDepth = 32;
  int64_t padded(int64_t extent, int64_t multiple) {
    return schedule.getBlocks() ? llvm::alignTo(extent, multiple) : extent;
  }
  virtual bool usesBlocks(tile::ContractOp op);
  mlir::LogicalResult prepareBlocks(tile::ContractOp op, mlir::Value count);
  mlir::Value copyRows(mlir::Value tile, mlir::Value computed,
                       mlir::Value count);
  mlir::Value turnPairs(mlir::Value packed, int64_t extent, int64_t channels,
                        mlir::Value count);
  mlir::Value blockEnd(Step &step);
  void emitScores(tile::ContractOp op, mlir::Value buffer, mlir::Value begin,
                  mlir::Value end);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  emitRuns(Sweep &sweep, mlir::ValueRange inits);
  virtual mlir::LogicalResult emitSums(Step &step, tile::ContractOp op,
                                       mlir::Value buffer, bool isAdded);
  mlir::LogicalResult emitGrowingState(Step &step, mlir::Value tile,
                                       tile::ContractOp product,
                                       mlir::Value old, mlir::Value buffer);
  mlir::Value areFinite(mlir::Value packed, int64_t channels,
                        mlir::Value count);

  // Small helpers.
  mlir::Value index(int64_t v);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t c);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t c);
  mlir::VectorType vectorOf(mlir::Type element) {
    return mlir::VectorType::get({schedule.getLanes()}, element);
  }
  static int64_t extentOf(mlir::Value tile) {
    return llvm::cast<mlir::RankedTensorType>(tile.getType()).getDimSize(0);
  }
  bool hasRow(mlir::Value tile) {
    return tile::findRank(tile.getType(), row) >= 0;
  }
  bool isRowTile(mlir::Value tile) {
    return hasRow(tile) && tile::getRanks(tile.getType()).size() == 1;
  }
  unsigned numVectors() {
    return llvm::divideCeil(schedule.getRows(), schedule.getLanes());
  }
  /// Ends a loop or branch; one without results ends by itself.
  void yield(mlir::ValueRange values) {
    if (!values.empty()) {
      mlir::scf::YieldOp::create(b, loc, values);
    }
  }
  mlir::Value scalar(mlir::Value v) { return scalars.lookupOrDefault(v); }

  mlir::func::FuncOp task;
  tile::ScheduleAttr schedule; // of one panel
  int64_t panels;              // of a task
  mlir::Value panel;           // being visited, if there are several
  mlir::Value rowStart;        // its first row in the task, likewise
  bool outlives = false; // what is loaded is used after this visit of a panel
  llvm::StringRef row;
  mlir::OpBuilder b;
  mlir::Location loc;
  llvm::DenseMap<mlir::Value, Form> forms;
  llvm::SmallVector<mlir::Value> kept; // tiles with buffers of all panels
  llvm::DenseMap<mlir::Value, FlatBuffer> flats;
  mlir::IRMapping scalars; // scalar code cloned into a step
  bool partial = false;    // inside a partial step
  bool finite = false;     // whose values are all finite
  llvm::StringRef streamed; // rank of the current step
  mlir::Value stepBegin;   // coordinates of the current step that are visited,
  mlir::Value stepCount;   // begin and end, relative to its first one (index)
};

/// What one step of a stream computes, by sweep (Sweeps.cpp).
struct Emitter::Step {
  tile::StreamOp op;
  mlir::Block *body;
  mlir::Value begin, count; // keys of this step that are visited: first and end
  llvm::StringRef stream;
  unsigned last = 0; // highest level
  llvm::DenseMap<mlir::Value, unsigned> level;
  llvm::DenseSet<mlir::Value> afterProduct; // recipes that depend on a product
  llvm::DenseMap<mlir::Value, unsigned> lastUse; // of a stored value: the last sweep
  llvm::DenseSet<mlir::Value> reused;            // stored values whose buffer was taken
  // By level: what its sweep computes.
  llvm::SmallVector<llvm::SmallVector<tile::ReduceOp>> reductions;
  llvm::SmallVector<llvm::SmallVector<tile::ContractOp>> products;
  llvm::SmallVector<llvm::SetVector<mlir::Value>> stores, pairStores;
  llvm::SmallVector<mlir::Value> yields;
  Carried carried;

  bool hasStream(mlir::Value v) { return tile::findRank(v.getType(), stream) >= 0; }
  bool isInside(mlir::Value v) {
    mlir::Operation *op = v.getDefiningOp();
    return op && op->getBlock() == body;
  }
  /// A product that keeps the keys; the other kind sums over them.
  bool keepsStream(tile::ContractOp op) { return hasStream(op.getResult()); }
};

/// What is computed key by key between two loops over the keys of a step.
struct Emitter::Sweep {
  Step &step;
  unsigned level;
  tile::ContractOp product; // that keeps the keys, or null
  llvm::MapVector<mlir::Value, Form> stored; // what later sweeps read
};

} // namespace fovea

#endif // FOVEA_PASSES_TILETOVECTOR_EMITTER_H
