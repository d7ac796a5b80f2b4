// Lines that are crossed and polygons that are stayed in: counts by class, dwell times, events.
#pragma once

#include <array>
#include <deque>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "goshawk/core/frame.h"
#include "goshawk/track/tracker.h"

namespace goshawk::track {

/// A place along one axis: pixels, or percent of the frame's width (x) or height (y).
struct Coordinate {
  double value = 0;
  bool percent = false;
  bool operator==(const Coordinate&) const = default;
};

struct ZonePoint {
  Coordinate x, y;
  bool operator==(const ZonePoint&) const = default;
};

enum class ZoneKind { kLine, kPolygon };

/// The point of a box that decides where an object is. kCorners (lines only): all four corners, so that an object is over
/// the line when the whole box is. Names in files: "corners", "center", "bottom-center", "top-left", ...
enum class Anchor {
  kCorners,
  kCenter,
  kCenterLeft,
  kCenterRight,
  kTopCenter,
  kTopLeft,
  kTopRight,
  kBottomCenter,
  kBottomLeft,
  kBottomRight
};

/// What the user drew.
struct Zone {
  std::string name;  // unique among the zones of a run
  ZoneKind kind = ZoneKind::kLine;
  std::vector<ZonePoint> points;     // 2 of a line, 3 or more of a polygon, in order around it
  std::vector<std::string> classes;  // only these are looked at; all when empty
  Anchor anchor = Anchor::kCorners;  // supervision's defaults: corners of a line, bottom centre of a polygon
  int frames = 1;                    // 1..1000: frames in a row on the other side before it counts
  bool operator==(const Zone&) const = default;
};

/// "name:x1,y1,x2,y2" as `--line` takes it. The name may be left out: it is then "line" and `number`. A number is in pixels;
/// with a percent sign it is a part of the frame's width or height. Throws Error{kUsage}.
Zone parse_line(std::string_view text, int number);
/// "name:x1,y1,x2,y2,x3,y3,..." as `--zone` takes it; "zone" and `number` without a name. Throws Error{kUsage}.
Zone parse_polygon(std::string_view text, int number);
/// Reads a YAML or JSON file: a list, or a map with the key `zones`, of {name, type, points, classes, anchor, frames}.
/// Throws Error{kNotFound} and Error{kBadConfig} naming the field, as in "zones.yaml: zones[1].points[0]".
std::vector<Zone> read_zones(const std::filesystem::path& path);
/// The same of a document in memory; `file` names it in messages.
std::vector<Zone> zones_of(const nlohmann::json& document, const std::string& file);

enum class ZoneEventKind { kIn, kOut, kEnter, kExit, kLost };
std::string_view name(ZoneEventKind kind);

/// Something that happened to one object at one zone.
struct ZoneEvent {
  int zone = 0;  // index into the zones
  ZoneEventKind kind = ZoneEventKind::kIn;
  int track_id = 0, class_id = 0;
  Microseconds time{0};
  Microseconds dwell{0};  // kExit and kLost: how long the object was inside
  bool operator==(const ZoneEvent&) const = default;
};

/// Of one class at one zone.
struct ZoneTally {
  int in = 0, out = 0;  // line: crossings; polygon: visits that began (seen coming in, or first seen inside), and
                        // visits that ended outside
  int inside = 0;       // polygon: objects inside in the last frame
  Microseconds dwell_total{0}, dwell_longest{0};  // polygon: of all visits, those that go on included
  Microseconds dwell_mean() const { return in > 0 ? dwell_total / in : Microseconds(0); }
  bool operator==(const ZoneTally&) const = default;
};

struct ZoneCounts {
  std::string name;
  ZoneKind kind = ZoneKind::kLine;
  std::map<int, ZoneTally> by_class;
  ZoneTally total() const;
};

/// Counts over one stream. Memory is bounded by the objects of the last ten seconds. Not thread-safe.
/// Lines: `in` is to the left of the way from the first point to the second as the picture shows it, `out` to the right
/// (supervision's LineZone 0.31). An object is looked at between the line's ends; while it straddles the line, or its anchor
/// jitters within a twentieth of the box's mean side, it stays on its old side.
class ZoneCounter {
 public:
  /// `class_names` by class id. Throws Error{kBadConfig} for names that are used twice, classes nobody knows, and shapes
  /// that make no sense in a frame of this size.
  ZoneCounter(std::vector<Zone> zones, std::vector<std::string> class_names, cv::Size frame_size);

  /// Takes the tracks of the next frame. `time` must not go back.
  std::vector<ZoneEvent> update(std::span<const Track> tracks, Microseconds time);
  /// For each zone. Visits that go on are counted up to the last frame.
  std::vector<ZoneCounts> counts() const;
  /// True when the polygon zone holds this track, as far as its last sight tells.
  bool is_inside(int zone, int track_id) const;
  const std::vector<Zone>& zones() const { return zones_; }
  /// A zone's points in pixels, to draw it.
  const std::vector<cv::Point2d>& outline(int zone) const { return shapes_[zone].points; }

 private:
  enum class Side { kUnknown, kLeft, kRight };  // of a polygon: left is inside
  struct Shape {
    std::vector<cv::Point2d> points;
    std::vector<char> wanted;  // by class id; empty: all
  };
  struct Place {
    Side confirmed = Side::kUnknown, candidate = Side::kUnknown;
    int streak = 0;  // frames in a row on the candidate side
    int class_id = 0;
    Microseconds entered{0}, last_seen{0};
  };
  bool wants(int zone, int class_id) const;
  Side side_of(int zone, const Box& box) const;
  Side side_of_line(int zone, const Box& box) const;
  void observe(int zone, const Track& track, Microseconds time, std::vector<ZoneEvent>& events);
  void change_side(int zone, const Track& track, Place& place, Side side, Microseconds time, std::vector<ZoneEvent>& events);
  void forget_the_old(int zone, Microseconds time, std::vector<ZoneEvent>& events);
  void end_visit(int zone, const Place& place);

  std::vector<Zone> zones_;
  std::vector<Shape> shapes_;
  std::vector<std::map<int, ZoneTally>> tallies_;  // by class, without visits that go on
  std::vector<std::map<int, Place>> places_;       // by track
  Microseconds now_{0};
};

/// As `stats.json` shows it: name, kind, total, and by class name in/out or in/out/inside/dwell seconds.
nlohmann::json to_json(const ZoneCounts& counts, std::span<const std::string> class_names);

}  // namespace goshawk::track
