// What pruning in steps tells when it has ended.
#pragma once

#include <filesystem>

#include "goshawk/optimize/prune_schedule.h"

namespace goshawk::cli {

struct PruneReport {
  const optimize::ScheduleRecord& record;
  std::filesystem::path model;    // the original
  std::filesystem::path folder;   // of the run
  double max_drop = 0;            // points
  std::filesystem::path written;  // empty: nothing passes
};

/// steps.json, with machine and times, and steps.png into the run's folder. Throws Error{kIo}.
void write_report(const PruneReport& report);
/// The table, or the document of steps.json.
void print_report(const PruneReport& report, bool json);

}  // namespace goshawk::cli
