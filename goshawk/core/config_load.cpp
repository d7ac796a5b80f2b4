#include <fmt/format.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>

#include "goshawk/core/config.h"
#include "goshawk/core/document.h"
#include "goshawk/core/files.h"
#include "goshawk/core/text.h"

namespace goshawk {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kMaxConfigBytes = 1ULL << 20;

/// Line of each key, two levels deep. JSON is read the same way; where yaml-cpp cannot, there are no lines.
std::map<std::string, int> lines_of(const std::string& text) {
  std::map<std::string, int> lines;
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) return lines;
    for (const auto& entry : root) {
      const std::string section = entry.first.Scalar();
      lines[section] = entry.first.Mark().line + 1;
      if (!entry.second.IsMap()) continue;
      for (const auto& item : entry.second) lines[section + "." + item.first.Scalar()] = item.first.Mark().line + 1;
    }
  } catch (const YAML::Exception&) {
    lines.clear();
  }
  return lines;
}

struct ConfigFile {
  fs::path path;
  json document;
  std::map<std::string, int> lines;

  std::string place(const std::string& key) const {
    const auto line = lines.find(key);
    return line == lines.end() ? path.string() : path.string() + ":" + std::to_string(line->second);
  }
};

ConfigFile read_config_file(const fs::path& path) {
  DocumentLimits limits;
  limits.bytes = kMaxConfigBytes;
  const std::string text = read_file(path, kMaxConfigBytes);  // once: it may be a pipe
  return {path, parse_document(text, path, limits), lines_of(text)};
}

/// --config, else ./goshawk.yaml where there is one; "none" means no file.
std::optional<ConfigFile> chosen_config_file(const std::optional<fs::path>& asked) {
  if (asked == fs::path("none")) return std::nullopt;
  if (asked) return read_config_file(*asked);
  std::error_code error;
  if (!fs::is_regular_file("goshawk.yaml", error)) return std::nullopt;
  return read_config_file("goshawk.yaml");
}

/// Runs `set` on a document of one key at a time, and keeps what is wrong with each.
void collect_problems(const json& document, const std::function<void(const json&)>& set, std::vector<Error>& problems) {
  const auto attempt = [&](const json& one) {
    try {
      set(one);
    } catch (const Error& error) {
      problems.push_back(error);
    }
  };
  if (!document.is_object()) return attempt(document);
  for (const auto& [name, value] : document.items()) {
    if (!value.is_object() || value.empty()) {
      attempt({{name, value}});
      continue;
    }
    for (const auto& [rest, item] : value.items()) attempt({{name, {{rest, item}}}});
  }
}

/// Variables that are no settings: they are read elsewhere.
bool is_reserved(const std::string& name) { return name == "GOSHAWK_CACHE" || name == "GOSHAWK_CONFIG"; }

constexpr std::string_view kPrefix = "GOSHAWK_";

/// The setting that a variable which is none may mean: GOSHAWK_CONF, or a misspelt name.
std::optional<std::string> meant_by(const std::string& rest, const std::vector<std::string>& known) {
  for (const auto& name : known) {
    if (name.ends_with("_" + rest)) return name;
  }
  return closest_match(rest, known);
}

/// Whether a variable that is no setting looks as if it was meant to be one; others are another program's or a newer
/// goshawk's.
bool looks_like_setting(const std::string& rest, const std::vector<std::string>& known) {
  const auto begins = [&](const Section& section) {
    return !section.name.empty() &&
           rest.starts_with(Setting{section.name + ".", "", {}, "", "", {}}.environment_name().substr(kPrefix.size()));
  };
  return std::any_of(sections().begin(), sections().end(), begins) || meant_by(rest, known);
}

void set_environment(Config& config, const std::map<std::string, std::string>& environment) {
  std::vector<std::string> known;  // without the prefix, which would make everything look alike
  std::map<std::string, const Setting*> settings;
  for (const auto& setting : schema()) {
    known.push_back(setting.environment_name().substr(kPrefix.size()));
    settings[known.back()] = &setting;
  }
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix) || is_reserved(name)) continue;
    const std::string rest = name.substr(kPrefix.size());
    const std::string origin = "environment " + name;
    const auto found = settings.find(rest);
    if (found != settings.end()) {
      config.set(found->second->key, parse_setting(*found->second, value, ErrorCode::kBadConfig, origin),
                 ConfigLayer::kEnvironment, origin);
    } else if (looks_like_setting(rest, known)) {
      const auto match = meant_by(rest, known);
      throw Error(ErrorCode::kBadConfig,
                  "unknown setting" + (match ? fmt::format("; did you mean '{}{}'?", kPrefix, *match) : ""), origin,
                  "`goshawk config show` lists the settings");
    }
  }
}

void set_flags(Config& config, const std::map<std::string, std::vector<std::string>>& flags) {
  for (const auto& [key, texts] : flags) {
    const Setting* setting = find_setting(key);
    require(setting != nullptr && !texts.empty(), "load_config: a flag of the schema, with a value");
    const std::string origin = "flag --" + setting->flag;
    json value = parse_setting(*setting, texts.back(), ErrorCode::kUsage, origin);
    if (setting->type == SettingType::kList || setting->type == SettingType::kItems) {
      value = json::array();
      for (const auto& text : texts) {
        for (auto& item : parse_setting(*setting, text, ErrorCode::kUsage, origin)) value.push_back(item);
      }
    }
    config.set(key, std::move(value), ConfigLayer::kFlag, origin);
  }
}

}  // namespace

Config load_config(const ConfigInputs& inputs) {
  Config config;
  for (const auto& [key, text] : inputs.defaults) {
    const Setting* setting = find_setting(key);
    require(setting != nullptr, "load_config: a default of an unknown setting '" + key + "'");
    config.set(key, parse_setting(*setting, text, ErrorCode::kInternal, "command"), ConfigLayer::kDefault, "default");
  }
  if (const auto file = chosen_config_file(inputs.file)) {
    config.set_document(file->document, ConfigLayer::kFile, [&](const std::string& key) { return file->place(key); });
  }
  set_environment(config, inputs.environment);
  set_flags(config, inputs.flags);
  try {
    config.set_profile(find_profile(config.text("profile"), inputs.profile_folder));
  } catch (const Error& error) {
    if (!error.where().empty() || config.entry("profile").layer == ConfigLayer::kDefault) throw;
    const bool flag = config.entry("profile").layer == ConfigLayer::kFlag;
    throw Error(flag ? ErrorCode::kUsage : error.code(), error.what(), config.origin("profile"), error.hint());
  }
  return config;
}

std::vector<Error> check_config_file(const fs::path& path, const fs::path& profile_folder) {
  const ConfigFile file = read_config_file(path);
  std::vector<Error> problems;
  if (file.document.is_object() && (file.document.contains("settings") || file.document.contains("resolutions"))) {
    try {
      Config().set_profile(parse_profile(path.stem().string(), file.document, path.string()));
    } catch (const Error& error) {
      problems.push_back(error);
    }
    return problems;
  }
  Config config;
  const auto place = [&](const std::string& key) { return file.place(key); };
  collect_problems(
      file.document, [&](const json& one) { config.set_document(one, ConfigLayer::kFile, place); }, problems);
  try {
    find_profile(config.text("profile"), profile_folder);
  } catch (const Error& error) {
    problems.emplace_back(error.code(), error.what(), file.place("profile"), error.hint());
  }
  return problems;
}

ConfigInputs inputs_of_process() {
  ConfigInputs inputs;
  inputs.profile_folder = user_profile_folder();
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with("GOSHAWK_")) continue;
    inputs.environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  const auto named = inputs.environment.find("GOSHAWK_CONFIG");
  if (named != inputs.environment.end() && !named->second.empty()) inputs.file = named->second;
  return inputs;
}

}  // namespace goshawk
