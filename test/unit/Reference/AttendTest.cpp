//===- AttendTest.cpp - attention on numbers worked out by hand -----------===//

#include "TestUtil.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <utility>

using namespace mlir;
using namespace fovea::reference;

static constexpr double inf = std::numeric_limits<double>::infinity();
static constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

/// Keys and values of width 1; `clauses` stand between operands and types. LSE
/// is a second result where there is one.
static std::string makeProgram(StringRef layout, StringRef clauses,
                               bool hasLse) {
  std::string text = "!kv = !attn.kv<LAYOUT, key = 1, value = 1, f32>\n"
                     "!q = tensor<?x?x?x1xf32>\n"
                     "func.func @f(%q: !q, %kv: !kv EXTRA) -> RESULTS {\n"
                     "  %r:COUNT = attn.attend %q, %kv CLAUSES\n"
                     "    : (!q, !kv TYPES) -> RESULTS\n"
                     "  return RETURN : TYPELIST\n}\n";
  auto replace = [&](StringRef from, StringRef to) {
    for (size_t at; (at = text.find(from)) != std::string::npos;) {
      text.replace(at, from.size(), to);
    }
  };
  bool documents = clauses.contains("documents"),
       sink = clauses.contains("sink(");
  replace("LAYOUT", layout);
  replace("EXTRA", documents ? ", %ids: tensor<?x?xi32>"
                             : (sink ? ", %logits: tensor<?xf32>" : ""));
  replace("TYPES",
          documents ? ", tensor<?x?xi32>" : (sink ? ", tensor<?xf32>" : ""));
  replace("RESULTS", hasLse ? "(!q, tensor<?x?x?xf32>)" : "!q");
  replace("RETURN", hasLse ? "%r#0, %r#1" : "%r#0");
  replace("TYPELIST", hasLse ? "!q, tensor<?x?x?xf32>" : "!q");
  replace("COUNT", hasLse ? "2" : "1");
  replace("CLAUSES", clauses);
  return text;
}

class AttendTest : public ::testing::Test {
protected:
  llvm::Expected<std::vector<Tensor>> run(StringRef layout, StringRef clauses,
                                          ArrayRef<Tensor> arguments) {
    bool hasLse = !clauses.contains("normalizer<");
    module = parseText(*context, makeProgram(layout, clauses, hasLse));
    if (!module) {
      return llvm::createStringError("no program");
    }
    return interpret(module->lookupSymbol<func::FuncOp>("f"), arguments,
                     options);
  }

  void expect(StringRef layout, StringRef clauses, ArrayRef<Tensor> arguments,
              ArrayRef<std::vector<double>> results) {
    auto got = run(layout, clauses, arguments);
    ASSERT_TRUE(static_cast<bool>(got)) << llvm::toString(got.takeError());
    ASSERT_EQ(got->size(), results.size());
    for (size_t i = 0; i < results.size(); ++i) {
      ASSERT_EQ((*got)[i].reals.size(), results[i].size());
      for (size_t j = 0; j < results[i].size(); ++j) {
        double a = (*got)[i].reals[j], b = results[i][j];
        EXPECT_TRUE(a == b || std::fabs(a - b) < 1e-12 ||
                    (std::isnan(a) && std::isnan(b)))
            << clauses.str() << ": result " << i << ", element " << j << ": "
            << a << ", expected " << b;
      }
    }
  }

  void expectError(StringRef layout, StringRef clauses,
                   ArrayRef<Tensor> arguments, StringRef message) {
    auto got = run(layout, clauses, arguments);
    ASSERT_FALSE(static_cast<bool>(got));
    std::string text = llvm::toString(got.takeError());
    EXPECT_TRUE(StringRef(text).contains(message)) << text;
  }

  /// How far the output and the logarithm may be off for one row and two keys,
  /// of these products and of values 10 and 40.
  std::pair<double, double> getSlack(StringRef clauses, double a, double b) {
    auto got = run("dense", clauses,
                   {Tensor::fromReals({1, 1, 1, 1}, {1.0}),
                    Tensor::fromReals({1, 1, 2, 1}, {a, b}),
                    Tensor::fromReals({1, 1, 2, 1}, {10.0, 40.0})});
    if (!got) {
      ADD_FAILURE() << llvm::toString(got.takeError());
      return {undefined, undefined};
    }
    return {got->front().slack, got->back().slack};
  }

  std::unique_ptr<MLIRContext> context = makeContext();
  OwningOpRef<ModuleOp> module;
  Options options;
};

static Tensor real(ArrayRef<int64_t> shape, std::vector<double> data) {
  return Tensor::fromReals(shape, std::move(data));
}
static Tensor integer(ArrayRef<int64_t> shape, std::vector<int64_t> data) {
  return Tensor::fromIntegers(shape, std::move(data));
}
/// One sequence, one head.
static Tensor column(std::vector<double> data) {
  int64_t n = data.size();
  return real({1, 1, n, 1}, std::move(data));
}

// Scores q * k. Row 0 (position 0) sees key 0 alone: O = 10, LSE = 0. Row 1
// has scores 0 and log 2, weights 1/3 and 2/3: O = 10/3 + 80/3 = 30, LSE =
// log 3.
TEST_F(AttendTest, causalSoftmax) {
  expect(
      "dense", "pattern<causal>",
      {column({0.0, std::log(2.0)}), column({0.0, 1.0}), column({10.0, 40.0})},
      {{10.0, 30.0}, {0.0, std::log(3.0)}});
}

// Three queries and one key: positions -2, -1, 0. The first two see nothing.
TEST_F(AttendTest, rowsThatSeeNothing) {
  expect("dense", "pattern<causal>",
         {column({5.0, 5.0, 5.0}), column({1.0}), column({7.0})},
         {{0.0, 0.0, 7.0}, {-inf, -inf, 5.0}});
  expect("dense", "", {column({5.0}), column({}), column({})}, {{0.0}, {-inf}});
}

// A sink of logit 0 beside one key of score 0 takes half the weight; alone it
// takes all, and LSE is its logit.
TEST_F(AttendTest, sink) {
  expect("dense", "sink(%logits) pattern<causal>",
         {column({0.0, 0.0}), column({0.0}), column({8.0}), real({1}, {0.0})},
         {{0.0, 4.0}, {0.0, std::log(2.0)}});
}

// Scores -1, 0, 1. Sigmoid: 1/(1+e), 1/2, e/(1+e); the outer two add up to 1.
// relu: 0, 0, 1. l1 with weight s + 2: 1, 2, 3 over 6.
TEST_F(AttendTest, normalizers) {
  std::vector<Tensor> arguments = {column({1.0}), column({-1.0, 0.0, 1.0}),
                                   column({3.0, 2.0, 3.0})};
  expect("dense", "normalizer<sigmoid>", arguments, {{4.0}});
  expect("dense", "normalizer<relu>", arguments, {{3.0}});
  // (1 * 3 + 2 * 2 + 3 * 3) / 6
  expect("dense",
         "normalizer<l1> weight (%s: f32) {\n"
         "  %two = arith.constant 2.0 : f32\n"
         "  %w = arith.addf %s, %two : f32\n"
         "  attn.yield %w : f32\n}",
         arguments, {{16.0 / 6.0}});
  // A sum of 0 gives 0.
  expect("dense",
         "normalizer<l1> weight (%s: f32) {\n"
         "  %zero = arith.constant 0.0 : f32\n"
         "  attn.yield %zero : f32\n}",
         arguments, {{0.0}});
}

// With relu, scores of 1 and V[j] = 2^j the output spells the visible keys in
// binary. Four queries and four keys, positions 0 to 3, key 0 last:
TEST_F(AttendTest, patterns) {
  std::vector<Tensor> arguments = {column({1, 1, 1, 1}), column({1, 1, 1, 1}),
                                   column({1, 2, 4, 8})};
  std::pair<StringRef, std::vector<double>> cases[] = {
      {"all", {0b1111, 0b1111, 0b1111, 0b1111}},
      {"causal", {0b0001, 0b0011, 0b0111, 0b1111}},
      {"window<2>", {0b0011, 0b0111, 0b1110, 0b1100}},
      {"sink<1>", {0b0001, 0b0001, 0b0001, 0b0001}},
      {"prefix<3>", {0b0111, 0b0111, 0b0111, 0b0111}},
      {"block<2>", {0b0011, 0b0011, 0b1100, 0b1100}},
      {"stride<2>", {0b0101, 0b1010, 0b0101, 0b1010}},
      {"not causal", {0b1110, 0b1100, 0b1000, 0b0000}},
      {"causal and window<2>", {0b0001, 0b0011, 0b0110, 0b1100}},
      {"causal and (window<2> or sink<1>)", {0b0001, 0b0011, 0b0111, 0b1101}},
      {"causal and window<2> or sink<1>", {0b0001, 0b0011, 0b0111, 0b1101}},
      {"not (sink<2> or block<2>)", {0b1100, 0b1100, 0b0000, 0b0000}}};
  for (auto &[pattern, visible] : cases) {
    expect("dense", ("pattern<" + pattern + "> normalizer<relu>").str(),
           arguments, {visible});
  }
}

// Positions -1, 0, 1, 2 against three keys: blocks of two round down, so that
// position -1 is in a block of its own; strides go by difference; a negative
// position has no document.
TEST_F(AttendTest, negativePositions) {
  std::vector<Tensor> arguments = {column({1, 1, 1, 1}), column({1, 1, 1}),
                                   column({1, 2, 4})};
  expect("dense", "pattern<block<2>> normalizer<relu>", arguments,
         {{0b000, 0b011, 0b011, 0b100}});
  expect("dense", "pattern<stride<2>> normalizer<relu>", arguments,
         {{0b010, 0b101, 0b010, 0b101}});
  expect("dense", "pattern<window<2>> normalizer<relu>", arguments,
         {{0b001, 0b011, 0b111, 0b110}});
  arguments.push_back(integer({1, 3}, {7, 9, 7}));
  expect("dense", "documents(%ids) pattern<document> normalizer<relu>",
         arguments, {{0b000, 0b101, 0b010, 0b101}});
}

// Four query heads on two key heads: heads 0, 1 read group 0, heads 2, 3
// group 1. Two sequences.
TEST_F(AttendTest, heads) {
  expect("dense", "normalizer<relu>",
         {real({2, 4, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8}),
          real({2, 2, 1, 1}, {1, 10, 100, 1000}),
          real({2, 2, 1, 1}, {1, 1, 1, 2})},
         {{1, 2, 30, 40, 500, 600, 14000, 16000}});
}

// Two sequences of lengths 3 and 1 in pages of two rows. Sequence 0 owns
// pages 1, 0 and sees V = 4, 8, 1; sequence 1 owns page 2: V = 16. Rows past
// the length hold NaN; a table entry past the length is wild. One query each,
// at positions 2 and 0.
TEST_F(AttendTest, pages) {
  Tensor q = real({2, 1, 1, 1}, {1, 1});
  Tensor k = real({3, 1, 2, 1}, {1, undefined, 1, 1, 1, undefined});
  Tensor v = real({3, 1, 2, 1}, {1, undefined, 4, 8, 16, undefined});
  Tensor table = integer({2, 2}, {1, 0, 2, -5});
  Tensor lengths = integer({2}, {3, 1});
  expect("paged<2>", "pattern<causal> normalizer<relu>",
         {q, k, v, table, lengths}, {{13, 16}});
  expect("paged<2>", "pattern<window<2>> normalizer<relu>",
         {q, k, v, table, lengths}, {{9, 16}});
  table.integers[1] = 3;
  expectError("paged<2>", "", {q, k, v, table, lengths},
              "expected the page of sequence 0, slot 1 in [0, 3), got 3");
  lengths.integers[0] = 5;
  expectError("paged<2>", "", {q, k, v, table, lengths},
              "expected the length of sequence 0 in [0, 4], got 5");
}

// The regions get (b, h, i, j), positions and not rows, and the scaled
// product. Two queries, three keys: positions 1 and 2. Score = s + 1000 b +
// 100 h + 10 i + j at j == i only, s = scale * 4 * 1 = 2.
TEST_F(AttendTest, regions) {
  expect("dense",
         "normalizer<relu> scale<0.5>\n"
         "score (%s: f32, %b: index, %h: index, %i: index, %j: index) {\n"
         "  %ten = arith.constant 10 : index\n"
         "  %x0 = arith.muli %b, %ten : index\n"
         "  %x1 = arith.addi %x0, %h : index\n"
         "  %x2 = arith.muli %x1, %ten : index\n"
         "  %x3 = arith.addi %x2, %i : index\n"
         "  %x4 = arith.muli %x3, %ten : index\n"
         "  %x5 = arith.addi %x4, %j : index\n"
         "  %n = arith.index_cast %x5 : index to i32\n"
         "  %f = arith.sitofp %n : i32 to f32\n"
         "  %t = arith.addf %s, %f : f32\n"
         "  attn.yield %t : f32\n}\n"
         "where (%b: index, %h: index, %i: index, %j: index) {\n"
         "  %c = arith.cmpi eq, %i, %j : index\n"
         "  attn.yield %c : i1\n}",
         {real({2, 2, 2, 1}, {4, 4, 4, 4, 4, 4, 4, 4}),
          real({2, 1, 3, 1}, {1, 1, 1, 1, 1, 1}),
          real({2, 1, 3, 1}, {1, 1, 1, 1, 1, 1})},
         {{13, 24, 113, 124, 1013, 1024, 1113, 1124}});
}

// What is not visible does not matter; what is visible propagates.
TEST_F(AttendTest, specialValues) {
  expect("dense", "pattern<prefix<1>>",
         {column({1.0}), column({2.0, undefined}), column({3.0, inf})},
         {{3.0}, {2.0}});
  expect("dense", "",
         {column({1.0}), column({2.0, undefined}), column({3.0, 4.0})},
         {{undefined}, {undefined}});
  // A score of -inf has weight 0; if all are, so is the output.
  expect("dense", "", {column({1.0}), column({2.0, -inf}), column({3.0, 4.0})},
         {{3.0}, {2.0}});
  expect("dense", "", {column({1.0}), column({-inf}), column({3.0})},
         {{0.0}, {-inf}});
  // exp(inf) / exp(inf)
  expect("dense", "", {column({1.0}), column({inf}), column({3.0})},
         {{undefined}, {undefined}});
  // Large scores do not overflow.
  expect("dense", "", {column({1e4}), column({1.0, 1.0}), column({3.0, 5.0})},
         {{4.0}, {1e4 + std::log(2.0)}});
}

static constexpr StringRef kScore =
    "score (%s: f32, %b: index, %h: index, %i: index, %j: index) {\n";
static const std::string kRounding =
    (kScore + "  %n = arith.truncf %s : f32 to bf16\n"
              "  %t = arith.extf %n : bf16 to f32\n"
              "  attn.yield %t : f32\n}")
        .str();
static const std::string kWhole =
    (kScore + "  %n = arith.fptosi %s : f32 to i32\n"
              "  %t = arith.sitofp %n : i32 to f32\n"
              "  attn.yield %t : f32\n}")
        .str();

// 257 lies between the neighbours 256 and 258 of bf16 and is rounded to the
// even one; without rounding its weight is e times that of 256.
TEST_F(AttendTest, roundsScores) {
  std::vector<Tensor> arguments = {column({1.0}), column({257.0, 256.0}),
                                   column({10.0, 40.0})};
  double e = std::exp(1.0);
  expect("dense", kRounding, arguments,
         {{(10 * e + 40) / (e + 1)}, {256 + std::log(e + 1)}});
  EXPECT_EQ(getSlack(kRounding, 257, 256).first, 0);
  options.rounds = true;
  expect("dense", kRounding, arguments, {{25.0}, {256 + std::log(2.0)}});
}

// A kernel may have it 258: a weight of e^2 instead of 1, for a value 15 away
// from the result. The sum of the weights is at least the 2 that it is.
TEST_F(AttendTest, slackOfScoresThatJump) {
  options.rounds = true;
  auto [output, lse] = getSlack(kRounding, 257, 256);
  double e2 = std::exp(2.0);
  EXPECT_NEAR(output, (e2 - 1) * 15 / 2, 1e-9);
  EXPECT_NEAR(lse, std::log((e2 + 1) / 2), 1e-12);
  // What lies between is rounded in one way only.
  EXPECT_EQ(getSlack(kRounding, 257.5, 256).first, 0);
  // An error of a score of 257.0001 reaches as far as 257.
  EXPECT_GT(getSlack(kRounding, 257.0001, 256).first, 0);

  EXPECT_GT(getSlack(kWhole, 3, 2.5).first, 1);
  EXPECT_EQ(getSlack(kWhole, 3.5, 2.5).first, 0);
  // No region, no slack: the rest is in the table of tolerances.
  EXPECT_EQ(getSlack("", 257, 256).first, 0);
}

TEST_F(AttendTest, slackWithoutSum) {
  options.rounds = true;
  auto output = getSlack("normalizer<relu> " + kRounding, 257, 257.5).first;
  EXPECT_NEAR(output, 2 * 10, 1e-9);
}

TEST_F(AttendTest, rules) {
  expectError("dense", "",
              {real({1, 3, 1, 1}, {1, 1, 1}), real({1, 2, 1, 1}, {1, 1}),
               real({1, 2, 1, 1}, {1, 1})},
              "multiple of the number of key heads, got 3 and 2");
  expectError("dense", "", {column({1}), column({1, 2}), column({1})},
              "expected as many rows of values as of keys, got 2 and 1");
  expectError("dense", "",
              {real({2, 1, 1, 1}, {1, 1}), column({1}), column({1})},
              "expected keys and values of the query's batch size");
  expectError("dense", "sink(%logits)",
              {column({1}), column({1}), column({1}), real({2}, {0, 0})},
              "expected one sink logit for each query head, got 2 and 1");
  expectError("dense", "documents(%ids) pattern<document>",
              {column({1}), column({1}), column({1}), integer({1, 2}, {0, 0})},
              "expected a document for each key, [1, 1], got [1, 2]");
}
