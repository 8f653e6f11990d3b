//===- X86Schedule.cpp - tile sizes, chosen here and nowhere else ---------===//

#include "fovea/Target/X86/Passes.h"

#include "fovea/Target/X86/X86TargetInfo.h"
#include "fovea/dialects/Cascade/CascadeOps.h"
#include "fovea/dialects/Tile/Tile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace fovea {
#define GEN_PASS_DEF_X86SCHEDULEPASS
#include "fovea/passes/Target/X86/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;

/// True if a fold of the function streams an operand of bf16.
static bool streamsPairs(func::FuncOp function) {
  bool found = false;
  function.walk([&](cascade::FoldOp fold) {
    for (Value input : fold.getInputs()) {
      Type element = getElementTypeOrSelf(input.getType());
      found |= element.isBF16();
    }
  });
  return found;
}

/// True if a fold of the function streams nibbles, or pages.
static bool streamsNibblesOrPages(func::FuncOp function) {
  bool found = false;
  function.walk([&](cascade::FoldOp fold) {
    for (Value input : fold.getInputs()) {
      Type element = getElementTypeOrSelf(input.getType());
      found |= element.isIntOrFloat() && !element.isInteger(1) &&
               element.getIntOrFloatBitWidth() <= 4;
      found |= input.getDefiningOp<cascade::GatherOp>() != nullptr;
    }
  });
  return found;
}

/// True if the chip has AMX, and folds stream rows alone that fill its tiles to
/// more than half.
static bool usesTiles(func::FuncOp function, const X86Chip &chip) {
  constexpr int64_t kLeastWidth = 16;
  bool found = false, fits = true;
  function.walk([&](cascade::FoldOp fold) {
    for (unsigned i = 0; i < fold.getInputs().size(); ++i) {
      auto tile = dyn_cast<RankedTensorType>(fold.getInnerType(i));
      if (!fold.isStreamed(i) || !tile || tile.getRank() != 2) {
        continue;
      }
      int64_t width = tile.isDynamicDim(1) ? 0 : tile.getDimSize(1);
      if (width > 0 && width < kLeastWidth) {
        continue; // scales
      }
      found = true;
      fits &= width > 0 && width % 2 == 0 &&
              2 * width > static_cast<int64_t>(llvm::alignTo(width, 32));
    }
  });
  return chip.hasTiles && streamsPairs(function) && found && fits;
}

/// Bytes of a key in the widest operand that a fold of the function streams.
static int64_t getKeyBytes(func::FuncOp function) {
  int64_t bits = 8;
  function.walk([&](cascade::FoldOp fold) {
    for (unsigned i = 0; i < fold.getInputs().size(); ++i) {
      auto tile = dyn_cast<RankedTensorType>(fold.getInnerType(i));
      if (fold.isStreamed(i) && tile && tile.getRank() == 2 &&
          !tile.isDynamicDim(1) && tile.getElementType().isIntOrFloat()) {
        bits = std::max<int64_t>(bits, tile.getDimSize(1) *
                                           tile.getElementTypeBitWidth());
      }
    }
  });
  return bits / 8;
}

/// True if vectors should multiply pairs of bf16. Chips with AMX do so at half
/// the rate of floats.
static bool usesPairs(func::FuncOp function, const X86Chip &chip) {
  return chip.hasPairs && !chip.hasTiles && streamsPairs(function);
}

/// What all schedules of vectors share.
static tile::Schedule startVectors(func::FuncOp function, const X86Chip &chip) {
  tile::Schedule schedule;
  schedule.lanes = chip.lanes;
  schedule.pairs = usesPairs(function, chip);
  schedule.splits = 16;
  schedule.pack = true;
  return schedule;
}

/// What all schedules of blocks share.
static tile::Schedule startBlocks(const X86Chip &chip) {
  tile::Schedule schedule;
  schedule.lanes = chip.lanes;
  schedule.pairs = schedule.blocks = true;
  schedule.splits = 16;
  schedule.pack = true;
  return schedule;
}

/// Tasks and steps for products of blocks: large, because what a step prepares
/// (values turned, keys copied) took a seventh of all time for 128 rows, and
/// because scaling the output costs the same for any number of keys. They end where a task's output and operands leave the second-level
/// cache. Four keys by the four vectors of a panel are evaluated at once: with
/// eight the code is half as long again, and as fast. GFLOP/s of one thread, S 2048:
///
///   rows x keys   256 x 256   256 x 512   512 x 256   512 x 512
///   D 64                514         537         554         581
///   D 128               660         700         711         766
static tile::ScheduleAttr chooseBlocks(func::FuncOp function,
                                       const X86Chip &chip) {
  constexpr int64_t kOperandBytes = 128 * 1024, kMost = 512;
  int64_t rows = llvm::bit_floor<uint64_t>(kOperandBytes / getKeyBytes(function));
  rows = std::clamp<int64_t>(rows, 4 * chip.lanes, kMost);
  tile::Schedule schedule = startBlocks(chip);
  schedule.rows = schedule.keys = rows;
  schedule.block = 4;
  return tile::ScheduleAttr::get(function.getContext(), schedule);
}

/// Register tiles of `block` coordinates by two registers of rows; four of them
/// share what a step prepares. Or blocks of AMX. Chips with AMX have 2 MiB of
/// second-level cache to a core, and there wide keys, which leave it between tasks,
/// are read half as often by eight: of f32 with 128 channels, 2048 keys and one
/// thread, 13.54 ms for 13.72 (16 tiles: 13.25, but a long prompt has few tasks).
static tile::ScheduleAttr choose(func::FuncOp function, const X86Chip &chip) {
  if (usesTiles(function, chip)) {
    return chooseBlocks(function, chip);
  }
  constexpr int64_t kWideBytes = 512;
  bool isWide = chip.hasTiles && getKeyBytes(function) >= kWideBytes;
  tile::Schedule schedule = startVectors(function, chip);
  schedule.rows = (isWide ? 8 : 4) * 2 * chip.lanes;
  schedule.keys = chip.isWide() ? 256 : 128;
  schedule.block = chip.registers / 4;
  return tile::ScheduleAttr::get(function.getContext(), schedule);
}

/// Decoding has the rows of the heads that share keys, and memory binds it.
/// What brings memory here are the processor's own prefetchers, and they follow
/// a task that takes turns between two streams if a turn is about a page:
///
///   keys of a step   16    32    64   128     of a read rate of 27 GB/s
///   GB/s reached     26    17    12    13     (Zen 5, bf16, 128 channels, 4 rows)
///
/// The first product asks for the first half of what the second one reads.
/// Intel's follow a page to its end and start again: there each key is asked for
/// a step and a half before it is read (Emerald Rapids, one thread, in turns):
///
///   keys before       8 as above   16    24    32    64     of 14.5 GB/s
///   GB/s reached        9.2      12.1  13.7  11.7  10.5
static tile::ScheduleAttr chooseNarrow(func::FuncOp function,
                                       const X86Chip &chip, int64_t rows) {
  constexpr int64_t kPageBytes = 4096;
  int64_t keys = llvm::bit_floor<uint64_t>(kPageBytes / getKeyBytes(function));
  tile::Schedule schedule = startVectors(function, chip);
  schedule.rows = rows;
  schedule.keys = std::clamp(keys, chip.lanes, 8 * chip.lanes);
  schedule.block = 2;
  schedule.narrow = true;
  if (chip.hasTiles) {
    schedule.distance = schedule.keys + schedule.keys / 2;
  } else {
    schedule.ahead = schedule.keys / 2;
  }
  return tile::ScheduleAttr::get(function.getContext(), schedule);
}

/// Few rows in blocks of AMX, which take 16 as fast as 4; what lies between the
/// products grows with them. Steps are longer than in registers: what a step does
/// once costs as much as 16 keys do.
static tile::ScheduleAttr chooseNarrowBlocks(func::FuncOp function,
                                             const X86Chip &chip,
                                             int64_t rows) {
  tile::Schedule schedule = startBlocks(chip);
  schedule.rows = rows;
  schedule.keys = 256;
  schedule.block = 2;
  schedule.narrow = true;
  schedule.distance = 12;
  return tile::ScheduleAttr::get(function.getContext(), schedule);
}

/// By growing rows. Where there are registers for two vectors of sums of eight
/// rows, a few queries at once get them, and then one vector of rows along the
/// lanes: with steps of 512 keys, 20 to 25 % faster than with 16 or 64 (measured
/// by fovea-tune: a long turn reads one stream only, and repairs are few).
///
/// Blocks of AMX need half as many instructions as products in registers of four
/// rows, but these overlap better with reading rows that lie one after another:
/// 94 % of a read rate against 80 (one thread); and bytes cost as much to decode for
/// either (32768 keys, two threads: 5.2 ms against 7.2). So blocks have nibbles (4.3
/// against 7.4), pages (80 % against 55), and more rows; above 16 those of whole
/// sequences in smaller tasks.
static ArrayAttr chooseFewRows(func::FuncOp function, const X86Chip &chip) {
  SmallVector<Attribute> chosen;
  if (usesTiles(function, chip)) {
    tile::Schedule most = startBlocks(chip);
    most.rows = 2 * chip.lanes;
    most.keys = 256;
    most.block = 4;
    chosen = {streamsNibblesOrPages(function)
                  ? chooseNarrowBlocks(function, chip, 4)
                  : chooseNarrow(function, chip, 4),
              chooseNarrowBlocks(function, chip, 8),
              chooseNarrowBlocks(function, chip, 16),
              tile::ScheduleAttr::get(function.getContext(), most)};
    return ArrayAttr::get(function.getContext(), chosen);
  }
  chosen = {chooseNarrow(function, chip, 4)};
  if (chip.registers >= 32) {
    chosen.push_back(chooseNarrow(function, chip, 8));
    tile::Schedule most = startVectors(function, chip);
    most.rows = chip.lanes;
    most.keys = 32 * chip.lanes;
    most.block = 8;
    chosen.push_back(tile::ScheduleAttr::get(function.getContext(), most));
  }
  return ArrayAttr::get(function.getContext(), chosen);
}

namespace {

struct X86Schedule : public fovea::impl::X86SchedulePassBase<X86Schedule> {
  using X86SchedulePassBase::X86SchedulePassBase;

  void runOnOperation() override {
    llvm::Expected<X86Chip> row = lookUpX86Chip(chip);
    if (!row) {
      getOperation().emitError(llvm::toString(row.takeError()));
      return signalPassFailure();
    }
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (function.isPublic() && !function.isDeclaration() &&
          !function->hasAttr(tile::kScheduleAttrName)) {
        function->setAttr(tile::kScheduleAttrName, choose(function, *row));
        function->setAttr(tile::kFewRowsAttrName,
                          chooseFewRows(function, *row));
      }
    }
  }
};

} // namespace
