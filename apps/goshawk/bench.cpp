// goshawk bench: how fast models are here, and which setting suits this machine.

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>

#include "apps/goshawk/bench_report.h"
#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/describe.h"
#include "apps/goshawk/detect_on_set.h"
#include "apps/goshawk/eval_model.h"
#include "apps/goshawk/interrupt.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/progress_bar.h"
#include "apps/goshawk/run_folder.h"
#include "goshawk/benchmark/statistics.h"
#include "goshawk/core/document.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/machine.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/media/image.h"
#include "goshawk/media/jpeg.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using benchmark::Axis;
using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kMostBatch = 256;  // that the setting `runtime.batch` takes

/// "1,2,4": whole numbers within [1, most], each once.
std::vector<int> numbers_option(const Invocation& call, const std::string& flag, int most) {
  std::vector<int> numbers;
  for (const auto& word : list_option(call, flag)) {
    const auto number = number_in<int>(word);
    if (!number || *number < 1 || *number > most)
      throw Error(ErrorCode::kUsage, fmt::format("'{}' is no whole number from 1 to {}", word, most), "--" + flag);
    if (std::ranges::find(numbers, *number) == numbers.end()) numbers.push_back(*number);
  }
  return numbers;
}

std::vector<runtime::Precision> precisions_of(const Invocation& call) {
  std::vector<runtime::Precision> precisions;
  for (const auto& word : list_option(call, "precisions")) precisions.push_back(runtime::parse_precision(word));
  if (precisions.empty()) precisions.push_back(runtime::parse_precision(call.config.text("runtime.precision")));
  return precisions;
}

/// 1, 2, 4, ... and the number itself.
std::vector<int> doubling_to(int most) {
  std::vector<int> numbers;
  for (int number = 1; number < most; number *= 2) numbers.push_back(number);
  numbers.push_back(most);
  return numbers;
}

std::map<Axis, std::vector<int>> sweeps_of(const Invocation& call) {
  std::map<Axis, std::vector<int>> sweeps;
  const int cores = usable_cores();
  if (call.has("sweep")) {
    sweeps = {{Axis::kBatch, {1, 2, 4, 8}}, {Axis::kStreams, doubling_to(cores)}, {Axis::kThreads, doubling_to(cores)}};
  }
  const auto add = [&](Axis axis, const std::string& flag, int most) {
    if (auto numbers = numbers_option(call, flag, most); !numbers.empty()) sweeps[axis] = std::move(numbers);
  };
  add(Axis::kBatch, "batches", kMostBatch);
  add(Axis::kSize, "sizes", 8192);
  add(Axis::kThreads, "thread-counts", 1024);
  add(Axis::kStreams, "stream-counts", 1024);
  return sweeps;
}

benchmark::Plan plan_of(const Invocation& call, const std::vector<fs::path>& models) {
  benchmark::Plan plan;
  plan.sweeps = sweeps_of(call);
  plan.in_turns = call.has("compare");
  const auto names = model_names(models);
  if (std::set(names.begin(), names.end()).size() < names.size()) {
    throw Error(ErrorCode::kUsage, "a model is given twice", "MODEL",
                "Devices and precisions are side by side with --devices and --precisions");
  }
  const auto devices = devices_option(call);
  const auto precisions = precisions_of(call);
  plan.skip_unavailable = devices.size() * precisions.size() > 1;
  for (std::size_t m = 0; m < models.size(); ++m) {
    for (const auto& device : devices) {
      for (const auto precision : precisions) {
        benchmark::Candidate candidate;
        candidate.name = names[m];
        candidate.model = models[m];
        candidate.options = detector_options(call.config);
        candidate.options.session.device = device;
        candidate.options.session.precision = precision;
        if (call.config.entry("runtime.batch").layer != ConfigLayer::kDefault)
          candidate.batch = static_cast<int>(call.config.integer_if_set("runtime.batch").value_or(candidate.batch));
        plan.candidates.push_back(std::move(candidate));
      }
    }
  }
  if (plan.in_turns && plan.candidates.size() < 2) {
    throw Error(ErrorCode::kUsage, "two models, devices or precisions are needed to compare", "--compare");
  }
  return plan;
}

benchmark::MeasureOptions measure_options(const Invocation& call) {
  benchmark::MeasureOptions options;
  const double seconds = number_option(call, "seconds", 0.05, 3600).value_or(3);
  options.time = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  options.warm_up = static_cast<int>(integer_option(call, "warm-up", 0, 100'000).value_or(options.warm_up));
  options.stop = call.stop;
  return options;
}

/// Reads what --source names; without it a synthetic picture is shown, and the time to decode it as a JPEG is measured.
std::vector<cv::Mat> read_pictures(const Invocation& call, ShownPictures& shown) {
  constexpr int kMost = 64;
  LatencyRecorder decode;
  std::vector<cv::Mat> pictures;
  if (!call.has("source")) {
    const std::string jpeg = media::encode_jpeg(detect::synthetic_picture(1280, 720, 1), 90);
    for (int i = 0; i < 20; ++i) {
      const ScopedTimer timer(decode);
      media::decode_image(jpeg, "synthetic picture");
    }
    shown = {"a synthetic JPEG of 1280x720", decode.summary()};
    return pictures;
  }
  auto options = source_options(call.config);
  options.max_frames = std::min<std::int64_t>(options.max_frames.value_or(kMost), kMost);
  const auto source = media::open_source(call.options.at("source"), options, call.stop);
  for (;;) {
    const auto start = LatencyRecorder::Clock::now();
    auto frame = source->read(call.stop);
    if (!frame) break;
    decode.add(LatencyRecorder::Clock::now() - start);
    pictures.push_back(std::move(frame->image));
  }
  if (pictures.empty()) throw Error(ErrorCode::kBadData, "there is no picture to show", call.options.at("source"));
  shown = {fmt::format("{} pictures of {}, {} {}x{}", pictures.size(), source->info().name, source->info().codec,
                       source->info().width, source->info().height),
           decode.summary()};
  return pictures;
}

ordered_json record_now() {
  std::array<double, 3> load{};
  const int loads = ::getloadavg(load.data(), 3);
  return {{"time", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                               fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())))},
          {"machine", describe_this_machine()},
          {"load_average", loads > 0 ? load[0] : -1},
          {"versions", describe_versions()}};
}

std::optional<BaselineCheck> read_baseline(const Invocation& call) {
  const auto file = call.options.find("baseline");
  if (file == call.options.end()) {
    refuse_flags(call, {"tolerance"}, "it goes with --baseline", "There is nothing to compare with.");
    return std::nullopt;
  }
  constexpr DocumentLimits kLimits{256ULL << 20, 20'000'000, 32};
  BaselineCheck check;
  check.file = file->second;
  check.tolerance = number_option(call, "tolerance", 0, 1000).value_or(5) / 100;
  const json document = parse_json(read_file(check.file, kLimits.bytes), check.file, kLimits);
  check.before = benchmark::parse_results(document, check.file);
  const auto machine = describe_this_machine();
  const json* before = document.contains("record") && document["record"].is_object() ? &document["record"] : nullptr;
  const json was = before != nullptr ? before->value("machine", json::object()) : json::object();
  check.other_machine = !was.is_object() || was.value("processor", json()) != machine.at("processor") ||
                        was.value("cores", json()) != machine.at("cores");
  return check;
}

/// AP50-95 of a model in a setting.
double measure_ap(const Invocation& call, const fs::path& model, const benchmark::LoadedInfo& setting,
                  const dataset::Dataset& truth) {
  Invocation one = call;
  const auto set = [&](const char* key, json value) {
    one.config.set(key, std::move(value), ConfigLayer::kFlag, "goshawk bench");
  };
  set("runtime.device", runtime::to_string(setting.device));
  set("runtime.precision", std::string(runtime::to_string(setting.precision)));
  return coco_summary(std::move(one), model, truth).ap;
}

/// What cannot be evaluated gets a note: its times are measured already.
void measure_accuracy(const Invocation& call, const benchmark::Plan& plan, const dataset::Dataset& truth,
                      BenchFindings& findings) {
  for (auto& result : findings.results) {
    if (result.axis != Axis::kNone || !result.model.detector) continue;
    const auto asked = std::find_if(plan.candidates.begin(), plan.candidates.end(),
                                    [&](const auto& candidate) { return candidate.name == result.model.name; });
    try {
      result.ap = measure_ap(call, asked->model, result.model, truth);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInterrupted) throw;
      findings.notes.push_back("the accuracy of " + result.model.name + " was not measured: " + error.what());
    }
  }
}

/// Layers of each model once, on the first of its devices that shows them, else on the CPU provider.
void time_layers(const Invocation& call, const benchmark::Plan& plan, BenchFindings& findings) {
  std::set<std::string> done;
  for (const auto& result : findings.results) {
    const auto& model = result.model;
    if (result.axis != Axis::kNone || !done.insert(model.name).second) continue;
    const auto asked = std::find_if(plan.candidates.begin(), plan.candidates.end(),
                                    [&](const auto& candidate) { return candidate.name == model.name; });
    runtime::SessionOptions options = asked->options.session;
    ModelLayers layers;
    layers.model = model.name;
    options.device = model.device;
    if (runtime::compiles(model.device.kind)) {
      options.device = {runtime::DeviceKind::kCpu, 0};
      options.precision = runtime::Precision::kAuto;
      layers.note = fmt::format(
          "{} runs the whole graph as one node and does not show its layers: these are those of the "
          "CPU provider in fp32.",
          runtime::to_string(model.device));
    }
    try {
      layers.times = runtime::measure_layers(asked->model, model.input_shapes, options, 10, call.stop);
      findings.layers.push_back(std::move(layers));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInterrupted) throw;
      findings.notes.push_back("the layers of " + model.name + " cannot be shown: " + error.what());
    }
  }
}

bool prefers_latency(const Invocation& call) {
  const auto found = call.options.find("prefer");
  if (found == call.options.end()) return false;
  if (found->second != "latency" && found->second != "throughput") {
    throw Error(ErrorCode::kUsage, "'" + found->second + "' is neither latency nor throughput", "--prefer");
  }
  return found->second == "latency";
}

/// Whether a profile can say this setting. Frames that are handed over together are shared out among the streams where the
/// device runs some (Detector::useful_batch), so that a batch within a stream cannot be said there.
bool fits_profile(const benchmark::LoadedInfo& setting) {
  const bool one_a_stream = setting.device.kind == runtime::DeviceKind::kOpenVino;
  return (!one_a_stream || setting.batch == 1) && setting.batch * setting.streams <= kMostBatch;
}

/// Puts the best setting of `model`, the first, into a profile; other settings of a profile that is there stay.
std::string save_profile(const Invocation& call, const BenchFindings& findings, const std::string& model) {
  const std::string profile = call.options.at("apply");
  const fs::path path = user_profile_folder() / (profile + ".yaml");
  if (path.is_relative()) {
    throw Error(ErrorCode::kBadConfig, "nowhere to save profiles: neither XDG_CONFIG_HOME nor HOME is set");
  }
  std::vector<benchmark::Result> results;
  for (const auto& result : findings.results) {
    if (result.model.name == model && result.axis != Axis::kSize && fits_profile(result.model)) results.push_back(result);
  }
  if (results.empty()) {
    throw Error(ErrorCode::kUnavailable,
                "nothing that a profile can say could be measured of it, and a profile is for the first model", model,
                "The report says why it was left out. OpenVINO shares a batch out among its streams: measure --batch 1");
  }
  const auto places = benchmark::best_of(results, model);
  const auto& best = results[prefers_latency(call) ? places.latency : places.throughput];
  json document = json::object();
  if (fs::exists(path)) document = read_document(path);
  if (!document.is_object()) throw Error(ErrorCode::kBadConfig, "this is no profile", path.string());
  auto& runtime = document["settings"]["runtime"];
  runtime["device"] = runtime::to_string(best.model.device);
  runtime["precision"] = std::string(runtime::to_string(best.model.precision));
  runtime["threads"] = best.model.threads;
  runtime["batch"] = best.model.batch * best.model.streams;
  if (!document.contains("description")) {
    document["description"] =
        fmt::format("best {} of {}, by `goshawk bench`", prefers_latency(call) ? "latency" : "throughput", best.model.name);
  }
  parse_profile(profile, document, path.string());
  make_folder(path.parent_path());
  write_file_atomically(path, to_yaml(document));
  return path.string();
}

void check_options(const Invocation& call) {
  if (call.has("apply")) check_profile_name(call.options.at("apply"));
  if (!call.has("apply")) refuse_flags(call, {"prefer"}, "it goes with --apply", "No setting is saved.");
  if (!call.has("data")) refuse_flags(call, {"split", "from", "map"}, "it goes with --data", "There are no labels.");
  if (!call.has("source"))
    refuse_settings(call, {"source.start", "source.end"}, "it goes with --source", "One synthetic picture is shown.");
  prefers_latency(call);
}

benchmark::Suite run_with_progress(const Invocation& call, const benchmark::Plan& plan, const std::vector<cv::Mat>& pictures,
                                   const benchmark::MeasureOptions& options) {
  ProgressBar progress(call, "measuring", benchmark::count_turns(plan, options), "turns");
  std::int64_t done = 0;
  auto suite = benchmark::run_plan(plan, pictures, options, [&](const std::string& what) { progress.update(++done, what); });
  progress.finish();
  return suite;
}

int run_bench(const Invocation& call) {
  check_options(call);
  std::vector<fs::path> models;
  for (const auto& argument : call.arguments) models.push_back(resolve_model(argument).path);
  const auto plan = plan_of(call, models);
  const auto options = measure_options(call);
  BenchFindings findings;
  auto baseline = read_baseline(call);
  findings.compared = plan.in_turns;
  findings.record = record_now();
  const auto pictures = read_pictures(call, findings.pictures);
  std::optional<dataset::Dataset> truth;  // before anything is measured, so that a wrong path ends it at once
  if (call.has("data")) truth = read_truth(call);
  const RunFolder run(call, models[0].string());  // so that a wrong name does too

  auto suite = run_with_progress(call, plan, pictures, options);
  findings.results = std::move(suite.results);
  findings.notes = std::move(suite.notes);
  for (const auto& result : findings.results) {
    if (!result.model.note.empty() && result.axis == Axis::kNone) {
      findings.notes.push_back(result.model.name +
                               ": inference alone, for it is no detector that is known: " + result.model.note);
    }
  }
  if (truth) measure_accuracy(call, plan, *truth, findings);
  if (!call.has("no-layers")) time_layers(call, plan, findings);
  for (const auto& model : model_names(models)) {
    const auto measured = [&](const auto& result) { return result.model.name == model; };
    if (std::none_of(findings.results.begin(), findings.results.end(), measured)) continue;  // left out, with a note
    findings.best.push_back({model, benchmark::best_of(findings.results, model)});
  }
  write_results(findings, run.path());  // kept whatever fails from here on
  const auto plots = write_plots(findings, run.path());
  write_page(findings, plots, run.path());
  if (baseline) {
    baseline->changes = benchmark::compare_results(findings.results, baseline->before, baseline->tolerance);
    if (baseline->changes.empty()) {
      throw Error(ErrorCode::kBadData, "nothing of the earlier run is measured now", baseline->file,
                  "Give the same models, devices, precisions, batches, sizes, threads and streams");
    }
    findings.baseline = std::move(baseline);
  }
  if (call.has("apply")) findings.profile = save_profile(call, findings, model_names(models)[0]);
  if (findings.baseline || call.has("apply")) {
    write_results(findings, run.path());
    write_page(findings, plots, run.path());
  }
  if (call.json) {
    auto document = findings_json(findings);
    document["folder"] = run.path().string();
    fmt::print("{}\n", json_text(document));
  } else {
    fmt::print("{}\n{}\n", findings_text(findings), (run.path() / "report.html").string());
  }
  return findings.baseline && findings.baseline->failed() ? exit_code(ErrorCode::kBadData) : 0;
}

}  // namespace

Command bench_command() {
  Command command;
  command.name = "bench";
  command.group = Group::kModels;
  command.summary = "Measure how fast models are here, and find the best setting";
  command.details =
      "Measures from a picture in memory to its detections: latency, throughput, stages, loading, memory, the slowest "
      "layers. Lists of devices, precisions, batches, sizes, threads and streams are measured side by side. Writes "
      "runs/bench/NAME/ with results.json, results.csv, plots and report.html. With --baseline, ends with exit code 65 when "
      "something became slower beyond noise.";
  command.positionals = {{.name = "MODEL", .help = "model files or names", .many = true}};
  command.settings = {"runtime",    "detect",         "source.max_frames", "source.start",
                      "source.end", "output.project", "output.name"};
  command.options = {
      {"devices", "A,B,...", "devices side by side; all: every one that is here"},
      {"precisions", "A,B,...", "precisions side by side: fp32, bf16, fp16"},
      {"batches", "N,...", "measure these numbers of images a call"},
      {"sizes", "N,...", "measure these sides of the input, for models of dynamic size"},
      {"thread-counts", "N,...", "measure these numbers of threads"},
      {"stream-counts", "N,...", "measure these numbers of calls at the same time"},
      {"sweep", "", "batches 1 to 8, and streams and threads up to the number of cores"},
      {"compare", "", "measure in turns, and say how many times as fast each is as the first"},
      {"data", "DATASET", "labelled images: AP of each model as well"},
      split_flag(),
      from_flag(),
      map_flag(),
      {"source", "SOURCE", "video, image or folder whose pictures are shown (64 at most); else a synthetic one"},
      {"seconds", "S", "time to measure each setting; else 3"},
      {"warm-up", "N", "calls that do not count; else 5"},
      {"no-layers", "", "leave the slowest layers out"},
      {"baseline", "FILE", "results.json of an earlier run to hold this one against"},
      {"tolerance", "PERCENT", "slower by no more than this is no regression; else 5"},
      {"apply", "PROFILE", "save the first model's best setting that a profile can say"},
      {"prefer", "WHAT", "latency or throughput, for --apply; else throughput", {"latency", "throughput"}}};
  command.json = true;
  command.examples = {"goshawk bench yolov8n.onnx --sweep --apply street",
                      "goshawk bench fp32.onnx int8.onnx --compare --data data.yaml",
                      "goshawk bench yolov8n.onnx --devices all --precisions fp32,bf16 --batches 1,4",
                      "goshawk bench yolov8n.onnx --baseline runs/bench/yolov8n/results.json"};
  command.run = run_bench;
  return command;
}

}  // namespace goshawk::cli
