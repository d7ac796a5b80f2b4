#include "apps/goshawk/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "goshawk/core/error.h"
#include "goshawk/core/text.h"

namespace goshawk::cli {
namespace {

/// --max_det as --max-det; values stay.
std::vector<std::string> with_dashes(std::vector<std::string> words) {
  for (auto& word : words) {
    if (!word.starts_with("--")) continue;
    std::replace(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(std::min(word.find('='), word.size())), '_', '-');
  }
  return words;
}

std::string help_hint(const Command& command) { return "`goshawk " + command.name + " --help` lists what it takes"; }

void check_unknown(const Command& command, const std::vector<std::string>& remaining) {
  for (const auto& word : remaining) {
    if (!word.starts_with('-') || word == "-") continue;
    std::vector<std::string> here{"--help"}, elsewhere;
    (command.configured ? here : elsewhere).emplace_back("--config");
    if (command.json) here.emplace_back("--json");
    for (const auto& option : command.options) here.push_back("--" + option.flag);
    for (const auto& positional : command.positionals) {
      if (!positional.flag.empty()) here.push_back("--" + positional.flag);
    }
    for (const auto& setting : schema()) {
      if (setting.flag.empty()) continue;
      auto& list = takes(command, setting) ? here : elsewhere;
      list.push_back("--" + setting.flag);
      if (setting.type == SettingType::kBoolean) list.push_back("--no-" + setting.flag);
    }
    const std::string flag = word.substr(0, word.find('='));
    if (std::find(elsewhere.begin(), elsewhere.end(), flag) != elsewhere.end()) {
      throw Error(ErrorCode::kUsage, "`goshawk " + command.name + "` does not take " + flag, "", help_hint(command));
    }
    throw Error(ErrorCode::kUsage, "unknown flag " + flag + did_you_mean(flag, here), "", help_hint(command));
  }
}

/// Whether a flag without a value is on; "--record=false" is not.
bool is_on(const std::string& flag, const std::string& value, const Command& command) {
  if (value == "true" || value == "false") return value == "true";
  throw Error(ErrorCode::kUsage, "--" + flag + " is on or not there; '" + value + "' says neither", "", help_hint(command));
}

/// Puts `--source X` in the place of the positional SOURCE.
void merge_positionals(const Command& command, const std::map<std::string, std::string>& by_flag, Arguments& result) {
  auto& given = result.positionals;
  for (std::size_t i = 0; i < command.positionals.size(); ++i) {
    const auto& positional = command.positionals[i];
    const auto flag = by_flag.find(positional.flag);
    if (flag != by_flag.end())
      given.insert(given.begin() + static_cast<std::ptrdiff_t>(std::min(i, given.size())), flag->second);
    if (positional.required && given.size() <= i && !result.help) {
      const std::string alternative = positional.flag.empty() ? "" : " (or --" + positional.flag + ")";
      throw Error(ErrorCode::kUsage,
                  "`goshawk " + command.name + "` needs " + positional.name + alternative + ": " + positional.help, "",
                  help_hint(command));
    }
  }
  for (std::size_t i = 0; i < given.size() && !command.positionals.empty() && !result.help; ++i) {
    if (!given[i].empty()) continue;  // "$MODEL" that is not set: nothing else may be taken in its place
    const auto& positional = command.positionals[std::min(i, command.positionals.size() - 1)];
    throw Error(ErrorCode::kUsage, positional.name + " is empty: " + positional.help, "", help_hint(command));
  }
  const bool many = !command.positionals.empty() && command.positionals.back().many;
  if (!many && given.size() > command.positionals.size() && !result.help) {
    throw Error(ErrorCode::kUsage, "one argument too many: '" + given[command.positionals.size()] + "'", "",
                help_hint(command));
  }
}

}  // namespace

Arguments parse_arguments(const Command& command, const std::vector<std::string>& words) {
  constexpr auto kLast = CLI::MultiOptionPolicy::TakeLast;  // of a flag that is given again
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  Arguments result;
  std::map<std::string, CLI::Option*> by_key, by_option, by_positional;
  for (const auto& setting : schema()) {
    if (setting.flag.empty() || !takes(command, setting)) continue;
    const std::string names = (setting.flag == "quiet" ? "-q,--" : "--") + setting.flag;
    auto*& option = by_key[setting.key];
    if (setting.type == SettingType::kBoolean) option = app.add_flag(names + ",!--no-" + setting.flag);
    else option = app.add_option(names)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    if (setting.type == SettingType::kBoolean) option->multi_option_policy(kLast);
  }
  for (const auto& option : command.options) {
    const std::string name = "--" + option.flag;
    if (option.placeholder.empty()) by_option[option.flag] = app.add_flag(name);
    else by_option[option.flag] = app.add_option(name)->expected(1);
    by_option[option.flag]->multi_option_policy(kLast);
  }
  for (const auto& positional : command.positionals) {
    if (positional.flag.empty()) continue;
    by_positional[positional.flag] = app.add_option("--" + positional.flag)->expected(1)->multi_option_policy(kLast);
  }
  if (command.configured) app.add_option("--config", result.config_file)->expected(1)->multi_option_policy(kLast);
  app.add_flag("-h,--help", result.help);
  if (command.json) app.add_flag("--json", result.json);

  const auto dashes = std::find(words.begin(), words.end(), "--");  // what stands behind is no flag
  auto reversed = with_dashes({words.begin(), dashes});
  std::reverse(reversed.begin(), reversed.end());  // as CLI11 wants them
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ArgumentMismatch& error) {  // the message begins with the flag's name
    const std::string message = error.what();
    throw Error(ErrorCode::kUsage, message.substr(0, message.find(':')) + " needs one value", "", help_hint(command));
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorCode::kUsage, error.what(), "", help_hint(command));
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& value : option->results()) {
      if (!value.starts_with("--")) continue;  // the next flag, taken for a value
      throw Error(ErrorCode::kUsage, option->get_name() + " needs one value, not the flag " + value, "", help_hint(command));
    }
  }
  for (const auto& [key, option] : by_key) {
    if (option->count() > 0) result.settings[key] = option->results();
  }
  for (const auto& option : command.options) {
    const CLI::Option* parsed = by_option.at(option.flag);
    if (parsed->count() == 0) continue;
    const std::string value = parsed->results().back();
    if (option.placeholder.empty()) {
      if (is_on(option.flag, value, command)) result.options[option.flag] = value;
      continue;
    }
    if (value.empty()) throw Error(ErrorCode::kUsage, "--" + option.flag + " needs a value", "", help_hint(command));
    result.options[option.flag] = value;
  }
  std::map<std::string, std::string> named;
  for (const auto& [flag, option] : by_positional) {
    if (option->count() > 0) named[flag] = option->results().back();
  }
  result.positionals = app.remaining();
  check_unknown(command, result.positionals);
  if (dashes != words.end()) result.positionals.insert(result.positionals.end(), dashes + 1, words.end());
  merge_positionals(command, named, result);
  return result;
}

std::pair<const Command*, std::vector<std::string>> find_command(const std::vector<std::string>& words) {
  require(!words.empty(), "find_command: needs a word");
  const std::string two = words.size() > 1 ? words[0] + " " + words[1] : words[0];
  const auto find = [](const std::string& name) -> const Command* {
    const auto& all = commands();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Command& command) { return command.name == name; });
    return found == all.end() ? nullptr : &*found;
  };
  if (const Command* command = find(two); command != nullptr && words.size() > 1) {
    return {command, {words.begin() + 2, words.end()}};
  }
  if (const Command* command = find(words[0]); command != nullptr) return {command, {words.begin() + 1, words.end()}};

  std::vector<std::string> first, second;
  for (const auto& command : commands()) {
    const auto space = command.name.find(' ');
    first.push_back(command.name.substr(0, space));
    if (space != std::string::npos && command.name.substr(0, space) == words[0])
      second.push_back(command.name.substr(space + 1));
  }
  if (second.empty()) {
    if (words[0].starts_with('-')) {
      throw Error(ErrorCode::kUsage, "the command comes before its flags; found " + words[0], "",
                  "`goshawk --help` lists the commands");
    }
    throw Error(ErrorCode::kUsage, "unknown command '" + words[0] + "'" + did_you_mean(words[0], first), "",
                "`goshawk --help` lists the commands");
  }
  std::string all;
  for (const auto& name : second) all += (all.empty() ? "" : ", ") + name;
  const bool given = words.size() > 1 && !words[1].starts_with('-');
  const std::string message = given ? "`goshawk " + words[0] + "` has no '" + words[1] + "'" + did_you_mean(words[1], second)
                                    : "`goshawk " + words[0] + "` needs one of: " + all;
  throw Error(ErrorCode::kUsage, message, "",
              given ? "it has " + all : "for instance `goshawk " + words[0] + " " + second[0] + "`");
}

}  // namespace goshawk::cli
