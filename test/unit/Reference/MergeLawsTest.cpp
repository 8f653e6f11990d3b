//===- MergeLawsTest.cpp - the algebra that every fold promises -----------===//
//
// Laws.h lists the laws. Here they are checked on a fold written by hand and on
// broken ones; DerivedFoldTest.cpp checks what the compiler derives.
//
//===----------------------------------------------------------------------===//

#include "Laws.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace fovea;
using namespace fovea::reference;

static constexpr StringLiteral handWritten =
    "reference/Inputs/softmax-fold.mlir";

TEST(MergeLawsTest, softmaxByHand) {
  auto context = makeContext();
  auto modules = loadTestFile(*context, handWritten);
  ASSERT_EQ(modules.size(), 1u);
  auto f = modules[0]->lookupSymbol<func::FuncOp>("softmax");
  // Scores are sums of four products: with deviation 60 they reach 1e4.
  for (double scale : {0.1, 1.0, 60.0}) {
    for (uint64_t seed = 0; seed < 8; ++seed) {
      Laws laws = checkLaws(f, makeArguments(f, seed, scale), seed);
      EXPECT_GT(laws.getNumPoints(), 1u);
      EXPECT_TRUE(laws.getBroken().empty()) << laws.getReport();
    }
  }
}

TEST(MergeLawsTest, rowThatSeesNothing) {
  auto context = makeContext();
  auto modules = loadTestFile(*context, handWritten);
  auto f = modules[0]->lookupSymbol<func::FuncOp>("softmax");
  Options options;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    options.split.seed = seed;
    auto results = interpret(f, makeArguments(f, seed, 60.0), options);
    ASSERT_TRUE(static_cast<bool>(results));
    EXPECT_EQ(ArrayRef<double>((*results)[0].reals).take_front(3),
              ArrayRef<double>({0.0, 0.0, 0.0}));
    EXPECT_EQ((*results)[1].reals[0], -INFINITY);
    EXPECT_FALSE(hasNaN(*results));
  }
}

// The whole function under every kind of cut.
TEST(MergeLawsTest, cutsOfTheInterpreter) {
  auto context = makeContext();
  auto modules = loadTestFile(*context, handWritten);
  auto f = modules[0]->lookupSymbol<func::FuncOp>("softmax");
  std::vector<Tensor> arguments = makeArguments(f, 3, 2.0);
  auto whole = interpret(f, arguments);
  ASSERT_TRUE(static_cast<bool>(whole));
  SmallVector<Options> cuts(12);
  cuts[0].split.tileSizes = {1};
  cuts[1].split.tileSizes = {2, 3};
  cuts[2].split.tileSizes = {2};
  cuts[2].split.mergeTiles = true;
  cuts[3].split.tileSizes = {1000};
  for (unsigned i = 4; i < cuts.size(); ++i) {
    cuts[i].split.seed = i;
  }
  for (const Options &cut : cuts) {
    auto results = interpret(f, arguments, cut);
    ASSERT_TRUE(static_cast<bool>(results));
    std::optional<std::string> difference = findDifference(*results, *whole);
    EXPECT_FALSE(difference) << *difference;
  }
}

// The checks find what is wrong.
TEST(MergeLawsTest, brokenLawsAreFound) {
  auto context = makeContext();
  auto modules = loadTestFile(*context, handWritten);
  auto forgets = modules[0]->lookupSymbol<func::FuncOp>("forgets");
  Laws laws = checkLaws(forgets, makeArguments(forgets, 1, 1.0), 1);
  EXPECT_TRUE(laws.getBroken().contains("commutativity"));
  EXPECT_TRUE(laws.getBroken().contains("identity on the left"));
  EXPECT_TRUE(laws.getBroken().contains("any split"));
  EXPECT_FALSE(laws.getBroken().contains("identity on the right"));
  EXPECT_FALSE(laws.getBroken().contains("associativity"));

  auto unguarded = modules[0]->lookupSymbol<func::FuncOp>("unguarded");
  laws = checkLaws(unguarded, makeArguments(unguarded, 1, 1.0), 1);
  EXPECT_TRUE(laws.getBroken().contains("identity with itself"));
  EXPECT_TRUE(laws.getBroken().contains("an empty tile after identity"));
}
