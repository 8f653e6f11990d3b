//===- Wait.h - Spinning and sleeping on an atomic word (Linux) -----------===//

#ifndef FOVEA_RUNTIME_COMMON_WAIT_H
#define FOVEA_RUNTIME_COMMON_WAIT_H

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace fovea::rt {

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t) &&
                  std::atomic<uint32_t>::is_always_lock_free,
              "the kernel reads the word of a futex directly");

/// Tells the processor that this is a spinning loop.
inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Sleeps unless word differs from seen. May return early; check again.
inline void sleepWhile(std::atomic<uint32_t> &word, uint32_t seen) {
  int saved = errno;
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
  errno = saved;
}

/// Wakes at most count threads that sleep on word.
inline void wake(std::atomic<uint32_t> &word, int count) {
  int saved = errno;
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
  errno = saved;
}

} // namespace fovea::rt

#endif // FOVEA_RUNTIME_COMMON_WAIT_H
