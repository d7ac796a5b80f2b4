#include "goshawk/train/run_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <sstream>

#include "goshawk/core/files.h"
#include "goshawk/media/image.h"
#include "goshawk/report/plot.h"

namespace goshawk::train {
namespace {

/// Colours that are told apart, by class.
cv::Scalar color_of(int class_id) {
  constexpr double kGoldenAngle = 137.508 / 2;  // OpenCV's hue goes to 180
  cv::Mat pixel(1, 1, CV_8UC3, cv::Scalar(std::fmod(class_id * kGoldenAngle, 180), 200, 255));
  cv::cvtColor(pixel, pixel, cv::COLOR_HSV2BGR);
  const auto c = pixel.at<cv::Vec3b>(0);
  return {static_cast<double>(c[0]), static_cast<double>(c[1]), static_cast<double>(c[2])};
}

void draw_objects(cv::Mat& picture, const ImageTargets& targets, const std::vector<std::string>& classes) {
  const auto corner = [](float x, float y) { return cv::Point(static_cast<int>(x), static_cast<int>(y)); };
  for (const auto& region : targets.ignored)
    cv::rectangle(picture, corner(region.x1, region.y1), corner(region.x2, region.y2), cv::Scalar::all(160), 1);
  for (const auto& object : targets.objects) {
    const auto color = color_of(object.class_id);
    cv::rectangle(picture, corner(object.box.x1, object.box.y1), corner(object.box.x2, object.box.y2), color, 2);
    const auto& name = classes[static_cast<std::size_t>(object.class_id)];
    int base = 0;
    const cv::Size size = cv::getTextSize(name, cv::FONT_HERSHEY_SIMPLEX, 0.4, 1, &base);
    const cv::Point at = corner(object.box.x1, std::max(object.box.y1, static_cast<float>(size.height + 4)));
    cv::rectangle(picture, at - cv::Point(0, size.height + 4), at + cv::Point(size.width + 4, 0), color, cv::FILLED);
    cv::putText(picture, name, at + cv::Point(2, -2), cv::FONT_HERSHEY_SIMPLEX, 0.4, cv::Scalar::all(0), 1, cv::LINE_AA);
  }
}

}  // namespace

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
}

void write_batch_picture(const std::filesystem::path& path, const Batch& batch, const std::vector<std::string>& classes) {
  constexpr std::size_t kMost = 16;
  const std::size_t count = std::min(batch.size(), kMost);
  const int columns = static_cast<int>(std::ceil(std::sqrt(static_cast<double>(count)))), side = batch.side;
  const int rows = (static_cast<int>(count) + columns - 1) / columns;
  cv::Mat grid(rows * side, columns * side, CV_8UC3, cv::Scalar::all(255));
  for (std::size_t i = 0; i < count; ++i) {
    const cv::Mat rgb(side, side, CV_8UC3,
                      const_cast<std::uint8_t*>(batch.pixels.data()) + i * static_cast<std::size_t>(side * side * 3));
    const auto at = static_cast<int>(i);
    cv::Mat place = grid(cv::Rect(at % columns * side, at / columns * side, side, side));
    cv::cvtColor(rgb, place, cv::COLOR_RGB2BGR);
    draw_objects(place, batch.targets[i], classes);
  }
  media::write_image(path, grid, 90);
}

}  // namespace goshawk::train
