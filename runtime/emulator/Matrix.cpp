//===- Matrix.cpp - Matrix products of warps ------------------------------===//
//
// Where the elements of a matrix lie in the registers of a warp is written
// here from the vendors' instruction set manuals, apart from the compiler's
// own tables: were they shared, a misreading would cancel out.
//
// Products are summed in double and rounded once to the type of the result,
// which is closer than hardware is; results of hardware differ in the last
// bits of f32.
//
//===----------------------------------------------------------------------===//

#include "emulator/Numbers.h"
#include "emulator/Ops.h"

namespace fovea::emu {

enum Element {
  EF16,
  EBf16,
  ETf32,
  EF32,
  ES8,
  EU8,
  EE4M3,
  EE5M2,
  EFnuz4,
  EFnuz5
};

static int bitsOfElement(int type) {
  switch (type) {
  case EF16:
  case EBf16:
    return 16;
  case ETf32:
  case EF32:
    return 32;
  default:
    return 8;
  }
}

static double decodeElement(uint32_t bits, int type) {
  switch (type) {
  case EF16:
    return halfToFloat(uint16_t(bits));
  case EBf16:
    return bfloatToFloat(uint16_t(bits));
  case ETf32: // The lower 13 bits are not read.
    return floatOf(bits & 0xffffe000);
  case EF32:
    return floatOf(bits);
  case ES8:
    return int8_t(bits);
  case EU8:
    return uint8_t(bits);
  case EE4M3:
    return decode(bits & 255, kE4M3);
  case EE5M2:
    return decode(bits & 255, kE5M2);
  case EFnuz4:
    return decode(bits & 255, kE4M3Fnuz);
  default:
    return decode(bits & 255, kE5M2Fnuz);
  }
}

/// Operands and result of one product; depth is at most 64. Rows do not begin
/// a power of two apart, which would make them compete for the cache.
struct Product {
  double a[32][72]; // Row, depth.
  double b[64][40]; // Depth, column.
  double d[32][40];

  /// d = a * b. Columns innermost, so that the compiler uses vectors; each sum
  /// still goes through the depth in order.
  void compute(int rows, int columns, int depth) {
    for (int m = 0; m < rows; ++m) {
      double sums[32] = {};
      for (int k = 0; k < depth; ++k) {
        double factor = a[m][k];
        for (int n = 0; n < columns; n += 8) {
          for (int i = 0; i < 8; ++i) {
            sums[n + i] += factor * b[k][n + i];
          }
        }
      }
      memcpy(d[m], sums, size_t(columns) * sizeof(double));
    }
  }
};

/// One product at a time is under way on a host thread.
static thread_local Product product;

//===----------------------------------------------------------------------===//
// mma.sync m16n8k*
//===----------------------------------------------------------------------===//

static bool readElement(const char *text, size_t length, int32_t &type) {
  static const struct {
    const char *name;
    Element type;
  } names[] = {{"f16", EF16}, {"bf16", EBf16}, {"tf32", ETf32},
               {"f32", EF32}, {"s8", ES8},     {"u8", EU8},
               {"s32", ES8},  {"e4m3", EE4M3}, {"e5m2", EE5M2}};
  for (const auto &entry : names) {
    if (strlen(entry.name) == length && memcmp(entry.name, text, length) == 0) {
      type = entry.type;
      return true;
    }
  }
  return false;
}

/// p: 0 depth, 1 type of A, 2 of B, 3 whether C and D are f16, 4 integers,
/// 5 saturating. Names list their types as
///     f16.f16   f32.f32   D C, with A and B f16
///     bf16  tf32  s8      A = B
///     s8.u8               A B
///     f32.e4m3.e5m2.f32   D A B C (PTX lists all four always)
static bool prepareMma(Op &op, const Captures &captures) {
  op.p[0] = captures.number(0);
  int32_t types[4];
  int count = 0;
  const char *at = captures.text[1], *end = at + captures.length[1];
  while (at < end) {
    const char *dot =
        static_cast<const char *>(memchr(at, '.', size_t(end - at)));
    size_t length = size_t((dot ? dot : end) - at);
    if (length == 9 && memcmp(at, "satfinite", 9) == 0) {
      op.p[5] = 1;
    } else if (!(length == 4 && memcmp(at, "kind", 4) == 0) &&
               !(length == 6 && memcmp(at, "f8f6f4", 6) == 0)) {
      if (count == 4 || !readElement(at, length, types[count++])) {
        return false;
      }
    }
    at += length + 1;
  }
  int32_t result = EF32, third = EF32;
  if (count == 4) {
    result = types[0];
    op.p[1] = types[1];
    op.p[2] = types[2];
    third = types[3];
  } else if (count == 2 && bitsOfElement(types[0]) != 8) {
    op.p[1] = op.p[2] = EF16;
    result = types[0];
    third = types[1];
  } else if (count == 1 || count == 2) {
    op.p[1] = types[0];
    op.p[2] = types[count - 1];
  } else {
    return false;
  }
  op.p[3] = result == EF16;
  op.p[4] = op.p[1] == ES8 || op.p[1] == EU8;
  int perWord = 32 / bitsOfElement(op.p[1]);
  int words = op.p[0] / (4 * perWord); // Of B; A has twice as many.
  return (result == EF16) == (third == EF16) && (words == 1 || words == 2) &&
         op.p[0] == words * 4 * perWord;
}

/// PTX ISA, "Matrix Fragments for mma.m16n8k4" to ".m16n8k32". All are made of
/// words of 32 bits that hold e = 1, 2 or 4 elements. With g = lane / 4 and t =
/// lane % 4, element i of
///     word w of A is  row g + 8 * (w % 2), column e * (t + 4 * (w / 2)) + i
///     word w of B is  row e * (t + 4 * w) + i, column g
///     value v of C is row g + 8 * (v / 2), column 2 * t + v % 2
static void mma(Wave &wave) {
  const int32_t *p = wave.op.p;
  int bits = bitsOfElement(p[1]), perWord = 32 / bits;
  int wordsB = p[0] / (4 * perWord), wordsA = 2 * wordsB;
  uint32_t mask = bits == 32 ? ~0u : (1u << bits) - 1;
  for (int lane = 0; lane < 32; ++lane) {
    int g = lane / 4, t = lane % 4;
    for (int w = 0; w < wordsA + wordsB; ++w) {
      uint32_t word = wave.in<uint32_t>(lane, w);
      bool isA = w < wordsA;
      int pair = isA ? w / 2 : w - wordsA;
      int row = isA ? g + 8 * (w % 2) : g;
      for (int i = 0; i < perWord; ++i) {
        uint32_t element = (word >> (bits * i)) & mask;
        int k = perWord * (t + 4 * pair) + i;
        if (isA) {
          product.a[row][k] = decodeElement(element, p[1]);
        } else {
          product.b[k][row] = decodeElement(element, p[2]);
        }
      }
    }
  }
  product.compute(16, 8, p[0]);
  int base = wordsA + wordsB;
  for (int lane = 0; lane < 32; ++lane) {
    int g = lane / 4, t = lane % 4;
    uint32_t halves[2] = {};
    for (int v = 0; v < 4; ++v) {
      int m = g + 8 * (v / 2), n = 2 * t + v % 2;
      if (p[3]) {
        uint32_t word = wave.in<uint32_t>(lane, base + v / 2);
        double c = halfToFloat(uint16_t(word >> (16 * (v % 2))));
        uint16_t d = floatToHalf(float(product.d[m][n] + c));
        halves[v / 2] |= uint32_t(d) << (16 * (v % 2));
      } else if (p[4]) {
        double exact = product.d[m][n] + wave.in<int32_t>(lane, base + v);
        if (p[5]) {
          exact = exact > INT32_MAX   ? INT32_MAX
                  : exact < INT32_MIN ? INT32_MIN
                                      : exact;
        }
        wave.out<uint32_t>(lane, uint32_t(int64_t(exact)), wave.op.outputs[v]);
      } else {
        double d = product.d[m][n] + wave.in<float>(lane, base + v);
        wave.out<float>(lane, float(d), wave.op.outputs[v]);
      }
    }
    if (p[3]) {
      wave.out<uint32_t>(lane, halves[0], wave.op.outputs[0]);
      wave.out<uint32_t>(lane, halves[1], wave.op.outputs[1]);
    }
  }
}

//===----------------------------------------------------------------------===//
// v_mfma
//===----------------------------------------------------------------------===//

/// Reads "16x16x16", and moves `at` behind it.
static bool readShape(const char *&at, int32_t *shape) {
  char *end = nullptr;
  for (int i = 0; i < 3; ++i) {
    shape[i] = int32_t(strtol(at, &end, 10));
    if (end == at || (i < 2 && *end != 'x')) {
      return false;
    }
    at = end + (i < 2);
  }
  return true;
}

static bool isOcpChip(const char *chip) {
  return strncmp(chip, "gfx942", 6) != 0;
}

/// p: 0 rows (and columns), 1 depth, 2 type of A, 3 of B, 4 integers.
/// Names: "f32.16x16x16f16", "f32.32x32x8bf16.1k", "f32.16x16x32.fp8.bf8".
static bool prepareMfma(Op &op, const Captures &captures) {
  int32_t shape[3];
  const char *at = captures.text[1];
  if (!readShape(at, shape) || shape[0] != shape[1] ||
      (shape[0] != 16 && shape[0] != 32)) {
    return false;
  }
  at += *at == '.';
  op.p[0] = shape[0];
  op.p[1] = shape[2];
  auto fp8 = [&](const char *name) {
    bool ocp = isOcpChip(op.chip);
    return strncmp(name, "fp8", 3) == 0 ? (ocp ? EE4M3 : EFnuz4)
                                        : (ocp ? EE5M2 : EFnuz5);
  };
  if (strcmp(at, "f16") == 0) {
    op.p[2] = op.p[3] = EF16;
  } else if (strncmp(at, "bf16", 4) == 0) {
    op.p[2] = op.p[3] = EBf16;
  } else if (strcmp(at, "f32") == 0) {
    op.p[2] = op.p[3] = EF32;
  } else if (strcmp(at, "xf32") == 0) {
    op.p[2] = op.p[3] = ETf32;
  } else if (strcmp(at, "i8") == 0) {
    op.p[2] = op.p[3] = ES8;
  } else if ((strncmp(at, "fp8.", 4) == 0 || strncmp(at, "bf8.", 4) == 0)) {
    op.p[2] = fp8(at);
    op.p[3] = fp8(at + 4);
  } else {
    return false;
  }
  op.p[4] = op.p[2] == ES8;
  // Fewer elements than lanes: one of the forms that compute several small
  // products at once. Those are not here.
  int elements = shape[0] * shape[2] / kMaxLanes;
  return elements >= 1 && elements * bitsOfElement(op.p[2]) <= 128 &&
         (elements * bitsOfElement(op.p[2]) >= 32) &&
         (elements != 1 || bitsOfElement(op.p[2]) == 32);
}

static uint32_t elementOf(const Wave &wave, int lane, int operand, int index,
                          int bits) {
  const char *from =
      static_cast<const char *>(wave.operands[lane][wave.op.map[operand]]);
  uint32_t value = 0;
  memcpy(&value, from + index * bits / 8, size_t(bits / 8));
  return value;
}

/// CDNA3 ISA, "Matrix fused-multiply-add": with r rows, e elements per lane and
/// lane = r * b + i, element j of A is row i, column e * b + j, element j of B
/// is row e * b + j, column i, and value v of C is row 8 * (v / 4) + 4 * b + v
/// % 4 (for r = 16, where v < 4, the first term is 0), column i.
static void mfma(Wave &wave) {
  const int32_t *p = wave.op.p;
  if (wave.lanes != 64 || wave.desc->site.bytes != p[0] * p[0] / 16 ||
      wave.in<uint32_t>(0, 3) != 0 || wave.in<uint32_t>(0, 4) != 0 ||
      wave.in<uint32_t>(0, 5) != 0) {
    wave.worker.fail("%s at %s: forms of several blocks and broadcasts are not "
                     "emulated",
                     wave.desc->site.name, wave.desc->site.location);
  }
  int rows = p[0], depth = p[1], elements = rows * depth / 64;
  int bits = bitsOfElement(p[2]);
  for (int lane = 0; lane < 64; ++lane) {
    int row = lane % rows, block = lane / rows;
    for (int j = 0; j < elements; ++j) {
      int k = elements * block + j;
      product.a[row][k] =
          decodeElement(elementOf(wave, lane, 0, j, bits), p[2]);
      product.b[k][row] =
          decodeElement(elementOf(wave, lane, 1, j, bits), p[3]);
    }
  }
  product.compute(rows, rows, depth);
  int values = rows * rows / 64;
  for (int lane = 0; lane < 64; ++lane) {
    int column = lane % rows, block = lane / rows;
    for (int v = 0; v < values; ++v) {
      int row = 8 * (v / 4) + 4 * block + v % 4;
      uint32_t bitsC = elementOf(wave, lane, 2, v, 32);
      if (p[4]) {
        double d = product.d[row][column] + int32_t(bitsC);
        wave.out<uint32_t>(lane, uint32_t(int64_t(d)), v);
      } else {
        double d = product.d[row][column] + floatOf(bitsC);
        wave.out<float>(lane, float(d), v);
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// v_wmma
//===----------------------------------------------------------------------===//

/// p: 0 type of A and B, 1 elements of A that a lane holds, 2 gfx12.
static bool prepareWmma(Op &op, const Captures &captures) {
  op.p[0] = strncmp(captures.text[0], "bf16", 4) == 0 ? EBf16 : EF16;
  op.p[2] = strncmp(op.chip, "gfx12", 5) == 0;
  op.p[1] = op.p[2] ? 8 : 16;
  return strncmp(captures.text[0], "f16", 3) == 0 ||
         strncmp(captures.text[0], "bf16", 4) == 0;
}

/// RDNA3 ISA, "WMMA": lane l and lane l + 16 both hold row l % 16 of A (and
/// column l % 16 of B), all 16 elements; value v of C is row 2 * v + l / 16.
/// RDNA4 ISA: lane l holds elements 8 * (l / 16) to + 7 of row l % 16; value v
/// of C is row v + 8 * (l / 16). Column l % 16 in both.
static void wmma(Wave &wave) {
  const Site &site = wave.desc->site;
  bool twelve = wave.op.p[2];
  int elements = wave.op.p[1];
  if (wave.lanes != 32 || site.bytes != 32 ||
      wave.desc->operand_bytes[0] != 2 * elements) {
    wave.worker.fail("%s at %s: expected %d elements per lane of 32, got %d of "
                     "%d",
                     site.name, site.location, elements,
                     wave.desc->operand_bytes[0] / 2, wave.lanes);
  }
  for (int which = 0; which < 2; ++which) {
    for (int lane = 0; lane < 32; ++lane) {
      for (int j = 0; j < elements; ++j) {
        uint32_t bits = elementOf(wave, lane, which, j, 16);
        if (!twelve && bits != elementOf(wave, lane % 16, which, j, 16)) {
          wave.worker.fail("%s at %s: operand %d of lane %d differs from that "
                           "of lane %d, which it has to repeat",
                           site.name, site.location, which, lane, lane % 16);
        }
        int k = twelve ? 8 * (lane / 16) + j : j;
        (which == 0 ? product.a[lane % 16][k] : product.b[k][lane % 16]) =
            decodeElement(bits, wave.op.p[0]);
      }
    }
  }
  product.compute(16, 16, 16);
  for (int lane = 0; lane < 32; ++lane) {
    for (int v = 0; v < 8; ++v) {
      int row = twelve ? v + 8 * (lane / 16) : 2 * v + lane / 16;
      double c = floatOf(elementOf(wave, lane, 2, v, 32));
      double d = product.d[row][lane % 16] + c;
      wave.out<float>(lane, float(d), v);
    }
  }
}

//===----------------------------------------------------------------------===//

static const Row rows[] = {
    {"llvm.nvvm.mma.m16n8k*.row.col.*", Kind::Warp, 0, 0, nullptr, mma,
     prepareMma},
    {"asm mma.sync.aligned.m16n8k*.row.col.*", Kind::Warp, 0, 0, nullptr, mma,
     prepareMma},
    {"llvm.amdgcn.mfma.*32.*", Kind::Warp, 0, 1, nullptr, mfma, prepareMfma},
    {"llvm.amdgcn.wmma.f32.16x16x16.*", Kind::Warp, 0, 1, nullptr, wmma,
     prepareWmma},
};

Rows matrixRows() { return {rows, int(sizeof(rows) / sizeof(rows[0]))}; }

} // namespace fovea::emu
