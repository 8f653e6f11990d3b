//===- Database.h - schedules that were measured ----------------*- C++ -*-===//
//
// What fovea-tune finds, on disk, for every tool of this user:
//
//   {
//     "version": 1,
//     "entries": [
//       {
//         "chip": "znver5 16x32 pairs",
//         "family": "9f86d081884c7d65",
//         "rows": 8,
//         "schedule": "#tile.schedule<rows = 8, keys = 128, block = 2, ...>",
//         "gain": 1.07,
//         "program": "attention",
//         "shapes": "1x32x1x128,1x8x32768x128,1x8x32768x128",
//         "date": "2026-11-23"
//       }
//     ]
//   }
//
// An entry is found by its first three fields: the processor (as
// Target::getTuningName calls it), the family of the program
// (fovea/Tuning/Family.h) and the class of calls: those of at most `rows` rows,
// or all others for 0. The last four are for people.
//
// The file may be edited, copied and merged by hand. It is replaced as a whole,
// so a reader never sees half of it; writers take turns by a lock on
// FILE.lock and merge what others have written meanwhile.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_TUNING_DATABASE_H
#define FOVEA_TUNING_DATABASE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

struct TuningEntry {
  std::string chip, family;
  int64_t rows = 0;     // most rows of a call; 0: any number
  std::string schedule; // a `#tile.schedule` attribute as text
  double gain = 1;      // the default schedule's time over this one's
  std::string program, shapes, date;
};

class TuningDatabase {
public:
  /// What the file at `path` holds; nothing if there is none, or if it cannot
  /// be understood: then `warn` gets a message that begins with the path.
  static TuningDatabase load(llvm::StringRef path,
                             llvm::function_ref<void(llvm::StringRef)> warn);

  /// The text of a file, or what is wrong with it.
  static llvm::Expected<TuningDatabase> parse(llvm::StringRef text);

  /// The entry of these keys, or null.
  const TuningEntry *find(llvm::StringRef chip, llvm::StringRef family,
                          int64_t rows) const;
  llvm::ArrayRef<TuningEntry> getEntries() const { return entries; }

  /// Adds an entry in the place of one with the same keys.
  void set(TuningEntry entry);
  /// Removes the entry of these keys, if there is one.
  void erase(llvm::StringRef chip, llvm::StringRef family, int64_t rows);

  /// The contents of a file, entries in the order of their keys.
  std::string print() const;

  /// Adds entries to the file at `path`, which is made with its folders if it
  /// is not there; an entry without a schedule removes the one of its keys. A
  /// file that cannot be understood is renamed to PATH.bad and
  /// `warn` is told; one of a later version is an error.
  static llvm::Error record(llvm::StringRef path,
                            llvm::ArrayRef<TuningEntry> entries,
                            llvm::function_ref<void(llvm::StringRef)> warn);

private:
  std::vector<TuningEntry> entries;
};

/// The file that a setting stands for: "none" for no file (the result is
/// empty), a path for itself, and "" for the default: what FOVEA_TUNING_DB says
/// (a path or none), else fovea/tuning.json in $XDG_DATA_HOME or
/// ~/.local/share. Measurements cost minutes, so this is data and not a cache.
std::string findTuningDatabase(llvm::StringRef setting);

/// Sixteen digits that change with the contents of the file that a setting
/// stands for; empty if there is none. What was compiled with the database
/// depends on it by no more than this.
std::string getTuningKey(llvm::StringRef setting);

} // namespace fovea

#endif // FOVEA_TUNING_DATABASE_H
