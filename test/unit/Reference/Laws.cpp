//===- Laws.cpp - the algebra that every fold promises --------------------===//

#include "Laws.h"

#include "fovea/dialects/Cascade/CascadeOps.h"

#include "llvm/ADT/STLExtras.h"

#include "gtest/gtest.h"

#include <algorithm>

using namespace mlir;
using namespace fovea;
using namespace fovea::reference;

void Laws::equal(StringRef law, const State &a, const State &b) {
  std::optional<std::string> difference = findDifference(a, b);
  if (!difference && !hasNaN(a)) {
    return;
  }
  if (broken.insert(law).second) {
    report += (law + ": " + difference.value_or("a NaN") + "\n").str();
  }
}

void Laws::check(FoldPoint &point) {
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
}

Laws fovea::reference::checkLaws(func::FuncOp f, ArrayRef<Tensor> arguments,
                                 uint64_t seed) {
  Laws laws(seed);
  Options options;
  options.observeFold = [&](cascade::FoldOp, FoldPoint &point) {
    laws.check(point);
    return llvm::Error::success();
  };
  auto results = interpret(f, arguments, options);
  EXPECT_TRUE(static_cast<bool>(results))
      << llvm::toString(results.takeError());
  return laws;
}
