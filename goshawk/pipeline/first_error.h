// The first exception of several threads that work together.
#pragma once

#include <exception>
#include <functional>
#include <mutex>
#include <utility>

namespace goshawk::pipeline {

/// Runs stages in whatever threads; the first exception is kept and `on_error` is called (to close the queues between them).
/// Thread rule: all members are safe from several threads.
class FirstError {
 public:
  explicit FirstError(std::function<void()> on_error) : on_error_(std::move(on_error)) {}

  template <typename Stage>
  void guard(Stage&& stage) {
    try {
      stage();
    } catch (...) {
      {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
      }
      on_error_();
    }
  }

  bool happened() const {
    const std::lock_guard lock(mutex_);
    return error_ != nullptr;
  }

  void rethrow() const {
    const std::lock_guard lock(mutex_);
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::function<void()> on_error_;
  mutable std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace goshawk::pipeline
