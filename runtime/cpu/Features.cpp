//===- Features.cpp - what this machine's CPU has -------------------------===//
//
// Names are LLVM's. Only features that code generation may use without being
// asked are here. The tables of all families are always there: the compiler
// asks which names a loader knows, and a loader that meets the code of another
// family answers that this machine lacks its features.
//
//===----------------------------------------------------------------------===//

#include "fovea/runtime/fovea_program.h"

#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

//===----------------------------------------------------------------------===//
// x86-64: Intel's "Software Developer's Manual", volume 2, CPUID, and AMD's
// "Architecture Programmer's Manual", volume 3, appendix E
//===----------------------------------------------------------------------===//

namespace {

enum Register { EAX, EBX, ECX, EDX };

/// Parts of the register state that the operating system must save: bits of
/// XCR0.
enum State : uint32_t { NoState = 0, Ymm = 0x6, Zmm = 0xe6, Tiles = 0x60000 };

struct Feature {
  const char *name;
  uint32_t leaf, subleaf;
  Register reg;
  int bit;
  State state;
};

constexpr Feature features[] = {
    {"cmov", 1, 0, EDX, 15, NoState},
    {"sse", 1, 0, EDX, 25, NoState},
    {"sse2", 1, 0, EDX, 26, NoState},
    {"sse3", 1, 0, ECX, 0, NoState},
    {"pclmul", 1, 0, ECX, 1, NoState},
    {"ssse3", 1, 0, ECX, 9, NoState},
    {"fma", 1, 0, ECX, 12, Ymm},
    {"cx16", 1, 0, ECX, 13, NoState},
    {"sse4.1", 1, 0, ECX, 19, NoState},
    {"sse4.2", 1, 0, ECX, 20, NoState},
    {"crc32", 1, 0, ECX, 20, NoState},
    {"movbe", 1, 0, ECX, 22, NoState},
    {"popcnt", 1, 0, ECX, 23, NoState},
    {"avx", 1, 0, ECX, 28, Ymm},
    {"f16c", 1, 0, ECX, 29, Ymm},
    {"bmi", 7, 0, EBX, 3, NoState},
    {"avx2", 7, 0, EBX, 5, Ymm},
    {"bmi2", 7, 0, EBX, 8, NoState},
    {"avx512f", 7, 0, EBX, 16, Zmm},
    {"avx512dq", 7, 0, EBX, 17, Zmm},
    {"adx", 7, 0, EBX, 19, NoState},
    {"avx512ifma", 7, 0, EBX, 21, Zmm},
    {"avx512cd", 7, 0, EBX, 28, Zmm},
    {"avx512bw", 7, 0, EBX, 30, Zmm},
    {"avx512vl", 7, 0, EBX, 31, Zmm},
    {"avx512vbmi", 7, 0, ECX, 1, Zmm},
    {"avx512vbmi2", 7, 0, ECX, 6, Zmm},
    {"gfni", 7, 0, ECX, 8, NoState},
    {"vaes", 7, 0, ECX, 9, Ymm},
    {"vpclmulqdq", 7, 0, ECX, 10, Ymm},
    {"avx512vnni", 7, 0, ECX, 11, Zmm},
    {"avx512bitalg", 7, 0, ECX, 12, Zmm},
    {"avx512vpopcntdq", 7, 0, ECX, 14, Zmm},
    {"avx512vp2intersect", 7, 0, EDX, 8, Zmm},
    {"amx-bf16", 7, 0, EDX, 22, Tiles},
    {"avx512fp16", 7, 0, EDX, 23, Zmm},
    {"amx-tile", 7, 0, EDX, 24, Tiles},
    {"amx-int8", 7, 0, EDX, 25, Tiles},
    {"avxvnni", 7, 1, EAX, 4, Ymm},
    {"avx512bf16", 7, 1, EAX, 5, Zmm},
    {"amx-fp16", 7, 1, EAX, 21, Tiles},
    {"avxifma", 7, 1, EAX, 23, Ymm},
    {"avxvnniint8", 7, 1, EDX, 4, Ymm},
    {"avxneconvert", 7, 1, EDX, 5, Ymm},
    {"avxvnniint16", 7, 1, EDX, 10, Ymm},
    {"lzcnt", 0x80000001, 0, ECX, 5, NoState},
    {"sse4a", 0x80000001, 0, ECX, 6, NoState},
    {"xop", 0x80000001, 0, ECX, 11, Ymm},
    {"fma4", 0x80000001, 0, ECX, 16, Ymm},
    {"tbm", 0x80000001, 0, ECX, 21, NoState},
};

#if defined(__x86_64__)

/// What CPUID says. Rows of one leaf follow each other, and an answer is kept
/// until another leaf is asked for: in a virtual machine each is a trip to the
/// hypervisor.
class Processor {
public:
  Processor() {
    if (getBit(1, 0, ECX, 27)) { // OSXSAVE: XCR0 says what the system saves
      uint32_t low, high;
      __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
      saved = low;
    }
  }

  bool has(const Feature &row) {
    return (saved & row.state) == row.state &&
           getBit(row.leaf, row.subleaf, row.reg, row.bit);
  }

private:
  bool getBit(uint32_t wanted, uint32_t wantedSubleaf, Register reg, int bit) {
    if (leaf != wanted || subleaf != wantedSubleaf) {
      leaf = wanted;
      subleaf = wantedSubleaf;
      isThere = __get_cpuid_count(leaf, subleaf, &registers[EAX],
                                  &registers[EBX], &registers[ECX],
                                  &registers[EDX]);
    }
    return isThere && (registers[reg] >> bit & 1);
  }

  uint32_t leaf = ~uint32_t(0), subleaf = 0, registers[4] = {}, saved = 0;
  bool isThere = false;
};

/// Asked by one thread: see Answers.
bool has(const Feature &row) {
  static Processor processor;
  return processor.has(row);
}

#else

bool has(const Feature &) { return false; }

#endif

//===----------------------------------------------------------------------===//
// AArch64: bits of the auxiliary vector, from "ARM64 ELF hwcaps" in Linux's
// documentation. The system sets a bit only if it supports the feature. Ciphers
// are left out: kernels use none, and some have the names that x86-64's have.
//===----------------------------------------------------------------------===//

struct ArmFeature {
  const char *name;
  int word; // 1: AT_HWCAP, 2: AT_HWCAP2
  uint32_t bits;
};

constexpr uint32_t bit(int place) { return uint32_t(1) << place; }

constexpr ArmFeature armFeatures[] = {
    {"fp-armv8", 1, bit(0)},
    {"neon", 1, bit(1)},
    {"crc", 1, bit(7)},
    {"lse", 1, bit(8)},
    {"fullfp16", 1, bit(9) | bit(10)},
    {"rdm", 1, bit(12)},
    {"jsconv", 1, bit(13)},
    {"complxnum", 1, bit(14)},
    {"rcpc", 1, bit(15)},
    {"dotprod", 1, bit(20)},
    {"sve", 1, bit(22)},
    {"fp16fml", 1, bit(23)},
    {"rcpc-immo", 1, bit(26)},
    {"flagm", 1, bit(27)},
    {"sve2", 2, bit(1)},
    {"altnzcv", 2, bit(7)},
    {"fptoint", 2, bit(8)},
    {"i8mm", 2, bit(13)},
    {"bf16", 2, bit(14)},
};

#if defined(__aarch64__)

bool has(const ArmFeature &row) {
  unsigned long word = getauxval(row.word == 1 ? AT_HWCAP : AT_HWCAP2);
  return (word & row.bits) == row.bits;
}

#else

bool has(const ArmFeature &) { return false; }

#endif

/// Which rows of a table this machine has; asked once.
template <typename Row, size_t count> struct Answers {
  explicit Answers(const Row (&rows)[count]) {
    for (size_t i = 0; i < count; ++i) {
      isThere[i] = has(rows[i]);
    }
  }

  bool isThere[count];
};

/// As fovea_rt_cpu_has, of one table.
template <typename Row, size_t count>
int32_t look(const Row (&rows)[count], const char *feature) {
  static const Answers<Row, count> answers(rows);
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(rows[i].name, feature) == 0) {
      return answers.isThere[i];
    }
  }
  return -1;
}

} // namespace

int32_t fovea_rt_cpu_has(const char *feature) {
  int32_t found = look(features, feature);
  return found >= 0 ? found : look(armFeatures, feature);
}
