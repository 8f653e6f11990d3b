//===- NpyFiles.cpp - arguments from and to .npy files --------------------===//
//
// The format: \x93NUMPY, two bytes of version, the size of the header (two
// bytes in version 1, four from 2 on), the header as a Python dictionary, the
// elements.
//
//===----------------------------------------------------------------------===//

#include "NpyFiles.h"

#include "fovea/Support/FloatBits.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace fovea;

namespace {

/// Of a file: little-endian, or single bytes.
struct ElementType {
  const char *descr;
  int64_t bytes;
  bool isReal;
  const char *name; // NumPy's
};

constexpr ElementType elementTypes[] = {
    {"|b1", 1, false, "bool"},   {"|u1", 1, false, "uint8"},
    {"|i1", 1, false, "int8"},   {"<i4", 4, false, "int32"},
    {"<i8", 8, false, "int64"},  {"<f2", 2, true, "float16"},
    {"<f4", 4, true, "float32"}, {"<f8", 8, true, "float64"},
};

struct NpyFile {
  ElementType type;
  std::vector<int64_t> shape;
  std::string bytes;
  size_t begin = 0; // of the elements

  template <typename T> T at(int64_t i) const {
    T value;
    memcpy(&value, bytes.data() + begin + i * sizeof(T), sizeof(T));
    return value;
  }
  double getReal(int64_t i) const {
    return type.bytes == 2   ? halfToFloat(at<uint16_t>(i))
           : type.bytes == 4 ? at<float>(i)
                             : at<double>(i);
  }
  int64_t getInteger(int64_t i) const {
    return type.bytes == 1   ? type.descr[1] == 'i' ? at<int8_t>(i)
                                                    : at<uint8_t>(i)
           : type.bytes == 4 ? at<int32_t>(i)
                             : at<int64_t>(i);
  }
};

} // namespace

static bool refuse(const std::string &path, const std::string &text) {
  fovea_rt_fail(("'" + path + "': " + text).c_str());
  return false;
}

static bool readFile(const std::string &path, std::string &bytes) {
  FILE *file = fopen(path.c_str(), "rb");
  if (!file) {
    return refuse(path, std::string("cannot be read: ") + strerror(errno));
  }
  char buffer[1 << 16];
  while (size_t count = fread(buffer, 1, sizeof(buffer), file)) {
    bytes.append(buffer, count);
  }
  bool good = !ferror(file);
  fclose(file);
  return good || refuse(path, "cannot be read");
}

/// The text after 'key': in the header, or "".
static std::string getValue(const std::string &header, const char *key) {
  size_t at = header.find("'" + std::string(key) + "'");
  at = at == std::string::npos ? at : header.find(':', at);
  at = at == std::string::npos ? at : header.find_first_not_of(' ', at + 1);
  return at == std::string::npos ? "" : header.substr(at);
}

static bool parseHeader(const std::string &path, const std::string &header,
                        NpyFile &file) {
  std::string descr = getValue(header, "descr");
  bool known = false;
  for (const ElementType &type : elementTypes) {
    if (descr.compare(1, 3, type.descr) == 0) {
      file.type = type;
      known = true;
    }
  }
  if (!known) {
    return refuse(path, "expected elements of bool, uint8, int8, int32, int64, "
                        "float16, float32 or float64, little-endian, got " +
                            descr.substr(0, descr.find(',')));
  }
  if (getValue(header, "fortran_order").compare(0, 5, "False") != 0) {
    return refuse(path, "expected C order; save numpy.ascontiguousarray(x)");
  }
  std::string shape = getValue(header, "shape");
  size_t end = shape.find(')');
  if (shape.empty() || shape[0] != '(' || end == std::string::npos) {
    return refuse(path, "its header has no shape");
  }
  const char *at = shape.c_str() + 1;
  while (at < shape.c_str() + end) {
    char *after = nullptr;
    int64_t size = strtoll(at, &after, 10);
    if (after == at || size < 0 || size > int64_t(1) << 40) {
      return refuse(path, "its header has a wrong shape: " +
                              shape.substr(0, end + 1));
    }
    file.shape.push_back(size);
    at = after + strspn(after, ", ");
  }
  return true;
}

static bool readNpy(const std::string &path, NpyFile &file) {
  if (!readFile(path, file.bytes)) {
    return false;
  }
  const std::string &bytes = file.bytes;
  auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < 12 || bytes.compare(0, 6, "\x93NUMPY") != 0) {
    return refuse(path, "is not a .npy file");
  }
  bool isLong = byte(6) > 1;
  size_t length = byte(8) + (byte(9) << 8);
  length += isLong ? (size_t(byte(10)) << 16) + (size_t(byte(11)) << 24) : 0;
  size_t first = isLong ? 12 : 10;
  if (byte(6) < 1 || byte(6) > 3 || length > bytes.size() - first) {
    return refuse(path, "its header is damaged");
  }
  file.begin = first + length;
  if (!parseHeader(path, bytes.substr(first, length), file)) {
    return false;
  }
  uint64_t count = 1;
  for (int64_t size : file.shape) {
    if (size > 0 && count > (uint64_t(1) << 48) / size) {
      return refuse(path, "is too large");
    }
    count *= static_cast<uint64_t>(size);
  }
  uint64_t wanted = count * file.type.bytes;
  if (bytes.size() - file.begin != wanted) {
    return refuse(path, "expected " + std::to_string(wanted) +
                            " bytes of elements, got " +
                            std::to_string(bytes.size() - file.begin));
  }
  return true;
}

bool fovea::readArray(const std::string &path, const ArgumentType &type,
                      HostArray &array) {
  NpyFile file;
  if (!readNpy(path, file)) {
    return false;
  }
  std::string problem = convertElements(
      file.shape, file.type.isReal, file.type.name,
      [&](int64_t i) { return file.getReal(i); },
      [&](int64_t i) { return file.getInteger(i); }, type, "'" + path + "'",
      array);
  if (!problem.empty()) {
    fovea_rt_fail(problem.c_str());
  }
  return problem.empty();
}

bool fovea::writeArray(const std::string &path, const HostArray &array) {
  int32_t dtype = array.get().dtype;
  const char *descr = array.isReal()       ? "<f4"
                      : dtype == FOVEA_I64 ? "<i8"
                      : dtype == FOVEA_I32 ? "<i4"
                      : dtype == FOVEA_I8  ? "|i1"
                                           : "|b1";
  std::string header = std::string("{'descr': '") + descr +
                       "', 'fortran_order': False, 'shape': (";
  for (int64_t size : array.getShape()) {
    header += std::to_string(size) + ", ";
  }
  header += "), }";
  // The elements begin at a multiple of 64.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string bytes = std::string("\x93NUMPY\1\0", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  if (!array.isReal() || dtype == FOVEA_F32) {
    bytes.append(static_cast<const char *>(array.get().data),
                 static_cast<size_t>(array.getNumBytes()));
  } else {
    for (int64_t i = 0; i < array.getNumElements(); ++i) {
      float value = static_cast<float>(array.getReal(i));
      bytes.append(reinterpret_cast<const char *>(&value), sizeof(value));
    }
  }
  FILE *file = fopen(path.c_str(), "wb");
  bool good =
      file && fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  int error = errno;
  good = file && fclose(file) == 0 && good;
  return good ||
         refuse(path, std::string("cannot be written: ") + strerror(error));
}
