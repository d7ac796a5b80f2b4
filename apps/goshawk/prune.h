// What removing channels once and in steps share.
#pragma once

#include <optional>

#include "apps/goshawk/optimize_commands.h"
#include "goshawk/optimize/prune.h"

namespace goshawk::cli {

/// --keep, --by, --by-layer, --least, --multiple and --whole. Throws Error{kUsage}.
optimize::PruneOptions prune_options(const Invocation& call);

/// Without channels, and with weights stored as the file has them. `material`: for --by activation, the pictures.
optimize::Pruned remove_channels(const Invocation& call, const optimize::Prepared& prepared,
                                 const optimize::PruneOptions& options, const std::optional<optimize::Material>& material,
                                 StepBars& bars);

/// `goshawk prune` with --fine-tune: in steps, each trained on and judged. Returns the exit code.
int run_prune_in_steps(const Invocation& call);

}  // namespace goshawk::cli
