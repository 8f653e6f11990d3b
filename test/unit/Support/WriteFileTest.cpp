//===- WriteFileTest.cpp - Complete or not there --------------------------===//

#include "fovea/Support/WriteFile.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

using namespace fovea;

namespace {

class WriteFileTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("fovea-write", folder));
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string at(llvm::StringRef name) { return (folder + "/" + name).str(); }
  std::string read(llvm::StringRef path) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : "<none>";
  }
  unsigned countFiles() {
    std::error_code code;
    unsigned count = 0;
    for (llvm::sys::fs::directory_iterator i(folder, code), end; i != end;
         i.increment(code)) {
      ++count;
    }
    return count;
  }

  llvm::SmallString<128> folder;
};

TEST_F(WriteFileTest, JoinsPartsAndReplaces) {
  EXPECT_FALSE(writeFile(at("a"), {"old, and longer"}));
  EXPECT_FALSE(writeFile(at("a"), {"one, ", "two"}));
  EXPECT_EQ(read(at("a")), "one, two");
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(WriteFileTest, NoFolder) {
  std::string path = at("none/a");
  EXPECT_EQ(llvm::toString(writeFile(path, {"x"})),
            "'" + path + "': cannot be written: No such file or directory");
}

TEST_F(WriteFileTest, NotARegularFile) {
  EXPECT_EQ(llvm::toString(writeFile(folder, {"x"})),
            "'" + folder.str().str() +
                "': cannot be written: not a regular file");
  EXPECT_EQ(countFiles(), 0u);
}

} // namespace
