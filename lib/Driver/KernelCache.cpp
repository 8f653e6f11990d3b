//===- KernelCache.cpp - compiled programs, kept on disk ------------------===//

#include "fovea/Driver/KernelCache.h"

#include "fovea/Support/WriteFile.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#include <algorithm>
#include <unistd.h>

using namespace fovea;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static constexpr llvm::StringLiteral kEnding = ".fovea";
static constexpr size_t kKeyDigits = 64;

void CacheKey::add(llvm::StringRef name, llvm::StringRef value) {
  for (llvm::StringRef text : {name, value}) {
    uint64_t size = text.size();
    hasher.update(llvm::StringRef(reinterpret_cast<char *>(&size), 8));
    hasher.update(text);
  }
}

std::string CacheKey::get() {
  return llvm::toHex(hasher.final<kKeyDigits / 2>(), /*LowerCase=*/true);
}

//===----------------------------------------------------------------------===//
// Where
//===----------------------------------------------------------------------===//

/// A number of bytes, as "500M", or nothing.
static std::optional<uint64_t> parseSize(llvm::StringRef text) {
  static constexpr llvm::StringLiteral units = "KMGT";
  uint64_t number = 0, unit = 1;
  text = text.trim();
  if (text.consumeInteger(10, number)) {
    return std::nullopt;
  }
  if (!text.empty()) {
    size_t at = units.find(llvm::toUpper(text.front()));
    if (at == llvm::StringRef::npos) {
      return std::nullopt;
    }
    unit = uint64_t(1) << (10 * (at + 1));
    text = text.drop_front();
  }
  bool isWhole = text.empty() || text == "B" || text == "iB";
  return isWhole ? std::optional(llvm::SaturatingMultiply(number, unit))
                 : std::nullopt;
}

llvm::Expected<KernelCache::Options> KernelCache::readEnvironment() {
  Options options;
  if (auto text = llvm::sys::Process::GetEnv("FOVEA_CACHE_SIZE")) {
    std::optional<uint64_t> size = parseSize(*text);
    if (!size) {
      return llvm::createStringError(
          "FOVEA_CACHE_SIZE: expected a number of bytes such as 500M, got '" +
          *text + "'");
    }
    options.maxBytes = *size;
  }
  llvm::SmallString<128> folder;
  auto given = llvm::sys::Process::GetEnv("FOVEA_CACHE_DIR");
  if (given && !given->empty()) {
    folder = *given;
    fs::make_absolute(folder);
  } else if (path::cache_directory(folder)) {
    // As the XDG base directory specification wants it.
    path::append(folder, "fovea", "kernels");
  } else {
    return llvm::createStringError("expected FOVEA_CACHE_DIR, XDG_CACHE_HOME "
                                   "or HOME to be set, got none");
  }
  options.folder = folder.str().str();
  return options;
}

std::shared_ptr<KernelCache>
KernelCache::fromEnvironment(std::function<void(llvm::StringRef)> onWarning) {
  llvm::Expected<Options> options = readEnvironment();
  if (!options) {
    std::string why = llvm::toString(options.takeError());
    if (onWarning) {
      onWarning(why + "; compiled programs are not kept");
    }
    return nullptr;
  }
  if (options->maxBytes == 0) {
    return nullptr;
  }
  options->onWarning = std::move(onWarning);
  return std::make_shared<KernelCache>(std::move(*options));
}

std::string KernelCache::getPath(llvm::StringRef key) const {
  llvm::SmallString<128> file(options.folder);
  path::append(file, key + kEnding);
  return file.str().str();
}

void KernelCache::warn(const llvm::Twine &message) {
  if (options.onWarning) {
    options.onWarning(message.str());
  }
}

void KernelCache::report(const llvm::Twine &reason) {
  if (!hasWarned.exchange(true)) {
    warn(reason + "; compiled programs are not kept");
  }
}

/// Code is executed as it lies there: nobody else may put some there. A folder
/// that is not there yet is going to be ours.
bool KernelCache::isTrusted() {
  fs::file_status status;
  if (fs::status(options.folder, status)) {
    return true;
  }
  if (!fs::is_directory(status)) {
    report("'" + options.folder + "': is not a folder");
    return false;
  }
  bool isOurs = status.getUser() == geteuid() || status.getUser() == 0;
  bool isOpen = (status.permissions() & fs::others_write) != 0;
  if (isOurs && !isOpen) {
    return true;
  }
  report("'" + options.folder +
         "': expected a folder that only its "
         "owner or group writes to and that this user owns, got " +
         (isOurs ? "one that everybody writes to"
                 : "one that somebody else owns"));
  return false;
}

//===----------------------------------------------------------------------===//
// One file
//===----------------------------------------------------------------------===//

std::optional<std::string> KernelCache::load(llvm::StringRef key) {
  llvm::Expected<fs::file_t> file = fs::openNativeFileForRead(getPath(key));
  if (!file) {
    llvm::consumeError(file.takeError());
    return std::nullopt;
  }
  llvm::scope_exit close([&] { fs::closeFile(*file); });
  if (!isTrusted()) {
    return std::nullopt;
  }
  fs::file_status status;
  if (std::error_code code = fs::status(*file, status)) {
    warn("'" + getPath(key) + "': " + code.message());
    return std::nullopt;
  }
  std::string bytes(status.getSize(), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    llvm::Expected<size_t> count = fs::readNativeFile(
        *file,
        llvm::MutableArrayRef(bytes.data(), bytes.size()).drop_front(done));
    if (!count) {
      warn("'" + getPath(key) + "': " + llvm::toString(count.takeError()));
      return std::nullopt;
    }
    if (*count == 0) {
      break; // it was cut off meanwhile; its reader notices
    }
    done += *count;
  }
  bytes.resize(done);
  // Fails in a folder that may only be read: then its owner keeps the order.
  (void)fs::setLastAccessAndModificationTime(*file,
                                             std::chrono::system_clock::now());
  return bytes;
}

void KernelCache::store(llvm::StringRef key, llvm::StringRef bytes) {
  if (bytes.size() > options.maxBytes) {
    report("expected room for " + llvm::Twine(bytes.size()) +
           " bytes in FOVEA_CACHE_SIZE, got " + llvm::Twine(options.maxBytes));
    return;
  }
  if (std::error_code code = fs::create_directories(
          options.folder, /*IgnoreExisting=*/true, fs::owner_all)) {
    report("'" + options.folder + "': " + code.message());
    return;
  }
  if (!isTrusted()) {
    return;
  }
  if (llvm::Error e = writeFile(getPath(key), {bytes})) {
    report(llvm::toString(std::move(e)));
    return;
  }
  evict(getPath(key));
}

void KernelCache::reject(llvm::StringRef key, const llvm::Twine &reason) {
  warn(reason + "; it is removed");
  (void)fs::remove(getPath(key));
}

//===----------------------------------------------------------------------===//
// All files
//===----------------------------------------------------------------------===//

/// The key of a file, or "" if it is none of ours.
static llvm::StringRef getKey(llvm::StringRef file) {
  llvm::StringRef name = path::filename(file);
  bool isOurs = name.consume_back(kEnding) && name.size() == kKeyDigits &&
                llvm::all_of(name, [](char c) { return llvm::isHexDigit(c); });
  return isOurs ? name : "";
}

/// A file that a process left that ended while it wrote.
static bool isForgotten(llvm::StringRef file, const fs::basic_file_status &at) {
  llvm::StringRef name = path::filename(file);
  return !getKey(name.split(".tmp-").first).empty() && name.contains(".tmp-") &&
         std::chrono::system_clock::now() - at.getLastModificationTime() >
             std::chrono::hours(1);
}

std::vector<KernelCache::File> KernelCache::list() const {
  std::vector<File> files;
  std::error_code code;
  for (fs::directory_iterator i(options.folder, code), end; !code && i != end;
       i.increment(code)) {
    // It may be gone by now.
    llvm::ErrorOr<fs::basic_file_status> status = i->status();
    if (!status) {
      continue;
    }
    llvm::StringRef key = getKey(i->path());
    if (!key.empty()) {
      files.push_back({i->path(), key.str(), status->getSize(),
                       status->getLastModificationTime()});
    } else if (isForgotten(i->path(), *status)) {
      (void)fs::remove(i->path());
    }
  }
  llvm::sort(files, [](const File &a, const File &b) {
    return std::tie(b.lastUse, a.key) < std::tie(a.lastUse, b.key);
  });
  return files;
}

void KernelCache::evict(llvm::StringRef kept) {
  uint64_t bytes = 0;
  std::vector<File> files = list();
  for (const File &file : files) {
    bytes += file.bytes;
  }
  for (const File &file : llvm::reverse(files)) {
    if (bytes <= options.maxBytes) {
      return;
    }
    // Another process may have been faster; then it is as it should be.
    if (file.path != kept && !fs::remove(file.path)) {
      bytes -= file.bytes;
    }
  }
}

llvm::Expected<size_t> KernelCache::clear() {
  size_t count = 0;
  for (const File &file : list()) {
    if (std::error_code code = fs::remove(file.path)) {
      return llvm::createStringError("'" + file.path +
                                     "': cannot be removed: " + code.message());
    }
    ++count;
  }
  return count;
}
