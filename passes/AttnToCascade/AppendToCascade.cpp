//===- AppendToCascade.cpp - new tokens as Einsums and placed rows --------===//
//
// The rows to store are computed by Einsums, then placed:
//
//   AM[b, g, t] = max_d |X[b, g, t, d]|       a scale for each row
//   SC          = AM / 127                    i8; f8E4M3FN: AM / 448
//   ST[.., d]   = i8(round(X / SC))           f8E4M3FN: f8(clamp(X / SC))
//   cascade.place ST into K at positions,  cascade.place SC into its scales
//
// Nibbles: the channels of a row are [n, h, j], group n, half h, byte j, and
// byte [n, j] is made of elements [n, 0, j] and [n, 1, j]. The channels of
// values are another rank, e, and so are their groups, m.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace fovea;
using attn::AppendOp;

namespace {

/// An operand and the index of each of its dimensions: a letter for a rank, a
/// digit for itself.
struct Operand {
  Value value;
  StringRef indices;
};

class AppendLowering {
public:
  AppendLowering(AppendOp op, ArrayRef<Value> components)
      : op(op), components(components), b(op), loc(op.getLoc()),
        f32(b.getF32Type()) {}

  void run();

private:
  using BodyFn = function_ref<Value(ValueRange)>;
  Value einsum(ArrayRef<Operand> inputs, StringRef ranks, ArrayRef<int64_t> shape,
               Type element, BodyFn body, bool isMax = false);
  void assertRules(Value rows, unsigned component);
  Value clamp(Value x);
  Value encode(Value x, Value scale);
  Value lowerMost(Value rows, StringRef ranks);
  Value lowerScale(ArrayRef<Operand> most, StringRef ranks, Type type);
  void lowerRows(Value rows, unsigned component);
  void lowerNibbles(Value rows, unsigned component, const std::string &n);
  void place(Value rows, unsigned component);
  Value largest();

  Value constant(double v) {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(v));
  }
  Value extend(Value v) {
    return v.getType() == f32 ? v : arith::ExtFOp::create(b, loc, f32, v);
  }
  static RankedTensorType typeOf(Value v) {
    return cast<RankedTensorType>(v.getType());
  }

  AppendOp op;
  ArrayRef<Value> components;
  OpBuilder b;
  Location loc;
  Type f32;
};

} // namespace

Value AppendLowering::einsum(ArrayRef<Operand> inputs, StringRef ranks,
                             ArrayRef<int64_t> shape, Type element, BodyFn body,
                             bool isMax) {
  MLIRContext *context = b.getContext();
  std::string all = ranks.str();
  for (const Operand &input : inputs) {
    for (char index : input.indices) {
      if (!llvm::isDigit(index) && !StringRef(all).contains(index)) {
        all += index;
      }
    }
  }
  auto getMap = [&](StringRef indices) {
    SmallVector<AffineExpr> exprs;
    for (char index : indices) {
      exprs.push_back(llvm::isDigit(index)
                          ? getAffineConstantExpr(index - '0', context)
                          : getAffineDimExpr(all.find(index), context));
    }
    return AffineMap::get(all.size(), 0, exprs, context);
  };
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  SmallVector<Type> elements;
  for (const Operand &input : inputs) {
    operands.push_back(input.value);
    maps.push_back(getMap(input.indices));
    elements.push_back(typeOf(input.value).getElementType());
  }
  maps.push_back(getMap(ranks));
  SmallVector<StringRef> names;
  for (const char &rank : all) {
    names.push_back(StringRef(&rank, 1));
  }
  auto created = cascade::EinsumOp::create(
      b, loc, RankedTensorType::get(shape, element), operands, Value(),
      b.getStrArrayAttr(names), b.getAffineMapArrayAttr(maps), AffineMapAttr(),
      isMax ? cascade::MonoidAttr::get(context, cascade::Monoid::Max)
            : cascade::MonoidAttr());
  OpBuilder::InsertionGuard guard(b);
  SmallVector<Location> locs(elements.size(), loc);
  Block *block = b.createBlock(&created.getBody(), {}, elements, locs);
  cascade::YieldOp::create(b, loc, body(block->getArguments()));
  return created.getResult();
}

/// The largest magnitude of stored elements.
Value AppendLowering::largest() {
  attn::KVType kv = op.getKVType();
  return constant(kv.isNibbles()                            ? 7
                  : isa<IntegerType>(kv.getStoredType())    ? 127
                                                            : 448);
}

/// The largest magnitude over the last rank.
Value AppendLowering::lowerMost(Value rows, StringRef ranks) {
  return einsum(
      {{rows, ranks}}, ranks.drop_back(), typeOf(rows).getShape().drop_back(),
      f32,
      [&](ValueRange args) -> Value {
        return math::AbsFOp::create(b, loc, extend(args[0]));
      },
      /*isMax=*/true);
}

/// Scales: the larger of the magnitudes given, as a part of the largest stored
/// one.
Value AppendLowering::lowerScale(ArrayRef<Operand> most, StringRef ranks,
                                 Type type) {
  SmallVector<int64_t> shape(
      typeOf(most[0].value).getShape().take_front(ranks.size()));
  return einsum(most, ranks, shape, type, [&](ValueRange args) -> Value {
    Value scale = args[0];
    for (Value other : args.drop_front()) {
      scale = arith::MaximumFOp::create(b, loc, scale, other);
    }
    scale = arith::DivFOp::create(b, loc, scale, largest());
    return type == f32 ? scale
                       : arith::TruncFOp::create(b, loc, type, scale);
  });
}

/// x within the range of stored elements. A NaN stays one.
Value AppendLowering::clamp(Value x) {
  Value most = largest();
  x = arith::MinimumFOp::create(b, loc, x, most);
  return arith::MaximumFOp::create(b, loc, x,
                                   arith::NegFOp::create(b, loc, most));
}

/// x / scale as the nearest stored element, integers in i8; 0 where the scale
/// is.
Value AppendLowering::encode(Value x, Value scale) {
  Value wide = extend(scale), zero = constant(0);
  Value none = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, wide,
                                     zero);
  Value quotient = arith::DivFOp::create(b, loc, extend(x), wide);
  quotient = arith::SelectOp::create(b, loc, none, zero, quotient);
  Type stored = op.getKVType().getStoredType();
  if (isa<FloatType>(stored)) {
    return arith::TruncFOp::create(b, loc, stored, clamp(quotient));
  }
  quotient = math::RoundEvenOp::create(b, loc, quotient);
  return arith::FPToSIOp::create(b, loc, b.getI8Type(), clamp(quotient));
}

/// Puts rows into a component; what comes out replaces the result.
void AppendLowering::place(Value rows, unsigned component) {
  attn::KVType kv = op.getKVType();
  Value table = kv.isPaged() ? components[kv.getTableIndex()] : Value();
  Value placed = cascade::PlaceOp::create(
      b, loc, op.getResult(component).getType(), rows, components[component],
      op.getPositions(), table);
  op.getResult(component).replaceAllUsesWith(placed);
}

void AppendLowering::lowerRows(Value rows, unsigned component) {
  attn::KVType kv = op.getKVType();
  Type stored = kv.getStoredType();
  RankedTensorType type = typeOf(rows);
  bool isKey = component == kv.getKeyIndex();
  StringRef ranks = isKey ? "bgtd" : "bgte", token = ranks.drop_back();
  if (!kv.isEncoded()) {
    place(rows, component);
    return;
  }
  if (!kv.hasScale()) {
    place(einsum({{rows, ranks}}, ranks, type.getShape(), stored,
                 [&](ValueRange args) -> Value {
                   Value wide = extend(args[0]);
                   return arith::TruncFOp::create(
                       b, loc, stored, stored.isF16() ? wide : clamp(wide));
                 }),
          component);
    return;
  }
  if (!kv.isNibbles()) {
    Value scale = lowerScale({{lowerMost(rows, ranks), token}}, token, f32);
    place(einsum({{rows, ranks}, {scale, token}}, ranks, type.getShape(),
                 stored,
                 [&](ValueRange args) { return encode(args[0], args[1]); }),
          component);
    place(scale, component + 1);
    return;
  }
  lowerNibbles(rows, component, isKey ? "n" : "m");
}

/// `n` is the rank of groups.
void AppendLowering::lowerNibbles(Value rows, unsigned component,
                                  const std::string &n) {
  RankedTensorType type = typeOf(rows);
  constexpr int64_t group = attn::KVType::kNibbleGroup, half = group / 2;
  int64_t groups = type.getDimSize(3) / group;
  SmallVector<int64_t> shape(type.getShape().take_front(3));
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0; i < 3; ++i) {
    sizes.push_back(tensor::getMixedSize(b, loc, rows, i));
  }
  shape.append({groups, 2, half});
  for (int64_t size : {groups, int64_t(2), half}) {
    sizes.push_back(b.getIndexAttr(size));
  }
  Value split = tensor::ExpandShapeOp::create(
      b, loc, type.clone(shape), rows,
      ArrayRef<ReassociationIndices>{{0}, {1}, {2}, {3, 4, 5}}, sizes);
  std::string ranks = "bgt" + n, bytesOf = ranks + "j";
  std::string low = ranks + "0", high = ranks + "1";
  Value most = lowerMost(split, ranks + "hj");
  Value scale = lowerScale({{most, low}, {most, high}}, ranks, b.getF16Type());
  shape.erase(shape.begin() + 4);
  std::string lows = low + "j", highs = high + "j";
  Value bytes = einsum(
      {{split, lows}, {split, highs}, {scale, ranks}}, bytesOf, shape,
      b.getI8Type(), [&](ValueRange args) -> Value {
        Value low = encode(args[0], args[2]), high = encode(args[1], args[2]);
        auto byte = [&](int64_t v) {
          return arith::ConstantIntOp::create(b, loc, v, 8);
        };
        low = arith::AndIOp::create(b, loc, low, byte(15));
        high = arith::ShLIOp::create(b, loc, high, byte(4));
        return arith::OrIOp::create(b, loc, low, high);
      });
  Value joined = tensor::CollapseShapeOp::create(
      b, loc, bytes, ArrayRef<ReassociationIndices>{{0}, {1}, {2}, {3, 4}});
  place(joined, component);
  place(scale, component + 1);
}

void AppendLowering::assertRules(Value rows, unsigned component) {
  attn::KVType kv = op.getKVType();
  auto assertSame = [&](Value x, int64_t i, Value y, int64_t j,
                        StringRef message) {
    Value same = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::eq,
        tensor::DimOp::create(b, loc, x, i), tensor::DimOp::create(b, loc, y, j));
    cf::AssertOp::create(b, loc, same, message);
  };
  Value batched = components[kv.isPaged() ? kv.getTableIndex() : component];
  assertSame(rows, 0, batched, 0,
             "attn.append: expected tokens of the cache's batch size");
  assertSame(rows, 1, components[component], 1,
             "attn.append: expected tokens for as many heads as the cache has");
  assertSame(rows, 0, op.getPositions(), 0,
             "attn.append: expected positions of the tokens' batch size");
  assertSame(rows, 2, op.getPositions(), 1,
             "attn.append: expected one position for each token");
}

void AppendLowering::run() {
  attn::KVType kv = op.getKVType();
  std::pair<Value, unsigned> parts[] = {
      {op.getKeys(), kv.getKeyIndex()}, {op.getValues(), kv.getValueIndex()}};
  for (auto [rows, component] : parts) {
    assertRules(rows, component);
  }
  for (auto [rows, component] : parts) {
    lowerRows(rows, component);
  }
  op.erase();
}

void fovea::lowerAppend(AppendOp op, ArrayRef<Value> components) {
  AppendLowering(op, components).run();
}
