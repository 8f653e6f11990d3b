//===- MergeLawsTest.cpp - the algebra that every fold promises -----------===//
//
// `merge` is associative and commutative with `identity` as neutral element,
// and any cut of the stream gives what one tile gives. Checked at every point
// of every fold in the files below, on random data, small and large.
//
//===----------------------------------------------------------------------===//

#include "TestUtil.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <random>

using namespace mlir;
using namespace fovea;
using namespace fovea::reference;

namespace {

/// Checks the laws at the points it is shown and remembers which were broken.
class Laws {
public:
  explicit Laws(uint64_t seed) : engine(seed) {}

  llvm::Error check(FoldPoint &point);
  const llvm::StringSet<> &getBroken() const { return broken; }
  std::string getReport() const { return report; }
  unsigned getNumPoints() const { return numPoints; }

private:
  void equal(StringRef law, const State &a, const State &b) {
    std::optional<std::string> difference = findDifference(a, b);
    if (!difference && !hasNaN(a)) {
      return;
    }
    if (broken.insert(law).second) {
      report += (law + ": " + difference.value_or("a NaN") + "\n").str();
    }
  }

  std::mt19937_64 engine;
  llvm::StringSet<> broken;
  std::string report;
  unsigned numPoints = 0;
};

} // namespace

llvm::Error Laws::check(FoldPoint &point) {
  ++numPoints;
  // Pieces return errors only for programs that do not run at all.
  auto get = [](auto expected) { return llvm::cantFail(std::move(expected)); };
  State identity = point.getIdentity();
  State whole = get(point.step(get(point.init()), point.getVisible()));

  // Three disjoint parts of the visible keys, in any order, often empty.
  SmallVector<int64_t> keys(point.getVisible());
  std::shuffle(keys.begin(), keys.end(), engine);
  size_t first = engine() % (keys.size() + 1);
  size_t second = first + engine() % (keys.size() - first + 1);
  ArrayRef<int64_t> all(keys);
  State a = get(point.step(identity, all.take_front(first)));
  State b = get(point.step(identity, all.slice(first, second - first)));
  State c = get(point.step(identity, all.drop_front(second)));

  auto merge = [&](const State &x, const State &y) {
    return get(point.merge(x, y));
  };
  equal("associativity", merge(merge(a, b), c), merge(a, merge(b, c)));
  equal("commutativity", merge(a, b), merge(b, a));
  for (const State &x : {a, b, c, whole}) {
    equal("identity on the right", merge(x, identity), x);
    equal("identity on the left", merge(identity, x), x);
    equal("an empty tile", get(point.step(x, {})), x);
  }
  equal("identity with itself", merge(identity, identity), identity);
  equal("an empty tile after identity", get(point.step(identity, {})),
        identity);

  State start = get(point.init());
  State cut = merge(merge(c, start), merge(b, a));
  equal("any split", cut, whole);
  equal("the results of any split", get(point.finish(cut)),
        get(point.finish(whole)));
  State tiles = get(point.step(start, all.take_front(second)));
  tiles = get(point.step(tiles, all.drop_front(second)));
  equal("tiles in any order", tiles, whole);
  return llvm::Error::success();
}

/// Runs `f` and checks the laws at all its folds.
static Laws checkLaws(func::FuncOp f, uint64_t seed, double scale) {
  Laws laws(seed);
  Options options;
  options.observeFold = [&](cascade::FoldOp, FoldPoint &point) {
    return laws.check(point);
  };
  auto results = interpret(f, makeArguments(f, seed, scale), options);
  EXPECT_TRUE(static_cast<bool>(results))
      << llvm::toString(results.takeError());
  return laws;
}

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
      Laws laws = checkLaws(f, seed, scale);
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
  Laws laws = checkLaws(forgets, 1, 1.0);
  EXPECT_TRUE(laws.getBroken().contains("commutativity"));
  EXPECT_TRUE(laws.getBroken().contains("identity on the left"));
  EXPECT_TRUE(laws.getBroken().contains("any split"));
  EXPECT_FALSE(laws.getBroken().contains("identity on the right"));
  EXPECT_FALSE(laws.getBroken().contains("associativity"));

  auto unguarded = modules[0]->lookupSymbol<func::FuncOp>("unguarded");
  laws = checkLaws(unguarded, 1, 1.0);
  EXPECT_TRUE(laws.getBroken().contains("identity with itself"));
  EXPECT_TRUE(laws.getBroken().contains("an empty tile after identity"));
}
