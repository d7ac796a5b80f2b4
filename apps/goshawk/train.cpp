// goshawk train: from a labelled data set to a verified model.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/run_folder.h"
#include "apps/goshawk/terminal.h"
#include "apps/goshawk/train_processes.h"
#include "apps/goshawk/training.h"
#include "goshawk/core/config_schema.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/core/utf8.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;

void print_table(const train::TrainOutcome& outcome, const fs::path& folder) {
  if (outcome.metrics) {
    Table table({"class", "objects", "AP50", "AP50-95", "AR"});
    for (std::size_t i = 0; i < outcome.classes.size(); ++i) {
      const auto& c = outcome.metrics->by_class[i];
      if (c.objects == 0) continue;
      table.add_row({outcome.classes[i], std::to_string(c.objects), figure(c.ap50), figure(c.ap), figure(c.ar)});
    }
    table.add_row({"all", "", figure(outcome.metrics->map50), figure(outcome.metrics->map), ""});
    fmt::print("{}\n", shown(table));
  }
  constexpr std::size_t kShown = 10;
  for (std::size_t i = 0; i < std::min(outcome.unreadable.size(), kShown); ++i)
    fmt::print("left out: {}\n", outcome.unreadable[i]);
  if (outcome.unreadable.size() > kShown) fmt::print("and {} more, in unreadable.txt\n", outcome.unreadable.size() - kShown);
  fmt::print("{} epoch{}, best {}, {:.1f} images/s\n{}\n", outcome.epochs_done, outcome.epochs_done == 1 ? "" : "s",
             outcome.best_epoch, outcome.images_per_second, (outcome.best.empty() ? folder : outcome.best).string());
}

void print_json(const train::TrainOutcome& outcome, const fs::path& folder) {
  nlohmann::ordered_json document{{"folder", folder.string()},          {"best", outcome.best.string()},
                                  {"epochs", outcome.epochs_done},      {"best_epoch", outcome.best_epoch},
                                  {"interrupted", outcome.interrupted}, {"images_per_second", outcome.images_per_second}};
  document["epoch_seconds"] = outcome.epoch_seconds;  // training without validation
  document["unreadable"] = outcome.unreadable;
  if (outcome.metrics) {
    const auto& m = *outcome.metrics;
    document["metrics"] = {{"precision", m.precision}, {"recall", m.recall}, {"mAP50", m.map50}, {"mAP50-95", m.map}};
    for (std::size_t i = 0; i < outcome.classes.size(); ++i) {
      const auto& c = m.by_class[i];
      document["classes"].push_back({{"name", outcome.classes[i]}, {"objects", c.objects}, {"AP50", c.ap50}, {"AP", c.ap}});
    }
  }
  fmt::print("{}\n", json_text(document));
}

int report(const train::TrainOutcome& outcome, const train::TrainRequest& request, bool json) {
  const fs::path& folder = request.folder;
  if (request.self.first()) {
    if (json) print_json(outcome, folder);
    else print_table(outcome, folder);
    if (outcome.interrupted)
      spdlog::warn("stopped after {} whole epochs; `goshawk train --resume {}` goes on", outcome.epochs_done,
                   shell_word(folder.string()));
  }
  return outcome.interrupted ? exit_code(ErrorCode::kInterrupted) : 0;
}

/// The number behind --nproc; 1 without it, and within a process that somebody has started as one of several.
int processes_to_start(const Invocation& call, const train::Membership& self) {
  if (!self.alone()) return 1;
  return static_cast<int>(integer_option(call, "nproc", 1, 256).value_or(1));
}

/// Where and how fast a training goes on may change; what is learned is the checkpoint's.
std::vector<std::string> changed_options(const Config& config) {
  constexpr std::string_view kSection = "train.";
  const std::vector<std::string> free{"device", "workers", "threads", "cache", "cache_gb"};
  std::vector<std::string> changed;
  for (const auto& setting : schema()) {
    if (!setting.key.starts_with(kSection)) continue;
    const std::string name = setting.key.substr(kSection.size());
    const auto layer = config.entry(setting.key).layer;
    if (std::ranges::find(free, name) != free.end()) {
      if (layer != ConfigLayer::kDefault) changed.push_back(name);
    } else if (layer == ConfigLayer::kFlag) {
      throw Error(ErrorCode::kUsage, "a training goes on with the options that it began with", "--" + setting.flag,
                  "Leave it out. For a training with other options begin a new one: --weights starts from this one's.");
    }
  }
  return changed;
}

int resume(const Invocation& call, train::TrainRequest request) {
  request.resume = true;
  request.options = training_options(call.config);
  request.changed = changed_options(call.config);
  request.folder = call.options.at("resume");
  if (fs::is_regular_file(request.folder) && request.folder.parent_path().filename() == "weights")
    request.folder = request.folder.parent_path().parent_path();  // the checkpoint in it
  if (!fs::is_directory(request.folder)) throw Error(ErrorCode::kNotFound, "there is no such run", request.folder.string());
  refuse_other_folder(call, request.folder);
  return report(Training::load().run(request), request, call.json);
}

/// Of a file "net.yaml", or a scale of it "net.yaml:s", the absolute path; names stay.
std::string absolute_model(const std::string& model) {
  const auto colon = fs::is_regular_file(model) ? std::string::npos : model.rfind(':');
  const fs::path file = model.substr(0, colon);
  if (!fs::is_regular_file(file)) return model;
  return fs::absolute(file).lexically_normal().string() + (colon == std::string::npos ? "" : model.substr(colon));
}

/// The checkpoints of --weights by their absolute paths.
std::string absolute_weights(const std::string& weights) {
  std::vector<std::string> files = train::weights_files(weights);
  for (auto& file : files) {
    if (!fs::is_regular_file(file)) throw Error(ErrorCode::kNotFound, "there is no such file", "--weights " + file);
    const auto kind = fs::path(file).extension();
    if (kind == ".onnx" || kind == ".pt") {
      throw Error(ErrorCode::kUsage, "only a checkpoint in safetensors can be read here", file,
                  kind == ".onnx" ? "--model " + file + " trains on with the network and weights of an ONNX model."
                                  : "Export it to ONNX, which --model takes, or its tensors to safetensors.");
    }
    file = fs::absolute(file).lexically_normal().string();
  }
  return fmt::format("{}", fmt::join(files, ","));
}

/// A flag without effect is a mistake that nobody would see in the results.
void refuse_idle_flags(const Invocation& call, const train::TrainOptions& options) {
  if (options.teacher.empty())
    refuse_settings(call, {"train.distill", "train.temperature"}, "there is no --teacher that it is for", "Leave it out.");
  if (!options.amp) refuse_settings(call, {"train.half"}, "with --no-amp there is no half precision", "Leave it out.");
  if (!options.val)
    refuse_settings(call, {"train.patience"}, "with --no-val nothing tells whether an epoch was better", "Leave it out.");
}

int begin(const Invocation& call, train::TrainRequest request) {
  request.options = training_options(call.config);
  refuse_idle_flags(call, request.options);
  request.options.data = fs::absolute(call.argument(0)).lexically_normal().string();
  if (valid_utf8(request.options.data) != request.options.data)
    throw Error(ErrorCode::kUsage, "the path is no UTF-8 text, as the files of a training are", call.argument(0));
  if (!fs::exists(request.options.data)) throw Error(ErrorCode::kNotFound, "there is no such data set", call.argument(0));
  request.options.model = absolute_model(request.options.model);
  if (!request.options.weights.empty() && request.options.model.ends_with(".onnx"))
    throw Error(ErrorCode::kUsage, "an ONNX model brings its own weights", "--weights", "Leave out one of the two.");
  request.options.weights = absolute_weights(request.options.weights);
  if (auto& teacher = request.options.teacher; !teacher.empty())
    teacher = fs::absolute(resolve_model(teacher).path).lexically_normal().string();
  const auto training = Training::load();
  std::optional<RunFolder> run;  // of process 0; it tells the others
  if (request.self.first()) {
    run.emplace(call, "train");
    request.folder = run->path();
    spdlog::info("training {} in {}", request.options.model, request.folder.string());
  }
  return report(training.run(request), request, call.json);
}

int run_train(const Invocation& call) {
  const bool resumes = call.has("resume");
  if (resumes == !call.argument(0).empty()) {
    throw Error(ErrorCode::kUsage, resumes ? "a resumed training knows its data set" : "a data set is needed", "DATA",
                "goshawk train data.yaml, or goshawk train --resume runs/train/NAME");
  }
  const auto self = train::membership_of([](const char* name) { return std::getenv(name); });
  if (const int count = processes_to_start(call, self); count > 1) return run_processes(count, call.stop);
  auto request = training_request(call, self);
  return resumes ? resume(call, std::move(request)) : begin(call, std::move(request));
}

}  // namespace

Command train_command() {
  Command command;
  command.name = "train";
  command.group = Group::kModels;
  command.summary = "Train a detector on a labelled data set";
  command.details =
      "Writes runs/train/NAME/ with weights/best.onnx (verified, ready for every other command), results.csv, TensorBoard "
      "events and checkpoints. What was cut short goes on with --resume.";
  command.positionals = {
      {.name = "DATA", .help = "data.yaml, instances.json or a data set's folder", .required = false, .flag = "data"}};
  command.settings = {"train", "output.project", "output.name"};
  command.options = {
      {"resume", "RUN", "Go on with the training in this folder (runs/train/NAME)"},
      {"nproc", "N", "Train in N processes on this machine; over machines: torchrun's variables (RANK, ...)"}};
  command.json = true;
  command.examples = {"goshawk train data.yaml --epochs 100 --imgsz 640",
                      "goshawk train --data data.yaml --model goshawk-s --batch 8 --name plates",
                      "goshawk train data.yaml --nproc 2 --sync-bn",
                      "goshawk train data.yaml --teacher yolov8m.onnx --imgsz 640",
                      "goshawk train --resume runs/train/plates"};
  command.run = run_train;
  return command;
}

}  // namespace goshawk::cli
