// A progress bar on a terminal, a line now and then elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

namespace goshawk {

/// How far a long job is. Draws on `out` at most ten times a second when it is a terminal ("\r" and an eighth-block bar),
/// within its width, else prints a whole line every ten seconds. Says nothing for a job shorter than a second.
/// Not thread-safe: one thread calls `update`.
class Progress {
 public:
  /// `total`: items, nullopt when unknown (live sources). `unit`: plural noun, for instance "frames". `quiet`: time before
  /// the first drawing; nullopt: one second on a terminal, ten elsewhere. What `out` does not take is lost.
  Progress(std::string title, std::optional<std::int64_t> total, std::string unit, std::FILE* out = stderr,
           std::optional<std::chrono::milliseconds> quiet = std::nullopt);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `done` items are finished; `note` is shown behind the numbers.
  void update(std::int64_t done, const std::string& note = {});
  /// Ends the bar's line. Further updates are ignored.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(std::int64_t done, const std::string& note, int width) const;

  std::string title_;
  std::optional<std::int64_t> total_;
  std::string unit_;
  std::FILE* out_;
  bool terminal_;
  Clock::time_point start_;
  Clock::time_point next_;
  std::int64_t last_done_ = 0;
  bool drawn_ = false;
  bool finished_ = false;
};

/// Writes `text` at once. A full disk or a reader that left must not end the work that is shown: failures are passed over.
void show(const std::string& text, std::FILE* out);

/// Columns of the terminal behind `out`, 80 when unknown.
int terminal_width(std::FILE* out);

}  // namespace goshawk
