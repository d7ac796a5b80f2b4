#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>

#include "goshawk/core/config.h"
#include "goshawk/core/document.h"
#include "goshawk/core/text.h"

namespace goshawk {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct NamedResolution {
  const char* name;
  std::int64_t pixels;
};
constexpr NamedResolution kResolutions[] = {{"720p", 1280LL * 720},
                                            {"1080p", 1920LL * 1080},
                                            {"1440p", 2560LL * 1440},
                                            {"4k", 4096LL * 2160},
                                            {"8k", 8192LL * 4320}};

std::vector<Profile> make_builtin_profiles() {
  const json by_size = {{"1080p", {{"runtime", {{"batch", 8}}}}},
                        {"4k", {{"runtime", {{"batch", 4}}}}},
                        {"8k", {{"runtime", {{"batch", 2}}}, {"source", {{"resize", 0.5}}}}}};
  return {
      {"auto", "the fastest device that is there; batches by resolution", json::object(), by_size},
      {"edge",
       "small machines: one frame at a time, large pictures made smaller, little memory",
       {{"runtime", {{"batch", 1}}}, {"detect", {{"max_det", 100}}}},
       {{"1080p", json::object()}, {"4k", {{"source", {{"resize", 0.5}}}}}, {"8k", {{"source", {{"resize", 0.25}}}}}}},
      {"workstation",
       "a large GPU: batches as large as memory allows",
       {{"runtime", {{"batch", "auto"}}}},
       {{"4k", json::object()}, {"8k", {{"runtime", {{"batch", 4}}}}}}},
      {"debug",
       "the same answer each time, and every message: CPU, FP32, one thread, one frame at a time, no cache",
       {{"runtime", {{"device", "cpu"}, {"precision", "fp32"}, {"threads", 1}, {"batch", 1}, {"cache", false}}},
        {"log", {{"level", "debug"}}}},
       json::object()},
  };
}

}  // namespace

const std::vector<Profile>& builtin_profiles() {
  static const std::vector<Profile> kProfiles = make_builtin_profiles();
  return kProfiles;
}

Profile parse_profile(const std::string& name, const json& document, const std::string& where) {
  if (!document.is_object()) throw Error(ErrorCode::kBadConfig, "a profile holds `settings:`", where);
  Profile profile{name, "", json::object(), json::object()};
  for (const auto& [key, value] : document.items()) {
    if (value.is_null() && (key == "description" || key == "settings" || key == "resolutions")) continue;
    if (key == "description" && value.is_string()) profile.description = value.get<std::string>();
    else if (key == "settings" && value.is_object()) profile.settings = value;
    else if (key == "resolutions" && value.is_object()) profile.resolutions = value;
    else {
      const std::vector<std::string> known{"description", "settings", "resolutions"};
      throw Error(ErrorCode::kBadConfig, "a profile cannot hold '" + key + "' like this" + did_you_mean(key, known), where,
                  "it holds `description:` (text), `settings:` and `resolutions:` (sections)");
    }
  }
  for (const auto& [resolution, settings] : profile.resolutions.items()) {
    std::vector<std::string> known;
    for (const auto& entry : kResolutions) known.emplace_back(entry.name);
    if (std::find(known.begin(), known.end(), resolution) == known.end()) {
      throw Error(ErrorCode::kBadConfig, "unknown resolution '" + resolution + "'" + did_you_mean(resolution, known), where,
                  "known are 720p, 1080p, 1440p, 4k and 8k");
    }
  }
  return profile;
}

void check_profile_name(const std::string& name) {
  for (const auto& profile : builtin_profiles()) {
    if (profile.name == name) throw Error(ErrorCode::kBadConfig, "'" + name + "' is a built-in profile; take another name");
  }
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_') continue;
    throw Error(ErrorCode::kBadConfig, "a profile's name is letters, digits, '-' and '_', not '" + name + "'");
  }
  if (name.empty() || name.size() > 64) throw Error(ErrorCode::kBadConfig, "a profile's name has 1 to 64 letters");
}

fs::path user_profile_folder() {
  if (const char* xdg = std::getenv("XDG_CONFIG_HOME"); xdg != nullptr && *xdg == '/')
    return fs::path(xdg) / "goshawk/profiles";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return fs::path(home) / ".config/goshawk/profiles";
  return {};
}

std::vector<std::string> profile_names(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& profile : builtin_profiles()) names.push_back(profile.name);
  std::vector<std::string> own;
  std::error_code error;
  if (!folder.empty()) {
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".yaml") own.push_back(it->path().stem().string());
    }
  }
  std::sort(own.begin(), own.end());
  names.insert(names.end(), own.begin(), own.end());
  return names;
}

Profile find_profile(const std::string& name, const fs::path& folder) {
  for (const auto& profile : builtin_profiles()) {
    if (profile.name == name) return profile;
  }
  check_profile_name(name);
  const auto names = profile_names(folder);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    std::string all;
    for (const auto& known : names) all += (all.empty() ? "" : ", ") + known;
    throw Error(ErrorCode::kBadConfig, "unknown profile '" + name + "'" + did_you_mean(name, names), "", "known are " + all);
  }
  const fs::path path = folder / (name + ".yaml");
  return parse_profile(name, read_document(path), path.string());
}

std::string resolution_name(int width, int height, const std::vector<std::string>& names) {
  const std::int64_t pixels = static_cast<std::int64_t>(width) * height;
  std::string largest;
  for (const auto& known : kResolutions) {
    if (std::find(names.begin(), names.end(), known.name) == names.end()) continue;
    largest = known.name;
    if (pixels <= known.pixels) return largest;
  }
  return largest;
}

}  // namespace goshawk
