//===- Database.cpp - schedules that were measured ------------------------===//

#include "fovea/Tuning/Database.h"

#include "fovea/Support/WriteFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <tuple>
#include <unistd.h>

using namespace fovea;

static constexpr int64_t kVersion = 1;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

namespace {

/// A file of a later version is not broken, and must not be replaced.
class LaterVersion : public llvm::ErrorInfo<LaterVersion> {
public:
  static char ID;
  explicit LaterVersion(int64_t version) : version(version) {}
  void log(llvm::raw_ostream &os) const override {
    os << "expected version " << kVersion << ", got " << version
       << ": a later fovea-tune wrote it";
  }
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }

private:
  int64_t version;
};

} // namespace

char LaterVersion::ID = 0;

static auto getKeys(const TuningEntry &entry) {
  return std::tie(entry.chip, entry.family, entry.rows);
}

namespace llvm::json {

static bool fromJSON(const Value &value, TuningEntry &entry, Path path) {
  ObjectMapper map(value, path);
  return map && map.map("chip", entry.chip) &&
         map.map("family", entry.family) && map.map("rows", entry.rows) &&
         map.map("schedule", entry.schedule) && map.map("gain", entry.gain) &&
         map.mapOptional("program", entry.program) &&
         map.mapOptional("shapes", entry.shapes) &&
         map.mapOptional("date", entry.date);
}

} // namespace llvm::json

llvm::Expected<TuningDatabase> TuningDatabase::parse(llvm::StringRef text) {
  llvm::Expected<llvm::json::Value> json = llvm::json::parse(text);
  if (!json) {
    return json.takeError();
  }
  const llvm::json::Object *object = json->getAsObject();
  std::optional<int64_t> version =
      object ? object->getInteger("version") : std::nullopt;
  if (!version || *version < 1) {
    return llvm::createStringError("expected an object with a version");
  }
  if (*version > kVersion) {
    return llvm::make_error<LaterVersion>(*version);
  }
  TuningDatabase database;
  const llvm::json::Value *list = object->get("entries");
  llvm::json::Path::Root root("tuning");
  std::vector<TuningEntry> entries;
  if (!list || !llvm::json::fromJSON(*list, entries, root)) {
    return list ? root.getError()
                : llvm::createStringError("expected a list of entries");
  }
  for (TuningEntry &entry : entries) {
    if (entry.rows < 0 || !std::isfinite(entry.gain) || entry.gain <= 0) {
      return llvm::createStringError(
          "expected rows of at least 0 and a positive gain, got " +
          std::to_string(entry.rows) + " and " + std::to_string(entry.gain));
    }
    database.set(std::move(entry));
  }
  return database;
}

std::string TuningDatabase::print() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream json(os, /*IndentSize=*/2);
  json.object([&] {
    json.attribute("version", kVersion);
    json.attributeArray("entries", [&] {
      for (const TuningEntry &entry : entries) {
        json.object([&] {
          json.attribute("chip", entry.chip);
          json.attribute("family", entry.family);
          json.attribute("rows", entry.rows);
          json.attribute("schedule", entry.schedule);
          json.attribute("gain", std::round(entry.gain * 1000) / 1000);
          json.attribute("program", entry.program);
          json.attribute("shapes", entry.shapes);
          json.attribute("date", entry.date);
        });
      }
    });
  });
  os << '\n';
  return text;
}

const TuningEntry *TuningDatabase::find(llvm::StringRef chip,
                                        llvm::StringRef family,
                                        int64_t rows) const {
  auto it = llvm::find_if(entries, [&](const TuningEntry &entry) {
    return entry.chip == chip && entry.family == family && entry.rows == rows;
  });
  return it == entries.end() ? nullptr : &*it;
}

void TuningDatabase::set(TuningEntry entry) {
  auto it = llvm::lower_bound(entries, entry,
                              [](const TuningEntry &a, const TuningEntry &b) {
                                return getKeys(a) < getKeys(b);
                              });
  if (it != entries.end() && getKeys(*it) == getKeys(entry)) {
    *it = std::move(entry);
    return;
  }
  entries.insert(it, std::move(entry));
}

void TuningDatabase::erase(llvm::StringRef chip, llvm::StringRef family,
                           int64_t rows) {
  llvm::erase_if(entries, [&](const TuningEntry &entry) {
    return entry.chip == chip && entry.family == family && entry.rows == rows;
  });
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

namespace {

/// Holds a lock on a file beside the database, which processes and threads
/// take in turns. The file stays: removing it would let two in.
class Turn {
public:
  explicit Turn(llvm::StringRef path) {
    std::string name = (path + ".lock").str();
    file = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    while (file >= 0 && flock(file, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~Turn() {
    if (file >= 0) {
      close(file);
    }
  }
  bool isTaken() const { return file >= 0; }

private:
  int file;
};

} // namespace

/// The contents of a file; nothing if there is none.
static llvm::Expected<std::optional<TuningDatabase>>
read(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer) {
    if (buffer.getError() == std::errc::no_such_file_or_directory) {
      return std::nullopt;
    }
    return llvm::errorCodeToError(buffer.getError());
  }
  llvm::Expected<TuningDatabase> database =
      TuningDatabase::parse((*buffer)->getBuffer());
  if (!database) {
    return database.takeError();
  }
  return std::optional<TuningDatabase>(std::move(*database));
}

TuningDatabase
TuningDatabase::load(llvm::StringRef path,
                     llvm::function_ref<void(llvm::StringRef)> warn) {
  auto database = read(path);
  if (!database) {
    warn((path + ": tuned schedules are not used: " +
          llvm::toString(database.takeError()))
             .str());
    return {};
  }
  return *database ? std::move(**database) : TuningDatabase();
}

/// Moves a file that cannot be understood out of the way, under a name that
/// is free.
static llvm::Error
putAside(llvm::StringRef path, llvm::StringRef why,
         llvm::function_ref<void(llvm::StringRef)> warn) {
  std::string aside = (path + ".bad").str();
  for (int i = 2; llvm::sys::fs::exists(aside); ++i) {
    aside = (path + ".bad" + llvm::Twine(i)).str();
  }
  if (std::error_code code = llvm::sys::fs::rename(path, aside)) {
    return llvm::createStringError("'" + path + "': cannot be renamed: " +
                                   code.message());
  }
  warn((path + ": was kept as " + aside + ": " + why).str());
  return llvm::Error::success();
}

llvm::Error
TuningDatabase::record(llvm::StringRef path,
                       llvm::ArrayRef<TuningEntry> entries,
                       llvm::function_ref<void(llvm::StringRef)> warn) {
  llvm::StringRef folder = llvm::sys::path::parent_path(path);
  if (!folder.empty()) {
    if (std::error_code code = llvm::sys::fs::create_directories(folder)) {
      return llvm::createStringError("'" + folder + "': cannot be made: " +
                                     code.message());
    }
  }
  Turn turn(path);
  if (!turn.isTaken()) {
    return llvm::createStringError("'" + path + ".lock': cannot be written: " +
                                   std::strerror(errno));
  }
  auto known = read(path);
  TuningDatabase database;
  if (known) {
    database = known->value_or(TuningDatabase());
  } else {
    llvm::Error error = known.takeError();
    if (error.isA<LaterVersion>()) {
      return llvm::createStringError("'" + path + "': " +
                                     llvm::toString(std::move(error)));
    }
    if (llvm::Error e =
            putAside(path, llvm::toString(std::move(error)), warn)) {
      return e;
    }
  }
  for (const TuningEntry &entry : entries) {
    if (entry.schedule.empty()) {
      database.erase(entry.chip, entry.family, entry.rows);
    } else {
      database.set(entry);
    }
  }
  return writeFile(path, {database.print()});
}

std::string fovea::findTuningDatabase(llvm::StringRef setting) {
  auto getVariable = [](const char *name) {
    const char *value = std::getenv(name);
    return llvm::StringRef(value ? value : "");
  };
  if (setting.empty()) {
    setting = getVariable("FOVEA_TUNING_DB");
  }
  if (!setting.empty()) {
    return setting == "none" ? "" : setting.str();
  }
  llvm::SmallString<128> path = getVariable("XDG_DATA_HOME");
  // The specification of that variable has relative paths ignored.
  if (path.empty() || !llvm::sys::path::is_absolute(path)) {
    path = getVariable("HOME");
    if (path.empty()) {
      return "";
    }
    llvm::sys::path::append(path, ".local", "share");
  }
  llvm::sys::path::append(path, "fovea", "tuning.json");
  return path.str().str();
}

std::string fovea::getTuningKey(llvm::StringRef setting) {
  std::string path = findTuningDatabase(setting);
  if (path.empty()) {
    return "";
  }
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer) {
    return "";
  }
  auto hash = llvm::SHA256::hash(
      llvm::arrayRefFromStringRef((*buffer)->getBuffer()));
  return llvm::toHex(llvm::ArrayRef<uint8_t>(hash).take_front(8),
                     /*LowerCase=*/true);
}
