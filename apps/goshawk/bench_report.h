// What `goshawk bench` found, and how it is told: tables, JSON, CSV, pictures, a page.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/benchmark/plots.h"
#include "goshawk/benchmark/record.h"
#include "goshawk/benchmark/suite.h"
#include "goshawk/core/latency.h"
#include "goshawk/runtime/layer_times.h"

namespace goshawk::cli {

/// The pictures that were shown, and what reading one takes.
struct ShownPictures {
  std::string what;  // "traffic.mp4, h264 640x360"
  LatencySummary decode;
};

struct ModelLayers {
  std::string model;
  runtime::LayerTimes times;
  std::string note;  // why they are those of another device; may be empty
};

struct ModelBest {
  std::string model;
  benchmark::Best best;
};

/// Against an earlier run.
struct BaselineCheck {
  std::string file;
  std::vector<benchmark::Result> before;
  std::vector<benchmark::Change> changes;
  double tolerance = 0;
  bool other_machine = false;
  bool failed() const;
};

struct BenchFindings {
  std::vector<benchmark::Result> results;
  std::vector<std::string> notes;
  ShownPictures pictures;
  bool compared = false;  // in turns: the first is the measure of the others
  std::vector<ModelBest> best;
  std::vector<ModelLayers> layers;
  std::optional<BaselineCheck> baseline;
  std::string profile;            // file that --apply wrote; empty: none
  nlohmann::ordered_json record;  // machine and versions
};

/// The document of results.json.
nlohmann::ordered_json findings_json(const BenchFindings& findings);
/// The tables for a terminal.
std::string findings_text(const BenchFindings& findings);
/// results.json and results.csv.
void write_results(const BenchFindings& findings, const std::filesystem::path& folder);
/// Draws and writes the pictures, and returns them. Where they cannot be drawn it warns and returns none.
std::vector<benchmark::NamedPlot> write_plots(const BenchFindings& findings, const std::filesystem::path& folder);
/// report.html, with `plots`.
void write_page(const BenchFindings& findings, const std::vector<benchmark::NamedPlot>& plots,
                const std::filesystem::path& folder);

}  // namespace goshawk::cli
