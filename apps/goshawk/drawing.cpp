#include "apps/goshawk/drawing.h"

#include <spdlog/spdlog.h>

#include "goshawk/report/plot.h"

namespace goshawk::cli {

void draw_or_warn(const std::function<void()>& draw) {
  report::draw_or_warn(draw, [](const std::string& line) { spdlog::warn("{}", line); });
}

}  // namespace goshawk::cli
