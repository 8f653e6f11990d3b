//===- EvalScalar.cpp - arith and math ------------------------------------===//
//
// Each operation is a C++ function on doubles or 64-bit integers; `addReal` and
// `addInteger` turn it into a rule that also works element by element on
// tensors. Integer operands are sign- or zero-extended to 64 bits before the
// function and the result is wrapped to its width after it.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "fovea/Support/FloatBits.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"

#include <array>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

using namespace mlir;
using namespace fovea::reference;

namespace {

enum class Extend { Sign, Zero };

/// How one operand or result is read and written: nothing to do for a real.
struct Format {
  unsigned width = 64;
  Extend extend = Extend::Sign;

  template <typename T> T read(const Slot &slot) const {
    if constexpr (std::is_same_v<T, double>) {
      return slot.real;
    } else {
      return extend == Extend::Sign ? signExtend(slot.integer, width)
                                    : zeroExtend(slot.integer, width);
    }
  }
  void write(Slot &slot, double x) const { slot.real = x; }
  void write(Slot &slot, int64_t x) const { slot.integer = wrap(x, width); }
};

} // namespace

static Format getFormat(Type type, Extend extend) {
  return {isRealType(type) ? 64 : getWidth(type), extend};
}

double fovea::reference::roundTo(double x, Type type) {
  // As in a kernel, which has computed `x` in f32.
  float value = static_cast<float>(x);
  if (type.isF16()) {
    return halfToFloat(floatToHalf(value));
  }
  if (type.isBF16()) {
    return bf16ToFloat(floatToBF16(value));
  }
  if (isa<Float8E4M3FNType>(type)) {
    return f8E4M3FNToFloat(floatToF8E4M3FN(value));
  }
  return x;
}

bool fovea::reference::isNarrow(Type type) {
  return type.isF16() || type.isBF16() || isa<Float8E4M3FNType>(type);
}

/// Applies `scalar`, which reads slots `operands` and writes slot `result`, to
/// every element when operands are tensors.
static Step mapElements(Operation *op, Translator &t, Step scalar) {
  auto resultType = dyn_cast<ShapedType>(op->getResult(0).getType());
  if (!resultType) {
    return scalar;
  }
  // `scalar` works on the values' own slots, whose scalar parts are free.
  auto operands = t.slots(op->getOperands());
  unsigned result = t.slot(op->getResult(0));
  Type elementType = resultType.getElementType();
  return [=](Frame &f) {
    // A scalar condition of arith.select has no tensor; the others decide.
    ArrayRef<int64_t> shape = f[operands.back()].tensor->shape;
    for (unsigned number : operands) {
      const TensorRef &tensor = f[number].tensor;
      if (tensor && ArrayRef<int64_t>(tensor->shape) != shape) {
        return f.machine.fail(op, "expected operands of one shape, got " +
                                      toText(shape) + " and " +
                                      toText(tensor->shape));
      }
    }
    Tensor values = Tensor::zeros(shape, elementType);
    for (int64_t i = 0, n = values.getNumElements(); i < n; ++i) {
      for (unsigned number : operands) {
        if (f[number].tensor) {
          load(f[number], *f[number].tensor, i);
        }
      }
      if (failed(scalar(f))) {
        return failure();
      }
      store(values, i, f[result]);
    }
    f[result].tensor = std::make_shared<const Tensor>(std::move(values));
    return success();
  };
}

template <typename Out, typename... In, size_t... I>
static Step makeStep(Operation *op, Translator &t, Extend extend,
                     Out (*function)(In...), std::index_sequence<I...>) {
  std::array<unsigned, sizeof...(In)> slots = {t.slot(op->getOperand(I))...};
  std::array<Format, sizeof...(In)> formats = {
      getFormat(op->getOperand(I).getType(), extend)...};
  unsigned result = t.slot(op->getResult(0));
  Format out = getFormat(op->getResult(0).getType(), extend);
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  bool rounds = t.machine.getOptions().rounds && isNarrow(type);
  return [=](Frame &f) {
    Out value = function(formats[I].template read<In>(f[slots[I]])...);
    if constexpr (std::is_same_v<Out, double>) {
      value = rounds ? roundTo(value, type) : value;
    }
    out.write(f[result], value);
    return success();
  };
}

template <typename Out, typename... In>
static Rule elementwise(Out (*function)(In...), Extend extend = Extend::Sign) {
  return [=](Operation *op, Translator &t) -> FailureOr<Step> {
    return mapElements(
        op, t,
        makeStep(op, t, extend, function, std::index_sequence_for<In...>()));
  };
}

/// A binary integer function that is not defined everywhere: false says so.
static Rule partial(bool (*function)(int64_t, int64_t, unsigned, int64_t &),
                    StringRef expected, Extend extend) {
  return [=](Operation *op, Translator &t) -> FailureOr<Step> {
    unsigned a = t.slot(op->getOperand(0)), b = t.slot(op->getOperand(1)),
             result = t.slot(op->getResult(0));
    Format format = getFormat(op->getResult(0).getType(), extend);
    return mapElements(op, t, [=](Frame &f) {
      int64_t x = format.read<int64_t>(f[a]), y = format.read<int64_t>(f[b]);
      int64_t value = 0;
      if (!function(x, y, format.width, value)) {
        return f.machine.fail(op, "expected " + expected + ", got " + Twine(y));
      }
      format.write(f[result], value);
      return success();
    });
  };
}

//===----------------------------------------------------------------------===//
// arith on reals
//===----------------------------------------------------------------------===//

static int64_t toSigned(double x) {
  if (x != x) {
    return 0;
  }
  constexpr double limit = 9223372036854775808.0; // 2^63
  if (x >= limit) {
    return std::numeric_limits<int64_t>::max();
  }
  return x < -limit ? std::numeric_limits<int64_t>::min()
                    : static_cast<int64_t>(x);
}

/// Saturates at the limits of the result's width.
static Rule realToInteger(bool isSigned) {
  return [=](Operation *op, Translator &t) -> FailureOr<Step> {
    unsigned a = t.slot(op->getOperand(0)), result = t.slot(op->getResult(0));
    unsigned width = getWidth(op->getResult(0).getType());
    int64_t low = 0, high = std::numeric_limits<int64_t>::max();
    if (isSigned) {
      high = static_cast<int64_t>((uint64_t(1) << (width - 1)) - 1);
      low = ~high;
    } else if (width < 64) {
      high = static_cast<int64_t>((uint64_t(1) << width) - 1);
    }
    return mapElements(op, t, [=](Frame &f) {
      int64_t x = toSigned(f[a].real);
      f[result].integer = wrap(std::min(std::max(x, low), high), width);
      return success();
    });
  };
}

static void addRealArith(Rules &rules) {
  rules["arith.addf"] = elementwise(+[](double a, double b) { return a + b; });
  rules["arith.subf"] = elementwise(+[](double a, double b) { return a - b; });
  rules["arith.mulf"] = elementwise(+[](double a, double b) { return a * b; });
  rules["arith.divf"] = elementwise(+[](double a, double b) { return a / b; });
  rules["arith.remf"] =
      elementwise(+[](double a, double b) { return std::fmod(a, b); });
  rules["arith.negf"] = elementwise(+[](double a) { return -a; });
  rules["arith.maximumf"] = elementwise(maximum);
  rules["arith.minimumf"] = elementwise(minimum);
  // These two ignore a NaN if the other operand is a number.
  rules["arith.maxnumf"] = elementwise(+[](double a, double b) {
    return a != a ? b : (b != b ? a : maximum(a, b));
  });
  rules["arith.minnumf"] = elementwise(+[](double a, double b) {
    return a != a ? b : (b != b ? a : minimum(a, b));
  });
  auto same = +[](double a) { return a; };
  rules["arith.extf"] = elementwise(same);
  rules["arith.truncf"] = elementwise(same);
  rules["arith.sitofp"] =
      elementwise(+[](int64_t a) { return static_cast<double>(a); });
  rules["arith.uitofp"] = elementwise(
      +[](int64_t a) { return static_cast<double>(static_cast<uint64_t>(a)); },
      Extend::Zero);
  rules["arith.fptosi"] = realToInteger(/*isSigned=*/true);
  rules["arith.fptoui"] = realToInteger(/*isSigned=*/false);
}

static bool compareReals(arith::CmpFPredicate predicate, double a, double b) {
  bool unordered = a != a || b != b;
  using P = arith::CmpFPredicate;
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::OEQ:
    return a == b;
  case P::OGT:
    return a > b;
  case P::OGE:
    return a >= b;
  case P::OLT:
    return a < b;
  case P::OLE:
    return a <= b;
  case P::ONE:
    return !unordered && a != b;
  case P::ORD:
    return !unordered;
  case P::UEQ:
    return unordered || a == b;
  case P::UGT:
    return unordered || a > b;
  case P::UGE:
    return unordered || a >= b;
  case P::ULT:
    return unordered || a < b;
  case P::ULE:
    return unordered || a <= b;
  case P::UNE:
    return unordered || a != b;
  case P::UNO:
    return unordered;
  case P::AlwaysTrue:
    return true;
  }
  llvm_unreachable("unknown predicate");
}

static FailureOr<Step> translateCmpF(Operation *op, Translator &t) {
  auto predicate = cast<arith::CmpFOp>(op).getPredicate();
  unsigned a = t.slot(op->getOperand(0)), b = t.slot(op->getOperand(1)),
           result = t.slot(op->getResult(0));
  return mapElements(op, t, [=](Frame &f) {
    f[result].integer = compareReals(predicate, f[a].real, f[b].real);
    return success();
  });
}

//===----------------------------------------------------------------------===//
// arith on integers
//===----------------------------------------------------------------------===//

static bool divide(int64_t a, int64_t b, unsigned, int64_t &r) {
  if (b == 0) {
    return false;
  }
  // The one quotient that does not fit wraps.
  r = b == -1 ? static_cast<int64_t>(0 - static_cast<uint64_t>(a)) : a / b;
  return true;
}

static bool remainder(int64_t a, int64_t b, unsigned, int64_t &r) {
  if (b == 0) {
    return false;
  }
  r = b == -1 ? 0 : a % b;
  return true;
}

static bool floorDivide(int64_t a, int64_t b, unsigned width, int64_t &r) {
  if (!divide(a, b, width, r)) {
    return false;
  }
  r -= b != -1 && a % b != 0 && (a < 0) != (b < 0);
  return true;
}

static bool ceilDivide(int64_t a, int64_t b, unsigned width, int64_t &r) {
  if (!divide(a, b, width, r)) {
    return false;
  }
  r += b != -1 && a % b != 0 && (a < 0) == (b < 0);
  return true;
}

static bool divideUnsigned(int64_t a, int64_t b, unsigned, int64_t &r) {
  if (b == 0) {
    return false;
  }
  r = static_cast<int64_t>(static_cast<uint64_t>(a) / static_cast<uint64_t>(b));
  return true;
}

static bool ceilDivideUnsigned(int64_t a, int64_t b, unsigned, int64_t &r) {
  if (b == 0) {
    return false;
  }
  uint64_t x = a, y = b;
  r = static_cast<int64_t>(x / y + (x % y != 0));
  return true;
}

static bool remainderUnsigned(int64_t a, int64_t b, unsigned, int64_t &r) {
  if (b == 0) {
    return false;
  }
  r = static_cast<int64_t>(static_cast<uint64_t>(a) % static_cast<uint64_t>(b));
  return true;
}

static bool isShift(int64_t b, unsigned width) {
  return static_cast<uint64_t>(b) < width;
}

static bool shiftLeft(int64_t a, int64_t b, unsigned width, int64_t &r) {
  if (!isShift(b, width)) {
    return false;
  }
  r = static_cast<int64_t>(static_cast<uint64_t>(a) << b);
  return true;
}

static bool shiftRight(int64_t a, int64_t b, unsigned width, int64_t &r) {
  if (!isShift(b, width)) {
    return false;
  }
  r = a >> b;
  return true;
}

static bool shiftRightUnsigned(int64_t a, int64_t b, unsigned width,
                               int64_t &r) {
  if (!isShift(b, width)) {
    return false;
  }
  r = static_cast<int64_t>(static_cast<uint64_t>(a) >> b);
  return true;
}

static void addIntegerArith(Rules &rules) {
  // Overflow wraps: computed on unsigned numbers.
  rules["arith.addi"] = elementwise(+[](int64_t a, int64_t b) {
    return static_cast<int64_t>(uint64_t(a) + uint64_t(b));
  });
  rules["arith.subi"] = elementwise(+[](int64_t a, int64_t b) {
    return static_cast<int64_t>(uint64_t(a) - uint64_t(b));
  });
  rules["arith.muli"] = elementwise(+[](int64_t a, int64_t b) {
    return static_cast<int64_t>(uint64_t(a) * uint64_t(b));
  });
  rules["arith.andi"] =
      elementwise(+[](int64_t a, int64_t b) { return a & b; });
  rules["arith.ori"] = elementwise(+[](int64_t a, int64_t b) { return a | b; });
  rules["arith.xori"] =
      elementwise(+[](int64_t a, int64_t b) { return a ^ b; });
  rules["arith.maxsi"] =
      elementwise(+[](int64_t a, int64_t b) { return std::max(a, b); });
  rules["arith.minsi"] =
      elementwise(+[](int64_t a, int64_t b) { return std::min(a, b); });
  rules["arith.maxui"] = elementwise(
      +[](int64_t a, int64_t b) {
        return static_cast<int64_t>(std::max<uint64_t>(a, b));
      },
      Extend::Zero);
  rules["arith.minui"] = elementwise(
      +[](int64_t a, int64_t b) {
        return static_cast<int64_t>(std::min<uint64_t>(a, b));
      },
      Extend::Zero);
  auto same = +[](int64_t a) { return a; };
  for (StringRef name : {"arith.extsi", "arith.trunci", "arith.index_cast"}) {
    rules[name] = elementwise(same);
  }
  for (StringRef name : {"arith.extui", "arith.index_castui"}) {
    rules[name] = elementwise(same, Extend::Zero);
  }
  StringRef divisor = "a divisor other than 0";
  rules["arith.divsi"] = partial(divide, divisor, Extend::Sign);
  rules["arith.remsi"] = partial(remainder, divisor, Extend::Sign);
  rules["arith.floordivsi"] = partial(floorDivide, divisor, Extend::Sign);
  rules["arith.ceildivsi"] = partial(ceilDivide, divisor, Extend::Sign);
  rules["arith.divui"] = partial(divideUnsigned, divisor, Extend::Zero);
  rules["arith.ceildivui"] = partial(ceilDivideUnsigned, divisor, Extend::Zero);
  rules["arith.remui"] = partial(remainderUnsigned, divisor, Extend::Zero);
  StringRef shift = "a shift below the width";
  rules["arith.shli"] = partial(shiftLeft, shift, Extend::Zero);
  rules["arith.shrsi"] = partial(shiftRight, shift, Extend::Sign);
  rules["arith.shrui"] = partial(shiftRightUnsigned, shift, Extend::Zero);
}

static bool compareIntegers(arith::CmpIPredicate predicate, int64_t a,
                            int64_t b) {
  uint64_t x = a, y = b;
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
    return a == b;
  case P::ne:
    return a != b;
  case P::slt:
    return a < b;
  case P::sle:
    return a <= b;
  case P::sgt:
    return a > b;
  case P::sge:
    return a >= b;
  case P::ult:
    return x < y;
  case P::ule:
    return x <= y;
  case P::ugt:
    return x > y;
  case P::uge:
    return x >= y;
  }
  llvm_unreachable("unknown predicate");
}

static FailureOr<Step> translateCmpI(Operation *op, Translator &t) {
  auto predicate = cast<arith::CmpIOp>(op).getPredicate();
  unsigned a = t.slot(op->getOperand(0)), b = t.slot(op->getOperand(1)),
           result = t.slot(op->getResult(0));
  // Sign extension of both keeps the unsigned order as well.
  Format format = getFormat(op->getOperand(0).getType(), Extend::Sign);
  return mapElements(op, t, [=](Frame &f) {
    f[result].integer = compareIntegers(predicate, format.read<int64_t>(f[a]),
                                        format.read<int64_t>(f[b]));
    return success();
  });
}

//===----------------------------------------------------------------------===//
// Constants and select
//===----------------------------------------------------------------------===//

double fovea::reference::toDouble(APFloat x) {
  bool losesInfo;
  x.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return x.convertToDouble();
}

int64_t fovea::reference::toInteger(const APInt &x) {
  return wrap(x.getSExtValue(), x.getBitWidth());
}

static FailureOr<Step> translateConstant(Operation *op, Translator &t) {
  Attribute value = cast<arith::ConstantOp>(op).getValue();
  Slot constant;
  if (auto real = dyn_cast<FloatAttr>(value)) {
    constant.real = toDouble(real.getValue());
  } else if (auto integer = dyn_cast<IntegerAttr>(value)) {
    constant.integer = toInteger(integer.getValue());
  } else if (auto dense = dyn_cast<DenseElementsAttr>(value)) {
    Tensor tensor =
        Tensor::zeros(dense.getType().getShape(), dense.getElementType());
    int64_t i = 0;
    if (tensor.isReal) {
      for (const APFloat &x : dense.getValues<APFloat>()) {
        tensor.reals[i++] = toDouble(x);
      }
    } else if (dense.getElementType().isIntOrIndex()) {
      for (const APInt &x : dense.getValues<APInt>()) {
        tensor.integers[i++] = toInteger(x);
      }
    } else {
      return t.machine.fail(op, "expected a tensor of numbers");
    }
    constant.tensor = std::make_shared<const Tensor>(std::move(tensor));
  } else {
    return t.machine.fail(op, "expected a number or a dense tensor");
  }
  unsigned result = t.slot(op->getResult(0));
  return Step([=](Frame &f) {
    f[result] = constant;
    return success();
  });
}

static FailureOr<Step> translateSelect(Operation *op, Translator &t) {
  unsigned condition = t.slot(op->getOperand(0)),
           yes = t.slot(op->getOperand(1)), no = t.slot(op->getOperand(2)),
           result = t.slot(op->getResult(0));
  Step choose = [=](Frame &f) {
    const Slot &chosen = f[f[condition].integer ? yes : no];
    f[result].real = chosen.real;
    f[result].integer = chosen.integer;
    return success();
  };
  if (!isa<ShapedType>(op->getOperand(0).getType()) &&
      isa<ShapedType>(op->getResult(0).getType())) {
    return Step([=](Frame &f) {
      f[result].tensor = f[f[condition].integer ? yes : no].tensor;
      return success();
    });
  }
  return mapElements(op, t, choose);
}

//===----------------------------------------------------------------------===//
// math
//===----------------------------------------------------------------------===//

static void addMath(Rules &rules) {
  using Unary = double (*)(double);
  std::pair<StringRef, Unary> unary[] = {
      {"absf", [](double a) { return std::fabs(a); }},
      {"acos", [](double a) { return std::acos(a); }},
      {"acosh", [](double a) { return std::acosh(a); }},
      {"asin", [](double a) { return std::asin(a); }},
      {"asinh", [](double a) { return std::asinh(a); }},
      {"atan", [](double a) { return std::atan(a); }},
      {"atanh", [](double a) { return std::atanh(a); }},
      {"cbrt", [](double a) { return std::cbrt(a); }},
      {"ceil", [](double a) { return std::ceil(a); }},
      {"cos", [](double a) { return std::cos(a); }},
      {"cosh", [](double a) { return std::cosh(a); }},
      {"erf", [](double a) { return std::erf(a); }},
      {"erfc", [](double a) { return std::erfc(a); }},
      {"exp", [](double a) { return std::exp(a); }},
      {"exp2", [](double a) { return std::exp2(a); }},
      {"expm1", [](double a) { return std::expm1(a); }},
      {"floor", [](double a) { return std::floor(a); }},
      {"log", [](double a) { return std::log(a); }},
      {"log10", [](double a) { return std::log10(a); }},
      {"log1p", [](double a) { return std::log1p(a); }},
      {"log2", [](double a) { return std::log2(a); }},
      {"round", [](double a) { return std::round(a); }},
      {"roundeven", [](double a) { return std::nearbyint(a); }},
      {"rsqrt", [](double a) { return 1.0 / std::sqrt(a); }},
      {"sin", [](double a) { return std::sin(a); }},
      {"sinh", [](double a) { return std::sinh(a); }},
      {"sqrt", [](double a) { return std::sqrt(a); }},
      {"tan", [](double a) { return std::tan(a); }},
      {"tanh", [](double a) { return std::tanh(a); }},
      {"trunc", [](double a) { return std::trunc(a); }}};
  for (auto [name, function] : unary) {
    rules[("math." + name).str()] = elementwise(function);
  }
  rules["math.atan2"] =
      elementwise(+[](double a, double b) { return std::atan2(a, b); });
  rules["math.copysign"] =
      elementwise(+[](double a, double b) { return std::copysign(a, b); });
  rules["math.powf"] =
      elementwise(+[](double a, double b) { return std::pow(a, b); });
  rules["math.fpowi"] = elementwise(
      +[](double a, int64_t n) { return std::pow(a, static_cast<double>(n)); });
  rules["math.fma"] = elementwise(
      +[](double a, double b, double c) { return std::fma(a, b, c); });
  rules["math.clampf"] = elementwise(+[](double a, double low, double high) {
    return minimum(maximum(a, low), high);
  });
  rules["math.absi"] = elementwise(+[](int64_t a) {
    return a < 0 ? static_cast<int64_t>(0 - uint64_t(a)) : a;
  });
  rules["math.ctpop"] = elementwise(
      +[](int64_t a) { return int64_t(llvm::popcount(uint64_t(a))); },
      Extend::Zero);
  rules["math.isnan"] = elementwise(+[](double a) { return int64_t(a != a); });
  rules["math.isinf"] =
      elementwise(+[](double a) { return int64_t(std::isinf(a)); });
  rules["math.isfinite"] =
      elementwise(+[](double a) { return int64_t(std::isfinite(a)); });
}

/// The counts depend on the width, which the plain functions do not know.
static Rule countZeros(bool leading) {
  return [=](Operation *op, Translator &t) -> FailureOr<Step> {
    unsigned a = t.slot(op->getOperand(0)), result = t.slot(op->getResult(0));
    unsigned width = getWidth(op->getResult(0).getType());
    return mapElements(op, t, [=](Frame &f) {
      uint64_t x = zeroExtend(f[a].integer, width);
      int64_t n = width;
      if (x != 0) {
        n = leading ? llvm::countl_zero(x) - (64 - int64_t(width))
                    : llvm::countr_zero(x);
      }
      f[result].integer = wrap(n, width);
      return success();
    });
  };
}

void fovea::reference::addScalarRules(Rules &rules) {
  rules["arith.constant"] = translateConstant;
  rules["arith.select"] = translateSelect;
  rules["arith.cmpf"] = translateCmpF;
  rules["arith.cmpi"] = translateCmpI;
  rules["math.ctlz"] = countZeros(/*leading=*/true);
  rules["math.cttz"] = countZeros(/*leading=*/false);
  addRealArith(rules);
  addIntegerArith(rules);
  addMath(rules);
}
