#include "goshawk/benchmark/suite.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "goshawk/benchmark/statistics.h"
#include "goshawk/core/error.h"

namespace goshawk::benchmark {
namespace {

Candidate with(const Candidate& candidate, Axis axis, int value) {
  Candidate changed = candidate;
  switch (axis) {
    case Axis::kBatch:
      changed.batch = value;
      break;
    case Axis::kSize:
      changed.options.image_size = value;
      break;
    case Axis::kThreads:
      changed.options.session.threads = value;
      break;
    case Axis::kStreams:
      changed.options.session.parallel_runs = value;
      break;
    case Axis::kNone:
      break;
  }
  return changed;
}

std::string name_of(const Candidate& candidate) {
  const auto& session = candidate.options.session;
  std::string name = candidate.name.empty() ? candidate.model.stem().string() : candidate.name;
  if (session.device.kind != runtime::DeviceKind::kAuto) name += " on " + runtime::to_string(session.device);
  if (session.precision != runtime::Precision::kAuto) name += " in " + std::string(runtime::to_string(session.precision));
  return name;
}

/// Whether what was loaded is what the sweep asked for.
bool took(const LoadedInfo& info, Axis axis, int value) { return axis != Axis::kStreams || info.streams == value; }

class Running {
 public:
  Running(const Plan& plan, const std::vector<cv::Mat>& pictures, const MeasureOptions& options,
          const std::function<void(const std::string&)>& on_turn)
      : plan_(plan), pictures_(pictures), options_(options), on_turn_(on_turn) {}

  Suite run() {
    if (plan_.in_turns) {
      measure_candidates(plan_.candidates);
    } else {
      for (const auto& candidate : plan_.candidates) measure_candidates({candidate});
    }
    if (measured_.empty() && unavailable_) throw Error(*unavailable_);
    for (const auto& candidate : measured_) {
      for (const auto& [axis, values] : plan_.sweeps) sweep(candidate, axis, values);
    }
    return std::move(suite_);
  }

 private:
  using Models = std::vector<std::unique_ptr<LoadedModel>>;

  void check_stop() const {
    if (options_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while loading models");
  }

  void measure_candidates(const std::vector<Candidate>& candidates) {
    std::vector<double> compile_ms;
    Models models;
    for (const auto& candidate : candidates) {
      check_stop();
      try {
        const double uncached = time_to_compile(candidate);
        models.push_back(LoadedModel::load(candidate, pictures_));
        compile_ms.push_back(uncached);
        measured_.push_back(candidate);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kUnavailable || !plan_.skip_unavailable) throw;
        suite_.notes.push_back(name_of(candidate) + " left out: " + error.what());
        if (!unavailable_) unavailable_ = error;
      }
    }
    if (models.empty()) return;
    const std::size_t first = suite_.results.size();
    add(models, Axis::kNone);
    for (std::size_t i = 0; i < models.size(); ++i) suite_.results[first + i].compile_ms = compile_ms[i];
  }

  /// Without a cache; then the cache is filled, so that what is measured was loaded as a usual start loads it.
  double time_to_compile(const Candidate& candidate) const {
    if (!plan_.load_times || !candidate.options.session.cache_folder) return -1;
    check_stop();
    Candidate uncached = candidate;
    uncached.options.session.cache_folder.reset();
    const LoadedInfo info = LoadedModel::load(uncached, pictures_)->info();
    check_stop();
    if (runtime::compiles(info.device.kind)) LoadedModel::load(candidate, pictures_);
    return info.load_ms;
  }

  void sweep(const Candidate& candidate, Axis axis, const std::vector<int>& values) {
    Models models;
    for (const int value : values) {
      check_stop();
      try {
        auto model = LoadedModel::load(with(candidate, axis, value), pictures_);
        if (took(model->info(), axis, value)) models.push_back(std::move(model));
        else leave_out(candidate, axis, value, runtime::to_string(model->info().device) + " runs one call at a time");
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kInterrupted) throw;
        leave_out(candidate, axis, value, error.what());
      }
    }
    if (!models.empty()) add(models, axis);
  }

  void leave_out(const Candidate& candidate, Axis axis, int value, const std::string& why) {
    suite_.notes.push_back(name_of(candidate) + ", " + name(axis) + " " + std::to_string(value) + " left out: " + why);
  }

  void add(const Models& models, Axis axis) {
    std::vector<Contestant> contestants;
    auto options = options_;
    for (const auto& model : models) {
      const LoadedInfo& info = model->info();
      if (options.gpu < 0 && runtime::is_gpu(info.device.kind)) options.gpu = info.device.index;
      contestants.push_back(model->contestant());
    }
    const std::string what = models.size() == 1    ? models[0]->info().name + ", " + setting_of(models[0]->info())
                             : axis == Axis::kNone ? "all in turns"
                                                   : models[0]->info().name + ", by " + name(axis);
    options.progress = [&](double) {
      if (on_turn_) on_turn_(what);
    };
    auto samples = measure(contestants, options);
    for (std::size_t i = 0; i < models.size(); ++i) {
      Result result;
      result.axis = axis;
      result.group = group_;
      result.model = models[i]->info();
      result.samples = std::move(samples[i]);
      suite_.results.push_back(std::move(result));
    }
    ++group_;
  }

  const Plan& plan_;
  const std::vector<cv::Mat>& pictures_;
  const MeasureOptions& options_;
  const std::function<void(const std::string&)>& on_turn_;
  Suite suite_;
  std::vector<Candidate> measured_;
  std::optional<Error> unavailable_;
  std::size_t group_ = 0;
};

}  // namespace

const char* name(Axis axis) {
  switch (axis) {
    case Axis::kBatch:
      return "batch";
    case Axis::kSize:
      return "size";
    case Axis::kThreads:
      return "threads";
    case Axis::kStreams:
      return "streams";
    case Axis::kNone:
      break;
  }
  return "";
}

std::int64_t count_turns(const Plan& plan, const MeasureOptions& options) {
  std::size_t turns = plan.candidates.size();
  for (const auto& [axis, values] : plan.sweeps) turns += plan.candidates.size() * values.size();
  return static_cast<std::int64_t>(turns) * options.rounds;
}

Suite run_plan(const Plan& plan, const std::vector<cv::Mat>& pictures, const MeasureOptions& options,
               const std::function<void(const std::string&)>& on_turn) {
  return Running(plan, pictures, options, on_turn).run();
}

std::string setting_of(const LoadedInfo& model) {
  std::string text = runtime::to_string(model.device) + " " + std::string(runtime::to_string(model.precision));
  if (model.batch > 1) text += ", batch " + std::to_string(model.batch);
  if (model.streams > 1) text += ", " + std::to_string(model.streams) + " streams";
  if (model.threads > 0) text += ", " + std::to_string(model.threads) + (model.threads == 1 ? " thread" : " threads");
  return text;
}

Best best_of(const std::vector<Result>& results, const std::string& model) {
  std::vector<std::size_t> places;
  std::vector<Samples> samples;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].model.name != model || results[i].axis == Axis::kSize) continue;
    places.push_back(i);
    samples.push_back(results[i].samples);
  }
  require(!places.empty(), "best_of: no result of that model");
  return {places[best_latency(samples, false)], places[best_throughput(samples, false)]};
}

}  // namespace goshawk::benchmark
