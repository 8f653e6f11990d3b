//===- NpyTest.cpp - Reading and writing .npy files -----------------------===//

#include "fovea/Support/Npy.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <csignal>
#include <cstdint>
#include <string>
#include <sys/resource.h>

using namespace fovea;

namespace {

/// A folder of its own for each test.
class NpyTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("fovea-npy", folder));
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string pathOf(llvm::StringRef name) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, name);
    return path.str().str();
  }
  std::string slurp(llvm::StringRef name) {
    auto buffer = llvm::MemoryBuffer::getFile(pathOf(name));
    return buffer ? (*buffer)->getBuffer().str() : "";
  }
  void spit(llvm::StringRef name, llvm::StringRef contents) {
    std::error_code code;
    llvm::raw_fd_ostream(pathOf(name), code) << contents;
    ASSERT_FALSE(code);
  }
  int countFiles() {
    std::error_code code;
    int count = 0;
    for (llvm::sys::fs::directory_iterator it(folder, code), end;
         it != end && !code; it.increment(code)) {
      ++count;
    }
    return count;
  }

  llvm::SmallString<128> folder;
};

template <typename T>
NpyArray makeArray(NpyType type, llvm::ArrayRef<int64_t> shape) {
  NpyArray array = NpyArray::zeros(type, shape);
  T next = 1;
  for (T &element : array.getElements<T>()) {
    element = next;
    next = static_cast<T>(next * 3 + 1);
  }
  return array;
}

/// A version 1 file around a header and some data.
std::string makeFile(const std::string &header, const std::string &data) {
  std::string file("\x93NUMPY\x01\x00", 8);
  file.push_back(static_cast<char>(header.size() & 0xff));
  file.push_back(static_cast<char>(header.size() >> 8));
  return file + header + data;
}

std::string makeFile(const std::string &descr, const std::string &fortran,
                     const std::string &shape, const std::string &data) {
  return makeFile("{'descr': '" + descr + "', 'fortran_order': " + fortran +
                      ", 'shape': " + shape + ", }\n",
                  data);
}

/// The message for contents that must not be read.
std::string getRefusal(llvm::StringRef contents) {
  llvm::Expected<NpyArray> array = parseNpy(contents, "x.npy");
  if (array) {
    return "accepted";
  }
  return llvm::toString(array.takeError());
}

testing::AssertionResult contains(const std::string &text,
                                  const std::string &part) {
  if (text.find(part) != std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "'" << part << "' not in:\n" << text;
}

TEST_F(NpyTest, RoundTripsEveryTypeAndShape) {
  std::vector<NpyArray> arrays = {
      makeArray<float>(NpyType::F32, {2, 3, 5}),
      makeArray<int32_t>(NpyType::I32, {7}),
      makeArray<int64_t>(NpyType::I64, {1, 1, 1, 1, 4}),
      makeArray<double>(NpyType::F64, {4, 4}),
      makeArray<uint16_t>(NpyType::F16, {3, 1}),
      makeArray<uint8_t>(NpyType::U8, {13}),
      makeArray<float>(NpyType::F32, {}),
      makeArray<float>(NpyType::F32, {0}),
      makeArray<int32_t>(NpyType::I32, {3, 0, 5}),
      NpyArray::zeros(NpyType::Bool, {2, 2}),
  };
  for (const NpyArray &array : arrays) {
    ASSERT_FALSE(writeNpy(pathOf("a.npy"), array));
    EXPECT_EQ(countFiles(), 1);
    llvm::Expected<NpyArray> back = readNpy(pathOf("a.npy"));
    ASSERT_TRUE(static_cast<bool>(back)) << llvm::toString(back.takeError());
    EXPECT_EQ(back->dtype, array.dtype);
    EXPECT_EQ(back->shape, array.shape);
    EXPECT_EQ(back->bytes, array.bytes);
  }
}

TEST_F(NpyTest, WritesWhatNumpyWrites) {
  // numpy.save("a.npy", numpy.array([1, 2], "<i4")), byte for byte.
  NpyArray array = NpyArray::zeros(NpyType::I32, {2});
  array.getElements<int32_t>()[0] = 1;
  array.getElements<int32_t>()[1] = 2;
  ASSERT_FALSE(writeNpy(pathOf("a.npy"), array));
  std::string dict =
      "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }";
  std::string expected("\x93NUMPY\x01\x00\x76\x00", 10);
  expected += dict + std::string(0x76 - 1 - dict.size(), ' ') + "\n";
  expected += std::string("\1\0\0\0\2\0\0\0", 8);
  EXPECT_EQ(slurp("a.npy"), expected);
}

TEST_F(NpyTest, DataStartsAtAMultipleOf64) {
  for (int rank = 0; rank < 40; ++rank) {
    llvm::SmallVector<int64_t> shape(rank, 1);
    ASSERT_FALSE(
        writeNpy(pathOf("a.npy"), NpyArray::zeros(NpyType::U8, shape)));
    EXPECT_EQ(slurp("a.npy").size() % 64, 1u) << "rank " << rank;
  }
}

TEST_F(NpyTest, ReadsWhatOthersWrite) {
  std::string two("\x93NUMPY\x02\x00", 8);
  std::string dict = "{\"shape\": ( 1 ,2), \"fortran_order\":False, "
                     "\"descr\": \"|u1\"}   ";
  two += std::string({static_cast<char>(dict.size()), 0, 0, 0}) + dict + "ab";
  for (const std::string &file :
       {two, makeFile("<u1", "False", "(1L, 2L)", "ab"),
        makeFile("|u1", "False", "(1, 2,)", "ab")}) {
    llvm::Expected<NpyArray> array = parseNpy(file, "x.npy");
    ASSERT_TRUE(static_cast<bool>(array)) << llvm::toString(array.takeError());
    EXPECT_EQ(array->dtype, NpyType::U8);
    EXPECT_EQ(array->shape, (llvm::SmallVector<int64_t, 4>{1, 2}));
    EXPECT_EQ(array->bytes, (std::vector<uint8_t>{'a', 'b'}));
  }
  // One dimension is the same in both orders.
  EXPECT_EQ(getRefusal(makeFile("|u1", "True", "(2,)", "ab")), "accepted");
}

TEST_F(NpyTest, EveryTruncationIsRefused) {
  ASSERT_FALSE(
      writeNpy(pathOf("a.npy"), makeArray<float>(NpyType::F32, {2, 3})));
  std::string whole = slurp("a.npy");
  ASSERT_EQ(whole.size(), 128u + 24u);
  for (size_t size = 0; size < whole.size(); ++size) {
    spit("cut.npy", llvm::StringRef(whole).take_front(size));
    llvm::Expected<NpyArray> array = readNpy(pathOf("cut.npy"));
    ASSERT_FALSE(static_cast<bool>(array)) << "cut to " << size;
    std::string message = llvm::toString(array.takeError());
    EXPECT_TRUE(contains(message, "'" + pathOf("cut.npy") + "': "));
    std::string rule = size < 6    ? "not a .npy file"
                       : size < 8  ? "truncated: ends before the format version"
                       : size < 10 ? "truncated: ends before the header size"
                       : size < 128
                           ? "truncated: expected 118 bytes of header, got " +
                                 std::to_string(size - 10)
                           : "truncated: expected 24 bytes of data, got " +
                                 std::to_string(size - 128);
    EXPECT_TRUE(contains(message, rule)) << "cut to " << size;
  }
  EXPECT_TRUE(contains(getRefusal(whole + "x"),
                       "too long for its shape: expected 24 bytes of data, "
                       "got 25"));
}

TEST_F(NpyTest, RefusesWithTheRuleAndTheCure) {
  EXPECT_TRUE(contains(getRefusal("PK\3\4........"), "not a .npy file"));
  EXPECT_TRUE(
      contains(getRefusal(llvm::StringRef("\x93NUMPY\x03\x00\x02\x00{}", 12)),
               "expected .npy format version 1.0 or 2.0, got 3.0"));
  std::string fortran = getRefusal(makeFile("|u1", "True", "(1, 2)", "ab"));
  EXPECT_TRUE(contains(fortran, "expected C order, got Fortran order"));
  EXPECT_TRUE(contains(fortran, "numpy.ascontiguousarray"));
  for (const char *descr : {">f4", "<c8", "<V2", "|O", "<f16", ""}) {
    std::string message = getRefusal(makeFile(descr, "False", "(0,)", ""));
    EXPECT_TRUE(contains(message, std::string("unsupported element type '") +
                                      descr + "'"));
    EXPECT_TRUE(contains(message, "float16, float32, float64"));
  }
  EXPECT_TRUE(contains(
      getRefusal(makeFile("<f4", "False", "(4611686018427387904, 2)", "")),
      "shape is too large"));
  // With a zero the array is empty, whatever the rest.
  EXPECT_EQ(
      getRefusal(makeFile("<f4", "False",
                          "(9223372036854775807, 9223372036854775807, 0)", "")),
      "accepted");
}

TEST_F(NpyTest, RefusesMalformedHeaders) {
  struct Case {
    const char *header;
    const char *expected;
  };
  for (const Case &test : {
           Case{"", "'{'"},
           Case{"['descr']", "'{'"},
           Case{"{'descr' '<f4'}", "':'"},
           Case{"{'descr': <f4}", "a string"},
           Case{"{'descr': '<f4}", "a string that ends"},
           Case{"{descr: '<f4'}", "a string"},
           Case{"{'fortran_order': 0}", "True or False"},
           Case{"{'shape': [1]}", "a tuple"},
           Case{"{'shape': (1 2)}", "',' or ')'"},
           Case{"{'shape': (3)}", "',' in a tuple of one"},
           Case{"{'shape': (-1,)}", "a size from 0"},
           Case{"{'shape': (9223372036854775808,)}", "a size from 0"},
           Case{"{'shape': (1,", "a size from 0"},
           Case{"{'shape': (1,), 'shape': (1,)}", "each key once"},
           Case{"{'colour': 'red'}", "no key 'colour'"},
           Case{"{'descr': '<f4', 'shape': ()}", "the keys descr"},
           Case{"{'descr': '<f4' 'shape': ()}", "',' or '}'"},
           Case{"{'descr': '<f4', 'shape': (), 'fortran_order': False} + {}",
                "nothing more"},
       }) {
    std::string message = getRefusal(makeFile(test.header, ""));
    EXPECT_TRUE(contains(message, "'x.npy': header is malformed: expected " +
                                      std::string(test.expected)))
        << test.header;
  }
}

TEST_F(NpyTest, MissingFileIsNamed) {
  llvm::Expected<NpyArray> array = readNpy(pathOf("none.npy"));
  ASSERT_FALSE(static_cast<bool>(array));
  std::string message = llvm::toString(array.takeError());
  EXPECT_TRUE(
      contains(message, "'" + pathOf("none.npy") + "': cannot be read"));
}

TEST_F(NpyTest, FailedWriteLeavesWhatWasThere) {
  ASSERT_FALSE(writeNpy(pathOf("a.npy"), makeArray<float>(NpyType::F32, {4})));
  std::string before = slurp("a.npy");

  // A file may not grow beyond 1 KiB: writing stops in the middle.
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  rlimit small = old;
  small.rlim_cur = 1024;
  auto *handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  llvm::Error error =
      writeNpy(pathOf("a.npy"), makeArray<float>(NpyType::F32, {100000}));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, handler);

  ASSERT_TRUE(static_cast<bool>(error));
  EXPECT_TRUE(contains(llvm::toString(std::move(error)),
                       "'" + pathOf("a.npy") + "': cannot be written"));
  EXPECT_EQ(slurp("a.npy"), before);
  EXPECT_EQ(countFiles(), 1) << "a temporary file was left";
}

TEST_F(NpyTest, RefusesToWriteWhereItCannot) {
  NpyArray array = makeArray<float>(NpyType::F32, {4});
  for (const std::string &path :
       {pathOf("no/such/folder.npy"), folder.str().str(),
        std::string("/dev/null")}) {
    llvm::Error error = writeNpy(path, array);
    ASSERT_TRUE(static_cast<bool>(error)) << path;
    EXPECT_TRUE(contains(llvm::toString(std::move(error)),
                         "'" + path + "': cannot be written"));
  }
  EXPECT_EQ(countFiles(), 0);
}

} // namespace
