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
#include <iterator>

using namespace fovea;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// The manifest
//===----------------------------------------------------------------------===//

/// Formulas of two terms, in the order of Extent::Kind.
static constexpr const char *kFormulas[] = {"add", "sub",      "mul",
                                            "div", "ceil_div", "rem"};

static json::Value toJson(const Extent &extent) {
  if (extent.kind == Extent::Constant) {
    return extent.value;
  }
  if (extent.kind == Extent::Size) {
    return json::Object{{"size", json::Array{extent.argument, extent.axis}}};
  }
  return json::Object{
      {kFormulas[extent.kind - Extent::Add],
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
                                const ArtefactNotes *notes,
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
  json::Object manifest{
      {"compiler", "Fovea " FOVEA_VERSION " (LLVM " LLVM_VERSION_STRING ")"},
      {"entries", std::move(entryList)},
      {"targets", std::move(targetList)}};
  if (notes) {
    // Parts of messages may be any bytes.
    manifest["key"] = notes->key;
    manifest["source"] = json::fixUTF8(notes->source);
    json::Array remarks;
    for (const std::string &remark : notes->remarks) {
      remarks.push_back(json::fixUTF8(remark));
    }
    manifest["remarks"] = std::move(remarks);
  }
  std::string text;
  llvm::raw_string_ostream(text) << json::Value(std::move(manifest));
  return text;
}

//===----------------------------------------------------------------------===//
// The manifest, read
//===----------------------------------------------------------------------===//

// The loader has checked all that is used here; see Manifest.cpp of the
// runtime.

static int64_t getInteger(const json::Value &value) {
  return value.getAsInteger().value_or(0);
}

static Extent readExtent(const json::Value &value) {
  Extent extent;
  const json::Object *formula = value.getAsObject();
  if (!formula) {
    extent.value = getInteger(value);
    return extent;
  }
  const json::Array &terms = *formula->begin()->second.getAsArray();
  llvm::StringRef name = formula->begin()->first;
  if (name == "size") {
    extent.kind = Extent::Size;
    extent.argument = getInteger(terms[0]);
    extent.axis = getInteger(terms[1]);
    return extent;
  }
  auto at = llvm::find(kFormulas, name) - std::begin(kFormulas);
  extent.kind = static_cast<Extent::Kind>(Extent::Add + at);
  for (const json::Value &term : terms) {
    extent.operands.push_back(readExtent(term));
  }
  return extent;
}

static Parameter readParameter(const json::Object &object) {
  Parameter parameter;
  parameter.name = object.getString("name")->str();
  llvm::StringRef dtype = *object.getString("dtype");
  while (getDtypeName(parameter.dtype) != dtype) {
    parameter.dtype = static_cast<fovea_dtype>(parameter.dtype + 1);
  }
  for (const json::Value &size : *object.getArray("shape")) {
    parameter.shape.push_back(getInteger(size));
  }
  if (const json::Array *extents = object.getArray("extents")) {
    parameter.extents.emplace();
    for (const json::Value &extent : *extents) {
      parameter.extents->push_back(readExtent(extent));
    }
  }
  return parameter;
}

static std::vector<Parameter> readParameters(const json::Array &list) {
  std::vector<Parameter> parameters;
  for (const json::Value &parameter : list) {
    parameters.push_back(readParameter(*parameter.getAsObject()));
  }
  return parameters;
}

llvm::Expected<ArtefactContents> fovea::readManifest(llvm::StringRef manifest) {
  llvm::Expected<json::Value> value = json::parse(manifest);
  if (!value) {
    return value.takeError();
  }
  const json::Object &object = *value->getAsObject();
  ArtefactContents contents;
  for (const json::Value &one : *object.getArray("entries")) {
    const json::Object &entry = *one.getAsObject();
    contents.entries.push_back({entry.getString("name")->str(),
                                readParameters(*entry.getArray("inputs")),
                                readParameters(*entry.getArray("outputs"))});
  }
  if (!object.get("key")) {
    return contents;
  }
  auto key = object.getString("key"), source = object.getString("source");
  const json::Array *remarks = object.getArray("remarks");
  if (!key || !source || !remarks) {
    return llvm::createStringError(
        "expected 'key', 'source' and 'remarks' in the manifest, got others");
  }
  contents.notes = {key->str(), source->str(), {}};
  for (const json::Value &remark : *remarks) {
    contents.notes.remarks.push_back(remark.getAsString().value_or("").str());
  }
  return contents;
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
                     llvm::ArrayRef<ArtefactTarget> targets,
                     const ArtefactNotes *notes) {
  llvm::StringSet<> names;
  for (const ArtefactTarget &target : targets) {
    if (!names.insert(target.name).second) {
      return llvm::createStringError("expected each target once, got '" +
                                     target.name + "' twice");
    }
  }
  std::vector<llvm::StringRef> others;
  std::string manifest = makeManifest(entries, targets, notes, others);
  std::vector<llvm::StringRef> sections = {manifest};
  llvm::append_range(sections, others);
  return makeFile(sections);
}
