// What CVAT's XML has in common for images and for video.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "goshawk/dataset/dataset.h"
#include "goshawk/dataset/not_kept.h"
#include "goshawk/dataset/problems.h"
#include "goshawk/dataset/xml_file.h"

namespace goshawk::dataset {

// Attributes that stand for fields of an Annotation, written as CVAT's own attributes of an object.
inline constexpr const char* kCvatDifficult = "difficult";  // the first three: "true" or "false"
inline constexpr const char* kCvatTruncated = "truncated";
inline constexpr const char* kCvatCrowd = "is_crowd";
inline constexpr const char* kCvatScore = "score";
inline constexpr const char* kCvatTrack = "track_id";
inline constexpr const char* kCvatPartOf = "part_of";  // polygons of one object share its number

// Attributes that stand for XML attributes of a shape; kept where they differ from what CVAT writes for a plain shape.
inline constexpr const char* kCvatSource = "cvat.source";   // else "manual"
inline constexpr const char* kCvatZOrder = "cvat.z_order";  // else "0"
inline constexpr const char* kCvatGroup = "cvat.group_id";  // else none
inline constexpr const char* kCvatTag = "cvat.tag.";        // of an image: a <tag> of that label

/// "12.5,3;14,3;14,8" as x, y, x, y, ...; nullopt for anything else, or fewer than `at_least` points.
std::optional<std::vector<double>> cvat_points(std::string_view text, std::size_t at_least);

/// The smallest box around points x, y, x, y, ... (at least one).
Rectangle extent(const std::vector<double>& points);
Rectangle extent(const Polygons& polygons);
/// By the shoelace formula, absolute.
double area(const std::vector<double>& points);
/// Corners x, y, x, y, ... of a box that is turned clockwise about its centre, beginning with what was its top left.
std::vector<double> turned_corners(const Rectangle& box, double degrees);

/// Reads labels and shapes into a data set.
class CvatShapes {
 public:
  CvatShapes(const XmlFile& xml, const std::string& file, Dataset& dataset, ProblemList& problems, NotKept& not_kept);

  /// The labels of <meta>. Without any, labels become classes as they turn up.
  void read_labels(const pugi::xml_node& meta);

  /// The class of a label; nullopt (listed): it is unknown.
  std::optional<std::uint32_t> category(const std::string& label, const pugi::xml_node& node);

  /// A <box>, <polygon> or <mask> of an image; its class is not set. A box that is turned becomes the polygon of its
  /// corners. nullopt: it is of another kind (counted), or bad (listed).
  std::optional<Annotation> shape(const pugi::xml_node& node, const ImageEntry& image);

  /// Lists a problem of the element's line.
  void list(ProblemKind kind, const pugi::xml_node& node, const std::string& message);

 private:
  std::optional<Annotation> box(const pugi::xml_node& node);
  std::optional<Annotation> polygon(const pugi::xml_node& node);
  Annotation outlined(std::vector<double> points);
  std::optional<Annotation> mask(const pugi::xml_node& node, const ImageEntry& image);
  void read_attributes(const pugi::xml_node& node, Annotation& annotation);
  bool read_field(const std::string& name, const std::string& value, Annotation& annotation);

  const XmlFile& xml_;
  const std::string& file_;
  Dataset& dataset_;
  ProblemList& problems_;
  NotKept& not_kept_;
  bool has_labels_ = false;
  std::unordered_map<std::string, std::uint32_t> places_;
};

}  // namespace goshawk::dataset
