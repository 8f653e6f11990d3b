//===- Npy.cpp - Arrays in NumPy's .npy files -----------------------------===//

#include "fovea/Support/Npy.h"

#include "fovea/Support/WriteFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>
#include <string>

using namespace fovea;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

static constexpr StringRef magic("\x93NUMPY", 6);

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

namespace {
struct TypeInfo {
  NpyType type;
  StringRef descr; // As in the header.
  StringRef name;  // As in numpy.dtype(...).name.
  int64_t size;    // In bytes.
};
} // namespace

static constexpr TypeInfo types[] = {
    {NpyType::Bool, "|b1", "bool", 1},   {NpyType::U8, "|u1", "uint8", 1},
    {NpyType::I8, "|i1", "int8", 1},     {NpyType::I32, "<i4", "int32", 4},
    {NpyType::I64, "<i8", "int64", 8},   {NpyType::F16, "<f2", "float16", 2},
    {NpyType::F32, "<f4", "float32", 4}, {NpyType::F64, "<f8", "float64", 8},
};

static const TypeInfo &getInfo(NpyType type) {
  const TypeInfo &info = types[static_cast<size_t>(type)];
  assert(info.type == type && "table is in the order of the enum");
  return info;
}

int64_t fovea::getNpyTypeSize(NpyType type) { return getInfo(type).size; }

StringRef fovea::getNpyTypeName(NpyType type) { return getInfo(type).name; }

NpyArray NpyArray::zeros(NpyType dtype, llvm::ArrayRef<int64_t> shape) {
  NpyArray array;
  array.dtype = dtype;
  array.shape.assign(shape.begin(), shape.end());
  array.bytes.resize(array.getNumElements() * getNpyTypeSize(dtype));
  return array;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static Error makeError(StringRef name, const Twine &message) {
  return llvm::createStringError("'" + name + "': " + message);
}

namespace {

struct Header {
  std::string descr;
  bool fortranOrder = false;
  llvm::SmallVector<int64_t, 4> shape;
};

/// Reads the header: a Python dict of exactly the keys descr, fortran_order
/// and shape. Knows as much of Python's syntax as numpy.save can write.
class HeaderParser {
public:
  HeaderParser(StringRef text, StringRef name)
      : whole(text), rest(text), name(name) {}

  Expected<Header> parse();

private:
  Error expected(const Twine &what) {
    std::string shown;
    llvm::raw_string_ostream stream(shown);
    llvm::printEscapedString(whole.trim().take_front(200), stream);
    return makeError(
        name, "header is malformed: expected " + what + " at character " +
                  Twine(whole.size() - rest.size()) + " of \"" + shown + "\"");
  }
  bool consume(StringRef token) {
    rest = rest.ltrim();
    return rest.consume_front(token);
  }
  Error parseString(std::string &value);
  Error parseBool(bool &value);
  Error parseShape(llvm::SmallVectorImpl<int64_t> &shape);

  StringRef whole;
  StringRef rest;
  StringRef name;
};

} // namespace

Error HeaderParser::parseString(std::string &value) {
  rest = rest.ltrim();
  char quote = rest.empty() ? '\0' : rest.front();
  if (quote != '\'' && quote != '"') {
    return expected("a string");
  }
  size_t end = rest.find(quote, 1);
  if (end == StringRef::npos) {
    return expected("a string that ends");
  }
  value = rest.slice(1, end).str();
  rest = rest.drop_front(end + 1);
  return Error::success();
}

Error HeaderParser::parseBool(bool &value) {
  value = consume("True");
  if (!value && !consume("False")) {
    return expected("True or False");
  }
  return Error::success();
}

Error HeaderParser::parseShape(llvm::SmallVectorImpl<int64_t> &shape) {
  if (!consume("(")) {
    return expected("a tuple");
  }
  bool comma = true;
  while (!consume(")")) {
    int64_t size = 0;
    if (!comma) {
      return expected("',' or ')'");
    }
    if (rest.empty() || !llvm::isDigit(rest.front()) ||
        rest.consumeInteger(10, size)) {
      return expected("a size from 0 to 2^63 - 1");
    }
    rest.consume_front("L"); // Python 2 wrote its long integers so.
    shape.push_back(size);
    comma = consume(",");
  }
  if (shape.size() == 1 && !comma) {
    return expected("',' in a tuple of one"); // "(3)" is a number in Python.
  }
  return Error::success();
}

Expected<Header> HeaderParser::parse() {
  Header header;
  llvm::SmallVector<std::string, 3> seen;
  if (!consume("{")) {
    return expected("'{'");
  }
  bool comma = true;
  while (!consume("}")) {
    if (!comma) {
      return expected("',' or '}'");
    }
    std::string key;
    if (Error error = parseString(key)) {
      return std::move(error);
    }
    if (llvm::is_contained(seen, key)) {
      return expected("each key once, got '" + key + "' again,");
    }
    if (!consume(":")) {
      return expected("':'");
    }
    Error error = key == "descr"           ? parseString(header.descr)
                  : key == "fortran_order" ? parseBool(header.fortranOrder)
                  : key == "shape"         ? parseShape(header.shape)
                                           : expected("no key '" + key + "'");
    if (error) {
      return std::move(error);
    }
    seen.push_back(key);
    comma = consume(",");
  }
  if (seen.size() != 3) {
    return expected("the keys descr, fortran_order and shape");
  }
  if (!rest.trim().empty()) {
    return expected("nothing more");
  }
  return header;
}

/// Splits a whole file into the text of its header and its data.
static Error splitFile(StringRef contents, StringRef name, StringRef &header,
                       StringRef &data) {
  if (!contents.starts_with(magic)) {
    return makeError(name, "not a .npy file: expected it to start with "
                           "\\x93NUMPY; numpy.save writes such files");
  }
  if (contents.size() < 8) {
    return makeError(name, "truncated: ends before the format version");
  }
  int major = static_cast<uint8_t>(contents[6]);
  int minor = static_cast<uint8_t>(contents[7]);
  if ((major != 1 && major != 2) || minor != 0) {
    return makeError(name, "expected .npy format version 1.0 or 2.0, got " +
                               Twine(major) + "." + Twine(minor));
  }
  size_t start = major == 1 ? 10 : 12;
  if (contents.size() < start) {
    return makeError(name, "truncated: ends before the header size");
  }
  size_t size = major == 1
                    ? llvm::support::endian::read16le(contents.data() + 8)
                    : llvm::support::endian::read32le(contents.data() + 8);
  if (contents.size() - start < size) {
    return makeError(name, "truncated: expected " + Twine(size) +
                               " bytes of header, got " +
                               Twine(contents.size() - start));
  }
  header = contents.substr(start, size);
  data = contents.drop_front(start + size);
  return Error::success();
}

static Expected<NpyType> findType(StringRef descr, StringRef name) {
  for (const TypeInfo &info : types) {
    // The byte order of single bytes means nothing and is written variously.
    if (descr == info.descr ||
        (info.size == 1 && descr.size() == 3 &&
         descr.drop_front() == info.descr.drop_front())) {
      return info.type;
    }
  }
  auto names = llvm::map_range(types, [](auto &info) { return info.name; });
  return makeError(name, "unsupported element type '" + descr +
                             "': expected one of " + llvm::join(names, ", ") +
                             " in little-endian order; convert with "
                             "array.astype('<f4') or the like");
}

/// Bytes of an array, or nothing if the number overflows.
static std::optional<int64_t> countBytes(llvm::ArrayRef<int64_t> shape,
                                         int64_t elementSize) {
  // A zero anywhere makes the array empty however large the other sizes are.
  if (llvm::is_contained(shape, 0)) {
    return 0;
  }
  int64_t bytes = elementSize;
  for (int64_t size : shape) {
    if (llvm::MulOverflow(bytes, size, bytes)) {
      return std::nullopt;
    }
  }
  return bytes;
}

Expected<NpyArray> fovea::parseNpy(StringRef contents, StringRef name) {
  StringRef headerText;
  StringRef data;
  if (Error error = splitFile(contents, name, headerText, data)) {
    return std::move(error);
  }
  Expected<Header> header = HeaderParser(headerText, name).parse();
  if (!header) {
    return header.takeError();
  }
  Expected<NpyType> type = findType(header->descr, name);
  if (!type) {
    return type.takeError();
  }
  // With fewer than two dimensions both orders are the same.
  if (header->fortranOrder && header->shape.size() > 1) {
    return makeError(name, "expected C order, got Fortran order; convert with "
                           "numpy.save(path, numpy.ascontiguousarray(array))");
  }
  std::optional<int64_t> bytes =
      countBytes(header->shape, getNpyTypeSize(*type));
  if (!bytes) {
    return makeError(name, "shape is too large: its bytes exceed 2^63 - 1");
  }
  if (data.size() != static_cast<uint64_t>(*bytes)) {
    StringRef kind = data.size() < static_cast<uint64_t>(*bytes)
                         ? "truncated"
                         : "too long for its shape";
    return makeError(name, kind + ": expected " + Twine(*bytes) +
                               " bytes of data, got " + Twine(data.size()));
  }
  NpyArray array;
  array.dtype = *type;
  array.shape = header->shape;
  array.bytes.assign(data.bytes_begin(), data.bytes_end());
  return array;
}

Expected<NpyArray> fovea::readNpy(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (std::error_code code = buffer.getError()) {
    return makeError(path, "cannot be read: " + code.message());
  }
  return parseNpy((*buffer)->getBuffer(), path);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// Everything that comes before the data.
static std::string makeHeader(const NpyArray &array) {
  std::string dict;
  llvm::raw_string_ostream stream(dict);
  stream << "{'descr': '" << getInfo(array.dtype).descr
         << "', 'fortran_order': False, 'shape': (";
  llvm::interleaveComma(array.shape, stream);
  stream << (array.shape.size() == 1 ? ",), }" : "), }");
  // Spaces and a line end, so that the data starts at a multiple of 64.
  int version = 1;
  size_t start = 10;
  if (dict.size() + 64 > UINT16_MAX) {
    version = 2;
    start = 12;
  }
  size_t end = llvm::alignTo(start + dict.size() + 1, 64);
  dict.append(end - start - dict.size() - 1, ' ');
  dict.push_back('\n');

  std::string header = magic.str();
  header.push_back(static_cast<char>(version));
  header.push_back('\0');
  char size[4];
  llvm::support::endian::write32le(size, static_cast<uint32_t>(dict.size()));
  header.append(size, start - 8);
  return header + dict;
}

Error fovea::writeNpy(StringRef path, const NpyArray &array) {
  assert(static_cast<int64_t>(array.bytes.size()) ==
             array.getNumElements() * getNpyTypeSize(array.dtype) &&
         "array holds as many bytes as its shape says");
  StringRef bytes(reinterpret_cast<const char *>(array.bytes.data()),
                  array.bytes.size());
  return writeFile(path, {makeHeader(array), bytes});
}
