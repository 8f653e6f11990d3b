//===- AssignLayouts.cpp - which lane holds what --------------------------===//
//
// The result of one matrix product is an operand of the next:
//
//   S[k, q] = K Q        P = weights of S        O[e, q] = V P
//
// An atom gives its result in one layout and wants operands in another. With
// rows q as the atom's m, or as its n (then S and O come out transposed), one
// of the two may need no exchange between lanes. Both are tried with every
// atom of the right type, exchanges are counted, and the cheapest is taken.
//
//===----------------------------------------------------------------------===//

#include "fovea/passes/TileToLanes/Passes.h"

#include "LaneTask.h"

#include "fovea/dialects/Tile/Layout.h"
#include "fovea/dialects/Tile/Recipe.h"
#include "fovea/dialects/Tile/TileOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

namespace fovea {
#define GEN_PASS_DEF_ASSIGNLAYOUTSPASS
#include "fovea/passes/TileToLanes/Passes.h.inc"
} // namespace fovea

using namespace mlir;
using namespace fovea;
using tile::LayoutAttr;

namespace {

/// One product with an atom and an orientation.
struct Product {
  tile::ContractOp op;
  tile::AtomAttr atom;
  bool rowsAreM = true;
  StringRef row, other, contracted;

  StringRef rowName() const { return rowsAreM ? "m" : "n"; }
  StringRef otherName() const { return rowsAreM ? "n" : "m"; }
  int64_t atomRows() const { return atom.getShape()[rowsAreM ? 0 : 1]; }
  int64_t atomOthers() const { return atom.getShape()[rowsAreM ? 1 : 0]; }
  int64_t atomK() const { return atom.getShape()[2]; }
  /// The operand that carries the row rank, and its layout in the atom.
  Value rowOperand() {
    return tile::findRank(op.getLhs().getType(), row) >= 0 ? op.getLhs()
                                                           : op.getRhs();
  }
  LayoutAttr rowOperandLayout() const {
    return rowsAreM ? atom.getA() : atom.getB();
  }
};

/// How rows of a task are shared out, and the choice made for its products.
class LayoutAssigner {
public:
  explicit LayoutAssigner(const LaneTask &task)
      : task(task.function), row(task.row), schedule(task.schedule),
        machine(task.machine) {}

  LogicalResult run();

private:
  LogicalResult findProducts();
  LogicalResult choose();
  std::optional<int64_t> getCost();
  void setTypes();
  void insertConversions();
  LayoutAttr makeResultLayout(Product &product);
  LayoutAttr makeOperandLayout(Product &product);
  LayoutAttr makeDefaultLayout(RankedTensorType type);
  LayoutAttr getLayoutFor(RankedTensorType type);
  int64_t rowsPerSubgroup() {
    return schedule.getRows() / schedule.getSubgroups();
  }

  func::FuncOp task;
  StringRef row;
  tile::ScheduleAttr schedule;
  tile::MachineAttr machine;
  SmallVector<Product> products;
  llvm::MapVector<Type, SmallVector<tile::AtomAttr>> atoms; // by element type
  /// Rank sets (sorted names) with their layouts, products first.
  SmallVector<std::pair<SmallVector<StringRef>, LayoutAttr>> known;
};

} // namespace

static RankedTensorType withLayout(RankedTensorType type, LayoutAttr layout) {
  auto in = cast<tile::InAttr>(type.getEncoding());
  return RankedTensorType::get(
      type.getShape(), type.getElementType(),
      tile::InAttr::get(type.getContext(), tile::Residence::Register,
                        in.getRanks(), layout));
}

static int64_t extentOf(Value tile, StringRef rank) {
  auto type = cast<RankedTensorType>(tile.getType());
  return type.getDimSize(tile::findRank(type, rank));
}

static bool isLoaded(Value tile) {
  return tile.getDefiningOp<tile::LoadOp>() != nullptr;
}

static bool isTile(Type type) { return !tile::getRanks(type).empty(); }

/// The element type of the atom for a product: 16-bit floats stay what they
/// are, and weights computed in f32 are rounded to them; all else is f32.
static Type getAtomType(tile::ContractOp op) {
  Type f32 = Float32Type::get(op.getContext()), chosen;
  for (Value operand : {op.getLhs(), op.getRhs()}) {
    Type element = getElementTypeOrSelf(operand.getType());
    if (!isLoaded(operand) && element.isF32()) {
      continue; // computed: rounded as it is used
    }
    if (!element.isF16() && !element.isBF16()) {
      return f32;
    }
    if (chosen && chosen != element) {
      return f32;
    }
    chosen = element;
  }
  return chosen ? chosen : f32;
}

LogicalResult LayoutAssigner::findProducts() {
  WalkResult walked = task.walk([&](tile::ContractOp op) {
    Product product;
    product.op = op;
    for (StringRef rank : tile::getRanks(op.getLhs().getType())) {
      if (tile::findRank(op.getType(), rank) < 0) {
        product.contracted = rank;
      }
    }
    for (StringRef rank : tile::getRanks(op.getType())) {
      (rank == row ? product.row : product.other) = rank;
    }
    if (tile::getRanks(op.getType()).size() != 2 || product.row.empty()) {
      op.emitError("expected a product with rank '") << row << "' of the rows";
      return WalkResult::interrupt();
    }
    Type type = getAtomType(op);
    if (!atoms.contains(type)) {
      for (tile::AtomAttr atom : machine.getAtoms()) {
        if (atom.getType() == type) {
          atoms[type].push_back(atom);
        }
      }
    }
    if (atoms[type].empty()) {
      op.emitError("expected a machine with a matrix atom for ") << type;
      return WalkResult::interrupt();
    }
    products.push_back(product);
    return WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

/// The atom's result repeated over the tile; subgroups share out the rows.
LayoutAttr LayoutAssigner::makeResultLayout(Product &p) {
  LayoutAttr layout =
      tile::rename(p.atom.getC(), {p.rowName(), p.otherName()}, {row, p.other});
  int64_t others = extentOf(p.op.getResult(), p.other);
  layout = tile::repeat(layout, p.other, llvm::divideCeil(others, p.atomOthers()),
                        p.atomOthers());
  layout = tile::repeat(layout, row, rowsPerSubgroup() / p.atomRows(),
                        p.atomRows());
  return tile::divide(layout, row, schedule.getSubgroups(), rowsPerSubgroup());
}

LayoutAttr LayoutAssigner::makeOperandLayout(Product &p) {
  LayoutAttr layout = tile::rename(p.rowOperandLayout(), {p.rowName(), "k"},
                                   {row, p.contracted});
  int64_t extent = extentOf(p.rowOperand(), p.contracted);
  layout = tile::repeat(layout, p.contracted,
                        llvm::divideCeil(extent, p.atomK()), p.atomK());
  layout = tile::repeat(layout, row, rowsPerSubgroup() / p.atomRows(),
                        p.atomRows());
  return tile::divide(layout, row, schedule.getSubgroups(), rowsPerSubgroup());
}

/// Rows over subgroups, the last rank over lanes, the rest in registers.
LayoutAttr LayoutAssigner::makeDefaultLayout(RankedTensorType type) {
  MLIRContext *context = type.getContext();
  SmallVector<tile::Digit> registers, lanes, subgroups;
  int64_t free = machine.getLanes();
  bool hasRow = false;
  SmallVector<StringRef> ranks = tile::getRanks(type);
  for (unsigned i = ranks.size(); i-- > 0;) {
    int64_t extent = type.getDimSize(i);
    auto name = StringAttr::get(context, ranks[i]);
    if (ranks[i] == row) {
      extent = rowsPerSubgroup();
      hasRow = true;
      if (schedule.getSubgroups() > 1) {
        subgroups.push_back({name, schedule.getSubgroups(), extent});
      }
    }
    int64_t taken =
        std::min<int64_t>(free, llvm::PowerOf2Ceil(uint64_t(extent)));
    if (taken > 1) {
      lanes.push_back({name, taken, 1});
      free /= taken;
    }
    int64_t rest = llvm::divideCeil(extent, taken);
    if (rest > 1) {
      registers.push_back({name, rest, taken});
    }
  }
  if (free > 1) {
    lanes.push_back({StringAttr(), free, 0});
  }
  if (!hasRow && schedule.getSubgroups() > 1) {
    subgroups.push_back({StringAttr(), schedule.getSubgroups(), 0});
  }
  return LayoutAttr::get(context, registers, lanes, subgroups);
}

static SmallVector<StringRef> sortedRanks(Type type) {
  SmallVector<StringRef> ranks = tile::getRanks(type);
  llvm::sort(ranks);
  return ranks;
}

LayoutAttr LayoutAssigner::getLayoutFor(RankedTensorType type) {
  SmallVector<StringRef> ranks = sortedRanks(type);
  for (auto &[set, layout] : known) {
    if (set == ranks) {
      return layout;
    }
  }
  LayoutAttr made;
  for (auto &[set, layout] : known) {
    bool covers = llvm::all_of(
        ranks, [&set = set](StringRef r) { return llvm::is_contained(set, r); });
    if (covers) {
      made = tile::slice(layout, ranks);
      break;
    }
  }
  if (!made) {
    made = makeDefaultLayout(type);
  }
  known.push_back({ranks, made});
  return made;
}

/// Shuffles per subgroup and task step for the choice in `products`; a trip
/// through near memory counts as many. None if some atom does not fit.
std::optional<int64_t> LayoutAssigner::getCost() {
  known.clear();
  int64_t cost = 0;
  for (Product &p : products) {
    if (rowsPerSubgroup() % p.atomRows() != 0) {
      return std::nullopt;
    }
    SmallVector<StringRef> ranks = sortedRanks(p.op.getType());
    if (!llvm::is_contained(llvm::make_first_range(known), ranks)) {
      known.push_back({ranks, makeResultLayout(p)});
    }
  }
  for (Product &p : products) {
    Value operand = p.rowOperand();
    if (isLoaded(operand)) {
      continue;
    }
    LayoutAttr layout =
        getLayoutFor(cast<RankedTensorType>(operand.getType()));
    LayoutAttr wanted = makeOperandLayout(p);
    int64_t extent = tile::getExtent(layout, p.contracted);
    if (tile::matchOperand(layout, row, p.contracted, p.rowOperandLayout(),
                           p.rowName(), p.atomRows(), p.atomK(),
                           rowsPerSubgroup(), extent)) {
      continue;
    }
    int64_t shuffles =
        tile::planConversion(layout, wanted, {row, p.contracted}).getCost();
    cost += shuffles < 0 ? 4 * tile::getNumRegisters(wanted) : shuffles;
  }
  return cost;
}

LogicalResult LayoutAssigner::choose() {
  // Every atom of each type, in both orientations.
  SmallVector<unsigned> digits(atoms.size()), best;
  std::optional<std::pair<int64_t, int64_t>> bestCost;
  bool bestRowsAreM = true;
  auto apply = [&](bool rowsAreM, ArrayRef<unsigned> chosen) {
    int64_t rate = 0;
    for (Product &p : products) {
      p.rowsAreM = rowsAreM;
      for (auto [entry, i] : llvm::zip_equal(atoms, chosen)) {
        if (entry.first == getAtomType(p.op)) {
          p.atom = entry.second[i];
        }
      }
      rate += p.atom.getRate();
    }
    return rate;
  };
  while (true) {
    for (bool rowsAreM : {true, false}) {
      int64_t rate = apply(rowsAreM, digits);
      std::optional<int64_t> cost = getCost();
      std::pair<int64_t, int64_t> key(cost.value_or(0), -rate);
      if (cost && (!bestCost || key < *bestCost)) {
        bestCost = key;
        best = digits;
        bestRowsAreM = rowsAreM;
      }
    }
    unsigned i = 0;
    for (; i < digits.size(); ++i) {
      if (++digits[i] < atoms.getArrayRef()[i].second.size()) {
        break;
      }
      digits[i] = 0;
    }
    if (i == digits.size()) {
      break;
    }
  }
  if (!bestCost) {
    return task.emitError("expected a schedule whose rows per subgroup are a "
                          "multiple of an atom's, got ")
           << rowsPerSubgroup();
  }
  apply(bestRowsAreM, best);
  getCost(); // leaves the layouts of this choice in `known`
  if (!products.empty()) {
    ArrayRef<int64_t> shape = products.front().atom.getShape();
    emitRemark(task.getLoc())
        << "rows play " << (bestRowsAreM ? "m" : "n") << " of atom " << shape[0]
        << "x" << shape[1] << "x" << shape[2] << " "
        << products.front().atom.getType() << ": " << bestCost->first
        << " shuffles between products";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// Loads that only products read, and what is computed from loads for products
/// only, come from near memory; all else is registers.
static bool staysNear(Value tile, StringRef row) {
  if (!isLoaded(tile) &&
      (!tile::isRecipe(tile) || tile::findRank(tile.getType(), row) >= 0)) {
    return false;
  }
  return llvm::all_of(tile.getUsers(), [&](Operation *user) {
    if (isa<tile::ContractOp>(user)) {
      return tile::getRanks(tile.getType()).size() == 2;
    }
    return user->getNumResults() == 1 && tile::isRecipe(user->getResult(0)) &&
           staysNear(user->getResult(0), row);
  });
}

void LayoutAssigner::setTypes() {
  auto set = [&](Value value) {
    if (isTile(value.getType()) && !staysNear(value, row)) {
      auto type = cast<RankedTensorType>(value.getType());
      value.setType(withLayout(type, getLayoutFor(type)));
    }
  };
  task.walk([&](Block *block) {
    llvm::for_each(block->getArguments(), set);
    for (Operation &op : *block) {
      llvm::for_each(op.getResults(), set);
    }
  });
}

/// Reductions and broadcasts want slices of one layout, products want the
/// operand's and leave the result's.
void LayoutAssigner::insertConversions() {
  auto convertOperand = [&](OpOperand &operand, LayoutAttr layout) {
    auto type = cast<RankedTensorType>(operand.get().getType());
    if (tile::getLayout(type) == layout) {
      return;
    }
    OpBuilder b(operand.getOwner());
    operand.set(tile::ConvertOp::create(b, operand.getOwner()->getLoc(),
                                        withLayout(type, layout),
                                        operand.get()));
  };
  auto convertResult = [&](Operation *op, LayoutAttr layout) {
    Value result = op->getResult(0);
    auto type = cast<RankedTensorType>(result.getType());
    if (tile::getLayout(type) == layout) {
      return;
    }
    OpBuilder b(op->getContext());
    b.setInsertionPointAfter(op);
    result.setType(withLayout(type, layout));
    auto convert = tile::ConvertOp::create(b, op->getLoc(), type, result);
    result.replaceAllUsesExcept(convert, convert);
  };
  task.walk([&](Operation *op) {
    if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
      convertResult(op, tile::slice(tile::getLayout(reduce.getValue().getType()),
                                    tile::getRanks(reduce.getType())));
    } else if (auto broadcast = dyn_cast<tile::BroadcastOp>(op)) {
      if (isTile(broadcast.getValue().getType())) {
        convertOperand(
            op->getOpOperand(0),
            tile::slice(tile::getLayout(broadcast.getType()),
                        tile::getRanks(broadcast.getValue().getType())));
      }
    }
  });
  MLIRContext *context = task.getContext();
  for (Product &p : products) {
    p.op->setAttr("tile.atom", p.atom);
    p.op->setAttr("tile.m",
                  StringAttr::get(context, p.rowsAreM ? p.row : p.other));
    Value operand = p.rowOperand();
    LayoutAttr layout = tile::getLayout(operand.getType());
    if (layout && !tile::matchOperand(
                      layout, row, p.contracted, p.rowOperandLayout(),
                      p.rowName(), p.atomRows(), p.atomK(), rowsPerSubgroup(),
                      tile::getExtent(layout, p.contracted))) {
      OpOperand &use = p.op->getOpOperand(operand == p.op.getLhs() ? 0 : 1);
      // Rounded before they move: half of the bits, and each once.
      auto type = cast<RankedTensorType>(operand.getType());
      if (type.getElementTypeBitWidth() >
          p.atom.getType().getIntOrFloatBitWidth()) {
        OpBuilder b(p.op);
        auto narrow = RankedTensorType::get(type.getShape(), p.atom.getType(),
                                            type.getEncoding());
        use.set(arith::TruncFOp::create(b, p.op.getLoc(), narrow, operand));
      }
      convertOperand(use, makeOperandLayout(p));
    }
    convertResult(p.op, makeResultLayout(p));
  }
}

LogicalResult LayoutAssigner::run() {
  if (schedule.getRows() % schedule.getSubgroups() != 0) {
    return task.emitError("expected rows to be a multiple of subgroups, got ")
           << schedule.getRows() << " and " << schedule.getSubgroups();
  }
  if (failed(findProducts()) || failed(choose())) {
    return failure();
  }
  setTypes();
  insertConversions();
  return success();
}

namespace {

struct AssignLayouts
    : public fovea::impl::AssignLayoutsPassBase<AssignLayouts> {
  void runOnOperation() override {
    FailureOr<std::optional<LaneTask>> task = findTask(getOperation());
    if (failed(task) || (*task && failed(LayoutAssigner(**task).run()))) {
      signalPassFailure();
    }
  }
};

} // namespace
