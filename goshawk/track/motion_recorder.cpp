// Recording of motion, and its files.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text.h"
#include "goshawk/track/signals.h"

namespace goshawk::track {

namespace {

constexpr std::size_t kMostSamples = 2'000'000;

cv::Point2d center(const Box& box) { return {box.center_x(), box.center_y()}; }

int find_zone(const SignalTarget& target, std::span<const Zone> zones) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < zones.size(); ++i) {
    if (zones[i].kind != ZoneKind::kPolygon) continue;
    if (zones[i].name == target.zone) return static_cast<int>(i);
    names.push_back(zones[i].name);
  }
  throw Error(ErrorCode::kBadConfig, "there is no polygon zone '" + target.zone + "'" + did_you_mean(target.zone, names),
              "--signal zone:" + target.zone);
}

/// The target's name as part of a file name.
std::string file_stem(const SignalTarget& target) {
  if (target.track_id > 0) return fmt::format("track-{}", target.track_id);
  std::string stem = "zone-" + target.zone;
  for (char& c : stem) {
    if (c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20) c = '_';
  }
  return stem;
}

}  // namespace

SignalTarget parse_signal_target(std::string_view text) {
  const auto fail = [&]() -> SignalTarget {
    throw Error(ErrorCode::kUsage, fmt::format("'{}' names neither a track nor a zone", text.substr(0, 100)), "--signal",
                "track:NUMBER or zone:NAME");
  };
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return fail();
  const std::string_view kind = text.substr(0, colon), rest = text.substr(colon + 1);
  if (kind == "zone" && !rest.empty()) return {0, std::string(rest)};
  int id = 0;
  const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), id);
  if (kind != "track" || problem != std::errc() || end != rest.data() + rest.size() || id < 1) return fail();
  return {id, {}};
}

std::string to_string(const SignalTarget& target) {
  return target.track_id > 0 ? fmt::format("track:{}", target.track_id) : "zone:" + target.zone;
}

MotionRecorder::MotionRecorder(std::vector<SignalTarget> targets, std::span<const Zone> zones) {
  for (SignalTarget& target : targets) {
    Record record;
    if (target.track_id == 0) record.zone = find_zone(target, zones);
    record.target = std::move(target);
    records_.push_back(std::move(record));
  }
}

void MotionRecorder::update(std::span<const Track> tracks, const ZoneCounter* zones, Microseconds time) {
  for (Record& record : records_) {
    if (record.samples.size() >= kMostSamples) {
      record.full = true;
      continue;
    }
    if (record.zone >= 0) {
      require(zones != nullptr, "MotionRecorder: a zone's motion needs the zones");
      record_zone(record, tracks, *zones, time);
      continue;
    }
    const auto track = std::ranges::find(tracks, record.target.track_id, &Track::id);
    if (track == tracks.end()) continue;
    const cv::Point2d place = center(track->box);
    record.samples.push_back({time, place.x, place.y});
  }
}

void MotionRecorder::record_zone(Record& record, std::span<const Track> tracks, const ZoneCounter& zones,
                                 Microseconds time) {
  std::vector<std::pair<int, cv::Point2d>> now;
  cv::Point2d middle, step;
  int stayed = 0;
  for (const Track& track : tracks) {
    if (!zones.is_inside(record.zone, track.id)) continue;
    now.emplace_back(track.id, center(track.box));
    middle += now.back().second;
    const auto before = std::ranges::find(record.last, track.id, [](const auto& entry) { return entry.first; });
    if (before == record.last.end()) continue;
    step += now.back().second - before->second;
    ++stayed;
  }
  if (!now.empty()) {
    if (record.samples.empty()) record.place = middle / static_cast<double>(now.size());
    if (stayed > 0) record.place += step / static_cast<double>(stayed);
    record.samples.push_back({time, record.place.x, record.place.y});
  }
  record.last = std::move(now);
}

std::vector<std::filesystem::path> MotionRecorder::write(const std::filesystem::path& folder,
                                                         const SignalOptions& options) const {
  std::vector<std::filesystem::path> paths;
  std::map<std::string, SignalTarget> taken;  // names of files, by whom
  for (const Record& record : records_) {
    if (record.samples.empty()) continue;
    const std::string plain = file_stem(record.target);
    std::string stem = plain;
    int number = 1;
    while (taken.contains(stem) && taken.at(stem) != record.target) stem = fmt::format("{}_{}", plain, ++number);
    if (!taken.emplace(stem, record.target).second) continue;  // the same target was given twice
    const std::vector<SignalPoint> points = smooth_motion(record.samples, options);
    paths.push_back(folder / (stem + ".csv"));
    write_signal_csv(paths.back(), points);
    paths.push_back(folder / (stem + ".funscript"));
    write_funscript(paths.back(), script_actions(points));
  }
  return paths;
}

std::vector<std::string> MotionRecorder::unseen() const {
  std::vector<std::string> names;
  for (const Record& record : records_) {
    if (record.samples.empty()) names.push_back(to_string(record.target));
  }
  return names;
}

std::vector<std::string> MotionRecorder::cut_off() const {
  std::vector<std::string> names;
  for (const Record& record : records_) {
    if (record.full) names.push_back(to_string(record.target));
  }
  return names;
}

void write_signal_csv(const std::filesystem::path& path, std::span<const SignalPoint> points) {
  AtomicFile file(path);
  file.stream() << "time,x,y,speed,position,period,segment\n";
  for (const SignalPoint& p : points) {
    file.stream() << fmt::format("{:.6f},{:.3f},{:.3f},{:.3f},{:.2f},{:.4f},{}\n", static_cast<double>(p.time.count()) / 1e6,
                                 p.x, p.y, p.speed, p.position, p.period, p.segment);
  }
  file.commit();
}

void write_funscript(const std::filesystem::path& path, std::span<const ScriptAction> actions) {
  nlohmann::ordered_json script = {{"version", "1.0"}, {"inverted", false}, {"range", 100}};
  script["actions"] = nlohmann::ordered_json::array();
  for (const ScriptAction& action : actions) script["actions"].push_back({{"at", action.at}, {"pos", action.position}});
  write_file_atomically(path, script.dump() + "\n");
}

}  // namespace goshawk::track
