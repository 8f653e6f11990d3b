//===- Artefact.cpp - the container ---------------------------------------===//

#include "program/Artefact.h"

#include "program/Checksum.h"
#include "device/Message.h"

#include "fovea/runtime/fovea_artefact.h"

#include <algorithm>
#include <cinttypes>
#include <cstddef>
#include <cstring>

using namespace fovea::rt;

static_assert(sizeof(fovea_artefact_header) == 64 &&
              offsetof(fovea_artefact_header, header_checksum) == 32 &&
              sizeof(fovea_artefact_section) == 24);

static constexpr char kMagic[] = FOVEA_ARTEFACT_MAGIC;
static constexpr size_t kMagicBytes = sizeof(kMagic) - 1;
static constexpr uint32_t kVersion = FOVEA_ARTEFACT_VERSION;

/// The header, or an error that says what the file is instead.
static int32_t readHeader(const std::string &bytes, const char *name,
                          fovea_artefact_header &header) {
  size_t common = std::min(bytes.size(), kMagicBytes);
  if (common < 4 || memcmp(bytes.data(), kMagic, common) != 0) {
    // The first four bytes right and the next wrong: line ends were changed.
    bool wasText = common >= 6 && memcmp(bytes.data(), kMagic, 6) == 0;
    return fail(wasText ? "'%.256s': was transferred as text, which changed "
                          "its bytes; transfer it as binary"
                        : "'%.256s': is not a .fovea file",
                name);
  }
  if (bytes.size() < sizeof(header)) {
    return fail("'%.256s': is truncated: expected at least %zu bytes, got %zu",
                name, sizeof(header), bytes.size());
  }
  memcpy(&header, bytes.data(), sizeof(header));
  // The version first: a later one may place all else otherwise.
  if (header.version != kVersion) {
    return fail("'%.256s': has format %u, and this runtime reads format %u; %s",
                name, header.version, kVersion,
                header.version > kVersion ? "a newer runtime is needed"
                                          : "compile it again");
  }
  if (header.header_checksum !=
      checksum(bytes.data(),
               offsetof(fovea_artefact_header, header_checksum))) {
    return fail("'%.256s': is damaged: the checksum of the header is wrong",
                name);
  }
  if (bytes.size() != header.file_bytes) {
    return fail("'%.256s': is %s: expected %" PRIu64 " bytes, got %zu", name,
                bytes.size() < header.file_bytes ? "truncated" : "too long",
                header.file_bytes, bytes.size());
  }
  return 0;
}

/// Whether [offset, offset + size) lies in the file.
static bool isInside(uint64_t offset, uint64_t size, uint64_t fileBytes) {
  return offset <= fileBytes && size <= fileBytes - offset;
}

static int32_t readSections(Artefact &artefact,
                            const fovea_artefact_header &header,
                            const char *name) {
  const std::string &bytes = artefact.bytes;
  uint64_t tableBytes =
      uint64_t(header.sections) * sizeof(fovea_artefact_section);
  if (header.sections == 0 || header.header_bytes < sizeof(header) ||
      !isInside(header.header_bytes, tableBytes, bytes.size())) {
    return fail("'%.256s': is damaged: the table of sections is not in the "
                "file",
                name);
  }
  const char *table = bytes.data() + header.header_bytes;
  if (header.table_checksum != checksum(table, tableBytes)) {
    return fail("'%.256s': is damaged: the checksum of the table of sections "
                "is wrong",
                name);
  }
  for (uint32_t i = 0; i < header.sections; ++i) {
    fovea_artefact_section section;
    memcpy(&section, table + i * sizeof(section), sizeof(section));
    if (!isInside(section.offset, section.size, bytes.size())) {
      return fail("'%.256s': is damaged: section %u is not in the file", name,
                  i);
    }
    const char *begin = bytes.data() + section.offset;
    if (section.checksum != checksum(begin, section.size)) {
      return fail("'%.256s': is damaged: the checksum of section %u is wrong",
                  name, i);
    }
    artefact.sections.emplace_back(begin, section.size);
  }
  return 0;
}

std::unique_ptr<Artefact> fovea::rt::parseArtefact(std::string bytes,
                                                   const std::string &name) {
  auto artefact = std::make_unique<Artefact>();
  artefact->bytes = std::move(bytes);
  fovea_artefact_header header;
  if (readHeader(artefact->bytes, name.c_str(), header) ||
      readSections(*artefact, header, name.c_str())) {
    return nullptr;
  }
  artefact->manifest = std::string(artefact->sections[0]);
  if (parseManifest(*artefact, name)) {
    return nullptr;
  }
  return artefact;
}

//===----------------------------------------------------------------------===//
// Element types and formulas
//===----------------------------------------------------------------------===//

static constexpr const char *dtypeNames[] = {
    "f32", "f16", "bf16", "i32", "i64", "i1", "i8", "f8E4M3FN"};

const char *fovea::rt::getDtypeName(int32_t dtype) {
  return dtype >= 0 && dtype <= FOVEA_F8E4M3FN ? dtypeNames[dtype]
                                               : "an unknown type";
}

std::optional<fovea_dtype> fovea::rt::parseDtype(std::string_view name) {
  for (int32_t i = 0; i <= FOVEA_F8E4M3FN; ++i) {
    if (name == dtypeNames[i]) {
      return static_cast<fovea_dtype>(i);
    }
  }
  return std::nullopt;
}

static int64_t divide(int64_t a, int64_t b) { return b == 0 ? 0 : a / b; }

int64_t ExtentFormula::evaluate(const fovea_tensor *inputs) const {
  if (kind == Constant) {
    return value;
  }
  if (kind == Size) {
    return inputs[argument].sizes[axis];
  }
  int64_t a = terms[0].evaluate(inputs), b = terms[1].evaluate(inputs);
  switch (kind) {
  case Add:
    return a + b;
  case Sub:
    return a - b;
  case Mul:
    return a * b;
  case Div:
    return divide(a, b);
  case CeilDiv:
    return divide(a + b - 1, b);
  default:
    return b == 0 ? 0 : a % b;
  }
}

std::string ExtentFormula::print(const std::vector<std::string> &names) const {
  if (kind == Constant) {
    return std::to_string(value);
  }
  if (kind == Size) {
    return names[argument] + "[" + std::to_string(axis) + "]";
  }
  static constexpr const char *signs[] = {" + ", " - ",     " * ",
                                          " / ", " /ceil ", " % "};
  auto part = [&](const ExtentFormula &e) {
    bool isLeaf = e.kind == Constant || e.kind == Size;
    return isLeaf ? e.print(names) : "(" + e.print(names) + ")";
  };
  return part(terms[0]) + signs[kind - Add] + part(terms[1]);
}
