// Stopping libav's blocking calls.
#pragma once

extern "C" {
#include <libavformat/avio.h>
}

#include <chrono>
#include <stop_token>
#include <utility>

namespace goshawk::media {

/// What libav asks again and again while it waits: shall I give up? It must, once stop was asked for or the deadline passed.
/// Must stay where it is while libav holds `callback()`. One thread arms it and makes the call.
class Interrupt {
 public:
  using Clock = std::chrono::steady_clock;

  void arm(std::stop_token stop, std::chrono::milliseconds timeout) {
    stop_ = std::move(stop);
    deadline_ = Clock::now() + timeout;
  }
  bool stopped() const { return stop_.stop_requested(); }
  bool expired() const { return Clock::now() >= deadline_; }
  AVIOInterruptCB callback() { return {&Interrupt::ask, this}; }

 private:
  static int ask(void* self) {
    const auto* interrupt = static_cast<const Interrupt*>(self);
    return interrupt->stopped() || interrupt->expired() ? 1 : 0;
  }

  std::stop_token stop_;
  Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace goshawk::media
