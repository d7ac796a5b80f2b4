// What the samples say, and how sure it is.
#pragma once

#include <cstdint>
#include <vector>

#include "goshawk/benchmark/measure.h"
#include "goshawk/core/latency.h"

namespace goshawk::benchmark {

/// A part of a call's time.
enum class Stage { kTotal, kPrepare, kInference, kPostprocess };

/// Over all calls of all rounds, milliseconds a call (not an image).
LatencySummary summarize(const Samples& samples, Stage stage = Stage::kTotal);
/// Images a second: all images over the wall time of the turns.
double throughput(const Samples& samples);

/// A figure and where it lies in 95 of 100 draws.
struct Interval {
  double value = 0, low = 0, high = 0;
  bool operator==(const Interval&) const = default;
};

struct DrawOptions {
  int draws = 1000;  // at least 2
  std::uint64_t seed = 0;
};

/// Of the median time of a call. Rounds are drawn with replacement, not calls: what slows one call slows its neighbours too,
/// so that single calls would promise more than they hold (block bootstrap: Kuensch, 1989; percentile intervals: Efron,
/// 1979). One round gives an interval without width.
Interval median(const Samples& samples, Stage stage = Stage::kTotal, const DrawOptions& options = {});

/// How many times `other` is as fast as `base` by the median time of an image: 2 is twice as fast. `same_run`: both come
/// from one `measure`, so that the same rounds are drawn for both and what the machine did to both cancels out.
Interval speed_up(const Samples& base, const Samples& other, bool same_run, Stage stage = Stage::kTotal,
                  const DrawOptions& options = {});
/// The same for throughput.
Interval throughput_gain(const Samples& base, const Samples& other, bool same_run, const DrawOptions& options = {});

/// Place of the fastest of `samples` by median time of a call, however many images it has, or (throughput) by images a
/// second; of those that cannot be told from it (the interval of the difference holds 1, or it is less than `least`), the
/// first. At least one.
std::size_t best_latency(std::vector<Samples> samples, bool same_run, double least = 0.03);
std::size_t best_throughput(const std::vector<Samples>& samples, bool same_run, double least = 0.03);

}  // namespace goshawk::benchmark
