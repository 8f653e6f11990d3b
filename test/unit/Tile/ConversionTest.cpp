//===- ConversionTest.cpp - functions of the lane, conversions ------------===//
//
// A plan is carried out on simulated registers that hold their own coordinates;
// every register of the result must hold the coordinates that its layout says.
//
//===----------------------------------------------------------------------===//

#include "LayoutUtil.h"

#include <random>

using namespace fovea::tile;
using ConversionTest = fovea::tile::test::LayoutTest;
using llvm::SmallVector;
using llvm::StringRef;

namespace {

using Values = SmallVector<int64_t>;

//===----------------------------------------------------------------------===//
// Functions of the lane
//===----------------------------------------------------------------------===//

TEST(LaneFunction, FindsSums) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 100; ++trial) {
    unsigned bits = random() % 7;
    LaneFunction truth;
    truth.base = int64_t(random() % 1000) - 500;
    for (unsigned bit = 0; bit < bits; ++bit) {
      truth.weights.push_back(int64_t(random() % 200) - 100);
    }
    Values values;
    for (size_t lane = 0; lane < size_t(1) << bits; ++lane) {
      int64_t value = truth.base;
      for (unsigned bit = 0; bit < bits; ++bit) {
        value += (lane >> bit & 1) * truth.weights[bit];
      }
      values.push_back(value);
    }
    std::optional<LaneFunction> found = fitSum(values);
    ASSERT_TRUE(found.has_value());
    EXPECT_TRUE(*found == truth);
    if (bits >= 2) { // any wrong value among four or more spoils the sum
      values[random() % values.size()] += 1;
      EXPECT_FALSE(fitSum(values).has_value());
    }
  }
}

TEST(LaneFunction, FindsExclusiveOrs) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 100; ++trial) {
    unsigned bits = random() % 7;
    LaneFunction truth;
    truth.base = random() % 64;
    for (unsigned bit = 0; bit < bits; ++bit) {
      truth.weights.push_back(random() % 64);
    }
    Values values;
    for (size_t lane = 0; lane < size_t(1) << bits; ++lane) {
      int64_t value = truth.base;
      for (unsigned bit = 0; bit < bits; ++bit) {
        value ^= lane >> bit & 1 ? truth.weights[bit] : 0;
      }
      values.push_back(value);
    }
    std::optional<LaneFunction> found = fitXor(values);
    ASSERT_TRUE(found.has_value());
    EXPECT_TRUE(*found == truth);
    if (bits >= 2) {
      values[random() % values.size()] ^= 32;
      EXPECT_FALSE(fitXor(values).has_value());
    }
  }
}

TEST(LaneFunction, SumsAndExclusiveOrsDiffer) {
  EXPECT_TRUE(fitSum({0, 1, 1, 2}).has_value());
  EXPECT_FALSE(fitXor({0, 1, 1, 2}).has_value());
  EXPECT_TRUE(fitXor({0, 1, 1, 0}).has_value());
  EXPECT_FALSE(fitSum({0, 1, 1, 0}).has_value());
  // lane / 3 and lane % 3 are neither.
  EXPECT_FALSE(fitSum({0, 0, 0, 1, 1, 1, 2, 2}).has_value());
  EXPECT_FALSE(fitXor({0, 0, 0, 1, 1, 1, 2, 2}).has_value());
  EXPECT_FALSE(fitXor({0, 1, 2, 0, 1, 2, 0, 1}).has_value());
}

TEST(LaneFunction, Identity) {
  EXPECT_TRUE(fitXor({0, 1, 2, 3, 4, 5, 6, 7})->isIdentity());
  EXPECT_TRUE(fitXor({0})->isIdentity());
  EXPECT_FALSE(fitXor({1, 0, 3, 2})->isIdentity());
  EXPECT_FALSE(fitXor({0, 1, 0, 1})->isIdentity());
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

const StringRef kRanks[] = {"q", "k"};

using Point = std::pair<int64_t, int64_t>;

Point pointOf(LayoutAttr layout, int64_t reg, int64_t lane, int64_t subgroup) {
  return {getCoordinate(layout, "q", reg, lane, subgroup),
          getCoordinate(layout, "k", reg, lane, subgroup)};
}

int64_t applyXor(const LaneFunction &function, int64_t lane) {
  int64_t value = function.base;
  for (size_t bit = 0; bit < function.weights.size(); ++bit) {
    value ^= lane >> bit & 1 ? function.weights[bit] : 0;
  }
  return value;
}

/// Carries out `plan` in one subgroup: shuffles bring each source register,
/// then each lane selects by its own bits.
Point receive(const Conversion::Source &source, LayoutAttr from, int64_t lane,
              int64_t subgroup) {
  int64_t sender = applyXor(source.lane, lane);
  EXPECT_GE(sender, 0);
  EXPECT_LT(sender, getNumLanes(from));
  size_t choice = 0;
  for (size_t i = 0; i < source.select.size(); ++i) {
    choice |= size_t(lane >> source.select[i] & 1) << i;
  }
  EXPECT_EQ(source.registers.size(), size_t(1) << source.select.size());
  return pointOf(from, source.registers[choice], sender, subgroup);
}

/// Whether each register of `to` lies in one register of the same lane.
bool isRenaming(LayoutAttr from, LayoutAttr to) {
  for (int64_t reg = 0; reg < getNumRegisters(to); ++reg) {
    bool found = false;
    for (int64_t held = 0; held < getNumRegisters(from) && !found; ++held) {
      found = true;
      for (int64_t lane = 0; lane < getNumLanes(to); ++lane) {
        found &= pointOf(from, held, lane, 0) == pointOf(to, reg, lane, 0);
      }
    }
    if (!found) {
      return false;
    }
  }
  return true;
}

/// Plans a conversion and carries it out everywhere.
Conversion planAndRun(LayoutAttr from, LayoutAttr to) {
  Conversion plan = planConversion(from, to, kRanks);
  if (plan.kind == Conversion::Near) {
    EXPECT_TRUE(plan.sources.empty());
    EXPECT_EQ(plan.getCost(), -1);
    return plan;
  }
  EXPECT_EQ(static_cast<int64_t>(plan.sources.size()), getNumRegisters(to));
  int64_t cost = 0;
  for (auto [reg, source] : llvm::enumerate(plan.sources)) {
    bool moves = false;
    for (int64_t lane = 0; lane < getNumLanes(to); ++lane) {
      moves |= applyXor(source.lane, lane) != lane;
      for (int64_t s = 0; s < getCount(to.getSubgroups()); ++s) {
        EXPECT_EQ(receive(source, from, lane, s), pointOf(to, reg, lane, s));
      }
    }
    cost += moves ? source.registers.size() : 0;
  }
  EXPECT_EQ(plan.getCost(), cost);
  EXPECT_EQ(plan.kind == Conversion::Registers, isRenaming(from, to));
  return plan;
}

TEST_F(ConversionTest, OneShuffle) {
  // A value of each of eight rows, held by the four lanes of that row, wanted
  // in lanes l % 8: lane l reads lane 4 * (l % 8).
  Conversion plan = planAndRun(layout("[]", "[_(4), q(8:1)]"),
                               layout("[]", "[q(8:1), _(4)]"));
  ASSERT_EQ(plan.kind, Conversion::Shuffles);
  EXPECT_EQ(plan.getCost(), 1);
  EXPECT_EQ(plan.sources[0].registers, (Values{0}));
  EXPECT_TRUE(plan.sources[0].select.empty());
  EXPECT_EQ(plan.sources[0].lane.base, 0);
  EXPECT_EQ(plan.sources[0].lane.weights, (Values{4, 8, 16, 0, 0}));
}

TEST_F(ConversionTest, RenamedRegisters) {
  Conversion plan =
      planAndRun(layout("[k(2:1), q(3:8)]", "[k(4:2), q(8:1)]", "[q(2:24)]"),
                 layout("[q(3:8), k(2:1)]", "[k(4:2), q(8:1)]", "[q(2:24)]"));
  ASSERT_EQ(plan.kind, Conversion::Registers);
  EXPECT_EQ(plan.getCost(), 0);
  Values registers;
  for (const Conversion::Source &source : plan.sources) {
    registers.push_back(source.registers[0]);
  }
  EXPECT_EQ(registers, (Values{0, 2, 4, 1, 3, 5}));
}

TEST_F(ConversionTest, EachLaneHoldsAll) {
  // Every lane has all eight keys; the result wants one of them per lane:
  // chosen by the lane's bits, nothing travels.
  LayoutAttr all = layout("[k(8:1)]", "[_(8)]");
  Conversion plan = planAndRun(all, layout("[]", "[k(8:1)]"));
  ASSERT_EQ(plan.kind, Conversion::Shuffles);
  EXPECT_EQ(plan.getCost(), 0);
  EXPECT_EQ(plan.sources[0].registers, (Values{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(plan.sources[0].select, (SmallVector<unsigned>{0, 1, 2}));
  // Fewer copies of the same: a renaming.
  plan = planAndRun(all, layout("[k(4:2)]", "[_(8)]"));
  ASSERT_EQ(plan.kind, Conversion::Registers);
  EXPECT_EQ(plan.sources[3].registers, (Values{6}));
}

TEST_F(ConversionTest, ExchangeOfALaneBitAndARegisterBit) {
  // A transpose of 2 x 2 blocks: two registers brought, one kept, per result.
  Conversion plan = planAndRun(layout("[q(2:1)]", "[k(2:1)]"),
                               layout("[k(2:1)]", "[q(2:1)]"));
  ASSERT_EQ(plan.kind, Conversion::Shuffles);
  EXPECT_EQ(plan.getCost(), 4);
  EXPECT_EQ(plan.sources[1].registers, (Values{0, 1}));
  EXPECT_EQ(plan.sources[1].select, (SmallVector<unsigned>{0}));
  EXPECT_EQ(plan.sources[1].lane.base, 1);
  EXPECT_EQ(plan.sources[1].lane.weights, (Values{0}));
}

TEST_F(ConversionTest, ThroughNearMemory) {
  LayoutAttr rows = layout("[q(2:1)]", "[q(4:2)]", "[q(2:8)]");
  // Subgroups hold other parts, or there are not as many.
  EXPECT_EQ(planAndRun(rows, layout("[q(2:8)]", "[q(4:2)]", "[q(2:1)]")).kind,
            Conversion::Near);
  EXPECT_EQ(planAndRun(rows, layout("[q(2:1), q(2:8)]", "[q(4:2)]")).kind,
            Conversion::Near);
  // Each subgroup has the right part of its own, but not the same part.
  EXPECT_EQ(planAndRun(rows, layout("[q(2:1)]", "[q(4:2)]", "[q(2:16)]")).kind,
            Conversion::Near);
  EXPECT_EQ(planAndRun(rows, layout("[q(2:1)]", "[q(4:2)]")).kind,
            Conversion::Near);
  EXPECT_EQ(planAndRun(layout("[q(2:1)]", "[q(4:2)]"), rows).kind,
            Conversion::Near);
  // Another number of lanes.
  EXPECT_EQ(planAndRun(rows, layout("[q(4:1)]", "[q(2:4)]", "[q(2:8)]")).kind,
            Conversion::Near);
  // Register 0 is found, register 1 nowhere.
  EXPECT_EQ(
      planAndRun(layout("[]", "[q(4:1)]"), layout("[q(2:4)]", "[q(4:1)]")).kind,
      Conversion::Near);
  // Lane (l + 4 r) / 5 is no exclusive or of bits.
  EXPECT_EQ(
      planAndRun(layout("[q(5:1)]", "[q(4:5)]"), layout("[q(5:4)]", "[q(4:1)]"))
          .kind,
      Conversion::Near);
}

/// A step of a rank: `rank(size:stride)`.
struct Step {
  int rank;
  int64_t size, stride;
};

/// Digits of a tile in factors of two and, along each rank, one odd factor.
/// Every coordinate is a sum of them in one way.
std::vector<Step> randomSteps(std::mt19937 &random) {
  std::vector<Step> steps;
  for (int rank = 0; rank < 2; ++rank) {
    int64_t stride = 1;
    unsigned count = 1 + random() % 3, odd = random() % (count + 1);
    for (unsigned i = 0; i < count; ++i) {
      int64_t size = i == odd ? 3 + 2 * (random() % 2) : 2;
      steps.push_back({rank, size, stride});
      stride *= size;
    }
  }
  return steps;
}

std::string printSteps(llvm::ArrayRef<Step> steps) {
  std::string text;
  for (const Step &step : steps) {
    text += text.empty() ? "" : ", ";
    text += step.rank < 0 ? std::string("_") : kRanks[step.rank].str();
    text += "(" + std::to_string(step.size);
    text += step.rank < 0 ? ")" : ":" + std::to_string(step.stride) + ")";
  }
  return "[" + text + "]";
}

TEST_F(ConversionTest, RandomPlansBringTheRightCoordinates) {
  std::mt19937 random(3);
  int kinds[3] = {};
  for (int trial = 0; trial < 400; ++trial) {
    std::vector<Step> steps = randomSteps(random);
    unsigned laneBits = random() % 4;
    auto spread = [&]() {
      std::shuffle(steps.begin(), steps.end(), random);
      std::vector<Step> registers, lanes;
      for (const Step &step : steps) {
        bool inLane = step.size == 2 && lanes.size() < laneBits && random() % 2;
        (inLane ? lanes : registers).push_back(step);
      }
      while (lanes.size() < laneBits) { // copies
        lanes.insert(lanes.begin() + random() % (lanes.size() + 1),
                     Step{-1, 2, 0});
      }
      return layout(printSteps(registers), printSteps(lanes), "[q(2:1000)]");
    };
    LayoutAttr from = spread(), to = spread();
    Conversion plan = planAndRun(from, to);
    // The same factors in other places: a permutation of bits is always found.
    EXPECT_NE(plan.kind, Conversion::Near);
    ++kinds[plan.kind];
  }
  EXPECT_GT(kinds[Conversion::Registers], 20);
  EXPECT_GT(kinds[Conversion::Shuffles], 100);
}

TEST_F(ConversionTest, RandomPlansBetweenOtherFactorsAreRight) {
  // 48 coordinates taken apart in different ways: some plans go through near
  // memory, none is wrong.
  const char *const ways[][2] = {
      {"[k(3:1), k(4:12)]", "[k(4:3)]"}, {"[k(12:4)]", "[k(4:1)]"},
      {"[k(6:1), k(2:24)]", "[k(4:6)]"}, {"[k(12:1)]", "[k(4:12)]"},
      {"[k(2:1), k(6:8)]", "[k(4:2)]"},  {"[k(48:1)]", "[_(4)]"},
      {"[k(24:1)]", "[_(2), k(2:24)]"},  {"[k(24:2)]", "[k(2:1), _(2)]"},
  };
  int near = 0, found = 0;
  for (auto &from : ways) {
    for (auto &to : ways) {
      Conversion plan =
          planAndRun(layout(from[0], from[1]), layout(to[0], to[1]));
      ++(plan.kind == Conversion::Near ? near : found);
    }
  }
  EXPECT_GT(near, 2);
  EXPECT_GT(found, 20);
}

} // namespace
