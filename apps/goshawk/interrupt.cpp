#include "apps/goshawk/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string_view>
#include <utility>

#include "goshawk/core/error.h"

namespace goshawk::cli {
namespace {

void say(std::string_view text) {
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // nobody listens: nothing to do about it
}

/// `nohup` asks for that; a blocked signal would reach the signalfd all the same.
bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Interrupt::Interrupt() {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that left shows as a failed write
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  if (!is_ignored(SIGHUP)) sigaddset(&set, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC);
  done_ = ::eventfd(0, EFD_CLOEXEC);
  require(signals_ >= 0 && done_ >= 0, "Interrupt: no file descriptors");
  thread_ = std::thread([this] { watch(); });
}

Interrupt::~Interrupt() {
  const std::uint64_t one = 1;
  require(::write(done_, &one, sizeof one) == sizeof one, "Interrupt: eventfd");
  thread_.join();
  ::close(signals_);
  ::close(done_);
}

void Interrupt::watch() {
  while (true) {
    std::array<pollfd, 2> files{pollfd{signals_, POLLIN, 0}, pollfd{done_, POLLIN, 0}};
    if (::poll(files.data(), files.size(), -1) < 0) continue;  // EINTR
    if ((files[1].revents & POLLIN) != 0) return;
    signalfd_siginfo info{};
    if (::read(signals_, &info, sizeof info) != sizeof info) continue;
    if (source_.stop_requested()) {
      if (info.ssi_signo == SIGHUP) continue;  // shell and kernel both send one when a terminal closes
      say("\n");
      ::_exit(130);
    }
    say("\nstopping; once more to quit at once\n");
    source_.request_stop();
  }
}

LeaveOnStop::LeaveOnStop(std::stop_token stop)
    : callback_(
          std::move(stop), +[] { ::_exit(exit_code(ErrorCode::kInterrupted)); }) {}

}  // namespace goshawk::cli
