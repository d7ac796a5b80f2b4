#include "goshawk/benchmark/statistics.h"

#include <algorithm>
#include <functional>

#include "goshawk/core/error.h"
#include "goshawk/core/random.h"

namespace goshawk::benchmark {
namespace {

constexpr std::size_t kMostOfARound = 200;  // calls that a draw looks at; more change the median of a round by nothing

const std::vector<float>& times_of(const Round& round, Stage stage) {
  switch (stage) {
    case Stage::kPrepare:
      return round.prepare;
    case Stage::kInference:
      return round.inference;
    case Stage::kPostprocess:
      return round.postprocess;
    default:
      return round.total;
  }
}

std::vector<float> all_times(const Samples& samples, Stage stage) {
  std::vector<float> all;
  for (const auto& round : samples.rounds) {
    const auto& times = times_of(round, stage);
    all.insert(all.end(), times.begin(), times.end());
  }
  return all;
}

/// The median; reorders `values`.
double median_of(std::vector<float>& values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (static_cast<double>(*middle) + static_cast<double>(*std::max_element(values.begin(), middle))) / 2;
}

/// Each round's times of a stage, at most kMostOfARound of them, evenly spaced.
std::vector<std::vector<float>> thinned(const Samples& samples, Stage stage) {
  std::vector<std::vector<float>> rounds;
  for (const auto& round : samples.rounds) {
    const auto& times = times_of(round, stage);
    const std::size_t count = std::min(times.size(), kMostOfARound);
    auto& kept = rounds.emplace_back();
    for (std::size_t i = 0; i < count; ++i) kept.push_back(times[i * times.size() / count]);
  }
  return rounds;
}

using Drawn = std::vector<std::size_t>;  // rounds

Drawn draw(std::size_t rounds, Random& random) {
  Drawn drawn(rounds);
  for (auto& round : drawn) round = static_cast<std::size_t>(random.below(rounds));
  return drawn;
}

Interval interval_of(double value, std::vector<float> figures) {
  std::sort(figures.begin(), figures.end());
  return {value, percentile(figures, 0.025), percentile(figures, 0.975)};
}

double time_of_image(const Samples& samples, Stage stage) {
  auto times = all_times(samples, stage);
  return median_of(times) / samples.items;
}

/// Medians of draws of one contestant's rounds.
class MedianDraws {
 public:
  MedianDraws(const Samples& samples, Stage stage) : rounds_(thinned(samples, stage)), items_(samples.items) {}

  /// Milliseconds an image.
  double of(const Drawn& drawn) {
    pool_.clear();
    for (const std::size_t round : drawn) pool_.insert(pool_.end(), rounds_[round].begin(), rounds_[round].end());
    return median_of(pool_) / items_;
  }

 private:
  std::vector<std::vector<float>> rounds_;
  double items_;
  std::vector<float> pool_;
};

/// Images a second of draws of one contestant's rounds.
class ThroughputDraws {
 public:
  explicit ThroughputDraws(const Samples& samples) : samples_(samples) {}

  double of(const Drawn& drawn) const {
    double calls = 0, wall_ms = 0;
    for (const std::size_t round : drawn) {
      calls += static_cast<double>(samples_.rounds[round].calls);
      wall_ms += samples_.rounds[round].wall_ms;
    }
    return wall_ms > 0 ? calls * samples_.items * 1000 / wall_ms : 0;
  }

 private:
  const Samples& samples_;
};

/// The ratio of two contestants' figures over draws of their rounds; `first` over `second`.
template <typename First, typename Second>
Interval ratio(double value, First first, std::size_t first_rounds, Second second, std::size_t second_rounds, bool same_run,
               const DrawOptions& options) {
  require(options.draws >= 2 && first_rounds > 0 && second_rounds > 0, "intervals need rounds and draws");
  const bool together = same_run && first_rounds == second_rounds;
  Random random(options.seed);
  std::vector<float> figures;
  for (int i = 0; i < options.draws; ++i) {
    const Drawn drawn = draw(first_rounds, random);
    const double below = second.of(together ? drawn : draw(second_rounds, random));
    figures.push_back(below > 0 ? static_cast<float>(first.of(drawn) / below) : 0.0F);
  }
  return interval_of(value, std::move(figures));
}

using Gain = std::function<Interval(const Samples& base, const Samples& other)>;

/// The first that the best by `figure` is not surely better than.
std::size_t first_as_good(const std::vector<Samples>& samples, const std::function<double(const Samples&)>& figure,
                          const Gain& gain, double least) {
  require(!samples.empty(), "the best of nothing");
  const auto by_figure = [&](const Samples& a, const Samples& b) { return figure(a) < figure(b); };
  const auto best = std::max_element(samples.begin(), samples.end(), by_figure);
  for (auto one = samples.begin(); one != best; ++one) {
    const Interval ahead = gain(*one, *best);
    if (ahead.low <= 1 || ahead.value < 1 + least) return static_cast<std::size_t>(one - samples.begin());
  }
  return static_cast<std::size_t>(best - samples.begin());
}

}  // namespace

LatencySummary summarize(const Samples& samples, Stage stage) {
  auto times = all_times(samples, stage);
  LatencySummary summary;
  if (times.empty()) return summary;
  std::sort(times.begin(), times.end());
  for (const float time : times) summary.total += static_cast<double>(time);
  summary.count = times.size();
  summary.mean = summary.total / static_cast<double>(times.size());
  summary.min = static_cast<double>(times.front());
  summary.max = static_cast<double>(times.back());
  summary.p50 = percentile(times, 0.50);
  summary.p90 = percentile(times, 0.90);
  summary.p95 = percentile(times, 0.95);
  summary.p99 = percentile(times, 0.99);
  return summary;
}

double throughput(const Samples& samples) {
  Drawn all(samples.rounds.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return ThroughputDraws(samples).of(all);
}

Interval median(const Samples& samples, Stage stage, const DrawOptions& options) {
  require(options.draws >= 2 && !samples.rounds.empty(), "intervals need rounds and draws");
  MedianDraws medians(samples, stage);
  Random random(options.seed);
  std::vector<float> figures;
  for (int i = 0; i < options.draws; ++i) {
    figures.push_back(static_cast<float>(medians.of(draw(samples.rounds.size(), random)) * samples.items));
  }
  return interval_of(time_of_image(samples, stage) * samples.items, std::move(figures));
}

Interval speed_up(const Samples& base, const Samples& other, bool same_run, Stage stage, const DrawOptions& options) {
  const double below = time_of_image(other, stage);
  return ratio(below > 0 ? time_of_image(base, stage) / below : 0, MedianDraws(base, stage), base.rounds.size(),
               MedianDraws(other, stage), other.rounds.size(), same_run, options);
}

Interval throughput_gain(const Samples& base, const Samples& other, bool same_run, const DrawOptions& options) {
  const double below = throughput(base);
  return ratio(below > 0 ? throughput(other) / below : 0, ThroughputDraws(other), other.rounds.size(), ThroughputDraws(base),
               base.rounds.size(), same_run, options);
}

std::size_t best_latency(std::vector<Samples> samples, bool same_run, double least) {
  for (auto& each : samples) each.items = 1;  // an answer takes as long as its call
  return first_as_good(
      samples, [](const Samples& s) { return -time_of_image(s, Stage::kTotal); },
      [&](const Samples& base, const Samples& other) { return speed_up(base, other, same_run); }, least);
}

std::size_t best_throughput(const std::vector<Samples>& samples, bool same_run, double least) {
  return first_as_good(
      samples, [](const Samples& s) { return throughput(s); },
      [&](const Samples& base, const Samples& other) { return throughput_gain(base, other, same_run); }, least);
}

}  // namespace goshawk::benchmark
