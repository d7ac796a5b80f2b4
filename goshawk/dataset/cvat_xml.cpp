#include "goshawk/dataset/cvat_xml.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "goshawk/dataset/cvat_mask.h"
#include "goshawk/dataset/decimal.h"
#include "goshawk/dataset/rle.h"

namespace goshawk::dataset {
namespace {

constexpr double kFarthest = 1e9;  // pixels; beyond that nothing is a coordinate

std::optional<std::uint32_t> whole_number(const pugi::xml_attribute& attribute) {
  const auto number = xml_number(attribute.value());
  if (!number || !(*number >= 0) || *number > kFarthest || *number != std::floor(*number)) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

AttributeRule rule_of(const pugi::xml_node& node) {
  AttributeRule rule;
  rule.name = node.child("name").text().get();
  rule.input_type = node.child("input_type").text().get();
  rule.default_value = node.child("default_value").text().get();
  rule.values = node.child("values").text().get();
  rule.is_mutable = std::strcmp(node.child("mutable").text().get(), "True") == 0;
  return rule;
}

}  // namespace

std::optional<std::vector<double>> cvat_points(std::string_view text, std::size_t at_least) {
  std::vector<double> points;
  while (!text.empty()) {
    const std::string_view point = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), point.size() + 1));
    const std::size_t comma = point.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    const auto x = xml_number(point.substr(0, comma)), y = xml_number(point.substr(comma + 1));
    if (!x || !y) return std::nullopt;
    points.push_back(*x);
    points.push_back(*y);
  }
  if (points.size() < 2 * at_least) return std::nullopt;
  return points;
}

Rectangle extent(const std::vector<double>& points) {
  double left = points[0], right = points[0], top = points[1], bottom = points[1];
  for (std::size_t i = 0; i + 1 < points.size(); i += 2) {
    left = std::min(left, points[i]);
    right = std::max(right, points[i]);
    top = std::min(top, points[i + 1]);
    bottom = std::max(bottom, points[i + 1]);
  }
  return {left, top, nearest_decimal(right - left), nearest_decimal(bottom - top)};
}

Rectangle extent(const Polygons& polygons) {
  std::vector<double> all;
  for (const auto& polygon : polygons) all.insert(all.end(), polygon.begin(), polygon.end());
  return all.size() < 2 ? Rectangle{} : extent(all);
}

double area(const std::vector<double>& points) {
  double twice = 0;
  const std::size_t count = points.size() / 2;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t next = (i + 1) % count;
    twice += points[2 * i] * points[2 * next + 1] - points[2 * next] * points[2 * i + 1];
  }
  return std::abs(twice) / 2;
}

std::vector<double> turned_corners(const Rectangle& box, double degrees) {
  const double radians = degrees * std::numbers::pi / 180, c = std::cos(radians), s = std::sin(radians);
  const double x = box.x + box.width / 2, y = box.y + box.height / 2, w = box.width / 2, h = box.height / 2;
  std::vector<double> corners;
  for (const auto& [dx, dy] : {std::pair(-w, -h), std::pair(w, -h), std::pair(w, h), std::pair(-w, h)}) {
    corners.push_back(nearest_decimal(x + dx * c - dy * s));
    corners.push_back(nearest_decimal(y + dx * s + dy * c));
  }
  return corners;
}

CvatShapes::CvatShapes(const XmlFile& xml, const std::string& file, Dataset& dataset, ProblemList& problems,
                       NotKept& not_kept)
    : xml_(xml), file_(file), dataset_(dataset), problems_(problems), not_kept_(not_kept) {}

void CvatShapes::list(ProblemKind kind, const pugi::xml_node& node, const std::string& message) {
  problems_.add(kind, Severity::kError, file_, xml_.line_of(node), message);
}

void CvatShapes::read_labels(const pugi::xml_node& meta) {
  for (const char* of : {"project", "task", "job"}) {
    for (const auto& node : meta.child(of).child("labels").children("label")) {
      Category category;
      category.id = static_cast<std::int64_t>(dataset_.categories.size());
      category.name = node.child("name").text().get();
      category.color = node.child("color").text().get();
      if (category.name.empty() || !places_.emplace(category.name, dataset_.categories.size()).second) continue;
      for (const auto& attribute : node.child("attributes").children("attribute")) {
        AttributeRule rule = rule_of(attribute);
        if (!rule.name.empty()) category.attribute_rules.push_back(std::move(rule));
      }
      dataset_.categories.push_back(std::move(category));
      has_labels_ = true;
    }
    if (has_labels_) return;
  }
}

std::optional<std::uint32_t> CvatShapes::category(const std::string& label, const pugi::xml_node& node) {
  const auto it = places_.find(label);
  if (it != places_.end()) return it->second;
  if (has_labels_ || label.empty()) {
    list(ProblemKind::kUnknownClass, node,
         "the label " + dataset::quoted(label) + " is not among those of <meta>; left out");
    return std::nullopt;
  }
  const auto place = static_cast<std::uint32_t>(dataset_.categories.size());
  dataset_.categories.push_back({place, label});
  places_.emplace(label, place);
  return place;
}

std::optional<Annotation> CvatShapes::shape(const pugi::xml_node& node, const ImageEntry& image) {
  const std::string_view kind = node.name();
  std::optional<Annotation> annotation;
  if (kind == "box") {
    annotation = box(node);
  } else if (kind == "polygon") {
    annotation = polygon(node);
  } else if (kind == "mask") {
    annotation = mask(node, image);
  } else {
    static constexpr std::array<std::pair<std::string_view, const char*>, 5> kOthers{{{"polyline", "polylines"},
                                                                                      {"points", "points"},
                                                                                      {"cuboid", "cuboids"},
                                                                                      {"ellipse", "ellipses"},
                                                                                      {"skeleton", "skeletons"}}};
    const auto* other = std::find_if(kOthers.begin(), kOthers.end(), [&](const auto& o) { return o.first == kind; });
    not_kept_.add(other != kOthers.end() ? other->second : "elements " + dataset::quoted(kind));
    return std::nullopt;
  }
  if (!annotation) return std::nullopt;
  annotation->line = static_cast<std::uint32_t>(xml_.line_of(node));
  annotation->occluded = node.attribute("occluded").as_bool();
  read_attributes(node, *annotation);
  return annotation;
}

std::optional<Annotation> CvatShapes::box(const pugi::xml_node& node) {
  static constexpr std::array kNames{"xtl", "ytl", "xbr", "ybr"};
  std::array<double, 4> v{};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const auto number = xml_number(node.attribute(kNames[i]).value());
    if (!number)
      return list(ProblemKind::kBadLine, node, std::string("the box has no number as ") + kNames[i]), std::nullopt;
    v[i] = *number;
  }
  if (!std::all_of(v.begin(), v.end(), [](double value) { return std::abs(value) < kFarthest; })) {
    return list(ProblemKind::kNotFinite, node, "the box has a corner that is not finite"), std::nullopt;
  }
  if (v[2] < v[0] || v[3] < v[1]) {
    return list(ProblemKind::kDegenerateBox, node, "the box is inside out: its maximum lies before its minimum"),
           std::nullopt;
  }
  Annotation annotation;
  annotation.rectangle = {v[0], v[1], nearest_decimal(v[2] - v[0]), nearest_decimal(v[3] - v[1])};
  annotation.area = annotation.rectangle.area();
  const auto rotation = node.attribute("rotation");
  const auto degrees = rotation ? xml_number(rotation.value()) : 0;
  if (!degrees || !std::isfinite(*degrees))
    return list(ProblemKind::kBadLine, node, "the box has a rotation that is no number"), std::nullopt;
  if (std::fmod(*degrees, 360) == 0) return annotation;
  return outlined(turned_corners(annotation.rectangle, *degrees));
}

std::optional<Annotation> CvatShapes::polygon(const pugi::xml_node& node) {
  const auto points = cvat_points(node.attribute("points").value(), 3);
  if (!points) return list(ProblemKind::kBadLine, node, "the polygon has no three points"), std::nullopt;
  if (!std::all_of(points->begin(), points->end(), [](double value) { return std::abs(value) < kFarthest; })) {
    return list(ProblemKind::kNotFinite, node, "the polygon has a point that is not finite"), std::nullopt;
  }
  return outlined(*points);
}

Annotation CvatShapes::outlined(std::vector<double> points) {
  Annotation annotation;
  annotation.rectangle = extent(points);
  annotation.area = area(points);
  annotation.mask = static_cast<std::int32_t>(dataset_.masks.size());
  dataset_.masks.push_back(Polygons{std::move(points)});
  return annotation;
}

std::optional<Annotation> CvatShapes::mask(const pugi::xml_node& node, const ImageEntry& image) {
  const auto left = whole_number(node.attribute("left")), top = whole_number(node.attribute("top"));
  const auto width = whole_number(node.attribute("width")), height = whole_number(node.attribute("height"));
  std::optional<RunLengths> runs;
  if (left && top && width && height) {
    runs = from_cvat({*left, *top, *width, *height, node.attribute("rle").value()}, image.width, image.height);
  }
  if (!runs)
    return list(ProblemKind::kBadLine, node, "the mask's runs do not fill its box, or it is not within the image"),
           std::nullopt;
  const auto box = extent(*runs);
  if (!box) return list(ProblemKind::kDegenerateBox, node, "the mask is empty"), std::nullopt;
  Annotation annotation;
  annotation.rectangle = *box;
  annotation.area = static_cast<double>(mask_area(*runs));
  annotation.mask = static_cast<std::int32_t>(dataset_.masks.size());
  dataset_.masks.push_back(std::move(*runs));
  return annotation;
}

void CvatShapes::read_attributes(const pugi::xml_node& node, Annotation& annotation) {
  Attributes attributes;
  const auto add = [&](const char* name, const char* xml_name, std::string_view plain) {
    const std::string_view value = node.attribute(xml_name).value();
    if (!value.empty() && value != plain) attributes.emplace_back(name, value);
  };
  add(kCvatSource, "source", "manual");
  add(kCvatZOrder, "z_order", "0");
  add(kCvatGroup, "group_id", "0");
  for (const auto& child : node.children("attribute")) {
    const std::string name = child.attribute("name").value(), value = child.text().get();
    if (name.empty() || read_field(name, value, annotation)) continue;
    const bool known = std::any_of(attributes.begin(), attributes.end(), [&](const auto& a) { return a.first == name; });
    if (!known) attributes.emplace_back(name, value);
  }
  if (attributes.empty()) return;
  annotation.attributes = static_cast<std::int32_t>(dataset_.attributes.size());
  dataset_.attributes.push_back(std::move(attributes));
}

/// True when the attribute stands for a field.
bool CvatShapes::read_field(const std::string& name, const std::string& value, Annotation& annotation) {
  if (name == kCvatDifficult || name == kCvatTruncated || name == kCvatCrowd) {
    if (value != "true" && value != "false") return false;
    bool& field = name == kCvatDifficult   ? annotation.difficult
                  : name == kCvatTruncated ? annotation.truncated
                                           : annotation.crowd;
    field = value == "true";
    return true;
  }
  const auto number = xml_number(value);
  if (name == kCvatScore && number && *number >= 0 && *number <= 1) {
    annotation.score = static_cast<float>(*number);
    return true;
  }
  if (name == kCvatTrack && number && *number >= 0 && *number < 2e9 && *number == std::floor(*number)) {
    annotation.track = static_cast<std::int32_t>(*number);
    return true;
  }
  return false;
}

}  // namespace goshawk::dataset
