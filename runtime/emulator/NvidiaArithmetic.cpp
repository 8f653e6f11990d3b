//===- NvidiaArithmetic.cpp - Arithmetic and conversions of PTX -----------===//
//
// Approximate instructions are computed exactly and rounded once: their last
// bits differ between chips, and no kernel may depend on them.
//
//===----------------------------------------------------------------------===//

#include "emulator/Numbers.h"
#include "emulator/Ops.h"

#include <initializer_list>

namespace fovea::emu {

enum Type { F32, F64, F16, F16x2, Bf16, Bf16x2 };

/// The type at the end of a name: ".f", ".ftz.f16x2", "f32".
static bool readType(const char *text, size_t length, int32_t &type) {
  static const struct {
    const char *name;
    Type type;
  } names[] = {{"bf16x2", Bf16x2}, {"bf16", Bf16},     {"f16x2", F16x2},
               {"v2f16", F16x2},   {"v2bf16", Bf16x2}, {"f16", F16},
               {"f32", F32},       {"f64", F64},       {"f", F32},
               {"d", F64}};
  for (const auto &entry : names) {
    size_t size = strlen(entry.name);
    if (length >= size && memcmp(text + length - size, entry.name, size) == 0 &&
        (length == size || text[length - size - 1] == '.')) {
      type = entry.type;
      return true;
    }
  }
  return false;
}

/// Whether a form rounds other than to nearest, or saturates: not here.
static bool isOtherForm(const Captures &captures, int i) {
  for (const char *word : {"rm", "rp", "rz", "sat"}) {
    if (captures.has(i, word)) {
      return true;
    }
  }
  return false;
}

static bool prepareType(Op &op, const Captures &captures) {
  int last = captures.count - 1;
  return !isOtherForm(captures, last) &&
         readType(captures.text[last], captures.length[last], op.p[0]);
}

/// Applies `compute` (on doubles; exact for what it is used for, but for the
/// final rounding) to operands of the operation's type, element by element.
template <typename Compute>
static void elementwise(Call &call, const Compute &compute) {
  int type = call.op.p[0];
  if (type == F64) {
    call.out<double>(compute(call, [&](int i) { return call.in<double>(i); }));
    return;
  }
  if (type == F32) {
    call.out<float>(
        float(compute(call, [&](int i) { return double(call.in<float>(i)); })));
    return;
  }
  bool half = type == F16 || type == F16x2;
  int elements = type == F16x2 || type == Bf16x2 ? 2 : 1;
  for (int e = 0; e < elements; ++e) {
    float value = float(compute(call, [&](int i) {
      uint16_t bits = elements == 2 ? uint16_t(call.in<uint32_t>(i) >> (16 * e))
                                    : call.in<uint16_t>(i);
      return double(half ? halfToFloat(bits) : bfloatToFloat(bits));
    }));
    call.out<uint16_t>(half ? floatToHalf(value) : floatToBfloat(value), e);
  }
}

template <double (*Function)(double)> static void unary(Call &call) {
  elementwise(call, [](Call &, const auto &in) { return Function(in(0)); });
}

static double exp2Of(double x) { return exp2(x); }
static double log2Of(double x) { return log2(x); }
static double sinOf(double x) { return sin(x); }
static double cosOf(double x) { return cos(x); }
static double tanhOf(double x) { return tanh(x); }
static double reciprocal(double x) { return 1 / x; }
static double rootReciprocal(double x) { return 1 / sqrt(x); }
static double rootOf(double x) { return sqrt(x); }
static double floorOf(double x) { return floor(x); }
static double ceilOf(double x) { return ceil(x); }
static double truncOf(double x) { return trunc(x); }
static double roundOf(double x) { return rint(x); }
static double absolute(double x) { return fabs(x); }
static double negated(double x) { return -x; }
static double saturated(double x) {
  return std::isnan(x) ? 0 : x < 0 ? 0 : x > 1 ? 1 : x;
}

//===----------------------------------------------------------------------===//
// Minimum, maximum, fused multiply-add
//===----------------------------------------------------------------------===//

/// "Floating Point Instructions: min, max": a NaN loses against a number
/// unless .nan is given; minus zero is less than plus zero.
static double extremum(double a, double b, bool wantMax, bool keepNan) {
  if (std::isnan(a) || std::isnan(b)) {
    return keepNan ? NAN : std::isnan(a) ? b : a;
  }
  if (a == b) {
    return std::signbit(a) == wantMax ? b : a;
  }
  return (a > b) == wantMax ? a : b;
}

static bool prepareExtremum(Op &op, const Captures &captures) {
  op.p[1] = captures.equals(0, "ax");
  op.p[2] = captures.has(1, "nan");
  op.p[3] = captures.has(1, "xorsign");
  return readType(captures.text[1], captures.length[1], op.p[0]);
}

static void extrema(Call &call) {
  elementwise(call, [](Call &c, const auto &in) {
    double a = in(0), b = in(1);
    if (!c.op.p[3]) {
      return extremum(a, b, c.op.p[1], c.op.p[2]);
    }
    double value = extremum(fabs(a), fabs(b), c.op.p[1], c.op.p[2]);
    return std::signbit(a) != std::signbit(b) ? -value : value;
  });
}

static bool prepareFused(Op &op, const Captures &captures) {
  op.p[1] = captures.has(0, "sat");
  op.p[2] = captures.has(0, "relu");
  return readType(captures.text[0], captures.length[0], op.p[0]);
}

static void fused(Call &call) {
  if (call.op.p[0] == F32 && !call.op.p[1]) {
    // In double the product is exact but the sum would be rounded twice.
    call.out<float>(
        fmaf(call.in<float>(0), call.in<float>(1), call.in<float>(2)));
    return;
  }
  elementwise(call, [](Call &c, const auto &in) {
    double value = fma(in(0), in(1), in(2));
    if (c.op.p[1]) {
      return saturated(value);
    }
    return c.op.p[2] && !(value > 0) && !std::isnan(value) ? 0 : value;
  });
}

enum Arithmetic { Add, Multiply, Divide, Subtract };

static bool prepareArithmetic(Op &op, const Captures &captures) {
  op.p[1] = captures.equals(0, "add")   ? Add
            : captures.equals(0, "mul") ? Multiply
            : captures.equals(0, "sub") ? Subtract
                                        : Divide;
  bool known = op.p[1] != Divide || captures.equals(0, "div");
  return known && !isOtherForm(captures, 1) &&
         readType(captures.text[1], captures.length[1], op.p[0]);
}

/// "div.full", always of f32.
static bool prepareFullDivision(Op &op, const Captures &) {
  op.p[0] = F32;
  op.p[1] = Divide;
  return true;
}

static void arithmetic(Call &call) {
  elementwise(call, [](Call &c, const auto &in) {
    double a = in(0), b = in(1);
    switch (c.op.p[1]) {
    case Add:
      return a + b;
    case Multiply:
      return a * b;
    case Subtract:
      return a - b;
    default:
      return a / b;
    }
  });
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

static bool prepareConvert(Op &op, const Captures &captures) {
  op.p[0] = captures.has(0, "relu") || captures.has(1, "relu");
  op.p[1] = captures.has(0, "rz") || captures.has(1, "rz");
  // Stochastic rounding needs a source of random bits.
  return !captures.has(0, "rs");
}

static float relued(const Call &call, float value) {
  return call.op.p[0] && !(value > 0) ? 0 : value;
}

/// The bits of a value cut to 16; towards zero when the form says so.
static uint16_t toBfloat(const Call &call, float value) {
  value = relued(call, value);
  return call.op.p[1] && !std::isnan(value) ? uint16_t(bitsOf(value) >> 16)
                                            : floatToBfloat(value);
}

static uint16_t toHalf(const Call &call, float value) {
  value = relued(call, value);
  uint16_t bits = floatToHalf(value);
  // Rounded away from zero: one step back.
  if (call.op.p[1] && std::fabs(halfToFloat(bits)) > std::fabs(value)) {
    --bits;
  }
  return bits;
}

static void toBfloatOne(Call &call) {
  call.out<uint16_t>(toBfloat(call, call.in<float>(0)));
}
static void toHalfOne(Call &call) {
  call.out<uint16_t>(toHalf(call, call.in<float>(0)));
}
/// The first operand becomes the upper half.
static void toBfloatPair(Call &call) {
  call.out<uint16_t>(toBfloat(call, call.in<float>(1)), 0);
  call.out<uint16_t>(toBfloat(call, call.in<float>(0)), 1);
}
static void toHalfPair(Call &call) {
  call.out<uint16_t>(toHalf(call, call.in<float>(1)), 0);
  call.out<uint16_t>(toHalf(call, call.in<float>(0)), 1);
}

/// To 10 bits of mantissa in 32; ".rna" rounds ties away from zero.
static void toTf32(Call &call) {
  uint32_t bits = bitsOf(relued(call, call.in<float>(0)));
  bool finite = (bits & 0x7f800000) != 0x7f800000;
  if (finite && !call.op.p[1]) {
    bits += call.op.p[2] ? 0x1000 : 0xfff + ((bits >> 13) & 1);
  }
  call.out<uint32_t>(bits & 0xffffe000);
}

static bool prepareTf32(Op &op, const Captures &captures) {
  op.p[2] = captures.has(0, "rna");
  return prepareConvert(op, captures);
}

static bool prepareByte(Op &op, const Captures &captures) {
  op.p[2] = captures.equals(0, "4m3");
  return prepareConvert(op, captures) && (op.p[2] || captures.equals(0, "5m2"));
}
static const Small &byteFormat(const Call &call) {
  return call.op.p[2] ? kE4M3 : kE5M2;
}
static void toBytes(Call &call) {
  const Small &format = byteFormat(call);
  uint32_t high = encode(relued(call, call.in<float>(0)), format, true);
  uint32_t low = encode(relued(call, call.in<float>(1)), format, true);
  call.out<uint16_t>(uint16_t(high << 8 | low));
}
static void halvesToBytes(Call &call) {
  const Small &format = byteFormat(call);
  uint32_t pair = call.in<uint32_t>(0), bytes = 0;
  for (int i = 0; i < 2; ++i) {
    float value = relued(call, halfToFloat(uint16_t(pair >> (16 * i))));
    bytes |= encode(value, format, true) << (8 * i);
  }
  call.out<uint16_t>(uint16_t(bytes));
}
static void bytesToHalves(Call &call) {
  const Small &format = byteFormat(call);
  uint16_t pair = call.in<uint16_t>(0);
  for (int i = 0; i < 2; ++i) {
    float value = decode((pair >> (8 * i)) & 255, format);
    call.out<uint16_t>(floatToHalf(relued(call, value)), i);
  }
}

/// "Data Movement: prmt", default mode: byte i of the result is the byte of
/// {b, a} that nibble i of the selector names; its bit 3 repeats the sign.
static void permute(Call &call) {
  uint64_t bytes = uint64_t(call.in<uint32_t>(1)) << 32 | call.in<uint32_t>(0);
  uint32_t selector = call.in<uint32_t>(2), value = 0;
  for (int i = 0; i < 4; ++i) {
    uint32_t nibble = (selector >> (4 * i)) & 15;
    uint32_t byte = uint32_t(bytes >> (8 * (nibble & 7))) & 255;
    if (nibble & 8) {
      byte = byte & 128 ? 255 : 0;
    }
    value |= byte << (8 * i);
  }
  call.out<uint32_t>(value);
}

static void move(Call &call) {
  memcpy(call.result, call.operands[call.op.map[0]],
         size_t(call.desc->site.bytes));
}

//===----------------------------------------------------------------------===//

#define ROW(pattern, handler, prepare)                                         \
  {pattern, Kind::Thread, 0, 0, handler, nullptr, prepare}
#define UNARY(pattern, function) ROW(pattern, unary<function>, prepareType)

static const Row rows[] = {
    UNARY("llvm.nvvm.ex2.approx*", exp2Of),
    UNARY("asm ex2.approx*", exp2Of),
    UNARY("llvm.nvvm.lg2.approx*", log2Of),
    UNARY("asm lg2.approx*", log2Of),
    UNARY("llvm.nvvm.rcp.*", reciprocal),
    UNARY("asm rcp.*", reciprocal),
    UNARY("llvm.nvvm.rsqrt.approx*", rootReciprocal),
    UNARY("asm rsqrt.approx*", rootReciprocal),
    UNARY("llvm.nvvm.sqrt.*", rootOf),
    UNARY("llvm.nvvm.sin.approx*", sinOf),
    UNARY("llvm.nvvm.cos.approx*", cosOf),
    UNARY("llvm.nvvm.tanh.approx*", tanhOf),
    UNARY("asm tanh.approx*", tanhOf),
    UNARY("llvm.nvvm.floor*", floorOf),
    UNARY("llvm.nvvm.ceil*", ceilOf),
    UNARY("llvm.nvvm.trunc*", truncOf),
    UNARY("llvm.nvvm.round*", roundOf),
    ROW("llvm.nvvm.saturate.*", unary<saturated>, prepareType),
    UNARY("llvm.nvvm.fabs*", absolute),
    UNARY("llvm.nvvm.neg.*", negated),
    ROW("llvm.nvvm.fm*.*", extrema,
        [](Op &op, const Captures &captures) {
          return (captures.equals(0, "ax") || captures.equals(0, "in")) &&
                 prepareExtremum(op, captures);
        }),
    ROW("llvm.nvvm.fma.rn.*", fused, prepareFused),
    ROW("asm fma.rn.*", fused, prepareFused),
    ROW("llvm.nvvm.*.rn.*", arithmetic, prepareArithmetic),
    ROW("llvm.nvvm.*.approx.*", arithmetic, prepareArithmetic),
    ROW("llvm.nvvm.div.full*", arithmetic, prepareFullDivision),
    ROW("llvm.nvvm.f2bf16.*", toBfloatOne, prepareConvert),
    ROW("llvm.nvvm.f2f16.*", toHalfOne, prepareConvert),
    ROW("llvm.nvvm.ff2bf16x2.*", toBfloatPair, prepareConvert),
    ROW("llvm.nvvm.ff2f16x2.*", toHalfPair, prepareConvert),
    ROW("asm cvt.*.bf16x2.f32", toBfloatPair, prepareConvert),
    ROW("asm cvt.*.f16x2.f32", toHalfPair, prepareConvert),
    ROW("asm cvt.rn.satfinite.e*x2.f32", toBytes, prepareByte),
    ROW("asm cvt.rn.f16x2.e*x2", bytesToHalves, prepareByte),
    ROW("llvm.nvvm.f2tf32.*", toTf32, prepareTf32),
    ROW("asm cvt.*.tf32.f32", toTf32, prepareTf32),
    ROW("llvm.nvvm.ff.to.e*x2.rn*", toBytes, prepareByte),
    ROW("llvm.nvvm.f16x2.to.e*x2.rn*", halvesToBytes, prepareByte),
    ROW("llvm.nvvm.e*x2.to.f16x2.rn*", bytesToHalves, prepareByte),
    ROW("llvm.nvvm.prmt", permute, nullptr),
    ROW("asm prmt.b32", permute, nullptr),
    ROW("asm mov.b32", move, nullptr),
    ROW("llvm.nvvm.move.*", move, nullptr),
};

#undef ROW
#undef UNARY

Rows nvidiaArithmeticRows() {
  return {rows, int(sizeof(rows) / sizeof(rows[0]))};
}

} // namespace fovea::emu
