#include "goshawk/train/run_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "goshawk/core/files.h"
#include "goshawk/report/plot.h"
#include "goshawk/train/run_pictures.h"

namespace goshawk::train {
ResultLog::ResultLog(const std::filesystem::path& folder, int epochs_done) : path_(folder / "results.csv"), events_(folder) {
  std::error_code error;
  if (epochs_done == 0 || !std::filesystem::is_regular_file(path_, error)) return;
  std::istringstream lines(read_file(path_));
  std::getline(lines, header_);
  for (std::string line; std::getline(lines, line) && static_cast<int>(rows_.size()) < epochs_done;) rows_.push_back(line);
  if (rows_.empty()) return;
  std::istringstream last(rows_.back());
  char comma = 0;
  int epoch = 0;
  if (!(last >> epoch >> comma >> seconds_before_)) seconds_before_ = 0;
}

void ResultLog::add(int epoch, double seconds, const EpochRow& row) {
  header_ = "epoch,time";
  std::string line = fmt::format("{},{:.6g}", epoch, seconds);
  for (const auto& [name, value] : row) {
    header_ += "," + name;
    line += fmt::format(",{:.6g}", value);
    events_.scalar(name, value, epoch);
  }
  events_.flush();
  rows_.push_back(line);
  std::string text = header_ + "\n";
  for (const auto& kept : rows_) text += kept + "\n";
  write_file_atomically(path_, text);
}

std::vector<double> ResultLog::column(const std::string& name) const {
  const auto split = [](const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> cells;
    for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
    return cells;
  };
  const auto names = split(header_);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return {};
  const auto index = static_cast<std::size_t>(found - names.begin());
  std::vector<double> values;
  for (const auto& row : rows_) {
    const auto cells = split(row);
    values.push_back(index < cells.size() ? std::atof(cells[index].c_str()) : std::nan(""));
  }
  return values;
}

void ResultLog::write_plots() const {
  const auto draw = [&](const char* file, const char* title, const char* label,
                        const std::vector<std::pair<const char*, const char*>>& columns) {
    std::vector<report::Series> series;
    for (const auto& [name, shown] : columns) {
      report::Series one;
      one.name = shown;
      one.x = column("epoch");
      one.y = column(name);
      one.strong = name == std::string_view("metrics/mAP50-95(B)");
      if (one.x.size() == one.y.size()) series.push_back(std::move(one));
    }
    report::Figure figure;
    figure.title = title;
    figure.x.label = "epoch";
    figure.y.label = label;
    figure.y.min = 0;
    write_file_atomically(path_.parent_path() / file, report::line_chart(figure, series));
  };
  draw("losses.png", "Losses", "loss",
       {{"train/box_loss", "train box"},
        {"val/box_loss", "val box"},
        {"train/cls_loss", "train class"},
        {"val/cls_loss", "val class"},
        {"train/dfl_loss", "train sides"},
        {"val/dfl_loss", "val sides"}});
  draw("metrics.png", "Metrics on the val split", "",
       {{"metrics/precision(B)", "precision"},
        {"metrics/recall(B)", "recall"},
        {"metrics/mAP50(B)", "mAP50"},
        {"metrics/mAP50-95(B)", "mAP50-95"}});
  // Each column alone, as users know it.
  std::vector<std::string> tiles;
  for (const char* name : {"train/box_loss", "train/cls_loss", "train/dfl_loss", "metrics/precision(B)", "metrics/recall(B)",
                           "val/box_loss", "val/cls_loss", "val/dfl_loss", "metrics/mAP50(B)", "metrics/mAP50-95(B)"}) {
    report::Series one;
    one.x = column("epoch");
    one.y = column(name);
    if (one.x.size() != one.y.size()) one.x.clear(), one.y.clear();
    report::Figure figure;
    figure.title = name;
    if (std::string_view(name).starts_with("metrics/")) figure.y.min = 0;
    figure.width = 320;
    figure.height = 260;
    tiles.push_back(report::line_chart(figure, {one}));
  }
  write_tiles(path_.parent_path() / "results.png", tiles, 5);
}

}  // namespace goshawk::train
