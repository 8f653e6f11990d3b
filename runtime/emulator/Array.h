//===- Array.h - A growing array of plain data ----------------------------===//
//
// The runtime stands on libc alone, so it cannot use std::vector.
//
//===----------------------------------------------------------------------===//

#ifndef FOVEA_RUNTIME_EMULATOR_ARRAY_H
#define FOVEA_RUNTIME_EMULATOR_ARRAY_H

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <type_traits>

namespace fovea::emu {

/// Items are moved as bytes and never destroyed. Out of memory aborts: what is
/// kept here is small beside the stacks of the threads.
template <typename T> class Array {
  static_assert(std::is_trivially_copyable_v<T>, "moved as bytes");

public:
  Array() = default;
  Array(const Array &) = delete;
  Array &operator=(const Array &) = delete;
  ~Array() { free(items); }

  void push(const T &item) {
    if (used == room) {
      room = room ? 2 * room : 8;
      items = static_cast<T *>(realloc(items, room * sizeof(T)));
      if (!items) {
        abort();
      }
    }
    items[used++] = item;
  }
  void removeAt(size_t at) {
    memmove(items + at, items + at + 1, (used - at - 1) * sizeof(T));
    --used;
  }
  /// Removes the first n items.
  void removeFirst(size_t n) {
    memmove(items, items + n, (used - n) * sizeof(T));
    used -= n;
  }
  void clear() { used = 0; }
  size_t size() const { return used; }
  bool empty() const { return used == 0; }
  T &operator[](size_t at) { return items[at]; }
  const T &operator[](size_t at) const { return items[at]; }
  T *begin() { return items; }
  T *end() { return items + used; }

private:
  T *items = nullptr;
  size_t used = 0, room = 0;
};

} // namespace fovea::emu

#endif // FOVEA_RUNTIME_EMULATOR_ARRAY_H
