// What the algorithms of this folder work on: boxes in double precision, as their published versions do.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "goshawk/core/detection.h"
#include "goshawk/core/assignment.h"
#include "goshawk/track/tracker.h"

namespace goshawk::track {

/// Corners in pixels.
struct Corners {
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;

  double width() const { return x2 - x1; }
  double height() const { return y2 - y1; }
  double center_x() const { return 0.5 * (x1 + x2); }
  double center_y() const { return 0.5 * (y1 + y2); }
  Box to_box() const {
    return {static_cast<float>(x1), static_cast<float>(y1), static_cast<float>(x2), static_cast<float>(y2)};
  }
};

/// A detection that an algorithm may use: finite, with a positive area.
struct Observation {
  Corners box;
  float score = 0;
  int class_id = 0;
  int detection = -1;  // index into the frame's detections
  const std::vector<float>* embedding = nullptr;
};

/// Overlap of two boxes. `Margin` 1 counts pixels as ByteTrack and BoT-SORT do (corners inclusive), 0 areas.
template <int Margin>
inline double overlap(const Corners& a, const Corners& b) {
  const double w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1) + Margin;
  const double h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1) + Margin;
  if (w <= 0 || h <= 0) return 0;
  const double common = w * h;
  const double all = (a.width() + Margin) * (a.height() + Margin) + (b.width() + Margin) * (b.height() + Margin) - common;
  return common / all;
}

/// How the picture moved since the last update: a point p is now at linear * p + (tx, ty), in pixels.
struct CameraMotion {
  double xx = 1, xy = 0, yx = 0, yy = 1;  // linear part, row by row
  double tx = 0, ty = 0;
};

/// What an algorithm is told about a step in time.
struct Step {
  int frame = 0;                         // updates so far, this one included
  int time = 0;                          // updates and predictions so far, this one included
  int* next_id = nullptr;                // the number that the next reported track gets
  const CameraMotion* camera = nullptr;  // null when it is not known or not asked for
};

/// One algorithm over the objects of one class.
class Association {
 public:
  virtual ~Association() = default;
  /// Appends the tracks of this frame to `out`, in any order.
  virtual void update(std::span<const Observation> observations, const Step& step, std::vector<Track>& out) = 0;
  virtual void predict(const Step& step, std::vector<Track>& out) = 0;
};

std::unique_ptr<Association> make_association(const ByteTrackOptions& options, double frame_rate);
std::unique_ptr<Association> make_association(const BotSortOptions& options, double frame_rate);
std::unique_ptr<Association> make_association(const SortOptions& options);
std::unique_ptr<Association> make_association(const OcSortOptions& options);

}  // namespace goshawk::track
