//===- Manifest.cpp - the manifest of a .fovea file, read -----------------===//
//
// Nothing in a file is believed: kinds, ranges and references between parts
// are checked here, so that no later code has to.
//
//===----------------------------------------------------------------------===//

#include "program/Artefact.h"

#include "device/Message.h"

#define JSON_NOEXCEPTION 1
#include <nlohmann/json.hpp>

using namespace fovea::rt;
using Json = nlohmann::json;

namespace {

/// Reads parts of the manifest; what is wrong is said once, with its place.
class Reader {
public:
  Reader(Artefact &artefact, const std::string &file)
      : artefact(artefact), file(file) {}

  int32_t read();

private:
  bool refuse(const std::string &where, const char *expected) {
    fail("'%.256s': its manifest is wrong at %.200s: expected %.200s",
         file.c_str(), where.c_str(), expected);
    return false;
  }

  /// The member of an object, or null after an error.
  const Json *get(const Json &object, const char *key,
                  const std::string &where) {
    auto found = object.is_object() ? object.find(key) : object.end();
    if (!object.is_object() || found == object.end()) {
      refuse(where, (std::string("a member '") + key + "'").c_str());
      return nullptr;
    }
    return &*found;
  }

  bool getText(const Json &object, const char *key, const std::string &where,
               std::string &text);
  bool getNumber(const Json &value, const std::string &where, int64_t least,
                 int64_t most, int64_t &number);
  bool getSection(const Json &object, const char *key, const std::string &where,
                  size_t &section);
  /// Calls read(element, place) for each element of a list.
  template <typename Function>
  bool forEach(const Json &object, const char *key, const std::string &where,
               Function read);

  bool readExtent(const Json &value, const std::string &where,
                  const ProgramEntry &entry, ExtentFormula &extent, int depth);
  bool readParameter(const Json &value, const std::string &where,
                     const ProgramEntry &entry, bool isOutput,
                     ProgramParameter &parameter);
  bool readEntry(const Json &value, const std::string &where);
  bool readKernel(const Json &value, const std::string &where,
                  ProgramKernel &kernel);
  bool readTarget(const Json &value, const std::string &where);

  Artefact &artefact;
  const std::string &file;
};

} // namespace

bool Reader::getText(const Json &object, const char *key,
                     const std::string &where, std::string &text) {
  const Json *value = get(object, key, where);
  if (!value) {
    return false;
  }
  const auto *found = value->get_ptr<const std::string *>();
  if (!found || found->find('\0') != std::string::npos) {
    return refuse(where + "." + key, "a text");
  }
  text = *found;
  return true;
}

bool Reader::getNumber(const Json &value, const std::string &where,
                       int64_t least, int64_t most, int64_t &number) {
  std::string rule = "a whole number from " + std::to_string(least) + " to " +
                     std::to_string(most);
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX)) {
    return refuse(where, rule.c_str());
  }
  number = value.get<int64_t>();
  return (number >= least && number <= most) || refuse(where, rule.c_str());
}

bool Reader::getSection(const Json &object, const char *key,
                        const std::string &where, size_t &section) {
  int64_t number = 0;
  const Json *value = get(object, key, where);
  // Section 0 is the manifest itself.
  if (!value ||
      !getNumber(*value, where + "." + key, 1,
                 static_cast<int64_t>(artefact.sections.size()) - 1, number)) {
    return false;
  }
  section = static_cast<size_t>(number);
  return true;
}

template <typename Function>
bool Reader::forEach(const Json &object, const char *key,
                     const std::string &where, Function read) {
  const Json *list = get(object, key, where);
  if (!list) {
    return false;
  }
  if (!list->is_array()) {
    return refuse(where + "." + key, "a list");
  }
  size_t number = 0;
  for (const Json &element : *list) {
    if (!read(element,
              where + "." + key + "[" + std::to_string(number++) + "]")) {
      return false;
    }
  }
  return true;
}

bool Reader::readExtent(const Json &value, const std::string &where,
                        const ProgramEntry &entry, ExtentFormula &extent,
                        int depth) {
  if (value.is_number()) {
    extent.kind = ExtentFormula::Constant;
    return getNumber(value, where, INT64_MIN, INT64_MAX, extent.value);
  }
  bool isOne = value.is_object() && value.size() == 1;
  const Json *list = isOne ? &*value.begin() : nullptr;
  if (!list || !list->is_array() || list->size() != 2 || depth > 64) {
    return refuse(where, "a number or a formula of two terms");
  }
  std::string key = value.begin().key(), inside = where + "." + key;
  if (key == "size") {
    int64_t argument = 0, axis = 0;
    if (!getNumber((*list)[0], inside, 0, int64_t(entry.inputs.size()) - 1,
                   argument)) {
      return false;
    }
    int64_t rank = static_cast<int64_t>(entry.inputs[argument].shape.size());
    if (!getNumber((*list)[1], inside, 0, rank - 1, axis)) {
      return false;
    }
    extent.kind = ExtentFormula::Size;
    extent.argument = static_cast<int32_t>(argument);
    extent.axis = static_cast<int32_t>(axis);
    return true;
  }
  static constexpr const char *names[] = {"add", "sub",      "mul",
                                          "div", "ceil_div", "rem"};
  for (int i = 0; i < 6; ++i) {
    if (key == names[i]) {
      extent.kind = static_cast<ExtentFormula::Kind>(ExtentFormula::Add + i);
      extent.terms.resize(2);
      return readExtent((*list)[0], inside, entry, extent.terms[0],
                        depth + 1) &&
             readExtent((*list)[1], inside, entry, extent.terms[1], depth + 1);
    }
  }
  return refuse(inside, "size, add, sub, mul, div, ceil_div or rem");
}

bool Reader::readParameter(const Json &value, const std::string &where,
                           const ProgramEntry &entry, bool isOutput,
                           ProgramParameter &parameter) {
  std::string dtype;
  if (!getText(value, "name", where, parameter.name) ||
      !getText(value, "dtype", where, dtype)) {
    return false;
  }
  std::optional<fovea_dtype> type = parseDtype(dtype);
  if (!type) {
    return refuse(where + ".dtype", "f32, f16, bf16, i32, i64, i1, i8 or f8E4M3FN");
  }
  parameter.dtype = *type;
  auto readSize = [&](const Json &size, const std::string &place) {
    parameter.shape.push_back(0);
    return getNumber(size, place, -1, INT64_MAX, parameter.shape.back());
  };
  if (!forEach(value, "shape", where, readSize)) {
    return false;
  }
  if (parameter.shape.size() > FOVEA_MAX_RANK) {
    return refuse(where + ".shape", "at most 8 dimensions");
  }
  if (!isOutput || !value.contains("extents")) {
    return true;
  }
  std::vector<ExtentFormula> extents;
  auto readOne = [&](const Json &extent, const std::string &place) {
    extents.emplace_back();
    return readExtent(extent, place, entry, extents.back(), 0);
  };
  if (!forEach(value, "extents", where, readOne)) {
    return false;
  }
  if (extents.size() != parameter.shape.size()) {
    return refuse(where + ".extents", "one per dimension");
  }
  parameter.extents = std::move(extents);
  return true;
}

bool Reader::readEntry(const Json &value, const std::string &where) {
  ProgramEntry entry;
  if (!getText(value, "name", where, entry.name)) {
    return false;
  }
  auto readInput = [&](const Json &one, const std::string &place) {
    entry.inputs.emplace_back();
    return readParameter(one, place, entry, /*isOutput=*/false,
                         entry.inputs.back());
  };
  auto readOutput = [&](const Json &one, const std::string &place) {
    entry.outputs.emplace_back();
    return readParameter(one, place, entry, /*isOutput=*/true,
                         entry.outputs.back());
  };
  if (!forEach(value, "inputs", where, readInput) ||
      !forEach(value, "outputs", where, readOutput)) {
    return false;
  }
  artefact.entries.push_back(std::move(entry));
  return true;
}

bool Reader::readKernel(const Json &value, const std::string &where,
                        ProgramKernel &kernel) {
  if (!getText(value, "name", where, kernel.name)) {
    return false;
  }
  auto readKnown = [&](const char *key, int64_t &number) {
    return !value.contains(key) ||
           getNumber(value[key], where + "." + key, 0, INT32_MAX, number);
  };
  return readKnown("threads", kernel.threads) &&
         readKnown("near_bytes", kernel.nearBytes) &&
         readKnown("registers", kernel.registers);
}

bool Reader::readTarget(const Json &value, const std::string &where) {
  ProgramTarget target;
  if (!getText(value, "name", where, target.name) ||
      !getText(value, "chip", where, target.chip) ||
      !getSection(value, "host", where, target.host)) {
    return false;
  }
  auto readNeed = [&](const Json &need, const std::string &place) {
    const auto *text = need.get_ptr<const std::string *>();
    if (!text) {
      return refuse(place, "a text");
    }
    target.needs.push_back(*text);
    return true;
  };
  auto readImage = [&](const Json &one, const std::string &place) {
    ProgramImage image;
    if (!getText(one, "kind", place, image.kind) ||
        !getText(one, "chip", place, image.chip) ||
        !getSection(one, "section", place, image.section)) {
      return false;
    }
    target.images.push_back(std::move(image));
    return true;
  };
  auto readOneKernel = [&](const Json &one, const std::string &place) {
    target.kernels.emplace_back();
    return readKernel(one, place, target.kernels.back());
  };
  if (!forEach(value, "needs", where, readNeed) ||
      !forEach(value, "images", where, readImage) ||
      !forEach(value, "kernels", where, readOneKernel)) {
    return false;
  }
  artefact.targets.push_back(std::move(target));
  return true;
}

int32_t Reader::read() {
  Json manifest = Json::parse(artefact.manifest, nullptr,
                              /*allow_exceptions=*/false);
  if (!manifest.is_object()) {
    return fail("'%.256s': its manifest is not a JSON object", file.c_str());
  }
  auto entry = [&](const Json &value, const std::string &where) {
    return readEntry(value, where);
  };
  auto target = [&](const Json &value, const std::string &where) {
    return readTarget(value, where);
  };
  bool good = getText(manifest, "compiler", "manifest", artefact.compiler) &&
              forEach(manifest, "entries", "manifest", entry) &&
              forEach(manifest, "targets", "manifest", target);
  if (good && (artefact.entries.empty() || artefact.targets.empty())) {
    good = refuse("manifest", "at least one entry and one target");
  }
  return good ? 0 : 1;
}

int32_t fovea::rt::parseManifest(Artefact &artefact, const std::string &name) {
  return Reader(artefact, name).read();
}
