//===- KernelCacheTest.cpp - compiled programs, kept on disk --------------===//

#include "CacheTest.h"
#include "Programs.h"

#include "fovea/Driver/KernelCache.h"

#include "fovea/Driver/Compiler.h"
#include "fovea/Support/WriteFile.h"
#include "fovea/Target/Target.h"
#include "fovea/runtime/fovea_artefact.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

#include <cstring>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

using namespace fovea;
namespace fs = llvm::sys::fs;

namespace {

/// A program that is compiled in little time: each task writes one element.
constexpr llvm::StringLiteral kProgram = R"(
func.func @count(%out: memref<?xf32> {fovea.output}) {
  %n = arith.constant 8 : index
  tile.run @count_task tasks %n(%out) : memref<?xf32>
  return
}
func.func private @count_task(%out: memref<?xf32>, %task: index) {
  %i = arith.index_cast %task : index to i32
  %x = arith.sitofp %i : i32 to f32
  memref.store %x, %out[%task] : memref<?xf32>
  return
}
)";

class KernelCacheTest : public CacheTest {
protected:
  CompileOptions getOptions() const { return getTaskOptions(cache); }

  /// Compiles kProgram, runs it and looks at the result.
  void compileAndRun(llvm::StringRef text = kProgram) {
    auto program = compile(text, getOptions());
    ASSERT_TRUE(bool(program)) << llvm::toString(program.takeError());
    float out[8] = {};
    EXPECT_EQ(llvm::toString((*program)->run("", makeTensor(out))), "");
    for (int i = 0; i < 8; ++i) {
      EXPECT_EQ(out[i], float(i));
    }
  }

  std::string getOnlyFile() const {
    std::vector<KernelCache::File> files = cache->list();
    EXPECT_EQ(files.size(), 1u);
    return files.empty() ? "" : files[0].path;
  }

  static std::string read(llvm::StringRef path) {
    auto bytes = llvm::MemoryBuffer::getFile(path);
    return bytes ? (*bytes)->getBuffer().str() : "";
  }

  /// Makes a file look as if it was last used that long ago.
  static void age(const std::string &path, std::chrono::minutes by) {
    llvm::Expected<fs::file_t> file = fs::openNativeFileForRead(path);
    ASSERT_TRUE(bool(file));
    ASSERT_FALSE(fs::setLastAccessAndModificationTime(
        *file, std::chrono::system_clock::now() - by));
    fs::closeFile(*file);
  }

  static std::string makeKey(unsigned number) {
    CacheKey key;
    key.add("number", std::to_string(number));
    return key.get();
  }
};

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

TEST_F(KernelCacheTest, KeysKeepBorders) {
  std::set<std::string> keys;
  auto add =
      [&](std::initializer_list<std::pair<const char *, const char *>> parts) {
        CacheKey key;
        for (auto [name, value] : parts) {
          key.add(name, value);
        }
        std::string made = key.get();
        EXPECT_EQ(made.size(), 64u);
        EXPECT_TRUE(keys.insert(made).second) << made;
      };
  add({});
  add({{"a", "bc"}});
  add({{"ab", "c"}});
  add({{"a", "b"}, {"c", ""}});
  add({{"a", "b"}, {"", "c"}});
  add({{"c", ""}, {"a", "b"}});
}

TEST_F(KernelCacheTest, EverythingThatDecidesTheCodeIsInTheKey) {
  auto host = llvm::cantFail(lookUpTarget("cpu"));
  auto other = llvm::cantFail(lookUpTarget("cpu:x86-64-v3"));
  CompileOptions options;
  std::set<std::string> keys;
  auto add = [&](const std::string &key) {
    EXPECT_TRUE(keys.insert(key).second);
  };
  std::string first = makeCacheKey("text", *host, options);
  add(first);
  add(makeCacheKey("text ", *host, options));
  add(makeCacheKey("text", *other, options));
  add(makeCacheKey("text", *host, options, "another compiler"));
  options.optLevel = 1;
  add(makeCacheKey("text", *host, options));
  options.optLevel = 2;
  options.from = Level::Tile;
  add(makeCacheKey("text", *host, options));
  options.from = Level::Vector;
  add(makeCacheKey("text", *host, options));
  options.from = std::nullopt;
  options.sourceName = "another name";
  add(makeCacheKey("text", *host, options));
  options.form = "decomposed";
  add(makeCacheKey("text", *host, options));
  ASSERT_FALSE(bool(writeFile((folder + "/tuning.json").str(), {"measured"})));
  options.tuning = (folder + "/tuning.json").str();
  add(makeCacheKey("text", *host, options));
  ASSERT_FALSE(bool(writeFile(options.tuning, {"measured again"})));
  add(makeCacheKey("text", *host, options));
  // And nothing else.
  options = CompileOptions();
  options.cache = cache;
  options.onRemark = [](llvm::StringRef) {};
  EXPECT_EQ(makeCacheKey("text", *host, options), first);
}

TEST_F(KernelCacheTest, TheCompilerIsThisProgramAndItsLibraries) {
  llvm::SmallVector<llvm::StringRef> parts;
  getCompilerIdentity().split(parts, ',');
  ASSERT_EQ(parts.size(), 3u) << getCompilerIdentity().str();
  for (llvm::StringRef part : parts) {
    EXPECT_GE(part.size(), 16u) << part.str();
  }
}

//===----------------------------------------------------------------------===//
// Through the compiler
//===----------------------------------------------------------------------===//

TEST_F(KernelCacheTest, ASecondCompilationReadsTheFile) {
  compileAndRun();
  std::string path = getOnlyFile();
  std::string bytes = read(path);
  age(path, std::chrono::minutes(90));
  compileAndRun();
  EXPECT_EQ(getOnlyFile(), path);
  EXPECT_EQ(read(path), bytes);
  // It counts as used.
  auto unused = std::chrono::system_clock::now() - cache->list()[0].lastUse;
  EXPECT_LT(unused, std::chrono::minutes(30));
  compileAndRun((kProgram + "// other").str());
  EXPECT_EQ(cache->list().size(), 2u);
  EXPECT_TRUE(warnings.empty()) << warnings[0];
}

TEST_F(KernelCacheTest, RemarksAndDescriptionsAreKept) {
  std::vector<std::string> remarks[3];
  std::unique_ptr<Executable> programs[3];
  for (int i = 0; i < 3; ++i) {
    CompileOptions options;
    options.cache = i == 0 ? nullptr : cache;
    options.onRemark = [&, i](llvm::StringRef text) {
      remarks[i].push_back(text.str());
    };
    programs[i] = llvm::cantFail(compile(kAttention, options));
  }
  EXPECT_FALSE(remarks[0].empty());
  EXPECT_EQ(remarks[1], remarks[0]);
  EXPECT_EQ(remarks[2], remarks[0]);
  fovea_tensor inputs[3] = {};
  for (auto [i, tensor] : llvm::enumerate(inputs)) {
    for (int axis = 0; axis < 4; ++axis) {
      tensor.sizes[axis] = 5 + 10 * i + axis;
    }
  }
  auto header = llvm::cantFail(programs[0]->emit(EmitKind::Header));
  for (int i = 1; i < 3; ++i) {
    const Entry &entry = *llvm::cantFail(programs[i]->getEntry("attention"));
    ASSERT_EQ(entry.inputs.size(), 3u);
    EXPECT_EQ(entry.inputs[0].name, "q");
    EXPECT_EQ(entry.outputs[0].name, "o");
    EXPECT_EQ(entry.getOutputShape(0, inputs),
              programs[0]->getEntries()[0].getOutputShape(0, inputs));
    // Other forms of the code are made of the source.
    EXPECT_EQ(llvm::cantFail(programs[i]->emit(EmitKind::Header)), header);
    EXPECT_EQ(llvm::toString(programs[i]->run("decode", {})),
              "expected an entry among attention; got 'decode'");
    EXPECT_EQ(llvm::toString(programs[i]->run("", {})),
              llvm::toString(programs[0]->run("", {})));
  }
  EXPECT_TRUE(warnings.empty()) << warnings[0];
}

TEST_F(KernelCacheTest, WarningsAreSaidEachTime) {
  CompileOptions options;
  options.cache = cache;
  options.tuning = (folder + "/tuning.json").str();
  ASSERT_FALSE(bool(writeFile(options.tuning, {"damaged"})));
  for (size_t i = 1; i < 3; ++i) {
    options.onWarning = [&](llvm::StringRef text) {
      warnings.push_back(text.str());
    };
    ASSERT_TRUE(bool(compile(kAttention, options)));
    EXPECT_EQ(warnings.size(), i);
  }
  EXPECT_TRUE(cache->list().empty());
}

TEST_F(KernelCacheTest, ErrorsAreNotKept) {
  for (int i = 0; i < 2; ++i) {
    auto program = compile("func.func @f() { return 1 }", getOptions());
    ASSERT_FALSE(bool(program));
    EXPECT_NE(llvm::toString(program.takeError()).find("error: "),
              std::string::npos);
  }
  EXPECT_TRUE(cache->list().empty());
}

//===----------------------------------------------------------------------===//
// Damage
//===----------------------------------------------------------------------===//

/// Bytes of a file whose change must be noticed: those of the header that mean
/// something, of the table, and some of each section.
static std::vector<size_t> chooseBytes(llvm::StringRef file) {
  fovea_artefact_header header;
  std::memcpy(&header, file.data(), sizeof(header));
  std::vector<size_t> chosen;
  for (size_t i = 0; i < offsetof(fovea_artefact_header, reserved); i += 3) {
    chosen.push_back(i);
  }
  for (unsigned i = 0; i < header.sections; ++i) {
    size_t at = sizeof(header) + i * sizeof(fovea_artefact_section);
    fovea_artefact_section section;
    std::memcpy(&section, file.data() + at, sizeof(section));
    for (size_t j = 0; j < sizeof(section); j += 5) {
      chosen.push_back(at + j);
    }
    for (size_t part = 0; part < 8; ++part) {
      chosen.push_back(section.offset + (section.size - 1) * part / 7);
    }
  }
  return chosen;
}

TEST_F(KernelCacheTest, DamagedFilesAreReportedAndMadeAnew) {
  compileAndRun();
  std::string path = getOnlyFile();
  std::string good = read(path);
  std::vector<std::string> damaged;
  for (size_t at : chooseBytes(good)) {
    damaged.push_back(good);
    damaged.back()[at] ^= 1 << (at % 8);
  }
  for (size_t size : {size_t(0), size_t(1), size_t(8), size_t(63), size_t(64),
                      size_t(100), good.size() / 2, good.size() - 1}) {
    damaged.push_back(good.substr(0, size));
  }
  damaged.push_back(good + '\0');
  for (const std::string &bytes : damaged) {
    ASSERT_FALSE(bool(writeFile(path, {bytes})));
    warnings.clear();
    compileAndRun();
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_NE(warnings[0].find(path), std::string::npos) << warnings[0];
    EXPECT_NE(warnings[0].find("; it is removed"), std::string::npos);
    EXPECT_EQ(read(getOnlyFile()), good);
  }
}

TEST_F(KernelCacheTest, AFileUnderAnotherNameIsNotTaken) {
  compileAndRun();
  std::string first = getOnlyFile();
  std::string other = (kProgram + "// other").str();
  compileAndRun(other);
  for (const KernelCache::File &file : cache->list()) {
    if (file.path != first) {
      ASSERT_FALSE(fs::copy_file(first, file.path));
    }
  }
  compileAndRun(other);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("': expected the program "), std::string::npos);
}

//===----------------------------------------------------------------------===//
// The folder
//===----------------------------------------------------------------------===//

TEST_F(KernelCacheTest, WhatWasNotUsedForLongestGoesFirst) {
  open(/*maxBytes=*/350);
  for (unsigned i = 0; i < 3; ++i) {
    cache->store(makeKey(i), std::string(100, char('a' + i)));
    age(cache->getPath(makeKey(i)), std::chrono::minutes(50 - 10 * i));
  }
  EXPECT_EQ(cache->load(makeKey(0)), std::string(100, 'a')); // used now
  cache->store(makeKey(3), std::string(100, 'd'));
  EXPECT_EQ(cache->list().size(), 3u);
  EXPECT_TRUE(cache->load(makeKey(0)));
  EXPECT_FALSE(cache->load(makeKey(1)));
  EXPECT_TRUE(cache->load(makeKey(2)));
  EXPECT_TRUE(cache->load(makeKey(3)));
  // What is new stays, whatever its age says.
  cache->store(makeKey(4), std::string(340, 'e'));
  ASSERT_EQ(cache->list().size(), 1u);
  EXPECT_TRUE(cache->load(makeKey(4)));
  EXPECT_TRUE(warnings.empty());
  cache->store(makeKey(5), std::string(351, 'f'));
  EXPECT_FALSE(cache->load(makeKey(5)));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0], "expected room for 351 bytes in FOVEA_CACHE_SIZE, got "
                         "350; compiled programs are not kept");
}

TEST_F(KernelCacheTest, OtherFilesAreLeftAlone) {
  cache->store(makeKey(0), "bytes");
  std::string there = cache->getFolder().str() + "/notes.fovea";
  std::string half = cache->getPath(makeKey(1)) + ".tmp-12345678";
  std::string forgotten = cache->getPath(makeKey(1)) + ".tmp-87654321";
  for (const std::string &path : {there, half, forgotten}) {
    ASSERT_FALSE(bool(writeFile(path, {"text"})));
  }
  age(forgotten, std::chrono::minutes(61));
  EXPECT_EQ(llvm::cantFail(cache->clear()), 1u);
  EXPECT_TRUE(fs::exists(there));
  EXPECT_TRUE(fs::exists(half)); // somebody writes it now
  EXPECT_FALSE(fs::exists(forgotten));
}

TEST_F(KernelCacheTest, WithoutAFolderAllIsCompiled) {
  std::string file = (folder + "/file").str();
  ASSERT_FALSE(bool(writeFile(file, {"no folder"})));
  for (const char *below : {"file", "file/folder"}) {
    warnings.clear();
    open(1 << 20, below);
    compileAndRun();
    compileAndRun();
    // It is said once.
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_NE(warnings[0].find((folder + "/" + below).str()),
              std::string::npos);
    EXPECT_NE(warnings[0].find("; compiled programs are not kept"),
              std::string::npos);
  }
}

TEST_F(KernelCacheTest, AFolderThatAllWriteToIsNotTrusted) {
  compileAndRun();
  ASSERT_FALSE(fs::setPermissions(cache->getFolder(), fs::all_all));
  EXPECT_FALSE(cache->load(cache->list()[0].key));
  compileAndRun();
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("got one that everybody writes to"),
            std::string::npos);
}

TEST_F(KernelCacheTest, TheEnvironmentSaysWhere) {
  auto get = [&](const char *folder, const char *size) {
    setenv("FOVEA_CACHE_DIR", folder, 1);
    setenv("FOVEA_CACHE_SIZE", size, 1);
    std::string text;
    auto made = KernelCache::fromEnvironment(
        [&](llvm::StringRef warning) { text = warning.str(); });
    return made ? made->getFolder().str() + " " +
                      std::to_string(made->getMaxBytes())
                : "none" + text;
  };
  EXPECT_EQ(get("/a/b", "100"), "/a/b 100");
  EXPECT_EQ(get("/a/b", "3k"), "/a/b 3072");
  EXPECT_EQ(get("/a/b", "2GiB"), "/a/b 2147483648");
  EXPECT_EQ(get("/a/b", "0"), "none");
  for (const char *bad : {"", "many", "5 apples", "-1", "1GG"}) {
    EXPECT_EQ(get("/a/b", bad),
              "noneFOVEA_CACHE_SIZE: expected a number of bytes such as 500M, "
              "got '" +
                  std::string(bad) + "'; compiled programs are not kept");
  }
  setenv("XDG_CACHE_HOME", "/x", 1);
  EXPECT_EQ(get("", "1G"), "/x/fovea/kernels 1073741824");
  unsetenv("XDG_CACHE_HOME");
  setenv("HOME", "/h", 1);
  EXPECT_EQ(get("", "1G"), "/h/.cache/fovea/kernels 1073741824");
}

//===----------------------------------------------------------------------===//
// Several processes
//===----------------------------------------------------------------------===//

/// Runs a function in processes at the same time; all must return true.
static void runAtOnce(unsigned count,
                      llvm::function_ref<bool(unsigned)> function) {
  std::vector<pid_t> children;
  for (unsigned i = 0; i < count; ++i) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      _exit(function(i) ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
}

TEST_F(KernelCacheTest, ProcessesShareAFolder) {
  // Room for three of five files, so that each is evicted again and again.
  open(/*maxBytes=*/160000);
  auto getContents = [](unsigned number) {
    return std::string(50000 + number, char('a' + number));
  };
  runAtOnce(4, [&](unsigned process) {
    unsigned state = process + 1, found = 0;
    for (int i = 0; i < 500; ++i) {
      state = state * 1664525u + 1013904223u;
      unsigned number = (state >> 16) % 5;
      if (state >> 31) {
        cache->store(makeKey(number), getContents(number));
        continue;
      }
      // A file is whole or not there.
      std::optional<std::string> bytes = cache->load(makeKey(number));
      if (bytes && *bytes != getContents(number)) {
        return false;
      }
      found += bytes.has_value();
    }
    return found > 0 && warnings.empty();
  });
  EXPECT_LE(cache->list().size(), 3u + 4u);
  EXPECT_GE(cache->list().size(), 1u);
}

TEST_F(KernelCacheTest, ProcessesCompileTheSame) {
  runAtOnce(3, [&](unsigned) {
    compileAndRun();
    return !HasFailure() && warnings.empty();
  });
  getOnlyFile();
  compileAndRun();
  EXPECT_TRUE(warnings.empty());
}

} // namespace
