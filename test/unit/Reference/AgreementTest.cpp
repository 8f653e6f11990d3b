//===- AgreementTest.cpp - attention and its expansion mean the same ------===//
//
// Every pattern with every normaliser on every layout, on random arguments of
// random extents: the definition of attn.attend, the cascade that
// --fovea-attn-to-cascade writes, and the fold that --fovea-derive-fold makes
// of it, in one tile and under random cuts; and the laws of its merge.
//
//===----------------------------------------------------------------------===//

#include "Laws.h"

#include "gtest/gtest.h"

#include <limits>
#include <random>

using namespace mlir;
using namespace fovea::reference;

static constexpr int64_t keyWidth = 4, valueWidth = 3, pageSize = 4;

namespace {

/// How scores become weights, and what else a program may say.
struct Variant {
  StringRef name;
  StringRef clauses; // before the pattern: sink, or nothing
  StringRef rest;    // after it
  bool hasLse;
};

} // namespace

static constexpr StringLiteral scoreRegion = R"(
    score (%s: f32, %b: index, %h: index, %i: index, %j: index) {
      %slope = tensor.extract %logits[%h] : tensor<?xf32>
      %d = arith.subi %j, %i : index
      %n = arith.index_cast %d : index to i32
      %f = arith.sitofp %n : i32 to f32
      %p = arith.mulf %f, %slope : f32
      %t = arith.addf %s, %p : f32
      %u = math.tanh %t : f32
      attn.yield %u : f32
    })";

static constexpr StringLiteral whereRegion = R"(
    where (%b: index, %h: index, %i: index, %j: index) {
      %three = arith.constant 3 : index
      %zero = arith.constant 0 : index
      %x = arith.addi %b, %h : index
      %y = arith.addi %i, %j : index
      %z = arith.addi %x, %y : index
      %r = arith.remsi %z, %three : index
      %c = arith.cmpi ne, %r, %zero : index
      attn.yield %c : i1
    })";

static constexpr StringLiteral weightRegion = R"( normalizer<l1>
    weight (%s: f32) {
      %one = arith.constant 1.0 : f32
      %t = math.absf %s : f32
      %w = arith.addf %t, %one : f32
      attn.yield %w : f32
    })";

static const Variant variants[] = {
    {"softmax", "", "", true},
    {"sink", "sink(%logits)", "", true},
    {"sigmoid", "", " normalizer<sigmoid> scale<0.3>", false},
    {"relu", "", " normalizer<relu>", false},
    {"l1", "", weightRegion, false},
    {"score", "", scoreRegion, true},
    {"where", "sink(%logits)", whereRegion, true}};

static constexpr StringLiteral patterns[] = {
    "all",
    "causal",
    "window<3>",
    "sink<2>",
    "prefix<3>",
    "block<3>",
    "stride<2>",
    "document",
    "not causal",
    "causal and (window<3> or sink<1>)",
    "causal and document",
    "not (window<2> or document)",
    "block<2> or stride<3> and causal"};

/// All programs take q, the keys and values, %ids and %logits.
static std::string makeProgram(StringRef kv, StringRef pattern,
                               const Variant &variant) {
  bool documents = pattern.contains("document");
  bool sink = !variant.clauses.empty();
  StringRef element = kv.ends_with("bf16>") ? "bf16" : "f32";
  auto tensor = [&](int64_t width) {
    return ("tensor<?x?x?x" + Twine(width) + "x" + element + ">").str();
  };
  std::string results = tensor(valueWidth);
  if (variant.hasLse) {
    results += ", tensor<?x?x?xf32>";
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "func.func @f(%q: " << tensor(keyWidth) << ", %kv: " << kv
     << ", %ids: tensor<?x?xi32>, %logits: tensor<?xf32>) -> (" << results
     << ") {\n  %r:" << (variant.hasLse ? 2 : 1) << " = attn.attend %q, %kv "
     << (documents ? "documents(%ids) " : "") << variant.clauses << " pattern<"
     << pattern << ">" << variant.rest << "\n    : (" << tensor(keyWidth)
     << ", " << kv << (documents ? ", tensor<?x?xi32>" : "")
     << (sink ? ", tensor<?xf32>" : "") << ") -> (" << results << ")\n  return "
     << (variant.hasLse ? "%r#0, %r#1" : "%r#0") << " : " << results << "\n}\n";
  return text;
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

namespace {

class Generator {
public:
  Generator(uint64_t seed, double scale) : engine(seed), normal(0.0, scale) {}

  int64_t between(int64_t low, int64_t high) {
    return low + engine() % (high - low + 1);
  }
  Tensor reals(ArrayRef<int64_t> shape) {
    std::vector<double> data;
    for (int64_t i = 0, n = count(shape); i < n; ++i) {
      data.push_back(normal(engine));
    }
    return Tensor::fromReals(shape, std::move(data));
  }
  Tensor integers(ArrayRef<int64_t> shape, int64_t low, int64_t high) {
    std::vector<int64_t> data;
    for (int64_t i = 0, n = count(shape); i < n; ++i) {
      data.push_back(between(low, high));
    }
    return Tensor::fromIntegers(shape, std::move(data));
  }

private:
  static int64_t count(ArrayRef<int64_t> shape) {
    Tensor t;
    t.shape.assign(shape.begin(), shape.end());
    return t.getNumElements();
  }
  std::mt19937_64 engine;
  std::normal_distribution<double> normal;
};

} // namespace

static std::vector<Tensor> makeAttendArguments(bool isPaged, uint64_t seed,
                                               double scale) {
  Generator g(seed, scale);
  int64_t batch = g.between(1, 2), groups = g.between(1, 2),
          heads = groups * g.between(1, 3), queries = g.between(1, 6);
  std::vector<Tensor> arguments = {g.reals({batch, heads, queries, keyWidth})};
  int64_t longest;
  if (isPaged) {
    int64_t pages = g.between(1, 5), slots = g.between(0, 3);
    arguments.push_back(g.reals({pages, groups, pageSize, keyWidth}));
    arguments.push_back(g.reals({pages, groups, pageSize, valueWidth}));
    Tensor table = g.integers({batch, slots}, 0, pages - 1);
    Tensor lengths = g.integers({batch}, 0, slots * pageSize);
    longest = 0;
    for (int64_t b = 0; b < batch; ++b) {
      int64_t length = lengths.integers[b];
      longest = std::max(longest, length);
      for (int64_t s = 0; s < slots; ++s) {
        if (s * pageSize >= length) {
          table.integers[b * slots + s] = -1 - s;
        }
      }
    }
    arguments.push_back(std::move(table));
    arguments.push_back(std::move(lengths));
  } else {
    longest = g.between(0, 9);
    arguments.push_back(g.reals({batch, groups, longest, keyWidth}));
    arguments.push_back(g.reals({batch, groups, longest, valueWidth}));
  }
  arguments.push_back(g.integers({batch, longest}, 0, 1));
  arguments.push_back(g.reals({heads}));
  return arguments;
}

//===----------------------------------------------------------------------===//
// The tests
//===----------------------------------------------------------------------===//

/// Layouts with element types; the interpreter does not round.
static constexpr StringLiteral layouts[] = {
    "!attn.kv<dense, key = 4, value = 3, f32>",
    "!attn.kv<paged<4>, key = 4, value = 3, bf16>"};

static constexpr StringLiteral toCascade = "func.func(fovea-attn-to-cascade)";
static constexpr StringLiteral toFold =
    "func.func(fovea-attn-to-cascade),fovea-derive-fold";

/// Compares `f` with its meaning on the same arguments.
static void expectMeaning(StringRef what, ArrayRef<Tensor> meaning,
                          func::FuncOp f, ArrayRef<Tensor> arguments,
                          const Options &options = {}) {
  auto results = interpret(f, arguments, options);
  ASSERT_TRUE(static_cast<bool>(results))
      << what.str() << ": " << llvm::toString(results.takeError());
  std::optional<std::string> difference = findDifference(meaning, *results);
  EXPECT_FALSE(difference) << what.str() << ": " << *difference;
}

class AgreementTest : public ::testing::TestWithParam<size_t> {
protected:
  /// The program, its cascade and its fold on a few random arguments.
  void compare(StringRef text, bool isPaged);

  std::unique_ptr<MLIRContext> context = makeContext();
  unsigned numPoints = 0;
};

void AgreementTest::compare(StringRef text, bool isPaged) {
  SCOPED_TRACE(text.str());
  auto module = parseText(*context, text);
  ASSERT_TRUE(module);
  OwningOpRef<ModuleOp> cascade = module->clone(), fold = module->clone();
  ASSERT_TRUE(runPasses(*cascade, toCascade));
  ASSERT_TRUE(runPasses(*fold, toFold));
  auto f = module->lookupSymbol<func::FuncOp>("f");
  auto folded = fold->lookupSymbol<func::FuncOp>("f");
  for (uint64_t seed = 0; seed < 4; ++seed) {
    auto arguments = makeAttendArguments(isPaged, seed, seed % 2 ? 1.0 : 40.0);
    auto meaning = interpret(f, arguments);
    ASSERT_TRUE(static_cast<bool>(meaning))
        << llvm::toString(meaning.takeError());
    EXPECT_FALSE(hasNaN(*meaning));
    expectMeaning("cascade", *meaning, cascade->lookupSymbol<func::FuncOp>("f"),
                  arguments);
    expectMeaning("fold", *meaning, folded, arguments);
    Options cut;
    cut.split.seed = seed;
    expectMeaning("cut fold", *meaning, folded, arguments, cut);
    Laws laws = checkLaws(folded, arguments, seed);
    EXPECT_TRUE(laws.getBroken().empty()) << laws.getReport();
    numPoints += laws.getNumPoints();
  }
}

TEST_P(AgreementTest, everyPatternAndLayout) {
  for (StringRef kv : layouts) {
    for (StringRef pattern : patterns) {
      compare(makeProgram(kv, pattern, variants[GetParam()]),
              kv.contains("paged"));
    }
  }
  // Each program has one fold at least and each fold a point or more.
  EXPECT_GE(numPoints, 4 * std::size(patterns) * std::size(layouts));
}

INSTANTIATE_TEST_SUITE_P(all, AgreementTest,
                         ::testing::Range(size_t(0), std::size(variants)),
                         [](const auto &info) {
                           return variants[info.param].name.str();
                         });

// A key that no query sees may hold anything.
TEST(AgreementOfSpecialValuesTest, invisibleKeysDoNotMatter) {
  auto context = makeContext();
  for (const Variant &variant : variants) {
    std::string text = makeProgram(layouts[0], "prefix<2>", variant);
    SCOPED_TRACE(text);
    auto module = parseText(*context, text);
    ASSERT_TRUE(module);
    Generator g(1, 1.0);
    std::vector<Tensor> arguments = {
        g.reals({1, 2, 3, keyWidth}), g.reals({1, 1, 4, keyWidth}),
        g.reals({1, 1, 4, valueWidth}), g.integers({1, 4}, 0, 1), g.reals({2})};
    for (auto [i, width] : {std::pair(1, keyWidth), std::pair(2, valueWidth)}) {
      std::vector<double> &data = arguments[i].reals;
      std::fill(data.begin() + 2 * width, data.begin() + 3 * width,
                std::numeric_limits<double>::quiet_NaN());
      std::fill(data.begin() + 3 * width, data.end(),
                std::numeric_limits<double>::infinity());
    }
    auto meaning =
        interpret(module->lookupSymbol<func::FuncOp>("f"), arguments);
    ASSERT_TRUE(static_cast<bool>(meaning));
    EXPECT_FALSE(hasNaN(*meaning));
    for (StringRef passes : {toCascade, toFold}) {
      OwningOpRef<ModuleOp> lowered = module->clone();
      ASSERT_TRUE(runPasses(*lowered, passes));
      expectMeaning(passes, *meaning, lowered->lookupSymbol<func::FuncOp>("f"),
                    arguments);
    }
  }
}
