//===- ThreadPoolTest.cpp - Parallel loops --------------------------------===//

#include "fovea/runtime/fovea_runtime.h"

#include "cpu/Cpus.h"

#include "gtest/gtest.h"

#include <atomic>
#include <cfenv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <sched.h>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using Body = std::function<void(int64_t task, int32_t worker)>;

/// fovea_rt_parallel_for for lambdas that capture.
void parallelFor(int64_t tasks, int32_t threads, Body body) {
  fovea_rt_parallel_for(
      tasks, threads,
      [](void *context, int64_t task, int32_t worker) {
        (*static_cast<Body *>(context))(task, worker);
      },
      &body);
}

/// Runs a loop and checks what every loop promises: each task once, worker
/// numbers below min(tasks, threads), none of them used twice at a time.
void checkLoop(int64_t tasks, int32_t threads) {
  std::vector<std::atomic<int>> runs(tasks > 0 ? tasks : 0);
  std::vector<std::atomic<int>> busy(threads);
  parallelFor(tasks, threads, [&](int64_t task, int32_t worker) {
    ASSERT_GE(task, 0);
    ASSERT_LT(task, tasks);
    ASSERT_GE(worker, 0);
    ASSERT_LT(worker, std::min<int64_t>(threads, tasks));
    EXPECT_EQ(busy[worker].fetch_add(1), 0) << "worker " << worker;
    runs[task].fetch_add(1);
    busy[worker].fetch_sub(1);
  });
  for (int64_t task = 0; task < tasks; ++task) {
    ASSERT_EQ(runs[task].load(), 1)
        << "task " << task << " of " << tasks << " on " << threads;
  }
}

TEST(ThreadPoolTest, EveryTaskRunsExactlyOnce) {
  for (int32_t threads : {1, 2, 3, 8}) {
    for (int64_t tasks : {1, 2, 7, 64, 5000}) {
      checkLoop(tasks, threads);
    }
  }
}

TEST(ThreadPoolTest, ManyShortLoopsInARow) {
  for (int round = 0; round < 3000; ++round) {
    checkLoop(1 + round % 9, 1 + round % 5);
  }
}

TEST(ThreadPoolTest, NoTasksNoCalls) {
  for (int64_t tasks : {int64_t(0), int64_t(-1), INT64_MIN}) {
    for (int32_t threads : {-1, 0, 1, 4}) {
      parallelFor(tasks, threads, [](int64_t, int32_t) { ADD_FAILURE(); });
    }
  }
}

TEST(ThreadPoolTest, MoreThreadsThanTasks) {
  checkLoop(3, 64);
  checkLoop(1, 64);
}

TEST(ThreadPoolTest, ThreadCountIsCapped) {
  std::atomic<int> runs{0};
  parallelFor(10, INT32_MAX, [&](int64_t, int32_t worker) {
    EXPECT_LT(worker, 10);
    runs++;
  });
  EXPECT_EQ(runs, 10);
}

TEST(ThreadPoolTest, OneThreadRunsInOrderOnTheCaller) {
  std::vector<int64_t> order;
  auto caller = std::this_thread::get_id();
  parallelFor(20, 1, [&](int64_t task, int32_t worker) {
    EXPECT_EQ(worker, 0);
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(task);
  });
  ASSERT_EQ(order.size(), 20u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ThreadPoolTest, HelpersDoTakePart) {
  // Each task waits for the other: with one thread this would never end.
  std::atomic<int> arrived{0};
  std::atomic<int> workers[2] = {};
  parallelFor(2, 2, [&](int64_t, int32_t worker) {
    workers[worker]++;
    arrived++;
    while (arrived < 2) {
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(workers[0], 1);
  EXPECT_EQ(workers[1], 1);
}

TEST(ThreadPoolTest, AllRequestedHelpersWakeUp) {
  constexpr int threads = 24; // More than one thread wakes directly.
  parallelFor(threads, threads, [](int64_t, int32_t) {});
  // Long enough for all helpers to fall asleep.
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::atomic<int> arrived{0};
  parallelFor(threads, threads, [&](int64_t, int32_t) {
    arrived++;
    while (arrived < threads) {
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(arrived, threads);
}

TEST(ThreadPoolTest, HelpersTakeTheirOwnFaultsAndNoSignalOfTheHost) {
  std::atomic<int> helpers{0};
  parallelFor(1000, 4, [&](int64_t, int32_t worker) {
    if (worker == 0) {
      usleep(10); // Leave some to the others.
      return;
    }
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    EXPECT_EQ(sigismember(&blocked, SIGSEGV), 0);
    EXPECT_EQ(sigismember(&blocked, SIGBUS), 0);
    EXPECT_EQ(sigismember(&blocked, SIGINT), 1);
    ++helpers;
  });
  EXPECT_GT(helpers.load(), 0);
}

TEST(ThreadPoolTest, NestedLoopsRunOnTheThreadThatStartedThem) {
  std::atomic<int> inner{0};
  parallelFor(8, 4, [&](int64_t, int32_t) {
    auto self = std::this_thread::get_id();
    parallelFor(5, 4, [&](int64_t, int32_t worker) {
      EXPECT_EQ(worker, 0);
      EXPECT_EQ(std::this_thread::get_id(), self);
      parallelFor(3, 0, [&](int64_t, int32_t) { inner++; });
    });
  });
  EXPECT_EQ(inner, 8 * 5 * 3);
}

TEST(ThreadPoolTest, ConcurrentCallers) {
  // More callers than the pool has slots, so the way without helpers runs too.
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 12; ++caller) {
    callers.emplace_back([caller] {
      for (int round = 0; round < 100; ++round) {
        checkLoop(1 + (round * 7 + caller) % 40, 2 + caller % 4);
      }
    });
  }
  for (std::thread &caller : callers) {
    caller.join();
  }
}

TEST(ThreadPoolTest, TasksSeeTheCallersRoundingMode) {
  // A thread made later would inherit the mode; make the helper before.
  parallelFor(2, 2, [](int64_t, int32_t) {});
  ASSERT_EQ(fesetround(FE_UPWARD), 0);
  std::atomic<int> arrived{0};
  parallelFor(2, 2, [&](int64_t, int32_t) {
    arrived++;
    while (arrived < 2) { // Makes a helper take one of the two.
      std::this_thread::yield();
    }
    EXPECT_EQ(fegetround(), FE_UPWARD);
  });
  fesetround(FE_TONEAREST);
}

//===----------------------------------------------------------------------===//
// Hosts with threads of their own
//===----------------------------------------------------------------------===//

/// Waits until it holds, for ten seconds at most; returns whether it does.
bool waitUntil(const std::function<bool()> &holds) {
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

/// Host threads that are all in a loop of theirs when `go` is set. Counted are
/// tasks that begin after that.
struct Hosts {
  explicit Hosts(int callers, int64_t tasks, Body more)
      : more(std::move(more)) {
    for (int i = 0; i < callers; ++i) {
      threads.emplace_back([this, tasks] {
        parallelFor(tasks, 0, [this](int64_t task, int32_t worker) {
          run(task, worker);
        });
        ++left;
      });
    }
    EXPECT_TRUE(waitUntil([&] { return arrived == callers; }));
    // Helpers that were about to enter are in, or were refused.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    go = true;
  }

  void join() {
    for (std::thread &thread : threads) {
      thread.join();
    }
  }

  void run(int64_t task, int32_t worker) {
    if (!go) {
      arrived += worker == 0;
      while (!go) {
        std::this_thread::yield();
      }
      return;
    }
    int now = ++inside;
    int seen = mostInside;
    while (now > seen && !mostInside.compare_exchange_weak(seen, now)) {
    }
    more(task, worker);
    --inside;
  }

  Body more;
  std::vector<std::thread> threads;
  std::atomic<bool> go{false};
  std::atomic<int> arrived{0}, left{0}, inside{0}, mostInside{0};
};

TEST(ThreadPoolTest, HelpersStayOutWhereTheHostHasEnoughThreads) {
  // Make helpers, which would like to take part.
  parallelFor(100, 4, [](int64_t, int32_t) {});
  int callers = fovea_rt_default_threads() + 4;
  if (callers > 64) {
    GTEST_SKIP() << "too many CPUs for so many threads";
  }
  std::atomic<int> helped{0};
  Hosts hosts(callers, 200, [&](int64_t, int32_t worker) {
    helped += worker > 0 && hosts.left == 0;
    usleep(50);
  });
  hosts.join();
  EXPECT_LE(hosts.mostInside, callers);
  // Those beyond the CPUs left when the last caller came.
  EXPECT_EQ(helped, 0);
}

TEST(ThreadPoolTest, HelpersComeBackWhenTheHostsThreadsAreDone) {
  if (fovea_rt_default_threads() < 2) {
    GTEST_SKIP() << "a CPU alone has no room for helpers";
  }
  // All but one caller have few tasks; the last one's go on until it has help.
  int callers = 8;
  std::atomic<bool> helped{false};
  std::vector<std::thread> others;
  std::atomic<int> arrived{0};
  std::atomic<bool> go{false};
  for (int i = 1; i < callers; ++i) {
    others.emplace_back([&] {
      parallelFor(4, 0, [&](int64_t, int32_t) {
        ++arrived;
        waitUntil([&] { return go.load(); });
      });
    });
  }
  EXPECT_TRUE(waitUntil([&] { return arrived >= callers - 1; }));
  parallelFor(100000, 0, [&](int64_t, int32_t worker) {
    go = true;
    if (worker > 0) {
      helped = true;
    } else if (!helped) {
      usleep(100);
    }
  });
  for (std::thread &other : others) {
    other.join();
  }
  EXPECT_TRUE(helped);
}

//===----------------------------------------------------------------------===//
// Default number of threads. Each runs in a process of its own, since the
// answer is read only once.
//===----------------------------------------------------------------------===//

[[noreturn]] void exitWithDefaultThreads(const char *variable) {
  if (variable) {
    setenv("FOVEA_THREADS", variable, 1);
  } else {
    unsetenv("FOVEA_THREADS");
  }
  // Through the pool, which must use the same number.
  std::atomic<int32_t> highest{0};
  parallelFor(64, 0, [&](int64_t, int32_t worker) {
    int32_t seen = highest;
    while (worker > seen && !highest.compare_exchange_weak(seen, worker)) {
    }
  });
  int32_t threads = fovea_rt_default_threads();
  _exit(highest < threads ? threads % 256 : 255);
}

int allowedCpus() {
  cpu_set_t mask;
  int cpus =
      sched_getaffinity(0, sizeof(mask), &mask) == 0 ? CPU_COUNT(&mask) : 1;
  int quota =
      fovea::rt::readCpuQuota("/proc/self/cgroup", "/sys/fs/cgroup");
  return quota > 0 ? std::min(quota, cpus) : cpus;
}

class DefaultThreadsDeathTest : public testing::Test {
protected:
  void SetUp() override {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
  }
};

TEST_F(DefaultThreadsDeathTest, VariableOverrides) {
  EXPECT_EXIT(exitWithDefaultThreads("3"), testing::ExitedWithCode(3), "");
}

TEST_F(DefaultThreadsDeathTest, IsTheAffinityWithoutVariable) {
  EXPECT_EXIT(exitWithDefaultThreads(nullptr),
              testing::ExitedWithCode(allowedCpus() % 256), "");
}

TEST_F(DefaultThreadsDeathTest, ValuesThatMakeNoSenseAreIgnored) {
  for (const char *value :
       {"", "0", "-2", "two", "3x", " 3", "99999999999999"}) {
    EXPECT_EXIT(exitWithDefaultThreads(value),
                testing::ExitedWithCode(allowedCpus() % 256), "")
        << "'" << value << "'";
  }
}

TEST_F(DefaultThreadsDeathTest, HelpersRunOnAllCpusOfTheProcess) {
  // The caller is pinned when helpers are made, and they are not.
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  if (CPU_COUNT(&before) < 2) {
    GTEST_SKIP() << "there is one CPU";
  }
  EXPECT_EXIT(
      {
        std::atomic<int> cpus{0};
        std::atomic<bool> done{false};
        // Another thread of the host may still run everywhere.
        std::thread other([&] {
          while (!done) {
            usleep(100);
          }
        });
        cpu_set_t one;
        CPU_ZERO(&one);
        for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
          if (CPU_ISSET(cpu, &before)) {
            CPU_SET(cpu, &one);
          }
        }
        sched_setaffinity(0, sizeof(one), &one);
        std::atomic<int> arrived{0};
        parallelFor(2, 2, [&](int64_t, int32_t worker) {
          if (worker == 1) {
            cpu_set_t mask;
            sched_getaffinity(0, sizeof(mask), &mask);
            cpus = CPU_COUNT(&mask);
          }
          ++arrived;
          waitUntil([&] { return arrived == 2; });
        });
        done = true;
        other.join();
        _exit(cpus == CPU_COUNT(&before) ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

//===----------------------------------------------------------------------===//
// Exit and fork
//===----------------------------------------------------------------------===//

TEST_F(DefaultThreadsDeathTest, ExitsCleanlyWithHelpersAsleepOrSpinning) {
  EXPECT_EXIT(
      {
        checkLoop(100, 4);
        exit(7);
      },
      testing::ExitedWithCode(7), "");
}

TEST_F(DefaultThreadsDeathTest, ExitFromInsideATaskOfAHelper) {
  EXPECT_EXIT(parallelFor(2, 2,
                          [](int64_t, int32_t worker) {
                            if (worker == 1) {
                              exit(9);
                            }
                            for (;;) { // Until the helper ends the process.
                              std::this_thread::yield();
                            }
                          }),
              testing::ExitedWithCode(9), "");
}

// The run-time libraries of the address and thread sanitisers hold locks of
// their own over fork() and so cannot start threads in the child.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FOVEA_NO_THREADS_AFTER_FORK
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FOVEA_NO_THREADS_AFTER_FORK
#endif

#ifndef FOVEA_NO_THREADS_AFTER_FORK
TEST(ThreadPoolTest, LoopsWorkInAForkedChild) {
  checkLoop(100, 3); // So that the parent has helpers that the child has not.
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    checkLoop(100, 3);
    std::atomic<int> arrived{0}; // The child gets helpers of its own.
    parallelFor(2, 2, [&](int64_t, int32_t) {
      arrived++;
      while (arrived < 2) {
        std::this_thread::yield();
      }
    });
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  checkLoop(100, 3);
}
#endif

} // namespace
