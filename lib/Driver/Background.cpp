//===- Background.cpp - work that goes on behind a program ----------------===//

#include "Background.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/thread.h"

#include <cfenv>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <vector>

using namespace fovea;

/// As that of a main thread.
static constexpr unsigned kStackBytes = 8u << 20;

/// What may have a thread at work. A thread leaves when it is waited for.
struct Background::State {
  std::mutex mutex;
  std::optional<llvm::thread> thread;

  void wait() {
    std::lock_guard<std::mutex> lock(mutex);
    // Work that ends the process cannot wait for itself.
    if (thread && thread->get_id() != llvm::this_thread::get_id()) {
      thread->join();
      thread.reset();
    }
  }
};

namespace {

/// All of this process. Lives until its end.
struct Registry {
  std::mutex mutex;
  std::vector<std::weak_ptr<Background::State>> states;

  void add(const std::shared_ptr<Background::State> &state) {
    std::lock_guard<std::mutex> lock(mutex);
    llvm::erase_if(states, [](const auto &known) { return known.expired(); });
    states.push_back(state);
  }

  void waitForAll() {
    std::vector<std::weak_ptr<Background::State>> all;
    {
      std::lock_guard<std::mutex> lock(mutex);
      all = states;
    }
    for (const std::weak_ptr<Background::State> &known : all) {
      if (std::shared_ptr<Background::State> state = known.lock()) {
        state->wait();
      }
    }
  }
};

} // namespace

static Registry &getRegistry() {
  static auto *registry = [] {
    auto *made = new Registry;
    pthread_atfork([] { getRegistry().waitForAll(); }, nullptr, nullptr);
    return made;
  }();
  return *registry;
}

Background::Background() : state(std::make_shared<State>()) {}

Background::~Background() { wait(); }

void Background::start(std::function<void()> work) {
  getRegistry().add(state);
  // What came into being before this, such as the compiler's variables, is
  // destroyed after it.
  std::atexit([] { getRegistry().waitForAll(); });
  std::lock_guard<std::mutex> lock(state->mutex);
  state->thread.emplace(std::optional<unsigned>(kStackBytes), [work] {
    std::fesetenv(FE_DFL_ENV);
    work();
  });
}

void Background::wait() { state->wait(); }

void fovea::runOnFreshThread(std::function<void()> work) {
  llvm::thread thread(std::optional<unsigned>(kStackBytes), [&work] {
    std::fesetenv(FE_DFL_ENV);
    work();
  });
  thread.join();
}
