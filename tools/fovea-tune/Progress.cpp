//===- Progress.cpp - how far a search is ---------------------------------===//

#include "Progress.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>

using namespace fovea;

std::string fovea::formatDuration(double seconds) {
  auto whole = static_cast<int64_t>(std::ceil(seconds));
  if (whole < 60) {
    return llvm::formatv("{0} s", whole).str();
  }
  if (whole < 3600) {
    return llvm::formatv("{0} min {1} s", whole / 60, whole % 60).str();
  }
  return llvm::formatv("{0} h {1} min", whole / 3600, whole % 3600 / 60).str();
}

Progress::Progress(int steps, double limit)
    : steps(steps), limit(limit),
      isTerminal(llvm::sys::Process::StandardErrIsDisplayed()),
      start(std::chrono::steady_clock::now()) {}

double Progress::getSeconds() const {
  std::chrono::duration<double> passed =
      std::chrono::steady_clock::now() - start;
  return passed.count();
}

std::string Progress::describe() const {
  std::string text = llvm::formatv("[{0}/{1}]", done + 1, steps);
  if (done == 0) {
    return text;
  }
  double left = getSeconds() / done * (steps - done);
  if (limit > 0) {
    left = std::min(left, limit - getSeconds());
  }
  return text + " about " + formatDuration(std::max(left, 0.0)) + " left";
}

void Progress::clear() {
  if (hasLine) {
    llvm::errs() << "\r\x1b[K";
  }
  hasLine = false;
}

void Progress::begin(llvm::StringRef text) {
  if (!isTerminal) {
    return;
  }
  clear();
  std::string line = describe() + ", " + text.str();
  // A longer line would wrap, and its first half stay.
  unsigned columns = llvm::sys::Process::StandardErrColumns();
  if (columns > 1 && line.size() >= columns) {
    line.resize(columns - 1);
  }
  llvm::errs() << line;
  hasLine = true;
}

void Progress::end(llvm::StringRef text) {
  if (!isTerminal) {
    llvm::errs() << describe() << ", " << text << '\n';
  }
  ++done;
}

void Progress::say(llvm::StringRef text) {
  clear();
  llvm::errs() << text << '\n';
}
