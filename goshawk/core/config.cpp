#include "goshawk/core/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "goshawk/core/text.h"

namespace goshawk {
namespace {

using nlohmann::json;

std::vector<std::string> keys_of(std::string_view section) {
  std::vector<std::string> names;
  for (const auto& setting : schema()) {
    if (setting.section() == section) names.push_back(setting.key);
  }
  return names;
}

bool is_section(std::string_view name) {
  const auto all = sections();
  return !name.empty() && std::any_of(all.begin(), all.end(), [&](const Section& section) { return section.name == name; });
}

[[noreturn]] void reject_key(const std::string& key, const std::string& where) {
  std::vector<std::string> candidates;
  for (const auto& setting : schema()) candidates.push_back(setting.key);
  auto guess = did_you_mean(key, candidates);
  if (guess.empty()) {
    std::vector<std::string> names;
    for (const auto& section : sections()) names.push_back(section.name);
    guess = did_you_mean(key, names);
  }
  if (guess.empty()) {  // the right name in the wrong section, or without one
    const std::string name = key.substr(key.find('.') + 1);
    for (const auto& candidate : candidates) {
      if (candidate.ends_with("." + name)) guess = "; did you mean '" + candidate + "'?";
    }
  }
  throw Error(ErrorCode::kBadConfig, fmt::format("unknown setting '{}'{}", key, guess), where,
              "`goshawk config show` lists every setting");
}

/// Whether a setting acts before the size of the source is known, so that `resolutions` of a profile cannot hold it.
bool acts_early(const std::string& key) {
  const std::string_view section = find_setting(key)->section();
  if (section == "source") return key != "source.every" && key != "source.resize";
  return key == "model" || section == "log" || key == "output.project" || key == "output.name";
}

json& nested(json& root, const std::string& key) {
  const auto dot = key.find('.');
  return dot == std::string::npos ? root[key] : root[key.substr(0, dot)][key.substr(dot + 1)];
}

}  // namespace

Config::Config() {
  for (const auto& setting : schema()) {
    json value;
    if (!setting.fallback.empty()) value = parse_setting(setting, setting.fallback, ErrorCode::kInternal, "schema");
    entries_[setting.key] = {std::move(value), ConfigLayer::kDefault, "default"};
  }
}

void Config::set(std::string_view key, json value, ConfigLayer layer, std::string origin) {
  const auto found = entries_.find(key);
  require(found != entries_.end(), "Config::set: '" + std::string(key) + "' is not in the schema");
  if (found->second.layer > layer) return;
  found->second = {std::move(value), layer, std::move(origin)};
}

void Config::set_document(const json& document, ConfigLayer layer,
                          const std::function<std::string(const std::string&)>& origin) {
  if (document.is_null()) return;
  if (!document.is_object()) {
    throw Error(ErrorCode::kBadConfig, "settings must be `section:` and below it `name: value`", origin(""));
  }
  const auto set_one = [&](const std::string& key, const json& value) {
    const Setting* setting = find_setting(key);
    if (setting == nullptr) reject_key(key, origin(key));
    set(key, check_setting(*setting, value, ErrorCode::kBadConfig, origin(key)), layer, origin(key));
  };
  for (const auto& [name, value] : document.items()) {
    if (!is_section(name)) {
      set_one(name, value);
      continue;
    }
    if (value.is_null()) continue;
    if (!value.is_object()) {
      throw Error(ErrorCode::kBadConfig,
                  fmt::format("'{}' is a section: it holds settings such as {}", name, keys_of(name).front()), origin(name));
    }
    for (const auto& [rest, item] : value.items()) set_one(name + "." + rest, item);
  }
}

void Config::set_profile(Profile profile) {
  const std::string origin = "profile " + profile.name;
  const auto no_profile = [&](const json& settings) {
    if (settings.is_object() && settings.contains("profile")) {
      throw Error(ErrorCode::kBadConfig, "a profile cannot choose a profile", origin);
    }
  };
  no_profile(profile.settings);
  set_document(profile.settings, ConfigLayer::kProfile, [&](const std::string&) { return origin; });
  for (const auto& [name, settings] : profile.resolutions.items()) {  // checked now, so that mistakes show at once
    no_profile(settings);
    Config probe;
    const std::string place = origin + " (" + name + ")";
    probe.set_document(settings, ConfigLayer::kResolution, [&](const std::string&) { return place; });
    for (const auto& [key, entry] : probe.entries_) {
      if (entry.layer == ConfigLayer::kResolution && acts_early(key)) {
        throw Error(ErrorCode::kBadConfig, "'" + key + "' acts before the resolution of the source is known", place,
                    "put it under `settings:`, or into a profile of its own");
      }
    }
  }
  profile_ = std::move(profile);
}

Config Config::for_resolution(int width, int height) const {
  Config result = *this;
  std::vector<std::string> names;
  for (const auto& [name, settings] : profile_.resolutions.items()) names.push_back(name);
  const std::string name = resolution_name(width, height, names);
  if (name.empty()) return result;
  const std::string origin = fmt::format("profile {} ({})", profile_.name, name);
  result.set_document(profile_.resolutions.at(name), ConfigLayer::kResolution, [&](const std::string&) { return origin; });
  return result;
}

const ConfigEntry& Config::entry(std::string_view key) const {
  const auto found = entries_.find(key);
  require(found != entries_.end(), "Config: '" + std::string(key) + "' is not in the schema");
  return found->second;
}

bool Config::is_set(std::string_view key) const { return !entry(key).value.is_null(); }

bool Config::boolean(std::string_view key) const {
  const json& value = entry(key).value;
  require(value.is_boolean(), "Config: '" + std::string(key) + "' is not a boolean");
  return value.get<bool>();
}

std::int64_t Config::integer(std::string_view key) const {
  const json& value = entry(key).value;
  require(value.is_number_integer(), "Config: '" + std::string(key) + "' is not an integer");
  return value.get<std::int64_t>();
}

double Config::number(std::string_view key) const {
  const json& value = entry(key).value;
  require(value.is_number(), "Config: '" + std::string(key) + "' is not a number");
  return value.get<double>();
}

std::string Config::text(std::string_view key) const {
  const json& value = entry(key).value;
  if (value.is_null()) return {};
  require(!value.is_array(), "Config: '" + std::string(key) + "' is a list");
  return setting_text(value);
}

std::vector<std::string> Config::list(std::string_view key) const {
  const json& value = entry(key).value;
  if (value.is_null()) return {};
  require(value.is_array(), "Config: '" + std::string(key) + "' is not a list");
  return value.get<std::vector<std::string>>();
}

std::optional<std::int64_t> Config::integer_if_set(std::string_view key) const {
  const json& value = entry(key).value;
  if (value.is_null() || value.is_string()) return std::nullopt;
  return integer(key);
}

std::optional<double> Config::number_if_set(std::string_view key) const {
  const json& value = entry(key).value;
  if (value.is_null() || value.is_string()) return std::nullopt;
  return number(key);
}

std::optional<std::string> Config::text_if_set(std::string_view key) const {
  if (!is_set(key)) return std::nullopt;
  return text(key);
}

std::optional<std::filesystem::path> Config::path_if_set(std::string_view key) const {
  if (!is_set(key)) return std::nullopt;
  return std::filesystem::path(text(key));
}

std::optional<std::chrono::microseconds> Config::time_if_set(std::string_view key) const {
  if (!is_set(key)) return std::nullopt;
  return std::chrono::microseconds(std::llround(number(key) * 1e6));
}

json Config::to_json() const {
  json document = json::object();
  for (const auto& [key, entry] : entries_) nested(document, key) = entry.value;
  return document;
}

Profile Config::as_profile() const {
  Profile result;
  for (const auto& [key, entry] : entries_) {
    if (entry.layer != ConfigLayer::kDefault && key != "profile") nested(result.settings, key) = entry.value;
  }
  for (const auto& [resolution, document] : profile_.resolutions.items()) {
    Config by_size;
    by_size.set_document(document, ConfigLayer::kResolution, [](const std::string&) { return ""; });
    result.resolutions[resolution] = json::object();  // stands for itself even where nothing of it is left
    for (const auto& [key, entry] : by_size.entries_) {
      const bool stated = entry.layer == ConfigLayer::kResolution;
      if (stated && entries_.at(key).layer <= entry.layer) nested(result.resolutions[resolution], key) = entry.value;
    }
  }
  return result;
}

}  // namespace goshawk
