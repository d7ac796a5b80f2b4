#include "goshawk/benchmark/plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "goshawk/benchmark/statistics.h"

namespace goshawk::benchmark {
namespace {

using report::Figure;
using report::Series;

std::vector<const Result*> of_axis(const std::vector<Result>& results, Axis axis) {
  std::vector<const Result*> found;
  for (const auto& result : results) {
    if (result.axis == axis) found.push_back(&result);
  }
  return found;
}

double value_on(const LoadedInfo& model, Axis axis) {
  switch (axis) {
    case Axis::kBatch:
      return model.batch;
    case Axis::kSize:
      return model.width;
    case Axis::kThreads:
      return model.threads;
    case Axis::kStreams:
      return model.streams;
    case Axis::kNone:
      break;
  }
  return 0;
}

double time_of_image(const Result& result) { return summarize(result.samples).p50 / result.model.batch; }

Figure figure_of(const std::string& title, const std::string& x, const std::string& y) {
  Figure figure;
  figure.title = title;
  figure.x.label = x;
  figure.y.label = y;
  figure.y.min = 0;
  figure.width = 900;
  figure.height = 520;
  return figure;
}

/// One line a group of the axis.
template <typename Fill>
std::vector<Series> lines(const std::vector<const Result*>& results, Axis axis, Fill fill) {
  std::map<std::size_t, std::vector<const Result*>> groups;
  for (const auto* result : results) groups[result->group].push_back(result);
  std::vector<Series> all;
  for (auto& [group, members] : groups) {
    const auto by_value = [&](auto* a, auto* b) { return value_on(a->model, axis) < value_on(b->model, axis); };
    std::stable_sort(members.begin(), members.end(), by_value);
    Series series;
    const auto& model = members[0]->model;
    series.name = model.name;
    series.note = fmt::format(", {} {}", runtime::to_string(model.device), runtime::to_string(model.precision));
    for (const auto* member : members) {
      series.x.push_back(value_on(member->model, axis));
      fill(*member, series);
    }
    all.push_back(std::move(series));
  }
  return all;
}

struct AxisTitle {
  Axis axis;
  const char* x;
};
constexpr std::array<AxisTitle, 4> kAxisTitles{{{Axis::kBatch, "images a call"},
                                                {Axis::kSize, "width of the input in pixels"},
                                                {Axis::kThreads, "threads"},
                                                {Axis::kStreams, "streams"}}};

void add_sweeps(const std::vector<Result>& results, std::vector<NamedPlot>& plots) {
  for (const auto& [axis, x] : kAxisTitles) {
    const auto members = of_axis(results, axis);
    if (members.empty()) continue;
    const auto varies = [&](const Result* result) {
      return value_on(result->model, axis) != value_on(members[0]->model, axis);
    };
    if (std::none_of(members.begin(), members.end(), varies)) continue;
    auto latency = lines(members, axis, [](const Result& result, Series& series) {
      const auto s = summarize(result.samples);
      series.y.push_back(s.p50);
      series.low.push_back(std::min(s.p50, s.min));
      series.high.push_back(s.p95);
    });
    const auto images =
        lines(members, axis, [](const Result& result, Series& series) { series.y.push_back(throughput(result.samples)); });
    constexpr std::size_t kMostBands = 4;
    if (latency.size() > kMostBands) {
      for (auto& series : latency) series.low.clear(), series.high.clear();
    }
    const std::string by = name(axis);
    const auto add = [&](const std::string& what, const std::string& title, const std::string& y, const auto& series) {
      plots.push_back({what + "_by_" + by + ".png", title, report::line_chart(figure_of(title, x, y), series)});
    };
    const std::string bands = latency.size() > kMostBands ? "" : ", band from the fastest to p95";
    add("latency", "Time of a call by " + by + ": median" + bands, "milliseconds a call", latency);
    add("throughput", "Images a second by " + by, "images a second", images);
  }
}

/// How long a call takes at most in this share of cases, up to p99.
void add_percentiles(const std::vector<Result>& results, std::vector<NamedPlot>& plots) {
  std::vector<Series> all;
  for (const auto* result : of_axis(results, Axis::kNone)) {
    std::vector<float> times;
    for (const auto& round : result->samples.rounds) times.insert(times.end(), round.total.begin(), round.total.end());
    std::sort(times.begin(), times.end());
    Series series;
    series.name = result->model.name;
    series.note = ", " + setting_of(result->model);
    for (int p = 0; p <= 99; ++p) {
      series.x.push_back(p);
      series.y.push_back(percentile(times, p / 100.0));
    }
    all.push_back(std::move(series));
  }
  auto figure = figure_of("Time of a call by percentile", "percent of calls", "milliseconds a call, at most");
  figure.x.min = 0;
  figure.x.max = 100;
  plots.push_back({"latency.png", "Time of a call by percentile, up to p99", report::line_chart(figure, all)});
}

/// The front as a line, then each result: those on the front first, so that they have a place in the legend.
void add_pareto(const std::vector<Result>& results, std::vector<NamedPlot>& plots) {
  auto order = pareto_front(results);
  if (order.empty()) return;
  std::vector<Series> all;
  if (order.size() > 1) {
    auto& front = all.emplace_back();
    front.name = "Pareto front";
    front.strong = true;
    for (const std::size_t i : order) {
      front.x.push_back(time_of_image(results[i]));
      front.y.push_back(results[i].ap);
    }
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].ap >= 0 && std::find(order.begin(), order.end(), i) == order.end()) order.push_back(i);
  }
  for (const std::size_t i : order) {
    const auto& result = results[i];
    Series series;
    series.name = result.model.name;
    series.note = ", " + setting_of(result.model);
    series.x = {time_of_image(result)};
    series.y = {result.ap};
    all.push_back(std::move(series));
  }
  auto figure = figure_of("Accuracy against time", "milliseconds an image, median", "AP50-95");
  figure.x.min = 0;
  plots.push_back(
      {"pareto.png", "AP50-95 over the median time of an image: better is up and left", report::scatter_chart(figure, all)});
}

}  // namespace

std::vector<std::size_t> pareto_front(const std::vector<Result>& results) {
  std::vector<std::size_t> measured;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].ap >= 0) measured.push_back(i);
  }
  std::stable_sort(measured.begin(), measured.end(), [&](std::size_t a, std::size_t b) {
    const double first = time_of_image(results[a]), second = time_of_image(results[b]);
    return first != second ? first < second : results[a].ap > results[b].ap;
  });
  std::vector<std::size_t> front;
  for (const std::size_t i : measured) {
    if (front.empty() || results[i].ap > results[front.back()].ap) front.push_back(i);
  }
  return front;
}

std::vector<NamedPlot> benchmark_plots(const std::vector<Result>& results) {
  std::vector<NamedPlot> plots;
  add_percentiles(results, plots);
  add_sweeps(results, plots);
  add_pareto(results, plots);
  return plots;
}

NamedPlot layers_plot(const runtime::LayerTimes& times, const std::string& model, std::size_t most) {
  std::vector<std::pair<std::string, double>> bars;
  for (std::size_t i = 0; i < std::min(most, times.layers.size()); ++i) {
    bars.emplace_back(times.layers[i].name, times.layers[i].ms);
  }
  auto figure = figure_of("Slowest layers of " + model, "", "milliseconds a run");
  return {"layers.png", figure.title + " on " + runtime::to_string(times.device), report::bar_chart(figure, bars)};
}

}  // namespace goshawk::benchmark
