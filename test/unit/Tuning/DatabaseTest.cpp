//===- DatabaseTest.cpp - tuned schedules on disk -------------------------===//

#include "fovea/Tuning/Database.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <cstdlib>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace fovea;

namespace {

class TuningDatabaseTest : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("tuning", folder));
    path = (folder + "/deeper/tuning.json").str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  static TuningEntry makeEntry(llvm::StringRef family, int64_t rows,
                               llvm::StringRef schedule = "#s") {
    TuningEntry entry;
    entry.chip = "chip";
    entry.family = family.str();
    entry.rows = rows;
    entry.schedule = schedule.str();
    entry.gain = 1.25;
    return entry;
  }
  std::string record(llvm::ArrayRef<TuningEntry> entries) {
    return llvm::toString(TuningDatabase::record(
        path, entries, [&](llvm::StringRef text) { warn(text); }));
  }
  TuningDatabase load() {
    return TuningDatabase::load(path,
                                [&](llvm::StringRef text) { warn(text); });
  }
  void write(llvm::StringRef text) {
    llvm::sys::fs::create_directories(llvm::sys::path::parent_path(path));
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << text;
    ASSERT_FALSE(code);
  }
  std::string read(llvm::StringRef name) {
    auto buffer = llvm::MemoryBuffer::getFile(name);
    return buffer ? (*buffer)->getBuffer().str() : "(none)";
  }
  void warn(llvm::StringRef text) { warnings.push_back(text.str()); }

  llvm::SmallString<64> folder;
  std::string path;
  std::vector<std::string> warnings;
};

TEST_F(TuningDatabaseTest, KeepsWhatIsRecorded) {
  EXPECT_EQ(record({makeEntry("b", 8), makeEntry("a", 0)}), "");
  EXPECT_EQ(record({makeEntry("b", 4, "#other")}), "");
  TuningDatabase database = load();
  ASSERT_EQ(database.getEntries().size(), 3u);
  const TuningEntry *entry = database.find("chip", "b", 4);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->schedule, "#other");
  EXPECT_EQ(entry->gain, 1.25);
  EXPECT_FALSE(database.find("chip", "b", 0));
  EXPECT_FALSE(database.find("another", "b", 4));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(TuningDatabaseTest, ReplacesAndErases) {
  EXPECT_EQ(record({makeEntry("a", 0), makeEntry("b", 0)}), "");
  EXPECT_EQ(record({makeEntry("a", 0, "#new"), makeEntry("b", 0, "")}), "");
  TuningDatabase database = load();
  ASSERT_EQ(database.getEntries().size(), 1u);
  EXPECT_EQ(database.find("chip", "a", 0)->schedule, "#new");
}

TEST_F(TuningDatabaseTest, NoFileIsEmpty) {
  EXPECT_TRUE(load().getEntries().empty());
  EXPECT_TRUE(warnings.empty());
  EXPECT_EQ(getTuningKey(path), "");
}

TEST_F(TuningDatabaseTest, BrokenFileIsIgnoredWithItsPath) {
  for (const char *text :
       {"{", "[]", "{\"version\": 1}", "{\"version\": \"1\", \"entries\": []}",
        "{\"version\": 1, \"entries\": [{\"chip\": \"c\"}]}",
        "{\"version\": 1, \"entries\": [{\"chip\": \"c\", \"family\": \"f\", "
        "\"rows\": -1, \"schedule\": \"s\", \"gain\": 1}]}"}) {
    warnings.clear();
    write(text);
    EXPECT_TRUE(load().getEntries().empty()) << text;
    ASSERT_EQ(warnings.size(), 1u) << text;
    EXPECT_EQ(warnings[0].find(path + ": tuned schedules are not used: "), 0u)
        << warnings[0];
  }
}

/// Every prefix of a file is broken or, without the last line end, complete.
TEST_F(TuningDatabaseTest, TruncatedFileIsNoticed) {
  ASSERT_EQ(record({makeEntry("a", 0), makeEntry("b", 8)}), "");
  std::string whole = read(path);
  for (size_t length = 0; length + 2 < whole.size(); ++length) {
    auto database = TuningDatabase::parse(whole.substr(0, length));
    EXPECT_FALSE(bool(database)) << length;
    llvm::consumeError(database.takeError());
  }
}

TEST_F(TuningDatabaseTest, BrokenFileIsKeptAside) {
  for (const char *name : {".bad", ".bad2"}) {
    std::string text = std::string("broken ") + name;
    write(text);
    warnings.clear();
    EXPECT_EQ(record({makeEntry("a", 0)}), "");
    EXPECT_EQ(load().getEntries().size(), 1u);
    EXPECT_EQ(read(path + name), text);
    ASSERT_EQ(warnings.size(), 1u);
    EXPECT_NE(warnings[0].find(path + name), std::string::npos);
  }
}

TEST_F(TuningDatabaseTest, LaterVersionIsLeftAlone) {
  const char *text = "{\"version\": 2, \"entries\": {}}";
  write(text);
  EXPECT_TRUE(load().getEntries().empty());
  EXPECT_NE(warnings.at(0).find("expected version 1, got 2"),
            std::string::npos);
  EXPECT_NE(record({makeEntry("a", 0)}).find("expected version 1, got 2"),
            std::string::npos);
  EXPECT_EQ(read(path), text);
}

TEST_F(TuningDatabaseTest, FolderThatCannotBeMade) {
  path = "/dev/null/tuning.json";
  EXPECT_NE(record({makeEntry("a", 0)}).find("/dev/null"), std::string::npos);
}

/// Threads and processes that write at the same time lose nothing.
TEST_F(TuningDatabaseTest, WritersTakeTurns) {
  constexpr int kWriters = 4, kEntries = 20;
  auto fill = [&](int writer) {
    bool isGood = true;
    for (int i = 0; i < kEntries; ++i) {
      isGood &= record({makeEntry("w" + std::to_string(writer), i)}).empty();
    }
    return isGood;
  };
  std::vector<pid_t> children;
  for (int writer = 0; writer < kWriters; ++writer) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      _exit(fill(writer) ? 0 : 1);
    }
    children.push_back(child);
  }
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] { fill(kWriters + writer); });
  }
  for (std::thread &thread : threads) {
    thread.join();
  }
  for (pid_t child : children) {
    int status = 1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(load().getEntries().size(), size_t(2 * kWriters * kEntries));
  EXPECT_TRUE(warnings.empty());
}

TEST_F(TuningDatabaseTest, KeyChangesWithTheContents) {
  ASSERT_EQ(record({makeEntry("a", 0)}), "");
  std::string first = getTuningKey(path);
  EXPECT_EQ(first.size(), 16u);
  EXPECT_EQ(getTuningKey(path), first);
  ASSERT_EQ(record({makeEntry("a", 0, "#new")}), "");
  EXPECT_NE(getTuningKey(path), first);
  EXPECT_EQ(getTuningKey("none"), "");
}

/// Sets a variable of the environment for as long as it lives; null: unset.
class Variable {
public:
  Variable(const char *name, const char *value) : name(name) {
    const char *known = std::getenv(name);
    old = known ? std::optional<std::string>(known) : std::nullopt;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~Variable() { old ? setenv(name, old->c_str(), 1) : unsetenv(name); }

private:
  const char *name;
  std::optional<std::string> old;
};

TEST_F(TuningDatabaseTest, PlacesInOrder) {
  Variable home("HOME", "/people/x");
  Variable data("XDG_DATA_HOME", nullptr);
  Variable given("FOVEA_TUNING_DB", nullptr);
  EXPECT_EQ(findTuningDatabase(""), "/people/x/.local/share/fovea/tuning.json");
  Variable relative("XDG_DATA_HOME", "data");
  EXPECT_EQ(findTuningDatabase(""), "/people/x/.local/share/fovea/tuning.json");
  Variable absolute("XDG_DATA_HOME", "/data");
  EXPECT_EQ(findTuningDatabase(""), "/data/fovea/tuning.json");
  Variable file("FOVEA_TUNING_DB", "/a.json");
  EXPECT_EQ(findTuningDatabase(""), "/a.json");
  EXPECT_EQ(findTuningDatabase("b.json"), "b.json");
  EXPECT_EQ(findTuningDatabase("none"), "");
  Variable none("FOVEA_TUNING_DB", "none");
  EXPECT_EQ(findTuningDatabase(""), "");
  Variable unset("FOVEA_TUNING_DB", nullptr), noData("XDG_DATA_HOME", nullptr),
      noHome("HOME", nullptr);
  EXPECT_EQ(findTuningDatabase(""), "");
}

} // namespace
