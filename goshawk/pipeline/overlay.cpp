#include "goshawk/pipeline/overlay.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <utility>

namespace goshawk::pipeline {
namespace {

const cv::Scalar kWhite(255, 255, 255);
const cv::Scalar kBlack(20, 20, 20);
const cv::Scalar kZoneColor(90, 235, 255);
constexpr double kPanelDarkness = 0.55;

int text_height(cv::Size frame) { return std::clamp(std::min(frame.width, frame.height) / 40, 10, 48); }

/// Black or white, whichever reads better on `background` (luma of ITU-R BT.601).
const cv::Scalar& readable_on(const cv::Scalar& background) {
  return 0.114 * background[0] + 0.587 * background[1] + 0.299 * background[2] > 140 ? kBlack : kWhite;
}

void darken(cv::Mat& image, cv::Rect area) {
  area &= cv::Rect(0, 0, image.cols, image.rows);
  if (area.empty()) return;
  cv::Mat part = image(area);
  part.convertTo(part, -1, 1 - kPanelDarkness);
}

cv::Point rounded(float x, float y) { return {static_cast<int>(std::lround(x)), static_cast<int>(std::lround(y))}; }

void dashed_line(cv::Mat& image, cv::Point from, cv::Point to, const cv::Scalar& color, int width) {
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  const int dash = 4 * width + 2;
  for (int at = 0; at < length; at += 2 * dash) {
    const double end = std::min<double>(at + dash, length);
    const cv::Point2d step = cv::Point2d(to - from) / std::max(length, 1.0);
    cv::line(image, cv::Point2d(from) + step * at, cv::Point2d(from) + step * end, color, width);
  }
}

}  // namespace

Overlay::Overlay(const OverlayOptions& options, std::vector<std::string> class_names, cv::Size frame_size)
    : options_(options),
      class_names_(std::move(class_names)),
      line_width_(std::clamp(std::min(frame_size.width, frame_size.height) / 300, 1, 8)),
      text_(text_height(frame_size)) {}

cv::Scalar Overlay::color(int number) {
  // Hues a golden angle apart stay distinct however many are used; three rings of brightness.
  const double hue = std::fmod(static_cast<double>(number) * 137.508 + 210, 360) / 60;
  const double value = number % 3 == 0 ? 255 : number % 3 == 1 ? 225 : 245;
  const double saturation = number % 2 == 0 ? 0.85 : 0.7;
  const double low = value * (1 - saturation);
  const double fraction = hue - std::floor(hue);
  const double falling = value * (1 - saturation * fraction);
  const double rising = value * (1 - saturation * (1 - fraction));
  switch (static_cast<int>(hue)) {
    case 0:
      return {low, rising, value};
    case 1:
      return {low, value, falling};
    case 2:
      return {rising, value, low};
    case 3:
      return {value, falling, low};
    case 4:
      return {value, low, rising};
    default:
      return {falling, low, value};
  }
}

void Overlay::draw_box(cv::Mat& image, const Box& box, const std::string& label, const cv::Scalar& color, bool dashed) {
  const cv::Point top_left = rounded(box.x1, box.y1);
  const cv::Point bottom_right = rounded(box.x2, box.y2);
  if (dashed) {
    const cv::Point top_right(bottom_right.x, top_left.y), bottom_left(top_left.x, bottom_right.y);
    dashed_line(image, top_left, top_right, color, line_width_);
    dashed_line(image, top_right, bottom_right, color, line_width_);
    dashed_line(image, bottom_left, bottom_right, color, line_width_);
    dashed_line(image, top_left, bottom_left, color, line_width_);
  } else {
    cv::rectangle(image, top_left, bottom_right, color, line_width_);
  }
  if (!options_.labels) return;
  const int width = text_.width(label) + 6;
  const int height = text_.line_height();
  const int x = std::clamp(top_left.x - line_width_ / 2, 0, std::max(0, image.cols - width));
  const int y = top_left.y >= height ? top_left.y - height : std::max(0, top_left.y);
  cv::rectangle(image, cv::Rect(x, y, width, height), color, cv::FILLED);
  text_.draw(image, label, {x + 3, y - height / 16}, readable_on(color));
}

void Overlay::extend_trails(std::span<const track::Track> tracks) {
  ++frame_;
  for (const auto& track : tracks) {
    Trail& trail = trails_[track.id];
    trail.points.push_back(rounded(track.box.center_x(), track.box.y2));
    if (trail.points.size() > static_cast<std::size_t>(options_.trail_frames)) trail.points.pop_front();
    trail.last_frame = frame_;
  }
  std::erase_if(trails_, [&](const auto& entry) { return frame_ - entry.second.last_frame > options_.trail_frames; });
}

void Overlay::draw_tracks(cv::Mat& image, std::span<const track::Track> tracks) {
  if (options_.trails) {
    extend_trails(tracks);
    for (const auto& track : tracks) {
      const auto& points = trails_[track.id].points;
      for (std::size_t i = 1; i < points.size(); ++i) {
        cv::line(image, points[i - 1], points[i], color(track.id), line_width_, cv::LINE_AA);
      }
    }
  }
  for (const auto& track : tracks) {
    const std::string label = fmt::format("{} #{} {:.2f}", class_name(class_names_, track.class_id), track.id, track.score);
    draw_box(image, track.box, label, color(track.id), track.detection < 0);
  }
}

void Overlay::draw_detections(cv::Mat& image, std::span<const Detection> detections) {
  for (auto it = detections.rbegin(); it != detections.rend(); ++it) {  // the surest on top
    draw_box(image, it->box, fmt::format("{} {:.2f}", class_name(class_names_, it->class_id), it->score),
             color(it->class_id), false);
  }
}

void Overlay::draw_zones(cv::Mat& image, const track::ZoneCounter& counter, double scale) {
  const auto counts = counter.counts();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    std::vector<cv::Point> outline;
    for (const auto& point : counter.outline(static_cast<int>(i))) {
      outline.push_back(rounded(static_cast<float>(point.x * scale), static_cast<float>(point.y * scale)));
    }
    const bool line = counts[i].kind == track::ZoneKind::kLine;
    cv::polylines(image, outline, !line, kZoneColor, line_width_ + 1, cv::LINE_AA);
    const auto total = counts[i].total();
    const std::string text =
        line ? fmt::format("{}: in {}  out {}", counts[i].name, total.in, total.out)
             : fmt::format("{}: {} inside  {} in  {} out", counts[i].name, total.inside, total.in, total.out);
    const auto top = std::min_element(outline.begin(), outline.end(), [](auto a, auto b) { return a.y < b.y; });
    draw_tag(image, text, *top + cv::Point(0, text_.line_height()));
  }
}

void Overlay::draw_tag(cv::Mat& image, const std::string& text, cv::Point center) {
  const int width = text_.width(text) + text_.line_height() / 2;
  const int height = text_.line_height();
  const int x = std::clamp(center.x - width / 2, 0, std::max(0, image.cols - width));
  const int y = std::clamp(center.y - height / 2, 0, std::max(0, image.rows - height));
  darken(image, {x, y, width, height});
  text_.draw(image, text, {x + height / 4, y - height / 16}, kZoneColor);
}

void Overlay::draw_fps(cv::Mat& image, double frames_per_second) {
  if (!options_.fps) return;
  const std::string label = fmt::format("{:.0f} FPS", frames_per_second);
  const int margin = text_.line_height() / 4;
  const int width = text_.width(label);
  darken(image, {image.cols - width - 2 * margin, 0, width + 2 * margin, text_.line_height()});
  text_.draw(image, label, {image.cols - width - margin, -margin / 4}, kWhite);
}

}  // namespace goshawk::pipeline
