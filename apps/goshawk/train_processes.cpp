#include "apps/goshawk/train_processes.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "goshawk/core/error.h"
#include "goshawk/train/membership.h"

namespace goshawk::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// Texts with the pointers to them that execve takes, which end with nullptr.
class TextList {
 public:
  explicit TextList(std::vector<std::string> texts) : texts_(std::move(texts)) {
    for (auto& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
  }
  TextList(const TextList&) = delete;
  TextList& operator=(const TextList&) = delete;
  char* const* get() const { return pointers_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

/// Texts of /proc that end with a zero byte each.
std::vector<std::string> zero_ended(const char* file) {
  std::ifstream in(file, std::ios::binary);
  std::vector<std::string> texts;
  for (std::string text; std::getline(in, text, '\0');) texts.push_back(text);
  return texts;
}

std::vector<std::string> environment_of(int rank, int count, int port) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) variables.emplace_back(*entry);
  const auto set = [&](const std::string& name, const std::string& value) {
    std::erase_if(variables, [&](const std::string& v) { return v.starts_with(name + "="); });
    variables.push_back(name + "=" + value);
  };
  set("RANK", std::to_string(rank));
  set("LOCAL_RANK", std::to_string(rank));
  set("WORLD_SIZE", std::to_string(count));
  set("LOCAL_WORLD_SIZE", std::to_string(count));
  set("MASTER_ADDR", "127.0.0.1");
  set("MASTER_PORT", std::to_string(port));
  return variables;
}

/// The processes that are still there, to the end.
class Children {
 public:
  ~Children() {
    send(SIGKILL);
    while (!pids_.empty()) wait_for_one(true);
  }

  void start(const TextList& arguments, const TextList& environment) {
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
      throw Error(ErrorCode::kUnavailable, std::string("cannot start a process: ") + std::strerror(errno), "--nproc");
    if (pid == 0) {
      // Only what is safe between fork and exec in a program with threads. Away from the terminal's group: Ctrl-C comes
      // once, from here.
      ::setpgid(0, 0);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() != parent) ::_exit(exit_code(ErrorCode::kInterrupted));
      ::execve("/proc/self/exe", arguments.get(), environment.get());
      ::_exit(exit_code(ErrorCode::kInternal));
    }
    pids_.push_back(pid);
  }

  bool empty() const { return pids_.empty(); }
  void send(int signal) const {
    for (const pid_t pid : pids_) ::kill(pid, signal);
  }

  /// Exit code of one that has ended; nullopt when none has.
  std::optional<int> wait_for_one(bool block) {
    for (auto pid = pids_.begin(); pid != pids_.end(); ++pid) {
      int status = 0;
      pid_t ended = 0;
      do ended = ::waitpid(*pid, &status, block ? 0 : WNOHANG);
      while (ended < 0 && errno == EINTR);
      if (ended == 0) continue;
      pids_.erase(pid);
      return ended > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : exit_code(ErrorCode::kInternal);
    }
    return std::nullopt;
  }

 private:
  std::vector<pid_t> pids_;
};

}  // namespace

int run_processes(int count, const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kPause{50};
  constexpr std::chrono::seconds kGrace{10};
  const int port = train::free_port();
  const TextList arguments(zero_ended("/proc/self/cmdline"));
  Children children;
  for (int rank = 0; rank < count; ++rank) children.start(arguments, TextList(environment_of(rank, count, port)));

  int result = 0;
  bool handed_on = false;
  std::optional<Clock::time_point> force_at;
  while (!children.empty()) {
    if (const auto code = children.wait_for_one(false)) {
      if (*code == 0 || *code == exit_code(ErrorCode::kInterrupted)) {
        if (result == 0) result = *code;
        continue;
      }
      if (!force_at) {
        result = *code;
        spdlog::error("one of {} processes has failed (exit code {}): ending the others", count, *code);
        children.send(SIGTERM);
        force_at = Clock::now() + kGrace;
      }
      continue;
    }
    if (stop.stop_requested() && !handed_on) {
      handed_on = true;
      children.send(SIGINT);
    }
    if (force_at && Clock::now() > *force_at) children.send(SIGKILL);
    std::this_thread::sleep_for(kPause);
  }
  return result;
}

}  // namespace goshawk::cli
