//===- Laws.h - the algebra that every fold promises ------------*- C++ -*-===//

#ifndef FOVEA_TEST_UNIT_REFERENCE_LAWS_H
#define FOVEA_TEST_UNIT_REFERENCE_LAWS_H

#include "TestUtil.h"

#include "llvm/ADT/StringSet.h"

#include <random>

namespace fovea::reference {

/// Checks, at the points it is shown, that `merge` is associative and
/// commutative with `identity` as neutral element, that an empty tile changes
/// nothing, and that any cut of the stream gives what one tile gives.
class Laws {
public:
  explicit Laws(uint64_t seed) : engine(seed) {}

  void check(FoldPoint &point);
  /// Names of the laws that did not hold, and the first case of each.
  const llvm::StringSet<> &getBroken() const { return broken; }
  std::string getReport() const { return report; }
  unsigned getNumPoints() const { return numPoints; }

private:
  void equal(llvm::StringRef law, const State &a, const State &b);

  std::mt19937_64 engine;
  llvm::StringSet<> broken;
  std::string report;
  unsigned numPoints = 0;
};

/// Runs `f` and checks the laws at all points of all its folds.
Laws checkLaws(mlir::func::FuncOp f, llvm::ArrayRef<Tensor> arguments,
               uint64_t seed);

} // namespace fovea::reference

#endif // FOVEA_TEST_UNIT_REFERENCE_LAWS_H
