#include "goshawk/evaluate/bootstrap.h"

#include <algorithm>

#include "goshawk/core/error.h"
#include "goshawk/core/parallel.h"
#include "goshawk/core/random.h"

namespace goshawk::evaluate {
namespace {

/// How often each image is drawn; the same for a number of a draw, whoever asks.
std::vector<std::uint32_t> draw(std::size_t images, std::uint64_t seed, std::size_t number) {
  Random random(Random(seed ^ (number * 0x9E3779B97F4A7C15ULL)).next());
  std::vector<std::uint32_t> weights(images);
  for (std::size_t i = 0; i < images; ++i) ++weights[random.below(images)];
  return weights;
}

/// Values of each draw: [draws][figures].
template <typename Values>
std::vector<std::vector<double>> all_draws(std::size_t images, const BootstrapOptions& options, Values values_of) {
  require(options.draws >= 2 && images > 0, "bootstrap: at least two draws of at least one image");
  std::vector<std::vector<double>> drawn(static_cast<std::size_t>(options.draws));
  const auto work = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      if (options.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while drawing images");
      drawn[i] = values_of(draw(images, options.seed, i));
    }
  };
  const auto tell = [&](std::size_t done) {
    if (options.progress) options.progress(static_cast<std::int64_t>(done), options.draws);
  };
  parallel_blocks(drawn.size(), 8, work, tell, options.threads);
  return drawn;
}

std::vector<double> figures_of(const CocoSummary& summary, const std::vector<Figure>& figures) {
  std::vector<double> values;
  for (const auto& figure : figures) values.push_back(figure(summary));
  return values;
}

Interval interval_of(double value, std::vector<double> drawn) {
  if (drawn.empty()) return {value, value, value};
  std::sort(drawn.begin(), drawn.end());
  const auto at = [&](double fraction) {
    const double place = fraction * static_cast<double>(drawn.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const auto above = std::min(below + 1, drawn.size() - 1);
    return drawn[below] + (drawn[above] - drawn[below]) * (place - static_cast<double>(below));
  };
  return {value, at(0.025), at(0.975)};
}

}  // namespace

std::vector<Interval> bootstrap(const CocoResult& result, std::size_t images, const std::vector<Figure>& figures,
                                const BootstrapOptions& options) {
  const auto drawn = all_draws(images, options, [&](const std::vector<std::uint32_t>& weights) {
    return figures_of(result.summary(weights), figures);
  });
  const auto values = figures_of(result.summary(), figures);
  std::vector<Interval> intervals;
  for (std::size_t f = 0; f < figures.size(); ++f) {
    std::vector<double> measured;
    for (const auto& row : drawn) {
      if (row[f] >= 0) measured.push_back(row[f]);
    }
    intervals.push_back(interval_of(values[f], std::move(measured)));
  }
  return intervals;
}

std::vector<Difference> bootstrap_difference(const CocoResult& first, const CocoResult& second, std::size_t images,
                                             const std::vector<Figure>& figures, const BootstrapOptions& options) {
  const std::size_t count = figures.size();
  const auto drawn = all_draws(images, options, [&](const std::vector<std::uint32_t>& weights) {
    auto values = figures_of(first.summary(weights), figures);
    const auto others = figures_of(second.summary(weights), figures);
    values.insert(values.end(), others.begin(), others.end());
    return values;
  });
  const auto a = figures_of(first.summary(), figures), b = figures_of(second.summary(), figures);
  std::vector<Difference> differences;
  for (std::size_t f = 0; f < count; ++f) {
    std::vector<double> changes;
    double better = 0;
    for (const auto& row : drawn) {
      if (row[f] < 0 || row[count + f] < 0) continue;
      const double change = row[count + f] - row[f];
      changes.push_back(change);
      better += change > 0 ? 1.0 : change == 0 ? 0.5 : 0.0;
    }
    const double share = changes.empty() ? 0.5 : better / static_cast<double>(changes.size());
    differences.push_back({interval_of(b[f] - a[f], std::move(changes)), share});
  }
  return differences;
}

}  // namespace goshawk::evaluate
