#include "goshawk/pipeline/overlay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <utility>

namespace goshawk::pipeline {
namespace {

const cv::Scalar kWhite(255, 255, 255);
const cv::Scalar kZoneColor(90, 235, 255);
constexpr double kPanelDarkness = 0.55;

int text_height(cv::Size frame) { return std::clamp(std::min(frame.width, frame.height) / 40, 10, 48); }

int line_width(cv::Size frame) {
  const int side = std::min(frame.width, frame.height);
  return std::clamp(side / 300, side >= 480 ? 2 : 1, 8);
}

void darken(cv::Mat& image, cv::Rect area) {
  area &= cv::Rect(0, 0, image.cols, image.rows);
  if (area.empty()) return;
  cv::Mat part = image(area);
  part.convertTo(part, -1, 1 - kPanelDarkness);
}

cv::Point rounded(float x, float y) { return {static_cast<int>(std::lround(x)), static_cast<int>(std::lround(y))}; }

/// Whether the outline of a line or polygon passes through `area`.
bool meets(const cv::Rect& area, const std::vector<cv::Point>& outline) {
  for (std::size_t i = 0; i < outline.size(); ++i) {
    cv::Point from = outline[i], to = outline[(i + 1) % outline.size()];
    if (cv::clipLine(area, from, to)) return true;
  }
  return false;
}

}  // namespace

Overlay::Overlay(const OverlayOptions& options, std::vector<std::string> class_names, cv::Size frame_size)
    : options_(options),
      class_names_(std::move(class_names)),
      line_width_(line_width(frame_size)),
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

BoxCanvas Overlay::canvas(cv::Mat& image) {
  BoxCanvas canvas(image, text_);
  for (const auto& panel : std::exchange(panels_, {})) canvas.keep_free(panel);
  return canvas;
}

void Overlay::label(BoxCanvas& canvas, cv::Size image, const Box& box, const std::string& text, const cv::Scalar& color) {
  if (!options_.labels) return;
  Box seen = clip(box, static_cast<float>(image.width - 1), static_cast<float>(image.height - 1));
  if (seen.area() <= 0) return;
  seen.x1 -= static_cast<float>(line_width_ / 2);  // the outline's outer edge
  canvas.label(seen, text, color, BoxCanvas::Room::kFindOrLeaveOut);
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
  BoxCanvas boxes = canvas(image);
  for (const auto& track : tracks) {
    if (track.detection < 0) boxes.dashed(track.box, color(track.id), line_width_);
    else boxes.box(track.box, color(track.id), line_width_);
  }
  for (const auto& track : tracks) {
    const std::string name = class_name(class_names_, track.class_id);
    label(boxes, image.size(), track.box, fmt::format("{} #{} {:.2f}", name, track.id, track.score), color(track.id));
  }
}

void Overlay::draw_detections(cv::Mat& image, std::span<const Detection> detections) {
  BoxCanvas boxes = canvas(image);
  for (auto it = detections.rbegin(); it != detections.rend(); ++it) {  // the surest on top
    boxes.box(it->box, color(it->class_id), line_width_);
  }
  for (const auto& one : detections) {  // and first to find room
    const std::string name = class_name(class_names_, one.class_id);
    label(boxes, image.size(), one.box, fmt::format("{} {:.2f}", name, one.score), color(one.class_id));
  }
}

void Overlay::draw_zones(cv::Mat& image, const track::ZoneCounter& counter, double scale) {
  const auto counts = counter.counts();
  std::vector<std::vector<cv::Point>> outlines(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    for (const auto& point : counter.outline(static_cast<int>(i))) {
      outlines[i].push_back(rounded(static_cast<float>(point.x * scale), static_cast<float>(point.y * scale)));
    }
    cv::polylines(image, outlines[i], counts[i].kind == track::ZoneKind::kPolygon, kZoneColor, line_width_ + 1, cv::LINE_AA);
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto total = counts[i].total();
    const std::string text =
        counts[i].kind == track::ZoneKind::kLine
            ? fmt::format("{}: in {}  out {}", counts[i].name, total.in, total.out)
            : fmt::format("{}: {} inside  {} in  {} out", counts[i].name, total.inside, total.in, total.out);
    draw_panel(image, place_of_tag(image.size(), panel_size(text), outlines, i), text, kZoneColor);
  }
}

cv::Rect Overlay::place_of_tag(cv::Size image, cv::Size tag, std::span<const std::vector<cv::Point>> outlines,
                               std::size_t zone) const {
  const auto& outline = outlines[zone];
  cv::Point2d from, to;  // the topmost edge
  for (std::size_t i = 0; i < outline.size(); ++i) {
    const cv::Point2d a = outline[i], b = outline[(i + 1) % outline.size()];
    if (i == 0 || a.y + b.y < from.y + to.y) from = a, to = b;
  }
  const double length = std::max(std::hypot(to.x - from.x, to.y - from.y), 1.0);
  const cv::Point2d normal((to.y - from.y) / length, (from.x - to.x) / length);
  const int gap = line_width_ + 1;
  const double away = (std::abs(normal.x) * tag.width + std::abs(normal.y) * tag.height) / 2 + 2 * gap;
  const auto at = [&](double part, double side) {
    const cv::Point2d center = from + (to - from) * part + normal * (side * away);
    return cv::Rect(cv::Point(cvRound(center.x - tag.width / 2.0), cvRound(center.y - tag.height / 2.0)), tag);
  };
  const auto is_free = [&](const cv::Rect& place) {
    const cv::Rect around(place.x - gap, place.y - gap, place.width + 2 * gap, place.height + 2 * gap);
    return (place & cv::Rect(cv::Point(), image)) == place &&
           std::none_of(panels_.begin(), panels_.end(), [&](const auto& panel) { return !(panel & place).empty(); }) &&
           std::none_of(outlines.begin(), outlines.end(), [&](const auto& other) { return meets(around, other); });
  };
  // Beside a line, within a polygon, or on the other side of the edge.
  const cv::Point2f beside = (from + to) / 2 + normal * 2;
  const double inner = outline.size() < 3 || cv::pointPolygonTest(outline, beside, false) > 0 ? 1 : -1;
  for (const double side : {inner, -inner}) {
    for (const double part : {0.5, 0.25, 0.75}) {
      if (const cv::Rect place = at(part, side); is_free(place)) return place;
    }
  }
  cv::Rect place = at(0.5, inner);
  place.x = std::clamp(place.x, 0, std::max(0, image.width - place.width));
  place.y = std::clamp(place.y, 0, std::max(0, image.height - place.height));
  return place;
}

void Overlay::draw_fps(cv::Mat& image, double frames_per_second) {
  if (!options_.fps) return;
  const std::string text = fmt::format("{:.0f} FPS", frames_per_second);
  const cv::Size size = panel_size(text);
  draw_panel(image, {{image.cols - size.width, 0}, size}, text, kWhite);
}

cv::Size Overlay::panel_size(const std::string& text) {
  return {text_.width(text) + text_.line_height() / 2, text_.line_height()};
}

void Overlay::draw_panel(cv::Mat& image, const cv::Rect& place, const std::string& text, const cv::Scalar& color) {
  darken(image, place);
  text_.draw(image, text, place.tl() + cv::Point(place.height / 4, -place.height / 16), color);
  panels_.push_back(place);
}

}  // namespace goshawk::pipeline
