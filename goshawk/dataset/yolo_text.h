// The text of YOLO label files: one object a line, numbers as fractions of the image.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/problems.h"

namespace goshawk::dataset {

/// From class numbers in label files to places in Dataset::categories.
class YoloClasses {
 public:
  static constexpr std::int64_t kMost = 1'000'000;  // class numbers lie below

  /// Any number below kMost, as no names are known: the place is the number.
  YoloClasses() = default;
  explicit YoloClasses(const std::vector<Category>& categories);

  /// -1: no such class.
  std::int64_t place_of(double number) const;
  bool any() const { return any_; }

 private:
  bool any_ = true;
  std::vector<std::int32_t> places_;  // by number
};

/// Where parsed objects go; Annotation::mask counts from this list's own masks.
struct YoloObjects {
  std::vector<Annotation> annotations;
  std::vector<Mask> masks;
};

/// Adds the objects of one label file to `out`, in fractions, as annotations of image number `image`. Lines are
///   class x y width height [confidence]          centre and size
///   class x1 y1 x2 y2 x3 y3 ... [confidence]     outline; the box is its extent
/// Lines that are none of these, numbers that are not finite or outside of [-0.01, 1.01], negative sizes and unknown
/// classes are left out and listed with `file` and line. Source: Ultralytics 8.4, which reads the same numbers but ignores
/// the image of a file with any such line, or with boxes and outlines mixed (listed too), or with confidences.
void parse_yolo_text(std::string_view text, const std::string& file, std::uint32_t image, const YoloClasses& classes,
                     const ReadLimits& limits, YoloObjects& out, ProblemList& problems);

/// Adds " x y width height" of a box: its centre and size as fractions of the image (of a size that is known), or as it is.
void append_yolo_box(std::string& text, const Rectangle& box, const ImageEntry& image);

/// The shortest decimal text that reads back as `value`, give or take 1e-14 of the image (which arithmetic costs).
void append_fraction(std::string& text, double value);

}  // namespace goshawk::dataset
