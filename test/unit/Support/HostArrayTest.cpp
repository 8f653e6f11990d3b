//===- HostArrayTest.cpp - arguments in memory and at random --------------===//

#include "fovea/Support/HostArray.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace fovea;

namespace {

using Shape = std::vector<int64_t>;

TEST(HostArrayTest, HoldsElementsWithoutGaps) {
  HostArray array;
  ASSERT_EQ(array.allocate(FOVEA_BF16, {2, 3, 4}), "");
  EXPECT_EQ(array.getShape(), (Shape{2, 3, 4}));
  EXPECT_EQ(array.getNumElements(), 24);
  EXPECT_EQ(array.getNumBytes(), 48);
  EXPECT_EQ(array.get().strides[0], 12);
  EXPECT_EQ(array.get().strides[2], 1);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(array.get().data) % 64, 0u);
  EXPECT_EQ(array.getReal(23), 0);
}

TEST(HostArrayTest, EachTypeKeepsWhatItCan) {
  struct Row {
    fovea_dtype dtype;
    int64_t bytes;
    double kept; // of 1 + 2^-10
  };
  for (Row row : {Row{FOVEA_F32, 4, 1 + 0x1p-10},
                  Row{FOVEA_F16, 2, 1 + 0x1p-10}, Row{FOVEA_BF16, 2, 1.0},
                  Row{FOVEA_F8E4M3FN, 1, 1.0}}) {
    HostArray array;
    ASSERT_EQ(array.allocate(row.dtype, {2}), "");
    array.setReal(1, 1 + 0x1p-10);
    EXPECT_TRUE(array.isReal());
    EXPECT_EQ(array.getReal(1), row.kept);
    EXPECT_EQ(array.getNumber(1), row.kept);
    EXPECT_EQ(array.getNumBytes(), 2 * row.bytes);
  }
  struct Whole {
    fovea_dtype dtype;
    int64_t bytes, least, least_lacked;
  };
  for (Whole row : {Whole{FOVEA_I32, 4, INT32_MIN, INT64_C(1) << 31},
                    Whole{FOVEA_I8, 1, -128, 128},
                    Whole{FOVEA_I1, 1, 0, 2}}) {
    HostArray array;
    ASSERT_EQ(array.allocate(row.dtype, {2}), "");
    array.setInteger(1, row.least);
    EXPECT_FALSE(array.isReal());
    EXPECT_EQ(array.getInteger(1), row.least);
    EXPECT_EQ(array.getNumber(1), static_cast<double>(row.least));
    EXPECT_EQ(array.getNumBytes(), 2 * row.bytes);
    EXPECT_TRUE(holdsInteger(row.dtype, row.least));
    EXPECT_FALSE(holdsInteger(row.dtype, row.least_lacked));
  }
  EXPECT_TRUE(holdsInteger(FOVEA_I64, INT64_MIN));
}

TEST(HostArrayTest, ReadsShapes) {
  Shape shape;
  EXPECT_EQ(parseShape("1x8x0x64", shape), "");
  EXPECT_EQ(shape, (Shape{1, 8, 0, 64}));
  EXPECT_EQ(parseShape("scalar", shape), "");
  EXPECT_EQ(shape, Shape());
  for (const char *text : {"", "1x", "x1", "1x-1", "1 x2", "2.5", "1xx3",
                           "1048576x1048577", "1x1x1x1x1x1x1x1x1",
                           "99999999999999999999"}) {
    EXPECT_EQ(parseShape(text, shape),
              "expected sizes separated by x, such as 1x8x128x64, got '" +
                  std::string(text) + "'");
  }
}

TEST(HostArrayTest, ChecksShapes) {
  ArgumentType type = {"q", FOVEA_F32, {-1, 64}};
  EXPECT_EQ(checkShape({7, 64}, type, "here"), "");
  EXPECT_EQ(checkShape({7, 65}, type, "here"),
            "here: expected shape [?, 64] for 'q', got [7, 65]");
  EXPECT_EQ(checkShape({7}, type, "here"),
            "here: expected shape [?, 64] for 'q', got [7]");
}

std::vector<int64_t> makeIntegers(const std::string &text, uint64_t state = 7) {
  HostArray array;
  EXPECT_EQ(makeRandom(text, {"table", FOVEA_I32, {-1}}, state, array), "");
  std::vector<int64_t> values;
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    values.push_back(array.getInteger(i));
  }
  return values;
}

TEST(HostArrayTest, FillsByRule) {
  EXPECT_EQ(makeIntegers("4=arange"), (Shape{0, 1, 2, 3}));
  EXPECT_EQ(makeIntegers("5=every:2"), (Shape{0, 0, 1, 1, 2}));
  EXPECT_EQ(makeIntegers("3=-12"), (Shape{-12, -12, -12}));
  Shape shuffled = makeIntegers("50=shuffle");
  EXPECT_NE(shuffled, makeIntegers("50=arange"));
  EXPECT_NE(shuffled, makeIntegers("50=shuffle", 8));
  EXPECT_EQ(shuffled, makeIntegers("50=shuffle"));
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, makeIntegers("50=arange"));
  Shape drawn = makeIntegers("300=random:3");
  for (int64_t value = 0; value < 3; ++value) {
    EXPECT_GT(std::count(drawn.begin(), drawn.end(), value), 50);
  }
  EXPECT_EQ(std::count_if(drawn.begin(), drawn.end(),
                          [](int64_t i) { return i < 0 || i > 2; }),
            0);
}

TEST(HostArrayTest, NormalValuesBySeed) {
  HostArray array, again, other;
  uint64_t state = 1, same = 1, different = 2;
  ArgumentType type = {"q", FOVEA_F32, {-1, 100}};
  ASSERT_EQ(makeRandom("100x100", type, state, array), "");
  ASSERT_EQ(makeRandom("100x100", type, same, again), "");
  ASSERT_EQ(makeRandom("100x100", type, different, other), "");
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    EXPECT_EQ(array.getReal(i), again.getReal(i));
    sum += array.getReal(i);
    squares += array.getReal(i) * array.getReal(i);
  }
  EXPECT_NEAR(sum / 1e4, 0, 0.05);
  EXPECT_NEAR(squares / 1e4, 1, 0.05);
  EXPECT_NE(array.getReal(0), other.getReal(0));
}

TEST(HostArrayTest, ACacheAsItIsStored) {
  HostArray bytes, scales;
  uint64_t state = 1;
  ASSERT_EQ(makeRandom("1000", {"kv_k", FOVEA_I8, {-1}}, state, bytes), "");
  ASSERT_EQ(makeRandom("1000", {"kv_k_scale", FOVEA_F32, {-1}}, state, scales),
            "");
  double squares = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_GE(bytes.getInteger(i), -127);
    double value = scales.getReal(i) * bytes.getNumber(i);
    squares += value * value;
  }
  EXPECT_NEAR(squares / 1000, 1.4, 0.4);
}

TEST(HostArrayTest, RefusesWhatDoesNotFit) {
  HostArray array;
  uint64_t state = 0;
  ArgumentType whole = {"ids", FOVEA_I1, {-1}};
  EXPECT_EQ(makeRandom("4", whole, state, array),
            "--random 4: expected a rule for the integers of 'ids', such as "
            "4=arange");
  for (const char *rule : {"up", "random:0", "every:", "random", ""}) {
    EXPECT_EQ(makeRandom("4=" + std::string(rule), whole, state, array),
              "expected arange, shuffle, random:N, every:N or a number after "
              "=, got '" +
                  std::string(rule) + "'");
  }
  auto convert = [&](bool isReal, int64_t value) {
    return convertElements(
        {3}, isReal, "the type", [](int64_t) { return 1.0; },
        [&](int64_t i) { return i == 2 ? value : 0; }, whole, "'f'", array);
  };
  EXPECT_EQ(convert(false, 1), "");
  EXPECT_EQ(array.getInteger(2), 1);
  EXPECT_EQ(convert(false, 5), "'f': element 2 for 'ids' is 5, which its "
                               "element type lacks");
  EXPECT_EQ(convert(true, 1),
            "'f': expected integer elements for 'ids', got the type");
}

} // namespace
