//===- ExpandMath.h - functions of vectors as arithmetic --------*- C++ -*-===//
//
// 2^x = 2^n * 2^f with n = floor(x) and f = x - n in [0, 1). For 2^f stands the
// polynomial p of least degree that is good enough, among those with p(0) = 1
// and the least relative error. Degree 5 is off by at most 8.3e-8, 1.5e-7 when
// evaluated in f32; where `tile.error` says that the uses do not notice more,
// degree 3 is off by 8.6e-5.
//
//   x = -2.5:  n = -3, f = 0.5, p = 1.4142136, result 1.4142136 * 2^-3
//
// 2^n is built from bits: n + 127 in the exponent field is 0 (the number 0) for
// n = -127 and 255 (infinity) for n = 128, so clamping x to [-127, 128] makes
// the ends right. A target may have instructions for f and for the product with
// 2^n instead.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TARGET_COMMON_EXPANDMATH_H
#define FOVEA_TARGET_COMMON_EXPANDMATH_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>

namespace fovea {

/// Builds the code in place of one `math.exp` or `math.exp2` of an f32 vector,
/// before it.
class ExponentialBuilder {
public:
  explicit ExponentialBuilder(mlir::Operation *op);
  virtual ~ExponentialBuilder();

  mlir::Value build();

protected:
  /// True if fraction() and scale() are instructions of the target for this
  /// type.
  virtual bool scales() const { return false; }
  /// x - floor(x).
  virtual mlir::Value fraction(mlir::Value x);
  /// p * 2^floor(x), for any x: 0 and infinity where that is the result.
  virtual mlir::Value scale(mlir::Value p, mlir::Value x);

  mlir::OpBuilder b;
  mlir::Location loc;
  mlir::VectorType type;

private:
  mlir::Value buildExp2(mlir::Value x);
  mlir::Value buildExp(mlir::Value x);
  mlir::Value splat(double value);
  mlir::Value clamp(mlir::Value x, float low, float high);
  mlir::Value polynomial(mlir::Value f);
  mlir::Value powerOfTwo(mlir::Value n);

  mlir::Operation *op;
  llvm::ArrayRef<double> coefficients;
};

using MakeExponential =
    llvm::function_ref<std::unique_ptr<ExponentialBuilder>(mlir::Operation *)>;

/// Expands every function of vectors below `root`: exponentials of f32 by what
/// `make` returns, others by MLIR's polynomials; those of 16-bit floats are
/// computed in f32.
mlir::LogicalResult expandMath(mlir::Operation *root, MakeExponential make);

} // namespace fovea

#endif // FOVEA_TARGET_COMMON_EXPANDMATH_H
