#include "goshawk/pipeline/track_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <future>
#include <nlohmann/json.hpp>
#include <opencv2/imgproc.hpp>
#include <optional>
#include <thread>
#include <unordered_map>

#include "goshawk/core/json_text.h"
#include "goshawk/core/queue.h"
#include "goshawk/pipeline/first_error.h"
#include "goshawk/pipeline/read_next.h"
#include "goshawk/pipeline/track_writers.h"

namespace goshawk::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kImageFrameRate = 25;  // of a video made from single images

double seconds(std::chrono::duration<double> duration) { return duration.count(); }

nlohmann::json to_json(const LatencySummary& s) {
  return {{"count", s.count}, {"total_ms", s.total}, {"mean_ms", s.mean}, {"min_ms", s.min}, {"p50_ms", s.p50},
          {"p90_ms", s.p90},  {"p95_ms", s.p95},     {"p99_ms", s.p99},   {"max_ms", s.max}};
}

/// The least score of a detection whose appearance the tracker looks at (BoT-SORT: the first association's).
float embedding_threshold(const track::TrackerOptions& options) {
  const auto* botsort = std::get_if<track::BotSortOptions>(&options.algorithm);
  return botsort != nullptr ? botsort->high_threshold : 0;
}

/// A frame on its way to the tracker. No detections: the detector skipped it.
struct DetectedFrame {
  Frame frame;    // scaled down, and so are the detections
  cv::Size size;  // as the source gave it
  std::optional<Detections> detections;
};

cv::Mat scaled_down(const cv::Mat& image, double factor) {
  const cv::Size size(std::max(1, cvRound(image.cols * factor)), std::max(1, cvRound(image.rows * factor)));
  cv::Mat smaller;
  cv::resize(image, smaller, size, 0, 0, cv::INTER_AREA);
  return smaller;
}

/// Tracks in the pixels of the source's frame.
std::vector<track::Track> in_source(std::vector<track::Track> tracks, const DetectedFrame& item) {
  const cv::Size scaled = item.frame.image.size();
  if (scaled == item.size) return tracks;
  const float x = static_cast<float>(item.size.width) / static_cast<float>(scaled.width);
  const float y = static_cast<float>(item.size.height) / static_cast<float>(scaled.height);
  for (auto& track : tracks) {
    const Box& box = track.box;
    track.box = {box.x1 * x, box.y1 * y, box.x2 * x, box.y2 * y};
  }
  return tracks;
}

/// Lengths of all tracks by class. Grows by a few bytes a track, not a frame.
class TrackCounter {
 public:
  void add(std::span<const track::Track> tracks) {
    for (const auto& track : tracks) {
      Entry& entry = entries_[track.id];
      entry.class_id = track.class_id;
      ++entry.length;
    }
  }

  std::vector<ClassSummary> summary(const std::vector<std::string>& names) const {
    std::map<int, ClassSummary> classes;
    for (const auto& [id, entry] : entries_) {
      ClassSummary& row = classes[entry.class_id];
      row.min_length = row.tracks == 0 ? entry.length : std::min(row.min_length, entry.length);
      row.max_length = std::max(row.max_length, entry.length);
      row.mean_length += static_cast<double>(entry.length);
      ++row.tracks;
    }
    std::vector<ClassSummary> rows;
    for (auto& [class_id, row] : classes) {
      row.name = distinct_class_name(names, class_id);
      row.mean_length /= static_cast<double>(row.tracks);
      rows.push_back(row);
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.tracks > b.tracks; });
    return rows;
  }

 private:
  struct Entry {
    int class_id = 0;
    std::int64_t length = 0;
  };
  std::unordered_map<int, Entry> entries_;
};

class TrackRun {
 public:
  TrackRun(media::Source& source, const TrackModels& models, const TrackRunOptions& options)
      : source_(source),
        detector_(models.detector),
        embedder_(models.embedder),
        embedding_threshold_(embedding_threshold(options.tracker)),
        options_(options),
        batch_(std::min(options.batch, std::max(1, models.detector.useful_batch()))),
        tracker_(track::make_tracker(options.tracker)),
        frames_(source.info().live ? 1 : static_cast<std::size_t>(std::max(options.batch, 2)) * 2,  // live: the newest only
                source.info().live ? WhenFull::kDropOldest : WhenFull::kWait),
        detected_(static_cast<std::size_t>(std::max(options.batch, 2)) * 2) {}

  TrackSummary run(const std::filesystem::path& folder, const std::string& video_name, std::stop_token stop,
                   const std::function<void(std::int64_t)>& on_progress) {
    const auto start = Clock::now();
    {
      std::jthread reader([&] { errors_.guard([&] { read_frames(stop); }); });
      std::jthread detection([&] { errors_.guard([&] { detect_frames(); }); });
      errors_.guard([&] { write_frames(folder, video_name, stop, on_progress); });
      cancel();  // after an error here, the others must not wait for ever; after success there is nothing left
    }
    errors_.rethrow();
    summary_.interrupted = stop.stop_requested();
    summary_.dropped_frames = frames_.dropped();
    summary_.wall_seconds = seconds(Clock::now() - start);
    if (zones_) summary_.zones = zones_->counts();
    summary_.classes = counter_.summary(detector_.recipe().class_names);
    const auto& timings = detector_.timings();
    summary_.stages = {{"decode", decode_.summary()},
                       {"prepare", timings.prepare.summary()},
                       {"inference", timings.inference.summary()},
                       {"postprocess", timings.decode.summary()},
                       {"embed", embedder_ != nullptr ? embedder_->timings().summary() : LatencySummary{}},
                       {"track", track_.summary()},
                       {"draw", draw_.summary()},
                       {"encode", encode_.summary()}};
    return summary_;
  }

 private:
  void cancel() {
    frames_.cancel();
    detected_.cancel();
  }

  void read_frames(const std::stop_token& stop) {
    try {
      while (auto frame = next_frame(stop)) {
        if (!frames_.push(std::move(*frame))) return;
      }
    } catch (const Error& error) {
      summary_.source_error = error;  // read only after the join
    }
    frames_.close();
  }

  std::optional<DetectedFrame> next_frame(const std::stop_token& stop) {
    const ScopedTimer timer(decode_);
    auto frame = read_next(source_, stop, summary_.unreadable);
    if (!frame) return std::nullopt;
    if (source_.info().images) {
      frame->pts = std::chrono::duration_cast<Microseconds>(
          std::chrono::duration<double>(static_cast<double>(frame->index) / kImageFrameRate));
    }
    const cv::Size size = frame->image.size();
    if (options_.resize < 1) frame->image = scaled_down(frame->image, options_.resize);
    return DetectedFrame{std::move(*frame), size, std::nullopt};
  }

  /// Frames whose detections are being computed.
  struct Submitted {
    std::vector<DetectedFrame> frames;
    std::future<std::vector<Detections>> results;
  };

  /// A file's next frames are submitted before the results of the last ones are waited for, so that the device never waits
  /// for us. A live source's are not, as its frames would only become old.
  void detect_frames() {
    const std::size_t ahead = source_.info().live ? 0 : 1;
    std::deque<Submitted> submitted;
    std::int64_t number = 0;
    for (;;) {
      std::vector<DetectedFrame> batch = next_batch(number);
      const bool ended = batch.empty();
      if (!ended) submitted.push_back(submit(std::move(batch)));
      while (submitted.size() > (ended ? 0 : ahead)) {
        if (!hand_on(std::move(submitted.front()))) return;
        submitted.pop_front();
      }
      if (ended) break;
    }
    detected_.close();
  }

  Submitted submit(std::vector<DetectedFrame> frames) {
    std::vector<cv::Mat> images;
    for (const auto& item : frames) {
      if (item.detections) images.push_back(item.frame.image);
    }
    auto results = images.empty() ? std::future<std::vector<Detections>>() : detector_.submit(std::move(images));
    return {std::move(frames), std::move(results)};
  }

  /// False when nobody wants more.
  bool hand_on(Submitted submitted) {
    if (submitted.results.valid()) {
      auto results = submitted.results.get();
      auto result = results.begin();
      for (auto& item : submitted.frames) {
        if (!item.detections) continue;
        item.detections = std::move(*result++);
        if (embedder_ != nullptr) embed(item.frame.image, *item.detections);
      }
    }
    for (auto& item : submitted.frames) {
      if (!detected_.push(std::move(item))) return false;
    }
    return true;
  }

  void embed(const cv::Mat& image, Detections& detections) {
    std::vector<Box> boxes;
    for (const auto& detection : detections) {
      if (detection.score < embedding_threshold_) break;  // highest score first
      boxes.push_back(detection.box);
    }
    auto vectors = embedder_->embed(image, boxes);
    for (std::size_t i = 0; i < vectors.size(); ++i) detections[i].embedding = std::move(vectors[i]);
  }

  /// Frames up to the batch size that need detection, with the skipped ones between them; marked by empty detections.
  /// Bounded: with a large `detect_every` the batch is not waited for.
  std::vector<DetectedFrame> next_batch(std::int64_t& number) {
    std::vector<DetectedFrame> batch;
    int to_detect = 0;
    while (to_detect < batch_ && batch.size() < 2 * static_cast<std::size_t>(batch_)) {
      auto frame = source_.info().live && !batch.empty() ? frames_.try_pop() : frames_.pop();
      if (!frame) break;
      if (number++ % options_.detect_every == 0) {
        frame->detections.emplace();
        ++to_detect;
      }
      batch.push_back(std::move(*frame));
    }
    return batch;
  }

  void write_frames(const std::filesystem::path& folder, const std::string& video_name, const std::stop_token& stop,
                    const std::function<void(std::int64_t)>& on_progress) {
    TrackWriters writers(folder, detector_.recipe().class_names);
    std::optional<AtomicFile> events;
    if (!options_.zones.empty()) events.emplace(folder / "events.jsonl");
    track::MotionRecorder motion(options_.signals, options_.zones);
    std::optional<media::VideoWriter> video;
    std::optional<Overlay> overlay;
    const auto start = Clock::now();
    while (auto item = detected_.pop()) {
      const auto tracks = track_frame(*item);
      const auto source_tracks = in_source(tracks, *item);
      writers.write(item->frame, source_tracks);
      if (events) count_zones(*item, source_tracks, events->stream());
      motion.update(source_tracks, zones_ ? &*zones_ : nullptr, item->frame.pts);
      ++summary_.frames;
      if (options_.video) {
        if (!video) {
          video.emplace(open_video(folder / video_name, item->frame.image.size()));
          overlay.emplace(options_.overlay, detector_.recipe().class_names, size_);
        }
        const double elapsed = seconds(Clock::now() - start);
        draw(item->frame.image, *overlay, tracks, static_cast<double>(summary_.frames) / std::max(elapsed, 1e-3));
        const ScopedTimer timer(encode_);
        video->write(fitted(item->frame.image), item->frame.pts);
      }
      if (on_progress) on_progress(summary_.frames);
    }
    if (errors_.happened()) return;  // the destructors remove what is unfinished
    if (summary_.frames == 0) return no_frames(stop);
    if (video) {
      video->finish();
      summary_.encoder = video->encoder();
    }
    writers.commit();
    if (events) events->commit();
    summary_.signals = motion.write(folder);
    summary_.signals_unseen = motion.unseen();
    summary_.signals_cut_off = motion.cut_off();
  }

  /// Nothing is written for nothing; the reason is told unless the source already gave one.
  void no_frames(const std::stop_token& stop) const {
    if (summary_.source_error) throw *summary_.source_error;
    if (stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped before the first frame");
    if (!summary_.unreadable.empty()) {
      throw Error(ErrorCode::kBadData, fmt::format("none of the {} images can be read", summary_.unreadable.size()),
                  source_.info().name, "The first: " + summary_.unreadable.front());
    }
    const auto& duration = source_.info().duration;
    throw Error(ErrorCode::kUsage, "there is no frame to track", source_.info().name,
                duration ? fmt::format("The video is {:.1f} s long; look at --start and --end.", seconds(*duration)) : "");
  }

  /// `tracks`: in the pixels of the source's frame, as the zones are.
  void count_zones(const DetectedFrame& item, std::span<const track::Track> tracks, std::ostream& out) {
    if (!zones_) zones_.emplace(options_.zones, detector_.recipe().class_names, item.size);
    for (const auto& event : zones_->update(tracks, item.frame.pts)) {
      const nlohmann::json line{{"frame", item.frame.index},
                                {"time", seconds(event.time)},
                                {"zone", options_.zones[static_cast<std::size_t>(event.zone)].name},
                                {"event", track::name(event.kind)},
                                {"id", event.track_id},
                                {"class", class_name(detector_.recipe().class_names, event.class_id)},
                                {"dwell", seconds(event.dwell)}};
      out << json_text(line, -1) << "\n";
    }
  }

  std::vector<track::Track> track_frame(const DetectedFrame& item) {
    const ScopedTimer timer(track_);
    std::vector<track::Track> tracks;
    if (item.detections) {
      ++summary_.detected_frames;
      summary_.detections += static_cast<std::int64_t>(item.detections->size());
      tracks = tracker_->update(*item.detections, item.frame.image);
    } else {
      tracks = tracker_->predict();
    }
    counter_.add(tracks);
    return tracks;
  }

  media::VideoWriter open_video(const std::filesystem::path& path, cv::Size size) {
    size_ = size;
    media::VideoWriterOptions writer = options_.writer;
    writer.width = size.width;
    writer.height = size.height;
    writer.frame_rate =
        source_.info().images || source_.info().frame_rate <= 0 ? kImageFrameRate : source_.info().frame_rate;
    return media::VideoWriter(path, writer);
  }

  void draw(cv::Mat& image, Overlay& overlay, std::span<const track::Track> tracks, double frames_per_second) {
    const ScopedTimer timer(draw_);
    overlay.draw_fps(image, frames_per_second);
    if (zones_) overlay.draw_zones(image, *zones_, options_.resize);
    overlay.draw_tracks(image, tracks);
  }

  /// Images of a folder may differ in size; a video has one.
  cv::Mat fitted(const cv::Mat& image) const {
    if (image.size() == size_) return image;
    const double scale =
        std::min(static_cast<double>(size_.width) / image.cols, static_cast<double>(size_.height) / image.rows);
    cv::Mat canvas(size_, CV_8UC3, cv::Scalar::all(0));
    const cv::Size inner(std::max(1, static_cast<int>(image.cols * scale)),
                         std::max(1, static_cast<int>(image.rows * scale)));
    cv::resize(image, canvas(cv::Rect({(size_.width - inner.width) / 2, (size_.height - inner.height) / 2}, inner)), inner);
    return canvas;
  }

  media::Source& source_;
  detect::Detector& detector_;
  detect::Embedder* embedder_;
  float embedding_threshold_;
  const TrackRunOptions& options_;
  int batch_;  // frames a call of the detector
  std::unique_ptr<track::Tracker> tracker_;
  BoundedQueue<DetectedFrame> frames_;
  BoundedQueue<DetectedFrame> detected_;
  LatencyRecorder decode_;                 // reader's thread
  LatencyRecorder track_, draw_, encode_;  // caller's thread
  TrackCounter counter_;
  std::optional<track::ZoneCounter> zones_;
  TrackSummary summary_;
  cv::Size size_;
  FirstError errors_{[this] { cancel(); }};
};

}  // namespace

TrackSummary track_source(media::Source& source, const TrackModels& models, const TrackRunOptions& options,
                          const std::filesystem::path& folder, const std::string& video_name, std::stop_token stop,
                          const std::function<void(std::int64_t)>& on_progress) {
  require(options.batch > 0 && options.detect_every > 0 && options.resize > 0, "TrackRunOptions out of range");
  return TrackRun(source, models, options).run(folder, video_name, std::move(stop), on_progress);
}

nlohmann::json to_json(const TrackSummary& summary, const std::vector<std::string>& class_names) {
  using nlohmann::json;
  json classes = json::object();
  std::int64_t unique = 0;
  for (const auto& row : summary.classes) {
    unique += row.tracks;
    classes[row.name] = {{"tracks", row.tracks},
                         {"mean_length", row.mean_length},
                         {"min_length", row.min_length},
                         {"max_length", row.max_length}};
  }
  json zones = json::array();
  for (const auto& counts : summary.zones) zones.push_back(track::to_json(counts, class_names));
  json stages = json::object();
  for (const auto& [name, latency] : summary.stages) stages[name] = to_json(latency);
  json result{{"frames", summary.frames},
              {"detected_frames", summary.detected_frames},
              {"dropped_frames", summary.dropped_frames},
              {"detections", summary.detections},
              {"detections_per_frame", summary.detected_frames > 0 ? static_cast<double>(summary.detections) /
                                                                         static_cast<double>(summary.detected_frames)
                                                                   : 0.0},
              {"unique_tracks", unique},
              {"classes", classes},
              {"zones", zones},
              {"wall_seconds", summary.wall_seconds},
              {"fps", summary.wall_seconds > 0 ? static_cast<double>(summary.frames) / summary.wall_seconds : 0.0},
              {"stages", stages},
              {"interrupted", summary.interrupted}};
  if (!summary.encoder.empty()) result["encoder"] = summary.encoder;
  if (summary.source_error) result["source_error"] = summary.source_error->describe();
  for (const auto& file : summary.signals) result["signals"].push_back(file.filename().string());
  if (!summary.signals_unseen.empty()) result["signals_unseen"] = summary.signals_unseen;
  if (!summary.signals_cut_off.empty()) result["signals_cut_off"] = summary.signals_cut_off;
  if (!summary.unreadable.empty()) result["unreadable"] = summary.unreadable;
  return result;
}

}  // namespace goshawk::pipeline
