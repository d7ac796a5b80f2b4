// The settings of one run: where each value came from, and who won.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "goshawk/core/config_schema.h"
#include "goshawk/core/error.h"

namespace goshawk {

/// Who set a value; a later layer wins over an earlier one.
enum class ConfigLayer { kDefault, kProfile, kResolution, kFile, kEnvironment, kFlag };

struct ConfigEntry {
  nlohmann::json value;  // typed as the schema says; null: unset
  ConfigLayer layer = ConfigLayer::kDefault;
  std::string origin;  // "default", "profile edge", "profile auto (4k)", "goshawk.yaml:12", "flag --conf"
};

/// A named set of settings, with more of them by the resolution of the source.
struct Profile {
  std::string name;
  std::string description;
  nlohmann::json settings = nlohmann::json::object();     // {"runtime": {"batch": 4}}
  nlohmann::json resolutions = nlohmann::json::object();  // {"1080p": {"runtime": {"batch": 8}}, ...}
};

/// auto, edge, workstation, debug.
const std::vector<Profile>& builtin_profiles();
/// `$XDG_CONFIG_HOME/goshawk/profiles`, else `~/.config/goshawk/profiles`.
std::filesystem::path user_profile_folder();
/// Names of the built-in profiles and of those in `folder`.
std::vector<std::string> profile_names(const std::filesystem::path& folder);
/// A profile by name; those of `folder` (NAME.yaml) come second. Throws Error{kBadConfig} with a suggestion.
Profile find_profile(const std::string& name, const std::filesystem::path& folder);
/// A profile from its document. Throws Error{kBadConfig}; the settings themselves are checked by `Config::set_profile`.
Profile parse_profile(const std::string& name, const nlohmann::json& document, const std::string& where);
/// Throws Error{kBadConfig} unless `name` may be a profile's: 1 to 64 letters, digits, '-' and '_', none of the built-in
/// names.
void check_profile_name(const std::string& name);
/// The name under which `resolutions` of a profile speaks of a picture: the smallest of the names given (720p, 1080p, 1440p,
/// 4k, 8k) that has at least its pixels, else the largest. Empty when there are none.
std::string resolution_name(int width, int height, const std::vector<std::string>& names);

/// The resolved settings. Reading an unknown key, or with the wrong type, is a defect of the program and aborts.
/// Copies are independent; safe to read from several threads.
class Config {
 public:
  /// Built-in defaults.
  Config();

  /// Sets a value (already checked) unless a later layer has set it. A value of the same layer is replaced.
  void set(std::string_view key, nlohmann::json value, ConfigLayer layer, std::string origin);
  /// All keys of a nested document; null unsets those that have no built-in default. Throws Error{kBadConfig} for unknown
  /// keys and bad values. `origin(key)` names the place.
  void set_document(const nlohmann::json& document, ConfigLayer layer,
                    const std::function<std::string(const std::string&)>& origin);
  /// Settings of `profile`; those by resolution wait for `for_resolution`. Throws Error{kBadConfig} as `set_document` does,
  /// and for settings by resolution that act before the source is open (model, log, output.project, output.name, and of
  /// source all but every and resize).
  void set_profile(Profile profile);

  /// With the profile's settings for a source of this size (pixels), still below file, environment and flags.
  Config for_resolution(int width, int height) const;

  bool is_set(std::string_view key) const;
  bool boolean(std::string_view key) const;
  std::int64_t integer(std::string_view key) const;
  double number(std::string_view key) const;
  /// Empty when unset. Also for kChoice, kPath, and words such as "auto" of numbers.
  std::string text(std::string_view key) const;
  std::vector<std::string> list(std::string_view key) const;
  /// nullopt when unset, and (numbers) when it is a word such as "auto".
  std::optional<std::int64_t> integer_if_set(std::string_view key) const;
  std::optional<double> number_if_set(std::string_view key) const;
  std::optional<std::string> text_if_set(std::string_view key) const;
  std::optional<std::filesystem::path> path_if_set(std::string_view key) const;
  std::optional<std::chrono::microseconds> time_if_set(std::string_view key) const;

  const ConfigEntry& entry(std::string_view key) const;
  const std::string& origin(std::string_view key) const { return entry(key).origin; }
  const Profile& profile() const { return profile_; }
  /// Every setting as a nested document (unset ones are null), for stats.json and `config show --json`.
  nlohmann::json to_json() const;
  /// What `config save` keeps, without a name: all that is not a built-in default, and the profile's settings by
  /// resolution, save those that file, environment or flags overrule.
  Profile as_profile() const;

 private:
  std::map<std::string, ConfigEntry, std::less<>> entries_;
  Profile profile_;
};

/// Where a run's settings come from.
struct ConfigInputs {
  std::optional<std::filesystem::path> file;       // --config; must exist, or be "none"; nullopt: ./goshawk.yaml if there
  std::map<std::string, std::string> environment;  // NAME -> value; only GOSHAWK_* are looked at
  std::map<std::string, std::vector<std::string>> flags;      // key -> texts, in order
  std::vector<std::pair<std::string, std::string>> defaults;  // key, text: a command's own defaults
  std::filesystem::path profile_folder;
};

/// Reads, checks and joins all layers: defaults < profile < file < environment < flags.
/// Throws Error{kNotFound} for the file, {kBadConfig} for file, profile and environment (file and line where known),
/// {kUsage} for flags.
Config load_config(const ConfigInputs& inputs);

/// Everything that is wrong with a settings file, or with a profile (told by its `settings:` or `resolutions:`); empty when
/// it is good. Throws Error{kNotFound, kBadConfig} when it cannot be read as a document at all.
std::vector<Error> check_config_file(const std::filesystem::path& path, const std::filesystem::path& profile_folder);

/// GOSHAWK_* variables of this process, the file that GOSHAWK_CONFIG names, and the user's profiles.
ConfigInputs inputs_of_process();

}  // namespace goshawk
