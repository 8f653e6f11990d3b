//===- LazyCode.h - code that is made when it is first needed ---*- C++ -*-===//
//
// The host part of a program is compiled when it is loaded. Where it runs a
// task it asks for its body first, on the calling thread, before the pool of
// threads starts:
//
//   call 1, many rows    asks for @tasks_1: compiled now    runs
//   call 2, many rows    asks for @tasks_1: there           runs
//   call 3, few rows     asks for @tasks_0: compiled now    runs
//
// Threads that ask for one task at the same time wait for the one that compiles
// it. A failure becomes the message of the call, and of each that comes later.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_LIB_DRIVER_LAZYCODE_H
#define FOVEA_LIB_DRIVER_LAZYCODE_H

#include "DividedProgram.h"
#include "Executable.h"

#include <atomic>
#include <deque>
#include <functional>

namespace fovea {

class LazyCode {
public:
  /// The program outlives this object.
  explicit LazyCode(DividedProgram &program);
  ~LazyCode();

  /// Called once, when the first task is about to run.
  std::function<void()> onFirstTask;

  /// The address of an entry.
  llvm::Expected<llvm::orc::ExecutorAddr> lookUp(llvm::StringRef name);
  /// A shared library of all of it, of which only what is not there yet is
  /// compiled; see linkObjects.
  llvm::Expected<std::string> link();
  /// How many tasks have been compiled.
  unsigned countCompiled();

private:
  struct Task;
  static void *findBody(void *task);

  llvm::Error load();
  llvm::Expected<llvm::StringRef> getHost();
  llvm::Expected<ObjectCode> makeTable();
  llvm::Error defineTasks();

  DividedProgram &program;
  std::mutex mutex; // for what follows
  std::optional<ObjectCode> host;
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::atomic<bool> hasRun{false};
  std::deque<Task> tasks;
};

} // namespace fovea

#endif // FOVEA_LIB_DRIVER_LAZYCODE_H
