// What a training leaves in its folder for people: results.csv, curves, pictures.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "goshawk/train/event_file.h"

namespace goshawk::train {

/// One epoch, by Ultralytics' column names ("train/box_loss", "metrics/mAP50(B)"), in their order.
using EpochRow = std::vector<std::pair<std::string, double>>;

/// results.csv and the event file of a run.
class ResultLog {
 public:
  /// Rows of epochs up to `epochs_done` that are there already are kept, later ones (of a training that was killed) dropped.
  ResultLog(const std::filesystem::path& folder, int epochs_done);
  /// `epoch` counts from 1. Throws Error{kIo}.
  void add(int epoch, double seconds, const EpochRow& row);
  /// losses.png, metrics.png and results.png over the epochs. Throws Error{kIo, kUnavailable}.
  void write_plots() const;
  /// Seconds of training that the last kept row tells of.
  double seconds_before() const { return seconds_before_; }

 private:
  /// The values of a column; empty when there is none of that name.
  std::vector<double> column(const std::string& name) const;

  std::filesystem::path path_;
  std::string header_;
  std::vector<std::string> rows_;
  double seconds_before_ = 0;
  EventFile events_;
};

}  // namespace goshawk::train
