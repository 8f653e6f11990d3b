//===- FragmentTest.cpp - Where matrix elements lie, form by form ---------===//
//
// Each form of a matrix instruction runs once, on operands that the test lays
// out as the vendor's manual says it case by case ("row = groupID for ai where
// 0 <= i < 2 ..."), which the emulator's table puts into one formula. The
// result is compared with a product of plain matrices.
//
//===----------------------------------------------------------------------===//

#include "Emulated.h"

#include "fovea/Support/FloatConvert.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

#include <cstring>
#include <functional>

using namespace fovea;
using namespace fovea::test;

namespace {

struct Place {
  int row, column;
};
using Layout = std::function<Place(int lane, int i)>;

/// How one form is called and laid out; operands are packed, lowest element
/// first, in `bits` bits each.
struct Form {
  std::string name;
  std::string chip;
  std::string types; // "A B C D" as LLVM types.
  std::string call;  // Body that makes %d of %a, %b, %c.
  int rows, columns, depth;
  int bits;
  int elementsA, elementsB, elementsC;
  Layout a, b, c;
  std::function<uint32_t(float)> encode;
  bool integers = false, halves = false;
};

float sample(int i) { return float((i * 5 + 3) % 9 - 4); }

uint32_t encodeHalf(float value) { return floatToHalf(value); }
uint32_t encodeBf16(float value) { return floatToBF16(value); }
uint32_t encodeFloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}
uint32_t encodeByte(float value) { return uint32_t(int32_t(value)) & 255; }
/// E4M3 of the whole numbers from -4 to 4: 0, 1 = 2^0, 2 = 2^1, 3 = 1.5 * 2^1,
/// 4 = 2^2, with bias 7.
uint32_t encodeE4M3(float value) {
  static const uint32_t codes[] = {0x00, 0x38, 0x40, 0x44, 0x48};
  return codes[int(std::abs(value))] | (value < 0 ? 0x80 : 0);
}

/// A kernel in which every lane loads its operands, and stores its result.
std::string makeKernel(const Form &form) {
  bool amd = form.chip.compare(0, 3, "gfx") == 0;
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::SmallVector<llvm::StringRef> types;
  llvm::StringRef(form.types).split(types, '|');
  out << "target triple = \""
      << (amd ? "amdgcn-amd-amdhsa" : "nvptx64-nvidia-cuda") << "\"\n"
      << "define " << (amd ? "amdgpu_kernel" : "ptx_kernel")
      << " void @form(ptr addrspace(1) %pa, ptr addrspace(1) %pb, "
         "ptr addrspace(1) %pc, ptr addrspace(1) %pd) \"target-cpu\"=\""
      << form.chip << "\" {\n  %tid = call i32 @llvm."
      << (amd ? "amdgcn.workitem.id.x" : "nvvm.read.ptx.sreg.tid.x") << "()\n";
  const char *const names[] = {"a", "b", "c"};
  for (auto [i, name] : llvm::enumerate(names)) {
    out << "  %at" << name << " = getelementptr " << types[i]
        << ", ptr addrspace(1) %p" << name << ", i32 %tid\n  %" << name
        << " = load " << types[i] << ", ptr addrspace(1) %at" << name
        << ", align 1\n";
  }
  out << form.call << "  %atd = getelementptr " << types[3]
      << ", ptr addrspace(1) %pd, i32 %tid\n  store " << types[3]
      << " %d, ptr addrspace(1) %atd, align 1\n  ret void\n}\n";
  return text;
}

void pack(Buffer<uint8_t> &memory, int bytesPerLane, int lane, int i, int bits,
          uint32_t value) {
  memcpy(memory.data() + lane * bytesPerLane + i * bits / 8, &value,
         size_t(bits / 8));
}

class Fragment : public testing::TestWithParam<Form> {};

TEST_P(Fragment, ComputesTheProduct) {
  const Form &form = GetParam();
  int lanes = form.chip.compare(0, 4, "gfx9") == 0 ? 64 : 32;
  std::string error, text = makeKernel(form);
  auto emulated = Emulated::load(text, error);
  ASSERT_TRUE(emulated) << error << text;
  auto at = [](const Place &place, int columns) {
    return place.row * columns + place.column;
  };
  int bitsC = form.halves ? 16 : 32;
  int bytesA = form.elementsA * form.bits / 8;
  int bytesB = form.elementsB * form.bits / 8;
  int bytesC = form.elementsC * bitsC / 8;
  Buffer<uint8_t> a(bytesA * lanes), b(bytesB * lanes), c(bytesC * lanes),
      d(bytesC * lanes);
  for (int lane = 0; lane < lanes; ++lane) {
    for (int i = 0; i < form.elementsA; ++i) {
      float value = sample(at(form.a(lane, i), form.depth));
      pack(a, bytesA, lane, i, form.bits, form.encode(value));
    }
    for (int i = 0; i < form.elementsB; ++i) {
      float value = sample(at(form.b(lane, i), form.columns) + 7);
      pack(b, bytesB, lane, i, form.bits, form.encode(value));
    }
    for (int i = 0; i < form.elementsC; ++i) {
      float value = sample(at(form.c(lane, i), form.columns) + 1);
      uint32_t code = form.integers ? uint32_t(int32_t(value))
                      : form.halves ? floatToHalf(value)
                                    : encodeFloat(value);
      pack(c, bytesC, lane, i, bitsC, code);
    }
  }
  ASSERT_EQ(emulated->launch(1, lanes, 0,
                             {a.data(), b.data(), c.data(), d.data()},
                             "late,fifo"),
            "");
  for (int lane = 0; lane < lanes; ++lane) {
    for (int i = 0; i < form.elementsC; ++i) {
      Place place = form.c(lane, i);
      float expected = sample(at(place, form.columns) + 1);
      for (int k = 0; k < form.depth; ++k) {
        expected += sample(place.row * form.depth + k) *
                    sample(k * form.columns + place.column + 7);
      }
      uint32_t code = 0;
      memcpy(&code, d.data() + lane * bytesC + i * bitsC / 8, bitsC / 8);
      uint32_t wanted = form.integers ? uint32_t(int32_t(expected))
                        : form.halves ? floatToHalf(expected)
                                      : encodeFloat(expected);
      EXPECT_EQ(code, wanted)
          << form.name << " lane " << lane << " value " << i;
    }
  }
}

//===----------------------------------------------------------------------===//
// PTX ISA, "Matrix Fragments for mma.m16n8k*"
//===----------------------------------------------------------------------===//

int group(int lane) { return lane >> 2; }
int inGroup(int lane) { return lane % 4; }

/// Values of C are laid out alike in all forms.
Place accumulator(int lane, int i) {
  return {i < 2 ? group(lane) : group(lane) + 8, inGroup(lane) * 2 + (i & 1)};
}
Place a16k16(int lane, int i) {
  bool upper = !(i < 2 || (i >= 4 && i < 6));
  return {upper ? group(lane) + 8 : group(lane),
          inGroup(lane) * 2 + (i & 1) + (i < 4 ? 0 : 8)};
}
Place b16k16(int lane, int i) {
  return {inGroup(lane) * 2 + (i & 1) + (i < 2 ? 0 : 8), group(lane)};
}
Place a16k8(int lane, int i) {
  return {i < 2 ? group(lane) : group(lane) + 8, inGroup(lane) * 2 + (i & 1)};
}
Place b16k8(int lane, int i) { return {inGroup(lane) * 2 + i, group(lane)}; }
Place a32k8(int lane, int i) {
  return {i == 0 || i == 2 ? group(lane) : group(lane) + 8,
          i == 0 || i == 1 ? inGroup(lane) : inGroup(lane) + 4};
}
Place b32k8(int lane, int i) {
  return {i == 0 ? inGroup(lane) : inGroup(lane) + 4, group(lane)};
}
Place a32k4(int lane, int i) {
  return {i == 0 ? group(lane) : group(lane) + 8, inGroup(lane)};
}
Place b32k4(int lane, int) { return {inGroup(lane), group(lane)}; }
Place a8k32(int lane, int i) {
  bool lower = i < 4 || (i >= 8 && i < 12);
  return {lower ? group(lane) : group(lane) + 8,
          inGroup(lane) * 4 + (i & 3) + (i < 8 ? 0 : 16)};
}
Place b8k32(int lane, int i) {
  return {inGroup(lane) * 4 + (i & 3) + (i < 4 ? 0 : 16), group(lane)};
}
Place a8k16(int lane, int i) {
  return {i < 4 ? group(lane) : group(lane) + 8, inGroup(lane) * 4 + (i & 3)};
}
Place b8k16(int lane, int i) { return {inGroup(lane) * 4 + i, group(lane)}; }

/// The body that takes %a, %b, %c apart into words, calls a PTX form on them,
/// and puts its results together. `word` and `wordC` are LLVM types.
std::string callWords(const std::string &name, int a, int b, int c,
                      const std::string &word, const std::string &wordC,
                      const std::string &assembly = "") {
  std::string text, arguments, types;
  llvm::raw_string_ostream out(text);
  struct {
    const char *name;
    int count;
    const std::string &type;
  } operands[] = {{"a", a, word}, {"b", b, word}, {"c", c, wordC}};
  for (const auto &operand : operands) {
    for (int i = 0; i < operand.count; ++i) {
      std::string value = "%" + std::string(operand.name) + std::to_string(i);
      out << "  " << value << "i = extractelement <" << operand.count
          << " x i32> %" << operand.name << ", i32 " << i << "\n  " << value
          << " = bitcast i32 " << value << "i to " << operand.type << "\n";
      arguments += (arguments.empty() ? "" : ", ") + operand.type + " " + value;
    }
  }
  std::string result = "{ " + wordC;
  for (int i = 1; i < c; ++i) {
    result += ", " + wordC;
  }
  result += " }";
  out << "  %r = call " << result << " "
      << (assembly.empty() ? "@" + name : assembly) << "(" << arguments
      << ")\n";
  for (int i = 0; i < c; ++i) {
    out << "  %r" << i << " = extractvalue " << result << " %r, " << i
        << "\n  %r" << i << "i = bitcast " << wordC << " %r" << i
        << " to i32\n  %d" << i << (i + 1 == c ? "last" : "")
        << " = insertelement <" << c << " x i32> "
        << (i == 0 ? "poison" : "%d" + std::to_string(i - 1)) << ", i32 %r" << i
        << "i, i32 " << i << "\n";
  }
  out << "  %d = bitcast <" << c << " x i32> %d" << c - 1 << "last to <" << c
      << " x i32>\n";
  return text;
}

Form nvidia(const std::string &suffix, int depth, int bits, Layout a, Layout b,
            std::function<uint32_t(float)> encode, const std::string &word,
            const std::string &wordC = "float",
            const std::string &assembly = "") {
  Form form;
  form.name = "m16n8k" + std::to_string(depth) + "." + suffix;
  form.chip = "sm_90";
  form.rows = 16;
  form.columns = 8;
  form.depth = depth;
  form.bits = bits;
  form.elementsA = 16 * depth / 32;
  form.elementsB = 8 * depth / 32;
  form.elementsC = 4;
  int wordsA = form.elementsA * bits / 32, wordsB = form.elementsB * bits / 32;
  form.halves = wordC == "<2 x half>";
  form.integers = wordC == "i32";
  int wordsC = form.halves ? 2 : 4;
  form.types = "<" + std::to_string(wordsA) + " x i32>|<" +
               std::to_string(wordsB) + " x i32>|<" + std::to_string(wordsC) +
               " x i32>|<" + std::to_string(wordsC) + " x i32>";
  form.call = callWords("llvm.nvvm.mma.m16n8k" + std::to_string(depth) +
                            ".row.col." + suffix,
                        wordsA, wordsB, wordsC, word, wordC, assembly);
  form.a = a;
  form.b = b;
  form.c = accumulator;
  form.encode = encode;
  return form;
}

/// fp8 has no intrinsic on every chip, so the compiler writes it as assembly;
/// the accumulator is tied.
std::string fp8Assembly() {
  return "asm sideeffect \"mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 "
         "{$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$0, $1, $2, $3};\", "
         "\"=f,=f,=f,=f,r,r,r,r,r,r,0,1,2,3\"";
}

//===----------------------------------------------------------------------===//
// CDNA3, CDNA4, RDNA3, RDNA4 ISA
//===----------------------------------------------------------------------===//

/// One product of r x r x depth per wave of 64.
Form mfma(const std::string &suffix, const std::string &chip, int size,
          int depth, int bits, std::function<uint32_t(float)> encode,
          const std::string &typeA) {
  Form form;
  form.name = "mfma." + suffix;
  form.chip = chip;
  form.rows = form.columns = size;
  form.depth = depth;
  form.bits = bits;
  int elements = size * depth / 64, values = size * size / 64;
  form.elementsA = form.elementsB = elements;
  form.elementsC = values;
  form.integers = suffix.compare(0, 3, "i32") == 0;
  std::string typeC = "<" + std::to_string(values) + " x " +
                      (form.integers ? "i32" : "float") + ">";
  form.types = typeA + "|" + typeA + "|" + typeC + "|" + typeC;
  form.call = "  %d = call " + typeC + " @llvm.amdgcn.mfma." + suffix + "(" +
              typeA + " %a, " + typeA + " %b, " + typeC +
              " %c, i32 0, i32 0, i32 0)\n";
  form.a = [=](int lane, int i) {
    return Place{lane % size, lane / size * elements + i};
  };
  form.b = [=](int lane, int i) {
    return Place{lane / size * elements + i, lane % size};
  };
  if (size == 16) {
    form.c = [](int lane, int i) {
      return Place{lane / 16 * 4 + i, lane % 16};
    };
  } else {
    form.c = [](int lane, int i) {
      return Place{i / 4 * 8 + lane / 32 * 4 + i % 4, lane % 32};
    };
  }
  form.encode = encode;
  return form;
}

std::vector<Form> allForms() {
  std::vector<Form> forms = {
      nvidia("f32.f32", 16, 16, a16k16, b16k16, encodeHalf, "<2 x half>"),
      nvidia("f16.f16", 16, 16, a16k16, b16k16, encodeHalf, "<2 x half>",
             "<2 x half>"),
      nvidia("bf16", 16, 16, a16k16, b16k16, encodeBf16, "i32"),
      nvidia("f32.f32", 8, 16, a16k8, b16k8, encodeHalf, "<2 x half>"),
      nvidia("bf16", 8, 16, a16k8, b16k8, encodeBf16, "i32"),
      nvidia("tf32", 8, 32, a32k8, b32k8, encodeFloat, "i32"),
      nvidia("tf32", 4, 32, a32k4, b32k4, encodeFloat, "i32"),
      nvidia("s8", 32, 8, a8k32, b8k32, encodeByte, "i32", "i32"),
      nvidia("s8", 16, 8, a8k16, b8k16, encodeByte, "i32", "i32"),
      nvidia("e4m3", 32, 8, a8k32, b8k32, encodeE4M3, "i32", "float",
             fp8Assembly()),
      mfma("f32.16x16x16f16", "gfx942", 16, 16, 16, encodeHalf, "<4 x half>"),
      mfma("f32.16x16x16bf16.1k", "gfx942", 16, 16, 16, encodeBf16,
           "<4 x i16>"),
      mfma("f32.32x32x8f16", "gfx942", 32, 8, 16, encodeHalf, "<4 x half>"),
      mfma("f32.32x32x8bf16.1k", "gfx942", 32, 8, 16, encodeBf16, "<4 x i16>"),
      mfma("f32.16x16x4f32", "gfx942", 16, 4, 32, encodeFloat, "float"),
      mfma("f32.32x32x2f32", "gfx942", 32, 2, 32, encodeFloat, "float"),
      mfma("f32.16x16x32.f16", "gfx950", 16, 32, 16, encodeHalf, "<8 x half>"),
      mfma("f32.16x16x32.bf16", "gfx950", 16, 32, 16, encodeBf16,
           "<8 x bfloat>"),
      mfma("f32.32x32x16.f16", "gfx950", 32, 16, 16, encodeHalf, "<8 x half>"),
      mfma("f32.32x32x16.bf16", "gfx950", 32, 16, 16, encodeBf16,
           "<8 x bfloat>"),
      mfma("f32.16x16x32.fp8.fp8", "gfx950", 16, 32, 8, encodeE4M3, "i64"),
      mfma("i32.16x16x32.i8", "gfx942", 16, 32, 8, encodeByte, "i64"),
      mfma("i32.32x32x16.i8", "gfx942", 32, 16, 8, encodeByte, "i64"),
  };
  return forms;
}

INSTANTIATE_TEST_SUITE_P(Forms, Fragment, testing::ValuesIn(allForms()),
                         [](const testing::TestParamInfo<Form> &info) {
                           std::string name =
                               info.param.chip + "_" + info.param.name;
                           for (char &c : name) {
                             c = isalnum(c) ? c : '_';
                           }
                           return name;
                         });

/// The old fp8 formats of gfx942 have another bias: the same bits are half as
/// large.
TEST(Fragment, Fp8OfGfx942HasItsOwnBias) {
  Form form =
      mfma("f32.16x16x32.fp8.fp8", "gfx942", 16, 32, 8, encodeE4M3, "i64");
  std::string error;
  auto emulated = Emulated::load(makeKernel(form), error);
  ASSERT_TRUE(emulated) << error;
  Buffer<uint8_t> a(512), b(512);
  Buffer<float> c(256), d(256);
  std::fill_n(a.data(), a.size(), uint8_t(encodeE4M3(2)));
  std::fill_n(b.data(), b.size(), uint8_t(encodeE4M3(4)));
  std::fill_n(c.data(), c.size(), 0.0f);
  ASSERT_EQ(
      emulated->launch(1, 64, 0, {a.data(), b.data(), c.data(), d.data()}, ""),
      "");
  EXPECT_EQ(d[0], 32 * 1.0f * 2.0f);
}

} // namespace
