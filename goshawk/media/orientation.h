// How a stored picture is turned to stand upright.
#pragma once

#include <cstdint>
#include <opencv2/core/mat.hpp>

namespace goshawk::media {

/// First swap rows and columns, then mirror left-right, then top-bottom.
struct Orientation {
  bool transpose = false, flip_x = false, flip_y = false;
  bool operator==(const Orientation&) const = default;

  bool upright() const { return *this == Orientation{}; }
  /// Degrees clockwise of the rotation in it: 0, 90, 180 or 270; a mirror image counts as its rotation part.
  int degrees() const;
};

/// Of a display matrix (9 values, ISO/IEC 14496-12 8.2.2), rounded to the nearest quarter turn; mirrors are kept.
Orientation orientation_of_matrix(const std::int32_t* matrix);

/// Of an EXIF Orientation value (1..8; CIPA DC-008, tag 0x0112). Others mean upright.
Orientation orientation_of_exif(int value);

/// `stored` turned upright into `out` (must be another matrix).
void turn_upright(const cv::Mat& stored, const Orientation& orientation, cv::Mat& out);

/// The same as a new matrix; `stored` itself, not copied, where it is upright.
cv::Mat turned_upright(const cv::Mat& stored, const Orientation& orientation);

}  // namespace goshawk::media
