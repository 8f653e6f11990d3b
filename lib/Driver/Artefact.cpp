//===- Artefact.cpp - a compiled program as one file ----------------------===//

#include "fovea/Driver/Artefact.h"

#include "Executable.h"

#include "fovea/runtime/fovea_artefact.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CRC.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace fovea;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// The manifest
//===----------------------------------------------------------------------===//

static json::Value toJson(const Extent &extent) {
  if (extent.kind == Extent::Constant) {
    return extent.value;
  }
  if (extent.kind == Extent::Size) {
    return json::Object{{"size", json::Array{extent.argument, extent.axis}}};
  }
  static constexpr const char *names[] = {"add", "sub",      "mul",
                                          "div", "ceil_div", "rem"};
  return json::Object{
      {names[extent.kind - Extent::Add],
       json::Array{toJson(extent.operands[0]), toJson(extent.operands[1])}}};
}

static json::Value toJson(const Parameter &parameter) {
  json::Object object{{"name", parameter.name},
                      {"dtype", getDtypeName(parameter.dtype)},
                      {"shape", json::Array(parameter.shape)}};
  if (parameter.extents) {
    json::Array extents;
    for (const Extent &extent : *parameter.extents) {
      extents.push_back(toJson(extent));
    }
    object["extents"] = std::move(extents);
  }
  return object;
}

static json::Value toJson(const Entry &entry) {
  json::Array inputs, outputs;
  for (const Parameter &input : entry.inputs) {
    inputs.push_back(toJson(input));
  }
  for (const Parameter &output : entry.outputs) {
    outputs.push_back(toJson(output));
  }
  return json::Object{{"name", entry.name},
                      {"inputs", std::move(inputs)},
                      {"outputs", std::move(outputs)}};
}

static json::Value toJson(const ArtefactKernel &kernel) {
  json::Object object{{"name", kernel.name}};
  auto add = [&](const char *key, std::optional<int64_t> number) {
    if (number) {
      object[key] = *number;
    }
  };
  add("threads", kernel.threads);
  add("near_bytes", kernel.nearBytes);
  add("registers", kernel.registers);
  return object;
}

/// The manifest; `sections` receives all others, in the order that it numbers
/// them.
static std::string makeManifest(llvm::ArrayRef<Entry> entries,
                                llvm::ArrayRef<ArtefactTarget> targets,
                                std::vector<llvm::StringRef> &sections) {
  auto add = [&](llvm::StringRef bytes) {
    sections.push_back(bytes);
    return static_cast<int64_t>(sections.size()); // the manifest is number 0
  };
  json::Array entryList, targetList;
  for (const Entry &entry : entries) {
    entryList.push_back(toJson(entry));
  }
  for (const ArtefactTarget &target : targets) {
    json::Object object{{"name", target.name},
                        {"chip", target.chip},
                        {"needs", json::Array(target.needs)},
                        {"host", add(target.host)}};
    json::Array images, kernels;
    for (const ArtefactImage &image : target.images) {
      images.push_back(json::Object{{"kind", image.kind},
                                    {"chip", image.chip},
                                    {"section", add(image.bytes)}});
    }
    for (const ArtefactKernel &kernel : target.kernels) {
      kernels.push_back(toJson(kernel));
    }
    object["images"] = std::move(images);
    object["kernels"] = std::move(kernels);
    targetList.push_back(std::move(object));
  }
  json::Value manifest = json::Object{
      {"compiler", "Fovea " FOVEA_VERSION " (LLVM " LLVM_VERSION_STRING ")"},
      {"entries", std::move(entryList)},
      {"targets", std::move(targetList)}};
  std::string text;
  llvm::raw_string_ostream(text) << manifest;
  return text;
}

//===----------------------------------------------------------------------===//
// The container
//===----------------------------------------------------------------------===//

static uint32_t checksum(llvm::StringRef bytes) {
  return llvm::crc32(llvm::arrayRefFromStringRef(bytes));
}

/// The bytes of an object that lies in the file as it is.
template <typename T> static llvm::StringRef getBytes(const T &object) {
  return {reinterpret_cast<const char *>(&object), sizeof(object)};
}

static std::string makeFile(llvm::ArrayRef<llvm::StringRef> sections) {
  static_assert(llvm::endianness::native == llvm::endianness::little);
  std::vector<fovea_artefact_section> table;
  fovea_artefact_header header = {};
  uint64_t end =
      sizeof(header) + sections.size() * sizeof(fovea_artefact_section);
  for (llvm::StringRef bytes : sections) {
    uint64_t offset = llvm::alignTo(end, FOVEA_ARTEFACT_ALIGNMENT);
    table.push_back({offset, bytes.size(), checksum(bytes), 0});
    end = offset + bytes.size();
  }
  llvm::StringRef tableBytes(reinterpret_cast<const char *>(table.data()),
                             table.size() * sizeof(table[0]));
  std::memcpy(header.magic, FOVEA_ARTEFACT_MAGIC, sizeof(header.magic));
  header.version = FOVEA_ARTEFACT_VERSION;
  header.header_bytes = sizeof(header);
  header.file_bytes = end;
  header.sections = sections.size();
  header.table_checksum = checksum(tableBytes);
  header.header_checksum = checksum(getBytes(header).take_front(
      offsetof(fovea_artefact_header, header_checksum)));
  std::string file = (getBytes(header) + tableBytes).str();
  for (auto [row, bytes] : llvm::zip_equal(table, sections)) {
    file.resize(row.offset, '\0');
    file += bytes;
  }
  return file;
}

llvm::Expected<std::string>
fovea::writeArtefact(llvm::ArrayRef<Entry> entries,
                     llvm::ArrayRef<ArtefactTarget> targets) {
  llvm::StringSet<> names;
  for (const ArtefactTarget &target : targets) {
    if (!names.insert(target.name).second) {
      return llvm::createStringError("expected each target once, got '" +
                                     target.name + "' twice");
    }
  }
  std::vector<llvm::StringRef> others;
  std::string manifest = makeManifest(entries, targets, others);
  std::vector<llvm::StringRef> sections = {manifest};
  llvm::append_range(sections, others);
  return makeFile(sections);
}
