//===- AtomTablesTest.cpp - every atom covers its operands ----------------===//

#include "fovea/Target/Common/Device.h"
#include "fovea/Target/Target.h"
#include "fovea/dialects/Tile/Tile.h"

#include "mlir/IR/MLIRContext.h"
#include "gtest/gtest.h"

#include <map>
#include <set>

using namespace fovea;

namespace {

using Coordinate = std::map<std::string, int64_t>;

/// Adds what number `value` contributes along each rank. Digits with no rank
/// say that holders have copies: `copy` gets their part.
void decode(llvm::ArrayRef<tile::Digit> digits, int64_t value, Coordinate &at,
            int64_t &copy) {
  for (const tile::Digit &digit : digits) {
    int64_t part = value % digit.size;
    value /= digit.size;
    if (digit.rank) {
      at[digit.rank.str()] += part * digit.stride;
    } else {
      copy = copy * digit.size + part;
    }
  }
}

int64_t count(llvm::ArrayRef<tile::Digit> digits) {
  int64_t result = 1;
  for (const tile::Digit &digit : digits) {
    result *= digit.size;
  }
  return result;
}

/// The elements that each copy of the operand holds are all elements, once.
void expectCovers(tile::LayoutAttr layout, const char *row, int64_t rows,
                  const char *column, int64_t columns) {
  int64_t registers = count(layout.getRegisters());
  int64_t lanes = count(layout.getLanes());
  std::map<int64_t, std::set<std::pair<int64_t, int64_t>>> seen;
  int64_t holders = 0;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    for (int64_t i = 0; i < registers; ++i) {
      Coordinate at;
      int64_t copy = 0;
      decode(layout.getRegisters(), i, at, copy);
      decode(layout.getLanes(), lane, at, copy);
      ASSERT_LT(at[row], rows);
      ASSERT_LT(at[column], columns);
      ASSERT_EQ(at.size(), 2u) << "a rank of another operand";
      EXPECT_TRUE(seen[copy].insert({at[row], at[column]}).second);
      ++holders;
    }
  }
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(holders, rows * columns * static_cast<int64_t>(seen.size()));
  for (const auto &[copy, elements] : seen) {
    EXPECT_EQ(static_cast<int64_t>(elements.size()), rows * columns);
  }
}

class AtomTables : public testing::TestWithParam<std::string> {};

std::vector<std::string> listDevices() {
  std::vector<std::string> names;
  for (const std::string &name : getKnownTargets()) {
    auto target = lookUpTarget(name);
    if (!target) {
      llvm::consumeError(target.takeError());
    } else if ((*target)->getDevice()) {
      names.push_back(name);
    }
  }
  return names;
}

TEST_P(AtomTables, LayoutsCoverTheirShapes) {
  auto target = llvm::cantFail(lookUpTarget(GetParam()));
  mlir::MLIRContext context;
  context.loadDialect<tile::TileDialect>();
  tile::MachineAttr machine = target->getDevice()->getMachineAttr(&context);
  std::set<std::string> types;
  for (tile::AtomAttr atom : machine.getAtoms()) {
    llvm::ArrayRef<int64_t> shape = atom.getShape();
    EXPECT_EQ(count(atom.getC().getLanes()), machine.getLanes());
    expectCovers(atom.getA(), "m", shape[0], "k", shape[2]);
    expectCovers(atom.getB(), "n", shape[1], "k", shape[2]);
    expectCovers(atom.getC(), "m", shape[0], "n", shape[1]);
    std::string name;
    llvm::raw_string_ostream(name) << atom.getType();
    types.insert(name);
  }
  EXPECT_EQ(types, (std::set<std::string>{"bf16", "f16", "f32"}));
}

INSTANTIATE_TEST_SUITE_P(Chips, AtomTables, testing::ValuesIn(listDevices()));

TEST(Devices, AreFoundByTheirChips) {
  for (const char *chip : {"sm_80", "sm_86", "sm_89", "sm_90", "gfx942",
                           "gfx950", "gfx1100", "gfx1201"}) {
    auto target = llvm::cantFail(lookUpTarget(chip));
    ASSERT_TRUE(target->getDevice()) << chip;
    EXPECT_EQ(target->getDevice()->getChip(), chip);
    bool isNvidia = llvm::StringRef(chip).starts_with("sm_");
    EXPECT_EQ(target->getDevice()->getFamily(), isNvidia ? "nvidia" : "amd");
    auto long_ = llvm::cantFail(
        lookUpTarget((isNvidia ? "nvidia:" : "amd:") + std::string(chip)));
    EXPECT_EQ(long_->getDevice()->getChip(), chip);
    auto wrong =
        lookUpTarget((isNvidia ? "amd:" : "nvidia:") + std::string(chip));
    EXPECT_FALSE(static_cast<bool>(wrong));
    llvm::consumeError(wrong.takeError());
  }
  EXPECT_EQ(llvm::cantFail(lookUpTarget("cpu:x86-64-v3"))->getDevice(),
            nullptr);
}

TEST(Devices, UnknownOnesAreRefusedWithTheList) {
  auto target = lookUpTarget("sm_10");
  ASSERT_FALSE(static_cast<bool>(target));
  std::string text = llvm::toString(target.takeError());
  EXPECT_NE(text.find("sm_80"), std::string::npos) << text;
  EXPECT_NE(text.find("gfx1201"), std::string::npos) << text;
  EXPECT_NE(text.find("got 'sm_10'"), std::string::npos) << text;
}

} // namespace
