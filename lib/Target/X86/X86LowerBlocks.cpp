//===- X86LowerBlocks.cpp - products of blocks in memory ------------------===//
//
// A tile of AMX holds up to 16 rows of 64 bytes; TDPBF16PS multiplies 16 x 32
// bf16 by 16 pairs x 16 and adds to 16 x 16 f32 (Intel's "Architecture
// Instruction Set Extensions Programming Reference", chapter 3). A block of 32
// rows by 32 columns takes all eight tiles: four of sums, two of the left and two
// of the right operand, and is walked 16 pairs at a time:
//
//   c00 c01 c10 c11 = C           tileloadd or tilezero
//   for 16 pairs:  a0 a1 b0 b1    tileloadd
//                  c00 += a0 b0   tdpbf16ps, and so on
//   C = c00 c01 c10 c11           tilestored
//
// So a tile that is loaded is multiplied twice, and loading (8 cycles) takes less
// time than multiplying (16).
//
// LLVM chooses tiles and writes the configuration. Where a chip has none of
// this, the same block is computed from pairs in vectors, so that a schedule
// with blocks can be tried anywhere.
//
//===----------------------------------------------------------------------===//

#include "fovea/Target/X86/Passes.h"

#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace fovea {
#define GEN_PASS_DEF_X86LOWERBLOCKSPASS
#include "fovea/passes/Target/X86/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// Rows of a tile, and bytes of one of them.
static constexpr int64_t kTileRows = 16, kTileBytes = 64;
/// Pairs of a step, and columns of a tile of sums.
static constexpr int64_t kPairs = 16, kColumns = 16;
/// Steps that are unrolled where their number is known.
static constexpr int64_t kMostUnrolled = 8;

namespace {

/// Lowers one operation.
class BlockLowering {
public:
  explicit BlockLowering(tile::DotBlockOp op)
      : op(op), b(op), loc(op.getLoc()), lhs(op.getLhs()), rhs(op.getRhs()),
        acc(op.getAcc()), height(std::min<int64_t>(op.getRows(), kTileRows)),
        width(std::min<int64_t>(op.getColumns(), kColumns)) {}

  LogicalResult lowerToTiles();
  void lowerToPairs();

private:
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value add(Value a, Value c) { return arith::AddIOp::create(b, loc, a, c); }
  Value mul(Value a, int64_t c) {
    return arith::MulIOp::create(b, loc, a, index(c));
  }

  // Tiles.
  Value getAddress(Value memory, Value at, int64_t bytes);
  Value call(StringRef name, Type result, ValueRange arguments);
  Value i16(int64_t value) {
    return LLVM::ConstantOp::create(b, loc, b.getI16Type(),
                                    b.getI16IntegerAttr(value));
  }
  Value load(Value memory, Value at, int64_t stride, int64_t bytes,
             int64_t rows, int64_t columns);
  SmallVector<Value> addProducts(ValueRange sums, int64_t row, int64_t column,
                                 int64_t across, Value pair);
  void lowerSums(int64_t row, int64_t down, int64_t column, int64_t across);

  // Vectors.
  SmallVector<Value> addPairs(ValueRange sums, int64_t row, int64_t rows,
                              Value pair);

  /// Repeats `body` for pairs begin, begin + step, ... with sums carried.
  SmallVector<Value>
  repeat(ValueRange sums, int64_t step,
         function_ref<SmallVector<Value>(ValueRange, Value)> body);

  tile::DotBlockOp op;
  OpBuilder b;
  Location loc;
  Value lhs, rhs, acc;
  int64_t height, width; // of a tile of sums: less than 16 if the operation has
};

} // namespace

SmallVector<Value> BlockLowering::repeat(
    ValueRange sums, int64_t step,
    function_ref<SmallVector<Value>(ValueRange, Value)> body) {
  APInt known;
  bool isKnown = matchPattern(op.getPairs(), m_ConstantInt(&known));
  if (isKnown && known.getSExtValue() / step <= kMostUnrolled) {
    SmallVector<Value> now(sums);
    for (int64_t pair = 0; pair < known.getSExtValue(); pair += step) {
      now = body(now, index(pair));
    }
    return now;
  }
  auto loop = scf::ForOp::create(b, loc, index(0), op.getPairs(), index(step),
                                 sums);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  scf::YieldOp::create(
      b, loc, body(loop.getRegionIterArgs(), loop.getInductionVar()));
  return SmallVector<Value>(loop.getResults());
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

/// Where element `at` of `bytes` bytes lies.
Value BlockLowering::getAddress(Value memory, Value at, int64_t bytes) {
  if (!cast<MemRefType>(memory.getType()).getLayout().isIdentity()) {
    at = add(at, memref::ExtractStridedMetadataOp::create(b, loc, memory)
                     .getOffset());
  }
  Value start =
      memref::ExtractAlignedPointerAsIndexOp::create(b, loc, memory);
  Value address = add(start, mul(at, bytes));
  Value word = arith::IndexCastOp::create(b, loc, b.getI64Type(), address);
  return LLVM::IntToPtrOp::create(
      b, loc, LLVM::LLVMPointerType::get(b.getContext()), word);
}

Value BlockLowering::call(StringRef name, Type result, ValueRange arguments) {
  return LLVM::CallIntrinsicOp::create(b, loc, result, b.getStringAttr(name),
                                       arguments)
      .getResult(0);
}

/// A tile; `stride` in elements of `bytes` bytes.
Value BlockLowering::load(Value memory, Value at, int64_t stride, int64_t bytes,
                          int64_t rows, int64_t columns) {
  Value step = LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                        b.getI64IntegerAttr(stride * bytes));
  return call("llvm.x86.tileloadd64.internal",
              LLVM::LLVMX86AMXType::get(b.getContext()),
              {i16(rows), i16(columns * 4), getAddress(memory, at, bytes),
               step});
}

/// 16 pairs from `pair` on, for tiles of sums `down` tiles down by `across`. A
/// tile of the right operand that is needed once is loaded just before.
SmallVector<Value> BlockLowering::addProducts(ValueRange sums, int64_t row,
                                              int64_t column, int64_t across,
                                              Value pair) {
  auto loadRight = [&](int64_t n) {
    int64_t first = 2 * (column + n * kColumns);
    return load(rhs,
                add(add(op.getRhsAt(), index(first)),
                    mul(pair, op.getRhsStride())),
                op.getRhsStride(), 2, kPairs, width);
  };
  SmallVector<Value> right(across), next;
  Value left;
  for (int64_t i = 0; i < static_cast<int64_t>(sums.size()); ++i) {
    int64_t n = i % across, down = i / across;
    if (n == 0) {
      int64_t first = (row + down * kTileRows) * op.getLhsStride();
      left = load(lhs,
                  add(add(op.getLhsAt(), index(first)), mul(pair, 2 * kTileRows)),
                  2 * kPairs, 2, height, kPairs);
    }
    if (!right[n]) {
      right[n] = loadRight(n);
    }
    next.push_back(call("llvm.x86.tdpbf16ps.internal", sums[i].getType(),
                        {i16(height), i16(width * 4), i16(kTileBytes), sums[i],
                         left, right[n]}));
  }
  return next;
}

/// `down` tiles of sums from `row` on, by `across` from `column` on.
void BlockLowering::lowerSums(int64_t row, int64_t down, int64_t column,
                              int64_t across) {
  auto type = LLVM::LLVMX86AMXType::get(b.getContext());
  SmallVector<Value> places, sums;
  for (int64_t n = 0; n < down * across; ++n) {
    int64_t at = (row + n / across * kTileRows) * op.getAccStride() + column +
                 n % across * kColumns;
    places.push_back(add(op.getAccAt(), index(at)));
    sums.push_back(op.getZero() ? call("llvm.x86.tilezero.internal", type,
                                       {i16(height), i16(width * 4)})
                                : load(acc, places[n], op.getAccStride(), 4,
                                       height, width));
  }
  sums = repeat(sums, kPairs, [&](ValueRange now, Value pair) {
    return addProducts(now, row, column, across, pair);
  });
  Value step =
      LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                               b.getI64IntegerAttr(op.getAccStride() * 4));
  for (auto [place, sum] : llvm::zip_equal(places, sums)) {
    LLVM::CallIntrinsicOp::create(
        b, loc, b.getStringAttr("llvm.x86.tilestored64.internal"),
        ValueRange{i16(height), i16(width * 4), getAddress(acc, place, 4), step,
                   sum});
  }
}

LogicalResult BlockLowering::lowerToTiles() {
  int64_t rows = op.getRows(), columns = op.getColumns();
  if (rows > kTileRows && rows % kTileRows != 0) {
    return op.emitOpError("expected at most 16 rows or a multiple, got ") << rows;
  }
  auto tilesIn = [](int64_t extent, int64_t at, int64_t size, int64_t most) {
    return std::min<int64_t>(most, llvm::divideCeil(extent - at, size));
  };
  // Of eight tiles four hold sums: two by two, or one by four.
  int64_t mostDown = rows > kTileRows ? 2 : 1, mostAcross = 4 / mostDown;
  for (int64_t row = 0; row < rows; row += mostDown * kTileRows) {
    for (int64_t column = 0; column < columns;
         column += mostAcross * kColumns) {
      lowerSums(row, tilesIn(rows, row, kTileRows, mostDown), column,
                tilesIn(columns, column, kColumns, mostAcross));
    }
  }
  op.erase();
  return success();
}

//===----------------------------------------------------------------------===//
// Vectors
//===----------------------------------------------------------------------===//

/// One pair, for `rows` rows by all columns.
SmallVector<Value> BlockLowering::addPairs(ValueRange sums, int64_t row,
                                           int64_t rows, Value pair) {
  auto two = VectorType::get({2}, b.getBF16Type());
  auto word = VectorType::get({1}, b.getI32Type());
  auto words = VectorType::get({width}, b.getI32Type());
  auto pairs = VectorType::get({2 * width}, b.getBF16Type());
  int64_t vectors = op.getColumns() / width;
  SmallVector<Value> right;
  for (int64_t v = 0; v < vectors; ++v) {
    Value at = add(add(op.getRhsAt(), index(2 * v * width)),
                   mul(pair, op.getRhsStride()));
    right.push_back(vector::LoadOp::create(b, loc, pairs, rhs, at));
  }
  SmallVector<Value> next;
  // Of a square of 16 rows by 16 pairs: where it is, and the pair in it.
  Value inside = arith::RemUIOp::create(b, loc, pair, index(kPairs));
  Value square = arith::SubIOp::create(b, loc, pair, inside);
  Value first = add(add(op.getLhsAt(), mul(square, 2 * kTileRows)), mul(inside, 2));
  for (int64_t i = 0; i < rows; ++i) {
    int64_t down = (row + i) % kTileRows;
    Value at = add(first, index((row + i - down) * op.getLhsStride() +
                                down * 2 * kPairs));
    Value bits = vector::BitCastOp::create(
        b, loc, word, vector::LoadOp::create(b, loc, two, lhs, at));
    Value all = vector::BroadcastOp::create(
        b, loc, words, vector::ExtractOp::create(b, loc, bits, 0));
    Value left = vector::BitCastOp::create(b, loc, pairs, all);
    for (int64_t v = 0; v < vectors; ++v) {
      next.push_back(tile::DotPairsOp::create(b, loc, sums[i * vectors + v],
                                              left, right[v]));
    }
  }
  return next;
}

void BlockLowering::lowerToPairs() {
  constexpr int64_t kMostRows = 8;
  auto type = VectorType::get({width}, b.getF32Type());
  int64_t vectors = op.getColumns() / width, all = op.getRows();
  Value none = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  for (int64_t row = 0; row < all; row += kMostRows) {
    int64_t rows = std::min<int64_t>(kMostRows, all - row);
    SmallVector<Value> places, sums;
    for (int64_t n = 0; n < rows * vectors; ++n) {
      int64_t at = (row + n / vectors) * op.getAccStride() +
                   n % vectors * width;
      places.push_back(add(op.getAccAt(), index(at)));
      sums.push_back(
          op.getZero()
              ? none
              : vector::LoadOp::create(b, loc, type, acc, places[n]));
    }
    sums = repeat(sums, 1, [&](ValueRange now, Value pair) {
      return addPairs(now, row, rows, pair);
    });
    for (auto [place, sum] : llvm::zip_equal(places, sums)) {
      vector::StoreOp::create(b, loc, sum, acc, place);
    }
  }
  op.erase();
}

/// Makes each kernel of the module ask the system for the tiles first: Linux
/// gives them to a process that asks.
static void askForTiles(ModuleOp module) {
  OpBuilder b(module.getContext());
  Type i32 = b.getI32Type();
  for (auto kernel : module.getOps<func::FuncOp>()) {
    if (!kernel.isPublic() || kernel.isDeclaration()) {
      continue;
    }
    constexpr StringLiteral name = "fovea_rt_use_tiles";
    auto ask = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
    if (!ask) {
      b.setInsertionPointToStart(module.getBody());
      ask = LLVM::LLVMFuncOp::create(b, module.getLoc(), name,
                                     LLVM::LLVMFunctionType::get(i32, {}));
    }
    b.setInsertionPointToStart(&kernel.getBody().front());
    Location loc = kernel.getLoc();
    Value refused = LLVM::CallOp::create(b, loc, ask, ValueRange()).getResult();
    Value zero = arith::ConstantIntOp::create(b, loc, 0, 32);
    Value good = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                       refused, zero);
    cf::AssertOp::create(b, loc, good,
                         "the system refuses this process the use of AMX");
  }
}

namespace {

struct X86LowerBlocks
    : public fovea::impl::X86LowerBlocksPassBase<X86LowerBlocks> {
  using X86LowerBlocksPassBase::X86LowerBlocksPassBase;

  void runOnOperation() override {
    SmallVector<tile::DotBlockOp> ops;
    getOperation().walk([&](tile::DotBlockOp op) { ops.push_back(op); });
    for (tile::DotBlockOp op : ops) {
      int64_t columns = op.getColumns();
      if (columns % kColumns != 0 && columns != 4 && columns != 8) {
        op.emitOpError("expected 4, 8 or a multiple of 16 columns, got ")
            << columns;
        return signalPassFailure();
      }
      BlockLowering lowering(op);
      if (!tiles) {
        lowering.lowerToPairs();
      } else if (failed(lowering.lowerToTiles())) {
        return signalPassFailure();
      }
    }
    if (tiles && !ops.empty()) {
      askForTiles(getOperation());
    }
  }
};

} // namespace
