#include "goshawk/track/zones.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/track/polygon.h"

namespace goshawk::track {

namespace {

constexpr Microseconds kMemory = std::chrono::seconds(10);  // how long an object that is not seen is remembered
constexpr double kDeadBand = 0.05;                          // of a box's mean side

cv::Point2d anchor_point(const Box& box, Anchor anchor) {
  const double x1 = box.x1, y1 = box.y1, x2 = box.x2, y2 = box.y2, x = (x1 + x2) / 2, y = (y1 + y2) / 2;
  switch (anchor) {
    case Anchor::kCorners:
    case Anchor::kCenter:
      return {x, y};
    case Anchor::kCenterLeft:
      return {x1, y};
    case Anchor::kCenterRight:
      return {x2, y};
    case Anchor::kTopCenter:
      return {x, y1};
    case Anchor::kTopLeft:
      return {x1, y1};
    case Anchor::kTopRight:
      return {x2, y1};
    case Anchor::kBottomCenter:
      return {x, y2};
    case Anchor::kBottomLeft:
      return {x1, y2};
    case Anchor::kBottomRight:
      return {x2, y2};
  }
  return {x, y};
}

double in_pixels(const Coordinate& coordinate, int length) {
  return coordinate.percent ? coordinate.value / 100 * length : coordinate.value;
}

std::vector<cv::Point2d> in_pixels(const Zone& zone, cv::Size frame) {
  std::vector<cv::Point2d> points;
  for (const ZonePoint& point : zone.points)
    points.emplace_back(in_pixels(point.x, frame.width), in_pixels(point.y, frame.height));
  return points;
}

void check_shape(const Zone& zone, const std::vector<cv::Point2d>& points, cv::Size frame) {
  if (const auto problem = shape_problem(zone.kind == ZoneKind::kPolygon, points)) {
    throw Error(ErrorCode::kBadConfig, *problem, "zone '" + zone.name + "'");
  }
  const auto all = [&](auto&& outside) { return std::ranges::all_of(points, outside); };
  if (all([](auto& p) { return p.x < 0; }) || all([](auto& p) { return p.y < 0; }) ||
      all([&](auto& p) { return p.x > frame.width; }) || all([&](auto& p) { return p.y > frame.height; })) {
    throw Error(ErrorCode::kBadConfig, "it lies outside the frame", "zone '" + zone.name + "'",
                "the frame is " + std::to_string(frame.width) + "x" + std::to_string(frame.height) +
                    " pixels; give coordinates in pixels, or in percent with a % sign");
  }
}

std::vector<char> wanted_classes(const Zone& zone, const std::vector<std::string>& class_names) {
  if (zone.classes.empty()) return {};
  std::vector<char> wanted(class_names.size(), 0);
  for (const std::string& name : zone.classes) {
    const auto found = std::ranges::find(class_names, name);
    if (found == class_names.end()) {
      throw Error(ErrorCode::kBadConfig, "the model knows no class '" + name + "'" + did_you_mean(name, class_names),
                  "zone '" + zone.name + "', classes");
    }
    wanted[found - class_names.begin()] = 1;
  }
  return wanted;
}

}  // namespace

std::string_view name(ZoneEventKind kind) {
  switch (kind) {
    case ZoneEventKind::kIn:
      return "in";
    case ZoneEventKind::kOut:
      return "out";
    case ZoneEventKind::kEnter:
      return "enter";
    case ZoneEventKind::kExit:
      return "exit";
    case ZoneEventKind::kLost:
      return "lost";
  }
  return "";
}

ZoneTally ZoneCounts::total() const {
  ZoneTally sum;
  for (const auto& [_, tally] : by_class) {
    sum.in += tally.in;
    sum.out += tally.out;
    sum.inside += tally.inside;
    sum.dwell_total += tally.dwell_total;
    sum.dwell_longest = std::max(sum.dwell_longest, tally.dwell_longest);
  }
  return sum;
}

ZoneCounter::ZoneCounter(std::vector<Zone> zones, std::vector<std::string> class_names, cv::Size frame_size)
    : zones_(std::move(zones)), tallies_(zones_.size()), places_(zones_.size()) {
  std::set<std::string> names;
  for (const Zone& zone : zones_) {
    if (!names.insert(zone.name).second) {
      throw Error(ErrorCode::kBadConfig, "two zones have this name", "zone '" + zone.name + "'",
                  "give each a name of its own");
    }
    shapes_.push_back({in_pixels(zone, frame_size), wanted_classes(zone, class_names)});
    check_shape(zone, shapes_.back().points, frame_size);
  }
}

bool ZoneCounter::wants(int zone, int class_id) const {
  const std::vector<char>& wanted = shapes_[zone].wanted;
  return wanted.empty() || (class_id >= 0 && class_id < static_cast<int>(wanted.size()) && wanted[class_id]);
}

ZoneCounter::Side ZoneCounter::side_of(int zone, const Box& box) const {
  if (zones_[zone].kind == ZoneKind::kLine) return side_of_line(zone, box);
  return contains(shapes_[zone].points, anchor_point(box, zones_[zone].anchor)) ? Side::kLeft : Side::kRight;
}

ZoneCounter::Side ZoneCounter::side_of_line(int zone, const Box& box) const {
  const cv::Point2d start = shapes_[zone].points[0], way = shapes_[zone].points[1] - start;
  const double length = std::hypot(way.x, way.y);
  std::vector<cv::Point2d> anchors = {anchor_point(box, zones_[zone].anchor)};
  double band = kDeadBand * 0.5 * (static_cast<double>(box.width()) + box.height());
  if (zones_[zone].anchor == Anchor::kCorners) {
    anchors = {{box.x1, box.y1}, {box.x2, box.y1}, {box.x1, box.y2}, {box.x2, box.y2}};
    band = 0;
  }
  bool left = false, right = false;
  for (const cv::Point2d& anchor : anchors) {
    const double along = (anchor - start).dot(way) / length;
    if (along < 0 || along > length) return Side::kUnknown;
    const double distance = way.cross(anchor - start) / length;  // above 0 on the right, as y points down
    if (std::abs(distance) <= band) return Side::kUnknown;
    (distance < 0 ? left : right) = true;
  }
  if (left && right) return Side::kUnknown;
  return left ? Side::kLeft : Side::kRight;
}

void ZoneCounter::observe(int zone, const Track& track, Microseconds time, std::vector<ZoneEvent>& events) {
  const auto [entry, is_new] = places_[zone].try_emplace(track.id);
  Place& place = entry->second;
  place.class_id = track.class_id;
  place.last_seen = time;
  const Side side = side_of(zone, track.box);
  if (side == Side::kUnknown) return;
  if (is_new || place.confirmed == Side::kUnknown) {  // the first side is where it starts from: nothing was crossed
    place.confirmed = side;
    if (zones_[zone].kind == ZoneKind::kPolygon && side == Side::kLeft) change_side(zone, track, place, side, time, events);
    return;
  }
  if (side == place.confirmed) {
    place.streak = 0;
    return;
  }
  place.streak = side == place.candidate && place.streak > 0 ? place.streak + 1 : 1;
  place.candidate = side;
  if (place.streak >= zones_[zone].frames) change_side(zone, track, place, side, time, events);
}

void ZoneCounter::change_side(int zone, const Track& track, Place& place, Side side, Microseconds time,
                              std::vector<ZoneEvent>& events) {
  const bool is_line = zones_[zone].kind == ZoneKind::kLine, inward = side == Side::kLeft;
  ZoneTally& tally = tallies_[zone][track.class_id];
  ++(inward ? tally.in : tally.out);
  place.confirmed = side;
  place.streak = 0;
  ZoneEvent event{zone, inward ? ZoneEventKind::kIn : ZoneEventKind::kOut, track.id, track.class_id, time, {}};
  if (!is_line) {
    event.kind = inward ? ZoneEventKind::kEnter : ZoneEventKind::kExit;
    if (inward) {
      place.entered = time;
    } else {
      event.dwell = time - place.entered;
      end_visit(zone, place);
    }
  }
  events.push_back(event);
}

void ZoneCounter::end_visit(int zone, const Place& place) {
  ZoneTally& tally = tallies_[zone][place.class_id];
  const Microseconds dwell = place.last_seen - place.entered;
  tally.dwell_total += dwell;
  tally.dwell_longest = std::max(tally.dwell_longest, dwell);
}

void ZoneCounter::forget_the_old(int zone, Microseconds time, std::vector<ZoneEvent>& events) {
  std::erase_if(places_[zone], [&](const auto& entry) {
    const Place& place = entry.second;
    if (time - place.last_seen <= kMemory) return false;
    if (zones_[zone].kind == ZoneKind::kPolygon && place.confirmed == Side::kLeft) {
      end_visit(zone, place);
      events.push_back(
          {zone, ZoneEventKind::kLost, entry.first, place.class_id, place.last_seen, place.last_seen - place.entered});
    }
    return true;
  });
}

std::vector<ZoneEvent> ZoneCounter::update(std::span<const Track> tracks, Microseconds time) {
  now_ = time;
  std::vector<ZoneEvent> events;
  for (int zone = 0; zone < static_cast<int>(zones_.size()); ++zone) {
    for (const Track& track : tracks) {
      if (wants(zone, track.class_id)) observe(zone, track, time, events);
    }
    forget_the_old(zone, time, events);
  }
  return events;
}

bool ZoneCounter::is_inside(int zone, int track_id) const {
  const auto place = places_[zone].find(track_id);
  return zones_[zone].kind == ZoneKind::kPolygon && place != places_[zone].end() && place->second.confirmed == Side::kLeft;
}

std::vector<ZoneCounts> ZoneCounter::counts() const {
  std::vector<ZoneCounts> all;
  for (std::size_t zone = 0; zone < zones_.size(); ++zone) {
    ZoneCounts counts{zones_[zone].name, zones_[zone].kind, tallies_[zone]};
    if (counts.kind == ZoneKind::kPolygon) {
      for (const auto& [_, place] : places_[zone]) {
        if (place.confirmed != Side::kLeft) continue;
        ZoneTally& tally = counts.by_class[place.class_id];
        const Microseconds dwell = place.last_seen - place.entered;
        if (place.last_seen == now_) ++tally.inside;
        tally.dwell_total += dwell;
        tally.dwell_longest = std::max(tally.dwell_longest, dwell);
      }
    }
    all.push_back(std::move(counts));
  }
  return all;
}

namespace {

nlohmann::json to_json(const ZoneTally& tally, ZoneKind kind) {
  nlohmann::json json = {{"in", tally.in}, {"out", tally.out}};
  if (kind == ZoneKind::kLine) return json;
  const auto seconds = [](Microseconds time) { return std::round(static_cast<double>(time.count()) / 1e3) / 1e3; };
  json["inside"] = tally.inside;
  json["dwell_total_s"] = seconds(tally.dwell_total);
  json["dwell_longest_s"] = seconds(tally.dwell_longest);
  json["dwell_mean_s"] = seconds(tally.dwell_mean());
  return json;
}

}  // namespace

nlohmann::json to_json(const ZoneCounts& counts, std::span<const std::string> class_names) {
  nlohmann::json json = {{"name", counts.name}, {"type", counts.kind == ZoneKind::kLine ? "line" : "polygon"}};
  json["total"] = to_json(counts.total(), counts.kind);
  json["by_class"] = nlohmann::json::object();
  for (const auto& [class_id, tally] : counts.by_class) {
    json["by_class"][distinct_class_name(class_names, class_id)] = to_json(tally, counts.kind);
  }
  return json;
}

}  // namespace goshawk::track
