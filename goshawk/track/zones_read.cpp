// Zones from flags and files.
#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "goshawk/core/document.h"
#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/track/fields.h"
#include "goshawk/track/polygon.h"
#include "goshawk/track/zones.h"

namespace goshawk::track {

namespace {

constexpr std::size_t kMostZones = 256, kMostPoints = 1000;
constexpr double kLargestCoordinate = 1e6;
constexpr std::string_view kUnits = "numbers are pixels; with a % sign they are parts of the frame, as in 50%";

constexpr std::array<std::pair<std::string_view, Anchor>, 10> kAnchors = {{{"corners", Anchor::kCorners},
                                                                           {"center", Anchor::kCenter},
                                                                           {"center-left", Anchor::kCenterLeft},
                                                                           {"center-right", Anchor::kCenterRight},
                                                                           {"top-center", Anchor::kTopCenter},
                                                                           {"top-left", Anchor::kTopLeft},
                                                                           {"top-right", Anchor::kTopRight},
                                                                           {"bottom-center", Anchor::kBottomCenter},
                                                                           {"bottom-left", Anchor::kBottomLeft},
                                                                           {"bottom-right", Anchor::kBottomRight}}};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::optional<Coordinate> read_coordinate(std::string_view text) {
  Coordinate coordinate;
  text = trimmed(text);
  if (text.ends_with('%')) {
    coordinate.percent = true;
    text = trimmed(text.substr(0, text.size() - 1));
  }
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), coordinate.value);
  if (problem != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (!(std::abs(coordinate.value) <= kLargestCoordinate)) return std::nullopt;
  return coordinate;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t comma = text.find(','); comma != text.npos; comma = text.find(',')) {
    parts.push_back(text.substr(0, comma));
    text.remove_prefix(comma + 1);
  }
  parts.push_back(text);
  return parts;
}

/// Of shapes in mixed units only the number of points is known; ZoneCounter looks at them in a frame.
void check_shape(const Zone& zone, ErrorCode code, const std::string& where) {
  std::vector<cv::Point2d> points;
  bool pixels = false, percent = false;
  for (const ZonePoint& point : zone.points) {
    points.emplace_back(point.x.value, point.y.value);
    for (const Coordinate& coordinate : {point.x, point.y}) (coordinate.percent ? percent : pixels) = true;
  }
  const bool polygon = zone.kind == ZoneKind::kPolygon;
  const auto problem = pixels && percent ? count_problem(polygon, points.size()) : shape_problem(polygon, points);
  if (problem) throw Error(code, *problem, where);
}

Zone parse(std::string_view text, ZoneKind kind, const std::string& default_name, std::string_view flag) {
  const std::string where = fmt::format("{} {}", flag, text.substr(0, 200));
  Zone zone{.name = default_name, .kind = kind, .points = {}, .classes = {}};
  if (kind == ZoneKind::kPolygon) zone.anchor = Anchor::kBottomCenter;
  if (const std::size_t colon = text.find_first_of(":="); colon != text.npos) {
    zone.name = trimmed(text.substr(0, colon));
    text.remove_prefix(colon + 1);
    if (zone.name.empty()) throw Error(ErrorCode::kUsage, "the name before the colon is empty", where);
  }
  const std::vector<std::string_view> numbers = split(text);
  if (numbers.size() % 2 != 0 || numbers.size() > 2 * kMostPoints) {
    throw Error(ErrorCode::kUsage, fmt::format("pairs of x,y are expected, not {} numbers", numbers.size()), where,
                fmt::format("{} \"name:{}\"", flag, kind == ZoneKind::kLine ? "x1,y1,x2,y2" : "x1,y1,x2,y2,x3,y3,..."));
  }
  for (std::size_t i = 0; i < numbers.size(); i += 2) {
    const auto x = read_coordinate(numbers[i]), y = read_coordinate(numbers[i + 1]);
    if (!x || !y) {
      throw Error(ErrorCode::kUsage, fmt::format("'{}' is not a coordinate", x ? numbers[i + 1] : numbers[i]), where,
                  std::string(kUnits));
    }
    zone.points.push_back({*x, *y});
  }
  check_shape(zone, ErrorCode::kUsage, where);
  return zone;
}

Coordinate coordinate_of(const nlohmann::json& node, const std::string& where) {
  if (node.is_number() && std::abs(node.get<double>()) <= kLargestCoordinate) return {node.get<double>(), false};
  if (node.is_string()) {
    if (const auto coordinate = read_coordinate(node.get_ref<const std::string&>())) return *coordinate;
  }
  throw Error(ErrorCode::kBadConfig, "a coordinate is expected, not " + describe(node), where, std::string(kUnits));
}

std::vector<ZonePoint> points_of(const nlohmann::json& node, const std::string& where) {
  if (!node.is_array())
    throw Error(ErrorCode::kBadConfig, "a list of points [x, y] is expected, not " + describe(node), where);
  if (node.size() > kMostPoints) throw Error(ErrorCode::kBadConfig, fmt::format("more than {} points", kMostPoints), where);
  std::vector<ZonePoint> points;
  for (std::size_t i = 0; i < node.size(); ++i) {
    const std::string here = fmt::format("{}[{}]", where, i);
    if (!node[i].is_array() || node[i].size() != 2) {
      throw Error(ErrorCode::kBadConfig, "a point [x, y] is expected, not " + describe(node[i]), here);
    }
    points.push_back({coordinate_of(node[i][0], here + "[0]"), coordinate_of(node[i][1], here + "[1]")});
  }
  return points;
}

template <class Value, std::size_t N>
Value one_of(const std::array<std::pair<std::string_view, Value>, N>& table, const std::string& word,
             const std::string& where) {
  std::vector<std::string> words;
  for (const auto& [text, value] : table) {
    if (text == word) return value;
    words.emplace_back(text);
  }
  throw Error(ErrorCode::kBadConfig, "'" + word + "' is not known" + did_you_mean(word, words), where,
              fmt::format("one of {}", fmt::join(words, ", ")));
}

Zone zone_of(const nlohmann::json& node, std::size_t index, const std::string& where) {
  static constexpr std::array<std::pair<std::string_view, ZoneKind>, 2> kKinds = {
      {{"line", ZoneKind::kLine}, {"polygon", ZoneKind::kPolygon}}};
  Fields fields(node, where);
  Zone zone;
  zone.name = "zone" + std::to_string(index + 1);
  fields.read("name", zone.name);
  if (!fields.has("points")) throw Error(ErrorCode::kBadConfig, "the points are missing", fields.path("points"));
  zone.points = points_of(fields.get("points"), fields.path("points"));
  std::string kind = zone.points.size() == 2 ? "line" : "polygon";
  fields.read("type", kind);
  zone.kind = one_of(kKinds, kind, fields.path("type"));
  std::string anchor = zone.kind == ZoneKind::kLine ? "corners" : "bottom-center";
  fields.read("anchor", anchor);
  zone.anchor = one_of(kAnchors, anchor, fields.path("anchor"));
  if (zone.anchor == Anchor::kCorners && zone.kind == ZoneKind::kPolygon) {
    throw Error(ErrorCode::kBadConfig, "'corners' is for lines only", fields.path("anchor"));
  }
  fields.read("classes", zone.classes);
  fields.read("frames", zone.frames, 1, 1000);
  fields.expect_no_others();
  if (zone.name.empty()) throw Error(ErrorCode::kBadConfig, "the name is empty", fields.path("name"));
  check_shape(zone, ErrorCode::kBadConfig, fields.path("points"));
  return zone;
}

}  // namespace

Zone parse_line(std::string_view text, int number) {
  return parse(text, ZoneKind::kLine, "line" + std::to_string(number), "--line");
}

Zone parse_polygon(std::string_view text, int number) {
  return parse(text, ZoneKind::kPolygon, "zone" + std::to_string(number), "--zone");
}

std::vector<Zone> read_zones(const std::filesystem::path& path) {
  return zones_of(read_document(path, {.bytes = 4ULL << 20, .nodes = 200'000, .depth = 8}), path.filename().string());
}

std::vector<Zone> zones_of(const nlohmann::json& document, const std::string& file_name) {
  const std::string file = file_name + ": ";
  const nlohmann::json* list = &document;
  if (document.is_object()) {
    Fields top(document, file);
    list = &top.get("zones");
    top.expect_no_others();
  }
  if (!list->is_array())
    throw Error(ErrorCode::kBadConfig, "a list of zones is expected, not " + describe(*list), file + "zones");
  if (list->size() > kMostZones)
    throw Error(ErrorCode::kBadConfig, fmt::format("more than {} zones", kMostZones), file + "zones");
  std::vector<Zone> zones;
  for (std::size_t i = 0; i < list->size(); ++i) {
    zones.push_back(zone_of((*list)[i], i, fmt::format("{}zones[{}]", file, i)));
    const auto same = [&](const Zone& other) { return other.name == zones.back().name; };
    if (std::any_of(zones.begin(), zones.end() - 1, same)) {
      throw Error(ErrorCode::kBadConfig, "two zones have the name '" + zones.back().name + "'",
                  fmt::format("{}zones[{}].name", file, i));
    }
  }
  return zones;
}

}  // namespace goshawk::track
