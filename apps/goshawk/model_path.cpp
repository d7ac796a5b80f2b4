#include "apps/goshawk/model_path.h"

#include <algorithm>
#include <optional>
#include <set>

#include "apps/goshawk/option_values.h"
#include "goshawk/core/error.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text.h"
#include "goshawk/runtime/model_folder.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBundledDefault = "goshawk-n.onnx";
constexpr const char* kSharedDefault = "yolox_nano.onnx";

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::optional<ModelFile> by_name(const std::string& name, const ModelPlaces& places) {
  const auto find = [&](const fs::path& folder, const char* origin) -> std::optional<ModelFile> {
    if (const auto path = runtime::model_named(name, folder)) return ModelFile{*path, origin};
    return std::nullopt;
  };
  for (const auto& folder : places.bundled) {
    if (auto found = find(folder, "bundled")) return found;
  }
  if (auto found = find(places.cache, "pulled")) return found;
  return find(places.shared, "shared data");
}

std::optional<fs::path> pulled_last(const fs::path& cache) {
  std::optional<fs::path> newest;
  fs::file_time_type time{};
  for (const auto& path : runtime::models_in(cache)) {
    std::error_code error;
    const auto written = fs::last_write_time(path, error);
    if (error || (newest && written <= time)) continue;
    newest = path;
    time = written;
  }
  return newest;
}

ModelFile default_model(const ModelPlaces& places) {
  for (const auto& folder : places.bundled) {
    if (is_file(folder / kBundledDefault)) return {folder / kBundledDefault, "bundled"};
  }
  if (const auto path = pulled_last(places.cache)) return {*path, "pulled"};
  if (is_file(places.shared / kSharedDefault)) return {places.shared / kSharedDefault, "shared data"};
  throw Error(ErrorCode::kNotFound, "no model is here yet", "",
              "`goshawk models pull yolox_nano` fetches one, or give your own with --model FILE.onnx");
}

[[noreturn]] void reject(const std::string& text, const std::string& name, const ModelPlaces& places,
                         const std::vector<ModelEntry>& manifest) {
  std::vector<std::string> names;
  for (const auto& entry : manifest) {
    if (runtime::same_model_name(entry.name, name)) {
      throw Error(ErrorCode::kNotFound, "the model '" + entry.name + "' is not on this machine yet", "",
                  "`goshawk models pull " + entry.name + "` fetches it");
    }
    names.push_back(entry.name);
  }
  if (text.find('/') != std::string::npos) throw Error(ErrorCode::kNotFound, "no such model file", text);
  std::vector<fs::path> folders = places.bundled;
  folders.push_back(places.cache);
  for (const auto& folder : folders) {
    for (const auto& path : runtime::models_in(folder)) names.push_back(path.stem().string());
  }
  throw Error(ErrorCode::kNotFound, "there is neither a file nor a known model '" + text + "'" + did_you_mean(name, names),
              "", "`goshawk models list` lists the known ones");
}

}  // namespace

ModelPlaces model_places() {
  ModelPlaces places;
  places.cache = user_cache_folder() / "models";
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return places;
  places.bundled.push_back(program.parent_path().parent_path() / "share/goshawk/models");
  const fs::path checkout =
      program.parent_path().parent_path().parent_path().parent_path();  // <checkout>/build/<preset>/bin
  if (is_file(checkout / "models/manifest.yaml")) {
    places.bundled.push_back(checkout / "models");
    places.shared = checkout.parent_path() / "shared/models";
  }
  return places;
}

bool is_bundled(const fs::path& model, const ModelPlaces& places) {
  return std::ranges::any_of(places.bundled, [&](const fs::path& folder) {
    std::error_code none;
    return fs::equivalent(model.parent_path().empty() ? "." : model.parent_path(), folder, none);
  });
}

ModelFile resolve_model(const std::string& text, const ModelPlaces& places, const std::vector<ModelEntry>& manifest) {
  if (text.empty()) return default_model(places);
  if (is_file(text)) return {text, "given"};
  std::error_code error;
  if (fs::exists(text, error)) throw Error(ErrorCode::kNotFound, "a model is one ONNX file, and this is none", text);
  const std::string name = text.ends_with(".onnx") ? text.substr(0, text.size() - 5) : text;
  if (name.find('/') == std::string::npos) {
    if (auto found = by_name(name, places)) return *found;
  }
  reject(text, name, places, manifest);
}

void refuse_second_model(const Invocation& call) {
  if (call.arguments.empty()) return;
  refuse_settings(call, {"model"}, "the model is named already: " + call.argument(0), "Leave it out.");
}

std::vector<std::string> model_names(const std::vector<fs::path>& models) {
  std::multiset<std::string> stems;
  for (const auto& model : models) stems.insert(model.stem().string());
  std::vector<std::string> names;
  for (const auto& model : models) {
    const std::string stem = model.stem().string();
    names.push_back(stems.count(stem) > 1 ? model.string() : stem);
  }
  return names;
}

}  // namespace goshawk::cli
