// Ctrl-C: the first asks to stop, the second ends the process.
#pragma once

#include <stop_token>
#include <thread>

namespace goshawk::cli {

/// While it lives, SIGINT, SIGTERM and SIGHUP (unless ignored, as under nohup) ask `token()` to stop instead of killing the
/// process; a second SIGINT or SIGTERM ends it at once with exit code 130. SIGPIPE is ignored. Make one at the start of
/// main, before any other thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  void watch();

  std::stop_source source_;
  int signals_ = -1;  // signalfd
  int done_ = -1;     // eventfd
  std::thread thread_;
};

/// While it lives, a request to stop ends the process at once with exit code 130. For what cannot be interrupted (loading,
/// compiling and warming up a model) while there is no output that could stay half-written.
class LeaveOnStop {
 public:
  explicit LeaveOnStop(std::stop_token stop);

 private:
  std::stop_callback<void (*)()> callback_;
};

}  // namespace goshawk::cli
