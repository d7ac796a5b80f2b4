// How far a training has come, and when it was best.
#pragma once

#include <optional>

namespace goshawk::train {

struct Standing {
  int epochs_done = 0;
  int best_epoch = 0;  // counts from 1; 0: none yet
  double best_fitness = -1;

  /// One more epoch is done; true: it is the best so far. `fitness`: of the judged network. Networks that find nothing yet
  /// are at 0, each better than the one before: it has learned longer. Without judging only the `last` epoch counts.
  bool add(std::optional<double> fitness, bool last);

  /// Whether the best was so many epochs ago; 0: never.
  bool out_of_patience(int patience) const { return patience > 0 && epochs_done - best_epoch >= patience; }

  bool operator==(const Standing&) const = default;
};

}  // namespace goshawk::train
