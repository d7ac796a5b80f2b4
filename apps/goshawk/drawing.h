// Plots, which a command can do without.
#pragma once

#include <functional>

namespace goshawk::cli {

/// Calls `draw`. Where plots cannot be drawn (its Error{kUnavailable}: PLplot's driver is missing), warns and goes on.
void draw_or_warn(const std::function<void()>& draw);

}  // namespace goshawk::cli
