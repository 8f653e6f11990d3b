//===- FloatConvertTest.cpp - half and bfloat16 against APFloat -----------===//

#include "fovea/Support/FloatConvert.h"

#include "llvm/ADT/APFloat.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using namespace fovea;
using llvm::APFloat;

namespace {

/// LLVM's own rounding, as bits.
uint16_t referenceBits(float value, const llvm::fltSemantics &semantics) {
  APFloat number(value);
  bool lossy = false;
  number.convert(semantics, APFloat::rmNearestTiesToEven, &lossy);
  return static_cast<uint16_t>(number.bitcastToAPInt().getZExtValue());
}

bool isNaN(uint16_t bits, uint16_t infinity) {
  return (bits & 0x7fff) > infinity;
}

void checkFromFloat(uint32_t bits) {
  float value = llvm::bit_cast<float>(bits);
  if (std::isnan(value)) {
    EXPECT_TRUE(isNaN(floatToHalf(value), 0x7c00)) << std::hex << bits;
    EXPECT_TRUE(isNaN(floatToBF16(value), 0x7f80)) << std::hex << bits;
    EXPECT_EQ(floatToHalf(value) >> 15, bits >> 31);
    EXPECT_EQ(floatToBF16(value) >> 15, bits >> 31);
    return;
  }
  ASSERT_EQ(floatToHalf(value), referenceBits(value, APFloat::IEEEhalf()))
      << std::hex << bits;
  ASSERT_EQ(floatToBF16(value), referenceBits(value, APFloat::BFloat()))
      << std::hex << bits;
}

TEST(FloatConvertTest, F8E4M3FNAgainstAPFloat) {
  const llvm::fltSemantics &f8 = APFloat::Float8E4M3FN();
  for (uint32_t bits = 0; bits < 256; ++bits) {
    float value = f8E4M3FNToFloat(static_cast<uint8_t>(bits));
    APFloat expected(f8, llvm::APInt(8, bits));
    if (expected.isNaN()) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      continue;
    }
    EXPECT_EQ(value, expected.convertToFloat()) << bits;
    EXPECT_EQ(floatToF8E4M3FN(value), bits);
  }
  // Every tie and its neighbours, and everything coarser.
  for (uint32_t bits = 0; bits < 0x80000000u; bits += 1u << 14) {
    for (uint32_t near : {bits - 1, bits, bits + 1, bits | 0x80000000u}) {
      float value = llvm::bit_cast<float>(near);
      if (!std::isnan(value)) {
        ASSERT_EQ(floatToF8E4M3FN(value), referenceBits(value, f8))
            << std::hex << near;
      }
    }
  }
}

TEST(FloatConvertTest, KnownValues) {
  EXPECT_EQ(floatToHalf(1.0f), 0x3c00);
  EXPECT_EQ(floatToHalf(-2.0f), 0xc000);
  EXPECT_EQ(floatToHalf(65504.0f), 0x7bff);
  EXPECT_EQ(floatToHalf(65519.996f), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00); // A tie, and infinity is even.
  EXPECT_EQ(floatToHalf(0x1p-24f), 0x0001);
  EXPECT_EQ(floatToHalf(0x1p-25f), 0x0000); // A tie, and zero is even.
  EXPECT_EQ(floatToHalf(0x1.8p-24f), 0x0002);
  EXPECT_EQ(floatToHalf(-0.0f), 0x8000);
  EXPECT_EQ(floatToBF16(1.0f), 0x3f80);
  EXPECT_EQ(floatToBF16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(floatToBF16(-std::numeric_limits<float>::infinity()), 0xff80);
}

TEST(FloatConvertTest, AllHalvesAndBFloatsComeBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    auto narrow = static_cast<uint16_t>(bits);
    if (!isNaN(narrow, 0x7c00)) {
      ASSERT_EQ(floatToHalf(halfToFloat(narrow)), narrow);
      ASSERT_EQ(
          halfToFloat(narrow),
          APFloat(APFloat::IEEEhalf(), llvm::APInt(16, bits)).convertToFloat());
    } else {
      ASSERT_TRUE(std::isnan(halfToFloat(narrow)));
      ASSERT_EQ(floatToHalf(halfToFloat(narrow)), narrow | 0x0200);
    }
    if (!isNaN(narrow, 0x7f80)) {
      ASSERT_EQ(floatToBF16(bf16ToFloat(narrow)), narrow);
    } else {
      ASSERT_TRUE(std::isnan(bf16ToFloat(narrow)));
    }
  }
}

TEST(FloatConvertTest, EveryExponentAtEveryTie) {
  // Around each bit pattern whose low bits make or miss a tie.
  for (uint32_t exponent = 0; exponent < 256; ++exponent) {
    for (uint32_t place = 0; place < 23; ++place) {
      for (uint32_t odd : {0u, 1u}) {
        uint32_t fraction = (odd << (place + 1) | 1u << place) & 0x7fffff;
        for (int32_t around : {-1, 0, 1}) {
          uint32_t bits = (exponent << 23) + fraction + around;
          checkFromFloat(bits & 0x7fffffff);
          checkFromFloat(bits | 0x80000000);
        }
      }
    }
  }
}

TEST(FloatConvertTest, RandomBits) {
  std::mt19937 random(1);
  for (int i = 0; i < 200000; ++i) {
    checkFromFloat(static_cast<uint32_t>(random()));
  }
}

TEST(FloatConvertTest, ArraysEqualTheirElements) {
  std::mt19937 random(2);
  std::vector<float> values(1003); // No multiple of any vector length.
  for (float &value : values) {
    value = llvm::bit_cast<float>(static_cast<uint32_t>(random()) & 0xbfffffff);
  }
  std::vector<uint16_t> narrow(values.size());
  std::vector<float> wide(values.size());
  convertFloatToHalf(values, narrow);
  convertHalfToFloat(narrow, wide);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(narrow[i], floatToHalf(values[i]));
    ASSERT_EQ(wide[i], halfToFloat(narrow[i]));
  }
  convertFloatToBF16(values, narrow);
  convertBF16ToFloat(narrow, wide);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(narrow[i], floatToBF16(values[i]));
    ASSERT_EQ(wide[i], bf16ToFloat(narrow[i]));
  }
}

} // namespace
