#include "goshawk/train/standing.h"

namespace goshawk::train {

bool Standing::add(std::optional<double> fitness, bool last) {
  ++epochs_done;
  const bool better = fitness ? *fitness > best_fitness || (*fitness == 0 && best_fitness == 0) : last;
  if (better) best_epoch = epochs_done, best_fitness = fitness.value_or(0);
  return better;
}

}  // namespace goshawk::train
