// Tells that a step of unknown length is under way, while the caller's thread works.
#pragma once

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

namespace goshawk {

/// From construction to destruction: on a terminal a line with the time that has passed, from one second on, which is gone
/// at the end; elsewhere a line every ten seconds. Nothing else may write to `out` meanwhile.
class Activity {
 public:
  /// `title`: what is done, "reading data.yaml". `quiet`: time before the first line; nullopt: 1 s on a terminal, 10 s
  /// elsewhere.
  explicit Activity(std::string title, std::FILE* out = stderr,
                    std::optional<std::chrono::milliseconds> quiet = std::nullopt);
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

 private:
  std::jthread thread_;  // its destructor stops and joins
};

}  // namespace goshawk
