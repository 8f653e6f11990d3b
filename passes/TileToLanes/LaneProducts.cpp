//===- LaneProducts.cpp - matrix products by atoms ------------------------===//
//
// A product over tiles is a loop nest over atoms, written out:
//
//   for step of k:
//     fragments of b for all repetitions of n
//     for repetition of m:  fragment of a
//       for repetition of n:  acc[m][n] = atom(a[m], b[n], acc[m][n])
//
// Fragments come from near memory or from the registers of a tile. Step s
// multiplies the contracted coordinates order[s * k], ..., which is the
// identity unless a register operand asks for another order.
//
//===----------------------------------------------------------------------===//

#include "LaneEmitter.h"

#include "fovea/dialects/Tile/Recipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fovea;
using tile::LayoutAttr;

/// One operand of a product: which atom layout it has, and where it comes from.
struct LaneEmitter::Operand {
  tile::ContractOp op;
  LayoutAttr layout;          // of the atom
  StringRef name;             // "m" or "n"
  StringRef free, contracted; // ranks of the tile
  int64_t atomFree = 0, atomK = 0;
  int64_t repetitions = 0, steps = 0;
  bool isRow = false; // subgroups share out the free rank
  Type element;       // of the atom
  SmallVector<int64_t> order;
  Value tile;
  // From registers:
  Value vector;
  SmallVector<int64_t> registers; // by (repetition, step, register)
  // From near memory:
  const NearTile *near = nullptr;
  Value subgroupOffset; // elements, null if none
  std::map<std::pair<int64_t, int64_t>, Value> fragments; // read ahead
};

/// Products whose only use is a sum with a tile of the same layout start from
/// that tile.
Value LaneEmitter::getInit(tile::ContractOp op) {
  if (!op.getResult().hasOneUse()) {
    return Value();
  }
  auto sum = dyn_cast<arith::AddFOp>(*op.getResult().user_begin());
  if (!sum || sum->getBlock() != op->getBlock() ||
      sum.getLhs() == sum.getRhs()) {
    return Value();
  }
  return sum.getLhs() == op.getResult() ? sum.getRhs() : sum.getLhs();
}

/// Everything about an operand that its types say.
FailureOr<LaneEmitter::Operand>
LaneEmitter::describeOperand(tile::ContractOp op, bool isA) {
  auto atom = op->getAttrOfType<tile::AtomAttr>("tile.atom");
  auto m = op->getAttrOfType<StringAttr>("tile.m");
  if (!atom || !m) {
    return op.emitError("expected a product with an atom (run "
                        "--fovea-assign-layouts first)");
  }
  Operand operand;
  operand.op = op;
  operand.layout = isA ? atom.getA() : atom.getB();
  operand.name = isA ? "m" : "n";
  operand.atomFree = atom.getShape()[isA ? 0 : 1];
  operand.atomK = atom.getShape()[2];
  operand.element = atom.getType();
  bool lhsHasM = tile::findRank(op.getLhs().getType(), m.getValue()) >= 0;
  Value tile = lhsHasM == isA ? op.getLhs() : op.getRhs();
  for (StringRef rank : tile::getRanks(tile.getType())) {
    bool isResult = tile::findRank(op.getType(), rank) >= 0;
    (isResult ? operand.free : operand.contracted) = rank;
  }
  operand.isRow = operand.free == row;
  auto type = cast<RankedTensorType>(tile.getType());
  int64_t freeExtent = type.getDimSize(tile::findRank(type, operand.free));
  int64_t extent = type.getDimSize(tile::findRank(type, operand.contracted));
  int64_t within =
      operand.isRow ? schedule.getRows() / schedule.getSubgroups() : freeExtent;
  operand.repetitions = llvm::divideCeil(within, operand.atomFree);
  operand.steps = llvm::divideCeil(extent, operand.atomK);
  for (int64_t i = 0; i < operand.steps * operand.atomK; ++i) {
    operand.order.push_back(i);
  }
  operand.tile = tile;
  bool isNear = tile.getDefiningOp<tile::LoadOp>() || tile::isRecipe(tile);
  if (isNear && !tile::getLayout(type)) {
    return operand;
  }
  LayoutAttr held = tile::getLayout(type);
  std::optional<tile::OperandMatch> match;
  if (held) {
    match = tile::matchOperand(held, operand.free, operand.contracted,
                               operand.layout, operand.name, operand.atomFree,
                               operand.atomK, within,
                               operand.steps * operand.atomK);
  }
  if (!match) {
    return op.emitError("expected an operand in near memory or in the layout "
                        "of the atom, got ")
           << type;
  }
  operand.registers = match->registers;
  operand.order = match->order;
  return operand;
}

/// Both operands take the contracted rank in the order that one of them has.
FailureOr<std::pair<LaneEmitter::Operand, LaneEmitter::Operand>>
LaneEmitter::describeOperands(tile::ContractOp op) {
  FailureOr<Operand> a = describeOperand(op, true);
  FailureOr<Operand> b = describeOperand(op, false);
  if (failed(a) || failed(b)) {
    return failure();
  }
  bool aHeld = !a->registers.empty(), bHeld = !b->registers.empty();
  if (aHeld && bHeld && a->order != b->order) {
    return op.emitError("expected operands in one order of rank '")
           << a->contracted << "'";
  }
  (aHeld ? b : a)->order = (aHeld ? a : b)->order;
  return std::make_pair(*a, *b);
}

//===----------------------------------------------------------------------===//
// Fragments from near memory
//===----------------------------------------------------------------------===//

/// The tile's element of the atom's register `reg` in each lane, as an offset
/// in the slot.
SmallVector<int64_t> LaneEmitter::offsetsOf(const Operand &operand,
                                            const NearTile &near,
                                            int64_t repetition, int64_t step,
                                            int64_t reg) {
  SmallVector<int64_t> offsets;
  LayoutAttr layout = operand.layout;
  for (int64_t lane = 0, e = tile::getNumLanes(layout); lane < e; ++lane) {
    int64_t free = repetition * operand.atomFree +
                   tile::getCoordinate(layout, operand.name, reg, lane, 0);
    int64_t k = operand.order[step * operand.atomK +
                              tile::getCoordinate(layout, "k", reg, lane, 0)];
    offsets.push_back(near.slow == operand.free
                          ? near.order.getOffset(free, k)
                          : near.order.getOffset(k, free));
  }
  return offsets;
}

/// Where the 32 lanes of `tile.read_matrix` point for blocks first, ...,
/// first + count of one step: blocks of one repetition, then of the next.
SmallVector<int64_t> LaneEmitter::blockOffsets(const Operand &operand,
                                               const NearTile &near,
                                               int64_t step, int64_t first,
                                               int64_t count) {
  SmallVector<int64_t> offsets;
  LayoutAttr layout = operand.layout;
  int64_t perFragment = tile::getNumRegisters(layout) / 2;
  for (int64_t lane = 0; lane < 32; ++lane) {
    int64_t block = first + lane / 8 % count, line = lane % 8;
    int64_t reg = block % perFragment * 2;
    int64_t free =
        block / perFragment * operand.atomFree +
        tile::getCoordinate(layout.getRegisters(), operand.name, reg);
    int64_t k = step * operand.atomK +
                tile::getCoordinate(layout.getRegisters(), "k", reg);
    bool freeIsSlow = near.slow == operand.free;
    offsets.push_back(near.order.getOffset((freeIsSlow ? free : k) + line,
                                           freeIsSlow ? k : free));
  }
  return offsets;
}

/// The 8 x 8 blocks of `tile.read_matrix` make up this operand.
bool LaneEmitter::readsMatrices(const Operand &operand, const NearTile &near) {
  if (!machine.getMatrixLoad() ||
      operand.element.getIntOrFloatBitWidth() != 16 ||
      getElementTypeOrSelf(operand.tile.getType()) != operand.element ||
      near.order.chunk != 8) {
    return false;
  }
  for (auto [i, k] : llvm::enumerate(operand.order)) {
    if (k != static_cast<int64_t>(i)) {
      return false;
    }
  }
  ArrayRef<tile::Digit> registers = operand.layout.getRegisters();
  ArrayRef<tile::Digit> lanes = operand.layout.getLanes();
  if (registers.empty() || lanes.size() != 2 || registers[0].size != 2 ||
      registers[0].stride != 1 || lanes[0].rank != registers[0].rank ||
      lanes[0].size != 4 || lanes[0].stride != 2 || lanes[1].size != 8 ||
      lanes[1].stride != 1 || lanes[1].rank == lanes[0].rank) {
    return false;
  }
  // Blocks begin at multiples of 8 along both ranks.
  return llvm::all_of(registers.drop_front(), [](const tile::Digit &digit) {
    return digit.stride % 8 == 0;
  });
}

/// The element of the operand's buffer that each lane reads: `offsets` by lane
/// in the slot, from the first row of the subgroup. The constant is added last,
/// where it becomes part of the instruction.
Value LaneEmitter::nearAddress(const Operand &operand,
                               ArrayRef<int64_t> offsets) {
  auto [at, constant] = laneTable(offsets);
  for (Value part : {operand.subgroupOffset, operand.near->slot}) {
    if (part) {
      at = add(at, part);
    }
  }
  return add(at, constant);
}

/// Reads the fragments of all repetitions of one step, four blocks at a time.
void LaneEmitter::readMatrices(Operand &operand, int64_t step) {
  const NearTile &near = *operand.near;
  LayoutAttr layout = operand.layout;
  StringRef packed = layout.getLanes()[0].rank.getValue();
  bool packedIsK = packed == "k";
  bool freeIsSlow = near.slow == operand.free;
  // Pairs of registers run along the fast rank, or they are transposed.
  bool transposed = packedIsK != freeIsSlow;
  int64_t perFragment = tile::getNumRegisters(layout) / 2;
  int64_t total = operand.repetitions * perFragment;
  SmallVector<Value> blocks(total);
  for (int64_t first = 0; first < total;) {
    int64_t count = total - first >= 4 ? 4 : total - first >= 2 ? 2 : 1;
    Value at = nearAddress(operand,
                           blockOffsets(operand, near, step, first, count));
    auto type = VectorType::get({2 * count}, operand.element);
    Value read = tile::ReadMatrixOp::create(b, loc, type, near.buffer, at,
                                            count, transposed);
    for (int64_t i = 0; i < count; ++i) {
      blocks[first + i] = vector::ExtractStridedSliceOp::create(
          b, loc, read, ArrayRef<int64_t>{2 * i}, ArrayRef<int64_t>{2},
          ArrayRef<int64_t>{1});
    }
    first += count;
  }
  auto type = VectorType::get({2 * perFragment}, operand.element);
  for (int64_t rep = 0; rep < operand.repetitions; ++rep) {
    Value fragment = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
    for (int64_t i = 0; i < perFragment; ++i) {
      fragment = vector::InsertStridedSliceOp::create(
          b, loc, blocks[rep * perFragment + i], fragment,
          ArrayRef<int64_t>{2 * i}, ArrayRef<int64_t>{1});
    }
    operand.fragments[{rep, step}] = fragment;
  }
}

/// Registers first, first + 1, ... whose elements are neighbours in every lane.
static int64_t getRun(ArrayRef<SmallVector<int64_t>> offsets, int64_t first,
                      int64_t most) {
  int64_t run = 1;
  for (int64_t count = 2; count <= most; count *= 2) {
    if (first + count > static_cast<int64_t>(offsets.size())) {
      break;
    }
    bool fits = true;
    for (size_t lane = 0; lane < offsets[first].size() && fits; ++lane) {
      fits = offsets[first][lane] % count == 0;
      for (int64_t i = 1; i < count && fits; ++i) {
        fits = offsets[first + i][lane] == offsets[first][lane] + i;
      }
    }
    if (!fits) {
      break;
    }
    run = count;
  }
  return run;
}

/// The registers of one atom's operand.
Value LaneEmitter::readFragment(Operand &operand, int64_t repetition,
                                int64_t step) {
  LayoutAttr layout = operand.layout;
  int64_t count = tile::getNumRegisters(layout);
  auto type = VectorType::get({count}, operand.element);
  if (operand.vector) {
    int64_t first = (repetition * operand.steps + step) * count;
    Value part =
        shuffle(operand.vector,
                ArrayRef(operand.registers).slice(first, count));
    Type element = getElementTypeOrSelf(part.getType());
    if (element == operand.element) {
      return part;
    }
    if (element.getIntOrFloatBitWidth() >
        operand.element.getIntOrFloatBitWidth()) {
      return arith::TruncFOp::create(b, loc, type, part);
    }
    return arith::ExtFOp::create(b, loc, type, part);
  }
  auto it = operand.fragments.find({repetition, step});
  if (it != operand.fragments.end()) {
    return it->second;
  }
  const NearTile &near = *operand.near;
  Type held = getElementTypeOrSelf(near.buffer.getType());
  int64_t size = llvm::divideCeil(held.getIntOrFloatBitWidth(), 8);
  SmallVector<SmallVector<int64_t>> offsets;
  for (int64_t reg = 0; reg < count; ++reg) {
    offsets.push_back(offsetsOf(operand, near, repetition, step, reg));
  }
  auto heldType = VectorType::get({count}, held);
  Value fragment = arith::ConstantOp::create(b, loc, b.getZeroAttr(heldType));
  for (int64_t reg = 0; reg < count;) {
    int64_t run = getRun(offsets, reg, 16 / size);
    Value at = nearAddress(operand, offsets[reg]);
    Value part = vector::LoadOp::create(
        b, loc, VectorType::get({run}, held), near.buffer, ValueRange{at},
        /*nontemporal=*/false, llvm::MaybeAlign(run * size));
    fragment = vector::InsertStridedSliceOp::create(
        b, loc, part, fragment, ArrayRef<int64_t>{reg}, ArrayRef<int64_t>{1});
    reg += run;
  }
  if (held == operand.element) {
    return fragment;
  }
  return arith::ExtFOp::create(b, loc, type, fragment);
}

//===----------------------------------------------------------------------===//
// The product
//===----------------------------------------------------------------------===//

LogicalResult LaneEmitter::emitContract(tile::ContractOp op, Value init) {
  auto described = describeOperands(op);
  if (failed(described)) {
    return failure();
  }
  Operand *a = &described->first, *other = &described->second;
  for (Operand *operand : {a, other}) {
    if (!operand->registers.empty()) {
      operand->vector = lookup(operand->tile);
      continue;
    }
    operand->near = &nears.find(operand->tile)->second;
  }
  int64_t rows = schedule.getRows() / schedule.getSubgroups();
  for (Operand *operand : {a, other}) {
    if (!operand->near || !operand->isRow) {
      continue;
    }
    if (operand->near->slow != operand->free ||
        rows % operand->near->order.group != 0 ||
        (operand->near->order.mask &&
         rows % ((operand->near->order.mask + 1)
                 << operand->near->order.shift))) {
      return op.emitError("expected rows of a subgroup that are whole rows of "
                          "near memory");
    }
    // How far a subgroup's first row lies.
    SmallVector<int64_t> weights;
    for (int64_t s = 1; s < schedule.getSubgroups(); s *= 2) {
      weights.push_back(s * rows * operand->near->order.pitch);
    }
    operand->subgroupOffset = subgroupSum(weights);
  }
  auto atom = op->getAttrOfType<tile::AtomAttr>("tile.atom");
  int64_t perAtom = tile::getNumRegisters(atom.getC());
  auto partType = VectorType::get({perAtom}, atom.getSum());
  auto type = cast<VectorType>(convertType(op.getType()));
  // Registers of the result: the atom's, then the other rank, then rows.
  int64_t mStride = a->isRow ? other->repetitions : 1;
  int64_t nStride = a->isRow ? 1 : a->repetitions;
  int64_t atoms = a->repetitions * other->repetitions;
  SmallVector<Value> parts(atoms);
  for (int64_t i = 0; i < atoms; ++i) {
    parts[i] = init ? vector::ExtractStridedSliceOp::create(
                          b, loc, init, ArrayRef<int64_t>{i * perAtom},
                          ArrayRef<int64_t>{perAtom}, ArrayRef<int64_t>{1})
                          .getResult()
                    : arith::ConstantOp::create(b, loc,
                                                b.getZeroAttr(partType))
                          .getResult();
  }
  for (int64_t step = 0; step < a->steps; ++step) {
    for (Operand *operand : {a, other}) {
      if (operand->near && readsMatrices(*operand, *operand->near)) {
        readMatrices(*operand, step);
      }
    }
    SmallVector<Value> right;
    for (int64_t n = 0; n < other->repetitions; ++n) {
      right.push_back(readFragment(*other, n, step));
    }
    for (int64_t m = 0; m < a->repetitions; ++m) {
      Value left = readFragment(*a, m, step);
      for (int64_t n = 0; n < other->repetitions; ++n) {
        Value &part = parts[m * mStride + n * nStride];
        part = tile::MatrixOp::create(b, loc, part.getType(), left, right[n],
                                      part, atom.getShape());
      }
    }
  }
  Value result = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  for (int64_t i = 0; i < atoms; ++i) {
    result = vector::InsertStridedSliceOp::create(
        b, loc, parts[i], result, ArrayRef<int64_t>{i * perAtom},
        ArrayRef<int64_t>{1});
  }
  map.map(op.getResult(), result);
  return success();
}

/// Adds what reading this operand once takes.
void LaneEmitter::addReads(const Operand &operand, const NearTile &near,
                           ReadCost &cost) {
  LayoutAttr layout = operand.layout;
  int64_t size = llvm::divideCeil(
      getElementTypeOrSelf(operand.tile.getType()).getIntOrFloatBitWidth(), 8);
  int64_t count = tile::getNumRegisters(layout);
  auto note = [&](SmallVector<int64_t> offsets, int64_t elements) {
    for (int64_t &offset : offsets) {
      offset *= size;
    }
    cost.conflicts +=
        tile::countConflicts(offsets, elements * size, machine.getBanks());
    ++cost.reads;
  };
  for (int64_t step = 0; step < operand.steps; ++step) {
    if (readsMatrices(operand, near)) {
      int64_t total = operand.repetitions * count / 2;
      for (int64_t block = 0; block < total; ++block) {
        SmallVector<int64_t> rows = blockOffsets(operand, near, step, block, 1);
        rows.truncate(8);
        note(rows, 8);
      }
      continue;
    }
    for (int64_t rep = 0; rep < operand.repetitions; ++rep) {
      SmallVector<SmallVector<int64_t>> offsets;
      for (int64_t reg = 0; reg < count; ++reg) {
        offsets.push_back(offsetsOf(operand, near, rep, step, reg));
      }
      for (int64_t reg = 0; reg < count;) {
        int64_t run = getRun(offsets, reg, 16 / size);
        note(offsets[reg], run);
        reg += run;
      }
    }
  }
}

/// What the products that read this tile take together.
ReadCost LaneEmitter::getReadCost(Value tile, const NearTile &near) {
  ReadCost cost;
  for (Operation *user : tile.getUsers()) {
    auto contract = dyn_cast<tile::ContractOp>(user);
    if (!contract) {
      continue;
    }
    auto operands = describeOperands(contract);
    if (failed(operands)) {
      return ReadCost(); // reported when the product is emitted
    }
    for (const Operand &operand : {operands->first, operands->second}) {
      if (operand.tile == tile) {
        addReads(operand, near, cost);
      }
    }
  }
  return cost;
}
