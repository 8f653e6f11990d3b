//===- DerivedFoldTest.cpp - what is derived means what was written -------===//
//
// Every function of the derivation's own tests and of the examples: the cascade
// as written and the folds derived from it give the same results, in one tile
// and under random cuts, and the merges of the folds obey their laws.
//
//===----------------------------------------------------------------------===//

#include "Laws.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace fovea::reference;

/// Compares one function before and after the derivation.
static void compare(func::FuncOp written, func::FuncOp derived, uint64_t seed,
                    double scale, unsigned &numPoints) {
  SCOPED_TRACE("@" + written.getName().str() + ", seed " +
               std::to_string(seed) + ", scale " + std::to_string(scale));
  std::vector<Tensor> arguments = makeArguments(written, seed, scale);
  auto expected = interpret(written, arguments);
  ASSERT_TRUE(static_cast<bool>(expected))
      << llvm::toString(expected.takeError());
  SmallVector<Options> cuts(4);
  cuts[1].split.tileSizes = {2, 1};
  cuts[1].split.mergeTiles = true;
  cuts[2].split.seed = seed;
  cuts[3].split.seed = seed + 1000;
  for (const Options &cut : cuts) {
    auto results = interpret(derived, arguments, cut);
    ASSERT_TRUE(static_cast<bool>(results))
        << llvm::toString(results.takeError());
    std::optional<std::string> difference = findDifference(*expected, *results);
    EXPECT_FALSE(difference) << *difference;
  }
  if (hasNaN(*expected)) {
    return; // What overflows as written promises nothing about its parts.
  }
  Laws laws = checkLaws(derived, arguments, seed);
  EXPECT_TRUE(laws.getBroken().empty()) << laws.getReport();
  numPoints += laws.getNumPoints();
}

/// Files of a folder beside or below test/ whose names begin with `prefix`,
/// in order.
static std::vector<std::string> listFiles(StringRef folder, StringRef prefix) {
  std::vector<std::string> paths;
  std::error_code error;
  std::string whole = (FOVEA_TEST_DIRECTORY "/" + folder).str();
  for (llvm::sys::fs::directory_iterator it(whole, error), end;
       !error && it != end; it.increment(error)) {
    StringRef name = llvm::sys::path::filename(it->path());
    if (name.starts_with(prefix) && name.ends_with(".mlir") &&
        !name.contains("invalid")) {
      paths.push_back((folder + "/" + name).str());
    }
  }
  llvm::sort(paths);
  return paths;
}

class DerivedFoldTest : public ::testing::TestWithParam<double> {};

TEST_P(DerivedFoldTest, means) {
  auto context = makeContext();
  unsigned numFunctions = 0, numPoints = 0;
  std::vector<std::string> files = listFiles("passes/Cascade", "derive-fold");
  llvm::append_range(files, listFiles("../examples/cascades", ""));
  for (const std::string &file : files) {
    SCOPED_TRACE(file);
    for (auto &module : loadTestFile(*context, file)) {
      OwningOpRef<ModuleOp> derived = module->clone();
      ASSERT_TRUE(runPasses(*derived, "fovea-derive-fold"));
      for (auto f : module->getOps<func::FuncOp>()) {
        if (f.isExternal()) {
          continue;
        }
        ++numFunctions;
        auto g = derived->lookupSymbol<func::FuncOp>(f.getName());
        for (uint64_t seed = 0; seed < 5; ++seed) {
          compare(f, g, seed, GetParam(), numPoints);
        }
      }
    }
  }
  EXPECT_GT(numFunctions, 0u);
  EXPECT_GT(numPoints, numFunctions);
}

INSTANTIATE_TEST_SUITE_P(scales, DerivedFoldTest,
                         ::testing::Values(0.1, 1.0, 30.0));
