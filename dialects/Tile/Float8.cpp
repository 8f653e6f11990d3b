//===- Float8.cpp - f8E4M3FN to and from f32, in integers -----------------===//

#include "fovea/dialects/Tile/Float8.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace {

/// Writes integer code on the lanes of one value.
class Bits {
public:
  Bits(OpBuilder &b, Location loc, Type like)
      : f32(withElement(like, b.getF32Type())),
        i32(withElement(like, b.getI32Type())),
        i8(withElement(like, b.getI8Type())), b(b), loc(loc) {}

  static Type withElement(Type like, Type element) {
    auto vector = dyn_cast<VectorType>(like);
    return vector ? Type(vector.clone(element)) : element;
  }

  template <typename Op> Value apply(Value x, Value y) {
    return Op::create(b, loc, x, y);
  }
  template <typename Op> Value apply(Value x, int64_t y) {
    return Op::create(b, loc, x, constant(b.getI32IntegerAttr(y), i32));
  }
  template <typename Op> Value to(Type type, Value v) {
    return Op::create(b, loc, type, v);
  }
  Value real(double v) { return constant(b.getF32FloatAttr(v), f32); }
  Value integer(int64_t v) { return constant(b.getI32IntegerAttr(v), i32); }
  Value chooseIf(arith::CmpIPredicate predicate, Value x, int64_t y, Value yes,
                 Value no) {
    Value holds = arith::CmpIOp::create(b, loc, predicate, x, integer(y));
    return arith::SelectOp::create(b, loc, holds, yes, no);
  }

  Type f32, i32, i8;

private:
  Value constant(TypedAttr one, Type type) {
    auto vector = dyn_cast<VectorType>(type);
    return arith::ConstantOp::create(
        b, loc, vector ? TypedAttr(DenseElementsAttr::get(vector, one)) : one);
  }

  OpBuilder &b;
  Location loc;
};

} // namespace

/// By its bits, s eeee fff: normal values get another exponent bias (127 - 7 =
/// 120); subnormal ones are whole numbers of 2^-9.
Value fovea::tile::widenF8E4M3FN(OpBuilder &b, Location loc, Value v) {
  Bits is(b, loc, v.getType());
  Value bits = is.to<arith::BitcastOp>(is.i8, v);
  bits = is.to<arith::ExtUIOp>(is.i32, bits);
  Value magnitude = is.apply<arith::AndIOp>(bits, 0x7f);
  Value normal = is.apply<arith::ShLIOp>(magnitude, 20);
  normal = is.apply<arith::AddIOp>(normal, int64_t(120) << 23);
  Value small = is.to<arith::UIToFPOp>(is.f32, magnitude);
  small = is.apply<arith::MulFOp>(small, is.real(0x1p-9));
  small = is.to<arith::BitcastOp>(is.i32, small);
  Value chosen =
      is.chooseIf(arith::CmpIPredicate::ult, magnitude, 8, small, normal);
  chosen = is.chooseIf(arith::CmpIPredicate::eq, magnitude, 0x7f,
                       is.integer(0x7fc00000), chosen);
  Value sign = is.apply<arith::AndIOp>(bits, 0x80);
  sign = is.apply<arith::ShLIOp>(sign, 24);
  chosen = is.apply<arith::OrIOp>(chosen, sign);
  return is.to<arith::BitcastOp>(is.f32, chosen);
}

/// Normal values get their other exponent bias, and are rounded by adding half
/// of the last place kept, less one if that place is even. Subnormal ones are
/// rounded by a sum: floats from 2^14 on are whole numbers of 2^-9, so that
///
///   2^14 + 0.0078  =  2^14 + 4 * 2^-9, the bits of 2^14 plus 4
Value fovea::tile::narrowToF8E4M3FN(OpBuilder &b, Location loc, Value v) {
  Bits is(b, loc, v.getType());
  Value bits = is.to<arith::BitcastOp>(is.i32, v);
  Value magnitude = is.apply<arith::AndIOp>(bits, 0x7fffffff);
  Value last = is.apply<arith::ShRUIOp>(magnitude, 20);
  last = is.apply<arith::AndIOp>(last, 1);
  Value normal =
      is.apply<arith::AddIOp>(magnitude, 0x7ffff - (int64_t(120) << 23));
  normal = is.apply<arith::AddIOp>(normal, last);
  normal = is.apply<arith::ShRUIOp>(normal, 20);
  // Too large, infinite or no number.
  normal = is.chooseIf(arith::CmpIPredicate::ugt, normal, 0x7f,
                       is.integer(0x7f), normal);
  Value small = is.to<arith::BitcastOp>(is.f32, magnitude);
  small = is.apply<arith::AddFOp>(small, is.real(0x1p14));
  small = is.to<arith::BitcastOp>(is.i32, small);
  small = is.apply<arith::SubIOp>(small, 0x46800000); // the bits of 2^14
  constexpr int64_t leastNormal = 0x3c800000;         // the bits of 2^-6
  Value chosen = is.chooseIf(arith::CmpIPredicate::ult, magnitude, leastNormal,
                             small, normal);
  Value sign = is.apply<arith::ShRUIOp>(bits, 24);
  sign = is.apply<arith::AndIOp>(sign, 0x80);
  chosen = is.apply<arith::OrIOp>(chosen, sign);
  chosen = is.to<arith::TruncIOp>(is.i8, chosen);
  Type f8 = Bits::withElement(v.getType(), b.getType<Float8E4M3FNType>());
  return is.to<arith::BitcastOp>(f8, chosen);
}
