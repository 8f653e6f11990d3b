//===- CheckArgumentsTest.cpp - Each rule of a call, broken once ----------===//

#include "fovea/runtime/fovea_runtime.h"

#include "gtest/gtest.h"

namespace {

class CheckArgumentsTest : public testing::Test {
protected:
  /// "" if the call is accepted, else the message.
  std::string check() {
    fovea_signature signature = {"attend", parameters, 2};
    return fovea_rt_check_arguments(arguments, count, &signature) == 0
               ? ""
               : fovea_rt_last_error();
  }

  alignas(8) float data[32] = {};
  fovea_parameter parameters[2] = {
      {"q", FOVEA_F32, 2, 0, 0, {-1, 8}},
      {nullptr, FOVEA_BF16, 1, 1, 0, {-1}},
  };
  fovea_tensor arguments[2] = {
      {data, FOVEA_F32, 2, {4, 8}, {8, 1}},
      {data, FOVEA_BF16, 1, {3}, {1}},
  };
  int32_t count = 2;
};

TEST_F(CheckArgumentsTest, Accepts) { EXPECT_EQ(check(), ""); }

TEST_F(CheckArgumentsTest, Count) {
  count = 1;
  EXPECT_EQ(check(), "attend: expected 2 arguments, got 1");
}

TEST_F(CheckArgumentsTest, NoArguments) {
  fovea_signature signature = {"attend", parameters, 2};
  EXPECT_EQ(fovea_rt_check_arguments(nullptr, 2, &signature), 1);
  EXPECT_STREQ(fovea_rt_last_error(),
               "attend: expected 2 arguments, got a null pointer");
}

TEST_F(CheckArgumentsTest, ElementType) {
  arguments[0].dtype = FOVEA_F16;
  EXPECT_EQ(check(),
            "attend: argument 0 'q': expected element type f32, got f16 (1)");
  arguments[0].dtype = 77;
  EXPECT_EQ(check(), "attend: argument 0 'q': expected element type f32, got "
                     "an unknown type (77)");
}

TEST_F(CheckArgumentsTest, RankOfUnnamedArgument) {
  arguments[1].rank = 2;
  EXPECT_EQ(check(), "attend: argument 1: expected rank 1, got 2");
}

TEST_F(CheckArgumentsTest, FixedSize) {
  arguments[0].sizes[1] = 7;
  EXPECT_EQ(check(),
            "attend: argument 0 'q': expected size 8 along axis 1, got 7");
}

TEST_F(CheckArgumentsTest, NegativeSize) {
  arguments[0].sizes[0] = -4;
  EXPECT_EQ(check(), "attend: argument 0 'q': expected a size that is not "
                     "negative along axis 0, got -4");
}

TEST_F(CheckArgumentsTest, LastStride) {
  arguments[0].strides[1] = 2;
  EXPECT_EQ(check(), "attend: argument 0 'q': expected stride 1 along the last "
                     "axis, got 2");
}

TEST_F(CheckArgumentsTest, AnyStrideAlongOneElement) {
  arguments[1].sizes[0] = 1;
  arguments[1].strides[0] = 0;
  EXPECT_EQ(check(), "");
}

TEST_F(CheckArgumentsTest, InputsMayRepeatButOutputsMayNot) {
  arguments[0].strides[0] = 0;
  EXPECT_EQ(check(), "");
  parameters[0].is_output = 1;
  EXPECT_EQ(check(), "attend: argument 0 'q': expected an output without "
                     "repeated elements, got stride 0 along axis 0");
}

TEST_F(CheckArgumentsTest, NullDataOnlyWhenEmpty) {
  arguments[0].data = nullptr;
  EXPECT_EQ(check(),
            "attend: argument 0 'q': expected data, got a null pointer");
  arguments[0].sizes[0] = 0;
  EXPECT_EQ(check(), "");
}

TEST_F(CheckArgumentsTest, Alignment) {
  arguments[0].data = reinterpret_cast<char *>(data) + 2;
  EXPECT_EQ(check(), "attend: argument 0 'q': expected data aligned to its "
                     "elements of 4 bytes, got an address 2 beyond");
}

} // namespace
