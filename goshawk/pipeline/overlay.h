// What the annotated video and pictures show: boxes, labels, trails, counts.
#pragma once

#include <cstdint>
#include <deque>
#include <opencv2/core/mat.hpp>
#include <opencv2/core/types.hpp>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/pipeline/box_canvas.h"
#include "goshawk/pipeline/text_painter.h"
#include "goshawk/track/tracker.h"
#include "goshawk/track/zones.h"

namespace goshawk::pipeline {

struct OverlayOptions {
  bool labels = true;  // class, id and score at each box, where there is room beside other labels
  bool trails = true;  // where each track came from
  bool fps = true;     // frames a second of this run, in the top-right corner
  int trail_frames = 40;
};

/// Draws on frames of one stream in order; keeps the tracks' trails. Line and text sizes follow the frame's size.
/// What has its place is drawn first (draw_fps, draw_zones): the labels of boxes then keep away from it. Not thread-safe.
class Overlay {
 public:
  Overlay(const OverlayOptions& options, std::vector<std::string> class_names, cv::Size frame_size);

  void draw_tracks(cv::Mat& image, std::span<const track::Track> tracks);
  /// Outlines of lines and zones, with their counts ("in 3  out 1") beside lines and within polygons, where there is room
  /// upon no outline and no other count. `scale`: pixels of the image for one of the counter's.
  void draw_zones(cv::Mat& image, const track::ZoneCounter& counter, double scale = 1);
  void draw_detections(cv::Mat& image, std::span<const Detection> detections);
  void draw_fps(cv::Mat& image, double frames_per_second);

  /// Colour of an identity or a class: distinct for neighbours, the same in every run. BGR.
  static cv::Scalar color(int number);

 private:
  struct Trail {
    std::deque<cv::Point> points;
    std::int64_t last_frame = 0;
  };
  BoxCanvas canvas(cv::Mat& image);
  void label(BoxCanvas& canvas, cv::Size image, const Box& box, const std::string& text, const cv::Scalar& color);
  cv::Rect place_of_tag(cv::Size image, cv::Size tag, std::span<const std::vector<cv::Point>> outlines,
                        std::size_t zone) const;
  cv::Size panel_size(const std::string& text);
  void draw_panel(cv::Mat& image, const cv::Rect& place, const std::string& text, const cv::Scalar& color);
  void extend_trails(std::span<const track::Track> tracks);

  OverlayOptions options_;
  std::vector<std::string> class_names_;
  int line_width_;
  TextPainter text_;
  std::vector<cv::Rect> panels_;  // of the frame that is being drawn
  std::unordered_map<int, Trail> trails_;
  std::int64_t frame_ = 0;
};

}  // namespace goshawk::pipeline
