#include "goshawk/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace goshawk::train {
namespace {

std::int64_t warmup_steps(const ScheduleOptions& options, std::int64_t steps_per_epoch) {
  if (options.warmup_epochs <= 0) return 0;
  return std::max<std::int64_t>(std::llround(options.warmup_epochs * static_cast<double>(steps_per_epoch)), 100);
}

/// Share of lr0 in an epoch.
double decayed(const ScheduleOptions& options, std::int64_t epoch, int epochs) {
  const double done = static_cast<double>(epoch) / std::max(epochs, 1);
  switch (options.decay) {
    case Decay::kLinear:
      return std::max(1 - done, 0.0) * (1 - options.lrf) + options.lrf;
    case Decay::kCosine:
      return (1 + std::cos(done * std::numbers::pi)) / 2 * (1 - options.lrf) + options.lrf;
    case Decay::kStep:
      return std::max(std::pow(0.1, std::floor(done / options.step_fraction)), options.lrf);
  }
  return 1;
}

double between(double from, double to, double fraction) { return from + (to - from) * fraction; }

}  // namespace

Rates rates_at(const ScheduleOptions& options, std::int64_t step, std::int64_t steps_per_epoch, int epochs) {
  const double rate = options.lr0 * decayed(options, step / std::max<std::int64_t>(steps_per_epoch, 1), epochs);
  const auto warmup = warmup_steps(options, steps_per_epoch);
  if (step > warmup || warmup == 0) return {rate, rate, options.momentum};
  const double done = static_cast<double>(step) / static_cast<double>(warmup);
  return {between(0, rate, done), between(options.warmup_bias_lr, rate, done),
          between(options.warmup_momentum, options.momentum, done)};
}

int accumulation_at(const ScheduleOptions& options, std::int64_t step, std::int64_t steps_per_epoch, int batch,
                    int nominal_batch) {
  const double full = static_cast<double>(nominal_batch) / batch;
  const auto warmup = warmup_steps(options, steps_per_epoch);
  const double done = warmup == 0 ? 1 : std::min(1.0, static_cast<double>(step) / static_cast<double>(warmup));
  return std::max(1, static_cast<int>(std::lround(between(1, full, done))));
}

}  // namespace goshawk::train
