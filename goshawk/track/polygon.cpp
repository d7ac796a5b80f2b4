#include "goshawk/track/polygon.h"

#include <algorithm>
#include <cmath>

namespace goshawk::track {

namespace {

/// Above 0 when a, b, c turn one way, below when the other, 0 in a line.
double turn(cv::Point2d a, cv::Point2d b, cv::Point2d c) { return (b - a).cross(c - a); }

bool within_box(cv::Point2d a, cv::Point2d b, cv::Point2d p) {
  return std::min(a.x, b.x) <= p.x && p.x <= std::max(a.x, b.x) && std::min(a.y, b.y) <= p.y && p.y <= std::max(a.y, b.y);
}

bool segments_meet(cv::Point2d a, cv::Point2d b, cv::Point2d c, cv::Point2d d) {
  const double abc = turn(a, b, c), abd = turn(a, b, d), cda = turn(c, d, a), cdb = turn(c, d, b);
  if (((abc > 0) != (abd > 0)) && ((cda > 0) != (cdb > 0)) && abc != 0 && abd != 0 && cda != 0 && cdb != 0) return true;
  return (abc == 0 && within_box(a, b, c)) || (abd == 0 && within_box(a, b, d)) || (cda == 0 && within_box(c, d, a)) ||
         (cdb == 0 && within_box(c, d, b));
}

/// True when the edges a-b and b-c lie on each other.
bool folds_back(cv::Point2d a, cv::Point2d b, cv::Point2d c) { return turn(a, b, c) == 0 && (b - a).dot(c - b) < 0; }

std::string edge(std::size_t from, std::size_t count) {
  return std::to_string(from + 1) + "-" + std::to_string((from + 1) % count + 1);
}

double area(std::span<const cv::Point2d> points) {
  double twice = 0;
  for (std::size_t i = 0; i < points.size(); ++i) twice += points[i].cross(points[(i + 1) % points.size()]);
  return std::abs(twice) / 2;
}

}  // namespace

std::optional<std::string> count_problem(bool is_polygon, std::size_t count) {
  if (!is_polygon && count != 2) return "a line has 2 points, not " + std::to_string(count);
  if (is_polygon && count < 3) return "a polygon has at least 3 points, not " + std::to_string(count);
  return std::nullopt;
}

std::optional<std::string> shape_problem(bool is_polygon, std::span<const cv::Point2d> points) {
  const std::size_t n = points.size();
  if (auto problem = count_problem(is_polygon, n)) return problem;
  for (std::size_t i = 0; i < n; ++i) {
    if (!std::isfinite(points[i].x) || !std::isfinite(points[i].y))
      return "point " + std::to_string(i + 1) + " is not finite";
    const std::size_t next = (i + 1) % n;
    if (points[i] == points[next]) {
      return "points " + std::to_string(i + 1) + " and " + std::to_string(next + 1) + " are the same";
    }
  }
  if (!is_polygon) return std::nullopt;
  for (std::size_t i = 0; i < n; ++i) {
    if (folds_back(points[i], points[(i + 1) % n], points[(i + 2) % n])) {
      return "the polygon has no width at point " + std::to_string((i + 1) % n + 1);
    }
    for (std::size_t j = i + 2; j < n; ++j) {
      if ((j + 1) % n == i) continue;  // neighbours share a point
      if (segments_meet(points[i], points[i + 1], points[j], points[(j + 1) % n])) {
        return "the polygon crosses itself: edges " + edge(i, n) + " and " + edge(j, n);
      }
    }
  }
  if (area(points) <= 0) return std::string("the polygon has no area");
  return std::nullopt;
}

bool contains(std::span<const cv::Point2d> polygon, cv::Point2d point) {
  bool inside = false;
  for (std::size_t i = 0, j = polygon.size() - 1; i < polygon.size(); j = i++) {
    const cv::Point2d a = polygon[i], b = polygon[j];
    if ((a.y > point.y) == (b.y > point.y)) continue;
    if (point.x < (b.x - a.x) * (point.y - a.y) / (b.y - a.y) + a.x) inside = !inside;
  }
  return inside;
}

}  // namespace goshawk::track
