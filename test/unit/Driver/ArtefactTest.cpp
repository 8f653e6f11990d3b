//===- ArtefactTest.cpp - .fovea files, written and read ------------------===//

#include "fovea/Driver/Artefact.h"

#include "fovea/Driver/Compiler.h"
#include "fovea/runtime/fovea_artefact.h"
#include "fovea/runtime/fovea_program.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CRC.h"
#include "llvm/TargetParser/Host.h"
#include "gtest/gtest.h"

#include <cstring>

using namespace fovea;

namespace {

Parameter makeParameter(llvm::StringRef name, fovea_dtype dtype,
                        llvm::ArrayRef<int64_t> shape) {
  Parameter parameter;
  parameter.name = name.str();
  parameter.dtype = dtype;
  parameter.shape.assign(shape.begin(), shape.end());
  return parameter;
}

Extent makeSize(unsigned argument, unsigned axis) {
  Extent extent;
  extent.kind = Extent::Size;
  extent.argument = argument;
  extent.axis = axis;
  return extent;
}

Extent makeConstant(int64_t value) {
  Extent extent;
  extent.value = value;
  return extent;
}

Extent makeBinary(Extent::Kind kind, Extent a, Extent b) {
  Extent extent;
  extent.kind = kind;
  extent.operands = {std::move(a), std::move(b)};
  return extent;
}

/// An entry (x: f32 [?, 16], table: i32 [?]) -> y: bf16 [x[0] /ceil 4,
/// (x[0] - table[0]) * 3, 16], z: i64 [?].
std::vector<Entry> makeEntries() {
  Entry entry;
  entry.name = "kernel \"one\"";
  entry.inputs = {makeParameter("x", FOVEA_F32, {-1, 16}),
                  makeParameter("table", FOVEA_I32, {-1})};
  Parameter y = makeParameter("y", FOVEA_BF16, {-1, -1, 16});
  y.extents = {
      makeBinary(Extent::CeilDiv, makeSize(0, 0), makeConstant(4)),
      makeBinary(Extent::Mul,
                 makeBinary(Extent::Sub, makeSize(0, 0), makeSize(1, 0)),
                 makeConstant(3)),
      makeConstant(16)};
  entry.outputs = {y, makeParameter("z", FOVEA_I64, {-1})};
  return {entry};
}

std::string makeFile() {
  ArtefactTarget cpu, device;
  cpu.name = "cpu:old";
  cpu.chip = "old";
  cpu.host = "no library, but nobody loads it";
  cpu.needs = {"a feature that no CPU has"};
  device.name = "device:new";
  device.chip = "new";
  device.host = "the same";
  device.images = {{"text", "new", "image 1"}, {"binary", "new", "image two"}};
  device.kernels = {{"k", 128, 4096, std::nullopt}, {"l", {}, {}, {}}};
  return llvm::cantFail(writeArtefact(makeEntries(), {cpu, device}));
}

/// What opening says, or "" if it succeeds.
std::string getRefusal(llvm::StringRef bytes) {
  fovea_program *program =
      fovea_program_open_memory(bytes.data(), bytes.size(), "f");
  if (!program) {
    return fovea_rt_last_error();
  }
  fovea_program_close(program);
  return "";
}

/// Opened for one test.
class ArtefactTest : public testing::Test {
protected:
  void SetUp() override {
    program = fovea_program_open_memory(file.data(), file.size(), "f");
    ASSERT_NE(program, nullptr) << fovea_rt_last_error();
  }
  void TearDown() override { fovea_program_close(program); }

  std::string file = makeFile();
  fovea_program *program = nullptr;
};

TEST_F(ArtefactTest, SaysWhatIsInIt) {
  EXPECT_EQ(fovea_program_entries(program), 1);
  EXPECT_STREQ(fovea_program_entry_name(program, 0), "kernel \"one\"");
  EXPECT_EQ(fovea_program_entry_name(program, 1), nullptr);
  EXPECT_EQ(fovea_program_targets(program), 2);
  EXPECT_STREQ(fovea_program_target(program, 1), "device:new");
  EXPECT_EQ(fovea_program_target(program, -1), nullptr);
  std::string text = fovea_program_describe(program);
  size_t entry = text.find("entry ");
  EXPECT_EQ(text.substr(entry),
            "entry kernel \"one\"\n"
            "  input  x: f32 [?, 16]\n"
            "  input  table: i32 [?]\n"
            "  output y: bf16 [x[0] /ceil 4, (x[0] - table[0]) * 3, 16]\n"
            "  output z: i64 [?]\n"
            "target cpu:old (old)\n"
            "  host code: 31 bytes, needs a feature that no CPU has\n"
            "target device:new (new)\n"
            "  host code: 8 bytes\n"
            "  text for new: 7 bytes\n"
            "  binary for new: 9 bytes\n"
            "  kernel k: 128 threads, 4096 bytes of near memory\n"
            "  kernel l\n");
}

TEST_F(ArtefactTest, GivesSignatures) {
  const fovea_signature *signature = fovea_program_signature(program, "");
  ASSERT_NE(signature, nullptr);
  EXPECT_EQ(signature->count, 4);
  EXPECT_STREQ(signature->parameters[1].name, "table");
  EXPECT_EQ(signature->parameters[1].dtype, FOVEA_I32);
  EXPECT_EQ(signature->parameters[0].sizes[0], -1);
  EXPECT_EQ(signature->parameters[0].sizes[1], 16);
  EXPECT_EQ(signature->parameters[1].is_output, 0);
  EXPECT_EQ(signature->parameters[2].is_output, 1);
  EXPECT_EQ(signature->parameters[2].rank, 3);
  EXPECT_EQ(fovea_program_signature(program, "other"), nullptr);
  EXPECT_STREQ(fovea_rt_last_error(),
               "'f': expected an entry among kernel \"one\"; got 'other'");
}

TEST_F(ArtefactTest, EvaluatesShapes) {
  fovea_tensor inputs[2] = {}, shape = {};
  inputs[0].rank = 2;
  inputs[0].sizes[0] = 10;
  inputs[1].rank = 1;
  inputs[1].sizes[0] = 7;
  ASSERT_EQ(fovea_program_output_shape(program, nullptr, 0, inputs, 2, &shape),
            0);
  EXPECT_EQ(shape.dtype, FOVEA_BF16);
  EXPECT_EQ(llvm::ArrayRef(shape.sizes, 3),
            llvm::ArrayRef<int64_t>({3, 9, 16}));
  EXPECT_EQ(llvm::ArrayRef(shape.strides, 3),
            llvm::ArrayRef<int64_t>({144, 16, 1}));
  EXPECT_NE(fovea_program_output_shape(program, "", 1, inputs, 2, &shape), 0);
  EXPECT_STREQ(fovea_rt_last_error(),
               "kernel \"one\": the shape of 'z' depends on the data");
  EXPECT_NE(fovea_program_output_shape(program, "", 2, inputs, 2, &shape), 0);
  EXPECT_NE(fovea_program_output_shape(program, "", 0, inputs, 1, &shape), 0);
  inputs[1].rank = 0;
  EXPECT_NE(fovea_program_output_shape(program, "", 0, inputs, 2, &shape), 0);
  EXPECT_STREQ(fovea_rt_last_error(),
               "kernel \"one\": argument 1 'table': expected rank 1, got 0");
}

TEST_F(ArtefactTest, RefusesWhatCannotRunHere) {
  EXPECT_EQ(fovea_program_choose(program, nullptr, nullptr), -1);
  EXPECT_STREQ(fovea_rt_last_error(),
               "'f': expected code that runs on this CPU, got cpu:old, "
               "device:new; for cpu:old this CPU lacks a feature that no CPU "
               "has");
  EXPECT_NE(fovea_program_load(program, nullptr, "device:new"), 0);
  EXPECT_EQ(fovea_program_loaded(program), nullptr);
  EXPECT_NE(fovea_program_call(program, "", nullptr, nullptr, 0, 0), 0);
  EXPECT_STREQ(fovea_rt_last_error(), "'f': expected a program that is loaded; "
                                      "call fovea_program_load before");
}

TEST_F(ArtefactTest, RefusesEveryShorterFile) {
  for (size_t size = 0; size < file.size(); ++size) {
    std::string refusal = getRefusal(llvm::StringRef(file).take_front(size));
    const char *expected =
        size < 4 ? "'f': is not a .fovea file" : "'f': is truncated: expected ";
    EXPECT_EQ(refusal.compare(0, strlen(expected), expected), 0)
        << size << ": " << refusal;
  }
  EXPECT_NE(getRefusal(file + "x").find("is too long"), std::string::npos);
}

TEST_F(ArtefactTest, RefusesEveryChangedByteThatCounts) {
  // Nobody reads what fills the header and the gaps between sections.
  size_t changed = 0, refused = 0;
  for (size_t i = 0; i < file.size(); ++i) {
    std::string damaged = file;
    damaged[i] ^= 0x10;
    ++changed;
    refused += !getRefusal(damaged).empty();
  }
  size_t padding = 28; // of the header
  size_t sections = 5, end = 64 + sections * sizeof(fovea_artefact_section);
  for (size_t i = 0; i < sections; ++i) {
    fovea_artefact_section section;
    memcpy(&section, file.data() + 64 + i * sizeof(section), sizeof(section));
    padding += section.offset - end;
    end = section.offset + section.size;
  }
  EXPECT_EQ(end, file.size());
  EXPECT_EQ(refused, changed - padding);
}

TEST_F(ArtefactTest, SaysWhatAForeignFileIs) {
  EXPECT_EQ(getRefusal("\x7f"
                       "ELF and so on"),
            "'f': is not a .fovea file");
  std::string asText = file;
  asText.replace(6, 2, "\n"); // as a transfer as text would
  EXPECT_EQ(getRefusal(asText),
            "'f': was transferred as text, which changed its bytes; transfer "
            "it as binary");
  std::string newer = file;
  newer[8] = 2;
  EXPECT_EQ(getRefusal(newer), "'f': has format 2, and this runtime reads "
                               "format 1; a newer runtime is needed");
  std::string damaged = file;
  damaged[20] ^= 1;
  EXPECT_EQ(getRefusal(damaged),
            "'f': is damaged: the checksum of the header is wrong");
  damaged = file;
  damaged.back() ^= 1;
  EXPECT_EQ(getRefusal(damaged),
            "'f': is damaged: the checksum of section 4 is wrong");
}

/// A file that is whole, with another manifest.
std::string makeWithManifest(llvm::StringRef manifest) {
  auto crc = [](llvm::StringRef bytes) {
    return llvm::crc32(llvm::arrayRefFromStringRef(bytes));
  };
  fovea_artefact_section rows[2] = {{128, manifest.size(), crc(manifest), 0},
                                    {128, 0, crc(""), 0}};
  llvm::StringRef table(reinterpret_cast<char *>(rows), sizeof(rows));
  fovea_artefact_header header = {};
  memcpy(header.magic, FOVEA_ARTEFACT_MAGIC, 8);
  header.version = 1;
  header.header_bytes = 64;
  header.file_bytes = 128 + manifest.size();
  header.sections = 2;
  header.table_checksum = crc(table);
  header.header_checksum =
      crc(llvm::StringRef(reinterpret_cast<char *>(&header), 32));
  std::string bytes(reinterpret_cast<char *>(&header), sizeof(header));
  bytes += table;
  bytes.resize(128);
  return bytes + manifest.str();
}

TEST(ManifestTest, IsNotBelieved) {
  std::string entry = R"({"name": "e", "inputs": [{"name": "x",
      "dtype": "f32", "shape": [-1]}], "outputs": []})";
  std::string target = R"({"name": "t", "chip": "c", "needs": [], "host": 1,
      "images": [], "kernels": []})";
  auto make = [](llvm::Twine entries, llvm::Twine targets) {
    return makeWithManifest((R"({"compiler": "c", "entries": [)" + entries +
                             R"(], "targets": [)" + targets + "]}")
                                .str());
  };
  EXPECT_EQ(getRefusal(make(entry, target)), "");

  auto refuses = [&](const std::string &file, const char *text) {
    std::string refusal = getRefusal(file);
    EXPECT_NE(refusal.find(text), std::string::npos) << refusal;
  };
  refuses(makeWithManifest("{"), "its manifest is not a JSON object");
  refuses(makeWithManifest("[]"), "its manifest is not a JSON object");
  refuses(makeWithManifest("{}"), "at manifest: expected a member 'compiler'");
  refuses(make("", target), "expected at least one entry and one target");
  refuses(make("5", target),
          "at manifest.entries[0]: expected a member 'name'");
  auto change = [](std::string text, const char *from, const char *to) {
    return text.replace(text.find(from), strlen(from), to);
  };
  refuses(make(change(entry, "\"e\"", "7"), target),
          "at manifest.entries[0].name: expected a text");
  refuses(make(change(entry, "\"e\"", "\"a\\u0000b\""), target),
          "at manifest.entries[0].name: expected a text");
  refuses(make(change(entry, "f32", "f8"), target),
          "expected f32, f16, bf16, i32, i64, i1, i8 or f8E4M3FN");
  refuses(make(change(entry, "-1", "-2"), target),
          "entries[0].inputs[0].shape[0]: expected a whole number from -1 to");
  refuses(make(change(entry, "-1", "1.5"), target), "expected a whole number");
  refuses(make(change(entry, "-1", "18446744073709551615"), target),
          "expected a whole number");
  refuses(make(change(entry, "[-1]", "[1,1,1,1,1,1,1,1,1]"), target),
          "expected at most 8 dimensions");
  refuses(make(entry, change(target, "\"host\": 1", "\"host\": 0")),
          "targets[0].host: expected a whole number from 1 to 1");
  refuses(make(entry, change(target, "\"host\": 1", "\"host\": 2")),
          "expected a whole number from 1 to 1");
  refuses(make(entry, change(target, "\"needs\": []", "\"needs\": [1]")),
          "targets[0].needs[0]: expected a text");
  refuses(make(entry, change(target, "\"kernels\": []", "\"kernels\": {}")),
          "targets[0].kernels: expected a list");
  refuses(make(entry, change(target, "\"kernels\": []",
                             R"("kernels": [{"name": "k", "threads": -1}])")),
          "kernels[0].threads: expected a whole number from 0 to");

  auto withExtent = [&](const char *extent) {
    std::string output = std::string(R"("outputs": [{"name": "y", "dtype":
        "f32", "shape": [-1], "extents": [)") +
                         extent + "]}]";
    return make(change(entry, "\"outputs\": []", output.c_str()), target);
  };
  EXPECT_EQ(getRefusal(withExtent(R"({"add": [1, {"size": [0, 0]}]})")), "");
  refuses(withExtent("1, 2"), "extents: expected one per dimension");
  refuses(withExtent("\"x\""), "expected a number or a formula of two terms");
  refuses(withExtent(R"({"add": [1]})"),
          "expected a number or a formula of two terms");
  refuses(withExtent(R"({"pow": [1, 2]})"), "expected size, add, sub, mul");
  refuses(withExtent(R"({"size": [1, 0]})"), "from 0 to 0");
  refuses(withExtent(R"({"size": [0, 1]})"), "from 0 to 0");
  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep += R"({"add": [1, )";
  }
  deep += "1";
  for (int i = 0; i < 100; ++i) {
    deep += "]}";
  }
  refuses(withExtent(deep.c_str()), "expected a number or a formula");
}

TEST(ArtefactWriterTest, RefusesATargetTwice) {
  ArtefactTarget target;
  target.name = "cpu";
  llvm::Expected<std::string> file =
      writeArtefact(makeEntries(), {target, target});
  ASSERT_FALSE(bool(file));
  EXPECT_EQ(llvm::toString(file.takeError()),
            "expected each target once, got 'cpu' twice");
}

TEST(CpuFeaturesTest, AgreesWithLLVM) {
  EXPECT_EQ(fovea_rt_cpu_has("no such feature"), -1);
  unsigned compared = 0;
  for (const auto &feature : llvm::sys::getHostCPUFeatures()) {
    int32_t has = fovea_rt_cpu_has(feature.first().str().c_str());
    if (has >= 0) {
      EXPECT_EQ(has, feature.second) << feature.first().str();
      ++compared;
    }
  }
  EXPECT_GT(compared, 40u);
}

TEST(CpuFeaturesTest, KnowsThoseOfOtherFamilies) {
  // One of each is had by every processor of its family.
  EXPECT_EQ(fovea_rt_cpu_has("fp-armv8") + fovea_rt_cpu_has("cmov"), 1);
  EXPECT_GE(fovea_rt_cpu_has("bf16"), 0);
}

} // namespace
