//===- OpTable.cpp - From a name to a handler -----------------------------===//

#include "emulator/Ops.h"

#include <cstdio>

namespace fovea::emu {

bool Captures::has(int i, const char *word) const {
  return i < count && memmem(text[i], length[i], word, strlen(word));
}
bool Captures::equals(int i, const char *word) const {
  return i < count && length[i] == strlen(word) &&
         memcmp(text[i], word, length[i]) == 0;
}

bool matchGlob(const char *pattern, const char *text, Captures &captures) {
  const char *star = strchr(pattern, '*');
  if (!star) {
    return strcmp(pattern, text) == 0;
  }
  size_t prefix = size_t(star - pattern);
  if (strncmp(pattern, text, prefix) != 0) {
    return false;
  }
  text += prefix;
  int mine = captures.count;
  if (mine == 4) {
    return false;
  }
  // The shortest stretch that lets the rest match.
  for (size_t length = 0;; ++length) {
    captures.count = mine + 1;
    captures.text[mine] = text;
    captures.length[mine] = length;
    if (matchGlob(star + 1, text + length, captures)) {
      return true;
    }
    if (text[length] == '\0') {
      captures.count = mine;
      return false;
    }
  }
}

//===----------------------------------------------------------------------===//
// Inline assembly
//===----------------------------------------------------------------------===//

namespace {

/// Reads the operands of one instruction, in the order it names them.
class AssemblyReader {
public:
  AssemblyReader(const Desc *desc, Op &op) : desc(desc), op(op) {
    readConstraints();
  }

  /// `at` stands behind the mnemonic. `hasResult`: the first operand, or group
  /// in braces, is written.
  bool readOperands(const char *at, bool hasResult, const char *&why) {
    int groups = 0;
    bool inBraces = false;
    int results = 0, inputs = 0, immediates = 0;
    for (; *at && *at != ';'; ++at) {
      if (*at == '{') {
        inBraces = true;
      } else if (*at == '}') {
        inBraces = false;
      } else if (*at == ',') {
        groups += !inBraces;
      } else if (strchr(" \t\n[]", *at)) {
        continue;
      } else {
        bool writes = hasResult && groups == 0;
        if (!readOne(at, writes, results, inputs, immediates)) {
          why = "this form of the instruction's operands is not emulated";
          return false;
        }
      }
    }
    return true;
  }

  int outputs = 0;

private:
  /// "=f,=f,r,r,0,1,~{memory}": two results, four inputs of which two are tied.
  void readConstraints() {
    for (int8_t &input : tied) {
      input = -1;
    }
    int input = 0;
    for (const char *at = desc->constraints; at && *at;) {
      size_t length = strcspn(at, ",");
      if (*at == '=') {
        ++outputs;
      } else if (*at != '~') {
        if (*at >= '0' && *at <= '9') {
          int to = atoi(at);
          if (to < kMaxOperands) {
            tied[to] = int8_t(input);
          }
        }
        ++input;
      }
      at += length;
      at += *at == ',';
    }
  }

  bool readOne(const char *&at, bool writes, int &results, int &inputs,
               int &immediates) {
    char *end = nullptr;
    if (*at == '$' || *at == '%') {
      ++at;
      bool braces = *at == '{';
      long number = strtol(at + braces, &end, 10);
      // "${3:h}" asks for a spelling, not for another operand.
      at = braces ? strchr(end, '}') : end - 1;
      if (!at) {
        return false;
      }
      return place(int(number), writes, results, inputs);
    }
    unsigned long value = strtoul(at, &end, 0);
    if (end == at || writes || inputs == kMaxOperands || immediates == 8) {
      return false;
    }
    op.immediates[immediates] = uint32_t(value);
    op.map[inputs++] = int8_t(-1 - immediates++);
    at = end - 1;
    return true;
  }

  bool place(int number, bool writes, int &results, int &inputs) {
    if (writes) {
      if (number >= outputs || results == kMaxOperands) {
        return false;
      }
      op.outputs[results++] = int8_t(number);
      return true;
    }
    int input = number >= outputs ? number - outputs : tied[number];
    if (input < 0 || input >= desc->operands || inputs == kMaxOperands) {
      return false;
    }
    op.map[inputs++] = int8_t(input);
    return true;
  }

  const Desc *desc;
  Op &op;
  int8_t tied[kMaxOperands];
};

} // namespace

/// Instructions that write nothing to registers.
static bool writesRegisters(const char *name) {
  static const char *const without[] = {
      "cp.async",  "bar.",      "barrier.", "membar", "fence",
      "nanosleep", "stmatrix.", "prefetch", "s_",     "st."};
  for (const char *prefix : without) {
    if (strncmp(name, prefix, strlen(prefix)) == 0) {
      return false;
    }
  }
  return true;
}

bool parseAssembly(const Desc *desc, char *name, size_t room, Op &op,
                   const char *&why) {
  const char *at = desc->assembly + strspn(desc->assembly, " \t\n{");
  size_t length = strcspn(at, " \t\n;");
  const char *semicolon = strchr(at, ';');
  if (semicolon && semicolon[1 + strspn(semicolon + 1, " \t\n;}")] != '\0') {
    why = "only single instructions are emulated";
    return false;
  }
  snprintf(name, room, "asm %.*s", int(length), at);
  AssemblyReader reader(desc, op);
  if (strncmp(at, "s_waitcnt", 9) == 0) {
    // Its operand has a syntax of its own; the handler reads it.
    return true;
  }
  if (length == 0) {
    // A barrier to the compiler that passes values through.
    for (int i = 0; i < desc->operands && i < kMaxOperands; ++i) {
      op.map[i] = int8_t(i);
    }
    op.p[0] = desc->operands < reader.outputs ? desc->operands : reader.outputs;
    return true;
  }
  return reader.readOperands(at + length, writesRegisters(at), why);
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

const Op *findOp(const Desc *desc, const char *chip, const char *&why) {
  Op *op = static_cast<Op *>(calloc(1, sizeof(Op)));
  if (!op) {
    why = "out of memory";
    return nullptr;
  }
  op->chip = chip;
  for (int i = 0; i < kMaxOperands; ++i) {
    op->map[i] = op->outputs[i] = int8_t(i);
  }
  char assembly[256];
  const char *name = desc->site.name;
  why = "the emulator has no such operation";
  if (desc->assembly) {
    if (!parseAssembly(desc, assembly, sizeof(assembly), *op, why)) {
      free(op);
      return nullptr;
    }
    name = assembly;
  }
  const Rows tables[] = {nvidiaRows(), nvidiaArithmeticRows(), matrixRows(),
                         amdRows(),    amdMemoryRows(),        commonRows()};
  for (const Rows &table : tables) {
    for (int i = 0; i < table.count; ++i) {
      const Row &row = table.rows[i];
      Captures captures{{}, {}, 0};
      if (!matchGlob(row.pattern, name, captures)) {
        continue;
      }
      op->row = &row;
      if (!row.prepare || row.prepare(*op, captures)) {
        return op;
      }
      why = "the emulator has no such form of this operation";
    }
  }
  free(op);
  return nullptr;
}

} // namespace fovea::emu
