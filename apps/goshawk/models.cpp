// goshawk models list, pull

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/download.h"
#include "apps/goshawk/model_manifest.h"
#include "apps/goshawk/model_path.h"
#include "apps/goshawk/progress_bar.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/runtime/model_file.h"
#include "goshawk/runtime/model_folder.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kKib = 1024;

const Option kManifestOption{"manifest", "FILE", "Another list of models, in the format of models/manifest.yaml"};

std::vector<ModelEntry> manifest_of(const Invocation& call) {
  if (!call.has("manifest")) return builtin_manifest();
  const std::string path = call.options.at("manifest");
  return parse_manifest(read_file(path, 1 << 20), path);
}

struct ListedModel {
  std::string name;
  std::uint64_t size = 0;
  std::string state;  // "bundled", "pulled", "can be pulled"
  std::string licence;
  std::string description;
  fs::path path;  // empty: not on this machine
};

std::uint64_t size_of(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

/// With the weights in other files; of a file that is no whole model, its own.
std::uint64_t size_of_model(const fs::path& path) {
  try {
    return runtime::model_bytes(path);
  } catch (const Error&) {
    return size_of(path);
  }
}

/// Bundled models, then the manifest's, then others of the cache.
std::vector<ListedModel> list_models(const std::vector<ModelEntry>& manifest, const ModelPlaces& places) {
  std::vector<ListedModel> models;
  const auto add = [&](const fs::path& path, const std::string& state, const std::string& licence) {
    const std::string name = path.stem().string();
    const auto known = [&](const ListedModel& model) { return model.name == name; };
    if (std::none_of(models.begin(), models.end(), known))
      models.push_back({name, size_of_model(path), state, licence, "", path});
  };
  for (const auto& folder : places.bundled) {
    for (const auto& path : runtime::models_in(folder)) add(path, "bundled", kBundledLicence);
  }
  for (const auto& entry : manifest) {
    const fs::path path = places.cache / (entry.name + ".onnx");
    const bool here = fs::exists(path);
    models.push_back({entry.name, here ? size_of_model(path) : entry.size, here ? "pulled" : "can be pulled", entry.licence,
                      entry.description, here ? path : fs::path()});
  }
  for (const auto& path : runtime::models_in(places.cache)) add(path, "in the cache", "");
  return models;
}

std::string default_path(const ModelPlaces& places, const std::vector<ModelEntry>& manifest) {
  try {
    return resolve_model("", places, manifest).path.string();
  } catch (const Error&) {
    return {};
  }
}

int run_list(const Invocation& call) {
  const auto manifest = manifest_of(call);
  const auto places = model_places();
  const auto models = list_models(manifest, places);
  const std::string chosen = default_path(places, manifest);
  if (call.json) {
    nlohmann::ordered_json document = nlohmann::ordered_json::array();
    for (const auto& model : models) {
      document.push_back({{"name", model.name},
                          {"state", model.state},
                          {"bytes", model.size},
                          {"licence", model.licence},
                          {"description", model.description},
                          {"path", model.path.string()},
                          {"default", !chosen.empty() && model.path == chosen}});
    }
    fmt::print("{}\n", json_text(document));
    return 0;
  }
  Table table({"name", "state", "size", "licence", "description"});
  for (const auto& model : models) {
    const bool is_default = !chosen.empty() && model.path == chosen;
    table.add_row({model.name, model.state + (is_default ? " (default)" : ""),
                   fmt::format("{:.1f} MB", static_cast<double>(model.size) / 1e6), model.licence, model.description});
  }
  fmt::print("{}", shown(table));
  if (chosen.empty())
    fmt::print("\nNo model is here yet: `goshawk models pull {}` fetches one.\n",
               manifest.empty() ? "NAME" : manifest[0].name);
  return 0;
}

int run_pull(const Invocation& call) {
  const auto manifest = manifest_of(call);
  for (const auto& folder : model_places().bundled) {
    const auto bundled = runtime::model_named(call.argument(0), folder);
    if (!bundled) continue;
    spdlog::info("{} comes with goshawk", call.argument(0));
    fmt::print("{}\n", bundled->string());
    return 0;
  }
  const ModelEntry& entry = find_model(manifest, call.argument(0));
  const fs::path path = model_places().cache / (entry.name + ".onnx");
  if (fs::exists(path) && size_of(path) == entry.size && sha256_of_file(path) == entry.sha256) {
    spdlog::info("{} is here already", entry.name);
    fmt::print("{}\n", path.string());
    return 0;
  }
  spdlog::info("{}: {:.1f} MB, licence {}, from {}", entry.name, static_cast<double>(entry.size) / 1e6, entry.licence,
               entry.url);
  const std::uint64_t part = size_of(path.string() + ".part");
  if (part > 0) spdlog::info("going on from {:.1f} MB", static_cast<double>(part) / 1e6);
  ProgressBar progress(call, "pull " + entry.name, (entry.size - std::min(part, entry.size)) / kKib, "KiB");
  DownloadRequest request;
  request.url = entry.url;
  request.path = path;
  request.size = entry.size;
  request.sha256 = entry.sha256;
  request.on_retry = [](const std::string& problem) { spdlog::warn("{}; trying again", problem); };
  request.on_progress = [&](std::uint64_t done) {
    progress.update(static_cast<std::int64_t>((done - std::min(part, done)) / kKib));
  };
  download(request, call.stop);
  progress.finish();
  spdlog::info("size and SHA-256 are right");
  fmt::print("{}\n", path.string());
  return 0;
}

}  // namespace

Command models_list_command() {
  Command command;
  command.name = "models list";
  command.group = Group::kModels;
  command.summary = "List models that are here or can be pulled";
  command.options = {kManifestOption};
  command.json = true;
  command.run = run_list;
  return command;
}

Command models_pull_command() {
  Command command;
  command.name = "models pull";
  command.group = Group::kModels;
  command.summary = "Fetch a model from its maker, and check it";
  command.details = "What was cut off is resumed. Size and SHA-256 are checked before the file takes its name in the cache.";
  command.positionals = {
      {.name = "NAME", .help = "a name of `goshawk models list`", .words = model_names(), .files = false}};
  command.options = {kManifestOption};
  command.examples = {"goshawk models pull yolox_tiny", "goshawk track street.mp4 --model yolox_tiny"};
  command.run = run_pull;
  return command;
}

}  // namespace goshawk::cli
