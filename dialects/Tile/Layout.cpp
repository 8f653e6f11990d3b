//===- Layout.cpp - the algebra of tile layouts ---------------------------===//

#include "fovea/dialects/Tile/Layout.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace mlir;
using namespace fovea::tile;

int64_t fovea::tile::getCount(ArrayRef<Digit> digits) {
  int64_t count = 1;
  for (const Digit &digit : digits) {
    count *= digit.size;
  }
  return count;
}

int64_t fovea::tile::getCoordinate(ArrayRef<Digit> digits, StringRef rank,
                                   int64_t number) {
  int64_t coordinate = 0;
  for (const Digit &digit : digits) {
    if (digit.rank && digit.rank.getValue() == rank) {
      coordinate += number % digit.size * digit.stride;
    }
    number /= digit.size;
  }
  return coordinate;
}

int64_t fovea::tile::getCoordinate(LayoutAttr layout, StringRef rank,
                                   int64_t reg, int64_t lane,
                                   int64_t subgroup) {
  return getCoordinate(layout.getRegisters(), rank, reg) +
         getCoordinate(layout.getLanes(), rank, lane) +
         getCoordinate(layout.getSubgroups(), rank, subgroup);
}

int64_t fovea::tile::getExtent(LayoutAttr layout, StringRef rank) {
  return 1 + getCoordinate(layout, rank, getNumRegisters(layout) - 1,
                           getNumLanes(layout) - 1,
                           getCount(layout.getSubgroups()) - 1);
}

//===----------------------------------------------------------------------===//
// New layouts from old
//===----------------------------------------------------------------------===//

LayoutAttr fovea::tile::slice(LayoutAttr layout, ArrayRef<StringRef> keep) {
  auto keeps = [&](const Digit &digit) {
    return digit.rank && llvm::is_contained(keep, digit.rank.getValue());
  };
  SmallVector<Digit> registers, others[2];
  llvm::copy_if(layout.getRegisters(), std::back_inserter(registers), keeps);
  ArrayRef<Digit> lists[2] = {layout.getLanes(), layout.getSubgroups()};
  for (int i = 0; i < 2; ++i) {
    for (Digit digit : lists[i]) {
      if (!keeps(digit)) {
        digit = {StringAttr(), digit.size, 0};
      }
      others[i].push_back(digit);
    }
  }
  return LayoutAttr::get(layout.getContext(), registers, others[0], others[1]);
}

SmallVector<int64_t> fovea::tile::getSliceRegisters(LayoutAttr layout,
                                                    ArrayRef<StringRef> keep) {
  SmallVector<int64_t> result;
  for (int64_t reg = 0, e = getNumRegisters(layout); reg < e; ++reg) {
    int64_t rest = reg, place = 1, kept = 0;
    for (const Digit &digit : layout.getRegisters()) {
      if (digit.rank && llvm::is_contained(keep, digit.rank.getValue())) {
        kept += rest % digit.size * place;
        place *= digit.size;
      }
      rest /= digit.size;
    }
    result.push_back(kept);
  }
  return result;
}

LayoutAttr fovea::tile::rename(LayoutAttr layout, ArrayRef<StringRef> from,
                               ArrayRef<StringRef> to) {
  auto change = [&](ArrayRef<Digit> digits) {
    SmallVector<Digit> renamed(digits);
    for (Digit &digit : renamed) {
      for (auto [old, name] : llvm::zip_equal(from, to)) {
        if (digit.rank && digit.rank.getValue() == old) {
          digit.rank = StringAttr::get(layout.getContext(), name);
          break;
        }
      }
    }
    return renamed;
  };
  return LayoutAttr::get(layout.getContext(), change(layout.getRegisters()),
                         change(layout.getLanes()),
                         change(layout.getSubgroups()));
}

static SmallVector<Digit> append(ArrayRef<Digit> digits, MLIRContext *context,
                                 StringRef rank, int64_t count,
                                 int64_t stride) {
  SmallVector<Digit> result(digits);
  if (count > 1) {
    result.push_back({StringAttr::get(context, rank), count, stride});
  }
  return result;
}

LayoutAttr fovea::tile::repeat(LayoutAttr layout, StringRef rank, int64_t count,
                               int64_t stride) {
  MLIRContext *context = layout.getContext();
  return LayoutAttr::get(
      context, append(layout.getRegisters(), context, rank, count, stride),
      layout.getLanes(), layout.getSubgroups());
}

LayoutAttr fovea::tile::divide(LayoutAttr layout, StringRef rank, int64_t count,
                               int64_t stride) {
  MLIRContext *context = layout.getContext();
  return LayoutAttr::get(
      context, layout.getRegisters(), layout.getLanes(),
      append(layout.getSubgroups(), context, rank, count, stride));
}

//===----------------------------------------------------------------------===//
// Functions of the lane
//===----------------------------------------------------------------------===//

bool LaneFunction::isIdentity() const {
  for (auto [bit, weight] : llvm::enumerate(weights)) {
    if (weight != int64_t(1) << bit) {
      return false;
    }
  }
  return base == 0;
}

static std::optional<LaneFunction> fit(ArrayRef<int64_t> values, bool isXor) {
  LaneFunction function;
  function.base = values[0];
  for (size_t bit = 1; bit < values.size(); bit *= 2) {
    function.weights.push_back(isXor ? values[bit] ^ values[0]
                                     : values[bit] - values[0]);
  }
  for (size_t lane = 0; lane < values.size(); ++lane) {
    int64_t value = function.base;
    for (auto [bit, weight] : llvm::enumerate(function.weights)) {
      if (lane >> bit & 1) {
        value = isXor ? value ^ weight : value + weight;
      }
    }
    if (value != values[lane]) {
      return std::nullopt;
    }
  }
  return function;
}

std::optional<LaneFunction> fovea::tile::fitSum(ArrayRef<int64_t> values) {
  return fit(values, false);
}

std::optional<LaneFunction> fovea::tile::fitXor(ArrayRef<int64_t> values) {
  return fit(values, true);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

int64_t Conversion::getCost() const {
  if (kind == Near) {
    return -1;
  }
  int64_t cost = 0;
  for (const Source &source : sources) {
    cost += source.lane.isIdentity() ? 0 : source.registers.size();
  }
  return cost;
}

using Coordinates = SmallVector<int64_t, 2>;

static Coordinates coordinatesOf(LayoutAttr layout, ArrayRef<StringRef> ranks,
                                 int64_t reg, int64_t lane) {
  Coordinates at;
  for (StringRef rank : ranks) {
    at.push_back(getCoordinate(layout, rank, reg, lane, 0));
  }
  return at;
}

/// Both give each subgroup the same part of the tile.
static bool haveSameSubgroups(LayoutAttr a, LayoutAttr b,
                              ArrayRef<StringRef> ranks) {
  int64_t count = getCount(a.getSubgroups());
  if (count != getCount(b.getSubgroups())) {
    return false;
  }
  for (int64_t s = 0; s < count; ++s) {
    for (StringRef rank : ranks) {
      if (getCoordinate(a.getSubgroups(), rank, s) !=
          getCoordinate(b.getSubgroups(), rank, s)) {
        return false;
      }
    }
  }
  return true;
}

/// Where one register of the result comes from, given its place (register,
/// lane) for every lane.
static std::optional<Conversion::Source>
planRegister(ArrayRef<std::pair<int64_t, int64_t>> places) {
  Conversion::Source source;
  SmallVector<int64_t> lanes, registers;
  for (auto [reg, lane] : places) {
    registers.push_back(reg);
    lanes.push_back(lane);
  }
  std::optional<LaneFunction> lane = fitXor(lanes);
  if (!lane) {
    return std::nullopt;
  }
  source.lane = *lane;
  // Which bits of the receiving lane choose the register.
  for (unsigned bit = 0; (1u << bit) < places.size(); ++bit) {
    for (size_t l = 0; l < places.size(); ++l) {
      if (registers[l] != registers[l ^ (size_t(1) << bit)]) {
        source.select.push_back(bit);
        break;
      }
    }
  }
  for (size_t value = 0; value < (size_t(1) << source.select.size()); ++value) {
    size_t l = 0;
    for (auto [i, bit] : llvm::enumerate(source.select)) {
      l |= (value >> i & 1) << bit;
    }
    source.registers.push_back(registers[l]);
  }
  return source;
}

Conversion fovea::tile::planConversion(LayoutAttr from, LayoutAttr to,
                                       ArrayRef<StringRef> ranks) {
  Conversion plan;
  int64_t lanes = getNumLanes(from);
  if (lanes != getNumLanes(to) || !haveSameSubgroups(from, to, ranks)) {
    return plan;
  }
  std::map<Coordinates, SmallVector<std::pair<int64_t, int64_t>>> holders;
  for (int64_t reg = 0, e = getNumRegisters(from); reg < e; ++reg) {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      holders[coordinatesOf(from, ranks, reg, lane)].push_back({reg, lane});
    }
  }
  bool renames = true;
  for (int64_t reg = 0, e = getNumRegisters(to); reg < e; ++reg) {
    // The lane's own copy where every lane has one, else the first holder.
    SmallVector<std::pair<int64_t, int64_t>> own, first;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      auto it = holders.find(coordinatesOf(to, ranks, reg, lane));
      if (it == holders.end()) {
        return Conversion();
      }
      first.push_back(it->second.front());
      auto *held = llvm::find_if(
          it->second, [&](auto place) { return place.second == lane; });
      if (held != it->second.end()) {
        own.push_back(*held);
      }
    }
    std::optional<Conversion::Source> source =
        planRegister(static_cast<int64_t>(own.size()) == lanes ? own : first);
    if (!source) {
      return Conversion();
    }
    renames &= source->lane.isIdentity() && source->registers.size() == 1;
    plan.sources.push_back(*source);
  }
  plan.kind = renames ? Conversion::Registers : Conversion::Shuffles;
  return plan;
}

std::optional<OperandMatch>
fovea::tile::matchOperand(LayoutAttr tile, StringRef free, StringRef contracted,
                          LayoutAttr operand, StringRef freeName,
                          int64_t atomFree, int64_t atomK, int64_t freeExtent,
                          int64_t extent) {
  int64_t lanes = getNumLanes(tile), held = getNumRegisters(tile);
  int64_t wanted = getNumRegisters(operand);
  if (lanes != getNumLanes(operand) || freeExtent % atomFree ||
      extent % atomK) {
    return std::nullopt;
  }
  int64_t repeats = freeExtent / atomFree, steps = extent / atomK;
  if (held != repeats * steps * wanted) {
    return std::nullopt; // copies in other lanes are missing or too many
  }
  OperandMatch match;
  match.registers.assign(held, -1);
  match.order.assign(extent, -1);
  SmallVector<bool> used(held);
  for (int64_t i = 0; i < repeats * steps * wanted; ++i) {
    int64_t reg = i % wanted, step = i / wanted % steps;
    int64_t repetition = i / wanted / steps;
    // The first unused register that holds the right rows in every lane and
    // agrees with the order found so far.
    for (int64_t source = 0; source < held; ++source) {
      if (used[source]) {
        continue;
      }
      SmallVector<int64_t> order = match.order;
      bool fits = true;
      for (int64_t lane = 0; lane < lanes && fits; ++lane) {
        int64_t row = repetition * atomFree +
                      getCoordinate(operand, freeName, reg, lane, 0);
        int64_t k = getCoordinate(tile, contracted, source, lane, 0);
        int64_t slot = step * atomK + getCoordinate(operand, "k", reg, lane, 0);
        fits = getCoordinate(tile, free, source, lane, 0) == row &&
               (order[slot] < 0 || order[slot] == k);
        order[slot] = k;
      }
      if (!fits) {
        continue;
      }
      used[source] = true;
      match.registers[i] = source;
      match.order = std::move(order);
      break;
    }
    if (match.registers[i] < 0) {
      return std::nullopt;
    }
  }
  // The order must be a permutation.
  SmallVector<bool> seen(extent);
  for (int64_t k : match.order) {
    if (k < 0 || k >= extent || seen[k]) {
      return std::nullopt;
    }
    seen[k] = true;
  }
  return match;
}

//===----------------------------------------------------------------------===//
// Near memory
//===----------------------------------------------------------------------===//

int64_t NearOrder::getOffset(int64_t slow, int64_t fast) const {
  if (group > 1) {
    assert(mask == 0 && "rows that are woven together are not permuted");
    return (slow - slow % group) * pitch + fast * group + slow % group;
  }
  return slow * pitch + ((fast / chunk) ^ ((slow >> shift) & mask)) * chunk +
         fast % chunk;
}

int64_t fovea::tile::countConflicts(ArrayRef<int64_t> addresses, int64_t bytes,
                                    int64_t banks) {
  // As many lanes at a time as fill all banks once; lanes of one word share
  // its read.
  size_t group = std::max<int64_t>(1, banks * 4 / std::max<int64_t>(bytes, 4));
  int64_t extra = 0;
  for (size_t begin = 0; begin < addresses.size(); begin += group) {
    SmallVector<llvm::SmallVector<int64_t, 4>> words(banks);
    size_t most = 1;
    for (size_t i = begin; i < std::min(begin + group, addresses.size()); ++i) {
      for (int64_t word = addresses[i] / 4;
           word <= (addresses[i] + bytes - 1) / 4; ++word) {
        auto &bank = words[word % banks];
        if (!llvm::is_contained(bank, word)) {
          bank.push_back(word);
        }
        most = std::max(most, bank.size());
      }
    }
    extra += most - 1;
  }
  return extra;
}
