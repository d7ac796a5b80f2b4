// Several processes of this program that train together.
#pragma once

#include <stop_token>

namespace goshawk::cli {

/// Starts this very command line `count` times, with RANK and what else torchrun sets, process 0 at this machine's loopback.
/// Waits until all have ended. A request to stop is handed on to them; when one fails the others are ended, by force after
/// ten seconds, and when this process dies the kernel ends them. Returns the exit code of the first that was found to have
/// failed (of those found at once the lowest rank's; a signal counts as 70), else 0. Throws Error{kUnavailable} when no
/// process can be started.
int run_processes(int count, const std::stop_token& stop);

}  // namespace goshawk::cli
