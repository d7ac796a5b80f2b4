#include "apps/goshawk/drawing.h"

#include <spdlog/spdlog.h>

#include "goshawk/core/error.h"

namespace goshawk::cli {

void draw_or_warn(const std::function<void()>& draw) {
  try {
    draw();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnavailable) throw;
    spdlog::warn("no plots: {}", error.what());
  }
}

}  // namespace goshawk::cli
