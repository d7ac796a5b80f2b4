// The text of YOLO label files: one object a line, numbers as fractions of the image.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
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

 private:
  bool any_ = true;
  std::vector<std::int32_t> places_;  // by number
};

/// Where parsed objects go; Annotation::mask counts from this list's own masks.
struct YoloObjects {
  std::vector<Annotation> annotations;
  std::vector<Mask> masks;
  std::uint64_t poses = 0;  // annotations whose keypoints are not kept
};

/// Adds the objects of one label file to `out`, in fractions, as annotations of image number `image`. Lines are
///   class x y width height [confidence]          centre and size
///   class x1 y1 x2 y2 x3 y3 ... [confidence]     outline; the box is its extent
/// and, in a set of poses (`keypoint_columns` of data.yaml's kpt_shape is not 0), no outlines but
///   class x y width height keypoints [confidence]
/// Lines that are none of these, numbers that are not finite or outside of [-0.01, 1.01], negative sizes and unknown
/// classes are left out and listed with `file` and line. Source: Ultralytics 8.4, which reads the same numbers but ignores
/// the image of a file with any such line, or with boxes and outlines mixed (listed too), or with confidences.
void parse_yolo_text(std::string_view text, const std::string& file, std::uint32_t image, const YoloClasses& classes,
                     const ReadLimits& limits, YoloObjects& out, ProblemList& problems, std::size_t keypoint_columns = 0);

/// What bounds an outline x1, y1, x2, y2, ... of one point or more.
Rectangle extent(std::span<const double> outline);

/// Whether a box is in pixels of an image whose size is not known, because its file is missing and the labels do not say it:
/// what is no fraction must not be written as one.
bool is_in_unknown_pixels(const Rectangle& box, const ImageEntry& image);

/// The box as YOLO can hold it: as it is where centre and size are fractions of the image, give or take 0.01, which readers
/// allow; else the part of it within the image. nullopt: there is none, or it `is_in_unknown_pixels`.
std::optional<Rectangle> held_box(const Rectangle& box, const ImageEntry& image);
/// The same of an outline, x1, y1, x2, y2, ..., whose points have to be such fractions.
std::optional<std::vector<double>> held_outline(const std::vector<double>& outline, const ImageEntry& image);

/// Notes of how many objects are cut off or left out for that. `outlined`: the images whose objects' one polygon each is
/// written, else boxes. SHAPE: one for each image, or empty: boxes alone.
std::vector<Problem> held_notes(const Dataset& dataset, const std::string& format, std::span<const char> outlined = {});

/// Adds " x y width height" of a box: its centre and size as fractions of the image (of a size that is known), or as it is.
void append_yolo_box(std::string& text, const Rectangle& box, const ImageEntry& image);

/// Adds " x1 y1 x2 y2 ..." of an outline in the same unit.
void append_yolo_outline(std::string& text, const std::vector<double>& outline, const ImageEntry& image);

/// The shortest decimal text that reads back as `value`, give or take 1e-14 of the image (which arithmetic costs).
void append_fraction(std::string& text, double value);

}  // namespace goshawk::dataset
