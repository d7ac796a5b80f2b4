// An open file descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <utility>

namespace goshawk {

/// Owns a POSIX file descriptor; below 0: none, as `open` gives it after an error. Not thread-safe.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this == &other) return *this;
    close();
    number_ = std::exchange(other.number_, -1);
    return *this;
  }

  int get() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  /// Closes it before its time, for who must know whether everything was written: 0, or -1 with the reason in errno.
  /// Leaves errno alone when there is nothing to close.
  int close() noexcept {
    const int number = std::exchange(number_, -1);
    return number < 0 ? 0 : ::close(number);
  }

 private:
  int number_ = -1;
};

}  // namespace goshawk
