// The progress bar of a command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "apps/goshawk/command.h"
#include "goshawk/core/progress.h"

namespace goshawk::cli {

/// core's Progress, but nothing with --quiet. Not thread-safe.
class ProgressBar {
 public:
  /// `total`: items, nullopt when unknown; `unit`: plural noun.
  ProgressBar(const Invocation& call, std::string title, std::optional<std::int64_t> total, std::string unit) {
    if (!call.config.boolean("log.quiet")) bar_.emplace(std::move(title), total, std::move(unit));
  }
  void update(std::int64_t done, const std::string& note = {}) {
    if (bar_) bar_->update(done, note);
  }
  void finish() {
    if (bar_) bar_->finish();
  }

 private:
  std::optional<Progress> bar_;
};

}  // namespace goshawk::cli
