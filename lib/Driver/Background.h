//===- Background.h - work that goes on behind a program --------*- C++ -*-===//

#ifndef FOVEA_LIB_DRIVER_BACKGROUND_H
#define FOVEA_LIB_DRIVER_BACKGROUND_H

#include <functional>
#include <memory>

namespace fovea {

/// A thread that does one thing. It has ended when this object has gone, when
/// the process ends (by exit or the end of main), and in a child after fork,
/// which waits for it: what it uses is whole then, and nothing is held.
class Background {
public:
  Background();
  ~Background();

  /// Once.
  void start(std::function<void()> work);
  /// Until the work is done, if it has been started.
  void wait();

  struct State;

private:
  std::shared_ptr<State> state;
};

/// Runs `work` on a thread of its own, with a stack that compilers are content
/// with and the default floating-point environment, and waits for it: callers
/// of kernels have what they have.
void runOnFreshThread(std::function<void()> work);

} // namespace fovea

#endif // FOVEA_LIB_DRIVER_BACKGROUND_H
