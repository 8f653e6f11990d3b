//===- AppendTest.cpp - New tokens into a cache, in place or not ----------===//

#include "fovea/Driver/Compiler.h"

#include "llvm/ADT/STLExtras.h"
#include "gtest/gtest.h"

#include <array>
#include <cstring>

using namespace fovea;

namespace {

/// A cache of 1 sequence, 2 heads, 6 rows, and 3 tokens for it.
constexpr int64_t kHeads = 2, kRows = 6, kTokens = 3;

std::string makeProgram(llvm::StringRef stored) {
  std::string cache = ("!attn.kv<dense, key = 64, value = 32, f32, stored = " +
                       stored + ", scale = token>")
                          .str();
  std::string results = ("(tensor<?x?x?x64x" + stored +
                         ">, tensor<?x?x?xf32>, tensor<?x?x?x32x" + stored +
                         ">, tensor<?x?x?xf32>)")
                            .str();
  std::string tokens = "tensor<?x?x?x64xf32>, %v: tensor<?x?x?x32xf32>, "
                       "%at: tensor<?x?xi32>";
  return "func.func @append(%kv: " + cache + ", %k: " + tokens + ") -> " +
         results + " {\n  %r:4 = attn.append %kv, %k, %v at %at : (" + cache +
         ", tensor<?x?x?x64xf32>, tensor<?x?x?x32xf32>, tensor<?x?xi32>) -> " +
         results + "\n  return %r#0, %r#1, %r#2, %r#3 : " +
         results.substr(1, results.size() - 2) + "\n}\n";
}

/// A dense array in bytes.
struct Array {
  Array(fovea_dtype dtype, unsigned size, llvm::ArrayRef<int64_t> shape) {
    tensor.dtype = dtype;
    tensor.rank = int32_t(shape.size());
    int64_t count = 1;
    for (int i = tensor.rank - 1; i >= 0; --i) {
      tensor.sizes[i] = shape[i];
      tensor.strides[i] = count;
      count *= shape[i];
    }
    bytes.resize(count * size);
  }

  fovea_tensor get() {
    tensor.data = bytes.data();
    return tensor;
  }

  std::vector<char> bytes;
  fovea_tensor tensor = {};
};

/// Elements and scales of keys, then those of values, full of what was there.
std::vector<Array> makeCache(fovea_dtype dtype) {
  std::vector<Array> cache;
  for (int64_t width : {64, 32}) {
    cache.emplace_back(dtype, 1, llvm::ArrayRef{int64_t(1), kHeads, kRows, width});
    cache.emplace_back(FOVEA_F32, 4, llvm::ArrayRef{int64_t(1), kHeads, kRows});
  }
  for (Array &part : cache) {
    for (auto [i, byte] : llvm::enumerate(part.bytes)) {
      byte = char(i % 61);
    }
  }
  return cache;
}

/// Calls append with `results` in the place of the cache's components; returns
/// the error.
std::string append(Executable &program, std::vector<Array> &cache,
                   std::vector<Array> &results,
                   std::array<int32_t, kTokens> at) {
  Array keys(FOVEA_F32, 4, {1, kHeads, kTokens, 64});
  Array values(FOVEA_F32, 4, {1, kHeads, kTokens, 32});
  for (Array *tokens : {&keys, &values}) {
    for (size_t i = 0; i < tokens->bytes.size() / 4; ++i) {
      float x = float(int(i * 29 % 83) - 41) / 8;
      std::memcpy(&tokens->bytes[4 * i], &x, 4);
    }
  }
  Array positions(FOVEA_I32, 4, {1, kTokens});
  std::memcpy(positions.bytes.data(), at.data(), sizeof(at));
  std::vector<fovea_tensor> arguments;
  for (Array &part : cache) {
    arguments.push_back(part.get());
  }
  for (Array *input : {&keys, &values, &positions}) {
    arguments.push_back(input->get());
  }
  for (Array &part : results) {
    arguments.push_back(part.get());
  }
  return llvm::toString(program.run("", arguments, 2));
}

class AppendTest
    : public testing::TestWithParam<std::pair<const char *, fovea_dtype>> {
protected:
  void SetUp() override {
    auto compiled = compile(makeProgram(GetParam().first), CompileOptions());
    ASSERT_TRUE(bool(compiled)) << llvm::toString(compiled.takeError());
    program = std::move(*compiled);
    dtype = GetParam().second;
  }

  fovea_dtype dtype = FOVEA_I8;
  std::unique_ptr<Executable> program;
};

TEST_P(AppendTest, InPlaceIsTheSame) {
  std::vector<Array> before = makeCache(dtype), cache = makeCache(dtype);
  std::vector<Array> results = makeCache(dtype);
  for (Array &part : results) {
    std::memset(part.bytes.data(), 0x7a, part.bytes.size());
  }
  // One token is left out.
  ASSERT_EQ(append(*program, cache, results, {4, -1, 1}), "");
  for (auto [part, was, result] : llvm::zip_equal(cache, before, results)) {
    EXPECT_EQ(part.bytes, was.bytes) << "the cache is an input";
    EXPECT_NE(result.bytes, was.bytes);
    // Row 0 of head 0 stays, and is copied.
    size_t row = was.bytes.size() / (kHeads * kRows);
    EXPECT_TRUE(std::equal(was.bytes.begin(), was.bytes.begin() + row,
                           result.bytes.begin()));
  }
  ASSERT_EQ(append(*program, cache, cache, {4, -1, 1}), "");
  for (auto [part, result] : llvm::zip_equal(cache, results)) {
    EXPECT_EQ(part.bytes, result.bytes);
  }
}

TEST_P(AppendTest, NothingIsWrittenWhenAPositionIsRefused) {
  std::vector<Array> before = makeCache(dtype), cache = makeCache(dtype);
  EXPECT_NE(append(*program, cache, cache, {0, 1, kRows}), "");
  for (auto [part, was] : llvm::zip_equal(cache, before)) {
    EXPECT_EQ(part.bytes, was.bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Stored, AppendTest,
    testing::Values(std::pair("i8", FOVEA_I8),
                    std::pair("f8E4M3FN", FOVEA_F8E4M3FN)),
    [](const auto &info) { return std::string(info.param.first); });

} // namespace
