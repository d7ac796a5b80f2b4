#include "goshawk/core/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "apps/goshawk/commands.h"
#include "apps/goshawk/config_docs.h"
#include "apps/goshawk/option_values.h"
#include "apps/goshawk/terminal.h"
#include "goshawk/core/document.h"
#include "goshawk/core/files.h"
#include "goshawk/core/json_text.h"
#include "goshawk/core/text.h"
#include "goshawk/core/utf8.h"

namespace goshawk::cli {
namespace {

namespace fs = std::filesystem;

/// All but those of training, whose flags mean other things than elsewhere (--model is a network there).
std::vector<std::string> all_settings() {
  std::vector<std::string> selectors{"model"};
  for (const auto& section : sections()) {
    if (!section.name.empty() && section.name != "train") selectors.push_back(section.name);
  }
  return selectors;
}

const Command& command_named(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& command : commands()) {
    if (command.name == name) return command;
    names.push_back(command.name);
  }
  throw Error(ErrorCode::kUsage, fmt::format("unknown command '{}'{}", name, did_you_mean(name, names)));
}

std::pair<int, int> parse_size(const std::string& text) {
  int width = 0, height = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, width);
  if (first.ec == std::errc{} && first.ptr != end && *first.ptr == 'x') {
    const auto second = std::from_chars(first.ptr + 1, end, height);
    if (second.ec == std::errc{} && second.ptr == end && width > 0 && height > 0) return {width, height};
  }
  throw Error(ErrorCode::kUsage, fmt::format("--size is WIDTHxHEIGHT in pixels, for instance 3840x2160, not '{}'", text));
}

int run_show(const Invocation& call) {
  Config config = call.config;
  const Command* command =
      call.arguments.empty() ? nullptr : &command_named(fmt::format("{}", fmt::join(call.arguments, " ")));
  if (command != nullptr) {
    for (const auto& setting : schema()) {
      if (takes(*command, setting) || setting.key.starts_with("log.")) continue;  // that is of this command itself
      refuse_settings(call, {setting.key.c_str()}, fmt::format("`goshawk {}` has no setting {}", command->name, setting.key),
                      "Its own settings, whatever their flags, can be tried in a file: --config FILE.");
    }
    for (const auto& [key, text] : command->defaults) {
      config.set(key, parse_setting(*find_setting(key), text, ErrorCode::kInternal, key), ConfigLayer::kDefault,
                 "default of " + command->name);
    }
  }
  if (call.has("size")) {
    const auto [width, height] = parse_size(call.options.at("size"));
    config = config.for_resolution(width, height);
  }
  const bool origin = call.has("origin");
  nlohmann::ordered_json document = nlohmann::ordered_json::object();
  Table table(origin ? std::vector<std::string>{"setting", "value", "from"} : std::vector<std::string>{"setting", "value"});
  for (const auto& setting : schema()) {
    if (command != nullptr && !takes(*command, setting)) continue;
    const auto& entry = config.entry(setting.key);
    if (origin) table.add_row({setting.key, setting_text(entry.value), entry.origin});
    else table.add_row({setting.key, setting_text(entry.value)});
    if (origin) document[setting.key] = {{"value", entry.value}, {"from", entry.origin}};
    else document[setting.key] = entry.value;
  }
  fmt::print("{}", call.json ? json_text(document) + "\n" : shown(table));
  return 0;
}

int run_check(const Invocation& call) {
  const auto problems = check_config_file(call.argument(0), user_profile_folder());
  for (const auto& problem : problems) fmt::print("{}: {}\n", problem.where(), problem.what());
  if (!problems.empty()) {
    throw Error(ErrorCode::kBadConfig,
                fmt::format("{} problem{} in {}", problems.size(), problems.size() == 1 ? "" : "s", call.argument(0)));
  }
  fmt::print("{}: good\n", call.argument(0));
  return 0;
}

int run_save(const Invocation& call) {
  const std::string name = call.argument(0);
  check_profile_name(name);
  const fs::path path = user_profile_folder() / (name + ".yaml");
  if (path.is_relative())
    throw Error(ErrorCode::kBadConfig, "nowhere to save profiles: neither XDG_CONFIG_HOME nor HOME is set");
  if (fs::exists(path) && !call.has("force")) {
    throw Error(ErrorCode::kUsage, "this profile exists already", path.string(), "--force replaces it");
  }
  nlohmann::json document;
  document["description"] = call.has("description") ? call.options.at("description") : "saved by `goshawk config save`";
  const Profile profile = call.config.as_profile();
  document["settings"] = profile.settings;
  if (!profile.resolutions.empty()) document["resolutions"] = profile.resolutions;
  make_folder(path.parent_path());
  const std::string text = to_yaml(document);
  if (valid_utf8(text) != text)
    throw Error(ErrorCode::kUsage, "a setting is not UTF-8 text, which no profile can hold", name);
  write_file_atomically(path, text);
  fmt::print("{}\n", path.string());
  return 0;
}

}  // namespace

Command config_show_command() {
  Command command;
  command.name = "config show";
  command.group = Group::kSetup;
  command.summary = "Show every setting, or those of one command";
  command.details =
      "Takes the flags of all settings but those of training, to try what they would do; these can be tried in a file.";
  command.settings = all_settings();
  command.positionals = {{.name = "COMMAND",
                          .help = "only the settings of this command, with its defaults",
                          .required = false,
                          .many = true,
                          .files = false}};
  command.options = {{"origin", "", "Say where each value comes from"},
                     {"size", "WxH", "With the profile's settings for a source of this size"}};
  command.json = true;
  command.examples = {"goshawk config show --origin track --conf 0.4",
                      "goshawk config show --profile edge --size 3840x2160"};
  command.run = run_show;
  return command;
}

Command config_check_command() {
  Command command;
  command.name = "config check";
  command.group = Group::kSetup;
  command.summary = "List what is wrong with a settings file or profile";
  command.positionals = {{.name = "FILE", .help = "YAML or JSON"}};
  command.configured = false;
  command.run = run_check;
  return command;
}

Command config_save_command() {
  Command command;
  command.name = "config save";
  command.group = Group::kSetup;
  command.summary = "Save the settings in force as a profile";
  command.details = "What the file, the environment and the flags set is saved; built-in defaults are not.";
  command.settings = all_settings();
  command.positionals = {{.name = "NAME", .help = "name of the profile: letters, digits, '-' and '_'", .files = false}};
  command.options = {{"force", "", "Replace a profile of that name"}, {"description", "TEXT", "One line about it"}};
  command.examples = {"goshawk config save night --conf 0.15 --tracker ocsort", "goshawk track street.mp4 --profile night"};
  command.run = run_save;
  return command;
}

Command config_docs_command() {
  Command command;
  command.name = "config docs";
  command.group = Group::kSetup;
  command.summary = "Print the documentation of every setting";
  command.configured = false;
  command.run = [](const Invocation&) {
    fmt::print("{}", configuration_page());
    return 0;
  };
  return command;
}

}  // namespace goshawk::cli
