//===- Ops.h - The operations of a GPU, as a table ------------------------===//
//
// Code of an image names each operation as the compiler does: the name of an
// LLVM intrinsic, or the text of an inline assembly instruction. The table
// maps names to handlers. A name in the table may hold '*', which stands for
// any text; what it stood for is handed to a function that reads numbers and
// types out of it once, when the operation is first met. So one row serves all
// of "llvm.nvvm.mma.m16n8k*.row.col.*".
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_RUNTIME_EMULATOR_OPS_H
#define FOVEA_RUNTIME_EMULATOR_OPS_H

#include "emulator/Worker.h"

namespace fovea::emu {

enum class Kind : uint8_t {
  Thread, // Every thread for itself.
  Warp,   // All lanes of the warp, whatever branch they took.
  Masked, // The lanes named by an operand of 32 bits.
  Exec,   // The lanes that are in this branch; known when nothing else runs.
};

constexpr int kMaxOperands = 32;

/// Stretches of a name that a '*' stood for.
struct Captures {
  const char *text[4];
  size_t length[4];
  int count;

  /// Whether capture i begins with / contains / equals the given text.
  bool has(int i, const char *word) const;
  bool equals(int i, const char *word) const;
  int number(int i) const { return atoi(text[i]); }
};

struct Op;

/// One execution by one thread.
struct Call {
  Worker &worker;
  const Op &op;
  const Desc *desc;
  void *result;
  void *const *operands;

  template <typename T> T in(int i) const;
  template <typename T> void out(T value, int i = 0) const {
    memcpy(static_cast<T *>(result) + i, &value, sizeof(T));
  }
};

/// One execution by a warp, or by the lanes of it that take part.
struct Wave {
  Worker &worker;
  const Op &op;
  const Desc *desc;
  int lanes;
  int first; // Index of lane 0 in the block.
  uint64_t mask;
  void *results[kMaxLanes];
  void *const *operands[kMaxLanes];

  bool takesPart(int lane) const { return (mask >> lane) & 1; }
  template <typename T> T in(int lane, int i) const;
  template <typename T> void out(int lane, T value, int i = 0) const {
    memcpy(static_cast<T *>(results[lane]) + i, &value, sizeof(T));
  }
};

struct Row {
  const char *pattern;
  Kind kind;
  int8_t maskOperand; // Of Kind::Masked.
  int8_t syncs;       // 1: orders near memory between the lanes.
  void (*thread)(Call &);
  void (*warp)(Wave &);
  /// Fills op.p from the name. False if the name asks for what the handler
  /// cannot do. Null: nothing to read.
  bool (*prepare)(Op &op, const Captures &captures);
};

/// A row applied to one name.
struct Op {
  const Row *row;
  const char *chip;
  int32_t p[8];
  /// Which operand of the description is operand i of the instruction, or
  /// -1 - k for immediate k. Identity but for inline assembly.
  int8_t map[kMaxOperands];
  int8_t outputs[kMaxOperands]; // Result word i goes to word outputs[i].
  uint32_t immediates[8];
};

template <typename T>
T readOperand(const Op &op, void *const *operands, int i) {
  int where = op.map[i];
  const void *from =
      where >= 0 ? operands[where]
                 : static_cast<const void *>(&op.immediates[-1 - where]);
  T value;
  memcpy(&value, from, sizeof(T));
  return value;
}
template <typename T> T Call::in(int i) const {
  return readOperand<T>(op, operands, i);
}
template <typename T> T Wave::in(int lane, int i) const {
  return readOperand<T>(op, operands[lane], i);
}

/// The row and its parameters for a description. Null when there is none;
/// then `why` says why not. The result lives as long as the process.
const Op *findOp(const Desc *desc, const char *chip, const char *&why);

/// Whether `text` matches `pattern`; fills captures.
bool matchGlob(const char *pattern, const char *text, Captures &captures);

/// Reads the one PTX statement or AMD instruction of an inline assembly: its
/// name with the given prefix, and where its operands are.
bool parseAssembly(const Desc *desc, char *name, size_t room, Op &op,
                   const char *&why);

/// One stretch of the table.
struct Rows {
  const Row *rows;
  int count;
};
Rows nvidiaRows();
Rows nvidiaArithmeticRows();
Rows matrixRows();
Rows amdRows();
Rows amdMemoryRows();
Rows commonRows();

} // namespace fovea::emu

#endif // FOVEA_RUNTIME_EMULATOR_OPS_H
