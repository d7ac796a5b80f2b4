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
#include "goshawk/pipeline/text_painter.h"
#include "goshawk/track/tracker.h"
#include "goshawk/track/zones.h"

namespace goshawk::pipeline {

struct OverlayOptions {
  bool labels = true;  // class, id and score above each box
  bool trails = true;  // where each track came from
  bool fps = true;     // frames a second of this run, in the top-right corner
  int trail_frames = 40;
};

/// Draws on frames of one stream in order; keeps the tracks' trails. Line and text sizes follow the frame's size.
/// Not thread-safe.
class Overlay {
 public:
  Overlay(const OverlayOptions& options, std::vector<std::string> class_names, cv::Size frame_size);

  void draw_tracks(cv::Mat& image, std::span<const track::Track> tracks);
  /// Outlines of lines and zones, with their counts beside them ("in 3  out 1"). `scale`: pixels of the image for one of
  /// the counter's.
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
  void draw_box(cv::Mat& image, const Box& box, const std::string& label, const cv::Scalar& color, bool dashed);
  void draw_tag(cv::Mat& image, const std::string& text, cv::Point center);
  void extend_trails(std::span<const track::Track> tracks);

  OverlayOptions options_;
  std::vector<std::string> class_names_;
  int line_width_;
  TextPainter text_;
  std::unordered_map<int, Trail> trails_;
  std::int64_t frame_ = 0;
};

}  // namespace goshawk::pipeline
