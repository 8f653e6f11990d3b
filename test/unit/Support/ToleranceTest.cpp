//===- ToleranceTest.cpp - The table and the comparison -------------------===//

#include "fovea/Support/Tolerance.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace fovea;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(ToleranceTest, GrowsWithTheRootOfTheLength) {
  double one = getTolerance(Precision::F32, Precision::F32, 1);
  double hundred = getTolerance(Precision::F32, Precision::F32, 100);
  EXPECT_NEAR(hundred - one, 9 * 4 * 0x1p-24, 1e-12);
}

TEST(ToleranceTest, EachNarrowTypeAddsItsRounding) {
  double exact = getTolerance(Precision::F32, Precision::F32, 64);
  EXPECT_DOUBLE_EQ(getTolerance(Precision::BF16, Precision::F32, 64),
                   exact + 0x1p-8);
  EXPECT_DOUBLE_EQ(getTolerance(Precision::BF16, Precision::BF16, 64),
                   exact + 0x1p-7);
  EXPECT_DOUBLE_EQ(getTolerance(Precision::F16, Precision::F16, 64),
                   exact + 0x1p-10);
  EXPECT_DOUBLE_EQ(getTolerance(Precision::BF16, Precision::F32, 64,
                                /*decodes=*/true),
                   exact + 0x1p-7);
  StoredTypes stored;
  stored.hasI8 = true; // scales of f32: nothing is rounded
  EXPECT_FALSE(stored.decodes());
  stored.hasF16 = true;
  EXPECT_TRUE(stored.decodes());
}

TEST(ToleranceTest, ErrorsCountAgainstTheLargest) {
  Comparison result = compare({1.0, -3.9, 0.01}, {1.0, -4.0, 0.0});
  EXPECT_EQ(result.magnitude, 4.0);
  EXPECT_NEAR(result.worst, 0.025, 1e-12);
  EXPECT_EQ(result.at, 1u);
  EXPECT_EQ(result.mismatches, 0u);
}

TEST(ToleranceTest, NotFiniteMustAgree) {
  EXPECT_EQ(compare({-inf, nan, inf, 1}, {-inf, nan, inf, 1}).mismatches, 0u);
  Comparison result = compare({1, -inf, nan}, {1, inf, 2});
  EXPECT_EQ(result.mismatches, 2u);
  EXPECT_EQ(result.at, 1u);
}

TEST(ToleranceTest, NoErrorIsSmallBesideZeros) {
  EXPECT_EQ(compare({0, 0}, {0, 0}).worst, 0);
  EXPECT_EQ(compare({0, 1e-30}, {0, 0}).worst, inf);
}

} // namespace
