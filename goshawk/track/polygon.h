// Shapes of lines and polygons in the plane.
#pragma once

#include <opencv2/core/types.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace goshawk::track {

/// What is wrong with the number of a line's or polygon's points.
std::optional<std::string> count_problem(bool is_polygon, std::size_t count);

/// What is wrong with a line (2 points) or polygon (3 or more), in words with 1-based point numbers; nothing when it is
/// sound: finite, no two neighbours the same, an area, and no edge that meets another except its neighbours at their ends.
std::optional<std::string> shape_problem(bool is_polygon, std::span<const cv::Point2d> points);

/// True when `point` lies inside the polygon (even-odd rule).
bool contains(std::span<const cv::Point2d> polygon, cv::Point2d point);

}  // namespace goshawk::track
