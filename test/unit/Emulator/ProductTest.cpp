//===- ProductTest.cpp - Matrix products of warps, and bugs put into them -===//

#include "Emulated.h"

#include "fovea/Support/FloatConvert.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>

using namespace fovea;
using namespace fovea::test;

namespace {

/// Small integers: exact in every type, so products compare exactly.
float sample(size_t i) { return float(int(i * 7 % 13) - 6); }

struct Shape {
  const char *input;
  int rows, columns, depth;
  uint32_t threads, nearBytes;
  bool brain; // bf16 instead of f16.
};

uint16_t encodeSample(const Shape &shape, size_t i) {
  return shape.brain ? floatToBF16(sample(i)) : floatToHalf(sample(i));
}

/// Runs a product and compares it; the report if there is one.
std::string runProduct(const Emulated &emulated, const Shape &shape,
                       const char *options, bool compare = true) {
  Buffer<uint16_t> a(shape.rows * shape.depth);
  Buffer<uint16_t> b(shape.columns * shape.depth);
  Buffer<float> c(shape.rows * shape.columns);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = encodeSample(shape, i);
  }
  for (size_t i = 0; i < b.size(); ++i) {
    b[i] = encodeSample(shape, i + 5);
  }
  std::string report = emulated.launch(1, shape.threads, shape.nearBytes,
                                       {a.data(), b.data(), c.data()}, options);
  if (!report.empty() || !compare) {
    return report;
  }
  for (int m = 0; m < shape.rows; ++m) {
    for (int n = 0; n < shape.columns; ++n) {
      float sum = 0;
      for (int k = 0; k < shape.depth; ++k) {
        sum += sample(m * shape.depth + k) * sample(n * shape.depth + k + 5);
      }
      EXPECT_EQ(c[m * shape.columns + n], sum)
          << shape.input << " " << options << " at " << m << ", " << n;
    }
  }
  return report;
}

constexpr Shape kNvidia{"product-nvidia.ll", 32, 8, 64, 64, 2560, false};
constexpr Shape kMfma{"product-mfma.ll", 32, 16, 16, 128, 0, false};
constexpr Shape kWmma11{"product-wmma-11.ll", 16, 16, 16, 32, 0, false};
constexpr Shape kWmma12{"product-wmma-12.ll", 16, 16, 16, 32, 0, true};

std::unique_ptr<Emulated> load(const Shape &shape, const char *mark = "") {
  std::string error;
  auto emulated = Emulated::load(readInput(shape.input, mark), error);
  EXPECT_TRUE(emulated) << error;
  return emulated;
}

class Product : public testing::TestWithParam<Shape> {};

TEST_P(Product, IsRightAndSilentInEveryOrder) {
  auto emulated = load(GetParam());
  ASSERT_TRUE(emulated);
  for (const char *options : allOptions()) {
    EXPECT_EQ(runProduct(*emulated, GetParam(), options), "") << options;
  }
}

INSTANTIATE_TEST_SUITE_P(Chips, Product,
                         testing::Values(kNvidia, kMfma, kWmma11, kWmma12));

/// The report of the first setting that finds one, for each that has to.
void expectReports(const Shape &shape, const char *mark, const char *options,
                   std::initializer_list<const char *> words) {
  auto emulated = load(shape, mark);
  ASSERT_TRUE(emulated);
  std::string report = runProduct(*emulated, shape, options, false);
  for (const char *word : words) {
    EXPECT_NE(report.find(word), std::string::npos)
        << mark << " with " << options << ": " << report;
  }
  EXPECT_EQ(runProduct(*emulated, shape, options, false), report)
      << "the report differs from run to run";
}

TEST(SeededBug, MissingWaitIsARaceWithTheCopy) {
  for (const char *options : {"late,fifo,race", "early,lifo,race"}) {
    expectReports(
        kNvidia, "WAIT", options,
        {"race on byte", "comes before the wait for", "llvm.nvvm.cp.async"});
  }
}

TEST(SeededBug, MissingWaitMakesNumbersWrongWithoutRaceChecks) {
  auto emulated = load(kNvidia, "WAIT");
  ASSERT_TRUE(emulated);
  Buffer<uint16_t> a(32 * 64), b(8 * 64);
  Buffer<float> c(32 * 8);
  std::fill_n(a.data(), a.size(), floatToHalf(1));
  std::fill_n(b.data(), b.size(), floatToHalf(1));
  EXPECT_EQ(emulated->launch(1, 64, 2560, {a.data(), b.data(), c.data()},
                             "late,fifo"),
            "");
  EXPECT_TRUE(std::isnan(c[0]));
}

TEST(SeededBug, MissingBarrierIsARace) {
  for (const char *options :
       {"late,fifo,race", "late,lifo,race", "early,random:9,race"}) {
    expectReports(kNvidia, "FULL", options,
                  {"race on byte", "block (0, 0, 0)", "@product"});
  }
  expectReports(kMfma, "FULL", "late,fifo,race",
                {"race on byte", "store", "load", "is not ordered after"});
}

TEST(SeededBug, SlotReleasedEarlyIsARace) {
  for (const char *options : {"late,fifo,race", "late,lifo,race"}) {
    expectReports(kNvidia, "EMPTY", options,
                  {"race on byte", "llvm.nvvm.ldmatrix", "llvm.nvvm.cp.async"});
  }
}

TEST(SeededBug, OperandsThatDoNotRepeatAreReported) {
  std::string text = readInput(kWmma11.input, "REPEAT");
  size_t at = text.find("  %rowAt = shl");
  text.insert(at, "  %in = and i32 %lane, 31\n");
  std::string error;
  auto emulated = Emulated::load(text, error);
  ASSERT_TRUE(emulated) << error;
  Buffer<uint16_t> a(32 * 16), b(32 * 16);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = b[i] = floatToHalf(sample(i));
  }
  Buffer<float> c(32 * 16);
  std::string report =
      emulated->launch(1, 32, 0, {a.data(), b.data(), c.data()}, "late,fifo");
  EXPECT_NE(report.find("operand 0 of lane 16 differs"), std::string::npos)
      << report;
}

} // namespace
