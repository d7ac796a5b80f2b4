// goshawk doctor: what this machine offers, and what `auto` would make of it.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/doctor.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/terminal.h"
#include "apps/goshawk/version.h"
#include "goshawk/core/config.h"
#include "goshawk/core/config_schema.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/machine.h"
#include "goshawk/core/memory.h"
#include "goshawk/runtime/memory.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// One line of the report.
struct Finding {
  enum State { kBad, kGood, kAbsent };  // kAbsent: not there, which is fine
  std::string name;
  State state = kGood;
  std::string text;
  std::string hint;  // what to do, where it is bad
};

struct Part {
  std::string title;
  std::vector<Finding> findings;

  void say(std::string name, std::string text) {
    findings.push_back({std::move(name), Finding::kGood, std::move(text), ""});
  }
  void miss(std::string name, std::string text) {
    findings.push_back({std::move(name), Finding::kAbsent, std::move(text), ""});
  }
  void check(bool good, std::string name, std::string text, std::string hint) {
    findings.push_back({std::move(name), good ? Finding::kGood : Finding::kBad, std::move(text), std::move(hint)});
  }
};

constexpr std::uint64_t kEnoughMemory = 500'000'000;  // bytes
constexpr std::uint64_t kEnoughDisk = 1'000'000'000;  // bytes: a few compiled models

std::string gigabytes(std::uint64_t bytes) { return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9); }

Part machine_part() {
  const Machine machine = describe_machine();
  const std::uint64_t free = available_memory();
  Part part{"Machine", {}};
  part.say("system", machine.system);
  part.say("processor",
           fmt::format("{}, {} core{} for goshawk", machine.processor, machine.cores, machine.cores == 1 ? "" : "s"));
  part.check(free > kEnoughMemory, "memory", fmt::format("{} free of {}", gigabytes(free), gigabytes(machine.memory_bytes)),
             "close other programs: a video takes about half a gigabyte");
  for (const auto& gpu : runtime::gpus()) {
    part.say("GPU", fmt::format("{}, {} free of {}", gpu.name, gigabytes(gpu.free_bytes), gigabytes(gpu.total_bytes)));
  }
  return part;
}

/// Why a device is not there, without the words that are for an error message.
std::string reason_of(const runtime::DeviceStatus& device) {
  std::string text = device.reason;
  const std::string prefix = "the device " + runtime::to_string(device.device) + " cannot be used: ";
  const std::string suffix = ", or use --device auto";
  if (text.starts_with(prefix)) text.erase(0, prefix.size());
  if (text.ends_with(suffix)) text.erase(text.size() - suffix.size());
  return text;
}

/// Devices in the order of `auto`, and which one that is.
Part device_part(const std::vector<runtime::DeviceStatus>& devices) {
  Part part{"Devices, in the order in which auto tries them", {}};
  std::string last_reason;
  for (const auto& device : devices) {
    const std::string name = runtime::to_string(device.device);
    if (device.available) {
      part.say(name, device.provider + (device.hardware.empty() ? "" : " on " + device.hardware));
      continue;
    }
    const std::string reason = reason_of(device);
    part.miss(name, reason == last_reason ? "the same" : reason);
    last_reason = reason;
  }
  const auto first = std::find_if(devices.begin(), devices.end(), [](const auto& device) { return device.available; });
  if (first == devices.end()) {
    part.check(false, "auto", "finds nothing to run a model on", "run tools/setup, and build again");
  } else {
    const bool last = first + 1 == devices.end();
    part.say("auto", fmt::format("takes {}, the first that is there{}", runtime::to_string(first->device),
                                 last ? "" : "; where it cannot load a model, the next is tried"));
  }
  return part;
}

Part media_part(const media::Capabilities& media) {
  const bool h264 = !media.encoder.empty() && media.encoder != "mpeg4";
  Part part{"Video", {}};
  part.say("library", "FFmpeg " + media.version);
  part.check(h264, "writes", media.encoder.empty() ? "no encoder starts" : fmt::format("MP4 with {}", media.encoder),
             "browsers want H.264: install an FFmpeg that has libx264 or libopenh264");
  part.say("reads", fmt::format("{}", fmt::join(media.decoders, ", ")));
  if (media.streams.empty()) part.miss("streams", "none: this FFmpeg is built without network");
  else part.say("streams", fmt::format("{}", fmt::join(media.streams, ", ")));
  if (media.cameras.empty()) part.miss("cameras", "none in /dev");
  else part.say("cameras", fmt::format("{}", fmt::join(media.cameras, ", ")));
  return part;
}

std::uint64_t size_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_regular_file(ignored)) bytes += it->file_size(ignored);
  }
  return bytes;
}

/// The nearest folder above `path` that exists.
fs::path existing_parent(fs::path path) {
  std::error_code error;
  while (!path.empty() && path != path.root_path() && !fs::exists(path, error)) path = path.parent_path();
  return path;
}

std::string settings_text(const Config& config) {
  const auto set_by = [&](ConfigLayer layer) {
    return std::ranges::count_if(schema(), [&](const auto& setting) { return config.entry(setting.key).layer == layer; });
  };
  return fmt::format("profile {}; {} set by a file, {} by the environment", config.text("profile"),
                     set_by(ConfigLayer::kFile), set_by(ConfigLayer::kEnvironment));
}

Part files_part() {
  Part part{"Files", {}};
  std::string model_named;
  try {
    const Config config = load_config(inputs_of_process());
    model_named = config.text("model");
    part.say("settings", settings_text(config));
  } catch (const Error& error) {
    part.check(false, "settings", std::string(error.what()) + (error.where().empty() ? "" : " (" + error.where() + ")"),
               error.hint().empty() ? "every other command ends with this error" : error.hint());
  }
  try {
    const ModelFile model = resolve_model(model_named);
    part.say("model", fmt::format("{} ({})", model.path.string(), model.origin));
  } catch (const Error& error) {
    part.check(false, "model", error.what(), error.hint());
  }
  const fs::path cache = user_cache_folder();
  std::error_code error;
  const auto space = fs::space(existing_parent(cache), error);
  part.check(!error && space.available > kEnoughDisk, "cache",
             fmt::format("{}, {:.1f} MB used, {} free on its disk", cache.string(),
                         static_cast<double>(size_below(cache)) / 1e6, error ? "unknown" : gigabytes(space.available)),
             "make room for compiled models, or set GOSHAWK_CACHE to another folder");
  part.say("profiles", fmt::format("{}", fmt::join(profile_names(user_profile_folder()), ", ")));
  return part;
}

ordered_json to_json(const std::vector<Part>& parts, const std::vector<runtime::DeviceStatus>& devices) {
  const Machine machine = describe_machine();
  ordered_json document{{"version", kVersion},
                        {"cores", machine.cores},
                        {"memory_bytes", machine.memory_bytes},
                        {"available_memory_bytes", available_memory()}};
  document["devices"] = ordered_json::array();
  document["auto"] = nullptr;
  for (const auto& device : devices) {
    document["devices"].push_back({{"device", runtime::to_string(device.device)},
                                   {"available", device.available},
                                   {"provider", device.provider},
                                   {"hardware", device.hardware},
                                   {"reason", device.reason}});
    if (device.available && document["auto"].is_null()) document["auto"] = runtime::to_string(device.device);
  }
  document["checks"] = ordered_json::array();
  for (const auto& part : parts) {
    for (const auto& finding : part.findings) {
      static constexpr const char* kStates[] = {"bad", "good", "absent"};
      document["checks"].push_back({{"part", part.title},
                                    {"name", finding.name},
                                    {"state", kStates[finding.state]},
                                    {"text", finding.text},
                                    {"hint", finding.state == Finding::kBad ? finding.hint : ""}});
    }
  }
  return document;
}

void print_part(const Part& part, const Style& style) {
  fmt::print("\n{}\n", style.bold(part.title));
  std::size_t names = 0;
  for (const auto& finding : part.findings) names = std::max(names, finding.name.size());
  const std::size_t indent = names + 6;
  const std::size_t width = static_cast<std::size_t>(std::clamp(style.width, 60, 110)) - indent;
  for (const auto& finding : part.findings) {
    const std::string mark = finding.state == Finding::kGood  ? style.green("✓")
                             : finding.state == Finding::kBad ? style.red("✗")
                                                              : "–";
    fmt::print("  {} {:<{}}  {}\n", mark, finding.name, names, wrap(finding.text, width, indent));
    if (finding.state == Finding::kBad && !finding.hint.empty()) {
      fmt::print("{:{}}{}\n", "", indent, wrap(finding.hint, width, indent));
    }
  }
}

int run_doctor(const Invocation& call) {
  const auto devices = runtime::list_devices();
  const auto media = media::capabilities();
  const std::vector<Part> parts{machine_part(), device_part(devices), media_part(media), files_part()};
  const int code = doctor_exit_code(devices, media);
  if (call.json) {
    fmt::print("{}\n", json_text(to_json(parts, devices)));
    return code;
  }
  const Style style = style_of(stdout);
  fmt::print("goshawk {}\n", kVersion);
  for (const auto& part : parts) print_part(part, style);
  return code;
}

}  // namespace

int doctor_exit_code(const std::vector<runtime::DeviceStatus>& devices, const media::Capabilities& media) {
  const bool runs = std::any_of(devices.begin(), devices.end(), [](const auto& device) { return device.available; });
  return runs && !media.encoder.empty() ? 0 : exit_code(ErrorCode::kUnavailable);
}

Command doctor_command() {
  Command command;
  command.name = "doctor";
  command.group = Group::kSetup;
  command.summary = "Show what this machine offers, and what `auto` takes";
  command.details = "Exit code 69 when nothing here runs a model, or no video encoder starts.";
  command.configured = false;  // settings that cannot be read are one of its findings
  command.json = true;
  command.run = run_doctor;
  return command;
}

}  // namespace goshawk::cli
