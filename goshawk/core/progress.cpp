#include "goshawk/core/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "goshawk/core/text.h"

namespace goshawk {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};

std::string bar(double fraction, int cells) {
  const int eighths = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * cells * 8);
  std::string text;
  for (int i = 0; i < eighths / 8; ++i) text += "█";
  text += kEighths[static_cast<std::size_t>(eighths % 8)];
  const int used = eighths / 8 + (eighths % 8 != 0 ? 1 : 0);
  text.append(static_cast<std::size_t>(std::max(0, cells - used)), ' ');
  return text;
}

/// The place of the bar's line; what does not fit, the note first, would go to a line that is never drawn over.
void draw(const std::string& text, std::FILE* out, const char* end) {
  show("\r" + shortened(text, static_cast<std::size_t>(std::max(2, terminal_width(out)) - 1)) + "\x1b[K" + end, out);
}

std::string clock_time(double seconds) {
  const auto s = static_cast<long>(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60) : fmt::format("{}:{:02}", s / 60, s % 60);
}

}  // namespace

void show(const std::string& text, std::FILE* out) {
  if (std::fwrite(text.data(), 1, text.size(), out) == text.size()) std::fflush(out);
}

int terminal_width(std::FILE* out) {
  winsize size{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

Progress::Progress(std::string title, std::optional<std::int64_t> total, std::string unit, std::FILE* out,
                   std::optional<std::chrono::milliseconds> quiet)
    : title_(std::move(title)),
      total_(total && *total > 0 ? total : std::nullopt),
      unit_(std::move(unit)),
      out_(out),
      terminal_(::isatty(::fileno(out)) != 0),
      start_(Clock::now()),
      next_(start_ + quiet.value_or(terminal_ ? 1s : 10s)) {}

Progress::~Progress() { finish(); }

std::string Progress::line(std::int64_t done, const std::string& note, int width) const {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = elapsed > 0 ? static_cast<double>(done) / elapsed : 0;
  std::string text = title_ + "  ";
  if (total_) {
    const double fraction = static_cast<double>(done) / static_cast<double>(*total_);
    const double left = rate > 0 ? static_cast<double>(std::max<std::int64_t>(0, *total_ - done)) / rate : 0;
    const std::string time = rate > 0 ? clock_time(left) + " left" : clock_time(elapsed);
    if (terminal_) text += bar(fraction, std::clamp(width - 70, 8, 30)) + " ";
    text += fmt::format("{:3.0f}%  {}/{} {}  {:.1f}/s  {}", 100 * std::min(1.0, fraction), done, *total_, unit_, rate, time);
  } else {
    text += fmt::format("{} {}  {:.1f}/s  {}", done, unit_, rate, clock_time(elapsed));
  }
  if (!note.empty()) text += "  " + note;
  return text;
}

void Progress::update(std::int64_t done, const std::string& note) {
  if (finished_) return;
  last_done_ = done;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + (terminal_ ? Clock::duration(100ms) : Clock::duration(10s));
  const std::string text = line(done, note, terminal_width(out_));
  if (terminal_) draw(text, out_, "");
  else show(text + "\n", out_);
  drawn_ = true;
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (!drawn_ || !terminal_) return;
  draw(line(last_done_, {}, terminal_width(out_)), out_, "\n");
}

}  // namespace goshawk
