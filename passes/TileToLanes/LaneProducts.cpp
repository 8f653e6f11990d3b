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

FailureOr<LaneEmitter::Operand>
LaneEmitter::prepareOperand(tile::ContractOp op, bool isA) {
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
  auto near = nears.find(tile);
  if (near != nears.end()) {
    operand.near = &near->second;
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
  operand.vector = lookup(tile);
  operand.registers = match->registers;
  operand.order = match->order;
  return operand;
}

//===----------------------------------------------------------------------===//
// Fragments from near memory
//===----------------------------------------------------------------------===//

/// Subgroups share out the rows: how far a subgroup's first row lies.
static Value subgroupPart(const NearTile &near, bool isRow, StringRef free,
                          int64_t rowsPerSubgroup,
                          llvm::function_ref<Value(int64_t)> times) {
  if (!isRow) {
    return Value();
  }
  // Rows of a tile that subgroups share are the slow rank of its order.
  return times(rowsPerSubgroup * near.order.pitch);
}

/// The tile's element of the atom's register `reg` in each lane, as an offset
/// in the slot.
static SmallVector<int64_t> offsetsOf(LayoutAttr layout, StringRef name,
                                      const NearTile &near, bool freeIsSlow,
                                      int64_t freeBase, int64_t step,
                                      int64_t atomK, ArrayRef<int64_t> order,
                                      int64_t reg) {
  SmallVector<int64_t> offsets;
  for (int64_t lane = 0, e = tile::getNumLanes(layout); lane < e; ++lane) {
    int64_t free = freeBase + tile::getCoordinate(layout, name, reg, lane, 0);
    int64_t k =
        order[step * atomK + tile::getCoordinate(layout, "k", reg, lane, 0)];
    offsets.push_back(freeIsSlow ? near.order.getOffset(free, k)
                                 : near.order.getOffset(k, free));
  }
  return offsets;
}

/// The 8 x 8 blocks of `tile.read_matrix` make up this operand.
bool LaneEmitter::readsMatrices(const Operand &operand) {
  if (!machine.getMatrixLoad() || !operand.near ||
      operand.element.getIntOrFloatBitWidth() != 16 ||
      getElementTypeOrSelf(operand.near->buffer.getType()) != operand.element ||
      operand.near->order.chunk != 8) {
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
    SmallVector<int64_t> addresses;
    for (int64_t lane = 0; lane < 32; ++lane) {
      int64_t block = first + lane / 8 % count, line = lane % 8;
      int64_t reg = block % perFragment * 2;
      int64_t free = block / perFragment * operand.atomFree +
                     tile::getCoordinate(layout.getRegisters(), operand.name, reg);
      int64_t k = step * operand.atomK +
                  tile::getCoordinate(layout.getRegisters(), "k", reg);
      int64_t slow = freeIsSlow ? free : k, fast = freeIsSlow ? k : free;
      addresses.push_back(near.order.getOffset(slow + line, fast));
    }
    SmallVector<int64_t> bytes(addresses);
    for (int64_t &address : bytes) {
      address *= 2;
    }
    noteConflicts(ArrayRef(bytes).take_front(8 * count), 16,
                  operand.contracted);
    Value at = laneTable(addresses);
    if (operand.subgroupOffset) {
      at = add(at, operand.subgroupOffset);
    }
    if (near.slot) {
      at = add(at, near.slot);
    }
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
    offsets.push_back(offsetsOf(layout, operand.name, near,
                                near.slow == operand.free,
                                repetition * operand.atomFree, step,
                                operand.atomK, operand.order, reg));
  }
  auto heldType = VectorType::get({count}, held);
  Value fragment = arith::ConstantOp::create(b, loc, b.getZeroAttr(heldType));
  for (int64_t reg = 0; reg < count;) {
    int64_t run = getRun(offsets, reg, 16 / size);
    SmallVector<int64_t> bytes(offsets[reg]);
    for (int64_t &offset : bytes) {
      offset *= size;
    }
    noteConflicts(bytes, run * size, operand.contracted);
    Value at = laneTable(offsets[reg]);
    if (operand.subgroupOffset) {
      at = add(at, operand.subgroupOffset);
    }
    if (near.slot) {
      at = add(at, near.slot);
    }
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
  FailureOr<Operand> a = prepareOperand(op, true);
  FailureOr<Operand> other = prepareOperand(op, false);
  if (failed(a) || failed(other)) {
    return failure();
  }
  // Both operands take the contracted rank in the order that one of them has.
  if (a->vector && other->vector && a->order != other->order) {
    return op.emitError("expected operands in one order of rank '")
           << a->contracted << "'";
  }
  (a->vector ? other : a)->order = (a->vector ? a : other)->order;
  int64_t rows = schedule.getRows() / schedule.getSubgroups();
  for (Operand *operand : {&*a, &*other}) {
    if (!operand->near || !operand->isRow) {
      continue;
    }
    if (operand->near->slow != operand->free ||
        (operand->near->order.mask &&
         rows % ((operand->near->order.mask + 1)
                 << operand->near->order.shift))) {
      return op.emitError("expected rows of a subgroup that are whole rows of "
                          "near memory");
    }
    operand->subgroupOffset = subgroupPart(
        *operand->near, operand->isRow, operand->free, rows,
        [&](int64_t stride) {
          SmallVector<int64_t> weights;
          for (int64_t s = 1; s < schedule.getSubgroups(); s *= 2) {
            weights.push_back(s * stride);
          }
          return subgroupSum(weights);
        });
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
    for (Operand *operand : {&*a, &*other}) {
      if (readsMatrices(*operand)) {
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

void LaneEmitter::noteConflicts(ArrayRef<int64_t> addresses, int64_t bytes,
                                StringRef rank) {
  int64_t extra = tile::countConflicts(addresses, bytes, machine.getBanks());
  if (extra && !conflicts) {
    emitRemark(loc) << "bank conflicts where a product over rank '" << rank
                    << "' reads its operand: " << extra << " extra cycles";
  }
  conflicts += extra;
}
