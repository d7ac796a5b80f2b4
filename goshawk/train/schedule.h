// Learning rate and momentum over the course of a training.
#pragma once

#include <cstdint>

namespace goshawk::train {

enum class Decay { kLinear, kCosine, kStep };

/// Names, meanings and defaults are those that users of Ultralytics 8.4 know.
struct ScheduleOptions {
  Decay decay = Decay::kLinear;
  double lr0 = 0.01;  // at the start
  double lrf = 0.01;  // at the end, as a fraction of lr0
  double momentum = 0.937;
  double warmup_epochs = 3;  // epochs over which rates rise from 0 (of biases: fall from warmup_bias_lr); at least 100 steps
  double warmup_momentum = 0.8;
  double warmup_bias_lr = 0.1;
  double step_fraction = 0.3;  // kStep: of the epochs, after which the rate falls to a tenth, again and again
};

struct Rates {
  double weights = 0, biases = 0, momentum = 0;
};

/// Rates of a step: a pure function, so that a resumed training goes on with the same ones. `step` counts optimiser's
/// batches (before accumulation) from 0, `steps_per_epoch` of them make an epoch.
Rates rates_at(const ScheduleOptions& options, std::int64_t step, std::int64_t steps_per_epoch, int epochs);

/// Batches that are gathered before the weights are changed: rises from 1 to nominal / batch over the warm-up.
int accumulation_at(const ScheduleOptions& options, std::int64_t step, std::int64_t steps_per_epoch, int batch,
                    int nominal_batch);

}  // namespace goshawk::train
