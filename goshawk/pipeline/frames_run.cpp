#include "goshawk/pipeline/frames_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <thread>

#include "goshawk/core/machine.h"
#include "goshawk/core/queue.h"
#include "goshawk/core/text.h"
#include "goshawk/media/frame_map.h"
#include "goshawk/pipeline/first_error.h"

namespace goshawk::pipeline {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using dataset::FrameSourceState;

std::string describe_time(Microseconds time) { return fmt::format("{}", std::chrono::duration<double>(time).count()); }

/// All that decides which files a source gives, in words: a folder holds one choice of frames of a source.
std::string describe_choice(const FramesOptions& options) {
  std::string text = describe(options.selection);
  if (options.start) text += ", from " + describe_time(*options.start) + " s";
  if (options.end) text += ", up to " + describe_time(*options.end) + " s";
  if (options.max_frames) text += fmt::format(", {} at most", *options.max_frames);
  if (options.min_change > 0) text += fmt::format(", change of {} % at least", options.min_change);
  return text + (options.encoding.png ? ", PNG" : fmt::format(", JPEG of quality {}", options.encoding.quality));
}

/// One source while it is read.
struct Job {
  FramesInput input;
  SourceIdentity identity;
  FrameClaim claim;
  FramesRow row;
  int pass = 0, passes = 1;            // times it is read
  std::optional<Microseconds> length;  // up to where it is read, as far as known
  std::atomic<double> fraction = 0;    // of the work that is done
  std::atomic<std::int64_t> read = 0;  // frames gone by in this pass

  void passed(std::int64_t index, Microseconds pts) {
    read = index + 1;
    if (!length || length->count() <= 0) return;
    const double part = std::clamp(static_cast<double>(pts.count()) / static_cast<double>(length->count()), 0.0, 1.0);
    fraction = (pass - 1 + part) / passes;
  }
};

struct Picture {
  std::uint32_t source = 0;
  Frame frame;
};

/// Which frames of one source are taken: joins the range, the choice and what an earlier run did.
class Picker {
 public:
  Picker(const FramesOptions& options, const FrameClaim& claim, std::int64_t total)
      : options_(options), chooser_(options.selection, total) {
    if (const auto* scenes = std::get_if<SceneChanges>(&options.selection)) scenes_.emplace(scenes->threshold);
    if (claim.indexes.empty()) return;
    last_recorded_ = *claim.indexes.rbegin();
    // Later frames are compared with the last stored one, and a scene's score needs the change of the frame before too.
    const std::int64_t again = scenes_ ? 2 : options.min_change > 0 ? 1 : 0;
    first_looked_at_ = std::max<std::int64_t>(0, last_recorded_ + 1 - again);
    kept_ = static_cast<std::int64_t>(claim.indexes.size());
    similar_ = claim.similar;
  }

  /// By place alone, before the picture is converted. Asked of each frame in order.
  bool may_want(std::int64_t index, Microseconds pts) {
    const Microseconds start = options_.start.value_or(Microseconds(0));
    if (pts < start) return false;
    if (!first_in_range_) first_in_range_ = index;
    return chooser_.wants(index - *first_in_range_, pts - start) && index >= first_looked_at_;
  }

  /// Of a frame that may be wanted: whether it is to be written now.
  bool takes(const Frame& frame) {
    if (scenes_ || options_.min_change > 0) {
      const cv::Mat small = thumbnail(frame.image);
      const bool begins = !scenes_ || scenes_->begins_scene(small);
      if (frame.index <= last_recorded_) {
        last_kept_ = small;
        return false;
      }
      if (!begins) return false;
      if (options_.min_change > 0) {
        if (!last_kept_.empty() && picture_change(last_kept_, small) < options_.min_change) {
          ++similar_;
          return false;
        }
        last_kept_ = small;
      }
    }
    ++kept_;
    return true;
  }

  bool done() const { return chooser_.done() || (options_.max_frames && kept_ >= *options_.max_frames); }
  std::int64_t similar() const { return similar_; }

 private:
  const FramesOptions& options_;
  FrameChooser chooser_;
  std::optional<SceneDetector> scenes_;
  std::optional<std::int64_t> first_in_range_;
  std::int64_t last_recorded_ = -1, first_looked_at_ = 0;
  std::int64_t kept_ = 0, similar_ = 0;
  cv::Mat last_kept_;
};

class FramesRun {
 public:
  explicit FramesRun(const FramesOptions& options)
      : options_(options),
        threads_(options.threads > 0 ? options.threads : usable_cores()),
        pictures_(static_cast<std::size_t>(threads_) * 2) {}

  FramesSummary run(const std::vector<FramesInput>& inputs, const fs::path& folder, const std::stop_token& stop,
                    const std::function<void(const FramesProgress&)>& on_progress) {
    const auto begun = Clock::now();
    const std::stop_callback passed_on(stop, [this] { stop_.request_stop(); });
    prepare(inputs, folder);
    {
      const auto readers = std::min<std::size_t>(static_cast<std::size_t>(threads_), open_jobs());
      decoder_threads_ = std::max(1, threads_ / static_cast<int>(std::max<std::size_t>(readers, 1)));
      readers_left_ = readers;
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < readers; ++i) {
        threads.emplace_back([this] {
          errors_.guard([this] { read_sources(); });
          if (--readers_left_ == 0) pictures_.close();
        });
      }
      if (readers == 0) pictures_.close();
      writers_left_ = threads_;
      for (int i = 0; i < threads_; ++i) {
        threads.emplace_back([this] {
          errors_.guard([this] { write_pictures(); });
          const std::lock_guard guard(mutex_);
          if (--writers_left_ == 0) ended_.notify_all();
        });
      }
      errors_.guard([&] { watch(on_progress); });
    }
    if (errors_.happened()) save_what_is_there();
    errors_.rethrow();
    store_->save();
    return summary(stop, begun);
  }

 private:
  /// No file of the folder changes before it is known that all sources may be taken into it.
  void prepare(const std::vector<FramesInput>& inputs, const fs::path& folder) {
    for (const auto& input : inputs) add(input);
    store_.emplace(folder, options_.encoding);
    for (auto& job : jobs_) claim(*job);
    for (auto& job : jobs_) {
      if (job->claim.earlier > 0 && !stop_.stop_requested()) drop_earlier(*job);
    }
    store_->save();
  }

  void end_if_stopped() const {
    if (stop_.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped before the first image");
  }

  /// A file that several inputs lead to is one job: two would write the same images.
  void add(const FramesInput& input) {
    end_if_stopped();
    auto identity = identify_source(input.spec);
    const auto same = [&](const auto& job) { return job->identity.path == identity.path; };
    if (!identity.fingerprint.empty() && std::any_of(jobs_.begin(), jobs_.end(), same)) {
      log(input.spec + " is given more than once and taken once");
      return;
    }
    jobs_.push_back(std::make_unique<Job>());
    jobs_.back()->input = input;
    jobs_.back()->identity = std::move(identity);
  }

  void claim(Job& job) {
    end_if_stopped();
    job.claim = store_->claim(job.identity, job.input.name, describe_choice(options_), options_.restart);
    job.row.name = job.claim.name;
    job.row.path = job.identity.path;
    job.row.state = job.claim.state;
    job.row.earlier = store_->stored(job.claim.source);
    if (job.claim.missing_files > 0) {
      log(fmt::format("{} of {} images of {} are gone; --restart takes them anew", job.claim.missing_files, job.row.earlier,
                      job.row.name));
    }
  }

  void drop_earlier(Job& job) {
    try {
      std::string unused;
      auto options = source_options(unused);
      options.log = {};  // said when the frames are taken
      (void)open(job, options);
    } catch (const Error& error) {
      return fail(job, error);
    }
    job.pass = 0;
    store_->drop_earlier(job.claim.source);
    if (!options_.restart) log(fmt::format("{} has changed: its {} images are taken anew", job.input.spec, job.row.earlier));
    job.row.earlier = 0;
  }

  /// What was stopped has not failed.
  void fail(Job& job, const Error& error) const {
    if (error.code() == ErrorCode::kInterrupted || stop_.stop_requested()) return;
    job.row.error = error;
    job.row.state = FrameSourceState::kFailed;
  }

  std::size_t open_jobs() const {
    return static_cast<std::size_t>(
        std::count_if(jobs_.begin(), jobs_.end(), [](const auto& job) { return !is_done(*job); }));
  }

  static bool is_done(const Job& job) { return job.row.error || job.claim.state == FrameSourceState::kComplete; }

  void log(const std::string& line) {
    const std::lock_guard guard(mutex_);
    if (options_.log) options_.log(line);
  }

  void read_sources() {
    for (;;) {
      const std::size_t number = next_job_++;
      if (number >= jobs_.size()) return;
      Job& job = *jobs_[number];
      if (!is_done(job) && !stop_.stop_requested()) read_source(job);
      job.fraction = 1;
      ++sources_ended_;
    }
  }

  /// What is wrong with one source does not end the others; what is wrong with the folder does.
  void read_source(Job& job) {
    std::string problem;
    job.row.state = FrameSourceState::kPartial;
    try {
      read_frames(job, problem);
    } catch (const Error& error) {
      fail(job, error);
      if (job.row.error) problem = error.what();
    }
    store_->end(job.claim.source, job.row.state, job.read, job.row.similar, problem);
  }

  media::SourceOptions source_options(std::string& problem) {
    media::SourceOptions options;
    options.end = options_.end;
    options.timeout = options_.timeout;
    options.threads = decoder_threads_;
    options.log = [this, &problem](const std::string& line) {
      problem = line;
      log(line);
    };
    return options;
  }

  void read_frames(Job& job, std::string& problem) {
    auto options = source_options(problem);
    const auto map = map_frames(job, options);
    const std::int64_t total = map ? frames_in_range(*map) : count_frames(job, options);
    if (stop_.stop_requested()) return;
    Picker picker(options_, job.claim, total);
    job.row.similar = job.claim.similar;
    if (map) choose_ahead(job, total, map, options);
    const bool chosen = options.chosen.has_value();
    options.wanted = [&](std::int64_t index, Microseconds pts) {
      job.passed(index, pts);
      return chosen || picker.may_want(index, pts);
    };
    const auto source = open(job, options);
    const auto& info = source->info();
    store_->describe(job.claim.source, info.codec, info.width, info.height, info.frame_rate);
    bool ended = picker.done();
    if (ended && !job.claim.indexes.empty()) job.read = *job.claim.indexes.rbegin() + 1;  // an earlier run had all
    while (!ended) {
      auto frame = source->read(stop_.get_token());
      if (!frame && stop_.stop_requested()) break;
      const bool taken = frame && picker.takes(*frame);
      ended = !frame || picker.done();
      job.row.similar = picker.similar();
      if (!taken) continue;
      store_->expect(job.claim.source, frame->index, picker.similar());
      if (!pictures_.push({job.claim.source, std::move(*frame)})) return;
    }
    if (ended && chosen && !picker.done()) job.read = map->frames();
    if (ended || info.live) job.row.state = FrameSourceState::kComplete;
  }

  /// The frames of a file, where the choice may leave out enough of them to pay for reading its packets first.
  std::shared_ptr<const media::FrameMap> map_frames(const Job& job, const media::SourceOptions& options) {
    if (job.identity.fingerprint.empty() || !may_leave_out(job)) return nullptr;
    auto map = media::FrameMap::of_file(job.input.spec, options, stop_.get_token());
    if (!map || !agrees(*map, job.claim)) return nullptr;
    return std::make_shared<const media::FrameMap>(std::move(*map));
  }

  bool may_leave_out(const Job& job) const {
    if (std::holds_alternative<RandomFrames>(options_.selection)) return true;
    if (options_.start || !job.claim.indexes.empty()) return true;
    if (std::holds_alternative<SceneChanges>(options_.selection)) return false;
    const auto* every = std::get_if<EveryFrames>(&options_.selection);
    if (every != nullptr && every->step == 1) return false;
    if (!options_.max_frames) return true;
    // The first few of a long video: decoding a frame takes about as long as reading a megabyte.
    constexpr double kBytesPerFrame = 1e6, kFramesPerSecond = 25;
    const double step =
        every != nullptr
            ? static_cast<double>(every->step)
            : std::chrono::duration<double>(std::get<EveryInterval>(options_.selection).period).count() * kFramesPerSecond;
    return static_cast<double>(*options_.max_frames) * step * kBytesPerFrame > static_cast<double>(job.identity.bytes);
  }

  /// Whether an earlier run counted as the map does: it may have decoded a file with pictures that cannot be.
  static bool agrees(const media::FrameMap& map, const FrameClaim& claim) {
    if (claim.indexes.empty()) return true;
    const std::int64_t last = *claim.indexes.rbegin();
    return last < map.frames() && std::max(map.time(last), Microseconds(0)) == claim.last_time;
  }

  std::int64_t frames_in_range(const media::FrameMap& map) const {
    std::int64_t before = 0;
    while (options_.start && before < map.frames() && map.time(before) < *options_.start) ++before;
    return map.frames() - before;
  }

  /// Sets `options.chosen` where that spares decoding. A random choice is always made so, as its frames were counted so.
  void choose_ahead(const Job& job, std::int64_t total, const std::shared_ptr<const media::FrameMap>& map,
                    media::SourceOptions& options) {
    Picker picker(options_, job.claim, total);
    std::vector<std::int64_t> indexes;
    for (std::int64_t index = 0; index < map->frames(); ++index) {
      if (picker.may_want(index, map->time(index))) indexes.push_back(index);
    }
    std::int64_t decoded = 0;
    for (const auto& range : map->packets_for(indexes)) decoded += range.end - range.first;
    const bool pays = static_cast<double>(decoded) < 0.9 * static_cast<double>(map->packets());
    if (!pays && !std::holds_alternative<RandomFrames>(options_.selection)) return;
    options.chosen = media::ChosenFrames{map, std::move(indexes)};
  }

  std::unique_ptr<media::Source> open(Job& job, const media::SourceOptions& options) {
    auto source = media::open_source(job.input.spec, options, stop_.get_token());
    const auto& info = source->info();
    if (info.images) {
      throw Error(ErrorCode::kUsage, "frames are taken from videos, and this is an image", job.input.spec);
    }
    if (info.live && !options_.end && !options_.max_frames) {
      throw Error(ErrorCode::kUsage, "a live source has no end", job.identity.path,
                  "Say how long with --duration, or how many with --max-frames.");
    }
    job.read = 0;
    ++job.pass;
    if (info.duration) job.length = std::min(*info.duration, options_.end.value_or(*info.duration));
    else if (options_.end) job.length = *options_.end;
    return source;
  }

  /// For sources without a map. RandomFrames is uniform only when the number of frames is known, and containers promise more
  /// or less than there are.
  std::int64_t count_frames(Job& job, media::SourceOptions options) {
    if (!std::holds_alternative<RandomFrames>(options_.selection)) return 0;
    job.passes = 2;
    std::int64_t total = 0;
    options.wanted = [&](std::int64_t index, Microseconds pts) {
      job.passed(index, pts);
      if (pts >= options_.start.value_or(Microseconds(0))) ++total;
      return false;
    };
    options.log = {};  // said when the frames are taken
    const auto source = open(job, options);
    if (source->info().live) {
      throw Error(ErrorCode::kUsage, "a live source cannot be read twice, as a random choice needs it", job.input.spec,
                  "Use --interval or --every.");
    }
    (void)source->read(stop_.get_token());
    return total;
  }

  void write_pictures() {
    while (auto picture = pictures_.pop()) store_->write(picture->source, picture->frame);
  }

  /// Shows progress and keeps frames.json fresh, until the last picture is written. A long list is written less often, so
  /// that a twentieth of the time goes into it at most.
  void watch(const std::function<void(const FramesProgress&)>& on_progress) {
    auto next_save = Clock::now() + std::chrono::seconds(2);
    for (;;) {
      {
        std::unique_lock guard(mutex_);
        if (ended_.wait_for(guard, std::chrono::milliseconds(100), [this] { return writers_left_ == 0; })) return;
      }
      if (on_progress) on_progress(progress());
      const auto before = Clock::now();
      if (before < next_save) continue;
      store_->save();
      next_save = Clock::now() + std::max<Clock::duration>(std::chrono::seconds(2), (Clock::now() - before) * 20);
    }
  }

  FramesProgress progress() const {
    FramesProgress progress;
    bool endless = false;
    for (const auto& job : jobs_) {
      const auto bytes = static_cast<double>(job->identity.bytes);
      endless |= job->identity.fingerprint.empty();
      progress.total += bytes;
      progress.done += bytes * job->fraction;
      progress.read += job->read;
      progress.written += store_->stored(job->claim.source) - job->row.earlier;
    }
    if (endless) progress.total = 0;
    progress.sources_ended = sources_ended_;
    return progress;
  }

  void save_what_is_there() {
    try {
      store_->save();
    } catch (const Error&) {  // the error that ended the run says more
    }
  }

  FramesSummary summary(const std::stop_token& stop, Clock::time_point begun) {
    FramesSummary summary;
    for (auto& job : jobs_) {
      job->row.read = job->read;
      job->row.written = store_->stored(job->claim.source) - job->row.earlier;
      summary.sources.push_back(std::move(job->row));
      const FramesRow& row = summary.sources.back();
      summary.interrupted |= stop.stop_requested() && row.state == FrameSourceState::kPartial;
      if (row.state == FrameSourceState::kComplete && row.written + row.earlier == 0 && !stop.stop_requested()) {
        log(row.name + " gave no image: it has no frame" + (options_.start || options_.end ? " in the chosen range" : ""));
      }
    }
    summary.wall_seconds = std::chrono::duration<double>(Clock::now() - begun).count();
    return summary;
  }

  const FramesOptions& options_;
  int threads_;
  int decoder_threads_ = 1;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::optional<FrameStore> store_;
  BoundedQueue<Picture> pictures_;
  std::stop_source stop_;
  std::atomic<std::size_t> next_job_ = 0, readers_left_ = 0, sources_ended_ = 0;
  std::mutex mutex_;  // of the log and of writers_left_
  std::condition_variable ended_;
  int writers_left_ = 0;
  FirstError errors_{[this] {
    stop_.request_stop();
    pictures_.cancel();
  }};
};

bool has_video_extension(const fs::path& path) {
  constexpr std::array<std::string_view, 18> kExtensions{".mp4", ".m4v", ".mov",  ".mkv",   ".webm", ".avi",
                                                         ".ts",  ".mts", ".m2ts", ".mpg",   ".mpeg", ".wmv",
                                                         ".flv", ".ogv", ".3gp",  ".mjpeg", ".mjpg", ".h264"};
  return std::find(kExtensions.begin(), kExtensions.end(), to_lower(path.extension().string())) != kExtensions.end();
}

}  // namespace

FramesSummary extract_frames(const std::vector<FramesInput>& inputs, const fs::path& folder, const FramesOptions& options,
                             std::stop_token stop, const std::function<void(const FramesProgress&)>& on_progress) {
  require(options.min_change >= 0 && options.min_change <= 100, "FramesOptions::min_change out of range");
  require(options.encoding.quality >= 1 && options.encoding.quality <= 100, "FrameEncoding::quality out of range");
  return FramesRun(options).run(inputs, folder, stop, on_progress);
}

std::vector<fs::path> videos_in_folder(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code problem;
  for (fs::directory_iterator entry(folder, problem), end; !problem && entry != end; entry.increment(problem)) {
    std::error_code ignored;
    if (has_video_extension(entry->path()) && entry->is_regular_file(ignored)) found.push_back(entry->path());
  }
  if (problem) throw Error(ErrorCode::kNotFound, "the folder cannot be read: " + problem.message(), folder.string());
  if (found.empty()) {
    throw Error(ErrorCode::kNotFound, "there is no video in the folder", folder.string(),
                "Videos are told by their extensions; give others by their own names.");
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace goshawk::pipeline
