// A benchmark's figures as pictures.
#pragma once

#include <string>
#include <vector>

#include "goshawk/benchmark/suite.h"
#include "goshawk/report/plot.h"
#include "goshawk/runtime/layer_times.h"

namespace goshawk::benchmark {

using report::NamedPlot;

/// Those that the results allow: the time of a call by percentile; by batch, size, threads and streams the time of a call
/// and images a second; AP over the time of an image where AP was measured. Throws what goshawk/report/plot.h throws.
std::vector<NamedPlot> benchmark_plots(const std::vector<Result>& results);

/// The slowest layers as bars: "layers.png".
NamedPlot layers_plot(const runtime::LayerTimes& times, const std::string& model, std::size_t most = 15);

/// Places of the results that no other one beats in both AP and time of an image, by rising time; those without AP aside.
std::vector<std::size_t> pareto_front(const std::vector<Result>& results);

}  // namespace goshawk::benchmark
