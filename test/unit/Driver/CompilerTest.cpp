//===- CompilerTest.cpp - The compiler as a library -----------------------===//

#include "Programs.h"

#include "fovea/Driver/Compiler.h"

#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <thread>

using namespace fovea;

namespace {

/// One batch of 64 wide rows; with rows first, heads are strided inside a row.
struct Array {
  Array(int64_t heads, int64_t rows, bool rowsFirst = false)
      : data(heads * rows * 64) {
    tensor.data = data.data();
    tensor.dtype = FOVEA_F32;
    tensor.rank = 4;
    int64_t sizes[] = {1, heads, rows, 64};
    int64_t ofHead = rowsFirst ? 64 : rows * 64;
    int64_t ofRow = rowsFirst ? heads * 64 : 64;
    int64_t strides[] = {heads * rows * 64, ofHead, ofRow, 1};
    std::copy_n(sizes, 4, tensor.sizes);
    std::copy_n(strides, 4, tensor.strides);
  }

  float &at(int64_t head, int64_t row, int64_t column) {
    return data[head * tensor.strides[1] + row * tensor.strides[2] + column];
  }
  /// Values that differ everywhere, the same for both orders.
  void fill(int seed) {
    for (int64_t h = 0; h < tensor.sizes[1]; ++h) {
      for (int64_t r = 0; r < tensor.sizes[2]; ++r) {
        for (int64_t c = 0; c < 64; ++c) {
          at(h, r, c) =
              float((h * 31 + r * 17 + c * 7 + seed) % 23) / 23 - 0.5f;
        }
      }
    }
  }

  std::vector<float> data;
  fovea_tensor tensor = {};
};

std::unique_ptr<Executable> compileOrFail(llvm::StringRef text) {
  auto program = compile(text, CompileOptions());
  EXPECT_TRUE(bool(program));
  if (!program) {
    ADD_FAILURE() << llvm::toString(program.takeError());
    return nullptr;
  }
  return std::move(*program);
}

std::string getError(llvm::StringRef text, CompileOptions options = {}) {
  auto program = compile(text, options);
  return program ? "" : llvm::toString(program.takeError());
}

TEST(CompilerTest, StridesDoNotMatter) {
  auto program = compileOrFail(kAttention);
  ASSERT_TRUE(program);
  std::vector<float> results[2];
  for (bool rowsFirst : {false, true}) {
    Array q(4, 37, rowsFirst), k(2, 45, rowsFirst), v(2, 45, rowsFirst);
    Array out(4, 37, rowsFirst);
    q.fill(1);
    k.fill(2);
    v.fill(3);
    fovea_tensor arguments[] = {q.tensor, k.tensor, v.tensor, out.tensor};
    ASSERT_EQ(llvm::toString(program->run("", arguments, 2)), "");
    for (int64_t h = 0; h < 4; ++h) {
      for (int64_t r = 0; r < 37; ++r) {
        for (int64_t c = 0; c < 64; ++c) {
          results[rowsFirst].push_back(out.at(h, r, c));
        }
      }
    }
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_NE(results[0].front(), results[0].back());
}

TEST(CompilerTest, EntriesDescribeThemselves) {
  auto program = compileOrFail(kAttention);
  ASSERT_TRUE(program);
  const Entry &entry = program->getEntries()[0];
  EXPECT_EQ(entry.name, "attention");
  ASSERT_EQ(entry.inputs.size(), 3u);
  EXPECT_EQ(entry.inputs[0].name, "q");
  EXPECT_EQ(entry.inputs[1].name, "kv_k");
  ASSERT_EQ(entry.outputs.size(), 1u);
  EXPECT_EQ(entry.outputs[0].name, "o");
  Array q(6, 5), k(2, 9), v(2, 9);
  auto shape = entry.getOutputShape(0, {q.tensor, k.tensor, v.tensor});
  ASSERT_TRUE(shape);
  EXPECT_EQ(*shape, (llvm::SmallVector<int64_t, 4>{1, 6, 5, 64}));
}

TEST(CompilerTest, KernelsRefuseByName) {
  auto program = compileOrFail(kAttention);
  ASSERT_TRUE(program);
  Array q(2, 5), k(2, 9), v(2, 9), out(2, 5);
  out.tensor.strides[3] = 2;
  fovea_tensor arguments[] = {q.tensor, k.tensor, v.tensor, out.tensor};
  EXPECT_EQ(llvm::toString(program->run("attention", arguments)),
            "attention: argument 3 'o': expected stride 1 along the last axis, "
            "got 2");
}

TEST(CompilerTest, HostThreadsShareAProgram) {
  auto program = compileOrFail(kAttention);
  ASSERT_TRUE(program);
  auto function = program->getFunction("attention");
  ASSERT_TRUE(bool(function));
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> threads;
  for (auto &result : results) {
    threads.emplace_back([&result, function = *function] {
      Array q(2, 50), k(2, 50), v(2, 50), out(2, 50);
      q.fill(1);
      k.fill(2);
      v.fill(3);
      fovea_tensor arguments[] = {q.tensor, k.tensor, v.tensor, out.tensor};
      EXPECT_EQ(function(arguments, 4, 2), 0);
      result = out.data;
    });
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
  for (auto &result : results) {
    EXPECT_EQ(result, results[0]);
  }
}

TEST(CompilerTest, ErrorsNameThePlace) {
  EXPECT_EQ(getError("\nnonsense"),
            "<text>:2:1: error: custom op 'nonsense' is unknown (tried "
            "'builtin.nonsense' as well)");
  CompileOptions options;
  options.target = "loom";
  EXPECT_EQ(getError(kAttention, options).find("expected a target among cpu"),
            0u);
}

TEST(CompilerTest, OtherEntriesAreRefused) {
  auto program = compileOrFail(kAttention);
  ASSERT_TRUE(program);
  EXPECT_EQ(llvm::toString(program->run("decode", {})),
            "expected an entry among attention; got 'decode'");
}

TEST(CompilerTest, PrintsLevelsAndRemarks) {
  std::string text, remarks;
  llvm::raw_string_ostream stream(text);
  CompileOptions options;
  options.printAfter = {Level::Fold, Level::Vector};
  options.printTo = &stream;
  options.onRemark = [&](llvm::StringRef remark) { remarks += remark.str(); };
  ASSERT_EQ(getError(kAttention, options), "");
  EXPECT_LT(text.find("// fold"), text.find("cascade.fold"));
  EXPECT_LT(text.find("cascade.fold"), text.find("// vector"));
  EXPECT_EQ(text.find("// tile"), std::string::npos);
  EXPECT_NE(remarks.find("<text>:4:8: remark: rank 'k'"), std::string::npos);
}

} // namespace
