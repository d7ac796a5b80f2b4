// goshawk engine: models compiled ahead of time, and what of them is kept.

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/data_set.h"
#include "apps/goshawk/engine_commands.h"
#include "apps/goshawk/interrupt.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/options.h"
#include "apps/goshawk/progress_bar.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/detect/conformance.h"
#include "goshawk/runtime/device_check.h"
#include "goshawk/runtime/engine_cache.h"
#include "goshawk/runtime/model_file.h"
#include "goshawk/runtime/model_folder.h"
#include "goshawk/runtime/session.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using nlohmann::ordered_json;

/// Those asked for, of `all` those that compile; else the one that `auto` takes. Throws Error{kUnavailable} where nothing
/// compiles, or is not there.
std::vector<runtime::Device> devices_of(const Invocation& call) {
  auto devices = devices_option(call);
  const auto words = list_option(call, "devices");
  if (std::ranges::find(words, "all") != words.end()) {
    std::erase_if(devices, [](const auto& device) { return !runtime::compiles(device.kind); });
    if (devices.empty()) {
      throw Error(ErrorCode::kUnavailable, "no device that compiles models is here", "--devices",
                  "`goshawk doctor` says what is missing for each");
    }
  }
  for (auto& device : devices) {
    if (device.kind == runtime::DeviceKind::kAuto) {
      const auto all = runtime::list_devices();
      const auto first = std::find_if(all.begin(), all.end(), [](const auto& status) { return status.available; });
      device = first == all.end() ? runtime::Device{runtime::DeviceKind::kCpu, 0} : first->device;
    }
    if (!runtime::compiles(device.kind)) {
      throw Error(ErrorCode::kUnavailable, runtime::to_string(device) + " compiles nothing that could be kept", "--device",
                  "openvino, tensorrt and tensorrt-rtx do; `goshawk doctor` says what is missing for each");
    }
    runtime::check_device(device, runtime::parse_precision(call.config.text("runtime.precision")));
  }
  return devices;
}

/// Model files, those of folders among them.
std::vector<fs::path> models_of(const Invocation& call) {
  std::vector<fs::path> models;
  for (const auto& argument : call.arguments) {
    std::error_code ignored;
    if (!fs::is_directory(argument, ignored)) {
      models.push_back(resolve_model(argument).path);
      continue;
    }
    const auto inside = runtime::models_in(argument);
    if (inside.empty()) throw Error(ErrorCode::kNotFound, "no ONNX file is in this folder", argument);
    models.insert(models.end(), inside.begin(), inside.end());
  }
  return models;
}

/// What `track` asks for: one call at a time for live sources, and for files what the profile says of their resolution.
std::set<int> streams_of(const Invocation& call, const runtime::Device& device) {
  if (device.kind != runtime::DeviceKind::kOpenVino) return {1};
  if (const auto streams = integer_option(call, "streams", 1, 1024)) return {static_cast<int>(*streams)};
  std::set<int> streams{1};
  for (const auto& [width, height] : {std::pair(1280, 720), {1920, 1080}, {2560, 1440}, {3840, 2160}, {7680, 4320}})
    streams.insert(parallel_runs(call.config.for_resolution(width, height), {}));
  return streams;
}

/// One model on one device, to be compiled.
struct Job {
  fs::path model;
  runtime::SessionOptions options;
};

struct Built {
  Job job;
  bool was_there = false;
  double seconds = 0;
  std::string device, precision, provider;
  std::string check;  // "passed", "FAILED", "no vectors"
  std::string error;  // why it could not be built; empty when it was
  std::optional<ErrorCode> failure;
};

std::vector<Job> jobs_of(const Invocation& call) {
  std::vector<Job> jobs;
  const auto models = models_of(call);
  const auto devices = devices_of(call);
  for (const auto& model : models) {
    for (const auto& device : devices) {
      for (const int streams : streams_of(call, device)) {
        Job job{model, session_options(call.config)};
        job.options.device = device;
        job.options.parallel_runs = streams;
        job.options.cache_folder = engine_folder();
        jobs.push_back(std::move(job));
      }
    }
  }
  return jobs;
}

Built build(Job job) {
  Built built;
  built.job = std::move(job);
  try {
    const auto start = std::chrono::steady_clock::now();
    const auto session = runtime::Session::load(built.job.model, built.job.options);
    built.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    built.was_there = session->statistics().from_cache;
    built.device = runtime::to_string(session->device());
    built.precision = std::string(runtime::to_string(session->precision()));
    built.provider = session->provider();
    built.check = check_engine(built.job.model, built.job.options);
    if (built.check == "FAILED") built.failure = ErrorCode::kBadData;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInterrupted) throw;
    built.device = runtime::to_string(built.job.options.device);
    built.precision = std::string(runtime::to_string(built.job.options.precision));
    built.error = error.what();
    built.failure = error.code();
  }
  return built;
}

ordered_json to_json(const Built& built) {
  ordered_json document{{"model", built.job.model.string()},
                        {"device", built.device},
                        {"precision", built.precision},
                        {"provider", built.provider},
                        {"streams", built.job.options.parallel_runs},
                        {"was_there", built.was_there},
                        {"seconds", built.seconds},
                        {"check", built.check}};
  if (!built.error.empty()) document["error"] = built.error;
  return document;
}

/// Elsewhere a model that cannot be kept runs all the same; here keeping it is the purpose.
void check_cache(const fs::path& folder) {
  make_folder(folder);
  if (::access(folder.c_str(), W_OK) != 0)
    throw Error(ErrorCode::kIo, "compiled models cannot be kept: the folder cannot be written to", folder.string());
}

int run_build(const Invocation& call) {
  const auto jobs = jobs_of(call);
  check_cache(engine_folder());
  ProgressBar progress(call, "compiling", jobs.size(), "engines");
  std::vector<Built> all;
  std::optional<ErrorCode> failure;  // the first
  for (const auto& job : jobs) {
    if (call.stop.stop_requested()) return exit_code(ErrorCode::kInterrupted);
    progress.update(static_cast<std::int64_t>(all.size()), job.model.filename().string());
    {
      const LeaveOnStop compiling(call.stop);  // the cache's entries appear as a whole
      all.push_back(build(job));
    }
    if (!failure) failure = all.back().failure;
  }
  progress.finish();
  if (call.json) {
    ordered_json document = ordered_json::array();
    for (const auto& built : all) document.push_back(to_json(built));
    fmt::print("{}\n", json_text(document));
  } else {
    Table table({"model", "device", "precision", "streams", "engine", "seconds", "vectors"});
    for (const auto& built : all) {
      table.add_row({built.job.model.filename().string(), built.device, built.precision,
                     std::to_string(built.job.options.parallel_runs),
                     !built.error.empty() ? "not built: " + built.error
                     : built.was_there    ? "was there"
                                          : "built",
                     fmt::format("{:.2f}", built.seconds), built.check.empty() ? "-" : built.check});
    }
    fmt::print("{}\nin {}\n", shown(table), engine_folder().string());
  }
  return failure ? exit_code(*failure) : 0;
}

/// A field of an entry's description as text; "-" when it is not there.
std::string field(const json& about, const char* key) {
  if (!about.is_object() || !about.contains(key)) return "-";
  return about[key].is_string() ? about[key].get<std::string>() : about[key].dump();
}

/// "2" of OpenVINO's settings with two streams.
std::string streams_in(const json& about) {
  try {
    return json::parse(field(about, "settings")).at("CPU").at("NUM_STREAMS").get<std::string>();
  } catch (const json::exception&) {
    return "-";
  }
}

json parse_about(const runtime::CachedEngine& engine) {
  auto about = json::parse(engine.about, nullptr, false);
  return about.is_discarded() ? json::object() : about;
}

int run_list(const Invocation& call) {
  const auto engines = runtime::EngineCache(engine_folder()).list();
  if (call.json) {
    ordered_json document = ordered_json::array();
    for (const auto& engine : engines) {
      document.push_back({{"key", engine.key},
                          {"bytes", engine.bytes},
                          {"used", engine.used},
                          {"sound", engine.sound},
                          {"about", parse_about(engine)}});
    }
    fmt::print("{}\n", json_text(document));
    return 0;
  }
  Table table({"key", "model", "device", "precision", "threads", "streams", "provider", "MB", "last used"});
  double bytes = 0;
  for (const auto& engine : engines) {
    const auto about = parse_about(engine);
    const std::string file = field(about, "file") != "-" ? field(about, "file") : field(about, "model").substr(0, 12);
    bytes += static_cast<double>(engine.bytes);
    table.add_row({engine.key.substr(0, 12), file + (engine.sound ? "" : " (damaged)"), field(about, "device"),
                   field(about, "precision"), field(about, "threads"), streams_in(about), field(about, "provider"),
                   fmt::format("{:.1f}", static_cast<double>(engine.bytes) / 1e6),
                   fmt::format("{:%Y-%m-%d %H:%M}", fmt::localtime(static_cast<std::time_t>(engine.used)))});
  }
  if (engines.empty()) fmt::print("No compiled models are kept in {}\n", engine_folder().string());
  else fmt::print("{}\n{} engines, {:.1f} MB in {}\n", shown(table), engines.size(), bytes / 1e6, engine_folder().string());
  return 0;
}

/// Whether a word of the command line means this entry: the beginning of its key, or its model's file name.
bool means(const std::string& word, const runtime::CachedEngine& engine) {
  constexpr std::size_t kShortest = 4;
  const std::string file = field(parse_about(engine), "file");
  return (word.size() >= kShortest && engine.key.starts_with(word)) || file == fs::path(word).filename().string() ||
         fs::path(file).stem() == word;
}

int run_clear(const Invocation& call) {
  runtime::EngineCache cache(engine_folder());
  const auto engines = cache.list();
  std::set<std::string> doomed;
  for (const auto& word : call.arguments) {
    const std::size_t before = doomed.size();
    for (const auto& engine : engines) {
      if (means(word, engine)) doomed.insert(engine.key);
    }
    if (doomed.size() == before) {
      throw Error(ErrorCode::kNotFound, "no compiled model has this name or key", word, "`goshawk engine list` shows them");
    }
  }
  double bytes = 0;
  std::size_t removed = 0;
  for (const auto& engine : engines) {
    if (!call.arguments.empty() && !doomed.contains(engine.key)) continue;
    cache.remove(engine.key);
    bytes += static_cast<double>(engine.bytes);
    ++removed;
  }
  if (call.json) fmt::print("{}\n", ordered_json{{"removed", removed}, {"bytes", bytes}}.dump(2));
  else fmt::print("{} removed, {:.1f} MB\n", removed, bytes / 1e6);
  return 0;
}

}  // namespace

std::string check_engine(const fs::path& model, const runtime::SessionOptions& options) {
  if (!runtime::inspect_model(model).metadata.contains(detect::kConformanceKey)) return "no vectors";
  return detect::verify_conformance(model, options).passed() ? "passed" : "FAILED";
}

Command engine_build_command() {
  Command command;
  command.name = "engine build";
  command.group = Group::kModels;
  command.summary = "Compile models ahead of time for this machine's devices";
  command.details =
      "What `track` would compile at its first start is compiled now and kept: blobs of OpenVINO, engines of TensorRT and "
      "TensorRT-RTX. An entry belongs to one model, provider, driver, TensorRT, device, precision, number of threads, "
      "workspace and profile, so that a stale one is never used: give `track` the same, or write them into its "
      "configuration "
      "file. What was compiled is held against the model's conformance vectors where it has them. A model that cannot be "
      "compiled does not keep the others from it. INT8 is what a model of `goshawk quantize` asks for by itself.";
  command.positionals = {{.name = "MODEL", .help = "model files, names, or folders of ONNX files", .many = true}};
  command.settings = {"runtime.device", "runtime.precision", "runtime.threads", "engine"};
  command.options = {
      {"devices", "A,B,...", "several devices; else --device"},
      {"streams", "N", "calls at the same time (openvino); else 1, and what files of each resolution ask for"}};
  command.json = true;
  command.examples = {"goshawk engine build yolov8n.onnx", "goshawk engine build models/ --device tensorrt --precision fp16",
                      "goshawk engine build yolov8n.onnx --device tensorrt --workspace 2048 --min-shapes images:1x3x320x320 "
                      "--opt-shapes images:1x3x640x640 --max-shapes images:4x3x640x640"};
  command.run = run_build;
  return command;
}

Command engine_list_command() {
  Command command;
  command.name = "engine list";
  command.group = Group::kModels;
  command.summary = "List the compiled models that are kept";
  command.json = true;
  command.run = run_list;
  return command;
}

Command engine_clear_command() {
  Command command;
  command.name = "engine clear";
  command.group = Group::kModels;
  command.summary = "Remove compiled models; all, or those named";
  command.positionals = {{.name = "MODEL",
                          .help = "file name of a model, or the beginning of a key",
                          .required = false,
                          .many = true,
                          .files = false}};
  command.json = true;
  command.examples = {"goshawk engine clear", "goshawk engine clear yolov8n"};
  command.run = run_clear;
  return command;
}

}  // namespace goshawk::cli
