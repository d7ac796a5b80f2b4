// goshawk prune --fine-tune: pruned and trained on in steps, for as long as the accuracy holds.

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/prune.h"
#include "apps/goshawk/prune_report.h"
#include "apps/goshawk/run_folder.h"
#include "apps/goshawk/training.h"
#include "goshawk/benchmark/models.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/optimize/artefact.h"
#include "goshawk/optimize/precision.h"
#include "goshawk/optimize/run_record.h"
#include "goshawk/train/trained_model.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;

/// Whether somebody has set the training's `name`.
bool is_chosen(const Config& config, const std::string& name) {
  return config.entry("train." + name).layer != ConfigLayer::kDefault;
}

/// Where to train when models run on `device`: on that GPU of CUDA, else wherever is best unless it is a processor.
std::string device_of_training(const std::string& device) {
  if (device.starts_with("cuda")) return device;
  return device.starts_with("cpu") || device.starts_with("openvino") ? "cpu" : "auto";
}

/// The settings of section `train` where they were chosen; else what a network needs that knows its task already.
train::TrainOptions fine_tuning(const Config& config, const Recipe& recipe, int epochs) {
  auto options = training_options(config);
  options.weights.clear();
  options.epochs = epochs;
  options.imgsz = recipe.input_width;
  options.dynamic = recipe.dynamic_size;
  if (!is_chosen(config, "optimizer")) {  // AdamW, at half the rate of a training from the beginning
    const double chosen = options.lr0;
    options.epochs = 1;
    options = train::settled(options, 1, static_cast<int>(recipe.class_names.size()));
    options.epochs = epochs;
    options.lr0 = is_chosen(config, "lr0") ? chosen : options.lr0 / 2;
  } else if (!is_chosen(config, "lr0")) {
    options.lr0 /= 10;
  }
  if (!is_chosen(config, "warmup_epochs")) options.warmup_epochs = std::min(1.0, 0.1 * epochs);
  if (!is_chosen(config, "close_mosaic")) options.close_mosaic = std::min(10, (epochs + 2) / 3);
  if (!is_chosen(config, "threads")) options.threads = static_cast<int>(config.integer("runtime.threads"));
  if (!is_chosen(config, "device")) options.device = device_of_training(config.text("runtime.device"));
  return options;
}

/// What judging alone could live with, and training cannot.
void check_call(const Invocation& call) {
  for (const char* flag : {"map", "from"}) {
    if (call.has(flag))
      throw Error(ErrorCode::kUsage, "training on takes the data set as it is", std::string("--") + flag,
                  "`goshawk data convert` and `goshawk data filter` make one that fits.");
  }
  if (call.config.is_set("detect.classes"))
    throw Error(ErrorCode::kUsage, "training on takes all classes of the data set", "--classes");
}

void check_material(const optimize::Material& material, const Recipe& recipe, const std::string& data) {
  if (!material.evaluation)
    throw Error(ErrorCode::kBadConfig, "there are no labelled pictures to train with and to judge on", data);
  const auto& images = material.evaluation->images;
  if (!images.empty() && images.front().split != dataset::Split::kVal && images.front().split != dataset::Split::kTest) {
    throw Error(ErrorCode::kBadConfig, "the data set has no val split of its own", data,
                "Pictures that are learned from cannot judge: `goshawk data split` cuts one off.");
  }
  if (class_names(*material.evaluation) != recipe.class_names) {
    throw Error(ErrorCode::kBadData, "the data set's classes are not those of the model, in their order", data,
                "`goshawk models info` and `goshawk data stats` name them.");
  }
  if (recipe.input_width != recipe.input_height)
    throw Error(ErrorCode::kBadConfig, "the model's input is not square: training cannot go on from it", data);
}

/// One call of `goshawk prune --fine-tune`.
class PruneInSteps {
 public:
  explicit PruneInSteps(const Invocation& call)
      : call_(call),
        training_(Training::load()),
        model_(resolve_model(call.argument(0)).path),
        target_(target_of(call, model_, "pruned")),
        data_(required_option(call, "data")),
        bars_(call),
        device_(judged_options(call)),
        pruning_(prune_options(call)) {
    options_.keep = pruning_.target;
    options_.steps = static_cast<int>(integer_option(call, "steps", 1, 100).value_or(1));
    options_.max_drop = number_option(call, "max-drop", 0, 100).value_or(options_.max_drop);
    options_.resume = call.has("resume");
    time_ms_ = static_cast<int>(1000 * number_option(call, "time", 0.1, 600).value_or(2.0));
    epochs_ = static_cast<int>(integer_option(call, "fine-tune", 1, 1'000'000).value_or(1));
  }

  int run() {
    train::read_trained_model(model_);  // throws for those that cannot be trained on
    original_ = optimize::prepare_model(model_, device_);
    optimize::check_whole(original_.model, pruning_.whole);
    pruning_.widths = optimize::widths_of(original_.model);
    material_ = read_material(call_, 64, 0);
    check_material(*material_, original_.recipe, data_);
    fine_tuning_ = fine_tuning(call_.config, original_.recipe, epochs_);
    fine_tuning_.data = fs::absolute(data_).lexically_normal().string();
    settle_teacher();
    judge_.emplace(*material_->evaluation, material_->renamed);
    for (const auto& line : judge_->left_out()) spdlog::warn("left out: {}", line);
    options_.begun_with = begun_with();
    open_folder();
    try {
      auto record = optimize::prune_in_steps(model_, folder_, work(), options_);
      time_in_turns(record);
      bars_.finish();
      return finish(record);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInterrupted) throw;
      throw Error(ErrorCode::kInterrupted, "stopped", folder_.string(),
                  "The same command with --resume " + folder_.string() + " goes on.");
    }
  }

 private:
  /// Unless somebody says otherwise the model itself: nobody knows better what its channels did.
  void settle_teacher() {
    auto& teacher = fine_tuning_.teacher;
    if (!teacher.empty()) teacher = fs::absolute(resolve_model(teacher).path).lexically_normal().string();
    else if (fine_tuning_.multi_scale == 0) teacher = fs::absolute(model_).lexically_normal().string();
  }

  void open_folder() {
    if (!options_.resume) {
      folder_ = fresh_.emplace(call_, model_.string()).path();
      spdlog::info("pruning {} in {}", model_.string(), folder_.string());
      return;
    }
    folder_ = call_.options.at("resume");
    if (!fs::is_directory(folder_)) throw Error(ErrorCode::kNotFound, "there is no such run", folder_.string());
    refuse_other_folder(call_, folder_);
  }

  /// What the figures hold for: all but where things lie and how many threads there are.
  std::map<std::string, std::string> begun_with() const {
    std::map<std::string, std::string> all{
        {"model", sha256_of_file(model_)},
        {"recipe", sha256_of_bytes(detect::recipe_text(original_.recipe))},
        {"device", runtime::to_string(original_.runs_on) + " " + std::string(runtime::to_string(original_.runs_in))},
        {"pictures to judge on, their labels and classes", optimize::content_hash(judge_->truth())},
        {"--keep", fmt::format("{}", options_.keep)},
        {"--steps", std::to_string(options_.steps)},
        {"--fine-tune", std::to_string(epochs_)},
        {"--max-drop", fmt::format("{}", options_.max_drop)},
        {"--by", std::string(optimize::to_string(pruning_.saliency))},
        {"--by-layer", pruning_.global ? "no" : "yes"},
        {"--least", fmt::format("{}", pruning_.least_kept)},
        {"--multiple", std::to_string(pruning_.multiple)},
        {"--whole", call_.has("whole") ? call_.options.at("whole") : ""},
        {"--teacher", fine_tuning_.is_taught() ? sha256_of_file(fine_tuning_.teacher) : "none"}};
    if (pruning_.saliency == optimize::Saliency::kActivation)
      all["pictures to calibrate with"] = optimize::content_hash(material_->calibration);
    const auto training = train::to_json(fine_tuning_);
    for (const auto& [name, value] : training.items()) {
      const std::vector<std::string> elsewhere{"data",    "model",   "teacher", "device",
                                               "workers", "threads", "cache",   "cache_gb"};
      if (std::find(elsewhere.begin(), elsewhere.end(), name) == elsewhere.end()) all["train." + name] = value.dump();
    }
    return all;
  }

  optimize::ScheduleWork work() {
    optimize::ScheduleWork work;
    work.prune = [this](const fs::path& from, double share, const fs::path& to) { return prune(from, share, to); };
    work.train = [this](const fs::path& pruned, const fs::path& folder, const fs::path& to) { train(pruned, folder, to); };
    work.judge = [this](const fs::path& model, const std::string& what) {
      const auto accuracy = judge_->accuracy(model, device_, call_.stop,
                                             [&](auto done, auto total) { bars_("judging " + what, done, total); });
      bars_.finish();
      return accuracy;
    };
    return work;
  }

  optimize::ScheduleWork::Cost prune(const fs::path& from, double share, const fs::path& to) {
    const auto prepared = from == model_ ? original_ : optimize::prepare_model(from, device_);
    pruning_.target = share;
    const auto done = remove_channels(call_, prepared, pruning_, material_, bars_);
    bars_.finish();
    optimize::ScratchModel::write(done.model, prepared.recipe, to);
    spdlog::info("{}: {} of {} multiplications remain", to.parent_path().filename().string(), multiplications(done.after),
                 multiplications(done.before));
    return {done.before, done.after};
  }

  void train(const fs::path& pruned, const fs::path& folder, const fs::path& to) {
    auto request = training_request(call_, {});
    request.options = fine_tuning_;
    request.options.model = fs::absolute(pruned).lexically_normal().string();
    request.folder = folder;
    request.resume = fs::is_regular_file(folder / "weights" / "last.safetensors");
    const auto outcome = training_.run(request);
    if (outcome.interrupted) throw Error(ErrorCode::kInterrupted, "the training was stopped", folder.string());
    auto model = onnx::read_model(outcome.best.empty() ? folder / "weights" / "last.onnx" : outcome.best);
    const auto& before = original_.model.metadata;
    if (const auto history = before.find(optimize::kHistoryKey); history != before.end()) model.metadata.insert(*history);
    const auto recipe = detect::parse_recipe(model.metadata[detect::kRecipeKey], outcome.best.string());
    optimize::ScratchModel::write(optimize::stored_as(std::move(model), original_.stored), recipe, to);
  }

  /// The original and all steps in one run.
  void time_in_turns(optimize::ScheduleRecord& record) {
    auto options = device_;
    options.session.cache_folder.reset();
    std::vector<benchmark::Candidate> candidates{{.name = "original", .model = model_, .options = options}};
    std::vector<optimize::StepFigures*> figures{&record.original};
    for (std::size_t i = 0; i < record.steps.size(); ++i) {
      if (record.steps[i].tuned.ap < 0) continue;
      candidates.push_back(
          {.name = fmt::format("step {}", i + 1), .model = optimize::step_model(folder_, i), .options = options});
      figures.push_back(&record.steps[i]);
    }
    benchmark::MeasureOptions measuring;
    measuring.time = std::chrono::milliseconds(time_ms_);
    measuring.stop = call_.stop;
    measuring.progress = [&](double share) { bars_("timing, all in turns", static_cast<std::int64_t>(share * 1000), 1000); };
    const auto measured = benchmark::measure_models(candidates, judge_->pictures(16), measuring);
    for (std::size_t i = 0; i < measured.size(); ++i) {
      figures[i]->latency_ms = benchmark::summarize(measured[i].samples).p50 / measured[i].samples.items;
      figures[i]->speed_up = benchmark::speed_up(measured[0].samples, measured[i].samples, true);
    }
  }

  int finish(const optimize::ScheduleRecord& record) {
    PruneReport report{record, model_, folder_, options_.max_drop, {}};
    if (record.best) {
      write_best(record);
      report.written = target_;
    }
    write_report(report);
    print_report(report, call_.json);
    if (record.best) return 0;
    throw Error(
        ErrorCode::kBadData, "nothing passes: " + record.ended, model_.string(),
        "Allow more with --max-drop, or train each step longer or prune less with --fine-tune and --keep. The figures: " +
            (folder_ / "steps.json").string());
  }

  void write_best(const optimize::ScheduleRecord& record) const {
    const auto& best = record.steps[*record.best];
    const auto file = optimize::step_model(folder_, *record.best);
    auto model = onnx::read_model(file);
    const auto recipe = detect::parse_recipe(model.metadata[detect::kRecipeKey], file.string());
    optimize::ArtefactOptions artefact;
    artefact.session = device_.session;
    artefact.step = {{"step", "prune"},
                     {"steps", *record.best + 1},
                     {"epochs_each", epochs_},
                     {"multiply_adds_before", record.original.multiply_adds},
                     {"multiply_adds_after", best.multiply_adds},
                     {"AP_before", record.original.tuned.ap},
                     {"AP_after", best.tuned.ap},
                     {"speed_up", best.speed_up.value},
                     {"by", optimize::to_string(pruning_.saliency)}};
    optimize::write_artefact(std::move(model), recipe, model_, target_, artefact);
  }

  const Invocation& call_;
  const Training training_;
  const fs::path model_, target_;
  const std::string data_;
  StepBars bars_;
  const detect::DetectorOptions device_;
  optimize::PruneOptions pruning_;
  optimize::ScheduleOptions options_;
  int epochs_ = 1, time_ms_ = 2000;
  optimize::Prepared original_;
  std::optional<optimize::Material> material_;
  train::TrainOptions fine_tuning_;
  std::optional<optimize::Judge> judge_;
  std::optional<RunFolder> fresh_;
  fs::path folder_;
};

}  // namespace

int run_prune_in_steps(const Invocation& call) {
  check_call(call);
  return PruneInSteps(call).run();
}

}  // namespace goshawk::cli
