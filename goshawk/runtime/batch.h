// How many images fit into one call.
#pragma once

#include <cstdint>
#include <vector>

#include "goshawk/runtime/session.h"

namespace goshawk::runtime {

struct BatchMemory {
  std::uint64_t bytes_per_item = 0;  // measured, and never less than inputs and outputs need
  std::uint64_t free_bytes = 0;      // of RAM for CPUs, of the GPU's memory for GPUs
};

struct BatchOptions {
  double fraction = 0.8;  // of the free memory that may be used
  int most = 64;
  /// Shape of each input for one item, without -1, batch first (1): the model's own where it leaves nothing open.
  std::vector<std::vector<std::int64_t>> shapes;
};

/// Items that fit into `fraction` of the free memory, between 1 and `most`.
int batch_for_memory(const BatchMemory& memory, const BatchOptions& options);

/// Runs the model on zeros with 1, then with 2 items, and takes what the second call needed more as one item's need.
/// Throws Error{kBadConfig} when the shapes leave a dimension open.
BatchMemory measure_batch_memory(Session& session, const BatchOptions& options = {});

/// The batch size to use: the model's own when it is fixed, else from memory. Runs the model twice in the latter case.
int choose_batch(Session& session, const BatchOptions& options = {});

}  // namespace goshawk::runtime
