#include "goshawk/core/activity.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "goshawk/core/progress.h"
#include "goshawk/core/text.h"

namespace goshawk {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void tell(const std::stop_token& stop, const std::string& title, std::FILE* out, std::chrono::milliseconds quiet) {
  const bool terminal = ::isatty(::fileno(out)) != 0;
  const auto start = Clock::now();
  std::mutex mutex;
  std::condition_variable_any sleep;
  bool drawn = false;
  std::chrono::milliseconds pause = quiet;
  for (;;) {
    std::unique_lock lock(mutex);
    sleep.wait_for(lock, stop, pause, [] { return false; });
    if (stop.stop_requested()) break;
    pause = terminal ? 200ms : 10s;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start).count();
    const std::string time = fmt::format("  {}:{:02}", seconds / 60, seconds % 60);
    if (!terminal) {
      show(title + time + "\n", out);
      continue;
    }
    const auto room = static_cast<std::size_t>(std::max(10, terminal_width(out) - 10));
    show("\r" + shortened(title, room) + time + "\x1b[K", out);
    drawn = true;
  }
  if (drawn) show("\r\x1b[K", out);
}

}  // namespace

Activity::Activity(std::string title, std::FILE* out, std::optional<std::chrono::milliseconds> quiet)
    : thread_([title = std::move(title), out, quiet](const std::stop_token& stop) {
        tell(stop, title, out, quiet.value_or(::isatty(::fileno(out)) != 0 ? 1000ms : 10'000ms));
      }) {}

}  // namespace goshawk
