// goshawk package: models with all that a machine needs to use them.

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "apps/goshawk/data_set.h"
#include "apps/goshawk/describe.h"
#include "apps/goshawk/detect_on_set.h"
#include "apps/goshawk/eval_model.h"
#include "apps/goshawk/model_manifest.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/optimize_commands.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/package_commands.h"
#include "apps/goshawk/package_forms.h"
#include "apps/goshawk/package_text.h"
#include "apps/goshawk/run_folder.h"
#include "apps/goshawk/terminal.h"
#include "apps/goshawk/version.h"
#include "goshawk/benchmark/models.h"
#include "goshawk/benchmark/statistics.h"
#include "goshawk/core/document.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/core/utf8.h"
#include "goshawk/dataset/zip_archive.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/detect/recipe_io.h"
#include "goshawk/runtime/model_file.h"
#include "goshawk/runtime/model_folder.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

std::string text_of(const ordered_json& document) { return json_text(document); }

void write(const fs::path& path, const std::string& text) {
  make_folder(path.parent_path());
  write_file_atomically(path, text);
}

/// Copies the model; one without conformance vectors gets some, so that `package verify` can prove its answers. So does one
/// that --recipe or --names change.
void copy_model(const Invocation& call, const fs::path& model, const fs::path& target) {
  const auto inside = runtime::inspect_model(model);
  if (!inside.external_files.empty()) {
    throw Error(ErrorCode::kBadData, "the model keeps weights in other files", model.string(),
                "`goshawk convert MODEL --to fp32` makes one file of it.");
  }
  make_folder(target.parent_path());
  const detect::RecipeChoices choices{call.config.path_if_set("detect.recipe"), call.config.path_if_set("detect.names")};
  const bool changed = choices.recipe.has_value() || choices.class_names.has_value();
  if (!changed && inside.metadata.contains(detect::kRecipeKey) && inside.metadata.contains(detect::kConformanceKey)) {
    runtime::write_metadata(model, target, {});
    return;
  }
  spdlog::info("{}: recording what it says of two synthetic pictures", model.filename().string());
  const auto recording = detect::record_conformance(model, {}, session_options(call.config), choices);
  detect::write_conformance(model, target, recording);
}

Recipe recipe_in(const fs::path& model) {
  const auto inside = runtime::inspect_model(model);
  return detect::parse_recipe(inside.metadata.at(detect::kRecipeKey), model.string());
}

/// All in turns, so that what else this machine does meets them all. SHAPE: models.
std::vector<ordered_json> measure_speeds(const Invocation& call, const std::vector<fs::path>& models) {
  std::vector<benchmark::Candidate> candidates;
  for (const auto& model : models) {
    benchmark::Candidate candidate;
    candidate.model = model;
    candidate.options = detector_options(call.config);
    candidates.push_back(std::move(candidate));
  }
  benchmark::MeasureOptions options;
  options.time = std::chrono::milliseconds(1000);
  options.stop = call.stop;
  std::vector<ordered_json> speeds;
  for (const auto& [info, samples] : benchmark::measure_models(candidates, {}, options)) {
    const auto summary = summarize(samples);
    speeds.push_back({{"device", runtime::to_string(info.device)},
                      {"precision", runtime::to_string(info.precision)},
                      {"provider", info.provider},
                      {"batch", info.batch},
                      {"mean_ms", summary.mean},
                      {"p50_ms", summary.p50},
                      {"p95_ms", summary.p95},
                      {"images_per_second", throughput(samples)}});
  }
  return speeds;
}

/// Without the folders above, which may say whose it is.
std::string data_name(const fs::path& data) { return (data.has_filename() ? data : data.parent_path()).filename().string(); }

/// As an evaluation takes it, whatever the thresholds that the package is to use.
ordered_json measure_accuracy(Invocation call, const fs::path& model, const dataset::Dataset& truth) {
  call.config.set("detect.conf", 0.001, ConfigLayer::kFlag, "goshawk package");
  call.config.set("detect.max_det", 300, ConfigLayer::kFlag, "goshawk package");
  const auto summary = coco_summary(call, model, truth);
  return {{"data", data_name(call.options.at("data"))},
          {"images", truth.images.size()},
          {"AP", summary.ap},
          {"AP50", summary.ap50}};
}

/// As the user states it; else as the list of known models does, for a model of that name and content; else as its exporter
/// wrote it into the file (Ultralytics: `license`).
std::string licence_of(const Invocation& call, const fs::path& model) {
  if (call.has("licence")) return call.options.at("licence");
  for (const auto& entry : builtin_manifest()) {
    if (runtime::same_model_name(entry.name, model.stem().string()) && entry.sha256 == sha256_of_file(model))
      return entry.licence;
  }
  if (is_bundled(model)) return kBundledLicence;
  const auto metadata = runtime::inspect_model(model).metadata;
  const auto written = metadata.find("license");
  return written == metadata.end() ? "not stated" : valid_utf8(written->second);
}

ordered_json files_below(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (const auto& item : fs::recursive_directory_iterator(folder)) {
    if (item.is_regular_file()) paths.push_back(item.path());
  }
  std::sort(paths.begin(), paths.end());
  ordered_json files = ordered_json::object();
  for (const auto& path : paths) {
    files[path.lexically_relative(folder).generic_string()] = {{"bytes", fs::file_size(path)},
                                                               {"sha256", sha256_of_file(path)}};
  }
  return files;
}

ordered_json versions() {
  ordered_json all{{"goshawk", kVersion}, {"revision", kRevision}};
  for (const auto& [library, version] : library_versions()) all[library] = version;
  return all;
}

/// A name that is good for folders, units and accounts.
std::string package_name(const fs::path& out) {
  std::string name = to_lower(name_of_source(out.string()));
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!plain) c = '-';
  }
  return name;
}

/// Settings of running a model, as far as they mean something elsewhere: the recipe is in the models, paths are this
/// machine's.
json settings_of(const Invocation& call) {
  const json all = call.config.as_profile().settings;
  json kept = json::object();
  for (const char* section : {"runtime", "engine", "detect", "track"}) {
    if (all.contains(section)) kept[section] = all[section];
  }
  for (const auto& [section, key] : {std::pair("detect", "recipe"), {"detect", "names"}, {"runtime", "cache"}}) {
    if (kept.contains(section)) kept[section].erase(key);
  }
  for (const auto& [section, key] : {std::pair("track", "reid"), {"track", "zones_file"}}) {
    if (!kept.contains(section) || !kept[section].contains(key)) continue;
    spdlog::warn("{}.{} is a file of this machine and is not packed", section, key);
    kept[section].erase(key);
  }
  std::erase_if(kept.get_ref<json::object_t&>(), [](const auto& section) { return section.second.empty(); });
  return kept;
}

/// Pictures to judge the models on, and to calibrate INT8 with; none is both.
struct PackageData {
  std::optional<dataset::Dataset> truth;       // nullopt: no labels
  std::optional<optimize::Material> material;  // for INT8
};

PackageData read_data(const Invocation& call, bool calibrates) {
  PackageData data;
  if (!call.has("data")) return data;
  if (!calibrates) {
    data.truth = read_truth(call);
    return data;
  }
  if (call.has("split")) {
    throw Error(ErrorCode::kUsage, "does not go with int8, which is calibrated on train and judged on val", "--split");
  }
  data.material = read_material(call, 64, 0);
  data.truth = data.material->evaluation;
  if (!data.truth) spdlog::warn("there are no labels: no accuracy is measured");
  return data;
}

/// A model in the package.
struct Entry {
  fs::path path;
  Recipe recipe;
  std::string licence;
  ordered_json made;  // how it came from the model that was given; null for that one
};

/// Fills a folder with models and measures them.
class PackageModels {
 public:
  PackageModels(const Invocation& call, fs::path folder)
      : call_(call), folder_(std::move(folder)), forms_(asked_forms(call)), bars_(call) {
    data_ = read_data(call, std::find(forms_.begin(), forms_.end(), "int8") != forms_.end());
  }

  void add(const std::string& argument) {
    const fs::path model = resolve_model(argument).path;
    const std::string stem = model.stem().string();
    const std::string licence = licence_of(call_, model);
    const fs::path given = claim(stem);
    copy_model(call_, model, given);
    const Recipe recipe = recipe_in(given);
    write(folder_ / "recipes" / (stem + ".yaml"), to_yaml(json::parse(detect::recipe_text(recipe))));
    entries_.push_back({given, recipe, licence, nullptr});
    for (const auto& form : forms_) {
      if (call_.stop.stop_requested()) throw Error(ErrorCode::kInterrupted, "stopped while packaging");
      const fs::path target = claim(stem + "-" + form);
      auto made =
          form == "fp16" ? make_fp16(call_, model, target, bars_) : make_int8(call_, model, target, *data_.material, bars_);
      entries_.push_back({target, recipe, licence, std::move(made)});
    }
  }

  /// Measures what was added.
  void measure() {
    std::vector<fs::path> paths;
    for (const auto& entry : entries_) paths.push_back(entry.path);
    bars_("measuring the speed", 0, 1);
    const auto speeds = measure_speeds(call_, paths);
    bars_.finish();
    for (std::size_t i = 0; i < entries_.size(); ++i) describe(entries_[i], speeds[i]);
  }

  const ordered_json& info() const { return info_; }
  const std::vector<PackagedModel>& models() const { return models_; }

 private:
  fs::path claim(const std::string& stem) {
    if (!names_.insert(stem).second) throw Error(ErrorCode::kUsage, "two models have this name", stem);
    return folder_ / "models" / (stem + ".onnx");
  }

  void describe(const Entry& entry, const ordered_json& speed) {
    ordered_json about{{"file", entry.path.lexically_relative(folder_).generic_string()}, {"licence", entry.licence}};
    if (!entry.made.is_null()) about["made"] = entry.made;
    about["speed"] = speed;
    if (data_.truth) about["accuracy"] = measure_accuracy(call_, entry.path, *data_.truth);
    const std::size_t classes = entry.recipe.class_names.size();
    models_.push_back(
        {.file = about["file"],
         .network = fmt::format("{}, {} {}, {}x{}", detect::to_string(entry.recipe.family), classes,
                                classes == 1 ? "class" : "classes", entry.recipe.input_width, entry.recipe.input_height),
         .size = megabytes(fs::file_size(entry.path)),
         .time = fmt::format("{:.1f} ms", speed["p50_ms"].get<double>() / speed["batch"].get<int>()),
         .device = fmt::format("{} {}", speed["device"].get<std::string>(), speed["precision"].get<std::string>()),
         .accuracy = points(about.contains("accuracy") ? about["accuracy"]["AP"].get<double>() : -1)});
    info_.push_back(std::move(about));
  }

  const Invocation& call_;
  fs::path folder_;
  std::vector<std::string> forms_;
  StepBars bars_;
  PackageData data_;
  std::set<std::string> names_;
  std::vector<Entry> entries_;
  ordered_json info_ = ordered_json::array();
  std::vector<PackagedModel> models_;
};

std::string table_of(const std::vector<PackagedModel>& models) {
  Table table({"model", "size", "a picture", "on", "AP50-95"});
  for (const auto& model : models) table.add_row({model.file, model.size, model.time, model.device, model.accuracy});
  return shown(table);
}

int run_package(const Invocation& call) {
  const fs::path out = required_option(call, "out");
  const bool zip = to_lower(out.extension().string()) == ".zip";
  if (!call.has("data")) refuse_flags(call, {"split", "from", "map"}, "it goes with --data", "No accuracy is measured.");
  if (fs::exists(out)) throw Error(ErrorCode::kUsage, "this exists already", out.string());
  const std::string name = package_name(out);
  for (const auto& argument : call.arguments) resolve_model(argument);  // before anything is written
  AtomicFolder folder(zip ? fs::path(out.string() + ".folder") : out);
  const fs::path inside = folder.temporary_path();
  PackageModels models(call, inside);
  for (const auto& argument : call.arguments) models.add(argument);
  models.measure();
  const std::string first = models.models().at(0).file;
  write(inside / "goshawk.yaml", to_yaml(settings_of(call)));
  write(inside / "README.md", package_readme(name, models.models()));
  write(inside / "example" / "main.cpp", package_program());
  write(inside / "example" / "CMakeLists.txt", package_cmake());
  write(inside / "systemd" / (name + ".service"), package_unit(name, first));

  ordered_json info{{"format", kPackageFormat}, {"name", name}};
  info["made"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                             fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
  info["machine"] = describe_this_machine();
  info["versions"] = versions();
  info["models"] = models.info();
  info["files"] = files_below(inside);
  write(inside / kPackageInfo, text_of(info) + "\n");
  if (zip) dataset::pack_folder(inside, out, call.stop);
  else folder.commit();
  if (call.json) fmt::print("{}\n", text_of(info));
  else fmt::print("{}\n{}: {} files\n", table_of(models.models()), out.string(), info["files"].size() + 1);
  return 0;
}

}  // namespace

Command package_command() {
  Command command;
  command.name = "package";
  command.group = Group::kModels;
  command.summary = "Pack models with all that another machine needs";
  command.details =
      "Models with their recipe and conformance vectors, the settings in force, package_info.json (hashes, measured speed "
      "and accuracy, machine, versions, licences), README, a minimal C++ program and a systemd unit. FP16 and INT8 forms "
      "are "
      "made beside each model with --also.";
  command.positionals = {{.name = "MODEL", .help = "model files or names", .many = true}};
  command.settings = {"runtime", "detect", "track", "source.max_frames"};
  command.options = {{"out", "PATH", "new folder, or an archive that ends with .zip"},
                     {"also", "FORM,...", "make fp16 and int8 of each model too"},
                     {"data", "DATASET", "labelled images: AP of each model; int8 is calibrated on others of it"},
                     split_flag(),
                     from_flag(),
                     map_flag(),
                     {"max-drop", "POINTS", "of AP50-95 (of 100) that int8 may lose; else 1.0"},
                     {"licence", "TEXT", "licence of the models; else that of the list of known models"}};
  command.json = true;
  command.examples = {"goshawk package yolov8n.onnx --out street --conf 0.4",
                      "goshawk package yolov8n.onnx --also fp16,int8 --data data.yaml --out street.zip",
                      "goshawk package fp32.onnx int8.onnx --out street.zip --licence Apache-2.0"};
  command.run = run_package;
  return command;
}

}  // namespace goshawk::cli
