#include "goshawk/optimize/search.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "goshawk/benchmark/models.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/onnx/wiring.h"
#include "goshawk/optimize/artefact.h"
#include "goshawk/optimize/precision.h"
#include "goshawk/optimize/provider_graph.h"
#include "goshawk/optimize/run_record.h"
#include "goshawk/optimize/saturation.h"
#include "goshawk/optimize/search_state.h"
#include "goshawk/optimize/simplify.h"
#include "goshawk/runtime/model_file.h"

namespace goshawk::optimize {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using runtime::DeviceKind;
using runtime::Precision;

class Search {
 public:
  Search(const fs::path& model, const Material& material, const fs::path& folder, const SearchOptions& options)
      : path_(model), material_(material), folder_(folder), options_(options) {}

  SearchOutcome run() {
    if (!material_.evaluation) {
      throw Error(ErrorCode::kBadConfig, "there are no labelled pictures to judge on", "--data",
                  "The search needs labels: a model is never called better unmeasured.");
    }
    if (options_.resume) state_ = read_state(state_file());
    judge_.emplace(*material_.evaluation, material_.renamed);
    for (const auto& line : judge_->left_out()) say("left out: " + line);
    outcome_.evaluation_images = static_cast<int>(judge_->truth().images.size());
    add_original();
    begin();
    make_folder(folder_ / "candidates");
    add_float_ways();
    judge_original();
    add_int8_ways();
    for (auto& way : outcome_.ways) judge(way);
    time_all();
    outcome_.best = decide(outcome_.ways, options_.max_drop, options_.least_speed_up);
    save_state();
    return std::move(outcome_);
  }

 private:
  void say(const std::string& line) const {
    if (options_.log) options_.log(line);
  }
  void note(const std::string& line) {
    auto& notes = outcome_.notes;
    if (std::find(notes.begin(), notes.end(), line) == notes.end()) notes.push_back(line);
  }
  void tell(const std::string& doing, std::int64_t done, std::int64_t total) const {
    if (options_.progress) options_.progress(doing, done, total);
    if (options_.stop.stop_requested())
      throw Error(ErrorCode::kInterrupted, "the search was stopped", folder_.string(), "Go on with --resume.");
  }

  /// What the kept figures hold for: all but what only the timing and the choice depend on, which are made anew.
  std::map<std::string, std::string> begun_with() const {
    const auto& options = options_.device;
    const auto& original = outcome_.ways.at(0);
    const auto& recipe = prepared_.recipe;
    return {{"model", sha256_of_bytes(onnx::serialize(prepared_.model))},
            {"recipe", sha256_of_bytes(detect::recipe_text(recipe))},
            {"--max-drop", fmt::format("{}", options_.max_drop)},
            {"--iou", fmt::format("{}", options.iou.value_or(recipe.iou))},
            {"--agnostic-nms", options.agnostic_nms ? "yes" : "no"},
            {"--imgsz", options.image_size ? std::to_string(*options.image_size) : "the model's"},
            {"device", runtime::to_string(original.device) + " " + std::string(runtime::to_string(original.precision))},
            {"pictures to calibrate with", content_hash(material_.calibration)},
            {"pictures to judge on, their labels and classes", content_hash(judge_->truth())},
            {"--map", fmt::format("{}", fmt::join(material_.renamed, ", "))}};
  }

  fs::path state_file() const { return folder_ / "search.json"; }
  void save_state() const { write_state(state_, state_file()); }

  /// Before anything is measured.
  void begin() {
    const auto now = begun_with();
    if (options_.resume) require_same(state_.begun_with, now, state_file());
    state_.begun_with = now;
    save_state();
  }

  std::vector<runtime::Device> devices() {
    if (!options_.devices.empty()) return options_.devices;
    std::vector<runtime::Device> found;
    for (const auto& status : runtime::list_devices()) {
      if (status.available) found.push_back(status.device);
      else note(runtime::to_string(status.device) + ": " + status.reason);
    }
    return found;
  }

  static std::vector<Precision> precisions(DeviceKind kind) {
    if (kind == DeviceKind::kCpu) return {Precision::kFp32};
    if (kind == DeviceKind::kOpenVino) return {Precision::kFp32, Precision::kBf16};
    return {Precision::kFp32, Precision::kFp16};
  }

  void add(Way way) {
    way.bytes = runtime::model_bytes(way.file);
    outcome_.ways.push_back(std::move(way));
  }

  void add_original() {
    prepared_ = prepare_model(path_, options_.device);
    add({.name = "original", .file = path_, .device = prepared_.runs_on, .precision = prepared_.runs_in});
  }

  void add_float_ways() {
    devices_ = devices();
    for (const auto& device : devices_) {
      const auto name = float_file(device);
      for (const auto precision : precisions(device.kind)) {
        add({.name = fmt::format("fp32 file, {} on {}", runtime::to_string(precision), runtime::to_string(device)),
             .file = candidate_file(name),
             .device = device,
             .precision = precision,
             .made = state_.made[name]});
      }
    }
  }

  /// The name of the tidied file for the device: one for all that have no wishes.
  std::string float_file(const runtime::Device& device) {
    auto model = prepared_.model;
    const auto fitted = fit_to_provider(model, device.kind);
    const std::string name = fitted == 0 ? "fp32" : "fp32-" + runtime::to_string(device);
    if (!written_.insert(name).second) return name;  // made anew in each run: what made an earlier one may have changed
    ScratchModel::write(stored_as(model, prepared_.stored), prepared_.recipe, candidate_file(name));
    state_.made[name] = {{"step", "simplify"},
                         {"nodes_before", prepared_.nodes_before},
                         {"nodes_after", model.nodes.size()},
                         {"fitted", fitted}};
    return name;
  }

  fs::path candidate_file(const std::string& name) const { return folder_ / "candidates" / (name + ".onnx"); }

  void add_int8_ways() {
    std::map<std::string, std::optional<fs::path>> files;  // nullopt: no device so far could make it
    for (const auto& device : devices_) {
      std::vector kinds{activations_for(device.kind)};
      if (kinds[0] == Activations::kSymmetric) kinds.push_back(Activations::kAsymmetric);  // slower, and loses less
      for (const auto activations : kinds) {
        const auto name = fmt::format("int8-{}-{}", to_string(placement_for(device.kind)), to_string(activations));
        if (!files[name]) files[name] = int8_file_or_note(name, device, activations);
        if (!files[name]) continue;
        for (const auto precision : precisions(device.kind)) {
          add({.name = fmt::format("int8 file ({}), {} on {}", to_string(activations), runtime::to_string(precision),
                                   runtime::to_string(device)),
               .file = *files[name],
               .device = device,
               .precision = precision,
               .eight_bits = true,
               .made = state_.made[name]});
        }
      }
    }
  }

  /// Else one way less is tried: a device may be there and not load the model.
  static bool ends_search(const Error& error) {
    return error.code() == ErrorCode::kInterrupted || error.code() == ErrorCode::kIo;
  }

  std::optional<fs::path> int8_file_or_note(const std::string& name, const runtime::Device& device,
                                            Activations activations) {
    try {
      return int8_file(name, device, activations);
    } catch (const Error& error) {
      if (ends_search(error)) throw;
      note(name + ": " + error.what());
      return std::nullopt;
    }
  }

  fs::path int8_file(const std::string& name, const runtime::Device& device, Activations activations) {
    const auto file = candidate_file(name);
    std::error_code ignored;
    if (state_.made.contains(name) && fs::exists(file, ignored) &&
        state_.made[name].value("file_sha256", "") == sha256_of_file(file)) {
      return file;
    }
    Int8Options options;
    options.placement = placement_for(device.kind);
    options.activations = activations;
    options.narrow_weights = needs_narrow_weights(device.kind);
    if (*options.narrow_weights) say(name + ": weights have 7 bits, as this CPU has no VNNI");
    options.max_drop = options_.max_drop;
    options.stop = options_.stop;
    options.progress = [&](const std::string& doing, auto done, auto total) { tell(name + ": " + doing, done, total); };
    auto device_options = options_.device;
    device_options.session.device = device;
    device_options.session.precision = Precision::kFp32;
    if (!int8_) {
      upgraded_ = prepared_;
      bring_to_13(upgraded_, "INT8");
      int8_.emplace(upgraded_, material_.calibration, &*judge_);
    }
    const auto outcome = int8_->make(device_options, options);
    for (const auto& line : outcome.left_out) say("left out: " + line);
    ScratchModel::write(outcome.best.model, prepared_.recipe, file);
    ordered_json trials = ordered_json::array();
    for (const auto& trial : outcome.trials) trials.push_back(to_json(trial));
    state_.made[name] = {{"step", "quantize"},
                         {"calibration_images", outcome.calibration_images},
                         {"chosen", to_json(outcome.trial)},
                         {"trials", trials},
                         {"layers", outcome.best.layers.size()},
                         {"layers_in_float", outcome.best.in_float},
                         {"file_sha256", sha256_of_file(file)}};
    save_state();
    return file;
  }

  detect::DetectorOptions options_of(const Way& way) const {
    auto options = options_.device;
    options.session.device = way.device;
    options.session.precision = way.precision;
    options.session.cache_folder.reset();
    if (way.file != path_) options.recipe.reset(), options.class_names.reset();
    return options;
  }

  Accuracy accuracy_of(const Way& way) {
    const auto key = way.name + ", " + sha256_of_file(way.file);
    if (const auto found = state_.accuracy.find(key); found != state_.accuracy.end()) return found->second;
    const auto accuracy = judge_->accuracy(way.file, options_of(way), options_.stop,
                                           [&](auto done, auto total) { tell("judging " + way.name, done, total); });
    state_.accuracy[key] = accuracy;
    save_state();
    return accuracy;
  }

  /// What all others are held against: without it there is no search.
  void judge_original() {
    auto& original = outcome_.ways.at(0);
    original.accuracy = accuracy_of(original);
    require_findings(original.accuracy, path_);
  }

  void judge(Way& way) {
    try {
      way.accuracy = accuracy_of(way);
    } catch (const Error& error) {
      if (ends_search(error)) throw;
      way.refused = std::string("cannot be used: ") + error.what();
    }
  }

  void time_all() {
    std::vector<benchmark::Candidate> candidates;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < outcome_.ways.size(); ++i) {
      const auto& way = outcome_.ways[i];
      if (way.accuracy.ap < 0) continue;
      candidates.push_back({.name = way.name, .model = way.file, .options = options_of(way)});
      places.push_back(i);
    }
    benchmark::MeasureOptions options;
    options.time = std::chrono::milliseconds(options_.time_ms);
    options.stop = options_.stop;
    options.progress = [&](double share) { tell("timing, all in turns", static_cast<std::int64_t>(share * 1000), 1000); };
    const auto figures = benchmark::measure_models(candidates, judge_->pictures(16), options);
    for (std::size_t k = 0; k < places.size(); ++k) {
      auto& way = outcome_.ways[places[k]];
      way.latency_ms = benchmark::summarize(figures[k].samples).p50 / figures[k].samples.items;
      way.speed_up = benchmark::speed_up(figures[0].samples, figures[k].samples, true);
      way.measured = true;
    }
  }

  const fs::path path_;
  const Material& material_;
  const fs::path folder_;
  const SearchOptions& options_;
  std::optional<Judge> judge_;
  Prepared prepared_, upgraded_;  // what INT8 forms are made of
  std::optional<Int8Maker> int8_;
  std::vector<runtime::Device> devices_;
  std::set<std::string> written_;  // names of the float files
  SearchState state_;
  SearchOutcome outcome_;
};

}  // namespace

std::optional<std::size_t> decide(std::vector<Way>& ways, double max_drop, double least_speed_up) {
  const double original = ways.at(0).accuracy.ap;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    Way& way = ways[i];
    if (!way.measured) {
      if (way.refused.empty()) way.refused = "was not measured";
      continue;
    }
    way.on_front = std::none_of(ways.begin(), ways.end(), [&](const Way& other) {
      return other.measured && other.latency_ms <= way.latency_ms && other.accuracy.ap >= way.accuracy.ap &&
             (other.latency_ms < way.latency_ms || other.accuracy.ap > way.accuracy.ap);
    });
    const double drop = 100 * (original - way.accuracy.ap);
    if (drop > max_drop + 1e-9) {
      way.refused =
          fmt::format("less accurate: {:.2f} points of AP50-95 below the original, {:.2f} are allowed", drop, max_drop);
    } else if (i == 0) {
      way.refused = "the original, for comparison";
    } else if (way.speed_up.low <= least_speed_up) {
      way.refused =
          way.speed_up.value <= least_speed_up
              ? fmt::format("slower here: {:.2f} ms, {:.2f} times the original's speed", way.latency_ms, way.speed_up.value)
              : fmt::format("not surely faster: {:.2f} times, {:.2f} to {:.2f}", way.speed_up.value, way.speed_up.low,
                            way.speed_up.high);
    } else if (!best || way.latency_ms < ways[*best].latency_ms) {
      best = i;
    }
  }
  if (!best) return best;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (i != *best && ways[i].refused.empty()) {
      ways[i].refused =
          fmt::format("slower here than the best: {:.2f} ms against {:.2f} ms", ways[i].latency_ms, ways[*best].latency_ms);
    }
  }
  return best;
}

ordered_json to_json(const SearchOutcome& outcome) {
  ordered_json ways = ordered_json::array();
  for (const auto& way : outcome.ways) {
    ordered_json entry{{"name", way.name},
                       {"file", way.file.filename().string()},
                       {"device", runtime::to_string(way.device)},
                       {"precision", runtime::to_string(way.precision)},
                       {"bytes", way.bytes}};
    if (way.accuracy.ap >= 0) entry["AP"] = way.accuracy.ap, entry["AP50"] = way.accuracy.ap50;
    if (way.measured) {
      entry["latency_ms"] = way.latency_ms;
      entry["speed_up"] = {{"value", way.speed_up.value}, {"low", way.speed_up.low}, {"high", way.speed_up.high}};
      entry["on_front"] = way.on_front;
    }
    if (!way.refused.empty()) entry["refused"] = way.refused;
    if (!way.made.is_null()) entry["made"] = way.made;
    ways.push_back(std::move(entry));
  }
  ordered_json document{{"calibration_images", outcome.calibration_images},
                        {"evaluation_images", outcome.evaluation_images},
                        {"ways", ways},
                        {"not_tried", outcome.notes}};
  document["best"] = outcome.best ? ordered_json(outcome.ways[*outcome.best].name) : ordered_json();
  return document;
}

SearchOutcome search(const fs::path& model, const Material& material, const fs::path& folder, const SearchOptions& options) {
  auto outcome = Search(model, material, folder, options).run();
  outcome.calibration_images = static_cast<int>(material.calibration.size());
  return outcome;
}

}  // namespace goshawk::optimize
