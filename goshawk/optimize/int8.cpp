#include "goshawk/optimize/int8.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string_view>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"
#include "goshawk/dataset/combine.h"
#include "goshawk/dataset/label_gaps.h"
#include "goshawk/dataset/statistics.h"
#include "goshawk/optimize/artefact.h"
#include "goshawk/optimize/quantizable.h"
#include "goshawk/optimize/saturation.h"
#include "goshawk/optimize/simplify.h"
#include "goshawk/optimize/widen.h"

namespace goshawk::optimize {
namespace {

namespace fs = std::filesystem;

/// `most` of the places, in their order, chosen by a fixed shuffle; 0: all.
std::vector<std::size_t> some_of(std::vector<std::size_t> places, std::size_t most) {
  if (most == 0 || places.size() <= most) return places;
  std::mt19937_64 random(6);
  for (std::size_t i = places.size() - 1; i > 0; --i) std::swap(places[i], places[random() % (i + 1)]);
  places.resize(most);
  std::sort(places.begin(), places.end());
  return places;
}

/// Outputs of a model on prepared pictures, and how far others are from them.
class OutputProbe {
 public:
  OutputProbe(const onnx::Model& model, const Recipe& recipe, const std::vector<fs::path>& images, int most) {
    for (const auto& path : images) {
      if (static_cast<int>(inputs_.size()) == most) break;
      try {
        inputs_.push_back(image_tensor(path, recipe, model.inputs.at(0)));
      } catch (const Error&) {  // calibration has told of it
      }
    }
    expected_ = outputs_of(model);
  }

  /// Root of the mean squared difference, relative to the outputs' own deviation from their mean, averaged over outputs.
  double error_of(const onnx::Model& model) const {
    const auto found = outputs_of(model);
    double sum = 0;
    std::size_t outputs = 0;
    for (std::size_t i = 0; i < expected_.size(); ++i) {
      if (expected_[i].size() != found[i].size() || expected_[i].empty()) continue;
      double difference = 0, mean = 0, spread = 0;
      for (const float v : expected_[i]) mean += static_cast<double>(v);
      mean /= static_cast<double>(expected_[i].size());
      for (std::size_t k = 0; k < expected_[i].size(); ++k) {
        const double e = static_cast<double>(expected_[i][k]), d = static_cast<double>(found[i][k]) - e;
        difference += d * d;
        spread += (e - mean) * (e - mean);
      }
      sum += std::sqrt(difference / std::max(spread, 1e-30));
      ++outputs;
    }
    const double error = outputs > 0 ? sum / static_cast<double>(outputs) : std::numeric_limits<double>::infinity();
    return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();  // not a number would beat every other
  }

 private:
  std::vector<std::vector<float>> outputs_of(const onnx::Model& model) const {
    runtime::PlainModel runs(onnx::serialize(model), "model", {.threads = 0, .optimize = true});
    std::vector<std::vector<float>> all;
    for (const auto& input : inputs_) {
      for (const auto& output : runs.run(std::span(&input, 1))) {
        const auto values = output.floats();
        all.emplace_back(values.begin(), values.end());
      }
    }
    return all;
  }

  std::vector<runtime::RawTensor> inputs_;
  std::vector<std::vector<float>> expected_;
};

class Int8Search {
 public:
  Int8Search(const Prepared& prepared, const Calibration& calibration, const std::vector<fs::path>& probes, Judge* judge,
             const detect::DetectorOptions& device, const Int8Options& options)
      : prepared_(prepared),
        calibration_(calibration),
        judge_(judge),
        device_(device),
        options_(options),
        probe_(prepared.model, prepared.recipe, probes, options.probe_images) {}

  Int8Outcome run() {
    base_.placement = options_.placement.value_or(placement_for(prepared_.runs_on.kind));
    base_.activations = options_.activations.value_or(
        base_.placement == Placement::kEveryNode ? Activations::kAsymmetric : activations_for(prepared_.runs_on.kind));
    base_.narrow_weights = options_.narrow_weights.value_or(needs_narrow_weights(prepared_.runs_on.kind));
    base_.float_layers = options_.float_layers;
    if (judge_) {
      outcome_.original = judged(prepared_.model, "the original");
      require_findings(outcome_.original, prepared_.path);
    }
    try_methods();
    if (judge_ && !good() && !options_.activations && base_.activations == Activations::kSymmetric) {
      base_.activations = Activations::kAsymmetric;
      try_methods();
    }
    if (options_.methods.size() > 1 && (!judge_ || !good())) refine();
    if (judge_ && outcome_.drop() > options_.max_drop) put_back();
    return std::move(outcome_);
  }

 private:
  void tell(const std::string& doing, std::int64_t done, std::int64_t total) const {
    if (options_.progress) options_.progress(doing, done, total);
    if (options_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "the search was stopped");
  }

  Accuracy judged(const onnx::Model& model, const std::string& what) {
    const ScratchModel file(model, prepared_.recipe);
    return judge_->accuracy(file.path(), device_, options_.stop,
                            [&](auto done, auto total) { tell("judging " + what, done, total); });
  }

  bool good() const { return outcome_.drop() <= std::min(options_.good_drop, options_.max_drop); }

  void try_methods() {
    for (const auto method : options_.methods) {
      auto options = base_;
      options.method = method;
      attempt(options);
    }
  }

  bool better(const Int8Trial& a, const Int8Trial& b) const {
    return judge_ ? a.accuracy.ap > b.accuracy.ap : a.output_error < b.output_error;
  }

  void attempt(const QuantizeOptions& options) {
    auto quantized = quantize(prepared_.model, calibration_, options);
    Int8Trial trial{options, {}, probe_.error_of(quantized.model)};
    quantized.model = stored_as(std::move(quantized.model), prepared_.stored);
    const std::string name =
        std::string(to_string(options.method)) + ", " + std::string(to_string(options.activations)) +
        (options.methods_of_layers.empty() ? "" : ", refined") +
        (options.float_layers.empty() ? "" : ", " + std::to_string(options.float_layers.size()) + " in float");
    if (judge_) trial.accuracy = judged(quantized.model, name);
    outcome_.trials.push_back(trial);
    if (outcome_.trials.size() > 1 && !better(trial, outcome_.trial)) return;
    outcome_.trial = trial;
    outcome_.best = std::move(quantized);
  }

  /// Output error when a layer alone is quantized: what it costs.
  void rank() {
    const auto layers = outcome_.best.layers;
    const std::set<std::string> all(layers.begin(), layers.end());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      tell("ranking layers", static_cast<std::int64_t>(i), static_cast<std::int64_t>(layers.size()));
      auto options = outcome_.trial.options;
      auto others = all;
      others.erase(layers[i]);
      options.float_layers.insert(others.begin(), others.end());
      outcome_.ranking.emplace_back(layers[i], probe_.error_of(quantize(prepared_.model, calibration_, options).model));
    }
    std::stable_sort(outcome_.ranking.begin(), outcome_.ranking.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
  }

  /// Gives the layers that cost most a calibration method of their own where the outputs come nearer with it.
  void refine() {
    rank();
    auto options = outcome_.trial.options;
    double least = outcome_.trial.output_error;
    const std::size_t most = std::min(options_.most_refined_layers, outcome_.ranking.size());
    for (std::size_t i = 0; i < most; ++i) {
      tell("refining layers", static_cast<std::int64_t>(i), static_cast<std::int64_t>(most));
      const auto& layer = outcome_.ranking[i].first;
      for (const auto method : options_.methods) {
        if (method == outcome_.trial.options.method) continue;
        auto other = options;
        other.methods_of_layers[layer] = method;
        const double error = probe_.error_of(quantize(prepared_.model, calibration_, other).model);
        if (error >= least) continue;
        least = error;
        options = std::move(other);
      }
    }
    if (!options.methods_of_layers.empty()) attempt(options);
  }

  void put_back() {
    if (outcome_.ranking.empty()) rank();
    auto options = outcome_.trial.options;
    std::size_t next = 0;
    const std::size_t most = outcome_.ranking.size() / 2;
    for (std::size_t step = 1; next < most; step *= 2) {
      for (std::size_t i = 0; i < step && next < most; ++i) options.float_layers.insert(outcome_.ranking[next++].first);
      attempt(options);
      if (outcome_.drop() <= options_.max_drop) return;
    }
  }

  const Prepared& prepared_;
  const Calibration& calibration_;
  Judge* judge_;
  detect::DetectorOptions device_;
  const Int8Options& options_;
  OutputProbe probe_;
  QuantizeOptions base_;
  Int8Outcome outcome_;
};

/// One place of each file: it may be in several splits.
std::vector<std::size_t> each_file_once(const dataset::Dataset& set) {
  std::vector<std::size_t> places;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < set.images.size(); ++i) {
    if (seen.insert(set.images[i].file).second) places.push_back(i);
  }
  return places;
}

/// Without the places whose file is among those of `others`.
void remove_files(std::vector<std::size_t>& places, const dataset::Dataset& set, const std::vector<std::size_t>& others) {
  std::set<std::string_view> files;
  for (const auto i : others) files.insert(set.images[i].file);
  std::erase_if(places, [&](std::size_t i) { return files.contains(set.images[i].file); });
}

/// Before anything is calibrated.
void check_layers(const Prepared& prepared, const Int8Options& options) {
  const auto layers = quantizable_layers(prepared.model);
  for (const auto& layer : options.float_layers) {
    if (std::find(layers.begin(), layers.end(), layer) != layers.end()) continue;
    throw Error(ErrorCode::kUsage,
                "the model has no layer '" + layer + "' that could be quantized" + did_you_mean(layer, layers), "--float");
  }
  if (!has_convolutions(prepared.model)) {
    throw Error(ErrorCode::kBadConfig, "the model has no convolution to quantize statically", prepared.path.string(),
                "For models made of matrix products there is `goshawk quantize --dynamic`.");
  }
}

}  // namespace

Material material_of(const dataset::Dataset& set, std::size_t calibration_images, std::size_t evaluation_images) {
  std::map<dataset::Split, std::vector<std::size_t>> parts;
  for (std::size_t i = 0; i < set.images.size(); ++i) parts[set.images[i].split].push_back(i);
  auto judged = parts[dataset::Split::kVal].empty() ? parts[dataset::Split::kTest] : parts[dataset::Split::kVal];
  auto seen = parts[dataset::Split::kTrain].empty() ? parts[dataset::Split::kNone] : parts[dataset::Split::kTrain];
  remove_files(seen, set, judged);       // `train: images` holds those of `val: images/val` as well
  if (judged.empty() || seen.empty()) {  // one part only: every second one of a fixed shuffle
    const auto all = each_file_once(set);
    seen = some_of(all, (all.size() + 1) / 2);
    judged.clear();
    std::set_difference(all.begin(), all.end(), seen.begin(), seen.end(), std::back_inserter(judged));
  }
  Material material;
  material.unpacked = set.unpacked;
  for (const auto i : some_of(seen, calibration_images)) material.calibration.push_back(set.path_of(set.images[i]));
  judged = some_of(judged, evaluation_images);
  std::vector<char> keep(set.images.size(), 0);
  for (const auto i : judged) keep[i] = 1;
  auto evaluation = set;
  dataset::keep_images(evaluation, keep);
  dataset::add_gaps_as_crowds(evaluation, dataset::read_label_gaps(evaluation));  // as `goshawk eval` judges
  dataset::make_unscored_crowds(evaluation);
  if (dataset::object_count(evaluation) > 0) material.evaluation = std::move(evaluation);
  return material;
}

Prepared prepare_model(const fs::path& path, const detect::DetectorOptions& options) {
  Prepared prepared;
  prepared.path = path;
  prepared.model = onnx::read_model(path);  // first: it has limits, ONNX Runtime has none
  const auto detector = detect::Detector::load(path, options);
  prepared.recipe = detector->recipe();
  prepared.runs_on = detector->session().device();
  prepared.runs_in = detector->session().precision();
  prepared.stored = storage_of(prepared.model);
  prepared.nodes_before = prepared.model.nodes.size();
  to_fp32(prepared.model);
  simplify(prepared.model);
  return prepared;
}

void bring_to_13(Prepared& prepared, const std::string& what) {
  if (upgrade_to_13(prepared.model)) return;
  throw Error(ErrorCode::kBadConfig,
              "the model's operator set " + std::to_string(prepared.model.opset) + " cannot be brought to 13, which " +
                  what + " needs",
              prepared.path.string(), "Export it again with operator set 13 or later.");
}

nlohmann::ordered_json to_json(const Int8Trial& trial) {
  nlohmann::ordered_json own = nlohmann::ordered_json::object();
  for (const auto& [layer, method] : trial.options.methods_of_layers) own[layer] = to_string(method);
  nlohmann::ordered_json entry{{"calibration", to_string(trial.options.method)},
                               {"placement", to_string(trial.options.placement)},
                               {"activations", to_string(trial.options.activations)},
                               {"weights_bits", trial.options.narrow_weights ? 7 : 8},
                               {"float_layers", trial.options.float_layers},
                               {"own_calibration", own},
                               {"output_error", trial.output_error}};
  if (trial.accuracy.ap >= 0) entry["AP"] = trial.accuracy.ap, entry["AP50"] = trial.accuracy.ap50;
  return entry;
}

Int8Outcome Int8Maker::make(const detect::DetectorOptions& device, const Int8Options& options) {
  check_layers(prepared_, options);
  if (!calibration_) {
    CalibrateOptions calibrating;
    calibrating.stop = options.stop;
    if (options.progress) {
      calibrating.progress = [&](auto done, auto total) { options.progress("calibrating", done, total); };
    }
    calibration_ =
        calibrate(prepared_.model, prepared_.recipe, pictures_, values_to_calibrate(prepared_.model), calibrating);
  }
  auto outcome = Int8Search(prepared_, *calibration_, pictures_, judge_, device, options).run();
  outcome.calibration_images = calibration_->images;
  outcome.left_out = calibration_->left_out;
  return outcome;
}

}  // namespace goshawk::optimize
