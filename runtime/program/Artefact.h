//===- Artefact.h - a .fovea file, read -----------------------------------===//
//
// docs/artefact.md describes the format byte by byte.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_RUNTIME_PROGRAM_ARTEFACT_H
#define FOVEA_RUNTIME_PROGRAM_ARTEFACT_H

#include "fovea/runtime/fovea_runtime.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::rt {

/// A formula over the sizes of an entry's inputs.
struct ExtentFormula {
  enum Kind { Constant, Size, Add, Sub, Mul, Div, CeilDiv, Rem };
  Kind kind = Constant;
  int64_t value = 0;                // Constant
  int32_t argument = 0, axis = 0;   // Size
  std::vector<ExtentFormula> terms; // the others: two

  /// Division by zero gives 0: then there are no elements either.
  int64_t evaluate(const fovea_tensor *inputs) const;
  /// As "q[0] * 4".
  std::string print(const std::vector<std::string> &names) const;
};

struct ProgramParameter {
  std::string name;
  fovea_dtype dtype = FOVEA_F32;
  std::vector<int64_t> shape; // -1 for any
  /// Of outputs; none if the shape depends on the data.
  std::optional<std::vector<ExtentFormula>> extents;
};

struct ProgramEntry {
  std::string name;
  std::vector<ProgramParameter> inputs, outputs;
};

struct ProgramImage {
  std::string kind, chip;
  size_t section = 0;
};

struct ProgramKernel {
  std::string name;
  int64_t threads = -1, nearBytes = -1, registers = -1; // -1 for unknown
};

struct ProgramTarget {
  std::string name, chip;
  std::vector<std::string> needs;   // of the CPU that runs the host code
  size_t host = 0;                  // section of the host code
  std::vector<ProgramImage> images; // none if the host code does the work
  std::vector<ProgramKernel> kernels;
};

struct Artefact {
  std::string bytes; // of the whole file
  std::vector<std::string_view> sections;
  std::string manifest, compiler;
  std::vector<ProgramEntry> entries;
  std::vector<ProgramTarget> targets;
};

/// Reads a file's bytes; `name` is for messages. Null after an error.
std::unique_ptr<Artefact> parseArtefact(std::string bytes,
                                        const std::string &name);

/// Reads the manifest of an artefact whose sections are known. Non-zero after
/// an error.
int32_t parseManifest(Artefact &artefact, const std::string &name);

/// The artefact as text for people.
std::string describe(const Artefact &artefact);

/// As "f32"; never null.
const char *getDtypeName(int32_t dtype);
std::optional<fovea_dtype> parseDtype(std::string_view name);

} // namespace fovea::rt

#endif // FOVEA_RUNTIME_PROGRAM_ARTEFACT_H
